"""How long must one watch to see a leak of a given rate, and what shortens it.

Module power tells how often the judge calls a leak after a time T. That share grows with T, so that a logistic curve in
log T is fitted to it (maximum likelihood with a weak prior on its slope, by Newton's method): first over the factor of
two or four that brackets the answer, then around the first answer, where the curve matters. It is solved for the power
asked for; a curve fitted to all runs is steadier than bisection on single noisy shares (Wu 1985, on logit-MLE designs).
One recording of a program tells another's noise but roughly: for a level the curve is taken flatter by that, as the
mean of logistic curves over a normal middle is (MacKay 1992), so that a promise holds for what is watched next.
Runs are drawn by one seeded generator: the same recording and question give the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from relengtools.errors import RelengError
from relengtools.leaks import judge, levels, memory, power, scene, series, units
from relengtools.leaks.power import Source
from relengtools.leaks.scene import Scene
from relengtools.leaks.series import FloatArray, Frame

SEED = 20240811
RUNS_TO_BRACKET = 12
TIMES = 10
RUNS = 16
FEWER = 8
"""Runs for each time on the way to an alternative, which is told to one digit."""
FAR = 64.0
FORTNIGHT = 14 * scene.DAY
"""No answer is longer than so many times the recording, or for a count, which forgets, than a fortnight."""
KNOWN = 2.0
"""Beyond so many times the recording, noise slower than it matters, which it can't tell: promises weren't measured."""
SPREAD = 0.35
"""The deviation of log T between a recording of a level and what is watched next: .25 each (development series)."""
STACK = 8192.0
"""What a goroutine keeps: 2 KiB of stack at the least (runtime._StackMin), 6 to 37 KiB in the leaks of soju."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to see the leak: which metric at which rate, adjusted for what, and after how many seconds (or never).

    `obstacle` says what takes the time, where that is known.
    """

    metric: str
    rate: float
    adjusted_for: tuple[str, ...]
    seconds: float | None
    assuming: str = ""
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The way that was asked for, what shortens it, and how long the recording is that knows the noise."""

    source: str
    power: float
    observed: float
    way: Way
    others: tuple[Way, ...]

    @property
    def guessed(self) -> bool:
        """Whether the answer is so far beyond the recording that it's a guess."""
        return self.way.seconds is None or self.way.seconds > KNOWN * self.observed

    @property
    def farthest(self) -> float:
        """The longest time that was looked at, s."""
        return _farthest(self.observed, self.way.metric)

    def as_json(self) -> dict[str, Any]:
        """One object; `seconds` is null where no time that is looked at is enough."""
        return {
            "file": self.source,
            "power": self.power,
            "observed_s": self.observed,
            **_way_json(self.way),
            "guessed": self.guessed,
            "others": [_way_json(way) for way in self.others],
        }


def _way_json(way: Way) -> dict[str, Any]:
    return {
        "metric": way.metric,
        "rate_per_s": way.rate,
        "adjusted_for": list(way.adjusted_for),
        "seconds": way.seconds,
        "assuming": way.assuming or None,
        "obstacle": way.obstacle or None,
    }


def plan(
    frame: Frame,
    metric: str,
    rate: float,
    target: float,
    *,
    load: tuple[str, ...] = (),
    events: tuple[str, ...] = (),
) -> Plan:
    """When a leak of `rate` a second in `metric` is called one with the probability `target`.

    Raises RelengError where the recording is too short to know its noise.
    """
    whole = scene.stage(frame, load, events, (metric,))
    asked = power.source(whole, metric)
    if len(asked.life.t) < levels.FEWEST_ROWS or not asked.observed:
        raise RelengError(f"{frame.source}: is too short to know its noise; record for longer")
    seconds = shortest(asked, rate, target)
    way = Way(metric, rate, asked.life.roles.load, seconds, obstacle=_obstacle(asked, rate, seconds))
    return Plan(frame.source, target, asked.observed, way, tuple(_others(whole, way, target)))


def _others(whole: Scene, way: Way, target: float) -> Iterator[Way]:
    """The same leak without the load gauges, in metrics that would show it too, and in goroutines."""
    if way.adjusted_for:
        plain = power.source(whole, way.metric, adjusted=False)
        yield Way(way.metric, way.rate, (), shortest(plain, way.rate, target, FEWER))
    if not units.is_bytes(way.metric):
        return
    for name in ("rss_bytes", "anon_bytes", "go_memstats_heap_inuse_bytes"):
        if name != way.metric and name in whole.roles.judged:
            other = power.source(whole, name)
            yield Way(name, way.rate, other.life.roles.load, shortest(other, way.rate, target, FEWER))
    goroutines = next((n for n in ("go_goroutines", "goroutines") if n in whole.roles.judged), None)
    if goroutines:
        other = power.source(whole, goroutines)
        each = f"each {units.amount(way.metric, STACK)} that leak hold a goroutine"
        found = shortest(other, way.rate / STACK, target, FEWER)
        yield Way(goroutines, way.rate / STACK, other.life.roles.load, found, each)


def _obstacle(of: Source, rate: float, seconds: float | None) -> str:
    """Why it takes so long: a store of messages, or a day without load gauges, looks the same."""
    columns, names = of.life.frame.columns, [n for n in of.life.roles.events if memory.HEAP in of.life.frame.columns]
    handled = memory.messages({n: series.carried(columns[n]) for n in names}, tuple(names))
    if handled is not None and handled[-1] > handled[0]:
        each = rate * of.observed / float(handled[-1] - handled[0])
        if each < memory.PAGE:
            kept, least = (units.amount(memory.HEAP, value) for value in (each, memory.PAGE))
            return f"it is {kept} for each message handled, and a store may keep up to {least}"
    waves = not judge.is_count(of.metric) and not of.life.roles.load
    if waves and (seconds is None or seconds >= 0.9 * levels.UNEXPLAINED_S):
        return "without load gauges a wave of the day looks the same: give --load, or record with --metrics"
    return ""


# ------------------------------------------------------------------------------------------------ search


def shortest(of: Source, rate: float, target: float, runs: int = RUNS) -> float | None:
    """Seconds after which a leak of `rate` is seen with the probability `target`; None if too far away."""
    random = np.random.default_rng(SEED)
    least = of.step * (levels.FEWEST_ROWS_TREND if not judge.is_count(of.metric) else levels.FEWEST_ROWS)
    between = _bracket(of, rate, target, max(least, of.observed), least, random)
    if between is None:
        return None
    low, high = between
    if high <= least:
        return least
    first = _solved(of, rate, target, np.geomspace(low, high * 1.4, TIMES), min(runs, FEWER), random)
    around = np.geomspace(max(least, first / 1.3), first * 1.3, TIMES)
    return min(_solved(of, rate, target, around, runs, random), _farthest(of.observed, of.metric))


def _farthest(observed: float, metric: str) -> float:
    return max(FAR * observed, FORTNIGHT * judge.is_count(metric))


def _bracket(
    of: Source, rate: float, target: float, start: float, least: float, random: power.Random
) -> tuple[float, float] | None:
    """A time that is too short and one, a few times longer, that is long enough."""
    seconds = start
    enough = power.enough(of, rate, seconds, RUNS_TO_BRACKET, target, random)
    while enough and seconds > least:
        seconds = max(least, seconds / 2)
        enough = power.enough(of, rate, seconds, RUNS_TO_BRACKET, target, random)
        if not enough:
            return seconds, 2 * seconds
    while not enough:
        seconds *= 2
        if seconds > _farthest(of.observed, of.metric):
            return None
        enough = power.enough(of, rate, seconds, RUNS_TO_BRACKET, target, random)
        if enough:
            return seconds / 2, seconds
    return least, least


def _solved(of: Source, rate: float, target: float, times: FloatArray, runs: int, random: power.Random) -> float:
    """Where the logistic curve through the shares at `times` reaches `target`, within them or a little beyond."""
    hits = np.array([power.seen(of, rate, float(seconds), runs, random) for seconds in times], dtype=np.float64)
    x = np.log(times)
    middle, slope = logistic(x, hits, runs)
    spread = 0.0 if judge.is_count(of.metric) else SPREAD
    found = np.exp(middle + np.log(target / (1 - target)) * np.sqrt(1 / slope**2 + np.pi / 8 * spread**2))
    return float(np.clip(found, times[0] / 1.5, times[-1] * 1.5))


def logistic(x: FloatArray, hits: FloatArray, runs: int) -> tuple[float, float]:
    """Middle and slope (above 0) of P(hit) = 1 / (1 + exp(-slope (x - middle))), by penalised likelihood.

    log slope has a normal prior around log 6 with deviation 1: the power of a slope's test goes from 1/2 to 9/10 while
    T grows by about 40 %.
    """
    theta = np.array([float(x.mean()), np.log(6.0)])
    prior = np.array([0.0, 1.0])
    for _ in range(60):
        slope = np.exp(theta[1])
        eta = slope * (x - theta[0])
        p = 1 / (1 + np.exp(-np.clip(eta, -30, 30)))
        jacobian = np.column_stack([np.full(len(x), -slope), eta])
        gradient = jacobian.T @ (hits - runs * p) - prior * (theta - np.array([0.0, np.log(6.0)]))
        curvature = jacobian.T @ ((runs * p * (1 - p))[:, None] * jacobian) + np.diag(prior + 1e-6)
        step = np.linalg.solve(curvature, gradient)
        theta = theta + step * min(1.0, 0.5 / float(np.abs(step).max() or 1.0))
    return float(theta[0]), float(np.exp(theta[1]))
