"""Survivors: what comes and stays, against what comes and goes, fills, or steps."""

import numpy as np
import pytest
from leaks.synthetic import sessions

from relengtools.leaks.survivors import survival


def judged(residual, explained=True, transient=0.0):
    return survival(
        np.arange(len(residual), dtype=float), np.asarray(residual, float), explained=explained, transient=transient
    )


def poisson_leak(rng, n=1000, units=40):
    return np.cumsum(rng.poisson(units / n, n)).astype(float)


def test_a_leak_is_proven_and_keeps_its_gain():
    rng = np.random.default_rng(0)
    found = judged(14 + poisson_leak(rng) + rng.poisson(0.3, 1000))
    assert found.proven
    assert 30 <= found.gain <= 50


@pytest.mark.parametrize("seed", range(20))
def test_stationary_noise_proves_nothing(seed):
    rng = np.random.default_rng(seed)
    clients, _ = sessions(rng, 1500, 0.1, 50)
    assert not judged(clients).proven
    assert not judged(14 + rng.poisson(3.0, 1500)).proven


@pytest.mark.parametrize("seed", range(10))
def test_what_fills_proves_nothing_at_its_end(seed):
    rng = np.random.default_rng(seed)
    n = 1000
    born = np.sort(rng.exponential(n / 8, 60))
    assert not judged(np.searchsorted(born, np.arange(n), "right")).proven


def test_a_step_proves_nothing():
    assert not judged(np.where(np.arange(600) > 250, 40, 10)).proven


def test_a_stair_of_five_is_enough_and_one_of_four_is_not():
    for units, proven in ((7, True), (4, False)):
        stairs = np.floor(np.arange(700) * (units + 0.5) / 700)
        assert judged(stairs).proven is proven


def stairs(shares, n=1000):
    """A rise of one at each share of n samples."""
    return np.searchsorted(np.array(shares) * n, np.arange(n), "right").astype(float)


# Few rises leave a third of the window empty by chance; what comes in bunches, or all within a third, is no leak yet.
FEW_RISES = [
    ((0.05, 0.17, 0.68, 0.76, 0.81), True),
    ((0.1, 0.2, 0.28, 0.31, 0.7), True),
    ((0.02, 0.03, 0.04, 0.9, 0.91), False),
    ((0.05, 0.06, 0.07, 0.08, 0.95), False),
    ((0.36, 0.44, 0.51, 0.58, 0.65), False),
    ((0.7, 0.72, 0.74, 0.76, 0.78, 0.8), False),
    ((0.05, 0.1, 0.15, 0.2, 0.25, 0.3), False),
]


@pytest.mark.parametrize(("shares", "proven"), FEW_RISES, ids=[str(i) for i in range(len(FEW_RISES))])
def test_few_rises_need_not_be_in_every_third_but_must_not_come_in_bunches(shares, proven):
    assert judged(stairs(shares)).proven is proven
    assert not judged(stairs(shares), explained=False).proven


@pytest.mark.parametrize("count", [5, 8, 11])
def test_most_leaks_of_few_units_are_proven(count):
    rng = np.random.default_rng(count)
    found = [judged(stairs(np.sort(rng.uniform(0.01, 0.96, count)))).proven for _ in range(200)]
    assert sum(found) >= 170


def test_a_late_leak_is_found_in_the_last_half():
    rng = np.random.default_rng(2)
    residual = np.concatenate([np.zeros(600), poisson_leak(rng, 600, 40)]) + rng.poisson(0.2, 1200)
    found = judged(residual)
    assert found.proven
    assert found.begin >= 500


def test_a_proof_is_kept_through_a_pause_but_not_when_it_ends_or_falls():
    rng = np.random.default_rng(3)
    grown = poisson_leak(rng, 800, 60)
    assert judged(np.concatenate([grown, np.full(60, grown[-1])])).proven
    assert not judged(np.concatenate([grown, np.full(800, grown[-1])])).proven
    assert not judged(np.concatenate([grown, np.zeros(60)])).proven


def test_known_sleepers_are_not_counted():
    residual = np.floor(np.arange(600) / 60)
    assert judged(residual).proven
    assert not judged(residual, transient=8).proven


def test_a_wave_of_unknown_users_proves_nothing():
    rng = np.random.default_rng(4)
    n = 3000
    wave = rng.poisson(60 * (1 - np.cos(np.pi * np.arange(n) / n)))
    assert not judged(wave, explained=False).proven
    assert judged(poisson_leak(rng, n, 60), explained=False).proven


@pytest.mark.parametrize("n", [0, 1, 2, 11])
def test_few_rows_prove_nothing(n):
    assert not judged(np.arange(n)).proven
