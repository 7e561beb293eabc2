"""What a tree requires of those of its projects that are bumped: the pins that move along, and what stays behind."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import printable
from relengtools.findings import Edit
from relengtools.versions.bump import Bump
from relengtools.versions.locate import toml
from relengtools.versions.locate.source import Source
from relengtools.versions.names import normalized
from relengtools.versions.project import Project
from relengtools.versions.requirements import text
from relengtools.versions.requirements.locate import requirements
from relengtools.versions.requirements.quiet import name_of, own
from relengtools.versions.specifiers.text import Form

# From an index, whatever the tree has.
_FOR_BUILDS = re.compile("build|setup.requires")
_POETRY = re.compile(r"tool\.poetry\.(?:group\.[^.]+\.)?(?:dev-)?dependencies\.(?P<name>[^.]+)(?:\.version)?")
_CLAUSE = re.compile(r"(?P<sign>\^|~|==?|)\s*(?P<numbers>[0-9]+(?:\.[0-9]+)*(?:\.\*)?)")


class Behind(NamedTuple):
    """A requirement that took the old version of a project and doesn't take the `new` one, and where it is."""

    file: str
    line: int
    column: int
    requirement: str
    new: str

    def __str__(self) -> str:
        place = f"{printable(self.file)}:{self.line}:{self.column}"
        return f"{place}: `{printable(self.requirement)}` doesn't accept {self.new}, and stays as it is: edit it"


class _Stated(NamedTuple):
    """A requirement on a project: where it is, as it is written, and in PEP 508, one text for each alternative."""

    source: Source
    start: int
    written: str
    meant: Sequence[str]


def judge(
    projects: Sequence[Project], bumps: Mapping[str, Bump], roots: Iterable[Path]
) -> tuple[list[Edit], list[Behind]]:
    """The edits of `==` pins on the bumped projects (by normalised name) that accepted the version so far.

    And the requirements that accepted it and stay behind: ranges, and whatever stands in files of pip, in those at
    the `roots` of the tree too.
    """
    from relengtools.versions import dependency_rules
    from relengtools.versions.catalogue import SIBLING_PIN

    before = {name: bump.old for name, bump in bumps.items()}
    after = {name: bump.new for name, bump in bumps.items()}
    edits: list[Edit] = []
    behind: set[Behind] = set()
    for project in projects:
        broken = {f.location for f in dependency_rules.judge(project, before)[0] if f.rule is SIBLING_PIN}
        found, _, files = dependency_rules.judge(project, after)
        for finding in found:
            if finding.rule is SIBLING_PIN and finding.location not in broken and finding.fix:
                edits += finding.fix.edits
        stated = (one for source in (*own(project), *files) for one in _stated(source))
        behind |= set(_behind(stated, {n: b for n, b in bumps.items() if n != normalized(project.name or "")}))
    for root in set(roots) - {project.place.root for project in projects}:
        behind |= set(_behind(_of_pip(root), bumps))
    moved = {(edit.file, edit.line) for edit in edits}
    return edits, sorted(one for one in behind if (one.file, one.line) not in moved)


def _of_pip(root: Path) -> Iterator[_Stated]:
    """What stands in files of pip beside all projects."""
    return (one for source in text.read(root, root)[0] for one in _stated(source))


def _stated(source: Source) -> Iterator[_Stated]:
    for one in requirements(source):
        if one.form is Form.REQUIREMENT and not _FOR_BUILDS.search(one.key):
            yield _Stated(source, one.start, one.text, [one.text])
    if source.path.name != "pyproject.toml" or "poetry" not in source.text:
        return
    document = toml.parse(source)
    for found in toml.scan(source.text):
        path = tuple(map(str, found.path))
        match, value = _POETRY.fullmatch(".".join(path)), toml.lookup(document, path)
        if match and isinstance(value, str):
            yield _Stated(source, found.start, f"{match['name']} = {value}", _alternatives(match["name"], value))


def _alternatives(name: str, constraint: str) -> list[str]:
    """A constraint of Poetry in PEP 508, a text for each alternative. Source: Poetry, "Version constraints"."""
    return [f"{name} {','.join(map(_pep508, part.split(',')))}" for part in constraint.split("||")]


def _pep508(clause: str) -> str:
    match = _CLAUSE.fullmatch(clause.strip())
    if match is None:
        return "" if clause.strip() == "*" else clause.strip()  # PEP 508's own
    if match["sign"] in ("", "=", "=="):
        return f"=={match['numbers']}"
    numbers = [int(number) for number in match["numbers"].removesuffix(".*").split(".")]
    if match["sign"] == "~":
        at = min(1, len(numbers) - 1)
    else:
        at = next((number for number, value in enumerate(numbers) if value), len(numbers) - 1)
    upper = [*numbers[:at], numbers[at] + 1]
    return f">={'.'.join(map(str, numbers))},<{'.'.join(map(str, upper))}"


def _behind(stated: Iterable[_Stated], bumps: Mapping[str, Bump]) -> Iterator[Behind]:
    from relengtools.versions.specifiers import pins

    for one in stated:
        bump = bumps.get(name_of(one.meant[0]))
        if bump is None:
            continue
        took, takes = ([pins.accepts(text, version) for text in one.meant] for version in (bump.old, bump.new))
        if any(took) and not any(takes) and None not in takes:
            yield Behind(one.source.file, *one.source.position(one.start), one.written, bump.new)
