"""Paths to the projects below them, and the files in each that can declare a version."""

import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.versions import git
from relengtools.versions.locate.source import shown

MARKERS = ("pyproject.toml", "setup.cfg", "setup.py")
# Other people's code: skipped even where git tracks it.
_VENDORED = {"_vendor", "vendor", "vendored", "third_party", "node_modules", "site-packages"}
_GENERATED = {"build", "dist", "venv", "env", "__pycache__"}


class UnheardError(RelengError):
    """A file would be written that git may ignore."""


class Place(NamedTuple):
    """A directory that may be a project: `markers` are the declaring files in it, none may lead out of `tree`.

    `named` are those of its files that stood on the command line. `unheard` says why git could not be asked which files
    it ignores, where the directory is in a work tree.
    """

    root: Path
    tree: Path
    markers: tuple[str, ...]
    named: frozenset[str] = frozenset()
    unheard: str | None = None

    def assure(self) -> None:
        """Raise UnheardError if nobody knows whether the files here are ignored: those are not for us to rewrite."""
        if self.unheard is not None:
            raise UnheardError(
                f"{printable(self.path)}: nothing written: {self.unheard}, so that nobody knows what it ignores; "
                "name a file to have its project written all the same"
            )

    @property
    def path(self) -> str:
        """The directory as people are told of it."""
        return shown(self.root)


class Discovery(NamedTuple):
    """`places` in order; `errors` are named paths that can't be read, `notes` what was done otherwise than asked."""

    places: dict[Path, Place]
    errors: list[str]
    notes: list[str]


def discover(paths: Sequence[str]) -> Discovery:
    """The places at and below `paths`; a file stands for its directory alone."""
    found = Discovery({}, [], [])
    for path in paths:
        try:
            reason = _add(found, path)
        except (OSError, ValueError) as error:  # ValueError: a null character
            reason = getattr(error, "strerror", None) or str(error)
        if reason:
            named = printable(path or repr(path))
            found.errors.append(f"{named}: {reason}; name a directory or one of {', '.join(MARKERS)}")
    return found


def _add(found: Discovery, path: str) -> str | None:
    """Add what is at and below `path`, or say why it is refused."""
    if not path:  # an unset variable of a shell, most likely: not the working directory
        return "the path is empty"
    named = Path(os.path.abspath(path))  # noqa: PTH100  (a named symlink is followed, but told of by its own name)
    if stat.S_ISDIR(named.stat().st_mode):
        for place in _below(named, found.notes):
            found.places.setdefault(place.root, place)
        return None
    if named.name not in MARKERS:
        return "no file that declares the version of a project"
    tree = git.work_tree(named.parent) or named.parent
    old = found.places.get(named.parent)
    names = frozenset({named.name}) | (old.named if old else frozenset())
    found.places[named.parent] = Place(named.parent, tree, _markers(named.parent), names)
    return None


def _below(directory: Path, notes: list[str]) -> Iterator[Place]:
    tree = git.work_tree(directory) or directory
    roots = {directory} if _markers(directory) else set()
    os.scandir(directory).close()  # an unreadable directory is an error, not an empty one
    files, unheard = _listed(directory, tree, notes)
    for folder in {os.path.dirname(file) for file in files}:  # noqa: PTH120  (names as git gives them)
        if not _VENDORED.intersection(folder.split("/")) and not _in_environment(os.fspath(directory), folder):
            roots.add(directory / folder)
    for root in sorted(roots):
        if markers := _markers(root):
            # A walk may meet clones, each with tags, settings and siblings of its own.
            yield Place(root, git.work_tree(root, directory) or tree, markers, unheard=unheard)
    if not roots and (tree / ".git").exists() and unheard is None:
        for inner in _clones(directory):
            yield from _below(inner, notes)


def _listed(directory: Path, tree: Path, notes: list[str]) -> tuple[list[str], str | None]:
    """Declaring files below `directory`: what git lists, else what a walk finds, and why git could not be asked."""
    unheard = None
    if (tree / ".git").exists():
        try:
            return git.files(directory, MARKERS), None
        except git.GitError as error:
            unheard = str(error)
            notes.append(f"{printable(shown(directory))}: {error}; ignored files are looked at too")
    return list(_walk(directory, notes)), unheard


def _walk(directory: Path, notes: list[str]) -> Iterator[str]:
    top = os.path.join(directory, "")  # noqa: PTH118
    for folder, folders, files in os.walk(directory, onerror=lambda error: notes.append(f"not looked into: {error}")):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not _skipped(name))
        inner = folder[len(top) :]
        yield from (os.path.join(inner, name) for name in MARKERS if name in files)  # noqa: PTH118


def _clones(directory: Path) -> Iterator[Path]:
    """Repositories of their own below one that holds no project: a home directory is often a repository."""
    for folder, folders, files in os.walk(directory):
        if (".git" in folders or ".git" in files) and folder != os.fspath(directory):
            folders.clear()
            yield Path(folder)
        folders[:] = sorted(name for name in folders if not _skipped(name))


def _skipped(name: str) -> bool:
    return name in _VENDORED or name in _GENERATED or name.startswith(".") or name.endswith(".egg-info")


def _in_environment(top: str, folder: str) -> bool:
    """Whether a virtual environment below `top` holds `folder`: some track theirs."""
    parents = itertools.accumulate(folder.split("/"), lambda above, name: f"{above}/{name}")
    return any(os.path.exists(f"{top}/{parent}/pyvenv.cfg") for parent in parents if parent)  # noqa: PTH110


def _markers(root: Path) -> tuple[str, ...]:
    folder = os.fspath(root)
    return tuple(name for name in MARKERS if os.path.lexists(f"{folder}/{name}"))
