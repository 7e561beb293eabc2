"""What packaging says of a text, and whether two texts mean the same to it."""

import warnings
from typing import TYPE_CHECKING, Any

from relengtools.versions.specifiers.split import Parts
from relengtools.versions.specifiers.text import Form

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_ERRORS = (ValueError, RecursionError, MemoryError)


def refusal(text: str, form: Form) -> str | None:
    """Why packaging refuses a text, in one line; None where it takes it."""
    try:
        parsed = parse(text, form)
    except _ERRORS as error:
        lines = str(error).splitlines() or [type(error).__name__]
        return lines[0].strip()
    versions = getattr(parsed, "specifier", parsed)
    if form is not Form.MARKER and not all(s.version.isascii() for s in versions if s.operator != "==="):
        # packaging 26.3 lets letters through whose lower case is ASCII.
        return "a version has ASCII letters only"
    return None


def parse(text: str, form: Form) -> Any:
    """The Requirement, SpecifierSet or Marker of a text; raises ValueError, or RecursionError for deep nesting."""
    from packaging.markers import Marker
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    with warnings.catch_warnings():
        # packaging evaluates quoted strings as Python: an invalid escape in one is not this program's warning.
        warnings.simplefilter("ignore")
        match form:
            case Form.REQUIREMENT:
                return Requirement(text)
            case Form.SPECIFIER:
                return SpecifierSet(text)
            case Form.MARKER:
                return Marker(text)


def same(one: str, other: str, form: Form) -> bool:
    """Whether two texts provably mean the same: equal ranges of versions, name, extras, URL and marker."""
    try:
        first, second = parse(one, form), parse(other, form)
        if form is Form.MARKER:
            return bool(first == second)
        if form is Form.SPECIFIER:
            return _same_versions(first, second)
        return _same_but_versions(first, second) and _same_versions(first.specifier, second.specifier)
    except _ERRORS:
        return False


def _same_versions(one: Any, other: Any) -> bool:
    return bool(one.to_range() == other.to_range() and one.prereleases == other.prereleases)


def _same_but_versions(one: "Requirement", other: "Requirement") -> bool:
    return (one.name, one.extras, one.url, one.marker) == (other.name, other.extras, other.url, other.marker)


def kept(parts: Parts, new: str) -> bool:
    """Whether packaging takes `new`, some version can satisfy it, and name, extras and URL are the old text's."""
    try:
        parsed = parse(new, parts.form)
        if _is_empty(parsed, parts.form):
            return False
    except _ERRORS:
        return False
    if parts.form is not Form.REQUIREMENT or parts.name is None:
        return parts.form is not Form.REQUIREMENT
    extras = {extra.strip() for extra in parts.extras.strip("[]").split(",")} - {""}
    return (parsed.name, parsed.extras, parsed.url) == (parts.name.text, extras, parts.url)


def empty(text: str, form: Form) -> bool:
    """Whether a valid text provably accepts no version, not even a pre-release.

    Source: packaging's `SpecifierSet.is_unsatisfiable()`.
    """
    try:
        return _is_empty(parse(text, form), form)
    except _ERRORS:
        return False


def _is_empty(parsed: Any, form: Form) -> bool:
    """As `numpy==1.0==0`, from `conda list --export`, would end up; raises ValueError for more than 4300 digits."""
    if form is Form.MARKER:
        return False
    return bool((parsed.specifier if form is Form.REQUIREMENT else parsed).is_unsatisfiable())
