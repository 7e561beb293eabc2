"""One run of the recorder: which process is followed, and what is read of it when.

A process is sampled in two tiers. The base tier is a row at every interval. The detail tier adds to such a row, under
its id and at once, the target's own metrics and a scan of its descriptors: at every interval at first, then ever rarer
as the run gets older, down to once a minute, and never so often that it costs more than a small part of a core.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.leaks import cgroup, descriptors, ending, limits, services, target
from relengtools.leaks.clock import Clock, Retry, SystemClock, rest, ticks
from relengtools.leaks.process import Base, ProcessGone, Reader, attach
from relengtools.leaks.profiler import Profiler
from relengtools.leaks.recording import Kept, Moment, Recording, Worker
from relengtools.leaks.redaction import Mask
from relengtools.leaks.target import By, Selector
from relengtools.leaks.tree import TreeReader
from relengtools.leaks.units import duration

if TYPE_CHECKING:
    from relengtools.leaks.exposition import Endpoint

DAY = 86400.0
# The detail tier: so many rows in the first stretch, then ever rarer, down to once in so many seconds.
DETAIL_ROWS = 200
DETAIL_SLOWEST = 60.0
# A detail row may cost this part of a core at most.
DETAIL_SHARE = 1 / 100
LATE_S = 0.1
# Missed samples are told of together, at most once in so many seconds.
MISSED_EVERY = 60.0
# How soon to look for the next process.
RETRY_S = 0.2
# Rows below 10 s intervals are committed in groups: of so many seconds, or of so many rows.
GROUP_S = 5.0
GROUP_ROWS = 10_000
GRACE_S = 10.0
ENDED = "the process ended"


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
# smaps_rollup makes the target wait: at most that often, at most this part of the time, and not for a large one.
SMAPS_EVERY = 600.0
SMAPS_SHARE = 1 / 10_000
SMAPS_MOST_BYTES = 1 << 30
# Parts of a limit at which it is told, and all is looked at, at once.
ALARMS = (0.9, 0.8)
# While nothing can be written, samples wait in memory for so long.
WAIT_S = 600.0


class Progress(NamedTuple):
    """For a terminal: where the recording stands."""

    samples: int
    elapsed_s: float
    rss_bytes: int
    num_fds: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was recorded, and why it ended; `exit_status` is a command's (negative: the signal that ended it)."""

    path: str
    samples: int
    missed: int
    late: int
    gaps: int
    regimes: int
    reason: str
    exit_status: int | None = None


@dataclass(slots=True)
class Recorder:
    """The state of one run."""

    wanted: Selector
    settings: Settings
    recording: Recording
    clock: Clock
    endpoint: "Endpoint | None"
    pprof: str | None
    notify: Callable[[str], None]
    progress: Callable[[Progress], None]
    proc: Path
    commit: Callable[[Moment], Kept] | None = None
    begun: Moment = field(init=False)
    end: float = field(init=False)
    previous: Moment = field(init=False)
    flushed: float = 0.0
    samples: int = 0
    missed: int = 0
    late: int = 0
    gaps: int = 0
    regimes: int = 0
    missed_unsaid: int = 0
    missed_due: float = 0.0
    detail_cost: float = 0.0
    troubles: dict[str, str] = field(default_factory=dict)
    scan: descriptors.Scan | None = None
    connection: descriptors.Connection | None = None
    detail_due: float = 0.0
    scrape_retry: Retry = field(default_factory=Retry)
    profiler: Profiler | None = None
    alarmed: set[tuple[str, float]] = field(default_factory=set)
    max_fds: int | None = None
    limits_due: float = 0.0
    smaps_due: float = 0.0
    stuck_since: float = inf
    groups: list[Path] = field(default_factory=list)
    killed: int = 0
    started: float = 0.0
    followed: float = 0.0
    child: "subprocess.Popen[bytes] | None" = None
    ended: str = ""
    mask: Mask | None = None
    tree: TreeReader | None = None
    tree_said: tuple[int, int] = (0, 0)
    tree_due: float = 0.0

    def __post_init__(self) -> None:
        self.begun = self.previous = self.clock.now()
        self.flushed = self.begun.mono
        self.mask = Mask() if self.settings.redact else None
        duration = self.settings.duration
        self.end = self.begun.mono + duration if duration is not None else inf
        self.recording.begin_run(self.begun, self.settings.interval)

    # -- the life of a run

    def watch(self, pid: int | None) -> Outcome:
        """Follow the process, and the next one where the selector goes on."""
        endless = self.wanted.endless and not self.settings.once
        reason = ""
        while not reason:
            if pid is None:
                pid = self.await_next()
            reason = self.follow(pid) if pid is not None else self.clock.stop or "end of the duration"
            if reason == ENDED and endless:
                reason, pid = "", None
                rest(self.clock, self.clock.now().mono + RETRY_S)
        return self.outcome(self.ended or reason if reason == ENDED else reason)

    def await_next(self) -> int | None:
        """The pid of the next process that the selector means, None when the run ends before there is one."""
        self.notify(f"waiting for {self.wanted.text}")
        # Two at a time are normal while a service restarts, and a reason to wait in vain later on.
        told_from = self.clock.now().mono + GRACE_S
        while not self.clock.stop and self.clock.now().mono < self.end:
            self.flush()
            before = time.perf_counter()
            found = target.find(self.wanted, self.proc)
            if len(found) == 1:
                self.recovered("target")
                return found[0].pid
            if len(found) > 1 and self.clock.now().mono > told_from:
                which = target.ambiguous(self.wanted, found, names=not self.settings.redact)
                self.trouble("target", f"{which}; waiting for a single one")
                told_from = inf
            cost = time.perf_counter() - before
            rest(self.clock, min(self.end, self.clock.now().mono + max(RETRY_S, 100 * cost)))
        return None

    def command(self) -> Outcome:
        """Start the command in a session of its own, follow it, and end it when the run ends before it does."""
        try:
            child = self.child = subprocess.Popen(self.wanted.command, start_new_session=True)
        except OSError as error:
            raise RelengError(f"{printable(self.wanted.command[0])}: {error.strerror}") from None
        try:
            reason = self.follow(child.pid)
        finally:
            end_child(child, self.clock)
        return self.outcome(self.ended or self.how_it_ended() if reason == ENDED else reason, child.returncode)

    def outcome(self, reason: str, exit_status: int | None = None) -> Outcome:
        now = self.clock.now()
        self.recording.event(now, "end", reason)
        self.recording.end_run(now, reason, self.samples, self.late, self.missed)
        if self.endpoint:
            self.endpoint.close()
        return Outcome(
            path=str(self.recording.path),
            samples=self.samples,
            missed=self.missed,
            late=self.late,
            gaps=self.gaps,
            regimes=self.regimes,
            reason=reason,
            exit_status=exit_status,
        )

    # -- one process

    def follow(self, pid: int) -> str:
        """Sample one process until it ends, or the run does; returns which."""
        self.ended = ""
        try:
            reader = self.attached(pid)
        except ProcessGone:
            return ENDED
        except PermissionError:
            raise RelengError(f"process {pid}: not permitted; {target.more_rights()}") from None
        watched = pidfd(pid)
        try:
            self.begin(pid, reader)
            for tick in ticks(self.clock, self.settings.interval, self.end, watched):
                self.account(tick.late_s, tick.missed)
                self.sample(pid, reader)
            if not self.clock.stop:
                rest(self.clock, self.end, watched)
            self.detail_due = 0.0
            self.sample(pid, reader, last=True)
            return self.clock.stop or "end of the duration"
        except ProcessGone:
            self.note_end(pid, self.clock.now())
            return ENDED
        finally:
            reader.close()
            if watched is not None:
                os.close(watched)

    def note_end(self, pid: int, now: Moment) -> None:
        """The process has ended: how, as far as is known, and after how long."""
        killed = self.by_whom(pid)
        self.ended = f"{self.how_it_ended()}; {killed}" if killed else self.how_it_ended()
        told = f"{self.ended}, after {duration(max(now.wall - self.started, 0))}"
        self.recording.end_process(now, told)
        self.recording.event(now, "process", told)
        if killed:
            self.recording.event(now, "killed", killed)
            self.notify(killed)

    def how_it_ended(self) -> str:
        """By which status or signal, where we are the parent and are told."""
        with suppress(subprocess.TimeoutExpired):
            return ending.of_command(self.child.wait(GRACE_S)) if self.child else ENDED
        return ENDED

    def by_whom(self, pid: int) -> str:
        """Whether the kernel killed it, as far as these rights tell."""
        if ending.killed_for_memory(pid, self.followed, ending.log()):
            return "the kernel killed it for want of memory"
        if limits.oom_kills(self.groups) > self.killed:
            return "the kernel killed a process of its control group for want of memory"
        return ""

    def attached(self, pid: int) -> Reader:
        """The reader of the process, or of all its tree; raises ProcessGone, PermissionError."""
        reader = attach(pid, self.proc)
        self.tree = TreeReader(reader, pid, self.proc) if self.settings.children else None
        self.tree_said = (0, 0)
        return self.tree or reader

    def begin(self, pid: int, reader: Reader) -> None:
        """A new regime, or the one that the recording ended with, going on."""
        identity = target.identify(pid, reader.start_ticks, self.proc)
        before = self.recording.before
        if self.wanted.by is By.PID and before not in (None, identity):
            raise RelengError(
                f"{self.recording.path}: was recorded of another process that had pid {pid}; choose another -o"
            )
        build = target.build(pid, self.proc)
        if self.wanted.by is By.COMMAND:
            # The kernel sets the name last of all that exec() does; we may be sooner.
            build = build._replace(name=printable(Path(self.wanted.command[0]).name))
        self.started, self.followed = target.started(identity, self.proc), self.clock.now().mono
        self.recording.begin_process(identity, build, self.started)
        self.recording.event(self.clock.now(), "process", f"{build.name} (pid {pid})")
        if self.wanted.by is By.UNIT and (unit := services.unit(self.wanted.value)):
            self.recording.event(self.clock.now(), "unit", f"{self.wanted.value}: restarted {unit.restarts} times")
        self.notify(f"recording {printable(build.name)} (pid {pid}) to {self.recording.path}")
        self.regimes += 1
        self.scan = self.connection = None
        self.detail_due = 0.0
        self.scrape_retry = Retry()
        self.profiler = Profiler(self.pprof, self.tier.kinds, self.tier.profiles) if self.pprof else None
        self.limits_due = self.smaps_due = 0.0
        self.alarmed.clear()
        self.max_fds = build.max_fds
        self.groups = list(cgroup.folders(pid, "memory", self.proc))[:1]
        self.killed = limits.oom_kills(self.groups)

    def account(self, late_s: float, missed: int) -> None:
        if late_s > LATE_S:
            self.late += 1
        self.miss(missed)
        if self.missed_unsaid and (now := self.clock.now()).mono >= self.missed_due:
            self.recording.event(now, "missed", f"{self.missed_unsaid} sample{'s' * (self.missed_unsaid != 1)}")
            self.missed_unsaid = 0
            self.missed_due = now.mono + MISSED_EVERY

    def account_children(self, now: Moment) -> None:
        """Note, at most once a minute, how many children came and ended: a pool that recycles, or one that grows."""
        if self.tree is None or now.mono < self.tree_due or self.tree_said == (self.tree.came, self.tree.ended):
            return
        came, ended = self.tree.came - self.tree_said[0], self.tree.ended - self.tree_said[1]
        self.recording.event(now, "children", f"{came} came, {ended} ended, {len(self.tree.readers)} there")
        self.tree_said = (self.tree.came, self.tree.ended)
        self.tree_due = now.mono + MISSED_EVERY

    def miss(self, count: int) -> None:
        self.missed += count
        self.missed_unsaid += count

    # -- one sample

    def sample(self, pid: int, reader: Reader, last: bool = False) -> None:
        """A base row, and under its id what else is due; raises ProcessGone."""
        now = self.clock.now()
        base = self.without_own(reader.sample())
        self.note_clocks(now)
        number = self.recording.add(now, base) if now.mono - self.stuck_since < WAIT_S else None
        if number is None:
            self.miss(1)
        else:
            self.samples += 1
            self.alarm("num_fds", base.fds, self.max_fds, now)
            if now.mono >= self.limits_due:
                self.levels(pid, base, now)
            if now.mono >= self.detail_due:
                self.detail(number, pid, now)
            self.profile(base, now, last)
        if last or self.settings.interval >= 2 * GROUP_S or self.group_is_full(now):
            self.flush()
        self.account_children(now)
        rss = base.rss_pages * limits.PAGE
        self.progress(Progress(self.samples, now.mono - self.begun.mono, rss, base.fds))

    def group_is_full(self, now: Moment) -> bool:
        if self.settings.durable:
            return True
        many = len(self.recording.pending) >= GROUP_ROWS and "recording" not in self.troubles
        return many or now.mono - self.flushed >= GROUP_S

    def without_own(self, base: Base) -> Base:
        """Leave the recorder's own connection out, as long as it's the one that the last scan met."""
        own = self.scan.counts.own if self.scan else 0
        if not own or base.fds is None or self.endpoint is None or self.endpoint.alive() != self.connection:
            return base
        return base._replace(fds=base.fds - own)

    def detail(self, number: int, pid: int, now: Moment) -> None:
        before = time.thread_time()
        self.scrape(number, now)
        self.descriptors(number, pid)
        if self.tree:
            self.recording.add_workers(now, number, dict(self.workers(self.tree)))
        # The lower of two: the first costs more than those after it.
        spent = time.thread_time() - before
        cost, self.detail_cost = min(spent, self.detail_cost), spent
        age = now.mono - self.begun.mono
        light = self.tier.detail > DETAIL_SLOWEST
        every = max(self.tier.detail if light else min(age / DETAIL_ROWS, DETAIL_SLOWEST), cost / DETAIL_SHARE)
        # Half an interval less, for a tick that comes a little early.
        self.detail_due = now.mono + every - self.settings.interval / 2

    def workers(self, tree: TreeReader) -> Iterator[tuple[Worker, Base]]:
        """The children there are now."""
        for pid, reader in tree.readers.items():
            if base := tree.last.get(pid):
                identity = target.Target("", pid, reader.start_ticks)
                yield Worker(pid, reader.start_ticks, target.started(identity, self.proc), tree.names[pid]), base

    @property
    def tier(self) -> Tier:
        return TIERS[self.settings.profile]

    def alarm(self, name: str, used: int | None, most: int | None, now: Moment) -> None:
        """Once a limit is near, look at everything at once: soon nothing may be left to look at."""
        if not used or not most or used < ALARMS[-1] * most:
            return
        part = next(part for part in ALARMS if used >= part * most)
        if (name, part) in self.alarmed:
            return
        self.alarmed.update((name, each) for each in ALARMS if each <= part)
        self.recording.event(now, "limit", f"{name}: {used} is {part:.0%} of {most}")
        self.notify(f"{name} is at {part:.0%} of its limit ({used} of {most})")
        self.detail_due = 0.0
        if self.profiler:
            self.profiler.due = 0.0

    def levels(self, pid: int, base: Base, now: Moment) -> None:
        """How near the limits are."""
        self.limits_due = now.mono + self.tier.limits - self.settings.interval / 2
        self.max_fds = target.max_fds(pid, self.proc)
        found = limits.read(pid, base.fds, self.max_fds, self.proc)
        for each in found:
            self.alarm(each.name, each.used, each.most, now)
        self.recording.add_levels(now, found)
        small = base.rss_pages * limits.PAGE < SMAPS_MOST_BYTES
        if self.tier.smaps and small and now.mono >= self.smaps_due:
            begun = time.perf_counter()
            self.recording.add_levels(now, limits.smaps(pid, self.proc))
            self.smaps_due = now.mono + max(SMAPS_EVERY, (time.perf_counter() - begun) / SMAPS_SHARE)

    def scrape(self, number: int, now: Moment) -> None:
        if self.endpoint is None or now.mono < self.scrape_retry.due:
            return
        from relengtools.leaks.exposition import ScrapeError, scrape

        begun = time.monotonic()
        try:
            values, twice = scrape(self.endpoint, self.patience())
        except ScrapeError as error:
            self.scrape_retry.failed(now.mono, self.settings.interval)
            self.trouble("metrics", f"{self.endpoint.url}: {error}")
            return
        if self.profiler and "go_goroutines" in values:
            self.profiler.seen["goroutines"] = values["go_goroutines"]
        left_out = self.recording.add_scrape(number, values, time.monotonic() - begun)
        self.scrape_retry = Retry()
        if twice:
            self.trouble("metrics", f"{self.endpoint.url}: served twice and left out: {printable(twice[0])[:120]}")
        elif left_out:
            self.trouble("metrics", f"{self.endpoint.url}: {left_out} series are more than a recording holds")
        else:
            self.recovered("metrics")

    def patience(self) -> float:
        return min(5.0, max(0.5, self.settings.interval / 2))

    def descriptors(self, number: int, pid: int) -> None:
        if not (self.proc / "self").exists():
            return
        self.connection = self.endpoint.alive() if self.endpoint else None
        before = time.thread_time()
        try:
            found = descriptors.scan(pid, self.scan, [self.connection] if self.connection else [], self.proc)
        except PermissionError:
            self.trouble("descriptors", f"what they are is not permitted to see; {target.more_rights()}")
            return
        cost = time.thread_time() - before
        changed = descriptors.change(self.scan, found)
        shown = self.mask.change(changed) if self.mask else changed
        self.recording.add_scan(number, found.counts, shown, cost, first=self.scan is None)
        self.scan = found
        self.recovered("descriptors")

    def profile(self, base: Base, now: Moment, last: bool) -> None:
        """The profiles that are due."""
        if (profiler := self.profiler) is None:
            return
        from relengtools.leaks.exposition import ScrapeError

        profiler.look(base)
        if growth := profiler.growth(now.mono):
            self.recording.event(now, "growth", f"{growth}, so a profile was asked for")
        if not profiler.is_due(now.mono, last):
            return
        try:
            for kind, data in profiler.take(now.mono, self.settings.interval, self.patience()):
                self.recording.add_profile(now, kind, data)
            self.recovered("profile")
        except ScrapeError as error:
            self.trouble("profile", f"{self.pprof}: {error}")

    # -- what is noted

    def trouble(self, topic: str, reason: str) -> None:
        """Note a gap once, when it begins or its reason changes."""
        if self.troubles.get(topic) == reason:
            return
        self.troubles[topic] = reason
        self.gaps += 1
        self.recording.event(self.clock.now(), "gap", f"{topic}: {reason}")
        self.notify(f"{topic}: {reason}; the recording goes on")

    def recovered(self, topic: str) -> None:
        if self.troubles.pop(topic, None) is not None:
            self.recording.event(self.clock.now(), "resumed", topic)

    def note_clocks(self, now: Moment) -> None:
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
        for topic, failure in (self.commit or self.recording.keep)(now).items():
            if failure:
                self.trouble(topic, f"{failure}; rows wait in memory" if topic == "recording" else failure)
            else:
                self.recovered(topic)
        self.stuck_since = min(self.stuck_since, now.mono) if "recording" in self.troubles else inf


def pidfd(pid: int) -> int | None:
    """A descriptor that is readable once the process has ended, where the system has that (Linux >= 5.3)."""
    with suppress(AttributeError, OSError):
        return os.pidfd_open(pid)
    return None


def end_child(child: "subprocess.Popen[bytes]", clock: Clock) -> None:
    """End the command and its session by the signal that we got (or SIGTERM), then by SIGKILL if that didn't help."""
    asked = clock.signal if isinstance(clock, SystemClock) and clock.signal else signal.SIGTERM
    for number, patience in ((asked, GRACE_S), (signal.SIGKILL, None)):
        if child.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)
