"""A recording -> what became of the process: lives, children, sockets, runs and events, and how a report shows them."""

from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest

from relengtools.leaks import history, page, report, watch
from relengtools.leaks.descriptors import Change, Counts, Descriptor, Key, Kind
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, Worker, load, open_for_writing
from relengtools.leaks.target import Build, Target

META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100", "children": "summed, and each by itself"}
EVIL = "</td><script>alert(1)</script> | `x` \x1b[31m"
BASE = Base(1000, 2000, 10, 5000, 9, 3, 250, 1, 2, 3, 4)
COUNTS = Counts(5, 4, 3, 2, 1, 2, 1, 0, 1)
T0 = 1_700_000_000.0


def moment(seconds: float) -> Moment:
    return Moment(T0 + seconds, 100 + seconds, 100 + seconds)


def socket(fd: int, *, silent_ms: int | None = None, evil: str = "") -> Descriptor:
    key = Key(fd, fd, 1, "")
    return Descriptor(
        key, Kind.SOCKET, f"tcp in :80{evil}", f"established{evil}", "", f"192.0.2.1:9{evil}", silent_ms=silent_ms
    )


def record(path: Path, evil: str = "") -> Path:
    """Two lives of a pool, 100 s each: the first is killed with a child, the second is there at the end with two."""
    with closing(open_for_writing(path, META)) as recording:
        recording.begin_run(moment(0), 1.0)
        for life, build_id in enumerate(("GNU 00aa", f"Go 00bb{evil}")):
            build = Build(f"pool{evil}", "/usr/bin/pool", 1.5, bool(life), 1024, build_id)
            recording.begin_process(Target("boot", 70 + life, 5000 + life), build, T0 + 100 * life - 5)
            for second in range(100):
                now = moment(100 * life + second)
                number = recording.add(now, BASE)
                assert number is not None
                born = [socket(3, silent_ms=90_000, evil=evil)] if second == 0 else [socket(4)] if second == 60 else []
                recording.add_scan(number, COUNTS, Change(born, [], []), 0.001, first=second == 0)
                grown = BASE._replace(rss_pages=1000 + second)
                short = {Worker(8, 5, T0, "short"): BASE} if life and second < 50 else {}
                recording.add_workers(now, number, short | {Worker(9, 6 + life, T0, f"child{evil}"): grown})
            if not life:
                recording.end_process(moment(99.5), f"ended by SIGKILL{evil}, after 2 min")
        recording.event(moment(30), "gap", f"metrics: refused{evil}")
        recording.event(moment(90), "resumed", "metrics")
        recording.event(moment(95), "gap", "descriptors: not permitted")
        recording.event(moment(97), "growth", f"num_fds grew{evil}, so a profile was asked for")
        recording.end_run(moment(200), "end of the duration", 200, 1, 1234)
    return path


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return history.told(load(str(record(tmp_path_factory.mktemp("told") / "a.db"))))


def test_each_life_has_its_build_and_its_end(told) -> None:
    assert [(row["process"], row["build_id"], row["exe_replaced"], row["end"]) for row in told["lives"]] == [
        ("pool (pid 70)", "GNU 00aa", False, "ended by SIGKILL, after 2 min"),
        ("pool (pid 71)", "Go 00bb", True, "still there"),
    ]
    assert [row["watched_s"] for row in told["lives"]] == [99, 99]


def test_a_child_of_a_process_that_ended_is_not_said_to_be_there(told) -> None:
    assert [(row["process"], row["end"]) for row in told["children"]] == [
        ("child (pid 9)", f"last seen {history.utc(T0 + 99)}"),
        ("child (pid 9)", "still there"),
        ("short (pid 8)", "ended, after 2 min at most"),
    ]
    assert told["children"][0]["rss_bytes"] == [1000 * 4096, 1099 * 4096]


def test_the_sockets_that_are_open_longest_and_how_silent_they_were(told) -> None:
    assert [(row["open_s"], row["since_before"], row["silent_s"]) for row in told["sockets"]] == [
        (99, True, 90),
        (39, False, None),
    ]


def test_runs_tell_what_was_missed_and_gaps_how_long_they_lasted(told) -> None:
    (run,) = told["runs"]
    assert (run["samples"], run["late"], run["missed"]) == (200, 1, 1234)
    lasted = {event["text"].partition(":")[0]: event["lasted_s"] for event in told["events"] if event["kind"] == "gap"}
    assert lasted == {"metrics": 60, "descriptors": None}


def test_a_gap_ends_with_its_run_at_the_latest(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "a", META)) as recording:
        recording.begin_run(moment(0), 1.0)
        recording.begin_process(Target("boot", 7, 5), Build("x", "", None, False, None), T0)
        recording.add(moment(0), BASE)
        for second, kind in enumerate(("gap", "end", "gap", "resumed", "gap")):
            recording.event(moment(second), kind, "metrics" if kind == "resumed" else "metrics: refused")
    events = history.told(load(str(tmp_path / "a")))["events"]
    assert [event["lasted_s"] for event in events] == [None, None, 1, None, None]


def test_a_recorder_that_was_killed_has_told_no_counts(tmp_path: Path) -> None:
    for second in range(2):
        with closing(open_for_writing(tmp_path / "a", META)) as recording:
            recording.begin_run(moment(second), 1.0)
            recording.begin_process(Target("boot", 7, 5), Build("x", "", None, False, None), T0)
            recording.add(moment(second), BASE)
    summary = report.build(str(tmp_path / "a")).summary
    text = page.markdown(summary, [])
    assert "| 1 s | not told | no end noted: it was killed |" in text
    assert "| 1 s | not told | no end noted: it goes on, or was killed |" in text


def test_of_many_the_latest_are_kept_and_the_rest_is_counted(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "a", META)) as recording:
        recording.begin_run(moment(0), 1.0)
        for life in range(40):
            recording.begin_process(Target("boot", life, 5), Build("x", "", None, False, None), T0 + life)
            recording.add(moment(life), BASE)
            recording.event(moment(life), "mark", f"{life}")
    summary = report.build(str(tmp_path / "a")).summary
    assert [row["process"] for row in summary["lives"]] == [f"x (pid {life})" for life in range(25, 40)]
    assert len(summary["events"]) == 40
    assert "## Lives of the process (25 more not shown)" in page.markdown(summary, [])


def test_a_pool_that_recycles_does_not_push_out_what_happened(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "a", META)) as recording:
        recording.begin_run(moment(0), 1.0)
        recording.begin_process(Target("boot", 7, 5), Build("x", "", None, False, None), T0)
        recording.add(moment(0), BASE)
        recording.event(moment(1), "gap", "metrics: refused")
        for minute in range(1000):
            recording.event(moment(60 * minute), "children", "4 came, 4 ended, 8 there")
    told = history.told(load(str(tmp_path / "a")))
    assert [event["kind"] for event in told["events"]] == ["gap"]
    assert told["left_out"]["events"] == 1000


def test_what_is_no_recording_has_none_of_it() -> None:
    assert {name: rows for name, rows in history.told(None).items() if name != "left_out"} == {
        name: [] for name in history.MOST
    }


def test_a_report_tells_it_with_units_and_takes_hostile_names_as_text(tmp_path: Path) -> None:
    class Text(HTMLParser):
        tags: tuple[str, ...] = ()
        text = ""

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.tags += (tag,)

        def handle_data(self, data: str) -> None:
            self.text += f"{data}\n"

    summary = report.build(str(record(tmp_path / "a.db", EVIL))).summary
    shown, text = Text(), page.markdown(summary, [])
    shown.feed(page.html_page(summary, {}))
    assert "script" not in shown.tags
    evil = EVIL.replace("\x1b", "\\x1b")
    for said in (
        f"Go 00bb{evil}, whose file was replaced since",
        f"ended by SIGKILL{evil}, after 2 min",
        f"tcp in :80{evil}",
        f"192.0.2.1:9{evil}",
        "more than 2 min",
        f"child{evil} (pid 9)",
        "3.91 MiB → 4.29 MiB",
        "200, 1,234 missed, 1 late",
        f"metrics: refused{evil}; lasted 60 s",
        f"num_fds grew{evil}, so a profile was asked for",
    ):
        assert f"{said}\n" in shown.text
    assert "\x1b" not in text
    assert "<script" not in text.replace("\\<", "")


def test_watch_shows_the_children_that_there_are(tmp_path: Path) -> None:
    view = watch.look(str(record(tmp_path / "a.db")))
    assert [name for name, _, _ in view.children] == ["child (pid 9)"]
    assert "open descriptors without children's" in "\n".join(watch.render(view))
    at = watch.look(str(tmp_path / "a.db"), T0 + 217)
    assert "growth: num_fds grew, so a profile was asked for, 2 min ago" in at.notes
