"""What bounds a recording: of old rows one a minute stays, then one an hour, with the least and the most of its time.

The row that stays is a real one, with all that was read together with it, for identities of counts hold in no mean.
Rows age by the monotonic clock, of which none passes between two boots: a wall clock that is set to 2038 for a minute
makes nothing old.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from relengtools.leaks.recording import retention, schema

DAY_MS = 86_400_000
# A row is kept as it is for so long; then one a minute, from then on one an hour, and in the end none.
STAGES = ((30 * DAY_MS, 60), (90 * DAY_MS, 3600))
KEPT_MS = 5 * 365 * DAY_MS
# So many rows in one transaction: they are in memory at once.
MOST_ROWS = 5_000
BOUNDED = ("rss", "anon", "fds", "threads")


class Row(NamedTuple):
    """A row that is old: how much was read with it, and its bounds, least and most of each of BOUNDED in turn."""

    id: int
    process: int
    at_ms: int
    tiers: int
    rows: int
    bounds: tuple[int | None, ...]

    def span(self, span: int) -> tuple[int, int]:
        """What it's thinned out together with: rows of one process, in one minute or hour."""
        return self.process, self.at_ms // (span * 1000)


def compact(connection: sqlite3.Connection, most: int = MOST_ROWS) -> int:
    """Thin out what is old, a bounded part of it at a time; returns how many rows went. One transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        edges = dict(old_segments(connection, [*(age for age, _ in STAGES), KEPT_MS]))
        gone = sum(thinned(connection, edges[age], span, most) for age, span in STAGES)
        gone += forgotten(connection, edges[KEPT_MS], edges[STAGES[0][0]])
        gone += retention.forget(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return gone


def old_segments(connection: sqlite3.Connection, ages_ms: list[int]) -> Iterator[tuple[int, int]]:
    """Each age, and the segment below which all rows are at least that old (0: none is)."""
    waiting = sorted(ages_ms)
    began, later = 0, None
    for segment, mono, last in connection.execute(
        "SELECT g.id, g.mono_ms, ifnull((SELECT s.t FROM samples s WHERE s.id BETWEEN g.id << ?1"
        " AND ((g.id + 1) << ?1) - 1 ORDER BY s.id DESC LIMIT 1), 0) FROM segments g ORDER BY g.id DESC",
        (schema.SEGMENT_BITS,),
    ):
        began += last if later is None else max(later - mono, last)
        later = mono
        while waiting and began - last >= waiting[0]:
            yield waiting.pop(0), segment + 1
        if not waiting:
            return
    yield from ((age, 0) for age in waiting)


def thinned(connection: sqlite3.Connection, before: int, span: int, most: int) -> int:
    """Leave one row in each span of the segments before that one."""
    rows = list(old(connection, before << schema.SEGMENT_BITS, span, most))
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row.span(span))]
    # A group that fills all there is room for would be waited for in vain.
    if groups and (len(groups) > 1 or len(rows) < most) and goes_on(connection, groups[-1][-1], span):
        groups.pop()
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
    for table, key in retention.OF_SAMPLE.items():
        connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", gone)  # noqa: S608  own names
    return len(gone)


def goes_on(connection: sqlite3.Connection, row: Row, span: int) -> bool:
    """Whether the next row that there is belongs to the same span: it was not read, or isn't old yet."""
    found = connection.execute(
        "SELECT g.process, g.wall_ms + s.t FROM samples s JOIN segments g ON g.id = s.id >> ?"
        " WHERE s.id > ? ORDER BY s.id LIMIT 1",
        (schema.SEGMENT_BITS, row.id),
    ).fetchone()
    return found is not None and (found[0], found[1] // (span * 1000)) == row.span(span)


def least_and_most(group: list[Row], at: int) -> tuple[int | None, int | None]:
    """The bounds of a group in one column."""
    lows = [row.bounds[at] for row in group if row.bounds[at] is not None]
    highs = [row.bounds[at + 1] for row in group if row.bounds[at + 1] is not None]
    return min(lows, default=None), max(highs, default=None)  # type: ignore[type-var]


def old(connection: sqlite3.Connection, before: int, span: int, most: int) -> Iterator[Row]:
    """Rows with an id below `before` that stand for less than a span."""
    bounds = ", ".join(f"ifnull(r.{name}_{end}, {schema.decoded(name)})" for name in BOUNDED for end in ("min", "max"))
    found: Iterable[tuple[int, ...]] = connection.execute(
        "SELECT s.id, g.process, g.wall_ms + s.t, (c.sample IS NOT NULL) + 2 * (m.sample IS NOT NULL),"  # noqa: S608
        f" ifnull(r.rows, 1), {bounds}"
        " FROM samples s JOIN segments g ON g.id = s.id >> ?4"
        " LEFT JOIN rollups r ON r.sample = s.id LEFT JOIN scans c ON c.sample = s.id"
        " LEFT JOIN scrapes m ON m.sample = s.id"
        " WHERE s.id < ?1 AND ifnull(r.span_s, 0) < ?2 ORDER BY s.id LIMIT ?3",
        (before, span, most, schema.SEGMENT_BITS),
    )
    for id_, process, at, tiers, rows, *limits in found:
        yield Row(id_, process, at, tiers, rows, tuple(limits))


def forgotten(connection: sqlite3.Connection, before: int, empty_before: int) -> int:
    """Drop the samples of the segments before that one, and old segments that have none; returns how many samples."""
    bits = schema.SEGMENT_BITS
    gone = connection.execute("DELETE FROM samples WHERE id < ?", (before << bits,)).rowcount
    for table, key in retention.OF_SAMPLE.items():
        connection.execute(f"DELETE FROM {table} WHERE {key} < ?", (before << bits,))  # noqa: S608  own names
    connection.execute(
        "DELETE FROM segments WHERE id < ?1 AND NOT EXISTS"
        " (SELECT 1 FROM samples s WHERE s.id BETWEEN segments.id << ?2 AND ((segments.id + 1) << ?2) - 1)",
        (empty_before, bits),
    )
    retention.note(connection, {"samples": gone})
    return gone
