"""Counts as integer sums of load gauges: `go_goroutines = 14 + 3·downstreams + 5·upstreams + residual`.

A server that holds one socket a client holds exactly one: the coefficients of such accounting identities are integers,
and what is left when they are subtracted is free of load. A leak stands in the residual after a handful of events,
where the raw count still looks like traffic.

Fitting the *level* of a count against load learns the leak as a coefficient (both rise). Differences over some time
don't, but those that overlap count the same leaked unit several times, and in a strong leak chance then looks like
evidence. So what is fitted is a row's *surprise*: the row less the mean of the m rows before it, of the count and of
the gauges alike, with a drift: y~ = drift + Σ c_i·g~_i + noise. With a memory m of one row these are differences, right
where everything that comes stays; with a hundred nearly levels, right where nothing does. Errors of a good forecast are
nearly independent, so the m whose errors are least is taken (the prequential principle, Dawid 1984). Single rows far
outside their neighbours are put right before.

The cost of a set of coefficients is Σ |e − median(e)| / s over the surprises e of its residual, s the least mean
deviation: the likelihood of Laplace's distribution. LAD has a breakdown point that bursts don't reach, is convex in the
coefficients, and its minimum is therefore found by iterated reweighting (Bloomfield & Steiger 1983) before the integers
around it are searched exhaustively. Each coefficient but 0 costs ½ log n (Schwarz 1978), so that a gauge without a part
gets none by luck. Gauges that move together leave several sets nearly as good: all of those are kept, and a verdict
must hold under each.

What leaks hides in departures: where each client that goes leaves one descriptor of its one, a count doesn't follow the
falls of the gauge, and coefficients of 0 and 1 fit as well. So a set may come with units that every departure of one
gauge keeps, y~ = … + kept·departures~, at the price of one more parameter: then arrivals decide, and a set that is too
small has no better fit of them. Of the identity only the coefficients remain.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from relengtools.leaks import series
from relengtools.leaks.series import FloatArray

Sets = npt.NDArray[np.float64]
MEMORIES = (1, 3, 10, 30, 100)
ROWS = 600
MOST_GAUGES = 4
LEAST_SCALE = 0.05
"""Smallest mean deviation told apart from none: counts are integers, a twentieth of them a rounding of averages."""
MOST_SETS = 12
NEAR = 1.15
"""Sets of coefficients whose cost is within 15 % of the least are not told apart by the data."""
COLLINEAR = 50.0
"""Condition number from which on a wide grid is searched; 30 is strong collinearity (Belsley, Kuh & Welsch 1980)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Integer coefficients of load gauges, best first, in `sets`; gauges that never move are in `unmoved`."""

    names: tuple[str, ...]
    sets: tuple[tuple[int, ...], ...]
    unmoved: tuple[str, ...]

    @property
    def terms(self) -> dict[str, int]:
        """The gauges of the best set that count, with their coefficients."""
        return {name: c for name, c in zip(self.names, self.sets[0], strict=True) if c}

    def residual(self, y: FloatArray, gauges: Mapping[str, FloatArray], which: int = 0) -> FloatArray:
        """What is left of `y` (n,) under the set `which`; NaN where a term is missing."""
        left = y
        for name, c in zip(self.names, self.sets[which], strict=True):
            if c:
                left = left - c * gauges[name]
        return left


def learn(y: FloatArray, gauges: Mapping[str, FloatArray], parts: Sequence[slice]) -> Identity:
    """Learn the identity of a count `y` (n,) from the rows in which all terms are present, unfilled.

    `parts` are the regimes, which together are all rows: nothing is foretold across a restart, and all are pooled.
    """
    moved = sorted((n for n, g in gauges.items() if _moves(g)), key=lambda n: -_travel(gauges[n]))[:MOST_GAUGES]
    unmoved = tuple(n for n in gauges if n not in moved)
    if not moved:
        return Identity((), ((),), unmoved)
    columns = [y, *(gauges[n] for n in moved)]
    rows = np.flatnonzero(np.logical_and.reduce([np.isfinite(column) for column in columns]))
    foretold = _foretold(rows, parts)
    if len(foretold.now) <= len(moved) + 2:
        return Identity((), ((),), tuple(gauges))
    counted, *load = [series.at(column, rows) for column in columns]
    views = _views(_despiked(counted, load, foretold), load, foretold, MEMORIES)
    view, fit = min(((v, _least_absolute(v.counted, v.gauges)) for v in views), key=lambda each: each[1].error)
    candidates = _candidates(view, fit)
    losses = _losses(view, candidates)
    costs = losses.sum(axis=0) + 0.5 * np.log(len(losses)) * np.count_nonzero(candidates, axis=1)
    order = np.argsort(costs, kind="stable")
    near = [i for i in order if _indistinct(losses[:, i] - losses[:, order[0]], float(costs[order[0]]))]
    sets = dict.fromkeys(tuple(int(c) for c in candidates[i, : len(moved)]) for i in near)
    return Identity(tuple(moved), tuple(sets)[:MOST_SETS], unmoved)


def _indistinct(excess: FloatArray, least: float) -> bool:
    """Whether a set that loses `excess` (m,) more than the best, row by row, is nearly as good.

    It is when its cost is within 15 % of the least, and the excess is within three standard errors of nothing
    (Vuong's 1989 test of models that aren't nested).
    """
    total = float(excess.sum())
    return total <= (NEAR - 1) * least + 0.5 and total <= 3 * float(np.sqrt(excess @ excess))


def _moves(gauge: FloatArray) -> bool:
    known = gauge[np.isfinite(gauge)]
    return len(known) > 1 and bool(known.max() > known.min())


def _travel(gauge: FloatArray) -> float:
    return float(np.abs(np.diff(gauge[np.isfinite(gauge)])).sum())


# --------------------------------------------------------------------------------------------- surprises


class _View(NamedTuple):
    """Surprises at one memory: of the count (m,), of the gauges (m, k), and of how often each was left (m, k)."""

    counted: FloatArray
    gauges: Sets
    departures: Sets


class _Window(NamedTuple):
    """Rows (m,), each with the first of those before it that foretell it (m,)."""

    now: npt.NDArray[np.intp]
    since: npt.NDArray[np.intp]


def _foretold(rows: npt.NDArray[np.intp], parts: Sequence[slice]) -> _Window:
    """All of `rows` that have one before them in their regime, by their number, and where that begins."""
    begins = np.unique(np.searchsorted(rows, [part.start for part in parts]))
    now = np.delete(np.arange(len(rows)), begins[begins < len(rows)])
    return _Window(now, begins[np.searchsorted(begins, now, "right") - 1])


def _despiked(counted: FloatArray, gauges: list[FloatArray], foretold: _Window) -> FloatArray:
    """`counted` (n,) without the single rows far outside their neighbours, each of which would spoil many means."""
    (view,) = _views(counted, gauges, foretold, MEMORIES[:1])
    coefficients = _least_absolute(view.counted, view.gauges).coefficients
    load = sum((c * gauge for c, gauge in zip(coefficients, gauges, strict=True)), start=np.zeros(len(counted)))
    return np.asarray(series.despiked(counted - load) + load)


def _views(counted: FloatArray, gauges: list[FloatArray], foretold: _Window, memories: Sequence[int]) -> list[_View]:
    """Surprises at each memory, where a gauge surprises most.

    Choosing rows by the regressors alone biases nothing, and bounds the cost for a month of rows.
    """
    now, first = foretold
    share = ROWS // len(gauges) if len(now) > ROWS else len(now)
    largest = [
        [_largest(surprise, share) for surprise in _surprises(gauge, _windows(foretold, memories))] for gauge in gauges
    ]
    windows = []
    for memory, of_gauges in zip(memories, zip(*largest, strict=True), strict=True):
        chosen = np.unique(np.concatenate(of_gauges))
        windows.append(_Window(now[chosen], np.maximum(now[chosen] - memory, first[chosen])))
    columns = itertools.chain([counted], gauges, map(_departures, gauges))
    k = len(gauges)
    return [
        _View(surprised, np.column_stack(rest[:k]), np.column_stack(rest[k:]))
        for surprised, *rest in zip(*[list(_surprises(column, windows)) for column in columns], strict=True)
    ]


def _windows(foretold: _Window, memories: Sequence[int]) -> Iterator[_Window]:
    return (_Window(foretold.now, np.maximum(foretold.now - memory, foretold.since)) for memory in memories)


def _surprises(column: FloatArray, windows: Iterable[_Window]) -> Iterator[FloatArray]:
    """For each window its rows of `column` (n,) less the mean of the rows before."""
    sums = np.cumsum(np.concatenate([[0.0], column]))
    for now, since in windows:
        surprise = sums[since] - sums[now]
        surprise /= now - since
        surprise += column[now]
        yield surprise


def _largest(surprise: FloatArray, count: int) -> npt.NDArray[np.intp]:
    """Where the `count` largest are, of either sign; all, if there are no more."""
    if count >= len(surprise):
        return np.arange(len(surprise))
    return np.argpartition(np.abs(surprise), -count)[-count:].copy()


def _departures(gauge: FloatArray) -> FloatArray:
    """How many have left until each row."""
    return np.cumsum(np.maximum(-np.diff(gauge, prepend=gauge[:1]), 0))


# --------------------------------------------------------------------------------------------------- sets


class _Fit(NamedTuple):
    """Real coefficients (k,), the mean absolute error, and the condition number of the gauges."""

    coefficients: FloatArray
    error: float
    condition: float


def _candidates(view: _View, fit: _Fit) -> Sets:
    """Integer sets around the real-valued LAD solutions, with collinear gauges also the whole grid of small ones.

    A row has k coefficients, then k numbers of units that a departure keeps, of which one at most isn't 0.
    """
    k = len(fit.coefficients)
    apart = _least_absolute(view.counted, np.hstack([view.gauges, view.departures])).coefficients[:k]
    around = [sorted({max(0, int(np.floor(b)) + s) for s in (-1, 0, 1, 2)}) for b in fit.coefficients]
    nearest = [sorted({max(0, int(np.floor(b)) + s) for s in (0, 1)}) for b in apart]
    likely = {*itertools.product(*around), *itertools.product(*nearest)}
    none = (0,) * k
    sets = {(*c, *none) for c in likely | {none}}
    sets |= {(*c, *none[:j], units, *none[j + 1 :]) for c in likely for j in range(k) for units in range(1, c[j] + 1)}
    if fit.condition > COLLINEAR:
        top = {1: 40, 2: 12, 3: 8}.get(k, 4)
        sets |= {(*c, *none) for c in itertools.product(range(top + 1), repeat=k)}
    return np.array(sorted(sets), dtype=np.float64)


def _least_absolute(counted: FloatArray, gauges: Sets) -> _Fit:
    """The coefficients of `gauges` (m, k) that leave the least absolute errors of `counted` (m,), beside a drift."""
    design = np.column_stack([gauges, np.ones(len(counted))])
    size = np.sqrt((design**2).sum(axis=0))
    size = np.where(size > 0, size, 1.0)
    scaled = design / size
    weights, error = np.ones(len(counted)), np.abs(counted)
    beta: FloatArray = np.zeros(scaled.shape[1])
    for _ in range(12):
        gram = scaled.T @ (weights[:, None] * scaled) + 1e-9 * np.eye(len(beta))
        beta = np.asarray(np.linalg.solve(gram, scaled.T @ (weights * counted)))
        error = np.abs(counted - scaled @ beta)
        weights = 1 / np.maximum(error, LEAST_SCALE)
    condition = float(np.linalg.cond(scaled[:, :-1]))
    return _Fit((beta / size)[:-1], float(error.mean()), condition)


def _losses(view: _View, candidates: Sets) -> Sets:
    """|e − median(e)| for each row and each set, in units of the least mean deviation: (m, sets)."""
    left = view.counted[:, None] - np.hstack([view.gauges, view.departures]) @ candidates.T
    losses = np.abs(left - np.median(left, axis=0))
    return np.asarray(losses / max(float(losses.mean(axis=0).min()), LEAST_SCALE))
