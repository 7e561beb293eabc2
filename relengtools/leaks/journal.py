"""What is noted of a run beside its samples: gaps, late and missed samples, the clocks, and that all is written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from relengtools.leaks.clock import Clock
from relengtools.leaks.recording import Kept, Moment, Recording

LATE_S = 0.1
# Missed samples are told of together, at most once in so many seconds.
MISSED_EVERY = 60.0
# Rows below 10 s intervals are committed in groups: of so many seconds, or of so many rows.
GROUP_S = 5.0
GROUP_ROWS = 10_000
# While nothing can be written, samples wait in memory for so long.
WAIT_S = 600.0


@dataclass(slots=True)
class Journal:
    """The notes of one run; `durable`: no sample waits for others."""

    recording: Recording
    clock: Clock
    notify: Callable[[str], None]
    commit: Callable[[Moment], Kept]
    durable: bool
    previous: Moment = field(init=False)
    flushed: float = field(init=False)
    late: int = 0
    missed: int = 0
    missed_unsaid: int = 0
    missed_due: float = 0.0
    gaps: int = 0
    troubles: dict[str, str] = field(default_factory=dict)
    stuck_since: float = inf

    def __post_init__(self) -> None:
        self.previous = self.clock.now()
        self.flushed = self.previous.mono

    def account(self, late_s: float, missed: int) -> None:
        """Count what came late and what was missed before it."""
        if late_s > LATE_S:
            self.late += 1
        self.miss(missed)
        if self.missed_unsaid and self.clock.now().mono >= self.missed_due:
            self.tell_missed()

    def tell_missed(self) -> None:
        """Note what was missed since that was last told."""
        now = self.clock.now()
        if self.missed_unsaid:
            self.recording.event(now, "missed", f"{self.missed_unsaid} sample{'s' * (self.missed_unsaid != 1)}")
        self.missed_unsaid, self.missed_due = 0, now.mono + MISSED_EVERY

    def miss(self, count: int) -> None:
        """Count samples that are not there."""
        self.missed += count
        self.missed_unsaid += count

    def has_room(self, now: Moment) -> bool:
        """Whether a sample may still wait in memory."""
        return now.mono - self.stuck_since < WAIT_S

    def group_is_full(self, now: Moment) -> bool:
        """Whether what waits is to be written now."""
        if self.durable:
            return True
        many = len(self.recording.pending) >= GROUP_ROWS and "recording" not in self.troubles
        return many or now.mono - self.flushed >= GROUP_S

    def trouble(self, topic: str, reason: str) -> None:
        """Note a gap once, when it begins or its reason changes."""
        if self.troubles.get(topic) == reason:
            return
        self.troubles[topic] = reason
        self.gaps += 1
        self.recording.event(self.clock.now(), "gap", f"{topic}: {reason}")
        self.notify(f"{topic}: {reason}; the recording goes on")

    def recovered(self, topic: str) -> None:
        """Note the end of a gap."""
        if self.troubles.pop(topic, None) is not None:
            self.recording.event(self.clock.now(), "resumed", topic)
            self.notify(f"{topic}: as it should be again")

    def note_clocks(self, now: Moment) -> None:
        """Note a suspension, and a step of the wall clock."""
        mono = now.mono - self.previous.mono
        suspended = now.boot - self.previous.boot - mono
        stepped = now.wall - self.previous.wall - (now.boot - self.previous.boot)
        self.previous = now
        if suspended >= 1:
            self.recording.event(now, "clock", f"suspended for {suspended:.1f} s")
        if abs(stepped) >= 1:
            self.recording.event(now, "clock", f"the wall clock stepped by {stepped:+.1f} s")

    def flush(self) -> None:
        """Have all that waits written, and note what could not be."""
        now = self.clock.now()
        self.flushed = now.mono
        for topic, failure in self.commit(now).items():
            if failure:
                self.trouble(topic, f"{failure}; rows wait in memory" if topic == "recording" else failure)
            else:
                self.recovered(topic)
        self.stuck_since = min(self.stuck_since, now.mono) if "recording" in self.troubles else inf
