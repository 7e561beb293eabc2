"""The command `relengtools versions release`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relengtools.errors import Attempts, RelengError, printable
from relengtools.versions.commands_parts import IGNORE, SELECT, count, progress, rules_of, say

if TYPE_CHECKING:
    from relengtools.findings import Finding
    from relengtools.versions.artifacts.distribution import Distribution
    from relengtools.versions.project import Project
    from relengtools.versions.release import Candidate
    from relengtools.versions.settings import Settings

# What stands beside distributions in a dist/ that is to be uploaded.
_BESIDE = (".asc", ".sig", ".attestation")


@click.command()
@click.argument("distributions", metavar="[DIST]...", nargs=-1)
@click.option("--tag", metavar="TAG", help="The tag of the release, made already or about to be.")
@click.option("--project", "path", metavar="PATH", help="The project.  [default: without DIST, the working directory]")
@click.option(
    "--build", is_flag=True, help="Also build it, in isolation: its code is run, half an hour a step at most."
)
@SELECT
@IGNORE
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "sarif", "github", "junit"]),
    default="text",
    show_default=True,
    help="For people, for programs, for code scanning (SARIF 2.1.0), as annotations of a GitHub workflow, or as tests.",
)
def release(
    distributions: Sequence[str],
    tag: str | None,
    path: str | None,
    build: bool,
    select: Sequence[str],
    ignore: Sequence[str],
    output_format: str,
) -> int:
    """The gate before a release: tag, project, sdists and wheels all have to say the same.

    DIST are sdists and wheels. They are read within bounds and never unpacked, whatever is in them. Signatures and
    attestations beside them are passed over.

    \b
      tag        a version behind a prefix, on the commit that is checked out
      project    its version, its copies, its requirements; nothing changed, no shallow clone
      order      above all earlier releases of its line, and not taken
      DIST       file name (PEP 625), folders, metadata, RECORD, __version__ and requirements agree; a wheel holds
                 nothing that its sdist can't have given, and neither of them what is not committed
      --build    the wheel from the sdist is the wheel from the tree, and what DIST is

    An index takes no local version, no wheel for linux_x86_64 (which Linux?) and no dependency by URL; who keeps one of
    his own that does ignores the rules unpublishable-version, unpublishable-platform and direct-reference. `ignore` and
    `schemes` in [tool.relengtools] count here too (see check); `select` doesn't. `relengtools versions rules RV7`
    explains the rules.

    \b
    Examples:
      relengtools versions release dist/*
      relengtools versions release dist/* --project . --tag v1.2.3
      relengtools versions release --tag v1.2.3          before the tag is made, or in a hook
      relengtools versions release --build               what would be released from here
    """
    from relengtools.versions import release as judging
    from relengtools.versions.settings import rule_names

    chosen, ignored = rule_names(rules_of(select), ""), rule_names(rules_of(ignore), "")
    attempts = Attempts(say)
    candidate = _candidate(tag, path, named=bool(distributions), building=build)
    candidate = candidate._replace(settings=_settings(candidate, chosen, ignored))
    _say_unjudged(candidate, distributions)
    opened = _opened(distributions, attempts)
    candidate, found = _judged(candidate, opened)
    if build:
        with attempts:
            candidate, more = _built(candidate)
            found += more
    with attempts:
        found = [*judging.judge(candidate), *found]
        nothing = not (found or attempts.said or candidate.distributions)
        if nothing and judging.version(candidate) is None:
            where = printable(candidate.path)
            raise RelengError(f"{where}: no version is known here, so none is judged: name a tag or distributions")
    _print(found, output_format, candidate, attempts.said)
    return 2 if attempts.failed else min(len(found), 1)


def _candidate(tag: str | None, path: str | None, named: bool, building: bool) -> "Candidate":
    """What is known without the distributions: the project is the working directory's if nothing else is named."""
    from relengtools.versions import release_order
    from relengtools.versions.release import Candidate

    name = None if tag is None else tag.strip().removeprefix("refs/tags/")
    if name == "":
        raise RelengError("--tag is empty: an unset variable?")
    if path is None and named and not building:
        return Candidate(name)
    project = _project(path or ".", name, needed=path is not None or building or name is None)
    directory = project.place.root if project else Path(path or ".").absolute()
    return Candidate(name, project, release_order.clone(directory))


def _project(path: str, tag: str | None, needed: bool) -> "Project | None":
    """The project at the path, or the only one below it, or the one of several that the tag names (`api/v1.0`)."""
    from relengtools.versions.discover import discover
    from relengtools.versions.locate.source import shown
    from relengtools.versions.project import read
    from relengtools.versions.release_product import bears

    found = discover([path])
    if found.errors:
        raise RelengError(found.errors[0])
    everywhere = [(place.path, project) for place in found.places.values() if (project := read(place))]
    named = [project for _, project in everywhere if tag and not needed and bears(tag, project.name)]
    here = [project for where, project in everywhere if where == shown(path)]
    projects = named or here or [project for _, project in everywhere]
    if len(projects) > 1 and not needed:
        return None
    if len(projects) > 1:
        some = ", ".join(printable(project.path) for project in projects[:5])
        raise RelengError(
            f"{printable(path)}: there are {len(projects)} projects below ({some}); name one by --project"
        )
    if not projects and needed:
        what = "no pyproject.toml, setup.cfg or setup.py describes a package"
        raise RelengError(f"{printable(path)}: no project found: {what}")
    return projects[0] if projects else None


def _settings(candidate: "Candidate", select: Sequence[str], ignore: Sequence[str]) -> "Settings":
    """Those of the project, under the command line's; what it selects for `check` mustn't switch the gate off."""
    from relengtools.versions.settings import DEFAULT, find, narrowed

    place = candidate.project.place if candidate.project else None
    settings = find(place.root, place.tree, {}) if place else DEFAULT
    return narrowed(settings._replace(select=()), select, ignore)


def _say_unjudged(candidate: "Candidate", distributions: Sequence[str]) -> None:
    """What nobody looked at must not pass for good."""
    from relengtools.versions.listing import reason
    from relengtools.versions.release import doubt

    project = candidate.project
    if candidate.clone is None and (project or not distributions):
        say(f"{printable(candidate.path)}: no git repository: neither the tree nor the order of releases is judged")
    if project and project.owner is None and project.provider is None and not (project.missing or project.problems):
        say(f"{printable(project.path)}: not judged: {reason(project)}")
    if (found := doubt(candidate)) and not found.certain:
        say(f"not judged: {found.message}")
    if project is None and (place := _project_beside(distributions)):
        say(f"not judged: the project in {place}, its changes and its earlier tags: name it by --project {place}")


def _project_beside(distributions: Sequence[str]) -> str | None:
    """The project that has the distributions in it, or in its dist/; as a word for a shell."""
    import shlex

    from relengtools.versions.discover import MARKERS
    from relengtools.versions.locate.source import shown

    for folder in dict.fromkeys(Path(name).absolute().parent for name in distributions if "\0" not in name):
        for place in (folder, folder.parent):
            if any((place / marker).is_file() for marker in MARKERS):
                return shlex.quote(printable(shown(place)))
    return None


def _opened(names: Sequence[str], attempts: Attempts) -> Iterator["Distribution"]:
    """The distributions that can be read, each once."""
    from relengtools.versions.artifacts import distribution
    from relengtools.versions.locate.source import shown

    for name in dict.fromkeys(name for name in names if not name.endswith(_BESIDE)):
        with attempts:
            if not name:
                raise RelengError("the name of a distribution is empty: an unset variable?")
            with _progress(f"reading {printable(name)}"):
                yield distribution.read(Path(name), shown(name))


def _judged(candidate: "Candidate", opened: "Iterable[Distribution]") -> "tuple[Candidate, list[Finding]]":
    """The candidate with these distributions, and what there is to say of each; only one at a time is in memory."""
    from relengtools.versions.artifacts.summary import summary
    from relengtools.versions.release import judge_distribution

    found: list[Finding] = []
    kept = list(candidate.distributions)
    for distribution in opened:
        found += judge_distribution(candidate, distribution)
        kept.append(summary(distribution))
        del distribution  # before the next one is read
    return candidate._replace(distributions=kept), found


def _built(candidate: "Candidate") -> "tuple[Candidate, list[Finding]]":
    """The candidate with what was built of it, and what went wrong."""
    from relengtools.findings import Finding, Location
    from relengtools.versions.artifacts import building
    from relengtools.versions.catalogue_release import UNPUBLISHABLE_PLATFORM

    assert candidate.project is not None
    place = candidate.project.place
    try:
        built = building.build(place.root, place.tree, progress)
    finally:
        progress(None)
    found = [
        Finding(rule, message, Location(place.path), place.path)
        for rule, message in built.troubles
        if candidate.settings.on(rule)
    ]
    found += _apart(candidate, built.distributions)
    candidate, more = _judged(candidate, built.distributions)
    # These are compared, and not uploaded.
    return candidate, [*found, *(finding for finding in more if finding.rule is not UNPUBLISHABLE_PLATFORM)]


def _apart(candidate: "Candidate", built: "Sequence[Distribution]") -> "Iterator[Finding]":
    """Where what was handed in isn't what this tree gives."""
    from relengtools.findings import Finding, Location
    from relengtools.versions.artifacts import building
    from relengtools.versions.catalogue_release import WHEEL_DIFFERS

    if not candidate.settings.on(WHEEL_DIFFERS):
        return
    for given in candidate.distributions:
        same = next((one for one in built if one.filename == Path(given.file).name), None)
        for difference in building.apart(given.payload, same.payload) if same else ():
            yield Finding(WHEEL_DIFFERS, difference, Location(given.file), candidate.path)


def _print(findings: Sequence["Finding"], output_format: str, candidate: "Candidate", failures: Sequence[str]) -> None:
    from relengtools import output
    from relengtools.versions.release import version

    number = len(candidate.distributions)
    match output_format:
        case "json":
            click.echo(
                output.json_document(findings, distributions=number, version=version(candidate), errors=failures)
            )
        case "sarif":
            from relengtools.output_sarif import document
            from relengtools.versions.catalogue import RULES

            click.echo(document(findings, RULES, failures))
        case "junit":
            from relengtools import output_junit

            click.echo(output_junit.document(findings, _subjects(candidate), failures))
        case "github":
            from relengtools.output_github import annotations

            click.echo(annotations(findings, failures), nl=False)
        case _:
            click.echo(output.text(findings), nl=False)
    if output_format in ("text", "github"):
        parts = [
            f"tag {printable(candidate.tag)}" if candidate.tag else None,
            f"project {printable(candidate.path)}" if candidate.project else None,
            count(number, "distribution") if number else None,
        ]
        judged = ", ".join(part for part in parts if part) or "nothing"
        one = version(candidate)
        say(f"{f'{one}: ' if one else ''}{judged}: {count(len(findings), 'finding')}")


def _subjects(candidate: "Candidate") -> list[str]:
    """What was judged, by the names that findings give as their places."""
    tag = [f"refs/tags/{candidate.tag}"] if candidate.tag else []
    project = [candidate.path] if candidate.project else []
    return [*tag, *project, *(distribution.file for distribution in candidate.distributions)]


@contextmanager
def _progress(line: str) -> Iterator[None]:
    progress(line)
    try:
        yield
    finally:
        progress(None)
