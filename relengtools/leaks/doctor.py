"""`leaks doctor`: what these rights let one see of a process, what it costs not to, and the least that adds it.

See proc(5), capabilities(7), ptrace(2) on PTRACE_MODE_READ_FSCREDS.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from relengtools.leaks import cgroup
from relengtools.leaks.process import PROC, ProcessGone

ROOT = "run the recorder as root, in a container as one that has these capabilities"
NOT_NAMED = "not named"
PTRACE, SEARCH = "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"


class Check(NamedTuple):
    """One thing to read: whether that works, why not, what it costs the diagnosis, and the capabilities that add it."""

    what: str
    works: bool
    why: str
    cost: str
    needs: tuple[str, ...]


class Probe(NamedTuple):
    """How a thing is tried (raises OSError), what it costs when it can't be read, and what that takes."""

    what: str
    read: Callable[[Path], object]
    cost: str
    needs: tuple[str, ...] = ()


def first_link(folder: Path) -> str:
    """The target of any descriptor."""
    directory = folder / "fd"
    name = next(iter(os.listdir(directory)), None)  # noqa: PTH208  names alone
    return str((directory / name).readlink()) if name is not None else ""


def fast_count(folder: Path) -> None:
    """Raise OSError where the kernel doesn't tell the number of descriptors at once (Linux < 6.2)."""
    if not (folder / "fd").stat().st_size:
        raise OSError(0, "Linux < 6.2 tells the number of descriptors only by listing them")


def memory_group(folder: Path, proc: Path) -> None:
    """Raise OSError where the control group of the process can't be read here."""
    if not any(cgroup.folders(int(folder.name), "memory", proc)):
        raise OSError(0, "its group is not mounted here, or the root of all has no limit")


PROBES = (
    Probe("memory, threads, CPU", lambda f: ((f / "stat").read_bytes(), (f / "status").read_bytes()), "all", (PTRACE,)),
    Probe("number of descriptors", fast_count, "counting lists the descriptors, which costs more", ()),
    Probe("list of descriptors", lambda f: os.listdir(f / "fd"), "which numbers are open", (SEARCH,)),  # noqa: PTH208
    Probe(
        "kinds of descriptors",
        first_link,
        "which files, sockets and peers leak is not told, only how many descriptors",
        (PTRACE, SEARCH),
    ),
    Probe(
        "program file",
        lambda f: (f / "exe").readlink(),
        "which build runs, and whether it was replaced, is not told",
        (PTRACE, SEARCH),
    ),
    Probe("tables of sockets", lambda f: (f / "net/tcp").read_bytes(), "states and peers of sockets are not told"),
    Probe("limits", lambda f: (f / "limits").read_bytes(), "time to the limit of descriptors is not told"),
    Probe(
        "memory by mapping (smaps_rollup)",
        lambda f: (f / "smaps_rollup").read_bytes(),
        "proportional memory is not told; RssAnon and VmSwap are judged instead",
        (PTRACE, SEARCH),
    ),
)


def examine(pid: int, proc: Path = PROC) -> list[Check]:
    """Try all that a recorder reads of the process; raises ProcessGone."""
    folder = proc / str(pid)
    checks = [tried(probe, folder) for probe in PROBES]
    group = Probe("control group", lambda f: memory_group(f, proc), "time to the memory limit is not told")
    checks.append(tried(group, folder))
    if not folder.exists() and checks[0].works is False:
        raise ProcessGone
    return checks


def tried(probe: Probe, folder: Path) -> Check:
    """The probe, and what came of it."""
    try:
        probe.read(folder)
    except OSError as error:
        why = error.strerror or type(error).__name__
        refused = isinstance(error, PermissionError)
        return Check(probe.what, False, why, probe.cost, probe.needs if refused else ())
    return Check(probe.what, True, "", probe.cost, ())


def endpoint(what: str, read: Callable[[], object], cost: str) -> Check:
    """One of the target's own endpoints; `read` raises ScrapeError."""
    from relengtools.leaks.exposition import ScrapeError

    try:
        read()
    except ScrapeError as error:
        return Check(what, False, str(error), cost, ())
    return Check(what, True, "", cost, ())


def endpoints(metrics: str | None, pprof: str | None, seconds: float = 5.0) -> Iterator[Check]:
    """The endpoints that were named, tried; one that wasn't is a thing missing that needs no right."""
    from relengtools.leaks.exposition import Endpoint, goroutines, scrape

    cost = "users who come can't be told from a leak as soon, nor its rate per event"
    if metrics is None:
        yield Check("metrics of its own", False, f"{NOT_NAMED}: --metrics URL", cost, ())
    else:
        with closing(Endpoint(metrics)) as own:
            yield endpoint("metrics of its own", lambda: scrape(own, seconds), cost)
    cost = "which function leaks goroutines is not told (Go only)"
    if pprof is None:
        yield Check("profiles (pprof)", False, f"{NOT_NAMED}: --pprof URL", cost, ())
    else:
        yield endpoint("profiles (pprof)", lambda: goroutines(pprof, seconds), cost)


def missing(checks: list[Check]) -> list[str]:
    """The capabilities that would add what was refused."""
    return sorted({each for check in checks for each in check.needs})


def owner(pid: int, proc: Path = PROC) -> int:
    """The user id of the process; root's for one that is not dumpable, such as a binary with file capabilities."""
    return (proc / str(pid)).stat().st_uid


def remedies(capabilities: list[str], uid: int) -> dict[str, str]:
    """How each kind of supervisor grants what is missing: the same user where that is enough, else capabilities."""
    if not capabilities:
        return {}
    short = [each.removeprefix("CAP_").lower() for each in capabilities]
    plus, caret = ",".join(f"+{each}" for each in short), ",".join(f"^cap_{each}" for each in short)
    listed = ", ".join(each.upper() for each in short)
    return {
        "simplest": f"run the recorder as uid {uid}, the user of the process" if uid else ROOT,
        "shell": f"setpriv --reuid USER --init-groups --inh-caps {plus} --ambient-caps {plus} relengtools leaks …",
        "systemd": f"[Service] AmbientCapabilities={' '.join(capabilities)}",
        "OpenRC": f'capabilities="{caret}" with supervisor=supervise-daemon',
        "Kubernetes": "sidecar with shareProcessNamespace: true and securityContext: "
        + (f"{{runAsUser: {uid}}}" if uid else f"{{capabilities: {{add: [{listed}]}}}}"),
    }


def as_json(pid: int, checks: list[Check], uid: int) -> dict[str, Any]:
    """The answer as an object."""
    needed = missing(checks)
    return {
        "pid": pid,
        "checks": [check._asdict() for check in checks],
        "missing": needed,
        "remedies": remedies(needed, uid),
    }


def healthy(checks: list[Check]) -> bool:
    """Whether all that was asked for can be read."""
    return all(check.works or check.why.startswith(NOT_NAMED) for check in checks)
