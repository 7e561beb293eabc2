import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from array import array
from itertools import pairwise
from math import inf, isnan, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relengtools.errors import RelengError
from relengtools.leaks.descriptors import Change, Counts, Descriptor, Key, Kind
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, Recording, load, open_for_writing, schema, write
from relengtools.leaks.recording.read import extend
from relengtools.leaks.target import Build, Target

META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100", "host": "h"}
TARGET = Target("boot", 7, 5000)
BUILD = Build("server", "/usr/bin/server", 1.5, False, 1024, "GNU 00ff")
BASE = Base(1000, 2000, 10, 5000, 20, 3, 250, 1, 2, 3, 4)
FROZEN = Path(__file__).parent / "data" / "schema-1.sqlite"


def moment(seconds: float, wall: float = 1_700_000_000.0, boot: float = 0.0) -> Moment:
    return Moment(wall + seconds, 100 + seconds, 100 + seconds + boot)


def begun(path: Path, now: float = 0.0, meta: dict[str, str] = META) -> Recording:
    recording = open_for_writing(path, meta)
    recording.begin_run(moment(now), 1.0)
    recording.begin_process(TARGET, BUILD, 1_690_000_000.25)
    return recording


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.sqlite"


@pytest.fixture
def finished(path: Path) -> Path:
    recording = begun(path)
    for second in range(300):
        recording.add(moment(second), BASE._replace(fds=20 + second))
    recording.close()
    return path


def test_what_is_written_is_read(path: Path) -> None:
    recording = begun(path)
    recording.add(moment(0), BASE)
    recording.add(moment(1.25), BASE._replace(rss_pages=999, anon_kb=None, fds=None, cpu_ticks=251))
    recording.event(moment(1.5), "gap", "metrics: refused")
    recording.add_profile(moment(1.5), "goroutine", b"\x1f\x8b")
    recording.close()
    found = load(str(path))
    assert found.meta == META
    assert found.times.tolist() == [1_700_000_000.0, 1_700_000_001.25]
    assert found.starts.tolist() == [1_690_000_000.25] * 2
    columns = {name: values.tolist() for name, values in found.columns.items()}
    assert columns["rss_bytes"] == [4096000, 999 * 4096]
    assert columns["anon_bytes"][0] == 2010 * 1024
    assert isnan(columns["anon_bytes"][1])
    assert columns["num_fds"][0] == 20
    assert isnan(columns["num_fds"][1])
    assert columns["cpu_s"] == [2.5, 2.51]
    assert columns["vms_bytes"] == [5000 * 4096] * 2
    assert columns["n_threads"] == [3, 3]
    assert found.events == [(1_700_000_001.5, "gap", "metrics: refused")]
    assert found.profiles == [(1_700_000_001.5, 1, "goroutine", b"\x1f\x8b")]
    (process,) = found.processes
    assert process[:10] == (1, *TARGET, 1_690_000_000.25, "server", "/usr/bin/server", 1.5, False, 1024)
    assert (process.first, process.last) == (found.times[0], found.times[1])


VALUE = st.none() | st.integers(0, 2**40)
ROW = st.tuples(*[st.integers(0, 2**40), VALUE, VALUE, VALUE, VALUE, *[st.integers(0, 2**40)] * 2, *[VALUE] * 4])


@settings(deadline=None)  # it waits for the disk
@given(st.lists(st.tuples(ROW, st.integers(1, 10**7), st.booleans()), min_size=1, max_size=30))
def test_any_samples_are_read_back(tmp_path_factory: pytest.TempPathFactory, rows) -> None:
    path = tmp_path_factory.mktemp("any") / "a.sqlite"
    recording = begun(path)
    now = 0.0
    for row, step_ms, suspended in rows:
        now += step_ms / 1000
        recording.add(moment(now, boot=5000.0 * suspended), Base(*row))
    recording.close()
    found = load(str(path))
    assert [round((time - 1_700_000_000) * 1000) for time in found.times] == [
        sum(step for _, step, _ in rows[: at + 1]) for at in range(len(rows))
    ]
    assert [value / 4096 for value in found.columns["rss_bytes"]] == [row[0] for row, _, _ in rows]
    known = [None if isnan(value) else value for value in found.columns["num_fds"]]
    assert known == [row[4] for row, _, _ in rows]


def test_a_segment_ends_when_it_is_full_and_when_clocks_step(path: Path) -> None:
    recording = begun(path)
    for second in range(257):
        recording.add(moment(second), BASE)
    recording.add(moment(257, wall=1_800_000_000), BASE)
    recording.add(moment(258, wall=1_800_000_000), BASE)
    recording.add(moment(259, wall=1_800_000_000, boot=50), BASE)
    recording.close()
    with sqlite3.connect(path) as connection:
        segments = [row[0] for row in connection.execute("SELECT id FROM segments")]
        last = connection.execute("SELECT max(id) FROM samples").fetchone()
    connection.close()
    assert segments == [1, 2, 3, 4]
    assert last == (4 << 8,)
    times = load(str(path)).times.tolist()
    assert times[255:258] == [1_700_000_255, 1_700_000_256, 1_800_000_257]


COUNTS = Counts(5, 4, 3, 2, 1, 2, 1, 0, 1)


def described(fd: int, label: str = "pipe", state: str = "") -> Descriptor:
    return Descriptor(Key(fd, 100 + fd, 0, ""), Kind.PIPE, label, state)


def test_scans_births_and_deaths(path: Path) -> None:
    recording = begun(path)
    one, two, three = described(1), described(2), described(3, "other")
    first = recording.add(moment(0), BASE)
    recording.add_scan(first, COUNTS, Change([one, two], [], []), 0.001, first=True)
    recording.add(moment(1), BASE)
    last = recording.add(moment(2), BASE)
    recording.add_scan(
        last, COUNTS._replace(n_sockets=6), Change([three], [one.key], [two._replace(state="x")]), 0, False
    )
    recording.close()
    found = load(str(path))
    assert found.columns["n_sockets"].tolist()[::2] == [5, 6]
    assert isnan(found.columns["n_sockets"][1])
    assert {"n_reg_files", "n_pipes", "n_anon_inode", "tcp_established", "tcp_close_wait", "sockets_unlisted"} < set(
        found.columns
    )
    assert not {"own", "n_other"} & set(found.columns)
    start, end = found.times[0], found.times[2]
    assert [(each.fd, each.state, each.born, each.born_seen, each.gone, each.seen) for each in found.lives] == [
        (1, "", start, False, end, end),
        (2, "x", start, False, None, end),
        (3, "", end, True, None, end),
    ]
    assert [each[1:] for each in found.classes] == [("other", 0, 1, 1, 0), ("pipe", 2, 1, 0, 1)]


def test_names_drawn_by_lot_fill_neither_memory_nor_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "MOST_CLASSES", 3)
    recording = begun(path)
    first = recording.add(moment(0), BASE)
    made = [described(fd, f"/tmp/{name}") for fd, name in enumerate(("a", "b", "c", "d", "e"))]
    recording.add_scan(first, COUNTS, Change(made, [], []), 0.001, first=True)
    recording.close()
    further = "(further names)"
    assert [each.label for each in load(str(path)).lives] == ["/tmp/a", "/tmp/b", "/tmp/c", further, further]


def test_an_inode_of_64_bits_is_kept(path: Path) -> None:
    recording = begun(path)
    first = recording.add(moment(0), BASE)
    huge = Descriptor(Key(3, 2**64 - 2, 2**63, ""), Kind.FILE, "/ceph/a")
    recording.add_scan(first, COUNTS, Change([huge], [], []), 0.001, first=True)
    recording.close()
    assert [each.label for each in load(str(path)).lives] == ["/ceph/a"]


def test_scraped_series_become_columns(path: Path) -> None:
    recording = begun(path)
    odd = 'x{path="/a\\"; DROP TABLE samples; --",e="ü\'"}'
    first = recording.add(moment(0), BASE)
    assert recording.add_scrape(first, {"go_goroutines": 23.0, odd: 0.5}, 0.01) == 0
    recording.flush()
    recording.add(moment(1), BASE)
    last = recording.add(moment(2), BASE)
    recording.add_scrape(last, {"Go_goroutines": inf, "go_goroutines": nan, "big": 1e300, "num_fds": 99.0}, 0.01)
    recording.close()
    columns = {name: values.tolist() for name, values in load(str(path)).columns.items()}
    assert columns[odd][0] == 0.5
    assert columns["go_goroutines"][0] == 23
    assert all(isnan(value) for value in columns["go_goroutines"][1:])
    assert columns["Go_goroutines"][2] == inf
    assert columns["big"][2] == 1e300
    assert columns["num_fds"] == [20, 20, 20]


def test_more_series_than_fit_are_counted(path: Path) -> None:
    recording = begun(path)
    first = recording.add(moment(0), BASE)
    assert recording.add_scrape(first, {f"x{number}": 1.0 for number in range(1100)}, 0.01) == 100
    recording.close()
    assert len([name for name in load(str(path)).columns if name.startswith("x")]) == 1000


def test_people_read_it_with_sqlite3(path: Path) -> None:
    recording = begun(path)
    first = recording.add(moment(0), BASE)
    recording.add_scan(first, COUNTS, Change([], [], []), 0.001, first=True)
    recording.add_scrape(first, {'up{a="b"}': 1.0}, 0.01)
    recording.add(moment(1), BASE)
    recording.close()
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM readable")]
    units = dict(connection.execute("SELECT name, unit FROM units"))
    connection.close()
    assert rows[0]["ts_unix"] == 1_700_000_000
    assert rows[0]['up{a="b"}'] == 1
    assert (rows[0]["rss_bytes"], rows[0]["n_sockets"], rows[1]["n_sockets"]) == (4096000, 5, None)
    assert units["samples.rss"] == "pages"
    assert units["samples.t"] == "ms"


def test_a_clean_stop_leaves_one_private_file(finished: Path) -> None:
    assert [each.name for each in finished.parent.iterdir()] == [finished.name]
    assert stat.S_IMODE(finished.stat().st_mode) == 0o600
    assert load(str(finished)).columns["num_fds"][-1] == 319


def test_a_live_recording_is_read(path: Path) -> None:
    recording = begun(path)
    recording.add(moment(0), BASE)
    recording.flush()
    assert len(load(str(path)).times) == 1
    recording.add(moment(1), BASE)
    assert len(load(str(path)).times) == 1
    recording.flush()
    assert len(load(str(path)).times) == 2
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}
    recording.close()


def test_a_reader_does_not_hold_up_the_writer(path: Path) -> None:
    recording = begun(path)
    recording.add(moment(0), BASE)
    recording.flush()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT * FROM samples").fetchone()
    recording.add(moment(1), BASE)
    assert recording.flush() == ""
    recording.close()
    connection.close()
    assert len(load(str(path)).times) == 2


def test_rows_wait_while_nothing_can_be_written(path: Path) -> None:
    recording = begun(path)
    recording.connection.execute("PRAGMA busy_timeout = 0")
    recording.add(moment(0), BASE)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    assert "locked" in recording.flush()
    recording.add(moment(1), BASE)
    connection.execute("ROLLBACK")
    connection.close()
    assert recording.flush() == ""
    recording.close()
    assert len(load(str(path)).times) == 2


def test_a_recording_goes_on(finished: Path) -> None:
    recording = begun(finished, now=1000)
    recording.add(moment(1000), BASE)
    recording.close()
    found = load(str(finished))
    assert len(found.times) == 301
    assert [run.id for run in found.runs] == [1, 2]
    assert [process.id for process in found.processes] == [1]
    other = open_for_writing(finished, META)
    other.begin_run(moment(2000), 1.0)
    other.begin_process(TARGET._replace(start_ticks=6000), BUILD, 1_700_001_900.0)
    other.add(moment(2000), BASE)
    other.close()
    found = load(str(finished))
    assert [process.start_ticks for process in found.processes] == [5000, 6000]
    assert list(found.starts)[-2:] == [1_690_000_000.25, 1_700_001_900.0]
    assert all(a < b for a, b in pairwise(found.times))


@pytest.mark.parametrize(("key", "option"), [("redacted", "--redact"), ("children", "--children")])
@pytest.mark.parametrize(("before", "after"), [("", "yes"), ("yes", ""), (None, "yes"), ("yes", None)])
def test_a_recording_does_not_go_on_as_another_thing(path: Path, key: str, option: str, before, after) -> None:
    def with_value(value: str | None) -> dict[str, str]:
        return META | ({} if value is None else {key: value})

    begun(path, meta=with_value(before)).close()
    held = path.read_bytes()
    with pytest.raises(RelengError, match=rf"was recorded with(out)? {option}; .*or choose another -o$"):
        open_for_writing(path, with_value(after))
    assert path.read_bytes() == held
    open_for_writing(path, with_value(before)).close()


def test_two_recorders_on_one_file_are_refused(path: Path) -> None:
    recording = begun(path)
    recording.add(moment(0), BASE)
    with pytest.raises(RelengError, match="another recorder"):
        open_for_writing(path, META)
    recording.close()
    open_for_writing(path, META).close()


def test_the_lock_of_a_recorder_that_was_killed_does_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    program = (
        "import os, sys; from pathlib import Path; from relengtools.leaks.recording import *\n"
        f"r = open_for_writing(Path({str(path)!r}), {META!r}); r.begin_run(Moment(1, 1, 1), 1); r.flush()\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[2])
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        f"a.sqlite{end}" for end in ("", "-shm", "-wal", ".lock")
    ]
    recording = begun(path)
    recording.add(moment(0), BASE)
    recording.close()
    assert [each.name for each in tmp_path.iterdir()] == ["a.sqlite"]
    assert len(load(str(path)).times) == 1


def sqlite_of_others(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()


def newer(path: Path) -> None:
    begun(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()


def of_another(path: Path) -> None:
    begun(path, meta=META | {"selector": "--name other"}).close()


OTHERS = {
    "text": (lambda path: path.write_text("not a recording, but somebody's work\n" * 99), "not a recording"),
    "empty": (lambda path: path.write_text(""), "not a recording"),
    "another database": (sqlite_of_others, "not a recording"),
    "newer": (newer, "newer than this relengtools"),
    "another selector": (of_another, "--name other"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_anything_else_at_the_output_is_refused_and_untouched(path: Path, what: str) -> None:
    make, message = OTHERS[what]
    make(path)
    before = path.read_bytes(), path.stat().st_mode
    with pytest.raises(RelengError, match=message):
        open_for_writing(path, META)
    assert (path.read_bytes(), path.stat().st_mode) == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("what", ["text", "empty", "another database", "newer"])
def test_what_is_not_a_recording_is_not_read(path: Path, what: str) -> None:
    make, message = OTHERS[what]
    make(path)
    with pytest.raises(RelengError, match=rf"^{path}: .*{message}"):
        load(str(path))


def test_no_such_file_a_directory_and_no_sample(tmp_path: Path) -> None:
    with pytest.raises(RelengError, match="no such file"):
        load(str(tmp_path / "none"))
    with pytest.raises(RelengError, match="not a file"):
        load(str(tmp_path))
    with pytest.raises(RelengError, match="not a file"):
        open_for_writing(tmp_path, META)
    open_for_writing(tmp_path / "empty", META).close()
    with pytest.raises(RelengError, match="no sample"):
        load(str(tmp_path / "empty"))


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RelengError, match="cannot be written: No such file"):
        open_for_writing(tmp_path / "none" / "a.sqlite", META)


@pytest.mark.parametrize("part", [0.1, 0.4, 0.7, 0.95])
def test_a_truncated_recording_is_one_line(finished: Path, part: float) -> None:
    data = finished.read_bytes()
    finished.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(RelengError, match=r"damaged or truncated|not a recording"):
        load(str(finished))
    with pytest.raises(RelengError):
        open_for_writing(finished, META)


@given(st.integers(100, 20_000), st.binary(min_size=1, max_size=64))
def test_a_damaged_recording_is_read_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "a.sqlite"
    data = bytearray(FROZEN.read_bytes())
    at %= len(data)
    data[at : at + len(junk)] = junk
    path.write_bytes(data)
    try:
        load(str(path))
    except RelengError as error:
        assert str(error).isprintable()


def as_nobody(code: str, folder: Path) -> str:
    """Run code that has `path` and `load` as a user who may not write anything."""
    program = (
        "import os, sys; from pathlib import Path; from relengtools.errors import RelengError\n"
        "from relengtools.leaks.recording import load, open_for_writing\n"
        f"path = Path({str(folder)!r}) / 'a.sqlite'\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        f"try: {code}\nexcept RelengError as error: print(error)\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
    assert run.stderr == ""
    return run.stdout


@pytest.fixture
def readable_folder():
    """A folder that everybody may read and nobody but its owner may write."""
    folder = Path("/tmp") / f"relengtools-test-{os.getpid()}"
    folder.mkdir(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("stopped", ["cleanly", "killed"])
def test_a_directory_that_may_not_be_written(readable_folder: Path, finished: Path, stopped: str) -> None:
    copy = readable_folder / "a.sqlite"
    shutil.copy(finished, copy)
    if stopped == "killed":
        connection = sqlite3.connect(copy)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
    copy.chmod(0o444)
    readable_folder.chmod(0o555)
    assert as_nobody("print(len(load(str(path)).times))", readable_folder) == "300\n"
    assert "cannot be written" in as_nobody(f"open_for_writing(path, {META!r})", readable_folder)


def test_a_recording_of_the_first_schema_opens() -> None:
    found = load(str(FROZEN))
    assert len(found.times) == 20
    assert found.columns["go_goroutines"][0] == 23
    assert found.columns["n_sockets"][0] == 6
    assert [process.pid for process in found.processes] == [7, 8]
    assert (len(found.lives), len(found.profiles), len(found.runs)) == (4, 1, 1)
    assert [event.kind for event in found.events] == ["process", "gap"]


def test_a_recording_of_the_first_schema_is_migrated_and_goes_on(path: Path) -> None:
    shutil.copy(FROZEN, path)
    recording = begun(path, now=1_000_000, meta=META | {"selector": "--name server"})
    recording.add(moment(1_000_000), BASE)
    recording.close()
    assert len(load(str(path)).times) == 21


def test_a_migration_gives_what_a_new_file_has(tmp_path: Path) -> None:
    def tables(path: Path) -> set[tuple[str, str]]:
        connection = sqlite3.connect(path)
        found = {
            (name, sql) for name, sql in connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
        }
        connection.close()
        return {(name, sql) for name, sql in found if name != "scrapes"}

    open_for_writing(tmp_path / "new", META).close()
    shutil.copy(FROZEN, tmp_path / "old")
    open_for_writing(tmp_path / "old", META | {"selector": "--name server"}).close()
    assert tables(tmp_path / "new") == tables(tmp_path / "old")


def test_missing_values_in_any_column_leave_columns_of_one_length() -> None:
    columns = [array("d"), array("d")]
    extend(columns, [(1, 2), (None, 3), (4, None)])
    extend(columns, [(5, 6)])
    assert [len(column) for column in columns] == [4, 4]
    assert [column[3] for column in columns] == [5, 6]
    assert isnan(columns[0][1])
    assert isnan(columns[1][2])


def test_a_file_that_could_not_be_begun_is_not_in_the_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(connection: sqlite3.Connection, meta: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch, pytest.raises(RelengError, match="disk is full"):
        patch.setattr(schema, "migrate", full)
        open_for_writing(path, META)
    assert list(path.parent.iterdir()) == []
    open_for_writing(path, META).close()


@pytest.mark.parametrize("value", ["", "x", "-1", "0", "99999999999"])
def test_a_damaged_unit_is_named(finished: Path, value: str) -> None:
    with sqlite3.connect(finished) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'page_bytes'", (value,))
    connection.close()
    with pytest.raises(RelengError, match=f"its table meta has '{value}' for page_bytes"):
        load(str(finished))


@pytest.mark.parametrize("value", ["soon", b"soon"])
def test_a_sample_whose_time_is_no_number_is_damage_not_the_first_moment(finished: Path, value: str | bytes) -> None:
    with sqlite3.connect(finished) as connection:
        connection.execute("UPDATE samples SET t = ? WHERE id = (SELECT max(id) FROM samples)", (value,))
    connection.close()
    with pytest.raises(RelengError, match="a sample has text for its time"):
        load(str(finished))


def test_the_build_that_ran_and_how_silent_a_socket_was_are_read_back(path: Path) -> None:
    recording = begun(path)
    counts = Counts(1, 0, 0, 0, 0, 1, 0, 0, 0)
    key = Key(5, 77, 0, "socket")
    known = Descriptor(key, Kind.SOCKET, "tcp in :7000", "established", "a:1", "b:2", silent_ms=61_000)
    number = recording.add(moment(0), BASE)
    assert number is not None
    recording.add_scan(number, counts, Change([known], [], []), 0.0, first=True)
    recording.close()
    found = load(str(path))
    assert found.processes[0].build_id == "GNU 00ff"
    assert found.lives[0].silent_s == 61.0


def test_how_silent_a_socket_is_follows_the_last_scan(path: Path) -> None:
    recording = begun(path)
    counts = Counts(2, 0, 0, 0, 0, 2, 0, 0, 0)
    keys = [Key(fd, fd, 0, "socket") for fd in (5, 6)]
    born = [Descriptor(key, Kind.SOCKET, "tcp in :7000", "established", silent_ms=1000) for key in keys]
    for second in (0, 60):
        now, number = moment(second), recording.add(moment(second), BASE)
        assert number is not None
        change = Change([], [keys[1]], []) if second else Change(born, [], [])
        recording.add_scan(number, counts, change, 0.0, first=not second)
        recording.add_silence(now, [(key, 1000 + second * 1000) for key in keys[: 1 if second else 2]])
        waiting = len(recording.pending)
        # What stays silent is known already.
        recording.add_silence(
            moment(second + 30), [(key, 31_000 + second * 1000) for key in keys[: 1 if second else 2]]
        )
        assert len(recording.pending) == waiting
    recording.close()
    assert [(life.gone is None, life.silent_s) for life in load(str(path)).lives] == [
        (True, pytest.approx(61, abs=1)),
        (False, 1.0),
    ]


def test_a_recording_of_schema_3_tells_silence_at_birth_and_goes_on(path: Path) -> None:
    shutil.copy(FROZEN.with_name("schema-3.sqlite"), path)
    assert [life.silent_s for life in load(str(path)).lives] == [61.0]
    open_for_writing(path, {"selector": "--pid 7", "children": "summed"}).close()
    assert [life.silent_s for life in load(str(path)).lives] == [61.0]
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO heard VALUES (1, '{\"1\": 1700000000}')")
    connection.close()
    assert [life.silent_s for life in load(str(path)).lives] == [10.0]


@pytest.mark.parametrize("text", ["", "[1]", '{"1": "x"}', '{"x": 1}', "{"])
def test_what_is_no_table_of_silence_is_damage(path: Path, text: str) -> None:
    shutil.copy(FROZEN.with_name("schema-3.sqlite"), path)
    open_for_writing(path, {"selector": "--pid 7", "children": "summed"}).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO heard VALUES (1, ?)", (text,))
    connection.close()
    with pytest.raises(RelengError, match="is damaged"):
        load(str(path))
