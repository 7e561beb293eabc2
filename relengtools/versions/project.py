"""A place read in full: its name, its declarations with their owner, and what could not be read."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from relengtools.versions import answers, backends, copies
from relengtools.versions.catalogue import BYTE_ORDER_MARK, INVALID, UNREADABLE
from relengtools.versions.declaration import Declaration, Kind, Pointer, Problem
from relengtools.versions.discover import Place
from relengtools.versions.files import Files
from relengtools.versions.layout import Layout
from relengtools.versions.locate.egg_info import Tag, tag
from relengtools.versions.locate.source import Source, UnreadableError
from relengtools.versions.owner import Owner, Setting, follow

if TYPE_CHECKING:
    from configparser import ConfigParser

    from relengtools.versions.evaluate.interpreter import Interpreter
    from relengtools.versions.locate.plain_setup import Setup

# Where pyproject.toml states a version; the last ones are those of tools that rewrite it.
_STATED = (
    (("project", "version"), Kind.PYPROJECT),
    (("tool", "poetry", "version"), Kind.POETRY),
    (("tool", "bumpversion", "current_version"), Kind.BUMPVERSION),
    (("tool", "commitizen", "version"), Kind.COMMITIZEN),
)
# Programs that ask a version control system, and so take the word of an sdist's PKG-INFO where there is none.
_ASKS_VCS = frozenset(
    {
        "setuptools-scm",
        "hatch-vcs",
        "pdm-scm",
        "pbr",
        "versioneer",
        "versioningit",
        "setuptools-git-versioning",
        "vcs-versioning",
        "dunamai",
        "flit-scm",
        "uv-dynamic-versioning",
        "git-describe",
    }
)


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
    document: dict[str, Any] | None = None
    tag: Tag = Tag()

    @property
    def path(self) -> str:
        """The project's directory as people are told of it."""
        return self.place.path

    @property
    def owner(self) -> Declaration | None:
        """The declaration that the build backend uses."""
        return next((d for d in self.declarations if d.owner), None)

    @property
    def version(self) -> str | None:
        """What the build makes of the owner's text; None without an owner."""
        return self.tag.on(self.owner.value) if self.owner else None

    @property
    def copies(self) -> tuple[Declaration, ...]:
        """The other declarations."""
        return tuple(d for d in self.declarations if not d.owner)


class _Cfg(NamedTuple):
    """What setup.cfg says: the version, or where it is to be had instead."""

    name: str | None = None
    version: Declaration | None = None
    pointer: Pointer | None = None
    parser: "ConfigParser | None" = None


def read(place: Place) -> Project | None:
    """Read a place; None where its files describe no package (settings of tools, a module that is called setup.py)."""
    try:
        return _read(place)
    except RecursionError:
        file, reason = f"{place.path}/{place.markers[0]}".removeprefix("./"), "it is nested too deeply to be read"
        return Project(place, reason=reason, problems=(Problem(UNREADABLE, file, reason),))


def _read(place: Place) -> Project | None:
    files = Files(place)
    run = _interpreter(files)
    document, broken = _pyproject(files)
    setup = _setup_py(files, run)
    cfg = _setup_cfg(files)
    alone = not {"setup.py", "setup.cfg"} & set(files.place.markers)
    described = document is not None and backends.is_project(document, alone)
    if not (described or setup or cfg.name or cfg.version or files.problems):
        return None
    name = (backends.name_of(document) if document else None) or (setup and setup.name) or cfg.name
    answer = answers.Nothing("pyproject.toml can't be read", missing=False) if broken else backends.ask(document)
    if document and setup and (setup.version or setup.pointer) and backends.is_poetry_by_habit(document):
        answer = answers.Legacy()
    setting = Setting(files, name, Layout(files, document or {}, cfg.parser, setup), run)
    owner = _resolve(setting, answer, _stated(files, document), setup, cfg)
    return _assembled(place, setting, document, owner, setup, cfg)


def _interpreter(files: Files) -> "Callable[[], Interpreter]":
    """One interpreter for the place, made when the first expression has to be evaluated."""
    made: list[Interpreter] = []

    def run() -> "Interpreter":
        from relengtools.versions.evaluate.interpreter import Interpreter

        if not made:
            made.append(Interpreter(files.place.root, files.place.tree, files.quiet))
        return made[0]

    return run


def _pyproject(files: Files) -> tuple[dict[str, Any] | None, bool]:
    """The document, and whether there is a file that can't be read."""
    if "pyproject.toml" not in files.place.markers:
        return None, False
    source = files.source("pyproject.toml")
    if source is None:
        return None, True
    from relengtools.versions.locate import toml

    _refuse_mark(files, source)
    try:
        document = toml.parse(source)
        own = files.source("hatch.toml") if backends.backend(document) == "hatchling" else None
        return (document if own is None else backends.with_hatch_toml(document, toml.parse(own))), False
    except UnreadableError as error:
        files.note(error.problem)
        return None, True


def _setup_py(files: Files, run: "Callable[[], Interpreter]") -> "Setup | None":
    """What setup.py says, None where there is none or it calls no `setup()`."""
    source = files.source("setup.py", python=True) if "setup.py" in files.place.markers else None
    if source is None:
        return None
    from relengtools.versions.locate import plain_setup

    setup: Setup | None
    try:
        setup = plain_setup.locate(source) or _evaluated(source, run)
    except UnreadableError as error:
        files.note(error.problem)
        setup = _of_python_2(source, run)
    return setup if setup and setup.calls else None


def _of_python_2(source: Source, run: "Callable[[], Interpreter]") -> "Setup | None":
    """What setup.py says where only Python 2 can run it, which is a problem all the same."""
    run().as_python_2()
    try:
        return _evaluated(source, run)
    except UnreadableError:
        return None


def _evaluated(source: Source, run: "Callable[[], Interpreter]") -> "Setup":
    from relengtools.versions.locate import setup_py

    return setup_py.locate(source, run())


def _setup_cfg(files: Files) -> _Cfg:
    source = files.source("setup.cfg") if "setup.cfg" in files.place.markers else None
    if source is None or not any(name in source.text for name in ("[metadata]", "[egg_info]", "[options]")):
        return _Cfg()
    from relengtools.versions.locate import cfg

    _refuse_mark(files, source)
    try:
        parser = cfg.parse(source)
        value, name = cfg.text(source, parser, "version"), cfg.text(source, parser, "name")
        declaration = cfg.locate(source, parser)
    except UnreadableError as error:
        files.note(error.problem)
        return _Cfg()
    pointer = Pointer(source.file, 1, 1, value) if value and not declaration else None
    return _Cfg(name or None, declaration, pointer, parser)


def _refuse_mark(files: Files, source: Source) -> None:
    if source.marked:
        message = f"{source.path.name} begins with a byte-order mark, which build tools refuse"
        files.note(source.problem(BYTE_ORDER_MARK, message))


def _stated(files: Files, document: dict[str, Any] | None) -> list[Declaration]:
    """The static versions in pyproject.toml."""
    source = files.source("pyproject.toml") if document is not None else None
    if source is None or document is None:
        return []
    from relengtools.versions.locate import toml

    found = [toml.locate(source, document, path, kind) for path, kind in _STATED]
    value = toml.lookup(document, ("project", "version"))
    told = None
    if value is not None and not isinstance(value, str) and backends.backend(document) != "pdm":
        told = "[project] version has to be a string"
    elif isinstance(value, str) and backends.is_refused_twice(document):
        told = "[project] states a version and lists it in `dynamic` too, which build backends refuse"
    if told:
        at = next((v.start for v in toml.scan(source.text) if v.path == ("project", "version")), 0)
        files.note(source.problem(INVALID, told, at))
    return [declaration for declaration in found if declaration]


def _resolve(
    setting: Setting, answer: answers.Answer, stated: Sequence[Declaration], setup: "Setup | None", cfg: _Cfg
) -> Owner:
    """The owner, or say why there is none."""
    match answer:
        case answers.Static(kind=kind):
            found = next((d for d in stated if d.kind is kind), None)
            return Owner(found, reason=None if found else "the version can't be located")
        case answers.Provider(provider):
            return Owner(provider=provider)
        case answers.Nothing(problem, missing):
            return Owner(reason=problem, missing=missing)
        case answers.Legacy():
            return _legacy(setting, setup, cfg, answer)
        case _:
            return follow(setting, answer)


def _legacy(setting: Setting, setup: "Setup | None", cfg: _Cfg, answer: answers.Legacy) -> Owner:
    """setup.py before setup.cfg: setuptools leaves an option alone that `setup()` was given. Then who is asked."""
    if setup and setup.version:
        return Owner(setup.version, setup.provider)
    if setup and setup.pointer:
        named = setup.pointer.provider
        return Owner(
            provider=None if named == "importlib.metadata" else named, reason=setup.pointer.reason, where=setup.pointer
        )
    if answer.provider == "pbr":  # which takes a version of setup.cfg for the least that comes next
        return Owner(provider="pbr")
    if cfg.version:
        return Owner(cfg.version)
    if cfg.pointer:
        return _pointed(setting, cfg.pointer)
    if answer.provider:
        return Owner(provider=answer.provider)
    reason = "neither pyproject.toml nor setup.py nor setup.cfg states a version"
    return Owner(reason=f"{reason}; {answer.idle}" if answer.idle else reason, missing=answer.missing)


def _pointed(setting: Setting, pointer: Pointer) -> Owner:
    """Follow `attr:` and `file:` of setup.cfg."""
    directive, _, target = (part.strip() for part in pointer.reason.partition(":"))
    if directive == "attr":
        module, _, attribute = target.rpartition(".")
        return follow(setting, answers.Attribute("setuptools", (attribute,), module=module))
    if directive == "file":
        return follow(setting, answers.TextFile(tuple(name.strip() for name in target.split(",") if name.strip())))
    return Owner(reason=f"setup.cfg says `version = {pointer.reason}`", where=pointer)


def _assembled(
    place: Place, setting: Setting, document: dict[str, Any] | None, owner: Owner, setup: "Setup | None", cfg: _Cfg
) -> Project:
    """All declarations, the owner first and each once; and what a broken file says is unknown, not missing."""
    files, name = setting.files, setting.name
    if (owner.provider in _ASKS_VCS or backends.by_core_metadata(document)) and (told := _pkg_info(files)):
        owner = owner._replace(declaration=told, missing=False)
    if owner.provider == "incremental" and owner.declaration is None:
        owner = owner._replace(declaration=_incremental(setting))
    tagged = _tagged(document, owner, cfg)
    if tagged.dated:
        day = "[egg_info] tag_date puts the day of the build behind the version"
        owner = owner._replace(declaration=None, reason=day)
    stated = (*_stated(files, document), setup and setup.version, cfg.version, *copies.find(files, name))
    found: dict[tuple[str, object], Declaration] = {}
    for declaration in (owner.declaration and owner.declaration._replace(owner=True), *stated):
        if declaration is not None:
            found.setdefault((declaration.file, declaration.span), declaration)
    problems = tuple(files.problems.values())
    missing, reason = owner.missing, owner.reason
    if problems and missing:
        missing, reason = False, f"{problems[0].file}: {problems[0].message}"
    return Project(
        place,
        name,
        tuple(found.values()),
        owner.provider,
        reason,
        missing,
        owner.where,
        problems,
        tuple(files.sources.values()),
        document,
        tagged,
    )


def _tagged(document: dict[str, Any] | None, owner: Owner, cfg: _Cfg) -> Tag:
    """What setuptools puts behind the version of an owner or a provider; PKG-INFO has it already."""
    found = owner.declaration
    has_it = found.kind in (Kind.PKG_INFO, Kind.POETRY) if found else owner.provider is None
    if has_it or not backends.by_setuptools(document):
        return Tag()
    return tag(cfg.parser, document)


def _pkg_info(files: Files) -> Declaration | None:
    """The version in an unpacked sdist's PKG-INFO, which is generated and so never edited."""
    if (files.place.root / ".git").exists() or not (files.place.root / "PKG-INFO").is_file():
        return None
    from relengtools.versions.locate import lines

    source = files.quiet(files.place.root / "PKG-INFO", False)
    found = lines.locate(source, lines.PKG_INFO) if source else None
    return found._replace(computed=True) if found else None


def _incremental(setting: Setting) -> Declaration | None:
    """The version that incremental keeps in `_version.py` of the package, numbers and all, in the sources."""
    found = follow(setting, answers.Attribute("incremental"))
    return found.declaration
