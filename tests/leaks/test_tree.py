"""`record --children`: a tree summed, and its coming and going counted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from leaks.fakeproc import FakeProc

from relengtools.leaks import tree
from relengtools.leaks.process import Base, ProcessGone, attach
from relengtools.leaks.recording import load

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
POOL = """
import subprocess, sys
idle = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
pool = [subprocess.Popen(idle, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
for each in pool: each.stdout.readline()
print(flush=True)
for line in sys.stdin:
    pool.pop().communicate()
    print(flush=True)
"""


def of(parent: int, proc: FakeProc, pid: int) -> None:
    proc.put(pid)
    stat = proc.root / str(pid) / "stat"
    stat.write_text(stat.read_text().replace(" S 1 ", f" S {parent} "))


@pytest.fixture
def pool():
    with subprocess.Popen([sys.executable, "-c", POOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.stdin.close()


def shrink(pool) -> None:
    pool.stdin.write(b"\n")
    pool.stdin.flush()
    pool.stdout.readline()


def test_a_tree_is_summed_and_its_counters_never_fall(pool) -> None:
    reader = tree.TreeReader(attach(pool.pid), pool.pid)
    alone = attach(pool.pid)
    before, root = reader.sample(), alone.sample()
    assert reader.came == 3
    assert before.rss_pages > 3 * root.rss_pages
    assert before.threads == 4
    assert before.fds is not None
    assert root.fds is not None
    assert before.fds > root.fds
    shrink(pool)
    after = reader.sample()
    assert (reader.ended, len(reader.readers)) == (1, 2)
    assert after.threads == 3
    for name in tree.COUNTERS:
        assert getattr(after, name) >= getattr(before, name)
    reader.close()
    alone.close()


def test_grandchildren_by_the_lists_of_the_kernel_and_by_parents(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    for parent, pid in ((7, 8), (8, 9), (7, 10), (1, 11)):
        of(parent, proc, pid)
    assert sorted(tree.descendants(7, proc.root)) == [8, 9, 10]
    for pid, below in ((7, "8 10 "), (8, "9"), (9, ""), (10, "")):
        task = proc.root / str(pid) / "task" / str(pid)
        task.mkdir(parents=True)
        (task / "children").write_text(below)
    assert tree.descendants(7, proc.root) == [8, 10, 9]


def test_the_end_of_the_first_process_ends_the_tree(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    of(7, proc, 8)
    reader = tree.TreeReader(attach(7, proc.root), 7, proc.root)
    assert isinstance(reader.sample(), Base)
    proc.end(7)
    with pytest.raises(ProcessGone):
        reader.sample()
    reader.close()
    assert reader.readers == {}


def test_a_crowd_of_children_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    for pid in range(10, 15):
        of(7, proc, pid)
    monkeypatch.setattr(tree, "MOST_CHILDREN", 3)
    reader = tree.TreeReader(attach(7, proc.root), 7, proc.root)
    reader.sample()
    assert len(reader.readers) == 3
    reader.close()


def test_children_are_told_of_in_the_recording(pool, tmp_path: Path) -> None:
    out = tmp_path / "a.db"
    command = [sys.executable, "-m", "relengtools", "leaks", "record", "--pid", str(pool.pid), "--children"]
    subprocess.run([*command, "-o", out, "--interval", "50ms", "--duration", "300ms"], check=True, timeout=60)
    found = load(str(out))
    assert found.meta["children"] == "summed"
    assert ("children", "3 came, 0 ended, 3 there") in [(event.kind, event.text) for event in found.events]
    assert os.getpid() != pool.pid
