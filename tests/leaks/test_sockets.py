import os
import socket
import sys
import time
from pathlib import Path

import pytest
from leaks.fakeproc import UNIX_HEADING, FakeProc

from relengtools.leaks import sockets
from relengtools.leaks.sockets import Address, Socket

linux = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")


@pytest.mark.skipif(sys.byteorder == "big", reason="the texts are of a little-endian kernel")
@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0100007F:1B58", "127.0.0.1", 7000),
        ("00000000:0000", "0.0.0.0", 0),
        ("00000000000000000000000001000000:0050", "::1", 80),
        ("B80D01200000000000000000010000FE:FFFF", "2001:db8::fe00:1", 65535),
        ("0000000000000000FFFF00000100007F:1A0B", "127.0.0.1", 6667),
    ],
)
def test_an_address(text: str, host: str, port: int) -> None:
    assert sockets.parse_address(text) == (host, port)


def test_how_an_address_is_written() -> None:
    assert [str(Address("127.0.0.1", 1)), str(Address("::1", 2))] == ["127.0.0.1:1", "[::1]:2"]


def inode(of: socket.socket) -> int:
    return os.fstat(of.fileno()).st_ino


def in_state(wanted: frozenset[int], proc: Path) -> dict[int, Socket]:
    return sockets.table(os.getpid(), wanted, proc).sockets


@linux
@pytest.mark.parametrize("way", ["sock_diag", "procfs"])
def test_the_sockets_of_this_very_process(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "procfs":
        monkeypatch.setattr(sockets, "same_namespace", lambda pid, proc: False)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        listener.accept()[0] as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
        socket.socket() as unbound,
    ):
        datagram.bind(("127.0.0.1", 0))
        here, there = socket.socketpair()
        server.close()
        wanted = frozenset(map(inode, (listener, client, datagram, unbound, here, there)))
        table = sockets.table(os.getpid(), wanted)
        assert listener.getsockname()[1] in table.listening
        assert table.sockets[inode(listener)].state == "listen"
        found = table.sockets[inode(client)]
        assert (found.family, found.state) == ("tcp", "close_wait")
        assert (found.local, found.peer) == (client.getsockname(), client.getpeername())
        assert table.sockets[inode(datagram)].family == "udp"
        assert table.sockets[inode(here)].family == table.sockets[inode(there)].family == "unix"
        assert inode(unbound) not in table.sockets
        here.close()
        there.close()


@linux
def test_a_kernel_without_sock_diag_is_asked_by_procfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SOCK_DIAG", 200)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert in_state(frozenset({inode(listener)}), Path("/proc"))[inode(listener)].state == "listen"


@linux
@pytest.mark.skipif(not Path("/proc/sys/net/mptcp/enabled").exists(), reason="a kernel without MPTCP")
def test_a_multipath_listener_is_listed() -> None:
    try:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, sockets.IPPROTO_MPTCP)
    except OSError:
        pytest.skip("MPTCP is switched off")
    with listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert in_state(frozenset({inode(listener)}), Path("/proc"))[inode(listener)].state == "listen"


def test_tables_of_a_fake_process(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    proc.tcp(7, {10: ("0100007F:0050", "00000000:0000", "0A"), 0: ("0100007F:0050", "0100007F:8000", "06")})
    net = proc.root / "7/net"
    (net / "unix").write_text(
        f"{UNIX_HEADING}0000: 00000002 00000000 00010000 0001 01 11 /run/a b.sock\n"
        "0000: 00000003 00000000 00000000 0001 03 12\n"
    )
    (net / "netlink").write_text("sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\n0 0 1 00000000 0 0 0 2 0 13\n")
    table = sockets.table(7, frozenset({10, 11, 12, 13, 14, 0}), proc.root)
    assert table.listening == {80}
    assert {key: (each.family, each.state, each.path) for key, each in table.sockets.items() if key} == {
        10: ("tcp", "listen", ""),
        11: ("unix", "listen", "/run/a b.sock"),
        12: ("unix", "connected", ""),
        13: ("netlink", "open", ""),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="sock_diag is Linux's")
def test_how_long_a_connection_has_been_silent_is_known_at_the_first_look() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with client, accepted:
            time.sleep(0.3)
            accepted.sendall(b"x")
            client.recv(1)
            numbers = {os.fstat(each.fileno()).st_ino: each for each in (listener, client, accepted)}
            found = sockets.table(os.getpid(), frozenset(numbers), silence=True).sockets
            plain = sockets.table(os.getpid(), frozenset(numbers)).sockets
    silent = {numbers[inode]: entry.silent_ms for inode, entry in found.items()}
    assert {entry.silent_ms for entry in plain.values()} == {None}
    assert silent[listener] is None
    if silent[accepted] is not None:  # else this kernel has no sock_diag
        assert silent[accepted] >= 300
        assert silent[client] < silent[accepted]
