"""What is said of one metric, and its JSON: finite numbers or null, never NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The closed set of verdicts."""

    LEAK = "leak"
    LOAD = "load"
    STABLE = "stable"
    WARMUP = "warmup"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Learnt:
    """An accounting identity as it is reported: the residual at both ends, in units of the count."""

    intercept: float
    terms: Mapping[str, int]
    residual_first: float
    residual_last: float


SURE = 2.0
"""Standard errors to either side that hold 95 of 100: Student's t of 60 degrees of freedom, as 64 blocks leave them."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A rate with its 95 % interval."""

    rate: float
    low: float
    high: float

    @classmethod
    def around(cls, rate: float, error: float) -> Interval:
        """The interval of a rate that has a standard error."""
        return cls(rate, rate - SURE * error, rate + SURE * error)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one metric. Rates are in its unit a second, `onset` is unix time, `score` above 1 says leak."""

    verdict: Kind
    reason: str
    score: float = 0.0
    rate: Interval | None = None
    raw_rate: float | None = None
    onset: float | None = None
    adjusted_for: tuple[str, ...] = ()
    identity: Learnt | None = None
    per_event: Mapping[str, Interval] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The object of the design, one metric."""
        rate = self.rate or Interval(math.nan, math.nan, math.nan)
        return {
            "verdict": self.verdict.value,
            "rate_per_s": finite(rate.rate),
            "ci_low": finite(rate.low),
            "ci_high": finite(rate.high),
            "score": finite(self.score) or 0.0,
            "onset": finite(self.onset),
            "reason": self.reason,
            "raw_rate_per_s": finite(self.raw_rate),
            "adjusted_for": list(self.adjusted_for),
            "identity": self.identity and _identity(self.identity),
            "per_event": {
                name: {"rate": finite(r.rate), "ci_low": finite(r.low), "ci_high": finite(r.high)}
                for name, r in self.per_event.items()
            },
        }


def _identity(learnt: Learnt) -> dict[str, Any]:
    return {
        "intercept": finite(learnt.intercept),
        "terms": dict(learnt.terms),
        "residual_first": finite(learnt.residual_first),
        "residual_last": finite(learnt.residual_last),
    }


def finite(number: float | None) -> float | None:
    """The number, or None for what JSON can't hold."""
    return float(number) if number is not None and math.isfinite(number) else None
