"""A function over many items, by as many processes as there are processors to run on."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, NoReturn, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
SHARE = 25
"""So many items are worth a process: one takes about a millisecond, a process a few."""


def mapped(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """`[function(item) for item in items]`, of a function that reads and answers, and changes nothing.

    The workers are forks: they see what this process has read, and only their results have to be pickled. What a
    worker can't do, for whatever reason, is done here, so that an error is raised as it would be anyway.
    """
    shares = len(items) // SHARE
    if shares < 2 or (shares := min(shares, _processors())) < 2:
        return [function(item) for item in items]
    results: list[Any] = [None] * len(items)
    results[:SHARE] = map(function, items[:SHARE])  # by which all modules are loaded that a worker needs too
    own, *others = (slice(SHARE + number, None, shares) for number in range(shares))
    with ExitStack() as workers:
        pipes = [workers.enter_context(_worker(function, items[share])) for share in others]
        results[own] = map(function, items[own])
        for share, pipe in zip(others, pipes, strict=True):
            results[share] = _answers(pipe) or map(function, items[share])
    return results


def _processors() -> int:
    """How many this process may use; 1 where it can't fork, or where a fork could inherit a lock from a thread."""
    import threading

    alone = hasattr(os, "sched_getaffinity") and threading.active_count() == 1
    return len(os.sched_getaffinity(0)) if alone else 1


@contextmanager
def _worker(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[BinaryIO]:
    """A process at work on `items`, by the pipe that it answers to; it ends with the context."""
    import signal

    parent = os.getpid()
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        try:
            pid = os.fork()
        except OSError:  # no memory, or no more processes for this user
            os.close(writing)
            yield io.BytesIO()
            return
        if pid == 0:
            _work(function, items, writing, parent)
        os.close(writing)
        try:
            yield pipe
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _work(function: Callable[[Item], Result], items: Sequence[Item], writing: int, parent: int) -> NoReturn:
    """Answer and end at once: what stands in buffers, and what has to be done at exit, is the other process's."""
    try:
        import pickle

        with os.fdopen(writing, "wb") as pipe:
            pickle.dump([function(item) for item in _awaited(items, parent)], pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


def _awaited(items: Sequence[Item], parent: int) -> Iterator[Item]:
    """The items, as long as somebody waits for the answers: a parent that was killed can't say that it doesn't."""
    for item in items:
        if os.getppid() != parent:
            return
        yield item


def _answers(pipe: BinaryIO) -> list[Any] | None:
    """What a worker found out; None where it couldn't."""
    import pickle

    try:
        answers: list[Any] = pickle.load(pipe)  # noqa: S301  (from a fork of this process)
    except (EOFError, pickle.UnpicklingError):
        return None
    return answers
