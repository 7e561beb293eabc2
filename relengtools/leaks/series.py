"""A recording or a CSV file → a Frame of columns, the regimes in it, and blocks short enough to judge.

Nothing here decides whether something leaks. `read` is the one reader of the judging half; everything after it is
arithmetic on arrays.
"""

from __future__ import annotations

import io
import itertools
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from relengtools.errors import RelengError
from relengtools.leaks import tabular
from relengtools.leaks.names import named
from relengtools.leaks.recording.access import SQLITE_MAGIC
from relengtools.leaks.tabular import TIME
from relengtools.leaks.tabular import FloatArray as FloatArray
from relengtools.leaks.units import YEAR_10000

if TYPE_CHECKING:
    from relengtools.leaks.recording import Loaded
    from relengtools.leaks.recording.workers import Life

STARTS = ("process_start_time_seconds", "start_ticks")
"""Columns that tell when the process started, best first; ticks since boot will do to see a restart."""
LOAD_NAMES = frozenset({"users", "downstreams", "upstreams", "connections"})
NEVER_JUDGED = re.compile(r"(_total|_sum|_count|_bucket|_time_seconds)$|^start_ticks$")
RUNTIME = re.compile(r"^(go|process|promhttp|python|jvm)_|_(bytes|seconds)_total$")
ONLY_ON_REQUEST = frozenset({"vms_bytes"})
LARGEST = 1e100
DAY = 86400.0
AT_ONCE = 1e-6
CACHED_ROWS = 1 << 14
"""So many rows at once stay in the cache of the processor."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A recording as columns.

    `undated` rows of a CSV file had no time and are left out; `lost` are its columns without a value to be used.
    """

    source: str
    time: FloatArray
    columns: Mapping[str, FloatArray]
    starts: FloatArray
    undated: int = 0
    lost: tuple[str, ...] = ()


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


def read(path: str) -> Frame:
    """Read a recording (SQLite), a CSV file, or CSV on standard input (`-`).

    Raises RelengError if the file can't be read or is neither.
    """
    return opened(path)[0]


def opened(path: str) -> tuple[Frame, Loaded | None]:
    """`read`, and the whole recording where it's one."""
    if path == "-":
        return parse_csv(sys.stdin.buffer if sys.stdin else io.BytesIO(), path), None
    try:
        with Path(path).open("rb") as stream:
            # A look ahead takes nothing away: what comes through a pipe can be read once only.
            if not stream.peek().startswith(SQLITE_MAGIC):
                return parse_csv(stream, path), None
    except OSError as error:
        raise RelengError(f"{path}: cannot be read: {error.strerror or error}") from error
    from relengtools.leaks import recording

    loaded = recording.load(path)
    return of_recording(loaded), loaded


def of_recording(loaded: Loaded) -> Frame:
    """The columns of a recording that hold a value; raises RelengError for a time that can't be."""
    columns = {name: _finite(np.frombuffer(values, dtype=np.float64)) for name, values in loaded.columns.items()}
    return Frame(
        source=loaded.path,
        time=_since_1970(np.frombuffer(loaded.times, dtype=np.float64), loaded.path),
        columns=_with_values(columns),
        starts=_apart(_since_1970(np.frombuffer(loaded.starts, dtype=np.float64), loaded.path)),
    )


def of_lives(source: str, lives: Sequence[Life]) -> Frame:
    """Lives of one program, a regime each, laid one after the other where they aren't so already.

    Where they are of several days, a life is moved by whole weeks, since the wave of the day is in it.
    Raises RelengError for a time that can't be.
    """
    known = [_since_1970(np.array(life.times), source) for life in lives]
    days = max(time[-1] for time in known) - min(time[0] for time in known) > 1.5 * DAY
    times = known[:1]
    for time in known[1:]:
        behind = times[-1][-1] - time[0] + 2.0
        times.append(time + (7 * DAY * np.ceil(behind / (7 * DAY)) if days else behind) * (behind > 0))
    columns = {name: _finite(np.concatenate([life.columns[name] for life in lives])) for name in lives[0].columns}
    return Frame(
        source=source,
        time=np.concatenate(times),
        columns=_with_values(columns),
        starts=np.concatenate([np.full(len(time), time[0]) for time in times]),
    )


def _apart(starts: FloatArray) -> FloatArray:
    """The start times, two seconds apart at least where they differ: a recording knows its processes exactly."""
    steps = np.diff(starts)
    if not steps.any():
        return starts
    apart = np.sign(steps) * np.maximum(np.abs(steps), 2.0 * (steps != 0))
    return np.asarray(starts[:1] + np.cumsum(np.append(0.0, apart)))


def _with_values(columns: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The columns that have a name and hold a value."""
    return {name: values for name, values in columns.items() if name and not np.isnan(values).all()}


def _finite(values: FloatArray) -> FloatArray:
    """Values that no process has (inf, and what would overflow when squared) as missing."""
    sound = np.abs(values) < LARGEST
    return values if sound.all() else np.where(sound, values, np.nan)


def _since_1970(time: FloatArray, source: str) -> FloatArray:
    """The times; raises RelengError if they can't be seconds since 1970."""
    wrong = time[~(np.abs(time) < YEAR_10000)]
    if len(wrong):
        raise RelengError(
            f"{source}: the time {wrong[0]:.17g} is beyond the year 9999; {TIME} is in seconds since 1970"
            + (", not in milliseconds" if abs(wrong[0]) < 1000 * YEAR_10000 else "")
        )
    return time


# ------------------------------------------------------------------------------------------------- CSV


def parse_csv(stream: IO[bytes], source: str) -> Frame:
    """Parse CSV with a header: `ts_unix` and one column a metric; an empty cell, nan or inf is missing.

    Raises RelengError for what `tabular.columns` refuses, for no row with a time, and for one time of all.
    """
    columns = tabular.columns(stream, source)
    dated = np.isfinite(columns[TIME])
    rows = np.flatnonzero(dated)
    columns = {name: _finite(at(values, rows)) for name, values in columns.items()}
    time = _since_1970(columns.pop(TIME), source)
    if not len(time):
        raise RelengError(f"{source}: has a header but no row with a time; record for longer")
    if len(time) > 1 and time.min() == time.max():
        raise RelengError(f"{source}: all its rows have one time; {TIME} has to say when each was taken")
    usable = _with_values(columns)
    starts = next((usable[name] for name in STARTS if name in usable), None)
    return Frame(
        source=source,
        time=time,
        columns=usable,
        starts=np.empty(0) if starts is None else carried(starts),
        undated=int(len(dated) - dated.sum()),
        lost=tuple(name for name in columns if name and name not in usable),
    )


def carried(values: FloatArray) -> FloatArray:
    """Missing values replaced by the last known one, leading ones by the first."""
    known = np.flatnonzero(np.isfinite(values))
    return values[known[np.maximum(np.searchsorted(known, np.arange(len(values)), "right") - 1, 0)]]


# ----------------------------------------------------------------------------------------------- roles


def roles(
    frame: Frame, load: tuple[str, ...] = (), events: tuple[str, ...] = (), metrics: tuple[str, ...] = ()
) -> Roles:
    """Sort the columns by what the design says of their names.

    Names that the user gives may be short ones. Raises RelengError if one isn't there, or plays two parts.
    """
    load, events, metrics = (
        tuple(named(name, frame.columns, frame.source) for name in given) for given in (load, events, metrics)
    )
    for name in (*load, *events, *metrics):
        if (name in load) + (name in events) + (name in metrics) > 1:
            raise RelengError(f"{ascii(name)[1:-1]} is named by more than one of --load, --events and --metric")
    loads = tuple(n for n in frame.columns if n in load or (_is_load(n) and n not in events and n not in metrics))
    counters = tuple(n for n in frame.columns if n in events or (_bare(n).endswith("_total") and n not in load))
    judged = tuple(n for n in frame.columns if n in metrics or (n not in loads and n not in counters and _is_gauge(n)))
    return Roles(loads, counters, judged)


def happenings(events: Sequence[str]) -> list[str]:
    """Those of the event counters that count what happens in the program's work, not what its runtime does."""
    return [name for name in events if not RUNTIME.search(_bare(name))]


def _bare(name: str) -> str:
    return name.split("{", 1)[0]


def _is_load(name: str) -> bool:
    bare = _bare(name)
    return bare in LOAD_NAMES or bare.endswith("_active")


def _is_gauge(name: str) -> bool:
    return not (NEVER_JUDGED.search(_bare(name)) or name == "cpu_s" or name in ONLY_ON_REQUEST)


# --------------------------------------------------------------------------------------------- regimes


def elapsed(time: FloatArray) -> FloatArray:
    """Seconds since the first row, strictly increasing: a step back counts as the median step, no step as none.

    Clocks are set back now and then; the order of the rows is right, the stamps are not. Rows of one time are one
    sample that was written twice, or in parts.
    """
    if len(time) < 2:
        return np.zeros(len(time))
    steps = np.diff(time)
    if (steps > 0).all():
        return np.asarray(time - time[0])
    forward = steps[steps > 0]
    usual = float(np.median(forward)) if len(forward) else 1.0
    return np.concatenate([[0.0], np.cumsum(np.where(steps > 0, steps, np.where(steps < 0, usual, AT_ONCE)))])


def ordered(frame: Frame) -> Frame:
    """The frame by time, if its rows are shuffled (more than a tenth of the steps go back); else as it is."""
    steps = np.diff(frame.time)
    if not len(steps) or np.mean(steps < 0) <= 0.1:
        return frame
    order = np.argsort(frame.time, kind="stable")
    starts = frame.starts[order] if len(frame.starts) else frame.starts
    return replace(
        frame, time=frame.time[order], columns={n: v[order] for n, v in frame.columns.items()}, starts=starts
    )


def regimes(frame: Frame) -> Regimes:
    """Split at restarts: by the start time of the process, else where memory and a count fall together."""
    n = len(frame.time)
    if len(frame.starts) == n and n:
        # Start times that are computed from a boot time jitter by less than a second.
        cuts = np.flatnonzero(frame.starts[1:] != frame.starts[:-1]) + 1
        cuts = cuts[np.abs(frame.starts[cuts] - frame.starts[cuts - 1]) > 1.0]
        inferred = False
    else:
        cuts = _inferred_restarts(frame)
        inferred = len(cuts) > 0
    edges = [0, *cuts.tolist(), n]
    slices = tuple(slice(a, b) for a, b in itertools.pairwise(edges) if b > a)
    return Regimes(slices, inferred)


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
    filled = carried(values)
    before = np.minimum(np.minimum(filled[2:-2], filled[1:-3]), filled[:-4])
    out = np.zeros(len(values), dtype=bool)
    out[3:-1] = (filled[3:-1] < 0.7 * before) & (filled[4:] < 0.9 * before)
    return out


# ---------------------------------------------------------------------------------------------- blocks


def despiked(values: FloatArray) -> FloatArray:
    """Single rows that lie a third of the level or more outside both neighbours, replaced by the nearer one.

    A torn read or an exporter that answers 0 once is no evidence; a real excursion lasts two samples.
    """
    out = values.copy()
    for begin in range(0, len(values) - 2, CACHED_ROWS):
        part = values[begin : begin + CACHED_ROWS + 2]
        low, high = np.minimum(part[:-2], part[2:]), np.maximum(part[:-2], part[2:])
        margin = np.abs(high) / 3
        middle = part[1:-1]
        np.copyto(out[begin + 1 : begin + len(part) - 1], high, where=middle > high + margin)
        np.copyto(out[begin + 1 : begin + len(part) - 1], low, where=middle < low - margin)
    return out


def at(values: FloatArray, rows: npt.NDArray[np.intp]) -> FloatArray:
    """`values[rows]` of ascending `rows`, without a copy where those are all."""
    return values if len(rows) == len(values) else values[rows]


def block_edges(t: FloatArray, blocks: int) -> npt.NDArray[np.intp]:
    """Row numbers at which `blocks` spans of equal time begin; spans without a row are left out."""
    span = t[-1] - t[0]
    marks = np.searchsorted(t, t[0] + span * np.arange(blocks) / blocks, "left")
    return np.unique(marks[marks < len(t)])


def block_means(values: FloatArray, edges: npt.NDArray[np.intp]) -> FloatArray:
    """Means from each edge to the next."""
    sizes = np.diff(np.append(edges, len(values)))
    return np.add.reduceat(values, edges) / sizes
