#!/usr/bin/env python3
"""Faults put into a recorder: SIGKILL at random moments, a disk that is full or hangs. Exit 1 when one did harm.

    scripts/fault_record.py [KILLS]          half of them with --durable

A kill may cost the group that wasn't committed (5 s), with --durable one sample; the file must open, and be whole.
The full disk is a tmpfs of 1 MB, the one that hangs a frozen ext4; both where we may mount.
"""

import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from relengtools.leaks.recording import load

RECORD = (sys.executable, "-m", "relengtools", "leaks", "record")
BUSY = "import time\nkept = []\nwhile True: kept = [open('/dev/null') for _ in range(50)]; time.sleep(0.002)"
GROUP_S = 5.0


def target() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", BUSY])


def begin(path: Path, pid: int, *more: str) -> subprocess.Popen[bytes]:
    command = [*RECORD, "--pid", str(pid), "--interval", "20ms", "-o", str(path), *more]
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


def full_disk(folder: Path) -> list[str]:
    """Fill the disk under a recorder, free it again: rows waited, none is lost but what is told as missed."""
    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        return []
    try:
        with target() as process:
            path = small / "a.sqlite"
            recorder = begin(path, process.pid, "--duration", "25s")
            time.sleep(7)
            ballast = small / "ballast"
            with ballast.open("wb", buffering=0) as stream:
                try:
                    while True:
                        stream.write(b"\0" * 4096)
                except OSError:
                    pass
            time.sleep(11)
            ballast.unlink()
            recorder.wait(60)
            process.kill()
        found = load(str(path))
        run = found.runs[-1]
        gaps = [event.text for event in found.events if event.kind == "gap"]
        wrong = [] if any("full" in text for text in gaps) else ["the full disk was not noted"]
        if run.samples != len(found.times) or len(found.times) + (run.missed or 0) < 1200:
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
    made = subprocess.run(["mkfs.ext4", "-q", image], capture_output=True)
    if made.returncode or subprocess.run(["mount", "-o", "loop", image, place], capture_output=True).returncode:
        return []
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


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as name:
        wrong = []
        for label, attempt in (
            (f"{count} kills", lambda: kills(Path(name), count)),
            ("a full disk", lambda: full_disk(Path(name))),
            ("a disk that hangs", lambda: frozen_disk(Path(name))),
        ):
            found = attempt()
            print(f"{label}: {'; '.join(found) or 'nothing lost that was committed'}", flush=True)
            wrong += found
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
