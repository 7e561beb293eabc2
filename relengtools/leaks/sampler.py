"""What is read of one process, and when.

It is sampled in two tiers. The base tier is a row at every interval. The detail tier adds to such a row, under its id
and at once, the target's own metrics and a scan of its descriptors: at every interval at first, then ever rarer as the
run gets older, down to once a minute, and never so often that it costs more than a small part of a core.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from relengtools.errors import printable
from relengtools.leaks import descriptors, limits, target
from relengtools.leaks.clock import Retry
from relengtools.leaks.journal import GROUP_S, MISSED_EVERY, Journal
from relengtools.leaks.process import Base, Reader
from relengtools.leaks.profiler import Profiler
from relengtools.leaks.recording import Moment, Recording, Worker
from relengtools.leaks.redaction import Mask
from relengtools.leaks.settings import DETAIL_SLOWEST, Settings
from relengtools.leaks.tree import TreeReader

if TYPE_CHECKING:
    from relengtools.leaks.exposition import Endpoint

# The detail tier: so many rows in the first stretch, then ever rarer.
DETAIL_ROWS = 200
# A detail row may cost this part of a core at most.
DETAIL_SHARE = 1 / 100
# smaps_rollup makes the target wait: at most that often, at most this part of the time, and not for a large one.
SMAPS_EVERY = 600.0
SMAPS_SHARE = 1 / 10_000
SMAPS_MOST_BYTES = 1 << 30
# Parts of a limit at which it is told, and all is looked at, at once.
ALARMS = (0.9, 0.8)


@dataclass(slots=True)
class Sampler:
    """The state of what is read: some of it lasts for the run, `begin` forgets the rest."""

    settings: Settings
    recording: Recording
    journal: Journal
    endpoint: "Endpoint | None"
    pprof: str | None
    proc: Path
    begun: Moment
    samples: int = 0
    detail_cost: float = 0.0
    mask: Mask | None = None
    reader: Reader = field(init=False)
    max_fds: int | None = None
    scan: descriptors.Scan = descriptors.NOTHING
    connection: descriptors.Connection | None = None
    scrape_retry: Retry = field(default_factory=Retry)
    profiler: Profiler | None = None
    alarmed: set[tuple[str, float]] = field(default_factory=set)
    detail_due: float = 0.0
    limits_due: float = 0.0
    smaps_due: float = 0.0
    tree: TreeReader | None = None
    tree_said: tuple[int, int] = (0, 0)
    tree_due: float = 0.0

    def __post_init__(self) -> None:
        self.mask = Mask() if self.settings.redact else None

    def begin(self, reader: Reader, max_fds: int | None) -> None:
        """From here on it is another process, or the same one after a pause."""
        self.reader, self.max_fds = reader, max_fds
        self.tree = reader if isinstance(reader, TreeReader) else None
        self.tree_said = (0, 0)
        self.scan, self.connection = descriptors.NOTHING, None
        self.detail_due = self.limits_due = self.smaps_due = 0.0
        self.scrape_retry = Retry()
        tier = self.settings.tier
        self.profiler = Profiler(self.pprof, tier.kinds, tier.profiles) if self.pprof else None
        self.alarmed.clear()

    def sample(self, pid: int, now: Moment, last: bool = False) -> Base:
        """A base row, and under its id what else is due; raises ProcessGone."""
        base = self.without_own(self.reader.sample())
        self.journal.note_clocks(now)
        number = self.recording.add(now, base) if self.journal.has_room(now) else None
        if number is None:
            self.journal.miss(1)
            self.journal.trouble("samples", "they have waited for the disk for too long; from now on they are dropped")
        else:
            self.journal.recovered("samples")
            self.samples += 1
            self.alarm("num_fds", base.fds, self.max_fds, now)
            if now.mono >= self.limits_due:
                self.levels(pid, base, now)
            if now.mono >= self.detail_due:
                self.detail(number, pid, now)
            self.profile(base, now, last)
        if last or self.settings.interval >= 2 * GROUP_S or self.journal.group_is_full(now):
            self.journal.flush()
        self.account_children(now)
        return base

    def without_own(self, base: Base) -> Base:
        """Leave the recorder's own connection out, as long as it's the one that the last scan met."""
        own = self.scan.counts.own
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
        light = self.settings.tier.detail > DETAIL_SLOWEST
        every = max(self.settings.tier.detail if light else min(age / DETAIL_ROWS, DETAIL_SLOWEST), cost / DETAIL_SHARE)
        # Half an interval less, for a tick that comes a little early.
        self.detail_due = now.mono + every - self.settings.interval / 2

    def workers(self, tree: TreeReader) -> Iterator[tuple[Worker, Base]]:
        """The children there are now."""
        for pid, reader in tree.readers.items():
            if base := tree.last.get(pid):
                identity = target.Target("", pid, reader.start_ticks)
                yield Worker(pid, reader.start_ticks, target.started(identity, self.proc), tree.names[pid]), base

    def alarm(self, name: str, used: int | None, most: int | None, now: Moment) -> None:
        """Once a limit is near, look at everything at once: soon nothing may be left to look at."""
        if not used or not most or used < ALARMS[-1] * most:
            return
        part = next(part for part in ALARMS if used >= part * most)
        if (name, part) in self.alarmed:
            return
        self.alarmed.update((name, each) for each in ALARMS if each <= part)
        self.recording.event(now, "limit", f"{name}: {used} is {part:.0%} of {most}")
        self.journal.notify(f"{name} is at {part:.0%} of its limit ({used} of {most})")
        self.detail_due = 0.0
        if self.profiler:
            self.profiler.due = 0.0

    def levels(self, pid: int, base: Base, now: Moment) -> None:
        """How near the limits are."""
        self.limits_due = now.mono + self.settings.tier.limits - self.settings.interval / 2
        self.max_fds = target.max_fds(pid, self.proc)
        found = limits.read(pid, base.fds, self.max_fds, self.proc)
        for each in found:
            self.alarm(each.name, each.used, each.most, now)
        self.recording.add_levels(now, found)
        small = base.rss_pages * limits.PAGE < SMAPS_MOST_BYTES
        if self.settings.tier.smaps and small and now.mono >= self.smaps_due:
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
            self.journal.trouble("metrics", f"{self.endpoint.url}: {error}")
            return
        if self.profiler and "go_goroutines" in values:
            self.profiler.seen["goroutines"] = values["go_goroutines"]
        left_out = self.recording.add_scrape(number, values, time.monotonic() - begun)
        self.scrape_retry = Retry()
        if twice:
            shown = printable(twice[0])[:120]
            self.journal.trouble("metrics", f"{self.endpoint.url}: served twice and left out: {shown}")
        elif left_out:
            self.journal.trouble("metrics", f"{self.endpoint.url}: {left_out} series are more than a recording holds")
        else:
            self.journal.recovered("metrics")

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
            self.journal.trouble("descriptors", f"what they are is not permitted to see; {target.more_rights()}")
            return
        cost = time.thread_time() - before
        changed = descriptors.change(self.scan, found)
        shown = self.mask.change(changed) if self.mask else changed
        self.recording.add_scan(number, found.counts, shown, cost, first=self.scan is descriptors.NOTHING)
        self.recording.add_silence(self.journal.previous, descriptors.silence(found))
        self.scan = found._replace(silent={})
        self.journal.recovered("descriptors")

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
            self.journal.recovered("profile")
        except ScrapeError as error:
            self.journal.trouble("profile", f"{self.pprof}: {error}")

    def account_children(self, now: Moment) -> None:
        """Note, at most once a minute, how many children came and ended: a pool that recycles, or one that grows."""
        if self.tree is None or now.mono < self.tree_due or self.tree_said == (self.tree.came, self.tree.ended):
            return
        came, ended = self.tree.came - self.tree_said[0], self.tree.ended - self.tree_said[1]
        self.recording.event(now, "children", f"{came} came, {ended} ended, {len(self.tree.readers)} there")
        self.tree_said = (self.tree.came, self.tree.ended)
        self.tree_due = now.mono + MISSED_EVERY
