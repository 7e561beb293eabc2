"""Version schemes of a project's own: a pattern and a template, from `[tool.relengtools]` or a TOML file."""

import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from relengtools.errors import RelengError
from relengtools.versions.scheme import spelling
from relengtools.versions.scheme.meaning import Meaning, certain, nothing

LONGEST_TEXT = 64
LONGEST_PATTERN = 500
MOST_REPEATS = 12
_FIELD = re.compile(r"\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<how>ordinal)|\|(?P<default>[A-Za-z0-9.]*))?\}")
_TEMPLATE = re.compile(r"(?:[^][{}]|\{[^][{}]*\}|\[(?:[^][{}]|\{[^][{}]*\})*\])*")


class Rule(NamedTuple):
    """A pattern that the whole text must match, and the PEP 440 text that it stands for."""

    pattern: re.Pattern[str]
    template: str


def load(path: str) -> tuple[Rule, ...]:
    """The rules of a TOML file: `[[schemes]]` tables with `pattern` and `template`, or a pyproject.toml with them.

    Raises RelengError where the file can't be read, holds no rule, or holds one that can't be used.
    """
    import tomllib

    try:
        document = tomllib.loads(Path(path).read_bytes().decode())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise RelengError(f"{path}: can't read the rules: {reason}") from error
    rules = from_table(_table(document), path)
    if not rules:
        raise RelengError(f"{path}: no rule in it; write [[schemes]] with a `pattern` and a `template`")
    return rules


def from_table(table: Mapping[str, Any], where: str) -> tuple[Rule, ...]:
    """The rules under the key `schemes` of a settings table; `where` names the file in errors (RelengError)."""
    entries = table.get("schemes", [])
    if not isinstance(entries, list):
        raise RelengError(f"{where}: `schemes` must be an array of tables, [[schemes]]")
    return tuple(_rule(entry, f"{where}: schemes[{number}]") for number, entry in enumerate(entries))


def read(rules: Sequence[Rule], text: str) -> Meaning | None:
    """What the first rule that matches says, exactly: it is the project's own word. None where none matches."""
    if len(text) > LONGEST_TEXT:
        return None
    for rule in rules:
        if match := rule.pattern.fullmatch(text):
            filled = _fill(rule.template, match)
            version = spelling.canonical(filled)
            return (
                nothing(f"the rule makes {filled!r} of it, which isn't PEP 440")
                if version is None
                else certain(version)
            )
    return None


def _table(document: Mapping[str, Any]) -> Mapping[str, Any]:
    tool = document.get("tool")
    table = tool.get("relengtools") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else document


def _rule(entry: object, where: str) -> Rule:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("pattern", "template")):
        raise RelengError(f"{where}: needs a `pattern` and a `template`, both text")
    pattern, template = _compiled(entry["pattern"], where), entry["template"]
    if not _TEMPLATE.fullmatch(template) or len(re.findall("{", template)) != len(_FIELD.findall(template)):
        raise RelengError(
            f"{where}: a template has {{name}}, {{name|default}}, {{name:ordinal}}, [optional parts], no other brackets"
        )
    if unknown := next((m["name"] for m in _FIELD.finditer(template) if m["name"] not in pattern.groupindex), None):
        raise RelengError(f"{where}: the template names the group {unknown!r}, which the pattern hasn't")
    return Rule(pattern, template)


def _compiled(pattern: str, where: str) -> re.Pattern[str]:
    if len(pattern) > LONGEST_PATTERN:
        raise RelengError(f"{where}: the pattern is longer than {LONGEST_PATTERN} characters")
    try:
        compiled = re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise RelengError(f"{where}: the pattern is no regular expression: {error}") from error
    if reason := _catastrophic(pattern):
        raise RelengError(f"{where}: the pattern may take forever: {reason}")
    return compiled


def _fill(template: str, match: re.Match[str]) -> str:
    def optional(part: re.Match[str]) -> str:
        fields = _FIELD.finditer(part[1])
        return _FIELD.sub(field, part[1]) if all(match[each["name"]] is not None for each in fields) else ""

    def field(part: re.Match[str]) -> str:
        value = match[part["name"]]
        if value is None:
            return part["default"] or ""
        return _ordinal(value) if part["how"] else value

    return _FIELD.sub(field, re.sub(r"\[([^]]*)\]", optional, template))


def _ordinal(letters: str) -> str:
    """a is 1, z is 26; and as spreadsheets go on, aa is 27."""
    number = 0
    for letter in letters.lower():
        if not "a" <= letter <= "z":
            return letters
        number = number * 26 + ord(letter) - ord("a") + 1
    return str(number)


def _catastrophic(pattern: str) -> str | None:
    """Why a pattern may need exponential time; what passes is a polynomial of at most 64 characters."""
    # The only parser of the language is the private one of `re`; ours would differ from it in some corner.
    tree = importlib.import_module("re._parser").parse(pattern, re.ASCII)
    repeats = 0
    for operation, argument, inside in _walk(tree, False):
        if operation in {"GROUPREF", "GROUPREF_EXISTS"}:
            return "it refers back to a group"
        if operation in {"MAX_REPEAT", "MIN_REPEAT"} and argument[0] != argument[1]:
            repeats += 1
            if inside:
                return "a repetition within a repetition; make the inner one possessive, as in (?:\\.[0-9]++)*"
        if operation == "BRANCH" and inside:
            return "alternatives within a repetition; make them atomic, as in (?>a|b)*"
    return f"more than {MOST_REPEATS} repetitions and optional parts" if repeats > MOST_REPEATS else None


def _walk(tree: Iterable[Any], inside: bool) -> Iterable[tuple[str, Any, bool]]:
    """Every operation of a parsed pattern, its argument, and whether a repetition around it may try it again."""
    for operation, argument in tree:
        name = str(operation)
        yield name, argument, inside
        if name in {"MAX_REPEAT", "MIN_REPEAT"}:
            yield from _walk(argument[2], inside or argument[1] > 1)
        elif name in {"POSSESSIVE_REPEAT", "ATOMIC_GROUP"}:
            # What such a group has matched isn't tried again.
            yield from _walk(argument[2] if name == "POSSESSIVE_REPEAT" else argument, False)
        elif name == "SUBPATTERN":
            yield from _walk(argument[3], inside)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _walk(branch, inside)
        elif name in {"ASSERT", "ASSERT_NOT"}:
            yield from _walk(argument[1], inside)
