"""The whole line on a real bouncer: a recording says what soju says of itself at the same moments, and is reported."""

import json
import math
import subprocess
import sys
import threading

import pytest
from irc import Unavailable, churn, ngircd, ngircd_binary, soju, soju_binaries

from relengtools.leaks import profiles, recording

SECONDS = 15


@pytest.fixture(scope="module", autouse=True)
def programs():
    """Skip where the programs can't be had, with the reason of get-soju."""
    try:
        soju_binaries()
        ngircd_binary()
    except Unavailable as reason:
        pytest.skip(str(reason))


def relengtools(*arguments):
    return subprocess.run([sys.executable, "-m", "relengtools", *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def recorded(programs, tmp_path_factory):
    """A recording of soju under churn: its path, and what the recorder said."""
    tmp = tmp_path_factory.mktemp("soju")
    path, stop = tmp / "recording.db", threading.Event()
    with ngircd(tmp) as server, soju(tmp, users=("alice", "bob"), upstream=server.port) as bouncer:

        def clients():
            churn(
                lambda n: bouncer.client("bob", name=f"phone{n}"),
                sessions=3 * SECONDS,
                rate_per_s=2,
                hold_s=2,
                drop_every=3,
                limit_s=SECONDS,
                stop=stop,
            )

        load = threading.Thread(target=clients)
        load.start()
        try:
            run = relengtools(
                *("leaks", "record", "--pid", str(bouncer.pid), "-o", str(path)),
                *("--interval", "500ms", "--duration", f"{SECONDS}s"),
                *("--metrics", bouncer.metrics_url, "--pprof", bouncer.pprof_url),
            )
        finally:
            stop.set()
            load.join()
    assert run.returncode == 0, run.stderr
    return path, run.stderr


@pytest.fixture(scope="module")
def loaded(recorded):
    return recording.load(str(recorded[0]))


def together(loaded, *names):
    """Rows in which all of NAMES were read."""
    rows = list(zip(*(loaded.columns[name] for name in names), strict=True))
    found = [row for row in rows if not any(map(math.isnan, row))]
    assert len(found) > 4  # ever rarer on a machine that is busy
    return found


def mostly(rows, agree, share=0.8):
    """Most rows agree: between the two readings of one moment a client may come or go."""
    good = sum(agree(*row) for row in rows)
    assert good >= share * len(rows), [row for row in rows if not agree(*row)]


def test_the_recorder_says_how_it_ended(recorded):
    assert "end of the duration" in recorded[1]


def test_descriptors_agree_with_sojus_own_count_less_the_recorders_connection(loaded):
    mostly(together(loaded, "num_fds", "process_open_fds"), lambda ours, theirs: ours == theirs - 1)


def test_memory_agrees(loaded):
    rows = together(loaded, "rss_bytes", "process_resident_memory_bytes")
    mostly(rows, lambda ours, theirs: abs(ours - theirs) <= 0.05 * theirs)


def test_threads_agree_within_the_one_that_go_keeps_in_reserve(loaded):
    mostly(together(loaded, "n_threads", "go_threads"), lambda ours, theirs: 0 <= theirs - ours <= 2)


def test_sockets_are_listeners_and_one_for_each_connection(loaded):
    rows = together(loaded, "n_sockets", "soju_downstreams_active", "soju_upstreams_active")
    listeners = 4  # clients, metrics, pprof, admin
    # soju counts a client once it has logged in, which takes a bcrypt: its socket is there before.
    mostly(rows, lambda sockets, downstreams, upstreams: 0 <= sockets - listeners - downstreams - upstreams <= 2)
    mostly(rows, lambda sockets, downstreams, upstreams: sockets == listeners + downstreams + upstreams, share=0.4)


def test_goroutines_are_those_of_the_profile(loaded):
    counted = [sum(profiles.stacks(p.data).values()) for p in loaded.profiles if p.kind == "goroutine"]
    served = [n for n in loaded.columns["go_goroutines"] if not math.isnan(n)]
    assert len(counted) == 2  # first and last
    assert min(served) - 8 <= min(counted) <= max(counted) <= max(served) + 8


def test_cpu_time_agrees(loaded):
    rows = together(loaded, "cpu_s", "process_cpu_seconds_total")
    mostly(rows, lambda ours, theirs: abs(ours - theirs) <= 0.05)


def test_the_verdict_on_a_clean_bouncer_is_no_leak(recorded):
    run = relengtools("leaks", "analyze", "--output-format", "json", str(recorded[0]))
    assert run.returncode == 0, run.stderr
    metrics = json.loads(run.stdout)["metrics"]
    assert {"num_fds", "n_sockets", "go_goroutines", "rss_bytes"} <= metrics.keys()
    assert [m for m in ("num_fds", "n_sockets", "go_goroutines") if metrics[m]["verdict"] == "leak"] == []


def test_the_report_is_whole_and_the_same_again(recorded, tmp_path):
    for name in ("one", "two"):
        run = relengtools("leaks", "report", str(recorded[0]), "-o", str(tmp_path / name))
        assert run.returncode == 0, run.stderr
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert {"index.html", "report.md", "summary.json", "memory.svg", "memory.png", "descriptors.svg"} <= one.keys()
