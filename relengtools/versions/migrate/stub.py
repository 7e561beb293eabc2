"""What is left of setup.py when pyproject.toml has the metadata: the make step and its like, or nothing."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, cast

from relengtools.versions.locate import python
from relengtools.versions.migrate.edits import Cut, spliced
from relengtools.versions.migrate.setup_file import SetupFile, bound, concerning, is_call, is_main, loaded

# By which something is left behind, or another program has its say.
_WRITES = {"write", "write_text", "write_bytes", "writelines", "dump", "copy", "copyfile", "makedirs", "mkdir"}
_RUNS = {"run", "call", "check_call", "check_output", "Popen", "system", "popen", "getoutput"}
_NO_STEP = sys.stdlib_module_names | {"setuptools", "distutils", "pkg_resources"}


class Remainder(NamedTuple):
    """The cuts that leave what isn't metadata, and whether that is nothing, so that the file can go.

    `imports` are the modules that what is left imports.
    """

    cuts: tuple[Cut, ...]
    empty: bool
    imports: frozenset[str]


def reduce(file: SetupFile, gone: Sequence[str]) -> Remainder | str:
    """Take the keywords `gone` out of the call, and the statements that were there for them alone.

    Says why not where one of these statements does something else besides.
    """
    names = {keyword: set(file.given(keyword) or [None]) for keyword in file.call.keywords}
    going = [keyword for keyword in file.call.keywords if names[keyword] <= set(gone)]
    torn = sorted(str(name) for keyword, given in names.items() if keyword not in going for name in given & set(gone))
    if torn:
        return f"{file.source.file}: {', '.join(torn)} can't be taken out of what setup() is given by `**`"
    values = [keyword.value for keyword in going]
    stay = [keyword.value for keyword in file.call.keywords if keyword not in going]
    dead = _dead(file, values, stay)
    aside = next((why for statement in dead if (why := _aside(statement))), None)
    if aside is not None:
        return f"{file.source.file}:{aside} on the way to the metadata"
    alive = [statement for statement in file.tree.body if statement not in dead]
    imports = dict(_imports(file, [*dead, *values], [*alive, *stay]))
    cuts = sorted([*_arguments(file, going), *_changes(file, imports), *_cuts(file, dead, True)])
    if not _proved(file, cuts, going, dead, imports):
        return f"{file.source.file}: the metadata can't be cut out without changing more"
    left = [imports.get(statement, statement) for statement in alive]
    empty = not stay and not any(_does_something(file, statement) for statement in left if statement is not None)
    return Remainder(tuple(cuts), empty, frozenset(_imported(left)))


def _imported(statements: Iterable[ast.stmt | None]) -> Iterator[str]:
    for node in (node for statement in statements if statement for node in ast.walk(statement)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (name.partition(".")[0] for name in names)


def _proved(
    file: SetupFile, cuts: Sequence[Cut], going: Sequence[ast.keyword], dead: Sequence[ast.stmt], imports: "_Imports"
) -> bool:
    """Whether the text after the cuts is the program without what goes."""
    kept = file.call.keywords
    body = [imports.get(statement, statement) for statement in file.tree.body if statement not in dead]
    file.call.keywords = [keyword for keyword in kept if keyword not in going]
    try:
        expected = ast.dump(ast.Module([statement for statement in body if statement is not None], []))
        return ast.dump(ast.parse(spliced(file.source.text, cuts))) == expected
    except SyntaxError:
        return False
    finally:
        file.call.keywords = kept


def _dead(file: SetupFile, values: Sequence[ast.expr], stay: Sequence[ast.expr]) -> list[ast.stmt]:
    """The statements that only the values needed: nothing that stays reads what they bind."""
    imported = {name for s in file.tree.body if isinstance(s, ast.Import | ast.ImportFrom) for name in bound(s)}
    about = [s for s in concerning(file, values) if not _changed(s) & imported]
    dead = [s for s in about if _only_binds(s) and _alone(file, s)]
    while True:
        alive = [s for s in file.tree.body if s not in dead and not is_call(file, s)]
        needed = loaded([*alive, *stay, file.call.func])
        still = [s for s in dead if not (bound(s) | _changed(s)) & needed]
        if still == dead:
            return dead
        dead = still


def _only_binds(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but give names their values, or change these by a method."""
    match statement:
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.FunctionDef() | ast.Pass():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name()))):
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.With(body=body) | ast.If(body=body, orelse=[]) | ast.For(body=body, orelse=[]):
            return all(map(_only_binds, body))
        case ast.If(body=body, orelse=more):
            return all(map(_only_binds, [*body, *more]))
        case ast.Try(body=body, handlers=handlers, orelse=more, finalbody=last):
            inside = [inner for handler in handlers for inner in handler.body]
            return all(map(_only_binds, [*body, *inside, *more, *last]))
    return False


def _changed(statement: ast.stmt) -> set[str]:
    """Names whose value a method or an assignment to an element may change."""
    calls = (node.func for node in ast.walk(statement) if isinstance(node, ast.Call))
    owners = (
        [function.value for function in calls if isinstance(function, ast.Attribute)]
        if (not isinstance(statement, ast.Assign | ast.AnnAssign | ast.FunctionDef))
        else []
    )
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return loaded([*(owner for owner in owners if isinstance(owner, ast.Name)), *targets])


def _alone(file: SetupFile, statement: ast.stmt) -> bool:
    """Whether nothing else stands on the statement's lines."""
    first, last = _lines(statement)
    return all(_lines(s)[1] < first or _lines(s)[0] > last for s in file.tree.body if s is not statement)


def _lines(statement: ast.stmt) -> tuple[int, int]:
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)]), statement.end_lineno or statement.lineno


def _aside(statement: ast.stmt) -> str | None:
    """The line of a call that does more than give a value, and what it does."""
    git = re.search(r"\b(git|hg)\b", ast.unparse(statement))
    for node in (node for node in ast.walk(statement) if isinstance(node, ast.Call)):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        modes = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
        texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
        if name in _WRITES or (name == "open" and any(set(text) & set("wax+") for text in texts)):
            return f"{node.lineno} writes a file"
        if name in _RUNS and not git and ast.unparse(node.func) != "platform.system":
            return f"{node.lineno} runs a program"
    return None


def _does_something(file: SetupFile, statement: ast.stmt) -> bool:
    """Whether setup.py is needed for this statement: not for imports of what Python has, a docstring, or the call."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        names = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else [a.name for a in statement.names]
        return any(name.partition(".")[0] not in _NO_STEP for name in names)
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant) and statement.value is not file.call
    if is_main(statement):
        return any(_does_something(file, inner) for inner in statement.body)  # type: ignore[attr-defined]
    return not isinstance(statement, ast.Pass)


def _arguments(file: SetupFile, going: Sequence[ast.keyword]) -> Iterator[Cut]:
    """Each argument that goes, with the comma and the line that are its own."""
    text = file.source.text
    _, end = python.offsets(file.source, file.call)
    _, opening = python.offsets(file.source, file.call.func)
    if all(keyword in going for keyword in file.call.keywords):
        yield Cut(text.index("(", opening) + 1, end - 1)
        return
    spans = [python.offsets(file.source, cast(ast.expr, keyword)) for keyword in file.call.keywords]
    edges = [_line_start(text, start) for start in (*(start for start, _ in spans), end - 1)]
    last = max(number for number, keyword in enumerate(file.call.keywords) if keyword not in going)
    below = "\n" in text[spans[-1][1] : end]  # where the bracket closes on a line of its own, so do the arguments
    for number, keyword in enumerate(file.call.keywords):
        if keyword in going and (number < last or below):
            yield Cut(edges[number], edges[number + 1])
    if not below and last + 1 < len(spans):
        yield Cut(spans[last][1], end - 1)


def _line_start(text: str, at: int) -> int:
    """The start of the line where only blanks come before `at`, else `at`."""
    start = text.rfind("\n", 0, at) + 1
    return start if not text[start:at].strip() else at


def _cuts(file: SetupFile, statements: Iterable[ast.stmt], around: bool) -> Iterator[Cut]:
    """The lines of each statement; those `around` it are the comment right above and the empty lines below."""
    lines = [match[0] for match in _LINE.finditer(file.source.text)]
    ends = [0, *accumulate(map(len, lines))]
    for statement in statements:
        first, last = _lines(statement)
        above = first
        while around and above > 1 and lines[above - 2].startswith("#"):
            above -= 1
        while around and last < len(lines) and not lines[last].strip():
            last += 1
        yield Cut(ends[(first if above == 1 else above) - 1], ends[last])


_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_Imports = dict[ast.stmt, ast.stmt | None]


def _imports(
    file: SetupFile, goes: Sequence[ast.AST], stays: Sequence[ast.AST]
) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    """Imports without what only `goes` had a use for; `setup` comes from setuptools, which knows pyproject.toml."""
    had = loaded(goes)
    still = loaded([*(node for node in stays if not _holds(node, file.call)), file.call.func])
    for statement in file.tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom) and _alone(file, statement):
            names = [alias for alias in statement.names if _name(alias) in still or _name(alias) not in had]
            new = _renamed(statement, names) if names else None
            if new is None or ast.dump(new) != ast.dump(statement):
                yield statement, new


def _holds(node: ast.AST, call: ast.Call) -> bool:
    return any(inner is call for inner in ast.walk(node))


def _changes(file: SetupFile, imports: _Imports) -> Iterator[Cut]:
    for statement, new in imports.items():
        if new is None:
            yield from _cuts(file, [statement], False)
        else:
            yield Cut(*python.offsets(file.source, cast(ast.expr, statement)), ast.unparse(new))


def _name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _renamed(statement: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.Import | ast.ImportFrom:
    if isinstance(statement, ast.Import):
        return ast.Import(names)
    module = "setuptools" if statement.module == "distutils.core" else statement.module
    return ast.ImportFrom(module, names, statement.level)
