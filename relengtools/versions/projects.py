"""Paths to the projects at and below them, but for what the settings exclude."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from relengtools.errors import Attempts, printable
from relengtools.versions.discover import Place, discover
from relengtools.versions.parallel import mapped
from relengtools.versions.project import Project, read
from relengtools.versions.settings import DEFAULT, find


class Found(NamedTuple):
    """The projects; `errors`: paths without one or that can't be read; `notes`: what was done otherwise than asked.

    `tables` are the settings that were read on the way, for `settings.find`.
    """

    projects: list[Project]
    errors: list[str]
    notes: list[str]
    tables: dict[Path, Any]


def below(paths: Sequence[str], known: Iterable[Project] = ()) -> Found:
    """Read the projects at and below the paths, but for those that are known; without any, an error says so."""
    found = discover(paths)
    tables: dict[Path, Any] = {}
    places = _included(found.places.values(), paths, tables)
    by_root: dict[Path, Project | None] = {project.place.root: project for project in known}
    unread = [place for place in places if place.root not in by_root]
    by_root.update(zip((place.root for place in unread), mapped(read, unread), strict=True))
    projects = [project for place in places if (project := by_root[place.root])]
    if not projects and not found.errors:
        where = ", ".join(map(printable, paths))
        less = ", but for what [tool.relengtools] excludes" if len(places) < len(found.places) else ""
        reason = f"no pyproject.toml, setup.cfg or setup.py describes a package{less}"
        found.errors.append(f"{where}: no project found: {reason}")
    elif projects:
        roots = [project.place.root for project in projects]
        found.errors.extend(f"{printable(path)}: no project found" for path in paths if _holds_none(path, roots))
    return Found(projects, found.errors, found.notes, tables)


def _included(places: Iterable[Place], paths: Sequence[str], tables: dict[Path, Any]) -> list[Place]:
    """The places that no settings exclude; what is named on the command line is wanted all the same."""
    given = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  (as discover names them)
    named = [path if os.path.isdir(path) else path.parent for path in given]  # noqa: PTH112  (Path's raises)
    chosen = []
    for place in places:
        settings = DEFAULT
        with Attempts(lambda line: None):  # told of by `check`, which is who uses the rest of them
            settings = find(place.root, place.tree, tables)
        if not settings.excludes(place.root) or any(
            place.root.is_relative_to(path) and settings.excludes(path) for path in named
        ):
            chosen.append(place)
    return chosen


def _holds_none(path: str, roots: Sequence[Path]) -> bool:
    """Whether none of the projects is at or below a named directory; of what can't be read it is said elsewhere."""
    named = os.path.abspath(path)  # noqa: PTH100  (as discover names them)
    return bool(path) and os.path.isdir(named) and not any(root.is_relative_to(named) for root in roots)  # noqa: PTH112
