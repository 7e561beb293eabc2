"""`leaks record`, `analyze` and `report` as a user calls them: exit codes, what goes where, and bad input."""

import csv
import json
import os
import pty
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from leaks.faultyserver import endlessly, hangs, head, page, says, serving
from leaks.synthetic import bouncer

from relengtools import cli
from relengtools.errors import RelengError
from relengtools.leaks import series
from relengtools.leaks.recording import load, schema

ROOT = Path(__file__).parents[2]
FROZEN = Path(__file__).parent / "data" / "schema-1.sqlite"
SOJU = ROOT / "reports" / "soju" / "soju.db"
PROGRAM = (sys.executable, "-m", "relengtools", "leaks")
QUICK = ("--interval", "50ms", "--duration", "300ms")
SLEEP = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)")


def leaks(*arguments: object, stdin: str = "") -> Result:
    """Run `relengtools leaks` in this process; what main() makes of a RelengError is in tests/test_cli.py."""
    return CliRunner().invoke(cli.relengtools, ["leaks", *map(str, arguments)], input=stdin)


def refused(*arguments: object, stdin: str = "") -> str:
    """The one line of a RelengError, after which nothing is on stdout."""
    result = leaks(*arguments, stdin=stdin)
    assert isinstance(result.exception, RelengError), result.output
    assert result.stdout == ""
    assert str(result.exception).isprintable()
    return str(result.exception)


def program(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, **({"capture_output": True, "text": True, "cwd": ROOT, "timeout": 60} | options))


def write_csv(path: Path, columns, step: float = 1.0) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["ts_unix", *columns])
        for row, values in enumerate(zip(*columns.values(), strict=True)):
            writer.writerow([1_700_000_000 + row * step, *values])
    return path


@pytest.fixture(scope="session")
def leaky(tmp_path_factory) -> Path:
    return write_csv(tmp_path_factory.mktemp("csv") / "leaky.csv", bouncer(1, n=900, goroutine_leak=0.05, fd_leak=0.02))


@pytest.fixture(scope="session")
def clean(tmp_path_factory) -> Path:
    return write_csv(tmp_path_factory.mktemp("csv") / "clean.csv", bouncer(1, n=900))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


# ------------------------------------------------------------------------------------------------ record


def test_a_pid_is_recorded(child, tmp_path: Path) -> None:
    out = tmp_path / "a.db"
    result = leaks("record", "--pid", child.pid, "-o", out, *QUICK)
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    told = result.stderr.splitlines()
    assert re.fullmatch(rf"relengtools: recording \S+ \(pid {child.pid}\) to {out}", told[0])
    assert re.fullmatch(r"relengtools: end of the duration: \d+ samples.*", told[-1])
    assert load(str(out)).processes[0].pid == child.pid


def test_a_name_is_recorded(tmp_path: Path) -> None:
    named = tmp_path / f"napper-{os.getpid()}"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", named)
    with subprocess.Popen([named, "60"]) as process:
        result = leaks("record", "--name", named.name, "-o", tmp_path / "a.db", *QUICK)
        process.kill()
    assert result.exit_code == 0
    assert load(str(tmp_path / "a.db")).processes[0].pid == process.pid


def test_who_listens_is_recorded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = leaks("record", "--listen", f"127.0.0.1:{port}", "-o", tmp_path / "a.db", *QUICK)
    assert result.exit_code == 0
    assert load(str(tmp_path / "a.db")).processes[0].pid == os.getpid()


def test_a_command_is_started_recorded_and_ended(tmp_path: Path) -> None:
    done = program("record", "-o", tmp_path / "a.db", *QUICK, "--", *SLEEP)
    assert done.returncode == 0
    assert done.stdout == f"up\n{tmp_path / 'a.db'}\n"
    (process,) = load(str(tmp_path / "a.db")).processes
    assert not Path(f"/proc/{process.pid}").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--listen, --cgroup, or a command after --; given: none"),
        (("--pid", "1", "--name", "x"), "given: --pid and --name"),
        (("--pid", "1", "--", "sleep", "1"), "given: --pid and --"),
        (("--pid", 2**22 + 1), "no such process"),
        (("--name", ""), "--name is empty"),
        (("--listen", "6667"), "expected HOST:PORT"),
        (("--", "no-such-program-anywhere"), "no such command"),
        (("--pid", "1", "--interval", "0s"), "--interval 0 s: choose between 10 ms and a day"),
        (("--pid", "1", "--interval", "2d"), "choose between 10 ms and a day"),
        (("--pid", "1", "--duration", "1s"), "--duration 1 s: choose from one interval (10 s) up"),
        (("--pid", "1", "--duration", "1e999"), "--duration inf s: choose from one interval (10 s) up"),
        (("--pid", "1", "--metrics", "https://localhost/metrics"), "expected http://HOST:PORT/PATH"),
        (("--pid", "1", "--pprof", "localhost:7002"), "expected http://HOST:PORT/PATH"),
        (("--pid", "1", "--metrics", "http://x/\x1b[2J"), "printable ASCII"),
    ],
)
def test_a_call_that_cannot_be_meant_records_nothing(tmp_path: Path, arguments, told: str) -> None:
    assert told in refused("record", "-o", tmp_path / "a.db", *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("10s", 10), ("1.5min", 90), ("5m", 300), ("2h", 7200), ("7d", 604800), ("2w", 1209600), ("3", 3)],
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    from relengtools.leaks.commands import DURATION

    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "s", "10x", "ten s", "1s2", "nan", "10 s s", "inf", "0x10s"])
def test_what_is_no_duration_is_a_usage_error_that_shows_some(text: str) -> None:
    result = leaks("record", "--pid", "1", "--interval", text)
    assert result.exit_code == 2
    assert "write 500ms, 10s, 5min, 2h or 7d" in result.stderr


def test_an_existing_recording_of_the_same_target_goes_on(child, tmp_path: Path) -> None:
    out = tmp_path / "a.db"
    for _ in range(2):
        assert leaks("record", "--pid", child.pid, "-o", out, *QUICK).exit_code == 0
    found = load(str(out))
    assert (len(found.runs), len(found.processes)) == (2, 1)


@pytest.mark.parametrize("there", ["another target", "text", "nothing", "a folder"])
def test_anything_else_at_the_output_is_refused_and_stays(child, tmp_path: Path, there: str) -> None:
    out = tmp_path / "a.db"
    if there == "another target":
        shutil.copy(FROZEN, out)
    elif there == "a folder":
        out.mkdir()
    else:
        out.write_text("somebody's\n" * (there == "text"))
    before = out.is_file() and out.read_bytes()
    told = refused("record", "--pid", child.pid, "-o", out, *QUICK)
    assert told.startswith(str(out))
    assert (out.is_file() and out.read_bytes()) == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


def test_an_output_in_no_folder_is_refused(child, tmp_path: Path) -> None:
    assert "cannot be written" in refused("record", "--pid", child.pid, "-o", tmp_path / "none" / "a.db", *QUICK)


def test_the_default_output_is_in_the_working_directory(tmp_path: Path) -> None:
    done = program("record", *QUICK, "--", "sleep", "60", cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
    assert [f"{each.name}\n" for each in tmp_path.iterdir()] == [done.stdout]
    assert re.fullmatch(r"sleep-\d{8}-\d{6}\.sqlite\n", done.stdout)


def test_where_no_process_came_nothing_was_recorded(tmp_path: Path) -> None:
    done = program("record", "--name", "no-such-program-anywhere", "-o", tmp_path / "a.db", *QUICK)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert done.stderr.splitlines() == [
        "relengtools: waiting for --name no-such-program-anywhere",
        "relengtools: end of the duration; nothing was recorded",
    ]
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["-o", ""], "-o '.' is no file"),
        (["-o", "-"], "-o '-' is no file"),
        (["--metrics", ""], "--metrics is empty"),
        (["--pprof", ""], "--pprof is empty"),
    ],
)
def test_an_empty_argument_is_refused(child, tmp_path: Path, monkeypatch, arguments: list[str], part: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert part in refused("record", "--pid", child.pid, *QUICK, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_recording_cleanly(child, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "a.db"
    command = [*PROGRAM, "record", "--pid", str(child.pid), "-o", str(out), "--interval", "20s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as recorder:
        assert recorder.stderr is not None
        assert recorder.stderr.readline().startswith("relengtools: recording ")
        assert "another recorder is writing it" in refused("record", "--pid", child.pid, "-o", out, *QUICK)
        recorder.send_signal(number)
        stdout, stderr = recorder.communicate(timeout=30)
    assert (recorder.returncode, stdout) == (0, f"{out}\n")
    assert re.fullmatch(rf"relengtools: stopped by {number.name}: [12] samples?\n", stderr)
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]
    assert load(str(out)).runs[0].reason == f"stopped by {number.name}"
    assert child.poll() is None


def test_a_process_that_exits_between_samples_ends_the_recording(tmp_path: Path) -> None:
    out = tmp_path / "a.db"
    with subprocess.Popen(["sleep", "0.5"]) as child:
        result = leaks("record", "--pid", child.pid, "-o", out, "--interval", "30s", "--duration", "60s")
    assert result.exit_code == 0
    assert "the process ended: 1 sample" in result.stderr


FAULTS = {
    "hangs": hangs,
    "garbage": says(b"\x00\x1b]0;evil\x07\xff" * 50),
    "html": says(page(b"<html>\x1b[2J</html>\n")),
    "endless": endlessly(b"# padding\n" * 6553, head()),
    "an error": says(page(b"no", "500 \x1b[2JNo")),
}


@pytest.mark.parametrize("fault", [*FAULTS, "refuses"])
def test_a_faulty_metrics_endpoint_is_told_once_and_the_recording_goes_on(child, tmp_path: Path, fault: str) -> None:
    out = tmp_path / "a.db"
    with serving(FAULTS.get(fault, hangs)) as url, socket.create_server(("127.0.0.1", 0)) as unused:
        if fault == "refuses":
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/metrics"
            unused.close()
        result = leaks(
            "record", "--pid", child.pid, "-o", out, "--metrics", url, "--interval", "100ms", "--duration", "900ms"
        )
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    told = result.stderr.splitlines()
    assert all(line.isprintable() for line in told)
    assert [line for line in told if "metrics: " in line] == [told[1]]
    assert told[1].endswith("; the recording goes on")
    assert "1 gap" in told[-1]
    assert load(str(out)).columns["num_fds"][-1] > 0


def test_on_a_terminal_progress_and_notes_have_lines_of_their_own(child, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "record", "--pid", str(child.pid), "-o", str(tmp_path / "a.db"), *QUICK]
    with serving(says(page(b"up 1\n")), says(page(b"up 1\n")), says(b"garbage")) as url:
        subprocess.run([*command, "--metrics", url], stdout=subprocess.DEVNULL, stderr=theirs, cwd=ROOT, check=True)
    os.close(theirs)
    shown = b""
    while chunk := read_pty(ours):
        shown += chunk
    os.close(ours)
    lines = [line.rpartition("\x1b[K")[2].rstrip("\r") for line in shown.decode().split("\n")]
    lines = [line for line in lines if " of its limit " not in line]  # the machine's own, of which others use up some
    assert lines[0].startswith("relengtools: recording ")
    assert lines[1].startswith("relengtools: metrics: ")
    assert lines[-2].startswith("relengtools: end of the duration")
    assert re.search(r"\r\x1b\[K0 s: 1 sample, rss \S+ MiB, \d+ fds", shown.decode())


def read_pty(fd: int) -> bytes:
    """What is there; nothing once the other end is closed."""
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""


# ------------------------------------------------------------------------------------------------ analyze


KEYS = {"file", "observed_s", "regimes", "metrics", "lacks"}
METRIC_KEYS = {
    *("verdict", "rate_per_s", "ci_low", "ci_high", "score", "onset", "reason", "raw_rate_per_s", "adjusted_for"),
    *("identity", "per_event"),
}
VERDICTS = {"leak", "load", "stable", "warmup", "insufficient"}


def checked(line: str) -> dict[str, object]:
    """A line of JSON with the keys and types of the design, in which every number is finite."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads(line, parse_constant=refuse)
    assert set(found) == KEYS
    for verdict in found["metrics"].values():
        assert set(verdict) == METRIC_KEYS
        assert verdict["verdict"] in VERDICTS
        assert isinstance(verdict["score"], float)
        assert isinstance(verdict["reason"], str)
        if verdict["ci_low"] is not None:
            assert verdict["ci_low"] <= verdict["rate_per_s"] <= verdict["ci_high"]
        if verdict["identity"]:
            assert set(verdict["identity"]) == {"intercept", "terms", "residual_first", "residual_last"}
            assert all(isinstance(term, int) for term in verdict["identity"]["terms"].values())
        for event in verdict["per_event"].values():
            assert set(event) == {"rate", "ci_low", "ci_high"}
    return found


def test_a_table_has_the_verdict_the_rate_and_the_reason(leaky: Path) -> None:
    result = leaks("analyze", leaky)
    assert (result.exit_code, result.stderr) == (0, "")
    heading, *rows = result.stdout.splitlines()
    assert heading == f"{leaky}: 15 min"
    assert re.match(r"  num_fds +leak +\+\S+/h \(\+\S+ to \+\S+\)$", rows[0])
    assert re.match(r"    \d+ came within .* and stayed", rows[1])
    assert any(re.match(r"  go_goroutines +leak ", row) for row in rows)


@pytest.mark.parametrize("source", ["csv", "recording", "stdin"])
def test_json_has_the_keys_of_the_design(source: str, leaky: Path) -> None:
    if source == "stdin":
        result = leaks("analyze", "--output-format", "json", "-", stdin=leaky.read_text())
    else:
        result = leaks("analyze", "--output-format", "json", leaky if source == "csv" else SOJU)
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    found = checked(line)
    assert found["file"] == {"csv": str(leaky), "recording": str(SOJU), "stdin": "-"}[source]
    leaking = {name for name, verdict in found["metrics"].items() if verdict["verdict"] == "leak"}
    assert leaking == {"num_fds", "go_goroutines"} if source != "recording" else "rss_bytes" in leaking


def test_what_a_recording_says_its_csv_says_too(tmp_path: Path) -> None:
    frame = series.read(str(SOJU))
    columns = {name: ["" if x != x else repr(float(x)) for x in values] for name, values in frame.columns.items()}
    columns |= {"ts_unix": list(map(repr, map(float, frame.time))), "start_ticks": list(map(int, frame.starts))}
    path = tmp_path / "soju.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, *zip(*columns.values(), strict=True)])
    both = [leaks("analyze", "--output-format", "json", source).stdout for source in (SOJU, path)]
    recorded, exported = (json.loads(text)["metrics"] for text in both)
    assert recorded == exported


def test_where_no_resource_is_all_that_is_judged_is_shown(tmp_path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("ts_unix,temperature,queue\n" + "".join(f"{i},{20 + i % 3},7\n" for i in range(100)))
    out = leaks("analyze", path).stdout
    assert "\n  temperature  " in out
    assert "\n  queue        " in out
    assert "other metric" not in out
    names = [f"queue{n}" for n in range(30)]
    path.write_text(f"ts_unix,{','.join(names)}\n" + "".join(f"{i}{',7' * 30}\n" for i in range(100)))
    assert "and 10 other metrics: 10 stable" in leaks("analyze", path).stdout


def test_of_several_files_the_bad_ones_are_told_and_the_rest_is_printed(leaky: Path, clean: Path, tmp_path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("ts_unix,num_fds\n1,x\n")
    result = leaks("analyze", "--output-format", "json", leaky, bad, tmp_path / "none", clean)
    assert result.exit_code == 2
    assert [checked(line)["file"] for line in result.stdout.splitlines()] == [str(leaky), str(clean)]
    first, second = result.stderr.splitlines()
    assert first.startswith(f"relengtools: {bad}: line 2 holds 'x' for num_fds, which is not a number; ")
    assert second == f"relengtools: {tmp_path / 'none'}: cannot be read: No such file or directory"
    assert leaks("analyze", bad, clean).stdout == leaks("analyze", clean).stdout


def truncated(path: Path) -> None:
    path.write_bytes(FROZEN.read_bytes()[:20_000])


def database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.commit()


def newer(path: Path) -> None:
    shutil.copy(FROZEN, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


def values_of_another_type(path: Path) -> None:
    shutil.copy(FROZEN, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE processes SET exe = x'fffe'")
        connection.execute("UPDATE events SET text = x'fffe'")
        connection.commit()


BAD = {
    "truncated": (truncated, "is damaged or truncated"),
    "a page of zeros": (lambda path: path.write_bytes(FROZEN.read_bytes()[:4096] + bytes(61440)), "damaged"),
    "another database": (database, "is not a recording of relengtools"),
    "a newer schema": (newer, "newer than this relengtools"),
    "values of another type": (values_of_another_type, "is damaged"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "only a header": (lambda path: path.write_text("ts_unix,num_fds\n"), "no row with a time"),
    "no time": (lambda path: path.write_text("a,b\n1,2\n"), "no column ts_unix"),
    "milliseconds": (lambda path: path.write_text("ts_unix,a\n1700000000000,2\n"), "not in milliseconds"),
    "text": (lambda path: path.write_text("hello\x1b[31m\n"), "no column ts_unix"),
    "binary": (lambda path: path.write_bytes(bytes(range(256)) * 99), "neither a recording nor CSV"),
    "missing": (lambda path: None, "No such file or directory"),
    "a folder": (Path.mkdir, "Is a directory"),
    "a link to itself": (lambda path: path.symlink_to(path), "cannot be read"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line_and_2(tmp_path: Path, what: str) -> None:
    make, told = BAD[what]
    path = tmp_path / "bad\x1b[2J"
    make(path)
    result = leaks("analyze", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"relengtools: {tmp_path}/bad\\x1b[2J: ")
    assert told in result.stderr
    assert result.stderr[:-1].isprintable()
    assert told in refused("report", path, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_standard_input_may_be_bad_too() -> None:
    result = leaks("analyze", "-")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("relengtools: -: is empty")


def test_names_that_a_target_chose_reach_the_terminal_escaped(tmp_path: Path) -> None:
    name = "rss\x1b[31m\u202e_bytes"
    path = write_csv(tmp_path / "a.csv", {name: range(0, 4_000_000_000, 10_000_000)}, step=60)
    text = leaks("analyze", path, "--metric", name).stdout
    assert "rss\\x1b[31m\\u202e_bytes" in text
    assert all(line.isprintable() for line in text.splitlines())


def test_options_say_what_a_column_is(tmp_path: Path) -> None:
    sessions = [10 + (i // 50) % 7 for i in range(900)]
    columns = {"sessions": sessions, "num_fds": [5 + 2 * s for s in sessions], "vms_bytes": [1 << 30] * 900}
    path = write_csv(tmp_path / "a.csv", columns | {"gone": range(900)})

    def judged(*options: str) -> dict[str, dict[str, object]]:
        return checked(leaks("analyze", path, "--output-format", "json", *options).stdout)["metrics"]

    assert set(judged()) == {"sessions", "num_fds", "gone"}
    told = judged("--load", "sessions", "--events", "gone", "--metric", "vms_bytes")
    assert set(told) == {"num_fds", "vms_bytes"}
    assert told["num_fds"]["identity"]["terms"] == {"sessions": 2}
    assert "vms_bytes  stable" in leaks("analyze", path, "--metric", "vms_bytes").stdout


@pytest.mark.parametrize("option", ["--load", "--events", "--metric"])
def test_a_column_that_is_not_there_is_told_with_some_that_are(leaky: Path, option: str) -> None:
    result = leaks("analyze", leaky, option, "nope\x1b")
    assert (result.exit_code, result.stdout) == (2, "")
    assert r"no values for a column nope\x1b; it has downstreams, upstreams" in result.stderr


def test_a_column_plays_one_part(leaky: Path) -> None:
    result = leaks("analyze", leaky, "--load", "num_fds", "--metric", "num_fds")
    assert result.exit_code == 2
    assert "num_fds is named by more than one of --load, --events and --metric" in result.stderr


# ------------------------------------------------------------------------------------------------ report


def test_a_report_says_the_headline_and_where_it_is(leaky: Path, tmp_path: Path) -> None:
    result = leaks("report", leaky, "-o", tmp_path / "a" / "b")
    assert (result.exit_code, result.stderr) == (0, "")
    headline, where = result.stdout.splitlines()
    assert headline.startswith("Leak: num_fds +")
    assert Path(where) == tmp_path / "a" / "b" / "index.html"
    assert json.loads((tmp_path / "a" / "b" / "summary.json").read_text())["headline"] == headline


def test_a_report_wants_a_folder(leaky: Path, tmp_path: Path) -> None:
    assert leaks("report", leaky).exit_code == 2
    (tmp_path / "file").write_text("somebody's")
    assert leaks("report", leaky, "-o", tmp_path / "file").exit_code == 2
    assert (tmp_path / "file").read_text() == "somebody's"
    assert "can't be written" in refused("report", leaky, "-o", "/proc/none")


# ------------------------------------------------------------------------------------------------ without the extra


BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def without(tmp_path: Path):
    """Run the program where these modules are not installed."""

    def run(blocked: set[str], *arguments: object) -> subprocess.CompletedProcess[str]:
        (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(BLOCKED=blocked))
        return program(*arguments, env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})

    return run


@pytest.mark.parametrize("command", ["analyze", "report"])
def test_without_numpy_it_is_said_what_to_install(without, leaky: Path, tmp_path: Path, command: str) -> None:
    options = ("-o", tmp_path / "out") if command == "report" else ()
    done = without({"numpy", "matplotlib"}, command, leaky, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"relengtools: `leaks {command}` needs numpy (No module named 'numpy'): pip install 'relengtools[report]'\n"
    )
    assert not (tmp_path / "out").exists()


def test_without_matplotlib_there_are_verdicts_but_no_report(without, leaky: Path, tmp_path: Path) -> None:
    assert without({"matplotlib"}, "analyze", leaky).returncode == 0
    done = without({"matplotlib"}, "report", leaky, "-o", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "relengtools: plots need matplotlib (No module named 'matplotlib'): pip install 'relengtools[report]'\n"
    )
    assert not (tmp_path / "out").exists()


def test_without_the_extra_recording_works_and_so_does_help(without, tmp_path: Path) -> None:
    done = without({"numpy", "matplotlib"}, "record", "-o", tmp_path / "a.db", *QUICK, "--", "sleep", "60")
    assert done.returncode == 0
    assert len(load(str(tmp_path / "a.db")).times) >= 2
    for command in cli.LEAKS:
        assert without({"numpy", "matplotlib"}, command, "--help").returncode == 0


# ------------------------------------------------------------------------------------------------ help


@pytest.mark.parametrize("command", cli.LEAKS)
def test_help_shows_an_example_that_is_a_call(command: str) -> None:
    text = leaks(command, "--help").stdout
    examples = re.findall(r"^ +relengtools leaks (\S+) ", text, re.MULTILINE)
    assert examples
    assert set(examples) == {command}


def test_help_says_units() -> None:
    assert "[default: 10s]" in leaks("record", "--help").stdout
    assert "[default: 7d]" in leaks("record", "--help").stdout
    assert "seconds since 1970" in " ".join(leaks("analyze", "--help").stdout.split())
