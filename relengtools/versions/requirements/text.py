"""Requirements and constraints files of pip, and those that they include."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from relengtools.versions.catalogue import UNREADABLE
from relengtools.versions.declaration import Problem
from relengtools.versions.locate.source import BOM, Source, UnreadableError, encoding, is_inside, read_bytes, shown
from relengtools.versions.requirements.requirement import Requirement
from relengtools.versions.specifiers.text import Form

_TEXT_FILE = re.compile(r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in)", re.IGNORECASE)
_COOKIE = re.compile(rb"^[ \t]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
# Not from within white space, which would take time quadratic in its length.
_COMMENT = re.compile(r"(?:^|(?<!\s)\s+)#.*")
_OPTIONS = re.compile(r"(?<!\s)\s+--?[A-Za-z].*")
_INCLUDE = re.compile(r"(?:-r|-c|--requirements?|--constraints?)(?:\s+|=|(?<=-[rc]))(?P<file>\S.*)")
# A URL, a path, an archive, or what only pip's surroundings know.
_NO_REQUIREMENT = re.compile(
    r"-|[A-Za-z][A-Za-z0-9+.-]*:|\.|/|~|[A-Za-z0-9._-]*[/\\]|.*\$\{|[^@]*\.(?:whl|zip|tar\.\w+|tgz)\s*(?:;|$)"
)


def requirements(source: Source) -> Iterator[Requirement]:
    """The requirements in a requirements or constraints file of pip, without their options and comments."""
    for line, places in _logical(source.text):
        text = _OPTIONS.sub("", _COMMENT.sub("", line)).rstrip()
        first = len(text) - len(text.lstrip())
        text = text.strip()
        # What is interpolated isn't in this file alone.
        if text and "%" not in text and not _NO_REQUIREMENT.match(text):
            own = places[first : first + len(text)]
            ends = own[-1] + 1
            yield Requirement(source, Form.REQUIREMENT, source.path.name, text, own[0], ends, (*own, ends))


def _logical(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    """The lines of a requirements file, continued ones joined, and where each of their characters stands.

    Source: pip/_internal/req/req_file.py, `join_lines`: a line that is all comment ends what it continues.
    """
    joined, places = "", list[int]()
    for match in _LINE.finditer(text, 1 if text.startswith("\ufeff") else 0):
        line, start = match[1], match.start()
        more = line.endswith("\\") and not line.lstrip().startswith("#")
        if not more and not places:
            yield line, range(start, match.end(1))
            continue
        piece = line.removesuffix("\\") if more else line
        comment = not more and line.lstrip().startswith("#")
        joined += " " * comment + piece
        places += [start] * comment + list(range(start, start + len(piece)))
        if not more:
            yield joined, places
            joined, places = "", []
    if places:
        yield joined, places


def includes(source: Source) -> Iterator[tuple[int, str]]:
    """The files that a requirements file names by `-r` and `-c`, with the character of the line; URLs are none."""
    for match in _LINE.finditer(source.text):
        include = _INCLUDE.match(_COMMENT.sub("", match[1]).strip())
        if include and "://" not in include["file"] and "${" not in include["file"]:
            yield match.start(), include["file"].strip("\"' ")


def read(root: Path, tree: Path, named: Iterable[str] = ()) -> tuple[list[Source], list[Problem]]:
    """The requirements files of the project at `root`, what they include inside `tree`, and what can't be read.

    `named` are files that the project's configuration names, from `root`.
    """
    sources: list[Source] = []
    problems: list[Problem] = []
    waiting: list[tuple[Path, Source | None, int]] = [(path, None, 0) for path in (*_named(root), *_asked(root, named))]
    seen: set[Path] = set()
    while waiting:
        path, including, at = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            source = _source(path, tree)
        except UnreadableError as error:
            problems.append(_not_included(including, at, error.problem) if including else error.problem)
            continue
        sources.append(source)
        waiting += [(Path(os.path.normpath(path.parent / name)), source, start) for start, name in includes(source)]
    return sources, problems


def _named(root: Path) -> list[Path]:
    """Files whose names say that pip reads them, in the project's directory and in `requirements/`."""
    found: list[Path] = []
    for folder, pattern in ((root, _TEXT_FILE), (root / "requirements", re.compile(r".*\.(?:txt|in)"))):
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
        except OSError:
            continue
        found += [folder / name for name in names if pattern.fullmatch(name)]
    return found


def _asked(root: Path, named: Iterable[str]) -> list[Path]:
    """Those of the files that are there: a build makes some of them."""
    paths = (Path(os.path.normpath(root / name)) for name in named if "\0" not in name)
    return [path for path in paths if path.is_file()]


def _source(path: Path, tree: Path) -> Source:
    """A requirements file by byte-order mark or coding cookie, else UTF-8, as pip does; raises UnreadableError."""
    file = shown(path)
    if "\0" in file:
        raise UnreadableError(Problem(UNREADABLE, file, "no file has a null character in its name"))
    if not is_inside(path, tree):
        raise UnreadableError(Problem(UNREADABLE, file, "leads out of the tree, so it is not followed"))
    data = read_bytes(file, path)
    cookies = (match for match in map(_COOKIE.match, data.splitlines()[:2]) if match)
    cookie = next(cookies, None)
    codec = cookie[1].decode() if cookie else "utf-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        codec = "utf-16-le" if data[0] == 0xFF else "utf-16-be"
    try:
        codec = encoding(codec)
        return Source(file, path, data, data.removeprefix(BOM).decode(codec), codec)
    except (UnicodeError, LookupError) as error:
        raise UnreadableError(Problem(UNREADABLE, file, f"can't be decoded: {error}")) from error


def _not_included(source: Source, at: int, problem: Problem) -> Problem:
    return source.problem(problem.rule, f"{problem.file}, named here, can't be read: {problem.message}", at)
