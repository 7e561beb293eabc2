"""Two recordings, before and after a change → how the rates differ, as intervals.

Each rate θ comes with a 95 % interval [l, u], lopsided as often as not: a mixture of models for memory, survivors and
the rule of three for counts, collections for the live heap. MOVER, the method of variance estimates recovery, makes
intervals of functions of two independent rates from just these numbers:

    θ₂ - θ₁:  L = d - √((θ₂ - l₂)² + (u₁ - θ₁)²),   U = d + √((u₂ - θ₂)² + (θ₁ - l₁)²)     (Zou & Donner 2008)
    θ₂ / θ₁:  the R at which θ₂ - R θ₁ has 0 as its limit:                                  (Donner & Zou 2012)
              R² k(2θ₁ - k) - 2R θ₁θ₂ + c(2θ₂ - c) = 0,  c = l₂ or u₂, k the limit of θ₁ that makes it widest

With symmetric limits of normal rates the ratio is Fieller's (1954); a bootstrap would need independent rows, which
neither recording has. Where l₁ <= 0 the ratio has no finite interval, and none is given: a change can't be said to
remove a share of what wasn't shown to be there. What isn't shown to leak has 0 inside its interval, often at its end;
of two such rates MOVER's difference excluded 0 in one pair of clean runs of eight. There the difference is that of
interval arithmetic, [l₂ - u₁, u₂ - l₁], which holds 0 too: "worse" needs a leak that is proven in AFTER.

The intervals are those of the analysis, which allow for chance and for what came unseen (counts, levels).

The rate per event is the rate over that of a counter which both recordings have: it allows for more traffic in one of
them. It is told for counters with which the metric rises more in one of the two, not of what merely grows too. Known
failures: the two rates are taken as independent, so one machine that slows both is not seen; a leak that only shows
under a load which AFTER didn't have is told removed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from relengtools.leaks import judge, report, series
from relengtools.leaks.series import Frame
from relengtools.leaks.verdict import Interval, Kind, Verdict, finite

FEWEST_EVENTS = 5
LONGEST = 30.0
"""More than so many times as long is no advice."""


class Outcome(StrEnum):
    """What became of one metric."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Rates:
    """Two rates, their difference and their ratio (None where it has no finite interval)."""

    before: Interval
    after: Interval
    difference: Interval
    ratio: Interval | None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one metric; `removed` is the share of the leak that is surely gone, `longer` seconds to record."""

    metric: str
    outcome: Outcome
    verdicts: tuple[Kind, Kind]
    rates: Rates | None
    removed: float | None
    longer: float | None
    per_event: Mapping[str, Rates]


@dataclass(frozen=True, slots=True)
class Side:
    """One recording: its analysis, and how often each of its counters counted, a second."""

    analysis: judge.Analysis
    events: Mapping[str, float]


def side(
    frame: Frame, *, load: tuple[str, ...] = (), events: tuple[str, ...] = (), metrics: tuple[str, ...] = ()
) -> Side:
    """Judge one recording; the names are as in `judge.analyze`."""
    counters = series.roles(frame, load, events, metrics).events
    analysis = judge.analyze(frame, load=load, events=events, metrics=metrics)
    rates = {name: _counted(frame.columns[name]) / (analysis.observed_s or math.inf) for name in counters}
    return Side(analysis, {name: rate for name, rate in rates.items() if rate * analysis.observed_s >= FEWEST_EVENTS})


def _counted(counter: series.FloatArray) -> float:
    """Events that a counter counted; it begins at 0 again with the process."""
    steps = np.diff(counter[np.isfinite(counter)])
    return float(steps[steps > 0].sum())


def compare(before: Side, after: Side, asked: Sequence[str] = ()) -> list[Change]:
    """Every metric that both recordings have: resources and what was `asked` for first, then the rest by name."""
    common = {n: v.as_json() for n, v in before.analysis.metrics.items() if n in after.analysis.metrics}
    first, rest = report.ordered(common, asked)
    return [_change(before, after, row["metric"]) for row in (*first, *rest)]


def worse(changes: Sequence[Change], asked: Sequence[str] = ()) -> bool:
    """Whether a resource, or what was `asked` for, leaks more than before."""
    decisive = set(report.resources((c.metric for c in changes), asked))
    return any(c.outcome is Outcome.WORSE for c in changes if c.metric in decisive)


def _change(before: Side, after: Side, metric: str) -> Change:
    verdicts = before.analysis.metrics[metric], after.analysis.metrics[metric]
    kinds = verdicts[0].verdict, verdicts[1].verdict
    first, second = map(_known, verdicts)
    if first is None or second is None:
        return Change(metric, Outcome.INSUFFICIENT, kinds, None, None, None, {})
    proven = Kind.LEAK in kinds
    rates = _rates(first, second, proven)
    outcome = _outcome(rates, kinds)
    ratio = rates.ratio
    leaked = kinds[0] is Kind.LEAK and outcome is Outcome.BETTER and ratio is not None
    return Change(
        metric=metric,
        outcome=outcome,
        verdicts=kinds,
        rates=rates,
        removed=min(1.0, 1 - ratio.high) if leaked and ratio and ratio.high < 1 else None,
        longer=_longer(rates, after.analysis.observed_s) if outcome is Outcome.INSUFFICIENT else None,
        per_event={
            name: _rates(_scaled(first, before.events[name]), _scaled(second, after.events[name]), proven)
            for name in dict.fromkeys(name for verdict in verdicts for name in verdict.per_event)
            if name in before.events and name in after.events
        },
    )


def _known(verdict: Verdict) -> Interval | None:
    """The rate if it's known with both ends of its interval."""
    rate = verdict.rate
    return rate if rate and all(map(math.isfinite, (rate.rate, rate.low, rate.high))) else None


def _outcome(rates: Rates, kinds: tuple[Kind, Kind]) -> Outcome:
    if rates.difference.high < 0:
        return Outcome.BETTER
    if rates.difference.low > 0:
        return Outcome.WORSE
    alike = Kind.INSUFFICIENT not in kinds and (kinds[0] is Kind.LEAK) == (kinds[1] is Kind.LEAK)
    return Outcome.SAME if alike else Outcome.INSUFFICIENT


def _rates(before: Interval, after: Interval, proven: bool) -> Rates:
    apart = difference(before, after) if proven else _extent(before, after)
    return Rates(before, after, apart, ratio(before, after))


def _extent(before: Interval, after: Interval) -> Interval:
    """All differences of rates within both intervals."""
    return Interval(after.rate - before.rate, after.low - before.high, after.high - before.low)


def difference(before: Interval, after: Interval) -> Interval:
    """after - before, by MOVER."""
    value = after.rate - before.rate
    low = value - math.hypot(after.rate - after.low, before.high - before.rate)
    return Interval(value, low, value + math.hypot(after.high - after.rate, before.rate - before.low))


def ratio(before: Interval, after: Interval) -> Interval | None:
    """after / before, by MOVER; None where the interval is not finite."""
    if before.low <= 0:
        return None
    low = _limit(before, after, after.low, before.high if after.low > 0 else before.low, -1)
    high = _limit(before, after, after.high, before.low if after.high > 0 else before.high, +1)
    value = after.rate / before.rate
    return Interval(value, low, high) if math.isfinite(low) and math.isfinite(high) else None


def _limit(before: Interval, after: Interval, limit: float, divisor: float, sign: int) -> float:
    """The root R of a R² - 2 b R + c = 0 on the side of `sign`."""
    a = divisor * (2 * before.rate - divisor)
    b = before.rate * after.rate
    c = limit * (2 * after.rate - limit)
    root = math.sqrt(max(0.0, b * b - a * c))
    if abs(a) > 1e-12 * before.rate**2:
        return (b + sign * root) / a
    return c / (2 * b) if b else math.inf


def _longer(rates: Rates, observed: float) -> float | None:
    """Seconds to add: the error of a slope falls with the time to the power of 3/2 where noise forgets; None if far."""
    value = rates.difference
    reach = value.high - value.rate if value.rate < 0 else value.rate - value.low
    times = (reach / abs(value.rate)) ** (2 / 3) if value.rate else math.inf
    return observed * (times - 1) if 1 < times <= LONGEST else None


def _scaled(rate: Interval, often: float) -> Interval:
    return Interval(rate.rate / often, rate.low / often, rate.high / often)


# ------------------------------------------------------------------------------------------------ JSON


def as_json(before: Side, after: Side, changes: Sequence[Change]) -> dict[str, Any]:
    """One object; rates are in the metric's own unit a second, `longer_s` is time to add to AFTER."""
    return {
        "before": {"file": before.analysis.source, "observed_s": before.analysis.observed_s},
        "after": {"file": after.analysis.source, "observed_s": after.analysis.observed_s},
        "metrics": {c.metric: _change_json(c) for c in changes},
    }


def _change_json(change: Change) -> dict[str, Any]:
    rates = _rates_json(change.rates)
    for name, kind in zip(("before", "after"), change.verdicts, strict=True):
        rates[name] = {"verdict": kind.value, **(rates[name] or _rate_json(None))}
    return {
        "outcome": change.outcome.value,
        **rates,
        "removed_at_least": change.removed,
        "longer_s": change.longer,
        "per_event": {name: _rates_json(each) for name, each in change.per_event.items()},
    }


def _rates_json(rates: Rates | None) -> dict[str, dict[str, Any] | None]:
    if rates is None:
        return dict.fromkeys(("before", "after", "difference", "ratio"))
    r = rates.ratio
    parts = {"before": rates.before, "after": rates.after, "difference": rates.difference}
    return {
        **{name: _rate_json(part) for name, part in parts.items()},
        "ratio": None if r is None else {"ratio": r.rate, "ci_low": r.low, "ci_high": r.high},
    }


def _rate_json(rate: Interval | None) -> dict[str, float | None]:
    numbers = (rate.rate, rate.low, rate.high) if rate else (None, None, None)
    return dict(zip(("rate_per_s", "ci_low", "ci_high"), map(finite, numbers), strict=True))
