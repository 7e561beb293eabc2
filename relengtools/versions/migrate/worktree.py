"""The git work tree that a migration writes into: clean before, and a commit after."""

from relengtools.errors import RelengError, printable
from relengtools.versions import commit as committing
from relengtools.versions import git
from relengtools.versions.migrate.plan import Plan, Style
from relengtools.versions.rewrite import Fate

_SUBJECT = {
    Style.MINIMAL: "setup.py: make versions comply with PEP 440",
    Style.MODERN: "Move metadata to pyproject.toml, with versions by setuptools-scm",
}


class WorkTreeError(RelengError):
    """A work tree that must not be written into."""


def check(plan: Plan, commits: bool) -> None:
    """Raises WorkTreeError for a work tree with changes, and for files that git doesn't know and couldn't give back."""
    place, left = plan.project.place, f"{plan.project.path}: not migrated:"
    if not (place.tree / ".git").exists():
        if commits:
            raise WorkTreeError(f"{left} there is no git repository to commit to")
        return
    if git.own_filters(place.tree):
        raise WorkTreeError(f"{left} its git configuration names filter programs, which would be run")
    dirty = git.run(place.tree, "status", "--porcelain", "--untracked-files=no").decode(errors="replace").splitlines()
    if dirty:
        names = ", ".join(printable(line[3:]) for line in dirty[:3])
        raise WorkTreeError(f"{left} the work tree is dirty ({names}): commit or stash first")
    for change in plan.changes:
        known = git.run(place.root, git.LITERALLY, "ls-files", "--", str(change.source.path))
        if change.fate is not Fate.MADE and not known:
            raise WorkTreeError(f"{left} git doesn't know {change.source.file} and couldn't give it back: add it first")


def commit(plan: Plan) -> None:
    """Write the changes, and one commit of them and nothing else; raises RelengError, with the files as they were."""
    committing.commit(plan.changes, _message(plan))


def _message(plan: Plan) -> str:
    said = f"`git describe` said {plan.before}, which becomes {plan.after}.\n\n" if plan.before and plan.after else ""
    return f"{_SUBJECT[plan.style]}\n\n{said}" + "\n".join(plan.packager)
