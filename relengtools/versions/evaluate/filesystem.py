"""`open()`, `os.path` and `pathlib`, as far as they look at files of the tree."""

import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any

from relengtools.versions.evaluate.functions import Known, first, simple
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import File, Unknown, Value, untold


def _open(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    name = keywords.get("file", keywords.get("filename", arguments[0] if arguments else None))
    mode = keywords.get("mode", arguments[1] if len(arguments) > 1 else "r")
    if not isinstance(name, str | Path) or not isinstance(mode, str) or set(mode) & set("wax+"):
        raise untold("a file that can't be told, or that is written to")
    text = run.read(name)
    return text if isinstance(text, Unknown) else File(text, Path(name), "b" in mode)


def _codecs_open(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`codecs.open` opens as bytes, unless it is told an encoding."""
    found = _open(run, arguments, keywords)
    if isinstance(found, File):
        found.binary = "encoding" not in keywords and len(arguments) < 3 and found.binary
    return found


def _exists(kind: str) -> Known:
    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        path = arguments[0]
        return run.exists(path, kind) if isinstance(path, str | Path) else Unknown("a path that can't be told")

    return known


def _absolute(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if not isinstance(arguments[0], str | Path):
        raise untold("a path that can't be told")
    return str(run.locate(arguments[0]))


def _working(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return str(run.locate("."))


def _change(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`os.chdir`."""
    run.heap.touch(run.where)
    path = arguments[0] if arguments else None
    run.where["cwd"] = run.locate(path) if isinstance(path, str | Path) else Unknown("a folder that can't be told")
    return None


def _relative(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 1 or keywords or not isinstance(arguments[0], str | Path):
        raise untold("a relative path")
    return posixpath.relpath(run.locate(arguments[0]), run.locate("."))


def _named(function: Callable[[str], Any]) -> Known:
    """A function that takes a path apart: but where the tree happens to be is no news."""

    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if not isinstance(arguments[0], str | Path) or keywords:
            raise untold("a path that can't be told")
        path = str(arguments[0])
        if posixpath.isabs(path) and run.root.is_relative_to(posixpath.normpath(path)):
            return Unknown("where the tree happens to be")
        return function(path)

    return known


def _join(*parts: Value) -> str:
    return posixpath.join(*(str(part) for part in parts))


def _path(*parts: Value) -> Path:
    return Path(*map(str, parts))


def _directory(path: Value) -> str:
    return posixpath.dirname(str(path))


def _normal(path: Value) -> str:
    return posixpath.normpath(str(path))


FUNCTIONS: dict[str, Known] = {
    "open": _open,
    "io.open": _open,
    "codecs.open": _codecs_open,
    "tokenize.open": _open,
    "os.path.join": simple(_join),
    "os.path.dirname": simple(_directory),
    "os.path.normpath": simple(_normal),
    "os.path.isabs": simple(posixpath.isabs),
    "os.path.basename": _named(posixpath.basename),
    "os.path.split": _named(posixpath.split),
    "os.path.splitext": _named(posixpath.splitext),
    "os.path.abspath": _absolute,
    "os.path.realpath": _absolute,
    "os.path.relpath": _relative,
    "os.path.expanduser": first,
    "os.path.exists": _exists("exists"),
    "os.path.isfile": _exists("is_file"),
    "os.path.isdir": _exists("is_dir"),
    "os.path.lexists": _exists("exists"),
    "os.fspath": first,
    "os.getcwd": _working,
    "os.chdir": _change,
    "distutils.util.convert_path": first,
    "setuptools.convert_path": first,
    "pathlib.Path": simple(_path),
    "pathlib.PurePath": simple(_path),
    "pathlib.Path.cwd": lambda run, arguments, keywords: run.locate("."),
}
