"""`setup()` in setup.py, evaluated statically and never run."""

import ast
import re
from collections.abc import Sequence

from relengtools.versions.declaration import Declaration, Pointer
from relengtools.versions.evaluate.answer import declared, guarded, written_at
from relengtools.versions.evaluate.interpreter import Interpreter, SetupCall
from relengtools.versions.evaluate.modules import PATIENT, STEPS
from relengtools.versions.evaluate.statements import Frame
from relengtools.versions.evaluate.values import SPOILT, Document, Function, Module, Unknown, Value
from relengtools.versions.locate import python
from relengtools.versions.locate.plain_setup import ASKING, Setup
from relengtools.versions.locate.source import Source

# How build backends of setuptools call setup.py. Source: setuptools/build_meta.py.
_COMMANDS = (
    ("egg_info",),
    ("dist_info", "--output-dir", "dist", "--keep-egg-info"),
    ("sdist", "--formats", "gztar", "--dist-dir", "dist"),
    ("bdist_wheel", "--dist-dir", "dist"),
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
# What every package tells `setup()`.
_TELLING = frozenset({"name", "version", "packages", "py_modules", "install_requires", None, *ASKING})


def locate(source: Source, run: Interpreter) -> Setup:
    """Evaluate setup.py as far as its call of `setup()`; raises UnreadableError for what `run` can't parse."""
    if "setup" not in source.text:
        return Setup()
    tree = run.syntax(source)
    named = python.setup_names(tree)
    words = re.finditer("|".join({"setup", *named}), source.text)
    lines = {source.position(word.start())[0] for word in words}
    parts = (part for part in tree.body if any(part.lineno <= at <= (part.end_lineno or at) for at in lines))
    inside = (node for part in parts for node in python.walk(part))
    found = (node for node in inside if isinstance(node, ast.Call) and _is_setup(node, tree, named))
    nodes = sorted(found, key=lambda node: (node.lineno, node.col_offset))
    if not nodes:
        return Setup()
    setup = _called(source, run, tree, nodes)
    if _is_unknown(setup) and run.gave_up:
        run = _again(run)
        run.part = PATIENT
        setup = _called(source, run, tree, nodes)
    asks = _is_unknown(setup) and any("argv" in module.document.text for module in run.modules.values())
    return (asks and _built(source, run, tree, nodes)) or setup


def _built(source: Source, run: Interpreter, tree: ast.Module, nodes: Sequence[ast.Call]) -> Setup | None:
    """What setup.py says in a build, where it says the same whichever command the backend gives it; else None."""
    found: list[Setup] = []
    for command in _COMMANDS:
        again = _again(run)
        again.argv = [str(run.root / "setup.py"), *command]
        found.append(_called(source, again, tree, nodes))
        run.patience_s = again.patience_s
        version = found[-1].version
        if version is None or (found[0].version and version.value != found[0].version.value):
            return None
    return found[0]


def _is_unknown(setup: Setup) -> bool:
    return setup.pointer is not None and setup.pointer.provider is None


def _again(run: Interpreter) -> Interpreter:
    """An evaluation from the start, with what time is left to the one before."""
    again = Interpreter(run.root, run.tree, run.reader)
    if run.python_2:
        again.as_python_2()
    again.part, again.patience_s = run.part, run.patience_s
    return again


def _called(source: Source, run: Interpreter, tree: ast.Module, nodes: Sequence[ast.Call]) -> Setup:
    """What the calls of `setup()` give."""
    calls = _reached(run, source, tree, nodes)
    versioned = [call for call in calls if "version" in call.keywords] or calls
    first = versioned[0]
    version, pointer = _agreed(source, versioned)
    name, folders = first.keywords.get("name"), first.keywords.get("package_dir")
    return Setup(
        len(nodes),
        str(name) if isinstance(name, str) else None,
        version,
        pointer,
        {str(k): str(v) for k, v in folders.items() if isinstance(v, str)} if isinstance(folders, dict) else {},
        next(iter(run.asked), None) if version else None,
    )


def _is_setup(call: ast.Call, tree: ast.Module, named: set[str]) -> bool:
    """`setup`, `setuptools.setup`, `distutils.core.setup`: no function of the file's own, nor a method of some object.

    A `setup` of another module has to be told something that a package has.
    """
    match call.func:
        case ast.Name(id="setup"):
            return "setup" in _imports(tree) or "setup" not in _functions(tree)
        case ast.Name(id=name):
            return name in named
        case ast.Attribute(attr="setup", value=owner):
            while isinstance(owner, ast.Attribute):
                owner = owner.value
            known = isinstance(owner, ast.Name) and _imports(tree).get(owner.id) in python.SETUP_MODULES
            return known or (isinstance(owner, ast.Name) and any(word.arg in _TELLING for word in call.keywords))
    return False


def _imports(tree: ast.Module) -> dict[str, str]:
    """The names that the imports of a module bind, in functions too, and the first part of what each is from."""
    found: dict[str, str] = {}
    for node in python.statements(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            names = ((alias.asname or alias.name.partition(".")[0], module or alias.name) for alias in node.names)
            found |= {name: whole.partition(".")[0] for name, whole in names}
    return found


def _functions(tree: ast.Module) -> set[str]:
    """The functions and classes that a module defines, at its top."""
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def _reached(run: Interpreter, source: Source, tree: ast.Module, nodes: Sequence[ast.Call]) -> list[SetupCall]:
    """The calls of `setup()`: those that the evaluation of the module gets to, else all that there are."""
    module = Module("__main__", source.path, False, Document(source)).known(__doc__=ast.get_docstring(tree))
    frame = Frame(run, module.scope, module)
    run.modules[source.path] = module
    run.run(module)
    if not run.setups:
        _enter(run, module, nodes)
    return run.setups or [SetupCall(node, _keywords(frame, node, tree), frame) for node in nodes]


def _enter(run: Interpreter, module: Module, nodes: Sequence[ast.Call]) -> None:
    """Call those functions that call `setup()`, as somebody else does."""
    run.lenient, run.steps = True, STEPS
    for function in list(module.scope.names.values()):
        if isinstance(function, Function) and any(node in nodes for node in python.walk(function.node)):
            guarded(lambda function=function: run.apply(function, [], {}))  # type: ignore[misc]
    run.lenient = False


def _keywords(frame: Frame, node: ast.Call, tree: ast.Module) -> dict[str, Value]:
    """The arguments of a call that isn't reached: as far as they are written there if it stands in a function."""
    found: dict[str, Value] = {}
    functions = (part for part in python.walk(tree) if isinstance(part, _FUNCTIONS))
    inside = any(node is inner for part in functions for inner in python.walk(part))
    for keyword in node.keywords:
        value: Value = Unknown("it isn't known when `setup()` is called")
        if not inside or isinstance(keyword.value, ast.Constant):
            value = guarded(lambda keyword=keyword: frame.value(keyword.value))  # type: ignore[misc]
        if keyword.arg is None and type(value) is dict:
            found |= {key: v for key, v in value.items() if isinstance(key, str) and key != SPOILT}
        else:
            found[keyword.arg or "**"] = value
    return found


def _agreed(source: Source, calls: Sequence[SetupCall]) -> tuple[Declaration | None, Pointer | None]:
    """The version that all calls give."""
    answers = [_version(source, call) for call in calls]
    version, pointer = answers[0]
    values = {declaration.value if declaration else None for declaration, _ in answers}
    if len(values) > 1:
        return None, _pointer(source, calls[-1].node, "`setup()` is called more than once, with different versions")
    return version, pointer


def _version(source: Source, call: SetupCall) -> tuple[Declaration | None, Pointer | None]:
    if "version" not in call.keywords:
        return None, _without_keyword(source, call)
    node = next((k.value for k in call.node.keywords if k.arg == "version"), None)
    value = call.keywords["version"]
    if value is None:
        return None, _without_keyword(source, call)
    place: ast.expr = node or call.node
    if isinstance(value, Unknown):
        return None, _pointer(source, place, f"`version=` can't be read: {value.reason}", value.provider)
    found = declared(value, *written_at(call.frame, place))
    if isinstance(found, Declaration):
        return found, None
    return None, _pointer(source, place, f"`version=` can't be read: {found.reason}", found.provider)


def _without_keyword(source: Source, call: SetupCall) -> Pointer | None:
    for name, provider in ASKING.items():
        if name in call.keywords and call.keywords[name] not in (False, None, 0):
            return _pointer(source, _argument(call.node, name), f"`{name}=` asks {provider}", provider)
    if "configuration" in call.keywords:  # numpy.distutils
        return _pointer(source, _argument(call.node, "configuration"), "`configuration=` may hold the version")
    if "**" in call.keywords:
        rest = call.keywords["**"]
        why = f": {rest.reason}" if isinstance(rest, Unknown) else ""
        return _pointer(source, call.node, f"`version` may be in the `**` arguments of `setup()`{why}")
    return None


def _argument(node: ast.Call, name: str) -> ast.expr:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), node)


def _pointer(source: Source, node: ast.expr, reason: str, provider: str | None = None) -> Pointer:
    start, _ = python.offsets(source, node)
    return Pointer(source.file, *source.position(start), reason, provider)
