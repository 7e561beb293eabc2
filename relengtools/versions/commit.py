"""Changes as one commit: what has to hold before they are written, and everything as it was where git refuses."""

import os
import re
import shlex
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.versions import git, rewrite
from relengtools.versions.locate.source import shown
from relengtools.versions.rewrite import Change, Fate

# In this order git runs them for a commit, and is told only that one failed.
_HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg")


class CommitError(RelengError):
    """The changes can't be committed."""


class Before(NamedTuple):
    """The work tree before the changes: the commit, the modes of the files, and the names of all that differ."""

    head: str | None
    modes: Mapping[Path, int]
    dirty: frozenset[str]


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
    """Write the changes, commit them, hooks included, and tag that. Raises RelengError, with everything as it was.

    Once there is a commit it stays, and what git refuses after it, the tag for one, is said.
    """
    tree = git.work_tree(changes[0].source.path.parent) or changes[0].source.path.parent
    names = _named(changes)
    before = Before(git.head(tree), _modes(changes), _dirty(tree))
    try:
        rewrite.write(changes)
        if any(change.fate is Fate.MADE for change in changes):
            git.run(tree, git.LITERALLY, "add", "--all", "--force", *names)
        _patiently(tree, git.LITERALLY, "commit", "--quiet", "-m", message, *names)
    except git.GitError as error:
        undone = _undone(tree, changes, before)
        raise CommitError(f"{printable(shown(tree))}: {undone}: {error}{_silent(tree, error)}") from error
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"{printable(shown(tree))}: {_undone(tree, changes, before)}")
        raise
    try:
        if tag is not None:
            _patiently(tree, "tag", "-a", "-m", message, "--", tag)
    except git.GitError as error:
        raise CommitError(
            f"{printable(shown(tree))}: committed, but not tagged {printable(tag or '')}: {error}"
        ) from error


def _modes(changes: Sequence[Change]) -> Mapping[Path, int]:
    paths = [change.source.path for change in changes if change.fate is not Fate.MADE]
    return {path: stat.S_IMODE(path.stat().st_mode) for path in paths}


def _dirty(tree: Path) -> frozenset[str]:
    """The tracked files that aren't as git has them."""
    return frozenset(git.listed(git.run(tree, "ls-files", "-z", "--modified")))


def _patiently(tree: Path, *arguments: str) -> None:
    """git without a time limit: a hook may take long, and so may who is asked for the passphrase of a key."""
    for _ in git.lines(tree, *arguments):
        pass


def _silent(tree: Path, error: git.GitError) -> str:
    """Which hooks there are, where one of them may have failed without a word."""
    if not re.search(r": exit code [0-9]+$", str(error)):
        return ""
    folder = tree / os.fsdecode(git.run(tree, "rev-parse", "--git-path", "hooks").removesuffix(b"\n"))
    hooks = [printable(shown(folder / name)) for name in _HOOKS if os.access(folder / name, os.X_OK)]
    return f", and no word of why: that may be the hook {' or '.join(hooks)}" if hooks else ""


def _undone(tree: Path, changes: Sequence[Change], before: Before) -> str:
    """Put the files back unless there is a commit, and out of the index what is staged of them; what was done."""
    if git.head(tree) != before.head:
        return "committed, but something went wrong then"
    said = "the files are as they were"
    try:
        said += _put_back(tree, changes, before.modes)
    except (RelengError, OSError) as error:
        said = f"the files could not be put back ({error}): they stay changed; {_by_hand(changes)}"
    names = _named(changes)
    try:
        if git.run(tree, git.LITERALLY, "diff", "--cached", "--name-only", *names):
            git.run(tree, git.LITERALLY, "reset", "--quiet", *names)
        others = [printable(name) for name in sorted(_dirty(tree) - before.dirty)]
        said += f", but for what else has changed meanwhile: {', '.join(others)}" if others else ""
    except git.GitError as error:
        said += f", but maybe staged ({error})"
    return f"not committed, and {said}"


def _put_back(tree: Path, changes: Sequence[Change], modes: Mapping[Path, int]) -> str:
    """Put the files back; what was made of them since they were written goes into git, and how to find it is told.

    Raises RelengError and OSError, with nothing put back.
    """
    backs, kept = [], []
    for change in changes:
        now, blob = _now(tree, change)
        backs += _back(change, now)
        kept += [f"{printable(change.source.file)}: `git cat-file blob {blob}`"] if blob else []
    rewrite.write(backs)
    for path, mode in modes.items():
        path.chmod(mode)
    return f" (git has what was made of them meanwhile, {', '.join(kept)})" if kept else ""


def _now(tree: Path, change: Change) -> tuple[bytes | None, str | None]:
    """What the file is, and what git calls it if that is neither what it was nor what was written."""
    path = change.source.path
    if not os.path.lexists(path):
        return None, None
    data = path.read_bytes()
    if data in (change.source.data, change.new):
        return data, None
    blob = git.run(tree, "hash-object", "-w", "--no-filters", "--", str(path)).decode().strip()
    return git.run(tree, "cat-file", "blob", blob), blob


def _back(change: Change, now: bytes | None) -> list[Change]:
    """The change that makes of what the file is `now` what it was."""
    then = None if change.fate is Fate.MADE else change.source.data
    if then == now:
        return []
    fate = Fate.REMOVED if then is None else Fate.MADE if now is None else Fate.REWRITTEN
    source = change.source._replace(data=now or b"")
    return [Change(source, (), then or b"", fate)]


def _by_hand(changes: Sequence[Change]) -> str:
    """The commands that put files back as they were before the changes: all were known to git, or weren't there."""
    made: dict[bool, list[str]] = {True: [], False: []}
    for change in changes:
        made[change.fate is Fate.MADE].append(shlex.quote(printable(shown(change.source.path))))
    commands = [f"`git restore {' '.join(made[False])}`"] if made[False] else []
    commands += [f"`rm {' '.join(made[True])}`"] if made[True] else []
    return f"{' and '.join(commands)} would put them back"
