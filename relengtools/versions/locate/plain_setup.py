"""The setup.py that most projects have: imports, texts, one call of `setup()` with a literal version.

It is read here, since the evaluation of the others takes as long to import as everything else does.
"""

import ast
import sys
from typing import NamedTuple

from relengtools.versions.declaration import Declaration, Kind, Pointer
from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source

_TOOLS = ("setuptools", "distutils")
# What a setup.py calls for its description and its packages, none of which changes what `setup` is.
_HARMLESS = frozenset(
    {"open", "read", "read_text", "strip", "join", "dirname", "abspath", "resolve", "Path"}
    | {"find_packages", "find_namespace_packages"}
)
# Keywords that have to be literals, or be left out.
_LITERAL = ("version", "name", "package_dir")


# Keywords of `setup()` by which a program is asked for the version.
ASKING = {
    "use_scm_version": "setuptools-scm",
    "pbr": "pbr",
    "use_incremental": "incremental",
    "version_config": "setuptools-git-versioning",
    "setuptools_git_versioning": "setuptools-git-versioning",
    "use_vcs_version": "hgtools",
    "use_katversion": "katversion",
    "setup_meta": "setupmeta",
}


class Setup(NamedTuple):
    """What setup.py says: `calls` is how often it calls `setup()`; at most one of `version` and `pointer` is set.

    `provider` is set beside a version that a program wrote down when the sdist was made, and takes from there now.
    """

    calls: int = 0
    name: str | None = None
    version: Declaration | None = None
    pointer: Pointer | None = None
    package_dir: dict[str, str] = {}  # noqa: RUF012  (never changed)
    provider: str | None = None


def locate(source: Source) -> Setup | None:
    """What a plain setup.py says, None for one that has to be evaluated; raises UnreadableError for no Python."""
    tree = python.syntax(source)
    *before, last = tree.body or [ast.Pass()]
    call = _last(last)
    if call is None or call.args or not _imports(before, call.func):
        return None
    if not all(_is_plain(statement) for statement in before) or not _calls_little(tree, before, call):
        return None
    given = {keyword.arg: _meant(before, keyword.value) for keyword in call.keywords}
    node, name, folders = (given.get(keyword) for keyword in _LITERAL)
    if given.keys() & {None, "configuration", *ASKING} or not all(one is None or _is_text(one) for one in (node, name)):
        return None
    package_dir = _table(folders)
    if package_dir is None:
        return None
    called = name.value if isinstance(name, ast.Constant) else None
    version = python.literal(source, node, Kind.SETUP_PY) if node else None
    return Setup(1, str(called) if called is not None else None, version, None, package_dir)


def _last(statement: ast.stmt) -> ast.Call | None:
    """The call that is the last statement, perhaps under `if __name__ == "__main__":`."""
    match statement:
        case ast.Expr(value=ast.Call() as call):
            return call
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]
            ),
            body=[ast.Expr(value=ast.Call() as call)],
            orelse=[],
        ):
            return call
    return None


def _meant(body: list[ast.stmt], node: ast.expr) -> ast.expr:
    """What is assigned to a name, if that happens once and for certain."""
    value, _ = python.constant(body, node.id) if isinstance(node, ast.Name) else (node, "")
    return node if value is None else value


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _table(node: ast.expr | None) -> dict[str, str] | None:
    """A dictionary of texts, empty where there is none; None for anything else."""
    if node is None:
        return {}
    if not isinstance(node, ast.Dict) or not all(key and _is_text(key) for key in node.keys):
        return None
    table = ast.literal_eval(node) if all(map(_is_text, node.values)) else None
    return table if table else None


def _imports(body: list[ast.stmt], function: ast.expr) -> bool:
    """Whether what is called is the `setup` of setuptools or distutils, imported as that and nothing else."""
    called = _dotted(function)
    names = [alias for node in body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    if any(alias.name == "*" or (alias.asname and {alias.name, alias.asname} & {"setup", *_TOOLS}) for alias in names):
        return False
    froms = [node for node in body if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module]
    named = [node for node in froms if any(alias.name == "setup" for alias in node.names)]
    if called == "setup":
        return [node.module in ("setuptools", "distutils.core") for node in named] == [True]
    plain = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names if not alias.asname}
    return (
        not named and called in ("setuptools.setup", "distutils.core.setup") and called.removesuffix(".setup") in plain
    )


def _dotted(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name() | ast.Attribute(value=ast.Name()) as value, attr=name):
            return f"{_dotted(value)}.{name}"
    return ""


def _is_plain(statement: ast.stmt) -> bool:
    """An import from the standard library or setuptools, a docstring, or an assignment to a name of no importance."""
    match statement:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Import(names=names):
            return all(_is_known(alias.name) for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            return _is_known(module)
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name not in ("setup", *_TOOLS)
        case ast.With(items=[ast.withitem(optional_vars=ast.Name(id=name))], body=inner):
            return name not in ("setup", *_TOOLS) and all(
                _is_plain(one) and isinstance(one, ast.Assign) for one in inner
            )
        case ast.FunctionDef(name=name, decorator_list=[]):
            return name not in ("setup", *_TOOLS, *_HARMLESS)
    return False


def _is_known(module: str) -> bool:
    top = module.partition(".")[0]
    return top in _TOOLS or top in sys.stdlib_module_names


def _calls_little(tree: ast.Module, before: list[ast.stmt], setup: ast.Call) -> bool:
    """Whether nothing else is called than what is known to do no harm, and nothing is bound on the way."""
    own = {node.name for node in before if isinstance(node, ast.FunctionDef)}
    for node in python.walk(tree):
        if isinstance(
            node, ast.NamedExpr | ast.Lambda | ast.Await | ast.Yield | ast.YieldFrom | ast.Global | ast.Raise
        ):
            return False
        if isinstance(node, ast.Call) and node is not setup:
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            if name not in _HARMLESS and name not in own:
                return False
    return True
