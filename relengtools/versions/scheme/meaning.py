"""What a version string means: the words that every scheme's reader answers in."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple


class Scheme(StrEnum):
    """How a text was read. The first nine can be asked for; the last three are found out."""

    PEP440 = "pep440"
    GIT_DESCRIBE = "git-describe"
    SEMVER = "semver"
    CALVER = "calver"
    DEBIAN = "debian"
    RPM = "rpm"
    ALPINE = "alpine"
    ARCH = "arch"
    CONDA = "conda"
    TAG = "tag"
    RULE = "rule"
    UNKNOWN = "unknown"


class Policy(StrEnum):
    """What a commit after a tag becomes: TAG.postN, NEXT.devN or TAG+N."""

    POST = "post"
    NEXT_DEV = "next-dev"
    LOCAL = "local"


class Meaning(NamedTuple):
    """A PEP 440 text (None where no honest one exists), whether nothing was dropped or guessed, and what was."""

    version: str | None
    exact: bool
    reason: str | None


Reader = Callable[[str], Meaning]


def nothing(reason: str) -> Meaning:
    """No honest answer, because of `reason`."""
    return Meaning(None, False, reason)


def certain(version: str) -> Meaning:
    """Nothing dropped, nothing guessed."""
    return Meaning(version, True, None)


def guessed(version: str, *reasons: str | None) -> Meaning:
    """An answer that drops or guesses something: `reasons` say what (those that are None don't count)."""
    told = dict.fromkeys(reasons)
    return Meaning(version, False, "; ".join(filter(None, told)) or None)


def because(meaning: Meaning, *reasons: str) -> Meaning:
    """`meaning`, no longer exact, with more reasons; a refusal stays what it is."""
    return meaning if meaning.version is None else guessed(meaning.version, meaning.reason, *reasons)
