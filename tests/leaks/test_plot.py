"""Frames and verdicts → Figures: which pictures there are, what stands in them, and that odd input is drawn too."""

import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaks.synthetic import bouncer, frame

from relengtools import figure
from relengtools.leaks import judge, plot, series
from relengtools.leaks.plot import figures, formula, residual

LEAK = {"verdict": "leak", "rate_per_s": 0.5, "onset": None, "identity": None}
LOAD = {"verdict": "load", "rate_per_s": 0.0, "onset": None, "identity": None}
IDENTITY = {"intercept": 14.0, "terms": {"downstreams": 3, "upstreams": 5, "users": 1}}
NOWHEN = np.empty(0)


def drawn(columns, verdicts=None, load=(), restarts=NOWHEN, **more):
    return figures(frame(columns, **more), verdicts or {}, load, restarts)


def legend(made):
    return [text.get_text() for text in made.legends[0].get_texts()]


def lines(made):
    """Label → (x, y) of every line that has a name of its own."""
    return {line.get_label(): line.get_data() for line in made.axes[0].lines if not line.get_label().startswith("_")}


def title(made):
    return made.axes[0].get_title(loc="left")


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["rss_bytes"], ["memory"]),
        (["num_fds", "n_sockets"], ["descriptors"]),
        (["go_goroutines"], ["goroutines"]),
        (["goroutines", "n_threads"], ["goroutines", "threads"]),
        (["process_resident_memory_bytes", "process_open_fds"], ["memory", "descriptors"]),
        (["users"], ["load"]),
        (["rss_bytes", "num_fds", "n_threads", "users"], ["memory", "descriptors", "threads", "load"]),
        (["something_else"], []),
    ],
)
def test_a_topic_is_drawn_where_it_has_a_column(columns, names) -> None:
    values = {name: np.arange(20.0) for name in columns}
    assert list(drawn(values, load=tuple({"users"} & set(columns)))) == names


def test_a_line_a_column_with_its_verdict_and_the_unit_that_fits() -> None:
    made = drawn({"rss_bytes": np.linspace(3, 5, 50) * 2**20, "anon_bytes": np.full(50, 2.0**20)}, {"rss_bytes": LEAK})
    assert title(made["memory"]) == "Memory (MiB)"
    assert legend(made["memory"]) == ["rss_bytes: leak +1.76 KiB/h", "anon_bytes", "slope of the leak"]
    np.testing.assert_allclose(lines(made["memory"])["anon_bytes"][1], 1.0)
    assert made["memory"].axes[0].get_ylim()[0] == 0


@pytest.mark.parametrize(
    ("most", "unit"), [(3.0, "B"), (5000.0, "KiB"), (3e6, "MiB"), (2e10, "GiB"), (2e15, "GiB"), (0.0, "B")]
)
def test_the_unit_of_bytes(most: float, unit: str) -> None:
    assert title(drawn({"rss_bytes": np.linspace(0, most, 9)})["memory"]) == f"Memory ({unit})"


@pytest.mark.parametrize(("step", "unit"), [(1.0, "s"), (10.0, "min"), (600.0, "h"), (86400.0, "d")])
def test_time_runs_from_the_first_sample_in_a_unit_that_fits(step: float, unit: str) -> None:
    made = drawn({"num_fds": np.arange(60.0)}, step=step)["descriptors"]
    assert made.axes[0].get_xlabel() == f"time since the first sample ({unit})"
    seconds = {"s": 1, "min": 60, "h": 3600, "d": 86400}[unit]
    assert lines(made)["num_fds"][0][-1] == pytest.approx(59 * step / seconds)


def test_a_leak_has_its_slope_drawn_from_its_onset_on() -> None:
    values = np.maximum(0.0, np.arange(100.0) - 40) * 0.5 + 7
    verdict = {**LEAK, "onset": 1.7e9 + 40}
    (unnamed,) = [
        line
        for line in drawn({"num_fds": values}, {"num_fds": verdict})["descriptors"].axes[0].lines
        if line.get_linestyle() == "--"
    ]
    x, y = unnamed.get_data()
    np.testing.assert_allclose(x * 60 if x[-1] < 10 else x, [40, 99], rtol=1e-6)
    np.testing.assert_allclose(y, [7, 36.5])


def test_only_a_leak_has_a_slope() -> None:
    made = drawn({"num_fds": np.arange(50.0)}, {"num_fds": LOAD})["descriptors"]
    assert [line.get_linestyle() for line in made.axes[0].lines] == ["-"]


def test_restarts_are_marked() -> None:
    made = drawn({"num_fds": np.arange(50.0)}, restarts=np.array([1.7e9 + 10, 1.7e9 + 30]))["descriptors"]
    assert [line.get_xdata()[0] for line in made.axes[0].lines if line.get_linestyle() == ":"] == [10, 30]


def test_what_was_noted_stands_where_it_was_noted() -> None:
    there = frame({"num_fds": np.arange(50.0)})
    marks = [(1.7e9 - 5, "before"), (1.7e9 + 20, "deployed \x1b 0.9.1 of the bouncer, at last"), (1.7e9 + 60, "after")]
    axes = figures(there, {}, (), NOWHEN, marks)["descriptors"].axes[0]
    assert [(text.get_position()[0], text.get_text()) for text in axes.texts] == [(20, "deployed \\x1b 0.9.1 of t")]
    assert axes.lines[-1].get_xdata()[0] == 20
    crowd = [(1.7e9 + n, str(n)) for n in range(40)]
    axes = figures(there, {}, (), NOWHEN, crowd)["descriptors"].axes[0]
    assert [text.get_text() for text in axes.texts] == [str(n) for n in range(28, 40)]


def test_the_residual_is_what_the_identity_leaves_where_all_terms_are_there() -> None:
    columns = bouncer(1)
    columns["downstreams"][::7] = np.nan
    there = frame(columns)
    left = residual(there, "go_goroutines", IDENTITY)
    assert np.isnan(left[::7]).all()
    assert 0 <= np.nanmin(left) <= np.nanmax(left) < 5
    made = figures(there, {"go_goroutines": {**LOAD, "identity": IDENTITY}}, (), NOWHEN)["residual"]
    (label,) = legend(made)
    assert label.startswith("go_goroutines - (14 + 3 downstreams + 5 upstreams + users)")


@pytest.mark.parametrize(
    ("intercept", "terms", "text"),
    [
        (14.0, {"downstreams": 3, "users": 1}, "14 + 3 downstreams + users"),
        (-2.0, {}, "-2"),
        (0.5, {"a": -1, "b": 2}, "0.5 - 1 a + 2 b"),
    ],
)
def test_an_identity_as_people_write_it(intercept: float, terms: dict[str, int], text: str) -> None:
    assert formula({"intercept": intercept, "terms": terms}) == text


def test_of_more_lines_than_colours_the_title_says_how_many_there_are() -> None:
    names = tuple(f"pool{i}_active" for i in range(11))
    made = drawn({name: np.arange(9.0) for name in names}, load=names)["load"]
    assert title(made) == "Load (8 of 11)"
    assert len(legend(made)) == len(figure.COLOURS) == 8
    identities = {f"n_{i}": {**LOAD, "identity": IDENTITY} for i in range(10)}
    columns = bouncer(2, n=30) | {name: np.arange(30.0) for name in identities}
    assert title(drawn(columns, identities)["residual"]) == "What is left after load (8 of 10)"


HOSTILE = [
    'users{a="</svg><script>alert(1)</script>"}',
    "--><!--_active",
    "\x1b[31m\x00\x08_active",
    "\ud800_active",
    "$\\frac{_active",
    "文字_active",
    "&amp;<b>_active",
    "x" * 1000 + "_active",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_drawn_as_text(name: str) -> None:
    made = drawn({name: np.arange(30.0), "num_fds": np.arange(30.0)}, load=(name,))
    assert all(len(label) <= 60 and label.isprintable() for label in legend(made["load"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        root = ElementTree.fromstring(figure.svg(made["load"]))
        figure.png(made["load"])
    assert {each.tag.rpartition("}")[2] for each in root.iter()}.isdisjoint({"script", "b"})


ODD = {
    "one row": {"num_fds": [5.0]},
    "nothing but zeros": {"num_fds": np.zeros(20)},
    "one value among none": {"num_fds": [np.nan] * 9 + [5.0]},
    "huge": {"rss_bytes": np.linspace(0, 1e99, 20)},
    "tiny": {"rss_bytes": np.full(20, 1e-300)},
    "negative": {"num_fds": np.arange(20.0) - 100},
}


@pytest.mark.parametrize("columns", ODD.values(), ids=ODD)
def test_odd_columns_are_drawn_without_a_warning(columns) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for made in drawn(columns, dict.fromkeys(columns, LEAK)).values():
            ElementTree.fromstring(figure.svg(made))


def test_a_whole_analysis_is_drawn_the_same_twice() -> None:
    there = frame(bouncer(3, n=900, goroutine_leak=0.05, fd_leak=0.02))
    verdicts = judge.analyze(there).as_json()["metrics"]
    load = series.roles(there).load
    first, second = (
        {name: figure.svg(made) for name, made in figures(there, verdicts, load, NOWHEN).items()} for _ in "12"
    )
    assert list(first) == ["descriptors", "goroutines", "load", "residual"]
    assert first == second


@given(st.integers(0, 5000), st.integers(0, 9))
def test_thinning_keeps_every_extreme_and_the_order(n: int, missing: int) -> None:
    rng = np.random.default_rng(n)
    time, values = np.arange(n, dtype=float), rng.normal(size=n)
    values[rng.random(n) < missing / 10] = np.nan
    kept_time, kept, _ = plot._thin(time, values, np.zeros(n, dtype=int))
    assert len(kept) <= plot.POINTS
    assert (np.diff(kept_time) > 0).all()
    assert not np.isnan(kept).any()
    if np.isfinite(values).any():
        assert (kept.min(), kept.max()) == (np.nanmin(values), np.nanmax(values))


def test_values_of_the_same_size_are_called_by_one_name_only() -> None:
    columns = {name: np.arange(20.0) for name in ("process_open_fds", "num_fds")}
    identities = {name: {**LOAD, "identity": {"intercept": 0.0, "terms": {}}} for name in columns}
    made = drawn(columns, identities)
    assert legend(made["descriptors"]) == ["num_fds: load"]
    assert legend(made["residual"]) == ["num_fds - (0)"]


def test_equal_lines_show_all_of_their_colours_and_what_is_0_is_only_named() -> None:
    columns = {name: np.full(20, 5.0) for name in ("num_fds", "n_sockets", "n_reg_files")} | {"n_pipes": np.zeros(20)}
    made = drawn(columns)["descriptors"]
    widths = [line.get_linewidth() for line in made.axes[0].lines[:3]]
    assert widths[0] > widths[1] + 0.5 > widths[2] + 1
    assert legend(made) == ["num_fds", "n_sockets", "n_reg_files", "0 throughout: n_pipes"]
    assert legend(drawn({"n_pipes": np.zeros(20)})["descriptors"]) == ["n_pipes"]


@pytest.mark.parametrize("values", [np.zeros(20), np.arange(20.0) % 2, np.arange(20.0) * 1e6])
def test_counts_have_whole_numbers_at_their_axis(values) -> None:
    made = drawn({"num_fds": values, "rss_bytes": values})
    axes = made["descriptors"].axes[0]
    assert axes.get_ylabel() == "number"
    assert all(float(tick).is_integer() for tick in axes.get_yticks())
    assert made["memory"].axes[0].get_ylabel() == ""


def breaks(made, name):
    """The times at which the line of this name is interrupted, after which point."""
    x, y = lines(made)[name]
    return [x[i - 1] for i in np.flatnonzero(np.isnan(y))]


def test_no_line_crosses_a_restart_or_a_gap() -> None:
    there = frame({"num_fds": np.arange(100.0), "go_goroutines": np.where(np.arange(100) % 5, np.nan, 7.0)})
    kept = np.r_[0:30, 41:100]
    holey = series.Frame("t", there.time[kept], {n: v[kept] for n, v in there.columns.items()}, np.empty(0))
    made = figures(holey, {}, (), np.array([1.7e9 + 80]))
    assert breaks(made["descriptors"], "num_fds") == [29, 79]
    assert breaks(made["goroutines"], "go_goroutines") == [25, 75]
    assert legend(made["descriptors"]) == ["num_fds", "restart"]


def test_a_slower_rate_is_no_gap_and_a_lone_point_is_seen() -> None:
    time = 1.7e9 + np.r_[np.arange(50.0), 50 + 30 * np.arange(50.0), 1e4, 2e4 + np.arange(20.0)]
    columns = {"num_fds": np.arange(121.0)}
    made = figures(series.Frame("t", time, columns, np.empty(0)), {}, (), NOWHEN)["descriptors"]
    assert len(breaks(made, "num_fds")) == 2
    (point,) = [line for line in made.axes[0].lines if line.get_marker() == "."]
    assert point.get_ydata() == [100]


def test_each_life_of_the_process_has_its_own_slope() -> None:
    values = np.arange(100.0) % 50 * 0.5
    made = drawn({"num_fds": values}, {"num_fds": LEAK}, restarts=np.array([1.7e9 + 50]))["descriptors"]
    ends = [line.get_data() for line in made.axes[0].lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose([y for _, y in ends], [[0, 24.5], [0, 24.5]])
    assert legend(made).count("slope of the leak") == 1
