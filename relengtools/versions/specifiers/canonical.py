"""Texts that need no second look. Neither packaging nor the rest of this package is loaded for them."""

import re
from functools import cache

from relengtools.versions.specifiers.text import Form

_NUMBER = "(?:0|[1-9][0-9]{0,17})"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_HEAD = re.compile(rf"(?P<name>{_NAME})[ \t]*(?:\[(?P<extras>[^\[\]]*)\])?")
_CLAUSE = re.compile(
    rf"(?P<operator>[<>]=?|[=!~]=)[ \t]*(?P<epoch>[1-9][0-9]{{0,17}}!)?(?P<release>{_NUMBER}(?:\.{_NUMBER})*)"
    rf"(?P<suffix>(?:(?:a|b|rc){_NUMBER})?(?:\.post{_NUMBER})?(?:\.dev{_NUMBER})?)(?P<wildcard>\.\*)?"
)
_BLANK = " \t"
PYTHONS = frozenset({"python_version", "python_full_version"})
"""Two variables of one thing."""
_ORDER = {"<", "<=", ">", ">="}
_EQUAL = {"==", "!="}
# The values that a variable of the environment is known to take; of others this module has no opinion.
_VALUES = {
    "sys_platform": {"linux", "linux2", "win32", "darwin", "cygwin", "emscripten"},
    "platform_system": {"Linux", "Windows", "Darwin", "Java", "FreeBSD"},
    "os_name": {"posix", "nt", "java"},
}


def plain(text: str, form: Form) -> bool:
    """Whether packaging takes `text` and there is nothing to say of it; False only means that one has to look closer.

    Source: the grammars of PEP 440 and PEP 508, of which this is a part.
    """
    match form:
        case Form.REQUIREMENT:
            return _requirement(text)
        case Form.SPECIFIER:
            return not text.strip(_BLANK) or _clauses(text)
        case Form.MARKER:
            return _marker(text)


def _requirement(text: str) -> bool:
    head = _HEAD.match(text)
    if head is None or (head["extras"] is not None and not _extras(head["extras"])):
        return False
    versions, semicolon, marker = text[head.end() :].partition(";")
    if versions.strip(_BLANK) and not _clauses(versions):
        return False
    return not semicolon or _marker(marker)


def _extras(text: str) -> bool:
    return all(re.fullmatch(_NAME, extra.strip(_BLANK)) for extra in text.split(","))


def _clauses(text: str) -> bool:
    found = [_CLAUSE.fullmatch(clause.strip(_BLANK)) for clause in text.split(",")]
    clauses = [match for match in found if match is not None and _stands(match)]
    return len(clauses) == len(found) and _satisfiable(clauses)


def _stands(match: re.Match[str]) -> bool:
    if match["wildcard"]:
        return match["operator"] in _EQUAL and not match["suffix"]
    return match["operator"] != "~=" or "." in match["release"]


def _satisfiable(clauses: list[re.Match[str]]) -> bool:
    """Whether one version surely is in all: the highest lower end with one more number, 1.2.0.1 for `>=1.2`."""
    if len(clauses) == 1 and not clauses[0]["operator"].startswith("<"):
        return True
    if any(match["epoch"] or match.group("operator", "wildcard") == ("==", None) for match in clauses):
        return False
    releases = [[int(number) for number in match["release"].split(".")] for match in clauses]
    length = max(map(len, releases))
    ends = (release for match, release in zip(clauses, releases, strict=True) if match["operator"][0] in ">~=")
    witness = [*_padded(max(ends, default=[0]), length), 1]
    return all(map(_accepts, clauses, releases, [witness] * len(clauses)))


def _accepts(clause: re.Match[str], release: list[int], witness: list[int]) -> bool:
    """Whether a clause takes the witness, which is above each lower end and longer than every release."""
    match clause["operator"], bool(clause["wildcard"]):
        case (("<" | "<="), _):
            return witness < _padded(release, len(witness))
        case "~=", _:
            return witness[: len(release) - 1] == release[:-1]
        case ("==" | "!=") as operator, True:
            return (witness[: len(release)] == release) is (operator == "==")
    return True


def _padded(release: list[int], length: int) -> list[int]:
    return release + [0] * (length - len(release))


def _marker(text: str) -> bool:
    joint, comparison = _marker_patterns()
    pieces = joint.split(text)
    found = [comparison.fullmatch(piece.strip(_BLANK)) for piece in pieces[::2]]
    return all(map(_comparison, found)) and (len(found) == 1 or _at_ease([m for m in found if m], pieces[1::2]))


@cache
def _marker_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    comparison = r"""([a-z_]+)[ \t]*([<>]=?|[=!]=)[ \t]*(["'])([A-Za-z0-9._-]+)\3"""
    # Not from within a run of blanks, which would take time quadratic in its length.
    return re.compile(r"(?<![ \t])[ \t]+(and|or)[ \t]+"), re.compile(comparison)


def _at_ease(comparisons: list[re.Match[str]], joints: list[str]) -> bool:
    """Whether the comparisons of one variable clearly neither exclude each other nor leave nothing out."""
    groups: list[dict[str, list[tuple[str, str]]]] = [{}]
    for match, joint in zip(comparisons, ["and", *joints], strict=True):
        if joint == "or":
            groups.append({})
        name = "python_version" if match[1] in PYTHONS else match[1]
        groups[-1].setdefault(name, []).append((match[2], match[4]))
    names = {name for group in groups for name in group}
    return all(_compatible([group[name] for group in groups if name in group]) for name in names)


def _compatible(groups: list[list[tuple[str, str]]]) -> bool:
    """What one variable is compared with, by the alternatives that it stands in."""
    if len(groups) > 1:
        return all(operator == "==" for group in groups for operator, _ in group) and all(len(g) == 1 for g in groups)
    (group,) = groups
    operators = {operator for operator, _ in group}
    if len(group) == 1 or operators == {"!="}:
        return True
    if len(group) > 2 or not (operators & {">", ">="} and operators & {"<", "<="}):
        return False
    ends = [
        (*map(int, value.split(".")[:2]), 0)[:2] for _, value in sorted(group, key=lambda one: one[0].startswith("<"))
    ]
    (low, first), (high, last) = ends
    below, above = (low, first + (">" in operators)), (high, last + ("<=" in operators))
    return below < above and (low != 2 or high == 2)


def _comparison(match: re.Match[str] | None) -> bool:
    if match is None:
        return False
    variable, operator, _, value = match.groups()
    match variable:
        case "python_version":
            return _release(value, 2) or (operator in _ORDER and _release(value, 1))
        case "python_full_version":
            return _release(value, 3)
        case "sys_platform" | "platform_system" | "os_name":
            return operator in _EQUAL and value in _VALUES[variable]
        case "platform_python_implementation" | "implementation_name" | "platform_machine":
            return operator in _EQUAL and value.replace("_", "").isalnum()
        case "extra":
            return operator == "==" and re.fullmatch(_NAME, value) is not None
    return False


def _release(value: str, numbers: int) -> bool:
    return re.fullmatch(rf"{_NUMBER}(?:\.{_NUMBER}){{{numbers - 1}}}", value) is not None
