"""Requirements and constraints files of pip, and those that they include."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from relengtools.versions.catalogue import UNREADABLE
from relengtools.versions.declaration import Problem
from relengtools.versions.locate.source import BOM, Source, UnreadableError, is_inside, read_bytes, shown
from relengtools.versions.requirements.requirement import Line, Requirement, written
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
    for line in _logical(source.text):
        text = _OPTIONS.sub("", _COMMENT.sub("", line.text)).rstrip()
        if text.strip() and not _NO_REQUIREMENT.match(text.strip()):
            yield from written(source, Form.REQUIREMENT, source.path.name, Line(line.start, text))


def _logical(text: str) -> Iterator[Line]:
    """The lines of a requirements file, of continued ones the first part if only options follow."""
    continued = False
    for match in _LINE.finditer(text):
        line, more = match[1], match[1].endswith("\\")
        if not continued and (not more or _only_options(text, match.end())):
            yield Line(match.start(), line.removesuffix("\\"))
        continued = more


def _only_options(text: str, at: int) -> bool:
    while (match := _LINE.match(text, at)) is not None:
        line = match[1].strip().removesuffix("\\").strip()
        if line and not line.startswith(("-", "#")):
            return False
        if not match[1].endswith("\\") or match.end() == at:
            return True
        at = match.end()
    return True


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
    encoding = cookie[1].decode() if cookie else "utf-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16-le" if data[0] == 0xFF else "utf-16-be"
    try:
        return Source(file, path, data, data.removeprefix(BOM).decode(encoding), encoding)
    except (UnicodeError, LookupError) as error:
        raise UnreadableError(Problem(UNREADABLE, file, f"can't be decoded: {error}")) from error


def _not_included(source: Source, at: int, problem: Problem) -> Problem:
    return source.problem(problem.rule, f"{problem.file}, named here, can't be read: {problem.message}", at)
