"""A recording and its verdicts -> Figures: memory, descriptors, goroutines, threads, load, and what load leaves."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from relengtools import figure
from relengtools.errors import printable
from relengtools.leaks.series import FloatArray, Frame
from relengtools.leaks.units import is_bytes, per_time

if TYPE_CHECKING:
    from relengtools.figure import Axes, Figure

Verdicts = Mapping[str, Mapping[str, Any]]
Style = Literal["default", "steps-post"]


class Look(NamedTuple):
    """How a line is drawn; the width is in points."""

    colour: str
    width: float


class Topic(NamedTuple):
    """One picture: its file name, its title, the columns that it shows where they are there, its height in inches."""

    name: str
    title: str
    columns: tuple[str, ...]
    height: float = 2.4


TOPICS = (
    Topic(
        "memory",
        "Memory",
        (
            *("rss_bytes", "process_resident_memory_bytes", "anon_bytes"),
            *("go_memstats_heap_inuse_bytes", "go_memstats_next_gc_bytes"),
        ),
        height=3.2,
    ),
    Topic(
        "descriptors",
        "File descriptors by kind",
        (
            *("num_fds", "process_open_fds", "n_sockets", "n_reg_files", "n_pipes", "n_anon_inode"),
            *("tcp_close_wait", "sockets_unlisted"),
        ),
        height=3.2,
    ),
    Topic("goroutines", "Goroutines", ("go_goroutines", "goroutines")),
    Topic("threads", "Threads", ("n_threads", "go_threads")),
)
TITLES = {topic.name: topic.title for topic in TOPICS} | {"load": "Load", "residual": "What is left after load"}
"""Of all pictures there can be, by name."""
STANDS_FOR = {"process_resident_memory_bytes": "rss_bytes", "process_open_fds": "num_fds"}
"""What a Prometheus client calls the same."""
MOST_LABEL = 60  # characters of a name that a target chose
MOST_MARKS = 12
MOST_NOTE = 24
POINTS = 1200  # about one a pixel: more makes the SVG large and shows nothing
SLOPE = "slope of the leak"
GAP = 3.0  # usual steps without a sample that a line doesn't bridge
AROUND = 9  # steps among which one is usual


def figures(
    frame: Frame,
    verdicts: Verdicts,
    load: Sequence[str],
    restarts: FloatArray,
    marks: Sequence[tuple[float, str]] = (),
) -> "dict[str, Figure]":
    """Name -> Figure for every topic that has a column.

    `restarts` are unix times of the second and later regimes, `marks` what was noted when.
    """
    with figure.style():
        made = dict(_figures(frame, verdicts, load, restarts))
        for drawn in made.values():
            _note(drawn.axes[0], frame, marks)
        return made


def _note(axes: "Axes", frame: Frame, marks: Sequence[tuple[float, str]]) -> None:
    """The last marks, each a line with its words along it."""
    seen = [(time, text) for time, text in marks if frame.time[0] <= time <= frame.time[-1]]
    for time, text in seen[-MOST_MARKS:]:
        at = float(_elapsed(frame, np.array([time]))[0])
        axes.axvline(at, color="#888888", linewidth=0.8)
        said = axes.text(at, 1.0, _short(text)[:MOST_NOTE], transform=axes.get_xaxis_transform())
        said.set(rotation="vertical", va="top", ha="right", fontsize="x-small")


def _figures(
    frame: Frame, verdicts: Verdicts, load: Sequence[str], restarts: FloatArray
) -> "Iterator[tuple[str, Figure]]":
    for topic in (*TOPICS, Topic("load", TITLES["load"], tuple(load))):
        there = [c for c in topic.columns if c in frame.columns and STANDS_FOR.get(c) not in frame.columns]
        if there:
            yield topic.name, _topic(frame, topic, there, verdicts, restarts)
    judged = [m for m, v in verdicts.items() if v.get("identity") and STANDS_FOR.get(m) not in frame.columns]
    if judged := [m for m in judged if m in frame.columns]:
        yield "residual", _residuals(frame, judged, verdicts, restarts)


def _topic(frame: Frame, topic: Topic, columns: Sequence[str], verdicts: Verdicts, restarts: FloatArray) -> "Figure":
    drawn, (axes,) = figure.panels(1, height=topic.height)
    moving = [c for c in columns if np.nanmax(np.abs(frame.columns[c])) > 0] or list(columns)
    shown = moving[: len(figure.COLOURS)]
    unit, factor = _unit(frame, shown)
    for look, column in zip(_looks(len(shown)), shown, strict=True):
        style: Style = "default" if is_bytes(column) else "steps-post"
        _line(axes, frame, frame.columns[column] / factor, restarts, _label(column, verdicts.get(column)), look, style)
    for column in shown:
        verdict = verdicts.get(column)
        if verdict is not None and verdict["verdict"] == "leak" and verdict["rate_per_s"] is not None:
            _trend(axes, frame, column, factor, verdict, restarts)
    if still := [c for c in columns if c not in moving]:
        axes.plot([], [], " ", label=f"0 throughout: {', '.join(map(_short, still))}")
    axes.set_ylim(bottom=0, top=None if unit else max(1.0, axes.get_ylim()[1]))
    _finish(drawn, axes, frame, _title(topic.title, unit, len(shown), len(moving)), restarts, unit)
    return drawn


def _residuals(frame: Frame, metrics: Sequence[str], verdicts: Verdicts, restarts: FloatArray) -> "Figure":
    drawn, (axes,) = figure.panels(1)
    shown = metrics[: len(figure.COLOURS)]
    for look, metric in zip(_looks(len(shown)), shown, strict=True):
        identity = verdicts[metric]["identity"]
        label = _short(f"{metric} - ({formula(identity)})")
        _line(axes, frame, residual(frame, metric, identity), restarts, label, look, "steps-post")
    title = _title(TITLES["residual"], "", len(shown), len(metrics))
    _finish(drawn, axes, frame, title, restarts, "")
    return drawn


def residual(frame: Frame, metric: str, identity: Mapping[str, Any]) -> FloatArray:
    """`metric` less the sum that the identity says, in rows where all terms were read together; NaN elsewhere."""
    left: FloatArray = frame.columns[metric] - float(identity["intercept"])
    for name, coefficient in identity["terms"].items():
        left = left - coefficient * frame.columns[name]
    return left


def formula(identity: Mapping[str, Any]) -> str:
    """The identity as people write it: `14 + 3 downstreams + 5 upstreams`."""
    terms = [f"{n} {name}" if n != 1 else name for name, n in identity["terms"].items()]
    return " + ".join([f"{identity['intercept']:g}", *terms]).replace("+ -", "- ")


def _looks(count: int) -> list[Look]:
    """A colour and a width for each line: those below are wider, so that equal values show all of theirs."""
    return [Look(colour, 1.2 + 0.7 * (count - 1 - i)) for i, colour in enumerate(figure.COLOURS[:count])]


def _line(
    axes: "Axes", frame: Frame, values: FloatArray, restarts: FloatArray, label: str, look: Look, style: Style
) -> None:
    time, drawn = _broken(*_thin(frame.time, values, _pieces(frame.time, values, restarts)))
    since = _elapsed(frame, time)
    axes.plot(since, drawn, color=look.colour, label=label, linewidth=look.width, drawstyle=style)
    there = np.isfinite(np.concatenate([[np.nan], drawn, [np.nan]]))
    alone = there[1:-1] & ~there[:-2] & ~there[2:]
    if alone.any():
        axes.plot(since[alone], drawn[alone], ".", color=look.colour, label="_")


def _trend(
    axes: "Axes", frame: Frame, column: str, factor: float, verdict: Mapping[str, Any], restarts: FloatArray
) -> None:
    """The leak's own slope from its onset on, through the middle of what was measured in each life of the process."""
    values, rate = frame.columns[column] / factor, verdict["rate_per_s"] / factor
    onset = frame.time[0] if verdict["onset"] is None else verdict["onset"]
    known = np.isfinite(values) & (frame.time >= onset)
    life = np.searchsorted(restarts, frame.time, "right")
    for number in np.unique(life[known]):
        inside = known & (life == number)
        if inside.sum() < 2:
            continue
        time = frame.time[inside]
        level = float(np.median(values[inside] - rate * (time - time[0])))
        ends = np.array([time[0], time[-1]])
        label = "_" if SLOPE in axes.get_legend_handles_labels()[1] else SLOPE
        axes.plot(
            _elapsed(frame, ends), level + rate * (ends - ends[0]), "--", color="black", linewidth=1.0, label=label
        )


def _label(column: str, verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return _short(column)
    rate = verdict["rate_per_s"]
    shown = f" {per_time(column, rate)}" if verdict["verdict"] == "leak" and rate is not None else ""
    return f"{_short(column)}: {verdict['verdict']}{shown}"


def _title(title: str, unit: str, shown: int, there: int) -> str:
    """The title with the unit, and with how many of the lines have a colour."""
    notes = ([unit] if unit else []) + ([f"{shown} of {there}"] if shown < there else [])
    return f"{title} ({', '.join(notes)})" if notes else title


def _short(name: str) -> str:
    """A name as a legend has room for it, with nothing in it that XML can't hold."""
    text = printable(name)
    return text if len(text) <= MOST_LABEL else f"{text[: MOST_LABEL - 1]}…"


def _finish(drawn: "Figure", axes: "Axes", frame: Frame, title: str, restarts: FloatArray, unit: str) -> None:
    for number, restart in enumerate(_elapsed(frame, restarts)):
        axes.axvline(restart, color="#888888", linewidth=1.2, linestyle=":", label="_" if number else "restart")
    if not unit:
        figure.whole_numbers(axes)
        axes.set_ylabel("number")
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel(f"time since the first sample ({_time_unit(frame)[0]})")
    axes.margins(x=0.01)
    names = axes.get_legend_handles_labels()[1]
    drawn.legend(loc="outside lower left", ncols=3 if max(map(len, names)) < 45 else 2)


def _unit(frame: Frame, columns: Sequence[str]) -> tuple[str, float]:
    """The binary unit that fits what is drawn, and its bytes; no unit for counts."""
    if not any(map(is_bytes, columns)):
        return "", 1.0
    most = max(float(np.nanmax(frame.columns[column])) for column in columns)
    return next(
        (u, b) for u, b in (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10), ("B", 1.0)) if most >= 2 * b or b == 1
    )


def _time_unit(frame: Frame) -> tuple[str, float]:
    span = float(frame.time[-1] - frame.time[0])
    return next(
        (u, s) for u, s in (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)) if span >= 3 * s or s == 1
    )


def _elapsed(frame: Frame, time: FloatArray) -> FloatArray:
    since: FloatArray = (time - frame.time[0]) / _time_unit(frame)[1]
    return since


def _pieces(time: FloatArray, values: FloatArray, restarts: FloatArray) -> npt.NDArray[np.intp]:
    """Which stretch without a gap or restart each row belongs to (n,); a gap is long beside the steps around it."""
    there = np.flatnonzero(np.isfinite(values))
    steps = np.abs(np.diff(time[there]))
    if not len(steps):
        return np.zeros(len(time), dtype=np.intp)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(steps, AROUND // 2, mode="edge"), AROUND)
    gap = np.zeros(len(time), dtype=bool)
    gap[there[1:]] = steps > GAP * np.median(windows, axis=1)
    pieces: npt.NDArray[np.intp] = np.cumsum(gap) + np.searchsorted(restarts, time, "right")
    return pieces


def _thin(
    time: FloatArray, values: FloatArray, pieces: npt.NDArray[np.intp]
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]:
    """The points to draw: all, or the least and the greatest of each of POINTS/2 blocks, so that no spike is lost."""
    there = np.isfinite(values)
    time, values, pieces = time[there], values[there], pieces[there]
    if len(time) <= POINTS:
        return time, values, pieces
    edges = np.linspace(0, len(time), POINTS // 2 + 1).astype(int)
    blocks = [slice(a, b) for a, b in pairwise(edges)]
    keep = sorted({b.start + int(pick(values[b])) for b in blocks for pick in (np.argmin, np.argmax)})
    return time[keep], values[keep], pieces[keep]


def _broken(time: FloatArray, values: FloatArray, pieces: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """The points with a NaN between two pieces, which no line crosses."""
    cuts = np.flatnonzero(np.diff(pieces)) + 1
    return np.insert(time, cuts, np.nan), np.insert(values, cuts, np.nan)
