"""Requirements by URL that a project states: found before it is built, where an index would refuse what is built."""

import re
from collections.abc import Iterator
from typing import Any

from relengtools.findings import Finding, Location
from relengtools.versions.artifacts import metadata
from relengtools.versions.catalogue_release import DIRECT_REFERENCE
from relengtools.versions.locate import toml
from relengtools.versions.locate.source import Source
from relengtools.versions.project import Project
from relengtools.versions.requirements import keys, setup_cfg, text
from relengtools.versions.requirements.locate import requirements
from relengtools.versions.requirements.quiet import own

# The lists that go into the metadata, not those of builds and groups.
_STATED = re.compile(r"project\.(?:optional-)?dependencies\b.*|tool\.flit\.metadata\.requires(?:-extra\..*)?")
_LEGACY = re.compile(r"(?:options\.)?(?:install_requires|extras_require)\b.*", re.IGNORECASE)
_POETRY = ("tool", "poetry", "dependencies")
_ELSEWHERE = ("git", "url", "path", "file")


def judge(project: Project) -> Iterator[Finding]:
    """A finding for each requirement that becomes a Requires-Dist with a URL."""
    document, sources = project.document or {}, own(project)
    stated, dynamic = document.get("project"), toml.lookup(document, ("project", "dynamic"))
    legacy = not isinstance(stated, dict) or any(str(name).endswith("dependencies") for name in dynamic or ())
    for source in sources:
        for found in requirements(source):
            counts = _STATED.fullmatch(found.key) or (legacy and _LEGACY.fullmatch(found.key))
            if counts and metadata.by_url(found.text):
                yield _finding(project, source, found.start, found.end, f"`{found.text}` in {found.key}")
    yield from _in_files(project, sources, document)
    if not (isinstance(stated, dict) and "dependencies" in stated):
        yield from _in_poetry(project, sources)


def _in_files(project: Project, sources: list[Source], document: dict[str, Any]) -> Iterator[Finding]:
    """Those in files that setuptools reads its lists from."""
    named = [name for source in sources if source.path.name == "setup.cfg" for name in setup_cfg.files(source)]
    named += keys.files(document)
    root = project.place.root
    asked = {(root / name).resolve() for name in named if "\0" not in name}
    for source in text.read(root, project.place.tree, named)[0] if named else ():
        for found in requirements(source) if source.path.resolve() in asked else ():
            if metadata.by_url(found.text):
                yield _finding(project, source, found.start, found.end, f"`{found.text}`")


def _in_poetry(project: Project, sources: list[Source]) -> Iterator[Finding]:
    """`name = { git = "…" }`, of which poetry-core makes a URL. Source: Poetry's "Dependency specification"."""
    table = toml.lookup(project.document, _POETRY)
    for source in sources if isinstance(table, dict) else ():
        if source.path.name == "pyproject.toml":
            for value in toml.scan(source.text):
                if value.path[:3] == _POETRY and len(value.path) > 4 and value.path[-1] in _ELSEWHERE:
                    what = f"{value.path[3]} in {'.'.join(_POETRY)}"
                    yield _finding(project, source, value.start, value.end, what)


def _finding(project: Project, source: Source, start: int, end: int, what: str) -> Finding:
    """What stands at characters `start` to `end`."""
    place = Location(source.file, *source.position(start), *source.position(end))
    message = f"{what}: an index refuses what asks for it"
    return Finding(DIRECT_REFERENCE, message, place, project.path, source=source.line_at(start))
