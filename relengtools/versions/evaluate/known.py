"""Functions from outside the tree that version expressions call, each as far as it is safe: nothing is ever run."""

import ast
import builtins
import posixpath
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from relengtools.versions.evaluate import methods, parsers
from relengtools.versions.evaluate.methods import LARGEST
from relengtools.versions.evaluate.parsers import Parser, Tree
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    SPOILT,
    Class,
    File,
    Instance,
    Match,
    Names,
    Opaque,
    RaisedError,
    Text,
    TooMuchError,
    Unknown,
    Value,
    is_known,
    spoil,
)

_PATTERN_S = 1.0
"""How long one regular expression of the tree's may take: it can be made to take for ever."""


Known = Callable[[Run, list[Value], dict[str, Value]], Value]

# Who computes the version where one of these is called or asked.
PROVIDERS = {
    "versioneer": "versioneer",
    "setuptools_scm": "setuptools-scm",
    "vcs_versioning": "setuptools-scm",
    "dunamai": "dunamai",
    "versioningit": "versioningit",
    "setuptools_git_versioning": "setuptools-git-versioning",
    "incremental": "incremental",
    "pbr": "pbr",
    "miniver": "miniver",
    "katversion": "katversion",
    "git_versioner": "git-versioner",
    "hgtools": "hgtools",
    "vcversioner": "vcversioner",
    "setupmeta": "setupmeta",
}
_PROGRAMS = ("subprocess.", "os.popen", "os.system", "commands.", "sh.", "plumbum.", "git.", "distutils.spawn.")
_METADATA = ("importlib.metadata.", "importlib_metadata.", "pkg_resources.")


def call(run: Run, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """The result of calling what is known as `name` outside the tree."""
    name = name.removeprefix("builtins.")
    known = FUNCTIONS.get(name)
    if known is None:
        unknown = Unknown(*_stranger(name, [*arguments, *keywords.values()]))
        for given in (*arguments, *keywords.values()):
            spoil(given)
        return unknown
    if name not in _TAKES_UNKNOWN:
        given = next((value for value in (*arguments, *keywords.values()) if isinstance(value, Unknown)), None)
        if given is not None:
            return given
    try:
        return known(run, arguments, keywords)
    except (RaisedError, TooMuchError):
        raise
    except Exception as error:  # whatever Python itself raises for plain values, the code would raise too
        if not is_known([*arguments, *keywords.values()]):
            return Unknown(f"{name}() is given something computed")
        raise RaisedError(type(error).__name__, str(error)[:80]) from error


def _stranger(name: str, given: list[Value]) -> tuple[str, str | None]:
    """Why the result of a function from outside isn't known, and the program that would compute it."""
    top = name.partition(".")[0]
    if top in PROVIDERS:
        return f"{name}() computes it", PROVIDERS[top]
    words = [word for value in given for word in (value if isinstance(value, list) else [value])]
    said = " ".join(str(word) for word in words if isinstance(word, str))
    if name.startswith(_PROGRAMS):
        described = "git" in said and ("describe" in said or "rev-" in said or "log" in said)
        return f"{name}() runs {'git' if described else 'a program'}", "git-describe" if described else None
    if name.startswith(_METADATA):
        return "it is read from the installed metadata", "importlib.metadata"
    return f"what {name}() gives isn't known without running it", None


def constant(name: str) -> Value:
    """A constant from outside the tree, else something opaque of this name."""
    return CONSTANTS.get(name, Opaque(name))


def _simple(function: Callable[..., Any]) -> Known:
    """A function of plain values: anything that isn't plain gives Unknown."""

    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if not all(is_known(value) for value in (*arguments, *keywords.values())):
            return Unknown("it is given something computed")
        return function(*arguments, **keywords)

    return known


def _str(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    value = arguments[0] if arguments else ""
    if isinstance(value, str):
        return value
    value = run.text(value)
    if isinstance(value, Instance | str):
        return value
    return str(value) if is_known(value) else Unknown("str() of something computed")


def _items(value: Value) -> list[Value]:
    """What a loop over `value` gives; raises RaisedError, TooMuchError."""
    if isinstance(value, File):
        return list(methods.call(value, "__iter__", [], {}))
    if isinstance(value, Text):
        return [value[at] for at in range(len(value))]
    items = list(value)
    if len(items) > LARGEST:
        raise TooMuchError
    return items


def _map(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    function, *rows = arguments
    return [run.apply(function, list(row), {}) for row in zip(*map(_items, rows), strict=False)]


def _filter(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    function, row = arguments
    kept = []
    for item in _items(row):
        true = item if function is None else run.apply(function, [item], {})
        if isinstance(true, Unknown):
            return true
        kept += [item] if true else []
    return kept


def _next(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    row = arguments[0]
    if isinstance(row, File):
        line = methods.call(row, "readline", [], {})
        if line:
            return line
    elif isinstance(row, list) and row:
        return row.pop(0)
    if len(arguments) > 1:
        return arguments[1]
    raise RaisedError("StopIteration")


def _sorted(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if keywords.keys() - {"reverse"}:
        return Unknown("sorted() by a key")
    return sorted(_items(arguments[0]), **keywords)


def _len(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    row = arguments[0]
    vague = isinstance(row, list | dict) and (SPOILT in row or any(isinstance(item, Unknown) for item in row))
    return Unknown("the length of something computed") if vague else len(row)


def _range(*arguments: int) -> list[int]:
    numbers = range(*arguments)
    if len(numbers) > 10_000:
        raise TooMuchError
    return list(numbers)


_TYPES = {
    "str": str,
    "bytes": str,
    "int": int,
    "float": float,
    "bool": bool,
    "tuple": tuple,
    "list": list,
    "dict": dict,
}


def _isinstance(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    value, kinds = arguments
    if isinstance(value, Tree):
        return parsers.is_node(value, kinds if isinstance(kinds, tuple) else (kinds,))
    names = [
        kind.name.removeprefix("builtins.")
        for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
        if isinstance(kind, Opaque)
    ]
    types = [_TYPES.get(name) for name in names]
    if None in types or not is_known(value):
        return Unknown("isinstance() of something computed")
    return isinstance(value, tuple(kind for kind in types if kind))


def _getattr(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    try:
        return run.get(arguments[0], arguments[1])
    except RaisedError:
        if len(arguments) > 2:
            return arguments[2]
        raise


def _hasattr(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    try:
        found = run.get(arguments[0], arguments[1])
    except RaisedError:
        return False
    return found if isinstance(found, Unknown) else True


# ------------------------------------------------------------------------------------------------ files


def _open(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    name = keywords.get("file", keywords.get("filename", arguments[0] if arguments else None))
    mode = keywords.get("mode", arguments[1] if len(arguments) > 1 else "r")
    if not isinstance(name, str | Path) or not isinstance(mode, str) or set(mode) & set("wax+"):
        return Unknown("a file that can't be told, or that is written to")
    text = run.read(name)
    return text if isinstance(text, Unknown) else File(text, Path(name))


def _read_text(run: Run, path: Value) -> Value:
    return run.read(path) if isinstance(path, str | Path) else Unknown("a file that can't be told")


def _exists(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return run.exists(arguments[0]) if isinstance(arguments[0], str | Path) else Unknown("a path that can't be told")


def _absolute(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return posixpath.normpath(posixpath.join(str(run.root), str(arguments[0])))


def _literal_eval(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    text = arguments[0]
    if not isinstance(text, str):
        return Unknown("ast.literal_eval() of something computed")
    stripped = methods.call(text, "strip", [" \t"], {})
    value = ast.literal_eval(str(stripped))
    inner = stripped[1:-1]
    return inner if isinstance(value, str) and str(inner) == value else value


# ------------------------------------------------------------------------------------------------ regular expressions


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise TooMuchError after a while; `re` looks for signals while it matches. Elsewhere than in the main thread of
    a POSIX system nothing bounds it.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooMuchError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, _PATTERN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def search(pattern: str, text: str, flags: int = 0, how: str = "search") -> Match | None:
    """`re.search` and its like, bounded in time, with the places kept; raises RaisedError and TooMuchError."""
    with _bounded():
        try:
            found = getattr(re.compile(pattern, flags), how)(str(text))
        except (re.error, OverflowError, RecursionError, MemoryError):
            raise RaisedError("error") from None
    return None if found is None else _match(text, found)


def _match(text: str, found: "re.Match[str]") -> Match:
    return Match(text, tuple(found.span(n) for n in range(len(found.groups()) + 1)), dict(found.re.groupindex))


def _re(how: str) -> Known:
    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        given = dict(zip(("pattern", "string", "flags"), arguments, strict=False)) | keywords
        pattern, text, flags = given.get("pattern"), given.get("string"), given.get("flags", 0)
        if isinstance(pattern, Instance):
            pattern, flags = pattern.arguments
        if not isinstance(pattern, str) or not isinstance(text, str) or not isinstance(flags, int):
            return Unknown(f"re.{how}() of something computed")
        if how in ("findall", "finditer"):
            return _findall(pattern, text, flags, how)
        return search(pattern, text, flags, how)

    return known


def _findall(pattern: str, text: str, flags: int, how: str) -> Value:
    with _bounded():
        matches = [_match(text, found) for found in re.finditer(str(pattern), str(text), flags)]
    if how == "finditer":
        return matches
    rows = [tuple("" if part is None else part for part in map(m.group, range(1, len(m.spans)))) for m in matches]
    if matches and len(matches[0].spans) == 1:
        return [m.group() for m in matches]
    return [row[0] if len(row) == 1 else row for row in rows]


def _sub(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    pattern, new, text, *rest = arguments
    if isinstance(pattern, Instance):
        pattern = pattern.arguments[0]
    if not (isinstance(pattern, str) and isinstance(new, str) and isinstance(text, str)) or rest or keywords:
        return Unknown("re.sub() of something computed")
    if (len(text) + 1) * max(1, len(new)) > LARGEST:
        raise TooMuchError
    with _bounded():
        changed = re.sub(pattern, new, str(text))
    return text if changed == text else changed


def _re_split(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    pattern, text, *rest = arguments
    if isinstance(pattern, Instance):
        pattern = pattern.arguments[0]
    with _bounded():
        pieces = re.split(pattern, str(text), maxsplit=rest[0] if rest else 0)
    return text.pieces(pieces) if isinstance(text, Text) and None not in pieces else pieces


def _compile_re(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    flags = keywords.get("flags", arguments[1] if len(arguments) > 1 else 0)
    return Instance("re.Pattern", (arguments[0], flags), {})


# ------------------------------------------------------------------------------------------------ modules


def _load(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A module by name and path: `spec_from_file_location`, `SourceFileLoader`, `imp.load_source`."""
    given = dict(zip(("name", "path"), arguments, strict=False)) | keywords
    path: Value = given.get("path", given.get("location"))
    if not isinstance(path, str | Path):
        return Unknown("a module that can't be told")
    return run.module_at(path, str(given.get("name", given.get("fullname", ""))))


def _import(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return run.import_(arguments[0]) if isinstance(arguments[0], str) else Unknown("a module that can't be told")


def _dunder_import(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    module = _import(run, arguments, keywords)
    named = len(arguments) > 3 and arguments[3]
    if named or "." not in arguments[0] or keywords.get("fromlist"):
        return module
    return run.import_(arguments[0].partition(".")[0])


def _run_path(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    names: dict[str, Value] = {}
    text = run.read(arguments[0])
    failed = text if isinstance(text, Unknown) else run.execute(text, names)
    return failed if isinstance(failed, Unknown) else names


def _exec(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    text, *spaces = arguments
    names = next((space for space in reversed(spaces) if isinstance(space, dict | Names)), None)
    return run.execute(text.text if isinstance(text, File) else text, names)


def _eval(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return _literal_eval(run, arguments[:1], {})


def _execfile(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return _exec(run, [run.read(arguments[0]), *arguments[1:]], {})


def _exit(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    raise RaisedError("SystemExit")


def _first(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return arguments[0] if arguments else keywords.get("source", Unknown("nothing"))


def _nothing(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return None


def _environ(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A build in clean surroundings has none of the variables that packagers set."""
    return keywords.get("default", arguments[1] if len(arguments) > 1 else None)


def _instance(kind: str) -> Known:
    return lambda run, arguments, keywords: Instance(kind, tuple(arguments), dict(keywords))


def _container(kind: type) -> Known:
    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if kind is dict:
            return dict(*arguments, **keywords)
        return kind(_items(arguments[0])) if arguments else kind()

    return known


_CONFIG_PARSERS = ("ConfigParser", "RawConfigParser", "SafeConfigParser")


def _toml(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return parsers.toml(arguments[0])


def _parser(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return Parser()


def _find_module(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    folders = arguments[1] if len(arguments) > 1 else [str(run.root)]
    for folder in folders if isinstance(folders, list) else []:
        for file in (f"{folder}/{arguments[0]}/__init__.py", f"{folder}/{arguments[0]}.py"):
            if run.exists(file) is True:
                return (None, file, None)
    raise RaisedError("ImportError")


def _load_module(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return _load(run, [arguments[0], arguments[2]], {})


_VERSIONS = ("StrictVersion", "LooseVersion", "Version", "parse")


def _namedtuple(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    names = arguments[1]
    fields = str(names).replace(",", " ").split() if isinstance(names, str) else [str(name) for name in names]
    return Class(str(arguments[0]), {}, tuple(fields))


_TAKES_UNKNOWN = {
    "print",
    "dict",
    "list",
    "tuple",
    "isinstance",
    "exec",
    "map",
    "os.getenv",
    "vars",
    "locals",
    "globals",
}

FUNCTIONS: Mapping[str, Known] = {
    **{name: _container(getattr(builtins, name)) for name in ("tuple", "list", "dict", "set", "frozenset")},
    **{name: _simple(getattr(builtins, name)) for name in ("int", "float", "bool", "repr", "min", "max", "sum")},
    **{name: _simple(getattr(builtins, name)) for name in ("any", "all", "ord", "chr", "abs", "round")},
    "len": _len,
    "range": _simple(_range),
    "zip": _simple(lambda *rows: list(zip(*map(_items, rows), strict=False))),
    "enumerate": _simple(lambda row, start=0: list(enumerate(_items(row), start))),
    "reversed": _simple(lambda row: _items(row)[::-1]),
    "iter": _first,
    "str": _str,
    "unicode": _str,
    "bytes": _str,
    "map": _map,
    "filter": _filter,
    "next": _next,
    "sorted": _sorted,
    "isinstance": _isinstance,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "print": _nothing,
    "open": _open,
    "io.open": _open,
    "codecs.open": _open,
    "tokenize.open": _open,
    "exec": _exec,
    "eval": _eval,
    "execfile": _execfile,
    "compile": _first,
    "__import__": _dunder_import,
    "exit": _exit,
    "quit": _exit,
    "sys.exit": _exit,
    "os.path.join": _simple(methods.join),
    "os.path.dirname": _simple(posixpath.dirname),
    "os.path.basename": _simple(posixpath.basename),
    "os.path.normpath": _simple(posixpath.normpath),
    "os.path.split": _simple(posixpath.split),
    "os.path.splitext": _simple(posixpath.splitext),
    "os.path.isabs": _simple(posixpath.isabs),
    "os.path.abspath": _absolute,
    "os.path.realpath": _absolute,
    "os.path.expanduser": _first,
    "os.path.exists": _exists,
    "os.path.isfile": _exists,
    "os.path.isdir": _exists,
    "os.path.lexists": _exists,
    "os.fspath": _first,
    "os.getcwd": lambda run, arguments, keywords: str(run.root),
    "os.chdir": _nothing,
    "os.getenv": _environ,
    "os.environ.get": _environ,
    "distutils.util.convert_path": _first,
    "setuptools.convert_path": _first,
    "pathlib.Path": _simple(lambda *parts: Path(*map(str, parts))),
    "pathlib.PurePath": _simple(lambda *parts: Path(*map(str, parts))),
    "pathlib.Path.cwd": lambda run, arguments, keywords: run.root,
    "re.compile": _compile_re,
    **{f"re.{how}": _re(how) for how in ("search", "match", "fullmatch", "findall", "finditer")},
    "re.sub": _sub,
    "re.split": _re_split,
    "re.escape": _simple(re.escape),
    "ast.literal_eval": _literal_eval,
    "ast.parse": lambda run, arguments, keywords: parsers.tree(arguments[0]),
    "ast.walk": lambda run, arguments, keywords: parsers.walk(arguments[0]),
    "ast.iter_child_nodes": lambda run, arguments, keywords: parsers.children(arguments[0]),
    "json.load": lambda run, arguments, keywords: parsers.json(arguments[0]),
    "json.loads": lambda run, arguments, keywords: parsers.json(arguments[0]),
    **{f"{module}.{name}": _toml for module in ("tomllib", "tomli", "toml", "pytoml") for name in ("load", "loads")},
    **{f"{module}.{name}": _parser for module in ("configparser", "ConfigParser") for name in _CONFIG_PARSERS},
    "importlib.import_module": _import,
    "importlib.util.spec_from_file_location": _load,
    "importlib.util.module_from_spec": _first,
    "importlib.machinery.SourceFileLoader": _load,
    "imp.load_source": _load,
    "imp.find_module": _find_module,
    "imp.load_module": _load_module,
    "os.path.relpath": lambda run, arguments, keywords: arguments[0] if len(arguments) == 1 else Unknown("a path"),
    "runpy.run_path": _run_path,
    "collections.OrderedDict": _container(dict),
    "collections.defaultdict": lambda run, arguments, keywords: {},
    "textwrap.dedent": _first,
    **{
        f"{module}.version.{name}": _first
        for module in ("distutils", "packaging", "setuptools._distutils")
        for name in _VERSIONS
    },
    "pkg_resources.parse_version": _first,
    "setuptools.sic": _first,
    "collections.namedtuple": _namedtuple,
    "incremental.Version": _instance("incremental.Version"),
    "types.SimpleNamespace": _instance("types.SimpleNamespace"),
    "argparse.Namespace": _instance("types.SimpleNamespace"),
}

CONSTANTS: Mapping[str, Value] = {
    "os.sep": "/",
    "os.path.sep": "/",
    "os.linesep": "\n",
    "os.pardir": "..",
    "os.curdir": ".",
    "re.M": re.M,
    "re.MULTILINE": re.M,
    "re.S": re.S,
    "re.DOTALL": re.S,
    "re.I": re.I,
    "re.IGNORECASE": re.I,
    "re.X": re.X,
    "re.VERBOSE": re.X,
    "re.U": re.U,
    "re.UNICODE": re.U,
    "re.A": re.A,
    "typing.TYPE_CHECKING": False,
    "builtins.__debug__": True,
    "sys.version_info": (3, 12, 0, "final", 0),
    "sys.version_info.major": 3,
    "sys.version_info.minor": 12,
    "sys.maxsize": 2**63 - 1,
}
