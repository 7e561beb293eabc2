"""A project to findings: each declaration by itself, agreement, requirements, and what could not be read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from relengtools.findings import Finding, Fix, Location, Rule
from relengtools.versions import reading as readings
from relengtools.versions.catalogue import DISAGREEMENT, INVALID, MISLEADING, MISSING, PACKAGING_LAGS, RULES
from relengtools.versions.declaration import Declaration, Problem
from relengtools.versions.form_rules import finding, fixed_elsewhere, form, proposal, rewriting
from relengtools.versions.locate.source import Source
from relengtools.versions.project import Project
from relengtools.versions.requirements.quiet import normalized, quiet
from relengtools.versions.scheme import pep440
from relengtools.versions.settings import DEFAULT, Settings


class Judgement(NamedTuple):
    """The findings in the order of files and lines, and every file that they can be in or want to edit."""

    findings: list[Finding]
    sources: tuple[Source, ...]


def judge(project: Project, settings: Settings = DEFAULT, siblings: Mapping[str, str] | None = None) -> Judgement:
    """Every finding of every rule for a project; selection is the caller's.

    `siblings` is what `versions_of` says of the other projects of the tree.
    """
    found = [_problem(project.path, problem) for problem in project.problems]
    if project.missing:
        found.append(_missing(project))
    claims = project.owner is None and project.provider is None
    for declaration in project.declarations:
        found += form(project.path, declaration, settings, claims=claims or declaration.owner)
    found += _agreement(project, settings)
    sources = project.sources
    if not quiet(project, siblings or {}):
        from relengtools.versions import dependency_rules

        more, problems, files = dependency_rules.judge(project, siblings or {})
        found += [*more, *(_problem(project.path, problem) for problem in problems)]
        sources = (*sources, *files)
    return Judgement(sorted(found, key=lambda f: (f.location, f.rule.code)), sources)


def find(name: str) -> tuple[Rule, ...]:
    """The rules of a code, a prefix of a code, or a name."""
    return tuple(rule for rule in RULES if name == rule.name or (name and rule.code.startswith(name)))


def versions_of(projects: Iterable[tuple[Project, Settings]], unsafe: bool) -> dict[str, str]:
    """The static version of each project by its normalised name (PEP 503), as it will be once the fixes are made.

    A name that two projects share is left out, and so is a version that is and stays invalid.
    """
    found: dict[str, set[str]] = {}
    for project, settings in projects:
        if project.name and project.owner:
            version = project.owner.value
            if unsafe and settings.on(MISLEADING if pep440.read(version).canonical else INVALID):
                version = proposal(project.owner, settings) or version
            found.setdefault(normalized(project.name), set()).add(version)
    return {name: next(iter(versions)) for name, versions in found.items() if len(versions) == 1}


def _agreement(project: Project, settings: Settings) -> Iterator[Finding]:
    owner = project.owner
    if owner is None:
        yield from _among_copies(project)
        return
    new = proposal(owner, settings) or owner.value.strip()
    if owner.kind.scheme != "pep440":
        new = readings.read(owner).canonical or new
    reading = pep440.read(new)
    # What is made of another text has to stand in both places, and an invalid one isn't spread.
    together = not _same(owner, new)
    for copy in project.copies:
        if not _same(copy, readings.read(owner).canonical or owner.value):
            message = f"{copy.value!r} is not the version that the build uses, {owner.value!r} ({owner.file})"
            if copy.kind.packaged:
                yield finding(PACKAGING_LAGS, project.path, copy, message)
                continue
            wanted = reading.canonical if settings.drops(copy.kind) else new if reading.canonical else None
            if wanted and copy.kind.scheme != "pep440":
                wanted = _translated(wanted, copy.kind.scheme)
            note = f"the build uses {owner.file}:{owner.span.line}:{owner.span.column}"
            one = finding(DISAGREEMENT, project.path, copy, message, wanted, note)
            yield _with_owner(one, owner, new) if together else one


def _with_owner(one: Finding, owner: Declaration, new: str) -> Finding:
    if one.fix is None or fixed_elsewhere(owner):
        return one._replace(fix=None)
    return one._replace(fix=Fix(False, (*one.fix.edits, *rewriting(owner, new).edits)))


def _among_copies(project: Project) -> Iterator[Finding]:
    """Without an owner nobody knows which is right, but two can't be. A computed version makes no claim on copies."""
    if not project.copies or project.provider:
        return
    first, *others = project.copies
    for other in others:
        if not (other.kind.packaged or _same(other, readings.read(first).canonical or first.value)):
            message = f"{other.value!r} is not what {first.file} says, {first.value!r}"
            yield finding(DISAGREEMENT, project.path, other, message, None, project.reason)


def _same(declaration: Declaration, version: str) -> bool:
    """Whether a declaration, read in the scheme of its place, is this version or this very text."""
    own = readings.read(declaration).canonical
    return declaration.value.strip() == version.strip() or (own is not None and pep440.equal(own, version))


def _translated(version: str, scheme: str) -> str | None:
    """The version as another scheme writes it, None where that isn't exact."""
    from relengtools.versions.scheme.convert import convert

    answer = convert(version, "pep440", scheme)
    return answer.version if answer.exact else None


def _missing(project: Project) -> Finding:
    file = next((s.file for s in project.sources), project.path)
    return Finding(MISSING, f"{project.name or 'the project'}: {project.reason}", Location(file), project.path)


def _problem(project: str, problem: Problem) -> Finding:
    location = Location(problem.file, problem.line, problem.column, problem.line, problem.column)
    return Finding(problem.rule, problem.message, location, project, None, problem.source)
