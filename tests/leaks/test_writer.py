"""The thread that commits: a disk that hangs, or a file that somebody else holds, costs no sample."""

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from relengtools.errors import RelengError
from relengtools.leaks import record
from relengtools.leaks.process import PROC, Base
from relengtools.leaks.record import Settings
from relengtools.leaks.recorder import Recorder
from relengtools.leaks.recording import Moment, Recording, Writer, has_sample, load, open_for_writing, writer
from relengtools.leaks.target import Build, By, Selector, Target

META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100"}
BASE = Base(1000, 2000, 10, 5000, 20, 3, 250, 1, 2, 3, 4)
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print(flush=True)
sys.stdin.read()
"""


def moment(seconds: float) -> Moment:
    return Moment(1.7e9 + seconds, 100 + seconds, 100 + seconds)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    made = open_for_writing(tmp_path / "a.sqlite", META)
    made.begin_run(moment(0), 1.0)
    made.begin_process(Target("boot", 7, 1), Build("server", "", None, False, None), 1.0)
    return made


@pytest.fixture
def disk(recording: Recording):
    """A disk that answers once this is set: SQLite waits for it in a statement."""
    answers = threading.Event()
    recording.connection.create_function("disk", 0, lambda: answers.wait(30))
    yield answers
    answers.set()


def test_what_waits_is_committed(recording: Recording) -> None:
    thread = Writer(recording, 30)
    assert not has_sample(str(recording.path))
    recording.add(moment(0), BASE)
    assert thread.commit(moment(0)) == {"recording": "", "roll-up": ""}
    assert has_sample(str(recording.path))
    recording.add(moment(1), BASE)
    assert thread.commit(moment(1)) == {"recording": ""}
    thread.close()
    recording.close()
    assert len(load(str(recording.path)).times) == 2


def test_a_disk_that_hangs_is_told_and_loses_nothing(recording: Recording, disk: threading.Event) -> None:
    recording.later("SELECT disk()")
    thread = Writer(recording, 0.01)
    told = []
    for second in range(20):
        recording.add(moment(second), BASE)
        told.append(thread.commit(moment(second)))
    hangs = {"recording": f"{recording.path}: the disk does not answer"}
    assert told == [{}] * 5 + [hangs] * 15
    disk.set()
    thread.patience_s = 30
    while thread.answer(30) is None:
        pass
    assert thread.commit(moment(20))["recording"] == ""
    thread.close()
    recording.close()
    assert len(load(str(recording.path)).times) == 20


def test_a_commit_has_what_there_was_when_it_was_asked_for(recording: Recording, disk: threading.Event) -> None:
    recording.later("SELECT disk()")
    recording.add(moment(0), BASE)
    thread = Writer(recording, 0.01)
    thread.commit(moment(0))
    recording.add(moment(1), BASE)
    disk.set()
    thread.close()
    assert len(load(str(recording.path)).times) == 1
    recording.close()
    assert len(load(str(recording.path)).times) == 2


def test_a_disk_that_never_answers_again_ends_in_one_line(
    recording: Recording, disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LAST_S", 0.05)
    recording.later("SELECT disk()")
    thread = Writer(recording, 0.01)
    thread.commit(moment(0))
    thread.close()
    with pytest.raises(RelengError, match=r"3 rows could not be written: the disk does not answer"):
        recording.close()
    disk.set()
    thread.thread.join()
    recording.given_up = False
    recording.close()


def test_what_the_thread_raises_is_raised_where_it_is_waited_for(recording: Recording) -> None:
    recording.path.unlink()
    thread = Writer(recording, 30)
    with pytest.raises(RelengError, match="was removed or replaced"):
        thread.commit(moment(0))
    thread.close()
    recording.pending.clear()
    recording.close()


class Minutes:
    """Time that passes only in wait(), by which the disk is back at some moment."""

    def __init__(self, disk: threading.Event, thread: Writer, back: float) -> None:
        self.stop = ""
        self.mono = 100.0
        self.disk, self.thread, self.back = disk, thread, back

    def now(self) -> Moment:
        return Moment(1.7e9 + self.mono, self.mono, self.mono)

    def wait(self, seconds: float, watched: int | None = None) -> bool:
        self.mono += seconds
        if self.mono >= self.back and not self.disk.is_set():
            self.disk.set()
            self.thread.patience_s = 30
            while self.thread.answers.empty():
                time.sleep(0.01)
        return False


def test_samples_wait_for_ten_minutes_and_then_drops_are_counted(tmp_path: Path) -> None:
    answers = threading.Event()
    settings = Settings(interval=1.0, duration=1200.0)
    with subprocess.Popen(["sleep", "60"]) as target:
        wanted = Selector(By.PID, str(target.pid))
        with record.recording_at(tmp_path / "a.sqlite", wanted, settings, PROC) as recording:
            recording.connection.create_function("disk", 0, lambda: answers.wait(60))
            recording.later("SELECT disk()")
            thread = Writer(recording, 0.001)
            silent = [lambda line: None, lambda progress: None]
            clock = Minutes(answers, thread, 100.0 + 900)
            outcome = Recorder(wanted, settings, recording, clock, None, None, *silent, PROC, thread.commit).watch(
                target.pid
            )
            thread.close()
        target.kill()
    found = load(str(tmp_path / "a.sqlite"))
    assert outcome.samples == len(found.times)
    assert outcome.samples + outcome.missed == 1201
    # Told after 5 s of waiting, ten minutes from then on; back after 15.
    assert 280 <= outcome.missed <= 300
    assert [event.text for event in found.events if event.kind == "resumed"] == ["recording", "samples"]


def test_a_file_that_somebody_holds_locked_costs_no_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    told: list[str] = []
    with subprocess.Popen(["sleep", "60"]) as target:
        settings = Settings(interval=0.05, duration=6.0, durable=True)
        holder: list[subprocess.Popen[bytes]] = []

        def progress(now: record.Progress) -> None:
            if now.samples == 10:
                command = [sys.executable, "-c", HOLD, str(path)]
                holder.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
                assert holder[0].stdout
                holder[0].stdout.readline()
            if holder and "locked" in "".join(told) and holder[0].poll() is None:
                holder[0].kill()
                holder[0].wait()

        wanted = Selector(By.PID, str(target.pid))
        outcome = record.run(wanted, path, settings, notify=told.append, progress=progress)
        target.kill()
    for process in holder:
        process.kill()
        process.communicate()
    assert "locked; rows wait in memory" in "".join(told)
    assert len(load(str(path)).times) == outcome.samples
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_what_a_full_disk_has_no_room_for_is_told_in_the_end_and_in_the_file(recording: Recording) -> None:
    recording.add(moment(0), BASE)
    assert recording.flush() == ""
    (pages,) = recording.connection.execute("PRAGMA page_count").fetchone()
    recording.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    for second in range(1, 3000):
        recording.add(moment(second), BASE)
    recording.event(moment(3000), "end", "enough")
    recording.end_run(moment(3000), "enough", 3000, 0, 0)
    assert recording.keep(moment(3000)) == {"recording": f"{recording.path}: the disk is full"}
    with pytest.raises(RelengError, match="2999 samples could not be written: the disk is full; make room"):
        recording.close()
    found = load(str(recording.path))
    assert len(found.times) == 1
    (run,) = found.runs
    assert (run.reason, run.samples, run.missed) == ("enough", 1, 2999)
    told = [("end", "enough"), ("missed", "2999 samples could not be written: the disk is full")]
    assert [event[1:] for event in found.events] == told
    assert [each.name for each in recording.path.parent.iterdir()] == ["a.sqlite"]


def test_room_that_is_held_in_reserve_is_let_go_and_taken_again(recording: Recording) -> None:
    lock = recording.path.with_name("a.sqlite.lock")
    assert lock.stat().st_size == 128 << 10
    (pages,) = recording.connection.execute("PRAGMA page_count").fetchone()
    recording.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    for second in range(3000):
        recording.add(moment(second), BASE)
    assert recording.flush() == "the disk is full"
    assert lock.stat().st_size == 0
    recording.connection.execute(f"PRAGMA max_page_count = {pages + 200}")
    assert recording.flush() == ""
    assert lock.stat().st_size == 128 << 10
    recording.close()
    assert len(load(str(recording.path)).times) == 3000
