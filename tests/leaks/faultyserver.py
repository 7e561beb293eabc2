"""Servers on loopback that answer as a test says, byte by byte."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[socket.socket], None]


def head(status: str = "200 OK", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def page(body: bytes, status: str = "200 OK", **headers: object) -> bytes:
    return head(status, Content_Length=len(body), **headers) + body


def says(data: bytes) -> Answer:
    return lambda connection: connection.sendall(data)


def endlessly(piece: bytes, start: bytes = b"", pause: float = 0.0) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            if pause:
                time.sleep(pause)

    return answer


def hangs(connection: socket.socket) -> None:
    connection.recv(1)


@contextmanager
def serving(*answers: Answer) -> Iterator[str]:
    """The URL of a server that gives these answers to one request after the other, the last one for ever.

    A connection is kept for as many requests as come on it, until an answer raises OSError.
    """
    queue = list(answers)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connections: list[socket.socket] = []

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                while connection.recv(65536):
                    answer = queue.pop(0) if len(queue) > 1 else queue[0]
                    answer(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connections.append(connection)
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/metrics"
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
