"""What a zip says twice, before each file and in its directory: programs that read only one of them have to agree."""

import struct
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from relengtools.versions.artifacts.contents import Trouble, shown
from relengtools.versions.catalogue_release import BROKEN

if TYPE_CHECKING:
    from zipfile import ZipInfo

_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED, _STREAMED, _UTF8 = 1, 8, 0x800
_LARGE, _OTHER_NAME = 0x0001, 0x7075
_LIMIT = 0xFFFFFFFF


class _Local(NamedTuple):
    """The header before a file; `length` is that of the header itself, `extra` what its extra fields hold by number."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    extra: dict[int, bytes] | None
    length: int


def troubles(file: BinaryIO, entries: Sequence["ZipInfo"], start: int) -> Iterator[Trouble]:
    """What differs, and what lies between the files or over them; the directory begins at `start`.

    The package index refuses such a file. Source: APPNOTE.TXT of PKWARE, 4.3 to 4.5.
    """
    at, loose = 0, False
    for entry in sorted(entries, key=attrgetter("header_offset")):
        local = _local(file, entry.header_offset)
        if local is None:
            yield Trouble(BROKEN, f"{shown(entry.orig_filename)} isn't where the directory says")
            return
        if entry.header_offset < at or (entry.header_offset > at and not loose):
            what = "overlaps what comes before it" if entry.header_offset < at else "comes after something unlisted"
            yield Trouble(BROKEN, f"{shown(entry.orig_filename)} {what}")
        yield from (Trouble(BROKEN, f"{shown(entry.orig_filename)}: {reason}") for reason in _reasons(local, entry))
        at = max(at, entry.header_offset + local.length + entry.compress_size)
        loose = bool(local.flags & _STREAMED)
    if at > start or (at < start and not loose):
        yield Trouble(BROKEN, "something lies between the last file and the directory, or over both")


def _reasons(local: _Local, entry: "ZipInfo") -> Iterator[str]:
    """How the two differ."""
    name = entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437", "replace")
    same = _ENCRYPTED | (0 if name.isascii() else _UTF8)
    if local.name != name or (local.flags ^ entry.flag_bits) & same:
        yield "it has another name before the file than in the directory"
    if local.flags & _STREAMED:
        yield "its size stands behind it (a data descriptor), where not every program looks"
    elif (local.method, local.crc) != (entry.compress_type, entry.CRC):
        yield "it has another compression or checksum before the file than in the directory"
    elif local.extra is not None and not _same_size(local, local.extra, entry):
        yield "it has another size before the file than in the directory"
    central = _fields(entry.extra)
    if local.extra is None or central is None:
        yield "its extra fields can't be read in one way"
    elif any(extra.get(_OTHER_NAME, b"")[5:] not in (b"", local.name) for extra in (local.extra, central)):
        yield "it has another name in its extra fields"
    elif not set(_numbers(central)) <= {entry.file_size, entry.compress_size, entry.header_offset}:
        yield "it has another size in its extra fields than in the directory"
    if entry.comment:
        yield "it has a comment"


def _same_size(local: _Local, extra: dict[int, bytes], entry: "ZipInfo") -> bool:
    """Whether all that is said before the file of its size, and of that when packed, is what the directory says."""
    large, sizes = _numbers(extra)[:2], [entry.file_size, entry.compress_size]
    said = zip((local.size, local.packed), sizes, strict=True)
    alike = len(large) != 1 or sizes[0] == sizes[1]
    return alike and large == sizes[: len(large)] and all(one == two or (one == _LIMIT and large) for one, two in said)


def _numbers(extra: dict[int, bytes]) -> list[int]:
    """The values of the extra field for large archives, 8 bytes each."""
    data = extra.get(_LARGE, b"")
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data) - 7, 8)]


def _local(file: BinaryIO, offset: int) -> _Local | None:
    """The header at an offset; None where there is none."""
    file.seek(offset)
    data = file.read(_LOCAL.size)
    if len(data) < _LOCAL.size or not data.startswith(b"PK\3\4"):
        return None
    _, _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL.unpack(data)
    text = file.read(name)
    return _Local(text, flags, method, crc, packed, size, _fields(file.read(extra)), _LOCAL.size + name + extra)


def _fields(data: bytes) -> dict[int, bytes] | None:
    """The extra fields by number; None where they end in the middle of one, or one that counts is there twice."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        number, size = struct.unpack_from("<2H", data, at) if at + 4 <= len(data) else (0, len(data))
        if at + 4 + size > len(data) or (number in found and number in (_LARGE, _OTHER_NAME)):
            return None
        found[number] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found
