"""What a version specifier that PEP 440 refuses was read as, and by whom; where its readers disagree it stays.

Sources: uv's lenient_requirement.rs as it reads; LegacySpecifier of packaging 21.3, run on versions around each
boundary; Poetry's constraint patterns and documentation. What is said of npm, Cargo, conda, RubyGems and PEP 345 is
their documented syntax and was not run.
"""

import re
from typing import NamedTuple

from relengtools.versions.scheme import pep440


class Mend(NamedTuple):
    """The text that PEP 440 takes for a clause, and the reading that it rests on with its source."""

    operator: str
    operand: str
    reading: str


class Refusal(NamedTuple):
    """Why a clause can't be mended."""

    reason: str


UV = "uv (lenient_requirement.rs)"
LEGACY = "packaging before 22 (LegacySpecifier)"
SEMVER = "npm, Cargo and Poetry"

_OPERATORS = {
    "=>": (">=", "`=>` is `>=` written backwards: there is no other operator of these two characters"),
    "=<": ("<=", "`=<` is `<=` written backwards: there is no other operator of these two characters"),
    "<>": ("!=", "`<>` is `!=` in Poetry, as it was in Python 2"),
    "~>": ("~=", "`~>` is the compatible release of RubyGems, which is `~=` in PEP 440"),
    "≥": (">=", "U+2265 is the sign for `>=`"),
    "≤": ("<=", "U+2264 is the sign for `<=`"),
    "≠": ("!=", "U+2260 is the sign for `!=`"),
}
_KNOWN = {">=", "<=", "==", "!=", "~=", ">", "<"}
_RELEASE = r"v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*"
_WILDCARD = re.compile(rf"({_RELEASE})(?:(?:\.[*xX])+|\*)")
_LONG_SUFFIX = re.compile(rf"({_RELEASE}[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview|post|dev)[0-9]+)(?:\.0)+", re.I)
_ENDLESS = re.compile(rf"({_RELEASE})\.")


def mend(operator: str | None, operand: str | None) -> Mend | Refusal:
    """The certain reading of a clause that packaging refuses: `operator` and `operand` as written, None if missing."""
    if operand is None:
        return Refusal(f"`{operator}` has no version")
    if operator is None:
        return _bare(operand)
    said = ""
    joined = "".join(operator.split())
    if joined != operator and joined in _KNOWN:
        operator, said = joined, "white space has no place in an operator"
    elif joined in _OPERATORS:
        operator, said = _OPERATORS[joined]
    found = _WITH.get(operator, _plain)(operator, operand)
    if isinstance(found, Refusal) or not said:
        return found
    return found._replace(reading=f"{said}; {found.reading}" if found.reading else said)


def _plain(operator: str, operand: str) -> Mend | Refusal:
    """A clause whose operator is one of PEP 440, or no operator at all."""
    if operator not in _KNOWN:
        return Refusal(f"`{operator}` is no operator")
    version = pep440.read(operand)
    if version.respelled is not None:
        return _valid_version(operator, operand, version.respelled)
    if match := _WILDCARD.fullmatch(operand):
        return _wildcard(operator, operand, pep440.read(match[1]).respelled)
    if match := _LONG_SUFFIX.fullmatch(operand):
        reading = f"zeros after the number of a pre-, post- or dev release count for nothing in {UV} and in {LEGACY}"
        return _also(operator, match[1], reading)
    if (match := _ENDLESS.fullmatch(operand)) and operator in (">=", "<"):
        return _also(operator, match[1], f"a dot at the end counts for nothing in {LEGACY}")
    return Refusal(_unreadable(operator, operand))


def _also(operator: str, operand: str, reading: str) -> Mend | Refusal:
    version = pep440.read(operand)
    found = _valid_version(operator, operand, version.respelled) if version.respelled else Refusal(f"`{operand}`")
    return found if isinstance(found, Refusal) else found._replace(reading=reading)


def _valid_version(operator: str, operand: str, respelled: str) -> Mend | Refusal:
    if "+" in operand and operator not in ("==", "!="):
        return Refusal(
            f"`{operator}` takes no local version, and whether `{operand}` itself is meant to be in is unknown"
        )
    if operator == "~=" and "." not in _release(respelled):
        return Refusal(f"`~={operand}` is `>={operand}` by the letter of PEP 440, `~={operand}.0` by common sense")
    return Mend(operator, respelled, "")


def _wildcard(operator: str, operand: str, release: str | None) -> Mend | Refusal:
    if release is None:
        return Refusal(f"`{operand}` is no version")
    if operator in ("==", "!="):
        return Mend(operator, f"{release}.*", f"`{operand}` is the series {release}.* in {_series_reader(operand)}")
    if operator in (">=", "<"):
        who = f"{UV} and {LEGACY}" if operand.endswith(".*") else LEGACY if operand.endswith("*") else "npm"
        return Mend(operator, release, f"`{operator}{operand}` is the start of the series in {who}")
    if operator == "~=":
        return Refusal(f"`~={operand}` could mean `=={release}.*` or `~={release}`")
    uv = f"uv reads `{operator}{release}`"
    return Refusal(f"`{operator}{operand}`: {uv}, npm goes by the end of the series, {LEGACY} by its start")


def _series_reader(operand: str) -> str:
    if operand.endswith("*") and not operand.endswith(".*"):
        return UV
    return "npm and Poetry"


def _bare(operand: str) -> Mend | Refusal:
    """No operator: PEP 345 takes the version for a series, Poetry for exactly that one; a wildcard is plain to all."""
    match = _WILDCARD.fullmatch(operand)
    release = pep440.read(match[1]).respelled if match else None
    if release is not None and "." in operand:
        return Mend("==", f"{release}.*", "without an operator a wildcard is the whole series in npm and Poetry")
    return Refusal(
        f"`{operand}` has no operator: a series in PEP 345, exactly this one in Poetry, the lowest one to many authors"
    )


def _caret(_: str, operand: str) -> Mend | Refusal:
    """Up to the next change of the left-most number that isn't zero. Source: "Caret requirements" of Poetry."""
    version = pep440.read(operand)
    if version.respelled is None or not re.fullmatch(r"[0-9.]+", version.respelled):
        return Refusal(f"`^{operand}` has no reading that npm and Poetry share")
    numbers = version.respelled.split(".")
    at = next((i for i, number in enumerate(numbers) if int(number)), len(numbers) - 1)
    upper = [*numbers[:at], str(int(numbers[at]) + 1), *("0" for _ in numbers[at + 1 :])]
    return Mend(">=", f"{version.respelled},<{'.'.join(upper)}", f"`^` is a range in {SEMVER}")


def _tilde(_: str, operand: str) -> Mend | Refusal:
    version = pep440.read(operand)
    if version.respelled is not None and re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version.respelled):
        return Mend("~=", version.respelled, f"`~` with three numbers is `~=` in {SEMVER}")
    return Refusal(f"`~{operand}` is another range in {SEMVER} than `~={operand}` is in PEP 440")


def _single_equals(_: str, operand: str) -> Mend | Refusal:
    version = pep440.read(operand)
    if version.respelled is not None and version.respelled.count(".") >= 2:
        return Mend("==", version.respelled, "`=` is `==` in Poetry, and pip's error message proposes it")
    return Refusal(f"`={operand}` is exactly this one in Poetry, a series in conda, npm and Cargo")


def _unreadable(operator: str, operand: str) -> str:
    if operand.lower() == "dev":
        everything = f"{LEGACY} put it below every version without letting pre-releases in"
        return f"`{operator}dev`: uv assumes 0.0.0.dev0, {everything}"
    if "*" in operand:
        return "a wildcard has to follow a plain release, at the end of the version"
    return f"`{operand}` is no PEP 440 version"


def _release(version: str) -> str:
    match = re.match(r"(?:[0-9]+!)?([0-9.]*[0-9])", version)
    return match[1] if match else ""


_WITH = {"^": _caret, "~": _tilde, "=": _single_equals}
