"""One distribution to findings: its archive, its names, its metadata, and what it says of its version."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from relengtools.findings import Finding, Location
from relengtools.versions import catalogue, form_rules, wheel_rules
from relengtools.versions.artifacts import filename, ini, metadata
from relengtools.versions.artifacts.contents import MemberKind, capped, shown
from relengtools.versions.artifacts.distribution import Distribution
from relengtools.versions.artifacts.filename import Form
from relengtools.versions.catalogue_release import (
    DIRECT_REFERENCE,
    DUPLICATE_MEMBER,
    FILE_NAME,
    INCOMPLETE,
    INVALID_METADATA,
    MODULE_VERSION,
    RENAMED,
    UNPUBLISHABLE,
    UNPUBLISHABLE_PLATFORM,
)
from relengtools.versions.names import normalized
from relengtools.versions.scheme import pep440
from relengtools.versions.specifiers.text import Form as Text
from relengtools.versions.wheel_rules import Said

if TYPE_CHECKING:
    from relengtools.versions.specifiers.judge import Judgement

_MOST = 100
_EXTRA = re.compile(r"\bextra\s*==")
_NAMED_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']{1,200})["']""")
_PUBLISHED = re.compile(
    r"any|win32|win_(?:amd64|arm64|ia64)|linux_armv[67]l|(?:macosx|manylinux|musllinux|ios|android|pyodide|pyemscripten)_?[0-9].*"
)
_FOR_LINUX = re.compile(r"-(?:many|musl)?linux[0-9]*_[^-]*$")


def judge(distribution: Distribution, project: str = ".") -> list[Finding]:
    """Every finding of every rule on one distribution; selection is the caller's, and of each rule only the first."""
    location = Location(distribution.file)
    said = (*distribution.contents.troubles, *capped(_all(distribution)))
    return [Finding(rule, message, location, project) for rule, message in said]


def local(version: str) -> str:
    """What is wrong with a canonical version that has a local label."""
    public, _, label = version.partition("+")
    return f"{version} is a local version: an index takes {public} and nothing with +{label} behind it"


def _all(distribution: Distribution) -> Said:
    if distribution.contents.whole:
        yield from _parts(distribution)
    if distribution.core:
        yield from ((INVALID_METADATA, mistake) for mistake in distribution.core.mistakes)
        yield from islice(_requirements(distribution.core), _MOST)
        yield from islice(_undeclared(distribution.core), _MOST)
        yield from _licence_files(distribution, distribution.core)
    yield from _version(distribution)
    yield from _platforms(distribution)
    yield from _one_in_any_case(distribution)
    yield from _file_name(distribution)
    yield from _folders(distribution)
    if distribution.form is Form.WHEEL:
        yield from wheel_rules.judge(distribution)
    else:
        yield from _sources(distribution)


def _parts(distribution: Distribution) -> Said:
    """What has to be there."""
    names = {member.name for member in distribution.contents.members}
    sdist = distribution.form is Form.SDIST
    wanted = "one folder" if sdist else "one .dist-info folder"
    others = ["PKG-INFO"] if sdist else ["METADATA", "WHEEL", "RECORD"]
    if distribution.folder is None:
        found = ", ".join(shown(folder) for folder in islice(distribution.folders, 5)) or "none"
        yield INCOMPLETE, f"{wanted} has to be at the top, and there is {found}"
        return
    for name in others:
        if f"{distribution.folder}/{name}" not in names:
            yield INCOMPLETE, f"{shown(distribution.folder)}/{name} is missing"
    if sdist:
        beside = [shown(top) for top in distribution.tops if top != distribution.folder]
        if beside:
            yield INCOMPLETE, f"{', '.join(beside[:5])} lies beside {shown(distribution.folder)}/, where the project is"
        if not {f"{distribution.folder}/{name}" for name in ("pyproject.toml", "setup.py")} & names:
            yield INCOMPLETE, "neither pyproject.toml nor setup.py says how to build it"
    elif _empty(distribution):
        yield INCOMPLETE, "there is nothing to install in it"


def _empty(wheel: Distribution) -> bool:
    """Whether a wheel brings nothing: no files, and no requirements that would be its purpose."""
    inside = f"{wheel.folder}/"
    needed = [text for text in wheel.core.requires if not _EXTRA.search(text)] if wheel.core else []
    return not needed and all(
        member.name.startswith(inside) or member.kind is MemberKind.FOLDER for member in wheel.contents.members
    )


def _requirements(core: metadata.Core) -> Said:
    texts = [("Requires-Dist", text, Text.REQUIREMENT) for text in core.requires]
    if core.requires_python is not None:
        texts.append(("Requires-Python", core.requires_python, Text.SPECIFIER))
    for field, text, form in texts:
        judged = _judged(text, form)
        if not judged.valid:
            rule = catalogue.INVALID_SPECIFIER if form is Text.REQUIREMENT else catalogue.INVALID_PYTHON
            reason = next((remark.message for remark in judged.remarks), "it is invalid")
            yield rule, f"{field}: {shown(text)}: {reason}"
            continue
        if remark := next((one for one in judged.remarks if one.topic == "contradiction"), None):
            yield catalogue.CONTRADICTION, f"{field}: {shown(text)}: {remark.message}"
        if form is Text.REQUIREMENT and metadata.by_url(text):
            yield DIRECT_REFERENCE, f"{field}: {shown(text)}"


def _undeclared(core: metadata.Core) -> Said:
    """Extras that requirements ask for and no Provides-Extra names: nobody can have them."""
    known = {normalized(extra) for extra in core.extras}
    asked = dict.fromkeys(name for text in core.requires for name in _NAMED_EXTRA.findall(text))
    yield from (
        (INVALID_METADATA, f"Requires-Dist is for the extra {shown(name)}, which no Provides-Extra names")
        for name in asked
        if normalized(name) not in known
    )


def _licence_files(distribution: Distribution, core: metadata.Core) -> Said:
    """Files that License-File names have to be there since metadata 2.4, and an index looks for them (PEP 639)."""
    folder = distribution.folder if distribution.contents.whole else None
    if folder is None or metadata.numbered(core.metadata_version) < (2, 4):
        return
    inner = f"{folder}/licenses" if distribution.form is Form.WHEEL else folder
    names = {member.name for member in distribution.contents.members}
    for file in core.licence_files:
        if f"{inner}/{file}" not in names:
            yield INCOMPLETE, f"{shown(inner)}/{shown(file)} is missing, which License-File names"


def _judged(text: str, form: Text) -> "Judgement":
    from relengtools.versions.specifiers.judge import judge

    return judge(text, form)


def _version(distribution: Distribution) -> Said:
    """The version by itself, as the metadata has it."""
    said = distribution.core.version if distribution.core else None
    if said is not None and pep440.read(said).canonical is None:
        yield catalogue.INVALID, f"Version: {shown(said)} is no PEP 440 version"
    version = distribution.version
    if version is None:
        return
    if cause := form_rules.fallback(version):
        yield catalogue.FALLBACK, f"{version} is a fallback: {cause}"
    if "+" in version:
        yield UNPUBLISHABLE, local(version)


def _platforms(distribution: Distribution) -> Said:
    """Platforms that an index takes no wheels for; of Linux by itself only those of the Raspberry Pi's own index."""
    tags = distribution.called.tags if distribution.called else ()
    found = {platform for tag in tags if not _PUBLISHED.fullmatch(platform := tag.rpartition("-")[2])}
    if found:
        yield UNPUBLISHABLE_PLATFORM, f"it is for {shown(', '.join(sorted(found)))}, which an index refuses"


def _one_in_any_case(distribution: Distribution) -> Said:
    """Files that are one where the file system makes no difference of case; a wheel for Linux alone needs none."""
    tags = distribution.called.tags if distribution.called else frozenset()
    if tags and all(_FOR_LINUX.search(tag) for tag in tags):
        return
    seen: dict[str, str] = {}
    for member in distribution.contents.members:
        if member.kind is not MemberKind.FOLDER:
            first = seen.setdefault(_in_any_case(member.name), member.name)
            if first != member.name:
                yield DUPLICATE_MEMBER, f"{shown(member.name)} and {shown(first)} are one file on Windows and macOS"


def _in_any_case(name: str) -> str:
    """The name as file systems compare it that make no difference of case, nor of how an accent is written."""
    return (
        name.casefold()
        if name.isascii()
        else unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
    )


def _file_name(distribution: Distribution) -> Said:
    """The file's name against the metadata; where it says the same, its spelling."""
    called, core, name = distribution.called, distribution.core, shown(distribution.filename)
    if called is None:
        yield FILE_NAME, f"{name} is no file name of {_article(distribution.form)}"
        return
    project, version = called.name, called.version
    if core and core.name and core.version and pep440.read(core.version).canonical:
        version_in_name = _version_after(distribution, core.name)
        if version_in_name is None:
            yield RENAMED, f"{name} is not called after the project, {shown(core.name)}"
        elif not pep440.equal(version_in_name, core.version):
            yield RENAMED, f"{name} says {shown(version_in_name)}, the metadata {shown(core.version)}"
        else:
            project, version = core.name, core.version
    canonical = pep440.read(version).canonical
    if canonical is None:
        yield FILE_NAME, f"{name}: {shown(version)} is no PEP 440 version"
    elif (wanted := filename.canonical(distribution.form, project, canonical, called.rest)) != distribution.filename:
        yield FILE_NAME, f"{name} has to be called {shown(wanted)}"


def _version_after(distribution: Distribution, project: str) -> str | None:
    """The version in the file's name, if it begins with the project's; what is between is for the spelling to judge.

    An old sdist's name may have dashes of its own: demo-pkg-1.0.tar.gz.
    """
    called = distribution.called
    assert called is not None
    if distribution.form is Form.WHEEL:
        return called.version if filename.escaped(called.name) == filename.escaped(project) else None
    stem = filename.stem(distribution.filename)
    dashes = (at for at, character in enumerate(stem) if character == "-")
    return next((stem[at + 1 :] for at in dashes if filename.escaped(stem[:at]) == filename.escaped(project)), None)


def _folders(distribution: Distribution) -> Said:
    """The folders that carry name and version, as the file's name has them, or else the metadata."""
    called, core, folder = distribution.called, distribution.core, distribution.folder
    if called is None or folder is None:
        return
    sdist = distribution.form is Form.SDIST
    wanted = [filename.stem(distribution.filename) if sdist else f"{called.name}-{called.version}"]
    wanted += [f"{core.name}-{core.version}"] if core else []
    if sdist:
        if not _same(folder, wanted):
            yield RENAMED, f"it unpacks into {shown(folder)}/"
        return
    for top in distribution.tops:
        stem, dot, kind = top.rpartition(".")
        if dot and kind in ("dist-info", "data") and not _same(stem, wanted):
            yield RENAMED, f"{shown(top)} is in it, which belongs to another file"


def _same(folder: str, wanted: Sequence[str]) -> bool:
    """Whether a text NAME-VERSION is one of those wanted, by name and version."""
    name, _, version = folder.rpartition("-")
    others = (text.rpartition("-") for text in wanted)
    return folder in wanted or any(
        filename.escaped(name) == filename.escaped(other) and pep440.equal(version, release)
        for other, _, release in others
    )


def _sources(sdist: Distribution) -> Said:
    """The static name and version in an sdist's pyproject.toml, or setup.cfg."""
    document, version = sdist.document, sdist.version
    if document is None:
        yield INVALID_METADATA, "pyproject.toml can't be read, so nothing can be built of it"
        return
    tool = document.get("tool")
    tables = [document.get("project"), tool.get("poetry") if isinstance(tool, dict) else None]
    stated = [("pyproject.toml", table) for table in tables if isinstance(table, dict)]
    stated = stated or [("setup.cfg", _setup_cfg(sdist))]
    for file, table in stated:
        said, name = table.get("version"), table.get("name")
        if isinstance(said, str) and pep440.read(said).canonical and version and not pep440.equal(said, version):
            yield MODULE_VERSION, f"{file} says {shown(said)}, the sdist {version}"
        if isinstance(name, str) and sdist.name and filename.escaped(name) != filename.escaped(sdist.name):
            yield RENAMED, f"{file} is that of {shown(name)}, the sdist that of {shown(sdist.name)}"


def _setup_cfg(sdist: Distribution) -> dict[str, Any]:
    """[metadata] of an sdist's setup.cfg, empty where it has none or a broken one."""
    import configparser

    parser = configparser.RawConfigParser()
    try:
        ini.read(parser, sdist.kept("setup.cfg") or b"")
        return dict(parser["metadata"]) if parser.has_section("metadata") else {}
    except (ValueError, configparser.Error):
        return {}


def _article(form: Form) -> str:
    return "an sdist" if form is Form.SDIST else "a wheel"
