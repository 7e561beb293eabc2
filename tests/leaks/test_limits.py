"""What a process can run into, the roll-ups that bound a recording, and what is read at which profile."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from leaks.fakeproc import FakeProc
from leaks.faultyserver import page, says, serving

from relengtools.errors import RelengError
from relengtools.leaks import limits
from relengtools.leaks.limits import Level
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, load, open_for_writing, opening, rollup
from relengtools.leaks.settings import TIERS, Settings
from relengtools.leaks.target import Build, Target

FROZEN = Path(__file__).parent / "data" / "schema-2.sqlite"
META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100"}
T0 = 1_700_000_000
DAY = 86_400


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    return proc


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def levels(proc: FakeProc) -> dict[str, Level]:
    return {each.name: each for each in limits.read(7, 20, 1024, proc.root)}


# ------------------------------------------------------------------------------------------------ limits


def test_the_machines_limits(proc: FakeProc) -> None:
    put(proc.root / "loadavg", "0.1 0.2 0.3 2/345 999\n")
    put(proc.root / "sys/kernel/threads-max", "1000\n")
    put(proc.root / "meminfo", "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\n")
    put(proc.root / "sys/net/netfilter/nf_conntrack_count", "5\n")
    put(proc.root / "sys/net/netfilter/nf_conntrack_max", "50\n")
    put(
        proc.root / "7/net/sockstat", "sockets: used 9\nTCP: inuse 3 orphan 0 tw 2 alloc 4 mem 10\nUDP: inuse 1 mem 0\n"
    )
    put(proc.root / "sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
    put(proc.root / "sys/net/ipv4/tcp_mem", "1 2 3\n")
    found = levels(proc)
    assert found["num_fds"] == ("num_fds", 20, 1024)
    assert found["threads"][1:] == (345, 1000)
    assert found["memory_bytes"][1:] == (600 * 1024, 1000 * 1024)
    assert found["conntrack"][1:] == (5, 50)
    assert found["tcp_of_ephemeral_ports"][1:] == (5, 28232)
    assert found["tcp_memory_bytes"][1:] == (40960, 12288)


@pytest.mark.parametrize("version", [1, 2])
def test_the_tightest_limit_of_the_group_and_its_parents(proc: FakeProc, tmp_path: Path, version: int) -> None:
    kind = "cgroup2 cgroup2 rw" if version == 2 else "cgroup cgroup rw,memory"
    put(proc.root / "self/mountinfo", f"29 23 0:26 / {tmp_path}/sys rw - {kind}\n")
    put(proc.root / "7/cgroup", "0::/a/b\n" if version == 2 else "4:memory:/a/b\n")
    used, most = (
        ("memory.current", "memory.max") if version == 2 else ("memory.usage_in_bytes", "memory.limit_in_bytes")
    )
    for place, now, limit in (
        ("a/b", 10, "max" if version == 2 else str((1 << 63) - 4096)),
        ("a", 900, "1000"),
        (".", 5, "9999"),
    ):
        put(tmp_path / "sys" / place / used, f"{now}\n")
        put(tmp_path / "sys" / place / most, f"{limit}\n")
    put(tmp_path / "sys/a/b/memory.stat", "anon 5\nsock 3\nslab 2\n" if version == 2 else "rss 4\ntotal_rss 5\n")
    put(tmp_path / "sys/a/b/memory.events", "low 0\nhigh 1\nmax 2\noom 0\noom_kill 0\n")
    found = levels(proc)
    assert found["cgroup_memory_bytes"] == ("cgroup_memory_bytes", 900, 1000)
    assert found["cgroup_anon_bytes"] == ("cgroup_anon_bytes", 5, None)
    assert found["cgroup_max_events"].used == 2
    assert limits.oom_kills([tmp_path / "sys/a/b", tmp_path / "none"]) == 0
    put(tmp_path / "sys/a/b/memory.events", "oom_kill 3\n")
    assert limits.oom_kills([tmp_path / "sys/a/b"]) == 3


@pytest.mark.parametrize("text", ["", "max", "x", "-5", "99999999999999999999999\n", "\0"])
def test_what_is_no_number_is_no_limit(tmp_path: Path, text: str) -> None:
    put(tmp_path / "a", text)
    assert limits.number_of(tmp_path / "a") is None


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_the_real_limits_of_this_process() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    found = {each.name: each for each in limits.read(os.getpid(), 5, most)}
    assert found["memory_bytes"].most is not None
    assert 0 < found["memory_bytes"].used < found["memory_bytes"].most
    assert found["threads"].used > 0
    assert {each.name for each in limits.smaps(os.getpid())} >= {"pss_bytes", "private_dirty_bytes"}


HOARDER = """
import time
print(flush=True)
time.sleep(0.7)
kept = [open("/dev/null") for _ in range(90)]
time.sleep(0.7)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_near_a_limit_all_is_looked_at_at_once(tmp_path: Path) -> None:
    out = tmp_path / "a.db"
    with serving(says(page(b"\x1f\x8bnot really"))) as url:
        shell = ["sh", "-c", 'ulimit -Sn 100; exec "$@"', "sh", sys.executable, "-m", "relengtools", "leaks", "record"]
        given = ["--profile", "light", "--interval", "100ms", "--pprof", url, "-o", str(out)]
        done = subprocess.run([*shell, *given, "--", sys.executable, "-c", HOARDER], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = load(str(out))
    told = [event.text for event in found.events if event.kind == "limit"]
    assert len(told) == 1
    assert told[0].startswith("num_fds: 9")
    assert told[0].endswith("is 90% of 100")
    assert len(found.profiles) >= 2
    scans = [value for value in found.columns["n_sockets"] if value == value]
    assert len(scans) == 2
    assert {(level.name, level.most) for level in found.levels} >= {("num_fds", 100)}


def test_the_profiles_get_deeper() -> None:
    light, normal, deep = (TIERS[name] for name in ("light", "normal", "deep"))
    assert light.limits > normal.limits > deep.limits
    assert (light.smaps, normal.smaps, deep.smaps) == (False, False, True)
    assert Settings().profile == "normal"


# ------------------------------------------------------------------------------------------------ storage


@pytest.mark.parametrize(
    ("kind", "refused"),
    [("nfs4", True), ("cifs", True), ("fuse.sshfs", True), ("ext4", False), ("9p", False), ("fuse.fuseblk", False)],
)
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str, refused: bool) -> None:
    device = tmp_path.stat().st_dev
    put(tmp_path / "mounts", f"29 23 {os.major(device)}:{os.minor(device)} / / rw - {kind} server:/x rw\n")
    if refused:
        with pytest.raises(RelengError, match="network file system"):
            opening.refuse_network(tmp_path / "a", tmp_path / "mounts")
    else:
        opening.refuse_network(tmp_path / "a", tmp_path / "mounts")


def aged(path: Path, days: float, step: float, then: float = 0.0, wall: float = 0.0) -> None:
    """A recording with a row every `step` seconds for so many days, a scrape with every third, and one row `then`."""
    with closing(open_for_writing(path, META)) as recording:
        recording.begin_run(Moment(T0, 0, 0), step)
        recording.begin_process(Target("boot", 7, 5000), Build("x", "", None, False, None), T0)
        for at in range(round(days * DAY / step)):
            now = at * step
            number = recording.add(Moment(T0 + now, now, now), Base(at, 10, 0, 10, at % 7, 1, at, 1, 1, 1, 1))
            if at % 3 == 2 and number is not None:
                recording.add_scrape(number, {"gauge": float(at)}, 0)
            if at % 5000 == 0:
                recording.flush()
        now = then * DAY
        # The other clock has moved as well, which begins a segment.
        recording.add(Moment(T0 + now + wall, now, now + 9), Base(1, 10, 0, 10, 1, 1, 1, 1, 1, 1, 1))


def compacted(path: Path, most: int = rollup.MOST_ROWS) -> sqlite3.Connection:
    """The recording after all that can be thinned out is."""
    connection = sqlite3.connect(path, isolation_level=None)
    while rollup.compact(connection, most):
        pass
    return connection


def test_old_rows_become_one_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "a"
    aged(path, 1, 10, then=31)
    before = load(str(path))
    with closing(compacted(path)) as connection:
        minutes = load(str(path))
        # T0 is no full minute.
        assert len(minutes.times) == 1441 + 1
        # What stays is real rows with all that was read together, and the bounds are those of all that went.
        rows = dict(zip(before.times, before.columns["num_fds"], strict=True))
        assert all(rows[at] == value for at, value in zip(minutes.times, minutes.columns["num_fds"], strict=True))
        assert sum(value == value for value in minutes.columns["gauge"]) == 1441
        assert connection.execute("SELECT sum(rows) FROM rollups").fetchone() == (8640,)
        bounds = connection.execute("SELECT min(fds_min), max(fds_max), max(rss_max) FROM rollups").fetchone()
        assert bounds == (0, 6, 8639)


@pytest.mark.parametrize(("then", "rows"), [(30, 8641), (92, 26), (1830, 1)])
def test_younger_rows_stay_and_older_ones_become_one_an_hour_then_none(tmp_path: Path, then: int, rows: int) -> None:
    path = tmp_path / "a"
    aged(path, 1, 10, then=then)
    with closing(compacted(path)) as connection:
        assert len(load(str(path)).times) == rows
        stand_for, most = connection.execute("SELECT sum(rows), max(rss_max) FROM rollups").fetchone()
        assert (stand_for, most) == ((8640, 8639) if then == 92 else (None, None))
        assert connection.execute("SELECT * FROM forgotten").fetchall() == ([("samples", 25)] if rows == 1 else [])


@pytest.mark.parametrize("years", [-50, 12])
def test_a_wall_clock_that_is_set_wrong_makes_nothing_old(tmp_path: Path, years: int) -> None:
    path = tmp_path / "a"
    aged(path, 0.1, 10, then=1, wall=years * 365 * DAY)
    compacted(path).close()
    assert len(load(str(path)).times) == 865


def test_a_part_at_a_time_comes_to_the_same(tmp_path: Path) -> None:
    tables = []
    for name, most in (("whole", 5000), ("parts", 100)):
        aged(tmp_path / name, 0.2, 10, then=32)
        with closing(compacted(tmp_path / name, most)) as connection:
            tables.append(
                [connection.execute(f"SELECT * FROM {t}").fetchall() for t in ("samples", "rollups", "scrapes")]
            )
    assert tables[0] == tables[1]


def test_the_second_schema_opens_and_goes_on(tmp_path: Path) -> None:
    found = load(str(FROZEN))
    assert [level[2:] for level in found.levels] == [("num_fds", 20, 1024), ("num_fds", 900, 1024)]
    shutil.copy(FROZEN, tmp_path / "a")
    with closing(open_for_writing(tmp_path / "a", META)) as recording:
        recording.begin_run(Moment(T0 + DAY, 0, 0), 1.0)
        recording.begin_process(Target("boot", 7, 5000), Build("x", "", None, False, None), T0)
        recording.add(Moment(T0 + DAY, 1, 1), Base(1, 10, 0, 10, 1, 1, 1, 1, 1, 1, 1))
    after = load(str(tmp_path / "a"))
    assert len(after.times) == len(found.times) + 1
    assert len(after.processes) == 1
