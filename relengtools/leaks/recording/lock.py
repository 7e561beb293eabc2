"""The lock beside a recording: one recorder writes it; the lock of one that was killed doesn't hold.

The file is of some size: a disk that is full still takes what must be told once this is let go.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from relengtools.errors import RelengError

RESERVE = 128 << 10


def lock_path(path: Path) -> Path:
    """The file beside the recording that its recorder holds locked."""
    return path.with_name(f"{path.name}.lock")


def acquire(path: Path) -> int:
    """Lock the file beside the recording; raises RelengError when another recorder has it."""
    beside = lock_path(path)
    while True:
        try:
            lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise RelengError(f"{path}: cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), beside.stat()):
                reserve(lock)
                return lock
        except BlockingIOError:
            os.close(lock)
            raise RelengError(f"{path}: another recorder is writing it") from None
        except FileNotFoundError:
            # Its owner removed it between our open and our lock: that lock guards nothing any more.
            pass
        os.close(lock)


def reserve(lock: int) -> bool:
    """Take room on the disk; whether it had some."""
    with suppress(OSError, AttributeError):
        os.posix_fallocate(lock, 0, RESERVE)
        return True
    return False


def give_way(lock: int) -> None:
    """Let go of that room."""
    with suppress(OSError):
        os.ftruncate(lock, 0)


def release(path: Path, lock: int) -> None:
    """Remove the lock file while it's still held, then let go."""
    lock_path(path).unlink(missing_ok=True)
    os.close(lock)
