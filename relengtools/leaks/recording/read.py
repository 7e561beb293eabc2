"""The reading side of a recording, finished or still being written: rows to columns."""

import json
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import isnan, nan
from typing import NamedTuple, cast

from relengtools.errors import RelengError
from relengtools.leaks.recording import schema
from relengtools.leaks.recording.access import reading, seconds, typed, version

CHUNK_ROWS = 256
"""So few that what is read stays in the cache of the processor."""


class Process(NamedTuple):
    """One life of the target: a regime. Times in unix seconds; `first` and `last` are its first and last sample."""

    id: int
    boot_id: str
    pid: int
    start_ticks: int
    started: float
    name: str
    exe: str
    exe_mtime: float | None
    exe_deleted: bool
    max_fds: int | None
    ended: float | None
    reason: str | None
    first: float | None
    last: float | None
    build_id: str = ""


class Run(NamedTuple):
    """One run of the recorder; `ended` and what follows are None while it goes on, or when it was killed."""

    id: int
    version: str
    interval_s: float
    started: float
    ended: float | None
    reason: str | None
    samples: int | None
    late: int | None
    missed: int | None


class Event(NamedTuple):
    """An annotation at a unix time."""

    time: float
    kind: str
    text: str


class Life(NamedTuple):
    """One descriptor as far as it was seen: `born` and `gone` are times of scans.

    `born_seen` is False when it was there at the first scan already (left-truncated); `gone` is None when it was still
    there at the last scan of its process in its run, whose time is `seen` (right-censored). `silent_s`: for how long a
    TCP connection had received nothing then, or (of one that is gone) when it was born.
    """

    process: int
    run: int
    kind: str
    label: str
    fd: int
    state: str
    local: str
    peer: str
    born: float
    born_seen: bool
    gone: float | None
    seen: float
    silent_s: float | None = None


class DescriptorClass(NamedTuple):
    """How many descriptors of a class the last process had at its first and last scan, and how many came and went."""

    kind: str
    label: str
    first: int
    last: int
    born: int
    died: int

    @property
    def name(self) -> str:
        """For people: `file /log/N`, and `pipe`, which has no better label."""
        return self.kind if self.label in ("", self.kind) else f"{self.kind} {self.label}"


class Level(NamedTuple):
    """How much of a limit was used from this time on; `most` is None where there is none."""

    time: float
    process: int
    name: str
    used: int
    most: int | None


class Profile(NamedTuple):
    """A profile as the target served it (gzipped protobuf)."""

    time: float
    process: int
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """A recording in memory: `times` and `starts` (of the process; unix seconds) and each column, a value a sample.

    `forgotten`: how many rows of a table (`processes`, `workers`, `runs`, …) are no longer in it.
    `peaks`: the most that the last process had of a metric, in rows that were thinned out.
    """

    path: str
    meta: dict[str, str]
    times: "array[float]"
    starts: "array[float]"
    columns: dict[str, "array[float]"]
    processes: list[Process]
    runs: list[Run]
    events: list[Event]
    lives: list[Life]
    classes: list[DescriptorClass]
    profiles: list[Profile]
    scraped: float | None
    levels: list[Level]
    forgotten: dict[str, int] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)


def load(path: str) -> Loaded:
    """Read a recording, also one being written; raises RelengError when it is none, is damaged, newer, or empty."""
    with reading(path) as connection:
        connection.execute("BEGIN")
        meta = {key: typed(str, value) for key, value in connection.execute("SELECT key, value FROM meta")}
        ids, times, starts, columns = samples(connection, meta)
        if not times:
            raise RelengError(f"{path}: has no sample yet; record for longer")
        # What the recorder read itself goes before what the target calls by the same name.
        told = {name: values for name, values in columns.items() if not all(map(isnan, values))}
        columns = {**columns, **scrapes(connection, ids), **told, **scans(connection, ids)}
        lives = list(read_lives(connection, ids, times))
        return Loaded(
            path=path,
            meta=meta,
            times=times,
            starts=starts,
            columns=columns,
            processes=list(read_processes(connection, ids, times)),
            runs=[
                Run(id_, version, seconds(interval), seconds(started), ended and seconds(ended), *rest)
                for id_, version, interval, started, ended, *rest in connection.execute("SELECT * FROM runs")
            ],
            events=[
                Event(seconds(at), typed(str, kind), typed(str, text))
                for at, kind, text in connection.execute("SELECT at_ms, kind, text FROM events ORDER BY id")
            ],
            lives=lives,
            classes=classes(lives, read_past(connection)),
            profiles=[
                Profile(seconds(at), process, kind, typed(bytes, data))
                for at, process, kind, data in connection.execute(
                    "SELECT at_ms, process, kind, data FROM profiles ORDER BY id"
                )
            ],
            scraped=last_scrape(connection, ids, times),
            levels=list(read_levels(connection)),
            forgotten=read_forgotten(connection),
            peaks=read_peaks(connection, meta),
        )


def extend(columns: Sequence["array[float]"], rows: Iterable[tuple[float | None, ...]]) -> None:
    """Append rows to columns, NULL as NaN: all values in one array first, which is fastest without numpy."""
    values = list(chain.from_iterable(rows))
    try:
        flat = array("d", cast("list[float]", values))
    except TypeError:
        flat = array("d", [nan if value is None else value for value in values])
    for number, column in enumerate(columns):
        column.extend(flat[number :: len(columns)])


def samples(
    connection: sqlite3.Connection, meta: dict[str, str]
) -> tuple["array[float]", "array[float]", "array[float]", dict[str, "array[float]"]]:
    """The ids, times, starts and base columns, in order of time."""
    (latest,) = connection.execute("SELECT max(t) FROM samples").fetchone()
    # SQLite adds text as 0, and orders it after all numbers.
    if isinstance(latest, str | bytes):
        raise TypeError("a sample has text for its time")
    page, tick = (factor(meta, key) for key in ("page_bytes", "ticks_per_s"))
    value = schema.decoded
    metrics = {
        "rss_bytes": f"{value('rss')} * {page}",
        "anon_bytes": f"({value('anon')} + {value('swap')}) * 1024",
        "vms_bytes": f"{value('vms')} * {page}",
        "num_fds": value("fds"),
        "n_threads": value("threads"),
        "cpu_s": f"{value('cpu')} / {tick}.0",
    }
    rows = connection.execute(
        f"SELECT s.id, (g.wall_ms + s.t) / 1000.0, p.started, {', '.join(metrics.values())} FROM samples s"  # noqa: S608
        f" JOIN segments g ON g.id = s.id >> {schema.SEGMENT_BITS} JOIN processes p ON p.id = g.process ORDER BY s.id"
    )
    columns = [array("d") for _ in range(3 + len(metrics))]
    while chunk := rows.fetchmany(CHUNK_ROWS):
        extend(columns, chunk)
    ids, times, starts, *values = columns
    return ids, times, starts, dict(zip(metrics, values, strict=True))


def factor(meta: dict[str, str], key: str) -> int:
    """A unit of the kernel's as the recording keeps it; raises ValueError."""
    text = meta.get(key, "")
    if not (text.isdecimal() and 0 < int(text) < 1 << 32):
        raise ValueError(f"its table meta has {text!a} for {key}")
    return int(text)


def scattered(ids: "array[float]", names: Iterable[str], rows: Iterable[tuple[int, ...]]) -> dict[str, "array[float]"]:
    """Rows of a slower tier (sample id, then a value a name) as columns with NaN in between."""
    columns: dict[str, array[float]] = {}
    for sample, *values in rows:
        columns = columns or {name: array("d", [nan]) * len(ids) for name in names}
        at = bisect_left(ids, sample)
        if at < len(ids) and ids[at] == sample:
            for column, value in zip(columns.values(), values, strict=True):
                if value is not None:
                    column[at] = value
    return columns


def scans(connection: sqlite3.Connection, ids: "array[float]") -> dict[str, "array[float]"]:
    """The columns of the descriptor scans."""
    names = [name for name in schema.SCAN_COLUMNS if name not in ("own", "n_other")]
    return scattered(ids, names, connection.execute(f"SELECT sample, {', '.join(names)} FROM scans"))  # noqa: S608


def scrapes(connection: sqlite3.Connection, ids: "array[float]") -> dict[str, "array[float]"]:
    """The columns of what the target said of itself."""
    rows = connection.execute("SELECT name, id FROM series ORDER BY id")
    series = {typed(str, name): number for name, number in rows}
    wanted = "".join(f", s{number}" for number in series.values())
    return scattered(ids, series, connection.execute(f"SELECT sample{wanted} FROM scrapes"))  # noqa: S608


def read_levels(connection: sqlite3.Connection) -> Iterator[Level]:
    """How near the limits were; a recording of the first schema doesn't tell."""
    if version(connection) < 2:
        return
    for at, process, name, used, most in connection.execute("SELECT at_ms, process, name, used, most FROM levels"):
        yield Level(
            seconds(at), process, typed(str, name), typed(int, used), None if most is None else typed(int, most)
        )


def last_scrape(connection: sqlite3.Connection, ids: "array[float]", times: "array[float]") -> float | None:
    """When the target's own metrics were last read."""
    (sample,) = connection.execute("SELECT max(sample) FROM scrapes").fetchone()
    return None if sample is None else time_of(sample, ids, times)


def time_of(sample: int, ids: "array[float]", times: "array[float]") -> float:
    """The time of a sample, or of the next one kept when it's gone itself."""
    return times[min(bisect_left(ids, sample), len(ids) - 1)]


def read_processes(connection: sqlite3.Connection, ids: "array[float]", times: "array[float]") -> Iterator[Process]:
    """The lives of the target, with the times of their first and last sample."""
    spans = {
        process: (first << schema.SEGMENT_BITS, ((last + 1) << schema.SEGMENT_BITS) - 1)
        for process, first, last in connection.execute(
            "SELECT process, min(id), max(id) FROM segments GROUP BY process"
        )
    }
    for row in connection.execute("SELECT * FROM processes ORDER BY id"):
        first: float | None = None
        last: float | None = None
        if row[0] in spans:
            begin, end = (bisect_left(ids, edge) for edge in (spans[row[0]][0], spans[row[0]][1] + 1))
            if begin < end:
                first, last = times[begin], times[end - 1]
        id_, boot_id, pid, start_ticks, started, name, exe, exe_mtime, deleted, max_fds, ended, reason, *newer = row
        yield Process(
            *(id_, boot_id, pid, start_ticks, started, typed(str, name), typed(str, exe), exe_mtime, bool(deleted)),
            max_fds=None if max_fds is None else typed(int, max_fds),
            ended=ended and seconds(ended),
            reason=reason,
            first=first,
            last=last,
            build_id=typed(str, newer[0]) if newer else "",
        )


def read_lives(connection: sqlite3.Connection, ids: "array[float]", times: "array[float]") -> Iterator[Life]:
    """The descriptors that were seen, in the order in which they appeared."""
    last_scan = {
        (run, process): sample
        for run, process, sample in connection.execute(
            "SELECT g.run, g.process, max(c.sample) FROM scans c"
            " JOIN segments g ON g.id = c.sample >> ? GROUP BY g.run, g.process",
            (schema.SEGMENT_BITS,),
        )
    }
    silence = "silent_ms" if version(connection) >= 3 else "NULL"
    heard = read_heard(connection)
    for id_, process, run, kind, label, fd, state, local, peer, born, born_seen, gone, silent in connection.execute(
        f"SELECT d.id, process, run, kind, label, fd, state, local, peer, born, born_seen, gone, {silence}"  # noqa: S608
        " FROM descriptors d JOIN classes c ON c.id = d.class ORDER BY d.id"
    ):
        seen = time_of(gone if gone is not None else last_scan.get((run, process), born), ids, times)
        last = heard.get(id_) if gone is None else None
        at_birth = None if silent is None else silent / 1000
        yield Life(
            *(process, run, kind, label, fd, state, local, peer),
            born=time_of(born, ids, times),
            born_seen=bool(born_seen),
            gone=None if gone is None else seen,
            seen=seen,
            silent_s=at_birth if last is None else max(seen - last, 0.0),
        )


def read_heard(connection: sqlite3.Connection) -> dict[int, int]:
    """When sockets that were there at the last scan of their process had last received data, by their id."""
    if version(connection) < 4:
        return {}
    rows = [typed(dict, json.loads(text)) for (text,) in connection.execute("SELECT sockets FROM heard")]
    return {int(id_): typed(int, last) for row in rows for id_, last in row.items()}


def read_forgotten(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows went, by table."""
    rows = connection.execute("SELECT what, rows FROM forgotten ORDER BY what") if version(connection) >= 5 else ()
    return {typed(str, what): typed(int, count) for what, count in rows}


def read_peaks(connection: sqlite3.Connection, meta: dict[str, str]) -> dict[str, float]:
    """The most that the last process had in the rows that roll-ups stand for."""
    if version(connection) < 2:
        return {}
    peaks = connection.execute(
        f"SELECT max(rss_max) * {factor(meta, 'page_bytes')}, max(fds_max), max(threads_max) FROM rollups"  # noqa: S608
        " JOIN segments g ON g.id = sample >> ? WHERE g.process = (SELECT max(process) FROM segments)",
        (schema.SEGMENT_BITS,),
    ).fetchone()
    named = zip(("rss_bytes", "num_fds", "n_threads"), peaks, strict=True)
    return {name: float(typed(int, most)) for name, most in named if most is not None}


def read_past(connection: sqlite3.Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """Of the last process, how many descriptors of a class came and went that are no longer told of one by one."""
    if version(connection) < 5:
        return {}
    rows = connection.execute(
        "SELECT kind, label, born, died FROM past_descriptors JOIN classes ON id = class"
        " WHERE process = (SELECT max(id) FROM processes)"
    )
    return {(kind, label): (typed(int, born), typed(int, died)) for kind, label, born, died in rows}


def classes(lives: Iterable[Life], past: Mapping[tuple[str, str], tuple[int, int]]) -> list[DescriptorClass]:
    """The classes of the last process, those that grew most first; `past`: how many more came and went, by class."""
    every = list(lives)
    latest = max((each.process for each in every), default=0)
    mine = [each for each in every if each.process == latest]
    runs = {each.run for each in mine} or {0}
    first, last = min(runs), max(runs)
    counts: dict[tuple[str, str], list[int]] = {name: [0, 0, *more] for name, more in past.items()}
    for each in mine:
        count = counts.setdefault((each.kind, each.label), [0, 0, 0, 0])
        count[0] += each.run == first and not each.born_seen
        count[1] += each.run == last and each.gone is None
        count[2] += each.born_seen
        count[3] += each.gone is not None
    found = [DescriptorClass(*name, *count) for name, count in counts.items()]
    return sorted(found, key=lambda each: (each.first - each.last, -each.last, each.kind, each.label))
