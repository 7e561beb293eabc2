"""Requirements to findings: valid, canonical, in agreement with the other projects of the tree. Codes RV4xx."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from relengtools.findings import Finding, Fix, Location, Rule
from relengtools.versions import catalogue
from relengtools.versions.declaration import Problem
from relengtools.versions.locate.source import Source
from relengtools.versions.names import normalized
from relengtools.versions.project import Project
from relengtools.versions.requirements import keys, setup_cfg, text
from relengtools.versions.requirements.locate import requirements
from relengtools.versions.requirements.quiet import OWN, name_of, own
from relengtools.versions.requirements.requirement import Requirement
from relengtools.versions.specifiers.canonical import plain
from relengtools.versions.specifiers.text import Form, Region

if TYPE_CHECKING:
    from relengtools.versions.specifiers.judge import Remark

# Characters of a requirement that are quoted: nobody reads more of one.
_SHOWN = 300
# Which rule a topic of `specifiers.judge` is.
_RULE = {
    "validity": catalogue.INVALID_SPECIFIER,
    "spelling": catalogue.ODD_SPECIFIER,
    "equality": catalogue.ARBITRARY_EQUALITY,
    "marker": catalogue.MARKER,
    "parentheses": catalogue.PARENTHESES,
    "padding": catalogue.PADDED_SPECIFIER,
    "contradiction": catalogue.CONTRADICTION,
}


def judge(project: Project, siblings: Mapping[str, str]) -> tuple[list[Finding], list[Problem], list[Source]]:
    """The findings on every requirement of a project, what can't be read, and the files of pip that were.

    Those are followed (`-r`, `-c`) inside the tree only. `siblings` is the static version of each project of the tree,
    by its normalised name.
    """
    mine = own(project)
    named = [name for source in mine if source.path.name == "setup.cfg" for name in setup_cfg.files(source)]
    named += keys.files(project.document or {})
    files, problems = text.read(project.place.root, project.place.tree, named)
    others = {name: version for name, version in siblings.items() if name != normalized(project.name or "")}
    found = (requirement for source in (*mine, *files) for requirement in requirements(source))
    return list(findings(found, project.path, others)), problems, files


def findings(
    found: Iterable[Requirement], project: str = ".", siblings: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Every finding of every rule, selection is the caller's.

    `siblings` is the static version of each other project of the tree, by its normalised name.
    """
    for requirement in found:
        if not plain(requirement.text, requirement.form):
            yield from _form(requirement, project)
        if siblings and requirement.form is Form.REQUIREMENT and _installed_together(requirement):
            yield from _sibling(requirement, project, siblings)


def _installed_together(requirement: Requirement) -> bool:
    """A build takes its backend from an index, and a file of pip is often a lock of what was released."""
    return requirement.source.path.name in OWN and not re.search("build|setup.requires", requirement.key)


def _form(requirement: Requirement, project: str) -> Iterator[Finding]:
    from relengtools.versions.specifiers.judge import judge

    for remark in judge(requirement.text, requirement.form).remarks:
        rule = _RULE[remark.topic]
        if rule is catalogue.CONTRADICTION and _keeps_out(requirement):
            continue
        if rule is catalogue.INVALID_SPECIFIER and requirement.form is Form.SPECIFIER:
            rule = catalogue.INVALID_PYTHON
        yield _finding(rule, requirement, project, remark)


def _keeps_out(requirement: Requirement) -> bool:
    """`foo<0` where nobody has to meet it: the way in which pip and uv are told never to install a package."""
    return "," not in requirement.text and (
        requirement.source.path.name not in OWN or requirement.key.startswith("tool.uv.")
    )


def _sibling(requirement: Requirement, project: str, siblings: Mapping[str, str]) -> Iterator[Finding]:
    version = siblings.get(name_of(requirement.text))
    if version is None:
        return
    from relengtools.versions.specifiers import pins

    if pins.accepts(requirement.text, version) is False:
        yield _finding(catalogue.SIBLING_PIN, requirement, project, pins.disagreement(requirement.text, version))


def _finding(rule: Rule, requirement: Requirement, project: str, remark: "Remark") -> Finding:
    span = requirement.span(remark.region)
    if remark.region == Region(0, len(requirement.text)):
        span = requirement.span()
    location = Location(requirement.source.file, span.line, span.column, span.end_line, span.end_column)
    edits = requirement.edits(remark.changes) if remark.changes else None
    fix = Fix(remark.safe, edits) if edits else None
    shown = requirement.text if len(requirement.text) <= _SHOWN else f"{requirement.text[:_SHOWN]}…"
    message = f"`{shown}` in {requirement.key}: {remark.message}"
    return Finding(rule, message, location, project, fix, requirement.source.line_at(requirement.start), remark.note)
