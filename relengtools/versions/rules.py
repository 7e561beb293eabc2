"""A project to findings: each declaration by itself, agreement, requirements, and what could not be read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from relengtools.findings import Finding, Fix, Location, Rule
from relengtools.versions.catalogue import (
    DISAGREEMENT,
    INVALID,
    MISLEADING,
    MISSING,
    NO_TAGS,
    PACKAGING_LAGS,
    RULES,
    SHALLOW,
)
from relengtools.versions.declaration import Declaration, Kind, Problem
from relengtools.versions.form_rules import PEP440, finding, form, proposal, replaceable, rewriting
from relengtools.versions.locate.source import Source
from relengtools.versions.project import Project
from relengtools.versions.reading import read
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
    for declaration in (d for d in project.declarations if d.owner or not d.kind.packaged):
        found += form(project.path, declaration, settings, claims=claims or declaration.owner)
    found += _agreement(project, settings)
    found += _provider(project)
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

    A name that two projects share is left out.
    """
    found: dict[str, set[str]] = {}
    for project, settings in projects:
        if project.name and project.owner:
            canonical = read(project.owner).canonical
            version = canonical if project.owner.kind.scheme != PEP440 else project.owner.value
            if unsafe and settings.on(MISLEADING if canonical else INVALID):
                version = proposal(project.owner, settings) or version
            found.setdefault(normalized(project.name), set()).add(version or "")
    return {name: next(iter(versions)) for name, versions in found.items() if len(versions) == 1}


def _agreement(project: Project, settings: Settings) -> Iterator[Finding]:
    owner = project.owner
    if owner is None:
        yield from _among_copies(project)
        return
    stated = owner.value.strip() if owner.kind.scheme == PEP440 else read(owner).canonical
    new = proposal(owner, settings) or stated
    # What is made of the owner's text has to stand in both places.
    together = stated is not None and new is not None and not pep440.equal(stated, new)
    for copy in project.copies:
        if _agree(copy, owner):
            continue
        wanted = _wanted(copy, new, settings)
        if wanted is None and copy.kind.scheme != PEP440:
            continue  # its scheme has no place for the version, so the two can't agree
        message = f"{copy.value!r} is not the version that the build uses, {owner.value!r} ({owner.file})"
        note = f"the build uses {owner.file}:{owner.span.line}:{owner.span.column}"
        rule = PACKAGING_LAGS if _may_lag(copy, owner) else DISAGREEMENT
        one = finding(rule, project.path, copy, message, wanted, note)
        yield _with_owner(one, owner, new) if together and new else one


def _wanted(copy: Declaration, new: str | None, settings: Settings) -> str | None:
    """The owner's version as it is written at the copy's place; an invalid text isn't spread."""
    canonical = pep440.read(new).canonical if new else None
    if canonical is None or copy.kind.scheme == PEP440:
        return canonical if settings.drops(copy.kind) else canonical and new
    from relengtools.versions.scheme.convert import TARGETS, convert

    return convert(canonical, target=copy.kind.scheme).version if copy.kind.scheme in TARGETS else None


def _may_lag(copy: Declaration, owner: Declaration) -> bool:
    """A distribution's file waits for the release; a citation is of the last one while the next is in the making."""
    return copy.kind.packaged or (copy.kind is Kind.CITATION and ".dev" in (read(owner).canonical or ""))


def _with_owner(one: Finding, owner: Declaration, new: str) -> Finding:
    if one.fix is None or not replaceable(owner):
        return one._replace(fix=None)
    return one._replace(fix=Fix(False, (*one.fix.edits, *rewriting(owner, new).edits)))


def _among_copies(project: Project) -> Iterator[Finding]:
    """Without an owner nobody knows which is right, but two can't be. A computed version makes no claim on copies."""
    copies = [copy for copy in project.copies if not copy.kind.packaged]
    if not copies or project.provider:
        return
    first, *others = copies
    for other in others:
        if not _agree(first, other):
            message = f"{other.value!r} is not what {first.file} says, {first.value!r}"
            yield finding(DISAGREEMENT, project.path, other, message, None, project.reason)


def _agree(one: Declaration, other: Declaration) -> bool:
    if one.value.strip() == other.value.strip():
        return True
    first, second = read(one).canonical, read(other).canonical
    return first is not None and second is not None and pep440.equal(first, second)


def _provider(project: Project) -> Iterator[Finding]:
    """A clone in which the provider would compute something wrong without a word."""
    if project.provider is None or project.owner is not None or not (project.place.tree / ".git").exists():
        return
    from relengtools.versions import providers

    state = providers.state(project.provider, project.document, project.place.root, project.place.tree)
    rule = {"shallow": SHALLOW, "no-tags": NO_TAGS}.get(state.problem or "")
    if rule is not None:
        file = project.where.file if project.where else next((s.file for s in project.sources), project.path)
        line = project.where.line if project.where else 1
        location = Location(file, line, 1, line, 1)
        yield Finding(rule, f"{project.provider} can't compute the version: {state.reason}", location, project.path)


def _missing(project: Project) -> Finding:
    file = next((s.file for s in project.sources), project.path)
    return Finding(MISSING, f"{project.name or 'the project'}: {project.reason}", Location(file), project.path)


def _problem(project: str, problem: Problem) -> Finding:
    location = Location(problem.file, problem.line, problem.column, problem.line, problem.column)
    return Finding(problem.rule, problem.message, location, project, None, problem.source)
