"""One run of the recorder: which process is followed, from its start to its end, and which one after it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relengtools.errors import Attempts, RelengError, printable
from relengtools.leaks import cgroup, ending, limits, services, target
from relengtools.leaks.clock import Clock, SystemClock, rest, ticks
from relengtools.leaks.journal import Journal
from relengtools.leaks.process import ProcessGone, Reader, attach
from relengtools.leaks.recording import Kept, Moment, Recording
from relengtools.leaks.sampler import Sampler
from relengtools.leaks.settings import Settings
from relengtools.leaks.target import By, Selector
from relengtools.leaks.tree import TreeReader
from relengtools.leaks.units import duration

if TYPE_CHECKING:
    from relengtools.leaks.exposition import Endpoint

# How soon to look for the next process.
RETRY_S = 0.2
GRACE_S = 10.0
ENDED = "the process ended"


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
    journal: Journal = field(init=False)
    sampler: Sampler = field(init=False)
    regimes: int = 0
    groups: list[Path] = field(default_factory=list)
    killed: int = 0
    started: float = 0.0
    followed: float = 0.0
    child: "subprocess.Popen[bytes] | None" = None
    ended: str = ""

    def __post_init__(self) -> None:
        commit = self.commit or self.recording.keep
        self.journal = Journal(self.recording, self.clock, self.notify, commit, self.settings.durable)
        self.begun = self.journal.previous
        self.sampler = Sampler(
            self.settings, self.recording, self.journal, self.endpoint, self.pprof, self.proc, self.begun
        )
        duration = self.settings.duration
        self.end = self.begun.mono + duration if duration is not None else inf
        self.recording.begin_run(self.begun, self.settings.interval)

    @property
    def endless(self) -> bool:
        """Whether a next process is waited for."""
        return self.wanted.endless and not self.settings.once

    # -- the life of a run

    def watch(self, pid: int | None) -> Outcome:
        """Follow the process, and the next one where the selector goes on."""
        reason = ""
        while not reason:
            if pid is None:
                pid = self.await_next()
            reason = self.follow(pid) if pid is not None else self.clock.stop or "end of the duration"
            if reason == ENDED and self.endless:
                reason, pid = "", None
                rest(self.clock, self.clock.now().mono + RETRY_S)
        return self.outcome(self.ended or reason if reason == ENDED else reason)

    def await_next(self) -> int | None:
        """The pid of the next process that the selector means, None when the run ends before there is one."""
        self.notify(f"waiting for {self.wanted.text}")
        # Two at a time are normal while a service restarts, and a reason to wait in vain later on.
        told_from = self.clock.now().mono + GRACE_S
        while not self.clock.stop and self.clock.now().mono < self.end:
            self.journal.flush()
            before = time.perf_counter()
            found: list[target.Candidate] = []
            # A pid file that is half written, a systemd that restarts itself: at the start that'd be a reason to end.
            with Attempts(lambda line: self.journal.trouble("target", line)):
                found = target.find(self.wanted, self.proc)
            if len(found) == 1:
                return found[0].pid
            if len(found) > 1 and self.clock.now().mono > told_from:
                which = target.ambiguous(self.wanted, found, names=not self.settings.redact)
                self.journal.trouble("target", f"{which}; waiting for a single one")
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
        samples, late, missed = self.sampler.samples, self.journal.late, self.journal.missed
        self.journal.tell_missed()
        self.recording.event(now, "end", reason)
        self.recording.end_run(now, reason, samples, late, missed)
        if self.endpoint:
            self.endpoint.close()
        return Outcome(
            path=str(self.recording.path),
            samples=samples,
            missed=missed,
            late=late,
            gaps=self.journal.gaps,
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
            refused = f"process {pid}: not permitted; {target.more_rights()}"
            if not self.regimes or not self.endless:
                raise RelengError(refused) from None
            self.journal.trouble("target", refused)
            return ENDED
        watched = pidfd(pid)
        try:
            self.begin(pid, reader)
            for tick in ticks(self.clock, self.settings.interval, self.end, watched):
                self.journal.account(tick.late_s, tick.missed)
                self.sample(pid, tick.now)
            if not self.clock.stop:
                rest(self.clock, self.end, watched)
            self.sampler.detail_due = 0.0
            self.sample(pid, self.clock.now(), last=True)
            return self.clock.stop or "end of the duration"
        except ProcessGone:
            self.note_end(pid, self.clock.now())
            return ENDED
        finally:
            reader.close()
            if watched is not None:
                os.close(watched)

    def sample(self, pid: int, now: Moment, last: bool = False) -> None:
        """One sample, and tell how it goes."""
        base = self.sampler.sample(pid, now, last)
        elapsed, rss = self.journal.previous.mono - self.begun.mono, base.rss_pages * limits.PAGE
        self.progress(Progress(self.sampler.samples, elapsed, rss, base.fds))

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
        return TreeReader(reader, pid, self.proc) if self.settings.children else reader

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
        if self.wanted.by is By.UNIT:
            self.note_restarts()
        self.notify(f"recording {printable(build.name)} (pid {pid}) to {self.recording.path}")
        self.regimes += 1
        self.journal.recovered("target")
        self.sampler.begin(reader, build.max_fds)
        self.groups = list(cgroup.folders(pid, "memory", self.proc))[:1]
        self.killed = limits.oom_kills(self.groups)

    def note_restarts(self) -> None:
        """How often systemd has started the unit again, where it tells."""
        with Attempts(lambda line: None):
            if unit := services.unit(self.wanted.value):
                self.recording.event(self.clock.now(), "unit", f"{self.wanted.value}: restarted {unit.restarts} times")


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
