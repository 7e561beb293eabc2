"""Regular expressions of the tree's, bounded in time: they can be made to take for ever."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from relengtools.versions.evaluate import matching, methods
from relengtools.versions.evaluate.operators import LARGEST
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    Bytes,
    Instance,
    Match,
    RaisedError,
    Stream,
    Text,
    TooMuchError,
    Unknown,
    Value,
    raised,
    untold,
)

PATIENCE_S = 1.0
"""How long the regular expressions of one project may take together."""


def search(pattern: str, text: str, flags: int = 0, how: str = "search") -> Match | None:
    """`re.search` and its like, bounded in time, with the places kept; raises RaisedError, TooMuchError."""
    found = _matches(PATIENCE_S, how, pattern, text, flags)
    return found[0] if found else None


def _matches(patience: float, how: str, pattern: str, text: str, flags: int) -> list[Match]:
    found, names = _run(patience, how, pattern, text, flags, [])
    return [Match(text, tuple((start, end) for start, end in spans), names) for spans in found]


def _run(patience: float, how: str, pattern: str, text: str, flags: int, more: list[Any]) -> Any:
    """`matching.match` in bounded time."""
    request = how, "".join(pattern), "".join(text), int(flags), more
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return _apart(patience, request)
    try:
        with _bounded(patience):
            return matching.match(*request)
    except TooMuchError:
        raise
    except Exception as error:
        raise raised(error) from error


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Raise TooMuchError after a while; `re` looks for signals while it matches. An alarm set before goes on."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooMuchError

    began, left, interval = time.monotonic(), 0.0, 0.0
    before = signal.signal(signal.SIGALRM, ring)
    try:
        left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 1e-3), interval)


def _apart(patience: float, request: tuple[Any, ...]) -> Any:
    """In a process of its own, where signals don't come: on Windows, or off the main thread."""
    import json
    import subprocess
    import sys

    command = [sys.executable, "-I", "-S", matching.__file__]
    try:
        done = subprocess.run(
            command, input=json.dumps(request).encode(), capture_output=True, timeout=patience + 1, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TooMuchError from error
    if done.returncode:
        raise RaisedError("error", certain=False)
    return json.loads(done.stdout)


# ------------------------------------------------------------------------------------------------ functions of `re`


def called(run: Run, how: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`re.HOW(…)`, or a method of a compiled pattern, which then is the first argument; raises UntoldError."""
    pattern, flags, rest, binary = _pattern(arguments, keywords)
    spare = {"sub": ("repl", "string", "count"), "split": ("string", "maxsplit")}.get(how, ("string",))
    given = dict(zip((*spare, "flags"), rest, strict=False)) | {k: v for k, v in keywords.items() if k != "pattern"}
    flags |= given.pop("flags", 0) if isinstance(given.get("flags", 0), int) else 0
    text = given.get("string")
    text = text.text if isinstance(text, Bytes) and binary and text.text.isascii() else text
    if not isinstance(text, str) or given.keys() - {*spare} or methods.on_path(run, text):
        raise untold(f"re.{how}() of something computed")
    began = time.monotonic()
    try:
        return _found(run, how, pattern, text, flags, given, binary)
    finally:
        run.impatient(time.monotonic() - began)


def _pattern(arguments: list[Value], keywords: dict[str, Value]) -> tuple[str, int, list[Value], bool]:
    """The expression, its flags, the other arguments, and whether it is one of bytes."""
    pattern, rest = (arguments[0], arguments[1:]) if arguments else (keywords.get("pattern"), [])
    flags: Value = 0
    if isinstance(pattern, Instance) and pattern.kind == "re.Pattern":
        pattern, flags = pattern.arguments
    binary = isinstance(pattern, Bytes)
    pattern = pattern.text if isinstance(pattern, Bytes) else pattern
    if not isinstance(pattern, str) or not isinstance(flags, int) or len(pattern) > 10_000:
        raise untold("a regular expression that can't be told")
    return pattern, flags, rest, binary


def _found(run: Run, how: str, pattern: str, text: str, flags: int, given: dict[str, Value], binary: bool) -> Value:
    patience = run.patience()
    if how in ("sub", "split"):
        return _changed(patience, how, pattern, text, flags, given, binary)
    if how == "findall":
        return [_groups(found, binary) for found in _matches(patience, "finditer", pattern, text, flags)]
    found = _matches(patience, how, pattern, text, flags)
    if binary and found:
        raise untold("a match in bytes")
    return Stream(iter(found)) if how == "finditer" else found[0] if found else None


def _groups(found: Match, binary: bool) -> Value:
    """What `re.findall` gives of a match."""
    whole = [found.group(number) or "" for number in range(len(found.spans))]
    parts = tuple(Bytes(part) if binary else part for part in (whole[1:] or whole))
    return parts if len(parts) > 1 else parts[0]


def _changed(
    patience: float, how: str, pattern: str, text: str, flags: int, given: dict[str, Value], binary: bool
) -> Value:
    """`re.sub` and `re.split`."""
    count, new = given.get("count", given.get("maxsplit", 0)), given.get("repl", "")
    if binary or not isinstance(count, int) or not isinstance(new, str):
        raise untold(f"re.{how}() of something computed")
    if (len(text) + 1) * max(1, len(new)) > LARGEST:
        return Unknown("more than a version expression is worth")
    result = _run(patience, how, pattern, text, flags, [new, count] if how == "sub" else [count])
    if how == "sub":
        return text if result == text else result
    return text.pieces(result) if isinstance(text, Text) and None not in result else result
