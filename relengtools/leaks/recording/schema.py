"""The tables of a recording, how they came to be, and what is said when a file is not one.

A sample is a row of small integers: offsets from the row of its segment, in the kernel's units (pages, kB, ticks, ms).
`samples.id` is `segment * 256 + position`, so that a row is decoded with its segment alone. A segment ends after 256
samples, and with the process, the run, or the relation between the clocks (suspend, a step of the wall clock).
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from relengtools.errors import RelengError

APPLICATION_ID = 0x72656C6B  # "relk"
SEGMENT_BITS = 8

# column of samples and segments -> (unit, metric, description)
BASE_COLUMNS = {
    "rss": ("pages", "rss_bytes", "resident memory"),
    "anon": ("KiB", "anon_bytes, together with swap", "RssAnon"),
    "swap": ("KiB", "anon_bytes, together with anon", "VmSwap"),
    "vms": ("pages", "vms_bytes", "address space"),
    "fds": ("1", "num_fds", "open descriptors, without the recorder's own connections"),
    "threads": ("1", "n_threads", "threads"),
    "cpu": ("ticks", "cpu_s", "user and system time"),
    "switches_voluntary": ("1", "", "voluntary context switches of the main thread"),
    "switches_involuntary": ("1", "", "involuntary context switches of the main thread"),
    "faults_minor": ("1", "", "page faults without I/O"),
    "faults_major": ("1", "", "page faults with I/O"),
}
SCAN_COLUMNS = (
    "n_sockets",
    "n_reg_files",
    "n_pipes",
    "n_anon_inode",
    "n_other",
    "tcp_established",
    "tcp_close_wait",
    "sockets_unlisted",
    "own",
)
OTHER_UNITS = {
    "samples.t": ("ms", "since the start of the segment, by the monotonic clock"),
    "segments.wall_ms": ("ms", "since 1970, by the wall clock"),
    "segments.mono_ms": ("ms", "CLOCK_MONOTONIC"),
    "segments.boot_ms": ("ms", "CLOCK_BOOTTIME: also counts while suspended"),
    "scans.own": ("1", "descriptors of the recorder's own connections, left out of every other count"),
    "scans.cost_us": ("us", "CPU time that the scan took the recorder"),
    "scrapes.took_us": ("us", "from request to last byte"),
    "processes.started": ("s", "since 1970"),
}

_BASE = ",\n    ".join(f"{name} INTEGER" for name in BASE_COLUMNS)
_SCAN = ",\n    ".join(f"{name} INTEGER NOT NULL" for name in SCAN_COLUMNS)

FIRST = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE units (
    name TEXT PRIMARY KEY, unit TEXT NOT NULL, metric TEXT NOT NULL, description TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, version TEXT NOT NULL, interval_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,
    ended_ms INTEGER, reason TEXT, samples INTEGER, late INTEGER, missed INTEGER);
CREATE TABLE processes (
    id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,
    started REAL NOT NULL,
    name TEXT NOT NULL, exe TEXT NOT NULL, exe_mtime REAL, exe_deleted INTEGER NOT NULL,
    max_fds INTEGER, ended_ms INTEGER, reason TEXT);
CREATE TABLE segments (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, process INTEGER NOT NULL REFERENCES processes,
    wall_ms INTEGER NOT NULL, mono_ms INTEGER NOT NULL, boot_ms INTEGER NOT NULL,
    {_BASE});
CREATE TABLE samples (
    id INTEGER PRIMARY KEY, t INTEGER NOT NULL,
    {_BASE});
CREATE TABLE scans (
    sample INTEGER PRIMARY KEY,
    {_SCAN},
    cost_us INTEGER NOT NULL);
CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE scrapes (sample INTEGER PRIMARY KEY, took_us INTEGER NOT NULL);
CREATE TABLE classes (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, label TEXT NOT NULL, UNIQUE (kind, label));
CREATE TABLE descriptors (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, process INTEGER NOT NULL REFERENCES processes,
    class INTEGER NOT NULL REFERENCES classes, fd INTEGER NOT NULL, inode INTEGER NOT NULL, device INTEGER NOT NULL,
    state TEXT NOT NULL, local TEXT NOT NULL, peer TEXT NOT NULL,
    born INTEGER NOT NULL, born_seen INTEGER NOT NULL, gone INTEGER);
CREATE TABLE profiles (
    id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES processes, at_ms INTEGER NOT NULL, kind TEXT NOT NULL,
    data BLOB NOT NULL);
CREATE TABLE events (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
"""

SECOND = """
CREATE TABLE levels (
    id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES processes, at_ms INTEGER NOT NULL, name TEXT NOT NULL,
    used INTEGER NOT NULL, most INTEGER);
CREATE TABLE rollups (
    sample INTEGER PRIMARY KEY, span_s INTEGER NOT NULL, rows INTEGER NOT NULL,
    rss_min INTEGER, rss_max INTEGER, anon_min INTEGER, anon_max INTEGER,
    fds_min INTEGER, fds_max INTEGER, threads_min INTEGER, threads_max INTEGER);
INSERT INTO units VALUES ('levels.used', 'as named', '', 'how much of a limit was used, told when it has changed');
INSERT INTO units VALUES ('levels.most', 'as named', '', 'the limit, NULL for none');
INSERT INTO units VALUES ('rollups.span_s', 's', '', 'the row of samples stands for this long');
INSERT INTO units VALUES ('rollups.rows', '1', '', 'so many rows were there');
INSERT INTO units VALUES ('rollups.rss_min', 'pages', '', 'the least in the span, absolute, and so on');
"""

THIRD = """
ALTER TABLE processes ADD COLUMN build_id TEXT NOT NULL DEFAULT '';
ALTER TABLE descriptors ADD COLUMN silent_ms INTEGER;
CREATE TABLE workers (
    id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES processes, pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL, started REAL NOT NULL, name TEXT NOT NULL, ended_ms INTEGER);
CREATE TABLE worker_samples (
    sample INTEGER NOT NULL, worker INTEGER NOT NULL REFERENCES workers, rss INTEGER, anon INTEGER, swap INTEGER,
    vms INTEGER, fds INTEGER, threads INTEGER, cpu INTEGER, PRIMARY KEY (sample, worker)) WITHOUT ROWID;
INSERT INTO units VALUES ('descriptors.silent_ms', 'ms', '', 'no data had been received for so long when it was born');
INSERT INTO units VALUES ('worker_samples.rss', 'pages', '', 'of one child, absolute, and so on as in samples');
"""

FOURTH = """
CREATE TABLE heard (process INTEGER PRIMARY KEY REFERENCES processes, sockets TEXT NOT NULL);
INSERT INTO units VALUES (
    'heard.sockets', 's since 1970', '', 'JSON: id in descriptors -> last data received, as of the last scan');
"""

FIFTH = """
CREATE TABLE forgotten (what TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE past_descriptors (
    process INTEGER NOT NULL REFERENCES processes, class INTEGER NOT NULL REFERENCES classes, born INTEGER NOT NULL,
    died INTEGER NOT NULL, PRIMARY KEY (process, class)) WITHOUT ROWID;
INSERT INTO units VALUES ('forgotten.rows', '1', '', 'so many rows went from that table, to bound the file');
INSERT INTO units VALUES (
    'past_descriptors.born', '1', '', 'so many descriptors of the process came that are no longer in the table');
"""

# Entry n takes a file from schema n to n + 1. Entries are never changed, only added.
MIGRATIONS: tuple[str, ...] = (FIRST, SECOND, THIRD, FOURTH, FIFTH)
VERSION = len(MIGRATIONS)


def statements(script: str) -> list[str]:
    """The statements of a script without a semicolon inside any of them."""
    return [text for part in script.split(";") if (text := part.strip())]


def migrate(connection: sqlite3.Connection, meta: Mapping[str, str]) -> None:
    """Bring the tables to this version in one transaction (in autocommit mode); a new file gets `meta`."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    for script in MIGRATIONS[version:]:
        for statement in statements(script):
            connection.execute(statement)
    if not version:
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        describe(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def describe(connection: sqlite3.Connection) -> None:
    """Say in the file what its columns are."""
    rows = [(f"samples.{name}", *about) for name, about in BASE_COLUMNS.items()]
    rows += [(f"scans.{name}", "1", name, "") for name in SCAN_COLUMNS if name != "own"]
    rows += [(name, unit, "", text) for name, (unit, text) in OTHER_UNITS.items()]
    connection.executemany("INSERT INTO units VALUES (?, ?, ?, ?)", rows)
    for statement in view(factors(connection), {}):
        connection.execute(statement)


def quoted(name: str) -> str:
    """`name` as an SQL identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def decoded(name: str) -> str:
    """The SQL expression of an absolute value in samples s joined with segments g."""
    return f"(g.{name} + s.{name})"


def factors(connection: sqlite3.Connection) -> tuple[int, int]:
    """Bytes of a page, and ticks of a second, on the machine of the recording."""
    page, tick = (
        connection.execute("SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?", (key,)).fetchone() or (factor,)
        for key, factor in (("page_bytes", 4096), ("ticks_per_s", 100))
    )
    return page[0], tick[0]


def view(factors: tuple[int, int], series: Mapping[str, int]) -> tuple[str, str]:
    """Statements for the view `readable`, for people with sqlite3: a row a sample, in the units of the names."""
    page, tick = factors
    columns = [
        "(g.wall_ms + s.t) / 1000.0 AS ts_unix",
        "g.process AS process",
        f"{decoded('rss')} * {page} AS rss_bytes",
        f"({decoded('anon')} + {decoded('swap')}) * 1024 AS anon_bytes",
        f"{decoded('vms')} * {page} AS vms_bytes",
        f"{decoded('fds')} AS num_fds",
        f"{decoded('threads')} AS n_threads",
        f"{decoded('cpu')} / {tick}.0 AS cpu_s",
        *(f"c.{name}" for name in SCAN_COLUMNS if name != "own"),
        *(f"m.s{number} AS {quoted(name)}" for name, number in series.items() if name.isprintable()),
    ]
    created = (
        f"CREATE VIEW readable AS SELECT {', '.join(columns)} FROM samples s"  # noqa: S608  quoted above
        f" JOIN segments g ON g.id = s.id >> {SEGMENT_BITS}"
        " LEFT JOIN scans c ON c.sample = s.id LEFT JOIN scrapes m ON m.sample = s.id"
    )
    return "DROP VIEW IF EXISTS readable", created


def check(connection: sqlite3.Connection, path: str | Path) -> None:
    """Raise RelengError unless the file is a recording of this version or an older one."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID or not version:
        raise RelengError(f"{path}: is not a recording of relengtools")
    if version > VERSION:
        raise RelengError(
            f"{path}: is of schema {version}, newer than this relengtools ({VERSION}); use the one that wrote it"
        )
    # SQLite takes a last page that was cut for whole, and its missing part for zeros. (Pages may wait in a log.)
    (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    if pages * size > Path(path).stat().st_size and not Path(f"{path}-wal").exists():
        raise RelengError(f"{path}: {DAMAGED}")


DAMAGED = "is damaged or truncated; restore it from a copy"


def reason(error: sqlite3.DatabaseError) -> str:
    """What SQLite refused, for somebody who doesn't know it."""
    name = error.sqlite_errorname if hasattr(error, "sqlite_errorname") else ""
    if name.startswith("SQLITE_NOTADB"):
        return "is not a recording of relengtools"
    if name.startswith("SQLITE_CORRUPT"):
        return DAMAGED
    return f"cannot be used: {error}"
