"""Requirements to findings: valid, canonical, in agreement with the other projects of the tree. Codes RV4xx."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from relengtools.findings import Finding, Fix, Location, Rule
from relengtools.versions.requirements.requirement import Requirement
from relengtools.versions.specifiers.canonical import plain
from relengtools.versions.specifiers.text import Form, Region

if TYPE_CHECKING:
    from relengtools.versions.specifiers.judge import Remark

INVALID_SPECIFIER = Rule(
    "RV401",
    "invalid-specifier",
    "A requirement that PEP 508 refuses.",
    "pip, build and other installers refuse the file or, in published metadata, the whole release. Old ones took it.",
    "dependencies = ['torch>=1.9.*', 'plotly>=5.24<6']",
    "Unsafe, because an invalid text has no meaning to compare with. Where all the tools that read it agree on what it "
    "says (a `.*` behind >= or <, a missing comma, =>, stray quotes, `^1.2`), it becomes that, and the note names the "
    "readers. Where they disagree (`!=~5.0`, `<=3.4.*`, `~=1`, `>dev`, no operator) nothing is touched.",
)
ODD_SPECIFIER = Rule(
    "RV402",
    "odd-specifier",
    "A requirement that is valid, but oddly spelt.",
    "Built metadata, lock files and other tools show another text, and some parsers are less lenient than packaging.",
    "install_requires=['foo>=v1.0', 'bar~=1.5.0.dev', 'baz>=2,']",
    "Safe: both texts parse, with equal name, extras, URL and marker, and `SpecifierSet.to_range()` of both is equal.",
)
INVALID_PYTHON = Rule(
    "RV403",
    "invalid-requires-python",
    "Requires-Python is no version specifier.",
    "Builds fail; from an index pip ignores such a value, and installs on every Python.",
    "requires-python = '>=3.6.*'",
    "Unsafe, and only where all readers agree. `3.8` stays: it is a series in PEP 345, exactly 3.8 in Poetry, and "
    "often meant as `>=3.8`.",
)
ARBITRARY_EQUALITY = Rule(
    "RV404",
    "arbitrary-equality",
    "A requirement uses `===`.",
    "`===` compares plain strings: `===1.0` doesn't accept 1.0.0. It is meant for versions that PEP 440 refuses, and "
    "indexes have none of them any more.",
    "foo===2011k",
    "None: the operand is a string, and nobody may rewrite it.",
)
SIBLING = Rule(
    "RV405",
    "sibling-pin",
    "A requirement on another project of the tree doesn't accept the version that this has.",
    "The projects of one tree can't be installed together, most often because a release counted up one of them alone.",
    'packages/core: version = "2.1"; packages/cli: dependencies = ["core==2.0"]',
    "Unsafe, and only for a single `==`: it becomes the version that the sibling has.",
)
MARKER = Rule(
    "RV406",
    "marker-looks-wrong",
    "A marker holds always, never, or by accident.",
    "The requirement is silently installed everywhere or nowhere.",
    "foo; python_version < '3,8'\nbar; sys_platform == 'windows'",
    "Unsafe for a decimal comma, which becomes a dot; none otherwise.",
)
PARENTHESES = Rule(
    "RV407",
    "parenthesized-specifier",
    "Version specifiers stand in parentheses.",
    "This is the form of PEP 345; PEP 508 takes it for compatibility. Old metadata is full of it, so the rule is off "
    "by default.",
    "foo (>=1.0)",
    "Safe, proved as for odd-specifier.",
    default=False,
)
PADDING = Rule(
    "RV408",
    "padded-specifier",
    "A version in a requirement has leading zeros.",
    "The canonical form has none. Who requires a calendar-versioned project may want its own spelling, so the rule is "
    "off by default.",
    "certifi>=2023.07.22",
    "Safe, proved as for odd-specifier.",
    default=False,
)

RULES = (
    INVALID_SPECIFIER,
    ODD_SPECIFIER,
    INVALID_PYTHON,
    ARBITRARY_EQUALITY,
    SIBLING,
    MARKER,
    PARENTHESES,
    PADDING,
)
# Which rule a topic of `specifiers.judge` is.
_RULE = {
    "validity": INVALID_SPECIFIER,
    "spelling": ODD_SPECIFIER,
    "equality": ARBITRARY_EQUALITY,
    "marker": MARKER,
    "parentheses": PARENTHESES,
    "padding": PADDING,
}


def findings(
    requirements: Iterable[Requirement], project: str = ".", siblings: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Every finding of every rule, selection is the caller's.

    `siblings` is the static version of each other project of the tree, by its `normalized` name.
    """
    for requirement in requirements:
        if not plain(requirement.text, requirement.form):
            yield from _form(requirement, project)
        if siblings and requirement.form is Form.REQUIREMENT:
            yield from _sibling(requirement, project, siblings)


def quiet(texts: Iterable[tuple[str, Form]], siblings: Mapping[str, str] | None = None) -> bool:
    """Whether there surely is no finding among `texts`, which spares finding out where they stand."""
    return all(
        plain(text, form) and not (siblings and form is Form.REQUIREMENT and _name(text) in siblings)
        for text, form in texts
    )


def _name(text: str) -> str:
    match = re.match(r"\s*([A-Za-z0-9._-]+)", text)
    return normalized(match[1]) if match else ""


def normalized(name: str) -> str:
    """A project's name as it is compared. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _form(requirement: Requirement, project: str) -> Iterator[Finding]:
    from relengtools.versions.specifiers.judge import judge

    for remark in judge(requirement.text, requirement.form).remarks:
        rule = _RULE[remark.topic]
        if rule is INVALID_SPECIFIER and requirement.form is Form.SPECIFIER:
            rule = INVALID_PYTHON
        yield _finding(rule, requirement, project, remark)


def _sibling(requirement: Requirement, project: str, siblings: Mapping[str, str]) -> Iterator[Finding]:
    version = siblings.get(_name(requirement.text))
    if version is None:
        return
    from relengtools.versions.specifiers import pins

    if pins.accepts(requirement.text, version) is False:
        yield _finding(SIBLING, requirement, project, pins.disagreement(requirement.text, version))


def _finding(rule: Rule, requirement: Requirement, project: str, remark: "Remark") -> Finding:
    span = requirement.span(remark.region)
    if remark.region == Region(0, len(requirement.text)):
        span = requirement.span()
    location = Location(requirement.source.file, span.line, span.column, span.end_line, span.end_column)
    edits = requirement.edits(remark.changes) if remark.changes else None
    fix = Fix(remark.safe, edits) if edits else None
    message = f"`{requirement.text}` in {requirement.key}: {remark.message}"
    return Finding(rule, message, location, project, fix, requirement.source.line_at(requirement.start), remark.note)
