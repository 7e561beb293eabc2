#!/usr/bin/env python3
"""Faults put into a recorder and its target: SIGKILL at random moments, a disk that is full or hangs, no memory left.

    scripts/fault_record.py [KILLS]          half of them with --durable; exit 1 when a fault did harm
    unshare -rm scripts/fault_record.py full_disk          without rights; or frozen_disk, or out_of_memory

A kill may cost the group that wasn't committed (5 s), with --durable one sample; the file must open, and be whole.
The full disk is a tmpfs of 8 MB, the one that hangs a frozen ext4, both where we may mount; the memory is that of a
control group, where we may make one.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from relengtools.leaks import cgroup
from relengtools.leaks.recording import load

RECORD = (sys.executable, "-m", "relengtools", "leaks", "record")
BUSY = "import time\nkept = []\nwhile True: kept = [open('/dev/null') for _ in range(50)]; time.sleep(0.002)"
# Opens what was not there before, so that a recording of it grows.
CHURN = "import os, time\nwhile True:\n kept = [os.pipe() for _ in range(400)]\n time.sleep(0.01)\n"
CHURN += " for pair in kept: os.close(pair[0]); os.close(pair[1])"
# Once it is told to, it takes all the memory that there is, but not faster than it is looked at.
HOG = "import sys, time\nsys.stdin.read(1)\nkept = []\nwhile True: kept.append(b'x' * (1 << 20)); time.sleep(0.05)"
GROUP_S = 5.0
INTERVAL_S = 0.02


class NotHere(Exception):
    """These rights, or this system, don't allow for the fault."""


def target(program: str = BUSY) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program])


def begin(path: Path, pid: int, *more: str) -> subprocess.Popen[bytes]:
    command = [*RECORD, "--pid", str(pid), "--interval", f"{INTERVAL_S:g}s", "-o", str(path), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def committed(path: Path) -> int:
    """How many samples somebody else sees, 0 before there is a table."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM samples").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def kill_once(path: Path, pid: int, dice: random.Random, durable: bool, longest: float) -> str:
    """Kill a recorder at a random moment; returns what is wrong then."""
    before_all = committed(path) if path.exists() else 0
    recorder = begin(path, pid, *(["--durable"] if durable else []))
    deadline = time.monotonic() + 30
    while committed(path) <= before_all and durable and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(dice.uniform(0.0, longest))
    seen = committed(path) if path.exists() else 0
    moment = time.time()
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()
    if not path.exists() or not committed(path):
        return ""
    found = load(str(path))
    with closing(sqlite3.connect(path)) as connection:
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if whole != "ok":
        return f"integrity: {whole}"
    if len(found.times) < seen:
        return f"{seen} samples were committed, {len(found.times)} are there"
    lost = moment - found.times[-1]
    allowed = 1.0 if durable else GROUP_S + 2.0
    return f"lost {lost:.2f} s" if len(found.times) > before_all and lost > allowed else ""


def kills(folder: Path, count: int, longest: float = 1.5) -> list[str]:
    """What went wrong in so many kills, every second of them with --durable; a recording goes on after its kill."""
    dice = random.Random(5)
    wrong = []
    with target() as process:
        for number in range(count):
            durable = bool(number % 2)
            path = folder / f"kill-{number // 10}-{durable}.sqlite"
            if trouble := kill_once(path, process.pid, dice, durable, longest):
                wrong.append(f"kill {number}{' --durable' if durable else ''}: {trouble}")
        process.kill()
    return wrong


def fill(ballast: Path, seconds: float) -> None:
    """Take all the room that there is, and for so long each that becomes free."""
    end = time.monotonic() + seconds
    with ballast.open("wb", buffering=0) as stream:
        while time.monotonic() < end:
            with suppress(OSError):
                while True:
                    stream.write(b"\0" * 4096)
            time.sleep(0.001)


def full_disk(folder: Path, full_s: float = 4.0) -> list[str]:
    """Fill the disk under a recorder, free it again: rows waited, none is lost but what is told as missed."""
    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], capture_output=True, text=True)
    if mounted.returncode:
        raise NotHere(f"a tmpfs: {mounted.stderr.strip()}")
    try:
        with target(CHURN) as process:
            path = small / "a.sqlite"
            recorder = begin(path, process.pid, "--durable", "--duration", f"{full_s + 6:g}s")
            time.sleep(3)
            ballast = small / "ballast"
            fill(ballast, full_s)
            ballast.unlink()
            recorder.wait(60)
            process.kill()
        found = load(str(path))
        run = found.runs[-1]
        noted = [event.text for event in found.events if event.kind in ("gap", "resumed")]
        wrong = [] if any("full" in text for text in noted) else ["the full disk was not noted"]
        wrong += [] if "recording" in noted else ["nor that it was no longer full"]
        if run.samples != len(found.times) or len(found.times) + (run.missed or 0) < 0.95 * (full_s + 6) / INTERVAL_S:
            wrong.append(f"{len(found.times)} samples, run says {run.samples}, missed {run.missed}")
        return wrong
    finally:
        subprocess.run(["umount", small], check=True)


def frozen_disk(folder: Path, frozen_s: float = 7.0) -> list[str]:
    """Freeze the file system under a recorder and thaw it again: it goes on sampling, and nothing is lost."""
    image, place = folder / "image", folder / "frozen"
    place.mkdir()
    with image.open("wb") as stream:
        stream.truncate(16 << 20)
    for command in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, place]):
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            raise NotHere(f"{command[0]}: {made.stderr.strip()}")
    try:
        with target() as process:
            path = place / "a.sqlite"
            recorder = begin(path, process.pid, "--durable", "--duration", f"{frozen_s + 6:g}s")
            time.sleep(3)
            subprocess.run(["fsfreeze", "--freeze", place], check=True)
            try:
                time.sleep(frozen_s)
            finally:
                subprocess.run(["fsfreeze", "--unfreeze", place], check=True)
            recorder.wait(60)
            process.kill()
        found = load(str(path))
        run = found.runs[-1]
        noted = [event.text for event in found.events if event.kind in ("gap", "resumed")]
        wrong = [] if any("does not answer" in text for text in noted) else ["the disk that hung was not noted"]
        wrong += [] if "recording" in noted else ["nor that it was back"]
        if run.samples != len(found.times) or (run.missed or 0) > len(found.times) / 10:
            wrong.append(f"{len(found.times)} samples, run says {run.samples}, missed {run.missed}")
        return wrong
    finally:
        subprocess.run(["umount", place], check=True)


def limited_group(megabytes: int) -> Path:
    """A control group below our own that may have so much memory; raises NotHere."""
    own = next(cgroup.folders(os.getpid(), "memory"), None)
    if own is None:
        raise NotHere("no memory controller")
    group = own / f"fault-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise NotHere(f"a control group: {error}") from None
    try:
        most = "memory.max" if (group / "cgroup.controllers").exists() else "memory.limit_in_bytes"
        (group / most).write_text(str(megabytes << 20))
        if (swap := group / "memory.swap.max").exists():
            swap.write_text("0")
    except OSError as error:
        group.rmdir()
        raise NotHere(f"a limit on memory: {error}") from None
    return group


def out_of_memory(folder: Path) -> list[str]:
    """Have the kernel kill the target for want of memory: the recording says so."""
    group = limited_group(40)
    try:
        with subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            try:
                (group / "cgroup.procs").write_text(str(process.pid))
            except OSError as error:
                process.kill()
                raise NotHere(f"a process into a control group: {error}") from None
            path = folder / "killed.sqlite"
            recorder = begin(path, process.pid, "--durable")
            deadline = time.monotonic() + 30
            while committed(path) < 10 and time.monotonic() < deadline:
                time.sleep(0.05)
            process.stdin.write(b"x")
            process.stdin.flush()
            recorder.wait(60)
        found = load(str(path))
        killed = [event.text for event in found.events if event.kind == "killed"]
        wrong = [] if process.returncode == -signal.SIGKILL else [f"the target ended with {process.returncode}"]
        wrong += [] if any("for want of memory" in text for text in killed) else ["what killed it was not noted"]
        # The very last one may have met it without memory, on its way out.
        if max(found.columns["rss_bytes"]) < found.columns["rss_bytes"][0] + (8 << 20):
            wrong.append("its last samples are missing")
        return wrong
    finally:
        group.rmdir()


def killing(count: str) -> Callable[[Path], list[str]]:
    return lambda folder: kills(folder, int(count))


def main() -> None:
    asked = sys.argv[1] if len(sys.argv) > 1 else "100"
    faults: dict[str, Callable[[Path], list[str]]] = {
        "full_disk": full_disk,
        "frozen_disk": frozen_disk,
        "out_of_memory": out_of_memory,
    }
    attempts = {asked: faults[asked]} if asked in faults else {f"{asked} kills": killing(asked), **faults}
    harmed = False
    with tempfile.TemporaryDirectory() as name:
        for label, attempt in attempts.items():
            try:
                wrong = attempt(Path(name))
                print(f"{label}: {'; '.join(wrong) or 'nothing lost that was committed'}", flush=True)
                harmed = harmed or bool(wrong)
            except NotHere as reason:
                print(f"{label}: not here: {reason}", flush=True)
    sys.exit(harmed)


if __name__ == "__main__":
    main()
