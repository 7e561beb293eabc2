"""Does a count (descriptors, sockets, goroutines, threads), load subtracted, keep what it gains?

Let r(t) be the residual of the accounting identity. What leaks never comes back, so the evidence is in the *survivors*
S(t) = min over s ≥ t of r(s): units that were there at t and are there still. A stationary residual has survivors that
rise only at its very end; a leak lifts them for good. With G the whole rise of S, J the number of its rises and A the
90 % quantile of the excursions r − S (what comes and goes), a leak is proven when

- J ≥ 5 and G ≥ 5: had ups and downs of the lows equal chances, five ups in a row would have probability 2⁻⁵ < 5 %;
- G ≥ 2.5 A: the gain stands out of what comes and goes;
- each third of the window has a rise, and its last half a quarter of G, or what chance leaves of unit steps if that is
  less (2.5 %): it goes on, a step does not. Of fewer than twelve rises one third may be empty, as it is by chance in
  38 % of leaks of five, if they span two fifths of the window and Greenwood's sum of squared gaps (1946) doesn't show
  that they come in bunches, at 2.5 %; this where load is subtracted, for a wave of users has few rises too;
- the rises don't thin out: Laplace's test U = (mean u − ½)·√(12 J) of their times u ∈ [0, 1] against a falling
  intensity (Cox & Lewis 1966), at 2.5 %: caches, pools and timeouts fill up, a leak does not.

A proof stands for as long as the residual stays above the level that it proved and its rises go on (the binomial test
of two Poisson rates, at 1 %), so that the thinning test, which one in forty leaks fails at any moment, costs no
verdict once given. Three windows are tried, the whole
regime, its last half and its last quarter, for leaks that begin late. A count whose load can't be subtracted may also
be a wave of users: there the falls within the window must not exceed the gain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from relengtools.leaks.series import FloatArray, block_edges

POINTS = 1024
LEAST_GAIN = 5
EXCURSIONS = 2.5
THINNING = -1.96
STOPPED = -2.33
FEW = 12
"""Of fewer rises than that, one third of the window is empty by chance too often: in 3·(2/3)¹² = 2.3 % of leaks."""
WINDOWS = (0.0, 0.5, 0.75)
FEWEST_ROWS = 12


@dataclass(frozen=True, slots=True)
class Survival:
    """The survivors of one residual: the gain G, rises J, excursions A, whether that proves a leak, and since when.

    `fresh` is what came too late to have survived anything, `last` the time of the last rise (NaN without any), `lift`
    how much higher the residual usually is after the rises than before them, which a dip doesn't make.
    """

    proven: bool
    gain: float
    rises: int
    excursion: float
    begin: float
    thinning: bool
    score: float
    fresh: float = 0.0
    last: float = math.nan
    lift: float = 0.0


@dataclass(frozen=True, slots=True)
class _Points:
    t: FloatArray
    low: FloatArray
    mean: FloatArray


def survival(t: FloatArray, residual: FloatArray, *, explained: bool, transient: float = 0.0) -> Survival:
    """Judge the survivors of `residual` (n,) at `t` (n,) seconds; both without missing values.

    `explained` says that load is subtracted (or has no part in this count); `transient` is a number of units known to
    go away by themselves later, which the gain must exceed.
    """
    none = Survival(False, 0.0, 0, 0.0, float(t[0]) if len(t) else 0.0, False, 0.0)
    if len(t) < FEWEST_ROWS:
        return none
    points = _reduced(t, residual)
    n = len(points.t)
    latest = none
    for begin in WINDOWS:
        first = int(np.searchsorted(points.t, points.t[0] + begin * (points.t[-1] - points.t[0])))
        found = _window(points, first, n, explained=explained, transient=transient)
        if found.proven:
            return found
        latest = found if begin == 0.0 else latest
    return (_kept(points, transient=transient) if explained else None) or latest


def _spread(u: FloatArray, *, few: bool) -> bool:
    """Whether the times u (J,) of the rises, within 0 … 1 and ascending, lie all over the window.

    `few` allows for what chance leaves out when there are few of them.
    """
    thirds = len(np.unique(np.minimum(np.ceil(3 * u), 3)))
    return thirds == 3 or (few and len(u) < FEW and float(u[-1] - u[0]) >= 0.4 and not _bunched(u))


def _bunched(u: FloatArray) -> bool:
    """Greenwood's (1946) sum of squared gaps against its moments (Moran 1947), as of a lognormal variable, at 2.5 %."""
    n = len(u)
    greenwood = float((np.diff(u, prepend=0.0, append=1.0) ** 2).sum())
    mean, variance = 2 / (n + 2), 4 * n / ((n + 2) ** 2 * (n + 3) * (n + 4))
    spread = math.log1p(variance / mean**2)
    return math.log(greenwood / mean) > 1.96 * math.sqrt(spread) - spread / 2


def _kept(points: _Points, *, transient: float) -> Survival | None:
    """An earlier proof whose level the residual has not left, and whose rises have gone on, since."""
    n = len(points.t)
    survivors = np.minimum.accumulate(points.low[::-1])[::-1]
    rises = points.t[1:][np.diff(survivors) > 0]
    end = int(n / 1.25)
    while end >= FEWEST_ROWS:
        found = _window(points, 0, end, explained=True, transient=transient)
        if found.proven:
            level = points.low[:end].min() + found.gain
            stays = bool(survivors[end] >= level - found.excursion)
            return found if stays and _goes_on(points.t, rises, points.t[end]) else None
        end = int(end / 1.25)
    return None


def _goes_on(t: FloatArray, rises: FloatArray, since: float) -> bool:
    """Whether the rises after `since` are as many as a constant intensity explains: the binomial test of two rates."""
    share = float(t[-1] - since) / float(t[-1] - t[0])
    expected = len(rises) * share
    return float((rises > since).sum()) - expected > STOPPED * math.sqrt(expected * (1 - share))


def _reduced(t: FloatArray, residual: FloatArray) -> _Points:
    """At most 1024 points: the low of each decides the survivors, the mean what is usual."""
    if len(t) <= POINTS:
        return _Points(t, residual, residual)
    edges = block_edges(t, POINTS)
    sizes = np.diff(np.append(edges, len(t)))
    return _Points(t[edges], np.minimum.reduceat(residual, edges), np.add.reduceat(residual, edges) / sizes)


def _window(points: _Points, first: int, last: int, *, explained: bool, transient: float) -> Survival:
    """The test on points first … last - 1."""
    t, low, mean = points.t[first:last], points.low[first:last], points.mean[first:last]
    n = len(t)
    begin = float(t[0])
    if n < FEWEST_ROWS:
        return Survival(False, 0.0, 0, 0.0, begin, False, 0.0)
    # What was gained within the last moments hasn't yet survived anything.
    dwell = max(3, n // 50)
    survivors = np.minimum.accumulate(low[::-1])[::-1]
    held = survivors[: n - dwell + 1]
    rises = np.diff(held)
    gain = float(held[-1] - held[0])
    fresh = float(low[-1] - held[-1])
    when = np.flatnonzero(rises > 0)
    count = len(when)
    excursion = float(np.quantile(mean - survivors, 0.9))
    if not count:
        return Survival(False, gain, 0, excursion, begin, False, 0.0, fresh)
    u = (t[when + 1] - t[0]) / (t[n - dwell] - t[0])
    laplace = (float(u.mean()) - 0.5) * np.sqrt(12 * count)
    thinning = bool(laplace < THINNING)
    late = float(rises[when[u > 0.5]].sum()) >= min(gain / 4, (gain - 1.96 * np.sqrt(gain)) / 2)
    spread = _spread(u, few=explained)
    falls = float(-np.minimum(np.diff(low), 0).sum())
    steady = explained or falls <= gain
    beyond = gain - transient
    proven = (
        beyond >= LEAST_GAIN and count >= LEAST_GAIN and gain >= EXCURSIONS * excursion
        and spread and late and steady and not thinning
    )  # fmt: skip
    score = (
        beyond / (LEAST_GAIN + EXCURSIONS * excursion) * (1.0 if spread and late and steady and not thinning else 0.5)
    )
    latest = float(t[when[-1] + 1])
    lift = float(np.median(mean[when[-1] + 1 :]) - np.median(mean[: when[0] + 1]))
    return Survival(proven, gain, count, excursion, begin, thinning, max(0.0, score), fresh, latest, lift)
