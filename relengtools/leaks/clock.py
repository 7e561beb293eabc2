"""When to sample: an absolute schedule, clocks, what ends the wait early, and when to try again what failed."""

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from types import FrameType
from typing import NamedTuple, Protocol

from relengtools.leaks.recording.write import Moment

RETRY_SLOWEST = 60.0
# What select(2), which waits by the microsecond, takes at most.
FD_SETSIZE = 1024


class Clock(Protocol):
    """Time as the schedule sees it; `stop` says why to end, and is empty until then."""

    stop: str

    def now(self) -> Moment:
        """This moment by all clocks."""

    def wait(self, seconds: float, watched: int | None = None) -> bool:
        """Sleep; whether that was cut short, by a reason to stop or because the descriptor `watched` is readable."""


class SystemClock:
    """The clocks of the system; a signal ends the sleep through a pipe, so that none is lost before the sleep."""

    def __init__(self, beat: Callable[[], None] = lambda: None, every: float = inf) -> None:
        self.stop = ""
        self.signal = 0
        self.beat, self.every, self.beaten = beat, every, -inf
        self.woken, self.waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) if hasattr(os, "pipe2") else os.pipe()
        self.boot_clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now(self) -> Moment:
        """This moment by all clocks."""
        return Moment(time.time(), time.monotonic(), time.clock_gettime(self.boot_clock))

    def wait(self, seconds: float, watched: int | None = None) -> bool:
        """Sleep, and say whether the sleep was cut short; beats every so often, so a watchdog knows that we live."""
        if self.every == inf:
            return self.sleep(seconds, watched)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > self.every:
            if self.sleep(self.beating(self.every), watched):
                return True
        return self.sleep(self.beating(left), watched)

    def beating(self, seconds: float) -> float:
        if time.monotonic() - self.beaten >= self.every / 2:
            self.beaten = time.monotonic()
            self.beat()
        return seconds

    def sleep(self, seconds: float, watched: int | None) -> bool:
        fds = [fd for fd in (self.woken, watched) if fd is not None]
        if max(fds) < FD_SETSIZE:
            return bool(select.select(fds, (), (), max(seconds, 0))[0])
        # poll() counts in milliseconds, rounded up.
        poll = select.poll()
        for fd in fds:
            poll.register(fd, select.POLLIN)
        return bool(poll.poll(max(seconds, 0) * 1000))

    def ask_to_stop(self, number: int, frame: FrameType | None = None) -> None:
        """End the wait, because of signal `number`."""
        self.stop = f"stopped by {signal.Signals(number).name}"
        self.signal = number
        os.write(self.waker, b"\0")

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.woken)
        os.close(self.waker)


@contextmanager
def signalled(beat: Callable[[], None] = lambda: None, every: float = inf) -> Iterator[SystemClock]:
    """A clock that SIGINT, SIGTERM and SIGHUP stop, unless they are ignored (nohup) or we aren't in the main thread."""
    clock = SystemClock(beat, every)
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, clock.ask_to_stop)
    try:
        yield clock
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        clock.close()


class Tick(NamedTuple):
    """A moment to sample: now, how late that is, and how many before it were missed altogether."""

    now: Moment
    late_s: float
    missed: int


def ticks(clock: Clock, interval: float, end: float, watched: int | None = None) -> Iterator[Tick]:
    """A tick at every multiple of `interval` from now on, before `end` (monotonic), until the wait is cut short.

    The schedule is absolute: a late tick doesn't shift those after it; one whose successor is due is missed.
    """
    begin = clock.now().mono
    number = 0
    while (due := begin + number * interval) < end:
        while (late := (now := clock.now()).mono - due) < 0:
            if clock.wait(-late, watched):
                return
        if clock.stop:
            return
        missed = int(late / interval)
        yield Tick(now, late - missed * interval, missed)
        number += 1 + missed


def rest(clock: Clock, until: float, watched: int | None = None) -> bool:
    """Sleep until `until` (monotonic); whether that was cut short."""
    while not clock.stop and (left := until - clock.now().mono) > 0:
        if clock.wait(left, watched):
            return True
    return bool(clock.stop)


@dataclass(slots=True)
class Retry:
    """When to do again what failed (monotonic): after two intervals, then ever later, at the latest after a minute."""

    due: float = 0.0
    failures: int = 0

    def failed(self, now: float, interval: float) -> None:
        """Count one more failure."""
        self.failures += 1
        self.due = now + min(RETRY_SLOWEST, interval * 2.0 ** min(self.failures, 20))
