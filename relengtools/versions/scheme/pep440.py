"""A version string read by PEP 440: level, canonical form, and the spelling that keeps zero padding."""

import re
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from packaging.version import Version as Version


class Level(StrEnum):
    """How well a text keeps to PEP 440."""

    CANONICAL = "canonical"
    VALID = "valid"
    INVALID = "invalid"


class Reading(NamedTuple):
    """`text` by PEP 440. `canonical` is None where it is invalid; `respelled` is canonical but for zero padding."""

    text: str
    level: Level
    canonical: str | None
    respelled: str | None


_NUMBER = "(?:0|[1-9][0-9]{0,17})"
_CANONICAL = re.compile(
    rf"(?:[1-9][0-9]{{0,17}}!)?{_NUMBER}(?:\.{_NUMBER})*(?:(?:a|b|rc){_NUMBER})?(?:\.post{_NUMBER})?(?:\.dev{_NUMBER})?"
    rf"(?:\+(?:{_NUMBER}|[0-9]*[a-z][a-z0-9]*)(?:\.(?:{_NUMBER}|[0-9]*[a-z][a-z0-9]*))*)?"
)
_LETTERS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}


def read(text: str) -> Reading:
    """Judge `text` as `packaging.version.Version` does; an already canonical text never loads packaging.

    Source: PEP 440, appendix B and "Normalization".
    """
    if _CANONICAL.fullmatch(text):
        return Reading(text, Level.CANONICAL, text, text)
    version = parse(text)
    if version is None:
        return Reading(text, Level.INVALID, None, None)
    canonical = str(version)
    level = Level.CANONICAL if canonical == text else Level.VALID
    return Reading(text, level, canonical, text if level is Level.CANONICAL else _respelled(text, version, canonical))


def parse(text: str) -> "Version | None":
    """The version, or None where packaging refuses the text."""
    from packaging.version import Version as Version

    try:
        return Version(text)
    except ValueError:  # InvalidVersion, and numbers of more than 4300 digits
        return None


def equal(one: str, other: str) -> bool:
    """Whether both texts parse and are the same version; False where one of them is invalid."""
    if one == other and _CANONICAL.fullmatch(one):
        return True
    first, second = parse(one), parse(other)
    return first is not None and first == second


def _respelled(text: str, version: "Version", canonical: str) -> str:
    match = _pattern().fullmatch(text.strip())
    if match is None:
        return canonical
    part = match.groupdict()
    epoch = "" if version.epoch == 0 else f"{part['epoch']}!"
    letter = (part["pre_l"] or "").lower()
    pre = "" if version.pre is None else f"{_LETTERS.get(letter, letter)}{part['pre_n'] or 0}"
    post = "" if version.post is None else f".post{part['post_n1'] or part['post_n2'] or 0}"
    dev = "" if version.dev is None else f".dev{part['dev_n'] or 0}"
    local = "" if version.local is None else "+" + re.sub("[-_]", ".", part["local"].lower())
    respelled = epoch + part["release"] + pre + post + dev + local
    return respelled if respelled == canonical or parse(respelled) == version else canonical


@cache
def _pattern() -> re.Pattern[str]:
    from packaging.version import VERSION_PATTERN

    return re.compile(VERSION_PATTERN, re.VERBOSE | re.IGNORECASE)
