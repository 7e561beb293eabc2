"""A declaration read in the scheme of its place."""

from relengtools.versions.declaration import Declaration
from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.pep440 import Level, Reading


def read(declaration: Declaration) -> Reading:
    """The PEP 440 reading of a declaration; where another scheme is at home, what its text means in PEP 440.

    There a text that has a meaning is `valid` and stays as it is spelt: `1.0.0-alpha.1` is right in Cargo.toml.
    """
    scheme, value = declaration.kind.scheme, declaration.value
    if scheme == "pep440":
        return pep440.read(value)
    reading = pep440.read(value)
    if reading.level is Level.CANONICAL:
        return reading
    from relengtools.versions.scheme.convert import convert

    canonical = convert(value.strip(), scheme).canonical
    return Reading(value, Level.INVALID if canonical is None else Level.VALID, canonical, canonical and value)
