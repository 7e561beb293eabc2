"""From a selector to the process that is meant: its identity, and the build that runs."""

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.leaks import cgroup, elf, services
from relengtools.leaks.process import PROC, parse_stat

# TASK_COMM_LEN in linux/sched.h, without its zero.
MOST_COMM = 15


class By(StrEnum):
    """How a target is selected."""

    PID = "--pid"
    NAME = "--name"
    PIDFILE = "--pidfile"
    UNIT = "--unit"
    LISTEN = "--listen"
    CGROUP = "--cgroup"
    COMMAND = "--"


@dataclass(frozen=True, slots=True)
class Selector:
    """What the user asked to watch; `text` is how a recording remembers it, with nothing unprintable in it."""

    by: By
    value: str
    command: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return printable(f"{self.by} {self.value}")

    @property
    def endless(self) -> bool:
        """Whether the next process that matches is waited for when one has ended."""
        return self.by not in (By.PID, By.COMMAND)


class Target(NamedTuple):
    """A process, for good: a pid that is used again has other start ticks, a reboot another boot id."""

    boot_id: str
    pid: int
    start_ticks: int


class Build(NamedTuple):
    """The program that runs: path and build id ("" where these rights don't tell), and whether it was replaced."""

    name: str
    exe: str
    exe_mtime: float | None
    deleted: bool
    max_fds: int | None
    build_id: str = ""


class Candidate(NamedTuple):
    """A process that a selector could mean."""

    pid: int
    name: str


def selector(
    *,
    pid: int | None = None,
    name: str | None = None,
    pidfile: str | None = None,
    unit: str | None = None,
    listen: str | None = None,
    cgroup: str | None = None,
    command: tuple[str, ...] = (),
) -> Selector:
    """The one target that was named; raises RelengError when it's none, more than one, or can't be meant."""
    texts = {
        By.PID: None if pid is None else str(pid),
        By.NAME: name,
        By.PIDFILE: pidfile,
        By.UNIT: unit,
        By.LISTEN: listen,
        By.CGROUP: cgroup,
    }
    named = [Selector(by, text) for by, text in texts.items() if text is not None]
    named += [Selector(By.COMMAND, shlex.join(command), command)] if command else []
    if len(named) != 1:
        given = " and ".join(each.by for each in named) or "none"
        raise RelengError(f"name one target: {', '.join(texts)}, or a command after --; given: {given}")
    if pid is not None and pid < 1:
        raise RelengError(f"--pid {pid}: a process id is a positive number")
    if not named[0].value:
        raise RelengError(f"{named[0].by} is empty; say which process is meant")
    if listen is not None:
        parse_listen(listen)
    return named[0]


def parse_listen(text: str) -> tuple[str, int]:
    """HOST:PORT, :PORT, *:PORT or [V6]:PORT; the host is "" for any. Raises RelengError."""
    host, colon, port = text.rpartition(":")
    whole = host.startswith("[") == host.endswith("]")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not whole or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise RelengError(f"--listen {printable(text)}: expected HOST:PORT, for instance 127.0.0.1:6667 or :6667")
    return ("" if host == "*" else host), int(port)


def addresses(host: str) -> frozenset[str]:
    """The numeric addresses that a listener of `host` may be bound to, wildcards included; none: any."""
    import socket

    if not host:
        return frozenset()
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise RelengError(f"--listen {printable(host)}: no such host ({error})") from None
    return frozenset(found | {"0.0.0.0", "::"})  # noqa: S104  compared with, never bound


def by_name(name: str) -> list[Candidate]:
    """Processes whose name, program file or first argument is `name`; zombies and the recorder itself are none.

    The kernel keeps 15 bytes of a name, and ps shows those; psutil completes them from the first argument.
    """
    import psutil

    found = []
    for process in psutil.process_iter(["pid", "name", "exe", "cmdline", "status"]):
        info = process.info
        if info["pid"] == os.getpid() or info["status"] == psutil.STATUS_ZOMBIE:
            continue
        arguments = info["cmdline"] or [""]
        kept = os.fsencode(info["name"] or "")[:MOST_COMM]
        if os.fsencode(name) == kept or name in (info["name"], Path(info["exe"] or "").name, Path(arguments[0]).name):
            found.append(Candidate(info["pid"], " ".join(arguments).strip() or info["name"] or name))
    return found


def by_listener(text: str) -> list[Candidate]:
    """Processes that listen at `text` (TCP), each the parent of those that share its socket.

    Raises RelengError when these rights don't tell who does.
    """
    import psutil

    host, port = parse_listen(text)
    wanted = addresses(host)

    def listens(connections: Iterable[Any]) -> Iterator[int | None]:
        for each in connections:
            if each.status == psutil.CONN_LISTEN and is_at(tuple(each.laddr), wanted, port):
                yield getattr(each, "pid", None)

    def shares(process: Any) -> bool:
        with suppress(psutil.Error):
            return any(True for _ in listens(process.net_connections("tcp")))
        return False

    pids = set(listens(psutil.net_connections("tcp")))
    if pids == {None}:
        raise RelengError(
            f"--listen {printable(text)}: a process of another user listens there, and these rights don't tell which; "
            "run as its user or as root, or name it with --pid"
        )
    first = {eldest(pid, shares) for pid in pids if pid is not None}
    return [Candidate(pid, process_name(pid)) for pid in sorted(first)]


def eldest(pid: int, shares: Callable[[Any], bool]) -> int:
    """The process, or its farthest ancestor such that all up to it share what it has: of a server, not one worker."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        while (parent := process.parent()) is not None and shares(parent):
            process = parent
        return process.pid
    return pid


def is_at(local: tuple[object, ...], hosts: frozenset[str], port: int) -> bool:
    """Whether a local address (host, port) is the port on one of the hosts; no hosts: on any."""
    return len(local) == 2 and local[1] == port and (not hosts or local[0] in hosts)


def process_name(pid: int) -> str:
    """What psutil calls the process."""
    import psutil

    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "?"


def more_rights() -> str:
    """What somebody does who is not permitted to see; root lacks capabilities in a container, or a user namespace."""
    if os.geteuid():
        return "run as its user or as root"
    return "this root lacks CAP_SYS_PTRACE or CAP_DAC_READ_SEARCH (`leaks doctor` says which)"


def by_pid(pid: int, proc: Path = PROC) -> list[Candidate]:
    """The process, if there is one; raises RelengError when there is none, or when procfs hides it."""
    if (proc / "self").exists() and not (proc / str(pid)).is_dir():
        try:
            os.kill(pid, 0)
        except PermissionError:
            hidden = True
        except (ProcessLookupError, OverflowError):
            hidden = False
        else:
            hidden = True
        if hidden:
            raise RelengError(f"--pid {pid}: not permitted: {proc} hides it (hidepid); run as its user or as root")
        raise RelengError(f"--pid {pid}: no such process")
    if is_zombie(pid, proc):
        raise RelengError(f"--pid {pid}: the process has ended (a zombie, until its parent takes notice)")
    return [Candidate(pid, "")]


def by_unit(name: str, proc: Path = PROC) -> list[Candidate]:
    """The main process of a systemd unit; of one without, the process that started the others in its group."""
    told = services.unit(name)
    if told is None:
        return []
    members = cgroup.pids(told.cgroup, proc) if told.cgroup.strip("/") and not told.main_pid else []
    return living([told.main_pid or None, *cgroup.leaders(members, proc)], proc)


def living(pids: list[int | None] | list[int], proc: Path = PROC) -> list[Candidate]:
    """Those that there are, and that haven't ended but for their entry."""
    there = [pid for pid in pids if pid is not None and (proc / str(pid) / "stat").exists()]
    return [Candidate(pid, process_name(pid)) for pid in there if not is_zombie(pid, proc)]


def is_zombie(pid: int, proc: Path) -> bool:
    """Whether the process has ended but for its entry."""
    try:
        return parse_stat((proc / str(pid) / "stat").read_bytes()).state in "ZX"
    except (OSError, ValueError):
        return False


def find(wanted: Selector, proc: Path = PROC) -> list[Candidate]:
    """The processes that the selector could mean now; raises RelengError where there can never be one."""
    match wanted.by:
        case By.PID:
            return by_pid(int(wanted.value), proc)
        case By.NAME:
            return by_name(wanted.value)
        case By.LISTEN:
            return by_listener(wanted.value)
        case By.PIDFILE:
            return living([services.pid_in(Path(wanted.value))], proc)
        case By.UNIT:
            return by_unit(wanted.value, proc)
        case By.CGROUP:
            return living(cgroup.leaders(cgroup.pids(wanted.value, proc), proc), proc)
        case By.COMMAND:
            raise AssertionError("a command is started, not found")


def only(wanted: Selector, found: list[Candidate]) -> int | None:
    """The pid that is meant, None when no process matches yet; RelengError with the candidates when several do."""
    if len(found) > 1:
        raise RelengError(f"{ambiguous(wanted, found)}; choose one with --pid")
    return found[0].pid if found else None


def ambiguous(wanted: Selector, found: list[Candidate], names: bool = True) -> str:
    """What is said when several processes match: which, and with `names` what they are called with."""
    if not names:
        return f"{wanted.text} is ambiguous: {', '.join(str(each.pid) for each in found[:8])}"
    shown = ", ".join(f"{each.pid} ({printable(each.name)[:60]})" for each in found[:8])
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return f"{wanted.text} is ambiguous: {shown}{more}"


def boot_id(proc: Path = PROC) -> str:
    """The kernel's random id of this boot, "" where there is none."""
    try:
        return (proc / "sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return ""


def boot_time(proc: Path = PROC) -> float:
    """When the system booted, in unix seconds: what start ticks count from on Linux."""
    try:
        for line in (proc / "stat").read_text("utf-8").splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
    except OSError:
        pass
    return 0.0


def max_fds(pid: int, proc: Path = PROC) -> int | None:
    """The soft limit of open descriptors; None when there is none, or when these rights don't tell."""
    try:
        text = (proc / str(pid) / "limits").read_text("utf-8", "replace")
    except OSError:
        return None
    found = re.search(r"^Max open files +(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else None


def build(pid: int, proc: Path = PROC) -> Build:
    """The program behind `pid`, as far as these rights tell."""
    folder = proc / str(pid)
    try:
        name = (folder / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        name = process_name(pid)
    limit = max_fds(pid, proc)
    try:
        exe = printable(str((folder / "exe").readlink()))
    except OSError:
        return Build(name, "", None, False, limit)
    try:
        mtime: float | None = (folder / "exe").stat().st_mtime
    except OSError:
        mtime = None
    deleted = exe.endswith(" (deleted)")
    return Build(name, exe.removesuffix(" (deleted)"), mtime, deleted, limit, elf.build_id(folder / "exe"))


def started(target: Target, proc: Path = PROC) -> float:
    """When the process started, in unix seconds."""
    return boot_time(proc) + target.start_ticks / os.sysconf("SC_CLK_TCK")


def identify(pid: int, start_ticks: int, proc: Path = PROC) -> Target:
    """The process that has this pid now."""
    return Target(boot_id(proc), pid, start_ticks)
