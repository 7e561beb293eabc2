"""What the process can run into, and how near it is: its own limits, its control groups', the machine's.

See getrlimit(2), proc_meminfo(5), proc_sys(5), Documentation/admin-guide/cgroup-v2.rst of Linux.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relengtools.leaks import cgroup
from relengtools.leaks.process import PROC

# Version 1 says "no limit" as the largest number of whole pages.
UNLIMITED = 1 << 60
PAGE = os.sysconf("SC_PAGE_SIZE")


class Level(NamedTuple):
    """How much of something is used, and the most there can be (None: no limit, or a level that has none)."""

    name: str
    used: int
    most: int | None


def text_of(path: Path) -> str:
    """The file, "" where it can't be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def number_of(path: Path) -> int | None:
    """The number in a file; None for none, or for "max"."""
    text = text_of(path).strip()
    return int(text) if text.isdecimal() and int(text) < UNLIMITED else None


def pairs(text: str) -> dict[str, int]:
    """Lines `name number`, also `Name: number kB` of meminfo, by name."""
    found = (re.match(r"([\w()]+):?\s+(\d+)", line) for line in text.splitlines())
    return {each[1]: int(each[2]) for each in found if each}


def read(pid: int, fds: int | None, max_fds: int | None, proc: Path = PROC) -> list[Level]:
    """All that can be read now."""
    own = [Level("num_fds", fds, max_fds)] if fds is not None and max_fds is not None else []
    return [*own, *machine(proc), *network(pid, proc), *groups(pid, proc)]


def machine(proc: Path = PROC) -> Iterator[Level]:
    """Threads of all processes, and memory in use that can't be had without swapping."""
    running = re.search(r"\d+/(\d+)", text_of(proc / "loadavg"))
    if running:
        yield Level("threads", int(running[1]), number_of(proc / "sys/kernel/threads-max"))
    memory = pairs(text_of(proc / "meminfo"))
    if {"MemTotal", "MemAvailable"} <= memory.keys():
        yield Level("memory_bytes", (memory["MemTotal"] - memory["MemAvailable"]) * 1024, memory["MemTotal"] * 1024)


def network(pid: int, proc: Path = PROC) -> Iterator[Level]:
    """Tracked connections; TCP sockets beside the ephemeral ports that there are, and their memory in the kernel."""
    tracked = number_of(proc / "sys/net/netfilter/nf_conntrack_count")
    if tracked is not None:
        yield Level("conntrack", tracked, number_of(proc / "sys/net/netfilter/nf_conntrack_max"))
    sockets = re.search(
        r"^TCP: inuse (\d+) orphan (\d+) tw (\d+).* mem (\d+)", text_of(proc / str(pid) / "net/sockstat"), re.M
    )
    ports = re.match(r"(\d+)\s+(\d+)", text_of(proc / "sys/net/ipv4/ip_local_port_range"))
    if sockets and ports:
        yield Level("tcp_of_ephemeral_ports", int(sockets[1]) + int(sockets[3]), int(ports[2]) - int(ports[1]) + 1)
    most = re.match(r"\d+\s+\d+\s+(\d+)", text_of(proc / "sys/net/ipv4/tcp_mem"))
    if sockets and most:
        yield Level("tcp_memory_bytes", int(sockets[4]) * PAGE, int(most[1]) * PAGE)


def groups(pid: int, proc: Path = PROC) -> Iterator[Level]:
    """Memory and processes of the control group, by the tightest limit of it and its parents."""
    for name, controller, used, most in (
        ("cgroup_memory_bytes", "memory", ("memory.current", "memory.usage_in_bytes"), MEMORY_LIMITS),
        ("cgroup_pids", "pids", ("pids.current",), ("pids.max",)),
    ):
        places = [(at, first(at, used), first(at, most)) for at in cgroup.folders(pid, controller, proc)]
        limited = [(now / limit, now, limit) for _, now, limit in places if now is not None and limit]
        if limited:
            yield Level(name, *max(limited)[1:])
        elif places and (now := places[0][1]) is not None:
            yield Level(name, now, None)
        if places and controller == "memory":
            yield from parts(places[0][0])


MEMORY_LIMITS = ("memory.max", "memory.limit_in_bytes")
# Of version 2, and what stands for it in version 1.
PARTS = {"anon": ("anon", "total_rss"), "sock": ("sock",), "slab": ("slab",)}


def parts(group: Path) -> Iterator[Level]:
    """What the memory of the group is, and how often it met its limit."""
    stat, events = pairs(text_of(group / "memory.stat")), pairs(text_of(group / "memory.events"))
    for name, keys in PARTS.items():
        value = next((stat[key] for key in keys if key in stat), None)
        if value is not None:
            yield Level(f"cgroup_{name}_bytes", value, None)
    for name in ("high", "max", "oom", "oom_kill"):
        if name in events:
            yield Level(f"cgroup_{name}_events", events[name], None)


def first(group: Path, names: tuple[str, ...]) -> int | None:
    """The first of these files that holds a number."""
    return next((value for name in names if (value := number_of(group / name)) is not None), None)


def oom_kills(groups_: list[Path]) -> int:
    """How many processes of these groups the kernel has killed for memory (a group that is gone counts none)."""
    files = ("memory.events", "memory.oom_control")
    return max((pairs(text_of(at / name)).get("oom_kill", 0) for at in groups_ for name in files), default=0)


def smaps(pid: int, proc: Path = PROC) -> list[Level]:
    """Proportional and private memory; the kernel walks all mappings for it, holding the target's mmap_lock."""
    found = pairs(text_of(proc / str(pid) / "smaps_rollup"))
    wanted = {"Pss": "pss_bytes", "Private_Dirty": "private_dirty_bytes", "LazyFree": "lazy_free_bytes"}
    return [Level(name, found[key] * 1024, None) for key, name in wanted.items() if key in found]
