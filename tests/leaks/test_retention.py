"""What keeps a recording bounded for good: lives, children, runs and details that tell least go, and are counted."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from relengtools import cli
from relengtools.leaks import heartbeat, history, judge, series
from relengtools.leaks.descriptors import Change, Counts, Descriptor, Key, Kind
from relengtools.leaks.limits import Level
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, Recording, Worker, load, open_for_writing, retention, workers
from relengtools.leaks.recording.read import DescriptorClass
from relengtools.leaks.target import Build, Target

META = {"selector": "--name x", "page_bytes": "4096", "ticks_per_s": "100"}
BUILD = Build("x", "", None, False, 1024)
BASE = Base(1000, 10, 0, 10, 20, 1, 1, 1, 1, 1, 1)
T0 = 1_700_000_000.0
COUNTS = Counts(1, 0, 0, 0, 0, 1, 0, 0, 0)


def at(seconds: float) -> Moment:
    return Moment(T0 + seconds, seconds, seconds)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST", dict.fromkeys(retention.MOST, 5))
    monkeypatch.setattr(retention, "LATEST", 2)


@pytest.fixture
def recording(tmp_path: Path):
    with closing(open_for_writing(tmp_path / "a", META)) as made:
        made.begin_run(at(0), 1.0)
        yield made


def compacted(recording: Recording, seconds: float = 0.0) -> None:
    assert recording.flush() == ""
    assert recording.compact(at(seconds)) == ""


def live(recording: Recording, begin: int, seconds: int, leak: int = 0) -> None:
    """One life of the target of so many seconds."""
    recording.begin_process(Target("boot", begin, begin), BUILD, T0 + begin)
    for second in range(begin, begin + seconds):
        base = BASE._replace(rss_pages=1000 + leak * (second - begin), fds=20 + leak * (second - begin))
        number = recording.add(at(second), base)
        if second == begin and number is not None:
            opened = [Descriptor(Key(fd, fd, 0, ""), Kind.PIPE, "pipe", "") for fd in range(3)]
            recording.add_scan(number, COUNTS, Change(opened, [], []), 0.001, first=True)
            recording.add_levels(at(second), [Level("num_fds", 20, 1024)])
            recording.add_silence(at(second), [(Key(0, 0, 0, ""), 1000)])
            recording.add_profile(at(second), "goroutine", b"x" * 100)
            recording.add_workers(at(second), number, {Worker(begin + 1, 1, T0 + begin, "child"): BASE})
    recording.end_process(at(begin + seconds), "the process ended")


def tables(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def test_the_shortest_lives_are_forgotten_with_all_that_is_of_them(few: None, recording: Recording) -> None:
    for begin, seconds in ((0, 30), (100, 1), (200, 2), (300, 40), (400, 1), (500, 3), (600, 1), (700, 1)):
        live(recording, begin, seconds)
    compacted(recording)
    found = load(str(recording.path))
    assert [each.pid for each in found.processes] == [0, 300, 500, 600, 700]
    assert len(found.times) == 30 + 40 + 3 + 1 + 1
    assert found.forgotten["processes"] == 3
    assert {each.process for each in (*found.lives, *found.profiles, *found.levels)} <= {
        each.id for each in found.processes
    }
    count = tables(recording.path)
    assert (count["segments"], count["heard"], count["scans"], count["workers"], count["worker_samples"]) == (5,) * 5
    assert any("3 processes that were watched for the shortest time" in line for line in heartbeat.remarks(found, T0))
    assert history.told(found)["left_out"]["lives"] == 3
    # The ids that the recorder gives out go on.
    live(recording, 800, 5)
    recording.flush()
    assert [each.pid for each in load(str(recording.path)).processes][-2:] == [700, 800]


def test_a_target_that_crashes_in_a_loop_for_good_bounds_the_file_and_hides_no_leak(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numpy")
    monkeypatch.setattr(retention, "MOST", retention.MOST | {"processes": 150, "descriptors": 300, "events": 50})
    live(recording, 0, 1200, leak=3)
    sizes = []
    for begin in range(2000, 8000):
        live(recording, begin, 1)
        recording.event(at(begin), "process", "x")
        if not begin % 1000:
            compacted(recording)
            sizes.append(recording.connection.execute("PRAGMA page_count").fetchone()[0])
    # Room that became free is used again.
    assert max(sizes[3:]) < 1.5 * sizes[2]
    compacted(recording)
    found = load(str(recording.path))
    assert len(found.processes) == 150
    assert found.processes[0].pid == 0
    assert judge.analyze(series.of_recording(found)).as_json()["metrics"]["num_fds"]["verdict"] == "leak"
    told = CliRunner().invoke(cli.relengtools, ["leaks", "analyze", str(recording.path)])
    assert "5,851 processes that were watched for the shortest time" in told.stderr


def test_details_are_forgotten_by_age_but_what_tells_growth_stays(few: None, recording: Recording) -> None:
    recording.begin_process(Target("boot", 7, 7), BUILD, T0)
    made = {fd: Descriptor(Key(fd, fd, 0, ""), Kind.PIPE, "pipe", "") for fd in range(30)}
    for second in range(20):
        number = recording.add(at(second), BASE)
        assert number is not None
        # Three are there at first, of which one goes; then there is a new one each time, for two rounds.
        born = [made[fd] for fd in range(3)] if not second else [made[second + 2]]
        died = [made[second].key] if second > 3 else [made[0].key] if second == 1 else []
        recording.add_scan(number, COUNTS, Change(born, died, []), 0.001, first=not second)
        recording.add_levels(at(second), [Level("num_fds", second, 1024), Level("still", 1, None)])
        recording.add_profile(at(second), "goroutine", bytes([second]))
        recording.event(at(second), "missed", str(second))
    recording.event(at(0), "mark", "stays")
    before = load_flushed(recording)
    compacted(recording)
    found = load(str(recording.path))
    assert found.classes == before.classes == [DescriptorClass("pipe", "pipe", 3, 5, 19, 17)]
    assert len(found.lives) < len(before.lives)
    compacted(recording)
    assert load(str(recording.path)).classes == before.classes
    assert {level.name: level.used for level in found.levels} == {"num_fds": 19, "still": 1}
    assert [profile.data[0] for profile in found.profiles] == [0, 15, 16, 17, 18, 19]
    assert [event.text for event in found.events] == ["15", "16", "17", "18", "19", "stays"]


def load_flushed(recording: Recording):
    recording.flush()
    return load(str(recording.path))


def test_children_and_runs_are_forgotten_too(few: None, recording: Recording) -> None:
    for run in range(9):
        recording.begin_run(at(run), 1.0)
        recording.begin_process(Target("boot", 7, 7), BUILD, T0)
        number = recording.add(at(run), BASE)
        assert number is not None
        there = {Worker(8, 8, T0 - 100, "steady"): BASE, Worker(20 + run, run, T0 + run - run % 3, "brief"): BASE}
        recording.add_workers(at(run), number, there)
    compacted(recording)
    found = load(str(recording.path))
    assert [run.id for run in found.runs] == [6, 7, 8, 9, 10]
    assert [life.pid for life in workers.lives(str(recording.path))] == [8, 22, 25, 27, 28][-5:]
    assert (found.forgotten["workers"], found.forgotten["runs"]) == (5, 5)
    recording.add_workers(at(10), recording.add(at(10), BASE) or 0, {Worker(8, 8, T0 - 100, "steady"): BASE})
    recording.flush()
    assert len(workers.lives(str(recording.path))[0].times) == 10


def test_what_waits_long_is_thinned_out_without_waiting_an_hour(recording: Recording, monkeypatch) -> None:
    """After so many rows, and again soon where much went."""
    recording.begin_process(Target("boot", 7, 7), BUILD, T0)
    assert recording.keep(at(0)) == {"recording": "", "roll-up": ""}
    recording.add(at(1), BASE)
    assert recording.keep(at(1)) == {"recording": ""}
    recording.written = 50_000
    recording.add(at(2), BASE)
    assert "roll-up" in recording.keep(at(2))
    monkeypatch.setattr(retention, "forget", lambda connection: 5000)
    recording.add(at(3602), BASE)
    assert "roll-up" in recording.keep(at(3602))
    recording.add(at(3613), BASE)
    assert "roll-up" in recording.keep(at(3613))


def test_a_thousand_lives_are_kept(recording: Recording) -> None:
    for begin in range(3000):
        live(recording, 10 * begin, 1)
    compacted(recording)
    found = load(str(recording.path))
    assert (len(found.processes), found.forgotten["processes"]) == (1000, 2000)


def test_a_recording_of_schema_4_has_forgotten_nothing_and_goes_on(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent / "data" / "schema-4.sqlite", tmp_path / "a")
    found = load(str(tmp_path / "a"))
    assert (len(found.times), found.forgotten) == (20, {})
    assert found.classes == [DescriptorClass("socket", "tcp in :7000", 1, 1, 0, 0)]
    with closing(open_for_writing(tmp_path / "a", {"selector": "--pid 7"})) as recording:
        live(recording, 100, 3)
    assert len(load(str(tmp_path / "a")).times) == 23
