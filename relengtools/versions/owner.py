"""From what the backend says to the declaration that it uses: pointers followed, providers named."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relengtools.versions import answers, layout
from relengtools.versions.declaration import Declaration, Kind, Pointer
from relengtools.versions.files import Files
from relengtools.versions.locate.source import Source, UnreadableError
from relengtools.versions.packages import FLIT_MODULES, MODULES, is_file, module_files, package_files

if TYPE_CHECKING:
    from relengtools.versions.evaluate.interpreter import Interpreter
    from relengtools.versions.evaluate.values import Match, Unknown


class Owner(NamedTuple):
    """The declaration, or who computes the version, or why neither is known; `where` is the place that says so."""

    declaration: Declaration | None = None
    provider: str | None = None
    reason: str | None = None
    missing: bool = False
    where: Pointer | None = None


# Who reads a literal in a module without importing it, and whether it has to be a string.
_STATIC = {"setuptools": False, "flit": True}


class Setting(NamedTuple):
    """What pointers are followed in: the files, the project's name, where its packages are, and an interpreter."""

    files: Files
    name: str | None
    layout: layout.Layout
    run: "Callable[[], Interpreter]"


def follow(setting: Setting, answer: answers.Pointing) -> Owner:
    """The declaration at the end of a pointer."""
    match answer:
        case answers.Attribute():
            return _attribute(setting, answer)
        case answers.Expression():
            return _expression(setting, answer)
        case answers.Pattern():
            return _pattern(setting, answer)
        case answers.TextFile(files):
            return _text_file(setting.files, files)
        case answers.Cargo(manifest):
            return _cargo(setting.files, manifest)
        case answers.Meson():
            return _meson(setting.files)
        case answers.PackageJson(provider, file):
            return _package_json(setting.files, provider, file)
        case answers.Wrapper():
            return _wrapped(setting, answer)


def _wrapped(setting: Setting, answer: answers.Wrapper) -> Owner:
    """What the inner backend would take, if the project's own one has nothing to do with versions."""
    source = next(_in_folders(setting.files, answer.folders, answer.module), None)
    told = f"the project's own build backend {answer.module} wraps {answer.inner}"
    if source is None or _speaks_of_versions(setting.files, source, answer.folders):
        return Owner(reason=f"{told}, and may change the version" if source else f"{told}, and isn't there")
    match answer.answer:
        case answers.Provider(provider):
            return Owner(provider=provider)
        case answers.Nothing(problem, missing):
            return Owner(reason=problem, missing=missing)
        case answers.Static() | answers.Legacy():
            return Owner(reason=told)
        case pointing:
            return follow(setting, pointing)


def _in_folders(files: Files, folders: Sequence[str], module: str) -> Iterator[Source]:
    """The module of that name in one of the folders."""
    for folder in folders:
        for rest in (".py", "/__init__.py"):
            if source := files.source(f"{folder}/{module.replace('.', '/')}{rest}", python=True):
                yield source


def _speaks_of_versions(files: Files, source: Source, folders: Sequence[str]) -> bool:
    """Whether the code of a module, besides what it says in comments and docstrings, has the word in a name or text.

    What it imports from beside it could do anything.
    """
    import ast

    from relengtools.versions.locate import python

    try:
        tree = python.syntax(source)
    except UnreadableError:
        return True
    said = {id(node.value) for node in python.walk(tree) if isinstance(node, ast.Expr)}
    imported = [alias.name for node in python.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in python.walk(tree) if isinstance(node, ast.ImportFrom)]
    if any(next(_in_folders(files, folders, name), None) for name in imported):
        return True
    values = (node.__dict__.values() for node in python.walk(tree) if id(node) not in said)
    return any("version" in str(value).lower() for row in values for value in row if isinstance(value, str | bytes))


def _attribute(setting: Setting, answer: answers.Attribute) -> Owner:
    """A name in a module: read where it is a plain string, evaluated elsewhere."""
    found = None
    if answer.provider == "flit" and len(places := _flit_places(setting, answer)) > 1:
        return Owner(reason=f"flit refuses to choose between {' and '.join(places)}")
    for file in _candidates(setting, answer):
        found = _module(setting, file, answer)
        if found and (found.declaration or found.provider):
            return found
    target = answer.file or ".".join(filter(None, (answer.module or setting.name, answer.names[0])))
    reason = f"{answer.provider} takes the version from {target}, which isn't there"
    elsewhere = next(module_files(setting.files.place.root, answer.module or ""), None) if not found else None
    if elsewhere is None or answer.provider != "setuptools":
        return found or Owner(reason=reason)
    return Owner(reason=f"{reason}: by its package_dir it doesn't look at {elsewhere}", missing=True)


def _candidates(setting: Setting, answer: answers.Attribute) -> Iterator[str]:
    if answer.file:
        yield answer.file
        return
    if answer.provider == "setuptools":
        yield from filter(None, [layout.module(setting.layout, answer.module or "__init__")])
        return
    root = setting.files.place.root
    if answer.provider == "flit":
        yield from _flit_files(setting, answer)
        return
    files = list(module_files(root, answer.module or setting.name or ""))
    if answer.module is None:
        files += package_files(root, setting.name)
        beside = [
            str(Path(file).parent / name) for file in files if file.endswith("/__init__.py") for name in MODULES[:3]
        ]
        files = [file for file in beside if (root / file).is_file()] + files
    yield from dict.fromkeys(files)


def _flit_places(setting: Setting, answer: answers.Attribute) -> list[str]:
    """Where flit's module may be. Source: flit_core/common.py, `Module`."""
    found = module_files(setting.files.place.root, answer.module or setting.name or "")
    return [file for file in found if not file.startswith("lib/")]


def _flit_files(setting: Setting, answer: answers.Attribute) -> Iterator[str]:
    """The files in which flit's module has a literal `__version__`, the one that counts first, then what it imports.

    Source: flit_core/common.py, `version_files`, of which the last one counts.
    """
    root = setting.files.place.root
    for file in _flit_places(setting, answer)[:1]:
        folder = Path(file).parent
        beside = [str(folder / name) for name in FLIT_MODULES] if file.endswith("/__init__.py") else []
        yield from (name for name in (file, *beside) if is_file(root, name) and _has_literal(setting.files, name))
        yield file


def _has_literal(files: Files, name: str) -> bool:
    from relengtools.versions.locate import module

    source = files.source(name, python=True)
    try:
        return source is not None and module.static(source, "__version__", True) is not None
    except UnreadableError:
        return False


def _module(setting: Setting, file: str, answer: answers.Attribute) -> Owner | None:
    from relengtools.versions.locate import module

    source = setting.files.source(file, python=True)
    if source is None:
        return None
    try:
        found = module.locate(source, answer.names)
    except UnreadableError as error:
        setting.files.note(error.problem)
        return Owner(reason=f"{source.file} can't be read")
    provider = module.generated(source)
    if provider and (provider != "setup.py" or _is_written(setting.files, source)):
        return Owner(provider=provider, reason=f"{provider} writes {source.file} at build time")
    if answer.provider in _STATIC:
        read = module.static(source, answer.names[0], _STATIC[answer.provider])
        found = found if read is None or (isinstance(found, Declaration) and found.span == read.span) else read
    if isinstance(found, Declaration):
        return Owner(found)
    from relengtools.versions.evaluate.answer import attribute

    value = attribute(setting.run(), source.path, answer.names, calls=answer.provider == "setuptools")
    if answer.provider == "flit" and isinstance(value, Declaration) and value.raw.startswith(("(", "[")):
        return Owner(reason=f"flit takes a text alone, and {answer.names[0]} in {source.file} is none")
    return owned(value, found)


def _is_written(files: Files, source: Source) -> bool:
    """Whether setup.py may write a file that says to be generated by nobody knows whom."""
    setup = files.source("setup.py", python=True)
    return setup is not None and source.path.name in setup.text


def owned(found: "Declaration | Unknown", where: Pointer | None) -> Owner:
    """What an evaluation gave."""
    if isinstance(found, Declaration):
        return Owner(found)
    provider = None if found.provider == "importlib.metadata" else found.provider
    return Owner(provider=provider, reason=found.reason, where=where)


def _expression(setting: Setting, answer: answers.Expression) -> Owner:
    from relengtools.versions.evaluate.answer import expression

    path = (answer.module or "").replace(".", "/")  # of pdm's, which imports it from the project's directory
    files = [answer.file] if answer.file else [f"{path}/__init__.py", f"{path}.py"]
    for file in files:
        if source := setting.files.source(file, python=True):
            run = setting.run()
            run.path[:0] = [f"{setting.files.place.root}/{folder}" for folder in answer.search]
            return owned(expression(run, source.path, answer.text), None)
    target = answer.file or answer.module
    return Owner(reason=f"{answer.provider} evaluates `{answer.text}` in {target}, which isn't there")


def _pattern(setting: Setting, answer: answers.Pattern) -> Owner:
    from relengtools.versions.evaluate.answer import guarded
    from relengtools.versions.evaluate.regex import search
    from relengtools.versions.evaluate.values import Match

    source = setting.files.source(answer.file, python=answer.file.endswith(".py"))
    if source is None:
        return Owner(reason=f"{answer.provider} takes the version from {answer.file}, which isn't there")
    text = "\ufeff" * source.marked + source.text.replace("\r", "")  # as they read it
    match = guarded(lambda: search(answer.pattern, text, re.MULTILINE))
    if isinstance(match, Match) and (answer.remove or answer.result not in (None, "{value}")):
        return _composed(setting, source, match, answer)
    group = guarded(lambda: match.group(answer.group)) if isinstance(match, Match) else None
    if not isinstance(match, Match) or not isinstance(group, str) or not group:
        return Owner(reason=f"{answer.provider} finds no version in {source.file} by its pattern")
    start, end = match.spans[answer.group if isinstance(answer.group, int) else match.names[answer.group]]
    from relengtools.versions.evaluate.answer import kind_of

    return Owner(source.declaration(kind_of(source), *_originals(source, start, end), text[start:end]))


def _composed(setting: Setting, source: Source, match: "Match", answer: answers.Pattern) -> Owner:
    """`result` of scikit-build-core: a format of the groups, such as `{major}.{minor}.{patch}`."""
    from relengtools.versions.evaluate import regex
    from relengtools.versions.evaluate.answer import guarded, kind_of

    groups = {name: match.group(name) or "" for name in match.names}
    groups |= {str(number): match.group(number + 1) or "" for number in range(len(match.spans) - 1)}
    try:
        value = re.sub(r"\{(\w+)\}", lambda field: groups[field[1]], answer.result or "{value}")
    except KeyError as error:
        return Owner(reason=f"`result` names {error}, which the pattern has not")
    left = guarded(lambda: regex.called(setting.run(), "sub", [answer.remove or "", "", value], {}))
    if not isinstance(left, str):
        return Owner(reason=f"what `remove` leaves of {value!r} isn't known")
    places = _originals(source, *match.spans[0])
    return Owner(source.declaration(kind_of(source), *places, str.__str__(left))._replace(computed=True))


def _originals(source: Source, start: int, end: int) -> tuple[int, int]:
    """The characters of a source that a match spans in its text as read: with the mark, without carriage returns."""
    return _original(source.text, start - source.marked), _original(source.text, end - source.marked)


def _original(text: str, at: int) -> int:
    """The character of a text that is character `at` of it without carriage returns."""
    if "\r" not in text:
        return max(at, 0)
    seen = 0
    for place, character in enumerate(text):
        if character != "\r":
            if seen == at:
                return place
            seen += 1
    return len(text)


def _text_file(files: Files, names: Sequence[str]) -> Owner:
    sources = [source for name in names if (source := files.source(name))]
    texts = [source.text.strip() for source in sources if source.text.strip()]
    if len(texts) != 1:
        what = "missing or empty" if not texts else "more than one line of text"
        return Owner(reason=f"the version is to be had from {', '.join(names)}, which is {what}")
    source = next(source for source in sources if source.text.strip())
    start = source.text.index(texts[0])
    return Owner(source.declaration(Kind.FILE, start, start + len(texts[0]), texts[0]))


def _cargo(files: Files, manifest: str | None) -> Owner:
    """Source: maturin's documentation, "Metadata", and the reference of Cargo's manifest."""
    from relengtools.versions.locate import cargo, toml

    for name in [manifest] if manifest else ["Cargo.toml", "rust/Cargo.toml", "src/Cargo.toml"]:
        source = files.source(name)
        if source is None:
            continue
        try:
            document = toml.parse(source)
        except UnreadableError as error:
            files.note(error.problem)
            return Owner(reason=f"{source.file} can't be read")
        if cargo.inherits(document):
            return _workspace(files, (files.place.root / name).parent)
        found = cargo.locate(source, document)
        return Owner(found) if found else Owner(reason=f"{source.file} has no version")
    return Owner(reason="maturin takes the version from Cargo.toml, which isn't there")


def _workspace(files: Files, folder: Path) -> Owner:
    """The Cargo.toml above a member that has the version of the workspace."""
    from relengtools.versions.locate import cargo, toml

    for parent in (folder, *folder.parents):
        source = files.quiet(parent / "Cargo.toml", False)
        try:
            found = cargo.locate(source, toml.parse(source), workspace=True) if source else None
        except UnreadableError:
            found = None
        if found:
            return Owner(found)
        if parent == files.place.tree:
            break
    return Owner(reason="the version is that of Cargo's workspace, which isn't in the tree")


def _meson(files: Files) -> Owner:
    from relengtools.versions.locate import meson

    source = files.source("meson.build")
    found = meson.locate(source) if source else None
    if isinstance(found, str):
        owner = _text_file(files, [found])
        if owner.declaration is not None and "\n" in owner.declaration.value:
            return Owner(reason=f"meson takes the one line of {found}, which has more")
        return owner
    if isinstance(found, Declaration):
        return Owner(found)
    if found is None:
        return Owner(reason="meson-python takes the version from meson.build, which has none")
    return Owner(provider=found.provider, reason=found.reason, where=found)


def _package_json(files: Files, provider: str, file: str) -> Owner:
    from relengtools.versions.locate.lines import package_json

    source = files.source(file)
    found = package_json(source) if source else None
    return Owner(found) if found else Owner(reason=f"{provider} takes the version from {file}, which has none")
