"""Numbers for people: the unit goes by the name of the metric, and no number is written with an exponent."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools.leaks.units import amount, counted, duration, is_bytes, per_time, with_interval


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("num_fds", 15.0, "15"),
        ("num_fds", 12345.0, "12,345"),
        ("num_fds", 1.2345, "1.23"),
        ("num_fds", 99.96, "100"),
        ("num_fds", 999.7, "1,000"),
        ("rss_bytes", 0.0, "0 B"),
        ("rss_bytes", 999.0, "999 B"),
        ("rss_bytes", 1000.0, "0.977 KiB"),
        ("rss_bytes", 20.3 * 2**20, "20.3 MiB"),
        ("rss_bytes", 999.7 * 1024, "0.976 MiB"),
        ("rss_bytes", 3.0 * 2**50, "3 PiB"),
        ("go_gc_gomemlimit_bytes", 2.0**63, "8 EiB"),
        ("rss_bytes", 3.0 * 2**70, "3,072 EiB"),
        ("go_gc_duration_seconds", 0.25, "0.25 s"),
        ('wait_seconds{quantile="1"}', 3.0, "3 s"),
        ("num_fds", -0.0, "0"),
        ("num_fds", 1.23e-7, "0.000000123"),
        ("num_fds", 1e-300, "0"),
        ('sent_bytes_total{a="b"}', 2048.0, "2 KiB"),
        ("rss_bytes", -2048.0, "-2 KiB"),
    ],
)
def test_an_amount(metric: str, value: float, text: str) -> None:
    assert amount(metric, value) == text


@pytest.mark.parametrize(
    ("metric", "rate", "text"),
    [
        ("num_fds", 0.0, "0/d"),
        ("num_fds", 1 / 3600, "+1/h"),
        ("num_fds", 0.9 / 3600, "+21.6/d"),
        ("num_fds", -1 / 86400, "-1/d"),
        ("num_fds", 0.27, "+972/h"),
        ("num_fds", 100.0, "+100/s"),
        ("rss_bytes", 1.2 * 2**20 / 3600, "+1.2 MiB/h"),
        ("rss_bytes", 32.7 * 1024, "+32.7 KiB/s"),
        ("rss_bytes", 0.1, "+8.44 KiB/d"),
        ("rss_bytes", -1e-9, "0 B/d"),
        ("go_gc_duration_seconds", 0.0251 / 86400, "+0.0251 s/d"),
        ("num_fds", 1.5e-9 / 86400, "+0.0000000015/d"),
        ("num_fds", -1e-200, "0/d"),
    ],
)
def test_a_rate_has_a_sign_and_the_time_that_reads_best(metric: str, rate: float, text: str) -> None:
    assert per_time(metric, rate) == text


@pytest.mark.parametrize(
    ("rate", "low", "high", "text"),
    [
        (12 / 3600, 9 / 3600, 15 / 3600, "+12/h (+9/h to +15/h)"),
        (0.0, -1 / 3600, 2 / 3600, "0/h (-1/h to +2/h)"),
        (0.0, 0.0, 0.0, "0/d"),
        (12 / 3600, None, 1.0, "+12/h"),
        (None, None, None, ""),
    ],
)
def test_an_interval_is_by_one_unit_of_time(rate, low, high, text: str) -> None:
    assert with_interval("num_fds", rate, low, high) == text


def test_what_is_to_be_compared_is_by_the_time_of_the_greater_rate() -> None:
    assert with_interval("rss_bytes", 100.0, 50.0, 150.0, beside=1e6) == "+100 B/s (+50 B/s to +150 B/s)"
    assert with_interval("num_fds", 1.0, 1.0, 1.0, beside=100.0) == "+1/s"
    assert with_interval("rss_bytes", 17_000.0, 16_900.0, 17_200.0).startswith(per_time("rss_bytes", 17_000.0))
    assert with_interval("num_fds", 1.0, 0.5, 1.5, beside=1e-9) == with_interval("num_fds", 1.0, 0.5, 1.5)


def test_each_end_of_an_interval_has_its_unit() -> None:
    said = with_interval("rss_bytes", 169 * 1024, 0.0, 1500 * 1024)
    assert said == "+169 KiB/s (0 B/s to +1.46 MiB/s)"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 samples"), (1, "1 sample"), (2, "2 samples"), (1000, "1,000 samples")]
)
def test_a_noun_goes_with_its_number(count: int, text: str) -> None:
    assert counted(count, "sample") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (300, "5 min"),
        (5399, "1 h 30 min"),
        (7200, "2 h"),
        (12000, "3 h 20 min"),
        (2 * 86400, "2 d"),
        (2.5 * 86400, "2 d 12 h"),
        (21 * 86400 + 3600, "21 d"),
    ],
)
def test_a_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("metric", "said"),
    [("rss_bytes", True), ('a_bytes{b="c"}', True), ("x_bytes_total", True), ("num_fds", False), ("bytes_in", False)],
)
def test_bytes_are_known_by_the_name(metric: str, said: bool) -> None:
    assert is_bytes(metric) is said


@given(st.sampled_from(["num_fds", "rss_bytes"]), st.floats(1e-12, 1e15) | st.floats(-1e15, -1e-12))
def test_no_number_has_an_exponent_and_all_are_near_the_value(metric: str, value: float) -> None:
    text = amount(metric, value)
    number, _, unit = text.partition(" ")
    assert re.fullmatch(r"-?[\d,]+(\.\d+)?", number)
    factor = 1024.0 ** ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].index(unit) if unit else 1.0
    assert abs(float(number.replace(",", "")) * factor - value) <= max(0.006 * abs(value), 0.5 * (unit == "B"))
