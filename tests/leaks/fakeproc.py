"""A /proc tree that a test builds and changes: for what real processes can't be made to do."""

import shutil
from collections.abc import Mapping
from pathlib import Path

TCP_HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
UNIX_HEADING = "Num       RefCount Protocol Flags    Type St Inode Path\n"


class FakeProc:
    """Below `root`, the files that the readers use, in the formats of proc(5)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "self").mkdir(parents=True)
        (root / "sys/kernel/random").mkdir(parents=True)
        (root / "sys/kernel/random/boot_id").write_text("11111111-2222-3333-4444-555555555555\n")
        (root / "stat").write_text("cpu  1 2 3 4\nbtime 1700000000\n")

    def put(
        self,
        pid: int,
        *,
        comm: str = "server",
        state: str = "S",
        start: int = 5000,
        rss_pages: int = 1000,
        anon_kb: int | None = 2000,
        swap_kb: int | None = 0,
        threads: int = 3,
        ticks: int = 10,
        fds: Mapping[int, str] | None = None,
    ) -> None:
        """Make the process, or change it in place (as a descriptor kept open sees it)."""
        folder = self.root / str(pid)
        (folder / "fd").mkdir(parents=True, exist_ok=True)
        (folder / "net").mkdir(exist_ok=True)
        (folder / "comm").write_text(f"{comm}\n")
        (folder / "stat").write_text(
            f"{pid} ({comm}) {state} 1 1 1 0 -1 4194560 700 0 7 0 {ticks} {ticks} 0 0 20 0 {threads} 0 {start} "
            f"{rss_pages * 8192} {rss_pages} 18446744073709551615 1 1 0\n"
        )
        memory = f"RssAnon:\t{anon_kb:8d} kB\n" if anon_kb is not None else ""
        swap = f"VmSwap:\t{swap_kb:8d} kB\n" if swap_kb is not None else ""
        (folder / "status").write_text(
            f"Name:\t{comm}\nVmRSS:\t    4000 kB\n{memory}{swap}Threads:\t{threads}\n"
            "voluntary_ctxt_switches:\t11\nnonvoluntary_ctxt_switches:\t12\n"
        )
        self.open(pid, {0: "/dev/null"} if fds is None else fds)

    def open(self, pid: int, fds: Mapping[int, str]) -> None:
        """Make these the open descriptors: fd -> link target."""
        folder = self.root / str(pid) / "fd"
        for link in folder.iterdir():
            link.unlink()
        for fd, target in fds.items():
            (folder / str(fd)).symlink_to(target)

    def tcp(self, pid: int, rows: Mapping[int, tuple[str, str, str]]) -> None:
        """inode -> local, peer (as hexadecimal HOST:PORT) and state (as hexadecimal)."""
        text = TCP_HEADING + "".join(
            f"   0: {local} {peer} {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0 100 0\n"
            for inode, (local, peer, state) in rows.items()
        )
        (self.root / str(pid) / "net/tcp").write_text(text)

    def end(self, pid: int) -> None:
        """The process is gone: nothing more comes from descriptors kept open either."""
        for name in ("stat", "status"):
            (self.root / str(pid) / name).write_text("")
        shutil.rmtree(self.root / str(pid))
