"""Weighing growth: lines are leaks; noise, warming up, steps and load are not; intervals hold the truth."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from relengtools.leaks import trend
from relengtools.leaks.shapes import Blocks, Shape

N = 64
T = np.arange(N) * 100.0
ONE = Blocks(T, np.zeros(N, dtype=np.intp), T)
NO_LOAD = np.empty((N, 0))


def ar1(rng, phi, sd=1.0, n=N):
    e = rng.normal(0, sd * np.sqrt(1 - phi * phi), n)
    e[0] = rng.normal(0, sd)
    return lfilter([1.0], [1.0, -phi], e)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_stationary_noise_is_rarely_a_leak(phi):
    found = [trend.weigh(ar1(np.random.default_rng(s), phi), ONE, NO_LOAD) for s in range(60)]
    # A plain trend test calls 21 % of these a leak at φ = .5 and 65 % at φ = .9.
    assert sum(e.leak > 0.9 and e.low > 0 for e in found) <= 3


def test_a_random_walk_is_rarely_a_leak():
    found = [trend.weigh(np.cumsum(np.random.default_rng(s).normal(size=N)), ONE, NO_LOAD) for s in range(60)]
    assert sum(e.leak > 0.9 and e.low > 0 for e in found) <= 6


@pytest.mark.parametrize("phi, z", [(0.0, 1.0), (0.5, 1.0), (0.8, 2.0)])
def test_a_line_is_a_leak_and_its_interval_holds_the_rate(phi, z):
    true = z * 12 / T[-1]
    found = [trend.weigh(50 + true * T + ar1(np.random.default_rng(s), phi), ONE, NO_LOAD) for s in range(40)]
    assert np.median([e.leak for e in found]) > 0.85
    assert sum(e.low <= true <= e.high for e in found) >= 35
    assert np.median([abs(e.rate / true - 1) for e in found]) < 0.15


@pytest.mark.parametrize("theta", [0.05, 0.15, 0.4])
def test_what_saturates_is_no_leak(theta):
    for seed in range(10):
        y = 40 * (1 - np.exp(-T / (theta * T[-1]))) + ar1(np.random.default_rng(seed), 0.3)
        evidence = trend.weigh(y, ONE, NO_LOAD)
        assert evidence.leak < 0.5
        assert evidence.mass[Shape.SATURATING] > 0.5


def test_a_step_is_no_leak():
    for seed in range(10):
        y = np.where(0.44 * T[-1] < T, 20.0, 0.0) + ar1(np.random.default_rng(seed), 0.3)
        assert trend.weigh(y, ONE, NO_LOAD).leak < 0.5


def test_load_that_rises_is_subtracted():
    rng = np.random.default_rng(1)
    load = 100 + 40 * T / T[-1] + ar1(rng, 0.6, 8.0)
    y = 0.5 * load + ar1(rng, 0.3)
    assert trend.weigh(y, ONE, NO_LOAD).leak > 0.5
    assert trend.weigh(y, ONE, load[:, None]).leak < 0.3
    assert trend.weigh(y + 0.01 * T, ONE, load[:, None]).leak > 0.8


def test_a_late_leak_has_a_late_onset():
    y = np.maximum(T - 0.5 * T[-1], 0) * 0.02 + ar1(np.random.default_rng(2), 0.2)
    evidence = trend.weigh(y, ONE, NO_LOAD)
    assert evidence.leak > 0.9
    assert evidence.onset == pytest.approx(0.5 * T[-1], abs=0.16 * T[-1])


def test_evidence_is_pooled_across_restarts_and_levels_are_not():
    rng = np.random.default_rng(3)
    regime = np.repeat([0, 1], N // 2).astype(np.intp)
    age = np.tile(T[: N // 2], 2)
    blocks = Blocks(T, regime, age)
    fallen = np.where(regime == 1, -300.0, 0.0)
    assert trend.weigh(fallen + 0.01 * age + ar1(rng, 0.2), blocks, NO_LOAD).leak > 0.85
    assert trend.weigh(-fallen + ar1(rng, 0.2), blocks, NO_LOAD).leak < 0.5


def test_verdicts_do_not_depend_on_units_or_the_time_of_the_first_row():
    y = 5e7 + 900 * T + 1e5 * ar1(np.random.default_rng(4), 0.5)
    first = trend.weigh(y, ONE, NO_LOAD)
    for factor in (2.0**-20, 2.0**10):
        second = trend.weigh(y * factor, ONE, NO_LOAD)
        assert second.leak == pytest.approx(first.leak, rel=1e-6)
        assert second.rate == pytest.approx(first.rate * factor, rel=1e-6)
    shifted = trend.weigh(y, Blocks(T + 12345, ONE.regime, T), NO_LOAD)
    assert shifted.leak == pytest.approx(first.leak, rel=1e-6)


def test_the_order_of_load_columns_does_not_matter():
    rng = np.random.default_rng(5)
    load = rng.normal(size=(N, 3))
    y = load @ [1.0, 2.0, 3.0] + 0.01 * T + rng.normal(size=N)
    first, second = trend.weigh(y, ONE, load), trend.weigh(y, ONE, load[:, ::-1])
    assert first.leak == pytest.approx(second.leak, rel=1e-6)
    assert first.rate == pytest.approx(second.rate, rel=1e-6)


def test_degenerate_blocks_give_finite_answers():
    for y in (np.zeros(N), np.r_[np.zeros(N - 1), 1.0], T.copy(), np.full(N, 1e15)):
        evidence = trend.weigh(y, ONE, np.column_stack([np.ones(N), T, T]))
        assert np.isfinite([evidence.leak, evidence.rate, evidence.low, evidence.high, evidence.robust_z]).all()


def test_distribution_functions_against_scipy():
    z = np.linspace(-6, 6, 201)
    np.testing.assert_allclose(trend._normal(z), stats.norm.cdf(z), atol=1e-7)
    for freedom in (6, 12, 60):
        np.testing.assert_allclose(trend._normal(trend._as_z(z, freedom)), stats.t.cdf(z, freedom), atol=5e-3)


def test_line_recovers_a_slope_and_widens_for_autocorrelation():
    rng = np.random.default_rng(6)
    errors = []
    for _ in range(200):
        slope, error = trend.line(T, 3.0 * T / T[-1] + ar1(rng, 0.5))
        errors.append(abs(slope - 3.0 / T[-1]) < 2 * error)
    assert np.mean(errors) > 0.88
    assert trend.line(np.ones(5), np.arange(5.0)) == (0.0, np.inf)


def test_warming_up_after_each_restart_is_no_leak_though_the_first_process_was_warm():
    regime = np.repeat([0, 1, 2], [24, 20, 20]).astype(np.intp)
    age = np.concatenate([T[:24], T[:20], T[:20]])
    for seed in range(8):
        warm = np.where(regime > 0, 60 * (1 - np.exp(-age / 500)), 55.0)
        assert trend.weigh(warm + ar1(np.random.default_rng(seed), 0.3), Blocks(T, regime, age), NO_LOAD).leak < 0.5


def test_a_stair_of_three_jumps_is_no_leak():
    for seed in range(8):
        y = sum(15.0 * (f * T[-1] < T) for f in (0.21, 0.44, 0.77)) + ar1(np.random.default_rng(seed), 0.3, 0.5)
        assert trend.weigh(y, ONE, NO_LOAD).leak < 0.5


def test_what_merely_grows_too_costs_nothing():
    rng = np.random.default_rng(6)
    none = np.empty((60, 0))
    apart = [trend.moved_by(rng.exponential(5, 60), 1e3 + 200 * rng.normal(size=60), none) for _ in range(300)]
    assert sum(each is not None for each in apart) <= 3
    x = rng.exponential(5, 60)
    found = trend.moved_by(x, 1e3 + 70 * x + 200 * rng.normal(size=60), none)
    assert found.low <= 70 <= found.high
    assert trend.moved_by(x, 1e3 - 70 * x, none) is None
    lengths = rng.integers(7, 9, (60, 1))
    assert trend.moved_by(3.0 * lengths[:, 0], 70.0 * lengths[:, 0] + rng.normal(size=60), lengths) is None
