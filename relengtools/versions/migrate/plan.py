"""What a migration changes in one project, or why there is nothing to do or no clear way."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from relengtools.versions import backends, git, listing, project
from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.discover import Place
from relengtools.versions.files import Files
from relengtools.versions.locate import cfg
from relengtools.versions.migrate import (
    archival,
    coverage,
    declarative,
    document,
    edits,
    idiom,
    keywords,
    metadata,
    packager,
    pointer,
    policy,
    said,
    setup_file,
    stub,
    untold,
)
from relengtools.versions.migrate import style as style_of
from relengtools.versions.migrate.idiom import Idiom
from relengtools.versions.migrate.setup_file import SetupFile
from relengtools.versions.names import normalized
from relengtools.versions.project import Project
from relengtools.versions.rewrite import Change
from relengtools.versions.scheme import pep440

# setuptools-scm's own `tag_regex`, without what it drops.
_SCM_TAG = re.compile(r"(?:[\w-]+-)?(?P<version>[vV]?\d+(?:\.\d+){0,2}[^+]*)(?:\+.*)?")


class Style(StrEnum):
    """How a project is made compliant."""

    MINIMAL = "minimal"
    MODERN = "modern"


class Plan(NamedTuple):
    """The changes of a project; `before` is the version of its commit, `after` the one that this becomes.

    Either is None where it isn't known. `described` is what git says of the commit (None: no tag), `later` the two
    versions one commit on, `policy` how they are made and what the other style makes of them. `carried` are the
    keywords that pyproject.toml has now, `kept` those that stay in setup.py. `variable` is the environment variable
    that the old version comes from first, `packager` what packagers have to know, `notes` what changes besides.
    """

    project: Project
    style: Style
    changes: tuple[Change, ...]
    before: str | None
    after: str | None
    variable: str | None
    carried: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    packager: tuple[str, ...] = ()
    described: str | None = None
    later: tuple[str | None, str | None] = (None, None)
    policy: str = ""
    notes: tuple[str, ...] = ()


class Nothing(NamedTuple):
    """There is nothing to do in a project, and why."""

    path: str
    why: str


class Refusal(NamedTuple):
    """A project that is left alone: what stands in the way, all of it."""

    path: str
    reasons: tuple[str, ...]


Outcome = Plan | Nothing | Refusal


def plan(place: Place, style: Style) -> Outcome:
    """What is to be done at a place. Raises UnreadableError and GitError."""
    # A walk over many repositories begins above them.
    place = place._replace(tree=git.work_tree(place.root) or place.tree)
    try:
        return _plan(place, style)
    except RecursionError:
        return Refusal(place.path, ("setup.py is nested too deep to be read",))


def _plan(place: Place, style: Style) -> Outcome:
    found = project.read(place)
    if found is None:
        return Nothing(place.path, "setup.py describes no package")
    if found.problems:
        return Refusal(found.path, tuple(f"{p.file}:{p.line}: {p.message}" for p in found.problems))
    source = Files(place).source("setup.py", python=True) if "setup.py" in place.markers else None
    if source is None or "setup" not in source.text:
        return Nothing(found.path, "no setup.py says the version")
    file = setup_file.read(source)
    match found.provider:
        case "git-describe":
            return _idiom(found, file, style)
        case "versioneer":
            return _versioneer(found, style)
        case "pbr" if style is Style.MINIMAL:
            return Nothing(found.path, "pbr gives PEP 440 versions")
        case "pbr":
            return Refusal(found.path, (_PBR,))
        case "setuptools-scm":
            return _scm(found, file, style)
    return _literal(found, file, style)


_PBR = (
    "pbr reads requirements.txt, AUTHORS, ChangeLog and all files that git knows without being told, and its setup.cfg "
    "has keys of its own: that has no certain equal in pyproject.toml"
)


def _idiom(found: Project, file: SetupFile | str, style: Style) -> Outcome:
    if isinstance(file, str):
        return Refusal(found.path, (file,))
    asked = idiom.read(file)
    if asked is None:
        why = untold.spread(file) or f"{file.source.file}: setup() has no `version=` of its own to change"
        return Refusal(found.path, (why,))
    return _minimal(found, file, asked) if style is Style.MINIMAL else _modern(found, file, asked)


def _minimal(found: Project, file: SetupFile, asked: Idiom) -> Outcome:
    if idiom.is_normalised(file, asked):
        return Nothing(found.path, "setup.py has the normaliser already")
    described, tag = _described(found.place, asked.flags)
    told = said.read(file.source, found.place, tag)
    if why := _asks_otherwise(file, told):
        return Refusal(found.path, (why,))
    if told.later and pep440.parse(told.later):
        return Nothing(found.path, policy.itself(told.later, tag))
    prefix = _prefix(tag) if tag else ""
    if prefix is None:
        return Refusal(found.path, (f"the nearest tag, {tag}, is no version: tags are what versions are made of",))
    cuts = idiom.normalised(file, asked, prefix)
    if cuts is None:
        return Refusal(found.path, (f"{file.source.file}: the version's expression can't be changed alone",))
    return Plan(
        found,
        Style.MINIMAL,
        (edits.cut(file.source, cuts),),
        told.now,
        policy.post(told.now),
        asked.variable,
        packager=tuple(packager.minimal(asked.variable, told.fallback)),
        described=described,
        later=(told.later, policy.post(told.later)),
        policy=policy.of_minimal(_described(found.place, ())[0], tag),
    )


def _prefix(tag: str) -> str | None:
    """What stands in front of the version in a tag; None where there is no version in it."""
    if pep440.parse(tag) is not None:
        return ""
    match = re.match(r"[A-Za-z_][\w.]*?[-_/](?=[vV]?\d)", tag)
    return match[0] if match and pep440.parse(tag[match.end() :]) is not None else None


def _modern(found: Project, file: SetupFile, asked: Idiom | None, owner: Declaration | None = None) -> Outcome:
    """pyproject.toml with what setup.py says; `owner` is the version's literal, without one setuptools-scm gives it."""
    described, tag = (None, None) if owner else _described(found.place, ())
    told = _said(found, file, asked, owner, described, tag)
    reasons = [*_in_the_way(found), *filter(None, [setup_file.replaced(file), asked and _asks_otherwise(file, told)])]
    if tag is not None and not ((match := _SCM_TAG.fullmatch(tag)) and pep440.parse(match["version"])):
        reasons.append(f"the nearest tag, {tag}, is none that setuptools-scm reads")
    declared = declarative.read(found.place)
    if declared.refused:
        return Refusal(found.path, (*reasons, *declared.refused))
    given = declarative.joined(keywords.read(file, found.place), declared)
    version = _stated(owner, found.place, given) if owner else None
    if owner and version is None:
        reasons.append(
            f"no `attr` or `file` of setuptools points to {owner.file}:{owner.span.line}, where the version is"
        )
    carried = metadata.carry(given, version, str((found.document or {}).get("project", {}).get("name", "")))
    left = stub.reduce(file, [*carried.keywords, "version"])
    reasons += [*carried.refused, *([left] if isinstance(left, str) else [])]
    wanted = _rooted(carried.tables, found.place)
    if told.fallback and pep440.parse(told.fallback):
        wanted["tool"]["setuptools_scm"]["fallback_version"] = told.fallback
    if not isinstance(left, str) and not left.empty and any(_beside(found.place, name) for name in left.imports):
        # Only this one has the project's folder on the path.
        wanted["build-system"]["build-backend"] += ":__legacy__"
    pyproject = _pyproject(found, wanted, "include_package_data" in given.values, reasons)
    if reasons or isinstance(left, str) or pyproject is None:
        return Refusal(found.path, tuple(reasons))
    variable = asked.variable if asked else None
    after = told.now if owner else policy.next_dev(described)
    changes = [*pyproject, _setup(file, left), declared.change, *([] if owner else archival.changes(found.place))]
    notes = () if owner else packager.modern(variable, left.empty)
    return Plan(
        found,
        Style.MODERN,
        tuple(change for change in changes if change),
        told.now,
        after,
        variable,
        tuple(carried.keywords),
        carried.kept,
        tuple(notes),
        described,
        (told.later, told.later if owner else policy.next_dev(policy.one_on(described, tag))),
        policy.of_modern(told) if asked else "",
        (*carried.notes, *policy.fallen(told.fallback), *([] if owner else _found_by_git(given))),
    )


def _asks_otherwise(file: SetupFile, told: said.Said) -> str | None:
    """Whether setup.py asks git for something else, so that nobody knows what becomes of its versions."""
    if told.later or "describe" in file.source.text:
        return None
    return f"{file.source.file} doesn't ask `git describe`, and what it makes of git's words isn't known"


def _found_by_git(given: keywords.Keywords) -> Iterator[str]:
    if given.values.get("include_package_data"):
        yield (
            "include_package_data takes all files of the packages that git knows from now on, for setuptools-scm finds"
            " them, but for what MANIFEST.in excludes: --verify lists what the wheel gains"
        )


def _said(
    found: Project, file: SetupFile, asked: Idiom | None, owner: Declaration | None, described: str | None, tag: Any
) -> said.Said:
    """The version as it is, by who gives it: its owner, setup.py with git, or setuptools-scm."""
    if owner:
        return said.Said(owner.value.strip(), owner.value.strip(), None)
    if asked:
        return said.read(file.source, found.place, tag)
    later = policy.one_on(described, tag)
    return said.Said(policy.next_dev(described), policy.next_dev(later), None)


def _stated(owner: Declaration, place: Place, given: keywords.Keywords) -> str | dict[str, Any] | None:
    """The version itself where setup.py says it, else what points to its module or file."""
    if owner.kind in (Kind.SETUP_PY, Kind.SETUP_CFG):
        return owner.value.strip()
    return pointer.to(owner, place, given.values.get("package_dir"))


def _beside(place: Place, name: str) -> bool:
    """Whether a module of this name stands beside setup.py."""
    return (place.root / f"{name}.py").is_file() or (place.root / name / "__init__.py").is_file()


def _in_the_way(found: Project) -> list[str]:
    """Metadata in sections that setuptools doesn't know, and build backends that don't read setup.py."""
    reasons = []
    source = Files(found.place).source("setup.cfg") if "setup.cfg" in found.place.markers else None
    if source and "files" in cfg.parse(source).sections():
        reasons.append(f"{source.file} has [files], which is no setuptools' section: move it into setup.py first")
    if found.document and (backend := backends.backend(found.document)) not in (None, "setuptools"):
        reasons.append(f"pyproject.toml names the build backend {backend}, which doesn't read setup.py")
    return reasons


def _rooted(tables: dict[str, Any], place: Place) -> dict[str, Any]:
    """The tables with the way up to the repository, where the project is a folder in it."""
    depth = len(place.root.relative_to(place.tree).parts)
    if depth and "setuptools_scm" in tables["tool"]:
        tables["tool"]["setuptools_scm"]["root"] = "/".join([".."] * depth)
    return tables


def _pyproject(found: Project, wanted: dict[str, Any], inclusive: bool, reasons: list[str]) -> list[Change] | None:
    """The change that brings the tables into pyproject.toml; None, with `reasons`, where one there says less."""
    there = found.document
    path = found.place.root / "pyproject.toml"
    if there is None:
        try:
            return [edits.made(path, document.write(wanted))]
        except ValueError as error:
            reasons.append(f"pyproject.toml: {error}")
            return None
    source = Files(found.place).source("pyproject.toml")
    assert source is not None
    text = source.text
    if "project" in there:
        reasons += [f"{source.file}: {line}" for line in coverage.lost(there, wanted)]
        if not inclusive:
            wanted["tool"]["setuptools"].pop("include-package-data", None)
    needed = wanted["build-system"]["requires"] if "build-system" in there else []
    missing = coverage.missing(there, {k: v for k, v in wanted.items() if k != "build-system" or not needed})
    try:
        for requirement in needed:
            if not any(_same_name(requirement, text) for text in there["build-system"].get("requires", [])):
                text = document.append(text, ("build-system", "requires"), requirement)
        if "version" not in there.get("project", {}).get("dynamic", ["version"]):
            text = document.append(text, ("project", "dynamic"), "version")
        text = document.add(text, missing)
    except ValueError as error:
        reasons.append(f"{source.file}: {error}")
    if reasons:
        return None
    return [edits.changed(source, text)] if text != source.text else []


def _same_name(one: str, other: Any) -> bool:
    names = [normalized(re.split(r"[^\w.-]", str(text).strip())[0]) for text in (one, other)]
    return names[0] == names[1]


def _setup(file: SetupFile, left: stub.Remainder) -> Change | None:
    if left.empty:
        return edits.removed(file.source)
    return edits.cut(file.source, left.cuts) if left.cuts else None


def _versioneer(found: Project, style: Style) -> Outcome:
    """Versioneer's own styles are PEP 440 but for `git-describe`; its generated files hold the style as well."""
    settings = _versioneer_settings(found)
    setup = Files(found.place).source("setup.py", python=True)
    if settings is None and not (setup and re.search(r"^ *versioneer\.\w+ *=", setup.text, re.MULTILINE)):
        where = "[versioneer] in setup.cfg or [tool.versioneer] in pyproject.toml"
        return Refusal(found.path, (f"setup.py asks versioneer, which has no settings here: {where}",))
    name = str((settings or {}).get("style", "pep440"))
    if name.startswith("git-describe"):
        changes = style_of.changed(found.place, name) if style is Style.MINIMAL else None
        if changes:
            described, tag = _described(found.place, ())
            later = policy.one_on(described, tag)
            after = (policy.post(described), policy.post(later))
            return Plan(found, style, changes, described, after[0], None, described=described, later=(later, after[1]))
        advice = (
            "write style = pep440-post and run `versioneer install` again, for its generated files hold the style too"
        )
        return Refusal(found.path, (f"versioneer's style {name} isn't PEP 440: {advice}",))
    if style is Style.MINIMAL:
        return Nothing(found.path, f"versioneer gives PEP 440 versions (style {name})")
    module = (settings or {}).get("versionfile_source")
    there = isinstance(module, str) and (found.place.root / module).is_file()
    what = f"reads {module}, which it generates" if there else "is asked by setup.py"
    return Refusal(found.path, (f"versioneer {what}: that has no certain equal in pyproject.toml",))


def _versioneer_settings(found: Project) -> dict[str, Any] | None:
    """[tool.versioneer] or [versioneer]; None where neither is there."""
    source = Files(found.place).source("setup.cfg") if "setup.cfg" in found.place.markers else None
    parser = cfg.parse(source) if source else None
    there = (found.document or {}).get("tool", {}).get("versioneer")
    if parser is None or not parser.has_section("versioneer"):
        return there if isinstance(there, dict) else None
    return dict(parser.items("versioneer")) | (there if isinstance(there, dict) else {})


def _scm(found: Project, file: SetupFile | str, style: Style) -> Outcome:
    if style is Style.MINIMAL or isinstance(file, str) or "project" in (found.document or {}):
        return Nothing(found.path, "setuptools-scm gives PEP 440 versions")
    given = keywords.read(file, found.place)
    if given.values.get("use_scm_version") is not True:
        return Refusal(found.path, ("use_scm_version has settings, which have to be moved by hand",))
    return _modern(found, file, None)


def _literal(found: Project, file: SetupFile | str, style: Style) -> Outcome:
    owner = found.owner
    if owner is None and found.provider and style is Style.MINIMAL:
        return Nothing(found.path, f"{found.provider} computes its version")
    if owner is None:
        return Refusal(found.path, (f"the version can't be told without running code: {_unknown(found, file)}",))
    canonical = pep440.parse(owner.value.strip())
    if canonical is None:
        why = f"{owner.value!r} ({owner.file}:{owner.span.line}) isn't PEP 440: `versions check` mends it"
        return Refusal(found.path, (why,))
    if style is Style.MINIMAL or isinstance(file, str) or _is_modern(found, file):
        return Nothing(found.path, f"its version is written down, and PEP 440: {owner.value}")
    place = f"{owner.file}:{owner.span.line}"
    if owner.computed:
        return Refusal(found.path, (f"the version is put together at {place}, and pyproject.toml can't point to that",))
    if owner.kind not in (Kind.SETUP_PY, Kind.SETUP_CFG, Kind.MODULE, Kind.FILE):
        return Refusal(found.path, (f"the version is in {place}, to which nothing of setuptools points",))
    return _modern(found, file, None, owner)


def _unknown(found: Project, file: SetupFile | str) -> str:
    """Why the version isn't known, with the expression where setup.py has one."""
    reason = listing.reason(found)
    node = None if isinstance(file, str) or found.provider else file.argument("version")
    return reason if node is None or isinstance(file, str) else untold.plainly(reason, file, node)


def _is_modern(found: Project, file: SetupFile) -> bool:
    """Whether pyproject.toml names the project and its version, so that setup.py has no say in them."""
    document = found.document or {}
    if found.owner and found.owner.kind in (Kind.PYPROJECT, Kind.POETRY):
        return True
    dynamic = document.get("tool", {}).get("setuptools", {}).get("dynamic", {})
    return "project" in document and ("version" in dynamic or file.argument("version") is None)


def _described(place: Place, flags: Sequence[str]) -> tuple[str | None, str | None]:
    """What `git describe` says of the commit, and the nearest tag; None where there is no repository or no tag."""
    if not (place.tree / ".git").exists():
        return None, None
    try:
        asked = [flag for flag in flags if flag != "--dirty"] or ["--tags"]
        said = git.run(place.root, "describe", *asked).decode(errors="replace").strip()
        tag = git.run(place.root, "describe", "--tags", "--abbrev=0").decode(errors="replace").strip()
    except git.GitError:
        return None, None
    return said, tag
