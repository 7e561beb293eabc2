"""The command `relengtools versions bump`."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relengtools.errors import RelengError, printable

if TYPE_CHECKING:
    from relengtools.versions.bump import Bump
    from relengtools.versions.project import Project
    from relengtools.versions.rewrite import Change

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


@click.command(
    epilog=f"What each part makes:\n\n{TABLE}\n\nExit codes: 0 done, 1 a --diff, 2 not done: nothing was written."
)
@click.argument("part", metavar="PART|VERSION")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--diff", is_flag=True, help="Print the patch, and write nothing.")
@click.option("--commit", is_flag=True, help="Commit the changed files, which must have been clean.")
@click.option("--tag", is_flag=True, help="With --commit: tag that commit, named as the last release's tag is.")
def bump(part: str, paths: Sequence[str], diff: bool, commit: bool, tag: bool) -> int:
    """Write the next version everywhere: in the declaration that the build uses and in all copies.

    PART is major, minor, patch, pre, post, dev or release; or the version itself. Calendar versions (2026.08,
    2026.8.10) become today's, by the pattern that is there. In a tree of several projects the `==` pins on the bumped
    ones move along, and so does the project's own entry in uv.lock. Packagers' files (debian/changelog) are theirs.

    Refused, with nothing written: places that disagree; a version that a tag or code computes; one that wouldn't sort
    above the last release of this branch.

    \b
    Examples:
      relengtools versions bump patch
      relengtools versions bump 2.0.0rc1 packages/core --diff
      relengtools versions bump release --commit --tag
    """
    from relengtools.versions import patch, rewrite

    if tag and not commit:
        raise RelengError("--tag needs --commit: a tag of the commit before would name the old version")
    bumps, changes = _planned(part, paths or ["."])
    if commit:
        _clean(changes)
    if diff:
        click.echo(patch.unified(changes), nl=False)
        return int(bool(changes))
    for one in bumps:
        one.project.place.assure()
    rewrite.write(changes)
    for one in bumps:
        click.echo(f"{printable(one.project.name or one.project.path)} {one.old} -> {one.new}")
    if commit:
        _committed(bumps, changes, tag)
    return 0


def _planned(part: str, paths: Sequence[str]) -> tuple[list["Bump"], list["Change"]]:
    """The bumps of the projects at and below the paths, and the changes of all files, proved."""
    from relengtools.versions import bump as bumping
    from relengtools.versions import rewrite
    from relengtools.versions.requirements.quiet import normalized

    chosen, tree = _projects(paths)
    bumps = [bumping.plan(project, part, date.today()) for project in chosen]
    for one in bumps:
        _above(one, alone=len(tree) == 1)
    moved = {normalized(one.project.name): one for one in bumps if one.project.name}
    edits = [edit for one in bumps for edit in one.edits]
    edits += [edit for _, edit in bumping.pins(tree, moved)]
    sources = {source.file: source for project in (*chosen, *tree) for source in project.sources}
    return bumps, rewrite.plan(list(sources.values()), sorted(set(edits)))


def _projects(paths: Sequence[str]) -> tuple[list["Project"], list["Project"]]:
    """The projects to bump, and all of their tree."""
    from relengtools.versions.discover import discover
    from relengtools.versions.project import read

    found = discover(paths)
    if found.errors:
        raise RelengError(found.errors[0])
    chosen = [project for place in found.places.values() if (project := read(place))]
    if not chosen:
        raise RelengError(f"{', '.join(map(printable, paths))}: no project found")
    around = discover(sorted({str(_around(project)) for project in chosen})).places
    roots = {project.place.root for project in chosen}
    rest = [project for place in around.values() if place.root not in roots and (project := read(place))]
    return chosen, [*chosen, *rest]


def _around(project: "Project") -> Path:
    """Where its siblings are: the git work tree, without one the working directory if that holds the project."""
    root, tree, here = project.place.root, project.place.tree, Path.cwd()
    return here if not (tree / ".git").exists() and root.is_relative_to(here) else tree


def _above(one: "Bump", alone: bool) -> None:
    """Raises RelengError where a release of this branch sorts above the new version.

    Among several projects only tags that begin with the project's name are its own.
    """
    from relengtools.versions import git
    from relengtools.versions.bump import last_release
    from relengtools.versions.scheme import pep440

    tree = git.work_tree(one.project.place.root)
    if tree is None:
        return
    name = one.project.name or ""
    tags = [tag for tag in _merged(tree) if alone or (name and tag.lower().startswith(name.lower()))]
    last, new = last_release(tags), pep440.parse(one.new)
    if last is not None and new is not None and new <= last:
        raise RelengError(f"{printable(one.project.path)}: {one.new} doesn't sort above {last}, a tag of this branch")


def _merged(tree: Path) -> list[str]:
    from relengtools.versions import git

    if git.head(tree) is None:
        return []
    return git.run(tree, "tag", "--merged", "HEAD").decode("utf-8", "replace").split()


def _clean(changes: Sequence["Change"]) -> None:
    """Raises RelengError where a file to be committed has changes of its own."""
    from relengtools.versions import git

    for change in changes:
        if git.run(change.source.path.parent, "status", "--porcelain", "--", change.source.path.name).strip():
            raise RelengError(f"{printable(change.source.file)}: has uncommitted changes: commit or stash them first")


def _committed(bumps: Sequence["Bump"], changes: Sequence["Change"], tag: bool) -> None:
    from relengtools.versions import git

    tree = git.work_tree(bumps[0].project.place.root)
    if tree is None:
        raise RelengError("--commit needs a git work tree; the files are written")
    names = {one.new for one in bumps}
    what = names.pop() if len(names) == 1 else ", ".join(f"{one.project.name} {one.new}" for one in bumps)
    files = [str(change.source.path) for change in changes]
    git.run(tree, "commit", "--quiet", "-m", f"Version {what}", "--", *files)
    if tag:
        if names or len({one.new for one in bumps}) > 1:
            raise RelengError("--tag: the projects have different versions, so one tag can't name them; committed only")
        name = f"{_prefix(_merged(tree))}{what}"
        git.run(tree, "tag", "-a", "-m", f"Version {what}", name)
        click.echo(f"tag {name}")


def _prefix(tags: Sequence[str]) -> str:
    """What stands before the version in the tags so far: that of the highest version, `v` where there is none."""
    from relengtools.versions.bump import last_release

    last = last_release(tags)
    found = (name for name in tags if last is not None and name.endswith(str(last)))
    return next((name.removesuffix(str(last)) for name in found), "v" if last is None else "")
