"""Methods of strings, containers, paths, files and matches, those that version expressions use."""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from relengtools.versions.evaluate.values import (
    SPOILT,
    File,
    Match,
    RaisedError,
    Text,
    TooMuchError,
    Unknown,
    Value,
    is_known,
    spoil,
)

LARGEST = 1_000_000
"""Characters or elements of the largest value that is made."""
_WIDTH = re.compile(r"\d{4}")
_UNCHANGED = {"decode", "encode", "__str__"}
_SPLITTING = {"split", "rsplit", "splitlines", "partition", "rpartition"}
_STRIPPING = {"strip", "lstrip", "rstrip", "removeprefix", "removesuffix"}
_ASKING = {
    "startswith",
    "endswith",
    "find",
    "rfind",
    "index",
    "rindex",
    "count",
    "isdigit",
    "isalpha",
    "isalnum",
    "isdecimal",
    "isnumeric",
    "isspace",
    "isupper",
    "islower",
    "isidentifier",
}
_CHANGING = {"lower", "upper", "title", "capitalize", "swapcase", "casefold", "translate"}
_LIST = {"append", "extend", "insert", "pop", "index", "count", "reverse", "sort", "copy", "remove", "clear"}
_DICT = {"get", "keys", "values", "items", "update", "setdefault", "pop", "copy"}
_SET = {"add", "update", "discard", "union", "difference", "intersection", "copy"}
_PATH = {"joinpath", "with_name", "with_suffix", "relative_to", "as_posix", "is_absolute", "__str__", "match"}
_SAME_PATH = {"resolve", "absolute", "expanduser"}


def call(owner: Value, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """The result of `owner.name(…)`; Unknown where it isn't one of the methods known here; raises RaisedError."""
    method = _table(owner)
    if method is None:
        return Unknown(f"`.{name}()` of something computed")
    plain = isinstance(owner, list | dict | set)
    if not plain and not all(is_known(value) for value in (*arguments, *keywords.values())):
        return Unknown(f"`.{name}()` is given something computed")
    try:
        return method(owner, name, arguments, keywords)
    except (RaisedError, TooMuchError):
        raise
    except Exception as error:  # whatever Python itself raises for plain values, the code would raise too
        if not is_known([owner, *arguments, *keywords.values()]):
            return Unknown(f"`.{name}()` is given something computed")
        raise RaisedError(type(error).__name__, str(error)[:80]) from error


def _table(owner: Value) -> Callable[[Any, str, list[Value], dict[str, Value]], Value] | None:
    if isinstance(owner, str):
        return _of_text
    if isinstance(owner, list):
        return _of_list
    if isinstance(owner, dict):
        return _of_dict
    if isinstance(owner, set | frozenset):
        return lambda o, n, a, k: getattr(o, n)(*a, **k) if n in _SET else Unknown(f"`.{n}()`")
    if isinstance(owner, tuple):
        return lambda o, n, a, k: getattr(o, n)(*a, **k) if n in ("index", "count") else Unknown(f"`.{n}()`")
    if isinstance(owner, Path):
        return _of_path
    if isinstance(owner, File):
        return _of_file
    return _of_match if isinstance(owner, Match) else None


def _of_text(text: str, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name in _UNCHANGED:
        return text
    if name in _STRIPPING:
        return _stripped(text, getattr(str(text), name)(*arguments), name)
    if name in _SPLITTING:
        pieces = getattr(str(text), name)(*arguments, **keywords)
        found = text.pieces(list(pieces)) if isinstance(text, Text) else pieces
        return type(pieces)(found)
    if name in _ASKING:
        return getattr(str(text), name)(*arguments)
    if name in _CHANGING:
        changed = getattr(str(text), name)(*arguments)
        return text if changed == text else changed
    return _made(text, name, arguments, keywords)


def _stripped(text: str, value: str, name: str) -> str:
    if not isinstance(text, Text):
        return value
    start = len(text) - len(value) if name in ("lstrip", "removeprefix") else str(text).find(value)
    return text.part(start, start + len(value))


def _made(text: str, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """Methods that can make much of little, and so are measured first."""
    if name == "join":
        items = list(arguments[0])
        return _measured(items[0] if len(items) == 1 else str(text).join(items))
    if name == "format":
        if _WIDTH.search(text):
            raise TooMuchError
        return _measured(str(text).format(*arguments, **keywords))
    if name == "replace" and len(arguments) >= 2:
        old, new = arguments[:2]
        if (len(text) + 1) * max(1, len(new)) > LARGEST:
            raise TooMuchError
        return text if old not in str(text) else str(text).replace(*arguments)
    if name == "zfill" and arguments and arguments[0] < 100:
        return str(text).zfill(arguments[0])
    return Unknown(f"`.{name}()` is not followed")


def _measured(text: str) -> str:
    if len(text) > LARGEST:
        raise TooMuchError
    return text


def _of_list(owner: list[Value], name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name not in _LIST or (name == "sort" and keywords.keys() - {"reverse"}):
        return Unknown(f"`.{name}()` of a list")
    if len(owner) > LARGEST:
        raise TooMuchError
    if name == "extend" and not isinstance(arguments[0], list | set) and type(arguments[0]) is not tuple:
        spoil(owner)
        return None
    return getattr(owner, name)(*arguments, **keywords)


def _of_dict(owner: dict[Value, Value], name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if SPOILT in owner and not (name == "get" and arguments[0] in owner):
        return owner[SPOILT] if name in ("get", "pop", "items", "values", "keys", "copy") else None
    if name not in _DICT or (arguments and isinstance(arguments[0], Unknown)):
        spoil(owner)
        return Unknown(f"`.{name}()` of a dictionary")
    if name == "update" and arguments and not isinstance(arguments[0], dict | list | tuple):
        spoil(owner)
        return None
    result = getattr(owner, name)(*arguments, **keywords)
    return list(result) if name in ("keys", "values", "items") else result


def _of_path(owner: Path, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name in _SAME_PATH:
        return owner
    if name not in _PATH:
        return Unknown(f"`.{name}()` of a path")
    return getattr(owner, name)(*arguments)


def _of_file(owner: File, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name in ("close", "__enter__", "__exit__", "flush"):
        return owner if name == "__enter__" else None
    if name == "seek" and arguments == [0]:
        return Unknown("`.seek()` of a file")
    if name in ("read", "readline", "readlines", "__iter__"):
        return _read(owner, name)
    return Unknown(f"`.{name}()` of a file")


def _read(file: File, name: str) -> Value:
    text, lines = file.text, call(file.text, "splitlines", [True], {})
    if name == "readline":
        first = lines[0] if lines else ""
        file.text = text[len(first) :]
        return first
    file.text = ""
    return text if name == "read" else lines


def _of_match(owner: Match, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name == "group":
        found = [owner.group(key) for key in arguments or [0]]
        return found[0] if len(found) == 1 else tuple(found)
    if name == "groups":
        return tuple(owner.group(number) for number in range(1, len(owner.spans)))
    if name == "groupdict":
        return {key: owner.group(key) for key in owner.names}
    if name == "__getitem__":
        return owner.group(arguments[0])
    if name in ("start", "end", "span"):
        start, end = owner.spans[arguments[0] if arguments else 0]
        return {"start": start, "end": end, "span": (start, end)}[name]
    return Unknown(f"`.{name}()` of a match")


def attribute(owner: Value, name: str) -> Value:
    """A plain attribute of a path, else a bound method is meant (None)."""
    if isinstance(owner, Path) and name in ("parent", "name", "stem", "suffix", "parts"):
        return getattr(owner, name)
    if isinstance(owner, Path) and name == "parents":
        return list(owner.parents)
    return None


def join(*parts: Value) -> str:
    """`os.path.join` of strings and paths."""
    return posixpath.join(*(str(part) for part in parts))
