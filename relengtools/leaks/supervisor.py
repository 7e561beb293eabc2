"""sd_notify(3): a service manager is told that the recorder is ready, and for its watchdog that it lives."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from math import inf


def tell(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send `READY=1`, `WATCHDOG=1`, `STOPPING=1` or `STATUS=…`; nothing where nobody asked, or listens."""
    path = environ.get("NOTIFY_SOCKET", "")
    if path[:1] not in ("/", "@"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)
        sock.sendto(state.encode("utf-8", "replace"), path.replace("@", "\0", 1) if path[0] == "@" else path)


def watchdog_s(environ: Mapping[str, str] = os.environ) -> float:
    """How often to tell the watchdog, in seconds: half of what it allows, see sd_watchdog_enabled(3)."""
    allowed, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not allowed.isdecimal() or not int(allowed) or (pid and pid != str(os.getpid())):
        return inf
    return int(allowed) / 2e6
