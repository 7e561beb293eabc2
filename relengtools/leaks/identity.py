"""Counts as integer sums of load gauges: `go_goroutines = 14 + 3·downstreams + 5·upstreams + residual`.

A server that holds one socket a client holds exactly one: the coefficients of such accounting identities are integers,
and what is left when they are subtracted is free of load. A leak stands in the residual after a handful of events,
where the raw count still looks like traffic.

Fitting the *level* of a count against load learns the leak as a coefficient (both rise). So differences are fitted,
with a drift of their own: at lag l, Δy = l·drift + Σ c_i·Δg_i + noise. The cost of a set of coefficients is the
least-absolute-deviations criterion Σ_l Σ_t |Δr − median(Δr)| / s_l of its residual r, at lags 1 (events), 6 (what a
scrape that fell between two reads of one event tore apart) and 36 (slow sessions); s_l is the least mean deviation at
lag l, as the likelihood of Laplace's distribution with a scale a lag has it. LAD has a breakdown point that bursts
don't reach, is convex in the coefficients, and its minimum is therefore found by iterated reweighting (Bloomfield &
Steiger 1983) before the integers around it are searched exhaustively. Gauges that move together leave several sets
nearly as good: all of those are kept, and a verdict must hold under each.

What leaks hides in departures: where each client that goes leaves one descriptor of its one, a count doesn't follow the
falls of the gauge, and coefficients of 0 and 1 fit as well. So a set may come with units that every departure of one
gauge keeps, Δy = … + kept·Δdepartures, at the price of one parameter (½ log n, Schwarz 1978): then arrivals decide,
and a set that is too small has no better fit of them. Of the identity only the coefficients remain.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from relengtools.leaks.series import FloatArray

Sets = npt.NDArray[np.float64]
LAGS = (1, 6, 36)
ROWS_A_LAG = 300
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

    `parts` are the regimes: no difference is taken across a restart, and all of them are pooled.
    """
    moved = sorted((n for n, g in gauges.items() if _moves(g)), key=lambda n: -_travel(gauges[n]))[:MOST_GAUGES]
    unmoved = tuple(n for n in gauges if n not in moved)
    if not moved:
        return Identity((), ((),), unmoved)
    lagged = [_differences(y, [gauges[n] for n in moved], parts, lag) for lag in LAGS]
    lagged = [each for each in lagged if len(each.counted) > len(moved) + 2]
    if not lagged:
        return Identity((), ((),), tuple(gauges))
    candidates = _candidates(lagged)
    losses = _losses(lagged, candidates)
    keeps = candidates[:, len(moved) :].any(axis=1)
    costs = losses.sum(axis=0) + keeps * 0.5 * np.log(len(losses))
    order = np.argsort(costs, kind="stable")
    least = float(costs[order[0]])
    near = [i for i in order if _indistinct(losses[:, i] - losses[:, order[0]], least)]
    sets = dict.fromkeys(tuple(int(c) for c in candidates[i, : len(moved)]) for i in near)
    return Identity(tuple(moved), tuple(sets)[:MOST_SETS], unmoved)


def _indistinct(excess: FloatArray, least: float) -> bool:
    """Whether a set that loses `excess` (m,) more than the best, row by row, is nearly as good.

    It is when its cost is within 15 % of the least, and the excess is within three standard errors of nothing
    (Vuong's 1989 test of models that aren't nested; three, since differences at lag 6 overlap).
    """
    total = float(excess.sum())
    return total <= (NEAR - 1) * least + 0.5 and total <= 3 * float(np.sqrt(excess @ excess))


def _moves(gauge: FloatArray) -> bool:
    known = gauge[np.isfinite(gauge)]
    return len(known) > 1 and bool(known.max() > known.min())


def _travel(gauge: FloatArray) -> float:
    return float(np.abs(np.diff(gauge[np.isfinite(gauge)])).sum())


class _Lagged(NamedTuple):
    """Differences at one lag: of the count (m,), of the gauges (m, k), and of how often each was left (m, k)."""

    counted: FloatArray
    gauges: Sets
    departures: Sets


def _differences(y: FloatArray, gauges: list[FloatArray], parts: Sequence[slice], lag: int) -> _Lagged:
    """Differences at `lag`, where a gauge moves most.

    Choosing rows by the regressors alone biases nothing, and bounds the cost for a month of rows.
    """
    columns = [y, *gauges]
    known = np.logical_and.reduce([np.isfinite(column) for column in columns])
    pieces = [[c[part][known[part]] for c in columns] for part in parts]
    left = [[np.cumsum(np.maximum(-np.diff(c, prepend=c[:1]), 0)) for c in piece[1:]] for piece in pieces]
    dy, *dg = _pooled(pieces, lag)
    gone = _pooled(left, lag)
    share = ROWS_A_LAG // len(gauges)
    if len(dy) > ROWS_A_LAG:
        rows = np.unique(np.concatenate([_largest(np.abs(each), share) for each in dg]))
        dy, dg, gone = dy[rows], [each[rows] for each in dg], [each[rows] for each in gone]
    return _Lagged(dy, np.column_stack(dg), np.column_stack(gone))


def _pooled(pieces: list[list[FloatArray]], lag: int) -> list[FloatArray]:
    """Differences at `lag` of each column, within each piece."""
    return [np.concatenate([p[lag:] - p[:-lag] for p in column]) for column in zip(*pieces, strict=True)]


def _largest(sizes: FloatArray, count: int) -> npt.NDArray[np.intp]:
    """Where the `count` largest are. Most steps of a gauge are none, and sorting those would take longest."""
    moved = np.flatnonzero(sizes)
    if len(moved) < count:
        return np.argpartition(sizes, -count)[-count:]
    return moved[np.argpartition(sizes[moved], -count)[-count:]]


def _candidates(lagged: list[_Lagged]) -> Sets:
    """Integer sets around the real-valued LAD solutions, with collinear gauges also the whole grid of small ones.

    A row has k coefficients, then k numbers of units that a departure keeps, of which one at most isn't 0.
    """
    k = lagged[0].gauges.shape[1]
    together, condition = _least_absolute([(each.counted, each.gauges) for each in lagged])
    apart, _ = _least_absolute([(each.counted, np.hstack([each.gauges, each.departures])) for each in lagged])
    around = [sorted({max(0, int(np.floor(b)) + s) for s in (-1, 0, 1, 2)}) for b in together]
    nearest = [sorted({max(0, int(np.floor(b)) + s) for s in (0, 1)}) for b in apart[:k]]
    likely = {*itertools.product(*around), *itertools.product(*nearest)}
    none = (0,) * k
    sets = {(*c, *none) for c in likely | {none}}
    sets |= {(*c, *none[:j], units, *none[j + 1 :]) for c in likely for j in range(k) for units in range(1, c[j] + 1)}
    if condition > COLLINEAR:
        top = {1: 40, 2: 12, 3: 8}.get(k, 4)
        sets |= {(*c, *none) for c in itertools.product(range(top + 1), repeat=k)}
    return np.array(sorted(sets), dtype=np.float64)


def _least_absolute(lagged: list[tuple[FloatArray, Sets]]) -> tuple[FloatArray, float]:
    """Real coefficients (k,) that minimise the absolute deviations with one drift a lag, and the condition number."""
    k = lagged[0][1].shape[1]
    y = np.concatenate([dy for dy, _ in lagged])
    design = np.zeros((len(y), k + len(lagged)))
    row = 0
    for j, (dy, dg) in enumerate(lagged):
        design[row : row + len(dy), :k] = dg
        design[row : row + len(dy), k + j] = 1.0
        row += len(dy)
    scale = np.sqrt((design**2).sum(axis=0))
    scaled = design / np.where(scale > 0, scale, 1.0)
    condition = float(np.linalg.cond(scaled[:, :k])) if k else 1.0
    lag_of = np.repeat(np.arange(len(lagged)), [len(dy) for dy, _ in lagged])
    weights = np.ones(len(y))
    beta = np.zeros(scaled.shape[1])
    for _ in range(12):
        gram = scaled.T @ (weights[:, None] * scaled) + 1e-9 * np.eye(scaled.shape[1])
        beta = np.linalg.solve(gram, scaled.T @ (weights * y))
        left = np.abs(y - scaled @ beta)
        spread = np.bincount(lag_of, weights=left) / np.bincount(lag_of)
        weights = 1.0 / (np.maximum(left, LEAST_SCALE) * np.maximum(spread, LEAST_SCALE)[lag_of])
    return (beta / np.where(scale > 0, scale, 1.0))[:k], condition


def _losses(lagged: list[_Lagged], candidates: Sets) -> Sets:
    """|Δr − median(Δr)| for each row of each lag and each set, in units of the least mean of its lag: (m, sets)."""
    left = [each.counted[:, None] - np.hstack([each.gauges, each.departures]) @ candidates.T for each in lagged]
    losses = [np.abs(r - np.median(r, axis=0)) for r in left]
    return np.concatenate([loss / max(float(loss.mean(axis=0).min()), LEAST_SCALE) for loss in losses])
