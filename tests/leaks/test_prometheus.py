import json
from math import isnan
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from leaks.synthetic import bouncer

from relengtools import cli
from relengtools.errors import RelengError
from relengtools.leaks import exporters, importers
from relengtools.leaks.prometheus import columns, points
from relengtools.leaks.recording import load

SOJU = {"instance": "localhost:7001", "job": "soju"}


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> str:
    """As /api/v1/query answers a range vector."""
    result = [{"metric": labels, "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def named(name: str, **labels: str) -> dict[str, str]:
    return {"__name__": name, **SOJU, **labels}


def read(tmp_path: Path, text: str) -> tuple[list[float], dict[str, list[float]]]:
    (tmp_path / "in").write_text(text)
    return columns(points(tmp_path / "in"), tmp_path / "in")


def test_a_range_vector_is_a_column_a_series(tmp_path: Path) -> None:
    text = matrix(
        (named("process_open_fds"), [(1000.5, "15"), (1010.5, "16"), (1020.5, "17")]),
        (named("go_gc_duration_seconds", quantile="0.5"), [(1000.5, "NaN"), (1020.5, "1e-05")]),
        (named("soju_x", kind='a"b\\c'), [(1010.5, "+Inf")]),
    )
    times, found = read(tmp_path, text)
    assert times == [1000.5, 1010.5, 1020.5]
    assert list(found) == ["process_open_fds", 'go_gc_duration_seconds{quantile="0.5"}', 'soju_x{kind="a\\"b\\\\c"}']
    assert found["process_open_fds"] == [15, 16, 17]
    assert [isnan(value) for value in found['go_gc_duration_seconds{quantile="0.5"}']] == [True, True, False]


def test_answers_after_each_other_and_bare_results_are_taken_together(tmp_path: Path) -> None:
    one, two = matrix((named("a"), [(1, "1")])), matrix((named("b"), [(2, "2")]))
    bare = json.dumps([{"metric": named("c"), "values": [[3, "3"]]}])
    vector = json.dumps({"data": {"resultType": "vector", "result": [{"metric": named("d"), "value": [4, "4"]}]}})
    times, found = read(tmp_path, f"{one}\n{two}{bare}\n {vector}\n")
    assert times == [1, 2, 3, 4]
    assert list(found) == ["a", "b", "c", "d"]


OPENMETRICS = """# TYPE a unknown
a{x="{1} # 2",job="soju"} 5 1000.5
a{x="{1} # 2",job="soju"} 6 1010.5 # {trace="}"} 1 2
# HELP b text
b 7 1000.5
# EOF
"""


def test_text_with_times_in_seconds_or_in_milliseconds(tmp_path: Path) -> None:
    times, found = read(tmp_path, OPENMETRICS)
    assert times == [1000.5, 1010.5]
    assert found['a{x="{1} # 2"}'] == [5, 6]
    assert found["b"][0] == 7
    older = OPENMETRICS.replace("# EOF\n", "").replace("0.5", "0500").replace("1000500", "1000500")
    assert read(tmp_path, older)[0] == times


def test_labels_that_all_have_alike_are_of_the_target(tmp_path: Path) -> None:
    both = [(named(name, env="prod"), [(1.0, "1")]) for name in ("a", "b")]
    assert list(read(tmp_path, matrix(*both))[1]) == ["a", "b"]
    assert list(read(tmp_path, matrix(both[0]))[1]) == ['a{env="prod"}']


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (matrix((named("a"), [(1, "1")]), (named("a") | {"instance": "other"}, [(1, "1")])), "of 2 targets"),
        (
            '{"status": "error", "errorType": "bad_data", "error": "parse \x1b[31merror"}'.replace("\x1b", "\\u001b"),
            "par",
        ),
        (matrix(), "holds no sample"),
        ("a 5\n# EOF\n", "line 1 has no time"),
        ("{}", "is no answer of Prometheus"),
        ("[" * 100_000, "is no answer of Prometheus"),
        ('{"data": {"result": [{"metric": 5, "values": [[1, "x"]]}]}}', "is no answer of Prometheus"),
        ("hello world\n", "is no answer of Prometheus"),
        ("a{" + '"' * 100_000, "is no answer of Prometheus"),
    ],
)
def test_anything_else_is_one_line(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(RelengError, match=part) as caught:
        read(tmp_path, text)
    assert "\x1b" not in str(caught.value)


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_any_text_is_read_or_one_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_text(text, "utf-8", "replace")
    try:
        assert columns(points(path), path)[0]
    except RelengError as error:
        assert str(error).isprintable()


def history() -> dict[str, list[float]]:
    found = bouncer(1, n=900, goroutine_leak=0.05, fd_leak=0.02)
    return {name: list(map(float, values)) for name, values in found.items()}


def verdicts(path: Path) -> dict[str, str]:
    result = CliRunner().invoke(cli.relengtools, ["leaks", "analyze", "--output-format", "json", str(path)])
    return {name: each["verdict"] for name, each in json.loads(result.stdout)["metrics"].items()}


def test_a_history_gives_the_verdicts_of_its_csv(tmp_path: Path) -> None:
    table = history()
    times = [1_700_000_000.0 + at for at in range(900)]
    series = [
        (named(name), [(now, repr(value)) for now, value in zip(times, values, strict=True)])
        for name, values in table.items()
    ]
    (tmp_path / "in").write_text(matrix(*series))
    lines = [",".join(["ts_unix", *table])]
    lines += [",".join(map(repr, row)) for row in zip(times, *table.values(), strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    result = CliRunner().invoke(
        cli.relengtools, ["leaks", "import", "prometheus", str(tmp_path / "in"), "-o", str(tmp_path / "a")]
    )
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'a'}\n")
    assert verdicts(tmp_path / "a") == verdicts(tmp_path / "a.csv")
    assert "leak" in verdicts(tmp_path / "a").values()


def test_restarts_are_told_by_the_start_of_the_process(tmp_path: Path) -> None:
    starts = [(1000.0 + at, "900" if at < 50 else "1049.5") for at in range(0, 100, 2)]
    fds = [(1000.0 + at, str(at)) for at in range(100)]
    text = matrix((named("process_start_time_seconds"), starts), (named("process_open_fds"), fds))
    (tmp_path / "in").write_text(text)
    importers.convert("prometheus", tmp_path / "in", tmp_path / "a")
    assert [process.started for process in load(str(tmp_path / "a")).processes] == [900, 1049.5]


def test_what_we_export_we_read(tmp_path: Path) -> None:
    frozen = Path(__file__).parent / "data" / "schema-1.sqlite"
    before = load(str(frozen))
    (tmp_path / "in").write_text("".join(exporters.to_openmetrics(before)))
    importers.convert("prometheus", tmp_path / "in", tmp_path / "a")
    after = load(str(tmp_path / "a"))
    assert after.times.tolist() == pytest.approx(before.times.tolist(), abs=0.002)
    assert after.columns["rss_bytes"].tolist() == before.columns["rss_bytes"].tolist()
    assert len(after.processes) == len(before.processes)
