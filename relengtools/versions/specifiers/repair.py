"""The changes that a refused text needs, where what it means is certain."""

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from relengtools.versions.specifiers import markers, proof
from relengtools.versions.specifiers.legacy import Mend, Refusal, mend
from relengtools.versions.specifiers.split import Clause, Parts, Token
from relengtools.versions.specifiers.text import Change, Form, apply

# Changes, and the readings that they rest on.
_Found = tuple[list[Change], list[str]]


def repair(parts: Parts) -> tuple[tuple[Change, ...], list[str]] | Refusal:
    """Every change that the text needs with the readings behind them, or why one of them isn't certain."""
    if parts.problem:
        return Refusal(parts.problem)
    if any(clause.operator and "===" in clause.operator.text for clause in parts.clauses):
        return Refusal("`===` compares plain strings, so what stands beside it is left alone")
    changes: list[Change] = []
    readings: list[str] = []
    for found in (_everything(parts), _wrapping(parts), _separators(parts), _clauses(parts), _marker(parts)):
        if isinstance(found, Refusal):
            return found
        changes += found[0]
        readings += [reading for reading in found[1] if reading not in readings]
    return tuple(sorted(changes)), readings


def _everything(parts: Parts) -> _Found:
    """`*` alone takes every version."""
    if not is_everything(parts):
        return [], []
    assert parts.name is not None
    end = parts.parentheses[1] + 1 if parts.parentheses else parts.clauses[0].region.end
    start = len(parts.text[: parts.parentheses[0] if parts.parentheses else parts.clauses[0].region.start].rstrip())
    return [Change(start, end, "")], ["`*` is every version in npm, conda and Poetry"]


def is_everything(parts: Parts) -> bool:
    """Whether the version part says `*` and nothing else."""
    if parts.form is not Form.REQUIREMENT or len(parts.clauses) != 1 or parts.tail or parts.quotes:
        return False
    operator, operand, _ = parts.clauses[0]
    return operand is not None and operand.text == "*" and (operator is None or operator.text in ("==", ">="))


def _wrapping(parts: Parts) -> _Found:
    """Stray quotes, and parentheses where there is no name before them."""
    changes = [_dropped_quote(parts.text, token) for token in parts.quotes]
    readings = ["uv (lenient_requirement.rs) drops stray quotes"] if changes else []
    if parts.form is Form.SPECIFIER and parts.parentheses:
        changes += [Change(at, at + 1, "") for at in parts.parentheses]
        readings.append("parentheses around version specifiers are the form of PEP 345")
    return changes, readings


def _dropped_quote(text: str, token: Token) -> Change:
    """At either end the blanks inside go too: a line neither begins nor ends with one."""
    start, end = token.start, token.end
    if not text[end:].strip():
        start = len(text[:start].rstrip(" \t"))
    elif not text[:start].strip():
        end = len(text) - len(text[end:].lstrip(" \t"))
    return Change(start, end, "")


def _separators(parts: Parts) -> _Found | Refusal:
    """One comma between two clauses, none elsewhere."""
    changes: list[Change] = []
    readings: list[str] = []
    dropped: list[Change] = []
    for index, clause in enumerate(parts.clauses):
        commas = [t for t in clause.gap if t.kind == "comma"]
        words = [t for t in clause.gap if t.kind == "both"]
        if index == 0:
            if words or (commas and not parts.parentheses and parts.form is Form.REQUIREMENT):
                return Refusal("a version specifier can't begin with a separator")
            dropped += _dropped(parts, commas)
        elif words:
            if commas or len(words) > 1:
                return Refusal(f"`{words[0].text}` beside another separator")
            changes.append(Change(parts.clauses[index - 1].region.end, words[0].end, ","))
            readings.append(f"`{words[0].text}` is the comma of PEP 440, which joins what must all hold")
        elif not commas:
            at = parts.clauses[index - 1].region.end
            changes.append(Change(at, at, ","))
            readings.append("two conditions side by side must both hold in uv (lenient_requirement.rs), npm and Poetry")
        else:
            dropped += _dropped(parts, commas[1:])
    if dropped:
        changes += dropped
        readings.append("a condition that isn't there is none, as packaging says of a set of specifiers")
    for token in _strange_space(parts):
        changes.append(Change(token.start, token.end, " " if parts.text[token.end :].strip() else ""))
        readings.append("white space of another kind is white space")
    if any(t.kind == "both" for t in parts.tail):
        return Refusal("a condition is missing at the end")
    return changes, readings


def _dropped(parts: Parts, commas: Iterable[Token]) -> list[Change]:
    """Commas with nothing between them, which are odd in a set of specifiers and refused in a requirement."""
    if parts.form is Form.SPECIFIER:
        return []
    return [Change(comma.start, comma.end, "") for comma in commas]


def _strange_space(parts: Parts) -> list[Token]:
    if parts.form is Form.SPECIFIER:
        return []
    return [t for gap in (*(c.gap for c in parts.clauses), parts.tail) for t in gap if t.kind == "space"]


def _clauses(parts: Parts) -> _Found | Refusal:
    """The legacy reading of each clause that packaging refuses by itself."""
    changes: list[Change] = []
    readings: list[str] = []
    if is_everything(parts):
        return changes, readings
    for clause in parts.clauses:
        if stands(clause):
            continue
        operator, operand, _ = clause
        found = mend(operator.text if operator else None, operand.text if operand else None)
        if isinstance(found, Refusal):
            return found
        assert operand is not None
        changes += _rewritten(operator, operand, found)
        readings += [found.reading] if found.reading else []
    return changes, readings


def _rewritten(operator: Token | None, operand: Token, found: Mend) -> Iterator[Change]:
    start, end = remaining(operand.text, found.operand)
    if zeros(operand.text[start:end]):  # in pieces, so that the zeros between them can go at the same time
        yield from _around(operator, operand, found)
    elif operator is None:
        yield Change(operand.start, operand.end, found.operator + found.operand)
    else:
        if operator.text != found.operator:
            yield Change(operator.start, operator.end, found.operator)
        if operand.text != found.operand:
            yield Change(operand.start, operand.end, found.operand)


def _around(operator: Token | None, operand: Token, found: Mend) -> Iterator[Change]:
    """The changes before and behind what remains of the version; what is written anew there has no zero padding."""
    start, end = remaining(operand.text, found.operand)
    if operator is None or operator.text != found.operator:
        at = (operator.start, operator.end) if operator else (operand.start, operand.start)
        yield Change(*at, found.operator)
    if start:
        yield Change(operand.start, operand.start + start, "")
    rest = apply(found.operand, [Change(*at, "") for at in zeros(found.operand) if at[0] >= end - start])[end - start :]
    if rest or operand.start + end < operand.end:
        yield Change(operand.start + end, operand.end, rest)


def remaining(old: str, new: str) -> tuple[int, int]:
    """The characters of `old`, from its first digit, with which `new` begins."""
    start = len(old) - len(old.lstrip("vV"))
    return start, start + sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old[start:], new, strict=False))
    )


def zeros(version: str) -> list[tuple[int, int]]:
    """The leading zeros of its numbers; in a local label those of parts that are numbers."""
    public, _, _ = version.partition("+")
    found = [match.span() for match in re.finditer(r"(?<![0-9])0+(?=[0-9])", public)]
    return found + [
        match.span() for match in re.compile(r"(?<=[+._-])0+(?=[0-9]+(?:[._-]|$))").finditer(version, len(public))
    ]


def stands(clause: Clause) -> bool:
    """Whether packaging takes the clause by itself."""
    if clause.operator is None or clause.operand is None:
        return False
    return proof.refusal(clause.operator.text + clause.operand.text, Form.SPECIFIER) is None


def _marker(parts: Parts) -> _Found | Refusal:
    if parts.marker is None:
        return [], []
    start, end = parts.marker
    text = parts.text[start:end]
    if proof.refusal(text, Form.MARKER) is None:
        return [], []
    if not text.strip() and parts.form is Form.REQUIREMENT:
        before = len(parts.text[: start - 1].rstrip())
        return [Change(before, end, "")], ["nothing after the semicolon is no condition"]
    found = markers.mend(text)
    if isinstance(found, str):
        return Refusal(found)
    changes, readings = found
    return [Change(start + a, start + b, new) for a, b, new in changes], readings
