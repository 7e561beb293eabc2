"""Programs in a session of their own, which end with all that they started: too late, or when we are interrupted."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

_GONE_S = 5.0
_EVERY_S = 0.01


def run(
    command: Sequence[str], directory: str | None, environment: Mapping[str, str], said: IO[bytes], limit_s: float
) -> int:
    """The exit status of a program without input, whose output goes to the file `said`.

    After `limit_s`, and when this is interrupted, its process group is killed; raises TimeoutExpired.
    """
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,
    )
    try:
        return process.wait(limit_s)
    except BaseException:
        _kill(process)
        raise


@contextmanager
def ending() -> Iterator[None]:
    """SIGTERM and SIGHUP are as good as Ctrl-C, since they don't reach what runs in other sessions."""
    taken = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        for number in numbers:
            if signal.getsignal(number) is signal.SIG_DFL:
                taken[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the group and wait until it is gone, since its files are to be taken away next."""
    if not hasattr(os, "killpg"):
        process.kill()
        process.wait()
        return
    # Not yet waited for, so the number is still that of its group.
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    until = time.monotonic() + _GONE_S
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(process.pid, 0)
            time.sleep(_EVERY_S)
