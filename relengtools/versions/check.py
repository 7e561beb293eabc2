"""Projects to what `check` reports and rewrites: rules, waivers, selection and baseline, then the fixes."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from relengtools.findings import Edit, Finding, Location
from relengtools.versions import rules
from relengtools.versions.catalogue import MISLEADING
from relengtools.versions.parallel import mapped
from relengtools.versions.project import Project, read
from relengtools.versions.settings import Settings

if TYPE_CHECKING:
    from relengtools.versions.baseline import Known
    from relengtools.versions.rewrite import Change


class Terms(NamedTuple):
    """What findings are judged by: settings by root of project, siblings' versions by tree, and what is known."""

    settings: Mapping[Path, Settings]
    siblings: Mapping[Path, Mapping[str, str]]
    known: "Known | None" = None


class Outcome(NamedTuple):
    """What became of a project: the changes made or planned, the findings that stay, why nothing could be rewritten.

    Of a file that projects share each has the change as far as it got, and its own `edits`. `left` tells of files, by
    name, that stay as they are. `hidden` are findings without a fix of their own that those of others make invisible.
    """

    changes: Sequence["Change"]
    findings: Sequence[Finding]
    refusal: str | None = None
    hidden: Sequence[Finding] = ()
    edits: Sequence[Edit] = ()
    left: Mapping[str, str] = MappingProxyType({})


# A place that several projects share is told of once.
_Seen = set[tuple[str, Location]]


def terms(projects: Iterable[Project], settings: Mapping[Path, Settings], known: "Known | None", unsafe: bool) -> Terms:
    """The terms for a tree; `unsafe` says that invalid versions will be rewritten too."""
    trees: dict[Path, list[tuple[Project, Settings]]] = {}
    for project in projects:
        trees.setdefault(project.place.tree, []).append((project, settings[project.place.root]))
    siblings = {tree: rules.versions_of(inner, unsafe) for tree, inner in trees.items() if len(inner) > 1}
    return Terms(settings, siblings, known)


def report(projects: Iterable[Project], given: Terms) -> list[Finding]:
    """The findings on all projects, with the fixes that would be made."""
    return [finding for project, judgement in _all_judged(projects, given) for finding in _promised(project, judgement)]


def fixed(projects: Iterable[Project], given: Terms, unsafe: bool, write: bool) -> Iterator[Outcome]:
    """Make or only plan the changes, project by project, all files of one or none.

    All are judged before anything is written, so that the edits of a file that projects share fit together.
    """
    from relengtools.versions import rewrite
    from relengtools.versions.discover import UnheardError

    seen: _Seen = set()
    made: dict[str, Change] = {}
    for project, before in list(_all_judged(projects, given)):
        outcome = Outcome((), before.findings)
        try:
            edits, left = _chosen(project, before, unsafe, made)
            changes = rewrite.plan(before.sources, edits, made)
            if write and changes:
                project.place.assure()
                rewrite.write(changes, made)
            made |= {change.source.file: change for change in changes}
            outcome = outcome._replace(changes=changes, edits=edits, left=left)
        except (rewrite.RewriteError, UnheardError) as error:
            outcome = outcome._replace(refusal=str(error))
        after: Sequence[Finding] = before.findings
        if outcome.changes and write:
            now = read(project.place) or project
            after = _promised(now, _untold(_judged(now, given), seen))
        elif outcome.changes:
            told = zip(after, _promised(project, before), strict=True)
            after = [to for f, to in told if not (f.fix and (f.fix.safe or unsafe)) or _touches(f, outcome.left)]
        else:
            after = _promised(project, before)
        seen |= _places(before.findings) | _places(after)
        yield outcome._replace(findings=after, hidden=_hidden(before.findings, after))


def merged(outcomes: Iterable[Outcome]) -> list["Change"]:
    """The changes of all projects, one a file: the last holds what was done before."""
    return list({change.source.file: change for outcome in outcomes for change in outcome.changes}.values())


def _chosen(
    project: Project, before: rules.Judgement, unsafe: bool, made: Mapping[str, "Change"]
) -> tuple[list[Edit], dict[str, str]]:
    """The edits to make, and the files that are left alone: a fix that would change one of them falls away whole.

    Raises RewriteError for a file that isn't the project's own, and UnheardError.
    """
    from relengtools.versions.rewrite import RewriteError, choose
    from relengtools.versions.writable import foreign, ignored

    findings: Sequence[Finding] = before.findings
    left: dict[str, str] = {}
    while True:
        edits = choose(findings, unsafe, made)
        for reason in foreign(project.place, before.sources, edits).values():
            raise RewriteError(reason)
        more = ignored(project.place, before.sources, edits)
        if not more:
            return edits, left
        left |= more
        findings = [finding for finding in findings if not _touches(finding, left)]


def _promised(project: Project, judgement: rules.Judgement) -> Sequence[Finding]:
    """The findings without the fixes that would not be made, and the reason instead."""
    findings: Sequence[Finding] = judgement.findings
    kinds = sorted({not finding.fix.safe for finding in findings if finding.fix})
    if not kinds:
        return findings
    from relengtools.versions import rewrite
    from relengtools.versions.discover import UnheardError

    for unsafe in kinds:
        try:
            project.place.assure()
            edits, left = _chosen(project, judgement, unsafe, {})
            rewrite.assure(judgement.sources, edits, {problem.file for problem in project.problems})
            findings = [_withdrawn(f, _left_for(f, left)) for f in findings]
        except (rewrite.RewriteError, UnheardError) as error:
            findings = [_withdrawn(f, str(error)) if f.fix and (unsafe is not f.fix.safe) else f for f in findings]
    return findings


def _withdrawn(finding: Finding, reason: str | None) -> Finding:
    if reason is None:
        return finding
    return finding._replace(fix=None, note=f"{finding.note}; {reason}" if finding.note else reason)


def _left_for(finding: Finding, left: Mapping[str, str]) -> str | None:
    """Why a fix would leave everything as it is."""
    edits = finding.fix.edits if finding.fix else ()
    return next((left[edit.file] for edit in edits if edit.file in left), None)


def _touches(finding: Finding, files: Container[str]) -> bool:
    """Whether its fix would change one of the files."""
    return finding.fix is not None and any(edit.file in files for edit in finding.fix.edits)


def _all_judged(projects: Iterable[Project], given: Terms) -> Iterator[tuple[Project, rules.Judgement]]:
    projects = list(projects)
    seen: _Seen = set()
    for project, judgement in zip(projects, mapped(lambda project: _judged(project, given), projects), strict=True):
        yield project, _untold(judgement, seen)
        seen |= _places(judgement.findings)


def _untold(judgement: rules.Judgement, seen: _Seen) -> rules.Judgement:
    """Without what was told of with another project."""
    return judgement._replace(findings=[f for f in judgement.findings if (f.rule.code, f.location) not in seen])


def _judged(project: Project, given: Terms) -> rules.Judgement:
    """The findings that count: of rules that are on, not waived, not known."""
    settings = given.settings[project.place.root]
    siblings = None if rules.sample(project) else given.siblings.get(project.place.tree)
    judgement = rules.judge(project, settings, siblings)
    found = judgement.findings
    if any("relengtools:" in source.text for source in judgement.sources):
        from relengtools.versions import waivers

        found = waivers.applied(found, judgement.sources, project.path, settings.on)
    found = [f for f in found if settings.on(f.rule)]
    if given.known is not None:
        from relengtools.versions import baseline

        found = baseline.unknown(found, given.known)
    return judgement._replace(findings=found)


def _places(findings: Iterable[Finding]) -> _Seen:
    return {(finding.rule.code, finding.location) for finding in findings}


def _hidden(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """What an author may have meant is lost with the spelling that gave it away."""
    stay = {finding.message for finding in after}
    return [f for f in before if f.rule == MISLEADING and f.fix is None and f.message not in stay]
