"""The bytes of a CSV file → columns of numbers."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from typing import IO

import numpy as np
import numpy.typing as npt

from relengtools.errors import RelengError
from relengtools.leaks.recording.access import SQLITE_MAGIC

FloatArray = npt.NDArray[np.float64]

TIME = "ts_unix"
CHUNK_BYTES = 1 << 22
HEADER_BYTES = 1 << 20
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def columns(stream: IO[bytes], source: str) -> dict[str, FloatArray]:
    """The columns by the names in the header, `ts_unix` among them; an empty cell is NaN.

    A last line that was cut off (no newline) is dropped, since its number may be a part of one. Lines go
    through numpy's number parser; what it refuses is read again, slowly, to name the line.
    Raises RelengError: no header, no `ts_unix`, a name twice, a line of another width or without an end, a cell that's
    no number.
    """
    names = _header(stream.readline(HEADER_BYTES), source)
    chunks = [_cells(text, names, source, line) for text, line in _chunks(stream, source)]
    chunks = chunks or [np.empty((0, len(names)))]
    return {name: np.concatenate([chunk[:, j] for chunk in chunks]) for j, name in enumerate(names)}


def _header(line: bytes, source: str) -> list[str]:
    if not line.strip():
        raise RelengError(f"{source}: is empty; expected CSV with a {TIME} column, or a recording")
    if line.startswith(SQLITE_MAGIC):
        raise RelengError(f"{source}: a recording can't be read from a pipe; name its file")
    if len(line) == HEADER_BYTES or b"\x00" in line:
        raise RelengError(f"{source}: is neither a recording nor CSV")
    try:
        names = [name.strip() for name in next(csv.reader([line.decode("utf-8-sig")]))]
    except UnicodeDecodeError:
        raise RelengError(f"{source}: is neither a recording nor CSV in UTF-8") from None
    except csv.Error as error:
        raise RelengError(f"{source}: is neither a recording nor CSV: {_plainly(error)}") from None
    if TIME not in names:
        raise RelengError(f"{source}: {_untimed(names)}")
    twice = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if twice:
        raise RelengError(f"{source}: names the column {twice[0]} twice; rename or remove one of them")
    return names


def _untimed(names: list[str]) -> str:
    """What is wrong with a header that has no column of times."""
    if len(names) == 1:
        for separator, plural in SEPARATORS.items():
            if separator in names[0]:
                return f"has {plural} between its cells; commas are wanted there, and points in numbers"
    there = ", ".join(ascii(name)[1:-1][:40] for name in names[:6]) + (", …" if len(names) > 6 else "")
    return f"has no column {TIME} (seconds since 1970) among {there}; `leaks import` takes files of other tools"


def _plainly(error: csv.Error) -> str:
    """What the parser says, which speaks of how it was called where lines end as on old Macs."""
    text = str(error)
    return "lines end with a carriage return alone; a newline is wanted" if text.startswith("new-line") else text


def _chunks(stream: IO[bytes], source: str) -> Iterator[tuple[bytes, int]]:
    """Blocks of whole lines, with the number of their first line; raises RelengError for a line without an end."""
    line = 2
    while text := stream.read(CHUNK_BYTES):
        text += stream.readline(CHUNK_BYTES)
        lines = text.count(b"\n")
        if len(text) == 2 * CHUNK_BYTES and not text.endswith(b"\n"):
            raise RelengError(f"{source}: line {line + lines} has no end; is it CSV?")
        text = text[: text.rfind(b"\n") + 1] or text  # but where it's all that there is
        yield text.replace(b"\r\n", b"\n"), line
        line += lines


def _cells(text: bytes, names: list[str], source: str, line: int) -> FloatArray:
    """Whole lines → (rows, names). The fast path is one call of numpy's parser a chunk."""
    width = len(names)
    regular = text if text.endswith(b"\n") else text + b"\n"
    if b'"' not in regular and _is_regular(regular, width):
        # Two passes, since neighbours share a comma: ",,," is ",nan,nan,".
        filled = regular.replace(b"\n", b",").replace(b",,", b",nan,").replace(b",,", b",nan,")
        filled = b"nan" + filled if filled.startswith(b",") else filled
        try:
            flat = np.fromstring(filled.decode("ascii"), sep=",")
        except (DeprecationWarning, ValueError):  # a cell that isn't a number
            flat = np.empty(0)
        if len(flat) == regular.count(b"\n") * width:
            return flat.reshape(-1, width)
    return _slow_cells(text, names, source, line)


def _is_regular(text: bytes, width: int) -> bool:
    """Whether each line has width - 1 commas."""
    raw = np.frombuffer(text, dtype=np.uint8)
    marks = raw[(raw == 44) | (raw == 10)]
    return (
        len(marks) % width == 0
        and bool((marks.reshape(-1, width)[:, :-1] == 44).all())
        and bool((marks.reshape(-1, width)[:, -1] == 10).all())
    )


def _slow_cells(text: bytes, names: list[str], source: str, line: int) -> FloatArray:
    rows, width = [], len(names)
    lines = text.decode("utf-8", "replace").split("\n")
    number = line - 1
    try:
        for number, cells in enumerate(csv.reader(lines), line):
            if len(cells) == width:
                rows.append([_number(*named, source, number) for named in zip(names, cells, strict=True)])
            elif cells and number < line + len(lines) - 1:
                raise RelengError(f"{source}: line {number} has {len(cells)} cells where the header has {width}")
    except csv.Error as error:
        raise RelengError(f"{source}: line {number + 1}: {_plainly(error)}") from None
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def _number(name: str, cell: str, source: str, line: int) -> float:
    try:
        return float(cell) if cell.strip() else np.nan
    except ValueError:
        column = ascii(name)[1:-1][:40]
        wanted = "; times are in seconds since 1970" if name == TIME else "; leave a cell without one empty"
        raise RelengError(
            f"{source}: line {line} holds {cell[:40]!a} for {column}, which is not a number{wanted}"
        ) from None
