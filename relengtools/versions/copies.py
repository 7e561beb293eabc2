"""The other places of a project where its version is written: modules, documentation, packaging, locks."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.files import Files
from relengtools.versions.locate import lines
from relengtools.versions.locate.source import Source, UnreadableError
from relengtools.versions.packages import package_files

Locate = Callable[[Source], Declaration | None]
_RECIPES = ("conda", "conda.recipe", "recipe", "conda-recipe", ".conda")
_DOCS = ("docs", "doc", "docs/source", "doc/source")


def find(files: Files, name: str | None) -> Iterator[Declaration]:
    """Every copy that can be read, in the order in which a reader would look for them."""
    yield from _modules(files, name)
    yield from _beside(files)
    if name:
        yield from _locked(files, name)


def _modules(files: Files, name: str | None) -> Iterator[Declaration]:
    """`__version__` of the package, unless a provider wrote it there."""
    from relengtools.versions.locate import module

    for file in package_files(files.place.root, name):
        source = files.source(file, python=True)
        try:
            found = module.locate(source) if source else None
        except UnreadableError as error:
            files.note(error.problem)
            continue
        if not isinstance(found, Declaration) or not source or module.generated(source):
            continue
        if not _is_placeholder(found.value):
            yield found


def _is_placeholder(value: str) -> bool:
    """Whether a build or a template fills it in: @VERSION@, {{ version }}, %VERSION%, ${version}, RPM_VERSION."""
    return not re.search("[0-9]", value) and re.search(r"[@{%$<]|^[A-Z_]+$", value) is not None


def _beside(files: Files) -> Iterator[Declaration]:
    """Files with a name of their own at the root of the project, and in the folders where they usually are."""
    root = files.place.root
    try:
        names = {entry.name for entry in os.scandir(root)}
    except OSError:
        return
    for name, form in _PLAIN.items():
        if name in names:
            yield from _one(files, name, form)
    for folder in _RECIPES:
        if folder in names and (root / folder / "meta.yaml").is_file():
            yield from _one(files, f"{folder}/meta.yaml", _form(lines.CONDA))
    if "debian" in names and (root / "debian" / "changelog").is_file():
        yield from _one(files, "debian/changelog", _form(lines.DEBIAN))
    for name in sorted(name for name in names if name.endswith(".spec")):
        yield from _one(files, name, _form(lines.RPM))
    for folder in _DOCS:
        if folder.partition("/")[0] in names and (root / folder / "conf.py").is_file():
            yield from _one(files, f"{folder}/conf.py", _docs_conf, python=True)


def _one(files: Files, name: str, locate: Locate, python: bool = False) -> Iterator[Declaration]:
    """The declaration in a file that the build doesn't read: one that can't be read is none of our business."""
    source = files.quiet(files.place.root / name, python)
    try:
        found = locate(source) if source else None
    except UnreadableError:
        return
    if found is not None:
        yield found


def _form(form: lines.Form) -> Locate:
    return lambda source: lines.locate(source, form)


def _docs_conf(source: Source) -> Declaration | None:
    """Sphinx's `release`, the full version (`version` is the short one); not the name of a branch, as `latest`."""
    from relengtools.versions.locate import module

    found = module.locate(source, ("release",))
    if not isinstance(found, Declaration) or not re.search("[0-9]", found.value):
        return None
    return found._replace(kind=Kind.DOCS_CONF)


_PLAIN: dict[str, Locate] = {
    "CITATION.cff": _form(lines.CITATION),
    "meta.yaml": _form(lines.CONDA),
    "APKBUILD": _form(lines.APKBUILD),
    "PKGBUILD": _form(lines.PKGBUILD),
    "package.json": lines.package_json,
    "Dockerfile": _form(lines.DOCKERFILE),
    "Containerfile": _form(lines.DOCKERFILE),
}


def locator(path: Path) -> Locate | None:
    """What finds the version in a file of this name again; None for one that has no format of its own."""
    if path.name in _PLAIN:
        return _PLAIN[path.name]
    if path.suffix == ".spec":
        return _form(lines.RPM)
    return _form(lines.DEBIAN) if path.name == "changelog" else None


def _locked(files: Files, name: str) -> Iterator[Declaration]:
    """The project's entry in uv.lock, its own or its workspace's."""
    root, tree = files.place.root, files.place.tree
    for folder in (root, *(parent for parent in root.parents if parent.is_relative_to(tree))):
        path = folder / "uv.lock"
        if os.path.lexists(path) and (source := files.quiet(path, False)):
            found = lines.uv_lock(source, name, root.relative_to(folder).as_posix())
            if found is not None:
                yield found
