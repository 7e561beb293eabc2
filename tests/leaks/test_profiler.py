import sys
from math import inf

import pytest
from leaks.faultyserver import page, says, serving

from relengtools.leaks.exposition import ScrapeError
from relengtools.leaks.process import Base
from relengtools.leaks.profiler import Profiler, grown
from relengtools.leaks.record import Settings, run
from relengtools.leaks.recording import load
from relengtools.leaks.target import selector

BASE = Base(1000, 50_000, 0, 5000, 100, 9, 1, 1, 1, 1, 1)
SERVED, ABSENT, BROKEN = (says(page(b"\x1f\x8bprofile"))), says(page(b"no", "404 No")), says(page(b"no", "500 No"))


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        ({"fds": 20}, {"fds": 60}, ""),
        ({"fds": 20}, {"fds": 70}, "fds"),
        ({"fds": 1000}, {"fds": 1100}, ""),
        ({"fds": 1000}, {"fds": 1250}, "fds"),
        ({"fds": 100, "goroutines": 30}, {"fds": 90, "goroutines": 80}, "goroutines"),
        ({}, {"fds": 1000}, ""),
        ({"anon_kb": 50_000}, {"anon_kb": 66_000}, ""),
        ({"anon_kb": 50_000}, {"anon_kb": 67_000}, "anon_kb"),
    ],
)
def test_what_has_grown(before: dict[str, float], now: dict[str, float], what: str) -> None:
    assert grown(before, now) == what


def taken(profiler: Profiler, now: float) -> list[str]:
    return [kind for kind, _ in profiler.take(now, 1.0, 5.0)]


def test_a_profile_is_due_at_the_start_then_rarely_and_when_something_has_grown() -> None:
    with serving(SERVED) as url:
        profiler = Profiler(url.removesuffix("/metrics"), ("goroutine",), 6 * 3600.0)
        profiler.look(BASE)
        assert profiler.is_due(100, False)
        assert profiler.growth(100) == ""
        assert taken(profiler, 100) == ["goroutine"]
        assert not profiler.is_due(200, False)
        assert profiler.is_due(200, True)
        profiler.look(BASE._replace(fds=200))
        assert profiler.growth(300) == ""  # too soon after the last one
        assert profiler.growth(701) == "fds: 100 to 200"
        assert profiler.is_due(701, False)
        assert taken(profiler, 701) == ["goroutine"]
        assert profiler.growth(10_000) == ""


def test_where_profiles_are_rare_by_choice_growth_does_not_count() -> None:
    with serving(SERVED) as url:
        profiler = Profiler(url.removesuffix("/metrics"), ("goroutine",), inf)
        profiler.look(BASE)
        taken(profiler, 0)
        profiler.look(BASE._replace(fds=9000))
        assert profiler.growth(1e6) == ""


def test_a_kind_that_few_serve_is_asked_for_once_and_others_are_missed() -> None:
    with serving(SERVED, ABSENT, SERVED) as url:
        profiler = Profiler(url.removesuffix("/metrics"), ("goroutine", "goroutineleak"), 10.0)
        assert taken(profiler, 0) == ["goroutine"]
        assert taken(profiler, 20) == ["goroutine"]
    with serving(ABSENT) as url:
        profiler = Profiler(url.removesuffix("/metrics"), ("goroutine",), 10.0)
        with pytest.raises(ScrapeError):
            taken(profiler, 0)
    with serving(SERVED, BROKEN) as url:
        profiler = Profiler(url.removesuffix("/metrics"), ("goroutine", "goroutineleak"), 10.0)
        with pytest.raises(ScrapeError):
            taken(profiler, 0)
        assert not profiler.is_due(1, False)


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_a_deep_recording_takes_what_is_served(tmp_path) -> None:
    with serving(SERVED) as url:
        command = (sys.executable, "-c", "import time; time.sleep(60)")
        settings = Settings(interval=0.1, duration=0.5, pprof=url.removesuffix("/metrics"), profile="deep")
        run(selector(command=command), tmp_path / "a", settings)
    kinds = [profile.kind for profile in load(str(tmp_path / "a")).profiles]
    assert kinds == ["goroutine", "heap", "goroutineleak"] * 2
