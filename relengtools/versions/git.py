"""The git program: files, tags, the graph of commits."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import RelengError, printable

_TIMEOUT_S = 60
LITERALLY = "--literal-pathspecs"
"""Before a command: names of files are no patterns."""
# What a hook's surroundings say of another repository must not leak into this one.
_FOREIGN = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"),
    *("GIT_NAMESPACE", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
)


class GitError(RelengError):
    """git is missing, refuses, or takes too long."""


class Ref(NamedTuple):
    """A tag: its name, its commit, whether it is annotated, and when it was made (unix time; None where unknown)."""

    name: str
    commit: str
    annotated: bool
    date: int | None


def work_tree(directory: Path, top: Path | None = None) -> Path | None:
    """The root of the git work tree that holds `directory`, by its `.git`; git itself isn't asked.

    Nothing above `top` is looked at.
    """
    for parent in (directory, *directory.parents):
        if os.path.exists(f"{parent}/.git"):  # noqa: PTH110  (asked for each of many projects)
            return parent
        if parent == top:
            break
    return None


def files(directory: Path, names: Sequence[str]) -> list[str]:
    """Files below `directory` called one of `names`: tracked ones, and untracked ones that aren't ignored.

    Raises GitError.
    """
    patterns = [f":(glob)**/{name}" for name in names]
    output = run(directory, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns)
    return sorted(set(listed(output)))


def head(directory: Path) -> str | None:
    """The commit that is checked out; None in a repository without one. Raises GitError."""
    run(directory, "rev-parse", "--git-dir")
    try:
        return run(directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
    except GitError:
        return None


def shallow(directory: Path) -> bool:
    """Whether the history is cut off, as `clone --depth` leaves it. Raises GitError."""
    return run(directory, "rev-parse", "--is-shallow-repository").strip() == b"true"


def standing(directory: Path) -> tuple[str | None, bool]:
    """`head` and `shallow` in one call of git. Raises GitError."""
    try:
        cut_off, commit = run(directory, "rev-parse", "--is-shallow-repository", "HEAD^{commit}").decode().split()
    except GitError:
        return head(directory), shallow(directory)
    return commit, cut_off == "true"


def tags(directory: Path) -> list[Ref]:
    """The tags of commits, by name; those of trees and blobs are left out. Raises GitError."""
    fields = ("refname:strip=2", "objecttype", "objectname", "*objecttype", "*objectname", "creatordate:unix")
    output = run(directory, "for-each-ref", "--format=" + "%00".join(f"%({f})" for f in fields), "refs/tags")
    refs = (_ref(directory, *map(os.fsdecode, line.split(b"\0"))) for line in output.splitlines())
    return [ref for ref in refs if ref is not None]


def commits(directory: Path, *revisions: str) -> Iterator[tuple[str, list[str]]]:
    """Every commit that the revisions reach and its parents, a commit before its parents. Raises GitError."""
    for line in lines(directory, "rev-list", "--topo-order", "--parents", *revisions, "--"):
        commit, *parents = line.decode().split()
        yield commit, parents


def committed(directory: Path, path: str) -> bytes | None:
    """The file as the checked out commit has it; None where there is none."""
    try:
        return run(directory, "cat-file", "blob", f"HEAD:{path}")
    except GitError:
        return None


def own_filters(directory: Path) -> bool:
    """Whether the repository's own configuration names filter programs, which git runs to compare files."""
    try:
        found = run(directory, "config", "--show-scope", "--includes", "--name-only", "--get-regexp", r"^filter\.")
    except GitError:
        return False
    return any(line.startswith((b"local", b"worktree")) for line in found.splitlines())


def lines(directory: Path, *arguments: str) -> Iterator[bytes]:
    """The lines of `git ARGUMENTS` as they come; raises GitError with why, as git says it."""
    import subprocess
    import tempfile

    with tempfile.TemporaryFile() as said:
        command, environment = _command(directory, arguments)
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=environment
            )
        except (OSError, ValueError) as error:
            raise _unasked(error) from error
        with process:
            assert process.stdout is not None
            try:
                yield from process.stdout
            finally:
                # A reader that has seen enough leaves git behind, which would write on.
                process.stdout.close()
        if process.returncode:
            said.seek(0)
            raise _refusal(said.read(), process.returncode)


def tracked(directory: Path) -> list[str]:
    """The tracked files below `directory`, those of its submodules too. Raises GitError."""
    return sorted(listed(run(directory, "ls-files", "-z", "--recurse-submodules")))


def ignored(directory: Path, names: Sequence[str]) -> set[str]:
    """Those of the files that git ignores, or would if they were there. Raises GitError."""
    given = b"".join(os.fsencode(name) + b"\0" for name in names)
    return set(listed(run(directory, "check-ignore", "-z", "--stdin", "--no-index", given=given)))


def run(directory: Path, *arguments: str, given: bytes | None = None) -> bytes:
    """The standard output of `git ARGUMENTS` in `directory`, fed with `given`; raises GitError with why, as git says.

    What is fed may be without a result, which git's exit code 1 says.

    The repository's own fsmonitor is a program that git would start, so it's switched off.
    """
    import subprocess

    command, environment = _command(directory, arguments)
    try:
        done = subprocess.run(
            command, capture_output=True, input=given or b"", env=environment, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _unasked(error) from error
    if done.returncode and (given is None or done.returncode != 1):
        raise _refusal(done.stderr, done.returncode)
    return done.stdout


def listed(output: bytes) -> Iterator[str]:
    """The names in what git writes with `-z`."""
    return (os.fsdecode(name) for name in output.split(b"\0") if name)


def _command(directory: Path, arguments: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN} | {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        # A clone may lack objects, and git would fetch them by a program that the clone itself names.
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
    }
    return ["git", "-c", "core.fsmonitor=false", "-C", str(directory), *arguments], environment


def _unasked(error: Exception) -> GitError:
    missing = isinstance(error, FileNotFoundError)
    return GitError("git is not installed" if missing else f"git could not be asked: {error}")


def _refusal(stderr: bytes, status: int) -> GitError:
    """What git says of itself; else the end of what a hook said, which may begin with what went well."""
    said = os.fsdecode(stderr).strip().splitlines() or [f"exit code {status}"]
    own = next((line for line in said if line.startswith(("fatal: ", "error: "))), said[-1])
    return GitError(f"git refused: {printable(own)}")


def _ref(directory: Path, name: str, kind: str, target: str, inner: str, commit: str, date: str) -> Ref | None:
    if kind == "commit":
        return Ref(name, target, False, int(date) if date else None)
    if inner == "tag":
        # A tag of a tag; git of 2022 and before peels one layer only.
        commit = run(directory, "rev-parse", "--verify", f"refs/tags/{name}^{{}}").decode().strip()
        inner = run(directory, "cat-file", "-t", commit).decode().strip()
    return Ref(name, commit, True, int(date) if date else None) if inner == "commit" else None
