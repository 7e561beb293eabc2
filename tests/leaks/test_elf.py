import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relengtools.leaks.elf import build_id
from relengtools.leaks.target import build

GNU, GO = (b"GNU\0", 3, bytes.fromhex("00ff10")), (b"Go\0\0", 4, b"abc/def\x1b")


def note(owner: bytes, kind: int, data: bytes, order: str) -> bytes:
    return struct.pack(f"{order}III", len(owner), len(data), kind) + owner + data + b"\0" * (-len(data) % 4)


def program(bits: int, order: str, *segments: bytes) -> bytes:
    """An ELF file of nothing but notes, a segment each, by elf(5)."""
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    words, size, entry = ("QQQ", 64, 56) if bits == 64 else ("III", 52, 32)
    head = struct.pack(f"{order}HHI{words}IHHHHHH", 2, 62, 1, 0, size, 0, 0, size, entry, len(segments) + 1, 0, 0, 0)
    at = size + entry * (len(segments) + 1)
    table = bytes([1, 0, 0, 0][:: 1 if order == "<" else -1]) + bytes(entry - 4)  # PT_LOAD
    for each in segments:
        length = len(each)
        fields = (4, 4, at, 0, 0, length, length, 4) if bits == 64 else (4, at, 0, 0, length, length, 4, 4)
        table += struct.pack(f"{order}IIQQQQQQ" if bits == 64 else f"{order}8I", *fields)
        at += length
    return ident + head + table + b"".join(segments)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("given_", "found"),
    [
        ([[GNU]], "GNU 00ff10"),
        ([[(b"stapsdt\0", 3, b"x")], [GO, GNU]], "GNU 00ff10"),
        ([[GO]], "Go abc/def\\x1b"),
        ([[(b"GNU\0", 1, b"no id"), (b"Go\0\0", 3, b"no id")]], ""),
        ([], ""),
    ],
)
def test_the_note_of_the_linker(tmp_path: Path, bits: int, order: str, given_, found: str) -> None:
    path = tmp_path / "program"
    path.write_bytes(program(bits, order, *(b"".join(note(*each, order) for each in segment) for segment in given_)))
    assert build_id(path) == found


@pytest.mark.skipif(not shutil.which("readelf") or sys.platform != "linux", reason="needs binutils")
def test_it_is_what_readelf_says() -> None:
    told = subprocess.run(["readelf", "-n", sys.executable], capture_output=True, text=True).stdout
    found = re.search(r"Build ID: (\w+)", told)
    assert build_id(Path(sys.executable)) == (f"GNU {found[1]}" if found else "")


@given(st.binary(max_size=300), st.sampled_from([b"\x7fELF\x01\x01", b"\x7fELF\x02\x02", b"\x7fELF\x02\x01", b""]))
@example(b"\x7fELF", b"")
@example(b"\x7fELF\x01", b"")
@settings(max_examples=200)
def test_any_file_has_one_or_none(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(head + data)
    assert isinstance(build_id(path), str)


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/"])
def test_what_cannot_be_read_has_none(path: str) -> None:
    assert build_id(Path(path)) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_the_build_of_a_process_that_was_replaced_is_the_one_that_runs(tmp_path: Path) -> None:
    copy = tmp_path / "sleeper"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", copy)
    before = build_id(copy)
    with subprocess.Popen([copy, "60"]) as process:
        copy.unlink()
        copy.write_bytes(b"another build")
        found = build(process.pid)
        process.kill()
    assert (found.deleted, found.build_id) == (True, before)
