"""The models of growth and its rivals: shapes over blocks, with priors, beside what load and restarts explain.

*Shapes* are columns scaled to unit range: a line in time, in churn or in load·time; a line that begins late; saturating
growth 1 - exp(-a/θ) or log(1 + a/θ) of age a; a step; jumps where the series has them; and sums of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from relengtools.leaks.series import FloatArray

SATURATIONS = (0.04, 0.1, 0.25, 0.6, 1.5)
LOGARITHMS = (0.003, 0.02, 0.15)
HINGES = (0.2, 0.35, 0.5, 0.65, 0.8)
MOST_JUMPS = 5
STEPS = (0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92)


class Shape(StrEnum):
    """What a model says of the long run."""

    NONE = "none"
    LINE = "line"
    HINGE = "hinge"
    SATURATING = "saturating"
    SATURATING_LINE = "saturating and line"
    STEP = "step"
    STEP_LINE = "step and line"
    STAIRS = "stairs"


PRIOR = {
    Shape.NONE: 0.37,
    Shape.LINE: 0.15,
    Shape.HINGE: 0.08,
    Shape.SATURATING: 0.17,
    Shape.SATURATING_LINE: 0.05,
    Shape.STEP: 0.08,
    Shape.STEP_LINE: 0.05,
    Shape.STAIRS: 0.05,
}
FAST = 0.7
"""The share of one saturation, against two at once, in the prior of saturating."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Where blocks lie: times t (n,) s, the regime of each (n,), age within the regime (n,) s."""

    t: FloatArray
    regime: npt.NDArray[np.intp]
    age: FloatArray


@dataclass(frozen=True, slots=True)
class Model:
    """Shapes as columns by number, and which of them grows for ever."""

    shape: Shape
    columns: tuple[int, ...]
    slope: int | None
    """Index within `columns` of what grows for ever."""
    log_prior: float


@dataclass(frozen=True, slots=True)
class Shapes:
    """All columns (n, s), and the models made of them."""

    columns: FloatArray
    slopes: FloatArray
    """What one unit of a column means as growth a second, at the end of the record."""
    begins: FloatArray
    models: tuple[Model, ...]


def design_of(blocks: Blocks, nuisance: FloatArray) -> FloatArray:
    """Constants of the regimes and the nuisance columns that move, standardised and not collinear."""
    columns = [(blocks.regime == r).astype(np.float64) for r in np.unique(blocks.regime)]
    basis = np.linalg.qr(np.column_stack(columns))[0]
    for column in nuisance.T:
        deviation = column.std()
        if deviation <= 1e-9 * max(1.0, abs(float(column.mean()))):
            continue
        standard = (column - column.mean()) / deviation
        left = standard - basis @ (basis.T @ standard)
        # A column that others explain to 99.9 % would cost a degree of freedom and give nothing.
        if (left @ left) > 1e-3 * len(left) and len(columns) < len(left) // 3:
            columns.append(standard)
            basis = np.column_stack([basis, left / np.sqrt(left @ left)])
    return np.column_stack(columns)


def jumps_of(y: FloatArray, design: FloatArray) -> npt.NDArray[np.intp]:
    """The blocks that begin with the largest rises of what load leaves of y, largest first."""
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return np.argsort(-np.diff(left), kind="stable")[:MOST_JUMPS] + 1


def shapes_of(blocks: Blocks, clocks: Sequence[FloatArray], jumps: npt.NDArray[np.intp]) -> Shapes:
    """The columns of all shapes, and the models: `clocks` (n,) are what a leak may be proportional to, beside time."""
    t, age = blocks.t, blocks.age
    span = float(t[-1] - t[0]) or 1.0
    columns: list[FloatArray] = []
    slopes: list[float] = []
    begins: list[float] = []

    def add(values: FloatArray, slope: float = 0.0, begin: float = 0.0) -> int:
        """Add a column of unit range; `slope` is the growth a second of the raw values."""
        extent = float(np.ptp(values)) or 1.0
        columns.append((values - values.mean()) / extent)
        slopes.append(slope / extent)
        begins.append(begin)
        return len(columns) - 1

    # Within a regime a leak starts anew; between regimes the constants take what differs.
    lines = [add(age, 1.0)]
    for clock in clocks:
        values = _restarted(clock, blocks)
        if np.ptp(values) > 0:
            lines.append(add(values, _mean_slope(values, age, blocks)))
    hinges = [add(np.maximum(age - h * span, 0), 1.0, h * span) for h in HINGES if age.max() > (h + 0.1) * span]
    saturating = [add(1 - np.exp(-age / (f * span))) for f in SATURATIONS]
    logarithms = [add(np.log1p(age / (f * span))) for f in LOGARITHMS]
    # The first process was warm when the record began, perhaps; what follows a restart is cold for certain.
    later = blocks.regime > blocks.regime.min()
    reborn = [add(np.where(later, 1 - np.exp(-age / (f * span)), 0.0)) for f in SATURATIONS] if later.any() else []
    steps = [add((t - t[0] > f * span).astype(np.float64)) for f in STEPS]
    pairs = [(a, b) for i, a in enumerate(saturating) for b in saturating[i + 2 :]]
    models: list[Model] = []

    def share(shape: Shape, members: Sequence[tuple[int, ...]], slope: int | None, part: float = 1.0) -> None:
        models.extend(Model(shape, m, slope, math.log(part * PRIOR[shape] / len(members))) for m in members)

    share(Shape.NONE, [()], None)
    share(Shape.LINE, [(j,) for j in lines], 0)
    if hinges:
        share(Shape.HINGE, [(j,) for j in hinges], 0)
    share(Shape.SATURATING, [(j,) for j in saturating + logarithms + reborn], None, FAST)
    share(Shape.SATURATING, pairs, None, 1 - FAST)
    share(Shape.SATURATING_LINE, [(j, lines[0]) for j in saturating[:3] + reborn[:3]], 1)
    share(Shape.STEP, [(j,) for j in steps], None)
    share(Shape.STEP_LINE, [(j, lines[0]) for j in steps], 1)
    # Jumps where the series has them: all places are as likely before, the best ones stand for the sum over all.
    stairs = [add((np.arange(len(t)) >= j).astype(np.float64)) for j in jumps]
    for k in range(1, len(stairs) + 1):
        prior = PRIOR[Shape.STAIRS] / len(stairs) / math.comb(len(t), k)
        models.append(Model(Shape.STAIRS, tuple(stairs[:k]), None, math.log(prior)))
    return Shapes(np.column_stack(columns), np.array(slopes), np.array(begins), tuple(models))


def _restarted(clock: FloatArray, blocks: Blocks) -> FloatArray:
    out = clock.astype(np.float64).copy()
    for r in np.unique(blocks.regime):
        rows = blocks.regime == r
        out[rows] -= out[rows][0]
    return out


def _mean_slope(values: FloatArray, age: FloatArray, blocks: Blocks) -> float:
    """Growth of a clock a second, over the longest regime."""
    best = 0.0
    longest = 0.0
    for r in np.unique(blocks.regime):
        rows = np.flatnonzero(blocks.regime == r)
        length = float(age[rows[-1]] - age[rows[0]])
        if length > longest:
            longest, best = length, float(values[rows[-1]] - values[rows[0]]) / length
    return best
