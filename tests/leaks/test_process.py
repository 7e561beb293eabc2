import os
import subprocess
import sys
from pathlib import Path

import pytest
from leaks.fakeproc import FakeProc

from relengtools.leaks.process import Base, ProcessGone, ProcfsReader, PsutilReader, attach, parse_stat

linux = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
IDLE = "import sys, socket; kept = [open('/dev/null') for _ in range(20)]; print(flush=True); sys.stdin.read()"


@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("name", ["a", "a b", "(", ") S 1 (", "a) R 1 1", "\xff"])
def test_stat_is_split_after_the_last_parenthesis(name: str) -> None:
    fields = "S 4 3 3 0 -1 4194560 700 1 7 2 30 12 0 0 20 0 9 0 777 8192 5 18446744073709551615"
    stat = parse_stat(f"12 ({name}) {fields}\n".encode("latin-1"))
    assert stat == ("S", 4, 700, 7, 42, 9, 777, 8192, 5)


@linux
def test_both_readers_tell_the_same(child) -> None:
    mine, psutils = ProcfsReader(child.pid), PsutilReader(child.pid)
    # Until nothing happened in between: the child is about to wait for its input.
    for _ in range(100):
        ours, theirs = mine.sample(), psutils.sample()
        if mine.sample() == ours:
            break
    mine.close()
    assert ours.fds == theirs.fds == len(list(Path(f"/proc/{child.pid}/fd").iterdir()))
    assert ours.rss_pages == pytest.approx(theirs.rss_pages, rel=0.05)
    known = [name for name in Base._fields if getattr(theirs, name) is not None and name != "rss_pages"]
    assert {name: getattr(ours, name) for name in known} == {name: getattr(theirs, name) for name in known}
    assert {"vms_pages", "threads", "cpu_ticks", "switches_voluntary"} <= set(known)


@linux
def test_anonymous_memory_is_that_of_smaps(child) -> None:
    reader = ProcfsReader(child.pid)
    rollup = Path(f"/proc/{child.pid}/smaps_rollup").read_text()
    anonymous = int(next(line for line in rollup.splitlines() if line.startswith("Anonymous:")).split()[1])
    assert reader.sample().anon_kb == pytest.approx(anonymous, abs=64)
    reader.close()


def opened() -> set[str]:
    """Our descriptors."""
    return {link.name for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}


@linux
def test_a_reader_holds_four_descriptors_and_gives_them_back(child) -> None:
    before = opened()
    reader = attach(child.pid)
    for _ in range(3):
        reader.sample()
    assert len(opened() - before) == 4
    reader.close()
    assert opened() == before


@pytest.mark.parametrize("kind", [ProcfsReader, PsutilReader])
@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
def test_a_process_that_ends_between_samples_is_gone(child, kind, reaped: bool) -> None:
    reader = kind(child.pid)
    reader.sample()
    child.kill()
    if reaped:
        child.wait()
    else:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ProcessGone):
        reader.sample()
    reader.close()


@pytest.mark.parametrize("kind", [ProcfsReader, PsutilReader])
def test_no_such_process(child, kind) -> None:
    child.kill()
    child.wait()
    with pytest.raises(ProcessGone):
        kind(child.pid)


def test_a_fake_process(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7, comm="a) S (b", rss_pages=10, anon_kb=11, swap_kb=12, threads=13, ticks=7, fds={0: "a", 5: "b"})
    reader = attach(7, proc.root)
    pages = 10 * 8192 // os.sysconf("SC_PAGE_SIZE")
    assert reader.sample() == Base(10, 11, 12, pages, 2, 13, 14, 11, 12, 700, 7)
    proc.put(7, comm="a) S (b", rss_pages=11, anon_kb=None, swap_kb=None)
    assert reader.sample()[:3] == (11, None, None)
    reader.close()


@pytest.mark.parametrize("change", ["another start", "zombie", "dead", "gone"])
def test_a_fake_process_that_is_another_one_now(tmp_path: Path, change: str) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    reader = attach(7, proc.root)
    reader.sample()
    match change:
        case "another start":
            proc.put(7, start=5001)
        case "zombie":
            proc.put(7, state="Z")
        case "dead":
            proc.put(7, state="X")
        case "gone":
            proc.end(7)
    with pytest.raises(ProcessGone):
        reader.sample()
    reader.close()


def test_descriptors_that_may_not_be_listed_are_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    reader = ProcfsReader(7, proc.root)
    assert not reader.counts_by_size

    def refuse(self: ProcfsReader) -> int:
        raise PermissionError

    monkeypatch.setattr(ProcfsReader, "list_fds", refuse)
    assert reader.sample().fds is None
    reader.close()


def test_what_psutil_may_not_read_is_not_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    def denied(process: psutil.Process) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "memory_info", denied)
    with pytest.raises(PermissionError):
        PsutilReader(os.getpid())
