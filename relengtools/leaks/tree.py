"""A process and its children as one: what `record --children` samples."""

from pathlib import Path
from typing import Any

from relengtools.errors import printable
from relengtools.leaks.process import PROC, Base, ProcessGone, Reader, attach, parse_stat

# Each costs the recorder four descriptors.
MOST_CHILDREN = 200
# Counters, which a child that has ended takes nothing away from.
COUNTERS = {"cpu_ticks", "switches_voluntary", "switches_involuntary", "faults_minor", "faults_major"}


def children(pid: int, proc: Path = PROC) -> list[int]:
    """The children of a process, of all its threads (proc_pid_task(5): CONFIG_PROC_CHILDREN)."""
    folder = proc / str(pid) / "task"
    try:
        lists = [(task / "children").read_text("ascii") for task in folder.iterdir()]
    except OSError:
        return []
    return [int(child) for text in lists for child in text.split()]


def by_parent(proc: Path = PROC) -> dict[int, list[int]]:
    """The same for all processes at once, for a kernel without such lists."""
    found: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            try:
                parent = parse_stat((entry / "stat").read_bytes()).parent
            except (OSError, ValueError):
                continue
            found.setdefault(parent, []).append(int(entry.name))
    return found


def descendants(pid: int, proc: Path = PROC) -> list[int]:
    """All processes below this one, parents before their children."""
    task = proc / str(pid) / "task" / str(pid) / "children"
    known = None if task.exists() else by_parent(proc)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop(0)
        below = children(parent, proc) if known is None else known.get(parent, [])
        fresh = [each for each in below if each not in found and each != pid]
        found += fresh
        waiting += fresh
    return found


def comm(pid: int, proc: Path = PROC) -> str:
    """What the kernel calls the process, "?" when it has ended."""
    try:
        return printable((proc / str(pid) / "comm").read_text("utf-8", "replace").strip())
    except OSError:
        return "?"


class TreeReader:
    """Sums over a process and its children; `came` and `ended` count the children. Shared pages count each time."""

    def __init__(self, root: Reader, pid: int, proc: Path = PROC) -> None:
        self.root = root
        self.start_ticks = root.start_ticks
        self.pid = pid
        self.proc = proc
        self.readers: dict[int, Reader] = {}
        self.last: dict[int, Base] = {}
        self.past = dict.fromkeys(COUNTERS, 0)
        self.names: dict[int, str] = {}
        self.came = self.ended = 0

    def sample(self) -> Base:
        """Read all once; raises ProcessGone when the first process has ended."""
        base = self.root.sample()
        for pid in descendants(self.pid, self.proc):
            self.admit(pid)
        for pid, reader in list(self.readers.items()):
            try:
                self.last[pid] = reader.sample()
            except ProcessGone:
                self.retire(pid)
        return self.total(base)

    def admit(self, pid: int) -> None:
        if pid in self.readers or len(self.readers) >= MOST_CHILDREN:
            return
        try:
            self.readers[pid] = attach(pid, self.proc)
        except (ProcessGone, OSError):
            return
        self.names[pid] = comm(pid, self.proc)
        self.came += 1

    def retire(self, pid: int) -> None:
        self.readers.pop(pid).close()
        self.names.pop(pid, None)
        self.ended += 1
        if base := self.last.pop(pid, None):
            for name in COUNTERS:
                self.past[name] += getattr(base, name) or 0

    def total(self, base: Base) -> Base:
        """The sums; what the first process doesn't tell stays untold."""
        sums: dict[str, Any] = {}
        for name, value in base._asdict().items():
            parts = [getattr(each, name) or 0 for each in self.last.values()]
            sums[name] = None if value is None else value + sum(parts) + self.past.get(name, 0)
        return Base(**sums)

    def close(self) -> None:
        """Let go of all readers."""
        for reader in (self.root, *self.readers.values()):
            reader.close()
        self.readers.clear()
