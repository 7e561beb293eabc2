"""A place read in full: its name, its declarations with their owner, and what could not be read."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from relengtools.versions import backends
from relengtools.versions.catalogue import BYTE_ORDER_MARK, INVALID, UNREADABLE
from relengtools.versions.declaration import Declaration, Kind, Pointer, Problem
from relengtools.versions.discover import Place
from relengtools.versions.locate.source import Source, UnreadableError, read_bytes, shown, utf8

if TYPE_CHECKING:
    from relengtools.versions.locate.setup_py import Setup

# Where a package keeps its `__version__`, in the order in which people look for it.
_MODULES = ("__init__.py", "__about__.py", "__version__.py", "_version.py", "version.py")


class Project(NamedTuple):
    """What is known of a project. Without an owner, `reason` says why; `missing` that there surely is no version."""

    place: Place
    name: str | None = None
    declarations: tuple[Declaration, ...] = ()
    provider: str | None = None
    reason: str | None = None
    missing: bool = False
    where: Pointer | None = None
    problems: tuple[Problem, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def path(self) -> str:
        """The project's directory as people are told of it."""
        return self.place.path

    @property
    def owner(self) -> Declaration | None:
        """The declaration that the build backend uses."""
        return next((d for d in self.declarations if d.owner), None)

    @property
    def copies(self) -> tuple[Declaration, ...]:
        """The other declarations."""
        return tuple(d for d in self.declarations if not d.owner)


class _Reader:
    """The files of one place, each read once; what can't be read becomes a problem and counts as absent."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sources: dict[Path, Source] = {}
        self.problems: dict[str, Problem] = {}

    def source(self, name: str, python: bool = False) -> Source | None:
        """The file `name` of the place, None where there is none or it can't be read."""
        path = Path(os.path.normpath(self.place.root / name))
        if path not in self.sources:
            if not os.path.lexists(path):
                return None
            try:
                self.sources[path] = self._read(path, python)
            except UnreadableError as error:
                self.note(error.problem)
                return None
        return self.sources[path]

    def note(self, problem: Problem) -> None:
        """Keep a problem, the first of each file and rule."""
        self.problems.setdefault(problem.file + problem.rule.code, problem)

    def _read(self, path: Path, python: bool) -> Source:
        file = shown(path)
        if not path.resolve().is_relative_to(self.place.tree.resolve()):
            raise UnreadableError(Problem(UNREADABLE, file, "leads out of the tree, so it is not followed"))
        data = read_bytes(file, path)
        if not python:
            return utf8(file, path, data)
        from relengtools.versions.locate.python import decode

        return decode(file, path, data)


def read(place: Place) -> Project | None:
    """Read a place; None where its files describe no package (settings of tools, a module that is called setup.py)."""
    reader = _Reader(place)
    document, broken = _pyproject(reader)
    setup = _setup_py(reader)
    name, cfg, cfg_pointer = _setup_cfg(reader)
    known = (
        (document is not None and backends.is_project(document))
        or setup is not None
        or name is not None
        or cfg is not None
    )
    if not known and not reader.problems:
        return None
    name = (backends.name_of(document) if document else None) or (setup.name if setup else None) or name
    answer = backends.Nothing("pyproject.toml can't be read", missing=False) if broken else backends.ask(document)
    written = _written(reader, document) + [d for d in ((setup.version if setup else None), cfg) if d]
    project = _resolve(
        reader,
        answer,
        name,
        written,
        (setup.pointer if setup else None) or (None if setup and setup.version else cfg_pointer),
    )
    project = _with_copies(reader, project)
    problems = tuple(reader.problems.values())
    if problems and project.missing:
        # What a broken file says is unknown, so nothing is surely missing.
        project = project._replace(missing=False, reason=f"{problems[0].file}: {problems[0].message}")
    return project._replace(problems=problems, sources=tuple(reader.sources.values()))


def _pyproject(reader: _Reader) -> tuple[dict[str, Any] | None, bool]:
    """The document, and whether there is a file that can't be read."""
    if "pyproject.toml" not in reader.place.markers:
        return None, False
    source = reader.source("pyproject.toml")
    if source is None:
        return None, True
    from relengtools.versions.locate import toml

    _refuse_mark(reader, source)
    try:
        return toml.parse(source), False
    except UnreadableError as error:
        reader.note(error.problem)
        return None, True


def _setup_py(reader: _Reader) -> "Setup | None":
    """What setup.py says, None where there is none or it calls no `setup()`."""
    source = reader.source("setup.py", python=True) if "setup.py" in reader.place.markers else None
    if source is None:
        return None
    from relengtools.versions.locate import setup_py

    try:
        setup = setup_py.locate(source)
    except UnreadableError as error:
        reader.note(error.problem)
        return None
    return setup if setup.calls else None


def _setup_cfg(reader: _Reader) -> tuple[str | None, Declaration | None, Pointer | None]:
    """Name, version, and where the version is to be had instead."""
    source = reader.source("setup.cfg") if "setup.cfg" in reader.place.markers else None
    if source is None or "[metadata]" not in source.text:
        return None, None, None
    from relengtools.versions.locate import cfg

    _refuse_mark(reader, source)
    try:
        parser = cfg.parse(source)
        value, name = cfg.text(source, parser, "version"), cfg.text(source, parser, "name")
        declaration = cfg.locate(source, parser)
    except UnreadableError as error:
        reader.note(error.problem)
        return None, None, None
    pointer = Pointer(source.file, 1, 1, value) if value and not declaration else None
    return name or None, declaration, pointer


def _refuse_mark(reader: _Reader, source: Source) -> None:
    if source.marked:
        reader.note(
            source.problem(
                BYTE_ORDER_MARK, f"{source.path.name} begins with a byte-order mark, which build tools refuse"
            )
        )


def _written(reader: _Reader, document: dict[str, Any] | None) -> list[Declaration]:
    """The static versions in pyproject.toml."""
    source = reader.source("pyproject.toml") if document is not None else None
    if source is None or document is None:
        return []
    from relengtools.versions.locate import toml

    places = ((("project", "version"), Kind.PYPROJECT), (("tool", "poetry", "version"), Kind.POETRY))
    found = [toml.locate(source, document, path, kind) for path, kind in places]
    value = toml.lookup(document, ("project", "version"))
    if value is not None and not isinstance(value, str):
        at = next((v.start for v in toml.scan(source.text) if v.path == ("project", "version")), 0)
        reader.note(source.problem(INVALID, "[project] version has to be a string", at))
    return [declaration for declaration in found if declaration]


def _resolve(
    reader: _Reader, answer: backends.Answer, name: str | None, written: Sequence[Declaration], pointer: Pointer | None
) -> Project:
    """Mark the owner among the declarations, or say why there is none."""
    project = Project(reader.place, name, tuple(written))
    match answer:
        case backends.Static(kind=kind):
            return _own(project, next((d for d in written if d.kind is kind), None))
        case backends.Provider(provider):
            return project._replace(provider=provider)
        case backends.Nothing(problem, missing):
            return project._replace(reason=problem, missing=missing)
        case backends.Attribute():
            return _attribute(reader, project, answer)
        case backends.TextFile(file):
            return _text_file(reader, project, file)
        case backends.Legacy():
            return _legacy(reader, project, pointer)


def _own(project: Project, owner: Declaration | None) -> Project:
    if owner is None:
        return project._replace(reason="the version can't be located")
    others = tuple(d for d in project.declarations if (d.file, d.span) != (owner.file, owner.span))
    return project._replace(declarations=(owner._replace(owner=True), *others))


def _legacy(reader: _Reader, project: Project, pointer: Pointer | None) -> Project:
    """setup.py before setup.cfg: setuptools leaves an option alone that `setup()` was given."""
    for kind in (Kind.SETUP_PY, Kind.SETUP_CFG):
        owner = next((d for d in project.declarations if d.kind is kind), None)
        if pointer is not None and pointer.file.endswith("setup.py"):
            break
        if owner is not None:
            return _own(project, owner)
    if pointer is None:
        reason = "neither pyproject.toml nor setup.py nor setup.cfg states a version"
        return project._replace(reason=reason, missing=True)
    if pointer.file.endswith("setup.cfg"):
        return _pointed(reader, project, pointer)
    return project._replace(provider=pointer.provider, reason=pointer.reason, where=pointer)


def _pointed(reader: _Reader, project: Project, pointer: Pointer) -> Project:
    """Follow `attr:` and `file:` of setup.cfg."""
    directive, _, target = (part.strip() for part in pointer.reason.partition(":"))
    if directive == "attr":
        module, _, attribute = target.rpartition(".")
        return _attribute(reader, project, backends.Attribute("setuptools", (attribute,), module=module))
    if directive == "file" and "," not in target:
        return _text_file(reader, project, target)
    return project._replace(reason=f"setup.cfg says `version = {pointer.reason}`", where=pointer)


def _attribute(reader: _Reader, project: Project, answer: backends.Attribute) -> Project:
    """Follow a pointer to a name in a module."""
    files = (
        [answer.file] if answer.file else list(_module_files(reader.place.root, answer.module or project.name or ""))
    )
    for file in files:
        found = _module(reader, file, answer.names)
        if isinstance(found, Declaration):
            return _own(project, found)
        if isinstance(found, Pointer):
            return project._replace(provider=None, reason=found.reason, where=found)
    target = answer.file or ".".join(filter(None, (answer.module or project.name, answer.names[0])))
    return project._replace(reason=f"{answer.provider} takes the version from {target}, which holds no plain string")


def _text_file(reader: _Reader, project: Project, file: str) -> Project:
    source = reader.source(file)
    value = source.text.strip() if source else ""
    if source is None or not value:
        return project._replace(reason=f"the version is to be had from {file}, which is missing or empty")
    start = source.text.index(value)
    return _own(project, source.declaration(Kind.FILE, start, start + len(value), value))


def _module(reader: _Reader, file: str, names: Sequence[str]) -> Declaration | Pointer | None:
    from relengtools.versions.locate import module

    source = reader.source(file, python=True)
    try:
        return module.locate(source, names) if source else None
    except UnreadableError as error:
        reader.note(error.problem)
        return None


def _module_files(root: Path, dotted: str) -> Iterator[str]:
    """Files that may be the module `dotted`: src layout or flat, package or single module."""
    path = dotted.replace(".", "/")
    for base in ("src/", "", "lib/"):
        for file in (f"{base}{path}/__init__.py", f"{base}{path}.py"):
            if (root / file).is_file():
                yield file


def _with_copies(reader: _Reader, project: Project) -> Project:
    """Add the `__version__` of the package, unless a provider wrote it there."""
    from relengtools.versions.locate.module import NAMES, generated

    have = {(d.file, d.span) for d in project.declarations}
    for file in _package_files(reader.place.root, project.name):
        found = _module(reader, file, NAMES)
        source = reader.source(file, python=True)
        if isinstance(found, Declaration) and source and (found.file, found.span) not in have and not generated(source):
            project = project._replace(declarations=(*project.declarations, found))
    return project


def _package_files(root: Path, name: str | None) -> list[str]:
    """The modules of the project's package that usually hold `__version__`; the project's name finds the package."""
    if not name:
        return []
    parts = re.split(r"[-_.]+", name.lower())
    for base in ("src", "", "lib"):
        for shape in ("_".join(parts), "/".join(parts)):
            package = _spelt(root / base, shape)
            if package is None:
                continue
            files = [package] if package.suffix == ".py" else [package / module for module in _MODULES]
            return [file.relative_to(root).as_posix() for file in files if file.is_file()]
    return []


def _spelt(folder: Path, shape: str) -> Path | None:
    """The package or module `shape` in `folder`, whatever its case."""
    *outer, last = shape.split("/")
    for part in outer:
        folder = folder / part
    try:
        entries = {entry.name.lower(): entry for entry in os.scandir(folder)}
    except OSError:
        return None
    entry = entries.get(last) or entries.get(f"{last}.py")
    if entry is None or not (entry.is_dir() or entry.name.endswith(".py")):
        return None
    return folder / entry.name
