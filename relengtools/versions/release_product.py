"""Whose tag it is: one that bears another name than the project may be that of another one."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import printable
from relengtools.versions import history, release_order
from relengtools.versions.discover import discover
from relengtools.versions.history import Mapping, Tag
from relengtools.versions.names import normalized
from relengtools.versions.project import Project, read
from relengtools.versions.release_order import Clone


class Doubt(NamedTuple):
    """Why a tag may be another project's; `certain` that it is."""

    message: str
    certain: bool


def bears(tag: str, project: str | None) -> bool:
    """Whether the tag bears the project's name before its version, as in `api/v1.0`."""
    return project is not None and _product(tag, Mapping()) == normalized(project)


def doubt(tag: str, project: Project, clone: Clone, mapping: Mapping) -> Doubt | None:
    """What speaks against the tag being one of the project; None where it bears no other name.

    Certain are a project of that name in the tree, tags of the project that bear its own name, and tags that have none
    where no tag ever had this one. A part of the project's name and those of its folders are its own too.
    """
    product, name = _product(tag, mapping), normalized(project.name or "")
    if not product or not name or product in name or name in product or product in _folders(project, clone):
        return None
    said, ours = f"{printable(tag)} is a tag of {printable(product)}", printable(project.name or "")
    releases = [history.read_tag(Tag(ref.name), mapping) for ref in clone.refs if ref.name != tag]
    others = [(r.tag.name, release_order.product(r)) for r in releases if r.conversion.canonical]
    for other, called in others:
        if called == name:
            return Doubt(f"{said}; those of {ours} are as {printable(other)}", certain=True)
    if place := next((place for place, called in _projects(clone.tree) if called == product), None):
        return Doubt(f"{said}, which is in {printable(place)}; {ours} is released", certain=True)
    if others and all(not called for _, called in others):
        return Doubt(f"{said}, by its name, and no other tag is; they are as {printable(others[-1][0])}", certain=True)
    return Doubt(f"{said}, by its name: whether that is {ours} can't be told", certain=False)


def _product(tag: str, mapping: Mapping) -> str:
    return release_order.product(history.read_tag(Tag(tag), mapping))


def _folders(project: Project, clone: Clone) -> set[str]:
    return {normalized(path.name) for path in (project.place.root, clone.tree)}


def _projects(tree: Path) -> Iterator[tuple[str, str]]:
    """Where the projects of a tree are, and what they are called."""
    for place in discover([str(tree)]).places.values():
        found = read(place)
        if found is not None and found.name:
            yield place.path, normalized(found.name)
