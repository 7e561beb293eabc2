"""Core metadata: the header of PKG-INFO and METADATA, read as installers and indexes read it."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from relengtools.errors import printable
from relengtools.versions.names import normalized

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata

_END = re.compile(rb"\r?\n\r?\n")
_DESCRIPTION = re.compile(rb"^Description[ \t]*:", re.MULTILINE | re.IGNORECASE)
_FIELD = re.compile(rb"^([^\s:]+)[ \t]*:", re.MULTILINE)
# Kinds of fields, and lines in all; both are checked before anything takes time that grows with them.
_MOST_FIELDS = 100
_MOST_LINES = 20_000
_LONGEST = 1000
_SUMMARY, _LABEL = 512, 32
# Judged elsewhere, or free to be new.
_ELSEWHERE = {"metadata_version", "requires_dist", "requires_python", "version", "description"}
_REQUIRED = {"metadata-version": "metadata_version", "name": "name", "version": "version"}
_OWN = _ELSEWHERE | {"name", "provides_extra", "dynamic"}
# packaging's names of fields that may stand in it several times.
_SINGULAR = {"classifiers": "classifier", "platforms": "platform", "supported_platforms": "supported_platform"}
_SINGULAR |= {"license_files": "license_file", "project_urls": "project_url"}
_SINGULAR |= {"import_names": "import_name", "import_namespaces": "import_namespace"}
_URI = re.compile(r"https?://[^/\s]+\S*", re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ONCE = {"metadata-version", "name", "version", "summary", "license", "license-expression", "requires-python", "author"}
_ONCE |= {"author-email", "maintainer", "maintainer-email", "home-page", "download-url", "description-content-type"}


class Core(NamedTuple):
    """What the metadata says; `dynamic` fields in lower case, `mistakes` against the specification, for people.

    `others` are the values of the fields that have no place of their own here, by the fields' names in lower case.
    """

    name: str | None = None
    version: str | None = None
    requires_python: str | None = None
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    dynamic: frozenset[str] = frozenset()
    metadata_version: str | None = None
    mistakes: tuple[str, ...] = ()
    licence_files: tuple[str, ...] = ()
    others: Mapping[str, frozenset[str]] = {}


def read(data: bytes) -> Core:
    """The header of a metadata file; never raises. What follows the empty line, the description, isn't looked at.

    An unknown Metadata-Version is no mistake. Source: PyPA's "Core metadata specifications".
    """
    end = _END.search(data)
    header = data[: end.start()] if end else data
    if header.count(b"\n") > _MOST_LINES or len(set(_FIELD.findall(header))) > _MOST_FIELDS:
        return Core(mistakes=("it has more fields than metadata can have",))
    from packaging.metadata import parse_email

    try:
        raw, unparsed = parse_email(header)
    except (ValueError, LookupError, AssertionError) as error:
        return Core(mistakes=(f"it can't be read: {printable(str(error))[:200]}",))
    mistakes = [*_overlong(raw), *_unparsed(raw, unparsed, header), *_invalid(raw, unparsed), *_unwelcome(raw)]
    return Core(
        name=raw.get("name"),
        version=raw.get("version"),
        requires_python=raw.get("requires_python"),
        requires=tuple(raw.get("requires_dist", ())),
        extras=tuple(raw.get("provides_extra", ())),
        dynamic=frozenset(field.lower() for field in raw.get("dynamic", ())),
        metadata_version=raw.get("metadata_version"),
        licence_files=tuple(raw.get("license_files", ())),
        others=dict(_others(raw)),
        mistakes=tuple(mistakes),
    )


def numbered(version: str | None) -> tuple[int, ...]:
    """A version of the metadata as numbers, none where it is no such version."""
    numbers = (version or "").split(".")
    return tuple(map(int, numbers)) if all(re.fullmatch("[0-9]{1,9}", part) for part in numbers) else ()


def requirement(text: str) -> str:
    """A requirement in one spelling, to compare it; the text itself where it is invalid."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except (InvalidRequirement, ValueError):
        return text
    found.name, found.extras = normalized(found.name), set(map(normalized, found.extras))
    return str(found)


def specifiers(text: str) -> str:
    """Version specifiers in one order, to compare them; the text itself where they are invalid."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(text))
    except (InvalidSpecifier, ValueError):
        return text


def by_url(text: str) -> bool:
    """Whether a requirement is a direct reference."""
    if "@" not in text:
        return False
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(text).url is not None
    except (InvalidRequirement, ValueError):
        return False


def _others(raw: "RawMetadata") -> Iterator[tuple[str, frozenset[str]]]:
    """The fields that two distributions of one release may be compared by, but for the description."""
    for key, value in raw.items():
        if key not in _OWN and value:
            values = value.items() if isinstance(value, dict) else value if isinstance(value, list) else [value]
            told = frozenset(", ".join(one) if isinstance(one, tuple) else str(one) for one in values)
            yield _SINGULAR.get(key, key).replace("_", "-"), told


def _overlong(raw: "RawMetadata") -> Iterator[str]:
    """Take names and versions out that nobody has: to read them costs more than they are."""
    for field, key in _REQUIRED.items():
        if (length := len(str(raw.get(key) or ""))) > _LONGEST:
            raw.pop(key)  # type: ignore[misc]
            yield f"{field.title()} has {length} characters"


def _unparsed(raw: "RawMetadata", unparsed: dict[str, list[str]], header: bytes) -> Iterator[str]:
    for field in sorted(_ONCE & set(unparsed)):
        values = unparsed[field]
        yield f"{field.title()} stands in it {len(values)} times" if len(values) > 1 else f"{field.title()} is no UTF-8"
    if (body := raw.get("description")) and not _DESCRIPTION.search(header):
        line = printable(body.strip().split("\n")[0][:80])
        yield f"the line '{line}' is no field, so that those behind it are taken for the description"


def _invalid(raw: "RawMetadata", unparsed: dict[str, list[str]]) -> Iterator[str]:
    """What packaging says of each field, and the required ones that are missing."""
    from packaging.metadata import InvalidMetadata, Metadata

    for field, key in _REQUIRED.items():
        if field not in unparsed and not raw.get(key):
            yield f"{field.title()} is missing"
    checked = Metadata.from_raw(raw, validate=False)
    for key in sorted(key for key in set(raw) - _ELSEWHERE if raw[key]):  # type: ignore[literal-required]
        try:
            getattr(checked, key)
        except InvalidMetadata as error:
            yield printable(" ".join(str(error).split()))[:300]


def _unwelcome(raw: "RawMetadata") -> Iterator[str]:
    """What the package index refuses though each field by itself is valid."""
    from email.utils import getaddresses

    if raw.get("license") and raw.get("license_expression"):
        yield "License and License-Expression exclude each other (PEP 639)"
    if (length := len(raw.get("summary") or "")) > _SUMMARY:
        yield f"Summary has {length} characters, and an index takes {_SUMMARY}"
    for label, url in (raw.get("project_urls") or {}).items():
        if len(label) > _LABEL:
            yield f"Project-URL: the label '{printable(label[:_LABEL])}…' has more than {_LABEL} characters"
        if not _URI.fullmatch(url):
            yield f"Project-URL: {printable(label[:_LABEL])}: '{printable(url[:100])}' is no address of a page"
    for field, page in (("Home-page", raw.get("home_page")), ("Download-URL", raw.get("download_url"))):
        if page and page != "UNKNOWN" and not _URI.fullmatch(page):
            yield f"{field}: '{printable(page[:100])}' is no address of a page"
    for field, text in (("Author", raw.get("author_email")), ("Maintainer", raw.get("maintainer_email"))):
        found = getaddresses([text[:_LONGEST]]) if text and text != "UNKNOWN" else []
        if wrong := next((address for _, address in found if not _ADDRESS.fullmatch(address)), None):
            yield f"{field}-email: '{printable(wrong[:100])}' is no e-mail address"
