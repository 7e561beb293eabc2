"""What else is used to find leaks, as far as it is published; on 64 block means where rows would take too long.

- least squares: a line, two-sided p < .05, upwards;
- Mann–Kendall, and with the corrections of Hamed & Rao (1998) and Yue & Wang (2004), by pymannkendall, p < .05;
- predict_linear: a line through the last hour reaches half as much again within a day (an alert that is often copied);
- load + HAC: a line beside the load gauges, with errors of Newey & West (1987), z > 1.96;
- coroot (its rule for memory): since the last restart, a line that rises by 10 % within the last hour.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pymannkendall
from scipy import stats

from relengtools.leaks import scene, series
from relengtools.leaks.series import FloatArray

BLOCKS = 64
HOUR, DAY = 3600.0, 86400.0


class Answer(NamedTuple):
    """What a method says of one metric at one moment; rates a second."""

    leak: bool
    score: float
    rate: float
    low: float | None = None
    high: float | None = None


NOTHING = Answer(False, 0.0, 0.0)


class Seen(NamedTuple):
    """What a peer gets to see: rows t (n,) s and y (n,), load by rows (n, p), and where the last process begins."""

    t: FloatArray
    y: FloatArray
    load: FloatArray
    begin: int


# ------------------------------------------------------------------------------------------------- peers


def blocks(seen: Seen) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Block means of time, metric and load."""
    edges = series.block_edges(seen.t, BLOCKS)
    means = [series.block_means(column, edges) for column in (seen.t, seen.y, *seen.load.T)]
    return means[0], means[1], np.column_stack(means[2:]) if len(means) > 2 else np.empty((len(edges), 0))


def least_squares(seen: Seen) -> Answer:
    if len(seen.t) < 4 or np.ptp(seen.y) == 0:
        return NOTHING
    fit = stats.linregress(seen.t, seen.y)
    half = 1.96 * fit.stderr
    z = fit.slope / fit.stderr if fit.stderr > 0 else math.copysign(1e6, fit.slope)
    return Answer(bool(fit.pvalue < 0.05 and fit.slope > 0), z, fit.slope, fit.slope - half, fit.slope + half)


def mann_kendall(test: Callable[[FloatArray], Any]) -> Callable[[Seen], Answer]:
    def judged(seen: Seen) -> Answer:
        t, y, _ = blocks(seen)
        if len(y) < 10 or np.ptp(y) == 0:
            return NOTHING
        with np.errstate(all="ignore"):
            found = test(y)
        z = float(found.z) if math.isfinite(found.z) else 0.0
        rate = float(found.slope) / float(np.median(np.diff(t)))
        # The interval of Sen (1968) from the ranks of the slopes, with the variance that the test found.
        i, j = np.triu_indices(len(y), 1)
        slopes = np.sort((y[j] - y[i]) / (t[j] - t[i]))
        reach = 1.96 * math.sqrt(max(float(found.var_s), 0.0))
        low, high = (round((len(slopes) + sign * reach) / 2) for sign in (-1, 1))
        ends = slopes[max(0, low)], slopes[min(len(slopes) - 1, high)]
        return Answer(bool(found.h and z > 0), z, rate, float(ends[0]), float(ends[1]))

    return judged


def predict_linear(seen: Seen) -> Answer:
    late = seen.t >= seen.t[-1] - HOUR
    if late.sum() < 4:
        return NOTHING
    slope = stats.linregress(seen.t[late], seen.y[late]).slope if np.ptp(seen.t[late]) > 0 else 0.0
    growth = slope * DAY / max(float(seen.y[-1]), 1.0)
    return Answer(bool(growth > 0.5), growth, float(slope))


def load_hac(seen: Seen) -> Answer:
    t, y, load = blocks(seen)
    if len(y) < 12:
        return NOTHING
    columns = [c for c in load.T if np.ptp(c) > 0]
    x = np.column_stack([t - t.mean(), np.ones(len(t)), *((c - c.mean()) / c.std() for c in columns)])
    inverse = np.linalg.pinv(x.T @ x)
    beta = inverse @ x.T @ y
    left = y - x @ beta
    g = x * left[:, None]
    long_run = g.T @ g
    lags = int(4 * (len(y) / 100) ** (2 / 9)) + 1
    for lag in range(1, lags + 1):
        cross = g[lag:].T @ g[:-lag]
        long_run += (1 - lag / (lags + 1)) * (cross + cross.T)
    error = math.sqrt(max(float((inverse @ long_run @ inverse)[0, 0]), 0.0) * len(y) / max(1, len(y) - x.shape[1]))
    z = float(beta[0]) / error if error > 0 else 0.0
    return Answer(z > 1.96, z, float(beta[0]), float(beta[0]) - 1.96 * error, float(beta[0]) + 1.96 * error)


def coroot(seen: Seen) -> Answer:
    t, y = seen.t[seen.begin :], seen.y[seen.begin :]
    if len(t) < 4 or np.ptp(t) == 0:
        return NOTHING
    fit = stats.linregress(t, y)
    before = fit.intercept + fit.slope * (t[-1] - HOUR)
    growth = fit.slope * HOUR / before if before > 0 else 0.0
    return Answer(bool(growth >= 0.10), growth, float(fit.slope))


PEERS: dict[str, Callable[[Seen], Answer]] = {
    "load + HAC": load_hac,
    "least squares, p < .05": least_squares,
    "Mann–Kendall": mann_kendall(pymannkendall.original_test),
    "… Hamed–Rao": mann_kendall(pymannkendall.hamed_rao_modification_test),
    "… Yue–Wang": mann_kendall(pymannkendall.yue_wang_modification_test),
    "predict_linear": predict_linear,
    "coroot, 10 %/h": coroot,
}


def visible(staged: scene.Scene, metric: str) -> Seen | None:
    y = staged.frame.columns[metric]
    rows = np.flatnonzero(np.isfinite(y))
    if len(rows) < 4:
        return None
    load = [series.carried(staged.frame.columns[name])[rows] for name in staged.roles.load]
    begin = int(np.searchsorted(rows, staged.regimes.slices[-1].start))
    return Seen(staged.t[rows], y[rows], np.column_stack(load) if load else np.empty((len(rows), 0)), begin)
