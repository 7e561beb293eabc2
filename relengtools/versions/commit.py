"""Changes as one commit: what has to hold before they are written, and everything as it was where git refuses."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from relengtools.errors import RelengError, printable
from relengtools.versions import git, rewrite
from relengtools.versions.locate.source import shown
from relengtools.versions.rewrite import Change, Fate, RewriteError


class CommitError(RelengError):
    """The changes can't be committed."""


def check(changes: Sequence[Change]) -> None:
    """Raises CommitError where the changes can't be one commit of tracked, clean files; nothing is written yet."""
    trees = {change.source.file: git.work_tree(change.source.path.parent) for change in changes}
    for file, tree in trees.items():
        if tree is None:
            raise CommitError(f"{printable(file)}: --commit needs a git work tree")
    several = sorted({tree for tree in trees.values() if tree is not None})
    if len(several) > 1:
        names = ", ".join(printable(shown(tree)) for tree in several[:3])
        raise CommitError(f"--commit makes one commit, and there are {len(several)} repositories ({names}): name one")
    for tree in several:
        # git would run them to compare the files.
        if git.own_filters(tree):
            raise CommitError(
                f"{printable(shown(tree))}: its git configuration names filter programs, so commit by hand"
            )
        _clean(tree, changes)


def _clean(tree: Path, changes: Sequence[Change]) -> None:
    names = _named(changes)
    known = git.run(tree, git.LITERALLY, "ls-files", "-z", "--full-name", *names).split(b"\0")
    dirty = git.run(tree, git.LITERALLY, "status", "--porcelain", "-z", *names).split(b"\0")
    for change in changes:
        name, file = os.fsencode(change.source.path.relative_to(tree).as_posix()), printable(change.source.file)
        if name not in known:
            raise CommitError(f"{file}: git doesn't know it: add and commit it first")
        if any(line[3:] == name for line in dirty):
            raise CommitError(f"{file}: has uncommitted changes: commit or stash them first")


def _named(changes: Sequence[Change]) -> list[str]:
    """The files, as the end of a call of git."""
    return ["--", *(str(change.source.path) for change in changes)]


def commit(changes: Sequence[Change], message: str, tag: str | None = None) -> None:
    """Commit what was written, hooks included, and tag it. Raises CommitError, with everything as it was before.

    Once there is a commit it stays, and what git refuses after it, the tag for one, is said.
    """
    tree = git.work_tree(changes[0].source.path.parent) or changes[0].source.path.parent
    names = _named(changes)
    before = git.head(tree)
    try:
        if any(change.fate is Fate.MADE for change in changes):
            git.run(tree, git.LITERALLY, "add", "--all", "--force", *names)
        _patiently(tree, git.LITERALLY, "commit", "--quiet", "-m", message, *names)
    except git.GitError as error:
        raise CommitError(f"{printable(shown(tree))}: {_undone(tree, changes, before)}: {error}") from error
    except KeyboardInterrupt:
        _undone(tree, changes, before)
        raise
    try:
        if tag is not None:
            _patiently(tree, "tag", "-a", "-m", message, "--", tag)
    except git.GitError as error:
        raise CommitError(
            f"{printable(shown(tree))}: committed, but not tagged {printable(tag or '')}: {error}"
        ) from error


def _patiently(tree: Path, *arguments: str) -> None:
    """git without a time limit: a hook may take long, and so may who is asked for the passphrase of a key."""
    for _ in git.lines(tree, *arguments):
        pass


def _by_hand(changes: Sequence[Change]) -> str:
    """The commands that put files back as they were before the changes: all were known to git, or weren't there."""
    made: dict[bool, list[str]] = {True: [], False: []}
    for change in changes:
        made[change.fate is Fate.MADE].append(shlex.quote(printable(shown(change.source.path))))
    commands = [f"`git restore {' '.join(made[False])}`"] if made[False] else []
    commands += [f"`rm {' '.join(made[True])}`"] if made[True] else []
    return f"{' and '.join(commands)} would put them back"


def _undone(tree: Path, changes: Sequence[Change], before: str | None) -> str:
    """Put the files back unless there is a commit, and out of the index what is staged of them; what was done."""
    if git.head(tree) != before:
        return "committed, but something went wrong then"
    said = "the files are as they were"
    try:
        rewrite.undo(changes)
    except RewriteError as error:
        said = f"the files could not be put back ({error}): they stay changed; {_by_hand(changes)}"
    names = _named(changes)
    try:
        if git.run(tree, git.LITERALLY, "diff", "--cached", "--name-only", *names):
            git.run(tree, git.LITERALLY, "reset", "--quiet", *names)
    except git.GitError as error:
        said += f", but maybe staged ({error})"
    return f"not committed, and {said}"
