"""The children that `record --children` kept, as pools: those of one name, and whether they leak in their lives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from relengtools.leaks import judge, series
from relengtools.leaks.judge import Analysis
from relengtools.leaks.recording import Loaded, workers
from relengtools.leaks.recording.workers import Life

LONGEST = 12
"""So many lives of a pool are judged: each shall have its share of the blocks of a trend."""
FEWEST_ROWS = 4
MOST_POOLS = 20


def analyze(loaded: Loaded, metrics: tuple[str, ...] = ()) -> Iterator[tuple[str, int, Analysis]]:
    """(name, lives, verdicts on them) of each pool, those that were watched most first.

    The lives of a pool are its regimes: they share a rate of growth, and begin anew each. Of `metrics`, to judge too,
    a child may lack some. Raises RelengError.
    """
    found = workers.lives(loaded.path) if loaded.meta.get("children") else []
    pools: dict[str, list[Life]] = {}
    for life in found:
        pools.setdefault(life.name, []).append(life)
    for name in sorted(pools, key=lambda name: -sum(len(life.times) for life in pools[name]))[:MOST_POOLS]:
        if lives := longest(pools[name]):
            frame = series.of_lives(loaded.path, lives)
            asked = tuple(metric for metric in metrics if metric in frame.columns)
            observed = sum(map(span, lives))
            yield name, len(pools[name]), replace(judge.analyze(frame, metrics=asked), observed_s=observed)


def longest(lives: Sequence[Life]) -> list[Life]:
    """The longest lives, the longest one last: of counts, it's what an answer without a proof is about."""
    return sorted((life for life in lives if len(life.times) >= FEWEST_ROWS), key=span)[-LONGEST:]


def span(life: Life) -> float:
    """For how long it was watched, in seconds."""
    return life.times[-1] - life.times[0]
