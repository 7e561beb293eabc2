"""Rows that wait in memory for one transaction: a disk that is full, or somebody else's lock, loses none of them."""

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from relengtools.errors import RelengError
from relengtools.leaks.recording.lock import give_way, release, reserve

# What SQLite calls an end of room, for people; making some may help.
NO_ROOM = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR_WRITE": "the disk takes no more (a quota, or an error of the disk)",
}
SAMPLE = "INSERT INTO samples "
# What tells how a run went, besides its samples.
WORDS = ("INSERT INTO events ", "INSERT INTO runs ", "INSERT INTO processes ", "UPDATE runs ", "UPDATE processes ")
ADD_EVENT = "INSERT INTO events (at_ms, kind, text) VALUES (?, ?, ?)"
LOSE = "UPDATE runs SET samples = samples - ?1, missed = missed + ?1 WHERE id = (SELECT max(id) FROM runs)"


class Unwritten:
    """The rows that wait, for an open file with the lock beside it."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: int, *, created: bool) -> None:
        self.path = path
        self.created = created
        self.connection = connection
        self.lock = lock
        self.pending: list[tuple[str, Sequence[object]]] = []
        self.file = path.stat()
        self.written = 0
        self.reserved = True
        self.given_up = False

    def later(self, sql: str, *values: object) -> None:
        """Have the statement done with the next transaction."""
        self.pending.append((sql, values))

    def flush(self, rows: int | None = None) -> str:
        """Write all that waits, or its first `rows`, in one transaction; returns why it could not, "" when it could.

        Others may append meanwhile. Raises RelengError when the file is no longer at its path: what is written there,
        nobody would find.
        """
        batch = self.pending[:rows]
        if not batch:
            return ""
        if not self.in_place():
            raise RelengError(f"{self.path}: was removed or replaced while it was recorded to")
        failure = self.commit(batch)
        if failure in NO_ROOM.values() and self.make_room():
            failure = self.commit(batch)
        if failure:
            return failure
        del self.pending[: len(batch)]
        self.written += len(batch)
        if not self.reserved:
            self.reserved = reserve(self.lock)
        return ""

    def commit(self, batch: Sequence[tuple[str, Sequence[object]]]) -> str:
        """Write these in one transaction, or none of them; returns why it could not."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            for sql, values in batch:
                self.connection.execute(sql, values)
            self.connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            return NO_ROOM.get(getattr(error, "sqlite_errorname", ""), str(error))
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        return ""

    def make_room(self) -> bool:
        """Fold the log in, which is what a small disk is full of; whether there may be room now."""
        self.reserved = False
        give_way(self.lock)
        with suppress(sqlite3.DatabaseError):
            return not self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return False

    def in_place(self) -> bool:
        """Whether the file is where it was."""
        try:
            return os.path.samestat(self.file, os.stat(self.path))  # noqa: PTH116  half the time of Path.stat
        except OSError:
            return False

    def discard(self) -> None:
        """Remove the file again: it was made by this recorder, and nothing is in it."""
        self.pending.clear()
        self.close()
        if self.in_place():
            self.path.unlink()

    def close(self) -> None:
        """Leave one file, readable without a write-ahead log; raises RelengError when samples could not be written."""
        if self.given_up:
            raise RelengError(f"{self.path}: {self.lost()} could not be written: the disk does not answer")
        failure = ""
        try:
            if failure := self.flush():
                self.write_last_words(failure)
            # Refused while somebody reads it; then the log is folded in when the last one leaves.
            with suppress(sqlite3.OperationalError):
                self.connection.execute("PRAGMA journal_mode = DELETE")
        finally:
            self.connection.close()
            release(self.path, self.lock)
        if failure:
            hint = "; make room, and record on into the same file" if failure in NO_ROOM.values() else ""
            raise RelengError(f"{self.path}: {self.lost()} could not be written: {failure}{hint}")

    def waiting(self) -> int:
        """How many samples wait."""
        return sum(sql.startswith(SAMPLE) for sql, _ in self.pending)

    def lost(self) -> str:
        """The same in words."""
        count, what = (waiting, "sample") if (waiting := self.waiting()) else (len(self.pending), "row")
        return f"{count} {what}{'s' * (count != 1)}"

    def write_last_words(self, failure: str) -> None:
        """Of what there is no room for, write how it ended, and how many samples are missing."""
        told = (ADD_EVENT, (round(time.time() * 1000), "missed", f"{self.lost()} could not be written: {failure}"))
        words = [*(each for each in self.pending if each[0].startswith(WORDS)), told, (LOSE, (self.waiting(),))]
        if self.commit(words):
            self.make_room()
            self.commit(words)
