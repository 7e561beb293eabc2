"""Record the example of reports/soju: a real soju whose message store grows by design, under waves of clients.

With `message-store memory`, soju 0.9.0 keeps a ring buffer for every nick that ever wrote to a user. One peer takes a
new nick and writes with it, again and again, while other clients come and go: what grows beyond the load is the store.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from crowd import chatter, irc, waves

RELENGTOOLS = Path(sys.executable).with_name("relengtools")
FEWEST, MOST, PERIOD_S = 2, 12, 150.0


def record(output: Path, minutes: float, every_s: float) -> int:
    """Run server, bouncer, peer and clients for MINUTES and record the bouncer; the recorder's exit code."""
    stop = threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="example-") as tmp,
        irc.ngircd(Path(tmp)) as server,
        # A copy, because a recording names the program's path.
        irc.soju(
            Path(tmp), upstream=server.port, binaries=Path(shutil.copytree(irc.soju_binaries(), Path(tmp, "bin")))
        ) as bouncer,
    ):
        clients = (lambda n: bouncer.client("alice", name=f"phone{n}"), FEWEST, MOST, PERIOD_S, stop)
        threads = [
            threading.Thread(target=waves, args=clients),
            threading.Thread(
                target=chatter, args=(server.port, "alice", 1 / every_s, stop), kwargs={"new_nick_every": 1}
            ),
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
