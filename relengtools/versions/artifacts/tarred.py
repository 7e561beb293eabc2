"""Tar archives packed by gzip, read as a stream within bounds."""

import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from relengtools.versions.artifacts import contents
from relengtools.versions.artifacts.contents import (
    CHUNK,
    Bounds,
    Contents,
    Keep,
    Member,
    MemberKind,
    RefusedError,
    broken,
    digested,
    shown,
    troubles,
)
from relengtools.versions.catalogue_release import BROKEN, EXCESSIVE

_BLOCK = 512
_HEADER_BYTES = 2**20
_MOST_HEADERS = 8
_PAX = re.compile(rb"([0-9]{1,8}) ([^=\n]+)=")
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)
_EMPTY = (*_LINKS, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
_EXTENSIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


class _Entry(NamedTuple):
    name: str
    kind: bytes
    size: int
    link: str


def read(file: BinaryIO, size: int, keep: Keep) -> Contents:
    """The contents of a .tar.gz of `size` bytes. Nothing is unpacked to disk, nothing raised.

    Not by tarfile, which reads headers of any length into memory and goes back in the stream. Source: POSIX pax, and
    the GNU tar manual, "Basic Tar Format".
    """
    members: list[Member] = []
    kept: dict[str, bytes] = {}
    bounds = Bounds(size)
    trouble = None
    try:
        stream = _Stream(file, bounds)
        for entry in _entries(stream):
            bounds.member(entry.name + entry.link)
            limit = keep(entry.name)
            member, data = _member(stream, entry, limit)
            members.append(member)
            if limit and member.kind is MemberKind.FILE:
                bounds.keep(len(data))
                kept[entry.name] = data
        stream.finish()
    except RefusedError as error:
        trouble = error.trouble
    except (OSError, EOFError, zlib.error, ValueError, tarfile.TarError) as error:
        trouble = broken(error)
    return Contents(tuple(members), kept, troubles(members, [trouble] if trouble else []), trouble is None)


class _Stream:
    """What gzip unpacks, counted."""

    def __init__(self, file: BinaryIO, bounds: Bounds) -> None:
        import gzip

        self.file = gzip.GzipFile(fileobj=file, mode="rb")
        self.bounds = bounds

    def block(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end; `size` is bounded by the caller."""
        data = self.file.read(size)
        self.bounds.bytes(len(data))
        return data

    def data(self, size: int, name: str) -> Iterator[bytes]:
        """The next `size` bytes in pieces, and past what fills up their last block; raises RefusedError."""
        left = size
        while left:
            chunk = self.block(min(left, CHUNK))
            if not chunk:
                raise RefusedError(BROKEN, f"it is cut off in the middle of {shown(name)}")
            yield chunk
            left -= len(chunk)
        self.block(-size % _BLOCK)

    def finish(self) -> None:
        """Read to the end, so that the checksum is verified; raises RefusedError for anything but padding."""
        while chunk := self.block(CHUNK):
            if chunk.strip(b"\0"):
                raise RefusedError(BROKEN, "there is data behind the end of the archive")


def _member(stream: _Stream, entry: _Entry, limit: int) -> tuple[Member, bytes]:
    name, size = entry.name, entry.size
    if entry.kind in _FILES and not name.endswith("/"):
        digest, data = digested(stream.data(size, name), limit, name)
        return Member(name, MemberKind.FILE, size, digest.raw, text=digest.text), data
    if size and entry.kind in _EMPTY:
        raise RefusedError(
            BROKEN, f"{shown(name)} is no file and has {size} bytes, which not every program passes over"
        )
    for _ in stream.data(size, name):
        pass
    if entry.kind in _LINKS:
        base = posixpath.dirname(name) if entry.kind == tarfile.SYMTYPE else ""
        return Member(name, MemberKind.LINK, 0, target=contents.target(base, entry.link)), b""
    folder = entry.kind == tarfile.DIRTYPE or entry.kind in _FILES
    return Member(name, MemberKind.FOLDER if folder else MemberKind.OTHER, size), b""


def _entries(stream: _Stream) -> Iterator[_Entry]:
    """The headers one by one, with what pax and GNU headers before them say; the caller reads what each announces."""
    always: dict[str, str] = {}
    while header := _header(stream):
        own: dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            if header is None or header.type not in _EXTENSIONS:
                break
            data = _extension(stream, header)
            (always if header.type == tarfile.XGLTYPE else own).update(_said(header.type, data))
            header = _header(stream)
        if header is None or header.type in _EXTENSIONS:
            raise RefusedError(BROKEN, "headers follow headers, and no file follows them")
        yield _entry(header, always | own)


def _header(stream: _Stream) -> tarfile.TarInfo | None:
    """The next header, None at the end of the archive; raises RefusedError."""
    block = stream.block(_BLOCK)
    if not block.strip(b"\0"):
        if len(block) < _BLOCK:
            raise RefusedError(BROKEN, "it is cut off: the end of the archive is missing")
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise RefusedError(BROKEN, f"it is no tar archive, or damaged: {error}") from error
    if header.size < 0:
        raise RefusedError(BROKEN, "a header has a negative size")
    return header


def _extension(stream: _Stream, header: tarfile.TarInfo) -> bytes:
    if header.size > _HEADER_BYTES:
        raise RefusedError(EXCESSIVE, f"a header has {header.size} bytes")
    return b"".join(stream.data(header.size, "a header"))


def _said(kind: bytes, data: bytes) -> dict[str, str]:
    """What an extension says; raises RefusedError."""
    text = data.rstrip(b"\0").decode("utf-8", "surrogateescape")
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {"path": text}
    if kind == tarfile.GNUTYPE_LONGLINK:
        return {"linkpath": text}
    found, at = {}, 0
    while at < len(data) and data[at]:
        match = _PAX.match(data, at)
        end = at + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(data):
            raise RefusedError(BROKEN, "a pax header can't be read")
        found[match[2].decode("utf-8", "surrogateescape")] = data[match.end() : end - 1].decode(
            "utf-8", "surrogateescape"
        )
        at = end
    return found


def _entry(header: tarfile.TarInfo, said: dict[str, str]) -> _Entry:
    if header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse") for key in said):
        raise RefusedError(BROKEN, "it holds a sparse file, which not every program can unpack")
    try:
        size = int(said.get("size", header.size))
    except ValueError:
        size = -1
    if size < 0:
        raise RefusedError(BROKEN, "a member has no size")
    return _Entry(said.get("path", header.name), header.type, size, said.get("linkpath", header.linkname))
