"""The build id of a program: the note that its linker left in it.

See elf(5) on Elf64_Phdr and Elf64_Nhdr, ld(1) on --build-id, and `go tool buildid`.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from relengtools.errors import printable

MAGIC = b"\x7fELF"
PT_NOTE = 4
NT_GNU_BUILD_ID, NT_GO_BUILD_ID = 3, 4
# A program that isn't one may say any number.
MOST_HEADERS, MOST_NOTES = 128, 1 << 16
MOST_ID = 128
# EI_CLASS -> e_phoff, e_phentsize and e_phnum, and where they begin; a program header, and which of its fields are
# p_offset and p_filesz.
HEADERS = {1: ("I10xHH", 28, "IIIIII", 1, 4), 2: ("Q14xHH", 32, "IIQQQQ", 2, 5)}


def build_id(path: Path) -> str:
    """`GNU HEX` or `Go TEXT`; "" for a file that has none, is no program, or can't be read."""
    try:
        with path.open("rb") as stream:
            fd = stream.fileno()
            found = {(owner, kind): data for part in notes(fd) for owner, kind, data in entries(*part)}
    except (OSError, struct.error, ValueError, OverflowError):
        return ""
    if gnu := found.get((b"GNU", NT_GNU_BUILD_ID)):
        return f"GNU {gnu[:MOST_ID].hex()}"
    if go := found.get((b"Go", NT_GO_BUILD_ID)):
        return f"Go {printable(go[:MOST_ID].decode('utf-8', 'replace'))}"
    return ""


def notes(fd: int) -> Iterator[tuple[bytes, str]]:
    """The segments of notes, and the byte order of the file ("<" or ">"); raises OSError, struct.error."""
    head = os.pread(fd, 64, 0)
    if head[:4] != MAGIC or len(head) < 6 or head[4] not in HEADERS or head[5] not in (1, 2):
        return
    order = "<>"[head[5] - 1]
    place, at, entry, offset, size = HEADERS[head[4]]
    first, width, count = struct.unpack_from(order + place, head, at)
    for number in range(min(count, MOST_HEADERS)):
        fields = struct.unpack_from(order + entry, os.pread(fd, struct.calcsize(order + entry), first + number * width))
        if fields[0] == PT_NOTE:
            yield os.pread(fd, min(fields[size], MOST_NOTES), fields[offset]), order


def entries(segment: bytes, order: str) -> Iterator[tuple[bytes, int, bytes]]:
    """Owner, type and contents of each note; each part is padded to four bytes."""
    at = 0
    while at + 12 <= len(segment):
        owner, length, kind = struct.unpack_from(f"{order}III", segment, at)
        begin = at + 12 + padded(owner)
        yield segment[at + 12 : at + 12 + owner].rstrip(b"\0"), kind, segment[begin : begin + length]
        at = begin + padded(length)


def padded(length: int) -> int:
    """The length with its padding."""
    return (length + 3) & ~3
