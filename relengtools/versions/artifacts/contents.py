"""What an archive holds, and the bounds within which one is read; whatever breaks them is told and left unread."""

import hashlib
import posixpath
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice, takewhile
from typing import NamedTuple

from relengtools.errors import printable
from relengtools.findings import Rule
from relengtools.versions.catalogue_release import BROKEN, DUPLICATE_MEMBER, EXCESSIVE, UNSAFE_MEMBER

MEMBERS = 65_535
"""The most members that are read: what a zip can have without its extension for large archives."""
RATIO = 100
LEAST_BYTES = 64 * 2**20
MOST_BYTES = 16 * 2**30
CHUNK = 2**16
NAMES_BYTES = 12 * 2**20
KEPT_BYTES = 24 * 2**20
_TOLD = 10
_LONGEST = 200
_TEXT_BYTES = 8000

_DRIVE = re.compile(r"[A-Za-z]:")


class MemberKind(StrEnum):
    """What a member of an archive is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


class Member(NamedTuple):
    """A member: `size` in bytes as declared, `digest` the SHA-256 of a file's bytes (empty where it wasn't read).

    `target` is where a link leads, seen from the top of the archive; None where that is no path. `text` is the digest
    that doesn't depend on how lines end.
    """

    name: str
    kind: MemberKind
    size: int
    digest: bytes = b""
    target: str | None = ""
    text: bytes = b""


class Trouble(NamedTuple):
    """What is wrong with an archive, and the rule that says so."""

    rule: Rule
    message: str


class Contents(NamedTuple):
    """The members in their order, the bytes of those that were asked for, and what is wrong.

    `whole` says that all of it was read.
    """

    members: tuple[Member, ...] = ()
    kept: dict[str, bytes] = {}  # noqa: RUF012  (never changed)
    troubles: tuple[Trouble, ...] = ()
    whole: bool = True


class RefusedError(Exception):
    """The archive can't or mustn't be read on; carries the Trouble."""

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.trouble = Trouble(rule, message)


# How many bytes of a member to keep: 0 for none. More than that is excessive.
Keep = Callable[[str], int]


class Bounds:
    """Counts what is unpacked; raises RefusedError beyond what an archive of `size` bytes can honestly hold."""

    def __init__(self, size: int) -> None:
        self.allowed = min(max(RATIO * size, LEAST_BYTES), MOST_BYTES)
        self.size = size
        self.unpacked = 0
        self.members = 0
        self.names = 0
        self.held = 0

    def member(self, name: str) -> None:
        """Count a member and the length of its name."""
        self.members += 1
        self.names += len(name)
        if self.members > MEMBERS:
            raise RefusedError(EXCESSIVE, f"more than {MEMBERS} members")
        if self.names > NAMES_BYTES:
            raise RefusedError(EXCESSIVE, f"the names of its members have more than {NAMES_BYTES} bytes")

    def keep(self, count: int) -> None:
        """Count bytes that stay in memory."""
        self.held += count
        if self.held > KEPT_BYTES:
            raise RefusedError(EXCESSIVE, f"its metadata has more than {KEPT_BYTES} bytes")

    def bytes(self, count: int) -> None:
        """Count bytes that were unpacked, or are about to be."""
        self.unpacked += count
        if self.unpacked > self.allowed:
            raise RefusedError(
                EXCESSIVE, f"{self.size} bytes unpack to more than {self.allowed}, which no honest archive does"
            )


class Digests(NamedTuple):
    """The SHA-256 of a file, and of its text with every line ended by a newline; one for a file that is no text."""

    raw: bytes
    text: bytes


def digests(chunks: Iterable[bytes]) -> Digests:
    """Those of a file that comes in pieces. What has a null character early on is no text, as for git."""
    raw, text, held = hashlib.sha256(), None, b""
    binary = None
    for chunk in chunks:
        binary = b"\0" in chunk[:_TEXT_BYTES] if binary is None else binary
        if text is None and not binary and b"\r" in chunk:
            text = raw.copy()
        if text is not None:
            piece = held + chunk
            held = b"\r" if piece.endswith(b"\r") else b""
            text.update(piece.removesuffix(held).replace(b"\r\n", b"\n"))
        raw.update(chunk)
    digest = raw.digest()
    if text is None:
        return Digests(digest, digest)
    text.update(held)
    return Digests(digest, text.digest())


def digested(chunks: Iterator[bytes], limit: int, name: str) -> tuple[Digests, bytes]:
    """The digests of a member, and its bytes if there are at most `limit`; raises RefusedError where there are more.

    A limit of 0 keeps nothing.
    """
    kept: list[bytes] = []

    def within() -> Iterator[bytes]:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if limit and size > limit:
                raise RefusedError(EXCESSIVE, f"{shown(name)} has more than {limit} bytes")
            if limit:
                kept.append(chunk)
            yield chunk

    return digests(within()), b"".join(kept)


def troubles(members: Sequence[Member], found: Iterable[Trouble]) -> tuple[Trouble, ...]:
    """What was found while reading, unsafe members, and names that several have; of each rule only the first ones."""
    return tuple(capped((*found, *_unsafe(members), *_twice(members))))


def capped(said: Iterable[tuple[Rule, str]]) -> Iterator[Trouble]:
    """The first few of each rule, then how many more there are."""
    counts: Counter[Rule] = Counter()
    for rule, message in said:
        counts[rule] += 1
        if counts[rule] <= _TOLD:
            yield Trouble(rule, message)
    for rule, count in counts.items():
        if count > _TOLD:
            yield Trouble(rule, f"and {count - _TOLD} more like this")


def broken(error: Exception) -> Trouble:
    """A trouble out of what a library raised for damaged data."""
    said = printable(" ".join(str(error).split())) or type(error).__name__
    return Trouble(BROKEN, f"it can't be read: {said[:200]}")


def shown(name: str) -> str:
    """A member's name for people, cut to what a line holds."""
    return printable(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…")


def _unsafe(members: Sequence[Member]) -> Iterator[Trouble]:
    links = _outermost(member.name for member in members if member.kind is MemberKind.LINK)
    for member in members:
        if reason := _why_unsafe(member) or _behind(member.name, links):
            yield Trouble(UNSAFE_MEMBER, f"{shown(member.name)}: {reason}")


def beginning(names: Sequence[str], text: str) -> Iterator[str]:
    """Those of the names, which are in order, that begin with a text."""
    return takewhile(lambda name: name.startswith(text), islice(names, bisect_left(names, text), None))


def _outermost(links: Iterable[str]) -> list[str]:
    """The links in order, each with `/` at its end, without those that are behind another."""
    found: list[str] = []
    for link in sorted(f"{_place(name)}/" for name in links):
        if not (found and link.startswith(found[-1])):
            found.append(link)
    return found


def _behind(name: str, links: Sequence[str]) -> str | None:
    """Where a link is on the way, a member lands somewhere else than its name says.

    All texts that begin with a link follow it in order, and none of `links` begins with another: the last one before
    the name is the only one that can lead to it.
    """
    place = _place(name) if links else ""
    at = bisect_right(links, place)
    return "its path leads through a link" if at and place.startswith(links[at - 1]) else None


def _place(name: str) -> str:
    """Where a member lands: `a/./b` and `a//b` are `a/b`."""
    return posixpath.normpath(name)


def target(folder: str, link: str) -> str | None:
    """Where a link in `folder` leads, seen from the top of the archive.

    None where it goes up after it went down: through another link, `link/..` isn't where it started.
    """
    parts = [part for part in link.split("/") if part not in ("", ".")]
    down = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    return None if ".." in parts[down:] else posixpath.normpath(posixpath.join(folder, link))


def _why_unsafe(member: Member) -> str | None:
    """Why a member mustn't be unpacked, None where it may be."""
    if reason := _misplaced(member.name):
        return reason
    if member.kind is MemberKind.OTHER:
        return "it is no file, folder or link"
    if member.kind is MemberKind.LINK and (member.target is None or _misplaced(member.target)):
        return "it is a link that leads out of the archive"
    return None


def _twice(members: Sequence[Member]) -> Iterator[Trouble]:
    """Names that several members have, and files that are folders too; folders are merged by every program."""
    names = sorted(member.name for member in members)
    for member in members:
        if member.kind is MemberKind.FILE and (below := next(beginning(names, f"{member.name}/"), None)):
            yield Trouble(DUPLICATE_MEMBER, f"{shown(below)} is below {shown(member.name)}, which is a file")
    seen: dict[str, bool] = {}
    for member in members:
        name = _place(member.name)
        if seen.get(name) is False and member.kind is not MemberKind.FOLDER:
            seen[name] = True
            yield Trouble(DUPLICATE_MEMBER, f"{shown(name)} is in it more than once")
        seen.setdefault(name, False)


def _misplaced(path: str) -> str | None:
    if not path.isprintable() or "\\" in path:
        return "its name has characters that programs read in different ways"
    if path.startswith("/") or _DRIVE.match(path):
        return "its path is absolute"
    return "its path leads upwards" if ".." in path.split("/") else None
