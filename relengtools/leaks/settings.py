"""How to record: what is asked for, and how often what costs more than a base row is read."""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

DAY = 86400.0
# The detail tier at its slowest: once in so many seconds.
DETAIL_SLOWEST = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How to record: seconds, and the URLs of the target's own endpoints."""

    interval: float = 10.0
    duration: float | None = 7 * DAY
    metrics: str | None = None
    pprof: str | None = None
    once: bool = False
    children: bool = False
    redact: bool = False
    durable: bool = False
    profile: str = "normal"

    @property
    def tier(self) -> "Tier":
        """The tier of the profile."""
        return TIERS[self.profile]


class Tier(NamedTuple):
    """How often what costs more than a base row is read, in seconds; inf: only at the start, at limits and the end."""

    detail: float
    limits: float
    profiles: float
    kinds: tuple[str, ...]
    smaps: bool


TIERS = {
    "light": Tier(3600.0, 3600.0, inf, ("goroutine",), False),
    "normal": Tier(DETAIL_SLOWEST, 300.0, 6 * 3600.0, ("goroutine",), False),
    "deep": Tier(DETAIL_SLOWEST, 60.0, 3600.0, ("goroutine", "heap", "goroutineleak"), True),
}
