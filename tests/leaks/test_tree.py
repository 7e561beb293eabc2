"""`record --children`: a tree summed, and its coming and going counted."""

import json
import random
import sqlite3
import subprocess
import sys
from array import array
from contextlib import closing
from math import isnan
from pathlib import Path

import pytest
from click.testing import CliRunner
from leaks.fakeproc import FakeProc

from relengtools import cli
from relengtools.leaks import series, tree, watch
from relengtools.leaks.process import Base, ProcessGone, attach
from relengtools.leaks.recording import Moment, Recording, Worker, load, open_for_writing, schema, workers
from relengtools.leaks.target import Build, Target

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
POOL = """
import subprocess, sys
idle = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
pool = [subprocess.Popen(idle, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
for each in pool: each.stdout.readline()
print(flush=True)
for line in sys.stdin:
    pool.pop().communicate()
    print(flush=True)
"""


def of(parent: int, proc: FakeProc, pid: int) -> None:
    proc.put(pid)
    stat = proc.root / str(pid) / "stat"
    stat.write_text(stat.read_text().replace(" S 1 ", f" S {parent} "))


@pytest.fixture
def pool():
    with subprocess.Popen([sys.executable, "-c", POOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.stdin.close()


def shrink(pool) -> None:
    pool.stdin.write(b"\n")
    pool.stdin.flush()
    pool.stdout.readline()


def test_a_tree_is_summed_and_its_counters_never_fall(pool) -> None:
    reader = tree.TreeReader(attach(pool.pid), pool.pid)
    alone = attach(pool.pid)
    before, root = reader.sample(), alone.sample()
    assert reader.came == 3
    assert before.rss_pages > 3 * root.rss_pages
    assert before.threads == 4
    assert before.fds is not None
    assert root.fds is not None
    assert before.fds > root.fds
    shrink(pool)
    after = reader.sample()
    assert (reader.ended, len(reader.readers)) == (1, 2)
    assert after.threads == 3
    for name in tree.COUNTERS:
        assert getattr(after, name) >= getattr(before, name)
    reader.close()
    alone.close()


def test_grandchildren_by_the_lists_of_the_kernel_and_by_parents(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    for parent, pid in ((7, 8), (8, 9), (7, 10), (1, 11)):
        of(parent, proc, pid)
    assert sorted(tree.descendants(7, proc.root)) == [8, 9, 10]
    for pid, below in ((7, "8 10 "), (8, "9"), (9, ""), (10, "")):
        task = proc.root / str(pid) / "task" / str(pid)
        task.mkdir(parents=True)
        (task / "children").write_text(below)
    assert tree.descendants(7, proc.root) == [8, 10, 9]


def test_the_end_of_the_first_process_ends_the_tree(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    of(7, proc, 8)
    reader = tree.TreeReader(attach(7, proc.root), 7, proc.root)
    assert isinstance(reader.sample(), Base)
    proc.end(7)
    with pytest.raises(ProcessGone):
        reader.sample()
    reader.close()
    assert reader.readers == {}


def test_a_crowd_of_children_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    for pid in range(10, 15):
        of(7, proc, pid)
    monkeypatch.setattr(tree, "MOST_CHILDREN", 3)
    reader = tree.TreeReader(attach(7, proc.root), 7, proc.root)
    reader.sample()
    assert len(reader.readers) == 3
    reader.close()


def test_children_are_told_of_in_the_recording(pool, tmp_path: Path) -> None:
    out = tmp_path / "a.db"
    command = [sys.executable, "-m", "relengtools", "leaks", "record", "--pid", str(pool.pid), "--children"]
    subprocess.run([*command, "-o", out, "--interval", "50ms", "--duration", "300ms"], check=True, timeout=60)
    found = load(str(out))
    assert found.meta["children"] == "summed, and each by itself"
    assert ("children", "3 came, 0 ended, 3 there") in [(event.kind, event.text) for event in found.events]
    lives = workers.lives(str(out))
    assert len(lives) == 3
    for life in lives:
        assert life.ended is None
        assert life.times.tolist() == found.times.tolist()[: len(life.times)]
        assert all(1e6 < rss < 1e9 for rss in life.columns["rss_bytes"])
        assert life.columns["n_threads"].tolist() == [1.0] * len(life.times)
        assert abs(life.started - found.processes[0].started) < 60
    total = sum(life.columns["rss_bytes"][0] for life in lives)
    assert found.columns["rss_bytes"][0] > total
    assert f"{lives[0].name} (pid {lives[0].pid})" in "\n".join(watch.render(watch.look(str(out))))


META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100"}


def test_the_life_of_each_child_is_a_regime(tmp_path: Path) -> None:
    """A pool whose children are replaced: one leaks in its life, and is told apart from the one that had its pid."""
    path = tmp_path / "a.db"
    with closing(open_for_writing(path, META)) as recording:
        recording.begin_run(Moment(1000, 0, 0), 1.0)
        recording.begin_process(Target("boot", 7, 1), Build("pool", "", None, False, None), 900.0)
        for second in range(200):
            now = Moment(1000 + second, second, second)
            base = Base(1000, 100, 0, 5000, 9, 1, second, 1, 1, 1, 1)
            number = recording.add(now, base)
            assert number is not None
            first, steady = Worker(8, 5, 950.0, "worker"), Worker(9, 6, 951.0, "steady")
            second_life = Worker(8, 77, 1100.0, "worker")
            leaky = {first if second < 100 else second_life: base._replace(rss_pages=1000 + second % 100, anon_kb=None)}
            recording.add_workers(now, number, leaky | {steady: base})
    lives = workers.lives(str(path))
    assert [(life.pid, life.started, life.ended, len(life.times)) for life in lives] == [
        (8, 950, 1100, 100),
        (9, 951, None, 200),
        (8, 1100, None, 100),
    ]
    assert lives[2].columns["rss_bytes"][-1] == 1099 * 4096
    assert isnan(lives[2].columns["anon_bytes"][0])
    run = CliRunner().invoke(cli.relengtools, ["leaks", "export", "csv", "--child", "8", str(path)])
    assert len(run.stdout.splitlines()) == 201
    (tmp_path / "a.csv").write_text(run.stdout)
    told = CliRunner().invoke(cli.relengtools, ["leaks", "analyze", "--output-format", "json", str(tmp_path / "a.csv")])
    assert json.loads(told.stdout)["regimes"] == 2
    none = CliRunner().invoke(cli.relengtools, ["leaks", "export", "csv", "--child", "4", str(path)])
    assert "there are: 8 (worker), 9 (steady), 8 (worker)" in str(none.exception)
    other = CliRunner().invoke(cli.relengtools, ["leaks", "export", "openmetrics", "--child", "8", str(path)])
    assert "--child goes with csv" in str(other.exception)


def recycled(path: Path, grows: int, workers: int = 4, life: int = 3000) -> Path:
    """An hour of a pool whose workers are replaced, staggered, after 50 minutes; each grows by so much a second."""
    dice = random.Random(1)
    with closing(open_for_writing(path, META | {"children": "summed, and each by itself"})) as recording:
        recording.begin_run(Moment(1e9, 0, 0), 10.0)
        recording.begin_process(Target("boot", 7, 1), Build("pool", "", None, False, None), 900.0)
        for second in range(0, 3600, 10):
            now, base = Moment(1e9 + second, second, second), Base(1000, 4000, 0, 5000, 9, 1, second, 1, 1, 1, 1)
            there = {}
            for number in range(workers):
                age = (second + number * life // workers) % life
                name = "idle" if number > 3 else "worker"
                child = Worker(100 + number, second - age + 10_000, 1e9 + second - age, name)
                rss = 3000 + grows * age // 4096 + dice.randint(-20, 20)
                there[child] = base._replace(rss_pages=rss, anon_kb=rss * 4 - 2000)
            total = 1000 + sum(each.rss_pages for each in there.values())
            number_of = recording.add(now, base._replace(rss_pages=total, anon_kb=total * 4 - 9000))
            recording.add_workers(now, number_of or 0, there)
        recording.end_run(Moment(1e9 + 3600, 3600, 3600), "done", 360, 0, 0)
    return path


def analyzed(path: Path) -> dict:
    run = CliRunner().invoke(cli.relengtools, ["leaks", "analyze", "--output-format", "json", str(path)])
    assert run.exit_code == 0
    return json.loads(run.stdout)


def test_a_leak_in_each_life_is_found_where_the_sum_hides_it(tmp_path: Path) -> None:
    found = analyzed(recycled(tmp_path / "a.db", 1024))
    assert found["metrics"]["rss_bytes"]["verdict"] != "leak"
    (pool,) = found["children"]
    assert (pool["name"], pool["lives"], pool["regimes"], pool["file"]) == ("worker", 8, 8, str(tmp_path / "a.db"))
    assert 3.9 * 3000 < pool["observed_s"] < 4 * 3600
    rss = pool["metrics"]["rss_bytes"]
    assert rss["verdict"] == "leak"
    assert rss["rate_per_s"] == pytest.approx(1024, rel=0.05)
    assert rss["ci_low"] < 1024 < rss["ci_high"]
    text = CliRunner().invoke(cli.relengtools, ["leaks", "analyze", str(tmp_path / "a.db")]).stdout
    assert "\neach child worker: 3 h 59 min, 8 processes\n  rss_bytes " in text


def test_a_pool_that_does_not_grow_is_no_leak_and_each_name_is_a_pool(tmp_path: Path) -> None:
    found = analyzed(recycled(tmp_path / "a.db", 0, workers=20))
    assert [(pool["name"], pool["lives"], pool["regimes"]) for pool in found["children"]] == [
        ("idle", 35, 12),
        ("worker", 8, 8),
    ]
    for pool in found["children"]:
        assert "leak" not in {each["verdict"] for each in pool["metrics"].values()}
    text = CliRunner().invoke(cli.relengtools, ["leaks", "analyze", str(tmp_path / "a.db")]).stdout
    assert ", 12 processes of 35\n" in text


def test_the_lives_of_days_are_laid_out_by_weeks() -> None:
    """The hour of the day stays what it was, and each row keeps its life."""
    lives = [
        workers.Life(8, "worker", 0.0, None, array("d", [begin + 3600.0 * n for n in range(48)]), {"num_fds": fds})
        for begin, fds in ((0.0, array("d", range(48))), (7200.0, array("d", range(48, 96))))
    ]
    frame = series.of_lives("a.db", lives)
    assert frame.columns["num_fds"].tolist() == list(range(96))
    assert frame.time[48] - 7200.0 == 7 * 86400
    assert series.regimes(frame).slices == (slice(0, 48), slice(48, 96))
    lives = [each._replace(times=array("d", [t / 100 for t in each.times])) for each in lives]
    frame = series.of_lives("a.db", lives)
    assert 0 < frame.time[48] - frame.time[47] < 10
    assert len(series.regimes(frame).slices) == 2


def live(recording: Recording, name: str, seconds: int) -> None:
    """A pool with one child of that name, seen for so long."""
    recording.begin_run(Moment(1000, 0, 0), 1.0)
    recording.begin_process(Target("boot", 7, 1), Build("pool", "", None, False, None), 900.0)
    for second in range(seconds):
        now = Moment(1000 + second, second, second)
        number = recording.add(now, Base(*[5] * 11))
        recording.add_workers(now, number or 0, {Worker(8, 5, 950.0, name): Base(*[5] * 11)})


def test_a_child_that_was_met_a_few_times_only_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(open_for_writing(path, META | {"children": "summed, and each by itself"})) as recording:
        live(recording, "brief", 3)
    assert "children" not in analyzed(path)


def test_children_go_with_the_samples_that_are_thinned_out(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(open_for_writing(path, META)) as recording:
        live(recording, "worker", 600)
        later = Moment(1000 + 40 * 86400, 40 * 86400, 41 * 86400)
        recording.add(later, Base(*[5] * 11))
        recording.flush()
        assert recording.compact(later) == ""
    (life,) = workers.lives(str(path))
    assert len(life.times) == len(load(str(path)).times) - 1
    assert len(life.times) in (10, 11)


@pytest.mark.parametrize("pid", [7, 70])
def test_a_child_goes_on_when_the_recorder_does_and_its_process_did(tmp_path: Path, pid: int) -> None:
    path = tmp_path / "a.db"
    for run, process in enumerate((7, pid)):
        with closing(open_for_writing(path, META)) as recording:
            now = Moment(1000 + 60 * run, 60 * run, 60 * run)
            recording.begin_run(now, 1.0)
            recording.begin_process(Target("boot", process, 1), Build("pool", "", None, False, None), 900.0)
            number = recording.add(now, Base(*[5] * 11))
            assert number is not None
            children = [Worker(8, 5, 950.0, "steady"), Worker(9, 6, 951.0, "gone")][: 2 - run]
            recording.add_workers(now, number, dict.fromkeys(children, Base(*[5] * 11)))
    same = [(8, None, 2), (9, 1060, 1)]
    assert [(life.pid, life.ended, len(life.times)) for life in workers.lives(str(path))] == (
        same if pid == 7 else [(8, None, 1), (9, None, 1), (8, None, 1)]
    )
    assert [life.pid for life in workers.there(workers.lives(str(path)))] == [8]


def test_a_recording_without_children_has_none() -> None:
    assert workers.lives(str(Path(__file__).parent / "data" / "schema-1.sqlite")) == []


def test_the_gate_and_the_report_see_a_leak_in_each_life_too(tmp_path: Path) -> None:
    path, still = recycled(tmp_path / "a.db", 1024), recycled(tmp_path / "b.db", 0)
    name = "each child worker: rss_bytes"
    quick, slow = (["--max-rate", f"rss={rate}", "--max-rate", f"anon={rate}"] for rate in ("1MiB/s", "1KiB/h"))
    for options, code in (([], 1), (quick, 0), (slow, 1)):
        run = CliRunner().invoke(cli.relengtools, ["leaks", "check", "--output-format", "json", *options, str(path)])
        found = json.loads(run.stdout)
        assert (run.exit_code, found["passed"]) == (code, not code)
        assert (name in [each["metric"] for each in found["findings"]]) == bool(code)
        assert found["metrics"][name]["rate_per_s"] == pytest.approx(1024, rel=0.05)
    text = CliRunner().invoke(cli.relengtools, ["leaks", "check", str(path)]).stdout
    assert f"  {name}  leak  +" in text
    assert "MiB/h" in text
    run = CliRunner().invoke(cli.relengtools, ["leaks", "check", "--output-format", "json", str(still)])
    assert (run.exit_code, json.loads(run.stdout)["passed"]) == (0, True)
    pytest.importorskip("matplotlib")
    told = CliRunner().invoke(cli.relengtools, ["leaks", "report", str(path), "-o", str(tmp_path / "report")]).stdout
    assert told.startswith(f"Leak: {name} +")
    summary = json.loads((tmp_path / "report" / "summary.json").read_text())
    assert next(row for row in summary["pools"] if row["metric"] == name)["verdict"] == "leak"
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.count(name) == 2


@pytest.mark.parametrize("metric", ["vms", "vms_bytes", "n_sockets", "sockets"])
def test_a_metric_that_is_asked_for_is_judged_of_the_children_that_have_it(tmp_path: Path, metric: str) -> None:
    path = recycled(tmp_path / "a.db", 0)
    with sqlite3.connect(path) as connection:
        columns = ", ".join(schema.SCAN_COLUMNS)
        zeros = ", ".join("0" for _ in schema.SCAN_COLUMNS)
        connection.execute(f"INSERT INTO scans (sample, {columns}, cost_us) SELECT id, {zeros}, 1 FROM samples")
    connection.close()
    for command in ("analyze", "check"):
        run = CliRunner().invoke(cli.relengtools, ["leaks", command, "--metric", metric, str(path)])
        assert run.exit_code == 0, run.exception
    run = CliRunner().invoke(cli.relengtools, ["leaks", "analyze", "--metric", metric, str(path)])
    assert run.stdout.partition("each child worker")[2].count("vms_bytes") == metric.startswith("vms")
