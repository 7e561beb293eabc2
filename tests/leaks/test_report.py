"""A recording → the report: what a reader is told, the same bytes each time, and nothing hostile in any file."""

import json
import os
import re
import resource
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from leaks.synthetic import bouncer

from relengtools import __version__
from relengtools.errors import RelengError
from relengtools.leaks import page, plot, report
from relengtools.leaks.descriptors import Change, Counts, Descriptor, Key, Kind
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, load, open_for_writing
from relengtools.leaks.recording.read import DescriptorClass, Process
from relengtools.leaks.target import Build, Target

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
META = {
    "selector": "--pid 7",
    "page_bytes": "4096",
    "ticks_per_s": "100",
    "host": "h",
    "kernel": "Linux 6",
    "pprof": "",
}
EVIL = "</svg><script src=http://evil.test/x.js></script><img src=x onerror=alert(1)>--><!--| # `[a](http://evil.test)`\x1b[31m"
COUNTS = Counts(5, 4, 3, 2, 1, 2, 1, 0, 1)


def moment(seconds: float) -> Moment:
    return Moment(1_700_000_000.0 + seconds, 100 + seconds, 100 + seconds)


def record(path: Path, *, evil: str = "", n: int = 400, leak: float = 0.1, profiles: tuple[bytes, ...] = ()) -> Path:
    """A bouncer that leaks descriptors; `evil` is in every text that a target may choose."""
    columns = bouncer(5, n=n, fd_leak=leak)
    recording = open_for_writing(path, META)
    recording.begin_run(moment(0), 1.0)
    build = Build(f"server{evil}", f"/usr/bin/server{evil}", 1.5, False, 1024)
    recording.begin_process(Target("boot", 7, 5000), build, 1_690_000_000.25)
    lost = [Descriptor(Key(i, i, 1, ""), Kind.FILE, f"/log/N{evil}", "", "", "") for i in range(60)]
    for row in range(n):
        fds = int(columns["num_fds"][row])
        number = recording.add(moment(row), Base(1000, 2000, 10, 5000, fds, 3, 250, 1, 2, 3, 4))
        born = lost[:10] if row == 0 else lost[10:] if row == n - 1 else []
        died = [lost[0].key] if row == n - 1 else []
        recording.add_scan(number, COUNTS._replace(n_sockets=fds - 9), Change(born, died, []), 0.001, first=row == 0)
        loads = {name: columns[name][row] for name in ("downstreams", "upstreams")}
        recording.add_scrape(number, {**loads, f'users_active{{a="{evil}"}}': 2.0 + row % 3}, 0.01)
    for at, data in enumerate(profiles):
        recording.add_profile(moment(at), "goroutine", data)
    recording.event(moment(9), "gap", f"metrics: refused{evil}")
    recording.close()
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    first, last = (DATA / f"goroutine-{which}.pb.gz" for which in ("first", "last"))
    path = record(folder / "soju.db", profiles=(first.read_bytes(), last.read_bytes()))
    made = report.build(str(path))
    return path, made, {each.name: each.read_bytes() for each in report.write(made, folder / "report")}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    made = report.build(str(record(folder / "<b>.db", evil=EVIL, profiles=(b"not", b"profiles"))))
    return made, {each.name: each.read_bytes() for each in report.write(made, folder / "report")}


# ------------------------------------------------------------------------------------------------ what is told


def test_the_files_of_a_report(plain) -> None:
    _, made, files = plain
    pictures = ["memory", "descriptors", "threads", "load", "residual"]
    assert set(made.summary["files"]) == set(files)
    assert list(files) == [
        *("index.html", "report.md", "summary.json"),
        *(f"{name}.svg" for name in pictures),
        *(f"{name}.png" for name in pictures),
    ]
    for name in pictures:
        assert ElementTree.fromstring(files[f"{name}.svg"]).tag == "{http://www.w3.org/2000/svg}svg"
        assert files[f"{name}.png"].startswith(b"\x89PNG\r\n\x1a\n")
    assert json.loads(files["summary.json"]) == made.summary


def test_the_summary_has_what_a_reader_wants(plain) -> None:
    _, made, _ = plain
    summary = made.summary
    assert summary["tool"] == f"relengtools {__version__}"
    assert re.fullmatch(r"Leak: num_fds \+\S+/h, n_sockets \+\S+/h", summary["headline"])
    about = summary["recording"]
    assert about | {"exe": "/usr/bin/server", "host": "h", "kernel": "Linux 6", "interval_s": 1.0} == about
    assert (about["file"], about["target"], about["samples"]) == ("soju.db", "server (pid 7)", 400)
    assert (about["started"], about["observed_s"], about["restarts"]) == ("2023-11-14 22:13:20 UTC", 399.0, 0)
    assert [row["metric"] for row in summary["verdicts"]][:4] == ["rss_bytes", "anon_bytes", "num_fds", "n_sockets"]
    assert {row["metric"] for row in [*summary["verdicts"], *summary["others"]]} == set(summary["analysis"]["metrics"])
    assert summary["classes"] == [{"class": "file /log/N", "first": 10, "last": 59, "born": 50, "died": 1}]
    assert summary["events"] == [
        {"time": "2023-11-14 22:13:29 UTC", "kind": "gap", "text": "metrics: refused", "lasted_s": None}
    ]
    assert {row["function"] for row in summary["stacks"][:2]} == {
        "codeberg.org/emersion/soju.newConn.func1",
        "codeberg.org/emersion/soju.(*conn).NewContext.func1",
    }
    assert all(len(row["stack"]) <= report.MOST_FRAMES for row in summary["stacks"])


def test_the_limit_of_descriptors_is_reached_within_the_interval_of_the_rate(plain) -> None:
    _, made, _ = plain
    (limit,) = made.summary["limits"]
    verdict = made.summary["analysis"]["metrics"]["num_fds"]
    assert (limit["metric"], limit["source"], limit["limit"]) == ("num_fds", "RLIMIT_NOFILE", 1024)
    assert limit["seconds_low"] == pytest.approx((1024 - limit["now"]) / verdict["ci_high"])
    assert limit["seconds_high"] == pytest.approx((1024 - limit["now"]) / verdict["ci_low"])
    assert " to " in limit["left"]


def test_html_and_markdown_tell_the_same(plain) -> None:
    _, made, files = plain
    page, text = files["index.html"].decode(), files["report.md"].decode()
    for said in ("server (pid 7)", "watched for 7 min", "400 samples", "RLIMIT", "newConn.func1", "metrics: refused"):
        assert said in page
        assert said in text.replace("\\", "")
    assert page.count("<svg") == page.count("</svg>") == 5
    labels = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
    assert labels == [f"{plot.TITLES[name]} over time" for name in made.svg]
    assert [f"![{plot.TITLES[name]}]({name}.svg)" for name in made.svg] == re.findall(r"!\[.+\]\(\w+\.svg\)", text)


def test_the_commands_at_the_end_of_the_page_work(plain, tmp_path: Path) -> None:
    path, _, _ = plain
    named = report.build(str(path), load=("num_fds",), metrics=("vms_bytes",)).summary
    for command in named["commands"]:
        program, *arguments = shlex.split(command)
        assert program == "relengtools"
        done = subprocess.run(
            [sys.executable, "-m", "relengtools", *arguments],
            capture_output=True,
            text=True,
            cwd=path.parent,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
    assert json.loads((path.parent / "report" / "summary.json").read_text()) == named


def test_csv_is_reported_too(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    columns = {
        "process_open_fds": np.arange(300) // 4,
        "process_max_fds": np.full(300, 200),
        "users": np.arange(300) % 7,
    }
    rows = zip(np.arange(300) * 60 + 1_700_000_000, *columns.values(), strict=True)
    path.write_text(f"ts_unix,{','.join(columns)}\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    summary = report.build(str(path)).summary
    assert summary["headline"].startswith("Leak: process_open_fds +15/h")
    assert summary["recording"]["target"] == "history.csv"
    assert [limit["metric"] for limit in summary["limits"]] == ["process_open_fds"]
    assert (summary["classes"], summary["stacks"], summary["events"]) == ([], [], [])


def test_rows_out_of_order_are_reported_in_order(tmp_path: Path) -> None:
    path = tmp_path / "shuffled.csv"
    order = np.random.default_rng(1).permutation(300)
    path.write_text("ts_unix,num_fds\n" + "".join(f"{1_700_000_000 + i},{i // 4}\n" for i in order))
    about = report.build(str(path)).summary["recording"]
    assert (about["started"], about["observed_s"]) == ("2023-11-14 22:13:20 UTC", 299.0)


NONE = "No verdict: no resource of the process is in it; name a column with --metric"


def verdict(kind: str, rate: float = 0.0) -> dict[str, object]:
    return {"verdict": kind, "rate_per_s": rate}


@pytest.mark.parametrize(
    ("metrics", "asked", "line"),
    [
        ({"num_fds": verdict("leak", 1 / 360)}, (), "Leak: num_fds +10/h"),
        (
            {
                name: verdict("leak", 1 / 360)
                for name in ("n_threads", "num_fds", "rss_bytes", "n_sockets", "anon_bytes")
            },
            (),
            "Leak: rss_bytes +240 B/d, anon_bytes +240 B/d, num_fds +10/h and 2 more",
        ),
        (
            {name: verdict("leak", 1 / 360) for name in ("n_pipes", "num_fds", "a", "process_open_fds", "b")},
            (),
            "Leak: num_fds +10/h, a +10/h, b +10/h and 1 more",
        ),
        (
            {"num_fds": verdict("stable"), "x": verdict("leak", 1 / 360)},
            (),
            "No leak; beside the resources: x +10/h",
        ),
        ({"num_fds": verdict("stable"), "x": verdict("leak", 1 / 360)}, ("x",), "Leak: x +10/h"),
        ({"num_fds": verdict("load"), "rss_bytes": verdict("stable")}, (), "No leak: what moves goes with the load"),
        ({"num_fds": verdict("insufficient")}, (), "No leak shown; can't tell yet for num_fds"),
        (
            {name: verdict("insufficient") for name in report.RESOURCES if not name.startswith("process_")},
            (),
            "No leak shown; can't tell yet for rss_bytes, anon_bytes, num_fds and 10 more",
        ),
        ({"num_fds": verdict("warmup"), "x": verdict("warmup")}, (), "No leak shown; can't tell yet for num_fds"),
        (
            {"x": verdict("leak", 1 / 360)},
            (),
            f"{NONE}; beside the resources: x +10/h",
        ),
        ({}, (), NONE),
        (
            {name: verdict("leak", 1 / 360) for name in ("process_open_fds", "num_fds")},
            (),
            "Leak: num_fds +10/h",
        ),
    ],
)
def test_the_headline_goes_by_resources_and_what_was_asked_for(metrics, asked, line: str) -> None:
    assert report.headline(metrics, report.resources(metrics, asked)) == line


def test_what_would_settle_it_is_told_for_what_has_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rss = 1e8 + 2e4 * np.arange(400) + np.random.default_rng(1).normal(0, 1e5, 400)
    path.write_text("ts_unix,rss_bytes,n_threads\n" + "".join(f"{i},{rss[i]:.0f},7\n" for i in range(400)))
    summary = report.build(str(path)).summary
    memory, threads = summary["next"]
    assert memory.startswith("rss_bytes: before 36 h in all only growth that doubles it is called a leak; 5 min would")
    assert threads.startswith("n_threads: no verdict before 10 min in all; it lacks load gauges")
    assert [lack["delay_s"] for lack in summary["analysis"]["lacks"]] == [36 * 3600 - 300, None]


def test_each_life_of_the_process_is_told(tmp_path: Path) -> None:
    recording = open_for_writing(tmp_path / "a.db", META)
    recording.begin_run(moment(0), 1.0)
    for life in range(5):
        # All of them began within a second, as a supervisor's processes do that die at once.
        recording.begin_process(
            Target("boot", 7 + life, 5000 + life), Build("server", "/s", 1.5, False, 64), 1_690_000_000 + life / 10
        )
        for row in range(20):
            recording.add(moment(20 * life + row), Base(1000, 2000, 10, 5000, 9, 3, 250, 1, 2, 3, 4))
    recording.close()
    summary = report.build(str(tmp_path / "a.db")).summary
    about = summary["recording"]
    assert (about["restarts"], about["target"]) == (4, "server (pid 7 to 11, 5 processes)")
    assert "4 restarts" in page.about(summary)
    assert report._target([Process(*[None] * 2, 7, *[None] * 2, "a", *[None] * 8)]) == "a (pid 7)"
    assert report._target([Process(*[None] * 2, pid, *[None] * 2, "a", *[None] * 8) for pid in (7, 9)]) == (
        "a (pid 7, then 9)"
    )


def test_classes_and_stacks_say_something(tmp_path: Path) -> None:
    path = record(tmp_path / "a.db", n=40)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE classes SET kind = 'pipe', label = 'pipe'")
    assert [row["class"] for row in report.build(str(path)).summary["classes"]] == ["pipe"]


def test_the_class_that_grew_most_comes_first(plain) -> None:
    ends = {"a": (9, 2), "b": (3, 3), "c": (1, 4)}
    classes = [DescriptorClass("file", name, first, last, 0, 0) for name, (first, last) in ends.items()]
    shown = report._classes(replace(load(str(plain[0])), classes=classes))
    assert [row["class"] for row in shown] == ["file c", "file b", "file a"]


def test_a_damaged_recording_is_told_with_what_to_do(plain, tmp_path: Path) -> None:
    whole, size = plain[0].read_bytes(), 4096
    pages = range(1, len(whole) // size)
    for damage in (b"", *pages):
        path = tmp_path / "a.db"
        if isinstance(damage, int):
            path.write_bytes(whole[: damage * size] + bytes(size) + whole[(damage + 1) * size :])
        else:
            path.write_bytes(whole)
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("UPDATE meta SET value = '' WHERE key = 'page_bytes'")
        try:
            assert str(load(str(path)).columns) == str(load(str(plain[0])).columns)  # a page that none of it stood on
        except RelengError as error:
            assert str(error).endswith("restore it from a copy")


# ------------------------------------------------------------------------------------------------ the same bytes


def test_the_same_recording_is_the_same_bytes_anywhere(plain, tmp_path: Path) -> None:
    path, _, files = plain
    moved = tmp_path / "elsewhere" / path.name
    moved.parent.mkdir()
    moved.write_bytes(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "relengtools", "leaks", "report", str(moved), "-o", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "3", "HOME": str(tmp_path), "NO_COLOR": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {each.name: each.read_bytes() for each in (tmp_path / "out").iterdir()} == files


def test_no_path_of_the_machine_is_told(plain) -> None:
    path, _, files = plain
    told = [name for name, data in files.items() if str(path.parent).encode() in data or str(ROOT).encode() in data]
    assert told == []


def test_an_older_report_is_replaced_and_nothing_else(plain, tmp_path: Path) -> None:
    _, made, files = plain
    (tmp_path / "notes.txt").write_text("mine")
    older = replace(made, svg=made.svg | {"goroutines": b"<svg/>"})
    older.summary["files"].append("goroutines.svg")
    try:
        report.write(older, tmp_path)
    finally:
        older.summary["files"].remove("goroutines.svg")
    report.write(made, tmp_path)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == files | {"notes.txt": b"mine"}


@pytest.mark.parametrize("name", ["index.html", "summary.json", "load.svg"])
@pytest.mark.parametrize("beside", [{}, {"summary.json": '{"files": ["report.md"]}'}])
def test_what_is_of_no_report_is_left_alone(plain, tmp_path: Path, name: str, beside: dict[str, str]) -> None:
    _, made, _ = plain
    texts = beside | {name: '{"files": [["index.html"]]}'}
    for each, text in texts.items():
        (tmp_path / each).write_text(text)
    with pytest.raises(RelengError, match=rf"has a file (summary\.json|{name}) that is of no report; choose another"):
        report.write(made, tmp_path)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == texts


def test_a_link_is_replaced_and_not_followed(plain, tmp_path: Path) -> None:
    _, made, files = plain
    (tmp_path / "precious").write_text("mine")
    report.write(made, tmp_path / "out")
    (tmp_path / "out" / "index.html").unlink()
    (tmp_path / "out" / "index.html").symlink_to(tmp_path / "precious")
    report.write(made, tmp_path / "out")
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "out" / "index.html").read_bytes() == files["index.html"]


@pytest.mark.parametrize("folder", ["old", "new"])
def test_a_full_disk_leaves_the_older_report_or_none(plain, tmp_path: Path, folder: str) -> None:
    """A limit on the size of files stands for the disk: the largest doesn't fit, those before it would."""
    _, made, files = plain
    report.write(made, tmp_path / "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(map(len, files.values())) - 1, hard))
    try:
        with pytest.raises(RelengError, match="the report can't be written: File too large"):
            report.write(made, tmp_path / folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {each.name: each.read_bytes() for each in (tmp_path / "old").iterdir()} == files
    assert not (tmp_path / "new").exists()


def test_where_nothing_can_be_written_it_is_one_line(plain, tmp_path: Path) -> None:
    _, made, _ = plain
    (tmp_path / "file").write_text("somebody's")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/none")):
        with pytest.raises(RelengError, match="the report can't be written"):
            report.write(made, folder)
    assert (tmp_path / "file").read_text() == "somebody's"


# ------------------------------------------------------------------------------------------------ the command


def command(*arguments: object, **env: str) -> tuple[int, str, str]:
    words = [sys.executable, "-m", "relengtools", "leaks", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=os.environ | env)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("folder", ["", "-"])
def test_a_report_needs_a_folder_with_a_name(plain, folder: str) -> None:
    code, out, err = command("report", plain[0], "-o", folder)
    assert (code, out) == (2, "")
    assert f"{folder!r} is no folder; a report is several files" in err
    assert len(err.splitlines()) == 1


def test_rows_without_a_time_are_counted_aloud(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{1_700_000_000 + i},{i}" for i in range(30)] + ["nan,1", ",2", "inf,3"]
    path.write_text("ts_unix,num_fds\n" + "\n".join(rows) + "\n")
    said = f"relengtools: {path}: 3 rows without a time left out\n"
    code, _, err = command("analyze", path)
    assert (code, err) == (0, said)
    code, _, err = command("report", path, "-o", tmp_path / "out")
    assert (code, err) == (0, said)
    assert "30 samples, and 3 rows without a time;" in (tmp_path / "out" / "report.md").read_text()


def test_a_home_that_cannot_be_written_is_nobodys_business(plain, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ts_unix,num_fds\n1,2\n2,2\n")
    homes = {"HOME": "/proc/none", "XDG_CONFIG_HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none"}
    code, out, err = command("report", path, "-o", tmp_path / "out", TMPDIR=str(tmp_path), **homes)
    assert (code, err) == (0, "")
    assert out.endswith("index.html\n")


# ------------------------------------------------------------------------------------------------ hostile input


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and all that it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name.startswith("on"):
                self.handlers.append(name)
            if name.rpartition(":")[2] in ("src", "href", "data", "action", "srcset", "background", "poster"):
                self.loads.append(value or "")
            self.loads += re.findall(r"url\((.*?)\)", value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_loads_nothing_and_runs_nothing(plain, hostile) -> None:
    for files in (plain[2], hostile[1]):
        text = files["index.html"].decode()
        page = Page(text)
        assert {each for each in page.loads if not each.startswith("#")} == set()
        assert page.handlers == []
        assert {"script", "img", "iframe", "object", "embed", "link", "base", "a", "form"}.isdisjoint(page.tags)
        assert "@import" not in text
        assert "http-equiv" not in text


def test_what_a_target_chose_is_read_as_text_in_the_page(hostile) -> None:
    _, files = hostile
    page = Page(files["index.html"].decode())
    shown = EVIL.replace("\x1b", "\\x1b")
    for said in (f"server{shown} (pid 7)", f"file /log/N{shown}", f"metrics: refused{shown}", "<b>.db"):
        assert said in page.text
    assert page.tags.count("svg") == len([name for name in files if name.endswith(".svg")])


def test_what_a_target_chose_is_read_as_text_in_markdown(hostile) -> None:
    _, files = hostile
    prose, fence, _ = files["report.md"].decode().partition("\n```\n")
    assert fence
    bare = re.sub(r"\\.", "", re.sub(r"^!\[[\w ]+\]\(\w+\.svg\)$", "", prose, flags=re.MULTILINE))
    marks = [line for line in bare.splitlines() if re.search(r"[<>`\[\]*_~$&]", line)]
    assert marks == []
    assert {line.count("|") for line in bare.splitlines() if line.startswith("|")} <= {4, 5, 6}
    assert all(line.isprintable() for line in files["report.md"].decode().splitlines())


def test_the_pictures_of_a_hostile_target_are_pictures(hostile) -> None:
    _, files = hostile
    for name, data in files.items():
        if name.endswith(".svg"):
            tags = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(data).iter()}
            assert {"script", "image", "a"}.isdisjoint(tags)


def test_profiles_that_cannot_be_read_are_said_to_be(hostile) -> None:
    made, _ = hostile
    assert made.summary["stacks"] == []
    assert any("goroutine profiles" in line for line in made.summary["next"])


def test_json_is_ascii_and_finite(plain, hostile) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for data in (plain[2]["summary.json"], hostile[1]["summary.json"]):
        assert data.isascii()
        json.loads(data, parse_constant=refuse)
