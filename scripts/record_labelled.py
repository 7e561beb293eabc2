#!/usr/bin/env python3
"""Record real programs under loads that are known, with a label each: what bench_judge.py and score.py are given.

    scripts/record_labelled.py DIR [--minutes 8]

All at once, on loopback: soju and ZNC under waves, storms and visitors; a Python server that keeps what its clients
leave, or nothing. DIR gets a CSV file a program and labels.json: of each metric, whether it leaks, and how fast where
that is known from the visits that were made.
"""

import argparse
import contextlib
import json
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from crowd import chatter, irc, waves

RELENGTOOLS = Path(sys.executable).with_name("relengtools")
COUNTS = ("num_fds", "n_sockets", "n_threads", "n_reg_files", "tcp_close_wait", "go_goroutines")
MEMORY = ("rss_bytes", "anon_bytes", "go_memstats_heap_inuse_bytes")
SOCKETS = ("num_fds", "n_sockets", "tcp_close_wait")
KEPT_BYTES = 40_000
CACHED = 150
WARM_S = 5.0
NOBODY = 65534

Stop = threading.Event


class Case(NamedTuple):
    """One recording: what leaks in it and at what rate a visit (None: not known), and what isn't judged."""

    name: str
    run: Callable[[Path, "Recorder"], None]
    leaks: dict[str, float | None]
    unjudged: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------ a server in Python


class Server(socketserver.ThreadingTCPServer):
    """Echoes lines; `mode` says what it keeps of each client: nothing, files, memory, sockets, or a bounded cache."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, mode: str) -> None:
        super().__init__((irc.HOST, 0), Handler)
        self.mode = mode
        self.kept: list[Any] = []
        self.cache: OrderedDict[int, bytes] = OrderedDict()

    def shutdown_request(self, request: Any) -> None:
        """Close the connection, unless that is what is kept."""
        if self.mode == "sockets":
            self.kept.append(request)
        else:
            super().shutdown_request(request)


class Handler(socketserver.StreamRequestHandler):
    """One client."""

    server: Server

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            for line in self.rfile:
                self.wfile.write(line)
        kept = self.server.kept
        if self.server.mode == "files":
            kept.append(os.fdopen(os.open(__file__, os.O_RDONLY), "rb"))
        if self.server.mode == "memory":
            kept.append(bytes(bytearray(b"\x01") * KEPT_BYTES))
        if self.server.mode == "cache":
            self.server.cache[time.monotonic_ns()] = b"\x01" * KEPT_BYTES
            if len(self.server.cache) > CACHED:
                self.server.cache.popitem(last=False)


def serve(mode: str) -> None:
    """Serve until killed; the port is on standard output."""
    with Server(mode) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


class Visitors(NamedTuple):
    """Clients that come PER_S times a second and stay between FEWEST_S and MOST_S, in turn."""

    port: int
    per_s: float
    fewest_s: float
    most_s: float

    def __call__(self, stop: Stop) -> int:
        """Visit until STOP; how many came and went."""
        begun, number, went = time.monotonic(), 0, 0
        inside: list[tuple[float, socket.socket]] = []
        while not stop.wait(max(0.0, begun + number / self.per_s - time.monotonic())):
            now = time.monotonic()
            for each in [each for each in inside if each[0] <= now]:
                inside.remove(each)
                each[1].close()
                went += 1
            client = socket.create_connection((irc.HOST, self.port), timeout=irc.TIMEOUT_S)
            client.sendall(b"hello\n")
            client.recv(64)
            stays = self.fewest_s + (self.most_s - self.fewest_s) * (number * 0.618 % 1)
            inside.append((now + stays, client))
            number += 1
        for _, client in inside:
            client.close()
        return went


def python(mode: str, per_s: float, fewest_s: float, most_s: float) -> Callable[[Path, "Recorder"], None]:
    """The server in a process of its own, under visitors."""

    def run(tmp: Path, record: Recorder) -> None:
        command = [sys.executable, __file__, "--serve", mode]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            try:
                record(process.pid, [], [Visitors(port, per_s, fewest_s, most_s)])
            finally:
                process.kill()

    return run


# ------------------------------------------------------------------------------------------ IRC bouncers


def clients(connect: Callable[[int], irc.Client], low: int, high: int, period_s: float) -> Callable[[Stop], int]:
    """Waves of clients; how many came."""
    return lambda stop: waves(connect, low, high, period_s, stop)[0]


def soju(store: str, low: int, high: int, period_s: float, per_s: float, new_nick_every: int) -> Any:
    """The bouncer between a server and clients that come in waves, while somebody writes to its user."""

    def run(tmp: Path, record: Recorder) -> None:
        with (
            irc.ngircd(tmp) as server,
            irc.soju(tmp, upstream=server.port, store=store.format(tmp=tmp)) as bouncer,
        ):
            comers = clients(lambda n: bouncer.client("alice", name=f"phone{n}"), low, high, period_s)

            def writer(stop: Stop) -> int:
                chatter(server.port, "alice", per_s, stop, new_nick_every=new_nick_every)
                return 0

            record(bouncer.pid, ["--metrics", bouncer.metrics_url], [comers, writer])

    return run


ZNC_CONF = """\
Version = 1.8.2
<Listener l>
    AllowIRC = true
    AllowWeb = false
    Host = 127.0.0.1
    IPv4 = true
    IPv6 = false
    Port = {port}
    SSL = false
</Listener>
<User alice>
    Admin = true
    AuthOnlyViaModule = false
    Buffer = {buffer}
    Nick = alice
    <Pass password>
        Method = plain
        Hash = loopback
    </Pass>
    <Network ng>
        IRCConnectEnabled = true
        Server = 127.0.0.1 {upstream}
    </Network>
</User>
"""


def unprivileged(tmp: Path) -> list[str]:
    """What goes before the command of a program that refuses to be run by root; it may write to TMP."""
    if os.geteuid():
        return []
    for each in (tmp, *tmp.rglob("*")):
        os.chown(each, NOBODY, NOBODY)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def znc(buffer: int, low: int, high: int, period_s: float, per_s: float) -> Any:
    """ZNC between a server and clients in waves; BUFFER lines are kept a channel or query."""

    def run(tmp: Path, record: Recorder) -> None:
        with irc.ngircd(tmp) as server:
            (port,) = irc.free_ports(1)
            (tmp / "znc" / "configs").mkdir(parents=True)
            config = ZNC_CONF.format(port=port, upstream=server.port, buffer=buffer)
            (tmp / "znc" / "configs" / "znc.conf").write_text(config)
            command = [*unprivileged(tmp), "znc", "--foreground", "--datadir", tmp / "znc"]
            with irc.running(command, tmp / "znc.log", lambda: irc.listening(port)) as pid:

                def connect(number: int) -> irc.Client:
                    return irc.Client(port, "alice", user=f"alice@phone{number}/ng", password="loopback")

                def writer(stop: Stop) -> int:
                    chatter(server.port, "alice", per_s, stop)
                    return 0

                record(pid, [], [clients(connect, low, high, period_s), writer])

    return run


# ---------------------------------------------------------------------------------------------- recording


class Recorder:
    """Records one process under its loads for SECONDS into OUTPUT, and counts the visits of the first load."""

    def __init__(self, output: Path, seconds: float) -> None:
        self.output = output
        self.seconds = seconds
        self.visits_per_s = 0.0

    def __call__(self, pid: int, options: Sequence[str], loads: Sequence[Callable[[Stop], int]]) -> None:
        """Record; the loads begin first, as with a service that is in use."""
        stop = threading.Event()
        came: dict[int, int] = {}
        threads = [
            threading.Thread(target=lambda n=n, load=load: came.__setitem__(n, load(stop)))
            for n, load in enumerate(loads)
        ]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        time.sleep(WARM_S)
        raw = self.output.with_suffix(".db")
        span = f"{self.seconds:g}s"
        command = [RELENGTOOLS, "leaks", "record", "--pid", str(pid), "--interval", "1s", "--duration", span]
        try:
            subprocess.run([*command, "-o", raw, *options], check=True, stdout=subprocess.DEVNULL)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.visits_per_s = came.get(0, 0) / (time.monotonic() - begun)
        export = [RELENGTOOLS, "leaks", "export", "csv", raw, "-o", self.output]
        subprocess.run(export, check=True, stdout=subprocess.DEVNULL)


CASES = (
    Case("soju-waves", soju("fs {tmp}/logs", 1, 14, 100.0, 2.0, 0), {}),
    Case("soju-storms", soju("memory", 0, 20, 30.0, 0.5, 0), {}),
    Case("soju-nicks", soju("memory", 3, 9, 240.0, 2.0, 1), dict.fromkeys(MEMORY)),
    Case("soju-quiet", soju("memory", 2, 3, 200.0, 0.2, 0), {}),
    Case("znc-waves", znc(50, 1, 12, 90.0, 1.0), {}),
    Case("znc-storms", znc(500, 0, 20, 40.0, 5.0), {}),
    Case("py-clean", python("nothing", 2.0, 1.0, 20.0), {}),
    Case("py-cache", python("cache", 1.0, 1.0, 10.0), {}),
    Case("py-files", python("files", 0.1, 5.0, 60.0), {"num_fds": 1.0, "n_reg_files": 1.0}, MEMORY),
    Case("py-sockets", python("sockets", 0.2, 2.0, 15.0), dict.fromkeys(SOCKETS, 1.0), MEMORY),
    Case("py-memory", python("memory", 1.0, 1.0, 30.0), {"rss_bytes": KEPT_BYTES, "anon_bytes": KEPT_BYTES}),
)  # fmt: skip


def recorded(case: Case, folder: Path, seconds: float) -> dict[str, Any]:
    """Make one recording; its entry of labels.json."""
    recorder = Recorder(folder / f"{case.name}.csv", seconds)
    with tempfile.TemporaryDirectory(prefix="labelled-") as tmp:
        case.run(Path(tmp), recorder)
    return {"file": recorder.output.name, "metrics": dict(labels(case, recorder))}


def labels(case: Case, recorder: Recorder) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is true of each metric that was recorded."""
    names = recorder.output.read_text().partition("\n")[0].split(",")
    for metric in (*COUNTS, *MEMORY):
        if metric not in names:
            continue
        if metric in case.leaks:
            each = case.leaks[metric]
            yield metric, {"leak": True, "rate_per_s": None if each is None else each * recorder.visits_per_s}
        else:
            yield metric, {"leak": None if metric in case.unjudged else False}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Any] = {}

    def make(case: Case) -> None:
        made[case.name] = recorded(case, given.folder, 60 * given.minutes)

    threads = [threading.Thread(target=make, args=(case,)) for case in CASES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (given.folder / "labels.json").write_text(json.dumps({"recordings": dict(sorted(made.items()))}, indent=1) + "\n")
    print(f"{len(made)} of {len(CASES)} recordings in {given.folder}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
