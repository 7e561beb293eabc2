"""Before and after: the arithmetic of intervals, twins with and without a leak, and the command."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from leaks.synthetic import bouncer, frame
from leaks.test_gate import written

from relengtools import cli
from relengtools.errors import RelengError
from relengtools.leaks import compare
from relengtools.leaks.compare import Outcome
from relengtools.leaks.verdict import Interval

rates = st.floats(0.01, 100)
shares = st.floats(0.01, 0.9)


def around(rate, below, above):
    return Interval(rate, rate - below, rate + above)


def sided(rng=0, **leaks):
    return compare.side(frame(bouncer(rng, **leaks)))


def of(changes, metric):
    return next(c for c in changes if c.metric == metric)


# ---------------------------------------------------------------------------------------------- intervals


def test_symmetric_limits_make_the_difference_of_two_normals():
    found = compare.difference(around(5.0, 3.0, 3.0), around(2.0, 4.0, 4.0))
    assert (found.rate, found.low, found.high) == pytest.approx((-3.0, -8.0, 2.0))


def fieller(a, da, b, db):
    """Fieller's (1954) interval of b / a, da and db being the half-widths at the same level."""
    root = math.sqrt(b * b * da * da + a * a * db * db - da * da * db * db)
    return (a * b - root) / (a * a - da * da), (a * b + root) / (a * a - da * da)


@given(rates, shares, rates, shares)
def test_symmetric_limits_make_fiellers_ratio(a, share, b, other):
    found = compare.ratio(around(a, share * a, share * a), around(b, other * b, other * b))
    assert (found.low, found.high) == pytest.approx(fieller(a, share * a, b, other * b), rel=1e-6)


@given(rates, shares, shares, st.floats(-100, 100), st.floats(0, 50), st.floats(0, 50))
def test_a_ratio_lies_in_its_interval_and_swapping_signs_mirrors_it(a, below, above, b, under, over):
    before = around(a, below * a, above * a)
    found = compare.ratio(before, around(b, under, over))
    assert found.low - 1e-6 * (1 + abs(found.low)) <= found.rate <= found.high + 1e-6 * (1 + abs(found.high))
    mirrored = compare.ratio(before, around(-b, over, under))
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), rel=1e-6, abs=1e-9)


@given(rates, shares, st.floats(-100, 100), st.floats(0, 50), st.floats(0, 50))
def test_the_difference_and_the_ratio_agree_on_what_is_less(a, share, b, under, over):
    """The ratio is surely below 1 exactly where the difference is surely below 0."""
    before, after = around(a, share * a, share * a), around(b, under, over)
    high = compare.difference(before, after).high
    if abs(high) > 1e-6 * a:
        assert (high < 0) == (compare.ratio(before, after).high < 1)


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_there_is_no_ratio_to_what_may_be_nothing(low):
    assert compare.ratio(Interval(5.0, low, 6.0), around(1.0, 1.0, 1.0)) is None


def test_intervals_of_differences_and_ratios_cover():
    rng = np.random.default_rng(5)
    a, b, n = 4.0, 1.0, 4000
    x, y = a + 0.5 * rng.normal(size=n), b + 0.5 * rng.normal(size=n)
    both = [(around(p, 0.98, 0.98), around(q, 0.98, 0.98)) for p, q in zip(x, y, strict=True)]
    for make, truth in ((compare.difference, b - a), (compare.ratio, b / a)):
        found = [make(p, q) for p, q in both]
        assert np.mean([i.low <= truth <= i.high for i in found]) == pytest.approx(0.95, abs=0.012)


# ------------------------------------------------------------------------------------------------ verdicts


@pytest.mark.parametrize("seed", range(4))
def test_a_fix_and_its_reverse_are_told_apart(seed):
    leaky, fixed = sided(seed, goroutine_leak=0.1), sided(seed + 100)
    change = of(compare.compare(leaky, fixed), "go_goroutines")
    assert change.outcome is Outcome.BETTER
    assert change.rates.difference.low <= -0.1 <= change.rates.difference.high
    assert 0.8 <= change.removed <= 1.0
    assert change.removed == pytest.approx(1 - change.rates.ratio.high)
    assert not compare.worse(compare.compare(leaky, fixed))
    back = compare.compare(fixed, leaky)
    assert (of(back, "go_goroutines").outcome, of(back, "go_goroutines").removed) == (Outcome.WORSE, None)
    assert compare.worse(back)


def test_two_runs_of_the_same_leak_differ_by_chance_only():
    sides = [sided(seed, fd_leak=0.05) for seed in range(24)]
    changes = [of(compare.compare(a, b), "num_fds") for a, b in zip(sides[::2], sides[1::2], strict=True)]
    assert sum(c.outcome is not Outcome.SAME for c in changes) <= 2


unproven = st.tuples(st.floats(-9, 0), st.floats(0, 9)).flatmap(
    lambda ends: st.floats(*ends).map(lambda rate: Interval(rate, *ends))
)


@given(unproven, unproven)
def test_of_two_rates_that_may_be_nothing_none_is_shown_to_be_more(before, after):
    found = compare._rates(before, after, proven=False).difference
    assert found.low <= 0 <= found.high
    assert found.low <= after.rate - before.rate <= found.high


def test_noise_that_rose_once_and_fell_once_is_no_change():
    rose, fell = Interval(5.0, 0.0, 9.0), Interval(-5.0, -9.0, 0.0)
    assert compare.difference(rose, fell).high < 0
    kinds = (compare.Kind.INSUFFICIENT, compare.Kind.STABLE)
    assert compare._outcome(compare._rates(rose, fell, proven=False), kinds) is Outcome.INSUFFICIENT


def test_half_a_fix_is_half_a_fix():
    change = of(compare.compare(sided(1, fd_leak=0.2), sided(2, fd_leak=0.1)), "num_fds")
    assert change.outcome is Outcome.BETTER
    assert change.rates.ratio.low <= 0.5 <= change.rates.ratio.high
    assert 0 < change.removed < 0.5


def test_no_change_is_neither_better_nor_worse():
    for leak in (0.0, 0.1):
        change = of(compare.compare(sided(1, fd_leak=leak), sided(2, fd_leak=leak)), "num_fds")
        assert change.outcome is Outcome.SAME
        assert change.rates.difference.low <= 0 <= change.rates.difference.high
        assert change.removed is None


def test_what_was_not_there_cannot_be_removed():
    assert all(c.removed is None for c in compare.compare(sided(1), sided(2)))


def test_a_short_after_is_not_enough_and_says_how_much_longer():
    brief = compare.side(frame({n: v[:40] for n, v in bouncer(2).items()}))
    change = of(compare.compare(sided(1, fd_leak=0.02), brief), "num_fds")
    assert (change.outcome, change.removed) == (Outcome.INSUFFICIENT, None)
    assert change.longer is None or change.longer > 0


def test_a_count_that_stood_still_may_still_gain_three_in_its_time():
    still = compare.side(frame({"num_fds": np.full(1000, 7.0)}))
    leaky = compare.side(frame({"num_fds": 7 + np.floor(np.arange(1000) / 20)}))
    change = of(compare.compare(leaky, still), "num_fds")
    assert change.rates.after.high == pytest.approx(3 / 999)
    assert 0.85 < change.removed < 1 - 3 / 999 / 0.06


def test_twice_the_load_is_seen_per_event():
    def closing(times, seed):
        columns = bouncer(seed)
        columns["closed_total"] = columns["closed_total"] * times
        columns["num_fds"] = columns["num_fds"] + np.floor(columns["closed_total"] / 4)
        return compare.side(frame(columns))

    change = of(compare.compare(closing(1, 7), closing(2, 8)), "num_fds")
    assert change.outcome is Outcome.WORSE
    each = change.per_event["closed_total"]
    assert each.before.low <= 0.25 <= each.before.high
    assert each.difference.low <= 0 <= each.difference.high


def test_rare_events_and_counters_in_one_recording_only_are_left_out():
    columns = {"num_fds": 5 + np.arange(100) % 2, "rare_total": np.arange(100) // 30, "often_total": np.arange(100)}
    full, bare = compare.side(frame(columns)), compare.side(frame({"num_fds": columns["num_fds"]}))
    assert set(full.events) == {"often_total"}
    assert of(compare.compare(full, bare), "num_fds").per_event == {}


def test_a_counter_begins_again_with_the_process():
    counted = np.concatenate([np.arange(50), np.arange(50)])
    side = compare.side(frame({"num_fds": np.full(100, 5.0), "done_total": counted}))
    assert side.events["done_total"] == pytest.approx(98 / 99)


# ------------------------------------------------------------------------------------------------ command


def run(*arguments):
    done = CliRunner().invoke(cli.relengtools, ["leaks", "compare", *map(str, arguments)])
    return (2 if isinstance(done.exception, RelengError) else done.exit_code), done.stdout


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    leaky, fixed = bouncer(3), bouncer(4)
    leaky["num_fds"] = leaky["num_fds"] + np.floor(leaky["closed_total"] / 4)
    return written(folder / "leaky.csv", leaky), written(folder / "fixed.csv", fixed), folder


def test_the_command(twins):
    leaky, fixed, folder = twins
    code, out = run(leaky, fixed)
    assert code == 0
    assert "num_fds        better" in out
    assert "the fix removes at least " in out
    assert "per closed_total: " in out
    assert run(fixed, leaky)[0] == 1
    assert run(fixed, fixed)[0] == 0
    assert run(fixed, folder / "nowhere")[0] == 2
    assert run(fixed, leaky, "--metric", "nope")[0] == 2
    assert run(fixed, written(folder / "other.csv", {"queue": np.arange(9)}))[0] == 2


def test_what_has_no_rate_on_one_side_is_not_compared(twins):
    leaky, _, folder = twins
    brief = written(folder / "brief.csv", {name: values[:2] for name, values in bouncer(4).items()})
    assert run(leaky, brief) == (2, "")


def no_nan(value):
    raise AssertionError(f"JSON holds {value}")


def test_json(twins):
    leaky, fixed, _ = twins
    said = json.loads(run("--output-format", "json", leaky, fixed)[1], parse_constant=no_nan)
    assert said["before"]["file"] == str(leaky)
    change = said["metrics"]["num_fds"]
    assert (change["outcome"], change["before"]["verdict"]) == ("better", "leak")
    assert change["removed_at_least"] == pytest.approx(1 - change["ratio"]["ci_high"])
    for part in ("before", "after", "difference"):
        assert change[part]["ci_low"] <= change[part]["rate_per_s"] <= change[part]["ci_high"]
    assert set(change["per_event"]) == {"closed_total"}
    assert set(said["metrics"]) == {"num_fds", "n_sockets", "go_goroutines"}
