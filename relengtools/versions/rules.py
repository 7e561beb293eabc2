"""A project to findings: each declaration by itself, agreement, requirements, and what could not be read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from relengtools.findings import Finding, Location, Rule
from relengtools.versions.agreement_rules import agreement
from relengtools.versions.catalogue import GIT_DESCRIBE, INVALID, MISLEADING, MISSING, NO_TAGS, RULES, SHALLOW
from relengtools.versions.declaration import Declaration, Kind, Problem
from relengtools.versions.form_rules import PEP440, form, proposal
from relengtools.versions.locate.source import Source
from relengtools.versions.names import normalized
from relengtools.versions.project import Project
from relengtools.versions.reading import read
from relengtools.versions.requirements.quiet import quiet
from relengtools.versions.settings import DEFAULT, Settings, spelt

# What lies below such a folder is built for a look, and never released.
_SAMPLES = frozenset(
    {"test", "tests", "testing", "testdata", "fixtures", "functional_tests", "example", "examples", "sample", "samples"}
    | {"demo", "demos", "doc", "docs", "tutorial", "tutorials", "benchmark", "benchmarks"}
)

# Declarations that have a name, by which they can be read.
_NAMED = frozenset({Kind.SETUP_PY, Kind.MODULE})


class Judgement(NamedTuple):
    """The findings in the order of files and lines, and every file that they can be in or want to edit."""

    findings: list[Finding]
    sources: tuple[Source, ...]


def judge(project: Project, settings: Settings = DEFAULT, siblings: Mapping[str, str] | None = None) -> Judgement:
    """Every finding of every rule for a project; selection is the caller's.

    `siblings` is what `versions_of` says of the other projects of the tree.
    """
    found = [_problem(project.path, problem) for problem in project.problems]
    if project.missing and not sample(project):
        found.append(_missing(project))
    for declaration in (d for d in project.declarations if d.owner or not _silent(d)):
        judged = form(project.path, declaration, settings, claims=_claims(project, declaration))
        found += (_used(project, declaration, finding) for finding in judged)
    found += agreement(project, settings)
    found += _provider(project)
    sources = project.sources
    if not quiet(project, siblings or {}):
        from relengtools.versions import dependency_rules

        more, problems, files = dependency_rules.judge(project, siblings or {})
        found += [*more, *(_problem(project.path, problem) for problem in problems)]
        # What setup.py opens has been read before.
        sources = (*sources, *(file for file in files if file.path not in {source.path for source in sources}))
    return Judgement(sorted(found, key=lambda f: (f.location, f.rule.code)), sources)


def sample(project: Project) -> bool:
    """Whether the project lies in a folder of tests, examples or documentation of its tree."""
    root, tree = project.place.root, project.place.tree
    parts = root.relative_to(tree).parts if root.is_relative_to(tree) else ()
    return any(part.lower() in _SAMPLES for part in parts)


def find(name: str) -> tuple[Rule, ...]:
    """The rules of a code, a prefix of a code, or a name."""
    wanted = spelt(name)
    return tuple(rule for rule in RULES if wanted == rule.name or (wanted and rule.code.startswith(wanted)))


def versions_of(projects: Iterable[tuple[Project, Settings]], unsafe: bool) -> dict[str, str]:
    """The static version of each project by its normalised name (PEP 503), as it will be once the fixes are made.

    A name that two projects share is left out, and so are samples.
    """
    found: dict[str, set[str]] = {}
    for project, settings in projects:
        if project.name and project.owner and not sample(project):
            canonical = read(project.owner).canonical
            version = canonical if project.owner.kind.scheme != PEP440 else project.owner.value
            if unsafe and settings.on(MISLEADING if canonical else INVALID):
                version = proposal(project.owner, settings) or version
            found.setdefault(normalized(project.name), set()).add(version or "")
    return {name: next(iter(versions)) for name, versions in found.items() if len(versions) == 1}


def _claims(project: Project, declaration: Declaration) -> bool:
    """Whether a declaration states what will be released; a placeholder that a provider replaces doesn't."""
    document = project.document or {}
    table, tool = document.get("project"), document.get("tool")
    classifiers = table.get("classifiers") if isinstance(table, dict) else None
    uv = tool.get("uv") if isinstance(tool, dict) else None
    private = any("Private ::" in str(name) for name in classifiers) if isinstance(classifiers, list) else False
    unpackaged = isinstance(uv, dict) and uv.get("package") is False
    stated = declaration.owner or (project.owner is None and project.provider is None)
    return stated and not (private or unpackaged or sample(project))


def _used(project: Project, declaration: Declaration, finding: Finding) -> Finding:
    """A fix is not safe where setup.py makes more of the version than the version: a URL, a requirement, a path."""
    setup = next((s for s in project.sources if s.path == project.place.root / "setup.py"), None)
    if setup is None or finding.fix is None or not finding.fix.safe or declaration.kind not in _NAMED:
        return finding
    from relengtools.versions.locate import uses

    source = next(s for s in project.sources if s.file == declaration.file)
    line = uses.beside(setup, uses.names(source, declaration.span.line, declaration.span.column))
    if line is None:
        return finding
    note = f"setup.py:{line} makes something else of it too, which changes with the spelling"
    return finding._replace(fix=finding.fix._replace(safe=False), note=finding.note or note)


def _silent(copy: Declaration) -> bool:
    """A distribution's file is its packager's; Sphinx's settings come with an empty version to be filled in."""
    return copy.kind.packaged or (copy.kind is Kind.DOCS_CONF and not copy.value.strip())


def _provider(project: Project) -> Iterator[Finding]:
    """A version that is computed wrongly without a word, now or at the next commit."""
    if project.provider is None or project.owner is not None:
        return
    if project.provider == "git-describe" and project.where is not None:
        from relengtools.versions.migrate import between

        wrong = between.judge(project)
        if wrong is not None:
            yield Finding(GIT_DESCRIBE, wrong.message, _at(project), project.path, note=wrong.note)
        return
    if not (project.place.tree / ".git").exists():
        return
    from relengtools.versions import providers

    state = providers.state(project.provider, project.document, project.place.root, project.place.tree)
    rule = {"shallow": SHALLOW, "no-tags": NO_TAGS}.get(state.problem or "")
    if rule is not None:
        message = f"{project.provider} can't compute the version: {state.reason}"
        yield Finding(rule, message, _at(project), project.path)


def _at(project: Project) -> Location:
    """Where a project says who computes its version."""
    if project.where is None:
        return Location(next((source.file for source in project.sources), project.path))
    file, line, column = project.where[:3]
    return Location(file, line, column, line, column)


def _missing(project: Project) -> Finding:
    file = next((s.file for s in project.sources), project.path)
    return Finding(MISSING, f"{project.name or 'the project'}: {project.reason}", Location(file), project.path)


def _problem(project: str, problem: Problem) -> Finding:
    location = Location(problem.file, problem.line, problem.column, problem.line, problem.column)
    return Finding(problem.rule, problem.message, location, project, None, problem.source)
