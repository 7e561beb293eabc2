"""PEP 440's canonical form, fast: by patterns for the usual spellings, by packaging for the rest."""

import re

from relengtools.versions.scheme import pep440

_NUMBER = "(?:0|[1-9][0-9]{0,17})"
# What may be a commit, or what a tool writes that found no version: `suspicion` says more of it.
_DOUBTFUL = r"(?![0-9]+[abc][0-9]+\Z|0(?:\.0)*(?:\.post|\.dev|\+|\Z)|0\.1\.dev)"
# Canonical, and no local label but a commit's: nothing to normalise, nothing to suspect.
_PLAIN = re.compile(
    rf"{_DOUBTFUL}(?:[1-9][0-9]{{0,17}}!)?{_NUMBER}(?:\.{_NUMBER})*(?:(?:a|b|rc){_NUMBER})?(?:\.post{_NUMBER})?(?:\.dev{_NUMBER})?"
    rf"(?:\+(?:{_NUMBER}\.)?g[0-9a-f]{{4,64}}(?:\.dirty)?)?"
)
# The usual other spellings, as far as nobody can suspect another meaning.
_SPELT = re.compile(
    rf"{_DOUBTFUL}[vV]?([0-9]{{1,18}}(?:\.[0-9]{{1,18}})*)"
    r"(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)(?:[-_.]?([0-9]{1,18})|(?<=[a-z][a-z])))?"
    r"(?:[-_.]?post[-_.]?([0-9]{1,18}))?(?:[-_.]?(dev)[-_.]?([0-9]{0,18}))?",
    re.IGNORECASE | re.ASCII,
)
# What packaging can accept at all; asking it for the rest costs an exception.
_POSSIBLE = re.compile(
    r"\s*+v?[0-9](?:[0-9.!_-]++|alpha|beta|preview|pre|post|rev|rc|dev|[abcr])*+(?:\+.*)?\s*", re.IGNORECASE | re.DOTALL
)
_LETTERS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_PADDING = re.compile(r"(?<![0-9])0+(?=[0-9])")


def canonical(text: str) -> str | None:
    """What `packaging.version.Version` prints for `text`; None where it refuses it.

    Source: PEP 440 "Normalization". Agreement with packaging is a property test.
    """
    usual = unsuspected(text)
    return unusual(text) if usual is None else usual


def unusual(text: str) -> str | None:
    """The same for a text of which `unsuspected` says nothing."""
    version = pep440.parse(text) if _POSSIBLE.fullmatch(text) else None
    return None if version is None else str(version)


def unsuspected(text: str) -> str | None:
    """The canonical form of a text in a usual spelling, which can't mean anything else; None leaves it to packaging."""
    if _PLAIN.fullmatch(text):
        return text
    match = _SPELT.fullmatch(text)
    if match is None:
        return None
    release, letter, pre, post, dev, number = match.groups()
    version = release
    if letter:
        letter = letter.lower()
        version += f"{_LETTERS.get(letter, letter)}{pre or 0}"
    if post:
        version += f".post{post}"
    if dev:
        version += f".dev{number or 0}"
    return _PADDING.sub("", version)
