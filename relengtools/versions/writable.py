"""Which files of a place may be written: none that git ignores, that another repository has, or behind a link."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from relengtools.errors import printable
from relengtools.findings import Edit
from relengtools.versions import git
from relengtools.versions.discover import Place
from relengtools.versions.locate.source import Source, shown


def foreign(place: Place, sources: Iterable[Source], edits: Iterable[Edit]) -> dict[str, str]:
    """The files among those to be edited that are not the place's own, and what to say of each."""
    paths = _changed(sources, edits).items()
    reasons = {file: reason for file, path in paths if (reason := _foreign(place, path))}
    return {file: f"{printable(file)}: not rewritten: {reason}" for file, reason in reasons.items()}


def ignored(place: Place, sources: Iterable[Source], edits: Iterable[Edit]) -> dict[str, str]:
    """The files among those to be edited that git ignores and nobody named, and what to say of each.

    git is asked once, and only where there is an edit. Raises UnheardError where it refuses to answer.
    """
    paths = _changed(sources, edits)
    found = _ignored(place, list(paths.values()))
    markers = {place.root / name for name in place.markers}
    return {
        file: f"{printable(file)}: left as it is: git ignores it{'; name it to have it rewritten' * (path in markers)}"
        for file, path in paths.items()
        if path in found
    }


def _changed(sources: Iterable[Source], edits: Iterable[Edit]) -> dict[str, Path]:
    files = {edit.file for edit in edits}
    return {source.file: source.path for source in sources if source.file in files}


def _foreign(place: Place, path: Path) -> str | None:
    """Why a file isn't the place's to write: git's own, another repository's, or one that is really elsewhere."""
    base = place.root if path.is_relative_to(place.root) else place.tree
    relative = Path(os.path.relpath(path, base))
    if any(part.lower() == ".git" for part in relative.parts):
        return "it is git's own"
    own = git.work_tree(path.parent, place.tree)
    if own is not None and own != place.tree:
        return f"it is of another repository, {printable(shown(own))}: edit it there"
    real = os.path.realpath(path)
    if real != os.path.normpath(os.path.realpath(base) / relative):
        return f"a symlink leads from it to {printable(shown(real))}: edit that file by hand"
    return None


def _ignored(place: Place, paths: Sequence[Path]) -> set[Path]:
    """The files that git neither tracks nor would add. Raises UnheardError."""
    asked = [path for path in paths if path.parent != place.root or path.name not in place.named]
    if not asked or place.unheard is not None or not (place.tree / ".git").exists():
        return set()
    real = {os.path.realpath(path): path for path in asked}
    try:
        known = _listed(os.path.realpath(place.root), list(real))
    except git.GitError as error:
        if not place.named:
            place._replace(unheard=str(error)).assure()
        return set()
    ignored = {path for name, path in real.items() if name not in known}
    if ignored and _is_ignored(place.root):  # then it was named, or nobody would have looked into it
        return {path for path in ignored if not path.is_relative_to(place.root)}
    return ignored


def _listed(root: str, names: Sequence[str]) -> set[str]:
    """Those of the files that git doesn't ignore; `check-ignore` can't be told to take names literally."""
    standard = (git.LITERALLY, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--")
    output = git.run(Path(root), *standard, *names)
    return {os.path.normpath(os.path.join(root, name)) for name in git.listed(output)}  # noqa: PTH118


def _is_ignored(directory: Path) -> bool:
    try:
        git.run(directory, "check-ignore", "--quiet", "--", os.path.realpath(directory))
    except git.GitError:
        return False
    return True
