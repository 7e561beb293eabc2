"""Edits to bytes, proved by reading again; all files of a project or none."""

import contextlib
import os
import signal
import stat
import tempfile
from bisect import bisect, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.findings import Edit, Finding
from relengtools.versions.catalogue import (
    DISAGREEMENT,
    INVALID,
    MISLEADING,
    PACKAGING_LAGS,
    PADDED_SPECIFIER,
    PADDING,
    SIBLING_PIN,
    SPELLING,
)
from relengtools.versions.locate.source import BOM, Source
from relengtools.versions.proof import proves

# Which of two fixes of one span is written: what another place says, what is meant, the canonical form, the spelling.
_ORDER = (DISAGREEMENT, PACKAGING_LAGS, SIBLING_PIN, MISLEADING, PADDING, INVALID, SPELLING, PADDED_SPECIFIER)
_RANK = {rule.code: rank for rank, rule in enumerate(_ORDER)}


class Fate(Enum):
    """What becomes of a file."""

    REWRITTEN = "rewritten"
    MADE = "made"
    REMOVED = "removed"


class Change(NamedTuple):
    """A file before and after; `edits` are in order and don't overlap. A file to be made has no bytes before."""

    source: Source
    edits: tuple[Edit, ...]
    new: bytes
    fate: Fate = Fate.REWRITTEN


class RewriteError(RelengError):
    """A project's files were left alone, all of them."""


def choose(findings: Iterable[Finding], unsafe: bool) -> list[Edit]:
    """The edits to make, at most one a span and none across another, in order of file and place."""
    fixes = [(_RANK.get(f.rule.code, len(_ORDER)), f.fix) for f in findings if f.fix and (f.fix.safe or unsafe)]
    taken: dict[str, list[tuple[int, int]]] = defaultdict(list)
    chosen: dict[tuple[str, int, int], Edit] = {}
    for _, fix in sorted(fixes, key=lambda ranked: ranked[0]):
        if any(_crosses(edit, taken[edit.file]) for edit in fix.edits):
            continue
        for edit in fix.edits:
            if chosen.setdefault((edit.file, edit.start, edit.end), edit) is edit:
                insort(taken[edit.file], (edit.start, edit.end))
    return sorted(chosen.values())


def _crosses(edit: Edit, taken: Sequence[tuple[int, int]]) -> bool:
    """Whether the edit overlaps a span of `taken` (in order, disjoint) that isn't the very same."""
    at = bisect(taken, (edit.start, edit.end))
    near = taken[max(0, at - 1) : at + 1]
    return any(s < edit.end and edit.start < e and (s, e) != (edit.start, edit.end) for s, e in near)


def plan(sources: Sequence[Source], edits: Sequence[Edit]) -> list[Change]:
    """The changes that the edits make, each proved; raises RewriteError if one of the files has to be left alone."""
    changes = []
    for source in sources:
        own = tuple(edit for edit in edits if edit.file == source.file)
        if own:
            _may_be_written(source)
            new = splice(source.data, own)
            if not _proved(source, own, new):
                raise RewriteError(f"{printable(source.file)}: not rewritten: {_doubt(source, own)}")
            changes.append(Change(source, own, new))
    return changes


def _proved(source: Source, edits: Sequence[Edit], new: bytes) -> bool:
    """First the versions are changed, then the requirements, and each step is proved by itself."""
    versions = [edit for edit in edits if not edit.part]
    between = splice(source.data, versions)
    if versions and not proves(source, versions, between):
        return False
    if len(versions) == len(edits):
        return True
    from relengtools.versions.requirements import locate

    return locate.proves(_after(source, between), _shifted(edits), new)


def _doubt(source: Source, edits: Sequence[Edit]) -> str:
    """Why a file can't be rewritten: it was broken before, or the edits would do more than they should."""
    parsed = source.path.suffix in {".toml", ".lock", ".cfg", ".py"} and not any(edit.part for edit in edits)
    broken = parsed and not proves(source, [], source.data)
    return "it can't be read as it stands: mend it first" if broken else "more than the version would change"


def _after(source: Source, data: bytes) -> Source:
    return source._replace(data=data, text=data.removeprefix(BOM).decode(source.encoding))


def _shifted(edits: Sequence[Edit]) -> list[Edit]:
    """The edits of requirements where they are once those of versions have been made."""
    shift, moved = 0, []
    for edit in edits:
        if edit.part:
            moved.append(edit._replace(start=edit.start + shift, end=edit.end + shift))
        else:
            shift += len(edit.new) - (edit.end - edit.start)
    return moved


def splice(data: bytes, edits: Iterable[Edit]) -> bytes:
    """`data` with each span replaced; all the other bytes stay."""
    parts, at = [], 0
    for edit in edits:
        parts += [data[at : edit.start], edit.new.encode()]
        at = edit.end
    return b"".join([*parts, data[at:]])


def _may_be_written(source: Source) -> None:
    """Raises RewriteError for a symlink, because another file would change, and for what its mode forbids."""
    if source.path.is_symlink():
        raise RewriteError(f"{printable(source.file)}: not rewritten: it is a symlink; name the file that it leads to")
    # Renaming over a read-only file would succeed for its owner, and anything does for root.
    if not source.path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise RewriteError(f"{printable(source.file)}: not rewritten: it is read-only")


def write(changes: Sequence[Change]) -> None:
    """Write all of a project's changes or none; raises RewriteError with nothing changed.

    Each is written beside its target, flushed to disk and renamed over it; mode, and owner where allowed, are kept.
    """
    staged: list[tuple[Path, Change]] = []
    try:
        for change in changes:
            _unchanged(change)
            staged.append((_beside(change), change))
        with _uninterrupted():
            _rename(staged)
    except OSError as error:
        name = printable(changes[0].source.file) if len(changes) == 1 else "the project's files"
        raise RewriteError(f"{name}: not rewritten: {error.strerror or error}") from error
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _unchanged(change: Change) -> None:
    """Raises RewriteError where the file isn't what was read."""
    source = change.source
    if change.fate is Fate.MADE:
        if os.path.lexists(source.path):
            raise RewriteError(f"{printable(source.file)}: not written: something is there already; run again")
        return
    _may_be_written(source)
    if source.path.read_bytes() != source.data:
        raise RewriteError(f"{printable(source.file)}: not rewritten: it was changed since it was read; run again")


def _beside(change: Change) -> Path:
    """A temporary file in the same folder, on disk, with the mode and owner of the one whose place it takes."""
    path = change.source.path
    status = None if change.fate is Fate.MADE else path.stat()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(change.new)
            if status is not None and hasattr(os, "fchown"):
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), status.st_uid, status.st_gid)
            temporary.chmod(_usual_mode() if status is None else stat.S_IMODE(status.st_mode))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _usual_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _rename(staged: Sequence[tuple[Path, Change]]) -> None:
    done: list[tuple[Path, Change]] = []
    try:
        for temporary, change in staged:
            path = change.source.path
            if change.fate is Fate.REMOVED:
                path.replace(temporary)  # and is only gone when all the others are in place
            else:
                temporary.replace(path)
            done.append((temporary, change))
    except OSError:
        for temporary, change in done:
            _take_back(temporary, change)
        raise


def _take_back(temporary: Path, change: Change) -> None:
    path = change.source.path
    match change.fate:
        case Fate.REMOVED:
            temporary.replace(path)
        case Fate.MADE:
            path.unlink()
        case Fate.REWRITTEN:
            _beside(change._replace(new=change.source.data)).replace(path)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM while a project is half renamed."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
