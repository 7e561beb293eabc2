"""Declarations to findings: form, agreement, and what could not be read."""

import dataclasses
import re
from collections.abc import Iterator

from relengtools.findings import Edit, Finding, Fix, Location, Rule
from relengtools.versions.catalogue import DISAGREEMENT, INVALID, MISSING, PADDING, RULES, SPELLING
from relengtools.versions.declaration import Declaration, Kind, Problem
from relengtools.versions.project import Project
from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.pep440 import Level

_INVALID_HINTS = (
    (re.compile(r"\s*"), "it is empty"),
    (re.compile(r"unknown|0\+unknown", re.IGNORECASE), "a version tool gave up and left this behind"),
    (re.compile(r"[^#;]*\s[#;].*", re.DOTALL), "setup.cfg has no comments behind a value"),
)


def judge(project: Project) -> list[Finding]:
    """Every finding of every rule for a project, in the order of files and lines; selection is the caller's."""
    findings = [_problem(project, problem) for problem in project.problems]
    if project.missing:
        findings.append(_missing(project))
    for declaration in project.declarations:
        findings += _form(project, declaration)
    findings += _agreement(project)
    return sorted(findings, key=lambda f: (f.location, f.rule.code))


def find(name: str) -> tuple[Rule, ...]:
    """The rules of a code, a prefix of a code, or a name."""
    return tuple(rule for rule in RULES if name == rule.name or (name and rule.code.startswith(name)))


def proposal(declaration: Declaration) -> str | None:
    """What the form rules that are on by default write: None where the text may stay, or nothing honest is known."""
    reading = pep440.read(declaration.value)
    if reading.level is Level.INVALID:
        return _described(declaration.value)[0]
    return None if reading.respelled in (None, declaration.value) else reading.respelled


def _form(project: Project, declaration: Declaration) -> Iterator[Finding]:
    reading = pep440.read(declaration.value)
    if reading.level is Level.INVALID:
        new, note = _described(declaration.value)
        message = f"{declaration.value!r} is no PEP 440 version{_hint(declaration.value)}"
        yield _finding(INVALID, project, declaration, message, new, note)
        return
    assert reading.canonical is not None
    assert reading.respelled is not None
    if reading.respelled != declaration.value:
        message = f"{declaration.value!r} is spelt {reading.respelled!r} in canonical form"
        yield _finding(SPELLING, project, declaration, message, reading.respelled)
    if reading.respelled != reading.canonical:
        message = f"{declaration.value!r} has zero padding: the canonical form is {reading.canonical!r}"
        yield _finding(PADDING, project, declaration, message, reading.canonical)


def _agreement(project: Project) -> Iterator[Finding]:
    owner = project.owner
    if owner is None:
        yield from _among_copies(project)
        return
    new = proposal(owner) or owner.value.strip()
    # An invalid text isn't spread, and what is made of it has to stand in both places.
    spreadable = pep440.read(new).canonical is not None
    owner_invalid = pep440.read(owner.value).canonical is None
    for copy in project.copies:
        if not _same(copy.value, owner.value):
            place = f"{owner.file}:{owner.span.line}"
            message = f"{copy.value!r} is not the version that the build uses, {owner.value!r} ({place})"
            finding = _finding(DISAGREEMENT, project, copy, message, new if spreadable else None)
            yield _with_owner(finding, owner, new) if owner_invalid else finding


def _with_owner(finding: Finding, owner: Declaration, new: str) -> Finding:
    if finding.fix is None or _interpolated(owner):
        return dataclasses.replace(finding, fix=None)
    return dataclasses.replace(finding, fix=Fix(False, (*finding.fix.edits, *_fix(owner, new).edits)))


def _among_copies(project: Project) -> Iterator[Finding]:
    """Without an owner nobody knows which is right, but two can't be. A computed version makes no claim on copies."""
    if not project.copies or project.provider:
        return
    first, *others = project.copies
    for other in others:
        if not _same(first.value, other.value):
            message = f"{other.value!r} is not what {first.file}:{first.span.line} says, {first.value!r}"
            yield _finding(DISAGREEMENT, project, other, message, None, project.reason)


def _same(one: str, other: str) -> bool:
    return one.strip() == other.strip() or pep440.equal(one, other)


def _described(value: str) -> tuple[str | None, str | None]:
    """The version that a `git describe` text stands for, and how it was read."""
    from relengtools.versions.scheme import describe

    description = describe.read(value.strip())
    new = describe.next_dev(description) if description else None
    if description is None or new is None:
        return None, None
    commit = f"commit {description.hash}" if description.hash else "a changed work tree"
    plural = "" if description.distance == 1 else "s"
    note = f"read as git describe: tag {description.tag}, {description.distance} commit{plural} after it, {commit}"
    return new, note + ("; an index takes no local version (+…)" if "+" in new else "")


def _hint(value: str) -> str:
    return next((f": {hint}" for pattern, hint in _INVALID_HINTS if pattern.fullmatch(value)), "")


def _finding(
    rule: Rule, project: Project, declaration: Declaration, message: str, new: str | None, note: str | None = None
) -> Finding:
    span = declaration.span
    location = Location(declaration.file, span.line, span.column, span.end_line, span.end_column)
    fix = None
    if new is not None and new != declaration.value and new.isascii() and not _interpolated(declaration):
        fix = _fix(declaration, new)
    return Finding(rule, message, location, project.path, fix, declaration.source, note)


def _interpolated(declaration: Declaration) -> bool:
    """Whether setup.cfg puts the value together from other options: a literal in its place would cut that tie."""
    return declaration.kind is Kind.SETUP_CFG and "%" in declaration.raw


def _fix(declaration: Declaration, new: str) -> Fix:
    """Safe is computed: both texts parse and are equal as versions."""
    span, quote = declaration.span, declaration.quote
    edit = Edit(declaration.file, span.start, span.end, span.line, span.column, declaration.raw, f"{quote}{new}{quote}")
    return Fix(pep440.equal(declaration.value, new), (edit,))


def _missing(project: Project) -> Finding:
    file = next((s.file for s in project.sources), project.path)
    return Finding(MISSING, f"{project.name or 'the project'}: {project.reason}", Location(file), project.path)


def _problem(project: Project, problem: Problem) -> Finding:
    location = Location(problem.file, problem.line, problem.column, problem.line, problem.column)
    return Finding(problem.rule, problem.message, location, project.path, None, problem.source)
