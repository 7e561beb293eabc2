"""`leaks export` and `leaks import`: the same verdicts after a trip through CSV, and real files of other recorders."""

import csv
import json
import os
import pty
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, suppress
from math import inf, isnan, nan
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from leaks.synthetic import bouncer

from relengtools import cli
from relengtools.errors import RelengError
from relengtools.leaks import exporters, importers
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, Recording, copy, load, open_for_writing
from relengtools.leaks.target import Build, Target

ROOT = Path(__file__).parents[2]
SOJU = ROOT / "reports" / "soju" / "soju.db"
FROZEN = Path(__file__).parent / "data" / "schema-1.sqlite"
PEERS = Path(__file__).parent / "data" / "peers"
META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100"}


def leaks(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(cli.relengtools, ["leaks", *map(str, arguments)], input=stdin)


def verdicts(*arguments: object, stdin: str = "") -> dict:
    found = json.loads(leaks("analyze", "--output-format", "json", *arguments, stdin=stdin).stdout)
    found.pop("file")
    return found


# ------------------------------------------------------------------------------------------------ export


@pytest.mark.parametrize("recording", [SOJU, FROZEN], ids=["soju", "schema-1"])
def test_csv_gives_the_same_verdicts(recording: Path) -> None:
    text = leaks("export", "csv", recording).stdout
    assert verdicts("-", stdin=text) == verdicts(recording)


@given(st.floats(allow_infinity=False))
def test_any_number_comes_back(value: float) -> None:
    text = exporters.number(value)
    assert (float(text) == value) if not isnan(value) else text == ""


def test_openmetrics_is_grouped_goes_on_in_time_and_ends(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "a", META)) as recording:
        recording.begin_run(Moment(1000, 0, 0), 1.0)
        for second, wall in enumerate((1000, 1001, 900, 1002)):
            number = recording.add(Moment(wall, second, second), Base(second, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1))
            recording.later(
                "INSERT OR IGNORE INTO processes VALUES (0, '', 1, 1, 900, 'x', '', 0, 0, 1, NULL, NULL, '')"
            )
            recording.add_scrape(number, {'a{b="1"}': 1.5, "c": inf, 'a{b="2"}': nan}, 0)
        recording.flush()
    lines = leaks("export", "openmetrics", tmp_path / "a").stdout.splitlines()
    assert lines[-1] == "# EOF"
    assert [line for line in lines if line.startswith("rss")] == [
        "rss_bytes 0 1000.000",
        "rss_bytes 4096 1001.000",
        "rss_bytes 12288 1002.000",
    ]
    assert lines.count("# TYPE a unknown") == 1
    assert [line for line in lines if line.startswith(("a{", "c "))] == [
        f'a{{b="1"}} 1.5 {second}.000' for second in (1000, 1001, 1002)
    ]


@pytest.mark.parametrize("kind", ["csv", "openmetrics", "textfile"])
def test_what_a_target_named_acts_on_no_terminal(tmp_path: Path, kind: str) -> None:
    evil = 'x{a="\x1b[2J"}'
    with closing(open_for_writing(tmp_path / "a", META)) as recording:
        recording.begin_run(Moment(1000, 0, 0), 1.0)
        recording.begin_process(Target("boot", 7, 1), Build("e\x1b]0;x\x07", "", None, False, None), 900.0)
        number = recording.add(Moment(1000, 0, 0), Base(1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1))
        recording.add_scrape(number or 0, {evil: 1.0}, 0.01)
    assert "\x1b" in leaks("export", kind, tmp_path / "a").stdout
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "relengtools", "leaks", "export", kind, str(tmp_path / "a")]
    with subprocess.Popen(command, stdout=terminal, cwd=ROOT) as process:
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # EIO: the other end is closed
            while part := os.read(master, 4096):
                shown += part
        assert process.wait() == 0
    os.close(master)
    assert b"\\x1b[2J" in shown
    assert b"\x1b" not in shown


def test_the_textfile_has_values_verdicts_and_replaces_at_once(tmp_path: Path) -> None:
    out = tmp_path / "soju.prom"
    out.write_text("old")
    assert leaks("export", "textfile", SOJU, "-o", out).exit_code == 0
    text = out.read_text()
    assert 'relengtools_leaks_value{name="soju",metric="num_fds"} 15' in text
    assert text.count('metric="num_fds",verdict=') == 1
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["soju.prom"]
    assert exporters.label('a"b\n\\') == '"a\\"b\\n\\\\"'


def test_a_copy_of_a_live_recording_is_whole(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "a", META)) as recording:
        recording.begin_run(Moment(1000, 0, 0), 1.0)
        recording.later("INSERT INTO processes VALUES (0, '', 1, 1, 900, 'x', '', 0, 0, 1, NULL, NULL, '')")
        for second in range(100):
            recording.add(Moment(1000 + second, second, second), Base(1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1))
        recording.flush()
        copy(str(tmp_path / "a"), tmp_path / "b")
        assert len(load(str(tmp_path / "b")).times) == 100
        assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("b")) == ["b"]
        assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
        with pytest.raises(RelengError, match="exists"):
            copy(str(tmp_path / "a"), tmp_path / "b")
    assert "needs -o" in str(leaks("export", "sqlite", tmp_path / "a").exception)


def test_parquet_has_the_columns_of_the_csv(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert leaks("export", "parquet", FROZEN, "-o", tmp_path / "a.parquet").exit_code == 0
    table = parquet.read_table(str(tmp_path / "a.parquet")).to_pydict()
    rows = list(csv.DictReader(leaks("export", "csv", FROZEN).stdout.splitlines()))
    assert list(table) == list(rows[0])
    for name, values in table.items():
        assert values == [float(row[name]) if row[name] else None for row in rows]
    assert [each.name for each in tmp_path.iterdir()] == ["a.parquet"]


def test_parquet_without_pyarrow_or_a_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "needs -o FILE" in str(leaks("export", "parquet", FROZEN).exception)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "needs pyarrow" in str(leaks("export", "parquet", FROZEN, "-o", tmp_path / "a").exception)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    for kind in ("csv", "sqlite"):
        result = leaks("export", kind, FROZEN, "-o", tmp_path / "none" / "x")
        assert isinstance(result.exception, RelengError)
        assert "cannot be written" in str(result.exception)


# ------------------------------------------------------------------------------------------------ import


@pytest.mark.parametrize(
    ("kind", "name", "rows", "metrics"),
    [
        ("psrecord", "psrecord.log", 10, {"rss_bytes", "vms_bytes", "cpu_s"}),
        ("psrecord", "psrecord.csv", 6, {"rss_bytes", "vms_bytes", "cpu_s"}),
        ("mprof", "mprof.dat", 12, {"rss_bytes"}),
        ("procpath", "procpath.sqlite", 6, {"rss_bytes", "anon_bytes", "num_fds", "n_reg_files", "n_threads", "cpu_s"}),
    ],
)
def test_real_files_of_other_recorders(tmp_path: Path, kind: str, name: str, rows: int, metrics: set[str]) -> None:
    result = leaks("import", kind, PEERS / name, "-o", tmp_path / "a.db")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'a.db'}\n")
    found = load(str(tmp_path / "a.db"))
    known = {metric for metric, values in found.columns.items() if not all(map(isnan, values))}
    assert metrics <= known
    assert len(found.times) == rows
    rss = found.columns["rss_bytes"]
    assert 1e6 < min(rss) <= max(rss) < 1e8
    assert rss[-1] > rss[0]
    assert 0.1 < (found.times[-1] - found.times[0]) / (rows - 1) < 0.7
    assert leaks("analyze", tmp_path / "a.db").exit_code == 0


def test_what_procpath_counted_is_what_we_count(tmp_path: Path) -> None:
    importers.convert("procpath", PEERS / "procpath.sqlite", tmp_path / "a.db")
    found = load(str(tmp_path / "a.db")).columns
    assert found["num_fds"].tolist() == [59, 64, 69, 74, 79, 84]
    assert found["rss_bytes"][0] == 24740 * 1024 or found["rss_bytes"][0] % 1024 == 0
    assert found["n_threads"].tolist() == [1] * 6


def test_children_of_mprof_are_columns(tmp_path: Path) -> None:
    importers.convert("mprof", PEERS / "mprof-children.dat", tmp_path / "a.db")
    names = [name for name in load(str(tmp_path / "a.db")).columns if name.startswith("child_rss_bytes{pid=")]
    assert len(names) == 2


def test_when_psrecord_began_can_be_told(tmp_path: Path) -> None:
    importers.convert("psrecord", PEERS / "psrecord.log", tmp_path / "a.db", begun=1_700_000_000.0)
    assert load(str(tmp_path / "a.db")).times[0] == 1_700_000_000.0


def test_csv_becomes_a_recording_with_the_same_verdicts(tmp_path: Path) -> None:
    columns = bouncer(1, n=900, goroutine_leak=0.05, fd_leak=0.02)
    rows = [",".join(["ts_unix", *columns])]
    rows += [
        ",".join(map(repr, [1_700_000_000 + at, *map(float, values)]))
        for at, values in enumerate(zip(*columns.values(), strict=True))
    ]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    assert leaks("import", "csv", tmp_path / "a.csv", "-o", tmp_path / "a.db").exit_code == 0
    assert verdicts(tmp_path / "a.db") == verdicts(tmp_path / "a.csv")


def test_a_restart_in_csv_is_a_regime(tmp_path: Path) -> None:
    rows = ["ts_unix,process_start_time_seconds,num_fds"]
    rows += [f"{1000 + at},{900 if at < 50 else 1049},{at}" for at in range(100)]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    importers.convert("csv", tmp_path / "a.csv", tmp_path / "a.db")
    assert [process.started for process in load(str(tmp_path / "a.db")).processes] == [900, 1049]


def test_of_several_processes_one_is_chosen(tmp_path: Path) -> None:
    source = tmp_path / "several.sqlite"
    shutil.copy(PEERS / "procpath.sqlite", source)
    with closing(sqlite3.connect(source)) as connection, connection:
        (pid,) = connection.execute("SELECT stat_pid FROM record").fetchone()
        connection.execute("UPDATE record SET stat_pid = 99 WHERE record_id > 3")
    with pytest.raises(RelengError, match="choose one with --pid"):
        importers.convert("procpath", source, tmp_path / "a.db")
    assert importers.convert("procpath", source, tmp_path / "a.db", pid=pid).rows == 3


@pytest.mark.parametrize("kind", ["csv", "psrecord", "mprof", "procpath"])
@pytest.mark.parametrize("text", [b"", b"hello\n", b"\0" * 5000, b"MEM x y\n", b"# Elapsed time   CPU (%)\n1 x\n"])
def test_anything_else_is_one_line_and_makes_nothing(tmp_path: Path, kind: str, text: bytes) -> None:
    (tmp_path / "in").write_bytes(text)
    result = leaks("import", kind, tmp_path / "in", "-o", tmp_path / "a.db")
    assert isinstance(result.exception, RelengError), result.exception
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_an_import_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("mine")
    with pytest.raises(RelengError, match="exists"):
        importers.convert("mprof", PEERS / "mprof.dat", tmp_path / "a.db")
    assert (tmp_path / "a.db").read_text() == "mine"
    with pytest.raises(RelengError, match="cannot be read"):
        importers.convert("mprof", tmp_path / "none", tmp_path / "b.db")


@pytest.mark.parametrize(
    ("kind", "text", "options"),
    [
        ("mprof", "MEM 1.0 nan\n", ()),
        ("mprof", "MEM 1.0 1e300\n", ()),
        ("psrecord", "# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n 1 1 1 1\n", ("--started", "nan")),
        ("psrecord", "# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n 1 1 1 1\n", ("--started", "1e30")),
    ],
)
def test_a_time_that_no_calendar_has_is_one_line_and_makes_nothing(
    tmp_path: Path, kind: str, text: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "in").write_text(text)
    result = leaks("import", kind, tmp_path / "in", "-o", tmp_path / "a.db", *options)
    assert "sample 1 is from" in str(result.exception)
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_what_fails_half_way_leaves_no_part_of_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*given: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Recording, "add_scrape", failing)
    with pytest.raises(KeyboardInterrupt):
        importers.convert("mprof", PEERS / "mprof-children.dat", tmp_path / "a.db")
    assert list(tmp_path.iterdir()) == []


def test_series_that_have_no_room_are_told(tmp_path: Path) -> None:
    names = [f"metric_{number}" for number in range(1200)]
    rows = [",".join(["ts_unix", *names]), *(",".join(map(str, range(at, at + 1201))) for at in (1, 2, 3))]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    result = leaks("import", "csv", tmp_path / "a.csv", "-o", tmp_path / "a.db")
    assert "200 series were left out" in result.stderr


def test_an_export_never_destroys_a_recording(tmp_path: Path) -> None:
    shutil.copy(SOJU, tmp_path / "a.db")
    before = (tmp_path / "a.db").read_bytes()
    for kind in ("csv", "openmetrics", "textfile", "parquet"):
        result = leaks("export", kind, tmp_path / "a.db", "-o", tmp_path / "a.db")
        assert "is a recording, which an export would destroy" in str(result.exception)
    assert (tmp_path / "a.db").read_bytes() == before


def test_an_export_is_for_its_user_and_the_textfile_for_all(tmp_path: Path) -> None:
    assert leaks("export", "csv", SOJU, "-o", tmp_path / "a.csv").exit_code == 0
    assert leaks("export", "textfile", SOJU, "-o", tmp_path / "a.prom").exit_code == 0
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a.csv", "a.prom")] == [0o600, 0o644]


def test_a_pipe_in_and_out(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "relengtools", "leaks"]
    out = subprocess.run([*program, "export", "csv", str(SOJU), "-o", "-"], capture_output=True, check=True)
    into = [*program, "import", "csv", "-", "-o", str(tmp_path / "a.db")]
    subprocess.run(into, input=out.stdout, capture_output=True, check=True)
    assert verdicts(tmp_path / "a.db") == verdicts(SOJU)
