import os
import socket
import struct
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    table = sockets.table(os.getpid(), wanted, proc)
    assert table.states == {inode: entry.state for inode, entry in table.sockets.items()}
    return table.sockets


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
        states = table.states | {inode(client): "established"}
        again = sockets.table(os.getpid(), wanted, known=states)
        assert again.states == table.states
        assert again.sockets.keys() & {inode(listener), inode(client), inode(datagram)} == {inode(client)}
        assert again.sockets[inode(client)] == found
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


@linux
def test_how_long_a_connection_has_been_silent_is_known_at_every_look() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with client, accepted, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.bind(("127.0.0.1", 0))
            numbers = frozenset(map(inode, (listener, client, accepted, datagram)))
            first = sockets.table(os.getpid(), numbers)
            time.sleep(0.3)
            accepted.sendall(b"x")
            client.recv(1)
            second = sockets.table(os.getpid(), numbers, known=first.states)
            if not first.silent:
                pytest.skip("this kernel has no sock_diag")
            assert first.silent.keys() == second.silent.keys() == {inode(client), inode(accepted)}
            assert second.silent[inode(accepted)] >= 300
            assert second.silent[inode(client)] < second.silent[inode(accepted)]


def message(length: int, inode: int, *, state: int = 1, info: bytes = b"", kind: int = 20) -> bytes:
    """A netlink message of sock_diag: header, inet_diag_msg, and an attribute INET_DIAG_INFO."""
    attribute = sockets.ATTRIBUTE.pack(4 + len(info), sockets.INET_DIAG_INFO) + info if info else b""
    head = struct.pack("=IHHII", length, kind, 2, 1, 0) + struct.pack("=BBBB", 2, state, 0, 0)
    body = head + struct.pack(">HH", 7000, inode) + bytes(sockets.INODE - 24) + struct.pack("=I", inode) + attribute
    assert len(body) <= length
    return body + bytes(-length % 4 + length - len(body))


def silent(ms: int, size: int = 56) -> bytes:
    return (bytes(52) + struct.pack("=I", ms) + bytes(100))[:size]


def test_a_portion_is_taken_apart_in_runs_of_the_same_shape() -> None:
    plain, long = sockets.LEAST, sockets.LEAST + 4 + 156
    portion = b"".join(
        [
            *(message(plain, n) for n in (1, 2)),
            *(message(long, n, info=silent(n * 1000, 156)) for n in (3, 4, 5)),
            message(long, 6, info=silent(6000, 60)),
            message(plain + 2, 7, state=10),
            struct.pack("=IHHIII", 20, sockets.NLMSG_DONE, 2, 1, 0, 0),
        ]
    )
    found, done = sockets.runs(portion)
    assert done
    assert [run.inodes.tolist() for run in found] == [[1, 2], [3, 4, 5], [6], [7]]
    assert [run.silent and run.silent.tolist() for run in found] == [None, [3000, 4000, 5000], [6000], None]
    assert [run.states for run in found] == [b"\1\1", b"\1\1\1", b"\1", b"\n"]
    assert {socket.ntohs(port) for run in found for port in run.ports} == {7000}
    assert not sockets.runs(portion[:-20])[1]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)), max_size=40))
def test_every_message_of_a_portion_is_in_one_run(told: list[tuple[bool, int, int]]) -> None:
    bodies = [
        message(sockets.LEAST + 60 * tells, inode, info=silent(ms) if tells else b"") for tells, inode, ms in told
    ]
    found, done = sockets.runs(b"".join(bodies))
    assert not done
    assert [inode for run in found for inode in run.inodes] == [inode for _, inode, _ in told]
    heard = [ms for run in found for ms in (run.silent or [None] * len(run.inodes))]
    assert heard == [ms if tells else None for tells, _, ms in told]


@pytest.mark.parametrize(
    "portion", [message(sockets.LEAST, 1, kind=sockets.NLMSG_ERROR), struct.pack("=IH", 16, 20) * 4]
)
def test_what_is_no_dump_is_refused(portion: bytes) -> None:
    with pytest.raises(OSError, match="refused"):
        sockets.runs(portion)


def test_an_attribute_that_ends_too_soon_tells_nothing() -> None:
    for info in (silent(5, 40), b""):
        (run,), _ = sockets.runs(message(sockets.LEAST + 60, 1, info=info))
        assert run.silent is None
