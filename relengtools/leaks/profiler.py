"""When a Go program's profiles are taken: at the start, rarely, when something has grown, near a limit, at the end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from relengtools.leaks.clock import Retry
from relengtools.leaks.process import Base

# Of Go 1.27 on, where that was built in; it makes the target collect garbage.
WHERE_SERVED = ("goroutineleak",)
# What is larger by this part, and by so much at least, than at the last profile has grown: a profile, at most so often.
GROWN_PART = 0.25
GROWN_LEAST = {"fds": 50, "threads": 20, "anon_kb": 16 << 10, "goroutines": 50}
GROWN_EVERY = 600.0


@dataclass(slots=True)
class Profiler:
    """One process: its pprof URL, the kinds that are wanted, and how often (seconds; inf: growth doesn't count)."""

    url: str
    kinds: tuple[str, ...]
    every: float
    due: float = 0.0
    retry: Retry = field(default_factory=Retry)
    taken: float = -inf
    seen: dict[str, float] = field(default_factory=dict)
    then: dict[str, float] = field(default_factory=dict)
    unserved: set[str] = field(default_factory=set)

    def look(self, base: Base) -> None:
        """Take note of how much is there."""
        told = {"fds": base.fds, "threads": base.threads, "anon_kb": base.anon_kb}
        self.seen.update({name: value for name, value in told.items() if value is not None})

    def growth(self, now: float) -> str:
        """What there is much more of than at the last profile, so that one is due; "" for nothing."""
        if now < self.taken + GROWN_EVERY or now < self.retry.due or self.every == inf:
            return ""
        name = grown(self.then, self.seen)
        if not name:
            return ""
        self.due = 0.0
        return f"{name}: {self.then[name]:.0f} to {self.seen[name]:.0f}"

    def is_due(self, now: float, last: bool) -> bool:
        """Whether to ask now."""
        return (now >= self.due or last) and now >= self.retry.due

    def take(self, now: float, interval: float, patience: float) -> Iterator[tuple[str, bytes]]:
        """Kind and data of each profile; raises ScrapeError, and then is asked again later."""
        from relengtools.leaks.exposition import NotServedError, profile

        self.retry.failed(now, interval)
        for kind in self.kinds:
            if kind in self.unserved:
                continue
            try:
                yield kind, profile(self.url, kind, patience)
            except NotServedError:
                if kind not in WHERE_SERVED:
                    raise
                self.unserved.add(kind)
        self.due, self.retry = now + self.every, Retry()
        self.taken, self.then = now, dict(self.seen)


def grown(before: Mapping[str, float], now: Mapping[str, float]) -> str:
    """What has grown much, "" for nothing; what was not there before has not."""
    most = {name: max(value * (1 + GROWN_PART), value + GROWN_LEAST[name]) for name, value in before.items()}
    return next((name for name, value in now.items() if value >= most.get(name, inf)), "")
