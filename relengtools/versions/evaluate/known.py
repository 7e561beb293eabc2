"""What is known of the world outside the tree: safe functions, constants, and programs that compute versions."""

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from relengtools.versions.evaluate import filesystem, functions, loading, methods, parsers, regex, versioneer
from relengtools.versions.evaluate.functions import Known, first, simple
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    Class,
    Function,
    Instance,
    Method,
    Object,
    Opaque,
    RaisedError,
    TooMuchError,
    Unknown,
    UntoldError,
    Value,
    is_fixed,
    is_known,
    raised,
    untold,
)

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
# Modules whose functions change nothing of what they are given, unless it is code.
_HARMLESS = {"os", "sys", "platform", "warnings", "logging", "subprocess", "time", "datetime", "sysconfig", "shutil"}
_HARMLESS |= {"glob", "fnmatch", "tempfile", "string", "math", "hashlib", "zipfile", "tarfile", "urllib", "struct"}
_HARMLESS |= {"locale", "uuid", "getpass", "socket", "hash", "id", "hex", "oct", "format", "divmod", "pow", "callable"}
_ACTIVE = (Unknown, Object, Class, Function, Method)
_PROGRAMS = ("subprocess.", "os.popen", "os.system", "commands.", "sh.", "plumbum.", "git.", "distutils.spawn.")
_METADATA = ("importlib.metadata.", "importlib_metadata.", "pkg_resources.")


def call(run: Run, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """The result of calling what is known as `name` outside the tree; raises RaisedError, TooMuchError."""
    name = name.removeprefix("builtins.")
    given = (*arguments, *keywords.values())
    known = FUNCTIONS.get(name)
    if known is None or ("**" in keywords and (name != "dict" or arguments)):
        unknown = _stranger(name, given)
        if name.partition(".")[0] not in _HARMLESS or any(
            isinstance(value, _ACTIVE) and not is_fixed(value) for value in given
        ):
            run.hand_over(*given)
        return unknown
    try:
        found = known(run, arguments, keywords)
        return found if any(found is value for value in given) else run.heap.fresh(found)
    except (RaisedError, TooMuchError):
        raise
    except UntoldError as error:
        run.disturb(*given)
        return next((value for value in given if isinstance(value, Unknown)), error.unknown)
    except Exception as error:
        if is_known(list(given)):
            raise raised(error) from error
        run.disturb(*given)
        return Unknown(f"{name}() is given something computed")


def _stranger(name: str, given: tuple[Value, ...]) -> Unknown:
    """Why the result of a function from outside isn't known, and the program that would compute it."""
    top = name.partition(".")[0]
    if top in PROVIDERS:
        return Unknown(f"{name}() computes it", PROVIDERS[top], given)
    words = [word for value in given for word in (value if isinstance(value, list | tuple) else [value])]
    said = " ".join(word for word in words if isinstance(word, str))
    if name.startswith(_PROGRAMS):
        described = "git" in said and ("describe" in said or "rev-" in said or "log" in said)
        return Unknown(
            f"{name}() runs {'git' if described else 'a program'}", "git-describe" if described else None, given
        )
    if name.startswith(_METADATA):
        return Unknown("it is read from the installed metadata", "importlib.metadata", given)
    return Unknown(f"what {name}() gives isn't known without running it", None, given)


def constant(name: str) -> Value:
    """A constant from outside the tree, else something opaque of this name."""
    return CONSTANTS.get(name, Opaque(name))


def _environ(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return methods.call(run, run.environ, "get", [*arguments, *keywords.values()], {})


def _instance(kind: str) -> Known:
    return lambda run, arguments, keywords: Instance(kind, tuple(arguments), dict(keywords))


def _namespace(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if arguments:
        raise untold("a namespace of something computed")
    made = Object(Class("SimpleNamespace", {}))
    made.names.update(keywords)
    return made


def _json(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 1 or keywords.keys() - {"encoding"}:
        raise untold("json with hooks")
    return parsers.json(parsers.content(run, arguments[0]))


def _toml(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 1 or keywords:
        raise untold("toml with hooks")
    return parsers.toml(parsers.content(run, arguments[0]))


def _toml_file(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`toml.load`, which takes a name too."""
    named = len(arguments) == 1 and isinstance(arguments[0], str)
    return _toml(run, [run.read(arguments[0])] if named else arguments, keywords)


def _parser(kind: str) -> Known:
    def known(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        return Unknown("a ConfigParser with defaults") if arguments else parsers.parser(kind, keywords)

    return known


def _compile_re(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    flags = keywords.get("flags", arguments[1] if len(arguments) > 1 else 0)
    return Instance("re.Pattern", (arguments[0], flags), {})


def _re(how: str) -> Known:
    return lambda run, arguments, keywords: regex.called(run, how, arguments, keywords)


def _strict(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A version object of distutils, which leaves out a last number that is 0."""
    parts = arguments[0] if len(arguments) == 1 else None
    found = (
        re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?", parts, re.ASCII) if isinstance(parts, str) else None
    )
    if parts is None or found is None:
        raise untold("a version object")
    numbers = [int(found[1]), int(found[2]), *([int(found[3])] if found[3] and int(found[3]) else [])]
    text = ".".join(map(str, numbers)) + (f"{found[4]}{int(found[5])}" if found[4] else "")
    return Instance("version", (parts if text == parts else text,), {})


def _namedtuple(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 2 or keywords or not is_known(arguments):
        raise untold("a namedtuple() of something computed")
    names = arguments[1]
    fields = names.replace(",", " ").split() if isinstance(names, str) else [str(name) for name in names]
    return Class(str(arguments[0]), {}, fields=tuple(fields), tuple_=True)


def _dedent(text: str) -> str:
    import textwrap

    changed = textwrap.dedent(text)
    return text if changed == text else changed


def _version(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A version object of packaging, which is printed as it was written if that is canonical."""
    from relengtools.versions.scheme import pep440

    text = arguments[0]
    if isinstance(text, str) and pep440.read(text).canonical == text:
        return Instance("version", (text,), {})
    raise untold("a version object")


def _loose(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A version object of distutils, which is printed as it was written."""
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise untold("a version object")
    return Instance("version", (arguments[0],), {})


def _of_django(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`get_version((1, 2, 0, "final", 0))`: 1.2. Source: django.utils.version, where alpha 0 is one that asks git."""
    version = arguments[0] if len(arguments) == 1 and not keywords else None
    if not isinstance(version, tuple) or len(version) != 5 or not is_known(version):
        raise untold("a version that can't be told")
    *numbers, stage, serial = version
    marks = {"alpha": "a", "beta": "b", "rc": "rc"}
    if (stage == "alpha" and serial == 0) or stage not in ("final", *marks):
        raise untold("a version of a development branch")
    main = ".".join(map(str, numbers[: 2 if numbers[2] == 0 else 3]))
    return main if stage == "final" else f"{main}{marks[stage]}{serial}"


_DISTUTILS = ("distutils", "setuptools._distutils")
_VERSIONS = ("Version", "parse")
_CONFIG_PARSERS = ("ConfigParser", "RawConfigParser", "SafeConfigParser")

FUNCTIONS: Mapping[str, Known] = {
    **functions.FUNCTIONS,
    **filesystem.FUNCTIONS,
    **loading.FUNCTIONS,
    "os.getenv": _environ,
    "re.compile": _compile_re,
    **{f"re.{how}": _re(how) for how in ("search", "match", "fullmatch", "findall", "finditer", "sub", "split")},
    "re.escape": simple(re.escape),
    "ast.parse": lambda run, arguments, keywords: parsers.tree(run, arguments[0]),
    "ast.walk": lambda run, arguments, keywords: parsers.walk(arguments[0]),
    "ast.iter_child_nodes": lambda run, arguments, keywords: parsers.children(arguments[0]),
    "json.load": _json,
    "json.loads": _json,
    **{f"{module}.{name}": _toml for module in ("tomllib", "tomli") for name in ("load", "loads")},
    **{f"{module}.loads": _toml for module in ("toml", "pytoml")},
    **{f"{module}.load": _toml_file for module in ("toml", "pytoml")},
    **{f"{module}.{name}": _parser(name) for module in ("configparser", "ConfigParser") for name in _CONFIG_PARSERS},
    "collections.OrderedDict": functions.dictionary,
    "textwrap.dedent": simple(_dedent),
    **{f"packaging.version.{name}": _version for name in _VERSIONS},
    **{f"{module}.version.LooseVersion": _loose for module in _DISTUTILS},
    **{f"{module}.version.StrictVersion": _strict for module in _DISTUTILS},
    "pkg_resources.parse_version": _version,
    "setuptools.sic": first,
    "typing.cast": lambda run, arguments, keywords: arguments[1],
    "contextlib.closing": first,
    "versioneer.get_version": versioneer.get_version,
    "versioneer.get_versions": versioneer.get_versions,
    "django.utils.version.get_version": _of_django,
    "collections.namedtuple": _namedtuple,
    "incremental.Version": _instance("incremental.Version"),
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
}
_FLAGS = ("M", "MULTILINE", "S", "DOTALL", "I", "IGNORECASE", "X", "VERBOSE", "U", "UNICODE", "A", "ASCII")
CONSTANTS: Mapping[str, Any] = {
    "os.sep": posixpath.sep,
    "os.path.sep": posixpath.sep,
    "os.linesep": "\n",
    "os.pardir": "..",
    "os.curdir": ".",
    **{f"re.{flag}": getattr(re, flag) for flag in _FLAGS},
    "typing.TYPE_CHECKING": False,
    "builtins.__debug__": True,
    "sys.version_info": (3, 12, 0, "final", 0),
    "sys.version_info.major": 3,
    "sys.version_info.minor": 12,
    "sys.maxsize": 2**63 - 1,
    "string.digits": "0123456789",
}
