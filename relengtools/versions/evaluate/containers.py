"""Methods of lists, dictionaries, sets and tuples, and what a loop over a value gives."""

from collections.abc import Callable, Iterator
from typing import Any

from relengtools.versions.evaluate.operators import LARGEST
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    SPOILT,
    Bytes,
    Fields,
    Missing,
    Namespace,
    RaisedError,
    Spoilt,
    Stream,
    TooMuchError,
    Unknown,
    UntoldError,
    Value,
    View,
    is_known,
    lost,
    raised,
    untold,
    vague,
)

_LIST = {"append", "extend", "insert", "pop", "index", "count", "reverse", "sort", "copy", "remove", "clear"}
_SET = {"add", "discard", "union", "difference", "intersection", "copy", "update", "issubset", "issuperset"}
_DICT = {"get", "keys", "values", "items", "update", "setdefault", "pop", "copy", "clear", "__contains__"}
_LONGEST = 10_000
"""Elements of the longest list that is made one by one."""
_VIEWS: Any = type({}.keys()) | type({}.values()) | type({}.items())
_NAMESPACE = {"get", "update", "setdefault", "pop"}

_Method = Callable[[Run, Any, str, list[Value], dict[str, Value]], Value]


def table(owner: Value) -> _Method | None:
    """What calls the methods of a container."""
    if isinstance(owner, list):
        return _of_list
    if isinstance(owner, dict):
        return _of_dict
    if isinstance(owner, set | frozenset):
        return _of_set
    return _of_tuple if isinstance(owner, tuple) else None


def items(run: Run, value: Value) -> Iterator[Value]:
    """What a loop over a container or string gives; raises UntoldError."""
    if isinstance(value, Stream):
        run.heap.touch(value)
        yield from value
        return
    if isinstance(value, View):
        if (unknown := vague(value.owner)) is not None:
            raise UntoldError(unknown)
        value = getattr(value.owner, value.kind)()
    told = isinstance(value, str | list | tuple | dict | set | frozenset | _VIEWS) and not isinstance(value, Namespace)
    if not told or (isinstance(value, set | frozenset) and len(value) > 1):
        raise UntoldError(
            value if isinstance(value, Unknown) else Unknown("a loop over something computed", holds=(value,))
        )
    if isinstance(value, str):
        yield from (value[at] for at in range(len(value)))
        return
    if isinstance(value, list | dict | set | frozenset) and (unknown := vague(value)) is not None:
        raise UntoldError(unknown)
    try:
        yield from value
    except RuntimeError as error:
        raise RaisedError("RuntimeError") from error


def _of_list(run: Run, owner: list[Value], name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name not in _LIST or keywords.keys() - ({"reverse"} if name == "sort" else set()):
        raise untold(f"`.{name}()` of a list")
    if len(owner) > LARGEST:
        raise TooMuchError
    if (unknown := vague(owner)) is not None:
        run.heap.touch(owner)
        owner[:] = [Spoilt(unknown.reason, holds=(*unknown.holds, *arguments))]
        return None if name in ("append", "extend", "insert", "reverse", "sort") else unknown
    if name in ("index", "count", "remove", "sort") and not is_known([owner, arguments]):
        raise untold(f"`.{name}()` of a list of something computed")
    if name in ("insert", "pop") and not all(isinstance(at, int) for at in arguments[:1]):
        raise untold(f"`.{name}()` at a place that can't be told")
    run.heap.touch(owner)
    if name == "extend":
        return _extend(run, owner, arguments[0])
    return getattr(owner, name)(*arguments, **keywords)


def _extend(run: Run, owner: list[Value], row: Value) -> None:
    """One by one, as Python does: what goes through the list itself meanwhile never comes to an end."""
    for item in run.items(list(row) if isinstance(row, list) and vague(row) is None else row):
        run.step()
        if len(owner) > _LONGEST:
            run.heap.spoil(owner)
            raise TooMuchError
        owner.append(item)


def _of_dict(
    run: Run, owner: dict[Value, Value], name: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    unknown = lost(owner)
    if name not in (_NAMESPACE if isinstance(owner, Namespace) else _DICT):
        raise untold(f"`.{name}()` of a dictionary")
    if name == "update":
        _update(run, owner, arguments, keywords)
        return None
    if not all(is_known(key) for key in arguments[:1]):
        raise untold(f"`.{name}()` at a key that can't be told")
    if name in ("keys", "values", "items", "copy"):
        return dict(owner) if name == "copy" else View(owner, name)
    if name == "clear":
        run.heap.touch(owner)
        return owner.clear()
    key, *default = arguments
    if key not in owner and (unknown or isinstance(owner, Namespace)):
        return unknown or Unknown("a name that Python may have set")
    if name in ("pop", "setdefault"):
        run.heap.touch(owner, key)
    return run.resolved(getattr(owner, name)(key, *default))


def update(run: Run, owner: dict[Value, Value], other: Value) -> None:
    """`{**other}` into a new dictionary."""
    try:
        _update(run, owner, [other], {})
    except UntoldError as error:
        blur(owner, error.unknown)


def blur(owner: dict[Value, Value], unknown: Unknown) -> None:
    """Any key of a dictionary may have been given another value."""
    for key in owner:
        owner[key] = Unknown(unknown.reason, holds=unknown.holds)
    owner[SPOILT] = Spoilt(unknown.reason, holds=unknown.holds)


def _update(run: Run, owner: dict[Value, Value], arguments: list[Value], keywords: dict[str, Value]) -> None:
    given = arguments[0] if arguments else {}
    if isinstance(given, dict) and not isinstance(given, Namespace):
        more = given
    else:
        more = dict(tuple(run.items(pair)) for pair in run.items(given))
    run.heap.touch(owner, *more, *keywords)
    if (unknown := lost(more)) is not None:  # which of its keys it has changed can't be told
        blur(owner, unknown)
    merged = more | keywords
    for key, value in merged.items():  # one that may not be there leaves what was
        there = key in owner and not isinstance(owner[key], Missing)
        assign(owner, key, Unknown(value.reason) if isinstance(value, Missing) and there else value)


def assign(owner: dict[Value, Value], key: Value, value: Value) -> None:
    """`owner[key] = value`: one that may not have been there is now where it was, or the last."""
    before = None if isinstance(owner, Namespace) else owner.get(key)
    if isinstance(before, Missing) and next(reversed(owner)) != key:
        owner[SPOILT] = Spoilt(before.reason)
    owner[key] = value


def _of_set(run: Run, owner: set[Value], name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name not in _SET or keywords or vague(owner):
        raise untold(f"`.{name}()` of a set")
    if name in ("add", "discard"):
        if not is_known(arguments):
            raise untold(f"`.{name}()` of a set")
        run.heap.touch(owner)
        return getattr(owner, name)(*arguments)
    others = [other if isinstance(other, set | frozenset) else set(run.items(other)) for other in arguments]
    if any(vague(other) for other in others):
        raise untold(f"`.{name}()` of a set")
    run.heap.touch(owner)
    return getattr(owner, name)(*others)


def _of_tuple(
    run: Run, owner: tuple[Value, ...], name: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if isinstance(owner, Fields) and name == "_asdict" and not arguments:
        return dict(zip(owner.of.fields or (), owner, strict=True))
    if isinstance(owner, Fields) and name == "_replace" and not keywords.keys() - {*(owner.of.fields or ())}:
        given = dict(zip(owner.of.fields or (), owner, strict=True)) | keywords
        return Fields(tuple(given.values()), owner.of)
    if name not in ("index", "count") or not is_known([owner, arguments]) or keywords:
        raise untold(f"`.{name}()` of a tuple")
    return getattr(owner, name)(*arguments)


def element(run: Run, owner: Value, key: Value) -> Value:
    """`owner[key]` of a string, list, tuple or dictionary; raises RaisedError."""
    if isinstance(owner, Namespace) and key not in owner:
        return lost(owner) or Unknown("a name that Python may have set")
    unknown = lost(owner) if isinstance(owner, dict) else vague(owner)
    if unknown is not None:
        return run.resolved(owner.get(key, unknown)) if isinstance(owner, dict) else unknown
    if isinstance(owner, Bytes) or not isinstance(owner, str | list | tuple | dict):
        return Unknown("an element of something computed", holds=(owner,))
    try:
        return run.resolved(owner[key])
    except (LookupError, TypeError) as error:
        raise raised(error) from error
