"""The expression in setup.py that asks `git describe`: where it is, what it asks, and the normaliser put around it."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple, cast

from relengtools.versions.locate import python
from relengtools.versions.migrate import normaliser, setup_file
from relengtools.versions.migrate.edits import Cut, spliced
from relengtools.versions.migrate.said import FLAG
from relengtools.versions.migrate.setup_file import SetupFile


class Idiom(NamedTuple):
    """`variables` are the environment variables that come first, `flags` are those of `git describe`.

    `value` is the expression to put the normaliser around, `statement` what it stands in.
    """

    variables: tuple[str, ...]
    flags: tuple[str, ...]
    value: ast.expr
    statement: ast.stmt

    @property
    def variable(self) -> str | None:
        """The environment variable that comes first."""
        return next(iter(self.variables), None)


def read(file: SetupFile) -> Idiom | None:
    """The idiom; None where the version is no keyword of the call."""
    argument = file.argument("version")
    if argument is None:
        return None
    statements = setup_file.concerning(file, [argument])
    about: list[ast.AST] = [argument, *statements]
    value = argument
    if isinstance(argument, ast.Name):
        assigned, _ = python.constant(file.tree.body, argument.id)
        changed = [s for s in statements if not isinstance(s, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom)]
        plain = assigned is not None and not any(argument.id in setup_file.bound(s) for s in changed)
        value = assigned if plain and assigned is not None else argument
    variables = [name for node in about for name in _variables(node)]
    text = " ".join(ast.unparse(node) for node in about)
    statement = next(s for s in file.tree.body if any(node is value for node in ast.walk(s)))
    return Idiom(tuple(dict.fromkeys(variables)), tuple(dict.fromkeys(FLAG.findall(text))), value, statement)


def is_normalised(file: SetupFile, idiom: Idiom) -> bool:
    """Whether the normaliser is there already."""
    names = {s.name for s in file.tree.body if isinstance(s, ast.FunctionDef) and s.name.strip("_") == normaliser.NAME}
    return isinstance(idiom.value, ast.Call) and isinstance(idiom.value.func, ast.Name) and idiom.value.func.id in names


def normalised(file: SetupFile, idiom: Idiom, prefix: str) -> list[Cut] | None:
    """The normaliser, put around the expression and above its statement; None if more would change.

    `prefix` stands in front of the version in tags.
    """
    if any(isinstance(s, ast.ImportFrom) and s.module == "__future__" for s in _same_or_below(file, idiom.statement)):
        return None  # nothing may come before it
    text = file.source.text
    newline = "\r\n" if "\r\n" in text else "\n"
    name = normaliser.NAME
    while re.search(rf"\b{name}\b", text):
        name = f"_{name}"
    function = normaliser.text(name, idiom.variables, "--always" in idiom.flags, prefix, newline)
    start, end = python.offsets(file.source, idiom.value)
    above = text.rfind("\n", 0, python.offsets(file.source, cast(ast.expr, idiom.statement))[0]) + 1
    empty = len(text[:above].replace("\r", "")) - len(text[:above].replace("\r", "").rstrip("\n"))
    before = newline * max(0, 3 - empty) if above else ""
    cuts = [
        Cut(above, above, f"{before}{function}{newline * 2}"),
        Cut(start, start, f"{name}(lambda: "),
        Cut(end, end, ")"),
    ]
    return cuts if _proved(file, spliced(text, cuts), name) else None


def _same_or_below(file: SetupFile, statement: ast.stmt) -> list[ast.stmt]:
    """The statements from the line on where `statement` begins."""
    return [s for s in file.tree.body if s.lineno >= statement.lineno]


def _proved(file: SetupFile, new: str, name: str) -> bool:
    """Whether the new text, without the function and with the call taken off, is the old program."""
    try:
        tree = ast.parse(new)
    except SyntaxError:
        return False
    unwrap = _Unwrap(name)
    body = [unwrap.visit(s) for s in tree.body if not (isinstance(s, ast.FunctionDef) and s.name == name)]
    return unwrap.found == 1 and ast.dump(ast.Module(body, [])) == ast.dump(ast.Module(file.tree.body, []))


class _Unwrap(ast.NodeTransformer):
    """Puts what a function is given to call in place of its calls, and counts them."""

    def __init__(self, name: str) -> None:
        self.name, self.found = name, 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == self.name:
            self.found += 1
            assert isinstance(node.args[0], ast.Lambda)
            return node.args[0].body
        return node


def _variables(node: ast.AST) -> Iterator[str]:
    """Environment variables by name, in `environ.get(…)`, `getenv(…)`, `environ[…]`."""
    for part in ast.walk(node):
        match part:
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
                if re.search(r"\benviron\.(get|pop|setdefault)$|\bgetenv$", ast.unparse(function)):
                    yield name
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(name))):
                if ast.unparse(owner).endswith("environ"):
                    yield name
