"""A recording -> what became of the process while it was watched: its lives, children, sockets, and what happened.

Rows for a report as JSON holds them: times are UTC texts, what ends in `_s` is seconds, in `_bytes` bytes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isnan
from typing import Any

from relengtools.leaks.recording import Loaded, workers
from relengtools.leaks.recording.read import Process, Run
from relengtools.leaks.units import duration

MOST = {"lives": 15, "children": 15, "sockets": 15, "runs": 15, "events": 200}
RANKED = ("children", "sockets")
# What a recording has forgotten of them, by its own names.
FORGOTTEN = {"lives": "processes", "children": "workers", "runs": "runs", "events": "events"}


def told(loaded: Loaded | None) -> dict[str, Any]:
    """All tables by name, those of a recording that has none empty; raises RelengError."""
    tables = _tables(loaded) if loaded else {name: [] for name in MOST}
    shown = {name: _shown(name, rows) for name, rows in tables.items()}
    gone = {name: loaded.forgotten.get(table, 0) if loaded else 0 for name, table in FORGOTTEN.items()}
    left_out = {name: len(rows) - len(shown[name]) + gone.get(name, 0) for name, rows in tables.items()}
    return {**shown, "left_out": left_out}


def _shown(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What grew or lasted most comes first, and of what has an order in time the latest is kept."""
    most = MOST[name]
    if name in RANKED:
        return rows[:most]
    # A pool that recycles is noted each minute; that must not push out the gaps of a month.
    crowded = name == "events" and len(rows) > most
    return [row for row in rows if not (crowded and row["kind"] == "children")][-most:]


def _tables(loaded: Loaded) -> dict[str, list[dict[str, Any]]]:
    return {
        "lives": [_life(each, each is loaded.processes[-1]) for each in loaded.processes],
        "children": list(_children(loaded)),
        "sockets": list(_sockets(loaded)),
        "runs": [_run(each, each is loaded.runs[-1]) for each in loaded.runs],
        "events": list(_events(loaded)),
    }


def utc(seconds: float) -> str:
    """A unix time for people and machines: `2026-11-24 16:51:56 UTC`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _life(process: Process, latest: bool) -> dict[str, Any]:
    """One life of the target: which build it ran, and how and after how long it ended, as far as that was seen."""
    watched = None if process.first is None or process.last is None else process.last - process.first
    seen = "has no sample" if process.last is None else f"last sample {utc(process.last)}"
    end = process.reason or (f"{seen}, its end was not seen" if not latest or process.last is None else "still there")
    return {
        "process": f"{process.name} (pid {process.pid})",
        "started": utc(process.started),
        "build_id": process.build_id,
        "exe_replaced": process.exe_deleted,
        "watched_s": watched,
        "end": end,
    }


def _children(loaded: Loaded) -> Iterator[dict[str, Any]]:
    """The children, those whose memory grew most first."""
    lives = workers.lives(loaded.path) if loaded.meta.get("children") else []
    there = workers.there(lives)
    rows = [(life, life.columns["rss_bytes"], life.columns["num_fds"]) for life in lives]
    for life, rss, fds in sorted(rows, key=lambda row: (row[1][0] - row[1][-1], row[0].started, row[0].pid)):
        if life.ended is not None:
            end = f"ended, after {duration(max(life.ended - life.started, 0))} at most"
        else:
            end = "still there" if life in there else f"last seen {utc(life.times[-1])}"
        yield {
            "process": f"{life.name} (pid {life.pid})",
            "started": utc(life.started),
            "rss_bytes": [_known(rss[0]), _known(rss[-1])],
            "num_fds": [_known(fds[0]), _known(fds[-1])],
            "end": end,
        }


def _sockets(loaded: Loaded) -> Iterator[dict[str, Any]]:
    """The sockets of the last process that were open at its last scan, without listeners, those open longest first."""
    latest = loaded.processes[-1].id if loaded.processes else 0
    run = max((life.run for life in loaded.lives if life.process == latest), default=0)
    there = [life for life in loaded.lives if (life.process, life.run) == (latest, run) and life.gone is None]
    sockets = [life for life in there if life.kind == "socket" and life.state != "listen"]
    for life in sorted(sockets, key=lambda life: (life.born - life.seen, -(life.silent_s or 0), life.label, life.fd)):
        yield {
            "socket": life.label,
            "peer": life.peer,
            "state": life.state,
            "open_s": life.seen - life.born,
            "since_before": not life.born_seen,
            "silent_s": life.silent_s,
        }


def _run(run: Run, latest: bool) -> dict[str, Any]:
    """One run of the recorder; one that was killed has told no counts."""
    unknown = "no end noted: it goes on, or was killed" if latest else "no end noted: it was killed"
    return {
        "started": utc(run.started),
        "interval_s": run.interval_s,
        "samples": run.samples,
        "late": run.late,
        "missed": run.missed,
        "end": unknown if run.ended is None else f"{utc(run.ended)}: {run.reason}",
    }


def _events(loaded: Loaded) -> Iterator[dict[str, Any]]:
    """What happened, and of a gap how long it lasted (None: it was open at the end)."""
    ends: dict[str, float] = {}
    lasted: list[float | None] = []
    for event in reversed(loaded.events):
        topic = event.text.partition(": ")[0] if event.kind == "gap" else event.text
        lasted.append(ends.get(topic) if event.kind == "gap" else None)
        if event.kind in ("gap", "resumed"):
            ends[topic] = event.time
        elif event.kind == "end":  # of a run: the next one finds its own gaps
            ends.clear()
    for event, end in zip(loaded.events, reversed(lasted), strict=True):
        yield {
            "time": utc(event.time),
            "kind": event.kind,
            "text": event.text,
            "lasted_s": None if end is None else max(end - event.time, 0.0),
        }


def _known(value: float) -> float | None:
    return None if isnan(value) else value
