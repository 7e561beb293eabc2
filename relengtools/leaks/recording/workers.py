"""The children of a process, as `record --children` kept them: a life each, which is a regime of its own."""

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from math import nan
from typing import NamedTuple

from relengtools.leaks.recording import schema
from relengtools.leaks.recording.access import reading, seconds, typed


class Life(NamedTuple):
    """One child: when it began and ended (unix seconds; None: it was there at the end), its times and columns."""

    pid: int
    name: str
    started: float
    ended: float | None
    times: "array[float]"
    columns: dict[str, "array[float]"]


def lives(path: str) -> list[Life]:
    """All children that were seen, in the order in which they came; raises RelengError."""
    with reading(path) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] < 3:
            return []
        meta = {typed(str, key): typed(str, value) for key, value in connection.execute("SELECT key, value FROM meta")}
        page, tick = int(meta["page_bytes"]), int(meta["ticks_per_s"])
        found = dict(read(connection))
        for worker, now, rss, anon, swap, vms, fds, threads, cpu in connection.execute(SAMPLES, (schema.SEGMENT_BITS,)):
            if life := found.get(worker):
                memory = None if anon is None else (anon + (swap or 0)) * 1024
                row = (rss * page, memory, vms * page, fds, threads, cpu / tick)
                life.times.append(now)
                for column, value in zip(life.columns.values(), row, strict=True):
                    column.append(nan if value is None else value)
        return [life for life in found.values() if life.times]


def there(found: Sequence[Life]) -> list[Life]:
    """Those that there were at the last look; of the children of a process that has ended, no end is known."""
    latest = max((life.times[-1] for life in found), default=0.0)
    return [life for life in found if life.ended is None and life.times[-1] == latest]


SAMPLES = (
    "SELECT w.worker, (g.wall_ms + s.t) / 1000.0, w.rss, w.anon, w.swap, w.vms, w.fds, w.threads, w.cpu"
    " FROM worker_samples w JOIN samples s ON s.id = w.sample JOIN segments g ON g.id = s.id >> ? ORDER BY w.sample"
)
METRICS = ("rss_bytes", "anon_bytes", "vms_bytes", "num_fds", "n_threads", "cpu_s")


def read(connection: sqlite3.Connection) -> Iterator[tuple[int, Life]]:
    """The children without their samples."""
    rows = connection.execute("SELECT id, pid, name, started, ended_ms FROM workers ORDER BY id")
    for id_, pid, name, started, ended in rows:
        columns = {metric: array("d") for metric in METRICS}
        end = None if ended is None else seconds(ended)
        yield id_, Life(typed(int, pid), typed(str, name), float(started), end, array("d"), columns)
