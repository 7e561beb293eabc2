"""Semantic Versioning 2.0, as npm, Cargo and Maven write it, read as PEP 440."""

import re

from relengtools.versions.scheme import spelling
from relengtools.versions.scheme.meaning import Meaning, certain, guessed, nothing

_SEMVER = re.compile(
    r"[vV]?(?P<release>[0-9]+(?:\.[0-9]+){0,3})(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_IDENTIFIER = re.compile(r"(?P<word>[A-Za-z]+)(?:[-.]?(?P<number>[0-9]+))?")
_PSEUDO = re.compile(r"(?:(?:0\.)?|(?P<pre>[A-Za-z]+[.-]?[0-9]*)\.0\.)(?P<time>20[0-9]{12})-(?P<hash>[0-9a-f]{12})")
PRE = {"alpha": "a", "a": "a", "beta": "b", "b": "b", "rc": "rc", "c": "rc", "cr": "rc", "pre": "rc", "preview": "rc"}
DEV = {"dev", "devel", "development", "snapshot", "trunk", "nightly", "canary"}
FINAL = {"final", "stable", "release", "ga"}
_LIKE = {"a", "alpha", "b", "beta", "rc", "c"}


def read(text: str) -> Meaning:
    """MAJOR.MINOR.PATCH[-PRE][+BUILD]: a named pre-release as PEP 440's, the build metadata as a local label.

    Source: semver.org 2.0.0, items 9 to 11; Maven's SNAPSHOT; Go's pseudo-versions.
    """
    match = _SEMVER.fullmatch(text)
    if match is None:
        return nothing("it isn't MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]")
    suffix = certain("") if match["pre"] is None else _prerelease(match["pre"])
    if suffix.version is None:
        return suffix
    local = "" if match["build"] is None else "+" + match["build"].replace("-", ".")
    version = spelling.canonical(match["release"] + suffix.version + ("" if "+" in suffix.version and local else local))
    if version is None:
        return nothing(f"{match['build']!r} is no local version of PEP 440")
    numbers = f"{match['release']}.{match['pre'] or ''}"
    reasons = [
        suffix.reason,
        "build metadata has no rank in SemVer, and a local version can't be uploaded" if local else None,
        "SemVer has three numbers" if match["release"].count(".") != 2 else None,
        "SemVer has no leading zeros" if re.search(r"(?:^|\.)0[0-9]+(?![0-9a-zA-Z-])", numbers) else None,
    ]
    return certain(version) if not any(reasons) else guessed(version, *reasons)


def _prerelease(pre: str) -> Meaning:
    """The suffix in PEP 440's spelling."""
    if match := _PSEUDO.fullmatch(pre):
        head = suffix(match["pre"]).version if match["pre"] else ""
        reason = "a pseudo-version of Go: the time of the commit as a dev release"
        return guessed(f"{head}.dev{match['time']}+g{match['hash']}", reason) if head is not None else nothing(reason)
    return suffix(pre)


def suffix(text: str) -> Meaning:
    """What the words after a release say (`alpha.1`, `SNAPSHOT`, `rc.1.dev.2`), in PEP 440's spelling."""
    parts, reasons, position = "", [], 0
    while position < len(text):
        match = _IDENTIFIER.match(text, position)
        if match is None or text[match.end() : match.end() + 1] not in {"", ".", "-"}:
            return nothing(f"{text!r} has no equal among PEP 440's pre-releases")
        word, number = match["word"].lower(), match["number"]
        part, reason = _word(word, number)
        if part is None:
            return nothing(reason or f"{match['word']!r} has no equal among PEP 440's pre-releases")
        parts, position = parts + part, match.end() + 1
        reasons.append(reason)
    if spelling.canonical(f"1.0{parts}") is None:
        return nothing(f"{text!r} has no equal among PEP 440's pre-releases")
    return guessed(parts, *reasons) if any(reasons) else certain(parts)


def _word(word: str, number: str | None) -> tuple[str | None, str | None]:
    if word in PRE:
        return f"{PRE[word]}{number or 0}", None if word in _LIKE else f"{word!r} is read as a release candidate"
    if word in DEV:
        return f".dev{number or 0}", f"{word!r} is read as a dev release, which PEP 440 sorts below alpha and beta"
    if word == "post":
        return f".post{number or 0}", "SemVer sorts it below the release, PEP 440 above"
    if word in FINAL and number is None:
        return "", f"{word!r} is read as the release itself"
    return None, None
