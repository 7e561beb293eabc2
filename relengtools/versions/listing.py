"""What `versions list` prints: projects as a table for people, or as JSON."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from relengtools.errors import printable
from relengtools.versions import reading
from relengtools.versions.declaration import Declaration
from relengtools.versions.project import Project
from relengtools.versions.scheme import pep440

if TYPE_CHECKING:
    from relengtools.versions.providers import State

_HEAD = ("PROJECT", "VERSION", "LEVEL", "PROVIDER", "WHERE")


def level(project: Project) -> str:
    """The owner's level, `dynamic` where a named provider computes the version, else `unknown`."""
    if project.owner:
        return _built(project, project.owner).level.value
    return "dynamic" if project.provider else "unknown"


def table(projects: Iterable[Project]) -> str:
    """Aligned columns: a line for each project, and one for each copy below it."""
    rows = [_HEAD, *(row for project in projects for row in _rows(project))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    return "".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip() + "\n"
        for row in rows
    )


def document(projects: Sequence[Project]) -> dict[str, Any]:
    """The JSON of the design."""
    return {"projects": [_as_json(project) for project in projects]}


def provided(project: Project) -> "State | None":
    """What the provider would compute now, where there is one and the sources hold no version."""
    if project.provider is None or project.owner is not None:
        return None
    from relengtools.versions import providers

    state = providers.state(project.provider, project.document, project.place.root, project.place.tree)
    if state.version is None or not (project.tag.text or project.tag.dated):
        return state
    return state._replace(version=None, problem="options", reason="[egg_info] puts a tag behind what it computes")


def reason(project: Project) -> str:
    """Why a project has no owner, and where that is said."""
    place = f" ({project.where.file}:{project.where.line})" if project.where else ""
    if project.provider:
        state = provided(project)
        now = f": {state.version} now" if state and state.version else ""
        return printable(f"{project.provider} computes it at build time{now}{place}")
    return printable(f"{project.reason}{place}")


def _rows(project: Project) -> list[tuple[str, ...]]:
    owner = project.owner
    title = printable(project.path if project.name is None else f"{project.name} ({project.path})")
    tagging = _tagging(project)
    where = _place(owner) + (f" ({printable(tagging)})" if tagging else "") if owner else f"({reason(project)})"
    version = printable(project.version or "-")
    rows: list[tuple[str, ...]] = [(title, version, level(project), project.provider or "-", where)]
    return rows + [("", printable(c.value), reading.read(c).level.value, "", _place(c)) for c in project.copies]


def _built(project: Project, owner: Declaration) -> pep440.Reading:
    """The reading of what the build makes of the owner's text."""
    return reading.read(owner._replace(value=project.version or ""))


def _tagging(project: Project) -> str | None:
    if project.owner is None or project.version == project.owner.value:
        return None
    return f"[egg_info] tag_build puts {project.tag.text!r} behind {project.owner.value!r}"


def _place(declaration: Declaration) -> str:
    span = declaration.span
    owner = ", owner" if declaration.owner else ""
    return f"{printable(declaration.file)}:{span.line}:{span.column} ({declaration.kind}{owner})"


def _as_json(project: Project) -> dict[str, Any]:
    owner, state = project.owner, provided(project)
    return {
        "path": project.path,
        "name": project.name,
        "version": project.version,
        "canonical": _built(project, owner).canonical if owner else None,
        "level": level(project),
        "scheme": _scheme(owner) if owner else None,
        "provider": project.provider,
        "provider_version": state.version if state else None,
        "provider_configuration": state.configuration if state else None,
        "reason": project.reason or _tagging(project) or (state.reason if state else None),
        "declarations": [_declaration(declaration) for declaration in project.declarations],
    }


def _scheme(owner: Declaration) -> str | None:
    """Which scheme a version follows, as far as it can be told."""
    from relengtools.versions.scheme import describe

    value = owner.value
    if owner.kind.scheme != "pep440":
        return owner.kind.scheme
    if pep440.read(value).canonical is not None:
        return "pep440"
    return "git-describe" if describe.read(value.strip()) else None


def _declaration(declaration: Declaration) -> dict[str, Any]:
    found = reading.read(declaration)
    return {
        "file": declaration.file,
        "line": declaration.span.line,
        "column": declaration.span.column,
        "kind": declaration.kind.value,
        "raw": declaration.raw,
        "value": declaration.value,
        "canonical": found.canonical,
        "level": found.level.value,
        "owner": declaration.owner,
    }
