"""A recording and its verdicts -> Figures: memory, descriptors, threads, load, and what is left after load."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from relengtools import figure
from relengtools.errors import printable
from relengtools.leaks.series import FloatArray, Frame
from relengtools.leaks.units import is_bytes, per_time

if TYPE_CHECKING:
    from relengtools.figure import Axes, Figure

Verdicts = Mapping[str, Mapping[str, Any]]
Style = Literal["default", "steps-post"]


class Topic(NamedTuple):
    """One picture: its file name, its title, and the columns that it shows where they are there."""

    name: str
    title: str
    columns: tuple[str, ...]


TOPICS = (
    Topic("memory", "Memory", ("rss_bytes", "anon_bytes", "go_memstats_heap_inuse_bytes", "go_memstats_next_gc_bytes")),
    Topic(
        "descriptors",
        "File descriptors by kind",
        ("num_fds", "n_sockets", "n_reg_files", "n_pipes", "n_anon_inode", "tcp_close_wait", "sockets_unlisted"),
    ),
    Topic("threads", "Threads and goroutines", ("go_goroutines", "goroutines", "n_threads", "go_threads")),
)
MOST_LABEL = 60  # characters of a name that a target chose
POINTS = 1200  # about one a pixel: more makes the SVG large and shows nothing


def figures(frame: Frame, verdicts: Verdicts, load: Sequence[str], restarts: FloatArray) -> "dict[str, Figure]":
    """Name -> Figure for every topic that has a column; `restarts` are unix times of the second and later regimes."""
    with figure.style():
        return dict(_figures(frame, verdicts, load, restarts))


def _figures(
    frame: Frame, verdicts: Verdicts, load: Sequence[str], restarts: FloatArray
) -> "Iterator[tuple[str, Figure]]":
    for topic in (*TOPICS, Topic("load", "Load", tuple(load))):
        if any(column in frame.columns for column in topic.columns):
            yield topic.name, _topic(frame, topic, verdicts, restarts)
    judged = [m for m, v in verdicts.items() if v.get("identity") and m in frame.columns]
    if judged:
        yield "residual", _residuals(frame, judged, verdicts, restarts)


def _topic(frame: Frame, topic: Topic, verdicts: Verdicts, restarts: FloatArray) -> "Figure":
    drawn, (axes,) = figure.panels(1)
    columns = [column for column in topic.columns if column in frame.columns]
    shown = columns[: len(figure.COLOURS)]
    unit, factor = _unit(frame, shown)
    for colour, column in zip(figure.COLOURS, shown, strict=False):
        verdict, values = verdicts.get(column), frame.columns[column] / factor
        style: Style = "default" if is_bytes(column) else "steps-post"
        _line(axes, frame, values, colour=colour, label=_label(column, verdict), style=style)
        if verdict is not None and verdict["verdict"] == "leak" and verdict["rate_per_s"] is not None:
            _trend(axes, frame, values, verdict["rate_per_s"] / factor, verdict["onset"])
    axes.set_ylim(bottom=0)
    _finish(drawn, axes, frame, _title(topic.title, unit, len(shown), len(columns)), restarts)
    return drawn


def _residuals(frame: Frame, metrics: Sequence[str], verdicts: Verdicts, restarts: FloatArray) -> "Figure":
    drawn, (axes,) = figure.panels(1)
    for colour, metric in zip(figure.COLOURS, metrics, strict=False):
        identity = verdicts[metric]["identity"]
        label = _short(f"{metric} - ({formula(identity)})")
        _line(axes, frame, residual(frame, metric, identity), colour=colour, label=label, style="steps-post")
    title = _title("What is left after load", "", min(len(metrics), len(figure.COLOURS)), len(metrics))
    _finish(drawn, axes, frame, title, restarts)
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


def _line(axes: "Axes", frame: Frame, values: FloatArray, *, colour: str, label: str, style: Style) -> None:
    time, thinned = _thin(frame.time, values)
    axes.plot(_elapsed(frame, time), thinned, color=colour, label=label, linewidth=1.2, drawstyle=style)


def _trend(axes: "Axes", frame: Frame, values: FloatArray, rate: float, onset: float | None) -> None:
    """The leak's own slope from its onset on, through the middle of what was measured."""
    since = (frame.time >= (frame.time[0] if onset is None else onset)) & np.isfinite(values)
    if since.sum() < 2:
        return
    time = frame.time[since]
    level = float(np.median(values[since] - rate * (time - time[0])))
    ends = np.array([time[0], time[-1]])
    axes.plot(_elapsed(frame, ends), level + rate * (ends - ends[0]), "--", color="black", linewidth=1.4)


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


def _finish(drawn: "Figure", axes: "Axes", frame: Frame, title: str, restarts: FloatArray) -> None:
    for restart in _elapsed(frame, restarts):
        axes.axvline(restart, color="#888888", linewidth=0.8, linestyle=":")
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


def _thin(time: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The points to draw: all, or the least and the greatest of each of POINTS/2 blocks, so that no spike is lost."""
    there = np.isfinite(values)
    time, values = time[there], values[there]
    if len(time) <= POINTS:
        return time, values
    edges = np.linspace(0, len(time), POINTS // 2 + 1).astype(int)
    blocks = [slice(a, b) for a, b in pairwise(edges)]
    keep = sorted({b.start + int(pick(values[b])) for b in blocks for pick in (np.argmin, np.argmax)})
    return time[keep], values[keep]
