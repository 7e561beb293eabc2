"""Verdicts on counts: the accounting identity is learnt, its residual judged by its survivors."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from relengtools.leaks import identity, series, units
from relengtools.leaks.identity import Identity
from relengtools.leaks.scene import Scene, by_block, grid, within
from relengtools.leaks.series import FloatArray
from relengtools.leaks.survivors import LEAST_GAIN, Survival, survival
from relengtools.leaks.trend import line, moved_by
from relengtools.leaks.verdict import Interval, Kind, Learnt, Verdict

ESTABLISHED = "tcp_established"
LOAD_FREE = frozenset({"n_reg_files", "n_pipes", "tcp_close_wait", "sockets_unlisted"})
"""Classes that no number of well-behaved clients moves for good."""
CLASSES = {
    "num_fds": ("n_sockets", "sockets_unlisted", "n_reg_files", "n_pipes", "n_anon_inode", "tcp_close_wait"),
    "process_open_fds": ("n_sockets", "sockets_unlisted", "n_reg_files", "n_pipes", "n_anon_inode", "tcp_close_wait"),
    "n_sockets": ("tcp_close_wait", "sockets_unlisted"),
}
ERRORS = re.compile(r"errors?(_\w+)?_total$")
SLEEP_S = 600.0
"""A goroutine that waits to connect again after an error may sleep as long before it finds its network deleted."""
SHORTEST_S = 600.0
FEWEST_SAMPLES = 60
FEWEST_EVENTS = 5
SPANS = 12
KEPT = 0.05
"""The units that a departure of load may keep, at 95 %, where it's the departures that tell load from a leak."""


@dataclass(frozen=True, slots=True)
class _Residual:
    rows: npt.NDArray[np.intp]
    values: FloatArray


def judge(scene: Scene, name: str) -> Verdict:
    """The verdict on the count `name`."""
    y = scene.frame.columns[name]
    present = int(np.isfinite(y).sum())
    if present < 2:
        return Verdict(Kind.INSUFFICIENT, f"only {units.counted(present, 'sample')} of it; record for longer")
    gauges = _gauges(scene, name)
    known = identity.learn(y, gauges, scene.regimes.slices)
    explained = bool(gauges) or name in LOAD_FREE
    residual = _residual(known, y, gauges, 0)
    found = _survival(scene, known, y, gauges, residual, explained=explained, goroutines="goroutines" in name)
    return _verdict(scene, name, known, residual, found, explained=explained)


def _gauges(scene: Scene, name: str) -> dict[str, FloatArray]:
    """The load gauges; without any the established connections, unless they are what's judged."""
    names = scene.roles.load or ((ESTABLISHED,) if ESTABLISHED in scene.frame.columns and name != ESTABLISHED else ())
    return {n: scene.frame.columns[n] for n in names}


def _residual(known: Identity, y: FloatArray, gauges: Mapping[str, FloatArray], which: int) -> _Residual:
    """The residual on the rows in which all of its terms are present, single outliers removed."""
    left = known.residual(y, gauges, which)
    rows = np.flatnonzero(np.isfinite(left))
    return _Residual(rows, series.despiked(series.at(left, rows)))


def _survival(
    scene: Scene,
    known: Identity,
    y: FloatArray,
    gauges: Mapping[str, FloatArray],
    first: _Residual,
    *,
    explained: bool,
    goroutines: bool,
) -> Survival:
    """The survivors under each identity that fits: the least convincing of them, for the best regime."""
    worst: Survival | None = None
    for which in range(len(known.sets)):
        residual = _residual(known, y, gauges, which) if which else first
        best: Survival | None = None
        for part in _decisive(scene):
            inside = slice(*np.searchsorted(residual.rows, (part.start, part.stop)))
            t = series.at(scene.t, residual.rows)[inside]
            transient = _recent_errors(scene, part) if goroutines else 0.0
            found = survival(t, residual.values[inside], explained=explained, transient=transient)
            # The last regime comes last, and is what an answer without a proof is about.
            if best is None or not best.proven or (found.proven, found.score) > (best.proven, best.score):
                best = found
        assert best is not None
        if worst is None or (best.proven, best.score) < (worst.proven, worst.score):
            worst = best
        if not worst.proven:
            break
    assert worst is not None
    return worst


def _decisive(scene: Scene) -> list[slice]:
    """The last regime and the longest one: what ran briefly, long ago, proves nothing about now."""
    parts = scene.regimes.slices
    longest = max(parts, key=lambda p: scene.t[p.stop - 1] - scene.t[p.start])
    return [longest] if longest == parts[-1] else [longest, parts[-1]]


def _recent_errors(scene: Scene, part: slice) -> float:
    """Errors within the last ten minutes of a regime: each may hold a goroutine that is about to end."""
    total = 0.0
    end = scene.t[part.stop - 1]
    for name in scene.roles.events:
        if ERRORS.search(name.split("{", 1)[0]):
            values = scene.frame.columns[name][part]
            recent = values[np.isfinite(values) & (scene.t[part] >= end - SLEEP_S)]
            total += float(recent[-1] - recent[0]) if len(recent) > 1 else 0.0
    return max(0.0, total)


# -------------------------------------------------------------------------------------------- the words


def _verdict(
    scene: Scene, name: str, known: Identity, residual: _Residual, found: Survival, *, explained: bool
) -> Verdict:
    begin = found.begin if found.proven else float(scene.t[scene.regimes.slices[-1].start])
    rate = slope(scene, residual.rows, residual.values, begin)
    y = scene.frame.columns[name]
    present = residual.rows if len(residual.rows) == len(y) else np.flatnonzero(np.isfinite(y))
    span = float(scene.t[present[-1]] - begin)
    kind, reason = _said(scene, name, known, residual, found, span, explained=explained)
    return Verdict(
        kind,
        reason,
        score=1.0 + float(np.log1p(found.score)) if found.proven else min(found.score / 2, 1.0) * 0.9,
        rate=rate if kind is Kind.LEAK else _bounded(rate, found, span, kind),
        raw_rate=slope(scene, present, series.at(y, present), begin).rate,
        onset=scene.unix(begin) if kind is Kind.LEAK else None,
        adjusted_for=tuple(known.terms),
        identity=_learnt(known, residual),
        per_event=_per_event(scene, residual, begin) if kind is Kind.LEAK else {},
    )


def _bounded(rate: Interval, found: Survival, span: float, kind: Kind) -> Interval:
    """The interval of what is no leak: it holds 0, and what may come unseen.

    Rule of three: that nothing was gained in `span` leaves rates up to 3/span possible at 95 %; what was gained and
    what comes and goes may be on top of it, and no more where the count is at rest.
    """
    unseen = 3 / span if span > 0 else np.inf
    high = max(rate.high, unseen)
    if kind in (Kind.STABLE, Kind.LOAD):
        high = min(high, unseen + (max(found.gain, 0.0) + found.excursion) / span if span > 0 else np.inf)
    low = min(rate.low, 0.0)
    return Interval(min(max(rate.rate, low), high), low, high)


def _said(
    scene: Scene, name: str, known: Identity, residual: _Residual, found: Survival, span: float, *, explained: bool
) -> tuple[Kind, str]:
    beyond = f" beyond {_formula(known)}" if known.terms else ""
    during = units.duration(span)
    if found.proven:
        passing = f"; up to {found.excursion:.0f} come and go" if round(found.excursion) else ""
        return Kind.LEAK, (
            f"{found.gain:.0f} came within {during}{beyond} and stayed, in {found.rises} steps that don't slow down"
            f"{passing}"
        )
    lack = "" if explained else "; without load gauges a wave of users looks the same"
    follows = _moved_by_load(scene, name, known, residual)
    lacking = _lacking(len(residual.rows), span)
    gone, kept = _departures(scene, known, residual) if follows and lacking else (0.0, np.inf)
    if lacking and kept > KEPT:
        samples = units.counted(len(residual.rows), "sample")
        neither = f"{samples} in {during}{beyond} prove neither a leak nor its absence: that takes {lacking}"
        return Kind.INSUFFICIENT, neither + lack
    if found.gain >= LEAST_GAIN and found.thinning:
        return Kind.WARMUP, f"{found.gain:.0f} came{beyond}, but ever more slowly, as while something fills"
    if found.gain > max(2.0, found.excursion):
        few = f"{found.gain:.0f} came within {during}{beyond}, too few or too unsteady for a leak{lack}"
        return Kind.INSUFFICIENT, few
    if follows:
        also = f" ({gone:.0f} of which went and left {np.ceil(100 * kept) / 100:.2f} each at most)" if gone else ""
        return Kind.LOAD, f"it follows {_formula(known)}{also}; beside that {_stayed(found, span)}"
    return Kind.STABLE, f"{_stayed(found, span)}{beyond}"


def _stayed(found: Survival, span: float) -> str:
    """What came and is there still, in words that a look at the plot confirms."""
    late = f"; {found.fresh:.0f} came at the very end" if found.fresh > max(2.0, found.excursion) else ""
    gain = round(min(found.gain, found.lift))
    if gain <= 0 or not found.rises:
        return f"nothing that came within {units.duration(span)} stayed{late}"
    after = units.duration(found.last - found.begin)
    if found.rises == 1:
        return f"{gain} came{' at once' if gain > 1 else ''}, after {after}, and stayed: a step{late}"
    return f"{gain} came within {units.duration(span)} and stayed, in {found.rises} steps, the last after {after}{late}"


def _lacking(samples: int, span: float) -> str:
    """What a recording lacks for a count to be at rest; nothing when it's long enough."""
    needed = [f"{FEWEST_SAMPLES} samples"] if samples < FEWEST_SAMPLES else []
    needed += [units.duration(SHORTEST_S)] if span < SHORTEST_S else []
    return " and ".join(needed)


def _departures(scene: Scene, known: Identity, residual: _Residual) -> tuple[float, float]:
    """How often load went away, as far as the samples show, and the units that each time may have kept at 95 %.

    The gauge that fell least decides. Nothing kept in n departures leaves 3/n possible (the rule of three).
    """
    falls = [np.cumsum(np.maximum(-np.diff(series.at(scene.frame.columns[n], residual.rows)), 0)) for n in known.terms]
    gone = min(falls, key=lambda fallen: float(fallen[-1]))
    if not gone[-1]:
        return 0.0, np.inf
    rate, error = line(gone, residual.values[1:])
    return float(gone[-1]), max(Interval.around(rate, error).high, 0.0) + 3 / float(gone[-1])


def _formula(known: Identity) -> str:
    return " + ".join(f"{c}·{name}" if c > 1 else name for name, c in known.terms.items())


def _moved_by_load(scene: Scene, name: str, known: Identity, residual: _Residual) -> bool:
    """Whether load explains most of what the count did."""
    if not known.terms:
        return False
    raw = scene.frame.columns[name][residual.rows]
    return float(np.var(residual.values)) < 0.5 * float(np.var(raw))


def _learnt(known: Identity, residual: _Residual) -> Learnt | None:
    if not known.terms or not len(residual.values):
        return None
    some = max(1, len(residual.values) // 50)
    first, last = float(np.median(residual.values[:some])), float(np.median(residual.values[-some:]))
    return Learnt(intercept=first, terms=known.terms, residual_first=first, residual_last=last)


def slope(scene: Scene, rows: npt.NDArray[np.intp], values: FloatArray, begin: float = 0.0) -> Interval:
    """The rate of a count over blocks, since `begin`, within the regimes that are long enough.

    How much it *did* gain is known; the interval is of what the same program gains in the long run, by chance, which
    may give less than that, but takes nothing away.
    """
    first = np.searchsorted(rows, np.searchsorted(scene.t, begin))
    rows, values = rows[first:], values[first:]
    gridded = grid(scene, rows)
    if gridded is None or len(gridded.edges) < 3:
        return Interval(np.nan, -np.inf, np.inf)
    blocks = gridded.blocks
    x, y = blocks.t.copy(), within(gridded, rows, values)
    lives = [blocks.regime == number for number in np.unique(blocks.regime)]
    chance = _chance([(x[here], y[here]) for here in lives])
    for here in lives:
        x[here] -= x[here].mean()
        y[here] -= y[here].mean()
    rate, error = line(x, y)
    seen, foreseen = Interval.around(rate, error), Interval.around(rate, math.hypot(error, chance))
    return Interval(rate, min(seen.low, max(foreseen.low, 0.0)), foreseen.high)


def _chance(lives: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    """The standard error that the slope of a count has because what it gains comes by chance: √(6v / 5X).

    Each life is a clock (n,), of seconds or of events, and the count (n,) at it. v is the variance of what comes and
    stays, a unit of the clock, from twelve spans of all X (a Poisson process has its rate as v, a clockwork 0, bunches
    more); 6/5X is the integral of the squared weights that a least-squares slope gives to increments. Of f degrees of
    freedom f - 2 are divided by: the variance of Student's t.
    """
    whole = sum(float(clock[-1] - clock[0]) for clock, _ in lives)
    gains, spans = [], []
    for clock, count in lives:
        length = float(clock[-1] - clock[0])
        marks = np.linspace(clock[0], clock[-1], max(1, round(SPANS * length / whole)) + 1)
        survivors = np.minimum.accumulate(count[::-1])[::-1]
        gains.append(np.diff(np.interp(marks, clock, survivors)))
        spans.append(np.diff(marks))
    gained, span = np.concatenate(gains), np.concatenate(spans)
    apart = gained - gained.sum() / whole * span
    variance = float((apart * apart / span).sum()) / (len(span) - 3)
    return math.sqrt(1.2 * variance / whole)


def _per_event(scene: Scene, residual: _Residual, begin: float) -> dict[str, Interval]:
    """Units kept an event, for each counter that counted at least five since `begin` and with which the count rises."""
    first = np.searchsorted(residual.rows, np.searchsorted(scene.t, begin))
    rows = residual.rows[first:]
    gridded = grid(scene, rows)
    if gridded is None or len(gridded.edges) < 6 or len(scene.regimes.slices) > 1:
        return {}
    means = within(gridded, rows, residual.values[first:])
    out = {}
    for name in series.happenings(scene.roles.events):
        counter = by_block(scene, gridded, scene.frame.columns[name])
        steps = np.diff([counter, means, gridded.blocks.t])
        if counter[-1] - counter[0] >= FEWEST_EVENTS and moved_by(steps[0], steps[1], steps[2:].T):
            rate, error = line(counter, means)
            out[name] = Interval.around(rate, math.hypot(error, _chance([(counter, means)])))
    return out


def inherited(scene: Scene, judged: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Counts of everything leak when one of their classes does, unless their own residual denies it."""
    out = dict(judged)
    for whole in ("n_sockets", "num_fds", "process_open_fds"):
        if whole not in out or out[whole].verdict is Kind.LEAK:
            continue
        leaking = [(n, out[n]) for n in CLASSES[whole] if n in out and out[n].verdict is Kind.LEAK]
        for name, part in leaking[:1]:
            own = out[whole].rate
            if part.rate and own and own.high >= part.rate.low:
                reason = f"{name}, a part of it, leaks: {part.reason}"
                out[whole] = replace(
                    out[whole], verdict=Kind.LEAK, reason=reason, rate=part.rate, onset=part.onset, score=part.score
                )
    return out
