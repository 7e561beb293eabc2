"""Lists of tags in files: `git tag`, `git show-ref --tags`, `git ls-remote --tags`, or columns of one's own."""

import codecs
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from relengtools.versions.history import Tag

_HASH = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_SECONDS = re.compile(r"1?[0-9]{9}")
_HEADER = re.compile(r"(?:tag|name|tag[-_ ]?name|ref(?:name)?)\b(?!.*[0-9])", re.IGNORECASE)
_PEELED = "^{}"
# What git refuses in a name. Source: git-check-ref-format(1).
_CONTROL = re.compile(r"[\0-\x1f\x7f]")


class Listed(NamedTuple):
    """The tags of a list, and the numbers of the lines that hold something else."""

    tags: list[Tag]
    others: list[int]


def text(data: bytes) -> str:
    """A list as text; UTF-16, as PowerShell writes it, by its byte-order mark, and bytes that are no UTF-8 kept."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode(errors="surrogateescape")


def read(lines: Iterable[str]) -> Listed:
    """The tags, each name once. Columns are the tag, a date and a commit, parted by blanks; all but the tag may lack.

    A date is ISO 8601 or unix time. A hash before the tag is its commit, and `TAG^{}` corrects that of an annotated
    TAG. Empty lines, a header, and lines that begin with `#` are skipped.
    """
    tags: dict[str, Tag] = {}
    others: list[int] = []
    header = True
    for number, line in enumerate(lines, 1):
        words = line.lstrip("\ufeff").split()
        if not words or words[0].startswith("#"):
            continue
        if header and _HEADER.match(" ".join(words)):
            header = False
            continue
        header = False
        tag = _tag(words)
        if _CONTROL.search(tag.name):
            others.append(number)
            continue
        if tag.name.endswith(_PEELED):
            tag = tag._replace(name=tag.name.removesuffix(_PEELED))
            tags[tag.name] = tag._replace(date=tags[tag.name].date if tag.name in tags else None)
        else:
            tags.setdefault(tag.name, tag)
    return Listed(list(tags.values()), others)


def _tag(words: list[str]) -> Tag:
    name, *rest = words
    if _FULL_HASH.fullmatch(name) and rest:
        name, *rest = [rest[0], name, *rest[1:]]
    dated = [word for word in rest if word != "-"]
    commit = next((w for w in dated if _FULL_HASH.fullmatch(w)), None)
    date = _date([word for word in dated if word != commit])
    if commit is None:
        commit = next((w for w in reversed(dated) if _HASH.fullmatch(w) and _date([w]) is None), None)
    return Tag(name.removeprefix("refs/tags/"), date, commit.lower() if commit else None)


def _date(words: list[str]) -> float | None:
    """The first date among the words, its time and zone in words of their own perhaps; without a zone it is UTC."""
    for start in range(len(words)):
        if _SECONDS.fullmatch(words[start]):
            return float(words[start])
        for end in range(min(len(words), start + 3), start, -1):
            text = re.sub(r" (?=[+-])", "", " ".join(words[start:end]))
            try:
                found = datetime.fromisoformat(text)
                return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).timestamp()
            except (ValueError, OverflowError):
                continue
    return None
