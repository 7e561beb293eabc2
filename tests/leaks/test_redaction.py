"""`record --redact` and `leaks mark`: what a recording must not hold, and what somebody adds to it."""

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from relengtools import cli
from relengtools.errors import RelengError
from relengtools.leaks.descriptors import Descriptor, Key, Kind
from relengtools.leaks.recording import load, mark, open_for_writing
from relengtools.leaks.redaction import Mask, selector_text, url_text
from relengtools.leaks.target import By, Selector

FROZEN = Path(__file__).parent / "data" / "schema-1.sqlite"
KEY = Key(3, 1, 0, "")


@pytest.mark.parametrize(
    ("kind", "label", "kept"),
    [
        (Kind.FILE, "/home/alice/N.log", False),
        (Kind.OTHER, "/dev/null", False),
        (Kind.PIPE, "/run/alice.fifo", False),
        (Kind.SOCKET, "unix /run/alice", False),
        (Kind.SOCKET, "unix @alice", False),
        (Kind.SOCKET, "tcp in :6667", True),
        (Kind.PIPE, "pipe", True),
        (Kind.ANON, "[eventpoll]", True),
    ],
)
def test_paths_are_masked_and_roles_kept(kind: Kind, label: str, kept: bool) -> None:
    mask = Mask()
    masked = mask.descriptor(Descriptor(KEY, kind, label)).label
    assert (masked == label) is kept
    assert kept or "alice" not in masked
    assert masked == mask.descriptor(Descriptor(KEY, kind, label)).label
    assert kept or masked != Mask().descriptor(Descriptor(KEY, kind, label)).label


def test_addresses_are_masked_and_ports_kept() -> None:
    mask = Mask()
    each = mask.descriptor(Descriptor(KEY, Kind.SOCKET, "tcp in :6667", "established", "10.0.0.1:6667", "[::5]:4711"))
    assert each.local.endswith(":6667")
    assert each.peer.endswith(":4711")
    assert "10.0" not in each.local
    assert "::5" not in each.peer
    assert mask.address("10.0.0.1:1").split(":")[0] == each.local.split(":")[0]


def test_a_command_and_a_token_are_masked() -> None:
    assert selector_text(Selector(By.COMMAND, "soju --password x", ("soju", "--password", "x"))) == "-- soju [redacted]"
    assert selector_text(Selector(By.NAME, "soju")) == "--name soju"
    assert url_text("http://h/metrics?token=s") == "http://h/metrics"
    assert url_text(None) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_nothing_that_is_redacted_is_anywhere_in_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "alice-secret"
    secret.touch()
    listener = socket.create_server(("127.0.0.42", 0))
    program = (
        f"import socket, time; kept = open({str(secret)!r});"
        f"other = socket.create_connection(('127.0.0.42', {listener.getsockname()[1]})); time.sleep(1)"
    )
    out = tmp_path / "a.db"
    record = [sys.executable, "-m", "relengtools", "leaks", "record", "--redact", "-o", out, "--interval", "50ms"]
    subprocess.run([*record, "--", sys.executable, "-c", program], check=True, timeout=60, capture_output=True)
    assert any(life.peer for life in load(str(out)).lives)
    for forbidden in (b"alice-secret", b"127.0.0.42", b"create_connection"):
        assert forbidden not in out.read_bytes()
    listener.close()


def test_durable_waits_for_the_disk(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "a", {"selector": "x"})) as recording:
        recording.be_durable()
        assert recording.connection.execute("PRAGMA synchronous").fetchone() == (2,)


# ------------------------------------------------------------------------------------------------ mark


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    copy = tmp_path / "a.db"
    copy.write_bytes(FROZEN.read_bytes())
    return copy


def test_a_mark_is_an_event(recording: Path) -> None:
    result = CliRunner().invoke(cli.relengtools, ["leaks", "mark", str(recording), "deployed", "0.9.1\x1b[2J"])
    assert (result.exit_code, result.output) == (0, "")
    event = load(str(recording)).events[-1]
    assert (event.kind, event.text) == ("mark", "deployed 0.9.1\\x1b[2J")


def test_a_mark_goes_into_a_live_recording(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "a", {"selector": "x"})) as recording:
        mark(tmp_path / "a", "now", 1.7e9)
        assert recording.connection.execute("SELECT kind, text FROM events").fetchall() == [("mark", "now")]
        recording.connection.execute("INSERT INTO events (at_ms, kind, text) VALUES (1, 'end', '')")


@pytest.mark.parametrize("text", ["", " \n", "x" * 501])
def test_a_text_that_is_none_is_refused(recording: Path, text: str) -> None:
    with pytest.raises(RelengError, match="has 1 to 500 characters"):
        mark(recording, text, 1.7e9)


def test_what_is_no_recording_gets_no_mark(tmp_path: Path) -> None:
    with pytest.raises(RelengError, match="no such recording"):
        mark(tmp_path / "none", "x", 1.7e9)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "text").write_text("hello " * 100)
    with pytest.raises(RelengError, match="is not a recording"):
        mark(tmp_path / "text", "x", 1.7e9)
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE events (a)")
    with pytest.raises(RelengError, match="is not a recording"):
        mark(tmp_path / "other", "x", 1.7e9)
