"""Files of other recorders → a recording: CSV, Prometheus, psrecord, mprof (memory_profiler), Procpath."""

import io
import math
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from relengtools import __version__
from relengtools.errors import RelengError, printable
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, open_for_writing
from relengtools.leaks.target import Build, Target
from relengtools.leaks.units import YEAR_10000

if TYPE_CHECKING:
    from relengtools.leaks.series import Frame

MIB = 1024.0**2
# All that is known goes to the series.
NOTHING = Base._make(cast(Iterable[Any], [None] * len(Base._fields)))
FLUSH_ROWS = 2000
MOST_LINE = 1 << 16


class Table(NamedTuple):
    """What a file holds: times in unix seconds, a column a metric (NaN: missing), and the first row of each process."""

    times: Sequence[float]
    columns: dict[str, Sequence[float]]
    lives: Sequence[int] = (0,)
    started: Sequence[float] = ()


def read_csv(path: Path, begun: float | None, pid: int | None) -> Table:
    """CSV as `analyze` takes it; raises RelengError. Restarts are kept, also those inferred."""
    from relengtools.leaks import series

    with path.open("rb") as stream:
        return of_frame(series.parse_csv(stream, str(path)))


def of_frame(frame: "Frame") -> Table:
    """A frame with its regimes as lives."""
    from relengtools.leaks import series

    lives = [piece.start for piece in series.regimes(frame).slices]
    told = len(frame.starts) == len(frame.time)
    started = [float(frame.starts[at] if told else frame.time[at]) for at in lives]
    return Table(frame.time.tolist(), {n: v.tolist() for n, v in frame.columns.items()}, lives, started)


def read_prometheus(path: Path, begun: float | None, pid: int | None) -> Table:
    """Answers of Prometheus' API, or text with times; raises RelengError. Restarts are kept, also those inferred."""
    from relengtools.leaks import exporters, prometheus, series

    times, columns = prometheus.columns(prometheus.points(path), path)
    starts = filled(columns.pop(exporters.START, []))
    named = {"ts_unix": times, **({exporters.START: starts} if starts else {}), **columns}
    finite = [[value if math.isfinite(value) else math.nan for value in values] for values in named.values()]
    rows = (exporters.line(map(exporters.number, row)) for row in zip(*finite, strict=True))
    text = "".join([exporters.line(named), *rows])
    return of_frame(series.parse_csv(io.BytesIO(text.encode()), str(path)))


def filled(values: Sequence[float]) -> list[float]:
    """Each missing value as the one before it, the first ones as the one after them; [] without any value."""
    known = [value for value in values if not math.isnan(value)]
    found: list[float] = []
    for value in values if known else ():
        found.append(value if not math.isnan(value) else found[-1] if found else known[0])
    return found


PSRECORD = {"Real (MB)": "rss_bytes", "Virtual (MB)": "vms_bytes", "mem_real": "rss_bytes", "mem_virtual": "vms_bytes"}


def read_psrecord(path: Path, begun: float | None, pid: int | None) -> Table:
    """The log of psrecord, plain or CSV: seconds since its start, CPU in per cent, memory in MiB ("MB" there)."""
    lines = path.read_text("utf-8", "replace").splitlines()
    heading = lines[0] if lines else ""
    if heading.startswith("elapsed_time,"):
        names, rows = heading.split(","), [line.split(",") for line in lines[1:]]
    else:
        names = re.split(r"\s{2,}", heading.removeprefix("#").strip())
        rows = [line.split() for line in lines[1:]]
    if names[0] not in ("Elapsed time", "elapsed_time") or not set(names) & set(PSRECORD):
        raise RelengError(f"{path}: is not a log of psrecord")
    table = [numbers(row, path, at) for at, row in enumerate(rows, 2) if len(row) == len(names)]
    if not table:
        raise RelengError(f"{path}: holds no sample")
    elapsed = [row[0] for row in table]
    first = begun if begun is not None else path.stat().st_mtime - elapsed[-1]
    columns: dict[str, Sequence[float]] = {
        PSRECORD[name]: [row[at] * MIB for row in table] for at, name in enumerate(names) if name in PSRECORD
    }
    cpu = next((at for at, name in enumerate(names) if name in ("CPU (%)", "cpu")), None)
    if cpu is not None:
        columns["cpu_s"] = list(integrated(elapsed, [row[cpu] / 100 for row in table]))
    return Table([first + seconds for seconds in elapsed], columns)


def integrated(times: Sequence[float], rates: Sequence[float]) -> Iterator[float]:
    """The sum of what each rate stood for since the row before."""
    total, before = 0.0, times[0]
    for now, rate in zip(times, rates, strict=True):
        total += rate * (now - before)
        before = now
        yield total


def read_mprof(path: Path, begun: float | None, pid: int | None) -> Table:
    """A .dat file of mprof: `MEM MiB UNIX`, and for children `CHLD PID MiB UNIX` after it; all else is skipped."""
    times: list[float] = []
    columns: dict[str, list[float]] = {"rss_bytes": []}
    for at, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        kind, *cells = line[:MOST_LINE].split() or [""]
        if kind == "MEM" and len(cells) == 2:
            value, moment = numbers(cells, path, at)
            times.append(moment)
            columns["rss_bytes"].append(value * MIB)
        elif kind == "CHLD" and len(cells) == 3 and times:
            number, value, _ = numbers(cells, path, at)
            child = columns.setdefault(f'child_rss_bytes{{pid="{number:.0f}"}}', [])
            child += [math.nan] * (len(times) - 1 - len(child))
            child[len(times) - 1 :] = [value * MIB]
    if not times:
        raise RelengError(f"{path}: is not a file of mprof: it has no line MEM")
    whole = {name: values + [math.nan] * (len(times) - len(values)) for name, values in columns.items()}
    return Table(times, dict(whole))


def numbers(cells: Sequence[str], path: Path, line: int) -> list[float]:
    """The cells as numbers; raises RelengError."""
    try:
        found = [float(cell) for cell in cells]
    except ValueError:
        raise RelengError(f"{path}: line {line} holds something else than numbers") from None
    return found


# metric -> what it is in a row of Procpath, of the columns that were recorded; page and tick are of its machine.
PROCPATH: dict[str, tuple[str, ...]] = {
    "rss_bytes": ("status_vmrss * 1024", "stat_rss * :page"),
    "anon_bytes": ("(status_rssanon + status_vmswap) * 1024",),
    "vms_bytes": ("stat_vsize",),
    "num_fds": ("fd_anon + fd_dir + fd_chr + fd_blk + fd_reg + fd_fifo + fd_lnk + fd_sock",),
    "n_sockets": ("fd_sock",),
    "n_reg_files": ("fd_reg",),
    "n_pipes": ("fd_fifo",),
    "n_anon_inode": ("fd_anon",),
    "n_threads": ("stat_num_threads",),
    "cpu_s": ("(stat_utime + stat_stime) * 1.0 / :tick",),
}


def read_procpath(path: Path, begun: float | None, pid: int | None) -> Table:
    """One process of a database of Procpath; raises RelengError where several are in it and none was chosen."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return of_procpath(connection, path, pid)
    except (sqlite3.DatabaseError, TypeError, ValueError) as error:
        raise RelengError(f"{path}: is not a database of Procpath: {printable(str(error))}") from None


def of_procpath(connection: sqlite3.Connection, path: Path, pid: int | None) -> Table:
    """The rows of the chosen process; raises RelengError, sqlite3.DatabaseError."""
    there = {row[1] for row in connection.execute("PRAGMA table_info(record)")}
    factors = dict(connection.execute("SELECT key, value FROM meta").fetchall()) if there else {}
    wanted = {
        metric: expression
        for metric, choices in PROCPATH.items()
        for expression in choices
        if set(re.findall(r"\b[a-z]+_[a-z_]+", expression)) <= there
    }
    if not {"ts", "stat_pid", "stat_starttime"} <= there:
        raise RelengError(f"{path}: is not a database of Procpath with the file `stat` in it")
    pids = [row[0] for row in connection.execute("SELECT DISTINCT stat_pid FROM record ORDER BY 1")]
    chosen = pids[0] if pid is None and len(pids) == 1 else pid
    if chosen not in pids:
        raise RelengError(f"{path}: has the processes {', '.join(map(str, pids[:20]))}; choose one with --pid")
    rows = connection.execute(
        f"SELECT ts, stat_starttime, {', '.join(wanted.values())} FROM record"  # noqa: S608  our own expressions
        " WHERE stat_pid = :pid ORDER BY record_id",
        {"pid": chosen, "page": int(factors.get("page_size", 4096)), "tick": int(factors.get("clock_ticks", 100))},
    ).fetchall()
    table = [[math.nan if cell is None else float(cell) for cell in row] for row in rows]
    starts = [row[1] for row in table]
    lives = [at for at, start in enumerate(starts) if not at or start != starts[at - 1]]
    columns: dict[str, Sequence[float]] = {name: [row[at] for row in table] for at, name in enumerate(wanted, 2)}
    return Table([row[0] for row in table], columns, lives)


READERS: dict[str, Callable[[Path, float | None, int | None], Table]] = {
    "csv": read_csv,
    "prometheus": read_prometheus,
    "psrecord": read_psrecord,
    "mprof": read_mprof,
    "procpath": read_procpath,
}


class Imported(NamedTuple):
    """How many rows a file gave, and how many of its series have no room in a recording."""

    rows: int
    left_out: int


def convert(kind: str, source: Path, output: Path, begun: float | None = None, pid: int | None = None) -> Imported:
    """Read a file of this kind into a new recording; raises RelengError, and then leaves none."""
    if output.exists():
        raise RelengError(f"{output}: exists; choose another -o")
    try:
        table = READERS[kind](source, begun, pid)
    except OSError as error:
        raise RelengError(f"{printable(str(source))}: cannot be read: {error.strerror}") from None
    for at, time_ in enumerate(table.times, 1):
        if not 0 <= time_ < YEAR_10000:
            raise RelengError(f"{printable(str(source))}: sample {at} is from {time_:g} s after 1970, which is no time")
    return Imported(len(table.times), write(table, kind, source, output))


def write(table: Table, kind: str, source: Path, output: Path) -> int:
    """The table as a recording: every metric is a series, by its own name and unit. Returns how many had no room."""
    meta: dict[str, Any] = {
        "tool": f"relengtools {__version__}",
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "selector": f"import {kind} {printable(source.name)}",
        "page_bytes": "1",
        "ticks_per_s": "1",
    }
    lives = dict(zip(table.lives, table.started or [table.times[at] for at in table.lives], strict=True))
    recording, left_out = open_for_writing(output, meta), 0
    try:
        recording.begin_run(moment(table.times[0]), spacing(table.times))
        for at, now in enumerate(table.times):
            if at in lives:
                target = Target("", 0, round(lives[at] * 100))
                recording.begin_process(target, Build(printable(source.stem), "", None, False, None), lives[at])
            number = recording.add(moment(now), NOTHING)
            values = {name: column[at] for name, column in table.columns.items() if not math.isnan(column[at])}
            if number is not None and values:
                left_out = max(left_out, recording.add_scrape(number, values, 0.0))
            if at % FLUSH_ROWS == 0:
                must(recording.flush(), output)
        recording.end_run(moment(table.times[-1]), f"imported from {kind}", len(table.times), 0, 0)
        must(recording.flush(), output)
    except BaseException:
        recording.discard()  # a part of a file would be in the way of the next try
        raise
    recording.close()
    return left_out


def must(failure: str, output: Path) -> None:
    """Raise RelengError when a flush failed."""
    if failure:
        raise RelengError(f"{output}: cannot be written: {failure}")


def moment(wall: float) -> Moment:
    """The three clocks of a file that knows one."""
    return Moment(wall, wall, wall)


def spacing(times: Sequence[float]) -> float:
    """The median time between two rows, at least a millisecond."""
    steps = sorted(max(b - a, 0.0) for a, b in pairwise(times))
    return max(steps[len(steps) // 2] if steps else 1.0, 0.001)
