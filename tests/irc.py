"""Real IRC on loopback: a server (ngircd), a bouncer (soju), and clients that come and go.

Used by the integration tests and by scripts/demo. Everything listens on 127.0.0.1 and on free ports, keeps its files in
a folder of the caller's, waits by polling with a bound, and ends with the `with` block that started it.

    with ngircd(tmp) as server, soju(tmp, users=("alice", "bob"), upstream=server.port) as bouncer:
        with bouncer.client("alice") as alice:
            alice.join("#test")
            alice.privmsg("#test", "hello")
        churn(lambda n: bouncer.client("bob", name=f"phone{n}"), sessions=20, rate_per_s=4)
"""

import contextlib
import functools
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from irc_clients import HOST, TIMEOUT_S, Churned, Client, Message, RigError, churn

__all__ = [
    "HOST",
    "NETWORK",
    "PASSWORD",
    "TIMEOUT_S",
    "Churned",
    "Client",
    "Message",
    "Ngircd",
    "RigError",
    "Soju",
    "Unavailable",
    "churn",
    "free_ports",
    "get",
    "ngircd",
    "ngircd_binary",
    "running",
    "scrape",
    "soju",
    "soju_binaries",
    "until",
]

GET_SOJU = Path(__file__).resolve().parent.parent / "scripts" / "get-soju"
NETWORK = "ng"
PASSWORD = "loopback"
POLL_S = 0.02

T = TypeVar("T")


class Unavailable(Exception):
    """A program of the rig can't be had on this machine; the text says why in one line."""


# -- Waiting, ports, processes ------------------------------------------------------------------------------------


def until(what: str, condition: Callable[[], T], timeout_s: float = TIMEOUT_S) -> T:
    """Poll CONDITION until it's true and return its value; RigError that names WHAT after TIMEOUT_S seconds."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise RigError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(POLL_S)
    return value


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports of the loopback interface that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def listening(port: int) -> bool:
    """Whether something accepts connections on PORT."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@contextlib.contextmanager
def running(command: Sequence[str | Path], log: Path, ready: Callable[[], bool]) -> Iterator[int]:
    """Run COMMAND in its own process group until the block ends; its pid, once READY says so."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, process_group=0
        )
    try:
        try:
            until(f"{Path(command[0]).name} to start", lambda: process.poll() is not None or ready())
        except RigError as error:
            raise RigError(f"{error}: {_tail(log)}") from None
        if process.poll() is not None:
            raise RigError(f"{Path(command[0]).name} ended with exit code {process.returncode}: {_tail(log)}")
        yield process.pid
    finally:
        _end(process)


def _tail(log: Path) -> str:
    return " | ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]) or "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# -- Programs -----------------------------------------------------------------------------------------------------


@functools.cache
def soju_binaries() -> Path:
    """The folder of soju, sojudb and sojuctl, fetched by scripts/get-soju at first; Unavailable with its reason."""
    done = subprocess.run([sys.executable, GET_SOJU], capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"get-soju ended with exit code {done.returncode}"]
        raise Unavailable(reason[-1])
    return Path(done.stdout.strip())


@functools.cache
def ngircd_binary() -> Path:
    """The ngircd program, installed by scripts/get-soju where it may; Unavailable with the reason."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin"
    if not shutil.which("ngircd", path=path):
        with contextlib.suppress(Unavailable):  # soju may be missing and ngircd be there now
            soju_binaries()
    if found := shutil.which("ngircd", path=path):
        return Path(found)
    raise Unavailable("ngircd is not installed: apt-get install ngircd")


# -- ngircd -------------------------------------------------------------------------------------------------------

NGIRCD_CONF = """\
[Global]
Name = irc.test
Info = loopback
AdminInfo1 = loopback
AdminInfo2 = loopback
AdminEMail = nobody@irc.test
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = loopback
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 30
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
"""


@dataclass(frozen=True, slots=True)
class Ngircd:
    """A running ngircd."""

    pid: int
    port: int


@contextlib.contextmanager
def ngircd(tmp: Path, *, port: int | None = None) -> Iterator[Ngircd]:
    """Run ngircd on PORT (by default a free one) with its files in TMP."""
    port = port or free_ports(1)[0]
    config = tmp / "ngircd.conf"
    config.write_text(NGIRCD_CONF.format(port=port), encoding="utf-8")
    with running([ngircd_binary(), "-n", "-f", config], tmp / "ngircd.log", lambda: listening(port)) as pid:
        yield Ngircd(pid, port)


# -- soju ---------------------------------------------------------------------------------------------------------

SOJU_CONF = """\
hostname bouncer.test
db sqlite3 {tmp}/soju.db
message-store {store}
listen irc+insecure://127.0.0.1:{port}
listen http+prometheus://localhost:{metrics_port}
listen http+pprof://localhost:{pprof_port}
listen unix+admin://{socket}
"""


@dataclass(frozen=True, slots=True)
class Soju:
    """A running soju."""

    pid: int
    port: int
    metrics_port: int
    pprof_port: int
    binaries: Path
    config: Path

    @property
    def metrics_url(self) -> str:
        """Where Prometheus would scrape it."""
        return f"http://localhost:{self.metrics_port}/metrics"

    @property
    def pprof_url(self) -> str:
        """The root of its Go profiles."""
        return f"http://localhost:{self.pprof_port}/debug/pprof"

    def client(self, user: str, *, name: str = "laptop", network: str = NETWORK) -> Client:
        """A client called NAME of USER, bound to NETWORK ("" for none)."""
        login = f"{user}/{network}@{name}" if network else f"{user}@{name}"
        return Client(self.port, user, user=login, password=PASSWORD)

    def control(self, *command: str) -> str:
        """What `sojuctl COMMAND` answers."""
        return _answer([self.binaries / "sojuctl", "-config", self.config, *command])

    def add_network(self, user: str, port: int, network: str = NETWORK) -> None:
        """Have soju connect USER to the IRC server on PORT, and wait until it is."""
        address = f"irc+insecure://{HOST}:{port}"
        self.control("user", "run", user, "network", "create", "-addr", address, "-name", network, "-nick", user)
        self.await_network(user)

    def await_network(self, user: str) -> None:
        """Wait until every network of USER is connected."""
        states = functools.partial(self.control, "user", "run", user, "network", "status")
        until(f"{user}'s network", lambda: "[connected" in (text := states()) and "[disconnected" not in text)


def _answer(command: Sequence[str | Path], text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode:
        words = " ".join(str(word) for word in command[3:])
        raise RigError(f"{Path(command[0]).name} {words}: {' '.join((done.stdout + done.stderr).split())}")
    return done.stdout


@contextlib.contextmanager
def soju(
    tmp: Path,
    *,
    users: Sequence[str] = ("alice",),
    upstream: int | None = None,
    port: int | None = None,
    store: str = "memory",
    binaries: Path | None = None,
) -> Iterator[Soju]:
    """Run soju with its database in TMP; a second run there goes on with its users and networks.

    USERS are administrators with PASSWORD; where UPSTREAM is the port of an IRC server, each is connected to it as
    NETWORK. PORT is for clients, by default a free one. STORE is soju's `message-store`. BINARIES is the folder of
    another build.
    """
    binaries = binaries or soju_binaries()
    ports = free_ports(3)
    ports[0] = port or ports[0]
    config, is_new = tmp / "soju.conf", not (tmp / "soju.db").exists()
    with tempfile.TemporaryDirectory(prefix="soju-") as short:  # the path of a socket has at most 107 bytes
        admin = Path(short, "admin")
        settings = dict(zip(("port", "metrics_port", "pprof_port"), ports, strict=True))
        config.write_text(SOJU_CONF.format(tmp=tmp, store=store, socket=admin, **settings), encoding="utf-8")
        for user in users if is_new else ():
            _answer([binaries / "sojudb", "-config", config, "create-user", user, "-admin"], f"{PASSWORD}\n")
        with running([binaries / "soju", "-config", config], tmp / "soju.log", admin.exists) as pid:
            bouncer = Soju(pid=pid, binaries=binaries, config=config, **settings)
            if upstream is not None:
                for user in users:
                    bouncer.add_network(user, upstream) if is_new else bouncer.await_network(user)
            yield bouncer


def get(port: int, path: str) -> bytes:
    """The body at http://localhost:PORT/PATH; RigError unless it's a 200."""
    connection = http.client.HTTPConnection("localhost", port, timeout=TIMEOUT_S)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    if response.status != http.client.OK:
        raise RigError(f"http://localhost:{port}{path} answered {response.status} {response.reason}")
    return body


def scrape(port: int) -> dict[str, float]:
    """The metrics that a process offers on PORT, `name{labels}` -> value."""
    lines = get(port, "/metrics").decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}
