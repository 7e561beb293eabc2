"""Every requirement of a project."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from relengtools.findings import Edit
from relengtools.versions.declaration import Problem
from relengtools.versions.locate.source import BOM, Source
from relengtools.versions.requirements import text
from relengtools.versions.requirements.requirement import Requirement
from relengtools.versions.specifiers.text import Region

_FILES = ("pyproject.toml", "setup.cfg", "setup.py")


class Located(NamedTuple):
    """The requirements of a project, the files of pip read for them, and those that could not be read."""

    requirements: list[Requirement]
    files: list[Source]
    problems: list[Problem]


def locate(sources: Iterable[Source], root: Path, tree: Path) -> Located:
    """Every requirement of the project at `root`: in `sources`, read before, and in requirements and constraints files.

    Files are followed (`-r`, `-c`) inside `tree` only.
    """
    files, problems = text.read(root, tree)
    own = [source for source in sources if source.path.parent == root and source.path.name in _FILES]
    found = [requirement for source in (*own, *files) for requirement in requirements(source)]
    return Located(found, files, problems)


def requirements(source: Source) -> Iterator[Requirement]:
    """The requirements in one file; a file of no other kind is one of pip's."""
    from relengtools.versions.requirements import pyproject, setup_cfg

    match source.path.name:
        case "pyproject.toml":
            return pyproject.requirements(source)
        case "setup.cfg":
            return setup_cfg.requirements(source)
        case "setup.py":
            # ast is half of a start-up, and most projects have no setup.py.
            from relengtools.versions.requirements import setup_py

            return setup_py.requirements(source)
    return text.requirements(source)


def proves(source: Source, edits: Sequence[Edit], new: bytes) -> bool:
    """Whether `new`, located again, holds the same requirements but for `edits`, and the same everything else."""
    again = Source(source.file, source.path, new, new.removeprefix(BOM).decode(source.encoding), source.encoding)
    before, after = list(requirements(source)), list(requirements(again))
    if len(before) != len(after) or _without(source, before) != _without(again, after):
        return False
    return all(_edited(old, edits) == new.text for old, new in zip(before, after, strict=True))


def _without(source: Source, found: Sequence[Requirement]) -> list[str]:
    """What stands between the requirements."""
    pieces, at = [], 0
    for requirement in sorted(found, key=lambda r: r.start):
        pieces.append(source.text[at : requirement.start])
        at = requirement.end
    return [*pieces, source.text[at:]]


def _edited(requirement: Requirement, edits: Sequence[Edit]) -> str:
    """The requirement's text after those of `edits` that fall into it."""
    text, shift = requirement.text, 0
    span = requirement.span()
    own = sorted(edit for edit in edits if span.start <= edit.start <= edit.end <= span.end)
    if not own or not requirement.places:
        return text
    bytes_at = {requirement.span(Region(i, i)).start: i for i in range(len(text) + 1)}
    for edit in own:
        if edit.start in bytes_at and edit.end in bytes_at:
            start, end = bytes_at[edit.start] + shift, bytes_at[edit.end] + shift
            text = text[:start] + edit.new + text[end:]
            shift += len(edit.new) - (end - start)
    return text
