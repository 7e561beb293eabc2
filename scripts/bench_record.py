#!/usr/bin/env python3
"""What recording costs: CPU time a sample beside psutil's oneshot for the same fields, bytes a row, and reading back.

    scripts/bench_record.py [SECONDS]

The ratios matter, not the times: both readers take turns in one run, in a hot loop and once a second (cold caches).
The target is a child with 20 descriptors. Disk is that of simulated days at 1 Hz.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from relengtools.leaks import descriptors
from relengtools.leaks.process import Base, ProcfsReader
from relengtools.leaks.recording import Moment, load, open_for_writing
from relengtools.leaks.target import Build, Target

IDLE = "import sys; kept = [open('/dev/null') for _ in range(17)]; print(flush=True); sys.stdin.read()"
META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100"}
BUILD = Build("bench", "", None, False, None)
ROWS = 400_000
MONTH = 30 * 86_400


def cpu_us(work: Callable[[], object], times: int, pause: float = 0.0) -> float:
    """CPU microseconds a call."""
    spent = 0.0
    for _ in range(times):
        time.sleep(pause)
        before = time.process_time()
        work()
        spent += time.process_time() - before
    return spent / times * 1e6


def sampling(pid: int, folder: Path, seconds: int) -> None:
    reader = ProcfsReader(pid)
    recording = open_for_writing(folder / "bench.sqlite", META)
    recording.begin_run(Moment(0, 0, 0), 1.0)
    recording.begin_process(Target("", pid, reader.start_ticks), BUILD, 0.0)
    process = psutil.Process(pid)

    def ours() -> None:
        now = time.monotonic()
        recording.add(Moment(now, now, now), reader.sample())
        recording.flush()

    def theirs() -> None:
        with process.oneshot():
            process.memory_info()
            process.num_fds()
            process.num_threads()
            process.cpu_times()
            process.num_ctx_switches()

    for label, times, pause in (("hot loop", 2000, 0.0), ("at 1 Hz", seconds, 1.0)):
        read, both, psutils = (cpu_us(work, times, pause) for work in (reader.sample, ours, theirs))
        print(
            f"{label:9} read {read:6.0f} us   read, add, commit {both:6.0f} us   psutil oneshot {psutils:6.0f} us"
            f"   ratio {both / psutils:.2f}"
        )
    scans = cpu_us(lambda: descriptors.scan(pid), 100)
    print(f"{'scan':9} {scans:6.0f} us for {reader.sample().fds} descriptors")
    recording.close()
    reader.close()


def storage(folder: Path) -> None:
    path = folder / "disk.sqlite"
    recording = open_for_writing(path, META)
    recording.begin_run(Moment(0, 0, 0), 1.0)
    recording.begin_process(Target("", 7, 1), BUILD, 0.0)
    dice = random.Random(1)
    rss, anon, fds, cpu, voluntary, involuntary, faults = 5000, 12_000, 200, 10_000, 50_000, 900, 40_000
    before = time.process_time()
    for second in range(ROWS):
        rss += dice.randint(-40, 41)
        anon += dice.randint(-150, 151)
        fds += dice.randint(-2, 2)
        cpu += dice.randint(0, 4)
        voluntary += dice.randint(0, 40)
        involuntary += dice.randint(0, 3)
        faults += dice.randint(0, 60)
        now = second + dice.random() / 1000
        row = Base(rss, anon, 0, 458_000 + second % 3, fds, 9, cpu, voluntary, involuntary, faults, 7)
        recording.add(Moment(1.7e9 + now, now, now), row)
        if second % 5 == 0:
            recording.flush()
    written = time.process_time() - before
    recording.close()
    size = path.stat().st_size
    print(f"disk      {size / ROWS:.1f} bytes a row: {size / ROWS * MONTH / 1e6:.0f} MB for 30 days at 1 Hz, base tier")
    print(f"write     {written / ROWS * 1e6:.0f} us CPU a row, committed in fives")
    before = time.process_time()
    rows = len(load(str(path)).times)
    print(f"load      {(time.process_time() - before) * 1e6 / rows:.1f} s CPU a million rows")


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        sampling(child.pid, Path(folder), seconds)
        storage(Path(folder))
        child.kill()


if __name__ == "__main__":
    main()
