"""The sockets of a process: inode -> family, state, addresses.

The kernel is asked for internet sockets by sock_diag(7), which sees our own network namespace only; for another one,
and for all other families, /proc/PID/net has them. Neither needs a right.
"""

import os
import socket
import struct
from array import array
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

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
    """One row of the tables; `local` and `peer` are set for internet sockets, `path` for unix ones."""

    family: str
    state: str
    local: Address | None = None
    peer: Address | None = None
    path: str = ""


class Table(NamedTuple):
    """What the kernel tells of the wanted sockets, by inode: the state of each, and of those that aren't in the state
    in which they are known all else; for how many ms an open TCP connection has received nothing (where sock_diag is
    there); and the local TCP ports that anybody in the namespace listens on.
    """

    states: dict[int, str]
    sockets: dict[int, Socket]
    silent: dict[int, int]
    listening: set[int]


def nothing() -> Table:
    """A table without a socket."""
    return Table({}, {}, {}, set())


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


def read_inet(net: Path, family: str, wanted: frozenset[int], known: Mapping[int, str], table: Table) -> None:
    """Add the rows of one internet table that are wanted."""
    for row in lines(net / family):
        state, inode = int(row[3], 16), int(row[9])
        if state == LISTEN and family.startswith("tcp"):
            table.listening.add(int(row[1].rpartition(":")[2], 16))
        if inode in wanted:
            table.states[inode] = TCP_STATES[state]
            if known.get(inode) != TCP_STATES[state]:
                local, peer = parse_address(row[1]), parse_address(row[2])
                table.sockets[inode] = Socket(family, TCP_STATES[state], local, peer)


def read_unix(net: Path, wanted: frozenset[int], known: Mapping[int, str], table: Table) -> None:
    """Num, RefCount, Protocol, Flags, Type, St, Inode, Path; the flag 0x10000 is __SO_ACCEPTCON."""
    for row in lines(net / "unix"):
        if (inode := int(row[6])) in wanted:
            state = "listen" if int(row[3], 16) & 0x10000 else UNIX_STATES.get(int(row[5], 16), "unknown")
            table.states[inode] = state
            if known.get(inode) != state:
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
# In these: idiag_state, idiag_sport, idiag_src, idiag_dst, idiag_inode.
STATE, PORT, SOURCE, DESTINATION, INODE = 17, 20, 24, 40, 84
ATTRIBUTE = struct.Struct("=HH")
INET_DIAG_INFO = 2
# tcp_info.tcpi_last_data_recv behind the header of the attribute, linux/tcp.h
LAST_DATA_RECV = ATTRIBUTE.size + 52
# Before a connection is open, it says nothing.
OPENED = bytes(map(TCP_STATES.index, ("established", "fin_wait1", "fin_wait2", "close_wait", "last_ack", "closing")))
DIAGNOSED = {
    "tcp": (socket.AF_INET, socket.IPPROTO_TCP),
    "tcp6": (socket.AF_INET6, socket.IPPROTO_TCP),
    "udp": (socket.AF_INET, socket.IPPROTO_UDP),
    "udp6": (socket.AF_INET6, socket.IPPROTO_UDP),
}


class Run(NamedTuple):
    """Messages of one length in `data`, `step` bytes each from `at` on, as columns; ports as they came.

    `silent` has tcpi_last_data_recv in ms, where all of them tell it.
    """

    data: bytes
    at: int
    step: int
    states: bytes
    ports: "array[int]"
    inodes: "array[int]"
    silent: "array[int] | None"


def dump(netlink: socket.socket, family: int, protocol: int, extensions: int = 0) -> Iterator[Run]:
    """The sockets of a dump; raises OSError."""
    states = ~(1 << TIME_WAIT) & 0xFFF
    # The protocol of MPTCP doesn't fit the byte that the request has for it: it goes into an attribute.
    extra = PROTOCOL.pack(PROTOCOL.size, INET_DIAG_REQ_PROTOCOL, protocol) if protocol > 255 else b""
    size = REQUEST.size + len(extra)
    asked = (family, protocol & 255, extensions, 0, states)
    netlink.send(REQUEST.pack(size, SOCK_DIAG_BY_FAMILY, DUMP, 1, 0, *asked) + extra)
    while True:
        data = netlink.recv(1 << 17)
        found, done = runs(data)
        yield from found
        if done:
            return


def runs(data: bytes) -> tuple[list[Run], bool]:
    """The messages of a portion, and whether it was the last one; raises OSError.

    Nearly all have the same length, and their parts the same places: there may be tens of thousands, so they are taken
    apart by slices.
    """
    found: list[Run] = []
    words, halves = array("I", data[: len(data) & ~3]), array("H", data[: len(data) & ~1])
    at = 0
    while at + HEADER.size <= len(data):
        length, kind = HEADER.unpack_from(data, at)
        if kind == NLMSG_DONE:
            return found, True
        if kind == NLMSG_ERROR or length < LEAST:
            raise OSError("sock_diag refused")
        step = (length + 3) & ~3
        info = information(data, at, at + length)
        # Length, type, and the head of the attribute: where they are the same, so is all that they say.
        heads = (at, at + 4) if info is None else (at, at + 4, info)
        count = min(alike(words[head // 4 :: step // 4]) for head in heads)
        stop = at + count * step
        found.append(
            Run(
                *(data, at, step),
                states=data[at + STATE : stop : step],
                ports=halves[(at + PORT) // 2 : stop // 2 : step // 2],
                inodes=words[(at + INODE) // 4 : stop // 4 : step // 4],
                silent=None if info is None else words[(info + LAST_DATA_RECV) // 4 : stop // 4 : step // 4],
            )
        )
        at = stop
    return found, False


def alike(column: "array[int]") -> int:
    """How many values in front are the same."""
    first = column[0]
    return len(column) if column.count(first) == len(column) else next(n for n, v in enumerate(column) if v != first)


def information(data: bytes, at: int, end: int) -> int | None:
    """Where the tcp_info of the message from `at` to `end` is, the head of the attribute; None where it has none."""
    at += LEAST
    while at + ATTRIBUTE.size <= end:
        size, kind = ATTRIBUTE.unpack_from(data, at)
        if kind == INET_DIAG_INFO and LAST_DATA_RECV + 4 <= size <= end - at:
            return at
        at += max((size + 3) & ~3, ATTRIBUTE.size)
    return None


def diagnose(
    netlink: socket.socket,
    name: str,
    family: int,
    protocol: int,
    wanted: frozenset[int],
    known: Mapping[int, str],
    table: Table,
) -> None:
    """Add the sockets of one family and protocol that are wanted."""
    # The one that MPTCP tells is another structure.
    extensions = 1 << (INET_DIAG_INFO - 1) if protocol == socket.IPPROTO_TCP else 0
    for run in dump(netlink, family, protocol, extensions):
        if protocol != socket.IPPROTO_UDP and LISTEN in run.states:
            ports = zip(run.states, run.ports, strict=True)
            table.listening.update(socket.ntohs(port) for state, port in ports if state == LISTEN)
        mine = {
            inode: TCP_STATES[state] for inode, state in zip(run.inodes, run.states, strict=True) if inode in wanted
        }
        table.states.update(mine)
        if fresh := {inode: state for inode, state in mine.items() if known.get(inode) != state}:
            table.sockets.update(details(run, name, family, fresh))
        if run.silent and mine:
            rows = zip(run.inodes, run.states, run.silent, strict=True)
            table.silent.update((inode, ms) for inode, state, ms in rows if inode in mine and state in OPENED)


def details(run: Run, name: str, family: int, fresh: Mapping[int, str]) -> Iterator[tuple[int, Socket]]:
    """What those sockets of the run are whose states are given."""
    width = 4 if family == socket.AF_INET else 16
    for number, inode in enumerate(run.inodes):
        if state := fresh.get(inode):
            at = run.at + number * run.step
            here, there = struct.unpack_from(">HH", run.data, at + PORT)
            local = address(run.data[at + SOURCE : at + SOURCE + width], here)
            peer = address(run.data[at + DESTINATION : at + DESTINATION + width], there)
            yield inode, Socket(name, state, local, peer)


def same_namespace(pid: int, proc: Path) -> bool:
    """Whether the process is in our network namespace, as far as these rights tell."""
    try:
        return os.readlink(proc / "self/ns/net") == os.readlink(proc / str(pid) / "ns/net")  # noqa: PTH115
    except OSError:
        return False


def table(
    pid: int, wanted: frozenset[int], proc: Path = PROC, known: Mapping[int, str] = MappingProxyType({})
) -> Table:
    """The `wanted` sockets (inodes) of a process; `known` are the states of those whose addresses are known."""
    found = nothing()
    net = proc / str(pid) / "net"
    rest: tuple[str, ...] = INET
    if same_namespace(pid, proc):
        try:
            ask_kernel(wanted, known, found)
            rest = INET[len(DIAGNOSED) :]
        except OSError:
            found = nothing()
    for family in rest:
        read_inet(net, family, wanted, known, found)
    read_unix(net, wanted, known, found)
    for family, column in INODE_COLUMN.items():
        for inode in {int(row[column]) for row in lines(net / family)} & wanted:
            found.states[inode] = "open"
            if inode not in known:
                found.sockets[inode] = Socket(family, "open")
    return found


def ask_kernel(wanted: frozenset[int], known: Mapping[int, str], found: Table) -> None:
    """The internet sockets of our own namespace; raises OSError where the kernel lacks sock_diag."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, SOCK_DIAG) as netlink:
        netlink.settimeout(5)
        for name, (family, protocol) in DIAGNOSED.items():
            diagnose(netlink, name, family, protocol, wanted, known, found)
            # What is new needs all listeners.
            if not found.sockets and wanted <= found.states.keys():
                return
        # Go >= 1.24 listens by MPTCP; kernels without it take the request for TCP or refuse it.
        for name, family in (("mptcp", socket.AF_INET), ("mptcp6", socket.AF_INET6)):
            if unknown := wanted - found.states.keys():
                with suppress(OSError):
                    diagnose(netlink, name, family, IPPROTO_MPTCP, unknown, known, found)
