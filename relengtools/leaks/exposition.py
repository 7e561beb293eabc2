"""The target's own endpoints, bounded and distrusted: /metrics in Prometheus' text format, and Go's pprof."""

import http.client
import re
import select
import socket
from collections.abc import Iterable
from functools import lru_cache
from threading import Thread
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from relengtools.errors import RelengError, printable
from relengtools.leaks.descriptors import Connection
from relengtools.leaks.sockets import Address

MOST_BYTES = 8 << 20
MOST_NAME = 1024
CHUNK = 1 << 16
ACCEPT = "text/plain;version=0.0.4"


class ScrapeError(Exception):
    """Why there is a gap: the text is one line, and nothing of the target's that a terminal could act on is in it."""

    def __init__(self, text: str) -> None:
        super().__init__(printable(" ".join(text.split()))[:200])


class NotServedError(ScrapeError):
    """The endpoint answers, and doesn't have that."""


class Exposition(NamedTuple):
    """The series of one scrape, named `name{label="value"}` as served; `twice` are left out, for they contradict."""

    values: dict[str, float]
    twice: tuple[str, ...]


# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
# Possessive (`*+`): a line of a million blanks or digits would take hours to be tried in every way.
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
NUMBER = r"[+-]?+(?:(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?+\d++)?+|[iI]nf(?:inity)?+|[nN]a[nN])"
SAMPLE = re.compile(rf"[ \t]*+({NAME}[ \t]*+(?:\{{.*\}})?)[ \t]*+({NUMBER})(?:[ \t]++-?+\d++)?+[ \t]*+$", re.ASCII)
LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\\n]|\\[\\"n])*)"[ \t]*(,?)[ \t]*', re.ASCII)


@lru_cache(maxsize=4096)
def series_name(text: str) -> str:
    """`name { a = "b" , }` as `name{a="b"}`; raises ScrapeError when the labels aren't well formed."""
    name, brace, rest = text.partition("{")
    if not brace:
        return name.strip()
    labels: list[str] = []
    inner = rest.rstrip()[:-1]
    at = 0
    comma = ","
    while at < len(inner.rstrip()):
        label = LABEL.match(inner, at)
        if label is None or not comma:
            raise ScrapeError(f"malformed labels: {text}")
        labels.append(f'{label[1]}="{label[2]}"')
        at, comma = label.end(), label[3]
    return f"{name.strip()}{{{','.join(labels)}}}" if labels else name.strip()


def parse(text: bytes) -> Exposition:
    """All samples of an exposition; raises ScrapeError naming the first line that is none."""
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise ScrapeError("not an exposition: not UTF-8") from None
    values: dict[str, float] = {}
    twice: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#") or not line.strip():
            continue
        sample = SAMPLE.match(line.removesuffix("\r"))
        if sample is None:
            raise ScrapeError(f"not an exposition: line {number}: {line[:80]}")
        if len(sample[1]) > MOST_NAME:
            continue
        name = series_name(sample[1])
        if name in values:
            twice.add(name)
        values[name] = float(sample[2])
    if not values:
        raise ScrapeError("not an exposition: no sample in it")
    return Exposition({name: value for name, value in values.items() if name not in twice}, tuple(sorted(twice)))


class DeadlineSocket(socket.socket):
    """A socket whose reads and writes must be done by `deadline` (monotonic): a trickle doesn't prolong it."""

    deadline = 0.0

    def rearm(self) -> None:
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0, /) -> int:
        self.rearm()
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self.rearm()
        super().sendall(data, flags)


def addresses(host: str, port: int, deadline: float) -> list[tuple[Any, ...]]:
    """Families and addresses of a host, as `getaddrinfo` has them, which can't be told how long it may take.

    Raises OSError, TimeoutError.
    """
    answers: list[list[tuple[Any, ...]] | OSError] = []

    def ask() -> None:
        try:
            answers.append([(each[0], each[4]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except OSError as error:
            answers.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(max(deadline - monotonic(), 0))
    if not answers:
        raise TimeoutError
    if isinstance(answers[0], OSError):
        raise answers[0]
    return answers[0]


def connected(found: Iterable[tuple[Any, ...]], deadline: float) -> socket.socket:
    """A connection to the first address that takes one, all within the deadline; raises OSError, TimeoutError."""
    failure = OSError("the host has no address")
    for family, address in found:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(left)
            plain.connect(address)
        except OSError as error:
            plain.close()
            failure = error
        else:
            return plain
    raise failure


class Endpoint:
    """An http:// URL that the user named, over one connection that is kept alive.

    Raises RelengError when the URL can't be meant.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port or 80
        except ValueError as error:
            raise RelengError(f"{printable(url)}: not a URL: {error}") from None
        if parts.scheme != "http" or not parts.hostname or parts.username is not None:
            raise RelengError(f"{printable(url)}: expected http://HOST:PORT/PATH without a user name")
        if not url.isascii() or not url.isprintable() or " " in url:
            raise RelengError(f"{printable(url)}: a URL is of printable ASCII characters without blanks")
        self.url = url
        self.host, self.port = parts.hostname, port
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.connection: http.client.HTTPConnection | None = None

    def connect(self, deadline: float) -> http.client.HTTPConnection:
        plain = connected(addresses(self.host, self.port, deadline), deadline)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.sock = DeadlineSocket(fileno=plain.detach())
        return connection

    def alive(self) -> Connection | None:
        """Our connection, as long as neither side has closed it."""
        sock = self.connection.sock if self.connection else None
        if sock is None or sock.fileno() < 0 or select.select([sock], [], [], 0)[0]:
            return None
        try:
            local, peer = sock.getsockname(), sock.getpeername()
        except OSError:
            return None
        return Connection(*(Address(at[0].removeprefix("::ffff:"), at[1]) for at in (local, peer)))

    def fetch(self, seconds: float, limit: int = MOST_BYTES) -> bytes:
        """GET the URL, all of it within `seconds` and `limit` bytes; raises ScrapeError (the next connects anew)."""
        deadline = monotonic() + seconds
        kept = self.alive() is not None
        if not kept:
            self.close()
        try:
            try:
                return self.get(deadline, limit)
            except (ConnectionError, http.client.RemoteDisconnected):
                # A kept connection may be closed by the other side just when it is used again.
                self.close()
                if not kept:
                    raise
                return self.get(deadline, limit)
        except BaseException as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise ScrapeError(f"no full answer within {seconds:g} s") from None
            if isinstance(error, OSError):
                raise ScrapeError(error.strerror or str(error) or type(error).__name__) from None
            if isinstance(error, http.client.HTTPException | ValueError):
                raise ScrapeError(f"not HTTP: {type(error).__name__}: {error}") from None
            raise

    def get(self, deadline: float, limit: int) -> bytes:
        if self.connection is None:
            self.connection = self.connect(deadline)
        assert isinstance(self.connection.sock, DeadlineSocket)
        self.connection.sock.deadline = deadline
        self.connection.request("GET", self.path, headers={"Accept": ACCEPT, "User-Agent": "relengtools"})
        # A response that ends with its connection isn't closed together with it.
        with self.connection.getresponse() as response:
            return bounded(response, limit)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.connection:
            self.connection.close()
            self.connection = None


def bounded(response: http.client.HTTPResponse, limit: int) -> bytes:
    """The body, if the status is 200 and there are no more than `limit` bytes; raises ScrapeError."""
    if response.status == http.client.NOT_FOUND:
        raise NotServedError("HTTP status 404")
    if response.status != http.client.OK:
        refused = " (redirects are not followed)" if 300 <= response.status < 400 else ""
        raise ScrapeError(f"HTTP status {response.status}{refused}")
    if (response.length or 0) > limit:
        raise ScrapeError(f"larger than {limit} bytes")
    body = bytearray()
    while chunk := response.read(min(CHUNK, limit + 1 - len(body))):
        body += chunk
        if len(body) > limit:
            raise ScrapeError(f"larger than {limit} bytes")
    if response.length:
        raise ScrapeError("the answer was cut off")
    return bytes(body)


def scrape(endpoint: Endpoint, seconds: float) -> Exposition:
    """One exposition; raises ScrapeError."""
    return parse(endpoint.fetch(seconds))


def goroutines(url: str, seconds: float) -> bytes:
    """The goroutine profile of a /debug/pprof/, see `profile`."""
    return profile(url, "goroutine", seconds)


def profile(url: str, kind: str, seconds: float) -> bytes:
    """A profile of a /debug/pprof/ as gzipped protobuf, by a connection of its own; raises ScrapeError."""
    endpoint = Endpoint(f"{pprof_base(url)}{kind}")
    try:
        data = endpoint.fetch(seconds)
    finally:
        endpoint.close()
    if not data.startswith(b"\x1f\x8b"):
        raise ScrapeError("not a profile: not gzipped")
    return data


def pprof_base(url: str) -> str:
    """`http://localhost:6060`, with or without `/debug/pprof/`, as the address that profiles are under."""
    bare = url.rstrip("/").removesuffix("/debug/pprof")
    return f"{bare}/debug/pprof/"
