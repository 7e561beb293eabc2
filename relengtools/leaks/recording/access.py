"""Access to a file that is a recording, to read it: whatever is wrong with it becomes one line for a person."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from relengtools.errors import RelengError
from relengtools.leaks.recording import schema
from relengtools.leaks.units import YEAR_10000

T = TypeVar("T")
SQLITE_MAGIC = b"SQLite format 3\x00"


def has_sample(path: str) -> bool:
    """Whether there is anything to `load`; raises RelengError when it is no recording."""
    with reading(path) as connection:
        return connection.execute("SELECT 1 FROM samples LIMIT 1").fetchone() is not None


@contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection]:
    """A connection that can't write, to a file that is a recording; every error of SQLite becomes a RelengError."""
    if not Path(path).is_file():
        raise RelengError(f"{path}: {'is not a file' if Path(path).exists() else 'no such file'}")
    connection: sqlite3.Connection | None = None
    try:
        connection = connected(path)
        schema.check(connection, path)
        yield connection
    except sqlite3.DatabaseError as error:
        raise RelengError(f"{path}: {schema.reason(error)}") from None
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        # SQLite hands out whatever a damaged row holds: text for a number, NULL for a key.
        raise RelengError(f"{path}: is damaged ({error}); restore it from a copy") from error
    finally:
        if connection is not None:
            connection.close()


def connected(path: str) -> sqlite3.Connection:
    """A connection that only reads, with the write-ahead log where that can be read too."""
    uri = Path(path).absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema")
    except sqlite3.OperationalError:
        connection.close()
        # The log of a recorder that was killed, in a directory that we can't write: SQLite reads it without only.
        connection = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
        connection.execute("SELECT count(*) FROM sqlite_schema")
    return connection


def is_recording(path: Path) -> bool:
    """Whether there is a file that is an SQLite database."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError:
        return False


def copy(path: str, output: Path) -> None:
    """Copy a recording, also a live one (sqlite3_backup); raises RelengError, and then leaves nothing."""
    with reading(path) as source:
        try:
            os.close(os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            raise RelengError(f"{output}: exists; choose another -o") from None
        except OSError as error:
            raise RelengError(f"{output}: cannot be written: {error.strerror}") from None
        try:
            with closing(sqlite3.connect(output)) as target:
                source.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            output.unlink(missing_ok=True)
            raise RelengError(f"{output}: cannot be written: {error}") from None


def seconds(ms: float) -> float:
    """Milliseconds as seconds; raises ValueError for a time that no calendar has."""
    if not abs(ms) < YEAR_10000 * 1000:
        raise ValueError(f"{ms} ms is no time")
    return ms / 1000


def typed(kind: type[T], value: object) -> T:
    """The value, which is of this type as it was written; raises TypeError: SQLite keeps anything in any column."""
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def version(connection: sqlite3.Connection) -> int:
    """The schema of a recording; one that is only read stays as it is."""
    return typed(int, connection.execute("PRAGMA user_version").fetchone()[0])
