"""The rows on waits: what takes turns in rounds is compared within them."""

import pytest

np = pytest.importorskip("numpy")

from bench_stall import AGAIN, ARMS, AWAY, HERE, ROLLUP, SUMMARIES, Measured, interval, rows  # noqa: E402


def test_a_burden_that_all_windows_of_a_round_share_does_not_widen_the_interval():
    dice = np.random.default_rng(1)
    burden = dice.lognormal(0, 2, 600)
    away, here = (burden * dice.lognormal(0, 0.1, 600) for _ in range(2))
    low, high = interval(here / away)
    assert -3 < low < 0 < high < 3
    low, high = interval(1.2 * here / away)
    assert 15 < low < 20 < high < 25


def test_a_row_for_each_way_and_summary():
    levels = {AWAY: 1.0, AGAIN: 1.0, HERE: 1.1, ROLLUP: 8.0}
    windows = {arm: {what: np.full(9, levels[arm]) for what in SUMMARIES} for arm in ARMS}
    found = list(rows(Measured(5000, False, windows)))
    assert len(found) == 9
    assert found[1] == (
        "| worst wait for 64 new pages in 0.25 s, 5,000 mappings, not in real time: recorded at 20 Hz"
        " | 1.1 ms, without 1 | | +10.0 to +10.0 % |"
    )
