"""The gate for pipelines: what passes, names and units that are typed, and how long until a limit is reached."""

import json
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from leaks.synthetic import bouncer, frame
from test_output_sarif import VALIDATOR

from relengtools import cli
from relengtools.errors import RelengError
from relengtools.leaks import exhaustion, gate, names, units
from relengtools.leaks.gate import Outcome
from relengtools.leaks.recording.read import Level

NAMED = ["num_fds", "rss_bytes"]


def verdict(kind, low=None, high=None):
    rate = None if low is None or high is None else (low + high) / 2
    return {"verdict": kind, "rate_per_s": rate, "ci_low": low, "ci_high": high, "reason": "because", "onset": None}


@pytest.mark.parametrize(
    ("kind", "low", "high", "most", "outcome"),
    [
        ("leak", 2.0, 4.0, None, Outcome.LEAK),
        ("leak", 2.0, 4.0, 4.0, Outcome.PASS),
        ("leak", 2.0, 4.0, 3.9, Outcome.LEAK),
        ("leak", 2.0, 4.0, 1.0, Outcome.LEAK),
        ("leak", None, None, 9.0, Outcome.LEAK),
        ("insufficient", -1.0, 4.0, None, Outcome.INSUFFICIENT),
        ("insufficient", -1.0, 4.0, 5.0, Outcome.PASS),
        ("insufficient", -1.0, 4.0, 3.0, Outcome.INSUFFICIENT),
        ("insufficient", None, None, 3.0, Outcome.INSUFFICIENT),
        ("stable", 0.0, 0.0, None, Outcome.PASS),
        ("stable", 0.0, 1.0, 0.5, Outcome.INSUFFICIENT),
        ("load", 0.0, 1.0, None, Outcome.PASS),
        ("warmup", 0.0, 1.0, None, Outcome.PASS),
        ("warmup", 0.0, 1.0, 0.5, Outcome.INSUFFICIENT),
    ],
)
def test_what_passes(kind, low, high, most, outcome):
    (ruling,) = gate.rule({"m": verdict(kind, low, high)}, ["m"], {} if most is None else {"m": most})
    assert ruling.outcome is outcome
    assert "because" in ruling.message or outcome is Outcome.PASS
    assert bool(gate.closing([ruling], strict=False)) == (outcome is Outcome.LEAK)
    assert bool(gate.closing([ruling], strict=True)) == (outcome is not Outcome.PASS)


def test_only_what_is_decisive_counts():
    metrics = {"a": verdict("stable", 0, 0), "b": verdict("leak", 1, 2)}
    assert gate.closing(gate.rule(metrics, ["a"], {}), strict=True) == []


def test_a_finding_has_the_metric_its_rate_and_the_limits_that_it_meets():
    rulings = gate.rule({"num_fds": verdict("leak", 1.0, 2.0), "rss_bytes": verdict("insufficient")}, NAMED, {})
    limited = [
        {
            "metric": "num_fds",
            "source": "RLIMIT_NOFILE",
            "now": 5,
            "limit": 9,
            "seconds_low": 2.0,
            "left": "2 s to 4 s",
        },
        {"metric": "num_fds", "source": "--limit", "now": 5, "limit": 9, "seconds_low": None, "left": "unknown"},
    ]
    leak, unsure = gate.findings("a.db", rulings, limited)
    assert (leak.rule, leak.subject, leak.location.file) == (gate.LEAK, "num_fds", "a.db")
    assert leak.message == "num_fds leaks +5,400/h (+3,600/h to +7,200/h): because"
    assert leak.note == "num_fds is at 5 of 9 (RLIMIT_NOFILE): reached in 2 s to 4 s at the present load"
    assert (unsure.rule, unsure.note) == (gate.UNDECIDED, None)
    assert unsure.message == "rss_bytes can't be told yet: because"


@pytest.mark.parametrize(
    ("typed", "columns", "full"),
    [
        ("rss", {"rss_bytes", "process_resident_memory_bytes"}, "rss_bytes"),
        ("rss", {"process_resident_memory_bytes"}, "process_resident_memory_bytes"),
        ("fds", {"process_open_fds"}, "process_open_fds"),
        ("goroutines", {"go_goroutines"}, "go_goroutines"),
        ("goroutines", {"goroutines", "go_goroutines"}, "goroutines"),
        ('x{a="b"}', {'x{a="b"}'}, 'x{a="b"}'),
    ],
)
def test_names_that_are_typed(typed, columns, full):
    assert names.named(typed, dict.fromkeys(columns), "f") == full


@pytest.mark.parametrize("typed", ["rss", "nope", ""])
def test_a_name_of_nothing_is_an_error(typed):
    with pytest.raises(RelengError, match="has no values for"):
        names.named(typed, {"num_fds": None}, "f.csv")


def test_bytes_of_a_count_are_an_error():
    assert gate.in_unit("rss_bytes", (5.0, False)) == 5.0
    with pytest.raises(RelengError, match="num_fds is not in bytes"):
        gate.in_unit("num_fds", (5.0, True))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100KiB/h", (100 * 1024 / 3600, True)),
        ("1.5 MB / d", (1.5e6 / 86400, True)),
        ("3/d", (3 / 86400, False)),
        ("0/s", (0.0, False)),
        ("7/min", (7 / 60, False)),
        ("10B/s", (10.0, True)),
    ],
)
def test_rates_that_are_typed(text, value):
    assert units.parse_rate(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "5", "5/", "/h", "5/y", "-1/h", "inf/h", "nan/h", "5KiX/h", "5 6/h", "1/2/h", "BK/s"]
)
def test_what_is_no_rate(text):
    with pytest.raises(ValueError, match="is no rate"):
        units.parse_rate(text)


@pytest.mark.parametrize("text", ["", "GiB", "-5", "inf", "nan", "5XiB", "5/h", "1e999"])
def test_what_is_no_amount(text):
    with pytest.raises(ValueError, match="is no amount"):
        units.parse_amount(text)


@given(st.floats(0, 1e6), st.sampled_from(["B", "KiB", "MiB", "GiB", "TiB"]))
def test_binary_units_are_powers_of_1024(number, unit):
    value, in_bytes = units.parse_amount(f"{number!r}{unit}")
    assert in_bytes
    assert value == number * 1024.0 ** ["B", "KiB", "MiB", "GiB", "TiB"].index(unit)


# ------------------------------------------------------------------------------------------ exhaustion


def test_a_limit_is_reached_between_the_ends_of_the_rate():
    data = frame({"num_fds": [10.0, 20.0], "process_max_fds": [1020.0, np.nan]})
    (limit,) = exhaustion.limits(data, None, {"num_fds": verdict("leak", 1.0, 2.0)})
    assert (limit["source"], limit["now"], limit["limit"]) == ("RLIMIT_NOFILE", 20.0, 1020.0)
    assert (limit["seconds_low"], limit["seconds_high"]) == (500.0, 1000.0)
    assert exhaustion.sentence(limit) == (
        "num_fds is at 20 of 1,020 (RLIMIT_NOFILE): reached in 8 min to 17 min at the present load"
    )


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (verdict("stable", -1.0, 1.0), "not at the present load"),
        (verdict("leak", -1.0, 1.0), "30 s at the soonest"),
        (verdict("leak", None, None), "unknown"),
        (verdict("leak", 1.0, 1.0), "30 s"),
    ],
)
def test_a_limit_that_is_not_reached_for_certain(said, left):
    data = frame({"rss_bytes": [50.0, 70.0]})
    (limit,) = exhaustion.limits(data, None, {"rss_bytes": said}, {"rss_bytes": 100.0})
    assert limit["left"] == left


@pytest.mark.parametrize("last", [100.0, 170.0])
@pytest.mark.parametrize(
    "said", [verdict("leak", 1.0, 2.0), verdict("leak", -1.0, 2.0), verdict("leak"), verdict("stable", 0.0, 0.0)]
)
def test_what_is_at_or_past_its_limit_is_there_now_leak_or_no_leak(said, last):
    data = frame({"rss_bytes": [50.0, last]})
    (limit,) = exhaustion.limits(data, None, {"rss_bytes": said}, {"rss_bytes": 100.0})
    assert (limit["seconds_low"], limit["seconds_high"]) == (0.0, 0.0)
    assert exhaustion.sentence(limit).endswith("of 100 B (--limit): reached already")


@pytest.mark.parametrize(
    ("low", "high", "left"),
    [
        (1.0, 1.0, "not in a hundred years at the present load"),
        (1.0, 1e19, "2 s at the soonest"),
        (-3.0, -1.0, "unknown"),
        (0.0, 0.0, "unknown"),
        (5e-324, 5e-324, "unknown"),
    ],
)
def test_a_limit_as_good_as_infinite_is_not_told_in_days(low, high, left):
    data = frame({"num_fds": [10.0, 20.0], "process_max_fds": [1.8446744073709552e19, np.nan]})
    (limit,) = exhaustion.limits(data, None, {"num_fds": verdict("leak", low, high)})
    assert limit["left"] == left
    assert not exhaustion.sentence(limit).endswith(" d at the present load")


def recording(levels, max_fds=None):
    process = SimpleNamespace(id=2, max_fds=max_fds)
    return SimpleNamespace(processes=[process], levels=[Level(0.0, *level) for level in levels])


@pytest.mark.parametrize(
    ("levels", "rows"),
    [
        ([(2, "num_fds", 9, 512)], [("num_fds", "RLIMIT_NOFILE", 20.0, 512.0)]),
        ([(2, "num_fds", 9, 512), (2, "num_fds", 9, 256)], [("num_fds", "RLIMIT_NOFILE", 20.0, 256.0)]),
        ([(1, "num_fds", 9, 512)], [("num_fds", "RLIMIT_NOFILE", 20.0, 1024.0)]),
        ([(2, "memory_bytes", 700, 1000)], [("anon_bytes", "memory of the machine", 700.0, 1000.0)]),
        ([(2, "cgroup_memory_bytes", 700, None)], []),
        ([(2, "cgroup_pids", 7, 9)], []),
        (
            [
                (2, "cgroup_memory_bytes", 700, 1000),
                (2, "cgroup_anon_bytes", 300, None),
                (2, "cgroup_slab_bytes", 1, None),
            ],
            [("anon_bytes", "memory of its control group", 301.0, 1000.0)],
        ),
    ],
)
def test_limits_that_a_recording_knows(levels, rows):
    data = frame({"num_fds": [10.0, 20.0], "anon_bytes": [50.0, 60.0]})
    found = exhaustion.limits(data, recording(levels, 1024), {"anon_bytes": verdict("leak", 1.0, 2.0)})
    said = [(each["metric"], each["source"], each["now"], each["limit"]) for each in found]
    assert [row for row in said if row[1:] != ("RLIMIT_NOFILE", 20.0, 1024.0)] == [r for r in rows if r[3] != 1024.0]


def test_what_all_use_up_is_not_told_as_the_level_of_the_process():
    data = frame({"anon_bytes": [50.0 * 2**20, 60.0 * 2**20]})
    known = recording([(2, "memory_bytes", 2**30, 2**31)], None)
    (limit,) = exhaustion.limits(data, known, {"anon_bytes": verdict("leak", 2.0**20, 2.0**20)})
    assert exhaustion.sentence(limit) == (
        "memory of the machine is at 1 GiB of 2 GiB, this process and all others; as anon_bytes grows: "
        "reached in 17 min at the present load"
    )


# ------------------------------------------------------------------------------------------- the command


def check(*arguments):
    """`leaks check` in this process: exit code and stdout; an error for people is 2."""
    done = CliRunner().invoke(cli.relengtools, ["leaks", "check", *map(str, arguments)])
    return (2 if isinstance(done.exception, RelengError) else done.exit_code), done.stdout, done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """CSV files: `clean`, `leaky` (about 72 descriptors an hour), `short`, and `bare` without a resource."""
    folder = tmp_path_factory.mktemp("gate")
    made = {"clean": bouncer(3), "leaky": bouncer(3, fd_leak=0.02), "short": {"num_fds": [5, 6, 5, 6]}}
    made["bare"] = {"queue_length": np.arange(40), "closed_total": np.arange(40)}
    return {name: written(folder / f"{name}.csv", columns) for name, columns in made.items()}


def written(path, columns):
    data = frame(columns)
    table = np.column_stack([data.time, *data.columns.values()])
    np.savetxt(path, table, delimiter=",", fmt="%.10g", header=",".join(["ts_unix", *data.columns]), comments="")
    return path


@pytest.mark.parametrize(
    ("names", "options", "code"),
    [
        (["clean"], [], 0),
        (["leaky"], [], 1),
        (["clean", "leaky"], [], 1),
        (["leaky"], ["--max-rate", "fds=1000/h"], 0),
        (["leaky"], ["--max-rate", "num_fds=10/h"], 1),
        (["leaky"], ["--max-rate", "nope=10/h"], 2),
        (["leaky"], ["--max-rate", "fds=10KiB/h"], 2),
        (["leaky"], ["--max-rate", "fds=10"], 2),
        (["leaky"], ["--max-rate", "10/h"], 2),
        (["clean"], ["--max-rate", "fds=0/h"], 0),
        (["clean"], ["--max-rate", "fds=0/h", "--fail-on", "insufficient"], 1),
        (["leaky"], ["--max-rate", "fds=1/h", "--max-rate", "fds=1000/h"], 2),
        (["leaky"], ["--max-rate", "fds=1/h", "--max-rate", "num_fds=1000/h"], 2),
        (["clean"], ["--limit", "fds=100"], 0),
        (["clean"], ["--limit", "fds=100", "--limit", "num_fds=200"], 2),
        (["clean"], ["--metric", "nope"], 2),
        (["short"], [], 2),
        (["bare"], [], 2),
        (["bare"], ["--metric", "queue_length"], 0),
        (["nowhere"], [], 2),
        (["nowhere", "leaky"], [], 2),
    ],
)
def test_exit_codes(files, names, options, code):
    said, out, err = check(*(files.get(name, name) for name in names), *options)
    assert said == code
    assert out or err or code == 2


def test_the_rest_is_judged_when_a_file_is_missing(files):
    code, out, err = check("nowhere", files["leaky"])
    assert code == 2
    assert "leaky.csv: failed: 1 of 3 leak" in out
    assert "nowhere: cannot be read" in err


def test_json_is_one_object_a_file(files):
    code, out, _ = check("--output-format", "json", files["clean"], files["leaky"], "--limit", "fds=1000")
    clean, leaky = (json.loads(line) for line in out.splitlines())
    assert code == 1
    assert (clean["passed"], [f for f in clean["findings"] if f["outcome"] == "leak"]) == (True, [])
    (finding,) = leaky["findings"]
    assert (finding["metric"], finding["outcome"], finding["max_rate_per_s"]) == ("num_fds", "leak", None)
    assert finding["ci_low"] <= finding["rate_per_s"] <= finding["ci_high"]
    assert leaky["metrics"]["num_fds"]["verdict"] == "leak"
    assert leaky["limits"][0]["seconds_low"] < leaky["limits"][0]["seconds_high"]


def test_sarif_is_one_log_of_all_files_with_the_metric_as_its_place(files):
    code, out, _ = check("--output-format", "sarif", files["clean"], files["leaky"])
    log = json.loads(out)
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    (result,) = run["results"]
    (place,) = result["locations"]
    assert (code, result["ruleId"], place["logicalLocations"]) == (1, "RL101", [{"name": "num_fds"}])
    assert place["physicalLocation"]["artifactLocation"]["uri"].endswith("leaky.csv")
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["RL101", "RL102"]


def test_a_workflow_is_told_what_leaks_where_and_the_log_the_rest(files):
    code, out, err = check("--output-format", "github", files["clean"], files["leaky"])
    (line,) = out.splitlines()
    assert code == 1
    assert line.startswith(f"::error file={files['leaky']},line=1,")
    assert "title=RL101 leak::num_fds leaks +" in line
    assert [said.split(": ")[2] for said in err.splitlines()] == ["passed", "failed"]


def test_junit_has_a_test_a_metric_and_skips_what_has_no_answer(files, tmp_path):
    brief = written(tmp_path / "brief.csv", {"num_fds": 5 + np.arange(100) % 3})
    code, out, _ = check("--output-format", "junit", files["leaky"], brief, "nowhere")
    suite = ElementTree.fromstring(out)[0]
    tests = {case.get("name"): case[0].tag if len(case) else "passed" for case in suite}
    assert (code, suite.get("tests"), suite.get("skipped")) == (2, "5", "1")
    assert tests == {
        f"{files['leaky']}: n_sockets": "passed",
        f"{files['leaky']}: go_goroutines": "passed",
        f"{files['leaky']}: num_fds": "failure",
        f"{brief}: num_fds": "skipped",
        "not judged": "error",
    }
    strict = check("--output-format", "junit", "--fail-on", "insufficient", brief)[1]
    assert 'failures="1"' in strict
    assert "RL102" in strict


def test_rows_of_one_time_have_no_rate(tmp_path):
    path = tmp_path / "still.csv"
    path.write_text("ts_unix,num_fds\n" + "".join(f"1700000000,{20 + row // 10}\n" for row in range(600)))
    assert check(path)[0] == 2


def test_a_clock_that_was_set_back_hides_no_leak(files, tmp_path):
    header, *rows = files["leaky"].read_text().splitlines()
    moved = [f"{float(time) - 3600 * (number > len(rows) // 2)},{rest}" for number, (time, _, rest) in
             enumerate(row.partition(",") for row in rows)]  # fmt: skip
    back = tmp_path / "back.csv"
    back.write_text("\n".join([header, *moved]) + "\n")
    assert check(back)[0] == 1


def test_a_metric_that_is_no_resource_counts_when_asked_for(tmp_path):
    rows = np.arange(1200)
    grows = written(tmp_path / "grows.csv", {"open_handles": rows // 10, "num_fds": 5 + rows % 2})
    assert check(grows)[0] == 0
    assert check(grows, "--metric", "open_handles")[0] == 1


def test_a_recording_that_decides_nothing_is_not_called_passed(tmp_path):
    brief = written(tmp_path / "brief.csv", {"num_fds": 5 + np.arange(100) % 3})
    code, out, _ = check(brief)
    assert (code, out.split("\n")[0].split(": ")[1]) == (0, "undecided")
    assert check(brief, "--fail-on", "insufficient")[0] == 1
