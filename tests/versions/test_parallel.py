"""A function over many items by several processes: the same answers, errors and nothing left behind.

Each case is a process of its own, as forks of one with threads are not made.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FLEET = Path(__file__).parents[1] / "fleet"
BEFORE = """
import os, signal, sys, threading
from relengtools.versions import parallel
os.sched_getaffinity = lambda pid: {0, 1, 2}
first = os.getpid()
items = list(range(100))
def pids(item):
    return os.getpid()
"""


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", BEFORE + code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("count", "processes"), [(0, 1), (1, 1), (49, 1), (50, 2), (51, 2), (74, 2), (75, 3), (100, 3), (1000, 3)]
)
def test_answers_are_in_order_whatever_the_number_of_processes(count: int, processes: int) -> None:
    code = f"""
items = list(range({count}))
assert parallel.mapped(lambda item: item * item, items) == [item * item for item in items]
print(len({{first, *parallel.mapped(pids, items)}}))
"""
    assert said(code) == [str(processes)]


@pytest.mark.parametrize(
    "fault",
    ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "raise ValueError", "sys.exit(3)", "return lambda: item"],
)
def test_what_a_worker_cannot_do_is_done_here(fault: str) -> None:
    code = f"""
def function(item):
    if os.getpid() != first and item > 90:
        {fault}
    return item
print(parallel.mapped(function, items) == items)
"""
    assert said(code) == ["True"]


def test_where_no_process_can_be_had_all_is_done_here() -> None:
    code = """
def refused():
    raise BlockingIOError(11, "Resource temporarily unavailable")
os.fork = refused
print(set(parallel.mapped(pids, items)) == {first})
"""
    assert said(code) == ["True"]


def test_an_error_is_raised_as_without_workers() -> None:
    code = """
def function(item):
    if item == 93:
        raise ValueError("of 93")
try:
    parallel.mapped(function, items)
except ValueError as error:
    print(*error.args)
"""
    assert said(code) == ["of", "93"]


def test_an_interrupted_process_leaves_none_behind() -> None:
    code = """
def function(item):
    if item > 30:
        if os.getpid() == first:
            raise KeyboardInterrupt
        signal.pause()
try:
    parallel.mapped(function, items)
except KeyboardInterrupt:
    print("interrupted")
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("alone")
"""
    assert said(code) == ["interrupted", "alone"]


def test_beside_a_thread_nothing_is_forked() -> None:
    code = """
end = threading.Event()
threading.Thread(target=end.wait).start()
print(set(parallel.mapped(pids, items)) == {first})
end.set()
"""
    assert said(code) == ["True"]


def test_what_was_to_be_printed_is_printed_once() -> None:
    assert said("sys.stdout.write('once'); parallel.mapped(pids, items)") == ["once"]


@pytest.mark.parametrize("command", [["list"], ["check"], ["check", "--diff", "--unsafe-fixes"]])
def test_a_tree_is_told_of_as_by_one_process(command: list[str], tmp_path: Path) -> None:
    kinds = sorted(FLEET.iterdir())
    for number in range(60):
        shutil.copytree(kinds[number % len(kinds)], tmp_path / f"p{number}")
    answers = [told(count, command, tmp_path) for count in (1, 2, 5)]
    assert answers[0][0]
    assert answers == [answers[0]] * 3


def told(processors: int, command: list[str], inside: Path) -> tuple[str, str, int]:
    code = f"import os, sys; os.sched_getaffinity = lambda pid: set(range({processors}))"
    code += f"; sys.argv[1:] = {['versions', *command]}; from relengtools.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=inside, capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr, done.returncode


def test_a_worker_ends_when_nobody_waits_for_it() -> None:
    code = """
assert list(parallel._awaited(items, os.getppid())) == items
print(list(parallel._awaited(items, first)))
"""
    assert said(code) == ["[]"]
