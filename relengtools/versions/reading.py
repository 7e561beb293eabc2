"""A declaration read in the scheme of its place."""

import re

from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.pep440 import Level, Reading

_NUMBER = "(?:0|[1-9][0-9]*)"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
# SemVer 2.0.0, to which Cargo keeps strictly: no v, three numbers, no leading zeros.
_SEMVER = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def read(declaration: Declaration) -> Reading:
    """The PEP 440 reading of a declaration; where another scheme is at home, what its text means in PEP 440.

    There a text that has a meaning is `valid` and stays as it is spelt: `1.0.0-alpha.1` is right in Cargo.toml.
    """
    scheme, value = declaration.kind.scheme, declaration.value
    if declaration.kind is Kind.CARGO and not re.fullmatch(_SEMVER, value):
        return Reading(value, Level.INVALID, None, None)
    if scheme == "pep440":
        return pep440.read(value)
    reading = pep440.read(value)
    if reading.level is Level.CANONICAL:
        return reading
    from relengtools.versions.scheme.convert import convert

    canonical = convert(value.strip(), scheme).canonical
    return Reading(value, Level.INVALID if canonical is None else Level.VALID, canonical, canonical and value)
