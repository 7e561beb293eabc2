"""One base sample of a process: the procfs reader, and the psutil reader for other systems."""

import os
from pathlib import Path
from typing import NamedTuple, Protocol

PROC = Path("/proc")
# Linux alone has it, as it has procfs.
O_PATH = getattr(os, "O_PATH", os.O_RDONLY)


class ProcessGone(Exception):
    """The process has ended (or is a zombie): not a failure, but how a regime ends."""


class Base(NamedTuple):
    """One base sample in the kernel's own units; None where this system or these rights don't give a value."""

    rss_pages: int
    anon_kb: int | None
    swap_kb: int | None
    vms_pages: int
    fds: int | None
    threads: int
    cpu_ticks: int
    switches_voluntary: int | None
    switches_involuntary: int | None
    faults_minor: int | None
    faults_major: int | None


class Stat(NamedTuple):
    """What is used of /proc/PID/stat, see proc_pid_stat(5)."""

    state: str
    parent: int
    faults_minor: int
    faults_major: int
    cpu_ticks: int
    threads: int
    start_ticks: int
    vms_bytes: int
    rss_pages: int


class Reader(Protocol):
    """Base samples of one process, from its first until it ends."""

    start_ticks: int

    def sample(self) -> Base:
        """Read once; raises ProcessGone."""

    def close(self) -> None:
        """Let go of what is kept open."""


def parse_stat(text: bytes) -> Stat:
    """/proc/PID/stat: the name is in parentheses and may hold some itself, so split after the last one."""
    # No more of the fifty than is used.
    field = text[text.rindex(b")") + 2 :].split(None, 22)
    return Stat(
        state=field[0].decode("ascii", "replace"),
        parent=int(field[1]),
        faults_minor=int(field[7]),
        faults_major=int(field[9]),
        cpu_ticks=int(field[11]) + int(field[12]),
        threads=int(field[17]),
        start_ticks=int(field[19]),
        vms_bytes=int(field[20]),
        rss_pages=int(field[21]),
    )


# In the order of the file. Each is optional: RssAnon is from Linux 4.5 on, and kernel threads have no memory.
STATUS = (b"\nRssAnon:", b"\nVmSwap:", b"\nvoluntary_ctxt_switches:", b"\nnonvoluntary_ctxt_switches:")


def parse_status(text: bytes) -> list[int | None]:
    """RssAnon and VmSwap in kB, voluntary and involuntary context switches (of the main thread) of /proc/PID/status."""
    values: list[int | None] = []
    end = 0
    # A regular expression for the same takes four times as long, which is a third of a whole sample.
    for key in STATUS:
        at = text.find(key, end)
        if at < 0:
            values.append(None)
            continue
        end = text.find(b"\n", at + 1)
        values.append(int(text[at + len(key) : end].rstrip(b" kB")))
    return values


class ProcfsReader:
    """Keeps /proc/PID and three entries of it open: a read is one call, and fails after the end, pid used again or not.

    Raises ProcessGone when there is no such process, PermissionError when procfs hides it.
    """

    def __init__(self, pid: int, proc: Path = PROC) -> None:
        self.fds: list[int] = []
        self.page = os.sysconf("SC_PAGE_SIZE")
        try:
            self.directory = self.kept(os.open(proc / str(pid), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            self.stat_fd, self.status_fd = (
                self.kept(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.directory))
                for name in ("stat", "status")
            )
            # Of another user's process the directory can't be opened, but looked at.
            self.fd_folder = self.kept(os.open("fd", O_PATH | os.O_CLOEXEC, dir_fd=self.directory))
            self.start_ticks = parse_stat(self.pread(self.stat_fd, 1024)).start_ticks
            self.counts_by_size = self.size_is_count()
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError, ValueError):
            self.close()
            raise ProcessGone from None
        except BaseException:
            self.close()
            raise

    def kept(self, fd: int) -> int:
        self.fds.append(fd)
        return fd

    def pread(self, fd: int, size: int) -> bytes:
        text = os.pread(fd, size, 0)
        if not text:
            raise ProcessGone
        return text

    def list_fds(self) -> int:
        fd = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.directory)
        try:
            return len(os.listdir(fd))  # noqa: PTH208  Path takes no descriptor
        finally:
            os.close(fd)

    def size_is_count(self) -> bool:
        """Whether the size of the directory `fd` is the number of open descriptors (Linux >= 6.2; before it is 0)."""
        size = os.fstat(self.fd_folder).st_size
        if not size:
            return False
        try:
            listed = self.list_fds()
        except PermissionError:
            return True
        return abs(size - listed) <= max(2, listed // 10)

    def count_fds(self) -> int | None:
        if self.counts_by_size:
            return os.fstat(self.fd_folder).st_size
        try:
            return self.list_fds()
        except PermissionError:
            return None

    def sample(self) -> Base:
        """Read once: 3 system calls; raises ProcessGone."""
        try:
            stat = parse_stat(self.pread(self.stat_fd, 1024))
            if stat.state in "ZX" or stat.start_ticks != self.start_ticks:
                raise ProcessGone
            anon, swap, voluntary, involuntary = parse_status(self.pread(self.status_fd, 8192))
            fds = self.count_fds()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            raise ProcessGone from None
        return Base(
            rss_pages=stat.rss_pages,
            anon_kb=anon,
            swap_kb=swap,
            vms_pages=stat.vms_bytes // self.page,
            fds=fds,
            threads=stat.threads,
            cpu_ticks=stat.cpu_ticks,
            switches_voluntary=voluntary,
            switches_involuntary=involuntary,
            faults_minor=stat.faults_minor,
            faults_major=stat.faults_major,
        )

    def close(self) -> None:
        """Let go of what is kept open."""
        while self.fds:
            os.close(self.fds.pop())


class PsutilReader:
    """The same fields by psutil, for systems without procfs; what psutil has on some systems only is left out.

    Raises ProcessGone when there is no such process, PermissionError when it's another user's and the system hides it.
    """

    def __init__(self, pid: int) -> None:
        import psutil

        self.psutil = psutil
        self.page = os.sysconf("SC_PAGE_SIZE")
        self.ticks = os.sysconf("SC_CLK_TCK")
        try:
            self.process = psutil.Process(pid)
            self.start_ticks = round(self.process.create_time() * self.ticks)
            self.read()
        except psutil.NoSuchProcess:
            raise ProcessGone from None
        except psutil.AccessDenied:
            raise PermissionError from None

    def sample(self) -> Base:
        """Read once; raises ProcessGone."""
        try:
            with self.process.oneshot():
                if not self.process.is_running() or self.process.status() == self.psutil.STATUS_ZOMBIE:
                    raise ProcessGone
                return self.read()
        except self.psutil.NoSuchProcess:
            raise ProcessGone from None

    def read(self) -> Base:
        memory = self.process.memory_info()
        cpu = self.process.cpu_times()
        switches = self.process.num_ctx_switches()
        try:
            fds: int | None = self.process.num_fds()
        except self.psutil.AccessDenied:
            fds = None
        return Base(
            rss_pages=memory.rss // self.page,
            anon_kb=None,
            swap_kb=None,
            vms_pages=memory.vms // self.page,
            fds=fds,
            threads=self.process.num_threads(),
            cpu_ticks=round(cpu.user * self.ticks) + round(cpu.system * self.ticks),
            switches_voluntary=switches.voluntary,
            switches_involuntary=switches.involuntary,
            faults_minor=None,
            faults_major=None,
        )

    def close(self) -> None:
        """Nothing is kept open."""


def attach(pid: int, proc: Path = PROC) -> Reader:
    """The reader for this system; raises ProcessGone or PermissionError."""
    return ProcfsReader(pid, proc) if (proc / "self").exists() else PsutilReader(pid)
