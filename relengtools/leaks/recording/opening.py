"""Opening a recording to write to it: made, gone on with, or refused; and the mark of somebody who passes by."""

import os
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from relengtools.errors import RelengError, printable
from relengtools.leaks.recording import schema
from relengtools.leaks.recording.lock import acquire, release
from relengtools.leaks.recording.write import Recording, ms

MOST_MARK = 500
# What changes the meaning of a recording, by the option that asks for it.
MEANING = {"redacted": "--redact", "children": "--children"}


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions are written out here, by whichever thread it's the turn of."""
    return sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)


def open_for_writing(path: Path, meta: Mapping[str, str]) -> Recording:
    """Create the recording, or go on with an existing one of the same selector (`meta["selector"]`).

    Raises RelengError, and leaves the file as it is: it is something else, of another selector, meaning or schema, in a
    directory that can't be written, or another recorder writes it.
    """
    refuse_network(path)
    lock = acquire(path)
    connection: sqlite3.Connection | None = None
    created = False
    try:
        created = create(path)
        connection = connect(path)
        if not created:
            schema.check(connection, path)
            same_selector(connection, path, meta["selector"])
            same_meaning(connection, path, meta)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # Rows are appended: what is kept of older pages would be memory that grows for a day, for nothing.
        connection.execute("PRAGMA cache_size = -512")
        # The log stays small, as the disk may be.
        connection.execute("PRAGMA wal_autocheckpoint = 100")
        schema.migrate(connection, meta)
        if created:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Recording(path, connection, lock, created=created)
    except BaseException as error:
        if connection:
            connection.close()
        if created:  # a disk that is full: the empty file would be in the way of the next try
            path.unlink(missing_ok=True)
        release(path, lock)
        if isinstance(error, sqlite3.DatabaseError):
            raise RelengError(f"{path}: {schema.reason(error)}") from None
        raise


def mark(path: Path, text: str, wall: float) -> None:
    """Append an annotation, also while a recorder writes; raises RelengError when the file can't take it.

    The text is told of in one line wherever events are.
    """
    line = printable(" ".join(text.split()))
    if not 0 < len(line) <= MOST_MARK:
        raise RelengError(f"the text of a mark has 1 to {MOST_MARK} characters; this one has {len(line)}")
    if not path.is_file():
        raise RelengError(f"{path}: no such recording")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=10.0)) as connection:
            schema.check(connection, path)
            with connection:
                connection.execute("INSERT INTO events (at_ms, kind, text) VALUES (?, 'mark', ?)", (ms(wall), line))
    except sqlite3.DatabaseError as error:
        raise RelengError(f"{path}: {schema.reason(error)}") from None


NETWORK = re.compile(r"nfs|cifs|smb|afs|ceph|lustre|gfs|ocfs|beegfs|coda|ncp|fuse\.(ssh|gluster|ceph|rclone|s3)")


def refuse_network(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> None:
    """Raise RelengError on a network file system: SQLite's log needs memory that all its users share."""
    try:
        device = path.parent.stat().st_dev
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = [line.partition(" - ")[2].split()[0] for line in lines if line.split()[2:3] == [number] and " - " in line]
    if kinds and NETWORK.match(kinds[-1]):
        raise RelengError(f"{path}: is on a network file system ({kinds[-1]}); record to a local disk")


def create(path: Path) -> bool:
    """Make the file, for its owner only; False when there is one already that may be a recording."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise RelengError(f"{path}: exists and is not a file") from None
        if not path.stat().st_size:
            raise RelengError(
                f"{path}: exists, is empty, and is not a recording; remove it or choose another -o"
            ) from None
        return False
    except OSError as error:
        raise RelengError(f"{path}: cannot be written: {error.strerror}") from None
    return True


def same_selector(connection: sqlite3.Connection, path: Path, wanted: str) -> None:
    """Raise RelengError unless the recording is of what is to be recorded now."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'selector'").fetchone()
    if row is None or row[0] != wanted:
        raise RelengError(f"{path}: is a recording of `{row and row[0]}`, not of `{wanted}`; choose another -o")


def same_meaning(connection: sqlite3.Connection, path: Path, wanted: Mapping[str, str]) -> None:
    """Raise RelengError where what is masked, or what is summed, would be another thing from here on."""
    found = dict(connection.execute("SELECT key, value FROM meta"))
    for key, option in MEANING.items():
        if bool(found.get(key)) != bool(wanted.get(key)):
            said = f"with {option}; say it again" if found.get(key) else f"without {option}; leave it out"
            raise RelengError(f"{path}: was recorded {said}, or choose another -o")
