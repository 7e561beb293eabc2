"""What may be written otherwise without changing what it means."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from relengtools.versions.scheme import pep440
from relengtools.versions.specifiers import markers
from relengtools.versions.specifiers.legacy import Refusal, mend
from relengtools.versions.specifiers.repair import is_everything, remaining, stands, zeros
from relengtools.versions.specifiers.split import Clause, Parts, Token
from relengtools.versions.specifiers.text import Change, Form


class Topic(StrEnum):
    """What a remark is about; each is a rule of its own."""

    VALIDITY = "validity"
    SPELLING = "spelling"
    PARENTHESES = "parentheses"
    PADDING = "padding"
    EQUALITY = "equality"
    MARKER = "marker"
    CONTRADICTION = "contradiction"


class Oddity(NamedTuple):
    """Changes of one topic, why, and what else there is to say."""

    topic: Topic
    changes: tuple[Change, ...]
    message: str
    note: str | None = None


def oddities(parts: Parts) -> Iterator[Oddity]:
    """Changes that keep the meaning, if the text has one, by topic."""
    if parts.problem or any(c.operator and "===" in c.operator.text for c in parts.clauses):
        return
    spelt: list[Change] = []
    padded: list[Change] = []
    for clause in parts.clauses:
        if clause.operand is not None and clause.operator is not None and stands(clause):
            for topic, change in _respelt(clause.operand):
                (spelt if topic is Topic.SPELLING else padded).append(change)
        elif clause.operand is not None and not is_everything(parts):
            padded += _padding_of_refused(clause)
    commas = _odd_commas(parts)
    around = _around_marker(parts)
    if changes := (*spelt, *commas, *around):
        message = _spelling_message(parts, spelt, bool(commas))
        yield Oddity(Topic.SPELLING, tuple(sorted(changes)), message, _as_post(parts))
    if padded:
        news = ", ".join(f"`{parts.text[c.start : c.end]}` is `{c.new}`" for c in padded if c.new)
        yield Oddity(
            Topic.PADDING, tuple(padded), f"zero padding: {f'{news} in canonical form' if news else 'leading zeros'}"
        )
    if parts.parentheses and parts.form is Form.REQUIREMENT and not is_everything(parts):
        left, right = parts.parentheses
        message = "parentheses around version specifiers are the form of PEP 345"
        yield Oddity(Topic.PARENTHESES, (Change(left, left + 1, ""), Change(right, right + 1, "")), message)


def _respelt(operand: Token) -> Iterator[tuple[Topic, Change]]:
    text = operand.text.removesuffix(".*")
    reading = pep440.read(text)
    if reading.respelled is None or reading.canonical is None:
        return
    tail = operand.text[len(text) :]
    if reading.respelled != text:
        yield Topic.SPELLING, Change(operand.start, operand.end, reading.respelled + tail)
    if reading.canonical != reading.respelled:
        yield Topic.PADDING, Change(operand.start, operand.end, reading.canonical + tail)


def _padding_of_refused(clause: Clause) -> Iterator[Change]:
    """Of what the repair of a clause leaves in its place."""
    operator, operand, _ = clause
    found = mend(operator.text if operator else None, operand.text if operand else None)
    if operand is None or isinstance(found, Refusal):
        return
    start, end = remaining(operand.text, found.operand)
    for left, right in zeros(operand.text[start:end]):
        yield Change(operand.start + start + left, operand.start + start + right, "")


def _odd_commas(parts: Parts) -> list[Change]:
    """A comma at the end, with the white space around it; in a set of specifiers any comma with nothing before it."""
    changes: list[Change] = []
    if parts.form is Form.SPECIFIER:
        for index, clause in enumerate(parts.clauses):
            commas = [t for t in clause.gap if t.kind == "comma"]
            changes += [Change(t.start, t.end, "") for t in commas[min(index, 1) :]]
    commas = [t for t in parts.tail if t.kind == "comma"]
    if commas and parts.clauses and all(t.kind in ("comma", "blank", "quote") for t in parts.tail):
        end = parts.versions.end if parts.parentheses or parts.marker is None else commas[-1].end
        changes += [Change(t.start, t.end, "") for t in parts.tail if t.kind != "quote" and t.start < end]
    return changes


def _around_marker(parts: Parts) -> list[Change]:
    if parts.marker is None:
        return []
    start, end = parts.marker
    return [Change(start + at, start + at + 1, "") for at in markers.redundant(parts.text[start:end])]


def _spelling_message(parts: Parts, spelt: list[Change], comma: bool) -> str:
    said = [f"`{parts.text[c.start : c.end]}` is `{c.new}` in canonical form" for c in spelt]
    said += ["a comma with nothing beside it"] if comma else []
    return "; ".join(said) or "parentheses around the whole marker"


def _as_post(parts: Parts) -> str | None:
    """`1.0-1` looks like a Debian revision and is a post-release."""
    for clause in parts.clauses:
        if clause.operand and re.fullmatch(r"[0-9.]+-[0-9]+", clause.operand.text):
            return f"`{clause.operand.text}` is a post-release to PEP 440, whatever it was meant to be"
    return None
