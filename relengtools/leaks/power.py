"""The noise of a recording → recordings that might have been, with a leak of a given rate: is it called a leak?

A closed form (the standard error of a slope falls as T^-3/2) isn't calibrated: noise that remembers, a load that must
be subtracted, rivals of growth and thresholds of the judge all want their time. So the judge itself is run on simulated
recordings. Its share of leaks is the *assurance* (O'Hagan, Stevens & Campbell 2005): the power averaged over what the
recording leaves open of the noise, by drawing it anew for every run.

Levels. y = level + rate·t + e. In every other run e is what was recorded, around a line and load, from a random row on
and round again: no covariance tells of steps, sawteeth and slow decays, and leaks are missed for their looks. In the
others e is drawn from the noise posterior of module trend: (V, σ²) by its mass, σ² as a scaled inverse χ². So the
answer has to hold for what was seen and for what it leaves open. White noise of blocks is white noise of rows whose
variance is that times the rows in a block; what remembers is an Ornstein–Uhlenbeck process of the same τ. For times
below that of the recording, noise is that of windows of just that length, half over each other (Welch 1967), each with
its own posterior: what a sawtooth looks like in blocks of one length says little of blocks of another. Only beyond the
recording is it carried to a scale that wasn't seen.
Counts. The recorded rows themselves, from a random row on and round again, less what stayed, plus a Poisson process.
Load, and the heap and the messages where those decide, are taken from the same rows; load acts on counts by these rows,
on levels not at all, since the judge projects it out exactly.

Known failures: a wave longer than the recording (the day, seen for an hour) is not in it, nor is noise slower than the
recording: beyond twice its length the answer is a guess. An allocator that fills holes first shows a leak late;
no clean recording tells of that, and the answer is too short while the leak is smaller than the holes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from relengtools.leaks import counts, identity, judge, levels, memory, series, trend
from relengtools.leaks.scene import Scene
from relengtools.leaks.series import FloatArray, Frame, Regimes
from relengtools.leaks.trend import Noise
from relengtools.leaks.verdict import Kind

ROWS_A_BLOCK = 5
MOST_ROWS = 4096
MOST_WINDOWS = 8
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Source:
    """One metric of the longest life in a recording, `adjusted` by its load gauges or not; `step` s between rows.

    `clean` (n,) is the metric without its leak: a count as such, a level around a line and what load explains.
    """

    life: Scene
    metric: str
    step: float
    adjusted: bool
    clean: FloatArray
    noises: dict[float, list[Noise]] = field(default_factory=dict)

    @property
    def observed(self) -> float:
        """The length of that life, s."""
        return float(self.life.t[-1])


def source(whole: Scene, metric: str, *, adjusted: bool = True) -> Source:
    """The longest life in `whole`, with the metric and what the judge needs for it."""
    part = max(whole.regimes.slices, key=lambda p: whole.t[p.stop - 1] - whole.t[p.start])
    frame, roles = whole.frame, whole.roles
    load = roles.load if adjusted else ()
    kept = {metric, *load}
    if judge.is_count(metric):
        kept |= {counts.ESTABLISHED} & set(frame.columns)
    if not judge.is_count(metric) and memory.HEAP in frame.columns and levels.is_heap_driven(metric):
        kept |= {memory.HEAP, *memory.counters(roles.events)}
    life = Frame(frame.source, frame.time[part], {n: frame.columns[n][part] for n in kept}, np.empty(0))
    t = whole.t[part] - whole.t[part.start]
    found = replace(roles, load=load, events=tuple(n for n in roles.events if n in kept), judged=(metric,))
    known = np.isfinite(life.columns[metric])
    step = float(np.median(np.diff(t[known]))) if known.sum() > 1 else float(t[-1])
    alone = Scene(life, t, found, Regimes((slice(0, len(t)),), False))
    clean = _unleaked(alone, metric) if judge.is_count(metric) else _detrended(alone, metric)
    return Source(alone, metric, step, adjusted, clean)


def seen(of: Source, rate: float, seconds: float, runs: int, random: Random) -> int:
    """In how many of `runs` a leak of `rate` a second is called one after `seconds`."""
    return sum(_runs(of, rate, seconds, runs, random))


def enough(of: Source, rate: float, seconds: float, runs: int, share: float, random: Random) -> bool:
    """Whether it is in `share` of `runs` or more: no more of them are judged than that takes."""
    missed = itertools.accumulate(not called for called in _runs(of, rate, seconds, runs, random))
    return all(runs - misses >= share * runs for misses in missed)


def _runs(of: Source, rate: float, seconds: float, runs: int, random: Random) -> Iterator[bool]:
    for noise in _noises(of, seconds, runs, random):
        yield _called(of, _leaky(of, rate, seconds, noise, random))


def _called(of: Source, frame: Frame) -> bool:
    roles = of.life.roles
    found = judge.analyze(frame, load=roles.load, events=roles.events, metrics=(of.metric,))
    return found.metrics[of.metric].verdict is Kind.LEAK


# ------------------------------------------------------------------------------------------------- noise


def _rows(of: Source, seconds: float) -> int:
    """How many rows to simulate: all of them, where rows decide, else five a block."""
    if judge.is_count(of.metric) or memory.HEAP in of.life.frame.columns:
        return int(min(max(seconds / of.step, trend.FEWEST_BLOCKS), MOST_ROWS))
    return trend.BLOCKS * ROWS_A_BLOCK


def _noises(of: Source, seconds: float, runs: int, random: Random) -> list[FloatArray | None]:
    """For each run noise (rows,) that is drawn, or None for what was recorded: of a count always, else in turn."""
    if judge.is_count(of.metric):
        return [None] * runs
    drawn = iter(_noise(of, seconds, runs // 2, random))
    return [next(drawn) if number % 2 else None for number in range(runs)]


def _noise(of: Source, seconds: float, runs: int, random: Random) -> FloatArray:
    """Noise of a level (runs, rows)."""
    rows = _rows(of, seconds)
    found = _posteriors(of, seconds)
    drawn = [_drawn(found[random.integers(len(found))], random) for _ in range(runs)] if found else []
    tau, remembered, white = np.array(drawn).reshape(-1, 3).T
    return _path(tau, remembered, white, seconds / rows, rows, random)


def _posteriors(of: Source, seconds: float) -> list[Noise]:
    """The noise posteriors of windows as long as what is simulated, half over each other; of all where that is less."""
    if seconds not in of.noises:
        length = min(seconds, of.observed)
        windows = min(MOST_WINDOWS, int(np.ceil(2 * of.observed / length)) - 1)
        begins = np.linspace(0.0, of.observed - length, windows)
        found = [levels.noise(_window(of, begin, begin + length), of.metric) for begin in begins]
        of.noises[seconds] = [noise for noise in found if noise is not None]
    return of.noises[seconds]


def _window(of: Source, begin: float, end: float) -> Scene:
    """The rows from `begin` to `end`, s."""
    rows = slice(*np.searchsorted(of.life.t, (begin, np.nextafter(end, np.inf))))
    frame = of.life.frame
    part = Frame(frame.source, frame.time[rows], {n: v[rows] for n, v in frame.columns.items()}, frame.starts)
    return Scene(part, of.life.t[rows], of.life.roles, Regimes((slice(0, len(part.time)),), False))


def _drawn(noise: Noise, random: Random) -> tuple[float, float, float]:
    """τ in s, the variance of what remembers at a moment, and that of white noise times seconds."""
    which = random.choice(len(noise.weight), p=noise.weight)
    tau, white = float(noise.tau[which]), float(noise.white[which])
    variance = float(noise.squares[which] / random.chisquare(noise.freedom))
    if tau <= 0:
        return 1.0, 0.0, variance * noise.block
    x = noise.block / tau
    # The variance of a mean over a block, of a process whose variance at a moment is 1.
    averaged = 2 * (x - 1 + np.exp(-x)) / x**2
    return tau, variance * (1 - white) / averaged, variance * white * noise.block


def _path(
    tau: FloatArray, remembered: FloatArray, white: FloatArray, step: float, rows: int, random: Random
) -> FloatArray:
    """Paths (runs, rows) of an Ornstein–Uhlenbeck process (exact discretisation, Gillespie 1996) and white noise."""
    decay = np.exp(-step / tau)
    kicks = random.normal(size=(rows, len(tau))) * np.sqrt(1 - decay**2)
    state = random.normal(size=len(tau))
    path = np.empty((rows, len(tau)))
    for row in range(rows):
        path[row] = state
        state = decay * state + kicks[row]
    return np.asarray((path * np.sqrt(remembered) + random.normal(size=path.shape) * np.sqrt(white / step)).T)


# ------------------------------------------------------------------------------------------------ frames


def _leaky(of: Source, rate: float, seconds: float, noise: FloatArray | None, random: Random) -> Frame:
    """A recording of `seconds` that might have been, with this noise or that which was recorded."""
    rows = _rows(of, seconds)
    t = np.asarray(np.arange(rows) * (seconds / rows), dtype=np.float64)
    at = _picked(of, t, random)
    columns = {name: _resampled(of, name, at, t, rate) for name in of.life.frame.columns if name != of.metric}
    if judge.is_count(of.metric):
        columns[of.metric] = of.clean[at] + np.cumsum(random.poisson(rate * seconds / rows, rows))
    else:
        level = float(np.nanmedian(of.life.frame.columns[of.metric]))
        own = _averaged(of.clean, seconds / rows / of.step)[at] if noise is None else noise
        columns[of.metric] = np.maximum(level + own + rate * t, 0.0)
    return Frame(of.life.frame.source, of.life.frame.time[0] + t, columns, np.empty(0))


def _averaged(values: FloatArray, width: float) -> FloatArray:
    """The mean of `width` rows from each row on (n,): a simulated row stands for as many."""
    size = min(max(1, round(width)), len(values))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    end = np.minimum(np.arange(len(values)) + size, len(values))
    return np.asarray((sums[end] - sums[end - size]) / size)


def _picked(of: Source, t: FloatArray, random: Random) -> npt.NDArray[np.intp]:
    """The recorded rows that stand for the times `t`: in order from a random one on, and round again."""
    spare = of.observed - t[-1]
    begin = random.uniform(0, spare if spare > 0 else of.observed)
    when = (begin + t) % of.observed if spare <= 0 else begin + t
    known = np.flatnonzero(np.isfinite(of.life.frame.columns[of.metric]))
    return known[np.clip(np.searchsorted(of.life.t[known], when), 0, len(known) - 1)]


def _resampled(of: Source, name: str, at: npt.NDArray[np.intp], t: FloatArray, rate: float) -> FloatArray:
    values = of.life.frame.columns[name]
    if name in of.life.roles.events:
        return _counter(values, at, of.life.t)
    if name == memory.HEAP:
        known = np.isfinite(values)
        slope, _ = trend.line(of.life.t[known], values[known])
        return series.carried(values - slope * of.life.t)[at] + rate * t
    return values[at] if judge.is_count(of.metric) else series.carried(values)[at]


def _counter(values: FloatArray, at: npt.NDArray[np.intp], t: FloatArray) -> FloatArray:
    """A counter that goes on at its mean pace where the rows begin again."""
    counted = series.carried(values)
    steps = np.diff(counted[at])
    again = np.diff(at) < 0
    steps[again] = (counted[-1] - counted[0]) / max(1, len(t)) if len(t) else 0.0
    return np.concatenate([[0.0], np.cumsum(np.maximum(steps, 0))])


def _unleaked(life: Scene, metric: str) -> FloatArray:
    """A count (n,) less what came and stayed, so that a leak in the recording isn't planned for twice."""
    y = life.frame.columns[metric]
    gauges = {n: g for n, g in life.frame.columns.items() if n != metric}
    known = identity.learn(y, gauges, life.regimes.slices)
    left = known.residual(y, gauges)
    rows = np.flatnonzero(np.isfinite(left))
    if not len(rows):
        return y
    stayed = np.minimum.accumulate(left[rows][::-1])[::-1]
    # The last moments have not yet had time to go.
    stayed = np.minimum(stayed, np.quantile(left[rows][-max(3, len(rows) // 20) :], 0.1))
    return np.asarray(y - np.interp(np.arange(len(y)), rows, stayed - stayed[0]))


def _detrended(life: Scene, metric: str) -> FloatArray:
    """A level (n,) around a line and what load explains, by least squares."""
    gauges = [life.frame.columns[name] for name in (metric, *life.roles.load)]
    y, *load = [series.carried(gauge) if np.isfinite(gauge).any() else np.zeros(len(gauge)) for gauge in gauges]
    moving = [column / np.ptp(column) for column in (life.t, *load) if np.ptp(column) > 0]
    design = np.column_stack([np.ones(len(y)), *moving])
    return np.asarray(y - design @ np.linalg.lstsq(design, y, rcond=None)[0])
