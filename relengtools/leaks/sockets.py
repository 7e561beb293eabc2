"""The sockets of a process: inode -> family, state, addresses.

The kernel is asked for internet sockets by sock_diag(7), which sees our own network namespace only; for another one,
and for all other families, /proc/PID/net has them. Neither needs a right.
"""

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from relengtools.leaks.process import PROC

# include/net/tcp_states.h
TCP_STATES = [
    *("unknown", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait"),
    *("last_ack", "listen", "closing", "new_syn_recv"),
]
LISTEN, TIME_WAIT = TCP_STATES.index("listen"), TCP_STATES.index("time_wait")
UNIX_STATES = {1: "unconnected", 2: "connecting", 3: "connected", 4: "disconnecting"}
INET = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6")
# Where the inode stands in the tables that say no more of a socket than that it exists.
INODE_COLUMN = {"netlink": 9, "packet": 8}


class Address(NamedTuple):
    """An IP address in its canonical text, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Socket(NamedTuple):
    """One row of the tables; `local` and `peer` are set for internet sockets, `path` for unix ones.

    `silent_ms`: for how long a TCP socket has received no data, where that was asked for.
    """

    family: str
    state: str
    local: Address | None = None
    peer: Address | None = None
    path: str = ""
    silent_ms: int | None = None


class Stated(Protocol):
    """What is known of a socket: the state that it was in."""

    @property
    def state(self) -> str: ...


class Table(NamedTuple):
    """The wanted sockets by inode, and the local TCP ports that anybody in the namespace listens on."""

    sockets: dict[int, Socket]
    listening: set[int]


@lru_cache
def host(packed: bytes) -> str:
    """4 or 16 bytes in network order; v4 in v6 is told as v4. Thousands of sockets share one text."""
    text = socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
    return text.removeprefix("::ffff:") if "." in text else text


def address(packed: bytes, port: int) -> Address:
    """The address of these bytes, and a port."""
    return Address(host(packed), port)


def parse_address(text: str) -> Address:
    """`0100007F:1B58`: 32-bit words in the byte order of the host, then the port."""
    digits, _, port = text.partition(":")
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    return address(struct.pack(f"={len(words)}I", *words), int(port, 16))


def lines(path: Path) -> Iterator[list[str]]:
    """The rows of a table below its heading; nothing where this kernel doesn't have the table."""
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError, PermissionError):
        return
    for line in text.split("\n")[1:]:
        if row := line.split():
            yield row


def read_inet(net: Path, family: str, wanted: frozenset[int], table: Table) -> None:
    """Add the rows of one internet table that are wanted."""
    for row in lines(net / family):
        state, inode = int(row[3], 16), int(row[9])
        if state == LISTEN and family.startswith("tcp"):
            table.listening.add(int(row[1].rpartition(":")[2], 16))
        if inode in wanted:
            table.sockets[inode] = Socket(family, TCP_STATES[state], parse_address(row[1]), parse_address(row[2]))


def read_unix(net: Path, wanted: frozenset[int], table: Table) -> None:
    """Num, RefCount, Protocol, Flags, Type, St, Inode, Path; the flag 0x10000 is __SO_ACCEPTCON."""
    for row in lines(net / "unix"):
        if (inode := int(row[6])) in wanted:
            state = "listen" if int(row[3], 16) & 0x10000 else UNIX_STATES.get(int(row[5], 16), "unknown")
            table.sockets[inode] = Socket("unix", state, path=" ".join(row[7:]))


# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST = struct.Struct("=IHHII BBBBI 48x")
PROTOCOL = struct.Struct("=HHI")
INET_DIAG_REQ_PROTOCOL = 3
IPPROTO_MPTCP = 262
HEADER = struct.Struct("=IH")
# A netlink header and an inet_diag_msg.
LEAST = 16 + 72
ATTRIBUTES_AT = 16 + 72
ATTRIBUTE = struct.Struct("=HH")
INET_DIAG_INFO = 2
# tcp_info.tcpi_last_data_recv, linux/tcp.h
LAST_DATA_RECV = struct.Struct("=52xI")
DIAGNOSED = {
    "tcp": (socket.AF_INET, socket.IPPROTO_TCP),
    "tcp6": (socket.AF_INET6, socket.IPPROTO_TCP),
    "udp": (socket.AF_INET, socket.IPPROTO_UDP),
    "udp6": (socket.AF_INET6, socket.IPPROTO_UDP),
}


# Of an inet_diag_msg: data and the offset of its netlink header in it, state, local port as it came, inode.
Message = tuple[bytes, int, int, int, int]


def dump(netlink: socket.socket, family: int, protocol: int, extensions: int = 0) -> Iterator[list[Message]]:
    """The sockets of a dump in portions; raises OSError."""
    states = ~(1 << TIME_WAIT) & 0xFFF
    # The protocol of MPTCP doesn't fit the byte that the request has for it: it goes into an attribute.
    extra = PROTOCOL.pack(PROTOCOL.size, INET_DIAG_REQ_PROTOCOL, protocol) if protocol > 255 else b""
    size = REQUEST.size + len(extra)
    asked = (family, protocol & 255, extensions, 0, states)
    netlink.send(REQUEST.pack(size, SOCK_DIAG_BY_FAMILY, DUMP, 1, 0, *asked) + extra)
    while True:
        data = netlink.recv(1 << 17)
        found, done = messages(data)
        yield found
        if done:
            return


@lru_cache
def message_of(length: int) -> struct.Struct:
    """A message of this length: length and type, then idiag_state, idiag_sport, idiag_inode."""
    return struct.Struct(f"=IH11xB2xH62xI{length - LEAST}x")


def messages(data: bytes) -> tuple[list[Message], bool]:
    """The messages of a portion, and whether it was the last one; raises OSError.

    Nearly all have the same length, so they are taken apart a run at a time: there may be tens of thousands.
    """
    found: list[Message] = []
    at = 0
    while at + HEADER.size <= len(data):
        length, kind = HEADER.unpack_from(data, at)
        if kind == NLMSG_DONE:
            return found, True
        if kind == NLMSG_ERROR or length < LEAST:
            raise OSError("sock_diag refused")
        step = (length + 3) & ~3
        run = memoryview(data)[at : at + (len(data) - at) // step * step]
        for size, type_, state, port, inode in message_of(step).iter_unpack(run):
            if size != length or type_ != kind:
                break
            found.append((data, at, state, port, inode))
            at += step
    return found, False


def silent_ms(data: bytes, at: int) -> int | None:
    """How long the TCP socket of the message at `at` has received no data, by its tcp_info; None where it has none."""
    (length, _) = HEADER.unpack_from(data, at)
    end, at = at + length, at + ATTRIBUTES_AT
    while at + ATTRIBUTE.size <= end:
        size, kind = ATTRIBUTE.unpack_from(data, at)
        if kind == INET_DIAG_INFO and size >= ATTRIBUTE.size + LAST_DATA_RECV.size:
            return int(LAST_DATA_RECV.unpack_from(data, at + ATTRIBUTE.size)[0])
        at += max((size + 3) & ~3, ATTRIBUTE.size)
    return None


@lru_cache
def unchanged(family: str, state: str) -> Socket:
    """A socket whose addresses are known already."""
    return Socket(family, state)


def diagnose(
    netlink: socket.socket,
    name: str,
    family: int,
    protocol: int,
    wanted: frozenset[int],
    known: Mapping[int, Stated],
    table: Table,
    silence: bool,
) -> None:
    """Add the sockets of one family and protocol that are wanted; without addresses where the state is as known."""
    width = 4 if family == socket.AF_INET else 16
    info = silence and protocol != socket.IPPROTO_UDP
    same = [unchanged(name, state) for state in TCP_STATES]
    for portion in dump(netlink, family, protocol, 1 << (INET_DIAG_INFO - 1) if info else 0):
        for data, at, state, port, inode in portion:
            if state == LISTEN and protocol != socket.IPPROTO_UDP:
                table.listening.add(socket.ntohs(port))
            if inode not in wanted:
                continue
            if (old := known.get(inode)) and old.state == TCP_STATES[state]:
                table.sockets[inode] = same[state]
                continue
            here, there = struct.unpack_from(">HH", data, at + 20)
            local = address(data[at + 24 : at + 24 + width], here)
            peer = address(data[at + 40 : at + 40 + width], there)
            silent = silent_ms(data, at) if info and state != LISTEN else None
            table.sockets[inode] = Socket(name, TCP_STATES[state], local, peer, silent_ms=silent)


def same_namespace(pid: int, proc: Path) -> bool:
    """Whether the process is in our network namespace, as far as these rights tell."""
    try:
        return os.readlink(proc / "self/ns/net") == os.readlink(proc / str(pid) / "ns/net")  # noqa: PTH115
    except OSError:
        return False


def table(
    pid: int,
    wanted: frozenset[int],
    proc: Path = PROC,
    known: Mapping[int, Stated] = MappingProxyType({}),
    *,
    silence: bool = False,
) -> Table:
    """The `wanted` sockets (inodes) of a process; one in its `known` state may come without its addresses.

    With `silence`, TCP sockets tell for how long they have been silent, where sock_diag is there.
    """
    found = Table({}, set())
    net = proc / str(pid) / "net"
    rest: tuple[str, ...] = INET
    if same_namespace(pid, proc):
        try:
            ask_kernel(wanted, known, found, silence)
            rest = INET[len(DIAGNOSED) :]
        except OSError:
            found = Table({}, set())
    for family in rest:
        read_inet(net, family, wanted, found)
    read_unix(net, wanted, found)
    for family, column in INODE_COLUMN.items():
        inodes = {int(row[column]) for row in lines(net / family)}
        found.sockets.update((inode, Socket(family, "open")) for inode in inodes & wanted)
    return found


def ask_kernel(wanted: frozenset[int], known: Mapping[int, Stated], found: Table, silence: bool) -> None:
    """The internet sockets of our own namespace; raises OSError where the kernel lacks sock_diag."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, SOCK_DIAG) as netlink:
        netlink.settimeout(5)
        for name, (family, protocol) in DIAGNOSED.items():
            diagnose(netlink, name, family, protocol, wanted, known, found, silence)
        # Go >= 1.24 listens by MPTCP; kernels without it take the request for TCP or refuse it.
        for name, family in (("mptcp", socket.AF_INET), ("mptcp6", socket.AF_INET6)):
            if unknown := wanted - found.sockets.keys():
                with suppress(OSError):
                    diagnose(netlink, name, family, IPPROTO_MPTCP, unknown, known, found, silence)
