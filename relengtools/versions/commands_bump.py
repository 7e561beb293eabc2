"""The command `relengtools versions bump`."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from relengtools.errors import RelengError, printable
from relengtools.versions.commands_parts import FORMAT, say

if TYPE_CHECKING:
    from relengtools.findings import Edit
    from relengtools.versions.bump import Bump
    from relengtools.versions.discover import Place
    from relengtools.versions.history import Release
    from relengtools.versions.project import Project
    from relengtools.versions.rewrite import Change
    from relengtools.versions.siblings import Behind

TABLE = """\b
  from              1.2.3        1.3.0rc1     1.2.3.post1  1.3.0.dev2
  major             2.0.0        2.0.0        2.0.0        2.0.0
  minor             1.3.0        1.3.0        1.3.0        1.3.0
  patch             1.2.4        1.3.0        1.2.4        1.3.0
  pre               1.2.4rc1     1.3.0rc2     1.2.4rc1     1.3.0rc1
  post              1.2.3.post1  (refused)    1.2.3.post2  (refused)
  dev               1.2.4.dev1   1.3.0rc2.dev1  1.2.3.post2.dev1  1.3.0.dev3
  release           (refused)    1.3.0        (refused)    1.3.0
"""


class Plan(NamedTuple):
    """The bumps of the projects, the changes of all files, and whether a tree gets one version as a `whole`.

    `behind` are requirements that don't accept what is bumped, `left` says which files stay as they are, `places` are
    those with something to write.
    """

    bumps: Sequence["Bump"]
    changes: Sequence["Change"]
    whole: bool
    behind: Sequence["Behind"]
    left: Sequence[str]
    places: Sequence["Place"]


@click.command(
    epilog=f"What each part makes:\n\n{TABLE}\n\n"
    "Exit codes: 0 done, 1 a --diff, 2 not done: nothing is changed, unless it says what."
)
@click.argument("part", metavar="PART|VERSION")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--diff", is_flag=True, help="Print the patch, and write nothing.")
@click.option(
    "--commit",
    is_flag=True,
    help="Commit the changed files, which must have been clean; the hooks of the repository are run.",
)
@click.option("--tag", is_flag=True, help="With --commit: tag that commit, named as the last release's tag is.")
@FORMAT
def bump(part: str, paths: Sequence[str], diff: bool, commit: bool, tag: bool, output_format: str) -> int:
    """Write the next version everywhere: in the declaration that the build uses and in all copies.

    PART is major, minor, patch, pre, post, dev or release; or the version itself. Calendar versions (2026.08,
    2026.8.10) become today's, by the pattern that is there; 26.8 too where the tags were made in the months that they
    name, or `calendar = true` in [tool.relengtools] says so (false: no version is a date). Packagers' files
    (debian/changelog) are theirs.

    In a tree of several projects the `==` pins on the bumped ones move along, and so does the project's own entry in
    uv.lock; a range that doesn't accept the new version, and what files of pip pin, stays and is told of.

    Refused, with nothing written: places that disagree; a version that a tag or code computes; one that wouldn't sort
    above the last release of this branch; --tag in a shallow clone, which doesn't know it. Where git refuses the
    commit, the files are put back. Copies that git ignores stay as they are, and so do those of other repositories or
    behind a symlink; each is told of.

    \b
    Examples:
      relengtools versions bump patch
      relengtools versions bump 2.0.0rc1 packages/core --diff
      relengtools versions bump release --commit --tag
    """
    from relengtools.versions import patch

    if diff and commit:
        raise RelengError("--diff writes nothing that --commit could commit: choose one")
    if tag and not commit:
        raise RelengError("--tag needs --commit: a tag of the commit before would name the old version")
    plan = _planned(part, paths or ["."])
    cut_off = _cut_off(plan)
    if tag and cut_off:
        raise RelengError(f"--tag: {cut_off[0]}")
    name = _tag(plan) if tag else None
    for line in (*plan.left, *map(str, plan.behind), *cut_off):
        say(line)
    if not diff:
        _carry_out(plan, commit, name)
    if output_format == "json":
        click.echo(_document(plan, diff, commit, name))
    elif diff:
        click.echo(patch.unified(plan.changes), nl=False)
    else:
        for line in _summary(plan, name):
            click.echo(line)
    return int(diff and bool(plan.changes))


def _carry_out(plan: Plan, commit: bool, tag: str | None) -> None:
    """Write the files, and commit and tag them. Raises RelengError."""
    from relengtools.versions import commit as committing
    from relengtools.versions import rewrite

    if commit:
        committing.check(plan.changes)
    for place in plan.places:
        place.assure()
    if commit:
        committing.commit(plan.changes, _message(plan), tag)
    else:
        rewrite.write(plan.changes)


def _summary(plan: Plan, tag: str | None) -> Iterator[str]:
    yield from (f"{printable(one.project.name or one.project.path)} {one.old} -> {one.new}" for one in plan.bumps)
    for edit in (edit for change in plan.changes for edit in change.edits):
        yield f"  {printable(edit.file)}:{edit.line}: {printable(edit.old)} -> {printable(edit.new)}"
    if tag is not None:
        yield f"tag {printable(tag)}"


def _document(plan: Plan, diff: bool, commit: bool, tag: str | None) -> str:
    """What was done, or with --diff would be; `edits` are those of all projects, pins and uv.lock included."""
    import json

    from relengtools import output
    from relengtools.versions import patch

    document = {
        "bumps": [{"path": b.project.path, "name": b.project.name, "old": b.old, "new": b.new} for b in plan.bumps],
        "edits": [output.edit(edit) for change in plan.changes for edit in change.edits],
        "behind": [one._asdict() for one in plan.behind],
        "written": not diff,
        "committed": commit,
        "tag": tag,
        "diff": patch.unified(plan.changes).decode(errors="replace") if diff else None,
    }
    return json.dumps(document, indent=2)


def _planned(part: str, paths: Sequence[str]) -> Plan:
    """The bumps of the projects at and below the paths, and the changes of all files, proved."""
    from relengtools.versions import bump as bumping
    from relengtools.versions import rewrite, siblings
    from relengtools.versions.names import normalized

    chosen, tree = _projects(paths)
    if len(chosen) > 1 and (bare := [one for one in chosen if one.owner is None and not one.provider]):
        names = ", ".join(printable(one.path) for one in bare[:3])
        raise RelengError(f"{names}: no static version: name the projects to bump, or exclude in [tool.relengtools]")
    bumps = [bumping.plan(project, part, date.today(), _calendar(project, part)) for project in chosen]
    whole = len(bumps) == len(tree) and len({one.new for one in bumps}) == 1
    for one in bumps:
        _above(one, whole)
    moved = {normalized(one.project.name): one for one in bumps if one.project.name}
    pins, behind = siblings.judge(tree, moved, map(_around, chosen))
    edits = {*pins, *(edit for one in bumps for edit in one.edits)}
    own, left, places = _sifted(tree, sorted(edits))
    for one in bumps:
        if one.project.owner and one.project.owner.file in left:
            raise RelengError(f"{left[one.project.owner.file]} (the build takes the version from it)")
    sources = {source.file: source for project in tree for source in project.sources}
    return Plan(bumps, rewrite.plan(list(sources.values()), own), whole, behind, list(left.values()), places)


def _sifted(
    projects: Sequence["Project"], edits: Sequence["Edit"]
) -> tuple[list["Edit"], dict[str, str], list["Place"]]:
    """The edits of files that may be written, why others stay as they are, and the places with something to write."""
    from relengtools.versions.writable import foreign, ignored

    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.file, []).append(edit)
    kept: list[Edit] = []
    left: dict[str, str] = {}
    places = []
    for project in projects:
        # A file that projects share is asked for once.
        mine = [edit for source in project.sources for edit in by_file.pop(source.file, ())]
        left |= foreign(project.place, project.sources, mine)
        left |= ignored(project.place, project.sources, [edit for edit in mine if edit.file not in left])
        own = [edit for edit in mine if edit.file not in left]
        kept += own
        places += [project.place] if own else []
    return sorted(kept), left, places


def _projects(paths: Sequence[str]) -> tuple[list["Project"], list["Project"]]:
    """The projects to bump, and all of their tree."""
    from relengtools.versions.projects import below

    chosen, errors, *_ = below(paths)
    if errors:
        raise RelengError(errors[0])
    around = below(sorted({str(_around(project)) for project in chosen}), chosen).projects
    roots = {project.place.root for project in chosen}
    return chosen, [*chosen, *(project for project in around if project.place.root not in roots)]


def _around(project: "Project") -> Path:
    """Where its siblings are: the git work tree, without one the working directory if that holds the project."""
    root, tree, here = project.place.root, project.place.tree, Path.cwd()
    return here if not (tree / ".git").exists() and root.is_relative_to(here) else tree


def _above(one: "Bump", whole: bool) -> None:
    """Raises RelengError where a release of this branch sorts above the new version."""
    from relengtools.versions import bump as bumping
    from relengtools.versions.scheme import pep440

    last = bumping.last(_releases(one.project, one.old, whole))
    above, new = pep440.parse((last and last.conversion.canonical) or ""), pep440.parse(one.new)
    if last is not None and above is not None and new is not None and new <= above:
        place, tag = printable(one.project.path), printable(last.tag.name)
        raise RelengError(f"{place}: {one.new} doesn't sort above {above} (the tag {tag} of this branch)")


def _releases(project: "Project", old: str, whole: bool) -> "list[Release]":
    """The releases of the project that the checked out commit descends from."""
    from relengtools.versions import bump as bumping
    from relengtools.versions import git
    from relengtools.versions.history import Tag

    tree = git.work_tree(project.place.root)
    if tree is None or git.head(tree) is None:
        return []
    merged = set(git.run(tree, "tag", "--merged", "HEAD").decode("utf-8", "replace").split())
    tags = [Tag(ref.name, ref.date, ref.commit) for ref in git.tags(tree) if ref.name in merged]
    return bumping.releases(tags, project.name, old, whole)


def _calendar(project: "Project", part: str) -> bool | None:
    """Whether the project's versions are dates, by its settings or its tags; None, and told of, where that is open."""
    from relengtools.versions import bump as bumping
    from relengtools.versions import settings

    said = settings.find(project.place.root, project.place.tree, {}).calendar
    text = project.owner.value.strip() if project.owner else ""
    counts = part in bumping.PARTS and part != "post"
    if said is not None or not counts or not bumping.may_be_date(text, date.today()):
        return said
    if bumping.dated(_releases(project, text, True)):
        return True
    say(
        f"{printable(project.path)}: {text} is counted on as a number, though it may be a date: `calendar = true` in"
        " [tool.relengtools] makes it today's, `calendar = false` says that it's none"
    )
    return None


def _cut_off(plan: Plan) -> list[str]:
    """Which of the clones don't know the earlier releases, and what to do."""
    from relengtools.versions import git
    from relengtools.versions.locate.source import shown

    trees = {tree for one in plan.bumps if (tree := git.work_tree(one.project.place.root))}
    return [
        f"{printable(shown(tree))}: a shallow clone doesn't know the earlier releases, so whether this sorts above them"
        " isn't known: `git fetch --unshallow --tags`"
        for tree in sorted(trees)
        if git.shallow(tree)
    ]


def _tag(plan: Plan) -> str:
    """The name of the tag to make. Raises RelengError where one can't name all, or is there already."""
    from relengtools.versions import bump as bumping
    from relengtools.versions import git

    first = plan.bumps[0]
    if len(plan.bumps) > 1 and not plan.whole:
        raise RelengError("--tag: one tag can't name several projects: bump them one by one")
    name = bumping.tag_name(first.new, bumping.last(_releases(first.project, first.old, plan.whole)), plan.whole)
    if name in (ref.name for ref in git.tags(first.project.place.root)):
        raise RelengError(f"--tag: {printable(name)} is there already")
    return name


def _message(plan: Plan) -> str:
    """What was bumped, by name where that isn't all of the tree to one version."""
    if plan.whole:
        return f"Version {plan.bumps[0].new}"
    return ", ".join(f"{one.project.name or one.project.path} {one.new}" for one in plan.bumps)
