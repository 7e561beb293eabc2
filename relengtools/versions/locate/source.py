"""A file as it was read: bytes, their text, and the way from one to the other."""

import codecs
import os
import re
import stat
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from relengtools.findings import Rule
from relengtools.versions.catalogue import UNREADABLE
from relengtools.versions.declaration import Declaration, Kind, Problem, Span

LARGEST_BYTES = 32 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
# Codecs of names and of literals: they give other text than is there, or take minutes.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7", "undefined"})
_NEWLINE = re.compile(r"\r\n|\r|\n")


class UnreadableError(Exception):
    """A file could not be read as what it should be; carries the Problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Source(NamedTuple):
    """What `path` held: `data`, and `text` without a byte-order mark; `file` is how people are told of it."""

    file: str
    path: Path
    data: bytes
    text: str
    encoding: str = "utf-8"

    @property
    def marked(self) -> bool:
        """Whether the file begins with a byte-order mark."""
        return self.data.startswith(BOM)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, 1-based; a line ends with \\n, \\r\\n or \\r."""
        starts = line_starts(self.text)
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_at(self, offset: int) -> str:
        """The line of a character, without its end."""
        end = _NEWLINE.search(self.text, offset)
        start = max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1
        return self.text[start : end.start() if end else len(self.text)]

    def declaration(self, kind: Kind, start: int, end: int, value: str, quote: str = "") -> Declaration:
        """The declaration whose text is characters `start` to `end`."""
        first = len(self.text[:start].encode(self.encoding)) + len(BOM) * self.marked
        raw = self.text[start:end]
        span = Span(first, first + len(raw.encode(self.encoding)), *self.position(start), *self.position(end))
        return Declaration(self.file, kind, span, raw, value, self.line_at(start), quote)

    def problem(self, rule: Rule, message: str, offset: int = 0) -> Problem:
        """A problem at a character of this file."""
        return Problem(rule, self.file, message, *self.position(offset), self.line_at(offset))


@lru_cache(maxsize=8)
def line_starts(text: str) -> list[int]:
    """The characters at which lines begin; a file is asked for many places."""
    return [0, *(newline.end() for newline in _NEWLINE.finditer(text))]


def encoding(name: str) -> str:
    """The codec of that name; raises LookupError for one that is no charset of files, or takes quadratic time."""
    codec = codecs.lookup(name)
    if not codec._is_text_encoding or codec.name in _NO_CHARSETS:
        raise LookupError(f"{name} is no encoding of text files")
    return name


def read_bytes(file: str, path: Path) -> bytes:
    """The bytes of a regular file of bearable size; raises UnreadableError."""
    try:
        # A FIFO would block and a device never end, so look before opening.
        status = os.stat(path)  # noqa: PTH116  (many small files are read: pathlib takes longer than the system)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError(Problem(UNREADABLE, file, "not a regular file"))
        if status.st_size > LARGEST_BYTES:
            raise UnreadableError(
                Problem(UNREADABLE, file, f"{status.st_size} bytes are more than a declaring file can have")
            )
        with open(path, "rb") as file_:  # noqa: PTH123
            return file_.read()
    except OSError as error:
        raise UnreadableError(Problem(UNREADABLE, file, error.strerror or str(error))) from error


def is_inside(path: Path, tree: Path) -> bool:
    """Whether a path leads to something in the tree, all links followed; one that goes round in circles leads nowhere.

    Path.resolve() raises for a circle, before Python 3.13.
    """
    real, top = os.path.realpath(path), os.path.realpath(tree)
    return real == top or real.startswith(os.path.join(top, ""))  # noqa: PTH118


def utf8(file: str, path: Path, data: bytes) -> Source:
    """A source that has to be UTF-8 (TOML, setup.cfg, plain text); raises UnreadableError with the place."""
    try:
        return Source(file, path, data, data.removeprefix(BOM).decode())
    except UnicodeDecodeError as error:
        body = data.removeprefix(BOM)
        before = body[: error.start].decode()
        broken = Source(file, path, b"", before)
        line, column = broken.position(len(before))
        message = f"byte {error.start + len(data) - len(body)} (0x{body[error.start]:02x}) is no UTF-8"
        raise UnreadableError(Problem(UNREADABLE, file, message, line, column)) from error


def shown(path: Path | str) -> str:
    """A path for people and JSON: relative to the working directory where it is below it, with `/`."""
    absolute = os.path.abspath(path)  # noqa: PTH100  (Path.resolve would follow symlinks)
    here = os.getcwd()  # noqa: PTH109
    if os.sep == "/" and absolute.startswith(here + os.sep):
        return absolute[len(here) + 1 :]
    relative = os.path.relpath(absolute)
    return Path(absolute if relative.startswith(os.path.join("..", "..")) else relative).as_posix()  # noqa: PTH118
