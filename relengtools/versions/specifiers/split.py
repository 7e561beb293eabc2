"""A requirement into its parts, spans and all, whether or not it keeps to the grammar."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from relengtools.versions.specifiers.text import Form, Region


class Token(NamedTuple):
    """A piece of the specifier part: its kind is a group of `_TOKEN`."""

    kind: str
    text: str
    start: int
    end: int


class Clause(NamedTuple):
    """An operator and its version; either may be missing. `gap` is what stands between it and the clause before."""

    operator: Token | None
    operand: Token | None
    gap: tuple[Token, ...]

    @property
    def region(self) -> Region:
        """From the first character of the clause to its last."""
        pieces = [piece for piece in (self.operator, self.operand) if piece]
        return Region(pieces[0].start, pieces[-1].end)


class Parts(NamedTuple):
    """What stands where. `problem` says why the text can't be taken apart; then only what precedes it is filled.

    `versions` is the region within the parentheses, where there are any; `tail` what follows the last clause in it.
    """

    text: str
    form: Form
    name: Token | None = None
    extras: str = ""
    url: str | None = None
    parentheses: tuple[int, int] | None = None
    versions: Region = Region(0, 0)
    clauses: tuple[Clause, ...] = ()
    tail: tuple[Token, ...] = ()
    quotes: tuple[Token, ...] = ()
    marker: Region | None = None
    problem: str | None = None


_QUOTES = "'\"\u2018\u2019\u201c\u201d"
_HEAD = re.compile(
    rf"\s*(?P<open>[{_QUOTES}])?(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?P<close>[{_QUOTES}])?"
    r"\s*(?P<extras>\[[^\[\]]*\])?\s*"
)
_TOKEN = re.compile(
    r"(?P<blank>[ \t]+)|(?P<space>\s)|(?P<comma>,)|(?P<both>and(?=\s)|&&?)"
    rf"|(?P<quote>[{_QUOTES}])"
    r"|(?P<operator>~>|[<>=!~^≥≤≠]+(?:[ \t]+=+)?)"
    r"|(?P<operand>(?:[vV]?[0-9]+!(?=[0-9]))?(?:\.?[A-Za-z0-9*][A-Za-z0-9._*+-]*))"
)


def split(text: str, form: Form) -> Parts:
    """Take `text` apart; never raises."""
    if form is Form.MARKER:
        return Parts(text, form, marker=Region(0, len(text)))
    if form is Form.SPECIFIER:
        return _versions(Parts(text, form), 0, len(text))
    head = _HEAD.match(text)
    if head is None:
        return Parts(text, form, problem="it doesn't begin with a name")
    quotes = tuple(Token("quote", head[g], *head.span(g)) for g in ("open", "close") if head[g])
    parts = Parts(text, form, Token("name", head["name"], *head.span("name")), head["extras"] or "", quotes=quotes)
    if text.startswith("@", head.end()):
        return _direct(parts, head.end() + 1)
    semicolon = text.find(";", head.end())
    if semicolon >= 0:
        parts = parts._replace(marker=Region(semicolon + 1, len(text)))
    return _versions(parts, head.end(), semicolon if semicolon >= 0 else len(text))


def _direct(parts: Parts, start: int) -> Parts:
    """`name @ URL ; marker`: a semicolon belongs to the URL unless white space is before it."""
    match = re.compile(r"\s*([^ \t]*)(?:[ \t]+;)?").match(parts.text, start)
    assert match is not None
    marked = match[0].endswith(";") and match.end(1) != match.end()
    return parts._replace(url=match[1], marker=Region(match.end(), len(parts.text)) if marked else None)


def _versions(parts: Parts, start: int, end: int) -> Parts:
    inner = parts.text[start:end]
    left, right = start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())
    if inner.strip()[:1] == "(" and inner.rstrip()[-1:] == ")":
        parts = parts._replace(parentheses=(left, right - 1))
        left, right = left + 1, right - 1
    else:
        left, right = start, end
    parts = parts._replace(versions=Region(left, right))
    tokens = list(_tokens(parts.text, left, right))
    if tokens and tokens[-1].kind == "other":
        return parts._replace(problem=_problem(parts.text, tokens[-1]))
    return _clauses(parts, tokens)


def _problem(text: str, stranger: Token) -> str:
    if "://" in text:
        return "a URL needs a name before it: `name @ URL`"
    if stranger.text == "#":
        return "a comment inside the text belongs to the text"
    return f"{stranger.text!r} has no place in a version specifier"


def _tokens(text: str, at: int, end: int) -> Iterator[Token]:
    while at < end:
        match = _TOKEN.match(text, at, end)
        if match is None:
            yield Token("other", text[at], at, at + 1)
            return
        assert match.lastgroup is not None
        yield Token(match.lastgroup, match[0], match.start(), match.end())
        at = match.end()


def _clauses(parts: Parts, tokens: list[Token]) -> Parts:
    clauses: list[Clause] = []
    gap: list[Token] = []
    for token in tokens:
        pending = bool(clauses) and clauses[-1].operand is None
        if token.kind == "operator":
            clauses.append(Clause(token, None, tuple(gap)))
            gap = []
        elif token.kind == "operand" and pending and not any(t.kind in ("comma", "both") for t in gap):
            clauses[-1] = clauses[-1]._replace(operand=token)
            gap = []
        elif token.kind == "operand":
            clauses.append(Clause(None, token, tuple(gap)))
            gap = []
        else:
            gap.append(token)
    quotes = (*parts.quotes, *(token for token in tokens if token.kind == "quote"))
    return parts._replace(clauses=tuple(clauses), tail=tuple(gap), quotes=quotes)
