"""Both tools at work: versions on a copy of a fleet, leaks on a bouncer under load and on a process that leaks.

The bouncer is soju with a real ngircd behind it, on loopback, while clients come and go in waves. Where soju can't be
had, only scripts/leaky_process.py is watched. Recordings and reports go to reports/demo-*/.
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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from crowd import chatter, irc, waves

TOP = Path(__file__).resolve().parent.parent
REPORTS = Path("reports")
RELENGTOOLS = Path(sys.executable).with_name("relengtools")
LEAKY = ["scripts/leaky_process.py", "--fds-per-s", "0.5", "--fd-kind", "file", "--rss-per-s", "250000"]
FEWEST, MOST, PERIOD_S = 2, 34, 17.0
MESSAGES_PER_S = 50.0
SETTLE_S = 9.0
TOLD_EVERY_S = 15.0
BOLD, PLAIN = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")


def title(text: str) -> None:
    print(f"\n{BOLD}== {text}{PLAIN}", flush=True)


def told(*arguments: str) -> list[str]:
    """The command line of a command, which is printed."""
    print(f"{BOLD}$ relengtools {shlex.join(arguments)}{PLAIN}", flush=True)
    return [str(RELENGTOOLS), *arguments]


def show(*arguments: str, cwd: Path = TOP, fine: tuple[int, ...] = (0,)) -> None:
    """Print a command and run it in front of the reader; stop the demo where it ends otherwise than it should."""
    status = subprocess.run(told(*arguments), cwd=cwd).returncode
    if status not in fine:
        sys.exit(f"demo: `relengtools {shlex.join(arguments)}` ended with exit code {status}")
    print(flush=True)


def versions() -> None:
    """A fleet of packages that disagree with PEP 440 and with themselves, made compliant."""
    title("versions: a copy of the fleet in tests/fleet, found, judged and rewritten")
    with tempfile.TemporaryDirectory(prefix="fleet-") as tmp:
        fleet = Path(shutil.copytree(TOP / "tests" / "fleet", Path(tmp) / "fleet"))
        show("versions", "list", cwd=fleet)
        show("versions", "check", cwd=fleet, fine=(1,))
        show("versions", "check", "--diff", "--unsafe-fixes", cwd=fleet, fine=(1,))
        show("versions", "check", "--fix", "--unsafe-fixes", cwd=fleet, fine=(1,))
        show("versions", "list", cwd=fleet)


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the `with` block at the latest, by SIGTERM."""
    with subprocess.Popen(command, cwd=TOP, text=True, **options) as process:
        try:
            yield process
        finally:
            process.terminate()


def load(stack: ExitStack, bouncer: irc.Soju, server: irc.Ngircd) -> None:
    """Clients in waves and somebody who writes to them, until STACK unwinds."""
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=waves, args=(lambda n: bouncer.client("alice", name=f"phone{n}"), FEWEST, MOST, PERIOD_S, stop)
        ),
        threading.Thread(target=chatter, args=(server.port, "alice", MESSAGES_PER_S, stop)),
    ]
    for thread in threads:
        thread.start()
        stack.callback(thread.join)
    stack.callback(stop.set)


def targets(stack: ExitStack, tmp: Path) -> dict[str, tuple[int, list[str]]]:
    """What is watched, by the name of its report: its pid, and what else `record` needs to know."""
    leaky = stack.enter_context(running([sys.executable, *LEAKY], stdout=subprocess.DEVNULL))
    print(f"A process that leaks a file every 2 s and 250 kB a second (pid {leaky.pid}): {shlex.join(LEAKY)}")
    found: dict[str, tuple[int, list[str]]] = {"leaky": (leaky.pid, [])}
    try:
        server = stack.enter_context(irc.ngircd(tmp))
        bouncer = stack.enter_context(irc.soju(tmp, upstream=server.port))
    except (irc.Unavailable, irc.RigError) as reason:
        print(f"Without soju ({reason}): nothing else is watched", flush=True)
        return found
    load(stack, bouncer, server)
    print(
        f"soju with ngircd behind it (pid {bouncer.pid}): {FEWEST} to {MOST} clients come and go, "
        f"once every {PERIOD_S:.0f} s, and get {MESSAGES_PER_S:.0f} messages a second\n",
        flush=True,
    )
    endpoints = ["--metrics", bouncer.metrics_url, "--pprof", bouncer.pprof_url]
    return {"soju": (bouncer.pid, endpoints)} | found


def folder(name: str) -> Path:
    return REPORTS / f"demo-{name}"


def recording(name: str) -> str:
    return str(folder(name) / f"{name}.db")


def recorded(stack: ExitStack, name: str, pid: int, options: list[str], seconds: int) -> subprocess.Popen[str]:
    """Begin to record a process into a new folder of reports/; the recorder."""
    shutil.rmtree(TOP / folder(name), ignore_errors=True)
    (TOP / folder(name)).mkdir()
    timing = ["--interval", "1s", "--duration", f"{seconds}s"]
    command = told("leaks", "record", "--pid", f"{pid}", *timing, *options, "-o", recording(name))
    return stack.enter_context(running(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))


def wait(recorders: dict[str, subprocess.Popen[str]], pids: dict[str, int], seconds: int) -> None:
    """Wait for the recorders and tell the time: all the time on a terminal, every now and then elsewhere."""
    begun = time.monotonic()
    live, due = sys.stdout.isatty(), 0.0
    while None in (ended := {recorder.poll() for recorder in recorders.values()}) and ended <= {None, 0}:
        passed = time.monotonic() - begun
        if live or passed >= due:
            now = ", ".join(f"{name} {descriptors(pid)}" for name, pid in pids.items())
            line = f"{min(passed, seconds):3.0f} of {seconds} s; open descriptors: {now}"
            print(f"\r\x1b[K{line}" if live else line, end="" if live else "\n", flush=True)
            due += TOLD_EVERY_S
        time.sleep(0.5)
    print("\r\x1b[K" if live else "", flush=True)
    for name, recorder in sorted(recorders.items(), key=lambda item: not item[1].returncode):
        said = recorder.communicate()[1].strip()
        if recorder.returncode:
            sys.exit(f"demo: the recorder of {name} ended with exit code {recorder.returncode}: {said}")
        print(said)
    print(flush=True)


def descriptors(pid: int) -> str:
    with suppress(OSError):
        return f"{len(list(Path(f'/proc/{pid}/fd').iterdir()))}"
    return "-"


def leaks(seconds: int) -> None:
    """A bouncer under load, and beside it a process that really leaks."""
    title(f"leaks: a real bouncer under load, and a process that leaks, watched from outside for {seconds} s")
    with ExitStack() as stack:
        watched = targets(stack, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-"))))
        time.sleep(SETTLE_S)  # what only a start brings is over then
        recorders = {name: recorded(stack, name, *target, seconds) for name, target in watched.items()}
        wait(recorders, {name: pid for name, (pid, _) in watched.items()}, seconds)
    for name in watched:
        show("leaks", "analyze", recording(name))
        show("leaks", "report", recording(name), "-o", str(folder(name)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=75, help="how long to watch (default: 75)")
    seconds = parser.parse_args().seconds
    # All that was started ends with its `with` block, which a signal alone would not leave.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    begun = time.monotonic()
    try:
        versions()
        leaks(seconds)
    except KeyboardInterrupt:
        sys.exit(130)
    title(f"done in {time.monotonic() - begun:.0f} s; open {REPORTS}/demo-*/index.html in a browser")


if __name__ == "__main__":
    main()
