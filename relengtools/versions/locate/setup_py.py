"""`version=` of `setup()` in setup.py, read by AST and never run."""

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from relengtools.versions.declaration import Declaration, Kind, Pointer
from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source

_PROVIDERS = {
    "use_scm_version": "setuptools-scm",
    "pbr": "pbr",
    "use_incremental": "incremental",
    "version_config": "setuptools-git-versioning",
    "setuptools_git_versioning": "setuptools-git-versioning",
    "use_vcs_version": "hgtools",
}


class Setup(NamedTuple):
    """What setup.py says: `calls` is how often it calls `setup()`; at most one of `version` and `pointer` is set."""

    calls: int = 0
    name: str | None = None
    version: Declaration | None = None
    pointer: Pointer | None = None


class _Call(NamedTuple):
    node: ast.Call
    scopes: tuple[Sequence[ast.stmt], ...]

    def keyword(self, name: str) -> ast.keyword | None:
        return next((k for k in self.node.keywords if k.arg == name), None)


def locate(source: Source) -> Setup:
    """Read the call of `setup()`; raises UnreadableError for what is no Python."""
    if "setup" not in source.text:
        return Setup()
    tree = python.parse(source)
    calls = [call for call in _calls(tree.body, (tree.body,)) if _is_setup(call.node.func)]
    if not calls:
        return Setup()
    versioned = [call for call in calls if call.keyword("version")] or calls
    if len(versioned) > 1:
        return Setup(
            len(calls),
            _name(source, calls[0]),
            None,
            _pointer(source, versioned[1].node, "`setup()` is called more than once"),
        )
    version, pointer = _version(source, versioned[0])
    return Setup(len(calls), _name(source, versioned[0]), version, pointer)


def _calls(body: Sequence[ast.stmt], scopes: tuple[Sequence[ast.stmt], ...]) -> Iterator[_Call]:
    """Every call below `body`, with the scopes that its names are looked up in, innermost last."""
    stack: list[tuple[ast.AST, tuple[Sequence[ast.stmt], ...]]] = [(node, scopes) for node in body]
    while stack:
        node, inside = stack.pop()
        if isinstance(node, ast.Call):
            yield _Call(node, inside)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = (*inside, node.body)
        stack += [(child, inside) for child in ast.iter_child_nodes(node)]


def _is_setup(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "setup"
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "setup"
        and isinstance(function.value, ast.Name | ast.Attribute)
    )


def _version(source: Source, call: _Call) -> tuple[Declaration | None, Pointer | None]:
    keyword = call.keyword("version")
    if keyword is None:
        return None, _without_keyword(source, call)
    declaration, reason = _string(source, call, keyword.value)
    if declaration is not None:
        return declaration, None
    return None, _pointer(source, keyword.value, f"`version=` {reason}", _provider(keyword.value))


def _without_keyword(source: Source, call: _Call) -> Pointer | None:
    for keyword in call.node.keywords:
        off = isinstance(keyword.value, ast.Constant) and not keyword.value.value
        if keyword.arg in _PROVIDERS and not off:
            provider = _PROVIDERS[keyword.arg]
            return _pointer(source, keyword.value, f"`{keyword.arg}=` asks {provider}", provider)
    if any(keyword.arg is None for keyword in call.node.keywords):
        return _pointer(source, call.node, "`version` may be in the `**` arguments of `setup()`")
    return None


def _string(source: Source, call: _Call, node: ast.expr) -> tuple[Declaration | None, str]:
    """The literal that an argument is, or that the simple name in it surely has."""
    reason = "is computed"
    if isinstance(node, ast.Name):
        value: ast.expr | None = None
        for scope in reversed(call.scopes):
            value, reason = python.constant(scope, node.id)
            if value is not None or python.bindings(scope, node.id):
                break
        reason = f"can't be read: {reason}" if value is None else "is computed"
        node = value if value is not None else node
    return python.literal(source, node, Kind.SETUP_PY), reason


def _name(source: Source, call: _Call) -> str | None:
    keyword = call.keyword("name")
    declaration = _string(source, call, keyword.value)[0] if keyword else None
    return declaration.value if declaration else None


def _provider(node: ast.expr) -> str | None:
    text = ast.unparse(node)
    return next(
        (name for name in ("versioneer", "setuptools_scm", "dunamai", "versioningit") if f"{name}." in text), None
    )


def _pointer(source: Source, node: ast.expr, reason: str, provider: str | None = None) -> Pointer:
    start, _ = python.offsets(source, node)
    return Pointer(source.file, *source.position(start), reason, provider)
