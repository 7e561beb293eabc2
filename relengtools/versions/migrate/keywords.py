"""The arguments of `setup()` as plain values, read and never run."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from relengtools.versions.discover import Place
from relengtools.versions.evaluate.interpreter import Interpreter
from relengtools.versions.evaluate.modules import PATIENT
from relengtools.versions.evaluate.values import Text, Unknown
from relengtools.versions.files import Files
from relengtools.versions.locate import python, setup_py
from relengtools.versions.locate.source import Source
from relengtools.versions.migrate import setup_file
from relengtools.versions.migrate import untold as untold_of
from relengtools.versions.migrate.setup_file import SetupFile

# What the interpreter knows only for a build in clean surroundings with one version of Python.
_SURROUNDINGS = {"environ", "environb", "getenv", "version_info", "hexversion", "maxsize"}
_INEXACT = {"dedent", "expanduser", "defaultdict"}
_OPENS = ("open", "read_text", "read_bytes")
_FINDERS = {"find_packages": False, "find_namespace_packages": True}
# [f[4:] for f in glob.glob("pkg/static/**", recursive=True)]
_OWN_FILES = re.compile(
    r"\[\s*(?P<name>\w+)\[(?P<cut>\d+):\]\s+for\s+(?P=name)\s+in\s+(?:glob\.)?glob\(\s*"
    r"(?P<quote>['\"])(?P<pattern>[^'\"\n]+)(?P=quote)\s*(?:,\s*recursive\s*=\s*True\s*)?\)\s*\]"
)


class Found(NamedTuple):
    """Packages that setuptools looks for: the arguments of `find_packages()`."""

    namespaces: bool
    where: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]


class TextOf(NamedTuple):
    """A text, and the file of the tree that it is the whole of."""

    text: str
    file: str


class Keywords(NamedTuple):
    """`values` are plain ones, Found or TextOf; `untold` says of each of the others why it can't be read.

    `licence` is what the licence files say, `files` those out of which setup.py makes a value, by keyword.
    """

    values: Mapping[str, Any]
    untold: Mapping[str, str]
    licence: str = ""
    files: Mapping[str, str] = {}


class _Reader(Interpreter):
    """Keeps all arguments of `setup()` as they are when it is called: what it does to them isn't known."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.root, place.tree, Files(place).quiet)
        self.part, self.whole = PATIENT, True

    def seen(self, *given: Any, **named: Any) -> None:
        before = len(self.setups)
        super().seen(*given, **named)
        self.setups[before:] = [replace(call, keywords=_copy(call.keywords)) for call in self.setups[before:]]


def _copy(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if type(value) is list else value


def read(file: SetupFile, place: Place) -> Keywords:
    """The arguments of `setup()`, but for `version`; raises UnreadableError."""
    source = _globs_as_patterns(file.source)
    run = _Reader(place)
    setup_py.locate(source, run)
    given = run.setups[0].keywords if len(run.setups) == 1 else {}
    values, untold, files = {}, {}, {}
    spread = [file.given(keyword) for keyword in file.call.keywords]
    if (why := untold_of.spread(file)) is not None:
        return Keywords({}, {"**": why})
    for name, node in ((name, node) for arguments in spread if arguments for name, node in arguments.items()):
        if name == "version":
            continue
        value = given.get(name, Unknown("the call of setup() can't be reached by reading"))
        told = _told(file, place, node, value)
        if isinstance(told, Unknown):
            untold[name] = untold_of.argument(file, name, node, told.reason)
            continue
        values[name] = told.text if isinstance(told, TextOf) and name != "long_description" else told
        if not isinstance(values[name], TextOf | Found) and (read := _files(file, node, place)):
            files[name] = read
    return Keywords(values, untold, _licence(place), files)


def _files(file: SetupFile, node: ast.expr, place: Place) -> str:
    """What setup.py opens on the way to a value, by the names beside the value; empty for nothing."""
    about = setup_file.concerning(file, [node])
    calls = (part for one in (node, *about) for part in ast.walk(one) if isinstance(part, ast.Call))
    if not any(_called(call) in _OPENS for call in calls):
        return ""
    beside = [one for one in about if setup_file.bound(one) & setup_file.loaded([node]) and isinstance(one, ast.Assign)]
    texts = [part.value for one in (node, *beside) for part in ast.walk(one) if isinstance(part, ast.Constant)]
    names = dict.fromkeys(text for text in texts if isinstance(text, str) and re.fullmatch(r"[\w./-]+", text))
    return ", ".join(name for name in names if (place.root / name).is_file()) or "a file"


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _licence(place: Place) -> str:
    paths = sorted(path for path in place.root.iterdir() if re.match(r"LICEN[CS]E|COPYING", path.name))
    sources = (Files(place).source(path.name) for path in paths if path.is_file())
    return "\n".join(source.text for source in sources if source)


def _told(file: SetupFile, place: Place, node: ast.expr, value: Any) -> Any:
    found = _finder(file, node)
    if found is not None:
        return found
    if isinstance(value, Unknown):
        return value
    reason = _in_surroundings(file, node)
    if reason is not None:
        return Unknown(reason)
    if isinstance(value, Text) and (whole := _whole_file(value, place)):
        return whole
    return _plain(value)


def _plain(value: Any) -> Any:
    """The value in types of Python's own, Unknown where something in it isn't plain."""
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if type(value) in (list, tuple, set, frozenset):
        items = [_plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
        return next((item for item in items if isinstance(item, Unknown)), items)
    if type(value) is dict:
        if not all(isinstance(key, str) for key in value):
            return Unknown("a dictionary whose keys aren't all texts")
        pairs = {str(key): _plain(item) for key, item in value.items()}
        return next((item for item in pairs.values() if isinstance(item, Unknown)), pairs)
    return value if isinstance(value, Unknown) else Unknown("it is something computed")


def _whole_file(value: Text, place: Place) -> TextOf | None:
    path, text = value.document.source.path, value.document.text
    if path.name == "setup.py" or str(value).strip() != text.strip() or not path.is_relative_to(place.root):
        return None
    return TextOf(str(value), path.relative_to(place.root).as_posix())


def _in_surroundings(file: SetupFile, node: ast.expr) -> str | None:
    """Why a value may be another one elsewhere."""
    for statement in [node, *setup_file.concerning(file, [node])]:
        for part in ast.walk(statement):
            name = part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", None)
            if name in _SURROUNDINGS:
                return f"it depends on {name} (line {file.line(part)})"
            if name in _INEXACT:
                return f"{name}() isn't followed exactly (line {file.line(part)})"
    return None


def _finder(file: SetupFile, node: ast.expr) -> Found | None:
    """The arguments of `find_packages()`, directly or through a name that is surely it."""
    if isinstance(node, ast.Name):
        assigned, _ = python.constant(file.tree.body, node.id)
        mutated = [s for s in setup_file.concerning(file, [node]) if isinstance(s, ast.Expr | ast.AugAssign)]
        return None if assigned is None or isinstance(assigned, ast.Name) or mutated else _finder(file, assigned)
    name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    if not isinstance(node, ast.Call) or name not in _FINDERS:
        return None
    try:
        return Found(_FINDERS[name], **dict(_arguments(node)))
    except ValueError:
        return None


def _arguments(node: ast.Call) -> Iterator[tuple[str, Any]]:
    """`where`, `exclude` and `include` of a call; raises ValueError for what isn't written out."""
    given = dict(zip(("where", "exclude", "include"), node.args, strict=False))
    given |= {keyword.arg or "": keyword.value for keyword in node.keywords}
    if set(given) - {"where", "exclude", "include"} or len(node.args) > 3:
        raise ValueError
    where = ast.literal_eval(given["where"]) if "where" in given else "."
    yield "where", str(where).rstrip("/") or "."
    for name, usual in (("include", ("*",)), ("exclude", ())):
        value: Sequence[str] = ast.literal_eval(given[name]) if name in given else usual
        yield name, tuple(value)


def _globs_as_patterns(source: Source) -> Source:
    """A package's own files, globbed and cut at the package's name, are what the pattern in `package_data` says.

    setuptools expands `**` there since 62.3, and at the time of the build, when what `make` writes exists.
    """

    def pattern(match: re.Match[str]) -> str:
        cut, text = int(match["cut"]), match["pattern"]
        deep = "**" not in text or "recursive" in match[0]
        if text[cut - 1 : cut] != "/" or not deep or not re.fullmatch(r"[\w/]+", text[:cut]):
            return match[0]
        return f"[{text[cut:]!r}]"

    return source._replace(text=_OWN_FILES.sub(pattern, source.text))
