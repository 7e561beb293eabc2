"""What the descriptors of a process are: kinds and classes, births and deaths between two scans."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from sys import intern
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

    `silent_ms`: for how long a TCP connection had received nothing when it was first seen.
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
    """All descriptors of a process at one moment, by number.

    `states` (by inode) has the sockets that are in a table, and `silent` for how many ms those have received nothing
    that tell it.
    """

    counts: Counts
    descriptors: dict[int, Descriptor]
    unlisted: frozenset[Key]
    states: dict[int, str]
    silent: dict[int, int]


NOTHING = Scan(Counts(*[0] * 9), {}, frozenset(), {}, {})


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


def opened_socket(key: Key, table: Table, before: Descriptor | None) -> Descriptor:
    """A socket, by what the tables say of it; what it was `before` is remembered after it has left them."""
    # Of ten thousand, both at once are too much.
    if (entry := table.sockets.pop(key.inode, None)) is None:
        known = before if before and before.key == key else Descriptor(key, Kind.SOCKET, "unlisted")
        return known._replace(state="unlisted", listed=False)
    local, peer = (str(address) if address else "" for address in (entry.local, entry.peer))
    label, silent = intern(role(entry, table.listening)), table.silent.get(key.inode)
    return Descriptor(key, Kind.SOCKET, label, entry.state, local, peer, silent_ms=silent)


def describe(fd: int, target: str, folder: Path) -> Descriptor:
    """One descriptor that is no socket, by its link target."""
    if link := LINK.match(target):
        return Descriptor(Key(fd, int(link[2]), 0, link[1]), Kind.PIPE, "pipe")
    if target.startswith("anon_inode:"):
        return Descriptor(Key(fd, 0, 0, target), Kind.ANON, masked(target.removeprefix("anon_inode:")))
    return opened_file(folder, fd, target)


def is_own(entry: Socket, connections: Iterable[Connection]) -> bool:
    """Whether the socket is the target's end of one of the recorder's connections."""
    return any(entry.local == c.peer and entry.peer == c.local for c in connections)


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


def scan(pid: int, before: Scan = NOTHING, own: Iterable[Connection] = (), proc: Path = PROC) -> Scan:
    """All descriptors now; `before` is the previous scan of the same process: nearly all are what they were.

    A socket is counted as unlisted when it is in no table in two scans in a row: one scan alone meets sockets that were
    closed while it ran. Raises ProcessGone, PermissionError.
    """
    opened = dict(links(pid, proc))
    fresh = {fd: target for fd, target in opened.items() if not is_same(before.descriptors.get(fd), target)}
    inodes = {fd: int(target[len(SOCKET) : -1]) for fd, target in fresh.items() if target.startswith(SOCKET)}
    table = asked(pid, before, frozenset(inodes.values()), proc)
    mine = {inode for inode, entry in table.sockets.items() if is_own(entry, own)} if own else set()
    found = {fd: each for fd, each in before.descriptors.items() if fd in opened and fd not in fresh}
    moved = table.sockets.keys() | (before.states.keys() - table.states.keys())
    for fd, each in found.items() if moved else ():
        if each.key.inode in moved and each.kind is Kind.SOCKET:
            inodes[fd] = each.key.inode
    several = {inode for inode, times in Counter(inodes.values()).items() if times > 1}
    twins: dict[int, Descriptor] = {}
    for fd, inode in inodes.items():
        if inode not in mine:
            key, twin = Key(fd, inode, 0, "socket"), twins.get(inode)
            found[fd] = twin._replace(key=key) if twin else opened_socket(key, table, before.descriptors.get(fd))
            if inode in several and found[fd].listed:
                twins[inode] = found[fd]
    for fd in fresh.keys() - inodes.keys():
        found[fd] = describe(fd, fresh[fd], proc / str(pid) / "fd")
    for inode in table.states.keys() - {each.key.inode for each in found.values() if each.kind is Kind.SOCKET}:
        del table.states[inode]
    unlisted = frozenset(each.key for each in found.values() if not each.listed)
    counts = count(found.values(), len(unlisted & before.unlisted), len(opened) - len(found))
    return Scan(counts, found, unlisted, table.states, table.silent)


def asked(pid: int, before: Scan, fresh: frozenset[int], proc: Path) -> Table:
    """The tables of the sockets that were there and of the `fresh` ones, of which all is to be told."""
    old = {*before.states, *(key.inode for key in before.unlisted)}
    wanted = fresh | old if old else fresh
    known = {inode: state for inode, state in before.states.items() if inode not in fresh} if fresh else before.states
    return sockets.table(pid, wanted, proc, known) if wanted else sockets.nothing()


def is_same(each: Descriptor | None, target: str) -> bool:
    """Whether a descriptor that links to this is the one that it was: of a file, the link doesn't say."""
    if each is None or each.key.device:
        return False
    if each.kind is Kind.ANON:
        return target == each.key.target
    return each.kind is not Kind.OTHER and target == f"{each.key.target}:[{each.key.inode}]"


class Change(NamedTuple):
    """What happened to the descriptors between two scans; `altered` has those with a new state."""

    born: list[Descriptor]
    died: list[Key]
    altered: list[Descriptor]


def change(before: Scan, after: Scan) -> Change:
    """Births and deaths by key; without a scan before, all are born."""
    old, new = before.descriptors, after.descriptors
    moved = [(each, old.get(fd)) for fd, each in new.items() if old.get(fd) is not each]
    same = [(each, was) for each, was in moved if was and was.key == each.key]
    replaced = [each for each, was in moved if was is None or was.key != each.key]
    gone = [was.key for fd, was in old.items() if fd not in new]
    return Change(
        born=replaced,
        died=gone + [old[each.key.fd].key for each in replaced if each.key.fd in old],
        altered=[each for each, was in same if was.state != each.state],
    )


def silence(scan: Scan) -> Iterator[tuple[Key, int]]:
    """The TCP connections, and for how many ms each has received nothing."""
    silent = scan.silent
    return ((each.key, silent[each.key.inode]) for each in scan.descriptors.values() if each.key.inode in silent)
