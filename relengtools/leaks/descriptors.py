"""What the descriptors of a process are: kinds and classes, births and deaths between two scans."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import printable
from relengtools.leaks import sockets
from relengtools.leaks.process import PROC, ProcessGone
from relengtools.leaks.sockets import Address, Socket, Table


class Kind(StrEnum):
    """What a descriptor is open on."""

    SOCKET = "socket"
    FILE = "file"
    PIPE = "pipe"
    ANON = "anon_inode"
    OTHER = "other"


class Key(NamedTuple):
    """What makes a descriptor the same one in two scans.

    Anonymous inodes share one number, so theirs is the link target; that of a file changes when it is renamed.
    """

    fd: int
    inode: int
    device: int
    target: str


class Descriptor(NamedTuple):
    """One open descriptor: `label` is its class (no number of its own in it), `state` to `silent_ms` are a socket's.

    `silent_ms`: how long nothing had been received when it was first seen, known of TCP in the first scan.
    """

    key: Key
    kind: Kind
    label: str
    state: str = ""
    local: str = ""
    peer: str = ""
    listed: bool = True
    silent_ms: int | None = None


class Counts(NamedTuple):
    """The row of a scan; `own` are there only because the recorder scrapes, and left out of all the others."""

    n_sockets: int
    n_reg_files: int
    n_pipes: int
    n_anon_inode: int
    n_other: int
    tcp_established: int
    tcp_close_wait: int
    sockets_unlisted: int
    own: int


class Scan(NamedTuple):
    """All descriptors of a process at one moment; `sockets` are those by inode that are in a table."""

    counts: Counts
    descriptors: dict[Key, Descriptor]
    unlisted: frozenset[Key]
    sockets: dict[int, Descriptor]


class Connection(NamedTuple):
    """A connection of the recorder to the target, as the recorder sees it."""

    local: Address
    peer: Address


DIGITS = re.compile(r"\d+")
LINK = re.compile(r"(pipe):\[(\d+)\]$")
SOCKET = "socket:["


def masked(target: str) -> str:
    """The target with every run of digits as N, so that `logs/17/a.log` and `logs/18/a.log` are one class.

    A name is any bytes; what is no UTF-8 in it is escaped, for a recording holds text.
    """
    return printable(DIGITS.sub("N", target))


def links(pid: int, proc: Path = PROC) -> list[tuple[int, str]]:
    """(fd, link target) of every open descriptor; raises ProcessGone, PermissionError."""
    folder = proc / str(pid) / "fd"
    readlink = os.readlink
    found: list[tuple[int, str]] = []
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in os.listdir(directory):  # noqa: PTH208  Path has no dir_fd
                # One may be closed since it was listed.
                try:
                    found.append((int(name), readlink(name, dir_fd=directory)))
                except FileNotFoundError:
                    continue
        finally:
            os.close(directory)
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessGone from None
    return found


def opened_file(folder: Path, fd: int, target: str) -> Descriptor:
    """A descriptor with a path: what it is, and its inode and device, by stat through the link."""
    try:
        status = (folder / str(fd)).stat()
    except OSError:
        return Descriptor(Key(fd, 0, 0, target), Kind.OTHER, masked(target))
    kind = Kind.OTHER
    if stat.S_ISREG(status.st_mode):
        kind = Kind.FILE
    elif stat.S_ISFIFO(status.st_mode):
        kind = Kind.PIPE
    return Descriptor(Key(fd, status.st_ino, status.st_dev, ""), kind, masked(target))


def role(entry: Socket, listening: set[int]) -> str:
    """The class of an internet socket: `tcp in :7000` when somebody listens on its local port, else `tcp out :6667`."""
    family = entry.family.removeprefix("mp").removesuffix("6")
    if entry.local is None or entry.peer is None:
        return f"{family} {masked(entry.path)}".strip()
    if entry.state == "listen" or (not entry.peer.port and entry.local.port):
        return f"{family} {'listen' if family == 'tcp' else 'bound'} :{entry.local.port}"
    if not entry.peer.port:
        return f"{family} idle"
    if entry.local.port in listening:
        return f"{family} in :{entry.local.port}"
    return f"{family} out :{entry.peer.port}"


def opened_socket(key: Key, entry: Socket | None, listening: set[int]) -> Descriptor:
    """A socket, by what the tables say of it."""
    if entry is None:
        return Descriptor(key, Kind.SOCKET, "unlisted", listed=False)
    local, peer = (str(address) if address else "" for address in (entry.local, entry.peer))
    return Descriptor(key, Kind.SOCKET, role(entry, listening), entry.state, local, peer, silent_ms=entry.silent_ms)


def describe(fd: int, target: str, folder: Path, table: Table, known: Mapping[int, Descriptor]) -> Descriptor:
    """One descriptor, by its link target; a socket in the state in which it is `known` is what it was."""
    if target.startswith(SOCKET):
        inode = int(target[len(SOCKET) : -1])
        entry, old = table.sockets.get(inode), known.get(inode)
        if entry and old and entry.state == old.state:
            return old if old.key.fd == fd else old._replace(key=Key(fd, inode, 0, "socket"))
        return opened_socket(Key(fd, inode, 0, "socket"), entry, table.listening)
    if link := LINK.match(target):
        key = Key(fd, int(link[2]), 0, link[1])
        return Descriptor(key, Kind.PIPE, "pipe")
    if target.startswith("anon_inode:"):
        return Descriptor(Key(fd, 0, 0, target), Kind.ANON, masked(target.removeprefix("anon_inode:")))
    return opened_file(folder, fd, target)


def is_own(entry: Socket | None, connections: Iterable[Connection]) -> bool:
    """Whether the socket is the target's end of one of the recorder's connections."""
    return entry is not None and any(entry.local == c.peer and entry.peer == c.local for c in connections)


SORT = itemgetter(*map(Descriptor._fields.index, ("kind", "label", "state")))


def count(found: Iterable[Descriptor], unlisted: int, own: int) -> Counts:
    """The row of a scan."""
    kinds = dict.fromkeys(Kind, 0)
    states = {"established": 0, "close_wait": 0}
    for (kind, label, state), times in Counter(map(SORT, found)).items():
        kinds[kind] += times
        if state in states and label.startswith("tcp"):
            states[state] += times
    return Counts(
        n_sockets=kinds[Kind.SOCKET],
        n_reg_files=kinds[Kind.FILE],
        n_pipes=kinds[Kind.PIPE],
        n_anon_inode=kinds[Kind.ANON],
        n_other=kinds[Kind.OTHER],
        tcp_established=states["established"],
        tcp_close_wait=states["close_wait"],
        sockets_unlisted=unlisted,
        own=own,
    )


def scan(pid: int, before: Scan | None = None, own: Iterable[Connection] = (), proc: Path = PROC) -> Scan:
    """All descriptors now; `before` is the previous scan of the same process.

    A socket is counted as unlisted when it is in no table in two scans in a row: one scan alone meets sockets that were
    closed while it ran. Raises ProcessGone, PermissionError.
    """
    folder = proc / str(pid) / "fd"
    opened = links(pid, proc)
    familiar = before.sockets if before else {}
    wanted = frozenset(int(target[len(SOCKET) : -1]) for _, target in opened if target.startswith(SOCKET))
    table = sockets.table(pid, wanted, proc, familiar, silence=before is None) if wanted else sockets.Table({}, set())
    mine = {inode for inode, entry in table.sockets.items() if is_own(entry, own)} if own else set()
    found: dict[Key, Descriptor] = {}
    listed: dict[int, Descriptor] = {}
    unlisted: set[Key] = set()
    for fd, target in opened:
        inode = int(target[len(SOCKET) : -1]) if target.startswith(SOCKET) else -1
        if inode in mine:
            continue
        if twin := listed.get(inode):
            each = twin._replace(key=Key(fd, inode, 0, "socket"))
        else:
            each = describe(fd, target, folder, table, familiar)
        # Once known, what a socket was is remembered after it has left the tables.
        if not each.listed:
            if before and (known := before.descriptors.get(each.key)):
                each = known._replace(state="unlisted", listed=False)
            unlisted.add(each.key)
        elif inode >= 0:
            listed[inode] = each
            table.sockets.pop(inode, None)  # of ten thousand, both at once are too much
        found[each.key] = each
    twice = unlisted & before.unlisted if before else unlisted & set()
    counts = count(found.values(), len(twice), len(opened) - len(found))
    return Scan(counts, found, frozenset(unlisted), listed)


class Change(NamedTuple):
    """What happened to the descriptors between two scans; `altered` has those with a new state."""

    born: list[Descriptor]
    died: list[Key]
    altered: list[Descriptor]


def change(before: Scan | None, after: Scan) -> Change:
    """Births and deaths by key; without a scan before, all are born."""
    old = before.descriptors if before else {}
    new = after.descriptors
    return Change(
        born=[each for key, each in new.items() if key not in old],
        died=[key for key in old if key not in new],
        altered=[each for key, each in new.items() if key in old and old[key].state != each.state],
    )
