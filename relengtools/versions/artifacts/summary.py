"""What is kept of a distribution that has been judged, for the others of its release."""

from collections.abc import Mapping
from typing import NamedTuple

from relengtools.versions.artifacts import metadata
from relengtools.versions.artifacts.distribution import Distribution
from relengtools.versions.artifacts.filename import Form
from relengtools.versions.artifacts.handling import Handling

# The core metadata fields that are compared, and the keys of [project] that they come from.
_FIELDS = {
    "requires-dist": "dependencies",
    "requires-python": "requires-python",
    "provides-extra": "optional-dependencies",
}
_STATIC_SINCE = (2, 2)


class Summary(NamedTuple):
    """What the rest of a release has to know of a distribution, without all that is in it.

    `dynamic` are the fields (lower case) in which a wheel may differ from this sdist, `handling` is what its build does
    with its files; `payload` is Distribution's.
    """

    file: str
    form: Form
    name: str | None
    version: str | None
    core: metadata.Core | None
    dynamic: frozenset[str]
    payload: Mapping[str, bytes] = {}
    handling: Handling = Handling.UNKNOWN


def summary(distribution: Distribution) -> Summary:
    """What to keep of a distribution."""
    d = distribution
    dynamic = _dynamic(d) if d.form is Form.SDIST else frozenset()
    return Summary(d.file, d.form, d.name, d.version, d.core, dynamic, d.payload, d.handling)


def _dynamic(sdist: Distribution) -> frozenset[str]:
    """By the metadata; before PEP 643 only its pyproject.toml says so (PEP 621)."""
    if sdist.core is None:
        return frozenset(_FIELDS)
    if metadata.numbered(sdist.core.metadata_version) >= _STATIC_SINCE:
        return sdist.core.dynamic
    project = (sdist.document or {}).get("project")
    if not isinstance(project, dict):
        return frozenset(_FIELDS)
    told = project.get("dynamic")
    return frozenset(field for field, key in _FIELDS.items() if isinstance(told, list) and key in told)
