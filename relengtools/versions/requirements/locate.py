"""The requirements of a file, and the proof that an edit changed nothing but them."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from relengtools.findings import Edit
from relengtools.versions.locate.source import BOM, Source, UnreadableError, utf8
from relengtools.versions.requirements import text
from relengtools.versions.requirements.requirement import Requirement


def requirements(source: Source) -> Iterator[Requirement]:
    """The requirements in one file; a file of no other kind is one of pip's."""
    from relengtools.versions.requirements import pyproject, setup_cfg

    match source.path.name:
        case "pyproject.toml":
            return pyproject.requirements(source)
        case "setup.cfg":
            return setup_cfg.requirements(source)
        case "setup.py":
            # ast is half of a start-up, and most projects have no setup.py.
            from relengtools.versions.requirements import setup_py

            return setup_py.requirements(source)
    return text.requirements(source)


def proves(source: Source, edits: Sequence[Edit], new: bytes) -> bool:
    """Whether `new`, located again, holds the same requirements but for `edits`, and the same everything else."""
    if not _reads(source, new):
        return False
    again = Source(source.file, source.path, new, new.removeprefix(BOM).decode(source.encoding), source.encoding)
    before, after = list(requirements(source)), list(requirements(again))
    if len(before) != len(after) or _without(source, before) != _without(again, after):
        return False
    changes = _characters(source, edits)
    return all(_edited(old, changes) == new.text for old, new in zip(before, after, strict=True))


def _reads(source: Source, new: bytes) -> bool:
    """Whether the file is one to its own parser: the scanners leave validity to tomllib and configparser."""
    from relengtools.versions.locate import cfg, toml

    parse = {"pyproject.toml": toml.parse, "setup.cfg": cfg.parse}.get(source.path.name)
    try:
        return parse is None or bool(parse(utf8(source.file, source.path, new)))
    except UnreadableError:
        return False


def _without(source: Source, found: Sequence[Requirement]) -> list[str]:
    """What stands between the requirements."""
    pieces, at = [], 0
    for requirement in sorted(found, key=lambda r: r.start):
        pieces.append(source.text[at : requirement.start])
        at = requirement.end
    return [*pieces, source.text[at:]]


def _edited(requirement: Requirement, edits: Sequence[tuple[int, int, str]]) -> str:
    """The requirement's text after those of `edits` (in characters of the file) that fall into it."""
    text, places = requirement.text, requirement.places
    own = edits[bisect_left(edits, (requirement.start,)) : bisect_left(edits, (requirement.end + 1,))]
    for start, end, new in reversed(own):
        if start in places:
            text = text[: places.index(start)] + new + text[bisect_left(places, end) :]
    return text


def _characters(source: Source, edits: Iterable[Edit]) -> list[tuple[int, int, str]]:
    """The edits with offsets in characters, in order."""
    body = source.data.removeprefix(BOM)
    shift = len(source.data) - len(body)
    spans = (((edit.start - shift, edit.end - shift), edit.new) for edit in edits)
    if source.text.isascii():
        return sorted((start, end, new) for (start, end), new in spans)
    return sorted(
        (len(body[:start].decode(source.encoding)), len(body[:end].decode(source.encoding)), new)
        for (start, end), new in spans
    )
