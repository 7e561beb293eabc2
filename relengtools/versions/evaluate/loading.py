"""Ways to run another file: `exec`, `runpy`, `importlib`, `imp`. Here it is evaluated."""

import ast
from pathlib import Path

from relengtools.versions.evaluate import parsers
from relengtools.versions.evaluate.functions import Known, first
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    Bytes,
    File,
    Module,
    RaisedError,
    Text,
    Unknown,
    Value,
    untold,
)
from relengtools.versions.locate import python


def _load(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A module by name and path: `spec_from_file_location`, `SourceFileLoader`, `imp.load_source`."""
    given = dict(zip(("name", "path"), arguments, strict=False)) | keywords
    path: Value = given.get("path", given.get("location"))
    if not isinstance(path, str | Path):
        raise untold("a module that can't be told")
    return run.module_at(path, str(given.get("name", given.get("fullname", ""))))


def _import(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 1 or not isinstance(arguments[0], str) or arguments[0].startswith("."):
        raise untold("a module that can't be told")
    return run.import_(arguments[0])


def _dunder_import(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    module = _import(run, arguments[:1], {})
    named = len(arguments) > 3 and arguments[3]
    if named or "." not in arguments[0] or keywords.get("fromlist"):
        return module
    return run.import_(arguments[0].partition(".")[0])


def _run_path(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 1 or keywords.keys() - {"run_name"}:
        raise untold("runpy.run_path() of something computed")
    names: dict[str, Value] = {"__name__": keywords.get("run_name", "<run_path>")}
    text = run.read(arguments[0])
    failed = text if isinstance(text, Unknown) else run.execute(text, names, None)
    return failed if isinstance(failed, Unknown) else names


def execute(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`exec(code, globals, locals)`; code may be what `compile()` gave, which is the text itself here."""
    code = arguments[0]
    spaces = [*arguments[1:], *(keywords[key] for key in ("globals", "locals") if key in keywords)]
    spaces = [space for space in spaces if space is not None]
    text = parsers.content(run, code) if isinstance(code, Bytes | File | str) else code
    if not spaces or not all(isinstance(space, dict) for space in spaces):
        run.disturb(*spaces)
        raise untold("an exec() in a place that can't be told")
    return run.execute(text, spaces[0], spaces[1] if len(spaces) > 1 and spaces[1] is not spaces[0] else None)


def _eval(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A literal only: names would have to be looked up where it stands."""
    try:
        return _literal(run, arguments[:1], {})
    except (ValueError, SyntaxError) as error:
        raise untold("eval() of an expression") from error


def _literal(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`ast.literal_eval`, also of a node."""
    text = arguments[0]
    if isinstance(text, parsers.Tree):
        return parsers.literal(text)
    if not isinstance(text, str) or len(text) > 10_000:
        raise untold("ast.literal_eval() of something computed")
    stripped = _strip(text) if isinstance(text, Text) else text.strip(" \t")
    value, inner = _plain(stripped), stripped[1:-1]
    return inner if isinstance(value, str) and inner == value else value


def _strip(text: Text) -> str:
    value = text.strip(" \t")
    start = text.find(value)
    return text.part(start, start + len(value))


def _plain(text: str) -> Value:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in somebody's file is not this program's warning
        value = ast.literal_eval(text)
    return parsers.bytes_(value) if isinstance(value, bytes) else value


def _execfile(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return execute(run, [run.read(arguments[0]), *arguments[1:]], {})


def _find_module(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    folders = arguments[1] if len(arguments) > 1 else [str(run.root)]
    for folder in run.items(folders):
        for file in (f"{folder}/{arguments[0]}/__init__.py", f"{folder}/{arguments[0]}.py"):
            if run.exists(file) is True:
                return (None, file, None)
    raise RaisedError("ImportError")


def _load_module(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return _load(run, [arguments[0], arguments[2]], {})


def _compile(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """The code itself, if `exec()` is to have it."""
    source = keywords.get("source", arguments[0] if arguments else Unknown("nothing"))
    mode = keywords.get("mode", arguments[2] if len(arguments) > 2 else "exec")
    if mode != "exec":
        raise untold("a compiled expression")
    return source


def _module_constant(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`setuptools.depends.get_module_constant(module, name)`: what its code first gives the name, if a constant."""
    module = _import(run, arguments[:1], {})
    if len(arguments) != 2 or keywords or not isinstance(module, Module) or not isinstance(arguments[1], str):
        raise untold("a constant of a module that can't be told")
    found = python.bindings(python.parse(module.document.source).body, arguments[1])
    first_value = found[0].value if found and found[0].sure else None
    if not isinstance(first_value, ast.Constant) or not isinstance(first_value.value, str):
        raise untold("a constant of a module that can't be told")
    return parsers.placed(module.document, first_value, first_value.value)


def _vars(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return run.get(arguments[0], "__dict__")


FUNCTIONS: dict[str, Known] = {
    "exec": execute,
    "eval": _eval,
    "execfile": _execfile,
    "compile": _compile,
    "vars": _vars,
    "__import__": _dunder_import,
    "ast.literal_eval": _literal,
    "importlib.import_module": _import,
    "importlib.util.spec_from_file_location": _load,
    "importlib.util.module_from_spec": first,
    "importlib.machinery.SourceFileLoader": _load,
    "imp.load_source": _load,
    "imp.find_module": _find_module,
    "imp.load_module": _load_module,
    "runpy.run_path": _run_path,
    "setuptools.depends.get_module_constant": _module_constant,
}
