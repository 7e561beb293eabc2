"""Clients that come and go in waves, and somebody who writes to them: the load of scripts/demo and of the example."""

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import irc as irc  # lives beside the tests that use it

TICK_S = 0.05


def wanted(t: float, low: int, high: int, period_s: float) -> int:
    """How many clients there should be T seconds after the begin: from LOW to HIGH and back every PERIOD_S seconds."""
    return round(low + (high - low) * (1 - math.cos(2 * math.pi * t / period_s)) / 2)


def waves(
    connect: Callable[[int], irc.Client], low: int, high: int, period_s: float, stop: threading.Event
) -> tuple[int, str]:
    """Have clients come and the oldest go until STOP is set; how many came, and what went wrong ("" for nothing).

    Every other one vanishes without a word. All are gone at the end.
    """
    here: deque[irc.Client] = deque()
    begun, came, failure = time.monotonic(), 0, ""
    try:
        while not stop.wait(TICK_S):
            missing = wanted(time.monotonic() - begun, low, high, period_s) - len(here)
            if missing > 0:
                here.append(connect(came))
                came += 1
            elif missing < 0:
                leave(here.popleft(), quietly=came % 2 == 0)
    except (OSError, irc.RigError) as error:
        failure = str(error)
    for client in here:
        leave(client, quietly=True)
    return came, failure


def leave(client: irc.Client, *, quietly: bool) -> None:
    """End a client with QUIT or, QUIETLY, by closing its connection."""
    with suppress(OSError, irc.RigError):
        client.drop() if quietly else client.quit()


def chatter(port: int, to: str, per_s: float, stop: threading.Event, *, new_nick_every: int = 0) -> None:
    """Write PER_S messages a second to the nick TO on an absolute schedule until STOP, some under a new nick."""
    with suppress(OSError, irc.RigError), irc.Client(port, "peer") as peer:
        begun, number = time.monotonic(), 0
        while not stop.wait(max(0.0, begun + number / per_s - time.monotonic())):
            renamed = [f"NICK peer{number}"] if new_nick_every and number % new_nick_every == 0 else []
            peer.send(*renamed, f"PRIVMSG {to} :hello from number {number}")
            number += 1
            if number % 20 == 0:
                peer.ping()
