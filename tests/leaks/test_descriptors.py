import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from leaks.fakeproc import FakeProc

from relengtools.leaks import descriptors
from relengtools.leaks.descriptors import Connection, Kind, scan
from relengtools.leaks.process import ProcessGone
from relengtools.leaks.sockets import Address, Socket

linux = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
HERE, THERE = Address("127.0.0.1", 7000), Address("10.0.0.1", 5432)


@pytest.mark.parametrize(
    ("target", "masked"),
    [
        ("/srv/logs/17/x.log", "/srv/logs/N/x.log"),
        ("/var/log/app-2024-08-30.log (deleted)", "/var/log/app-N-N-N.log (deleted)"),
        ("/plain", "/plain"),
        ("[eventfd]", "[eventfd]"),
    ],
)
def test_digits_are_masked(target: str, masked: str) -> None:
    assert descriptors.masked(target) == masked


NOWHERE = Address("0.0.0.0", 0)


@pytest.mark.parametrize(
    ("entry", "label"),
    [
        (Socket("tcp", "listen", HERE, NOWHERE), "tcp listen :7000"),
        (Socket("tcp6", "established", HERE, THERE), "tcp in :7000"),
        (Socket("tcp", "established", Address("10.0.0.2", 40000), THERE), "tcp out :5432"),
        (Socket("udp", "close", HERE, NOWHERE), "udp bound :7000"),
        (Socket("udp", "close", NOWHERE, NOWHERE), "udp idle"),
        (Socket("unix", "connected", path="/run/x-17.sock"), "unix /run/x-N.sock"),
        (Socket("unix", "connected"), "unix"),
        (Socket("netlink", "open"), "netlink"),
        (Socket("mptcp", "listen", HERE, NOWHERE), "tcp listen :7000"),
    ],
)
def test_the_class_of_a_socket(entry: Socket, label: str) -> None:
    assert descriptors.role(entry, {7000}) == label


OPEN_ALL = """
import os, socket, sys, select, tempfile
folder = sys.argv[1]
files = [open(f"{folder}/file-{n}", "w") for n in range(3)]
pipe = os.pipe()
poll = select.epoll()
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server = listener.accept()[0]
pair = socket.socketpair()
device = open("/dev/zero")
gone = open(f"{folder}/file-9", "w")
os.unlink(f"{folder}/file-9")
print(listener.getsockname()[1], flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Child:
    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", OPEN_ALL, str(folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.port = int(self.process.stdout.readline())
        self.pid = self.process.pid

    def does(self, line: str) -> None:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture
def child(tmp_path: Path):
    child = Child(tmp_path)
    with child.process:
        yield child
        child.process.kill()


@linux
def test_what_a_real_process_has_open(child: Child, tmp_path: Path) -> None:
    found = scan(child.pid)
    labels = sorted((str(each.kind), each.label) for each in found.descriptors.values() if each.key.fd > 2)
    files = descriptors.masked(f"{tmp_path}/file-1")
    assert labels == sorted(
        [
            *[("file", files)] * 3,
            *[("pipe", "pipe")] * 2,
            ("anon_inode", "[eventpoll]"),
            ("socket", f"tcp listen :{child.port}"),
            ("socket", f"tcp in :{child.port}"),
            ("socket", f"tcp out :{child.port}"),
            *[("socket", "unix")] * 2,
            ("other", "/dev/zero"),
            ("file", f"{files} (deleted)"),
        ]
    )
    assert found.counts[:3] == (5, 4, 4)
    assert found.counts.tcp_established == 2
    assert (found.counts.tcp_close_wait, found.counts.sockets_unlisted, found.counts.own) == (0, 0, 0)


@linux
def test_births_deaths_and_states(child: Child, tmp_path: Path) -> None:
    first = scan(child.pid)
    assert len(descriptors.change(descriptors.NOTHING, first).born) == len(first.descriptors)
    child.does("server.close(); files.pop().close(); more = [open('/dev/null') for _ in range(2)]")
    second = scan(child.pid, first)
    born, died, altered = descriptors.change(first, second)
    assert [each.label for each in born] == ["/dev/null"] * 2
    assert len(died) == 2
    assert [(each.label, each.state) for each in altered] == [(f"tcp out :{child.port}", "close_wait")]
    assert (second.counts.tcp_established, second.counts.tcp_close_wait) == (0, 1)


@linux
def test_the_same_number_and_path_but_another_file_is_another_descriptor(child: Child, tmp_path: Path) -> None:
    first = scan(child.pid)
    child.does("os.rename(f'{folder}/file-1', f'{folder}/file-1.old'); os.unlink(f'{folder}/file-2')")
    assert descriptors.change(first, scan(child.pid, first)) == ([], [], [])
    child.does("os.unlink(f'{folder}/file-0'); old = files[0].fileno(); new = open(f'{folder}/file-0', 'w')")
    second = scan(child.pid, first)
    child.does("keep = os.dup(old); os.dup2(new.fileno(), old)")
    third = scan(child.pid, second)
    change = descriptors.change(second, third)
    assert len(change.born) == 2
    assert len(change.died) == 1


@linux
def test_a_socket_is_unlisted_after_two_scans_and_its_peer_is_remembered(child: Child) -> None:
    # Reset by its peer, it is in no table any more, and still open: what a forgotten connection becomes.
    before = scan(child.pid)
    child.does("import struct; linger = struct.pack('ii', 1, 0)")
    child.does("server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger); server.close()")
    first = scan(child.pid, before)
    second = scan(child.pid, first)
    assert (first.counts.sockets_unlisted, second.counts.sockets_unlisted) == (0, 1)
    (lost,) = (each for each in second.descriptors.values() if not each.listed)
    assert (lost.state, lost.label, lost.peer) == ("unlisted", f"tcp out :{child.port}", f"127.0.0.1:{child.port}")
    assert second.counts.n_sockets == before.counts.n_sockets - 1


@linux
def test_the_recorders_own_connection_is_left_out(child: Child) -> None:
    before = scan(child.pid)
    with socket.create_connection(("127.0.0.1", child.port)) as mine:
        child.does("theirs = listener.accept()[0]")
        own = Connection(Address(*mine.getsockname()), Address(*mine.getpeername()))
        counts = scan(child.pid, own=[own]).counts
        assert counts.own == 1
        assert counts._replace(own=0) == before.counts
        assert scan(child.pid).counts.n_sockets == before.counts.n_sockets + 1


def test_no_such_process(tmp_path: Path) -> None:
    with pytest.raises(ProcessGone):
        scan(7, proc=FakeProc(tmp_path / "proc").root)


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's process")
def test_descriptors_of_another_user_are_not_permitted(child: Child) -> None:
    look = f"try: descriptors.scan({child.pid})\nexcept PermissionError: print('refused')"
    drop = f"import os; os.setgid(65534); os.setuid(65534)\n{look}"
    # Imported before the rights are dropped: nobody may not be able to read this folder.
    run = subprocess.run(
        [sys.executable, "-c", f"from relengtools.leaks import descriptors\n{drop}"], capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("refused\n", "")


def test_a_file_that_may_not_be_looked_at_is_of_kind_other(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7, fds={0: "/nowhere/file-1", 1: "pipe:[5]", 2: "anon_inode:bpf-map", 3: "/memfd:x (deleted)"})
    found = scan(7, proc=proc.root)
    assert {each.key.fd: (each.kind, each.label) for each in found.descriptors.values()} == {
        0: (Kind.OTHER, "/nowhere/file-N"),
        1: (Kind.PIPE, "pipe"),
        2: (Kind.ANON, "bpf-map"),
        3: (Kind.OTHER, "/memfd:x (deleted)"),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_what_is_known_of_a_socket_is_kept_while_its_state_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        served = listener.accept()[0]
        first = scan(os.getpid())
        copy = os.dup(client.fileno())
        second = scan(os.getpid(), first)
        keys = {each.key for each in second.descriptors.values()}
        assert {each.key for each in first.descriptors.values() if each.key.inode} <= keys
        (mine,) = [each for each in second.descriptors.values() if each.key.fd == client.fileno()]
        (doubled,) = [each for each in second.descriptors.values() if each.key.fd == copy]
        assert doubled == mine._replace(key=doubled.key)
        served.close()
        third = scan(os.getpid(), second)
        (closed,) = [each for each in third.descriptors.values() if each.key.fd == client.fileno()]
        assert (mine.state, closed.state) == ("established", "close_wait")
        assert (closed.label, closed.local, closed.peer) == (mine.label, mine.local, mine.peer)
        os.close(copy)
        client.close()


@linux
def test_a_connection_is_silent_until_it_is_spoken_to(child: Child) -> None:
    def heard(found: descriptors.Scan) -> dict[str, int]:
        labels = {each.key: each.label for each in found.descriptors.values()}
        return {labels[key]: ms for key, ms in descriptors.silence(found)}

    first = scan(child.pid)
    child.does("import time; time.sleep(0.2); client.send(b'x'); server.recv(1)")
    if not first.silent:
        pytest.skip("this kernel has no sock_diag")
    second = heard(scan(child.pid, first))
    assert second.keys() == {f"tcp in :{child.port}", f"tcp out :{child.port}"}
    assert second[f"tcp in :{child.port}"] + 150 < second[f"tcp out :{child.port}"]


@linux
def test_a_number_that_is_used_again_is_a_death_and_a_birth(child: Child) -> None:
    first = scan(child.pid)
    child.does("old = client.fileno(); os.dup2(poll.fileno(), old)")
    second = scan(child.pid, first)
    born, died, altered = descriptors.change(first, second)
    assert [each.label for each in born] == ["[eventpoll]"]
    assert [key.fd for key in died] == [born[0].key.fd]
    assert [(each.label, each.state) for each in altered] == [(f"tcp in :{child.port}", "close_wait")]
    assert second.counts.n_sockets == first.counts.n_sockets - 1
    assert died[0].inode not in second.states
    assert descriptors.change(second, scan(child.pid, second)) == ([], [], [])


@linux
def test_a_socket_that_gets_its_address_later_is_listed_then(child: Child) -> None:
    child.does("late = socket.socket()")
    first = scan(child.pid)
    second = scan(child.pid, first)
    assert second.counts.sockets_unlisted == 1
    child.does("late.connect(listener.getsockname())")
    third = scan(child.pid, second)
    (late,) = (each for each in third.descriptors.values() if each.key in second.unlisted)
    assert (late.label, late.state, late.listed) == (f"tcp out :{child.port}", "established", True)
    assert (third.counts.sockets_unlisted, third.unlisted) == (0, frozenset())


@linux
def test_scans_one_after_the_other_find_what_one_alone_finds(child: Child) -> None:
    """Nearly all is taken over from the scan before: it is what a scan from nothing says, but for what was unlisted."""
    before = scan(child.pid)
    for line in (
        "more = [os.dup(client.fileno()) for _ in range(3)]; pipes = [os.pipe() for _ in range(3)]",
        "os.close(more.pop()); pair[0].close(); extra = socket.create_connection(listener.getsockname())",
        "taken = listener.accept()[0]; os.dup2(taken.fileno(), more[0]); files.pop().close()",
        "server.close(); listener.close(); [os.close(fd) for two in pipes for fd in two]",
    ):
        child.does(line)
        after = scan(child.pid, before)
        alone = scan(child.pid)
        assert {fd: each.key for fd, each in after.descriptors.items()} == {
            fd: each.key for fd, each in alone.descriptors.items()
        }
        assert {fd: each.state for fd, each in after.descriptors.items()} == {
            fd: each.state for fd, each in alone.descriptors.items()
        }
        assert (after.counts, after.states) == (alone.counts, alone.states)
        before = after
