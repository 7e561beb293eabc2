"""Verdicts on memory and other levels: links to counts that leak, the live heap, and weighed trends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from relengtools.leaks import memory, series, trend, units
from relengtools.leaks.memory import LiveHeap
from relengtools.leaks.scene import DAY, Gridded, Scene, by_block, grid, waves
from relengtools.leaks.series import FloatArray
from relengtools.leaks.shapes import Blocks, Shape, design_of
from relengtools.leaks.trend import Evidence, Noise
from relengtools.leaks.verdict import Interval, Kind, Verdict

HEAP_DRIVEN = frozenset(
    {
        "rss_bytes",
        "anon_bytes",
        "process_resident_memory_bytes",
        "go_memstats_heap_alloc_bytes",
        "go_memstats_heap_inuse_bytes",
        "go_memstats_alloc_bytes",
    }
)
FEWEST_ROWS = 12
FEWEST_ROWS_TREND = 300
"""Five rows a block, so that a block says what is usual and not where in its sawtooth a heap was caught."""
UNEXPLAINED_S = 1.5 * DAY
"""So long the wave of the day can't be told from growth without load gauges."""
LOG_ODDS = float(np.log(9))
"""A leak at 9 : 1, chosen on the development split of simulated series for one false alarm in twenty of them."""
LEAST_Z = 4.0
Z_WEIGHT = 0.5
A_STORE = 0.1
"""The share of a process's memory up to which a store is as likely as a leak."""
ROOM = 0.5
"""Without load gauges or days, growth is no leak while a store that took it up would as likely as not go on."""
LEAST_APART = 0.005
"""With less of its variance left by load, a line has an interval too short (simulated ramps of users): the prior of its
slope outweighs what is left to see."""
LEAST_CHANCE = 0.001
MATERIAL = 0.01
"""A hundredth of the level a day: less is no reason to act."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the levels of one recording share: the live heap, and the counts that are proven to leak."""

    live: LiveHeap | None
    has_heap: bool
    leaking: Mapping[str, Verdict]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Block means (n,) of one level, their grid, and the weighed models.

    Load that went one way all the while is `entangled` with time: which of them a level goes with doesn't show.
    """

    y: FloatArray
    gridded: Gridded
    evidence: Evidence
    entangled: bool


def prepare(scene: Scene, counts: Mapping[str, Verdict]) -> Prepared:
    """Judge the live heap once, and keep the counts that leak."""
    live = None
    if memory.HEAP in scene.frame.columns:
        part = scene.regimes.slices[-1]
        handled = memory.messages(scene.frame.columns, scene.roles.events)
        live = memory.live_heap(
            scene.t[part], scene.frame.columns[memory.HEAP][part], None if handled is None else handled[part]
        )
    return Prepared(
        live, memory.HEAP in scene.frame.columns, {n: v for n, v in counts.items() if v.verdict is Kind.LEAK}
    )


def gather(scene: Scene, name: str) -> Gathered | None:
    """Blocks of one level and the evidence in them; None if there are too few."""
    found = _blocked(scene, name)
    if found is None:
        return None
    y, gridded = found
    load, clocks = _covariates(scene, gridded)
    evidence = trend.weigh(y, gridded.blocks, load, clocks)
    entangled = bool(scene.roles.load) and _apart(gridded.blocks, load) < LEAST_APART
    if entangled:
        all_of_it = Interval.around(*trend.line(gridded.blocks.t, y))
        evidence = replace(evidence, high=max(evidence.high, all_of_it.high))
    return Gathered(y, gridded, evidence, entangled)


def _apart(blocks: Blocks, load: FloatArray) -> float:
    """The share of the variance of time that load leaves."""
    design = design_of(blocks, load)
    left = blocks.age - design @ np.linalg.lstsq(design, blocks.age, rcond=None)[0]
    return float(np.var(left)) / (float(np.var(blocks.age)) or 1.0)


def noise(scene: Scene, name: str) -> Noise | None:
    """The posterior of the noise of one level, or None if there are too few blocks."""
    found = _blocked(scene, name)
    return found and trend.noise(found[0], found[1].blocks, *_covariates(scene, found[1]))


def _blocked(scene: Scene, name: str) -> tuple[FloatArray, Gridded] | None:
    values = series.despiked(scene.frame.columns[name])
    gridded = grid(scene, np.flatnonzero(np.isfinite(values)))
    if gridded is None or len(gridded.edges) < trend.FEWEST_BLOCKS:
        return None
    return series.block_means(series.at(values, gridded.rows), gridded.edges), gridded


def _covariates(scene: Scene, gridded: Gridded) -> tuple[FloatArray, list[FloatArray]]:
    """Load by blocks (n, p), or the waves of day and week without any; and the clocks of churn and of load·time."""
    if not scene.roles.load:
        return waves(scene.frame.time[gridded.rows[gridded.edges]]), []
    gauges = [scene.frame.columns[n] for n in scene.roles.load]
    means = [by_block(scene, gridded, g) for g in gauges]
    churn = np.zeros(len(scene.t))
    for gauge in gauges:
        known = np.flatnonzero(np.isfinite(gauge))
        moves = np.zeros(len(scene.t))
        moves[known[1:]] = np.maximum(-np.diff(gauge[known]), 0)
        churn += np.cumsum(moves)
    total = np.sum(means, axis=0)
    load_time = np.cumsum(total * np.gradient(gridded.blocks.t)) if len(total) > 1 else total
    return np.column_stack(means), [by_block(scene, gridded, churn), load_time]


def judge(scene: Scene, prepared: Prepared, name: str) -> Verdict:
    """The verdict on the level `name`."""
    values = scene.frame.columns[name]
    present = int(np.isfinite(values).sum())
    if present < 2:
        return Verdict(Kind.INSUFFICIENT, f"only {units.counted(present, 'sample')} of it; record for longer")
    lowest = float(np.nanmin(values))
    if lowest == np.nanmax(values) and present >= FEWEST_ROWS:
        # Memory is counted in pages, and one may be about to be full.
        unseen = memory.PAGE / float(scene.t[-1]) if units.is_bytes(name) else 0.0
        reason = f"it never moved from {units.amount(name, lowest)}"
        return Verdict(Kind.STABLE, reason, rate=Interval(0, 0, unseen), raw_rate=0)
    gathered = gather(scene, name)
    if gathered is None:
        return Verdict(Kind.INSUFFICIENT, f"{units.counted(present, 'sample')}: too few to tell a leak from noise")
    return _decided(scene, prepared, name, gathered, present)


def _decided(scene: Scene, prepared: Prepared, name: str, gathered: Gathered, samples: int) -> Verdict:
    evidence = gathered.evidence
    score = _score(scene, gathered, samples)
    found = _linked(scene, prepared, name, gathered) or _live(prepared, name, gathered)
    if found and found[0] is Kind.LEAK:
        score = max(score, 1.0 + evidence.leak)
    if found is None:
        trending = score > 1
        found = (Kind.LEAK, _steady(scene, name, gathered)) if trending else _otherwise(scene, name, gathered, samples)
    kind, reason = found
    if kind is Kind.LEAK:
        rate = _rate(prepared, name, evidence)
    else:
        rate = Interval(evidence.rate, min(evidence.low, 0.0), max(evidence.high, 0.0))
        score = min(score, 1.0)
    begin = gathered.gridded.blocks.t[0] + (evidence.onset or 0.0)
    return Verdict(
        kind,
        reason,
        score=score,
        rate=rate,
        raw_rate=trend.line(gathered.gridded.blocks.t, gathered.y)[0],
        onset=scene.unix(float(begin)) if kind is Kind.LEAK else None,
        adjusted_for=scene.roles.load,
        per_event=_per_event(scene, gathered) if kind is Kind.LEAK else {},
    )


def _rate(prepared: Prepared, name: str, evidence: Evidence) -> Interval:
    """The rate of a leak: of the live heap where that is what leaks, since resident memory may climb twice as fast."""
    live = prepared.live
    if live is not None and live.leak and not prepared.leaking and name in HEAP_DRIVEN:
        return live.rate
    return Interval(evidence.rate, evidence.low, evidence.high)


def _score(scene: Scene, gathered: Gathered, samples: int) -> float:
    """Evidence for a leak from the trend alone, 1 at the threshold: log odds over those of 9 : 1.

    The odds are those of the weighed models, no better than what the robust z allows, times the growth in tenths of
    the level: a store whose capacity has a scale-free prior takes up G or more with probability ∝ 1/G.
    """
    evidence = gathered.evidence
    if samples < FEWEST_ROWS_TREND or evidence.low <= 0 or evidence.leak < 0.5 or evidence.robust_z < LEAST_Z:
        return 0.0
    span = float(gathered.gridded.blocks.t[-1] - gathered.gridded.blocks.t[0])
    growth = evidence.low * span
    level = float(np.median(gathered.y))
    if _unexplained(scene, span):
        daily_wave = 2 * np.pi * level / DAY
        if memory.room(growth, float(gathered.y[0])) > ROOM or evidence.low < daily_wave:
            return 0.0
    odds = min(float(np.log(evidence.leak / max(1 - evidence.leak, 1e-9))), Z_WEIGHT * evidence.robust_z)
    odds += float(np.log(max(growth, 1e-300) / (A_STORE * max(level, 1.0))))
    return max(0.0, odds / LOG_ODDS)


def _unexplained(scene: Scene, span: float) -> bool:
    """Neither load gauges nor enough days to know the wave of the day by itself."""
    return not scene.roles.load and span < UNEXPLAINED_S


def _linked(scene: Scene, prepared: Prepared, name: str, gathered: Gathered) -> tuple[Kind, str] | None:
    """A proven leak of counts and a likely trend of memory are one leak."""
    evidence = gathered.evidence
    if not prepared.leaking or evidence.leak < 0.5 or evidence.low <= 0:
        return None
    cause = max(prepared.leaking, key=lambda n: prepared.leaking[n].score)
    grows = f"it grows by {units.per_time(name, evidence.rate)}"
    each = _each(scene, gathered, _beyond_load(scene, cause, prepared.leaking[cause]))
    if each is None:
        return Kind.LEAK, f"{grows} while {cause} leaks; whether they are one leak doesn't show"
    return Kind.LEAK, f"{grows} with {cause}, which leaks: {units.amount(name, each.rate)} for each"


def _beyond_load(scene: Scene, count: str, verdict: Verdict) -> FloatArray:
    """A count (n,) less the terms of its identity."""
    terms = verdict.identity.terms if verdict.identity else {}
    columns = scene.frame.columns
    return columns[count] - sum((c * columns[gauge] for gauge, c in terms.items()), np.zeros(len(scene.t)))


def _each(scene: Scene, gathered: Gathered, held: FloatArray) -> Interval | None:
    """What a level gains with each of what is counted (n,), beside load, if that shows."""
    blocks, load = gathered.gridded.blocks, _covariates(scene, gathered.gridded)[0]
    steps = np.diff(np.column_stack([by_block(scene, gathered.gridded, held), gathered.y, blocks.t, load]), axis=0)
    steps = steps[np.diff(blocks.regime) == 0]
    return trend.moved_by(steps[:, 0], steps[:, 1], steps[:, 2:])


def _per_event(scene: Scene, gathered: Gathered) -> dict[str, Interval]:
    """What is kept of an event, for each counter with which the level rises."""
    each = {name: _each(scene, gathered, scene.frame.columns[name]) for name in series.happenings(scene.roles.events)}
    return {name: rate for name, rate in each.items() if rate}


def _live(prepared: Prepared, name: str, gathered: Gathered) -> tuple[Kind, str] | None:
    """What the live heap says of the memory of a Go program: it decides where it is known."""
    evidence = gathered.evidence
    if not is_heap_driven(name):
        return None
    live = prepared.live
    if live is None:
        return (Kind.INSUFFICIENT, "fewer than eight collections of the heap were seen") if prepared.has_heap else None
    if live.per_message is None:
        return None
    each = units.amount(memory.HEAP, live.per_message)
    grows = units.per_time(memory.HEAP, live.rate.rate)
    said = f"the heap after collections grows by {grows}, {each} for each message meanwhile"
    if live.leak and evidence.low > 0 and (evidence.leak >= 0.5 or _follows(gathered, live)):
        return Kind.LEAK, f"{said}: more than a store of messages keeps"
    if live.leak:
        return Kind.INSUFFICIENT, f"{said}, but this metric does not follow it yet"
    if live.rate.low > 0 and live.per_message > 0:
        return Kind.LOAD, f"{said}, as a store of messages that fills does, or pages touched for the first time"
    return (
        Kind.WARMUP if evidence.low > 0 else Kind.INSUFFICIENT,
        f"the heap after {len(live.t)} collections does not grow; {_bound(name, evidence)}",
    )


def is_heap_driven(name: str) -> bool:
    """Whether the live heap of a Go program decides on this level, where it's known."""
    return name.startswith("go_memstats_") or name in HEAP_DRIVEN


def _follows(gathered: Gathered, live: LiveHeap) -> bool:
    """Whether the level still rises in its last half, at half the rate of the live heap or more.

    A trend alone would call that saturating: memory runs ahead of the heap while the collector's headroom grows.
    """
    late = slice(len(gathered.y) // 2, None)
    rate = Interval.around(*trend.line(gathered.gridded.blocks.t[late], gathered.y[late]))
    return live.rate.rate > 0 and rate.low > live.rate.rate / 2


def _steady(scene: Scene, name: str, gathered: Gathered) -> str:
    evidence = gathered.evidence
    span = units.duration(float(gathered.gridded.blocks.t[-1]))
    after = f" after {', '.join(scene.roles.load)} are subtracted" if scene.roles.load else ""
    restarts = " in each life of the process" if len(np.unique(gathered.gridded.blocks.regime)) > 1 else ""
    return (
        f"it grew by {units.per_time(name, evidence.rate)} for {span}{restarts}{after}; warming up, a step or noise "
        f"explain that with a probability of {_chances(1 - evidence.leak)} only"
    )


def _chances(probability: float) -> str:
    """A probability, to no more than what models of the world are good for."""
    return f"{probability:.2g}" if probability >= LEAST_CHANCE else f"less than {LEAST_CHANCE:g}"


def _bound(name: str, evidence: Evidence) -> str:
    """What is not excluded."""
    return (
        f"a leak below {units.per_time(name, evidence.high)} can't be excluded"
        if evidence.high > 0
        else "it doesn't grow"
    )


def _otherwise(scene: Scene, name: str, gathered: Gathered, samples: int) -> tuple[Kind, str]:
    evidence = gathered.evidence
    level = float(np.median(gathered.y))
    most = units.per_time(name, max(evidence.high, 0.0))
    bound = _bound(name, evidence)
    share = float(np.var(evidence.fitted)) / (float(np.var(gathered.y)) or 1.0)
    if max(evidence.high, 0.0) * DAY < MATERIAL * abs(level):
        return Kind.STABLE, f"any growth is below {most}, less than 1 % of it a day" if evidence.high > 0 else bound
    if samples < FEWEST_ROWS_TREND:
        during = units.duration(float(scene.t[-1]))
        return Kind.INSUFFICIENT, (
            f"{units.counted(samples, 'sample')} in {during} tell no leak from warming up: "
            f"that takes {FEWEST_ROWS_TREND} at least; {bound}"
        )
    if gathered.entangled:
        load = ", ".join(scene.roles.load)
        alike = "growth with load and growth with time look the same"
        return Kind.INSUFFICIENT, f"{load} went one way all the while: {alike}; {bound}"
    if evidence.mass[Shape.SATURATING] > 0.5:
        return Kind.WARMUP, f"its growth slows down, as while it warms up or fills; {bound}"
    if share > 0.5 and evidence.leak < 0.5:
        return Kind.LOAD, f"it follows {', '.join(scene.roles.load) or 'the time of day'}; {bound}"
    lack = "" if scene.roles.load else "; load gauges would tell growth from load"
    return Kind.INSUFFICIENT, f"a lasting growth has a probability of {_chances(evidence.leak)}; {bound}{lack}"


def inherited(judged: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Resident memory leaks when the anonymous part of it does, unless its own rate denies it."""
    out = dict(judged)
    part = out.get("anon_bytes")
    if part is None or part.verdict is not Kind.LEAK or part.rate is None:
        return out
    for whole in ("rss_bytes", "process_resident_memory_bytes"):
        own = out.get(whole)
        if own and own.rate and own.verdict is not Kind.LEAK and own.rate.high >= part.rate.low:
            out[whole] = replace(
                own, verdict=Kind.LEAK, reason=f"anon_bytes, a part of it, leaks: {part.reason}",
                rate=part.rate, onset=part.onset, score=part.score,
            )  # fmt: skip
    return out
