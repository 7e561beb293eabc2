"""The writing side of a recording: from what was seen to rows, which wait in memory for one transaction."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from relengtools import __version__
from relengtools.leaks.descriptors import Change, Counts, Key
from relengtools.leaks.limits import Level
from relengtools.leaks.process import Base
from relengtools.leaks.recording import rollup, schema
from relengtools.leaks.recording.unwritten import ADD_EVENT, Unwritten
from relengtools.leaks.target import Build, Target

# With the disk full, rows wait in memory up to this many (10 minutes at 100 Hz); then samples are dropped.
MOST_PENDING = 65_000
# What is old is thinned out so often, or after so many rows; where much went, there may be more soon.
COMPACT_EVERY, COMPACT_SOON = 3600.0, 10.0
COMPACT_ROWS = 50_000
# SQLite allows 2,000 columns a table.
MOST_SERIES = 1_000
# Names of files that are drawn by lot would make a class each, in memory and in the file, for good.
MOST_CLASSES = 2_000
FURTHER = "(further names)"
# A step of one clock against another that ends a segment, ms.
CLOCK_STEP_MS = 1000


class Moment(NamedTuple):
    """Now by three clocks, seconds: the wall clock may step, the monotonic one stops in suspend, boot time neither."""

    wall: float
    mono: float
    boot: float


# What could not be done, by topic; "" for what could.
Kept = dict[str, str]


class Worker(NamedTuple):
    """One child of the process, and when it began (unix seconds)."""

    pid: int
    start_ticks: int
    started: float
    name: str


class Segment(NamedTuple):
    """What the offsets of the samples count from."""

    id: int
    wall_ms: int
    mono_ms: int
    boot_ms: int
    base: tuple[int, ...]


def ms(seconds: float) -> int:
    """Seconds as whole milliseconds."""
    return round(seconds * 1000)


BASE = ", ".join(schema.BASE_COLUMNS)
MARKS = ", ".join("?" * len(schema.BASE_COLUMNS))
SEGMENT = "id, run, process, wall_ms, mono_ms, boot_ms"
ADD_SEGMENT = f"INSERT INTO segments ({SEGMENT}, {BASE}) VALUES (?, ?, ?, ?, ?, ?, {MARKS})"  # noqa: S608  own names
ADD_SAMPLE = f"INSERT INTO samples (id, t, {BASE}) VALUES (?, ?, {MARKS})"  # noqa: S608
ADD_SCAN = f"INSERT INTO scans VALUES (?, {', '.join('?' * len(schema.SCAN_COLUMNS))}, ?)"  # noqa: S608
ADD_DESCRIPTOR = "INSERT INTO descriptors VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)"
WORKER_COLUMNS = ("rss", "anon", "swap", "vms", "fds", "threads", "cpu")
ADD_WORKER = f"INSERT INTO worker_samples VALUES (?, ?, {', '.join('?' * len(WORKER_COLUMNS))})"  # noqa: S608
LEFT_WORKERS = "SELECT id, pid, start_ticks FROM workers WHERE process = ? AND ended_ms IS NULL"
ADD_LEVEL = "INSERT INTO levels (process, at_ms, name, used, most) VALUES (?, ?, ?, ?, ?)"


class Recording(Unwritten):
    """An open recording; ids are given out here, rows are written by flush()."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: int, *, created: bool) -> None:
        super().__init__(path, connection, lock, created=created)
        self.segment: Segment | None = None
        self.position = 0
        self.descriptors: dict[Key, int] = {}
        self.levels: dict[str, Level] = {}
        self.heard = "{}"
        self.compact_due = 0.0
        self.run, self.process, self.segments, self.descriptor, self.worker = (
            self.last(table) for table in ("runs", "processes", "segments", "descriptors", "workers")
        )
        # Those that the last run left: of a process that goes on, they go on too.
        self.workers: dict[tuple[int, int], int] = {
            (pid, start_ticks): id_ for id_, pid, start_ticks in connection.execute(LEFT_WORKERS, (self.process,))
        }
        self.factors = schema.factors(connection)
        self.series: dict[str, int] = dict(connection.execute("SELECT name, id FROM series ORDER BY id"))
        self.classes: dict[tuple[str, str], int] = {
            (kind, label): id_ for id_, kind, label in connection.execute("SELECT * FROM classes")
        }
        row = connection.execute("SELECT boot_id, pid, start_ticks FROM processes ORDER BY id DESC LIMIT 1").fetchone()
        self.before: Target | None = Target(*row) if row else None

    def last(self, table: str) -> int:
        (number,) = self.connection.execute(f"SELECT ifnull(max(id), 0) FROM {table}").fetchone()  # noqa: S608  own names
        assert isinstance(number, int)
        return number

    def be_durable(self) -> None:
        """From here on a commit outlives a power cut, at the price of waiting for the disk."""
        self.connection.execute("PRAGMA synchronous = FULL")

    def begin_run(self, now: Moment, interval: float) -> None:
        """A recorder has begun, on a new recording or one that goes on."""
        self.run += 1
        self.segment = None
        self.later(
            "INSERT INTO runs (id, version, interval_ms, started_ms) VALUES (?, ?, ?, ?)",
            self.run,
            __version__,
            ms(interval),
            ms(now.wall),
        )

    def begin_process(self, target: Target, build: Build, started: float) -> None:
        """From here on samples are of this process; if the last run ended with it, it stays the same regime."""
        self.segment = None
        self.descriptors.clear()
        self.levels.clear()
        self.heard = "{}"
        if self.run > 1 and self.before == target:
            return
        self.workers.clear()
        self.before = target
        self.process += 1
        self.later(
            "INSERT INTO processes (id, boot_id, pid, start_ticks, started, name, exe, exe_mtime, exe_deleted,"
            " max_fds, build_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self.process,
            *target,
            started,
            build.name,
            build.exe,
            build.exe_mtime,
            build.deleted,
            build.max_fds,
            build.build_id,
        )

    def end_process(self, now: Moment, reason: str) -> None:
        """The process has ended, as far as is known at `now`."""
        self.segment = None
        self.later("UPDATE processes SET ended_ms = ?, reason = ? WHERE id = ?", ms(now.wall), reason, self.process)

    def add(self, now: Moment, base: Base) -> int | None:
        """Append a sample and return its id; None when it was dropped because nothing could be written for long."""
        if len(self.pending) >= MOST_PENDING:
            self.segment = None
            return None
        segment = self.segment
        if segment is None or self.position == 1 << schema.SEGMENT_BITS or stepped(segment, now):
            segment = self.begin_segment(now, base)
        number = (segment.id << schema.SEGMENT_BITS) + self.position
        self.position += 1
        offsets = [None if value is None else value - first for value, first in zip(base, segment.base, strict=True)]
        self.later(ADD_SAMPLE, number, ms(now.mono) - segment.mono_ms, *offsets)
        return number

    def begin_segment(self, now: Moment, base: Base) -> Segment:
        self.segments += 1
        self.position = 0
        first = tuple(value or 0 for value in base)
        self.segment = Segment(self.segments, ms(now.wall), ms(now.mono), ms(now.boot), first)
        self.later(ADD_SEGMENT, self.segment.id, self.run, self.process, *self.segment[1:4], *first)
        return self.segment

    def add_scan(self, sample: int, counts: Counts, change: Change, cost_s: float, first: bool) -> None:
        """Append a scan, and the births and deaths since the one before it; `first`: there was none before."""
        self.later(ADD_SCAN, sample, *counts, round(cost_s * 1e6))
        for each in change.born:
            self.descriptor += 1
            self.descriptors[each.key] = self.descriptor
            self.later(
                ADD_DESCRIPTOR,
                self.descriptor,
                self.run,
                self.process,
                self.class_id(each.kind, each.label),
                *map(signed, each.key[:3]),
                each.state,
                each.local,
                each.peer,
                sample,
                not first,
                each.silent_ms,
            )
        for each in change.altered:
            self.later("UPDATE descriptors SET state = ? WHERE id = ?", each.state, self.descriptors[each.key])
        for key in change.died:
            self.later("UPDATE descriptors SET gone = ? WHERE id = ?", sample, self.descriptors.pop(key))

    def add_silence(self, now: Moment, silent: Iterable[tuple[Key, int]]) -> None:
        """Keep when each of these sockets, silent for so many ms, last received data: in place of what was known.

        One that stays silent changes nothing, so that nothing is written.
        """
        wall = ms(now.wall)
        # Of ten thousand, a dictionary as well is too much.
        pairs = ",".join(f'"{self.descriptors[key]}":{(wall - silent_ms) // 1000}' for key, silent_ms in silent)
        heard = f"{{{pairs}}}"
        if heard != self.heard:
            self.heard = heard
            self.later("INSERT OR REPLACE INTO heard VALUES (?, ?)", self.process, heard)

    def class_id(self, kind: str, label: str) -> int:
        if (kind, label) not in self.classes and len(self.classes) >= MOST_CLASSES:
            label = FURTHER
        if (kind, label) not in self.classes:
            self.classes[kind, label] = len(self.classes) + 1
            self.later("INSERT INTO classes VALUES (?, ?, ?)", self.classes[kind, label], kind, label)
        return self.classes[kind, label]

    def add_workers(self, now: Moment, sample: int, workers: Mapping[Worker, Base]) -> None:
        """Append what each child is under the id of a sample; one that is no longer among them has ended."""
        there = {(each.pid, each.start_ticks) for each in workers}
        for key in self.workers.keys() - there:
            self.later("UPDATE workers SET ended_ms = ? WHERE id = ?", ms(now.wall), self.workers.pop(key))
        for each, base in workers.items():
            key = (each.pid, each.start_ticks)
            if key not in self.workers:
                self.worker += 1
                self.workers[key] = self.worker
                self.later("INSERT INTO workers VALUES (?, ?, ?, ?, ?, ?, NULL)", self.worker, self.process, *each)
            self.later(ADD_WORKER, sample, self.workers[key], *base[: len(WORKER_COLUMNS)])

    def add_scrape(self, sample: int, values: Mapping[str, float], took_s: float) -> int:
        """Append what the target said of itself under the id of a base sample; returns how many series had no room."""
        known = len(self.series)
        columns = [(number, value) for name, value in values.items() if (number := self.column(name))]
        names = "".join(f", s{number}" for number, _ in columns)
        marks = ", ?" * len(columns)
        self.later(
            f"INSERT INTO scrapes (sample, took_us{names}) VALUES (?, ?{marks})",  # noqa: S608  numbered columns
            sample,
            round(took_s * 1e6),
            *(compact(value) for _, value in columns),
        )
        if len(self.series) > known:
            for statement in schema.view(self.factors, self.series):
                self.later(statement)
        return len(values) - len(columns)

    def column(self, name: str) -> int | None:
        if name in self.series:
            return self.series[name]
        if len(self.series) >= MOST_SERIES:
            return None
        number = self.series[name] = len(self.series) + 1
        self.later("INSERT INTO series VALUES (?, ?)", number, name)
        self.later(f"ALTER TABLE scrapes ADD COLUMN s{number}")
        return number

    def add_profile(self, now: Moment, kind: str, data: bytes) -> None:
        """Append a profile as it was served (gzipped protobuf)."""
        self.later(
            "INSERT INTO profiles (process, at_ms, kind, data) VALUES (?, ?, ?, ?)",
            self.process,
            ms(now.wall),
            kind,
            data,
        )

    def add_levels(self, now: Moment, levels: Iterable[Level]) -> None:
        """Append how near the limits are, those that have moved."""
        for each in levels:
            if self.levels.get(each.name) != each:
                self.levels[each.name] = each
                self.later(ADD_LEVEL, self.process, ms(now.wall), *each)

    def compact(self, now: Moment) -> str:
        """Thin out what is old, a part of it; returns why that could not be done, "" when it could."""
        self.written, self.compact_due = 0, now.mono + COMPACT_EVERY
        try:
            if rollup.compact(self.connection) >= rollup.MOST_ROWS // 2:
                self.compact_due = now.mono + COMPACT_SOON
        except sqlite3.DatabaseError as error:
            return str(error)
        return ""

    def event(self, now: Moment, kind: str, text: str) -> None:
        """Append an annotation: a gap, a restart, the reason of the end."""
        self.later(ADD_EVENT, ms(now.wall), kind, text)

    def keep(self, now: Moment, rows: int | None = None) -> Kept:
        """Write what waits, and now and then thin out what is old; raises RelengError as `flush` does."""
        if failure := self.flush(rows):
            return {"recording": f"{self.path}: {failure}"}
        if now.mono < self.compact_due and self.written < COMPACT_ROWS:
            return {"recording": ""}
        return {"recording": "", "roll-up": self.compact(now)}

    def end_run(self, now: Moment, reason: str, samples: int, late: int, missed: int) -> None:
        """The recorder ends, for this reason."""
        self.later(
            "UPDATE runs SET ended_ms = ?, reason = ?, samples = ?, late = ?, missed = ? WHERE id = ?",
            *(ms(now.wall), reason, samples, late, missed, self.run),
        )


def signed(number: int) -> int:
    """The number as SQLite holds it, in 64 bits with a sign: an inode may be larger (Ceph, FUSE)."""
    return number - (1 << 64) if number >= 1 << 63 else number


def stepped(segment: Segment, now: Moment) -> bool:
    """Whether the clocks have moved against each other since the segment began."""
    mono = ms(now.mono) - segment.mono_ms
    return (
        abs(ms(now.wall) - segment.wall_ms - mono) >= CLOCK_STEP_MS
        or abs(ms(now.boot) - segment.boot_ms - mono) >= CLOCK_STEP_MS
    )


def compact(value: float) -> float | int:
    """A whole number as an integer: SQLite stores small ones in few bytes (NaN becomes NULL by itself)."""
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value
