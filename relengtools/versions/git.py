"""The git program."""

import os
from collections.abc import Sequence
from pathlib import Path

from relengtools.errors import RelengError, printable

_TIMEOUT_S = 60
# What a hook's surroundings say of another repository must not leak into this one.
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")


class GitError(RelengError):
    """git is missing, refuses, or takes too long."""


def work_tree(directory: Path) -> Path | None:
    """The root of the git work tree that holds `directory`, by its `.git`; git itself isn't asked."""
    return next((parent for parent in (directory, *directory.parents) if (parent / ".git").exists()), None)


def files(directory: Path, names: Sequence[str]) -> list[str]:
    """Files below `directory` called one of `names`: tracked ones, and untracked ones that aren't ignored.

    Raises GitError.
    """
    patterns = [f":(glob)**/{name}" for name in names]
    output = run(directory, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns)
    return sorted({os.fsdecode(name) for name in output.split(b"\0") if name})


def run(directory: Path, *arguments: str) -> bytes:
    """The standard output of `git ARGUMENTS` in `directory`; raises GitError with the first line of what git said.

    The repository's own fsmonitor is a program that git would start, so it's switched off.
    """
    import subprocess

    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN} | {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
    }
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, env=environment, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git could not be asked: {error}") from error
    if done.returncode:
        said = os.fsdecode(done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
        raise GitError(f"git refused: {printable(said[0])}")
    return done.stdout
