"""What only wheels can break: WHEEL, RECORD, scripts, compiled modules, and what no installer can put anywhere."""

import re
from collections.abc import Collection, Iterator
from itertools import chain, islice

from relengtools.findings import Rule
from relengtools.versions.artifacts import entries, extensions, filename, modules, record
from relengtools.versions.artifacts.contents import MemberKind, shown
from relengtools.versions.artifacts.distribution import Distribution
from relengtools.versions.catalogue_release import (
    INCOMPLETE,
    INVALID_METADATA,
    MODULE_VERSION,
    RECORD_MISMATCH,
    RENAMED,
    UNSAFE_MEMBER,
)
from relengtools.versions.scheme import pep440

# Where installers put the folders of .data. Source: "Binary distribution format".
_SCHEMES = frozenset({"purelib", "platlib", "headers", "scripts", "data"})
# What Windows takes for a device, whatever its ending. Source: "Naming Files, Paths, and Namespaces".
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:[. ].*)?", re.IGNORECASE)
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]|[. ]$')
_ELSEWHERE = re.compile(r"-(?:(?:many|musl)?linux|macosx|ios|android)[0-9]*_[^-]*$")
_TYPED = "Typing :: Typed"
Said = Iterator[tuple[Rule, str]]


def judge(wheel: Distribution) -> Said:
    """The findings on a wheel beyond those on any distribution."""
    yield from _links(wheel)
    yield from _said(wheel)
    yield from _record(wheel)
    yield from _modules(wheel)
    if wheel.contents.whole:
        yield from _scripts(wheel)
        yield from ((RENAMED, reason) for reason in _extensions(wheel))
        yield from _schemes(wheel)
        yield from _on_windows(wheel)
        yield from _typed(wheel)


def _links(wheel: Distribution) -> Said:
    for member in wheel.contents.members:
        if member.kind is MemberKind.LINK:
            yield UNSAFE_MEMBER, f"{shown(member.name)} is a link, which a wheel can't hold"


def _said(wheel: Distribution) -> Said:
    """WHEEL: the tags of the file's name, and a format that installers know; they refuse others."""
    said = wheel.kept("WHEEL")
    if said is None or wheel.called is None:
        return
    lines = (line.partition(b":") for line in said.splitlines())
    values = (value.strip().decode(errors="replace") for key, _, value in lines if key.strip().lower() == b"tag")
    tags = frozenset(islice(chain.from_iterable(map(filename.tags, values)), filename.MOST_TAGS))
    if tags != wheel.called.tags:
        yield RENAMED, f"its tags are {shown(' '.join(sorted(tags)) or 'missing')} by WHEEL, not those of its name"
    match = re.search(rb"^Wheel-Version[ \t]*:[ \t]*([0-9]{1,9})\.[0-9]+[ \t]*\r?$", said, re.MULTILINE | re.IGNORECASE)
    if match is None or int(match[1]) != 1:
        yield INVALID_METADATA, "WHEEL has no Wheel-Version that installers know: 1.0"


def _record(wheel: Distribution) -> Said:
    data = wheel.kept("RECORD")
    if data is not None and wheel.folder and wheel.contents.whole:
        found = record.mismatches(data, wheel.contents.members, wheel.folder)
        yield from ((RECORD_MISMATCH, mismatch) for mismatch in found)


def _modules(wheel: Distribution) -> Said:
    """What the package says of its version."""
    version = wheel.version
    if version is None:
        return
    kept = {name: data for name, data in wheel.contents.kept.items() if name.endswith(".py")}
    for found in modules.statements(kept):
        if not pep440.equal(found.version, version):
            yield MODULE_VERSION, f"{shown(found.file)}:{found.line} says {shown(found.version)}, the wheel {version}"


def _scripts(wheel: Distribution) -> Said:
    """entry_points.txt, and the modules that its scripts lead to."""
    points = wheel.kept("entry_points.txt")
    if not points:
        return
    mistakes = list(entries.mistakes(points))
    yield from ((INVALID_METADATA, f"entry_points.txt: {mistake}") for mistake in mistakes)
    found = {} if mistakes else dict(entries.scripts(points))
    names = sorted(wheel.installed) if found else []
    alone = not (wheel.core and wheel.core.requires)
    for name, module in found.items():
        if modules.is_missing(module, names, alone):
            yield INCOMPLETE, f"the script {shown(name)} leads to {shown(module)}, which isn't in it"


def _extensions(wheel: Distribution) -> Iterator[str]:
    tags = wheel.called.tags if wheel.called else frozenset()
    return extensions.mismatches(wheel.installed, tags) if tags else iter(())


def _schemes(wheel: Distribution) -> Said:
    """Folders of .data that installers don't know, so that they refuse the wheel."""
    parts = (member.name.split("/", 2) for member in wheel.contents.members)
    found = {(top, rest[0]) for top, *rest in parts if top.endswith(".data") and rest and rest[0]}
    for top, scheme in sorted(found):
        if scheme not in _SCHEMES:
            yield INVALID_METADATA, f"{shown(top)}/{shown(scheme)} is none of the folders that installers know"


def _on_windows(wheel: Distribution) -> Said:
    """Names that can't be those of files on Windows, in a wheel that is for Windows too."""
    tags = wheel.called.tags if wheel.called else frozenset()
    if tags and all(_ELSEWHERE.search(tag) for tag in tags):
        return
    for member in wheel.contents.members:
        parts = (part for part in member.name.split("/") if part not in (".", ".."))
        if any(_DEVICE.fullmatch(part) or _NOT_ON_WINDOWS.search(part) for part in parts):
            yield UNSAFE_MEMBER, f"{shown(member.name)} can't be the name of a file on Windows"


def _typed(wheel: Distribution) -> Said:
    """A package that says that it has types, and doesn't let type checkers see them (PEP 561)."""
    names = wheel.installed
    packages = [name.rpartition("/")[0] for name in names if name.endswith("/__init__.py")]
    if wheel.core and _TYPED in wheel.core.others.get("classifier", ()) and packages and not _has_types(names):
        yield INCOMPLETE, f"py.typed is missing, though a classifier says {_TYPED}"


def _has_types(names: Collection[str]) -> bool:
    return any(name.endswith("/py.typed") or "-stubs/" in name for name in names)
