"""How dpkg, RPM, apk, conda and SemVer order versions, from their documents: the oracles of the order tests."""

import re
from itertools import zip_longest
from typing import Any


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _epoch(text: str) -> tuple[int, str]:
    epoch, colon, rest = text.rpartition(":")
    return (int(epoch), rest) if colon else (0, text)


def debian(one: str, other: str) -> int:
    """deb-version(7): digits as numbers, `~` below the end, letters below all else."""
    (first, a), (second, b) = _epoch(one), _epoch(other)
    if first != second:
        return sign(first - second)

    def weight(character: str) -> int:
        if character == "~":
            return -1
        return ord(character) if character.isalpha() else ord(character) + 256 if character else 0

    def pieces(text: str) -> list[tuple[str, int]]:
        return [(m[1], int(m[2] or 0)) for m in re.finditer(r"([^0-9]*)([0-9]*)", text) if m[0]]

    for (a_text, a_number), (b_text, b_number) in zip_longest(pieces(a), pieces(b), fillvalue=("", 0)):
        for x, y in zip_longest(a_text, b_text, fillvalue=""):
            if weight(x) != weight(y):
                return sign(weight(x) - weight(y))
        if a_number != b_number:
            return sign(a_number - b_number)
    return 0


def rpm(one: str, other: str) -> int:
    """rpm-version(7): segments of digits or letters; `~` below the end; `^` above the end and below all else."""
    (first, a), (second, b) = _epoch(one), _epoch(other)
    if first != second:
        return sign(first - second)
    left, right = (re.findall(r"[0-9]+|[a-zA-Z]+|~|\^", text) for text in (a, b))

    def weight(piece: str | None) -> tuple[int, int, str]:
        if piece is None:
            return (1, 0, "")
        if piece in "~^":
            return (0 if piece == "~" else 2, 0, "")
        return (4, int(piece), "") if piece.isdigit() else (3, 0, piece)

    for x, y in zip_longest(left, right):
        if weight(x) != weight(y):
            return 1 if weight(x) > weight(y) else -1
    return 0


_SUFFIXES = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"]


def alpine(one: str, other: str) -> int:
    """apk-package(5): numbers, then suffixes in their own order, the missing one among them."""

    def key(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        release, *suffixes = text.split("_")
        numbered = [re.fullmatch(r"([a-z]+)([0-9]*)", suffix).groups() for suffix in suffixes]  # type: ignore[union-attr]
        ranks = [(_SUFFIXES.index(name), int(number or 0)) for name, number in numbered]
        return [int(part) for part in release.split(".")], [*ranks, (_SUFFIXES.index(""), 0)]

    return (key(one) > key(other)) - (key(one) < key(other))


def _conda_component(text: str) -> list[Any]:
    pieces = [int(p) if p.isdigit() else p for p in re.findall(r"[0-9]+|[a-z]+", text)]
    return pieces if isinstance(pieces[0], int) else [0, *pieces]


def _conda_weight(piece: Any) -> tuple[int, Any]:
    if piece in ("dev", "post"):
        return (0 if piece == "dev" else 3, 0)
    return (2, piece) if isinstance(piece, int) else (1, piece)


def _conda_part(one: str, other: str) -> int:
    sides = ([_conda_component(part) for part in re.split("[._]", text)] if text else [] for text in (one, other))
    for x, y in zip_longest(*sides, fillvalue=[]):
        for p, q in zip_longest(x, y, fillvalue=0):
            if _conda_weight(p) != _conda_weight(q):
                return 1 if _conda_weight(p) > _conda_weight(q) else -1
    return 0


def conda(one: str, other: str) -> int:
    """conda's VersionOrder: epoch, then components of letters and digits; dev, other letters, digits, post."""

    def split(text: str) -> tuple[int, str, str]:
        epoch, bang, rest = text.rpartition("!")
        public, _, local = rest.partition("+")
        return int(epoch) if bang else 0, public, local

    (e1, p1, l1), (e2, p2, l2) = split(one), split(other)
    return sign(e1 - e2) or _conda_part(p1, p2) or _conda_part(l1, l2)


def semver(one: str, other: str) -> int:
    """semver.org 2.0.0, item 11."""

    def key(text: str) -> tuple[list[int], int, list[tuple[int, Any]]]:
        release, dash, pre = text.partition("+")[0].partition("-")
        identifiers = [(0, int(p)) if p.isdigit() else (1, p) for p in pre.split(".")] if dash else []
        return [int(part) for part in release.split(".")], 0 if dash else 1, identifiers

    return (key(one) > key(other)) - (key(one) < key(other))


ORDERS = {"debian": debian, "rpm": rpm, "alpine": alpine, "conda": conda, "semver": semver}
