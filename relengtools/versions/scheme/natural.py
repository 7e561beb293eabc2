"""The order that people see in version texts of no particular scheme, as far as there is one beyond doubt."""

import re

Token = tuple[int, int, str]

_DEV, _ALPHA, _BETA, _CANDIDATE, _END, _POST, _WORD, _NUMBER = range(8)
_WORDS = (
    dict.fromkeys(("dev", "devel", "development", "snapshot", "nightly", "trunk"), (_DEV, 0, "dev"))
    | {"alpha": (_ALPHA, 0, "alpha"), "beta": (_BETA, 0, "beta"), "rc": (_CANDIDATE, 0, "rc")}
    | dict.fromkeys(("pre", "preview"), (_CANDIDATE, 0, "pre"))
    | dict.fromkeys(("post", "pl", "patch", "sp"), (_POST, 0, "post"))
)
# Single letters mean that only before a number: 1.0a1 is a pre-release, 1.0.2a needn't be.
_LETTERS = {"a": _WORDS["alpha"], "b": _WORDS["beta"], "c": _WORDS["rc"], "p": _WORDS["post"]}
_SILENT = {"v", "final", "ga", "release", "stable", "rel"}


def key(text: str) -> tuple[Token, ...]:
    """A key for sorting: numbers as numbers, words that say "before" below the end, unknown words anywhere.

    Punctuation and zeros at the end of a number don't count, but for a dash before a number in a text with dots: it may
    be a packager's revision or a pre-release.
    """
    dash = r"|(?<=[0-9])-(?=[0-9])" if "." in text else ""
    pieces = [piece for piece in re.findall(f"[0-9]+|[a-z]+{dash}", text.lower()) if piece not in _SILENT]
    tokens = [_token(piece, following) for piece, following in zip(pieces, [*pieces[1:], ""], strict=True)]
    kept: list[Token] = []
    for token in reversed(tokens):
        if token != (_NUMBER, 0, "") or (kept and kept[-1][0] == _NUMBER):
            kept.append(token)
    return (*reversed(kept), (_END, 0, ""))


def certain(one: tuple[Token, ...], other: tuple[Token, ...]) -> bool:
    """Whether the order of the two keys is beyond doubt: it hangs on no unknown word, and on no two that may mix."""
    first, second = next(((a, b) for a, b in zip(one, other, strict=False) if a != b), ((_WORD, 0, ""),) * 2)
    low, high = sorted((first, second))
    if high[0] == _WORD or low[0] == _WORD:
        return low[0] == high[0] and len(low[2]) == len(high[2]) == 1
    if high[0] <= _CANDIDATE:
        return low[0] != _DEV and low[0] != high[0]
    return True


def _token(piece: str, following: str) -> Token:
    if piece.isdigit():
        return _NUMBER, int(piece), ""
    if piece in _LETTERS and following.isdigit():
        return _LETTERS[piece]
    return _WORDS.get(piece, (_WORD, 0, piece))
