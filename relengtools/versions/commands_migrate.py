"""The command `relengtools versions migrate`."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from relengtools.errors import Attempts, RelengError, printable

if TYPE_CHECKING:
    from relengtools.versions.discover import Place
    from relengtools.versions.migrate.plan import Outcome, Plan
    from relengtools.versions.migrate.verify import Verified


class Wish(NamedTuple):
    """What is asked for on the command line."""

    style: str
    diff: bool
    verify: bool
    commit: bool
    stubs: tuple[str, ...]


@click.command(
    epilog="Exit codes: 0 done, or nothing to do; 1 a --diff that isn't empty; 2 a project that was left alone."
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "--style",
    type=click.Choice(["minimal", "modern"]),
    default="minimal",
    show_default=True,
    help="One expression in setup.py, or all of it moved to pyproject.toml.",
)
@click.option("--diff", is_flag=True, help="Print the patch, and write nothing.")
@click.option("--verify", is_flag=True, help="Build the project before and after (its code is run); any loss stops it.")
@click.option(
    "--stub",
    "stubs",
    multiple=True,
    metavar="NAME[=FILE,...]",
    help="With --verify: a program and a module of this name that do nothing (but make these files, empty).",
)
@click.option("--commit", is_flag=True, help="One commit in each repository.")
def migrate(paths: Sequence[str], style: str, diff: bool, verify: bool, stubs: Sequence[str], commit: bool) -> int:
    """Make projects compliant whose setup.py takes the version from an environment variable or `git describe`.

    PATH is a directory (all projects below it) or a setup.py; by default the working directory. setup.py is read, never
    run, but with --verify. The files of a project are written all or none, a dirty work tree is refused, and a project
    that can't be migrated doesn't stop the others.

    \b
    Styles:
      minimal  a function in setup.py makes PEP 440 of what git and packagers say, and the variable goes on to work:
                 0.62.4-2-ga73a73b    -> 0.62.4.post2+ga73a73b    above 0.62.4, below whatever comes next
                 0.62.4_git20240524   -> 0.62.4.post20240524      Alpine's snapshots
                 0.62.4_2_ga73a73b    -> 0.62.4.post2+ga73a73b    Arch's
      modern   pyproject.toml with all that setup() was given, the version by setuptools-scm (0.62.5.dev2+ga73a73b),
               and .git_archival.txt for archives; setup.py keeps what isn't metadata (a make step, cmdclass, …) or goes

    What can't be carried over for certain stops a project, with the list. A version that is written in setup.py and
    use_scm_version are moved by modern too; with pbr and versioneer it says why not.

    \b
    Examples:
      relengtools versions migrate --diff ~/src/*.sr.ht
      relengtools versions migrate --style modern --verify --stub make --stub srht ~/src/hub.sr.ht
      relengtools versions migrate --style modern --commit ~/src/*.sr.ht
    """
    if stubs and not verify:
        raise RelengError("--stub is for the builds that --verify makes: add --verify")
    if commit and diff:
        raise RelengError("--diff writes nothing that --commit could commit: choose one")
    wish = Wish(style, diff, verify, commit, tuple(stubs))
    places, failed = _places(paths)
    attempts = Attempts(_say)
    plans = []
    for place in places:
        with attempts:
            plans += _one(place, wish)
    packager = dict.fromkeys(line for plan in plans for line in plan.packager)
    for line in ["for packagers:", *(f"  {line}" for line in packager)] if packager else []:
        click.echo(line, err=diff)
    return 2 if failed or attempts.failed else int(diff and bool(plans))


def _places(paths: Sequence[str]) -> tuple[list["Place"], bool]:
    """The places at and below the paths, and whether something named is unreadable; RelengError if there is none."""
    from relengtools.versions.discover import discover

    found = discover(paths or ["."])
    for line in (*found.notes, *found.errors):
        _say(line)
    places = [place for place in found.places.values() if "setup.py" in place.markers]
    if not places and not found.errors:
        raise RelengError(f"{', '.join(map(printable, paths or ['.']))}: no setup.py at or below it")
    return places, bool(found.errors)


def _one(place: "Place", wish: Wish) -> list["Plan"]:
    """Migrate one project, and say what was done; the plan that was followed, if any. Raises RelengError."""
    from relengtools.versions.locate.source import UnreadableError
    from relengtools.versions.migrate import plan as planning

    try:
        outcome = planning.plan(place, planning.Style(wish.style))
    except UnreadableError as error:
        raise RelengError(f"{error.problem.file}:{error.problem.line}: {error.problem.message}") from error
    if isinstance(outcome, planning.Plan):
        _migrate(outcome, wish)
        return [outcome]
    _told(outcome)
    return []


def _told(outcome: "Outcome") -> None:
    """Say why a project stays as it is; raises RelengError where that is no good."""
    from relengtools.versions.migrate.plan import Nothing, Refusal

    if isinstance(outcome, Nothing):
        _say(f"{printable(outcome.path)}: nothing to do: {printable(outcome.why)}")
    if isinstance(outcome, Refusal):
        for reason in outcome.reasons:
            _say(f"{printable(outcome.path)}: {printable(reason)}")
        raise RelengError(f"{outcome.path}: not migrated: {_count(len(outcome.reasons), 'reason')} above")


def _migrate(plan: "Plan", wish: Wish) -> None:
    from relengtools.versions import patch, rewrite
    from relengtools.versions.migrate import worktree

    if wish.commit or wish.verify or not wish.diff:
        worktree.check(plan, wish.commit)
    verified = _verified(plan, wish.stubs) if wish.verify else None
    if wish.diff:
        click.echo(patch.unified(plan.changes), nl=False)
    else:
        rewrite.write(plan.changes)
    if wish.commit:
        worktree.commit(plan)
    for line in _summary(plan, verified, wish):
        click.echo(line, err=wish.diff)


def _verified(plan: "Plan", stubs: Sequence[str]) -> "Verified":
    """What the builds say; raises RelengError with the list of what would be lost."""
    from relengtools.versions.git import GitError
    from relengtools.versions.migrate import build, verify

    path = plan.project.path
    try:
        verified = verify.verify(plan, stubs, lambda step: _progress(f"{path}: {step}"))
    except (build.BuildError, GitError) as error:
        raise RelengError(f"{path}: not migrated: {error}") from error
    finally:
        _progress(None)
    for line in verified.lost:
        _say(f"{printable(path)}: would be lost: {printable(line)}")
    if verified.lost:
        raise RelengError(f"{path}: not migrated: {_count(len(verified.lost), 'loss', 'losses')} above")
    return verified


def _summary(plan: "Plan", verified: "Verified | None", wish: Wish) -> Iterator[str]:
    """What was done to a project, for people."""
    done = "would be migrated" if wish.diff else "committed" if wish.commit else "migrated"
    how = "verified by building it before and after" if verified else "unverified: nothing was built"
    yield f"{printable(plan.project.path)}: {done}, {how}"
    files = ", ".join(f"{printable(change.source.path.name)} {change.fate.value}" for change in plan.changes)
    yield f"  files     {files}"
    yield f"  version   {_versions(plan)}"
    if verified:
        yield f"  built     {printable(verified.version)}, no loss"
        if verified.gained:
            yield f"  gained    {printable(', '.join(verified.gained[:5]))}{' …' if len(verified.gained) > 5 else ''}"
    if plan.carried:
        yield f"  carried   {printable(', '.join(plan.carried))}"
    if plan.kept:
        yield f"  setup.py  {printable(', '.join(plan.kept))}"


def _versions(plan: "Plan") -> str:
    """What the version was, and what it becomes."""
    from relengtools.versions.scheme import pep440

    if plan.before is None:
        guess = ", and setuptools-scm guesses 0.1.devN until there is one" if plan.style == "modern" else ""
        return f"no tag in reach (`git fetch --tags`?), so there is none{guess}"
    valid = "" if pep440.parse(plan.before) else " (which PEP 440 refuses)"
    return f"{printable(plan.before)}{valid} -> {printable(plan.after or 'none')}"


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _progress(line: str | None) -> None:
    """One line that is written over, on a terminal only; None takes it away."""
    if sys.stderr.isatty():
        click.echo("\r\033[K" + ("" if line is None else f"relengtools: {printable(line)}"), nl=False, err=True)


def _say(line: str) -> None:
    click.echo(f"relengtools: {line}", err=True)
