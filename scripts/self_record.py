#!/usr/bin/env python3
"""Does the recorder leak? 200,000 samples of a process in accelerated time, its own memory and descriptors judged.

scripts/self_record.py [SAMPLES]          exit 1 when its own verdict is a leak

Counted are those after the first 60,000, by which SQLite's cache has filled.
"""

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from relengtools.leaks import judge, record, series
from relengtools.leaks.process import PROC, ProcfsReader
from relengtools.leaks.recorder import Recorder
from relengtools.leaks.recording import Moment, Writer
from relengtools.leaks.settings import Settings
from relengtools.leaks.target import By, Selector
from relengtools.leaks.units import with_interval

EVERY = 200
# SQLite's cache has filled by then.
WARM = 60_000


class FastClock:
    """Time that passes in no time; every so many waits, what this process holds is noted."""

    def __init__(self, note: csv.writer) -> None:  # type: ignore[valid-type]
        self.stop = ""
        self.mono = 0.0
        self.waits = 0
        self.begun = time.time()
        self.note = note
        self.reader = ProcfsReader(os.getpid())

    def now(self) -> Moment:
        """This moment, by clocks that agree."""
        return Moment(self.begun + self.mono, self.mono, self.mono)

    def wait(self, seconds: float, watched: int | None = None) -> bool:
        """Let the time pass."""
        self.mono += seconds
        self.waits += 1
        if self.waits > WARM and not self.waits % EVERY:
            base = self.reader.sample()
            anon = ((base.anon_kb or 0) + (base.swap_kb or 0)) * 1024
            row = [f"{self.begun + self.mono:.3f}", base.rss_pages * os.sysconf("SC_PAGE_SIZE"), anon, base.fds]
            self.note.writerow(row)  # type: ignore[attr-defined]
        return False


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as name, subprocess.Popen(["sleep", "100000"]) as target:
        own = Path(name) / "own.csv"
        with own.open("w", newline="") as stream:
            note = csv.writer(stream)
            note.writerow(["ts_unix", "rss_bytes", "anon_bytes", "num_fds"])
            wanted, settings = Selector(By.PID, str(target.pid)), Settings(interval=1.0, duration=float(WARM + samples))
            with record.recording_at(Path(name) / "a.sqlite", wanted, settings, PROC) as recording:
                say = [lambda line: None, lambda progress: None]
                thread, clock = Writer(recording, 60.0), FastClock(note)
                Recorder(wanted, settings, recording, clock, None, None, *say, PROC, thread.commit).watch(target.pid)
                thread.close()
        target.kill()
        analysis = judge.analyze(series.read(str(own))).as_json()
    print(f"{samples:,} samples of another process, the recorder's own resources, a sample taken as a second:")
    for metric, each in analysis["metrics"].items():
        rate = with_interval(metric, each["rate_per_s"], each["ci_low"], each["ci_high"])
        print(f"  {metric:12} {each['verdict']:12} {rate}  {each['reason']}")
    sys.exit(any(each["verdict"] == "leak" for each in analysis["metrics"].values()))


if __name__ == "__main__":
    main()
