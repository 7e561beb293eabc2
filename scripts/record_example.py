"""Record the example of reports/soju: a real soju whose message store grows by design, under a churn of clients.

With `message-store memory`, soju 0.9.0 keeps a ring buffer for every nick that ever wrote to a user. One peer takes a
new nick and writes with it, again and again, while other clients come and go: what grows beyond the load is the store.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

import irc  # noqa: E402  (lives beside the tests that use it)

RELENGTOOLS = Path(sys.executable).with_name("relengtools")


def new_nicks(port: int, every_s: float, stop: threading.Event) -> None:
    """Write to alice under a new nick every EVERY_S seconds, on an absolute schedule."""
    with irc.Client(port, "peer") as peer:
        begun, number = time.monotonic(), 0
        while not stop.wait(max(0.0, begun + number * every_s - time.monotonic())):
            peer.send(f"NICK peer{number}", f"PRIVMSG alice :hello from number {number}")
            number += 1
            if number % 20 == 0:
                peer.ping()


def record(output: Path, minutes: float, every_s: float) -> int:
    """Run server, bouncer, peer and clients for MINUTES and record the bouncer; the recorder's exit code."""
    stop, limit_s = threading.Event(), minutes * 60
    with (
        tempfile.TemporaryDirectory(prefix="example-") as tmp,
        irc.ngircd(Path(tmp)) as server,
        # A copy, because a recording names the program's path.
        irc.soju(
            Path(tmp), upstream=server.port, binaries=Path(shutil.copytree(irc.soju_binaries(), Path(tmp, "bin")))
        ) as bouncer,
    ):

        def clients() -> None:
            connect = lambda n: bouncer.client("alice", name=f"phone{n}")  # noqa: E731  (churn's first argument)
            irc.churn(connect, sessions=int(limit_s / 5), rate_per_s=0.2, hold_s=20.0, limit_s=limit_s, stop=stop)

        threads = [
            threading.Thread(target=new_nicks, args=(server.port, every_s, stop)),
            threading.Thread(target=clients),
        ]
        for thread in threads:
            thread.start()
        endpoints = ["--metrics", bouncer.metrics_url, "--pprof", bouncer.pprof_url]
        command = ["leaks", "record", "--pid", str(bouncer.pid), "--interval", "1s", "--duration", f"{minutes:g}min"]
        try:
            return subprocess.run([RELENGTOOLS, *command, "-o", output, *endpoints]).returncode
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between new nicks (default: 1)")
    arguments = parser.parse_args()
    sys.exit(record(arguments.output, arguments.minutes, arguments.every))


if __name__ == "__main__":
    main()
