"""Accounting identities: integer coefficients, recovered exactly, also under a leak and with holes in the data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leaks.synthetic import bouncer, sessions

from relengtools.leaks import identity


def learnt(y, gauges, parts=None):
    return identity.learn(y, gauges, parts or [slice(0, len(y))])


@settings(max_examples=60, deadline=None)
@given(a=st.integers(0, 9), b=st.integers(0, 9), leak=st.sampled_from([0.0, 0.05, 1.0]), seed=st.integers(0, 10**6))
def test_coefficients_are_recovered_exactly(a, b, leak, seed):
    assert_recovered(a, b, leak, seed)


@pytest.mark.parametrize(
    ("a", "b", "seed"), [(0, 0, 57406), (0, 0, 308504), (8, 8, 849049), (2, 4, 499929), (8, 0, 929691), (3, 2, 611790)]
)
def test_a_strong_leak_takes_no_coefficient(a, b, seed):
    assert_recovered(a, b, 1.0, seed)


def assert_recovered(a, b, leak, seed):
    rng = np.random.default_rng(seed)
    down, _ = sessions(rng, 900, 0.3, 40)
    up, _ = sessions(rng, 900, 0.2, 90)
    y = 14 + a * down + b * up + rng.poisson(0.3, 900) + np.cumsum(rng.poisson(leak, 900))
    known = learnt(y, {"downstreams": down, "upstreams": up})
    assert known.terms == {n: c for n, c in (("downstreams", a), ("upstreams", b)) if c}


def test_rows_with_a_missing_term_are_left_out_not_filled():
    columns = bouncer(seed=4)
    goroutines = np.full(1200, np.nan)
    gauges = {n: np.full(1200, np.nan) for n in ("downstreams", "upstreams", "users")}
    for values, source in [(goroutines, "go_goroutines"), *((gauges[n], n) for n in gauges)]:
        values[::5] = columns[source][::5]
    known = learnt(goroutines, gauges)
    assert known.terms["downstreams"] == 3
    assert known.terms["upstreams"] == 5
    residual = known.residual(goroutines, gauges)
    assert np.isfinite(residual).sum() == 240


def test_a_gauge_that_never_moves_is_not_identified():
    columns = bouncer(seed=1)
    gauges = {"downstreams": columns["downstreams"], "users": np.full(1200, 7.0)}
    known = learnt(columns["n_sockets"], gauges)
    assert known.unmoved == ("users",)
    assert known.terms == {"downstreams": 1}


def test_gauges_that_move_together_leave_several_sets():
    ramp = np.round(np.linspace(0, 40, 600))
    y = 14 + 3 * ramp + 5 * ramp
    known = learnt(y, {"downstreams": ramp, "upstreams": ramp.copy()})
    assert (3, 5) in known.sets
    assert len(known.sets) > 3
    assert {a + b for a, b in known.sets} == {8}


@pytest.mark.parametrize("share", [0.6, 0.9, 1.0])
def test_a_leak_at_departures_takes_no_coefficient(share):
    rng = np.random.default_rng(11)
    down = 40 + np.cumsum(rng.choice([-1, 0, 0, 0, 0, 0, 0, 1], 1800))
    up = 90 + rng.binomial(3, 0.9, 1800)
    gone = np.maximum(-np.diff(down, prepend=down[0]), 0)
    kept = np.cumsum(gone * (rng.random(1800) < share))
    known = learnt(14 + down + up + rng.poisson(0.3, 1800) + kept, {"downstreams": down, "upstreams": up})
    assert known.terms == {"downstreams": 1, "upstreams": 1}


def test_no_difference_is_taken_across_a_restart():
    rng = np.random.default_rng(5)
    down, _ = sessions(rng, 800, 0.3, 40)
    y = 14 + 2 * down
    y[400:] += 500
    parts = [slice(0, 400), slice(400, 800)]
    known = learnt(y, {"downstreams": down}, parts)
    assert known.sets == ((2,),)
    np.testing.assert_array_equal(known.residual(y, {"downstreams": down})[[0, -1]], [14, 514])


def test_rows_that_are_torn_apart_move_no_coefficient():
    rng = np.random.default_rng(3)
    down, _ = sessions(rng, 900, 0.5, 40)
    y = 14 + 3 * down
    torn = rng.random(900) < 0.2
    known = learnt(np.where(torn, np.roll(y, 1), y)[1:], {"downstreams": down[1:]})
    assert known.terms == {"downstreams": 3}


@pytest.mark.parametrize("leak", [0.0, 1.0])
def test_outliers_move_no_coefficient(leak):
    rng = np.random.default_rng(8)
    down, _ = sessions(rng, 900, 0.2, 90)
    y = 14 + down + rng.poisson(0.3, 900) + np.cumsum(rng.poisson(leak, 900))
    y[rng.random(900) < 0.01] *= 3
    assert learnt(y, {"downstreams": down}).sets == ((1,),)


@pytest.mark.parametrize("memory", identity.MEMORIES)
def test_what_the_rows_before_foretell_is_no_surprise(memory):
    random = np.random.default_rng(memory)
    y, parts = random.normal(size=300), [slice(0, 120), slice(120, 300)]
    (view,) = identity._views(y, [random.normal(size=300)], identity._foretold(np.arange(300), parts), [memory])
    means = [
        y[max(first, row - memory) : row].mean()
        for first, end in ((0, 120), (120, 300))
        for row in range(first + 1, end)
    ]
    np.testing.assert_allclose(view.counted, np.delete(y, [0, 120]) - means, atol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_too_few_rows_give_no_identity(n):
    known = learnt(np.arange(float(n)), {"downstreams": np.arange(float(n)) % 2})
    assert known.terms == {}


def test_columns_in_another_order_give_the_same_terms():
    columns = bouncer(seed=9)
    names = ["downstreams", "upstreams", "users"]
    first = learnt(columns["go_goroutines"], {n: columns[n] for n in names})
    second = learnt(columns["go_goroutines"], {n: columns[n] for n in reversed(names)})
    assert first.terms == second.terms
