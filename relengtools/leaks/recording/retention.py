"""What a recording forgets so that its file stays bounded however often its target, or its recorder, begin anew.

Of lives, those that were watched for the shortest time go first, for they tell least; of all else what is oldest. What
went is counted in the table `forgotten`, and told wherever a recording is judged.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence

from relengtools.leaks.recording import schema

# So many rows are kept: of events of each kind, of profiles so many bytes.
MOST = {
    "processes": 1_000,
    "workers": 5_000,
    "runs": 1_000,
    "descriptors": 100_000,
    "levels": 200_000,
    "events": 5_000,
    "profiles": 64 << 20,
}
# The last so many processes stay, however short they were.
LATEST = 100
# So many lives at a time.
MOST_LIVES = 5_000
# What has a row for a sample, and for a process, by the column that says which.
OF_SAMPLE = {"samples": "id", "scans": "sample", "scrapes": "sample", "rollups": "sample", "worker_samples": "sample"}
OF_PROCESS = {"processes": "id"} | dict.fromkeys(
    ("segments", "heard", "levels", "descriptors", "profiles", "workers", "past_descriptors"), "process"
)


def forget(connection: sqlite3.Connection) -> int:
    """Drop what is beyond the bounds, within the caller's transaction; returns how many rows that were counted."""
    steps = (processes, workers, runs, descriptors, levels, events, profiles)
    gone = {step.__name__: step(connection) for step in steps}
    note(connection, gone)
    return sum(gone.values())


def note(connection: sqlite3.Connection, gone: Mapping[str, int]) -> None:
    """Count what went."""
    connection.executemany(
        "INSERT INTO forgotten VALUES (?, ?) ON CONFLICT (what) DO UPDATE SET rows = rows + excluded.rows",
        [(what, count) for what, count in gone.items() if count],
    )


def beyond(connection: sqlite3.Connection, table: str) -> int:
    """How many rows of a table are more than are kept."""
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  own names
    return max(int(count) - MOST[table], 0)


def processes(connection: sqlite3.Connection) -> int:
    """The processes that were watched for the shortest time go, with all that is of them."""
    found: list[tuple[int, int, int]] = connection.execute(
        "WITH ends AS (SELECT process, min(id) AS first, max(id) AS last FROM segments GROUP BY process)"
        " SELECT p.id, ifnull(first, 0), ifnull(last, 0) FROM processes p LEFT JOIN ends e ON e.process = p.id"
        " LEFT JOIN segments a ON a.id = first LEFT JOIN segments z ON z.id = last"
        " WHERE p.id <= (SELECT max(id) FROM processes) - ?2"
        " ORDER BY z.mono_ms - a.mono_ms + ifnull((SELECT s.t FROM samples s WHERE s.id BETWEEN last << ?3"
        " AND ((last + 1) << ?3) - 1 ORDER BY s.id DESC LIMIT 1), 0), p.id LIMIT ?1",
        (min(beyond(connection, "processes"), MOST_LIVES), LATEST, schema.SEGMENT_BITS),
    ).fetchall()
    bits = schema.SEGMENT_BITS
    ranges = [(first << bits, ((last + 1) << bits) - 1) for _, first, last in found if last]
    for table, key in OF_SAMPLE.items():
        connection.executemany(f"DELETE FROM {table} WHERE {key} BETWEEN ? AND ?", ranges)  # noqa: S608  own names
    for table, key in OF_PROCESS.items():
        delete(connection, table, key, [id_ for id_, _, _ in found])
    return len(found)


def delete(connection: sqlite3.Connection, table: str, key: str, ids: Sequence[int]) -> int:
    """Delete the rows of a table that have one of these ids."""
    wanted = json.dumps(ids)
    rows = f"DELETE FROM {table} WHERE {key} IN (SELECT value FROM json_each(?))"  # noqa: S608  own names
    return connection.execute(rows, (wanted,)).rowcount if ids else 0


def workers(connection: sqlite3.Connection) -> int:
    """The children that lived for the shortest time go, not those that there are."""
    found = connection.execute(
        "WITH ends AS (SELECT process, max(wall_ms) AS seen_ms FROM segments GROUP BY process)"
        " SELECT w.id FROM workers w LEFT JOIN processes p ON p.id = w.process LEFT JOIN ends e ON e.process = p.id"
        " WHERE w.ended_ms IS NOT NULL OR w.process < (SELECT max(id) FROM processes)"
        " ORDER BY coalesce(w.ended_ms, p.ended_ms, seen_ms, 0) - w.started * 1000, w.id LIMIT ?",
        (min(beyond(connection, "workers"), MOST_LIVES),),
    )
    ids = [id_ for (id_,) in found]
    delete(connection, "worker_samples", "worker", ids)
    return delete(connection, "workers", "id", ids)


def runs(connection: sqlite3.Connection) -> int:
    """The oldest runs go; a recorder that a supervisor starts again and again makes many."""
    return connection.execute("DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - ?", (MOST["runs"],)).rowcount


def descriptors(connection: sqlite3.Connection) -> int:
    """The oldest go, but for what is open and for what the last process had at first: growth is told from those two."""
    (latest,) = connection.execute("SELECT max(id) FROM processes").fetchone()
    found = connection.execute(
        "SELECT id FROM descriptors WHERE NOT (process = ?1 AND ("
        " NOT born_seen AND run = (SELECT min(run) FROM descriptors WHERE process = ?1)"
        " OR gone IS NULL AND run = (SELECT max(run) FROM descriptors WHERE process = ?1))) ORDER BY id LIMIT ?2",
        (latest, beyond(connection, "descriptors")),
    )
    ids = [id_ for (id_,) in found]
    connection.execute(
        "INSERT INTO past_descriptors SELECT process, class, sum(born_seen), sum(gone IS NOT NULL) FROM descriptors"
        " WHERE process = ? AND id IN (SELECT value FROM json_each(?)) GROUP BY class"
        " ON CONFLICT (process, class) DO UPDATE SET born = born + excluded.born, died = died + excluded.died",
        (latest, json.dumps(ids)),
    )
    connection.execute("DELETE FROM past_descriptors WHERE process < ?", (latest,))
    return delete(connection, "descriptors", "id", ids)


def levels(connection: sqlite3.Connection) -> int:
    """The oldest go, but for the last of each limit: what doesn't move is told once."""
    return connection.execute(
        "DELETE FROM levels WHERE id IN (SELECT id FROM levels"
        " WHERE id NOT IN (SELECT max(id) FROM levels GROUP BY process, name) ORDER BY id LIMIT ?)",
        (beyond(connection, "levels"),),
    ).rowcount


def events(connection: sqlite3.Connection) -> int:
    """The oldest of each kind go: a target that crashes in a loop drives no gap and no mark out."""
    return connection.execute(
        "DELETE FROM events WHERE id IN (SELECT id FROM"
        " (SELECT id, row_number() OVER (PARTITION BY kind ORDER BY id DESC) AS place FROM events) WHERE place > ?)",
        (MOST["events"],),
    ).rowcount


def profiles(connection: sqlite3.Connection) -> int:
    """The oldest go, but for the first and the last of each kind of the last process that has any."""
    # A statement that begins with WITH has no rowcount.
    return connection.execute(
        "DELETE FROM profiles WHERE id IN (SELECT id FROM"
        " (SELECT id, sum(length(data)) OVER (ORDER BY id DESC) AS bytes FROM profiles) WHERE bytes > ?)"
        " AND id NOT IN (SELECT min(id) FROM profiles GROUP BY process, kind HAVING process = (SELECT max(process)"
        " FROM profiles) UNION SELECT max(id) FROM profiles GROUP BY process, kind HAVING process ="
        " (SELECT max(process) FROM profiles))",
        (MOST["profiles"],),
    ).rowcount
