"""How long to watch: the fit of the power curve, simulated recordings, what is promised and kept, and the command."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from leaks.synthetic import bouncer, frame
from leaks.test_gate import written

from relengtools import cli
from relengtools.errors import RelengError
from relengtools.leaks import plan, power, scene
from relengtools.leaks.judge import analyze
from relengtools.leaks.plan import logistic, shortest

LEVEL = 3e7


def memory(seed, n=1200, rate=0.0, load=True, step=10.0):
    """Memory with noise that remembers five minutes and noise that doesn't, 50 kB a client, and clients."""
    rng = np.random.default_rng(seed)
    down = 20 + np.round(10 * np.sin(np.arange(n) / 60)) + rng.poisson(2, n)
    decay = np.exp(-step / 300)
    slow = np.zeros(n)
    for i, kick in enumerate(rng.normal(size=n) * np.sqrt(1 - decay**2)):
        slow[i] = decay * slow[i - 1] + kick
    rss = LEVEL + 5e4 * down * load + 1e5 * slow + 2e5 * rng.normal(size=n) + rate * step * np.arange(n)
    return frame({"rss_bytes": rss} | ({"downstreams": down} if load else {}), step)


def source(recording, metric, **options):
    return power.source(scene.stage(recording, (), (), (metric,)), metric, **options)


# ----------------------------------------------------------------------------------------------- the curve


@pytest.mark.parametrize(("middle", "slope"), [(3.0, 6.0), (10.0, 2.5), (0.0, 15.0)])
def test_a_logistic_curve_is_found_again(middle, slope):
    x = middle + np.linspace(-0.7, 0.7, 10)
    hits = 2000 / (1 + np.exp(-slope * (x - middle)))
    found = logistic(x, hits, 2000)
    assert found == pytest.approx((middle, slope), rel=0.02, abs=0.02)


@pytest.mark.parametrize("hits", [[0] * 5, [8] * 5, [8, 6, 4, 2, 0], [0, 0, 8, 8, 8]])
def test_a_curve_that_no_logistic_fits_has_a_slope_upwards(hits):
    middle, slope = logistic(np.linspace(1.0, 2.0, 5), np.array(hits, dtype=float), 8)
    assert np.isfinite([middle, slope]).all()
    assert slope > 0


# ---------------------------------------------------------------------------------------------- simulation


def test_what_was_simulated_has_the_noise_of_the_recording():
    random = np.random.default_rng(1)
    of = source(memory(1), "rss_bytes")
    spread = [path.std() for path in power._noise(of, of.observed, 60, random)]
    assert np.median(spread) == pytest.approx(np.hypot(1e5, 2e5 / np.sqrt(3.75)), rel=0.35)


@pytest.mark.parametrize(("share", "windows"), [(4.0, 1), (1.0, 1), (0.7, 2), (0.5, 3), (0.1, plan.power.MOST_WINDOWS)])
def test_noise_is_that_of_windows_as_long_as_what_is_simulated(share, windows):
    of = source(memory(1, 6000), "rss_bytes")
    found = power._posteriors(of, share * of.observed)
    assert len(found) == windows
    assert all(noise.block == pytest.approx(min(share, 1.0) * of.observed / 64, rel=0.05) for noise in found)


def test_a_leak_in_the_recording_is_not_planned_for_twice():
    clean, leaky = (source(frame(bouncer(3, fd_leak=leak)), "num_fds").clean for leak in (0.0, 0.2))
    assert np.ptp(leaky) == pytest.approx(np.ptp(clean), abs=10)


def test_the_longest_life_is_what_knows_the_noise():
    recording = memory(2)
    starts = np.repeat([1.0e9, 2.0e9], [300, 900])
    of = source(frame(dict(recording.columns), 10.0, starts=starts), "rss_bytes")
    assert of.observed == pytest.approx(8990)


@pytest.mark.parametrize(
    ("metric", "recording", "rate"),
    [
        ("rss_bytes", memory(3), 100.0),
        ("rss_bytes", memory(3, load=False), 4e3),
        ("num_fds", frame(bouncer(3)), 0.02),
        ("go_goroutines", frame(bouncer(3, wave=True)), 0.02),
    ],
)
def test_more_time_shows_more(metric, recording, rate):
    of = source(recording, metric)
    shares = [power.seen(of, rate, of.observed * times, 12, np.random.default_rng(0)) for times in (0.1, 16)]
    assert shares[0] <= 2
    assert shares[1] >= 10


def test_no_leak_is_hardly_ever_seen():
    for metric, recording in (("rss_bytes", memory(4)), ("num_fds", frame(bouncer(4)))):
        of = source(recording, metric)
        assert power.seen(of, 0.0, of.observed, 20, np.random.default_rng(0)) <= 1


# ------------------------------------------------------------------------------------------------- promises


def test_a_promise_for_memory_is_kept_by_recordings_to_come():
    found = shortest(source(memory(5), "rss_bytes"), 100.0, 0.9, runs=16)
    seen = [
        analyze(memory(500 + seed, int(found / 10), 100.0)).metrics["rss_bytes"].verdict == "leak" for seed in range(30)
    ]
    assert np.mean(seen) >= 0.7
    half = [
        analyze(memory(600 + seed, int(found / 30), 100.0)).metrics["rss_bytes"].verdict == "leak" for seed in range(20)
    ]
    assert np.mean(half) <= 0.6


def test_a_promise_for_a_count_is_kept_by_recordings_to_come():
    found = shortest(source(frame(bouncer(6)), "num_fds"), 0.02, 0.9, runs=16)
    seen = [
        analyze(frame(bouncer(700 + seed, int(found), fd_leak=0.02))).metrics["num_fds"].verdict == "leak"
        for seed in range(30)
    ]
    assert np.mean(seen) >= 0.7
    # Five that stay and stand out of what comes and goes, and then the luck of a Poisson process.
    assert 5 <= found * 0.02 <= 20


def test_faster_leaks_and_less_power_take_less_time():
    of = source(frame(bouncer(6)), "num_fds")
    quick, sure, slow = (shortest(of, rate, target, 8) for rate, target in ((0.1, 0.9), (0.02, 0.9), (0.02, 0.6)))
    assert quick < slow < sure


def test_the_same_question_has_the_same_answer():
    assert shortest(source(memory(7), "rss_bytes"), 300.0, 0.9, 4) == shortest(
        source(memory(7), "rss_bytes"), 300.0, 0.9, 4
    )


def test_a_short_recording_of_memory_tells_nothing_of_days():
    of = source(memory(8, 400, step=1.0), "rss_bytes")
    assert plan._farthest(of.observed, "rss_bytes") == pytest.approx(64 * 399)
    assert plan._farthest(of.observed, "num_fds") == 14 * 86400


def test_what_takes_too_long_is_no_answer():
    assert shortest(source(memory(8), "rss_bytes"), 1e-3, 0.9, 4) is None


# ------------------------------------------------------------------------------------------------- command


def run(*arguments):
    done = CliRunner().invoke(cli.relengtools, ["leaks", "plan", *map(str, arguments)])
    return (2 if isinstance(done.exception, RelengError) else done.exit_code), done.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    columns = dict(memory(9).columns) | {"goroutines": 14 + 3 * memory(9).columns["downstreams"]}
    return {
        "full": written(folder / "full.csv", columns),
        "bare": written(folder / "bare.csv", {"rss_bytes": memory(9, 400, load=False).columns["rss_bytes"]}),
        "short": written(folder / "short.csv", {"rss_bytes": [1e6, 2e6, 1e6]}),
    }


@pytest.fixture
def _hasty(monkeypatch):
    monkeypatch.setattr(plan, "TIMES", 4)
    monkeypatch.setattr(plan, "RUNS_TO_BRACKET", 8)


@pytest.mark.usefixtures("_hasty")
def test_the_command_and_its_json(files):
    code, out = run(files["full"], "--rate", "1MiB/h", "--output-format", "json")
    said = json.loads(out)
    assert code == 0
    assert (said["metric"], said["rate_per_s"], said["power"]) == ("rss_bytes", 2**20 / 3600, 0.9)
    assert said["seconds"] > 0
    plain, goroutines = said["others"]
    assert (plain["metric"], plain["adjusted_for"]) == ("rss_bytes", [])
    assert goroutines["metric"] == "goroutines"
    assert goroutines["rate_per_s"] == pytest.approx(2**20 / 3600 / 8192)
    assert goroutines["assuming"] == "each 8 KiB that leak hold a goroutine"
    text = run(files["full"], "--rate", "1MiB/h")[1]
    assert "full.csv: a leak of +1 MiB/h in rss_bytes is seen after " in text
    assert "  without downstreams: " in text


@pytest.mark.usefixtures("_hasty")
def test_without_load_a_leak_hides_in_the_wave_of_a_day(files):
    code, out = run(files["bare"], "--rate", "10KiB/h")
    assert code == 0
    assert "can't be promised" in out
    assert "without load gauges a wave of the day looks the same" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["full"],
        ["full", "--rate", "0/h"],
        ["full", "--rate", "soon"],
        ["full", "--rate", "1/h", "--power", "1"],
        ["full", "--rate", "1/h", "--metric", "nope"],
        ["full", "--rate", "1KiB/h", "--metric", "goroutines"],
        ["short", "--rate", "1MiB/h"],
        ["nowhere", "--rate", "1MiB/h"],
    ],
)
def test_what_cannot_be_planned_is_2(files, arguments):
    assert run(files.get(arguments[0], arguments[0]), *arguments[1:]) == (2, "")
