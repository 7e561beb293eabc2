"""A recording or a CSV file → a Frame of columns, the regimes in it, and blocks short enough to judge.

Nothing here decides whether something leaks. `read` is the one reader of the judging half; everything after it is
arithmetic on arrays.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from relengtools.errors import RelengError

if TYPE_CHECKING:
    from relengtools.leaks.recording import Loaded

FloatArray = npt.NDArray[np.float64]

TIME = "ts_unix"
START = "process_start_time_seconds"
LOAD_NAMES = frozenset({"users", "downstreams", "upstreams", "connections"})
NEVER_JUDGED = re.compile(r"(_total|_sum|_count|_bucket|_time_seconds)$")
ONLY_ON_REQUEST = frozenset({"vms_bytes"})
SQLITE_MAGIC = b"SQLite format 3\x00"
CHUNK_BYTES = 1 << 22
LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class Frame:
    """A recording as columns."""

    source: str
    time: FloatArray
    columns: Mapping[str, FloatArray]
    starts: FloatArray


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns explain (load, events) and which are judged."""

    load: tuple[str, ...]
    events: tuple[str, ...]
    judged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Regimes:
    """The lives of the process: row slices, oldest first; `inferred` when no start time told of them."""

    slices: tuple[slice, ...]
    inferred: bool
    ages: tuple[float | None, ...]
    """Age of the process at the first row of each regime, seconds, where it is known."""


def read(path: str) -> Frame:
    """Read a recording (SQLite), a CSV file, or CSV on standard input (`-`).

    Raises RelengError if the file can't be read or is neither.
    """
    if path == "-":
        return parse_csv(io.BytesIO(sys.stdin.buffer.read()), path)
    if is_recording(path):
        from relengtools.leaks import recording

        return of_recording(recording.load(path))
    try:
        with Path(path).open("rb") as stream:
            return parse_csv(stream, path)
    except OSError as error:
        raise RelengError(f"{path}: cannot be read: {error.strerror or error}") from error


def is_recording(path: str) -> bool:
    """Whether the file is SQLite's, by its first bytes; raises RelengError if it can't be read."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError as error:
        raise RelengError(f"{path}: cannot be read: {error.strerror or error}") from error


def of_recording(loaded: Loaded) -> Frame:
    """The columns of a recording that hold a value."""
    columns = {name: _finite(np.frombuffer(values, dtype=np.float64)) for name, values in loaded.columns.items()}
    return Frame(
        source=loaded.path,
        time=np.frombuffer(loaded.times, dtype=np.float64),
        columns={name: values for name, values in columns.items() if not np.isnan(values).all()},
        starts=np.frombuffer(loaded.starts, dtype=np.float64),
    )


def _finite(values: FloatArray) -> FloatArray:
    """Values that no process has (inf, and what would overflow when squared) as missing."""
    sound = np.abs(values) < LARGEST
    return values if sound.all() else np.where(sound, values, np.nan)


# ------------------------------------------------------------------------------------------------- CSV


def parse_csv(stream: io.BufferedIOBase | io.BufferedReader, source: str) -> Frame:
    """Parse CSV with a header: `ts_unix` and one column a metric; an empty cell, nan or inf is missing.

    A last line that was cut off (no newline, too few cells) is dropped: the file may still be written. Lines go
    through numpy's number parser; what it refuses is read again, slowly, to name the line.
    Raises RelengError: no header, no `ts_unix`, a name twice, a line of another width, a cell that's no number.
    """
    names = _header(stream.readline(), source)
    chunks = [_cells(text, len(names), source, line) for text, line in _chunks(stream)]
    table = np.concatenate(chunks) if chunks else np.empty((0, len(names)))
    table = table[np.isfinite(table[:, names.index(TIME)])]
    columns = {name: _finite(np.ascontiguousarray(table[:, j])) for j, name in enumerate(names)}
    time = columns.pop(TIME)
    if not len(time):
        raise RelengError(f"{source}: has a header but no row with a time; record for longer")
    starts = columns.get(START)
    return Frame(
        source=source,
        time=time,
        columns={name: values for name, values in columns.items() if name and not np.isnan(values).all()},
        starts=np.empty(0) if starts is None or np.isnan(starts).all() else _carried(starts),
    )


def _header(line: bytes, source: str) -> list[str]:
    if not line.strip():
        raise RelengError(f"{source}: is empty; expected CSV with a {TIME} column, or a recording")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RelengError(f"{source}: is neither a recording nor CSV in UTF-8") from None
    if "\x00" in text:
        raise RelengError(f"{source}: is neither a recording nor CSV")
    names = [name.strip() for name in next(csv.reader([text]))]
    if TIME not in names:
        raise RelengError(
            f"{source}: has no column {TIME} (seconds since 1970) in its header; is it CSV of a recording?"
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise RelengError(f"{source}: names the column {twice[0]} twice; rename or remove one of them")
    return names


def _chunks(stream: io.BufferedIOBase | io.BufferedReader) -> Iterator[tuple[bytes, int]]:
    """Blocks of whole lines, with the number of their first line."""
    line = 2
    while text := stream.read(CHUNK_BYTES):
        text += stream.readline()
        yield text.replace(b"\r\n", b"\n"), line
        line += text.count(b"\n")


def _cells(text: bytes, width: int, source: str, line: int) -> FloatArray:
    """Whole lines → (rows, width). The fast path is one call of numpy's parser a chunk."""
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
    return _slow_cells(text, width, source, line)


def _is_regular(text: bytes, width: int) -> bool:
    """Whether each line has width - 1 commas."""
    raw = np.frombuffer(text, dtype=np.uint8)
    marks = raw[(raw == 44) | (raw == 10)]
    return (
        len(marks) % width == 0
        and bool((marks.reshape(-1, width)[:, :-1] == 44).all())
        and bool((marks.reshape(-1, width)[:, -1] == 10).all())
    )


def _slow_cells(text: bytes, width: int, source: str, line: int) -> FloatArray:
    rows = []
    lines = text.decode("utf-8", "replace").splitlines()
    for offset, cells in enumerate(csv.reader(lines)):
        if not cells:
            continue
        if len(cells) != width:
            if offset == len(lines) - 1 and not text.endswith(b"\n"):
                break
            raise RelengError(f"{source}: line {line + offset} has {len(cells)} cells where the header has {width}")
        rows.append([_number(cell, source, line + offset) for cell in cells])
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def _number(cell: str, source: str, line: int) -> float:
    try:
        return float(cell) if cell.strip() else np.nan
    except ValueError:
        raise RelengError(f"{source}: line {line} holds {cell[:40]!a}, which is not a number") from None


def _carried(values: FloatArray) -> FloatArray:
    """Missing values replaced by the last known one, leading ones by the first."""
    known = np.flatnonzero(np.isfinite(values))
    return values[known[np.maximum(np.searchsorted(known, np.arange(len(values)), "right") - 1, 0)]]


# ----------------------------------------------------------------------------------------------- roles


def roles(
    frame: Frame, load: tuple[str, ...] = (), events: tuple[str, ...] = (), metrics: tuple[str, ...] = ()
) -> Roles:
    """Sort the columns by what the design says of their names.

    Raises RelengError if a name that the user gave isn't there, or plays two parts.
    """
    for name in (*load, *events, *metrics):
        if name not in frame.columns:
            raise RelengError(
                f"{frame.source}: has no values for a column {ascii(name)[1:-1]}; it has {_some(frame.columns)}"
            )
    loads = tuple(n for n in frame.columns if n in load or (_is_load(n) and n not in events and n not in metrics))
    counters = tuple(n for n in frame.columns if n in events or (_bare(n).endswith("_total") and n not in load))
    judged = tuple(n for n in frame.columns if n in metrics or (n not in loads and n not in counters and _is_gauge(n)))
    return Roles(loads, counters, judged)


def _some(names: Mapping[str, FloatArray]) -> str:
    shown = ", ".join(list(names)[:6])
    return shown + (", …" if len(names) > 6 else "")


def _bare(name: str) -> str:
    return name.split("{", 1)[0]


def _is_load(name: str) -> bool:
    bare = _bare(name)
    return bare in LOAD_NAMES or bare.endswith("_active")


def _is_gauge(name: str) -> bool:
    return not (NEVER_JUDGED.search(_bare(name)) or name == "cpu_s" or name in ONLY_ON_REQUEST)


# --------------------------------------------------------------------------------------------- regimes


def elapsed(time: FloatArray) -> FloatArray:
    """Seconds since the first row, strictly increasing: a step that isn't positive counts as the median step.

    Clocks are set back now and then; the order of the rows is right, the stamps are not.
    """
    if len(time) < 2:
        return np.zeros(len(time))
    steps = np.diff(time)
    forward = steps[steps > 0]
    usual = float(np.median(forward)) if len(forward) else 1.0
    return np.concatenate([[0.0], np.cumsum(np.where(steps > 0, steps, usual))])


def ordered(frame: Frame) -> Frame:
    """The frame by time, if its rows are shuffled (more than a tenth of the steps go back); else as it is."""
    steps = np.diff(frame.time)
    if not len(steps) or np.mean(steps < 0) <= 0.1:
        return frame
    order = np.argsort(frame.time, kind="stable")
    starts = frame.starts[order] if len(frame.starts) else frame.starts
    return Frame(frame.source, frame.time[order], {n: v[order] for n, v in frame.columns.items()}, starts)


def regimes(frame: Frame) -> Regimes:
    """Split at restarts: by the start time of the process, else where memory and a count fall together."""
    n = len(frame.time)
    if len(frame.starts) == n and n:
        # Start times that are computed from a boot time jitter by less than a second.
        cuts = np.flatnonzero(np.abs(np.diff(frame.starts)) > 1.0) + 1
        inferred = False
    else:
        cuts = _inferred_restarts(frame)
        inferred = len(cuts) > 0
    edges = [0, *cuts.tolist(), n]
    slices = tuple(slice(a, b) for a, b in itertools.pairwise(edges) if b > a)
    return Regimes(slices, inferred, tuple(_age(frame, part, known=not inferred) for part in slices))


def _age(frame: Frame, part: slice, *, known: bool) -> float | None:
    """Age at the first row, if the start time is in seconds since 1970 (ticks since boot are not)."""
    if not known or not len(frame.starts):
        return 0.0 if part.start else None
    age = float(frame.time[part.start] - frame.starts[part.start])
    return age if 0 <= age < 10 * 365 * 86400 else None


def _inferred_restarts(frame: Frame) -> npt.NDArray[np.intp]:
    """Rows where resident memory and a count both fall by 30 % or more, and stay down on the next row.

    A collector gives memory back over minutes, a network failure takes connections but no memory, an outlier
    lasts one row: only the end of a process takes both at once.
    """
    memory = next((frame.columns[n] for n in ("anon_bytes", "rss_bytes") if n in frame.columns), None)
    counts = [
        frame.columns[n]
        for n in ("num_fds", "n_sockets", "n_threads", "go_goroutines", "goroutines")
        if n in frame.columns
    ]
    if memory is None or not counts or len(memory) < 8:
        return np.empty(0, dtype=np.intp)
    fallen = _falls(memory)
    together = np.zeros(len(memory), dtype=bool)
    for count in counts:
        together |= fallen & _falls(count)
    rows = np.flatnonzero(together)
    return rows[np.diff(rows, prepend=-10) > 3]


def _falls(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Rows below 70 % of the lower of the three values before, whose successor is below 90 % of it."""
    filled = _carried(values)
    before = np.minimum(np.minimum(filled[2:-2], filled[1:-3]), filled[:-4])
    out = np.zeros(len(values), dtype=bool)
    out[3:-1] = (filled[3:-1] < 0.7 * before) & (filled[4:] < 0.9 * before)
    return out


# ---------------------------------------------------------------------------------------------- blocks


def despiked(values: FloatArray) -> FloatArray:
    """Single rows that lie a third of the level or more outside both neighbours, replaced by the nearer one.

    A torn read or an exporter that answers 0 once is no evidence; a real excursion lasts two samples.
    """
    if len(values) < 3:
        return values
    low = np.minimum(values[:-2], values[2:])
    high = np.maximum(values[:-2], values[2:])
    middle = values[1:-1]
    margin = np.abs(high) / 3
    out = values.copy()
    out[1:-1] = np.where(middle > high + margin, high, np.where(middle < low - margin, low, middle))
    return out


def block_edges(t: FloatArray, blocks: int) -> npt.NDArray[np.intp]:
    """Row numbers at which `blocks` spans of equal time begin; spans without a row are left out."""
    span = t[-1] - t[0]
    marks = np.searchsorted(t, t[0] + span * np.arange(blocks) / blocks, "left")
    return np.unique(marks[marks < len(t)])


def block_means(values: FloatArray, edges: npt.NDArray[np.intp]) -> FloatArray:
    """Means from each edge to the next."""
    sizes = np.diff(np.append(edges, len(values)))
    return np.add.reduceat(values, edges) / sizes
