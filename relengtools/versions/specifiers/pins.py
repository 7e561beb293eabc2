"""Whether a requirement accepts a version, and a pin moved to it."""

from relengtools.versions.scheme import pep440
from relengtools.versions.specifiers.judge import Remark
from relengtools.versions.specifiers.oddities import Topic
from relengtools.versions.specifiers.proof import parse
from relengtools.versions.specifiers.split import split
from relengtools.versions.specifiers.text import Change, Form, Region


def accepts(text: str, version: str) -> bool | None:
    """Whether a valid requirement takes `version`, a pre-release too; None for a URL, and for what is no version."""
    try:
        requirement = parse(text, Form.REQUIREMENT)
        if requirement.url is not None or pep440.parse(version) is None:
            return None
        return bool(requirement.specifier.contains(version, prereleases=True))
    except (ValueError, RecursionError, MemoryError):
        return None


def disagreement(text: str, version: str) -> Remark:
    """The remark on a requirement that doesn't accept `version`; a single `==` pin is moved to it."""
    region, changes = _moved(text, version)
    message = f"{version}, the version that it has in this tree, is not accepted"
    return Remark(Topic.VALIDITY, region, message, None, changes)


def _moved(text: str, version: str) -> tuple[Region, tuple[Change, ...]]:
    parts = split(text, Form.REQUIREMENT)
    if not parts.clauses:
        return Region(0, len(text)), ()
    region = Region(parts.clauses[0].region.start, parts.clauses[-1].region.end)
    operator, operand, _ = parts.clauses[0]
    new = pep440.read(version).respelled
    if len(parts.clauses) > 1 or operand is None or operator is None or operator.text != "==" or new is None:
        return region, ()
    if operand.text.endswith("*"):
        return region, ()
    return region, (Change(operand.start, operand.end, new),)
