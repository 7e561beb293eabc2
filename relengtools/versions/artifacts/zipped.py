"""Zip archives, read member by member within bounds."""

import posixpath
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from relengtools.versions.artifacts import contents, framing
from relengtools.versions.artifacts.contents import (
    CHUNK,
    MEMBERS,
    NAMES_BYTES,
    Bounds,
    Contents,
    Keep,
    Member,
    MemberKind,
    RefusedError,
    Trouble,
    broken,
    digested,
    shown,
    troubles,
)
from relengtools.versions.catalogue_release import BROKEN, EXCESSIVE

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY = 46
_DIRECTORY_BYTES = NAMES_BYTES
_LINK_BYTES = 4096
_STORED, _DEFLATED = 0, 8
_MOST = 100
_ENCRYPTED = 1


def read(file: BinaryIO, size: int, keep: Callable[[Mapping[str, int]], Keep]) -> Contents:
    """The contents of a zip of `size` bytes; `keep` is given all names and sizes.

    Nothing is unpacked to disk, nothing raised.

    Source: APPNOTE.TXT of PKWARE, 4.3 and 4.4.
    """
    import zipfile

    try:
        start = _check_directory(file, size)
        with zipfile.ZipFile(file) as archive:
            found = list(islice(framing.troubles(file, archive.infolist(), start), _MOST))
            return _read(archive, size, keep, found)
    except RefusedError as error:
        return Contents(troubles=(error.trouble,), whole=False)
    except _damage() as error:
        return Contents(troubles=(broken(error),), whole=False)


def _read(archive: "ZipFile", size: int, keep: Callable[[Mapping[str, int]], Keep], found: list[Trouble]) -> Contents:
    """Read the members; `found` is what is wrong already."""
    entries = archive.infolist()
    wanted = keep({entry.filename: entry.file_size for entry in entries})
    members: list[Member] = []
    kept: dict[str, bytes] = {}
    whole = True
    try:
        bounds = Bounds(size)
        bounds.bytes(sum(entry.file_size for entry in entries))
        for entry in entries:
            limit = wanted(entry.filename)
            member, data, trouble = _member(archive, entry, limit)
            members.append(member)
            if trouble:
                found.append(trouble)
            if limit and member.kind is MemberKind.FILE and not trouble:
                bounds.keep(len(data))
                kept[entry.filename] = data
    except RefusedError as error:
        found.append(error.trouble)
        whole = False
    return Contents(tuple(members), kept, troubles(members, found), whole)


def _member(archive: "ZipFile", entry: "ZipInfo", limit: int) -> tuple[Member, bytes, Trouble | None]:
    """A member, what is kept of it, and why it can't be read."""
    name = entry.orig_filename
    kind = _kind(entry)
    plain = Member(name, kind, entry.file_size)
    if entry.filename != name:
        return plain, b"", Trouble(BROKEN, f"{shown(name)} has another name as well")
    if kind is MemberKind.FOLDER:
        return plain, b"", None
    if entry.compress_type not in (_STORED, _DEFLATED) or entry.flag_bits & _ENCRYPTED:
        how = "encrypted" if entry.flag_bits & _ENCRYPTED else "compressed in a way that installers needn't know"
        return plain, b"", Trouble(BROKEN, f"{shown(name)} is {how}")
    try:
        digest, data = digested(_chunks(archive, entry), limit or _LINK_BYTES * (kind is MemberKind.LINK), name)
    except _damage() as error:
        return plain, b"", Trouble(BROKEN, f"{shown(name)}: {broken(error).message}")
    if kind is MemberKind.LINK:
        return plain._replace(digest=digest.raw, target=_target(name, data)), b"", None
    return plain._replace(digest=digest.raw, text=digest.text), data, None


def _chunks(archive: "ZipFile", entry: "ZipInfo") -> Iterator[bytes]:
    with archive.open(entry) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _kind(entry: "ZipInfo") -> MemberKind:
    mode = entry.external_attr >> 16
    if entry.orig_filename.endswith("/"):
        return MemberKind.FOLDER
    if stat.S_ISLNK(mode):
        return MemberKind.LINK
    return MemberKind.FILE if stat.S_IFMT(mode) in (0, stat.S_IFREG) else MemberKind.OTHER


def _target(name: str, data: bytes) -> str | None:
    try:
        return contents.target(posixpath.dirname(name), data.decode())
    except UnicodeDecodeError:
        return None


def _check_directory(file: BinaryIO, size: int) -> int:
    """Where the directory begins; refuse one that zipfile couldn't hold in memory, and an archive of two readings.

    The directory has to end where its end record begins, and that at the end of the file.
    """
    count, length, start, end = _directory(file, size)
    if start + length != end:
        raise RefusedError(BROKEN, "there is data before the archive or behind its directory")
    if count > MEMBERS:
        raise RefusedError(EXCESSIVE, f"{count} members, more than {MEMBERS}")
    if length > _DIRECTORY_BYTES:
        raise RefusedError(EXCESSIVE, f"its directory alone has {length} bytes")
    if count != _entries(file, start, length):
        raise RefusedError(BROKEN, "its directory has another number of members than it says")
    return start


def _directory(file: BinaryIO, size: int) -> tuple[int, int, int, int]:
    """Number of entries, length and start of the directory, and where it has to end; raises RefusedError."""
    at = size - _END.size
    record = _END.unpack(_at(file, max(at, 0), _END.size).ljust(_END.size, b"\0"))
    if record[0] != b"PK\5\6":
        start = _at(file, 0, 4)
        what = "it is no zip archive" if start[:2] != b"PK" else "it is cut off, or something follows the archive"
        raise RefusedError(BROKEN, what)
    count, length, start, comment = record[4:]
    if comment or record[1:4] != (0, 0, count):
        raise RefusedError(BROKEN, "it has several parts, or a comment that isn't there")
    locator = _LOCATOR_64.unpack(_at(file, max(at - _LOCATOR_64.size, 0), _LOCATOR_64.size).ljust(20, b"\0"))
    if locator[0] != b"PK\6\7":
        return count, length, start, at
    at -= _LOCATOR_64.size + _END_64.size
    large = _END_64.unpack(_at(file, max(at, 0), _END_64.size).ljust(_END_64.size, b"\0"))
    if large[0] != b"PK\6\6" or locator[2] != at:
        raise RefusedError(BROKEN, "its end record for large archives isn't where it should be")
    known = ((count, 0xFFFF, large[7]), (length, 0xFFFFFFFF, large[8]), (start, 0xFFFFFFFF, large[9]))
    if large[1] != _END_64.size - 12 or large[6] != large[7] or any(one not in (no, two) for one, no, two in known):
        raise RefusedError(BROKEN, "its two end records say different things")
    return large[7], large[8], large[9], at


def _entries(file: BinaryIO, start: int, length: int) -> int:
    """How many entries the directory has; counted up to one more than are read."""
    directory = _at(file, start, length)
    at = count = 0
    while at + _ENTRY <= len(directory) and count <= MEMBERS:
        at += _ENTRY + sum(struct.unpack_from("<3H", directory, at + 28))
        count += 1
    return count


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _damage() -> tuple[type[Exception], ...]:
    """What zipfile raises for data that isn't a zip, or not one that it can read."""
    import zipfile
    import zlib

    return (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        ValueError,
        OverflowError,
        struct.error,
        RuntimeError,
        OSError,
    )
