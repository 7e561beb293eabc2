"""`leaks watch`: what a recording says just now, as lines for a terminal."""

import time
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from itertools import accumulate
from math import isnan, nan
from typing import Any, NamedTuple
from unicodedata import east_asian_width

from relengtools.errors import printable
from relengtools.leaks import heartbeat
from relengtools.leaks.names import SHORT
from relengtools.leaks.recording import Loaded, load, workers
from relengtools.leaks.units import amount, duration, per_time

WINDOW_S = 60.0
MOST_CLASSES = 10
# From so many columns on there is room for all; for rates beside short names.
FULL_WIDTH, RATES_WIDTH = 74, 50
BRIEF = {full: short for short, columns in SHORT.items() for full in columns}
# What was higher by this part is told of.
HIGHER = 1.1
PEAKS = ("rss_bytes", "num_fds", "n_threads")
NOTED = ("missed", "growth", "limit", "killed")
SHOWN = (
    *("rss_bytes", "anon_bytes", "num_fds", "n_sockets", "n_reg_files", "n_pipes", "n_anon_inode"),
    *("tcp_established", "tcp_close_wait", "sockets_unlisted", "n_threads", "go_goroutines"),
    "go_memstats_heap_inuse_bytes",
)


class Row(NamedTuple):
    """A metric now: its value, how it moved a second within the last minute (None: can't tell), the verdict so far."""

    metric: str
    value: float
    rate: float | None
    verdict: str


class View(NamedTuple):
    """All that is shown; `classes` are descriptor class, count, change since the first scan; `children` alike."""

    title: str
    state: str
    rows: list[Row]
    classes: list[tuple[str, int, int]]
    notes: list[str]
    children: Sequence[tuple[str, float, float]] = ()


def look(path: str, now: float | None = None) -> View:
    """A recording as it is now; raises RelengError."""
    loaded = load(path)
    moment = time.time() if now is None else now
    process = loaded.processes[-1]
    judged = verdicts(loaded)
    rows = [
        Row(name, value, rate, judged[name]["verdict"] if name in judged else "")
        for name in SHOWN
        if name in loaded.columns
        for value, rate in [lately(loaded, name)]
        if not isnan(value)
    ]
    count = len(loaded.processes) + loaded.forgotten.get("processes", 0)
    lives = f", {count:,} processes so far" if count > 1 else ""
    return View(
        title=f"{process.name} (pid {process.pid}), up {duration(loaded.times[-1] - process.started)}{lives}",
        state=heartbeat.state(loaded, moment),
        rows=rows,
        classes=[(c.name, c.last, c.last - c.first) for c in loaded.classes[:MOST_CLASSES]],
        children=children(path) if loaded.meta.get("children") else [],
        notes=[
            *facts(loaded),
            *higher(loaded, rows),
            *noted(loaded, moment),
            *heartbeat.gaps(loaded),
            *([] if find_spec("numpy") else ["verdicts need relengtools[report]"]),
        ],
    )


def facts(loaded: Loaded) -> Iterator[str]:
    """Which build runs, and how the last process ended that did."""
    process = loaded.processes[-1]
    if process.build_id:
        replaced = ", whose file was replaced since" if process.exe_deleted else ""
        yield f"build {process.build_id}{replaced}"
    ended = [each for each in loaded.processes if each.ended is not None and each.reason]
    if ended:
        yield f"pid {ended[-1].pid}: {ended[-1].reason}"


def higher(loaded: Loaded, rows: Iterable[Row]) -> Iterator[str]:
    """What the last process has had much more of than it has now, also where its peak alone is still known."""
    since = next((at for at, start in enumerate(loaded.starts) if start == loaded.starts[-1]), 0)
    found = []
    for row in [row for row in rows if row.metric in PEAKS]:
        known = [value for value in loaded.columns[row.metric][since:] if not isnan(value)]
        most = max([*known, loaded.peaks.get(row.metric, row.value)])
        if most > HIGHER * row.value:
            found.append(f"{row.metric} {amount(row.metric, most)}")
    if found:
        yield f"has been higher: {', '.join(found)}"


def noted(loaded: Loaded, now: float) -> list[str]:
    """The last event of each kind that asks for a look, with how long ago it was."""
    last = {event.kind: event for event in loaded.events if event.kind in NOTED}
    return [f"{event.kind}: {event.text}, {heartbeat.ago(event.time, now)}" for event in last.values()]


def children(path: str) -> list[tuple[str, float, float]]:
    """The children that there are, their memory and how it changed since they were first seen, most growth first."""
    there = workers.there(workers.lives(path))
    rows = [(f"{life.name} (pid {life.pid})", life.columns["rss_bytes"]) for life in there]
    found = [(name, rss[-1], rss[-1] - rss[0]) for name, rss in rows]
    return sorted(found, key=lambda row: -row[2])[:MOST_CLASSES]


def lately(loaded: Loaded, name: str) -> tuple[float, float | None]:
    """The last value of a column, and its rate over the last minute of the same process."""
    times, values = loaded.times, loaded.columns[name]
    at = next((i for i in range(len(times) - 1, -1, -1) if not isnan(values[i])), -1)
    if at < 0:
        return nan, None
    since = at
    for i in range(at - 1, -1, -1):
        if loaded.starts[i] != loaded.starts[at] or times[at] - times[i] > WINDOW_S:
            break
        since = i if not isnan(values[i]) else since
    span = times[at] - times[since]
    return values[at], (values[at] - values[since]) / span if span > 0 else None


def verdicts(loaded: Loaded) -> dict[str, dict[str, Any]]:
    """Metric -> verdict so far, as in JSON; nothing without numpy."""
    if not find_spec("numpy"):
        return {}
    from relengtools.leaks import judge, series

    found: dict[str, dict[str, Any]] = judge.analyze(series.of_recording(loaded)).as_json()["metrics"]
    return found


def render(view: View, width: int = 80, height: int = 1000) -> list[str]:
    """The view as lines that fit; what came from the target can't act on the terminal.

    Where there is little room, names are short, rates and the blank lines go, and of the notes the last stay: gaps.
    """
    whose = "open descriptors" + " without children's" * bool(view.children)
    classes = [(name, f"{count}", f"{change:+}") for name, count, change in view.classes]
    children = [(name, amount("rss_bytes", rss), amount("rss_bytes", more)) for name, rss, more in view.children]
    parts = [
        [view.title, view.state],
        list(table(view.rows, width)),
        list(counted(whose, classes, width)),
        list(counted("children, resident memory", children, width)),
        view.notes,
    ]
    lines = [line for part in parts if part for line in ["", *part]][1:]
    if len(lines) > height:
        notes = view.notes[-max(height // 4, 1) :]
        lines = [line for part in parts[:-1] for line in part][: height - len(notes)] + notes
    return fitting(lines, width, height)


def table(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Metrics, their values, rates and verdicts, in as many columns as there is room for."""
    if width >= FULL_WIDTH:
        yield f"{'':30} {'now':>12} {'last minute':>16}  verdict so far"
        for row in rows:
            yield f"{row.metric:30} {amount(*row[:2]):>12} {moved(row):>16}  {row.verdict}"
        return
    rates = width >= RATES_WIDTH
    yield f"{'':10} {'now':>10} {'last minute':>14}  verdict" if rates else f"{'':10} {'now':>10} verdict so far"
    for row in rows:
        rate = f"{moved(row):>14}  " if rates else ""
        yield f"{BRIEF.get(row.metric, row.metric):10.10} {amount(*row[:2]):>10} {rate}{row.verdict}"


def counted(heading: str, rows: Sequence[tuple[str, str, str]], width: int) -> Iterator[str]:
    """What there is and how that changed; the names have the room that is left."""
    number, change = (12, 16) if width >= FULL_WIDTH else (9, 9)
    room = min(43, width - number - change - 2)
    for name, now, moved_ in [(heading, "now", "change"), *rows] if rows else []:
        yield f"{name[:room]:{room}} {now:>{number}} {moved_:>{change}}"


def moved(row: Row) -> str:
    """The rate for people."""
    return "" if row.rate is None else "still" if not row.rate else per_time(row.metric, row.rate)


def fitting(lines: Iterable[str], width: int, height: int) -> list[str]:
    """So many lines, each so long at most, and nothing in them that is not text."""
    return [cut(printable(line).rstrip(), width) for line in list(lines)[:height]]


def cut(line: str, width: int) -> str:
    """What fits; letters of East Asia take two places (Unicode, UAX #11)."""
    taken = list(accumulate(2 if east_asian_width(letter) in "WF" else 1 for letter in line))
    if not taken or taken[-1] <= width:
        return line
    return f"{line[: sum(each < width for each in taken)]}…"
