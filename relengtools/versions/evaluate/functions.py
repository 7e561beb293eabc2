"""Python's own functions, those that version expressions use, each as far as it is safe."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from relengtools.versions.evaluate import methods, parsers
from relengtools.versions.evaluate.operators import LARGEST, PLAIN_TYPES, printed, truth
from relengtools.versions.evaluate.parsers import Tree
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    SPOILT,
    Bytes,
    Class,
    File,
    Module,
    Object,
    Opaque,
    RaisedError,
    Spoilt,
    Stream,
    Text,
    Unknown,
    UntoldError,
    Value,
    View,
    is_known,
    untold,
    vague,
)

Known = Callable[[Run, list[Value], dict[str, Value]], Value]
"""What a function from outside gives; raises UntoldError where it isn't followed."""


def simple(function: Callable[..., Any]) -> Known:
    """A function of plain values."""

    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        given = (*arguments, *keywords.values())
        if not all(is_known(value) and not isinstance(value, Bytes) for value in given) or any(map(vague, given)):
            raise untold("it is given something computed")
        return function(*arguments, **keywords)

    return known


def _over(function: Callable[..., Any]) -> Known:
    """A function of the plain values of a row."""

    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        row, *rest = arguments
        items = list(row if isinstance(row, set | frozenset) else run.items(row))
        if rest or keywords or not is_known(items) or vague(row):
            raise untold("it is given something computed")
        return function(items)

    return known


def _str(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) > 1 or keywords:
        raise untold("str() with an encoding")
    value = run.text(arguments[0]) if arguments else ""
    if isinstance(value, str | Unknown):
        return value
    found = printed(value)
    return methods.measured(run, found) if isinstance(found, str) else found


def _repr(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return printed(arguments[0], ord("r"))


def _int(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if keywords or not all(isinstance(value, str | int | float) for value in arguments):
        raise untold("int() of something computed")
    return int(*arguments)


def _bool(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return truth(arguments[0]) if arguments else False


def _quantified(stop: bool) -> Known:
    """`any` and `all`."""

    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        for item in run.items(arguments[0]):
            true = truth(item)
            if isinstance(true, Unknown) or true is stop:
                return true
        return not stop

    return known


def _container(kind: type) -> Known:
    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if not arguments:
            return kind()
        row = arguments[0]
        items = list(row if isinstance(row, set | frozenset) else run.items(row))
        if len(items) > LARGEST or (kind in (set, frozenset) and not is_known(items)):
            raise untold("a collection of something computed")
        run.step(len(items) // 10)
        return kind(items)

    return known


def dictionary(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`dict(…)`, which takes no keyword twice: what comes of computed ones is not among the others."""
    made: dict[Value, Value] = {}
    more = keywords.get("**")
    methods.call(run, made, "update", arguments[:1], {key: keywords[key] for key in keywords if key != "**"})
    if isinstance(more, Unknown):
        made[SPOILT] = Spoilt(more.reason, more.provider, more.holds)
    return made


def _frame(function: Callable[[Iterator[Value]], Iterator[Value]]) -> Known:
    """A function that goes through a row while it is gone through itself."""
    return lambda run, arguments, keywords: Stream(function(run.items(arguments[0])))


def _map(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    function, *rows = arguments
    return Stream(run.apply(function, list(row), {}) for row in zip(*map(run.items, rows), strict=False))


def _filter(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    function, row = arguments

    def kept() -> Iterator[Value]:
        for item in run.items(row):
            true = truth(item if function is None else run.apply(function, [item], {}))
            if isinstance(true, Unknown):
                raise UntoldError(true)
            if true:
                yield item

    return Stream(kept())


def _zip(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if keywords:
        raise untold("a strict zip()")
    return Stream(zip(*map(run.items, arguments), strict=False))


def _enumerate(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    row, start = [*arguments, keywords.get("start", 0)][:2]
    return Stream(enumerate(run.items(row), start))


def _reversed(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    row = arguments[0]
    if isinstance(row, str):
        return Stream(iter(row[::-1]))
    if not isinstance(row, list | tuple) or vague(row):
        raise untold("reversed() of something computed")
    return Stream(reversed(row))


def _iter(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 1:
        raise untold("iter() of a function")
    row = arguments[0]
    return row if isinstance(row, Stream | File) else Stream(run.items(row))


def _next(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    row, *default = arguments
    if not isinstance(row, Stream | File):
        raise untold("next() of something computed")
    for item in run.items(row):
        return item
    if default:
        return default[0]
    raise RaisedError("StopIteration")


def _sorted(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    row = arguments[0]
    items = list(row if isinstance(row, set | frozenset) else run.items(row))
    key = keywords.get("key")
    if keywords.keys() - {"reverse", "key"} or not is_known(items) or vague(row):
        raise untold("sorted() of something computed")
    if key is None:
        return sorted(items, reverse=keywords.get("reverse", False))
    keys = [run.apply(key, [item], {}) for item in items]
    if not is_known(keys):
        raise untold("sorted() by something computed")
    order = sorted(range(len(items)), key=keys.__getitem__, reverse=keywords.get("reverse", False))
    return [items[at] for at in order]


def _len(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    row = arguments[0].owner if isinstance(arguments[0], View) else arguments[0]
    exact = isinstance(row, str | tuple | list | set | frozenset) or type(row) is dict
    if not exact or (not isinstance(row, str) and vague(row)):
        return Unknown("the length of something computed")
    return len(row)


def _range(*arguments: int) -> list[int]:
    numbers = range(*arguments)
    if len(numbers) > 10_000:
        raise untold("a range too long to be followed")
    return list(numbers)


_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "tuple": tuple, "list": list, "dict": dict, "set": set}
_TYPES |= {"unicode": str, "basestring": str, "bytes": Bytes, "pathlib.Path": Path, "pathlib.PurePath": Path}


def _isinstance(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    value, kinds = arguments
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if isinstance(value, Tree):
        return parsers.is_node(value, kinds)
    if isinstance(value, Object) and all(isinstance(kind, Class) for kind in kinds) and value.of.plain:
        return any(_below(value.of, kind) for kind in kinds)
    types = [_TYPES.get(kind.name.removeprefix("builtins.")) if isinstance(kind, Opaque) else None for kind in kinds]
    if None in types or not isinstance(value, str | int | float | tuple | list | dict | set | Bytes | Path | None):
        return Unknown("isinstance() of something computed")
    return isinstance(value, tuple(kind for kind in types if kind))


def _below(of: Class, kind: Class) -> bool:
    return of is kind or any(_below(base, kind) for base in of.bases)


def _type(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) == 1 and isinstance(arguments[0], Object):
        return arguments[0].of
    kind = next((name for name in PLAIN_TYPES if len(arguments) == 1 and _is_plain(arguments[0], _TYPES[name])), None)
    return Opaque(f"builtins.{kind}") if kind else Unknown("type() of something")


def _is_plain(value: Value, kind: type) -> bool:
    """Whether this is the very type of a value."""
    return type(value) is kind or (kind is str and isinstance(value, Text))


def _getattr(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    owner, name, *default = arguments
    if not isinstance(name, str):
        raise untold("getattr() of something computed")
    try:
        return run.get(owner, name)
    except RaisedError as error:
        if default and "AttributeError" in error.kinds:
            return default[0]
        raise


def _hasattr(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    try:
        found = _getattr(run, arguments, {})
    except RaisedError:
        return False
    sure = isinstance(arguments[0], Module | Object) and not isinstance(found, Unknown | Opaque)
    return True if sure else Unknown("whether there is such an attribute")


def _setattr(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    owner, name, value = arguments
    if not isinstance(name, str):
        raise untold("setattr() of something computed")
    run.put(owner, name, value)
    return None


def _exit(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    raise RaisedError("SystemExit")


def first(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """The argument itself."""
    return arguments[0] if arguments else next(iter(keywords.values()), Unknown("nothing"))


def nothing(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A function that does nothing that could be seen here."""
    return None


def _chr(number: int) -> str:
    return chr(number)


def _round(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if keywords or not all(isinstance(value, int | float) for value in arguments):
        raise untold("round() of something computed")
    return round(*arguments)


def _extreme(function: Callable[..., Any]) -> Known:
    """`min` and `max`."""
    over = _over(function)

    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        return over(run, [arguments] if len(arguments) > 1 else arguments, keywords)

    return known


def _text(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`bytes` and `bytearray`: of text only."""
    text, *encoding = [*arguments, *keywords.values()] or [""]
    if not isinstance(text, str) or not encoding:
        raise untold("bytes() of something computed")
    return methods.call(run, text, "encode", encoding, {})


FUNCTIONS: dict[str, Known] = {
    "str": _str,
    "unicode": _str,
    "bytes": _text,
    "repr": _repr,
    "int": _int,
    "float": simple(float),
    "bool": _bool,
    "tuple": _container(tuple),
    "list": _container(list),
    "set": _container(set),
    "frozenset": _container(frozenset),
    "dict": dictionary,
    "sum": _over(sum),
    "min": _extreme(min),
    "max": _extreme(max),
    "any": _quantified(True),
    "all": _quantified(False),
    "ord": simple(ord),
    "chr": simple(_chr),
    "abs": simple(abs),
    "round": _round,
    "len": _len,
    "range": simple(_range),
    "xrange": simple(_range),
    "zip": _zip,
    "enumerate": _enumerate,
    "reversed": _reversed,
    "iter": _iter,
    "map": _map,
    "filter": _filter,
    "next": _next,
    "sorted": _sorted,
    "isinstance": _isinstance,
    "type": _type,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "setattr": _setattr,
    "print": nothing,
    "exit": _exit,
    "quit": _exit,
    "sys.exit": _exit,
}
