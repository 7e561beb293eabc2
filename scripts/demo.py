"""Both tools at work: versions on a copy of a small fleet, leaks on a real bouncer under load.

The bouncer is soju with a real ngircd behind it, on loopback, while clients come and go. Where soju can't be had,
scripts/leaky_process.py stands in. Reports go to reports/demo*/.
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

import irc  # noqa: E402  (lives beside the tests that use it)

RELENGTOOLS = Path(sys.executable).with_name("relengtools")
LEAKY = TOP / "scripts" / "leaky_process.py"
BOLD, PLAIN = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")


def title(text: str) -> None:
    print(f"\n{BOLD}== {text}{PLAIN}", flush=True)


def show(*arguments: str, cwd: Path = TOP, fine: tuple[int, ...] = (0,)) -> None:
    """Print a command and run it in front of the reader; stop the demo where it ends otherwise than it should."""
    print(f"{BOLD}$ relengtools {shlex.join(arguments)}{PLAIN}", flush=True)
    status = subprocess.run([RELENGTOOLS, *arguments], cwd=cwd).returncode
    if status not in fine:
        sys.exit(f"demo: `relengtools {shlex.join(arguments)}` ended with exit code {status}")
    print(flush=True)


def versions() -> None:
    """A fleet of packages that disagree with PEP 440 and with themselves, made compliant."""
    title("versions: a small fleet, found, judged and rewritten")
    with tempfile.TemporaryDirectory(prefix="fleet-") as tmp:
        fleet = Path(shutil.copytree(TOP / "tests" / "fleet", Path(tmp) / "fleet"))
        show("versions", "list", cwd=fleet)
        show("versions", "check", cwd=fleet, fine=(1,))
        show("versions", "check", "--diff", "--unsafe-fixes", cwd=fleet, fine=(1,))
        show("versions", "check", "--fix", "--unsafe-fixes", cwd=fleet, fine=(1,))
        show("versions", "list", cwd=fleet)


def recorder(recording: Path, seconds: int, *options: str) -> "subprocess.Popen[bytes]":
    command = ["leaks", "record", "--interval", "1s", "--duration", f"{seconds}s", "-o", str(recording), *options]
    print(f"{BOLD}$ relengtools {shlex.join(command)}{PLAIN}", flush=True)
    return subprocess.Popen([RELENGTOOLS, *command], stdout=subprocess.DEVNULL)


def watch_soju(stack: ExitStack, tmp: Path, recording: Path, seconds: int) -> "subprocess.Popen[bytes]":
    """Start soju, ngircd and the churn of clients, and record soju."""
    server = stack.enter_context(irc.ngircd(tmp))
    bouncer = stack.enter_context(irc.soju(tmp, users=("alice", "bob"), upstream=server.port))
    print(f"soju is pid {bouncer.pid}, ngircd {server.pid}; clients come and go, two a second", flush=True)
    stop = threading.Event()
    churn = threading.Thread(
        target=irc.churn,
        args=(lambda n: bouncer.client("bob", name=f"phone{n}"),),
        kwargs={
            "sessions": 2 * seconds,
            "rate_per_s": 2.0,
            "hold_s": 4.0,
            "drop_every": 5,
            "stop": stop,
            "limit_s": seconds,
        },
    )
    churn.start()
    stack.callback(churn.join)
    stack.callback(stop.set)
    endpoints = ("--metrics", bouncer.metrics_url, "--pprof", bouncer.pprof_url)
    return recorder(recording, seconds, "--pid", str(bouncer.pid), *endpoints)


def wait(recorders: "list[subprocess.Popen[bytes]]", seconds: int) -> None:
    """Wait for the recorders, with the time on a terminal."""
    begun = time.monotonic()
    while any(r.poll() is None for r in recorders):
        if sys.stdout.isatty():
            print(f"\rrecording: {time.monotonic() - begun:3.0f} of {seconds} s ", end="", flush=True)
        time.sleep(0.5)
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")


def leaks(seconds: int) -> None:
    """A bouncer under churn, and beside it a process that really leaks."""
    title(f"leaks: a real bouncer under load, and a process that leaks, watched from outside for {seconds} s")
    with ExitStack() as stack:
        tmp = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        bouncer_files = tmp / "irc"
        bouncer_files.mkdir()
        recordings = {"demo-leaky": tmp / "leaky.db"}
        leaky = [sys.executable, str(LEAKY), "--fds-per-s", "0.5", "--rss-per-s", "200000"]
        recorders = [recorder(recordings["demo-leaky"], seconds, "--", *leaky)]
        try:
            recordings = {"demo-soju": tmp / "soju.db"} | recordings
            recorders.append(watch_soju(stack, bouncer_files, recordings["demo-soju"], seconds))
        except (irc.Unavailable, irc.RigError) as reason:
            del recordings["demo-soju"]
            print(f"without soju ({reason}): only scripts/leaky_process.py is watched", flush=True)
        wait(recorders, seconds)
        for name, recording in recordings.items():
            show("leaks", "analyze", str(recording))
            show("leaks", "report", str(recording), "-o", f"reports/{name}")
            shutil.copy(recording, TOP / "reports" / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="how long to watch (default: 60)")
    seconds = parser.parse_args().seconds
    # The programs of the rig end with their `with` blocks, which SIGTERM alone would not leave.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    begun = time.monotonic()
    versions()
    leaks(seconds)
    title(f"done in {time.monotonic() - begun:.0f} s; the reports are reports/demo-*/index.html")


if __name__ == "__main__":
    main()
