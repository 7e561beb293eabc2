"""What a service manager knows of a service: its pid file, its systemd unit."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import RelengError, printable

PATIENCE_S = 10.0
MOST_PIDFILE = 64


class Unit(NamedTuple):
    """A systemd unit as `systemctl show` tells it; `main_pid` is 0 while it doesn't run."""

    main_pid: int
    cgroup: str
    restarts: int


def pid_in(path: Path) -> int | None:
    """The process id in a pid file; None while there is no file, or nothing in it yet.

    Raises RelengError when it can't be read, or holds something else.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MOST_PIDFILE + 1).strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RelengError(f"--pidfile {printable(str(path))}: cannot be read: {error.strerror}") from None
    if not text:
        return None
    number = text.split()[0]
    if len(text) > MOST_PIDFILE or not number.isdigit() or not 0 < int(number) < 1 << 31:
        raise RelengError(
            f"--pidfile {printable(str(path))}: holds {text[:20].decode('ascii', 'replace')!a}, not a pid"
        )
    return int(number)


def unit(name: str) -> Unit | None:
    """The unit as it is now, None when systemd doesn't answer in time.

    Raises RelengError: no systemd here, or no such unit. See systemctl(1), org.freedesktop.systemd1(5).
    """
    wanted = ("MainPID", "ControlGroup", "NRestarts", "LoadState")
    command = ["systemctl", "show", f"--property={','.join(wanted)}", "--", name]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C"}
        )
    except FileNotFoundError:
        raise RelengError("--unit: there is no systemctl here; use --pidfile, --name or --cgroup") from None
    except subprocess.TimeoutExpired:
        return None
    told = dict(line.partition("=")[::2] for line in done.stdout.decode("utf-8", "replace").splitlines())
    if done.returncode or "MainPID" not in told:
        why = " ".join(done.stderr.decode("utf-8", "replace").split())[:120] or f"exit status {done.returncode}"
        raise RelengError(f"--unit {printable(name)}: systemctl can't tell: {printable(why)}")
    if told.get("LoadState") == "not-found":
        raise RelengError(f"--unit {printable(name)}: systemd knows no such unit")
    return Unit(number(told["MainPID"]), told.get("ControlGroup", ""), number(told.get("NRestarts", "")))


def number(text: str) -> int:
    """A count that systemd tells, 0 for none (an older one has no NRestarts)."""
    return int(text) if text.isdecimal() else 0
