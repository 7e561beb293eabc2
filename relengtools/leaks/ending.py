"""How a process ended: by itself, by a signal, or by the kernel's hand for want of memory.

Only its parent is told a signal. Of the kernel's killer, its control group counts, and the kernel's log names the
process (`Out of memory: Killed process PID (NAME) …`; Documentation/ABI/testing/dev-kmsg of Linux).
"""

import os
import re
import signal
from pathlib import Path

KMSG = Path("/dev/kmsg")
MOST_RECORDS = 100_000
# `priority,sequence,microseconds,flags;text`
KILLED = re.compile(rb"^\d+,\d+,(\d+),[^;]*;.*\bKilled process (\d+) ")


def log(path: Path = KMSG) -> list[bytes]:
    """The records of the kernel's log, none where these rights don't let one read it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    found: list[bytes] = []
    try:
        while len(found) < MOST_RECORDS and (record := next_record(fd)):
            found += record.splitlines()
    except OSError:  # EAGAIN: that was the last one
        pass
    finally:
        os.close(fd)
    return found


def next_record(fd: int) -> bytes:
    """The next record; those that the kernel has overwritten meanwhile (EPIPE) are passed over."""
    while True:
        try:
            return os.read(fd, 8192)
        except BrokenPipeError:
            continue


def killed_for_memory(pid: int, since: float, records: list[bytes]) -> bool:
    """Whether the kernel's log says that it killed this process for memory, after `since` (monotonic seconds)."""
    found = (KILLED.match(record) for record in records)
    return any(each and int(each[2]) == pid and int(each[1]) / 1e6 >= since for each in found)


def of_command(returncode: int) -> str:
    """The end of a command, in words; a negative status is the signal."""
    if returncode >= 0:
        return f"the command ended with exit status {returncode}"
    names = {each.value: each.name for each in signal.Signals}  # most of the real-time signals have none
    return f"the command was ended by {names.get(-returncode, f'signal {-returncode}')}"
