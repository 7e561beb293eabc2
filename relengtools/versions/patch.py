"""Changes as a patch that `git apply` takes."""

from collections.abc import Iterable
from typing import NamedTuple

from relengtools.findings import Edit
from relengtools.versions.rewrite import Change, Fate

_CONTEXT = 3
_ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r", '"': r"\"", "\\": r"\\"}


class Hunk(NamedTuple):
    """Old lines `start` to `end` (0-based, end exclusive) and the lines that take their place."""

    start: int
    end: int
    new: list[bytes]


def unified(changes: Iterable[Change]) -> bytes:
    """The unified diff of all changes, in bytes because the files are; paths are relative to the working directory."""
    return b"".join(_file(change) for change in changes)


def _file(change: Change) -> bytes:
    name = change.source.file
    before = "/dev/null" if change.fate is Fate.MADE else _quoted(f"a/{name}")
    after = "/dev/null" if change.fate is Fate.REMOVED else _quoted(f"b/{name}")
    head = [f"--- {before}\n", f"+++ {after}\n"]
    old = _lines(change.source.data)
    body, shift = b"", 0
    for group in _grouped(_hunks(change), len(old)):
        text, grown = _group(group, old, shift)
        body, shift = body + text, shift + grown
    return "".join(head).encode("utf-8", "surrogateescape") + body


def _hunks(change: Change) -> list[Hunk]:
    """The lines that each edit touches, before and after; edits on one line, or on neighbours, become one."""
    data = change.source.data
    hunks: list[tuple[int, int, bytes]] = []
    for edit in change.edits:
        first = data.rfind(b"\n", 0, edit.start) + 1
        new = edit.new.encode()
        last = edit.end if _whole_lines(data, edit, new) else (data.find(b"\n", edit.end) + 1 or len(data))
        if hunks and hunks[-1][1] >= first:
            start, end_before, before = hunks.pop()
            kept = before[: len(before) - max(0, end_before - edit.start)] + data[end_before : edit.start]
            hunks.append((start, last, kept + new + data[edit.end : last]))
        else:
            hunks.append((first, last, data[first : edit.start] + new + data[edit.end : last]))
    return [
        Hunk(data.count(b"\n", 0, start), data.count(b"\n", 0, start) + len(_lines(data[start:last])), _lines(text))
        for start, last, text in hunks
    ]


def _whole_lines(data: bytes, edit: Edit, new: bytes) -> bool:
    """Whether lines take the place of lines, so that the one after them isn't touched."""
    starts = all(at == 0 or data[at - 1 : at] == b"\n" for at in (edit.start, edit.end))
    return starts and (not new or new.endswith(b"\n"))


def _grouped(hunks: Iterable[Hunk], total: int) -> list[list[Hunk]]:
    """Hunks whose contexts touch belong together."""
    groups: list[list[Hunk]] = []
    for hunk in hunks:
        if groups and hunk.start - groups[-1][-1].end <= 2 * _CONTEXT:
            groups[-1].append(hunk)
        else:
            groups.append([hunk])
    return groups


def _group(group: list[Hunk], old: list[bytes], shift: int) -> tuple[bytes, int]:
    first, last = max(0, group[0].start - _CONTEXT), min(len(old), group[-1].end + _CONTEXT)
    lines, at = [], first
    for hunk in group:
        lines += [b" " + line for line in old[at : hunk.start]]
        lines += [b"-" + line for line in old[hunk.start : hunk.end]] + [b"+" + line for line in hunk.new]
        at = hunk.end
    lines += [b" " + line for line in old[at:last]]
    grown = sum(len(hunk.new) - (hunk.end - hunk.start) for hunk in group)
    header = f"@@ -{_range(first, last - first)} +{_range(first + shift, last - first + grown)} @@\n".encode()
    return header + b"".join(
        line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines
    ), grown


def _range(first: int, count: int) -> str:
    """Lines as a hunk's header counts them: of none, the line that they come after."""
    return f"{first + 1 if count else first},{count}"


def _lines(data: bytes) -> list[bytes]:
    """Lines as git counts them: they end with \\n alone."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _quoted(path: str) -> str:
    """A path as git writes it: quoted for control characters, quotes, backslashes; a tab ends one with blanks."""
    if any(c in _ESCAPES or not c.isprintable() for c in path):
        return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _octal(c)) for c in path) + '"'
    return f"{path}\t" if " " in path else path


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
