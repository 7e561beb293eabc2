"""What bounds a recording: of old rows one a minute stays, then one an hour, with the least and the most of its time.

The row that stays is a real one, with all that was read together with it, for identities of counts hold in no mean.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from relengtools.leaks.recording import schema

DAY_MS = 86_400_000
# A row is kept as it is for so long; then one a minute, from then on one an hour, and in the end none.
STAGES = ((30 * DAY_MS, 60), (90 * DAY_MS, 3600))
KEPT_MS = 5 * 365 * DAY_MS
# What has ended before that is told by no table of descriptors any more.
DETAILS_MS = 90 * DAY_MS
MOST_ROWS = 20_000
BOUNDED = ("rss", "anon", "fds", "threads")


class Row(NamedTuple):
    """A row that is old: how much was read with it, and its bounds, least and most of each of BOUNDED in turn."""

    id: int
    process: int
    at_ms: int
    tiers: int
    rows: int
    bounds: tuple[int | None, ...]


def compact(connection: sqlite3.Connection, now_ms: int, most: int = MOST_ROWS) -> int:
    """Thin out what is old, a bounded part of it at a time; returns how many rows went. One transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        gone = sum(
            thinned(connection, (now_ms - age) // (span * 1000) * span * 1000, span, most) for age, span in STAGES
        )
        gone += forgotten(connection, now_ms)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return gone


def thinned(connection: sqlite3.Connection, before_ms: int, span: int, most: int) -> int:
    """Leave one row in each span before that time."""
    rows = list(old(connection, before_ms, span, most))
    groups = [list(group) for _, group in groupby(rows, key=lambda row: (row.process, row.at_ms // (span * 1000)))]
    if len(rows) == most and len(groups) > 1:
        groups.pop()  # its end may not have been read
    gone: list[tuple[int]] = []
    for group in groups:
        kept = max(group, key=lambda row: row.tiers)
        gone += [(row.id,) for row in group if row is not kept]
        bounds = [value for at in range(0, 2 * len(BOUNDED), 2) for value in least_and_most(group, at)]
        marks = ", ?" * len(bounds)
        connection.execute(
            f"INSERT OR REPLACE INTO rollups VALUES (?, ?, ?{marks})",  # noqa: S608  our own marks
            (kept.id, span, sum(row.rows for row in group), *bounds),
        )
    for table, key in (
        ("samples", "id"),
        ("scans", "sample"),
        ("scrapes", "sample"),
        ("rollups", "sample"),
        ("worker_samples", "sample"),
    ):
        connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", gone)  # noqa: S608  own names
    return len(gone)


def least_and_most(group: list[Row], at: int) -> tuple[int | None, int | None]:
    """The bounds of a group in one column."""
    lows = [row.bounds[at] for row in group if row.bounds[at] is not None]
    highs = [row.bounds[at + 1] for row in group if row.bounds[at + 1] is not None]
    return min(lows, default=None), max(highs, default=None)  # type: ignore[type-var]


def old(connection: sqlite3.Connection, before_ms: int, span: int, most: int) -> Iterator[Row]:
    """Rows before that time that stand for less than a span."""
    bounds = ", ".join(f"ifnull(r.{name}_{end}, {schema.decoded(name)})" for name in BOUNDED for end in ("min", "max"))
    found: Iterable[tuple[int, ...]] = connection.execute(
        "SELECT s.id, g.process, g.wall_ms + s.t, (c.sample IS NOT NULL) + 2 * (m.sample IS NOT NULL),"  # noqa: S608
        f" ifnull(r.rows, 1), {bounds}"
        " FROM segments g CROSS JOIN samples s ON s.id BETWEEN g.id << ?4 AND ((g.id + 1) << ?4) - 1"
        " LEFT JOIN rollups r ON r.sample = s.id LEFT JOIN scans c ON c.sample = s.id"
        " LEFT JOIN scrapes m ON m.sample = s.id"
        " WHERE g.wall_ms < ?1 AND g.wall_ms + s.t < ?1 AND ifnull(r.span_s, 0) < ?2 ORDER BY s.id LIMIT ?3",
        (before_ms, span, most, schema.SEGMENT_BITS),
    )
    for id_, process, at, tiers, rows, *limits in found:
        yield Row(id_, process, at, tiers, rows, tuple(limits))


def forgotten(connection: sqlite3.Connection, now_ms: int) -> int:
    """Drop what is beyond keeping: whole segments, and details of what ended long ago. Returns rows of samples."""
    bits = schema.SEGMENT_BITS
    (edge,) = connection.execute(
        "SELECT ifnull(max(id) + 1, 0) FROM segments WHERE wall_ms < ?", (now_ms - KEPT_MS,)
    ).fetchone()
    gone = connection.execute("DELETE FROM samples WHERE id < ?", (edge << bits,)).rowcount
    for table in ("scans", "scrapes", "rollups", "worker_samples"):
        connection.execute(f"DELETE FROM {table} WHERE sample < ?", (edge << bits,))  # noqa: S608  own names
    (detail,) = connection.execute(
        "SELECT ifnull(max(id) + 1, 0) FROM segments WHERE wall_ms < ?", (now_ms - DETAILS_MS,)
    ).fetchone()
    connection.execute("DELETE FROM descriptors WHERE gone < ?", (detail << bits,))
    connection.execute("DELETE FROM workers WHERE ended_ms < ?", (now_ms - KEPT_MS,))
    connection.execute("DELETE FROM levels WHERE at_ms < ?", (now_ms - DETAILS_MS,))
    connection.execute(
        "DELETE FROM profiles WHERE at_ms < ? AND id NOT IN (SELECT min(id) FROM profiles GROUP BY process, kind)",
        (now_ms - DETAILS_MS,),
    )
    connection.execute("DELETE FROM events WHERE at_ms < ?", (now_ms - KEPT_MS,))
    connection.execute(
        "DELETE FROM segments WHERE wall_ms < ?1 AND NOT EXISTS"
        " (SELECT 1 FROM samples s WHERE s.id BETWEEN segments.id << ?2 AND ((segments.id + 1) << ?2) - 1)",
        (now_ms - STAGES[0][0], bits),
    )
    return max(gone, 0)
