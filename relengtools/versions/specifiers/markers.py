"""Environment markers: what a refused one means where that is certain, and valid ones that can't mean what they say."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from relengtools.versions.scheme import pep440
from relengtools.versions.specifiers.canonical import PYTHONS


class Doubt(NamedTuple):
    """A comparison that looks wrong, the characters in question, and what they ought to be if that is certain."""

    start: int
    end: int
    message: str
    new: str | None = None


_VARIABLE = (
    r"(?:python_version|python_full_version|os[._]name|sys[._]platform|platform_release|platform_system"
    r"|platform[._](?:version|machine|python_implementation)|python_implementation|implementation_(?:name|version)|extra)"
)
_STRING = r"(?:'[^']*'|\"[^\"]*\")"
# With those that `mend` knows, so that a doubt is told of in the same pass.
_OPERATOR = r"(?:===|==|~=|!=|=>|=<|<>|<=|>=|<|>|=|\b(?i:not\s+in|in)\b)"
_COMPARISON = re.compile(
    rf"\b(?P<left>{_VARIABLE})\b\s*(?P<op>{_OPERATOR})\s*(?P<value>{_STRING})"
    rf"|(?P<early>{_STRING})\s*(?P<po>{_OPERATOR})\s*\b(?P<right>{_VARIABLE})\b"
)
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<variable>\b{_VARIABLE}\b)|(?P<word>(?i:and|or|not|in)\b)|(?P<both>&&?)|(?P<either>\|\|?)"
    r"|(?P<operator>[<>=!~]+)|(?P<paren>[()])|(?P<blank>[ \t]+)|(?P<bare>[A-Za-z0-9][A-Za-z0-9._-]*)"
)
_OPERATORS = {"=>": ">=", "=<": "<=", "<>": "!=", "=": "=="}
# Pythons that uv installs for: what keeps only others out makes no difference to it.
_OF_UV = re.compile(r"3\.(?:[6-9]|[1-9][0-9])")
_LINUX = {
    "linux": "Linux",
    "windows": "Windows",
    "darwin": "Darwin",
    "macos": "Darwin",
    "win32": "Windows",
    "mac": "Darwin",
}
_NEVER = {
    "sys_platform": {"windows": "win32", "win64": "win32", "macos": "darwin", "mac": "darwin", "osx": "darwin"}
    | {"Windows": "win32", "Linux": "linux", "Darwin": "darwin", "macOS": "darwin"},
    "platform_system": _LINUX | {"macOS": "Darwin", "MacOS": "Darwin", "Win32": "Windows"},
    "os_name": {"windows": "nt", "Windows": "nt", "win32": "nt"}
    | {"linux": "posix", "Linux": "posix", "darwin": "posix", "macos": "posix"},
}


def mend(text: str) -> tuple[list[tuple[int, int, str]], list[str]] | str:
    """Changes that make a refused marker one that PEP 508 takes, with their readings; or why that isn't certain."""
    changes: list[tuple[int, int, str]] = []
    readings: list[str] = []
    quote = "'" if "'" in text else '"'
    at, before = 0, ""
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return f"{text[at]!r} has no place in a marker"
        found = _token(match, before, quote)
        if found is not None:
            changes.append((match.start(), match.end(), found[0]))
            readings += [found[1]] if found[1] not in readings else []
        before = before if match.lastgroup == "blank" else match.lastgroup or ""
        at = match.end()
    return changes, readings


def redundant(text: str) -> list[int]:
    """The positions of parentheses around the whole of a marker."""
    places: list[int] = []
    left, right = 0, len(text)
    while True:
        inner = text[left:right]
        left += len(inner) - len(inner.lstrip(" \t"))
        right -= len(inner) - len(inner.rstrip(" \t"))
        if right - left < 2 or _closing(text, left) != right - 1:
            return sorted(places)
        places += [left, right - 1]
        left, right = left + 1, right - 1


def doubts(text: str) -> Iterator[Doubt]:
    """Comparisons of a valid marker that hold always, never, or by accident."""
    for match in _COMPARISON.finditer(text):
        group = "value" if match["left"] else "early"
        variable = (match["left"] or match["right"]).replace(".", "_")
        operator = " ".join((match["op"] or match["po"]).lower().split())
        operator = _OPERATORS.get(operator, operator)
        value = match[group][1:-1]
        start, end = match.start(group) + 1, match.end(group) - 1
        found = _doubt(variable, operator, value, bool(match["right"]))
        if found is not None:
            yield Doubt(start, end, *found)
    from relengtools.versions.specifiers import contradiction

    if (message := contradiction.told(text)) is not None:
        yield Doubt(len(text) - len(text.lstrip()), len(text.rstrip()), message)


def _token(match: re.Match[str], before: str, quote: str) -> tuple[str, str] | None:
    """What a token has to become, and why; None where it may stay."""
    text = match[0]
    match match.lastgroup:
        case "operator" if text in _OPERATORS:
            return _OPERATORS[text], f"`{text}` in a marker is `{_OPERATORS[text]}`: nothing else can be meant"
        case "both":
            return "and", f"`{text}` in a marker is `and`"
        case "either":
            return "or", f"`{text}` in a marker is `or`"
        case "word" if text != text.lower():
            return text.lower(), f"`{text}` in a marker is `{text.lower()}`"
        case "bare" if before in ("operator", "word"):
            return f"{quote}{text}{quote}", "what is no variable of PEP 508 can only be a string"
    return None


def _closing(text: str, left: int) -> int | None:
    """Where the parenthesis at `left` is closed, None where there is none."""
    if not text.startswith("(", left):
        return None
    depth = 0
    for match in re.compile(rf"{_STRING}|[()]").finditer(text, left):
        depth += (match[0] == "(") - (match[0] == ")")
        if depth == 0:
            return match.start()
    return None


def _doubt(variable: str, operator: str, value: str, reverse: bool) -> tuple[str, str | None] | None:
    membership = operator in ("in", "not in")
    if variable in PYTHONS:
        return _contained(variable, operator, value, reverse) if membership else _python(variable, operator, value)
    if operator in ("==", "!=") and value in _NEVER.get(variable, {}):
        return f"`{variable}` is never `{value}`; `{_NEVER[variable][value]}` is what it says there", None
    if variable == "extra" and operator not in ("==", "!=") and not (membership and reverse):
        return f"`extra` can be compared by `==` and `!=` alone, not by `{operator}`", None
    return None


def _contained(variable: str, operator: str, value: str, reverse: bool) -> tuple[str, str | None] | None:
    """`in` looks for a piece of text: not for a version in a list, nor for a series."""
    if reverse:
        found = {"2": "3.2 and 3.12", "3.1": "3.10 to 3.19"}.get(value)
        return (f"`{value}` is looked for as a piece of text, which {found} have too", None) if found else None
    numbers = 2 if variable == "python_version" else 3
    if not re.search(r"[0-9]+" + r"\.[0-9]+" * (numbers - 1), value):
        return f"`{variable}` has {numbers} numbers, and none of that kind is in `{value}`", None
    if any(pep440.read(word).level is pep440.Level.INVALID for word in value.split()):
        if operator == "not in" and not _OF_UV.search(value):
            return None
        message = f"to uv this holds always: `{value}` is no list of versions with white space alone between"
        return f"{message}; pip looks for a piece of the text", None
    short = next((m for m in re.findall(r"[0-9]+\.[0-9]+\.[0-9]{2,}", value) if m[:-1] not in value.split()), None)
    if variable == "python_full_version" and short:
        return f"`{value}` is looked into as a text, in which `{short[:-1]}` is found too", None
    return None


def _python(variable: str, operator: str, value: str) -> tuple[str, str | None] | None:
    if re.fullmatch(r"[0-9]+,[0-9]+", value):
        message = f"`{value}` is no version, so the two are compared as strings; the comma should be a dot"
        return message, value.replace(",", ".")
    if pep440.read(value.removesuffix(".*")).level is pep440.Level.INVALID:
        return f"`{value}` is no version, so the two are compared as strings", None
    numbers = value.split(".")
    if variable == "python_version" and operator in ("==", "!=") and value.isdigit():
        return f"`python_version` has two numbers: it is `{value}` for {value}.0 only", None
    if variable == "python_version" and len(numbers) > 2 and numbers[2].isdigit() and int(numbers[2]):
        return (
            f"`python_version` has two numbers, so the third of `{value}` can't be met: `python_full_version` has it",
            None,
        )
    return None
