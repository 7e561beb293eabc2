#!/usr/bin/env python3
"""A process that leaks on demand: memory, file descriptors, connections that the peer has closed.

The schedule is absolute: t seconds after the start it holds exactly what t seconds at the given rates make, so what a
recorder sees can be compared with what was asked for. It ends by itself. Standard library only.
"""

import argparse
import contextlib
import math
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICK_S = 0.1


class Leak(NamedTuple):
    """What is lost: UNITS at RATE_PER_S, each piece made by MAKE(units) and kept alive by holding what it returns."""

    rate_per_s: float
    unit: int
    make: Callable[[int], Any]


def fill(size_bytes: int) -> bytes:
    """Memory that is resident, since every page of it is written."""
    return b"\x01" * size_bytes


def open_files(folder: Path) -> Callable[[int], list[Any]]:
    """A maker of open files that have a name each."""
    return lambda count: [(folder / f"{time.monotonic_ns()}.log").open("wb", buffering=0) for _ in range(count)]


def open_sockets(count: int) -> list[socket.socket]:
    """Sockets that never were connected: they stand in no table of /proc/net."""
    return [socket.socket() for _ in range(count)]


class Pipe:
    """The reading end of a pipe whose writing end is closed: one descriptor."""

    def __init__(self) -> None:
        self.fd, other = os.pipe()
        os.close(other)

    def close(self) -> None:
        """Release the descriptor."""
        os.close(self.fd)


def open_pipes(count: int) -> list[Pipe]:
    """Pipes of one descriptor each."""
    return [Pipe() for _ in range(count)]


def closed_by_peer(listener: socket.socket) -> Callable[[int], list[socket.socket]]:
    """A maker of accepted connections whose peer has gone: they stay in CLOSE_WAIT."""

    def accept() -> socket.socket:
        with socket.create_connection(listener.getsockname()):
            return listener.accept()[0]

    return lambda count: [accept() for _ in range(count)]


def release(piece: Any) -> None:
    """Close the descriptors of a piece; memory goes with the last reference to it."""
    for each in piece if isinstance(piece, list) else ():
        each.close()


def hold(leaks: list[Leak], duration_s: float, *, clean: bool) -> None:
    """Make every tick what is due by then, and keep it; a clean run makes as much and releases it at once."""
    start = time.monotonic()
    made = [0] * len(leaks)
    kept = []
    now = 0.0
    while now < duration_s:
        next_tick = (int(now / TICK_S) + 1) * TICK_S
        time.sleep(max(0.0, min(next_tick, duration_s) - (time.monotonic() - start)))
        now = min(time.monotonic() - start, duration_s)
        for index, leak in enumerate(leaks):
            due = int(leak.rate_per_s * now / leak.unit) * leak.unit - made[index]
            if due > 0:
                piece = leak.make(due)
                made[index] += due
                release(piece) if clean else kept.append(piece)


def amount(text: str) -> float:
    """A number that is neither negative nor endless."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 up")
    return value


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rss-per-s", type=amount, default=0, metavar="BYTES", help="resident memory lost a second")
    parser.add_argument(
        "--fds-per-s", type=amount, default=0, metavar="N", help="descriptors lost a second (0.2: one in 5 s)"
    )
    parser.add_argument(
        "--fd-kind", choices=("pipe", "file", "socket"), default="pipe", help="their kind (default: pipe)"
    )
    parser.add_argument(
        "--close-wait-per-s", type=amount, default=0, metavar="N", help="connections lost a second, left in CLOSE_WAIT"
    )
    parser.add_argument("--duration", type=amount, default=600, metavar="S", help="end after S seconds (default: 600)")
    parser.add_argument("--clean", action="store_true", help="do the same work at the same rates, and lose nothing")
    return parser.parse_args()


def main() -> int:
    """Leak until the time is over; the exit code."""
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leaky-")))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        fds = {"pipe": open_pipes, "file": open_files(folder), "socket": open_sockets}[args.fd_kind]
        leaks = [
            Leak(args.rss_per_s, PAGE_BYTES, fill),
            Leak(args.fds_per_s, 1, fds),
            Leak(args.close_wait_per_s, 1, closed_by_peer(listener)),
        ]
        print(f"leaky_process: pid {os.getpid()}, ends by itself after {args.duration:g} s", flush=True)
        try:
            hold(leaks, args.duration, clean=args.clean)
        except OSError as error:
            print(f"leaky_process: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
