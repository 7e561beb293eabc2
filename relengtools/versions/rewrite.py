"""Edits to bytes, proved by reading again; all files of a project or none."""

import contextlib
import os
import re
import signal
import stat
from bisect import bisect, insort
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.findings import Edit, Finding, Fix
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
from relengtools.versions.locate.source import BOM, Source, shown
from relengtools.versions.proof import proves

# Which of two fixes of one span is written: what another place says, what is meant, the canonical form, the spelling.
_ORDER = (DISAGREEMENT, PACKAGING_LAGS, SIBLING_PIN, MISLEADING, PADDING, INVALID, SPELLING, PADDED_SPECIFIER)
_RANK = {rule.code: rank for rank, rule in enumerate(_ORDER)}

# A version in any spelling that is one word: nothing of a quote, an escape or a line end.
_WORD = re.compile(r"[0-9A-Za-z.+!_-]+")


class Fate(Enum):
    """What becomes of a file."""

    REWRITTEN = "rewritten"
    MADE = "made"
    REMOVED = "removed"


class Change(NamedTuple):
    """A file before and after; `edits` are in order and don't overlap. A file to be made has no bytes before.

    `mode` is that of a file to be made or removed, None for the usual one.
    """

    source: Source
    edits: tuple[Edit, ...]
    new: bytes
    fate: Fate = Fate.REWRITTEN
    mode: int | None = None


class Staged(NamedTuple):
    """A change about to be made: the `new` file beside the one whose place it takes, and the `old` one to go back."""

    change: Change
    new: Path
    old: Path


class RewriteError(RelengError):
    """A project's files were left alone, all of them."""


def choose(findings: Iterable[Finding], unsafe: bool, made: Mapping[str, Change] = MappingProxyType({})) -> list[Edit]:
    """The edits to make, at most one a span and none across another, in order of file and place.

    What is `made` already, by file, stays as it is.
    """
    fixes = [(_RANK.get(f.rule.code, len(_ORDER)), f.fix) for f in findings if f.fix and (f.fix.safe or unsafe)]
    before = [
        edit for file in {e.file for _, fix in fixes for e in fix.edits} & made.keys() for edit in made[file].edits
    ]
    taken: dict[str, list[tuple[int, int]]] = defaultdict(list)
    chosen: dict[tuple[str, int, int], Edit] = {}
    for _, fix in [(0, Fix(True, tuple(before))), *sorted(fixes, key=lambda ranked: ranked[0])]:
        if any(_crosses(edit, taken[edit.file]) for edit in fix.edits):
            continue
        for edit in fix.edits:
            if chosen.setdefault((edit.file, edit.start, edit.end), edit) is edit:
                insort(taken[edit.file], (edit.start, edit.end))
    return sorted(set(chosen.values()) - set(before))


def _crosses(edit: Edit, taken: Sequence[tuple[int, int]]) -> bool:
    """Whether the edit overlaps a span of `taken` (in order, disjoint) that isn't the very same."""
    at = bisect(taken, (edit.start, edit.end))
    near = taken[max(0, at - 1) : at + 1]
    return any(s < edit.end and edit.start < e and (s, e) != (edit.start, edit.end) for s, e in near)


def plan(
    sources: Sequence[Source], edits: Sequence[Edit], made: Mapping[str, Change] = MappingProxyType({})
) -> list[Change]:
    """The changes that the edits make, each proved; raises RewriteError if one of the files has to be left alone.

    The edits that were `made` in a file for other projects, since all were read, are part of its change.
    """
    return [_planned(source, own, made.get(source.file)) for source, own in _by_source(sources, edits)]


def assure(sources: Sequence[Source], edits: Sequence[Edit], broken: Container[str]) -> None:
    """Raise RewriteError where `plan` would, quickly: where a parser has read a file, a quoted word may be any other.

    `broken` are files that none could read.
    """
    for source, own in _by_source(sources, edits):
        whole = source.path.suffix in (".py", ".toml") and source.file not in broken
        if whole and all(_is_quoted_word(source, edit) for edit in own):
            assure_writable(source)
        else:
            _planned(source, own, None)


def _by_source(sources: Sequence[Source], edits: Sequence[Edit]) -> Iterator[tuple[Source, set[Edit]]]:
    """The files that are edited, each with its edits."""
    own: dict[str, set[Edit]] = defaultdict(set)
    for edit in edits:
        own[edit.file].add(edit)
    return ((source, own[source.file]) for source in sources if source.file in own)


def _is_quoted_word(source: Source, edit: Edit) -> bool:
    quotes = source.data[edit.start - 1 : edit.start], source.data[edit.end : edit.end + 1]
    words = _WORD.fullmatch(edit.old) and _WORD.fullmatch(edit.new)
    return bool(words) and not edit.part and quotes in ((b'"', b'"'), (b"'", b"'"))


def _planned(source: Source, edits: set[Edit], earlier: Change | None) -> Change:
    assure_writable(source)
    if earlier is not None and earlier.source.data != source.data:
        raise RewriteError(f"{printable(source.file)}: not rewritten: it was changed since it was read; run again")
    together = tuple(sorted({*edits, *(earlier.edits if earlier else ())}))
    new = splice(source.data, together)
    if not _proved(source, together, new):
        raise RewriteError(f"{printable(source.file)}: not rewritten: {_doubt(source, together)}")
    return Change(source, together, new)


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
    unread = "it can't be read as it stands (broken, or nested too deeply): mend it first"
    return unread if broken else "more than the version would change, or that can't be ruled out"


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


def assure_writable(source: Source) -> None:
    """Raises RewriteError for a symlink, because another file would change, and for what its mode forbids."""
    if source.path.is_symlink():
        real = printable(shown(os.path.realpath(source.path)))
        raise RewriteError(
            f"{printable(source.file)}: not rewritten: it is a symlink to {real}: edit that file by hand"
        )
    # Renaming over a read-only file would succeed for its owner, and anything does for root.
    if not source.path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise RewriteError(f"{printable(source.file)}: not rewritten: it is read-only")


def write(changes: Sequence[Change], made: Mapping[str, Change] = MappingProxyType({})) -> None:
    """Write all of a project's changes or none; raises RewriteError, with nothing changed unless it names what is.

    Each is written beside its target, flushed to disk, and looked at once more before it is renamed over it; mode, and
    owner where allowed, are kept. Where a rename fails, those before are undone by another name of the old file, which
    takes no space. The renames come one after another: a machine that stops between two leaves the first files new.
    `made` is what was written since the sources were read.
    """
    temporary: set[Path] = set()
    try:
        staged = [_staged(change, made, temporary) for change in changes]
        with _uninterrupted():
            _rename(staged, made, temporary)
    except OSError as error:
        name = printable(changes[0].source.file) if len(changes) == 1 else "the project's files"
        raise RewriteError(f"{name}: not rewritten: {error.strerror or error}") from error
    finally:
        for path in temporary:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _unchanged(change: Change, made: Mapping[str, Change]) -> None:
    """Raises RewriteError where the file isn't what was read, or what was made of it since."""
    source = change.source
    if change.fate is Fate.MADE:
        if os.path.lexists(source.path):
            raise RewriteError(f"{printable(source.file)}: not written: something is there already; run again")
        return
    assure_writable(source)
    known = made[source.file].new if source.file in made else source.data
    if source.path.read_bytes() != known:
        raise RewriteError(f"{printable(source.file)}: not rewritten: it was changed since it was read; run again")


def _staged(change: Change, made: Mapping[str, Change], temporary: set[Path]) -> Staged:
    """The new file on disk, and what is needed to undo it; both are noted as `temporary`."""
    _unchanged(change, made)
    new = _beside(change, change.new)
    temporary.add(new)
    if change.fate is not Fate.REWRITTEN:
        return Staged(change, new, new)
    old = new.with_suffix(".old")
    try:
        os.link(change.source.path, old)
    except OSError:  # a file system without such links
        old = _beside(change, change.source.path.read_bytes())
    temporary.add(old)
    return Staged(change, new, old)


def _beside(change: Change, data: bytes) -> Path:
    """A temporary file in the same folder, on disk, with the mode and owner of the one whose place it takes."""
    import tempfile

    path = change.source.path
    status = None if change.fate is Fate.MADE else path.stat()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if status is not None and hasattr(os, "fchown"):
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), status.st_uid, status.st_gid)
            temporary.chmod(change.mode or _usual_mode() if status is None else stat.S_IMODE(status.st_mode))
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


def _rename(staged: Sequence[Staged], made: Mapping[str, Change], temporary: set[Path]) -> None:
    done: list[Staged] = []
    try:
        for one in staged:
            _unchanged(one.change, made)
            path = one.change.source.path
            if one.change.fate is Fate.REMOVED:
                path.replace(one.old)  # and is only gone when all the others are in place
            else:
                one.new.replace(path)
            done.append(one)
    except (OSError, RewriteError) as error:
        if stuck := [line for one in reversed(done) if (line := _stuck(one, temporary))]:
            raise RewriteError(f"{'; '.join(stuck)}; what went wrong: {error}") from error
        raise


def _stuck(one: Staged, temporary: set[Path]) -> str | None:
    """Undo a rename; or say that it can't be undone, and keep what the file was."""
    path = one.change.source.path
    try:
        if one.change.fate is Fate.MADE:
            path.unlink()
        else:
            one.old.replace(path)
    except OSError as error:
        temporary.discard(one.old)
        kept = "" if one.change.fate is Fate.MADE else f" (it was what {printable(shown(one.old))} is)"
        return (
            f"{printable(one.change.source.file)}: {one.change.fate.value}, and can't be undone: {error.strerror}{kept}"
        )
    return None


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
