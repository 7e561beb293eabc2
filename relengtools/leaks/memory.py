"""Does memory (or any other level) keep growing: the live heap, links to what is proven, and trends.

Resident memory of a clean process climbs: pages touched for the first time, heaps on the way to their first
collection, caches and stores that fill. Four sources of evidence, strongest first:

1. *A link.* Each goroutine keeps at least 2 KiB of stack (`_StackMin` of the Go runtime), each descriptor a kernel
   object and mostly a buffer: a proven leak of counts is a leak of memory, at the rate of the count times the slope of
   memory on the residual of the count.
2. *The live heap.* `heap_alloc` at the first sample after each collection is what the collector could not free, also
   below the 4 MiB at which `next_gc` is blind. Divided by the messages handled meanwhile it tells a store from a leak:
   what is kept of a message is about its size, so growth below one page (4 KiB) a message is a store that fills, growth
   above it, in both halves of the collections, is kept for something else.
3. *A trend*, weighed against its rivals (module trend).
4. *Room.* A store has a capacity C of unknown scale. With the density of C falling as 1/C² from the memory M₀ held at
   the start on (the scale-free prior that Gott 1993 uses for durations), one that took up G without bending has room
   for more with probability 1/(1 + G/M₀): the growth of a young process must be large against what it began with
   before it can't be a store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from relengtools.leaks.series import FloatArray
from relengtools.leaks.trend import line
from relengtools.leaks.verdict import Interval

HEAP = "go_memstats_heap_alloc_bytes"
PAGE = 4096.0
FEWEST_COLLECTIONS = 8
OUTGOING = re.compile(r"(^|_)(out|outgoing|sent|tx|egress|responses|replies)(_|$)")
MESSAGES = re.compile(r"(messages|requests|queries|commands|jobs|calls|events)(_\w+)?_total$")


@dataclass(frozen=True, slots=True)
class LiveHeap:
    """The heap after collections, and what it says. `rate` is in bytes a second."""

    t: FloatArray
    live: FloatArray
    leak: bool
    per_message: float | None
    rate: Interval


def collections(t: FloatArray, heap: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Times (m,) and sizes (m,) of the heap at the first sample after each collection that shows as a fall."""
    rows = np.flatnonzero(np.isfinite(heap))
    fallen = rows[1:][np.diff(heap[rows]) < 0]
    return t[fallen], heap[fallen]


def messages(columns: Mapping[str, FloatArray], events: tuple[str, ...]) -> FloatArray | None:
    """All messages handled, from the counters that count them; None without such a counter.

    A message is counted once, as it comes in: one that goes out to twenty clients is kept once.
    """
    names = counters(events)
    return np.sum([columns[n] for n in names], axis=0) if names else None


def counters(events: tuple[str, ...]) -> list[str]:
    """Those of the event counters that count messages, as they come in where that is told apart."""
    names = [n for n in events if MESSAGES.search(n.split("{", 1)[0])]
    return [n for n in names if not OUTGOING.search(n.split("{", 1)[0])] or names


def live_heap(t: FloatArray, heap: FloatArray, handled: FloatArray | None) -> LiveHeap | None:
    """Judge the live heap; None when there were fewer than eight collections."""
    when, live = collections(t, heap)
    if len(when) < FEWEST_COLLECTIONS:
        return None
    rate, error = line(when, live)
    per_message, leak = None, False
    if handled is not None and (at := np.isfinite(handled)).any():
        count = np.interp(when, t[at], handled[at])
        half = len(when) // 2
        parts = [line(count[a:b], live[a:b]) for a, b in ((0, half), (half, None)) if np.ptp(count[a:b]) > 0]
        per_message = line(count, live)[0] if np.ptp(count) > 0 else None
        leak = len(parts) == 2 and all(Interval.around(*part).low > PAGE for part in parts)
    return LiveHeap(when, live, leak, per_message, Interval.around(rate, error))


def room(growth: float, start: float) -> float:
    """The probability that a store which took up `growth` bytes in a process of `start` bytes has room for more."""
    return 1.0 / (1.0 + max(growth, 0.0) / max(start, 1.0))
