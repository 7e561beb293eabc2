import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from itertools import pairwise
from math import isnan
from pathlib import Path

import pytest
from leaks.fakeproc import FakeProc
from leaks.faultyserver import endlessly, hangs, head, page, says, serving

from relengtools.errors import RelengError
from relengtools.leaks import journal, record, recorder, target
from relengtools.leaks.clock import Retry, SystemClock, ticks
from relengtools.leaks.record import Settings, run
from relengtools.leaks.recorder import Recorder
from relengtools.leaks.recording import Moment, load, write

linux = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
ROOT = Path(__file__).parents[2]
SERVER = """
import http.server, os, socket, sys
keep = []
class Metrics(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        keep.append(socket.socket())
        text = f"process_open_fds {len(os.listdir('/proc/self/fd')) - 1}\\nkept {len(keep)}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", len(text))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
print(server.server_port, flush=True)
server.serve_forever()
"""
IDLE = "import sys; print(flush=True); sys.stdin.read()"


class FakeClock:
    """Time that passes only in wait(); `events` are called when their time has come."""

    def __init__(self) -> None:
        self.stop = ""
        self.mono = 100.0
        self.shift = 1_700_000_000.0
        self.suspended = 0.0
        self.oversleep = 0.0
        self.events: list[tuple[float, Callable[[], None]]] = []

    def at(self, mono: float, event: Callable[[], None]) -> None:
        self.events.append((mono, event))

    def now(self) -> Moment:
        return Moment(self.shift + self.mono, self.mono, self.mono + self.suspended)

    def wait(self, seconds: float, watched: int | None = None) -> bool:
        self.mono += seconds + self.oversleep
        self.oversleep = 0.0
        for event in [each for each in self.events if each[0] <= self.mono]:
            self.events.remove(event)
            event[1]()
        return bool(self.stop)


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7, fds={0: "pipe:[1]"})
    return proc


@contextmanager
def faked(proc: FakeProc, clock: FakeClock, settings: Settings, path: Path, wanted=None, notes=None):
    """A recorder of process 7 with time and procfs in the hand of the test."""
    wanted = wanted or target.Selector(target.By.PID, "7")
    with record.recording_at(path, wanted, settings, proc.root) as recording:
        notify = notes.append if notes is not None else lambda line: None
        yield Recorder(wanted, settings, recording, clock, None, None, notify, lambda progress: None, proc.root)


# ------------------------------------------------------------------------------------------------ the schedule


def test_the_schedule_is_absolute() -> None:
    clock = FakeClock()
    times = []
    for tick in ticks(clock, 10, clock.mono + 50):
        times.append(clock.mono)
        clock.mono += 3
        assert tick[1:] == (0, 0)
    assert times == [100, 110, 120, 130, 140]


def test_late_and_missed_ticks_are_told_and_do_not_shift_the_rest() -> None:
    clock = FakeClock()
    found = []
    for tick in ticks(clock, 10, clock.mono + 80):
        found.append((tick.now.mono, *tick[1:]))
        clock.oversleep = {110: 3.0, 120: 25.0}.get(clock.mono, 0.0) if len(found) < 4 else 0.0
        if clock.mono == 113:
            clock.oversleep = 25.0
    assert found == [
        (100, 0, 0),
        (110, 0, 0),
        (123, 3, 0),
        (130, 0, 0),
        (140, 0, 0),
        (150, 0, 0),
        (160, 0, 0),
        (170, 0, 0),
    ]


def test_work_that_takes_longer_than_the_interval_misses_ticks() -> None:
    clock = FakeClock()
    found = []
    for tick in ticks(clock, 10, clock.mono + 60):
        found.append((tick.now.mono, *tick[1:]))
        clock.mono += 25
    assert found == [(100, 0, 0), (125, 5, 1), (150, 0, 2)]
    assert [b[0] - a[0] for a, b in pairwise(found)] == [25, 25]


def test_a_stop_ends_the_schedule() -> None:
    clock = FakeClock()
    clock.at(125, lambda: setattr(clock, "stop", "stopped"))
    assert len(list(ticks(clock, 10, clock.mono + 1000))) == 3


def test_the_system_clock_wakes_for_a_signal_and_for_a_descriptor() -> None:
    clock = SystemClock()
    read, write = os.pipe()
    begun = time.monotonic()
    assert not clock.wait(0.01, read)
    os.write(write, b"x")
    assert clock.wait(60, read)
    clock.ask_to_stop(signal.SIGTERM)
    assert clock.wait(60)
    assert time.monotonic() - begun < 50
    assert clock.stop == "stopped by SIGTERM"
    clock.close()
    os.close(read)
    os.close(write)


# ------------------------------------------------------------------------------------------------ with a fake process


def test_a_recording_of_a_fake_process(proc: FakeProc, tmp_path: Path) -> None:
    clock = FakeClock()
    clock.at(105, lambda: proc.put(7, rss_pages=2000, fds={0: "pipe:[1]", 1: "pipe:[2]"}))
    with faked(proc, clock, Settings(interval=1, duration=10), tmp_path / "a") as recorder:
        outcome = recorder.watch(7)
    assert (outcome.samples, outcome.missed, outcome.late, outcome.gaps, outcome.regimes) == (11, 0, 0, 0, 1)
    assert outcome.reason == "end of the duration"
    found = load(str(tmp_path / "a"))
    assert [time - 1_700_000_000 for time in found.times] == list(range(100, 111))
    assert found.columns["num_fds"].tolist() == [1] * 5 + [2] * 6
    assert found.columns["n_pipes"].tolist() == [1] * 5 + [2] * 6
    assert [run[4:] for run in found.runs] == [(1_700_000_110.0, "end of the duration", 11, 0, 0)]
    assert [event.kind for event in found.events] == ["process", "end"]
    assert found.meta["selector"] == "--pid 7"
    assert found.processes[0].started == 1_700_000_000 + 5000 / os.sysconf("SC_CLK_TCK")


def test_details_become_rarer_down_to_once_a_minute(proc: FakeProc, tmp_path: Path) -> None:
    clock = FakeClock()
    with faked(proc, clock, Settings(interval=20, duration=8 * 3600), tmp_path / "a") as recorder:
        recorder.watch(7)
    with sqlite3.connect(tmp_path / "a") as connection:
        rows = connection.execute(
            "SELECT g.mono_ms + s.t FROM scans c JOIN samples s ON s.id = c.sample"
            " JOIN segments g ON g.id = s.id >> 8 ORDER BY s.id"
        ).fetchall()
    connection.close()
    gaps = [(b - a) / 1000 for (a,), (b,) in pairwise(rows)]
    assert set(gaps[:100]) == {20}
    assert set(gaps[-100:-1]) == {60}


def test_a_process_that_exits_between_samples_ends_the_recording(proc: FakeProc, tmp_path: Path) -> None:
    clock = FakeClock()
    clock.at(105, lambda: proc.end(7))
    with faked(proc, clock, Settings(interval=1, duration=100), tmp_path / "a") as recorder:
        outcome = recorder.watch(7)
    assert (outcome.samples, outcome.reason) == (5, "the process ended")
    found = load(str(tmp_path / "a"))
    assert found.processes[0].reason.startswith("the process ended, after ")
    assert found.processes[0].ended == 1_700_000_105


def test_missed_samples_are_data(proc: FakeProc, tmp_path: Path) -> None:
    clock = FakeClock()
    clock.at(105, lambda: setattr(clock, "oversleep", 30))
    with faked(proc, clock, Settings(interval=1, duration=100), tmp_path / "a") as recorder:
        outcome = recorder.watch(7)
    assert (outcome.missed, outcome.late, outcome.samples) == (30, 0, 71)
    assert ("missed", "30 samples") in [event[1:] for event in load(str(tmp_path / "a")).events]


def test_suspend_and_steps_of_the_wall_clock_are_data(proc: FakeProc, tmp_path: Path) -> None:
    clock = FakeClock()

    def suspend() -> None:
        clock.suspended += 3600
        clock.shift += 3600

    clock.at(105, suspend)
    clock.at(110, lambda: setattr(clock, "shift", clock.shift - 60))
    with faked(proc, clock, Settings(interval=1, duration=20), tmp_path / "a") as recorder:
        outcome = recorder.watch(7)
    assert (outcome.samples, outcome.missed) == (21, 0)
    found = load(str(tmp_path / "a"))
    texts = [event.text for event in found.events if event.kind == "clock"]
    assert texts == ["suspended for 3600.0 s", "the wall clock stepped by -60.0 s"]
    steps = [round(b - a) for a, b in pairwise(found.times)]
    assert sorted(steps)[0] == -59
    assert sorted(steps)[-1] == 3601
    assert steps.count(1) == 18


def test_a_restart_is_a_new_regime(proc: FakeProc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    wanted = target.Selector(target.By.NAME, "server")
    alive = {7}
    monkeypatch.setattr(target, "by_name", lambda name: [target.Candidate(pid, "") for pid in sorted(alive)])

    def ends() -> None:
        proc.end(7)
        alive.discard(7)

    def two_for_a_moment() -> None:
        alive.update((8, 9))
        proc.put(8, start=9000)

    clock.at(105, ends)
    clock.at(110, two_for_a_moment)
    clock.at(112, lambda: alive.discard(9))
    notes: list[str] = []
    with faked(proc, clock, Settings(interval=1, duration=20), tmp_path / "a", wanted, notes) as recorder:
        outcome = recorder.watch(7)
    assert (outcome.regimes, outcome.reason) == (2, "end of the duration")
    found = load(str(tmp_path / "a"))
    assert [process[2:4] for process in found.processes] == [(7, 5000), (8, 9000)]
    assert len(set(found.starts)) == 2
    assert found.processes[1].first - 1_700_000_000 == pytest.approx(112.2, abs=0.3)
    assert any("waiting for --name server" in note for note in notes)
    assert not any("ambiguous" in note for note in notes)


def test_several_that_match_for_long_are_told_once(proc: FakeProc, tmp_path: Path, monkeypatch) -> None:
    wanted = target.Selector(target.By.NAME, "server")
    monkeypatch.setattr(target, "by_name", lambda name: [target.Candidate(pid, "") for pid in (7, 8)])
    notes: list[str] = []
    with faked(proc, FakeClock(), Settings(interval=1, duration=60), tmp_path / "a", wanted, notes) as recorded:
        assert recorded.watch(None).samples == 0
    assert [note for note in notes if "ambiguous" in note] == [
        "target: --name server is ambiguous: 7 (), 8 (); waiting for a single one; the recording goes on"
    ]


def test_a_gap_is_noted_while_several_match(proc: FakeProc, tmp_path: Path, monkeypatch) -> None:
    clock = FakeClock()
    wanted = target.Selector(target.By.NAME, "server")
    matching = {7}
    monkeypatch.setattr(target, "by_name", lambda name: [target.Candidate(pid, "") for pid in sorted(matching)])
    clock.at(105, lambda: (proc.end(7), matching.clear(), matching.update((8, 9)), proc.put(8, start=9000)))
    clock.at(130, lambda: matching.discard(9))
    with faked(proc, clock, Settings(interval=1, duration=60), tmp_path / "a", wanted) as recorder:
        assert recorder.watch(7).gaps == 1
    kinds = [(event.kind, event.text.partition(":")[0]) for event in load(str(tmp_path / "a")).events]
    assert ("gap", "target") in kinds
    assert ("resumed", "target") in kinds


def test_a_pid_file_that_is_rewritten_emptied_and_garbage_for_a_while(proc: FakeProc, tmp_path: Path) -> None:
    clock, pidfile = FakeClock(), tmp_path / "x.pid"
    pidfile.write_text("7\n")
    wanted = target.Selector(target.By.PIDFILE, str(pidfile))
    steps = {105: lambda: proc.end(7), 110: lambda: pidfile.write_text(""), 115: lambda: pidfile.write_text("no pid")}
    steps |= {120: pidfile.unlink, 125: lambda: (proc.put(8, start=9000), pidfile.write_text("8"))}
    for moment, step in steps.items():
        clock.at(moment, step)
    notes: list[str] = []
    with faked(proc, clock, Settings(interval=1, duration=40), tmp_path / "a", wanted, notes) as recorder:
        assert (recorder.watch(7).regimes, recorder.journal.gaps) == (2, 1)
    found = load(str(tmp_path / "a"))
    assert [each.pid for each in found.processes] == [7, 8]
    kinds = [(event.kind, event.text.partition(":")[0]) for event in found.events if event.kind in ("gap", "resumed")]
    assert kinds == [("gap", "target"), ("resumed", "target")]
    assert len([note for note in notes if "holds 'no pid', not a pid" in note]) == 1


def test_a_next_process_that_is_not_permitted_is_a_gap(proc: FakeProc, tmp_path: Path, monkeypatch) -> None:
    clock, attach = FakeClock(), recorder.attach
    wanted = target.Selector(target.By.NAME, "server")
    alive, forbidden = {7}, {8}
    monkeypatch.setattr(target, "by_name", lambda name: [target.Candidate(pid, "") for pid in sorted(alive)])

    def refuse(pid: int, root: Path):
        if pid in forbidden:
            raise PermissionError
        return attach(pid, root)

    monkeypatch.setattr(recorder, "attach", refuse)
    clock.at(105, lambda: (proc.end(7), alive.clear(), alive.add(8), proc.put(8, start=9000)))
    clock.at(120, forbidden.clear)
    with faked(proc, clock, Settings(interval=1, duration=40), tmp_path / "a", wanted) as recorded:
        outcome = recorded.watch(7)
    assert (outcome.regimes, outcome.gaps, outcome.reason) == (2, 1, "end of the duration")


def test_once_ends_with_the_first_process(proc: FakeProc, tmp_path: Path) -> None:
    clock = FakeClock()
    clock.at(105, lambda: proc.end(7))
    wanted = target.Selector(target.By.NAME, "server")
    with faked(proc, clock, Settings(interval=1, once=True), tmp_path / "a", wanted) as recorder:
        assert recorder.watch(7).reason == "the process ended"


def test_a_pid_that_is_used_again_is_not_mixed_in(proc: FakeProc, tmp_path: Path) -> None:
    clock = FakeClock()
    clock.at(105, lambda: proc.put(7, start=9999))
    with faked(proc, clock, Settings(interval=1, duration=100), tmp_path / "a") as recorder:
        assert recorder.watch(7).samples == 5
    with (
        pytest.raises(RelengError, match="another process that had pid 7"),
        faked(proc, FakeClock(), Settings(interval=1, duration=100), tmp_path / "a") as recorder,
    ):
        recorder.watch(7)
    found = load(str(tmp_path / "a"))
    assert (len(found.times), len(found.runs)) == (5, 1)


def test_names_that_are_no_text_are_recorded_escaped(proc: FakeProc, tmp_path: Path) -> None:
    proc.put(7, fds={1: "/log/b\udcfe7.log"})
    wanted = target.Selector(target.By.NAME, "pro\udcffgram")
    with faked(proc, FakeClock(), Settings(interval=1, duration=3, once=True), tmp_path / "a", wanted) as recorder:
        assert recorder.watch(7).samples == 4
    found = load(str(tmp_path / "a"))
    assert found.meta["selector"] == "--name pro\\udcffgram"
    assert [each.label for each in found.classes] == ["/log/b\\udcfeN.log"]


def test_a_crowd_of_descriptors_costs_no_sample(proc: FakeProc, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(journal, "GROUP_ROWS", 100)
    monkeypatch.setattr(write, "MOST_PENDING", 200)
    proc.put(7, fds={fd: f"/log/{fd}" for fd in range(300)})
    with faked(proc, FakeClock(), Settings(interval=1, duration=3), tmp_path / "a") as recorded:
        outcome = recorded.watch(7)
    assert (outcome.samples, outcome.missed) == (4, 0)


def test_samples_that_have_no_room_while_nothing_can_be_written_are_missed(
    proc: FakeProc, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(write, "MOST_PENDING", 20)
    clock = FakeClock()
    with faked(proc, clock, Settings(interval=1, duration=60), tmp_path / "a") as recorded:
        other = sqlite3.connect(tmp_path / "a", isolation_level=None)
        recorded.recording.connection.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        clock.at(150, lambda: other.execute("ROLLBACK"))
        outcome = recorded.watch(7)
        other.close()
    assert outcome.missed > 20
    assert outcome.samples + outcome.missed == 61
    assert len(load(str(tmp_path / "a")).times) == outcome.samples


@pytest.mark.parametrize("instead", [None, b"another file"])
def test_a_recording_that_is_removed_or_replaced_ends_the_run(proc: FakeProc, tmp_path: Path, instead) -> None:
    clock, path = FakeClock(), tmp_path / "a"

    def replace() -> None:
        path.unlink()
        if instead:
            path.write_bytes(instead)

    clock.at(105, replace)
    with (
        pytest.raises(RelengError, match="was removed or replaced"),
        faked(proc, clock, Settings(interval=1, duration=1000), path) as recorded,
    ):
        recorded.watch(7)
    assert clock.mono < 120
    assert (path.read_bytes() if path.exists() else None) == instead


# ------------------------------------------------------------------------------------------------ with real ones


@pytest.fixture
def idle():
    with subprocess.Popen([sys.executable, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        yield child
        child.kill()


@pytest.fixture
def server():
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as child:
        yield child, int(child.stdout.readline())
        child.kill()


@linux
def test_the_targets_metrics_are_read_at_the_same_moment(server, tmp_path: Path) -> None:
    _, port = server
    out = tmp_path / "a.sqlite"
    settings = Settings(interval=0.1, duration=1.5, metrics=f"http://127.0.0.1:{port}/metrics")
    outcome = run(target.selector(listen=f"127.0.0.1:{port}"), out, settings)
    assert outcome.gaps == 0
    columns = load(str(out)).columns
    rows = [
        (fds, theirs, kept, sockets)
        for fds, theirs, kept, sockets in zip(
            *(columns[name] for name in ("num_fds", "process_open_fds", "kept", "n_sockets")), strict=True
        )
        if not isnan(kept)
    ]
    assert len(rows) >= 2
    # The scrape itself opens a socket that stays; the recorder's own connection is seen by the target only.
    assert all(theirs == fds + 2 for fds, theirs, _, _ in rows)
    assert all(sockets == 1 + kept for _, _, kept, sockets in rows)
    assert columns["num_fds"][-1] - columns["num_fds"][0] == rows[-1][2] - rows[0][2]


FAULTS = {
    "refuses": None,
    "hangs": hangs,
    "trickles": endlessly(b"#", head(), 0.02),
    "sends garbage": says(b"\x00\x1b[2J\xff" * 50),
    "sends a gigabyte": endlessly(b"# padding\n" * 6553, head()),
    "redirects": says(page(b"", "301 Moved", Location="http://127.0.0.1:1/")),
    "says everything twice": says(page(b"a 1\na 2\n")),
}


@linux
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_metrics_endpoint_is_a_gap_and_the_recording_goes_on(idle, tmp_path: Path, fault: str) -> None:
    out, notes = tmp_path / "a.sqlite", []
    answer = FAULTS[fault]
    with serving(answer or hangs) as url:
        if answer is None:
            with socket.create_server(("127.0.0.1", 0)) as unused:
                url = f"http://127.0.0.1:{unused.getsockname()[1]}/metrics"
        settings = Settings(interval=0.1, duration=0.5, metrics=url, pprof=url.removesuffix("/metrics"))
        outcome = run(target.selector(pid=idle.pid), out, settings, notify=notes.append)
    assert outcome.samples >= 1
    assert outcome.gaps >= 1
    found = load(str(out))
    gaps = [event.text for event in found.events if event.kind == "gap"]
    assert any(gap.startswith(f"metrics: {url}") for gap in gaps)
    assert all(gap.isprintable() for gap in gaps)
    assert all(note.isprintable() for note in notes)
    assert found.columns["num_fds"][-1] > 0


@linux
def test_an_endpoint_that_comes_later_is_scraped_and_profiled(idle, tmp_path: Path) -> None:
    out = tmp_path / "a.sqlite"
    answers = [says(page(b"no", "503 Not Yet")), says(page(b"up 1\n"))]
    profile = says(page(b"\x1f\x8bprofile"))
    with serving(*answers) as url, serving(answers[0], profile) as pprof:
        run(
            target.selector(pid=idle.pid),
            out,
            Settings(interval=0.05, duration=1, metrics=url, pprof=pprof.removesuffix("/metrics")),
        )
    found = load(str(out))
    assert 1 in found.columns["up"]
    assert [each.data for each in found.profiles] == [b"\x1f\x8bprofile"] * 2
    assert {"gap", "resumed"} <= {event.kind for event in found.events}


@linux
def test_a_profile_that_fails_takes_no_row_from_the_metrics(idle, tmp_path: Path) -> None:
    with serving(says(page(b"up 1\n"))) as url, serving(says(page(b"no", "404 No"))) as pprof:
        settings = Settings(interval=0.1, duration=1.5, metrics=url, pprof=pprof.removesuffix("/metrics"))
        outcome = run(target.selector(pid=idle.pid), tmp_path / "a", settings)
    found = load(str(tmp_path / "a"))
    assert [event.text.split(":")[0] for event in found.events if event.kind == "gap"] == ["profile"]
    assert sum(value == 1 for value in found.columns["up"]) >= outcome.samples - 1


def test_what_fails_is_asked_again_ever_later_for_as_long_as_it_takes() -> None:
    retry, waits = Retry(), []
    for _ in range(2000):
        retry.failed(0.0, 10.0)
        waits.append(retry.due)
    assert waits[:4] == [20, 40, 60, 60]
    assert waits[-1] == 60


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's process")
def test_another_users_process_is_recorded_as_far_as_permitted(idle) -> None:
    out = Path("/tmp") / f"relengtools-{os.getpid()}-{idle.pid}"
    out.mkdir(0o777)
    out.chmod(0o777)
    program = (
        "import os, json, dataclasses; from relengtools.leaks import record, target, recording, exposition\n"
        "os.setgid(65534); os.setuid(65534)\n"
        f"outcome = record.run(target.selector(pid={idle.pid}), {str(out / 'a')!r}, record.Settings(0.1, 0.3))\n"
        f"found = recording.load({str(out / 'a')!r})\n"
        "events = [event.text for event in found.events]\n"
        "print(json.dumps([dataclasses.asdict(outcome), events, found.columns['rss_bytes'][-1]]))"
    )
    try:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
        assert done.stderr == ""
        outcome, events, rss = json.loads(done.stdout)
    finally:
        for each in out.iterdir():
            each.unlink()
        out.rmdir()
    assert outcome["gaps"] == 1
    assert rss > 0
    assert any("not permitted" in text for text in events)


@linux
def test_a_pid_that_ends_ends_the_recording_at_once(idle, tmp_path: Path) -> None:
    begun = time.monotonic()

    def end_it(progress: record.Progress) -> None:
        if progress.samples == 1:
            idle.kill()
            idle.wait()

    outcome = run(target.selector(pid=idle.pid), tmp_path / "a", Settings(interval=30, duration=90), progress=end_it)
    assert (outcome.samples, outcome.reason) == (1, "the process ended")
    assert time.monotonic() - begun < 25


@pytest.mark.parametrize(
    ("command", "status", "reason"),
    [
        ("exit 0", 0, "the command ended with exit status 0"),
        ("sleep 0.2; exit 3", 3, "the command ended with exit status 3"),
        ("sleep 0.2; kill -9 $$", -9, "the command was ended by SIGKILL"),
        ("sleep 0.2; kill -35 $$", -35, "the command was ended by signal 35"),
    ],
)
def test_a_command_and_how_it_ends(tmp_path: Path, command: str, status: int, reason: str) -> None:
    out = tmp_path / "a.sqlite"
    outcome = run(target.selector(command=("sh", "-c", command)), out, Settings(interval=0.05, duration=30))
    assert (outcome.exit_status, outcome.reason) == (status, reason)
    if outcome.samples:
        assert load(str(out)).processes[0].name == "sh"


def test_a_command_is_ended_with_the_duration(tmp_path: Path) -> None:
    outcome = run(target.selector(command=("sleep", "60")), tmp_path / "a", Settings(interval=0.1, duration=0.3))
    assert outcome.exit_status == -signal.SIGTERM
    assert outcome.reason == "end of the duration"
    assert outcome.samples >= 2


@pytest.mark.parametrize(
    ("wanted", "settings", "part"),
    [
        ({"command": ("no-such-program-anywhere",)}, Settings(), "no such command"),
        ({"pid": 2**22 + 7}, Settings(), "no such process"),
        ({"pid": 1}, Settings(interval=0), "--interval"),
        ({"pid": 1}, Settings(interval=10, duration=1), "--duration"),
        ({"pid": 1}, Settings(metrics="https://x/"), "http://"),
        ({"pid": 1}, Settings(pprof="ftp://x/"), "http://"),
    ],
)
def test_bad_input_writes_nothing(tmp_path: Path, wanted, settings: Settings, part: str) -> None:
    with pytest.raises(RelengError, match=part):
        run(target.selector(**wanted), tmp_path / "a", settings)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_cannot_be_executed_leaves_no_file(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF not really")
    program.chmod(0o755)
    with pytest.raises(RelengError, match="Exec format error"):
        run(target.selector(command=(str(program),)), tmp_path / "a", Settings())
    assert [each.name for each in tmp_path.iterdir()] == ["program"]


RECORD = """
import sys
from relengtools.leaks import record, target
from relengtools.errors import RelengError
command = tuple(sys.argv[3:])
wanted = target.selector(command=command) if sys.argv[2] == "--" else target.selector(**{sys.argv[2]: sys.argv[3]})
settings = record.Settings(interval=0.05, duration=60)
# One write a line: print() makes two of it where PYTHONUNBUFFERED is set, and the command may write in between.
outcome = record.run(wanted, sys.argv[1], settings, notify=lambda line: print(line + "\\n", end="", flush=True))
print(outcome.reason, outcome.exit_status, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_recording_and_reaches_the_command(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "a.sqlite"
    says_it = (
        "trap 'echo got INT; exit 7' INT; trap 'echo got TERM; exit 8' TERM; echo up; while :; do sleep 0.05; done"
    )
    with subprocess.Popen(
        [sys.executable, "-c", RECORD, str(out), "--", "sh", "-c", says_it], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as recorder:
        assert "up\n" in iter(recorder.stdout.readline, "")
        recorder.send_signal(number)
        text, _ = recorder.communicate(timeout=60)
    assert f"got {number.name[3:]}\nstopped by {number.name} {7 if number == signal.SIGINT else 8}\n" in text
    assert recorder.returncode == 0
    assert [each.name for each in tmp_path.iterdir()] == ["a.sqlite"]
    assert load(str(out)).runs[0].reason == f"stopped by {number.name}"


def test_waiting_for_a_process_that_never_comes_leaves_no_file(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", RECORD, str(tmp_path / "a"), "name", "no-such-program-anywhere"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT) as recorder:
        assert recorder.stdout.readline() == "waiting for --name no-such-program-anywhere\n"
        recorder.send_signal(signal.SIGTERM)
        assert recorder.communicate(timeout=60)[0] == "stopped by SIGTERM None\n"
    assert list(tmp_path.iterdir()) == []


@linux
@pytest.mark.parametrize(
    "wanted", [["--name", "no-such-program-anywhere"], ["--pidfile", "none.pid"], ["--listen", "127.0.0.1:1"]]
)
def test_once_waits_for_no_process_that_is_not_there(tmp_path: Path, wanted: list[str]) -> None:
    command = [sys.executable, "-m", "relengtools", "leaks", "record", *wanted, "--once", "-o", str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stderr == f"relengtools: {' '.join(wanted)}: no such process now; without --once it is waited for\n"
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (2, "", [])


@pytest.mark.parametrize(
    ("wanted", "stem"),
    [({"command": ("/bin/sleep", "9")}, "sleep"), ({"listen": "[::1]:80"}, "1-80"), ({"name": "../a b"}, "a-b")],
)
def test_the_default_name_stays_in_the_working_directory(wanted, stem: str) -> None:
    name = record.default_name(target.selector(**wanted), None, Path("/proc"))
    assert name.startswith(f"{stem}-2")
    assert Path(name).name == name


def test_recording_needs_neither_numpy_nor_matplotlib(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules |= dict.fromkeys(('numpy', 'matplotlib', 'click'))\n"
        "from relengtools.leaks import record, target\n"
        f"record.run(target.selector(command=('true',)), {str(tmp_path / 'a')!r}, record.Settings())"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
