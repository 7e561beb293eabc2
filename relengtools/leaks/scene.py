"""What all judgements of one recording share: time, regimes, roles, blocks, and load by blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from relengtools.leaks import series
from relengtools.leaks.series import FloatArray, Frame, Regimes, Roles
from relengtools.leaks.shapes import Blocks
from relengtools.leaks.trend import BLOCKS

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame in order, with `t` (n,) strictly increasing seconds since its first row."""

    frame: Frame
    t: FloatArray
    roles: Roles
    regimes: Regimes

    def unix(self, t: float) -> float:
        """Unix time of the row nearest to `t`."""
        return float(self.frame.time[min(int(np.searchsorted(self.t, t)), len(self.t) - 1)])


@dataclass(frozen=True, slots=True)
class Gridded:
    """Blocks of one metric: the rows used, where its blocks begin within those rows, and the blocks' times."""

    rows: npt.NDArray[np.intp]
    edges: npt.NDArray[np.intp]
    blocks: Blocks
    bounds: FloatArray


def stage(frame: Frame, load: tuple[str, ...], events: tuple[str, ...], metrics: tuple[str, ...]) -> Scene:
    """Order a frame and find what is in it. Raises RelengError for a name that isn't there."""
    found = series.roles(frame, load, events, metrics)
    frame = series.ordered(frame)
    return Scene(frame, series.elapsed(frame.time), found, series.regimes(frame))


def grid(scene: Scene, rows: npt.NDArray[np.intp]) -> Gridded | None:
    """Divide the rows at which a metric is known into about 64 blocks of equal time, none across a restart.

    A regime gets blocks by its length, and none if it would get fewer than four. None if nothing is left.
    """
    if len(rows) < 2:
        return None
    length = sum(scene.t[p.stop - 1] - scene.t[p.start] for p in scene.regimes.slices)
    kept, edges, regime, first = [], [], [], []
    offset = 0
    for number, part in enumerate(scene.regimes.slices):
        inside = rows[np.searchsorted(rows, part.start) : np.searchsorted(rows, part.stop)]
        if len(inside) < 4:
            continue
        share = (scene.t[inside[-1]] - scene.t[inside[0]]) / length if length else 0.0
        wanted = min(len(inside), round(BLOCKS * share))
        if wanted < 4:
            continue
        begins = series.block_edges(series.at(scene.t, inside), wanted)
        kept.append(inside)
        edges.append(begins + offset)
        regime.append(np.full(len(begins), number, dtype=np.intp))
        first.append(np.full(len(begins), scene.t[part.start]))
        offset += len(inside)
    if not kept:
        return None
    used = kept[0] if len(kept) == 1 else np.concatenate(kept)
    begin, which = np.concatenate(edges), np.concatenate(regime)
    t = series.block_means(series.at(scene.t, used), begin)
    return Gridded(used, begin, Blocks(t, which, t - np.concatenate(first)), np.append(scene.t[used[begin]], np.inf))


def within(gridded: Gridded, rows: npt.NDArray[np.intp], values: FloatArray) -> FloatArray:
    """Block means of `values` at the `rows` that were gridded."""
    if len(rows) != len(gridded.rows):
        values = values[np.searchsorted(rows, gridded.rows)]
    return series.block_means(values, gridded.edges)


def by_block(scene: Scene, gridded: Gridded, values: FloatArray) -> FloatArray:
    """Means of another column over the same spans of time; spans without a value are interpolated."""
    known = np.flatnonzero(np.isfinite(values))
    begins = np.searchsorted(series.at(scene.t, known), gridded.bounds)
    count = np.diff(begins)
    if not count.any():
        return np.zeros(len(count))
    total = np.add.reduceat(series.at(values, known)[: begins[-1]], np.minimum(begins[:-1], begins[-1] - 1))
    filled = count > 0
    means = total[filled] / count[filled]
    return np.interp(np.arange(len(count)), np.flatnonzero(filled), means)


def waves(unix: FloatArray) -> FloatArray:
    """The day as sine and cosine, past a day and a half; a column for the weekend past nine days: (n, 0 … 3)."""
    span = float(unix[-1] - unix[0])
    if span < 1.5 * DAY:
        return np.empty((len(unix), 0))
    phase = 2 * np.pi * unix / DAY
    columns = [np.sin(phase), np.cos(phase)]
    if span >= 9 * DAY:
        # 1970-01-01 was a Thursday.
        columns.append(((unix / DAY + 3) % 7 >= 5).astype(np.float64))
    return np.column_stack(columns)
