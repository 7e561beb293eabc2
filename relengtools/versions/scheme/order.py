"""How each scheme orders its own versions: a text -> a key that compares as the scheme's own program does."""

import re
from collections.abc import Callable
from functools import cmp_to_key
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from relengtools.versions.scheme import pep440 as reader
from relengtools.versions.scheme.meaning import Scheme

if TYPE_CHECKING:
    from packaging.version import Version as Version

Key = Callable[[str], Any]

_EPOCH = re.compile(r"(?P<epoch>[0-9]+):(?P<rest>.*)", re.DOTALL)
_DPKG_END = ((0,), 0)
_RPM = {"~": (0, 0, ""), "end": (1, 0, ""), "^": (2, 0, "")}
_APK = re.compile(
    r"\.?(?P<number>[0-9]+)|_(?P<suffix>[a-z]+)(?P<count>[0-9]*)|(?P<letter>[a-z])|~(?P<hash>[0-9a-f]+)|-r(?P<revision>[0-9]+)"
)
_APK_BEFORE = {"alpha": 0, "beta": 1, "pre": 2, "rc": 3}
_APK_AFTER = {"cvs": 0, "svn": 1, "git": 2, "hg": 3, "p": 4}
_SEMVER = re.compile(r"[vV]?(?P<release>[0-9.]*)(?:-(?P<pre>[^+]*))?")
_CONDA_ZERO = (2, 0, "")


def compare(scheme: str, one: str, other: str) -> int:
    """-1, 0 or 1 as `one` is below, equal to or above `other` by the scheme (a name of KEYS)."""
    first, second = KEYS[Scheme(scheme)](one), KEYS[Scheme(scheme)](other)
    return 0 if first == second else -1 if first < second else 1


def pep440(text: str) -> "Version":
    """PEP 440's order. Raises ValueError for what packaging refuses."""
    version = reader.parse(text)
    if version is None:
        raise ValueError(f"not PEP 440: {text[:100]!r}")
    return version


def debian(text: str) -> Any:
    """dpkg's order: epoch, upstream, revision; digits as numbers, `~` below the end, letters below all else.

    Source: deb-version(7).
    """
    epoch, rest = _epoch(text)
    upstream, dash, revision = rest.rpartition("-")
    return epoch, _dpkg(upstream if dash else rest), _dpkg(revision if dash else "")


def rpm(text: str) -> Any:
    """rpmvercmp's order: segments of digits or letters; `~` below the end, `^` above it and below all else.

    Source: rpm-version(7).
    """
    epoch, rest = _epoch(text)
    version, _, release = rest.partition("-")
    return epoch, _rpm(version), _rpm(release)


def alpine(text: str) -> Any:
    """apk's order: numbers, a letter, suffixes in their own order, a hash, the revision.

    Source: apk-package(5): a longer version is above, but for `_alpha`, `_beta`, `_pre` and `_rc`.
    """
    return (*(_apk(match, match.start() == 0) for match in _APK.finditer(text)), (4,))


def conda(text: str) -> Any:
    """conda's order: epoch, components of digits and letters, local; dev, other letters, digits, post.

    Source: conda.models.version.VersionOrder.
    """
    return cmp_to_key(_conda)(text)


def semver(text: str) -> Any:
    """SemVer's precedence; build metadata has none. Source: semver.org 2.0.0, items 10 and 11."""
    match = _SEMVER.match(text)
    assert match is not None, "every part of the pattern may be absent"
    numbers = [int(part) for part in match["release"].split(".") if part]
    identifiers = () if match["pre"] is None else tuple(map(_identifier, match["pre"].split(".")))
    return (*numbers, 0, 0, 0)[: max(3, len(numbers))], match["pre"] is None, identifiers


KEYS: dict[Scheme, Key] = {
    Scheme.PEP440: pep440,
    Scheme.DEBIAN: debian,
    Scheme.RPM: rpm,
    Scheme.ALPINE: alpine,
    Scheme.CONDA: conda,
    Scheme.SEMVER: semver,
}


def _epoch(text: str) -> tuple[int, str]:
    match = _EPOCH.fullmatch(text)
    return (int(match["epoch"]), match["rest"]) if match else (0, text)


def _dpkg(text: str) -> Any:
    """Pairs of what isn't a digit, and a number; a pair that is missing is as the end."""
    found = re.finditer(r"([^0-9]*)([0-9]*)", text)
    pairs = [((*map(_dpkg_weight, match[1]), 0), int(match[2] or 0)) for match in found if match[0]]
    return cmp_to_key(_dpkg_pairs)(pairs)


def _dpkg_pairs(one: list[Any], other: list[Any]) -> int:
    pairs = zip_longest(one, other, fillvalue=_DPKG_END)
    return next((-1 if first < second else 1 for first, second in pairs if first != second), 0)


def _dpkg_weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _rpm(text: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.findall(r"[0-9]+|[a-zA-Z]+|~|\^", text)
    return (*map(_rpm_weight, pieces), _RPM["end"])


def _rpm_weight(piece: str) -> tuple[int, int, str]:
    return _RPM.get(piece) or ((4, int(piece), "") if piece.isdigit() else (3, 0, piece))


def _apk(match: re.Match[str], first: bool) -> tuple[Any, ...]:
    """A part of the version: its rank among what else may stand there (4 is the end), and its value."""
    if (number := match["number"]) is not None:
        # A number with leading zeros compares as text, so below all others: 1.01 < 1.1.
        return (9, 1, int(number), "") if first or number[0] != "0" else (9, 0, 0, number)
    if match["letter"]:
        return 8, match["letter"]
    if (name := match["suffix"]) is not None:
        count = int(match["count"] or 0)
        return (3, _APK_BEFORE[name], count) if name in _APK_BEFORE else (7, _APK_AFTER.get(name, 9), count)
    return (6, match["hash"]) if match["hash"] else (5, int(match["revision"]))


def _conda(one: str, other: str) -> int:
    (first, *parts), (second, *others) = _conda_parts(one), _conda_parts(other)
    if first != second:
        return -1 if first < second else 1
    for part, against in zip(parts, others, strict=True):
        for component, rival in zip_longest(part, against, fillvalue=()):
            for left, right in zip_longest(component, rival, fillvalue=_CONDA_ZERO):
                if left != right:
                    return -1 if left < right else 1
    return 0


def _conda_parts(text: str) -> tuple[int, list[Any], list[Any]]:
    """Epoch, version and local part, the last two as components; an empty local part has none."""
    epoch, bang, rest = text.strip().lower().rpartition("!")
    public, _, local = rest.partition("+")
    return int(epoch) if bang and epoch.isdigit() else 0, _conda_components(public), _conda_components(local)


def _conda_components(text: str) -> list[Any]:
    return [_conda_component(part) for part in re.split("[-._]", text)] if text else []


def _conda_component(text: str) -> list[tuple[int, int, str]]:
    pieces = re.findall(r"[0-9]+|[^0-9]+", text)
    weights = [_conda_weight(piece) for piece in pieces]
    return weights if pieces and pieces[0].isdigit() else [_CONDA_ZERO, *weights]


def _conda_weight(piece: str) -> tuple[int, int, str]:
    if piece in ("dev", "post"):
        return (0 if piece == "dev" else 3, 0, "")
    return (2, int(piece), "") if piece.isdigit() else (1, 0, piece)


def _identifier(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if text.isascii() and text.isdigit() else (1, 0, text)
