"""What a recording lacks for the answers that are open, and by how much that delays them.

How long the judge needs is told by its own limits: a count takes ten minutes and sixty samples of one process, a level
three hundred samples; without load gauges also the day and a half after which the wave of the day is known by itself.
The heap of a Go program is known after eight collections, but what it keeps is a store or a leak by the messages that
came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from relengtools.leaks import counts, judge, levels, memory, series
from relengtools.leaks.series import Frame, Roles
from relengtools.leaks.units import duration

UNSURE = ("insufficient", "warmup")
GAUGES = "load gauges"
MESSAGES = "a counter of messages"
KINDS = "the kinds of descriptors"
WAYS = {
    GAUGES: "--metrics URL when recording, or --load NAME",
    MESSAGES: "--metrics URL when recording, or --events NAME",
    KINDS: "record as the user of the process, or as root",
}


@dataclass(frozen=True, slots=True)
class Lack:
    """Metrics without an answer: it takes `needed` seconds in all at least, and `needed_with` if `what` were there."""

    metrics: tuple[str, ...]
    needed: float
    what: str | None = None
    needed_with: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The numbers, and the delay that the lack causes, in seconds; null where that isn't known."""
        return {
            "metrics": list(self.metrics),
            "needed_s": self.needed,
            "lacks": self.what,
            "needed_with_s": self.needed_with,
            "delay_s": None if self.needed_with is None else max(self.needed - self.needed_with, 0.0),
        }


def lacks(frame: Frame, roles: Roles, metrics: Mapping[str, Mapping[str, Any]], decisive: Iterable[str]) -> list[Lack]:
    """What each of the `decisive` ones of the analysed `metrics` lacks that has no answer, those alike together."""
    alike: dict[Lack, list[str]] = {}
    for metric in decisive:
        if metrics[metric]["verdict"] in UNSURE:
            alike.setdefault(_lack(frame, roles, metric), []).append(metric)
    return [Lack(tuple(names), *_known(lack)) for lack, names in alike.items()]


def _known(lack: Lack) -> tuple[float, str | None, float | None]:
    return lack.needed, lack.what, lack.needed_with


def sentences(found: Iterable[Lack], observed: float) -> list[str]:
    """What `lacks` found, for people, of a recording of `observed` seconds."""
    said: dict[str, list[str]] = {}
    for lack in found:
        said.setdefault(_said(lack, observed), []).extend(lack.metrics)
    return [f"{', '.join(names)}: {text}" for text, names in said.items()]


def _said(lack: Lack, observed: float) -> str:
    needed = duration(lack.needed)
    if lack.what == GAUGES and lack.needed_with is not None:
        text = f"before {needed} in all only growth that doubles it is called a leak"
    elif lack.needed > observed:
        text = f"no verdict before {needed} in all"
    else:
        text = "how long a verdict takes goes by the leak; `relengtools leaks plan` tells"
    if lack.what is None:
        return text
    way = f"{lack.what} ({WAYS[lack.what]})"
    if lack.needed_with is None:
        return f"{text}; it lacks {way}"
    return f"{text}; {duration(lack.needed_with)} would do with {way}"


def _lack(frame: Frame, roles: Roles, metric: str) -> Lack:
    """The lack of one metric."""
    known = np.flatnonzero(np.isfinite(frame.columns[metric]))
    step = float(np.median(np.diff(frame.time[known]))) if len(known) > 1 else 0.0
    span = float(frame.time[-1] - frame.time[0])
    if judge.is_count(metric):
        earlier = float(frame.time[series.regimes(frame).slices[-1].start] - frame.time[0])
        one = max(counts.SHORTEST_S, counts.FEWEST_SAMPLES * step)
        return Lack((), earlier + one, _of_count(frame, roles, metric))
    trend = levels.FEWEST_ROWS_TREND * step
    if not roles.load and span < levels.UNEXPLAINED_S:
        return Lack((), max(levels.UNEXPLAINED_S, trend), GAUGES, trend)
    collected = _collected(frame) if levels.is_heap_driven(metric) else None
    if collected is not None and not memory.counters(roles.events):
        return Lack((), trend, MESSAGES, collected)
    return Lack((), trend)


def _of_count(frame: Frame, roles: Roles, metric: str) -> str | None:
    classes = [name for name in counts.CLASSES.get(metric, ()) if name in frame.columns]
    if metric in counts.CLASSES and not classes:
        return KINDS
    gauged = roles.load or counts.ESTABLISHED in frame.columns or metric in counts.LOAD_FREE
    return None if gauged else GAUGES


def _collected(frame: Frame) -> float | None:
    """Seconds until enough collections of the heap of Go were seen, None without them."""
    heap = frame.columns.get(memory.HEAP)
    if heap is None or len(when := memory.collections(frame.time, heap)[0]) < memory.FEWEST_COLLECTIONS:
        return None
    return float(when[memory.FEWEST_COLLECTIONS - 1] - frame.time[0])
