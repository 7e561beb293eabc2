"""Blocks of a series → how probable a lasting growth is, and its rate with an interval.

A plain trend test calls most clean processes leaks: memory is autocorrelated, warms up, and follows load. So growth is
weighed against its rivals. With block means y (n,), a model says

    y = X γ + s β + e,    e ~ N(0, σ² V),    V = (1 - w)·exp(-|Δt| / τ) + w·I

X: constants of the regimes, load gauges (or the daily and weekly wave). s: one or two *shapes*, scaled to unit range:
nothing; a line in time, in churn or in load·time; a line that begins late; saturating growth 1 - exp(-a/θ) or
log(1 + a/θ); a step; and sums. β ~ N(0, k σ²·I), k = 100; γ and log σ are flat. V runs over a grid from white noise to
correlation times beyond the window, where a stationary process is a random walk for all purposes. Every pair of model
and V has the closed marginal likelihood (Zellner 1986; Rasmussen & Williams 2006, ch. 2.7), after whitening and
projecting X out: with S = s's and D = S + I/k

    log m = -½ log|V| - ½ log|X'V⁻¹X| - ½ log|k D| - ½ (n - p) log(y'y - (s'y)' D⁻¹ (s'y))

Posterior masses of the models that grow for ever and upwards give P(leak); their slopes, mixed with these masses, the
rate and its interval. The random-walk end of the grid plays the part that unit-root pretests play in Perron & Yabu
(2009): no size is lost to a wrong choice, the choice is averaged over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from relengtools.leaks.series import FloatArray
from relengtools.leaks.shapes import Blocks, Model, Shape, Shapes, design_of, jumps_of, shapes_of
from relengtools.leaks.verdict import Interval

K = 100.0
TAIL = 0.05
"""Between these tails of the mixture lies the truth in 95 of 100 leaks that are found: V may remember for longer than
the noise does, so the interval between 2.5 % tails held 98 of 100 (simulated leaks of the development split)."""
BLOCKS = 64
FEWEST_BLOCKS = 12
TAUS = (0.03, 0.08, 0.2, 0.5, 1.5)
WHITES = (0.0, 0.3, 0.7, 0.93)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The weighed models of one series. Rates are in units a second."""

    leak: float
    """P(growth that lasts, upwards)."""
    mass: dict[Shape, float]
    rate: float
    low: float
    high: float
    onset: float | None
    """Seconds from the first block to the likeliest beginning of the growth."""
    robust_z: float
    """The slope over its HAC standard error."""
    fitted: FloatArray
    """The part of the series that load explains, per block (n,)."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Covariances V of the grid and what is known of each (v,): its mass, τ in s, share w that is white, y'V⁻¹y.

    Given V, the sum of squares over a χ² of `freedom` degrees is the variance σ² of blocks of `block` s.
    """

    weight: FloatArray
    tau: FloatArray
    white: FloatArray
    squares: FloatArray
    freedom: int
    block: float


class _Part(NamedTuple):
    """One model under each V (v,): log mass, mean and deviation of the coefficient that grows, squares left."""

    log: FloatArray
    mean: FloatArray
    deviation: FloatArray
    rest: FloatArray


@dataclass(frozen=True, slots=True)
class _Fitted:
    """All models under each V; `weights` (models, v) sum to 1."""

    shapes: Shapes
    design: FloatArray
    parts: list[_Part]
    weights: FloatArray
    freedom: int
    scale: float


def weigh(y: FloatArray, blocks: Blocks, nuisance: FloatArray, clocks: Sequence[FloatArray] = ()) -> Evidence:
    """Weigh growth in `y` (n,) against its rivals.

    `nuisance` is (n, p) without constants (load gauges, waves); `clocks` are (n,) cumulative amounts (churn, load·time)
    beside time that a leak may be proportional to.
    """
    fitted = _fitted(y, blocks, nuisance, clocks)
    # Noise too small for a float leaves a t that is too large for one: certain, and no reason to warn.
    with np.errstate(over="ignore"):
        return _summary(y, blocks, fitted)


def noise(y: FloatArray, blocks: Blocks, nuisance: FloatArray, clocks: Sequence[FloatArray] = ()) -> Noise:
    """The posterior of the noise in `y`, around nothing or a line: the arguments are those of `weigh`.

    What bends or steps is noise here: it may come again, and not where it came.
    """
    fitted = _fitted(y, blocks, nuisance, clocks)
    span = float(blocks.t[-1] - blocks.t[0]) or 1.0
    covariances = [(0.0, 1.0), *((tau * span, white) for tau in TAUS for white in WHITES)]
    plain = [i for i, model in enumerate(fitted.shapes.models) if model.shape in (Shape.NONE, Shape.LINE)]
    logs = np.array([fitted.parts[i].log for i in plain])
    weight = np.exp(logs - logs.max())
    squares = np.array([fitted.parts[i].rest for i in plain]) * fitted.scale**2
    mass = weight.sum(axis=0)
    taus, whites = np.array(covariances).T
    mean = (weight * squares).sum(axis=0) / np.maximum(mass, 1e-300)
    return Noise(mass / mass.sum(), taus, whites, mean, fitted.freedom, span / max(1, len(y) - 1))


def _fitted(y: FloatArray, blocks: Blocks, nuisance: FloatArray, clocks: Sequence[FloatArray]) -> _Fitted:
    scale = float(np.ptp(y)) or 1.0
    design = design_of(blocks, nuisance)
    shapes = shapes_of(blocks, clocks, jumps_of(y, design))
    whiteners, log_v = _whiteners(blocks)
    wx = whiteners @ design
    q, r = np.linalg.qr(wx)
    log_x = np.log(np.abs(np.diagonal(r, axis1=1, axis2=2))).sum(axis=1) * 2
    ws = _projected(whiteners @ shapes.columns, q)
    wy = _projected(whiteners @ ((y - y.mean()) / scale)[:, None], q)[:, :, 0]
    gram = np.swapaxes(ws, 1, 2) @ ws
    cross = np.einsum("vns,vn->vs", ws, wy)
    total = (wy**2).sum(axis=1)
    freedom = len(y) - design.shape[1]
    floor = 1e-12 * freedom
    base = -0.5 * log_v - 0.5 * log_x
    parts = [_posterior(model, gram, cross, total, base, freedom, floor) for model in shapes.models]
    logs = np.array([p.log for p in parts])
    weights = np.exp(logs - logs.max())
    return _Fitted(shapes, design, parts, weights / weights.sum(), freedom, scale)


def _projected(columns: FloatArray, q: FloatArray) -> FloatArray:
    return columns - q @ (np.swapaxes(q, 1, 2) @ columns)


def _posterior(
    model: Model, gram: FloatArray, cross: FloatArray, total: FloatArray, base: FloatArray, freedom: int, floor: float
) -> _Part:
    zero = np.zeros(len(total))
    if not model.columns:
        rest = np.maximum(total, floor)
        return _Part(base - 0.5 * freedom * np.log(rest) + model.log_prior, zero, zero, rest)
    index = list(model.columns)
    d = gram[:, index][:, :, index] + np.eye(len(index)) / K
    b = cross[:, index]
    inverse, determinant = _inverse(d)
    beta = (inverse * b[:, None, :]).sum(axis=2)
    rest = np.maximum(total - (beta * b).sum(axis=1), floor)
    log = base - 0.5 * np.log(determinant * K ** len(index)) - 0.5 * freedom * np.log(rest) + model.log_prior
    if model.slope is None:
        return _Part(log, zero, zero, rest)
    j = model.slope
    return _Part(log, beta[:, j], np.sqrt(inverse[:, j, j] * rest / freedom), rest)


def _inverse(d: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverses and determinants of many small matrices (v, k, k), by formula up to two rows."""
    if d.shape[1] == 1:
        return 1 / d, d[:, 0, 0]
    if d.shape[1] > 2:
        return np.asarray(np.linalg.inv(d), dtype=np.float64), np.asarray(np.linalg.det(d), dtype=np.float64)
    determinant = d[:, 0, 0] * d[:, 1, 1] - d[:, 0, 1] * d[:, 1, 0]
    swapped = np.stack([d[:, 1, 1], -d[:, 0, 1], -d[:, 1, 0], d[:, 0, 0]], axis=1).reshape(-1, 2, 2)
    return swapped / determinant[:, None, None], determinant


def _summary(y: FloatArray, blocks: Blocks, fitted: _Fitted) -> Evidence:
    shapes, freedom, scale = fitted.shapes, fitted.freedom, fitted.scale
    mass = dict.fromkeys(Shape, 0.0)
    leak = 0.0
    mixture: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    onsets: dict[float, float] = {}
    for model, (_, mean, deviation, _), weight in zip(shapes.models, fitted.parts, fitted.weights, strict=True):
        mass[model.shape] += float(weight.sum())
        if model.slope is None:
            continue
        column = model.columns[model.slope]
        upwards = float((weight * _normal(_as_z(mean / deviation, freedom))).sum())
        leak += upwards
        begin = float(shapes.begins[column])
        onsets[begin] = onsets.get(begin, 0.0) + upwards
        factor = shapes.slopes[column] * scale
        mixture.append((weight, mean * factor, deviation * factor))
    w = np.concatenate([m[0] for m in mixture])
    mean = np.concatenate([m[1] for m in mixture])
    deviation = np.concatenate([m[2] for m in mixture])
    rate, low, high = _quantiles(w, mean, deviation, freedom)
    z, explained = _robust(y, blocks, fitted.design)
    onset = max(onsets, key=lambda b: onsets[b]) if onsets else None
    return Evidence(leak, mass, rate, low, high, onset, z, explained)


def _quantiles(weight: FloatArray, mean: FloatArray, deviation: FloatArray, freedom: int) -> tuple[float, float, float]:
    """Median and 95 % interval of a mixture of Student's distributions, by bisection."""
    keep = weight > 1e-4 * weight.max()
    weight, mean, deviation = weight[keep] / weight[keep].sum(), mean[keep], np.maximum(deviation[keep], 1e-300)
    low, high = float((mean - 12 * deviation).min()), float((mean + 12 * deviation).max())
    levels = np.array([0.5, TAIL, 1 - TAIL])
    a, b = np.full(3, low), np.full(3, high)
    for _ in range(36):
        middle = (a + b) / 2
        below = (weight * _normal(_as_z((middle[:, None] - mean) / deviation, freedom))).sum(axis=1) < levels
        a, b = np.where(below, middle, a), np.where(below, b, middle)
    return float(a[0]), float(a[1]), float(a[2])


def _as_z(t: FloatArray, freedom: int) -> FloatArray:
    """Student's t as a normal deviate (Wallace 1959): error below .02 from 6 degrees of freedom on."""
    z: FloatArray = np.sign(t) * (8 * freedom + 1) / (8 * freedom + 3) * np.sqrt(freedom * np.log1p(t * t / freedom))
    return z


def _normal(z: FloatArray) -> FloatArray:
    """The normal distribution function, by Zelen & Severo's 26.2.17 (Abramowitz & Stegun): error below 7.5e-8."""
    x = np.abs(z)
    k = 1 / (1 + 0.2316419 * x)
    tail = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * k * (
        0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429)))
    )  # fmt: skip
    return np.where(z > 0, 1 - tail, tail)


def _whiteners(blocks: Blocks) -> tuple[FloatArray, FloatArray]:
    """L⁻¹ (v, n, n) with V = L L' and log|V| (v,) for each V of the grid; kept for the next metric."""
    return _whiteners_at(blocks.t.tobytes(), blocks.regime.tobytes())


@lru_cache(maxsize=4)
def _whiteners_at(times: bytes, regimes: bytes) -> tuple[FloatArray, FloatArray]:
    t = np.frombuffer(times)
    regime = np.frombuffer(regimes, dtype=np.intp)
    span = float(t[-1] - t[0]) or 1.0
    apart = np.abs(t[:, None] - t[None, :]) / span
    same = regime[:, None] == regime[None, :]
    eye = np.eye(len(t))
    grid = [eye] + [
        (1 - w) * np.where(same, np.exp(-apart / tau), 0) + (w + 1e-9) * eye for tau in TAUS for w in WHITES
    ]
    lower = np.asarray(np.linalg.cholesky(np.stack(grid)), dtype=np.float64)
    log_v = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
    whiteners: FloatArray = np.asarray(np.linalg.inv(lower), dtype=np.float64)
    return whiteners, log_v


def line(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Slope of y on x by least squares and its standard error, widened for the residuals' first autocorrelation."""
    a = x - x.mean()
    norm = float(a @ a)
    if norm <= 0 or len(x) < 3:
        return 0.0, np.inf
    slope = float(a @ y) / norm
    left = y - y.mean() - slope * a
    variance = float(left @ left)
    rho = min(0.95, max(0.0, float(left[1:] @ left[:-1]) / variance)) if variance > 0 else 0.0
    return slope, float(np.sqrt(variance / (len(x) - 2) / norm * (1 + rho) / (1 - rho)))


def moved_by(x: FloatArray, y: FloatArray, beside: FloatArray) -> Interval | None:
    """What y gains with a unit of x, from the steps (n,) of both, with a drift; None if that could be chance.

    `beside` (n, k) are the steps of what both may go with: of time, since blocks differ in length, and of load. Two
    that grow steadily both go with time, and two random walks go together by chance (Granger & Newbold 1974): that is
    the cost of nothing. What tells is whether y rises more where x does, by three standard errors, since a dozen
    counters may be tried.
    """
    also = np.column_stack([np.ones(len(x)), beside])
    both = np.column_stack([x, y])
    left = both - also @ np.linalg.lstsq(also, both, rcond=None)[0]
    if np.ptp(left[:, 0]) <= 1e-6 * np.abs(x).max():
        return None
    slope, error = line(left[:, 0], left[:, 1])
    return Interval.around(slope, error) if slope > 3 * error else None


# ---------------------------------------------------------------------------------------------- robust


def _robust(y: FloatArray, blocks: Blocks, design: FloatArray) -> tuple[float, FloatArray]:
    """z of the slope by least squares with HAC errors, and the part of y that load explains.

    Newey & West (1987) with the bandwidth of Andrews (1991) for an AR(1), and the residuals' first autocorrelation
    corrected for its bias (Marriott & Pope 1954).
    """
    x = np.column_stack([blocks.age - blocks.age.mean(), design])
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    left = y - x @ beta
    fitted = design[:, len(np.unique(blocks.regime)) :] @ beta[1 + len(np.unique(blocks.regime)) :]
    n = len(y)
    a = x[:, 0] - design @ np.linalg.lstsq(design, x[:, 0], rcond=None)[0]
    norm = float(a @ a)
    variance = float(left @ left)
    if norm <= 0 or variance <= 1e-18 * float(y @ y):
        return 0.0, fitted
    rho = float(left[1:] @ left[:-1]) / variance
    rho = min(0.97, rho + (1 + 4 * max(rho, 0.0)) / n)
    g = a * left
    bandwidth = min(n // 2, max(1, round(1.1447 * (4 * rho**2 / (1 - rho**2) ** 2 * n) ** (1 / 3))))
    long_run = float(g @ g)
    for lag in range(1, bandwidth + 1):
        long_run += 2 * (1 - lag / (bandwidth + 1)) * float(g[lag:] @ g[:-lag])
    error = math.sqrt(max(long_run, float(g @ g) / 4) * n / max(1, n - x.shape[1])) / norm
    return float(beta[0]) / error if error > 0 else 0.0, fitted
