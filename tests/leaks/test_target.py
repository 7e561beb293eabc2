import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from leaks.fakeproc import FakeProc

from relengtools.errors import RelengError
from relengtools.leaks import target
from relengtools.leaks.target import By, Candidate

LISTEN = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


def refusal(**named) -> str:
    with pytest.raises(RelengError) as caught:
        target.selector(**named)
    return str(caught.value)


@pytest.mark.parametrize(
    ("named", "part"),
    [
        ({}, "name one target"),
        ({"pid": 1, "name": "x"}, "--pid and --name"),
        ({"pid": 0}, "positive"),
        ({"pid": -5}, "positive"),
        ({"name": ""}, "empty"),
        ({"listen": "6667x"}, "HOST:PORT"),
        ({"listen": "host:"}, "HOST:PORT"),
        ({"listen": "host:0"}, "HOST:PORT"),
        ({"listen": "[::1:80"}, "HOST:PORT"),
        ({"listen": "host:70000"}, "HOST:PORT"),
        ({"listen": "host:٣"}, "HOST:PORT"),
    ],
)
def test_a_selector_that_cannot_be_meant(named, part: str) -> None:
    assert part in refusal(**named)


@pytest.mark.parametrize(
    ("named", "text", "endless"),
    [
        ({"pid": 7}, "--pid 7", False),
        ({"name": "soju"}, "--name soju", True),
        ({"listen": ":6667"}, "--listen :6667", True),
        ({"command": ("sh", "-c", "exit 3")}, "-- sh -c 'exit 3'", False),
    ],
)
def test_a_selector_and_how_it_is_remembered(named, text: str, endless: bool) -> None:
    selector = target.selector(**named)
    assert (selector.text, selector.endless) == (text, endless)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:6667", "127.0.0.1", 6667),
        (":6667", "", 6667),
        ("*:6667", "", 6667),
        ("[::1]:80", "::1", 80),
        ("localhost:1", "localhost", 1),
    ],
)
def test_where_somebody_listens(text: str, host: str, port: int) -> None:
    assert target.parse_listen(text) == (host, port)


@pytest.fixture
def listener():
    with subprocess.Popen([sys.executable, "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        port = int(child.stdout.readline())
        yield child, port
        child.kill()


@pytest.mark.parametrize("host", ["127.0.0.1", "", "*", "localhost"])
def test_the_listener_is_found(listener, host: str) -> None:
    child, port = listener
    wanted = target.selector(listen=f"{host}:{port}")
    assert target.only(wanted, target.find(wanted)) == child.pid


SHARING = """
import os, socket, sys
with socket.create_server(("127.0.0.1", 0)) as listener:
    os.write(1, f"{listener.getsockname()[1]}\\n".encode())
    for _ in range(3):
        if not os.fork():
            break
    sys.stdin.read()
"""


def test_of_a_server_with_workers_it_is_the_parent_that_listens() -> None:
    command = [sys.executable, "-c", SHARING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        found = target.find(target.selector(listen=f"127.0.0.1:{port}"))
        process.stdin.close()
    assert [each.pid for each in found] == [process.pid]


def test_nobody_listens_there(listener) -> None:
    child, port = listener
    child.kill()
    child.wait()
    wanted = target.selector(listen=f"127.0.0.1:{port}")
    assert target.only(wanted, target.find(wanted)) is None


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(RelengError, match="no such host"):
        target.find(target.selector(listen="no such host:80"))


def test_a_name_that_two_processes_have_is_ambiguous(tmp_path: Path) -> None:
    sleep = tmp_path / "sleeper-of-a-test"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", sleep)
    wanted = target.selector(name=sleep.name)
    assert target.only(wanted, target.find(wanted)) is None
    with subprocess.Popen([sleep, "6"]) as first:
        assert target.only(wanted, target.find(wanted)) == first.pid
        with subprocess.Popen([sleep, "6"]) as second:
            with pytest.raises(RelengError) as caught:
                target.only(wanted, target.find(wanted))
            assert f"{first.pid} (/" in str(caught.value)
            assert f"{second.pid} (/" in str(caught.value)
            second.kill()
        first.kill()


def test_candidates_are_shown_escaped_and_not_all() -> None:
    wanted = target.selector(name="x\x1b[31m")
    with pytest.raises(RelengError) as caught:
        target.only(wanted, [Candidate(pid, "\x1b]0;evil\x07\n") for pid in range(1, 20)])
    assert str(caught.value).isprintable()
    assert "and 11 more" in str(caught.value)


def test_a_pid_that_does_not_exist() -> None:
    with subprocess.Popen(["true"]) as child:
        pass
    with pytest.raises(RelengError, match=f"^--pid {child.pid}: no such process$"):
        target.find(target.selector(pid=child.pid))


@pytest.mark.parametrize("pid", [2**22 + 1, 2**31, 2**70])
def test_a_pid_that_cannot_exist(pid: int) -> None:
    with pytest.raises(RelengError, match="no such process"):
        target.find(target.selector(pid=pid))


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_a_zombie_has_ended() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(RelengError, match="has ended"):
            target.find(target.selector(pid=child.pid))


def test_a_pid_that_procfs_hides(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    with pytest.raises(RelengError, match=r"not permitted.*hidepid"):
        target.find(target.selector(pid=os.getpid()), proc.root)


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_the_build_and_the_start_of_this_process(tmp_path: Path) -> None:
    copy = tmp_path / "sleep"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", copy)
    with subprocess.Popen([copy, "6"]) as child:
        build = target.build(child.pid)
        assert (build.exe, build.deleted) == (str(copy), False)
        assert build.exe_mtime == copy.stat().st_mtime
        assert build.max_fds == os.sysconf("SC_OPEN_MAX")
        copy.unlink()
        assert target.build(child.pid)[1:4:2] == (str(copy), True)
        child.kill()


def test_the_identity_of_a_fake_process(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7, start=5000)
    identity = target.identify(7, 5000, proc.root)
    assert identity == ("11111111-2222-3333-4444-555555555555", 7, 5000)
    assert target.started(identity, proc.root) == 1700000000 + 5000 / os.sysconf("SC_CLK_TCK")
    assert target.build(7, proc.root) == ("server", "", None, False, None, "")


def test_listening_needs_a_port_that_is_matched_exactly() -> None:
    assert target.is_at(("127.0.0.1", 80), frozenset({"127.0.0.1"}), 80)
    assert not target.is_at(("127.0.0.1", 8080), frozenset({"127.0.0.1"}), 80)
    assert not target.is_at(("127.0.0.2", 80), frozenset({"127.0.0.1"}), 80)
    assert not target.is_at((), frozenset(), 80)


def test_selectors_are_a_closed_set() -> None:
    assert [*By] == ["--pid", "--name", "--pidfile", "--unit", "--listen", "--cgroup", "--"]
    with socket.create_server(("127.0.0.1", 0)) as mine:
        wanted = target.selector(listen=f"127.0.0.1:{mine.getsockname()[1]}")
        assert target.only(wanted, target.find(wanted)) == os.getpid()


def test_a_long_name_is_found_in_full_and_as_ps_shows_it(tmp_path: Path) -> None:
    named = tmp_path / f"bouncer-{os.getpid():08d}-server"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", named)
    with subprocess.Popen([named, "60"]) as process:
        try:
            for name in (named.name, named.name[:15]):
                assert [each.pid for each in target.by_name(name)] == [process.pid]
            assert target.by_name(named.name[:14]) == []
        finally:
            process.kill()
