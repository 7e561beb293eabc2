"""`leaks record`: from a selector to a recording, until something ends it."""

import gc
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from relengtools import __version__
from relengtools.errors import RelengError, printable
from relengtools.leaks import supervisor, target
from relengtools.leaks.clock import signalled
from relengtools.leaks.process import PROC
from relengtools.leaks.recorder import Outcome, Progress, Recorder
from relengtools.leaks.recording import Kept, Moment, Recording, Writer, open_for_writing
from relengtools.leaks.redaction import selector_text, url_text
from relengtools.leaks.settings import DAY, Settings
from relengtools.leaks.target import By, Selector

if TYPE_CHECKING:
    from relengtools.leaks.exposition import Endpoint

__all__ = ["Outcome", "Progress", "Settings", "run"]


# How long a commit is waited for, in seconds.
PATIENCE_S = 1.0


def check(settings: Settings) -> None:
    """Raise RelengError when the settings make no sense."""
    if not 0.01 <= settings.interval <= DAY:
        raise RelengError(f"--interval {settings.interval:g} s: choose between 10 ms and a day")
    for option, value in (("--metrics", settings.metrics), ("--pprof", settings.pprof)):
        if value == "":
            raise RelengError(f"{option} is empty; give its URL, or leave it out")
    if settings.duration is not None and not settings.interval <= settings.duration < inf:
        raise RelengError(f"--duration {settings.duration:g} s: choose from one interval ({settings.interval:g} s) up")


def run(
    wanted: Selector,
    output: str | Path | None,
    settings: Settings,
    *,
    notify: Callable[[str], None] = lambda line: None,
    progress: Callable[[Progress], None] = lambda progress: None,
    proc: Path = PROC,
) -> Outcome:
    """Record until the end of the process or the duration, or a signal; `notify` gets single lines for a person.

    Raises RelengError: there is no such process, it is ambiguous, the output is something else, a URL makes no sense;
    with `once` also where a process would have to be waited for.
    """
    check(settings)
    if output is not None and str(output) in ("", ".", "-"):
        raise RelengError(f"-o {str(output)!r} is no file; name one, such as soju.sqlite")
    endpoint, pprof = endpoints(settings)
    first = preflight(wanted, proc)
    if settings.once and first is None and wanted.by is not By.COMMAND:
        raise RelengError(f"{wanted.text}: no such process now; without --once it is waited for")
    path = Path(output) if output is not None else Path(default_name(wanted, first, proc))
    gc.set_threshold(700, 10, 10)  # Python's own again: what no start minds would stand there for months
    with (
        signalled(lambda: supervisor.tell("WATCHDOG=1"), supervisor.watchdog_s()) as clock,
        recording_at(path, wanted, settings, proc) as recording,
        committing(recording, settings) as commit,
    ):
        recorder = Recorder(wanted, settings, recording, clock, endpoint, pprof, notify, progress, proc, commit)
        supervisor.tell(f"READY=1\nSTATUS=recording {wanted.by} to {printable(str(path))}")
        outcome = recorder.command() if wanted.by is By.COMMAND else recorder.watch(first)
        supervisor.tell("STOPPING=1")
        return outcome


def endpoints(settings: Settings) -> "tuple[Endpoint | None, str | None]":
    """The target's own endpoints; raises RelengError when a URL can't be meant."""
    if not (settings.metrics or settings.pprof):
        return None, None
    from relengtools.leaks.exposition import Endpoint

    if settings.pprof:
        Endpoint(settings.pprof)
    return Endpoint(settings.metrics) if settings.metrics else None, settings.pprof


def preflight(wanted: Selector, proc: Path) -> int | None:
    """The pid to begin with, if there is one already; raises RelengError before anything is written."""
    if wanted.by is not By.COMMAND:
        return target.only(wanted, target.find(wanted, proc))
    if shutil.which(wanted.command[0]) is None:
        raise RelengError(f"{printable(wanted.command[0])}: no such command")
    return None


def default_name(wanted: Selector, pid: int | None, proc: Path) -> str:
    """A file name for the working directory: the target's name, and now."""
    match wanted.by:
        case By.COMMAND:
            name = Path(wanted.command[0]).name
        case By.PID:
            name = target.build(pid or 0, proc).name
        case By.PIDFILE | By.CGROUP:
            name = Path(wanted.value).stem
        case _:
            name = wanted.value
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "process"
    return f"{safe}-{time.strftime('%Y%m%d-%H%M%S')}.sqlite"


def meta(wanted: Selector, settings: Settings, proc: Path) -> dict[str, str]:
    """What a recording says of itself."""
    return {
        "tool": f"relengtools {__version__}",
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "selector": selector_text(wanted) if settings.redact else wanted.text,
        "interval_s": f"{settings.interval:g}",
        "metrics": url_text(settings.metrics) if settings.redact else settings.metrics or "",
        "pprof": url_text(settings.pprof) if settings.redact else settings.pprof or "",
        "profile": settings.profile,
        "children": "summed, and each by itself" if settings.children else "",
        "redacted": "command lines, addresses, paths" if settings.redact else "",
        "host": platform.node(),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "boot_id": target.boot_id(proc),
        "page_bytes": str(os.sysconf("SC_PAGE_SIZE")),
        "ticks_per_s": str(os.sysconf("SC_CLK_TCK")),
        "cpus": str(os.cpu_count() or 1),
    }


@contextmanager
def recording_at(path: Path, wanted: Selector, settings: Settings, proc: Path) -> Iterator[Recording]:
    """The recording, closed at the end; one that was made here and got no sample is removed again.

    A run that is refused before its first sample leaves no trace in a recording that was there.
    """
    recording = open_for_writing(path, meta(wanted, settings, proc))
    if settings.durable:
        recording.be_durable()
    before = recording.segments
    try:
        yield recording
    except BaseException:
        if recording.segments == before:
            recording.pending.clear()
        raise
    finally:
        if recording.created and not recording.segments:
            recording.discard()
        else:
            recording.close()


@contextmanager
def committing(recording: Recording, settings: Settings) -> Iterator[Callable[[Moment], Kept]]:
    """Commits in a thread of its own; one is waited for as long as no sample is late for that, when durable longer."""
    writer = Writer(recording, PATIENCE_S if settings.durable else min(PATIENCE_S, settings.interval / 2))
    try:
        yield writer.commit
    finally:
        writer.close()
