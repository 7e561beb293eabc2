"""The commands of `relengtools versions`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from relengtools.errors import RelengError, printable

if TYPE_CHECKING:
    from relengtools.findings import Finding, Rule
    from relengtools.versions.project import Project
    from relengtools.versions.rewrite import Change

PATHS = click.argument("paths", metavar="[PATH]...", nargs=-1)
FORMAT = click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or for programs.",
)
KINDS = """\b
  pyproject  [project] version         setup-cfg  [metadata] version of setup.cfg
  poetry     [tool.poetry] version     setup-py   version= of setup(), or the literal behind the name there
  module     __version__               file       a text file that the build names"""


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

    projects, failed = _read(paths)
    for project in projects:
        for problem in project.problems:
            _say(f"{printable(problem.file)}:{problem.line}: {printable(problem.message)}")
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
      git tag "v$(relengtools versions show)"
      relengtools versions show packages/core
    """
    from relengtools.versions.listing import reason
    from relengtools.versions.locate.source import shown

    projects, failed = _read([path])
    if failed:
        return 2
    chosen = [p for p in projects if p.path == shown(path)] or projects
    if len(chosen) > 1:
        names = ", ".join(printable(p.path) for p in chosen[:5])
        raise RelengError(f"{printable(path)}: there are {len(chosen)} projects below ({names}); name one")
    owner = chosen[0].owner
    if owner is None:
        raise RelengError(f"{printable(chosen[0].path)}: no static version: {reason(chosen[0])}")
    click.echo(printable(owner.value.strip()))
    return 0


@click.command()
@PATHS
@click.option("--fix", is_flag=True, help="Rewrite in place what is provably the same version.")
@click.option("--diff", is_flag=True, help="Print the patch that --fix would make, and write nothing.")
@click.option(
    "--unsafe-fixes", is_flag=True, help="With --fix or --diff: also what changes the version or can't be proved."
)
@click.option(
    "--select", multiple=True, metavar="RULES", help="Only these rules: codes, prefixes or names, comma-separated."
)
@click.option("--ignore", multiple=True, metavar="RULES", help="Not these rules; wins over --select.")
@FORMAT
def check(
    paths: Sequence[str],
    fix: bool,
    diff: bool,
    unsafe_fixes: bool,
    select: Sequence[str],
    ignore: Sequence[str],
    output_format: str,
) -> int:
    """Judge versions against PEP 440 and each other; --fix rewrites them in place.

    Nothing is rewritten but the bytes of the version: the file is read again and has to say the same but for it. The
    files of a project are written all or none. Zero padding (2026.08.10) may stay unless you select zero-padding.

    \b
    Examples:
      relengtools versions check                         what is wrong, with the place and the fix
      relengtools versions check --fix                   v1.2-rc1 -> 1.2rc1
      relengtools versions check --diff --unsafe-fixes | git apply
      relengtools versions check --select zero-padding --fix
      relengtools versions check --ignore RV2 --output-format json

    Exit code 1 also after --fix has rewritten something, and for a --diff that isn't empty.
    """
    from relengtools.findings import selected
    from relengtools.versions.rules import judge

    chosen, ignored = _rules(select), _rules(ignore)
    projects, failed = _read(paths)

    def judged(project: "Project") -> list["Finding"]:
        return [finding for finding in judge(project) if selected(finding.rule, chosen, ignored)]

    _say_unknown(projects)
    if not (fix or diff):
        findings = [finding for project in projects for finding in judged(project)]
        _print(findings, output_format, len(projects))
        return 2 if failed else min(len(findings), 1)
    changes, stay, refused = _fix(projects, judged, unsafe_fixes, write=not diff)
    if diff:
        _print_diff(changes, stay)
    else:
        _print(stay, output_format, len(projects), len(changes))
    return 2 if failed or refused else int(bool(changes or stay))


@click.command()
@click.argument("rule", required=False)
@FORMAT
def rules(rule: str | None, output_format: str) -> int:
    """The rules of `check`; with RULE (code, prefix or name) its page: what, why, an example, and how safe its fix is.

    \b
    Examples:
      relengtools versions rules
      relengtools versions rules RV102
      relengtools versions rules zero-padding
    """
    from dataclasses import asdict

    from relengtools.versions.catalogue import RULES
    from relengtools.versions.rules import find

    found = RULES if rule is None else find(rule)
    if not found:
        raise RelengError(f"{printable(rule or '')}: no such rule; see `relengtools versions rules`")
    if output_format == "json":
        import json

        click.echo(json.dumps({"rules": [asdict(r) for r in found]}, indent=2))
    elif rule is not None:
        click.echo("\n".join(_page(r) for r in found), nl=False)
    else:
        width = max(len(r.name) for r in RULES)
        for r in RULES:
            click.echo(f"{r.code}  {r.name:{width}}  {r.summary}{'' if r.default else ' (off unless selected)'}")
    return 0


def _read(paths: Sequence[str]) -> tuple[list["Project"], bool]:
    """The projects at and below the paths, and whether something named is unreadable; RelengError if none."""
    from relengtools.versions.discover import discover
    from relengtools.versions.project import read

    found = discover(paths or ["."])
    projects = [project for place in found.places.values() if (project := read(place))]
    if not projects and not found.errors:
        where = ", ".join(printable(path) for path in paths or ["."])
        found.errors.append(f"{where}: no project found: no pyproject.toml, setup.cfg or setup.py describes a package")
    for line in (*found.notes, *found.errors[: None if projects else -1]):
        _say(line)
    if not projects:
        raise RelengError(found.errors[-1])
    return projects, bool(found.errors) or any(_named_unreadable(project) for project in projects)


def _named_unreadable(project: "Project") -> bool:
    """Whether a file that was named on the command line could not be read."""
    return any(
        problem.file.rpartition("/")[2] in project.place.named
        for problem in project.problems
        if problem.rule.code != "RV101"
    )


def _fix(
    projects: Sequence["Project"], judged: Callable[["Project"], list["Finding"]], unsafe: bool, write: bool
) -> tuple[list["Change"], list["Finding"], bool]:
    """Make or only plan the changes, project by project; changes, findings that stay, whether one was refused."""
    from relengtools.versions import project as reader
    from relengtools.versions import rewrite

    changes: list[Change] = []
    stay: list[Finding] = []
    refused = False
    for project in projects:
        findings = judged(project)
        try:
            planned = rewrite.plan(project.sources, rewrite.choose(findings, unsafe))
            if write and planned:
                rewrite.write(planned)
                findings = judged(reader.read(project.place) or project)
                for change in planned:
                    edits = ", ".join(f"{printable(edit.old)} -> {edit.new}" for edit in change.edits)
                    _say(f"{printable(change.source.file)}: {edits}")
            elif planned:
                findings = [f for f in findings if f.fix is None or not (f.fix.safe or unsafe)]
            changes += planned
        except rewrite.RewriteError as error:
            _say(str(error))
            refused = True
        stay += findings
    return changes, stay, refused


def _rules(given: Sequence[str]) -> list[str]:
    """Codes, prefixes and names, checked: a misspelt one would silently select nothing."""
    from relengtools.versions.catalogue import RULES

    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    for name in names:
        if not any(rule.name == name or rule.code.startswith(name) for rule in RULES):
            raise RelengError(f"{printable(name)}: no such rule; see `relengtools versions rules`")
    return names


def _print(findings: Sequence["Finding"], output_format: str, projects: int, fixed: int = 0) -> None:
    from relengtools import output

    if output_format == "json":
        click.echo(output.json_document(findings, projects=projects, files_rewritten=fixed))
        return
    click.echo(output.text(findings), nl=False)
    fixable = output.summarize(findings)["fixable"]
    ways = [
        f"{n} {kind}"
        for n, kind in ((fixable["safe"], "by --fix"), (fixable["unsafe"], "by --fix --unsafe-fixes"))
        if n
    ]
    _say(
        f"{_count(projects, 'project')}, {_count(len(findings), 'finding')}"
        + (f", {_count(fixed, 'file')} rewritten" if fixed else "")
        + (f" (can be mended: {', '.join(ways)})" if ways else "")
    )


def _print_diff(changes: Sequence["Change"], stay: Sequence["Finding"]) -> None:
    from relengtools import output
    from relengtools.versions import patch

    click.echo(patch.unified(changes), nl=False)
    click.echo(output.text(stay), nl=False, err=True)


def _say_unknown(projects: Sequence["Project"]) -> None:
    """A version that nobody looked at must not pass for a good one."""
    from relengtools.versions.listing import reason

    for project in projects:
        if project.owner is None and project.provider is None and not project.missing and not project.problems:
            _say(f"{printable(project.path)}: not judged: {reason(project)}")


def _page(rule: "Rule") -> str:
    import textwrap

    parts = (("Why", rule.why), ("Fix", rule.fix))
    off = "" if rule.default else f"\nOff unless selected: --select {rule.name}\n"
    text = "".join(
        f"\n{title}\n{textwrap.fill(body, 100, initial_indent='  ', subsequent_indent='  ')}\n" for title, body in parts
    )
    example = textwrap.indent(rule.example, "  ")
    return f"{rule.code} {rule.name}\n{rule.summary}\n{off}{text}\nExample\n{example}\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say(line: str) -> None:
    click.echo(f"relengtools: {line}", err=True)
