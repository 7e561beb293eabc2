"""Verdicts on whole recordings: synthetic ones with a known truth, thinned real ones, and odd ones."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from leaks.synthetic import bouncer, frame

from relengtools.errors import RelengError
from relengtools.leaks import series
from relengtools.leaks.judge import analyze, is_count
from relengtools.leaks.series import Frame

DATA = Path(__file__).parent / "data"


def verdicts(judged):
    return {name: v.verdict.value for name, v in analyze(judged).metrics.items()}


def no_nan(value):
    raise AssertionError(f"JSON holds {value}")


def checked_json(judged):
    """The analysis through JSON, refusing NaN and Infinity."""
    return json.loads(json.dumps(analyze(judged).as_json(), allow_nan=False), parse_constant=no_nan)


# ------------------------------------------------------------------------------------------ counts


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("wave", [False, True])
def test_clean_counts_never_leak_whatever_the_load(seed, wave):
    said = verdicts(frame(bouncer(seed, wave=wave)))
    assert said["num_fds"] != "leak"
    assert said["n_sockets"] in ("load", "stable")
    assert said["go_goroutines"] in ("load", "stable")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("wave", [False, True])
def test_leaking_counts_are_found_under_any_load(seed, wave):
    found = analyze(frame(bouncer(seed, goroutine_leak=0.05, fd_leak=0.02, wave=wave))).metrics
    for name, rate in (("go_goroutines", 0.05), ("num_fds", 0.02)):
        verdict = found[name]
        assert verdict.verdict == "leak"
        assert verdict.rate.rate == pytest.approx(rate, rel=0.5)
        assert verdict.rate.low <= verdict.rate.rate <= verdict.rate.high
    learnt = found["go_goroutines"].identity
    assert (learnt.terms["downstreams"], learnt.terms["upstreams"]) == (3, 5)
    assert learnt.residual_last - learnt.residual_first == pytest.approx(60, abs=30)
    assert found["n_sockets"].verdict != "leak"


@pytest.mark.parametrize("leak", [0.0, 0.05])
def test_a_count_below_zero_is_left_out_and_said(leak):
    columns = bouncer(3, fd_leak=leak)
    as_it_is = analyze(frame(columns)).metrics
    columns["num_fds"][[100, 700, 701]] = -1
    found = analyze(frame(columns)).metrics
    assert found["num_fds"].verdict == as_it_is["num_fds"].verdict
    assert found["num_fds"].reason.endswith("; 3 values below 0 left out, which no count has")
    assert {n: v.reason for n, v in found.items() if "below 0" in v.reason}.keys() == {"num_fds"}


def test_a_count_that_is_always_below_zero_is_insufficient():
    found = analyze(frame(bouncer(3) | {"num_fds": np.full(1200, -1.0)})).metrics["num_fds"]
    assert found.verdict == "insufficient"
    assert "1,200 values below 0" in found.reason


def test_other_gauges_may_be_below_zero():
    found = analyze(frame({"balance": np.random.default_rng(0).normal(size=400)})).metrics["balance"]
    assert "below 0" not in found.reason


def test_a_leak_per_event_is_told_per_event():
    columns = bouncer(7)
    columns["num_fds"] = columns["num_fds"] + np.floor(columns["closed_total"] / 4)
    verdict = analyze(frame(columns)).metrics["num_fds"]
    assert verdict.verdict == "leak"
    assert verdict.per_event["closed_total"].low <= 0.25 <= verdict.per_event["closed_total"].high


def test_fds_inherit_the_leak_of_their_class():
    rng = np.random.default_rng(8)
    n = 900
    established = rng.poisson(3, n).astype(float)
    stuck = np.cumsum(rng.poisson(0.1, n))
    sockets = 2 + established + stuck
    columns = {"num_fds": 6 + sockets, "n_sockets": sockets, "tcp_established": established, "tcp_close_wait": stuck}
    said = verdicts(frame(columns))
    assert said == {
        "num_fds": "leak",
        "n_sockets": "leak",
        "tcp_established": said["tcp_established"],
        "tcp_close_wait": "leak",
    }
    assert said["tcp_established"] != "leak"


def test_a_count_without_any_load_is_judged_with_care():
    rng = np.random.default_rng(9)
    n = 3000
    wave = 40 + rng.poisson(60 * (1 - np.cos(np.pi * np.arange(n) / n)))
    assert verdicts(frame({"num_fds": wave}))["num_fds"] != "leak"


def test_a_restart_splits_the_evidence():
    columns = bouncer(10, n=1600, fd_leak=0.03)
    leaked = columns["num_fds"] - 14 - columns["downstreams"] - columns["upstreams"]
    columns["num_fds"][800:] -= np.floor(leaked[800])
    starts = np.repeat([1.0e9, 2.0e9], 800)
    analysis = analyze(frame(columns, starts=starts))
    assert analysis.regimes == 2
    assert analysis.metrics["num_fds"].verdict == "leak"
    assert analysis.metrics["num_fds"].rate.rate == pytest.approx(0.03, rel=0.5)


def test_restarts_that_were_inferred_are_told():
    n = 600
    age = np.where(np.arange(n) < 300, 10_000, np.arange(n) - 300)
    columns = {
        "rss_bytes": np.round(1e8 * (1 - 0.8 * np.exp(-age / 20))),
        "num_fds": np.round(100 * (1 - 0.9 * np.exp(-age / 20))),
    }
    analysis = analyze(frame(columns))
    assert analysis.regimes == 2
    assert all("restarts were inferred" in v.reason for v in analysis.metrics.values())
    assert {v.verdict.value for v in analysis.metrics.values()} & {"leak"} == set()


def test_connect_errors_withhold_goroutines_that_will_end():
    n = 550
    errors = np.floor(np.arange(n) / 50)
    columns = {
        "users": 5.0 + np.arange(n) // 275,
        "go_goroutines": 20 + errors,
        "upstream_connect_errors_total": errors,
    }
    assert verdicts(frame(columns))["go_goroutines"] != "leak"
    columns["upstream_connect_errors_total"] = np.zeros(n) + (np.arange(n) > 100)
    assert verdicts(frame(columns))["go_goroutines"] == "leak"


def at_rest(n, level=12.0):
    """Counts that obey an identity but for what a test adds: no noise."""
    down = 5.0 + np.arange(n) // 40 % 4
    return {"downstreams": down, "num_fds": level + down, "n_reg_files": np.full(n, 5.0)}


STEPS = [
    ([900], 2, "2 came at once, after 15 min, and stayed: a step"),
    ([900], 1, "1 came, after 15 min, and stayed: a step"),
    ([300, 600], 1, "2 came within 20 min and stayed, in 2 steps, the last after 10 min"),
    ([], 0, "nothing that came within 20 min stayed"),
    ([1190], 9, "nothing that came within 20 min stayed; 9 came at the very end"),
]


@pytest.mark.parametrize(("rows", "units", "said"), STEPS, ids=[str(i) for i in range(len(STEPS))])
def test_what_stayed_is_said_to_have_stayed_though_it_is_no_leak(rows, units, said):
    columns = at_rest(1200)
    for row in rows:
        for name in ("num_fds", "n_reg_files"):
            columns[name][row:] += units
    found = analyze(frame(columns)).metrics
    assert (found["n_reg_files"].verdict, found["n_reg_files"].reason) == ("stable", said)
    assert (found["num_fds"].verdict, found["num_fds"].reason) == (
        "load",
        f"it follows downstreams; beside that {said}",
    )


@pytest.mark.parametrize(
    ("n", "step", "lacking"), [(61, 1.0, "10 min"), (40, 60.0, "60 samples"), (20, 1.0, "60 samples and 10 min")]
)
def test_what_a_short_recording_lacks_is_said_and_the_interval_allows_for_what_may_come_unseen(n, step, lacking):
    verdict = analyze(frame(at_rest(n), step=step)).metrics["n_reg_files"]
    assert verdict.verdict == "insufficient"
    assert verdict.reason.endswith(f"prove neither a leak nor its absence: that takes {lacking}")
    assert verdict.rate.high == pytest.approx(3 / ((n - 1) * step))


def test_many_clients_that_come_and_go_settle_a_count_before_time_does():
    n = 75
    wave = np.abs((np.arange(n) * 4) % 60 - 30.0)  # falls by 30 in each 15 rows
    for kept, said in ((0, "load"), (0.25, "leak")):
        fds = 14 + wave + np.floor(kept * np.cumsum(np.maximum(-np.diff(wave, prepend=wave[0]), 0)))
        verdict = analyze(frame({"downstreams": wave, "num_fds": fds, "n_reg_files": np.full(n, 5.0)})).metrics
        assert verdict["num_fds"].verdict == said
        assert verdict["n_reg_files"].verdict == "insufficient"
        told = "it follows downstreams (140 of which went and left 0.03 each at most); beside that nothing"
        assert verdict["num_fds"].reason.startswith(told) is (said == "load")
    few = analyze(frame({"downstreams": wave % 3, "num_fds": 14 + wave % 3})).metrics["num_fds"]
    assert few.verdict == "insufficient"


def test_a_few_that_stay_of_many_that_go_are_not_yet_load():
    n = 75
    wave = np.abs((np.arange(n) * 4) % 60 - 30.0)
    kept = np.floor(np.cumsum(np.maximum(-np.diff(wave, prepend=wave[0]), 0)) / 30)  # 1 in 30
    assert analyze(frame({"downstreams": wave, "num_fds": 14 + wave + kept})).metrics["num_fds"].verdict != "load"


def test_a_dip_is_no_step():
    columns = at_rest(1200)
    columns["n_reg_files"][700:702] -= 2
    assert analyze(frame(columns)).metrics["n_reg_files"].reason == "nothing that came within 20 min stayed"


def test_a_peak_of_clients_that_one_sample_caught_is_no_outlier():
    wave = 3.0 + 20 * (np.arange(900) % 9 == 4)
    for columns in ({"num_fds": 40 + wave}, {"num_fds": 4 + wave}):
        found = analyze(frame(columns | {"downstreams": wave})).metrics["num_fds"]
        assert (found.verdict, found.identity.residual_first) == ("load", columns["num_fds"][0] - 3)
        assert found.reason == "it follows downstreams; beside that nothing that came within 15 min stayed"


def test_without_a_proof_the_last_life_is_what_is_spoken_of():
    columns = at_rest(1600)
    columns["n_reg_files"][:800] += np.arange(800) // 300
    found = analyze(frame(columns, starts=np.repeat([1.0e9, 2.0e9], 800))).metrics["n_reg_files"]
    assert (found.verdict, found.reason) == ("stable", "nothing that came within 13 min stayed")


# ------------------------------------------------------------------------------------------ memory


def memory(seed=0, n=2000, rate=0.0, warm=0.0, load=True):
    rng = np.random.default_rng(seed)
    t = np.arange(n) * 10.0
    clients = 100 + 30 * np.sin(t / 2500) + rng.normal(0, 3, n)
    rss = 5e7 + 2e5 * clients + rate * t + warm * (1 - np.exp(-t / 2000)) + 4e6 * ((t / 97) % 1) + rng.normal(0, 2e5, n)
    columns = {"rss_bytes": np.round(rss / 4096) * 4096}
    return columns | ({"downstreams": np.round(clients)} if load else {})


@pytest.mark.parametrize("seed", range(5))
def test_memory_that_follows_load_or_warms_up_does_not_leak(seed):
    assert verdicts(frame(memory(seed), step=10))["rss_bytes"] in ("load", "stable", "insufficient")
    assert verdicts(frame(memory(seed, warm=3e7), step=10))["rss_bytes"] in ("load", "warmup", "insufficient")


@pytest.mark.parametrize("seed", range(5))
def test_memory_that_leaks_under_load(seed):
    verdict = analyze(frame(memory(seed, rate=2000.0), step=10)).metrics["rss_bytes"]
    assert verdict.verdict == "leak"
    assert verdict.rate.low <= 2000 <= verdict.rate.high
    assert verdict.rate.rate == pytest.approx(2000, rel=0.1)
    assert verdict.adjusted_for == ("downstreams",)
    assert verdict.score > 1
    assert "KiB/" in verdict.reason or "MiB/" in verdict.reason


def test_a_short_climb_without_gauges_is_undecided():
    rng = np.random.default_rng(1)
    t = np.arange(900.0)
    columns = {"rss_bytes": np.round((2e7 + 1500 * t + rng.normal(0, 3e4, 900)) / 4096) * 4096}
    assert verdicts(frame(columns))["rss_bytes"] == "insufficient"


def test_what_goes_with_time_is_per_no_event():
    columns = bouncer(3, fd_leak=0.1) | {"ticks_total": 3.0 * np.arange(1200)}
    rng = np.random.default_rng(4)
    columns["steps_total"] = np.cumsum(rng.poisson(2, 1200)).astype(float)
    assert analyze(frame(columns)).metrics["num_fds"].per_event == {}


def test_memory_that_an_event_leaves_is_told_per_event():
    rng = np.random.default_rng(5)
    came = np.cumsum(rng.poisson(0.2, 1500)).astype(float)
    others = np.cumsum(rng.poisson(0.2, 1500)).astype(float)
    rss = 2e7 + 9e4 * came + rng.normal(0, 5e4, 1500)
    columns = {"rss_bytes": rss, "users": 2.0 + (came % 3 == 0), "visits_total": came, "errors_total": others}
    verdict = analyze(frame(columns)).metrics["rss_bytes"]
    assert verdict.verdict == "leak"
    assert list(verdict.per_event) == ["visits_total"]
    assert verdict.per_event["visits_total"].low <= 9e4 <= verdict.per_event["visits_total"].high


def test_memory_of_a_proven_count_leak_is_linked():
    columns = bouncer(3, fd_leak=0.1)
    held = columns["num_fds"] - 14 - columns["downstreams"] - columns["upstreams"]
    columns["anon_bytes"] = np.round((2e7 + 9000 * held) / 4096) * 4096
    verdict = analyze(frame(columns)).metrics["anon_bytes"]
    assert verdict.verdict == "leak"
    assert float(
        re.search(r"with num_fds, which leaks: (.+) KiB for each$", verdict.reason)[1]
    ) * 1024 == pytest.approx(9000, rel=0.1)


def test_what_merely_grows_beside_a_leak_is_given_no_cost():
    columns = bouncer(3, fd_leak=0.1)
    t = np.arange(len(columns["num_fds"]))
    columns["anon_bytes"] = np.round((2e7 + 900 * t + np.random.default_rng(2).normal(0, 3e4, len(t))) / 4096) * 4096
    verdict = analyze(frame(columns)).metrics["anon_bytes"]
    assert verdict.verdict == "leak"
    assert verdict.reason.endswith("while num_fds leaks; whether they are one leak doesn't show")


@pytest.mark.parametrize(
    ("gaps", "size"),
    [(lambda rng: rng.exponential(180, 200), 1), (lambda rng: rng.exponential(900, 200), 5), (lambda rng: 180, 1)],
    ids=["by chance", "in bunches", "by the clock"],
)
def test_the_interval_of_a_count_holds_the_rate_of_what_comes_by_chance(gaps, size):
    t = np.arange(0, 21600, 20.0)
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        came = np.cumsum(np.broadcast_to(gaps(rng), 200)) + 180 * rng.random()
        clients = 5 + rng.binomial(6, 0.5, len(t))
        columns = {"num_fds": 20 + clients + size * np.searchsorted(came, t), "downstreams": clients}
        rate = analyze(frame(columns, step=20)).metrics["num_fds"].rate
        held += rate.low <= 1 / 180 <= rate.high
    assert held >= 34


def go_heap(per_message, n=900, messages=2.0, seed=0):
    rng = np.random.default_rng(seed)
    handled = np.cumsum(rng.poisson(messages, n)).astype(float)
    live = 1.5e6 + per_message * handled
    alloc = live + 3e6 * ((np.arange(n) / 23) % 1)
    anon = 6e6 + 1.3 * live + 2e5 * rng.random(n)
    load = 3.0 + (rng.random(n) < 0.02)
    return {
        "anon_bytes": anon,
        "go_memstats_heap_alloc_bytes": alloc,
        "in_messages_total": handled,
        "users_active": load,
    }


def test_a_store_of_messages_is_load_and_more_than_a_page_a_message_a_leak():
    store = analyze(frame(go_heap(400))).metrics
    assert store["anon_bytes"].verdict == "load"
    assert "for each message" in store["anon_bytes"].reason
    leak = analyze(frame(go_heap(13_000))).metrics
    assert leak["anon_bytes"].verdict == "leak"
    assert leak["anon_bytes"].rate.rate == pytest.approx(26_000, rel=0.15)


@pytest.mark.parametrize(("rate", "each"), [(3000.0, 0.0), (0.0, 2e5), (3000.0, 2e5)], ids=["leak", "load", "both"])
@pytest.mark.parametrize("wiggle", [0.0, 0.5, 4.0])
def test_what_rose_with_time_and_load_alike_is_no_load_and_its_bound_allows_for_a_leak(rate, each, wiggle):
    for seed in range(3):
        rng, t = np.random.default_rng(seed), np.arange(3000.0)
        users = np.round(10 + t / 60 + wiggle * np.sin(t / 150 + seed) + rng.normal(0, 1, 3000))
        rss = 5e7 + rng.normal(0, 2e5, 3000) + rate * t + each * users
        verdict = analyze(frame({"rss_bytes": rss, "users": users})).metrics["rss_bytes"]
        assert verdict.rate.low <= rate <= verdict.rate.high
        assert verdict.verdict in ({"leak", "insufficient"} if rate or wiggle < 1 else {"load", "stable"})


def test_no_probability_is_told_as_less_than_models_are_good_for():
    rng = np.random.default_rng(1)
    said = [
        analyze(
            frame({"rss_bytes": 2e7 + rate * np.arange(900) + rng.normal(0, 3e4, 900), "users": 2 + rng.random(900)})
        )
        for rate in (0.0, 9e3)
    ]
    reasons = [each.metrics["rss_bytes"].reason for each in said]
    assert not any("e-" in reason for reason in reasons)
    assert "less than 0.001 only" in reasons[1]


def test_levels_that_never_move_are_stable():
    said = analyze(frame({"rss_bytes": np.full(100, 5e6), "queue_length": np.full(100, 7.0)})).metrics
    assert {v.verdict.value for v in said.values()} == {"stable"}
    ends = {name: (v.rate.low, v.rate.high) for name, v in said.items()}
    assert ends == {"rss_bytes": (0, pytest.approx(4096 / 99)), "queue_length": (0, 0)}


def test_one_value_and_a_fall_are_told_as_such():
    once = np.full(400, np.nan)
    once[7] = 3e6
    falling = 5e8 - 1e5 * np.arange(400) + np.random.default_rng(1).normal(0, 1e5, 400)
    said = analyze(frame({"rss_bytes": once, "num_fds": once, "anon_bytes": falling})).metrics
    assert said["rss_bytes"].reason == said["num_fds"].reason == "only 1 sample of it; record for longer"
    assert said["anon_bytes"].verdict != "leak"
    assert "doesn't grow" in said["anon_bytes"].reason
    assert " 0 B/d" not in said["anon_bytes"].reason


# -------------------------------------------------------------------------------------- invariances


def same(first, second):
    return {n: v.verdict for n, v in first.metrics.items()} == {n: v.verdict for n, v in second.metrics.items()}


def test_a_shift_in_time_and_the_order_of_columns_change_nothing():
    columns = bouncer(5, goroutine_leak=0.05) | {"rss_bytes": memory(5, n=1200)["rss_bytes"]}
    first = analyze(frame(columns))
    assert same(first, analyze(frame(columns, start=1.6e9)))
    assert same(first, analyze(frame(dict(reversed(columns.items())))))


def test_units_of_memory_change_nothing():
    for rate in (0.0, 2000.0):
        columns = memory(6, rate=rate)
        scaled = columns | {"rss_bytes": columns["rss_bytes"] / 1024}
        assert same(analyze(frame(columns, step=10)), analyze(frame(scaled, step=10)))


def test_gaps_and_outliers_change_nothing():
    columns = bouncer(11, fd_leak=0.03)
    rng = np.random.default_rng(11)
    kept = (rng.random(1200) > 0.1) & ~((np.arange(1200) > 500) & (np.arange(1200) < 600))
    holey = frame(columns)
    for factor in (0.0, 0.3, 3.0):
        rows = rng.integers(0, 1200, 2)
        holey.columns["num_fds"][rows] *= factor
    holey = Frame("t", holey.time[kept], {n: v[kept] for n, v in holey.columns.items()}, np.empty(0))
    assert verdicts(holey)["num_fds"] == "leak"
    assert verdicts(holey)["go_goroutines"] != "leak"


# ------------------------------------------------------------------------------------- odd recordings

HEAD = "ts_unix,rss_bytes,num_fds\n"
ODD = {
    "one row": "ts_unix,rss_bytes,num_fds,users\n1,10,3,1\n",
    "two rows": "ts_unix,rss_bytes,num_fds,users\n1,10,3,1\n2,20,4,1\n",
    "three rows at two times": HEAD + "1,10,3\n1,10,4\n2,10,5\n",
    "time runs backwards": HEAD + "".join(f"{100 - i},{i},{i}\n" for i in range(50)),
    "constant": HEAD + "".join(f"{i},7,7\n" for i in range(100)),
    "nan and inf": HEAD + "".join(f"{i},nan,inf\n" if i % 3 else f"{i},{i},{i}\n" for i in range(99)),
    "a value here and there": HEAD + "".join(f"{i},,{i}\n" if i != 50 else "50,1,1\n" for i in range(99)),
    "huge and negative": HEAD + "".join(f"{i},{(-1) ** i}e300,-{i}\n" for i in range(400)),
    "seconds apart, then a year": HEAD + "".join(f"{i + 3e7 * (i > 200)},{i},{i}\n" for i in range(400)),
    "only a time": "ts_unix\n1\n2\n",
    "only load": "ts_unix,users\n1,2\n2,3\n",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_recordings_get_an_honest_answer_in_valid_json(tmp_path, text):
    path = tmp_path / "odd.csv"
    path.write_text(text)
    answer = checked_json(series.read(str(path)))
    assert set(answer) == {"file", "observed_s", "regimes", "metrics"}
    for verdict in answer["metrics"].values():
        assert verdict["verdict"] in {"leak", "load", "stable", "warmup", "insufficient"}
        assert math.isfinite(verdict["score"])
        assert verdict["reason"] and "\n" not in verdict["reason"]
    if len(text.splitlines()) < 5:
        assert {v["verdict"] for v in answer["metrics"].values()} <= {"insufficient"}


def test_an_interval_without_a_leak_holds_zero():
    for columns in (bouncer(1), memory(1)):
        for verdict in analyze(frame(columns)).metrics.values():
            if verdict.verdict != "leak" and verdict.rate:
                assert verdict.rate.low <= 0 <= verdict.rate.high


def test_names_that_are_asked_for_must_be_there():
    with pytest.raises(RelengError, match="nothing_such"):
        analyze(frame(bouncer(0)), metrics=("nothing_such",))


@pytest.mark.parametrize(
    "name, count",
    [
        ("num_fds", True), ("n_sockets", True), ("go_goroutines", True), ("goroutines", True), ("go_threads", True),
        ("process_open_fds", True), ("tcp_close_wait", True), ("sockets_unlisted", True), ('x_threads{a="b"}', True),
        ("go_sql_open_connections", True), ("rss_bytes", False), ("go_memstats_heap_objects", False),
        ("go_memstats_next_gc_bytes", False), ("load1", False),
    ],
)  # fmt: skip
def test_what_counts(name, count):
    assert is_count(name) is count
