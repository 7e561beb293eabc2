"""Methods of strings, bytes, paths, files and matches, those that version expressions use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from relengtools.versions.evaluate import containers
from relengtools.versions.evaluate.operators import LARGEST, is_printable, too_wide
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    Bytes,
    File,
    Match,
    RaisedError,
    Stream,
    Text,
    TooMuchError,
    Unknown,
    UntoldError,
    Value,
    is_known,
    raised,
    untold,
)

_SPLITTING = {"split", "rsplit", "splitlines", "partition", "rpartition"}
_STRIPPING = {"strip", "lstrip", "rstrip", "removeprefix", "removesuffix"}
_ASKING = {"startswith", "endswith", "find", "rfind", "index", "rindex", "count", "isdigit", "isalpha", "isalnum"}
_ASKING |= {"isdecimal", "isnumeric", "isspace", "isupper", "islower", "isidentifier", "isascii", "istitle"}
_CHANGING = {"lower", "upper", "title", "capitalize", "swapcase", "casefold"}
_PATH = {"joinpath", "with_name", "with_suffix", "relative_to", "as_posix", "is_absolute", "match"}
_SAME_PATH = {"resolve", "absolute", "expanduser"}
_OF_BYTES = _STRIPPING | _SPLITTING | {"startswith", "endswith", "lower", "upper", "join", "replace"}

_Method = Callable[[Run, Any, str, list[Value], dict[str, Value]], Value]


def call(run: Run, owner: Value, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """The result of `owner.name(…)`; Unknown where it isn't one of the methods known here; raises RaisedError."""
    method = _table(owner)
    if method is None:
        run.disturb(owner, *arguments, *keywords.values())
        return Unknown(f"`.{name}()` of something computed", holds=(owner, *arguments))
    try:
        found = method(run, owner, name, arguments, keywords)
        return run.heap.fresh(found) if isinstance(owner, str | Match | File) else found
    except (RaisedError, TooMuchError):
        raise
    except UntoldError as error:
        if not isinstance(owner, str | Bytes | Path | Match):
            run.disturb(owner, *arguments, *keywords.values())
        return error.unknown
    except Exception as error:
        if is_known([owner, *arguments, *keywords.values()]):
            raise raised(error) from error
        run.disturb(owner)
        return Unknown(f"`.{name}()` is given something computed")


def _table(owner: Value) -> _Method | None:
    if isinstance(owner, str):
        return _of_text
    if isinstance(owner, Bytes):
        return _of_bytes
    if isinstance(owner, Path):
        return _of_path
    if isinstance(owner, File):
        return _of_file
    if isinstance(owner, Match):
        return _of_match
    return containers.table(owner)


def _of_text(run: Run, text: str, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name == "join" and len(arguments) == 1:
        return _joined(run, text, arguments[0])
    if not all(is_known(value) for value in (*arguments, *keywords.values())):
        return Unknown(f"`.{name}()` is given something computed")
    if name in _ASKING:
        return getattr(text, name)(*arguments)
    if name == "encode":
        return Bytes(text) if text.isascii() or _is_utf8([*arguments, *keywords.values()]) else Unknown("an encoding")
    if on_path(run, text) and name not in ("format", "replace"):
        return Unknown("a part of a path")
    if name in _STRIPPING:
        return _stripped(text, getattr(text, name)(*arguments), name)
    if name in _SPLITTING:
        pieces = getattr(text, name)(*arguments, **keywords)
        run.step(len(pieces) // 10)
        return type(pieces)(text.pieces(pieces)) if isinstance(text, Text) else pieces
    if name in _CHANGING:
        changed = getattr(text, name)(*arguments)
        return text if changed == text else changed
    return _made(run, text, name, arguments, keywords)


def on_path(run: Run, text: str) -> bool:
    """Whether a text tells where the tree happens to be."""
    return len(text) < 4096 and len(run.root.parts) > 1 and str(run.root) in text


def _is_utf8(encodings: list[Value]) -> bool:
    return all(str(encoding).lower().replace("_", "-") in ("utf-8", "utf8", "strict") for encoding in encodings)


def _stripped(text: str, value: str, name: str) -> str:
    if not isinstance(text, Text):
        return value
    start = len(text) - len(value) if name in ("lstrip", "removeprefix") else text.find(value)
    return text.part(start, start + len(value))


def _joined(run: Run, text: str, row: Value) -> Value:
    items = list(run.items(row))
    unknown = next((item for item in items if isinstance(item, Unknown)), None)
    if unknown is not None or not all(isinstance(item, str) or is_known(item) for item in items):
        return unknown or Unknown("`.join()` of something computed")
    return measured(run, items[0] if len(items) == 1 and isinstance(items[0], str) else text.join(items))


def _made(run: Run, text: str, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """Methods that can make much of little, and so are measured first."""
    if name == "format":
        if too_wide(text) or not all(is_printable(value) for value in (*arguments, *keywords.values())):
            return Unknown("a format that isn't followed")
        return measured(run, "".join(text).format(*arguments, **keywords))
    if name == "replace" and len(arguments) >= 2 and all(isinstance(part, str) for part in arguments[:2]):
        old, new = arguments[:2]
        if (len(text) + 1) * max(1, len(new)) > LARGEST:
            return Unknown("more than a version expression is worth")
        return text if old not in text else measured(run, text.replace(*arguments))
    if name in ("zfill", "ljust", "rjust", "center") and isinstance(arguments[0], int) and arguments[0] < 100:
        return getattr(text, name)(*arguments)
    return Unknown(f"`.{name}()` is not followed")


def measured(run: Run, text: str) -> Value:
    """`text`, unless it has become too large; large ones count as more work."""
    run.step(len(text) // 100)
    return text if len(text) <= LARGEST else Unknown("more than a version expression is worth")


def _of_bytes(run: Run, owner: Bytes, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """Bytes are kept as the text that they are in UTF-8; only what is the same for both is done."""
    text = owner.text
    if name == "decode":
        return text if text.isascii() or _is_utf8([*arguments, *keywords.values()]) else Unknown("an encoding")
    plain = [value.text if isinstance(value, Bytes) else value for value in arguments]
    if name not in _OF_BYTES or keywords or any(isinstance(value, str) for value in arguments) or not text.isascii():
        return Unknown(f"`.{name}()` of bytes")
    if name == "splitlines" and any(c in text for c in "\v\f\x1c\x1d\x1e"):
        return Unknown("the lines of bytes")
    if name == "join":
        plain = [[item.text if isinstance(item, Bytes) else 0 for item in run.items(arguments[0])]]
    found = _of_text(run, text, name, plain, {})
    if isinstance(found, str):
        return Bytes(found)
    return type(found)(map(Bytes, found)) if isinstance(found, list | tuple) else found


def _of_path(run: Run, owner: Path, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name in ("read_text", "read_bytes"):
        text = run.read(owner)
        return Bytes(text) if name == "read_bytes" and isinstance(text, str) else text
    if name == "open":
        mode = arguments[0] if arguments else keywords.get("mode", "r")
        text = run.read(owner) if isinstance(mode, str) and not set(mode) & set("wax+") else Unknown("a written file")
        return File(text, owner, "b" in mode) if isinstance(text, str) else text
    if name in ("exists", "is_file", "is_dir"):
        return run.exists(owner, name)
    if name in _SAME_PATH:
        return run.locate(owner)
    if name == "__str__":
        return str(owner)
    if name not in _PATH or keywords or not all(isinstance(part, str | Path) for part in arguments):
        return Unknown(f"`.{name}()` of a path")
    return getattr(owner, name)(*arguments)


def _of_file(run: Run, owner: File, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if name in ("close", "__exit__", "flush"):
        return None
    if name == "__enter__":
        return owner
    if name == "read" and len(arguments) == 1 and isinstance(arguments[0], int) and arguments[0] >= 0:
        return read(run, owner, arguments[0])
    if name not in ("read", "readline", "readlines") or arguments or keywords:
        raise untold(f"`.{name}()` of a file")
    if name == "readlines":
        return list(run.items(owner))
    return read(run, owner) if name == "read" else next(run.items(owner), Bytes("") if owner.binary else "")


def read(run: Run, file: File, size: int = LARGEST) -> Value:
    """What is left to read of a file, or so many characters of it."""
    text = file.text
    if not isinstance(text, str) or (file.binary and size < len(text) and not text.isascii()):
        run.disturb(file)
        return text if isinstance(text, Unknown) else Unknown("a part of a file")
    run.heap.touch(file)
    file.text = text[size:] if size < LARGEST else ""
    part = text[:size] if size < len(text) and size < LARGEST else text
    return Bytes(part) if file.binary else part


def lines(run: Run, file: File) -> Stream:
    """The lines that are left, one after the other."""

    def source() -> Any:
        while file.text:
            text = file.text
            if isinstance(text, Unknown):
                raise UntoldError(text)
            end = text.find("\n") + 1 or len(text)
            run.step()
            run.heap.touch(file)
            file.text = text[end:]
            yield Bytes(text[:end]) if file.binary else text[:end]

    return Stream(source())


def _of_match(run: Run, owner: Match, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if keywords or not is_known(arguments):
        return Unknown(f"`.{name}()` of a match")
    if name == "group":
        found = [owner.group(key) for key in arguments or [0]]
        return found[0] if len(found) == 1 else tuple(found)
    if name == "groups" and not arguments:
        return tuple(owner.group(number) for number in range(1, len(owner.spans)))
    if name == "groupdict" and not arguments:
        return {key: owner.group(key) for key in owner.names}
    if name == "__getitem__":
        return owner.group(arguments[0])
    if name in ("start", "end", "span"):
        key = arguments[0] if arguments else 0
        start, end = owner.spans[owner.names[key] if isinstance(key, str) else key]
        return {"start": start, "end": end, "span": (start, end)}[name]
    return Unknown(f"`.{name}()` of a match")


def attribute(run: Run, owner: Value, name: str) -> Value:
    """A plain attribute of a path, None where a bound method is meant."""
    if not isinstance(owner, Path):
        return None
    if name in ("name", "stem", "parts", "suffix", "suffixes") and run.root.is_relative_to(owner):
        return Unknown("where the tree happens to be")
    if name in ("parent", "name", "stem", "suffix"):
        return getattr(owner, name)
    return list(owner.parents) if name == "parents" else Unknown(f"`.{name}` of a path") if name == "parts" else None
