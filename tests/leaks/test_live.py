"""`leaks doctor`, `leaks watch`, the heartbeat of a recording and the watchdog of systemd."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from math import inf
from pathlib import Path

import pytest
from click.testing import CliRunner
from leaks.fakeproc import FakeProc
from leaks.faultyserver import hangs, page, says, serving

from relengtools import cli
from relengtools.errors import RelengError
from relengtools.leaks import doctor, heartbeat, supervisor, watch
from relengtools.leaks.clock import SystemClock
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, Recording, load, open_for_writing
from relengtools.leaks.target import Build, Target
from relengtools.leaks.units import amount

linux = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "relengtools", "leaks")
META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100", "metrics": "http://h/metrics"}
BASE = Base(1000, 2000, 10, 5000, 20, 3, 250, 1, 2, 3, 4)
T0 = 1_700_000_000.0


def recorded(path: Path, seconds: int = 100, name: str = "server") -> Recording:
    recording = open_for_writing(path, META)
    recording.begin_run(Moment(T0, 0, 0), 1.0)
    recording.begin_process(Target("boot", 7, 5000), Build(name, "", None, False, 1024), T0 - 60)
    for second in range(seconds):
        number = recording.add(Moment(T0 + second, second, second), BASE._replace(fds=20 + second // 10))
        if second == 50 and number is not None:
            recording.add_scrape(number, {"go_goroutines": 30.0}, 0.01)
    recording.flush()
    return recording


# ------------------------------------------------------------------------------------------------ doctor


@linux
def test_everything_of_ones_own_process_can_be_read() -> None:
    checks = doctor.examine(os.getpid())
    assert [check.what for check in checks if check.needs] == []
    assert doctor.remedies(doctor.missing(checks), os.getuid()) == {}


@linux
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to give rights up")
def test_the_capabilities_that_it_names_are_enough() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        plain = ["setpriv", "--reuid", "65534", "--clear-groups"]
        both = [*plain, "--inh-caps", "+sys_ptrace,+dac_read_search", "--ambient-caps", "+sys_ptrace,+dac_read_search"]
        seen = []
        for rights in (plain, both):
            command = [*rights, *PROGRAM, "doctor", "--pid", str(process.pid), "--output-format", "json"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
            if not done.stdout:
                pytest.skip("this interpreter is not readable for other users, or these capabilities are not ours")
            seen.append((done.returncode, json.loads(done.stdout)["missing"]))
        process.kill()
    assert seen[0] == (1, ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"])
    assert seen[1][1] == []


def test_what_is_refused_names_its_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    check = doctor.tried(doctor.Probe("kinds", refused, "what leaks", ("CAP_SYS_PTRACE",)), tmp_path)
    assert check == ("kinds", False, "Permission denied", "what leaks", ("CAP_SYS_PTRACE",))
    lines = doctor.remedies(doctor.missing([check]), 1000)
    assert "uid 1000" in lines["simplest"]
    assert lines["systemd"] == "[Service] AmbientCapabilities=CAP_SYS_PTRACE"
    assert lines["OpenRC"].startswith('capabilities="^cap_sys_ptrace"')
    assert "shareProcessNamespace: true" in lines["Kubernetes"]


def test_what_this_kernel_lacks_needs_no_right(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    checks = {check.what: check for check in doctor.examine(7, proc.root)}
    assert not checks["control group"].works
    assert checks["control group"].needs == ()
    assert checks["memory, threads, CPU"].works


def test_endpoints_are_tried() -> None:
    with serving(says(page(b"a 1\n"))) as good, serving(hangs) as bad:
        found = list(doctor.endpoints(good, None, 0.3))
        assert [check.works for check in found] == [True, False]
        assert doctor.healthy(found)
        found = list(doctor.endpoints(bad, bad, 0.3))
        assert not doctor.healthy(found)
        assert "no full answer" in found[0].why


def test_nobody_to_examine() -> None:
    result = CliRunner().invoke(cli.relengtools, ["leaks", "doctor", "--name", "no-such-program-anywhere"])
    assert isinstance(result.exception, RelengError)
    assert "no such process now" in str(result.exception)


# ------------------------------------------------------------------------------------------------ heartbeat


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (T0 + 101, "being recorded; last sample 2 s ago; last scrape 51 s ago"),
        (T0 + 9999, "no sample for 2 h 45 min and no end noted: the recorder has died or hangs"),
        (T0, "being recorded; last sample 0 s ago"),
    ],
)
def test_a_recording_that_goes_on_or_seems_to(tmp_path: Path, now: float, text: str) -> None:
    recording = recorded(tmp_path / "a")
    loaded = load(str(tmp_path / "a"))
    assert heartbeat.state(loaded, now).startswith(text)
    assert heartbeat.remarks(loaded, now)[0].startswith(text)
    recording.close()


def test_a_finished_recording_says_why_and_what_was_missing(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "a", 300)
    for kind, text in (("gap", "metrics: refused"), ("gap", "profile: x"), ("resumed", "profile")):
        recording.event(Moment(T0, 0, 0), kind, text)
    recording.end_run(Moment(T0 + 300, 300, 300), "stopped by SIGTERM", 300, 0, 0)
    recording.close()
    loaded = load(str(tmp_path / "a"))
    assert heartbeat.state(loaded, T0 + 360) == "finished: stopped by SIGTERM; last sample 61 s ago"
    assert heartbeat.remarks(loaded, T0 + 360) == [
        "the last scrape was 4 min before the last sample",
        "metrics: refused",
    ]


# ------------------------------------------------------------------------------------------------ watch


def test_a_view_has_values_rates_and_verdicts(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "a", name="evil\x1b[2J")
    view = watch.look(str(tmp_path / "a"), T0 + 100)
    recording.close()
    rows = {row.metric: row for row in view.rows}
    assert rows["num_fds"].value == 29
    assert rows["num_fds"].rate == pytest.approx(0.1, abs=0.02)
    assert rows["rss_bytes"].rate == 0
    assert rows["num_fds"].verdict
    lines = watch.render(view, 60, 8)
    assert len(lines) == 8
    assert all(len(line) <= 60 and line.isprintable() for line in lines)
    assert "evil\\x1b[2J (pid 7), up 3 min" in lines[0]


def test_the_build_that_runs_and_the_end_of_the_one_before_are_told(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "a")
    recording.end_process(Moment(T0 + 100, 100, 100), "the process ended, after 2 min")
    recording.begin_process(Target("boot", 8, 6000), Build("server", "/s", 1.0, True, 1024, "GNU 00ff"), T0 + 101)
    recording.add(Moment(T0 + 102, 102, 102), BASE)
    recording.close()
    assert watch.look(str(tmp_path / "a")).notes[:2] == [
        "build GNU 00ff, whose file was replaced since",
        "pid 7: the process ended, after 2 min",
    ]


@linux
def test_one_view_is_printed_where_there_is_no_terminal(tmp_path: Path) -> None:
    recorded(tmp_path / "a").close()
    result = CliRunner().invoke(cli.relengtools, ["leaks", "watch", str(tmp_path / "a")])
    assert result.exit_code == 0
    assert "num_fds" in result.stdout
    assert "\x1b" not in result.stdout
    both = CliRunner().invoke(cli.relengtools, ["leaks", "watch", str(tmp_path / "a"), "--pid", "1"])
    assert "not both" in str(both.exception)


@pytest.mark.parametrize(("width", "row"), [(80, "rss_bytes"), (60, "rss"), (40, "rss")])
def test_a_narrow_terminal_has_short_names_and_whole_values(tmp_path: Path, width: int, row: str) -> None:
    recording = recorded(tmp_path / "a", name="\u5bb6" * 60)
    recording.event(Moment(T0, 0, 0), "gap", "metrics: refused")
    recording.flush()
    view = watch.look(str(tmp_path / "a"), T0 + 100)
    recording.close()
    lines = watch.render(view, width, 9)
    assert len(lines) == 9
    shown = next(line.split() for line in lines if line.startswith(row))
    verdict = {each.metric: each for each in view.rows}["rss_bytes"].verdict
    assert shown == [row, *amount("rss_bytes", view.rows[0].value).split(), *["still"] * (width > 40), verdict]
    assert all(len(line) + line.count("\u5bb6") <= width for line in lines)
    assert "metrics: refused" in lines
    assert lines[0].endswith("…")


def test_what_was_higher_is_told_also_once_its_row_is_thinned_out(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "a")
    for second, fds in ((101, 20), (102, 300), (103, 20)):
        recording.add(Moment(T0 + second, second, second), BASE._replace(fds=fds))
    now = 40 * 86400.0
    recording.add(Moment(T0 + now, now, now + 9), BASE)
    recording.flush()
    seen = watch.look(str(tmp_path / "a")).notes
    assert recording.compact(Moment(T0 + now, now, now)) == ""
    recording.close()
    assert max(load(str(tmp_path / "a")).columns["num_fds"]) < 300
    assert [note for note in watch.look(str(tmp_path / "a")).notes if note.startswith("has been")] == [
        "has been higher: num_fds 300"
    ]
    assert "has been higher: num_fds 300" in seen


def pane(session: str, part: str, timeout: float = 20.0) -> str:
    """What the terminal shows, as soon as `part` is in it."""
    end = time.monotonic() + timeout
    while True:
        shown = subprocess.run(
            ["tmux", "-L", session, "capture-pane", "-p", "-t", session], capture_output=True, text=True
        ).stdout
        if part in shown or time.monotonic() > end:
            return shown
        time.sleep(0.1)


@linux
@pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")
def test_a_live_view_in_a_terminal_of_40_columns(tmp_path: Path) -> None:
    """No line is broken, and what is told last is there."""
    recording = recorded(tmp_path / "a")
    recording.event(Moment(T0, 0, 0), "gap", "metrics: refused")
    recording.close()
    session = f"relengtools-{os.getpid()}-narrow"
    command = f"cd {ROOT} && {' '.join(PROGRAM)} watch {tmp_path / 'a'}; sleep 60"
    tmux = ["tmux", "-L", session, "-f", "/dev/null"]
    subprocess.run([*tmux, "new-session", "-d", "-s", session, "-x", "40", "-y", "10", command], check=True)
    try:
        lines = pane(session, "verdict so far").splitlines()
        assert lines[0].startswith("server (pid ")
        assert [line.split()[0] for line in lines[3:7]] == ["rss", "anon", "fds", "threads"]
        assert any("MiB" in line for line in lines)
        assert "metrics: refused" in lines
        time.sleep(1.5)
        assert pane(session, "verdict so far").splitlines()[:7] == lines[:7]
        subprocess.run([*tmux, "resize-window", "-t", session, "-x", "90", "-y", "30"], check=True)
        assert "last minute" in pane(session, "last minute")
    finally:
        subprocess.run([*tmux, "kill-session", "-t", session])


@linux
@pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")
@pytest.mark.parametrize("of", ["process", "recording"])
def test_a_live_view_in_a_terminal(tmp_path: Path, of: str) -> None:
    recorded(tmp_path / "a").close()
    session = f"relengtools-{os.getpid()}-{of}"
    wanted = f"--pid {os.getpid()} --interval 200ms" if of == "process" else str(tmp_path / "a")
    command = f"cd {ROOT} && {' '.join(PROGRAM)} watch {wanted}; echo ended $?; sleep 60"
    tmux = ["tmux", "-L", session, "-f", "/dev/null"]
    subprocess.run([*tmux, "new-session", "-d", "-s", session, "-x", "90", "-y", "30", command], check=True)
    try:
        shown = pane(session, "verdict so far")
        assert "verdict so far" in shown
        assert "num_fds" in shown
        assert "MiB" in shown
        assert shown.count("rss_bytes") == 1
        time.sleep(1)
        assert pane(session, "rss_bytes").count("rss_bytes") == 1
        subprocess.run([*tmux, "send-keys", "-t", session, "C-c"], check=True)
        assert "ended" in pane(session, "ended")
    finally:
        subprocess.run([*tmux, "kill-session", "-t", session])


# ------------------------------------------------------------------------------------------------ systemd


@pytest.mark.parametrize("abstract", [False, True])
def test_a_manager_is_told(tmp_path: Path, abstract: bool) -> None:
    name = f"@relengtools-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0"))
        supervisor.tell("READY=1", {"NOTIFY_SOCKET": name})
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("path", ["", "relative", "/no/such/socket", "@nobody-there"])
def test_nobody_to_tell(path: str) -> None:
    supervisor.tell("READY=1", {"NOTIFY_SOCKET": path})


@pytest.mark.parametrize(
    ("environ", "every"),
    [
        ({}, inf),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, inf),
        ({"WATCHDOG_USEC": "x"}, inf),
        ({"WATCHDOG_USEC": "0"}, inf),
    ],
)
def test_how_often_the_watchdog_is_told(environ: dict[str, str], every: float) -> None:
    assert supervisor.watchdog_s(environ) == every


def test_a_long_wait_beats() -> None:
    beats: list[float] = []
    clock = SystemClock(lambda: beats.append(time.monotonic()), 0.02)
    assert not clock.wait(0.2)
    assert 5 <= len(beats) <= 21
    clock.ask_to_stop(signal.SIGTERM)
    assert clock.wait(60)
    clock.close()


@linux
def test_a_recorder_under_systemd(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        asked = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        command = [*PROGRAM, "record", "--pid", str(os.getpid()), "--interval", "500ms", "--duration", "1s"]
        done = subprocess.run(
            [*command, "-o", tmp_path / "a.db"], env=os.environ | asked, cwd=ROOT, capture_output=True, timeout=60
        )
        assert done.returncode == 0
        manager.setblocking(False)
        told = []
        while True:
            try:
                told.append(manager.recv(1000))
            except BlockingIOError:
                break
    assert told[0].startswith(b"READY=1\nSTATUS=recording --pid to ")
    assert told[-1] == b"STOPPING=1"
    assert told.count(b"WATCHDOG=1") >= 2
