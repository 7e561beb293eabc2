"""What went wrong, in one line for the person at the terminal."""

import sys
from collections.abc import Callable
from typing import BinaryIO


class RelengError(Exception):
    """The job can't be done, in whole or in part (exit code 2): one line that says what, where and what to do."""

    def __str__(self) -> str:
        return printable(" ".join(super().__str__().split()))


def printable(text: str) -> str:
    """`text` with all that a terminal could act on escaped: control, format and unassigned characters, surrogates."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def standard_input() -> BinaryIO:
    """The bytes that are piped in; raises RelengError where it is closed."""
    if sys.stdin is None:
        raise RelengError("standard input is closed: pipe the text in, or name a file instead of -")
    return sys.stdin.buffer


class Attempts:
    """Jobs that go on though one of them fails: `with attempts: …` tells the error at once, and `said` keeps it."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.said: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether one of them failed."""
        return bool(self.said)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, RelengError):
            self.said.append(str(error))
            self.tell(self.said[-1])
            return True
        return False
