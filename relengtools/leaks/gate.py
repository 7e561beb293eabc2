"""Verdicts → pass or fail, for pipelines.

A gate that has a maximum is an equivalence test (Schuirmann 1987): the whole 95 % interval of the rate must be at or
below the maximum for a pass. So for each metric there are three answers:

- *leak*: it leaks, and it isn't shown that it leaks no faster than the maximum;
- *insufficient*: no leak is shown, and neither is its absence (or, with a maximum, the interval reaches above it);
- *pass*: anything else, a leak that is surely slower than its maximum included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from relengtools.errors import RelengError
from relengtools.findings import Finding, Location, Rule
from relengtools.leaks.exhaustion import sentence
from relengtools.leaks.units import is_bytes, per_time, with_interval


class Outcome(StrEnum):
    """What the gate says of one metric."""

    LEAK = "leak"
    INSUFFICIENT = "insufficient"
    PASS = "pass"  # noqa: S105  no password


LEAK = Rule(
    "RL101",
    "leak",
    "A resource of the process leaks.",
    "What grows for good ends at a limit: descriptors are refused, memory is taken by the kernel from this process or "
    "from another. A restart only puts it off.",
    "num_fds leaks +450/h (+426/h to +473/h): 108 came within 14 min beyond tcp_established and stayed",
    "None: `relengtools leaks report` shows which class of descriptors or which goroutine grows.",
)
UNDECIDED = Rule(
    "RL102",
    "no-answer",
    "Neither a leak nor its absence is shown yet; a finding with --fail-on insufficient alone.",
    "A soak test that was too short to see the leak that it is for passes whatever leaks.",
    "num_fds can't be told yet: 40 samples in 39 s prove neither a leak nor its absence",
    "None: record for longer, or with --metrics; `relengtools leaks plan` tells how long it takes.",
)
RULES = (LEAK, UNDECIDED)
_RULES = {Outcome.LEAK: LEAK, Outcome.INSUFFICIENT: UNDECIDED}


@dataclass(frozen=True, slots=True)
class Ruling:
    """The gate's answer on one metric; `verdict` is the JSON object of its analysis, `most` a rate a second."""

    metric: str
    outcome: Outcome
    message: str
    verdict: Mapping[str, Any]
    most: float | None


def in_unit(metric: str, value: tuple[float, bool]) -> float:
    """A number that was given for `metric`; raises RelengError if it's in bytes and the metric isn't."""
    number, in_bytes = value
    if in_bytes and not is_bytes(metric):
        raise RelengError(f"{metric} is not in bytes: give its limit as a plain number")
    return number


def rule(metrics: Mapping[str, Mapping[str, Any]], decisive: Sequence[str], most: Mapping[str, float]) -> list[Ruling]:
    """Judge the `decisive` ones of the analysed `metrics` by the rates a second that are allowed at `most`."""
    return [_ruling(metric, metrics[metric], most.get(metric)) for metric in decisive]


def _ruling(metric: str, verdict: Mapping[str, Any], most: float | None) -> Ruling:
    high = verdict["ci_high"]
    within = most is not None and high is not None and high <= most
    allowed = "" if most is None else f"at most {per_time(metric, most)} is allowed, "
    if verdict["verdict"] == "leak":
        if within:
            message = f"{allowed}and it surely leaks no faster"
            return Ruling(metric, Outcome.PASS, message, verdict, most)
        return Ruling(metric, Outcome.LEAK, f"{allowed}{verdict['reason']}", verdict, most)
    if verdict["verdict"] == "insufficient" if most is None else not within:
        reach = "" if most is None else "not shown yet: "
        return Ruling(metric, Outcome.INSUFFICIENT, f"{allowed}{reach}{verdict['reason']}", verdict, most)
    return Ruling(metric, Outcome.PASS, f"{allowed}{verdict['reason']}", verdict, most)


def judged(rulings: Sequence[Ruling]) -> bool:
    """Whether anything could be judged at all: a gate that saw nothing must not open."""
    return any(r.verdict["ci_high"] is not None for r in rulings)


def closing(rulings: Sequence[Ruling], *, strict: bool) -> list[Ruling]:
    """What leaks, for which the gate closes; `strict` also wants each metric shown not to."""
    closed = {Outcome.LEAK, Outcome.INSUFFICIENT} if strict else {Outcome.LEAK}
    return [r for r in rulings if r.outcome in closed]


def findings(file: str, rulings: Sequence[Ruling], limited: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """A finding for each of the `rulings`, noting the limits (exhaustion.limits) that the metric meets."""
    return [
        Finding(_RULES[r.outcome], _message(r), Location(file), note=_meets(r.metric, limited), subject=r.metric)
        for r in rulings
    ]


def _message(ruling: Ruling) -> str:
    verdict = ruling.verdict
    rate = with_interval(ruling.metric, verdict["rate_per_s"], verdict["ci_low"], verdict["ci_high"])
    said = f"leaks {rate}" if ruling.outcome is Outcome.LEAK else "can't be told yet"
    return f"{ruling.metric} {said.rstrip()}: {ruling.message}"


def _meets(metric: str, limited: Sequence[Mapping[str, Any]]) -> str | None:
    met = [sentence(limit) for limit in limited if limit["metric"] == metric and limit["seconds_low"] is not None]
    return "; ".join(met) or None


def as_json(analysis: Mapping[str, Any], rulings: Sequence[Ruling], *, strict: bool) -> dict[str, Any]:
    """One object a file: whether it passes, what was found, and the verdicts that decided."""
    return {
        **{key: analysis[key] for key in ("file", "observed_s", "regimes")},
        "passed": not closing(rulings, strict=strict),
        "findings": [
            {
                "metric": r.metric,
                "outcome": r.outcome.value,
                "message": r.message,
                **{key: r.verdict[key] for key in ("verdict", "rate_per_s", "ci_low", "ci_high", "onset")},
                "max_rate_per_s": r.most,
            }
            for r in rulings
            if r.outcome is not Outcome.PASS
        ],
        "metrics": {r.metric: dict(r.verdict) for r in rulings},
    }
