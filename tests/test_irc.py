"""The rig of real IRC programs: a server, a bouncer, and clients that come and go."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from irc import (
    PASSWORD,
    Churned,
    Client,
    RigError,
    Unavailable,
    churn,
    free_ports,
    get,
    ngircd,
    ngircd_binary,
    running,
    scrape,
    soju,
    soju_binaries,
    until,
)
from irc_clients import Message, parse


@pytest.fixture(scope="module", autouse=True)
def programs():
    """Skip where the programs can't be had, with the reason of get-soju."""
    try:
        soju_binaries()
        ngircd_binary()
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def server(programs, tmp_path_factory):
    with ngircd(tmp_path_factory.mktemp("ngircd")) as server:
        yield server


USERS = (
    "alice",
    "bob",
    "carol",
    "dave",
    "erin",
)  # several, since soju throttles what it sends to the server for a user


@pytest.fixture(scope="module")
def bouncer(server, tmp_path_factory):
    with soju(tmp_path_factory.mktemp("soju"), users=USERS, upstream=server.port) as bouncer:
        yield bouncer


def test_users_are_connected_to_the_server(bouncer):
    metrics = scrape(bouncer.metrics_port)
    assert metrics["soju_users_active"] == len(USERS)
    assert metrics["soju_upstreams_active"] == len(USERS)
    assert metrics["soju_upstream_connect_errors_total"] == 0


def test_a_message_goes_over_the_server_to_another_user(bouncer):
    with bouncer.client("alice") as alice, bouncer.client("bob") as bob:
        for client in (alice, bob):
            client.join("#passage")
        alice.privmsg("#passage", "hello over there")
        message = bob.wait_privmsg("hello over there")
        assert message.source.startswith("alice!")
        assert message.params[0] == "#passage"
        assert scrape(bouncer.metrics_port)["soju_downstreams_active"] == 2


def test_a_user_of_the_server_reaches_one_of_the_bouncer(bouncer, server):
    with Client(server.port, "peer") as peer, bouncer.client("carol") as carol:
        peer.privmsg("carol", "hello from outside")
        assert carol.wait_privmsg("hello from outside").source.startswith("peer!")
        carol.privmsg("peer", "hello from inside")
        assert peer.wait_privmsg("hello from inside").source.startswith("carol!")


def test_a_client_that_comes_back_is_in_its_channels(bouncer):
    for name in ("first", "second"):
        with bouncer.client("erin", name=name) as client:
            assert ("#kept" in client.channels) is (name == "second")
            client.join("#kept")


@pytest.mark.parametrize("leave", ["quit", "drop"])
def test_clients_leave(bouncer, leave):
    before = scrape(bouncer.metrics_port)["soju_downstreams_active"]
    client = bouncer.client("alice")
    assert scrape(bouncer.metrics_port)["soju_downstreams_active"] == before + 1
    getattr(client, leave)()
    until("the client to be gone", lambda: scrape(bouncer.metrics_port)["soju_downstreams_active"] == before)


def test_a_wrong_password_is_refused(bouncer):
    with pytest.raises(RigError, match=r"alice waited for a welcome|closed the connection of alice"):
        Client(bouncer.port, "alice", user="alice/ng", password=f"not {PASSWORD}")


def test_metrics_and_profiles_answer(bouncer):
    metrics = scrape(bouncer.metrics_port)
    assert metrics["process_open_fds"] > 0
    assert metrics["go_goroutines"] > 0
    assert get(bouncer.pprof_port, "/debug/pprof/goroutine").startswith(b"\x1f\x8b")
    assert b"goroutine profile: total" in get(bouncer.pprof_port, "/debug/pprof/goroutine?debug=1")
    with pytest.raises(RigError, match="404"):
        get(bouncer.pprof_port, "/debug/pprof/none")


def test_control_answers_and_refuses(bouncer):
    assert f"{len(USERS)} users" in bouncer.control("server", "status")
    with pytest.raises(RigError, match="sojuctl no-such-command"):
        bouncer.control("no-such-command")


def test_churn_comes_and_goes(bouncer):
    done = churn(lambda n: bouncer.client("dave", name=f"phone{n}"), sessions=6, rate_per_s=5, hold_s=0.2, drop_every=3)
    assert done == Churned(sessions=6, dropped=2, failures=())
    until("all to be gone", lambda: scrape(bouncer.metrics_port)["soju_downstreams_active"] == 0)


def test_churn_works_on_a_server_too(server):
    done = churn(lambda n: Client(server.port, f"direct{n}"), sessions=5, rate_per_s=50, hold_s=0)
    assert done == Churned(sessions=5, dropped=0, failures=())


def unreachable(_: int) -> Client:
    raise ConnectionRefusedError("refused")


@pytest.mark.parametrize(
    ("limit_s", "stopped", "expected"),
    [
        (0, False, Churned(0, 0, ())),
        (60, True, Churned(0, 0, ())),
        (60, False, Churned(0, 0, ("session 0: refused", "session 1: refused"))),
    ],
)
def test_churn_is_bounded_and_tells_failures(limit_s, stopped, expected):
    stop = threading.Event()
    if stopped:
        stop.set()
    assert churn(unreachable, sessions=2, rate_per_s=1000, limit_s=limit_s, stop=stop) == expected


def test_a_second_run_goes_on_with_users_and_networks(server, tmp_path):
    with soju(tmp_path, upstream=server.port, store="db") as first:
        pass
    with soju(tmp_path, upstream=server.port, store="db", port=first.port) as second:
        assert second.pid != first.pid
        assert second.port == first.port
        with second.client("alice") as alice:
            alice.ping()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_processes_end_with_their_block_also_on_failure(tmp_path):
    pids = []
    with pytest.raises(ValueError, match="on purpose"), ngircd(tmp_path) as server, soju(tmp_path) as bouncer:
        pids += [server.pid, bouncer.pid]
        assert all(is_running(pid) for pid in pids)
        raise ValueError("on purpose")
    assert len(pids) == 2
    assert not any(is_running(pid) for pid in pids)


def test_a_program_that_ends_at_once_is_told_with_its_last_words(tmp_path):
    command = ["sh", "-c", "echo no such option >&2; exit 3"]
    wanted = pytest.raises(RigError, match="sh ended with exit code 3: no such option")
    with wanted, running(command, tmp_path / "log", lambda: False):
        pass


def test_waiting_is_bounded():
    with pytest.raises(RigError, match=r"waited 0\.05 s in vain for rain"):
        until("rain", lambda: False, timeout_s=0.05)


def test_ports_are_distinct():
    assert len(set(free_ports(20))) == 20


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("PING :token\r", Message("", "PING", ("token",))),
        (":a!b@c PRIVMSG #x :hello : there", Message("a!b@c", "PRIVMSG", ("#x", "hello : there"))),
        ("@time=1;id=2 :srv 001 alice :Welcome", Message("srv", "001", ("alice", "Welcome"))),
        (":srv 005 a CHANTYPES=# NICKLEN=30 :are", Message("srv", "005", ("a", "CHANTYPES=#", "NICKLEN=30", "are"))),
        (":a QUIT :", Message("a", "QUIT", ("",))),
        ("JOIN #x", Message("", "JOIN", ("#x",))),
    ],
)
def test_lines_are_taken_apart(line, message):
    assert parse(line) == message


def test_the_rig_does_not_need_pytest():
    code = "import irc, sys; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent).returncode == 0
