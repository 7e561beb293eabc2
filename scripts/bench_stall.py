#!/usr/bin/env python3
"""How long a target that maps and faults memory has to wait, with a recorder and without: many short windows of both.

    scripts/bench_stall.py [ROUNDS]          prints the rows that scripts/bench_record.py writes

A round is four windows of one target in random order: twice without a recorder (which tells the noise), with one that
takes 20 samples a second, and with smaps_rollup read once. The recorder is stopped (SIGSTOP) where it is to be away, so
that all windows have the same processes around them. The target runs in real time where we may have that, so that no
other process takes its processor away: what it waits for is the kernel.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# Maps, touches and unmaps memory with so many mappings there: each takes the mmap_lock. For each line it does so for so
# many seconds, and tells its waits in nanoseconds.
STALL = """
import mmap, sys, time
mappings = int(sys.argv[1])
kept = [mmap.mmap(-1, 4096, prot=mmap.PROT_READ | (mmap.PROT_WRITE if n % 2 else 0)) for n in range(mappings)]
print(flush=True)
for line in sys.stdin:
    took, end = [], time.perf_counter_ns() + int(float(line) * 1e9)
    while (begun := time.perf_counter_ns()) < end:
        area = mmap.mmap(-1, 1 << 18)
        for at in range(0, 1 << 18, 4096):
            area[at] = 1
        area.close()
        took.append(time.perf_counter_ns() - begun)
    print(*took, flush=True)
"""
ROUNDS, WINDOW_S = 600, 0.25
AWAY, AGAIN, HERE, ROLLUP = ARMS = ("without", "without, again", "recorded at 20 Hz", "smaps_rollup read once")
# What of a window is compared, ms of a list of waits in ns.
SUMMARIES: dict[str, Callable[[Array], float]] = {
    "worst": lambda took: float(took.max()) / 1e6,
    "99.9 %": lambda took: float(np.quantile(took, 0.999)) / 1e6,
    "median": lambda took: float(np.median(took)) / 1e6,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """The summaries of the windows of each arm, in the order of the rounds; `real_time`: nobody preempts the target."""

    mappings: int
    real_time: bool
    windows: dict[str, dict[str, Array]]


def in_real_time(pid: int) -> bool:
    """Let nothing but the kernel hold the process up, where these rights allow for it; see sched(7)."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        return False
    return True


def measure(folder: Path, mappings: int, rounds: int) -> Measured:
    """Run the rounds."""
    dice = random.Random(1)
    found: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
    command = [sys.executable, "-c", STALL, str(mappings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as target:
        assert target.stdout is not None
        target.stdout.readline()
        real_time = in_real_time(target.pid)
        record = [sys.executable, "-m", "relengtools", "leaks", "record", "--pid", str(target.pid)]
        record += ["--interval", "50ms", "-o", str(folder / f"stall-{mappings}.sqlite")]
        with subprocess.Popen(record, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as recorder:
            time.sleep(5)
            for _ in range(rounds):
                for arm in dice.sample(ARMS, len(ARMS)):
                    took = window(target, recorder, arm)
                    found[arm].append([summary(took) for summary in SUMMARIES.values()])
            recorder.send_signal(signal.SIGCONT)
            recorder.send_signal(signal.SIGINT)
        target.kill()
    rows = {arm: np.array(windows).T for arm, windows in found.items()}
    return Measured(mappings, real_time, {arm: dict(zip(SUMMARIES, rows[arm], strict=True)) for arm in ARMS})


def window(target: "subprocess.Popen[str]", recorder: "subprocess.Popen[bytes]", arm: str) -> Array:
    """The waits of one window, in ns."""
    assert target.stdin is not None
    assert target.stdout is not None
    recorder.send_signal(signal.SIGCONT if arm == HERE else signal.SIGSTOP)
    time.sleep(0.03)
    target.stdin.write(f"{WINDOW_S}\n")
    target.stdin.flush()
    if arm == ROLLUP:
        time.sleep(WINDOW_S / 2)
        Path(f"/proc/{target.pid}/smaps_rollup").read_bytes()
    return np.fromstring(target.stdout.readline(), sep=" ")


def rows(measured: Measured) -> Iterator[str]:
    """A row for each arm and summary, with the median ratio to the windows without a recorder, within rounds."""
    where = f"{measured.mappings:,} mappings{'' if measured.real_time else ', not in real time'}"
    for what in SUMMARIES:
        away = measured.windows[AWAY][what]
        for arm in ARMS[1:]:
            here = measured.windows[arm][what]
            low, high = interval(here / away)
            shown = f"{np.median(here):.3g} ms, without {np.median(away):.3g}"
            name = f"{what} wait for 64 new pages in {WINDOW_S:g} s, {where}: {arm}"
            yield f"| {name} | {shown} | | {low:+.1f} to {high:+.1f} % |"


def interval(ratios: Array) -> tuple[float, float]:
    """The 95 % bootstrap interval of the median ratio, less 1, in per cent."""
    dice = np.random.default_rng(1)
    medians = np.median(dice.choice(ratios, (2000, len(ratios))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975]) - 1
    return 100 * float(low), 100 * float(high)


def stalls(folder: Path, rounds: int = ROUNDS) -> Iterator[str]:
    """All rows."""
    for mappings in (20, 5000):
        yield from rows(measure(folder, mappings, rounds))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        for row in stalls(Path(name), rounds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
