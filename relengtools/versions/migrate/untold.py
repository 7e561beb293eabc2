"""What of setup.py can't be told by reading: the expression, where it is, and why, in words for who wrote it."""

import ast
import re

from relengtools.versions.locate import python
from relengtools.versions.migrate.setup_file import SetupFile, bound, concerning, loaded

_RAISED = re.compile(r"evaluating it raises (?P<kind>\w+)(?: \(['\"]?(?P<about>[^)]*?)['\"]?\))?")
_SHOWN = 70
_FINDS_NO = ("KeyError", "NameError", "UnboundLocalError", "AttributeError")
_WORDS = {
    "FileNotFoundError": "it reads a file that isn't there",
    "ModuleNotFoundError": "it imports a module that isn't there",
    "ImportError": "it imports something that isn't there",
    "SystemExit": "it ends the program",
}


def argument(file: SetupFile, name: str, node: ast.expr, reason: str) -> str:
    """Why an argument of `setup()` can't be told."""
    return f"{name} (line {node.lineno}): {plainly(reason, file, node)}"


def plainly(reason: str, file: SetupFile, node: ast.expr) -> str:
    """The reason with the expression that it is about: the argument, or what is assigned to the name that it is."""
    name = node.id if isinstance(node, ast.Name) else None
    assigned = python.constant(file.tree.body, name)[0] if name else None
    makers = [s.lineno for s in concerning(file, [node]) if name in loaded([s]) | bound(s)] if name else []
    code = _code(assigned if assigned and len(makers) == 1 else node)
    lines = f"{'line' if len(makers) == 1 else 'lines'} {', '.join(map(str, makers))}"
    where = f" ({lines})" if makers else ""
    return f"{_RAISED.sub(lambda match: _plain(match, code), reason)}: `{code}`{where}"


def spread(file: SetupFile) -> str | None:
    """Why the arguments can't be told that setup() is given by `**`; None where they can."""
    for keyword in file.call.keywords:
        if file.given(keyword) is None:
            code = _code(keyword.value)
            where = f"{file.source.file}:{keyword.value.lineno}"
            return f"{where}: setup() is given `**{code}`, of a dictionary that isn't written out in one place"
    return None


def _code(node: ast.expr) -> str:
    code = " ".join(ast.unparse(node).split())
    return code if len(code) <= _SHOWN else f"{code[:_SHOWN]}…"


def _plain(match: re.Match[str], code: str) -> str:
    kind, about = match["kind"], match["about"]
    if about and kind == "KeyError" and re.search(rf"\benviron\[['\"]{re.escape(about)}['\"]\]", code):
        return f"it needs the environment variable {about}, which nobody has set while it is only read"
    if about and kind in _FINDS_NO:
        return f"read without being run, it finds no {about!r} ({kind})"
    return _WORDS.get(kind) or f"read without being run, it fails ({kind})"
