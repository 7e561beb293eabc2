"""The commands of `relengtools versions`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relengtools.errors import Attempts, RelengError, printable, standard_input
from relengtools.versions.commands_parts import FORMAT, IGNORE, SELECT, count, rules_of, say

if TYPE_CHECKING:
    from relengtools.findings import Finding
    from relengtools.versions.baseline import Known
    from relengtools.versions.check import Outcome, Terms
    from relengtools.versions.project import Project
    from relengtools.versions.rewrite import Change
    from relengtools.versions.settings import Settings

PATHS = click.argument("paths", metavar="[PATH]...", nargs=-1)
FINDINGS_FORMAT = click.option(
    "--output-format",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="For people, for programs, for code scanning (SARIF 2.1.0), or as annotations of a GitHub workflow.",
)
KINDS = """\b
  pyproject   [project] version              setup-cfg     [metadata] version of setup.cfg
  poetry      [tool.poetry] version          setup-py      version= of setup(), where setup.py writes it
  module      __version__, or what is named  file          a text file that the build names
  cargo       Cargo.toml                     meson         project() of meson.build
  pkg-info    an unpacked sdist's PKG-INFO   package-json  package.json
  uv-lock     its own entry in uv.lock       bumpversion   [tool.bumpversion] current_version
  docs-conf   release of Sphinx's conf.py    commitizen    [tool.commitizen] version
  citation    CITATION.cff                   conda         meta.yaml
  apkbuild    pkgver= of APKBUILD            pkgbuild      pkgver= of PKGBUILD
  debian      debian/changelog               rpm           Version: of a spec file
  dockerfile  the label org.opencontainers.image.version"""


@click.command("list", epilog=f"Kinds of declarations:\n\n{KINDS}")
@PATHS
@FORMAT
def list_(paths: Sequence[str], output_format: str) -> int:
    """Every place a version is written, and which one the build uses.

    PATH is a directory (all projects below it, but for what git ignores) or a declaring file; by default the working
    directory.
    The owner is the declaration that the build backend takes; the others are copies. LEVEL is the owner's:

    \b
      canonical  as PEP 440 writes it        valid    accepted, but spelt otherwise
      invalid    refused by pip and build    dynamic  computed by the provider that is named
      unknown    can't be told without running code; the reason stands in the last column

    \b
    Examples:
      relengtools versions list
      relengtools versions list ~/src/*/ --output-format json
    """
    from relengtools.versions import listing

    projects, failed, _ = _read(paths)
    for project in projects:
        for problem in project.problems:
            say(f"{printable(problem.file)}:{problem.line}: {printable(problem.message)}")
    if output_format == "json":
        import json

        click.echo(json.dumps(listing.document(projects), indent=2))
    else:
        click.echo(listing.table(projects), nl=False)
    return 2 if failed else 0


@click.command()
@click.argument("path", default=".")
def show(path: str) -> int:
    """The version of the project at PATH, as written, on one bare line.

    Where it isn't written down (a provider or code computes it) only the reason is printed, and the exit code is 2.

    \b
    Examples:
      version=$(relengtools versions show) && git tag "v$version"
      relengtools versions show packages/core
    """
    from relengtools.versions.listing import reason
    from relengtools.versions.locate.source import shown

    projects, failed, _ = _read([path])
    if failed:
        return 2
    chosen = [p for p in projects if p.path == shown(path)] or projects
    if len(chosen) > 1:
        names = ", ".join(printable(p.path) for p in chosen[:5])
        raise RelengError(f"{printable(path)}: there are {len(chosen)} projects below ({names}); name one")
    owner = chosen[0].owner
    if owner is None:
        raise RelengError(f"{printable(chosen[0].path)}: no static version: {reason(chosen[0])}")
    version = (chosen[0].version or owner.value).strip()
    if not version:
        raise RelengError(f"{printable(owner.file)}:{owner.span.line}: the version is empty")
    click.echo(printable(version))
    return 0


@click.command()
@PATHS
@click.option("--fix", is_flag=True, help="Rewrite in place what is provably the same version.")
@click.option("--diff", is_flag=True, help="Print the patch that --fix would make, and write nothing. Text only.")
@click.option(
    "--unsafe-fixes", is_flag=True, help="With --fix or --diff: also what changes the version or can't be proved."
)
@SELECT
@IGNORE
@click.option(
    "--baseline",
    metavar="FILE",
    help="Don't report what this JSON of an earlier run already holds, wherever either is run.",
)
@FINDINGS_FORMAT
def check(
    paths: Sequence[str],
    fix: bool,
    diff: bool,
    unsafe_fixes: bool,
    select: Sequence[str],
    ignore: Sequence[str],
    baseline: str | None,
    output_format: str,
) -> int:
    """Judge versions against PEP 440 and each other, and requirements against PEP 508; --fix rewrites them in place.

    Nothing is rewritten but the bytes of the version: the file is read again and has to say the same but for it. The
    files of a project are written all or none. Zero padding (2026.08.10) may stay unless you select zero-padding.

    \b
    A comment on the line, or alone on the line above, waives a rule there:
      version = "v1.0"  # relengtools: ignore[version-spelling]
    In [tool.relengtools] of pyproject.toml, the nearest at or above a project:
      select, ignore   as on the command line, whose --select sets both aside
      exclude          folders of projects that a walk leaves out: ["tests/data"]
      zero-padding     "keep" (the default) or "drop"; or by kind: { pyproject = "drop" }
      schemes          what versions of the project's own scheme mean (see convert)

    \b
    Examples:
      relengtools versions check                         what is wrong, with the place and the fix
      relengtools versions check --fix                   v1.2-rc1 -> 1.2rc1
      relengtools versions check --diff --unsafe-fixes | git apply
      relengtools versions check --select zero-padding --fix
      relengtools versions check --output-format json > known.json
      relengtools versions check --baseline known.json   only what is new since then

    Exit code 1 also after --fix has rewritten something, and for a --diff that isn't empty. With --diff stdout holds
    the patch alone and stderr what stays, so it goes with no other --output-format than text.
    """
    from relengtools.versions import check as checking
    from relengtools.versions.settings import rule_names

    if diff and output_format != "text":
        raise RelengError(
            f"--diff prints a patch and nothing else, so not with --output-format {output_format}: choose one"
        )
    chosen, ignored = rule_names(rules_of(select), ""), rule_names(rules_of(ignore), "")
    known = _baseline(baseline)
    projects, failed, tables = _read(paths)
    settings, unsettled = _settings(projects, tables, chosen, ignored)
    projects = [project for project in projects if project.place.root in settings]
    _say_unknown(projects)
    given = checking.terms(projects, settings, known, unsafe_fixes and (fix or diff))
    if fix or diff:
        code = _fix(projects, given, unsafe_fixes, not diff, output_format)
    else:
        findings = checking.report(projects, given)
        _print(findings, output_format, len(projects))
        code = min(len(findings), 1)
    return 2 if failed or unsettled else code


@click.command()
@click.argument("rule", required=False)
@FORMAT
def rules(rule: str | None, output_format: str) -> int:
    """The rules of `check`: code, name, whether there is a fix and of which kind, what it finds.

    With RULE (code, prefix or name) its page: what, why, an example, and how safe its fix is.

    \b
    Examples:
      relengtools versions rules
      relengtools versions rules RV102
      relengtools versions rules zero-padding
    """
    from relengtools.output import page
    from relengtools.versions.catalogue import RULES
    from relengtools.versions.rules import find

    found = RULES if rule is None else find(rule)
    if not found:
        raise RelengError(f"{printable(rule or '')}: no such rule; see `relengtools versions rules`")
    if output_format == "json":
        import json

        click.echo(json.dumps({"rules": [r._asdict() for r in found]}, indent=2))
    elif rule is not None:
        click.echo("\n".join(page(r) for r in found), nl=False)
    else:
        width = max(len(r.name) for r in RULES)
        for r in RULES:
            fix = r.fix.split()[0].strip(".:,").lower()
            off = "" if r.default else " (off unless selected)"
            click.echo(f"{r.code}  {r.name:{width}}  {'-' if fix == 'none' else fix:6}  {r.summary}{off}")
    return 0


def _read(paths: Sequence[str]) -> tuple[list["Project"], bool, dict[Path, Any]]:
    """The projects at and below the paths, whether something named is unreadable, and the tables of settings met.

    Raises RelengError where there is no project.
    """
    from relengtools.versions.projects import below

    projects, errors, notes, tables = below(paths or ["."])
    for line in (*notes, *errors[: None if projects else -1]):
        say(line)
    if not projects:
        raise RelengError(errors[-1])
    return projects, bool(errors) or any(_named_unreadable(project) for project in projects), tables


def _named_unreadable(project: "Project") -> bool:
    """Whether a file that was named on the command line could not be read."""
    return any(
        problem.file.rpartition("/")[2] in project.place.named
        for problem in project.problems
        if problem.rule.code != "RV101"
    )


def _settings(
    projects: Sequence["Project"], tables: dict[Path, Any], select: Sequence[str], ignore: Sequence[str]
) -> tuple[dict[Path, "Settings"], bool]:
    """The settings by root of project, under the command line's; those that can't be used are left out and told of."""
    from relengtools.versions.settings import find, narrowed

    settings = {}
    said: dict[str, None] = {}
    attempts = Attempts(lambda line: said.setdefault(line))
    for project in projects:
        with attempts:
            found = find(project.place.root, project.place.tree, tables)
            settings[project.place.root] = narrowed(found, select, ignore)
    for line in said:
        say(line)
    return settings, attempts.failed


def _baseline(name: str | None) -> "Known | None":
    if name is None:
        return None
    from relengtools.versions.baseline import read

    try:
        data = standard_input().read() if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RelengError(f"{printable(name)}: can't read the baseline: {reason}") from error
    return read(name, data)


def _fix(projects: Sequence["Project"], given: "Terms", unsafe: bool, write: bool, output_format: str) -> int:
    """Make the changes and tell what stays, or print them as a patch; the exit code."""
    from relengtools.versions.check import fixed, merged

    outcomes: list[Outcome] = []
    for outcome in fixed(projects, given, unsafe, write):
        outcomes.append(outcome)
        for line in (*outcome.left.values(), *filter(None, [outcome.refusal])):
            say(line)
        if write and not outcome.refusal:
            _say_rewritten(outcome)
    stay = [finding for outcome in outcomes for finding in outcome.findings]
    changes = merged(outcomes)
    if write:
        _print(stay, output_format, len(projects), len(changes))
    else:
        _print_diff(changes, stay)
    return 2 if any(outcome.refusal for outcome in outcomes) else int(bool(changes or stay))


def _say_rewritten(outcome: "Outcome") -> None:
    from itertools import groupby

    from relengtools.output import shown

    for file, group in groupby(outcome.edits, key=lambda edit: edit.file):
        edits = [shown(edit) for edit in group]
        more = f", and {len(edits) - 5} more" if len(edits) > 5 else ""
        say(f"{printable(file)}: {', '.join(edits[:5])}{more}")
    for finding in outcome.hidden:
        place = finding.location
        say(f"{printable(place.file)}:{place.line}: {printable(finding.message)}")


def _print(findings: Sequence["Finding"], output_format: str, projects: int, fixed: int = 0) -> None:
    from relengtools import output

    match output_format:
        case "json":
            click.echo(output.json_document(findings, projects=projects, files_rewritten=fixed))
        case "sarif":
            from relengtools.output_sarif import document
            from relengtools.versions.catalogue import RULES

            click.echo(document(findings, RULES))
        case "github":
            from relengtools.output_github import annotations

            click.echo(annotations(findings), nl=False)
        case _:
            click.echo(output.text(findings), nl=False)
    if output_format in ("text", "github"):
        say(_summary(findings, projects, fixed))


def _summary(findings: Sequence["Finding"], projects: int, fixed: int) -> str:
    from relengtools.output import summarize

    fixable = summarize(findings)["fixable"]
    ways = [
        f"{n} {kind}"
        for n, kind in ((fixable["safe"], "by --fix"), (fixable["unsafe"], "by --fix --unsafe-fixes"))
        if n
    ]
    return (
        f"{count(projects, 'project')}, {count(len(findings), 'finding')}"
        + (f", {count(fixed, 'file')} rewritten" if fixed else "")
        + (f" (can be mended: {', '.join(ways)})" if ways else "")
    )


def _print_diff(changes: Sequence["Change"], stay: Sequence["Finding"]) -> None:
    from relengtools import output
    from relengtools.versions import patch

    click.echo(patch.unified(changes), nl=False)
    click.echo(output.text(stay), nl=False, err=True)


def _say_unknown(projects: Sequence["Project"]) -> None:
    """A version that nobody looked at must not pass for a good one."""
    for project in projects:
        if project.owner is None and project.provider is None and not project.missing and not project.problems:
            from relengtools.versions.listing import reason

            say(f"{printable(project.path)}: not judged: {reason(project)}")
