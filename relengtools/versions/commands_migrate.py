"""The command `relengtools versions migrate`."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from relengtools.errors import Attempts, RelengError, printable
from relengtools.versions.commands_parts import FORMAT, count, progress, say

if TYPE_CHECKING:
    from relengtools.versions.discover import Place
    from relengtools.versions.migrate.plan import Plan
    from relengtools.versions.migrate.verify import Verified


class Result(StrEnum):
    """What became of a project."""

    MIGRATED = "migrated"
    PLANNED = "planned"
    NOTHING = "nothing"
    REFUSED = "refused"
    FAILED = "failed"


class Row(NamedTuple):
    """A project and what became of it; `reasons` say why nothing was done, or what would be lost."""

    path: str
    result: Result
    reasons: tuple[str, ...] = ()
    plan: "Plan | None" = None
    verified: "Verified | None" = None


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
@FORMAT
def migrate(
    paths: Sequence[str],
    style: str,
    diff: bool,
    verify: bool,
    stubs: Sequence[str],
    commit: bool,
    output_format: str,
) -> int:
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

    What can't be carried over for certain stops a project, with the list. modern also moves what setup.cfg declares, a
    version that is written down, and use_scm_version; minimal gives versioneer a style that PEP 440 takes. With pbr,
    and with versioneer in modern, it says why not.

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
    attempts = Attempts(say)
    rows: list[Row] = []
    for place in places:
        rows.append(Row(place.path, Result.FAILED))
        with attempts:
            rows[-1] = _one(place, wish)
        if rows[-1].result is Result.FAILED:
            rows[-1] = rows[-1]._replace(reasons=(attempts.said[-1],))
        _told(rows[-1], wish, output_format == "json")
    _finish(rows, diff, output_format == "json")
    if failed or any(row.result in (Result.REFUSED, Result.FAILED) for row in rows):
        return 2
    return int(diff and any(row.plan for row in rows))


def _places(paths: Sequence[str]) -> tuple[list["Place"], bool]:
    """The places at and below the paths, and whether something named is unreadable; RelengError if there is none."""
    from relengtools.versions.discover import discover

    found = discover(paths or ["."])
    for line in (*found.notes, *found.errors):
        say(line)
    places = [place for place in found.places.values() if "setup.py" in place.markers]
    if not places and not found.errors:
        raise RelengError(f"{', '.join(map(printable, paths or ['.']))}: no setup.py at or below it")
    return places, bool(found.errors)


def _one(place: "Place", wish: Wish) -> Row:
    """Migrate one project, unless something is in the way or would be lost. Raises RelengError."""
    from relengtools.versions.locate.source import UnreadableError
    from relengtools.versions.migrate import plan as planning

    try:
        outcome = planning.plan(place, planning.Style(wish.style))
    except UnreadableError as error:
        raise RelengError(f"{error.problem.file}:{error.problem.line}: {error.problem.message}") from error
    match outcome:
        case planning.Nothing(path, why):
            return Row(path, Result.NOTHING, (why,))
        case planning.Refusal(path, reasons):
            return Row(path, Result.REFUSED, reasons)
    return _migrate(outcome, wish)


def _migrate(plan: "Plan", wish: Wish) -> Row:
    from relengtools.versions import rewrite
    from relengtools.versions.migrate import worktree

    path = plan.project.path
    for change in plan.changes:
        if change.fate is not rewrite.Fate.MADE:
            rewrite.assure_writable(change.source)
    if wish.commit or wish.verify or not wish.diff:
        worktree.check(plan, wish.commit)
    verified = _verified(plan, wish.stubs) if wish.verify else None
    if verified and verified.lost:
        return Row(path, Result.REFUSED, tuple(f"would be lost: {line}" for line in verified.lost), verified=verified)
    if wish.commit:
        worktree.commit(plan)
    elif not wish.diff:
        rewrite.write(plan.changes)
    return Row(path, Result.PLANNED if wish.diff else Result.MIGRATED, (), plan, verified)


def _told(row: Row, wish: Wish, quiet: bool) -> None:
    """Say what became of a project: what stands in the way always, the rest for people."""
    from relengtools.versions import patch

    path = printable(row.path)
    if row.result is Result.NOTHING and not quiet:
        say(f"{path}: nothing to do: {printable(row.reasons[0])}")
    if row.result is Result.REFUSED:
        for reason in row.reasons:
            say(f"{path}: {printable(reason)}")
        losses = row.verified is not None
        say(f"{path}: not migrated: {count(len(row.reasons), *(('loss', 'losses') if losses else ('reason',)))} above")
    if row.plan is None or quiet:
        return
    if wish.diff:
        click.echo(patch.unified(row.plan.changes), nl=False)
    for line in _summary(row.plan, row.verified, wish):
        click.echo(line, err=wish.diff)


def _finish(rows: Sequence[Row], diff: bool, as_json: bool) -> None:
    """What packagers have to know, once; or all of it as one document."""
    packager = list(dict.fromkeys(line for row in rows if row.plan for line in row.plan.packager))
    if as_json:
        import json

        click.echo(json.dumps({"projects": [_document(row, diff) for row in rows], "packager": packager}, indent=2))
    elif packager:
        for line in ["for packagers:", *(f"  {line}" for line in packager)]:
            click.echo(line, err=diff)


def _document(row: Row, diff: bool) -> dict[str, Any]:
    from relengtools.versions import patch

    plan, verified = row.plan, row.verified
    changes = plan.changes if plan else ()
    return {
        "path": row.path,
        "result": row.result.value,
        "reasons": list(row.reasons),
        "before": plan.before if plan else None,
        "after": plan.after if plan else None,
        "policy": plan.policy if plan else "",
        "notes": list(plan.notes) if plan else [],
        "files": [{"file": change.source.file, "change": change.fate.value} for change in changes],
        "carried": list(plan.carried) if plan else [],
        "kept": list(plan.kept) if plan else [],
        "verified": verified is not None,
        "built_before": verified.before if verified else None,
        "built_here": verified.here if verified else None,
        "built": verified.version if verified else None,
        "gained": list(verified.gained) if verified else [],
        "altered": list(verified.altered) if verified else [],
        "packed": list(verified.packed) if verified else [],
        "lost": list(verified.lost) if verified else [],
        "diff": patch.unified(changes).decode(errors="replace") if diff and changes else None,
    }


def _verified(plan: "Plan", stubs: Sequence[str]) -> "Verified":
    """What the builds say; raises RelengError where they can't be made."""
    from relengtools.versions.artifacts.backend import BackendError, UnavailableError
    from relengtools.versions.git import GitError
    from relengtools.versions.migrate import verify

    path = plan.project.path
    try:
        verified = verify.verify(plan, stubs, lambda step: progress(f"{path}: {step}"))
    except (BackendError, UnavailableError, GitError) as error:
        missing = re.search(r"No module named '(\w+)'", str(error))
        hint = f" (`--stub {missing[1]}` stands in for it)" if missing else ""
        raise RelengError(f"{path}: not migrated: {error}{hint}") from error
    finally:
        progress(None)
    return verified


def _summary(plan: "Plan", verified: "Verified | None", wish: Wish) -> Iterator[str]:
    """What was done to a project, for people."""
    done = "would be migrated" if wish.diff else "committed" if wish.commit else "migrated"
    how = "verified by building it before and after" if verified else "unverified: nothing was built"
    yield f"{printable(plan.project.path)}: {done}, {how}"
    files = ", ".join(f"{printable(change.source.path.name)} {change.fate.value}" for change in plan.changes)
    yield f"  files     {files}"
    yield f"  version   {_versions(plan)}"
    if plan.policy:
        yield f"  policy    {printable(plan.policy)}"
    if verified:
        yield f"  built     {printable(verified.version)}, no loss; {_before(verified)}"
        for label, names in (("gained", verified.gained), ("altered", verified.altered)):
            if names:
                yield f"  {label:<8}  {printable(', '.join(names[:5]))}{' …' if len(names) > 5 else ''}"
        if verified.packed:
            more = " …" if len(verified.packed) > 3 else ""
            some = printable(", ".join(verified.packed[:3]))
            yield f"  sdist     has {count(len(verified.packed), 'file')} more: {some}{more}"
    if plan.carried:
        yield f"  carried   {printable(', '.join(plan.carried))}"
    for note in plan.notes:
        yield f"  note      {printable(note)}"
    if plan.kept:
        yield f"  setup.py  {printable(', '.join(plan.kept))}"


def _versions(plan: "Plan") -> str:
    """What the version was, and what it becomes."""
    from relengtools.versions.scheme import pep440

    if plan.before is None and plan.described is None:
        guess = ", and setuptools-scm guesses 0.1.devN until there is one" if plan.style == "modern" else ""
        return f"no tag in reach (`git fetch --tags`?), so there is none{guess}"
    after = printable(plan.after or "not known either")
    if plan.before is None:
        said = printable(plan.described or "")
        return f"git says {said}; what setup.py makes of it can't be told without running it -> {after}"
    valid = "" if pep440.parse(plan.before) else " (which PEP 440 refuses)"
    return f"{printable(plan.before)}{valid} -> {after}"


def _before(verified: "Verified") -> str:
    """What the build before the migration says of the version."""
    if verified.here is not None:
        return f"that is one commit on, where it wouldn't build as it was; here it builds {printable(verified.here)}"
    if verified.before is None:
        return "as it was, it doesn't build with what git says"
    same = verified.before.partition("+")[0] == verified.version.partition("+")[0]
    return "the version is as it was" if same else f"as it was, it built {printable(verified.before)}"
