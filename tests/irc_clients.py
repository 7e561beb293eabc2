"""IRC clients on loopback that come, do something and go (the lower half of irc.py)."""

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

HOST = "127.0.0.1"
TIMEOUT_S = 30.0


class RigError(Exception):
    """A program of the rig did not do what it should have done in time."""


class Message(NamedTuple):
    """A line of the IRC protocol (RFC 1459, IRCv3 tags left out)."""

    source: str  # nick!user@host, or the name of a server
    command: str
    params: tuple[str, ...]


def parse(line: str) -> Message:
    """Take a line of the IRC protocol apart."""
    match = re.fullmatch(r"(?:@\S+ +)?(?::(\S+) +)?(\S+)((?: +[^:\s]\S*)*)(?: +:(.*))? *", line.rstrip("\r\n"))
    if not match:
        raise RigError(f"not a line of the IRC protocol: {line!r}")
    source, command, middle, trailing = match.groups()
    return Message(source or "", command, (*middle.split(), *([] if trailing is None else [trailing])))


class Client:
    """A logged-in IRC client; leaves with QUIT at the end of its `with` block."""

    def __init__(self, port: int, nick: str, *, user: str | None = None, password: str | None = None) -> None:
        self.nick = nick
        self.channels: set[str] = set()
        self._buffer = b""
        self._socket = socket.create_connection((HOST, port), TIMEOUT_S)
        try:
            self.send(*([f"PASS {password}"] if password else []), f"NICK {nick}", f"USER {user or nick} 0 * :{nick}")
            self.nick = self.wait("a welcome", lambda message: message.command == "001").params[0]
            self.ping()  # a bouncer lists the channels of its user after the welcome
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        """Nothing more to do: a client is logged in from the start."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave."""
        self.quit()

    def send(self, *lines: str) -> None:
        """Send lines of the protocol in one write."""
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def wait(self, what: str, wanted: Callable[[Message], bool], timeout_s: float = TIMEOUT_S) -> Message:
        """Read until a message is WANTED, and answer pings meanwhile; RigError that names WHAT otherwise."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            message = self._read(left)
            if message is None:
                break
            if wanted(message):
                return message
            if message.command == "ERROR":
                raise RigError(f"{self.nick} waited for {what}, the server said: {' '.join(message.params)}")
        raise RigError(f"{self.nick} waited {timeout_s:g} s in vain for {what}")

    def _read(self, timeout_s: float) -> Message | None:
        """The next message, noted; None when there is none in time. RigError at the end of the connection."""
        while b"\n" not in self._buffer:
            self._socket.settimeout(timeout_s)
            try:
                received = self._socket.recv(65536)
            except TimeoutError:
                return None
            if not received:
                raise RigError(f"the server closed the connection of {self.nick}")
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        message = parse(line.decode(errors="replace"))
        self._note(message)
        return message

    def _note(self, message: Message) -> None:
        mine = message.source.partition("!")[0] == self.nick
        if message.command == "PING":
            self.send(f"PONG :{message.params[-1]}")
        elif message.command == "JOIN" and mine:
            self.channels.add(message.params[0])
        elif message.command == "NICK" and mine:
            self.nick = message.params[0]

    def join(self, channel: str) -> None:
        """Be in CHANNEL; a bouncer may already be there for its user."""
        if channel not in self.channels:
            self.send(f"JOIN {channel}")
            self.wait(f"JOIN {channel}", lambda _: channel in self.channels)

    def privmsg(self, target: str, text: str) -> None:
        """Say TEXT to a channel or a nick."""
        self.send(f"PRIVMSG {target} :{text}")

    def wait_privmsg(self, text: str) -> Message:
        """The message that says TEXT."""
        return self.wait(f"the message {text!r}", lambda m: m.command == "PRIVMSG" and m.params[-1] == text)

    def ping(self) -> None:
        """A round trip to the server: what was sent before it has been read there."""
        token = f"{time.monotonic_ns():x}"
        self.send(f"PING {token}")
        self.wait("PONG", lambda message: message.command == "PONG" and message.params[-1] == token)

    def quit(self) -> None:
        """Leave with QUIT and wait until the server has closed its side."""
        if self._socket.fileno() >= 0:
            with contextlib.suppress(OSError, RigError):  # it's closed, as wanted
                self.send("QUIT :bye")
                self.wait("the end", lambda _: False, timeout_s=5)
            self._socket.close()

    def drop(self) -> None:
        """Vanish without a word: the server gets a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Churned:
    """What a churn did: SESSIONS that went well, DROPPED of them vanished, FAILURES one line each."""

    sessions: int
    dropped: int
    failures: tuple[str, ...]


def visit(client: Client, _: int) -> None:
    """What a client does in a session: be in a channel, and have the bouncer answer (nothing that it throttles)."""
    client.join("#churn")
    client.privmsg("BouncerServ", "network status")
    client.ping()


def churn(
    connect: Callable[[int], Client],
    *,
    sessions: int,
    rate_per_s: float,
    hold_s: float = 1.0,
    drop_every: int = 0,
    limit_s: float = 60.0,
    at_once: int = 32,
    work: Callable[[Client, int], None] = visit,
    stop: threading.Event | None = None,
) -> Churned:
    """Have up to SESSIONS clients come, WORK, stay HOLD_S seconds and go, the n-th n / RATE_PER_S seconds from now.

    CONNECT makes the client of a session. Every DROP_EVERY-th vanishes instead of quitting. No session begins or holds
    on after LIMIT_S seconds or once STOP is set; no more than AT_ONCE run at a time. A login costs soju about 60 ms of
    CPU, and it sends no more than one message in 2 s for a user to the IRC server, after a burst of 10.
    """
    stop = stop or threading.Event()
    start = time.monotonic()
    deadline = start + limit_s

    def session(number: int) -> str | None:
        if stop.is_set() or time.monotonic() >= deadline:
            return f"session {number}: no time left to begin it"
        try:
            with connect(number) as client:
                work(client, number)
                stop.wait(max(0.0, min(hold_s, deadline - time.monotonic())))
                if _drops(number, drop_every):
                    client.drop()
        except (OSError, RigError) as error:
            return f"session {number}: {error}"
        return None

    begun = []
    with ThreadPoolExecutor(at_once, thread_name_prefix="churn") as pool:
        try:
            for number in range(sessions):
                next_s = min(start + number / rate_per_s, deadline) - time.monotonic()
                if stop.wait(max(0.0, next_s)) or time.monotonic() >= deadline:
                    break
                begun.append(pool.submit(session, number))
        except BaseException:
            stop.set()  # sessions end early, queued ones don't begin
            raise
    failures = [future.result() for future in begun]
    good = [number for number, failure in enumerate(failures) if failure is None]
    dropped = sum(_drops(number, drop_every) for number in good)
    return Churned(len(good), dropped, tuple(failure for failure in failures if failure))


def _drops(number: int, every: int) -> bool:
    return every > 0 and number % every == every - 1
