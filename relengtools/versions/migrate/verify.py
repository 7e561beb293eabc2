"""Metadata and files of the wheels before and after a migration, by really building both."""

import email.utils
import os
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import NamedTuple

from relengtools.versions import git
from relengtools.versions.artifacts import metadata
from relengtools.versions.migrate import licence
from relengtools.versions.migrate.build import BuildError, Surroundings, surroundings
from relengtools.versions.migrate.plan import Plan, Style
from relengtools.versions.rewrite import Change, Fate
from relengtools.versions.scheme import pep440

_STANDIN = "0.0.0"
_GIT = '#!/bin/sh\ncase " $* " in *" describe "*) echo VERSION; exit 0;; esac\nPATH=${PATH#*:} exec git "$@"\n'
# Python before 3.11.4 has no filters; git made the archive here.
_FILTERED = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
_IDENTITY = ("-c", "user.name=relengtools", "-c", "user.email=relengtools@localhost", "-c", "commit.gpgsign=false")


class Wheel(NamedTuple):
    """What a wheel holds, without its version: the files' names, the metadata's fields, entry points and tags."""

    version: str
    files: frozenset[str]
    fields: Mapping[str, frozenset[str]]


class Verified(NamedTuple):
    """`lost` is what the wheel had and hasn't any more, `gained` files that it hadn't, `version` the new one's."""

    lost: tuple[str, ...]
    gained: tuple[str, ...]
    version: str


def verify(plan: Plan, stubs: Sequence[str], progress: Callable[[str], None] = lambda step: None) -> Verified:
    """Build the project as it is committed and as it would be, and compare. Its code is run.

    `stubs` are names of programs and modules that do nothing. Raises BuildError, GitError.
    """
    place = plan.project.place
    inner = place.root.relative_to(place.tree)
    old_version = {plan.variable: _STANDIN} if plan.variable else {}
    with tempfile.TemporaryDirectory(prefix="relengtools-") as folder:
        before, after, programs = (Path(folder) / name for name in ("before", "after", "programs"))
        programs.mkdir()
        with surroundings(programs) as place_of_builds:
            for stub in stubs:
                place_of_builds.stub(stub)
            _copy(place.tree, before)
            _copy(place.tree, after)
            _apply(plan.changes, place.tree, after)
            progress("building it as it is")
            old = _old(place_of_builds, before / inner, old_version)
            progress("building it as it will be")
            new = read(place_of_builds.wheel(after / inner, _new_version(plan)))
            lost = [*losses(old, new), *_archive(place_of_builds, plan, after, inner, new.version)]
        return Verified(tuple(lost), tuple(sorted(new.files - old.files)), new.version)


def _old(builds: Surroundings, source: Path, variables: Mapping[str, str]) -> Wheel:
    """The wheel as it is; git gives a version that setuptools takes, because its own is what is wrong."""
    builds.program("git", _GIT.replace("VERSION", _STANDIN))
    try:
        return read(builds.wheel(source, variables))
    except BuildError as error:
        raise BuildError(f"it doesn't build as it is: {error}") from error
    finally:
        (builds.folder / "git").unlink()


def _new_version(plan: Plan) -> dict[str, str]:
    """What stands in for a version that git hasn't got."""
    if (plan.project.place.tree / ".git").exists() and (plan.before or plan.style is Style.MODERN):
        return {}
    if plan.style is Style.MODERN:
        return {"SETUPTOOLS_SCM_PRETEND_VERSION": _STANDIN}
    return {plan.variable: _STANDIN} if plan.variable else {}


def _copy(tree: Path, target: Path) -> None:
    """What is committed, in a repository that borrows the objects of the first."""
    if not (tree / ".git").exists():
        shutil.copytree(tree, target, symlinks=True)
        return
    common = tree / git.run(tree, "rev-parse", "--git-common-dir").decode().strip()
    git.run(tree, "init", "--quiet", str(target))
    for name in ("packed-refs", "shallow"):
        if (common / name).exists():
            shutil.copy2(common / name, target / ".git" / name)
    shutil.copytree(common / "refs", target / ".git/refs", dirs_exist_ok=True)
    (target / ".git/objects/info/alternates").write_bytes(os.fsencode((common / "objects").resolve()) + b"\n")
    (target / ".git/HEAD").write_text(f"{git.head(tree)}\n")
    git.run(target, "reset", "--quiet", "--hard")


def _apply(changes: Sequence[Change], tree: Path, target: Path) -> None:
    """Make the changes in the copy, and a commit of them: a dirty tree has another version."""
    for change in changes:
        path = target / change.source.path.relative_to(tree)
        if change.fate is Fate.REMOVED:
            path.unlink()
        else:
            path.write_bytes(change.new)
    if (target / ".git").exists():
        names = [change.source.path.relative_to(tree).as_posix() for change in changes]
        git.run(target, "add", "--all", "--force", "--", *names)
        git.run(target, *_IDENTITY, "commit", "--quiet", "--no-verify", "-m", "migrated")


def _archive(builds: Surroundings, plan: Plan, after: Path, inner: Path, version: str) -> Iterator[str]:
    """Whether what `git archive` packs knows the same version, where setuptools-scm is to give it."""
    if plan.style is not Style.MODERN or plan.before is None or not (after / ".git").exists():
        return
    folder = after.with_name("archive")
    git.run(after, "archive", "--format=tar", f"--output={folder}.tar", "HEAD")
    with tarfile.open(f"{folder}.tar") as archive:
        archive.extractall(folder, **_FILTERED)  # type: ignore[arg-type]  # noqa: S202
    try:
        said = _message(builds.metadata(folder / inner, {}).read_bytes()).get("Version", "")
    except BuildError as error:
        yield f"an archive (`git archive`) has no version any more: {error}"
        return
    one, other = pep440.parse(said), pep440.parse(version)
    if one is None or other is None or one.public != other.public:
        yield f"an archive (`git archive`) has the version {said} where the repository has {version}"


def read(path: Path) -> Wheel:
    """What a wheel holds that was built here."""
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        # setuptools writes an empty one for `namespace_packages=[]`.
        names = [e.filename for e in entries if e.file_size or not e.filename.endswith("namespace_packages.txt")]
        info = next(name for name in names if name.endswith(".dist-info/METADATA")).removesuffix("METADATA")
        message = _message(archive.read(f"{info}METADATA"))
        points = archive.read(f"{info}entry_points.txt").decode() if f"{info}entry_points.txt" in names else ""
        texts = [archive.read(name).decode(errors="replace") for name in names if _LICENCE.match(name)]
        tags = re.findall(r"^Tag: *(\S+)", archive.read(f"{info}WHEEL").decode(), re.MULTILINE)
    files = {re.sub(r"^[^/]+\.(dist-info|data)/", r"*.\1/", name) for name in names}
    fields = {key: frozenset(values) for key, values in _fields(message, "\n".join(texts)).items()}
    fields |= {"entry point": frozenset(_entries(points)), "tag": frozenset(tags)}
    return Wheel(message.get("Version", ""), frozenset(files), fields)


def losses(old: Wheel, new: Wheel) -> list[str]:
    """What the old wheel says or holds and the new one doesn't."""
    fields = [
        f"{field}: {item}"
        for field, items in sorted(old.fields.items())
        for item in sorted(items - new.fields.get(field, frozenset()))
    ]
    return [*fields, *(f"file in the wheel: {name}" for name in sorted(old.files - new.files))]


def _message(data: bytes) -> Message:
    return BytesParser().parsebytes(data)


_LICENCE = re.compile(r"[^/]+\.dist-info/(?:licenses/)?(?:LICEN[CS]E|COPYING)")
_OTHERWISE = {"metadata-version", "version", "dynamic", "license", "license-expression", "classifier", "keywords"}
_OTHERWISE |= {"home-page", "download-url", "project-url", "author", "author-email", "maintainer", "maintainer-email"}


def _fields(message: Message, licences: str) -> dict[str, set[str]]:
    """The metadata by meaning: where a newer form of a field says the same, the same stands here."""
    found: dict[str, set[str]] = {}
    for key, value in message.items():
        if key.lower() not in _OTHERWISE:
            found.setdefault(key, set()).add(_squeezed(key, str(value)))
    classifiers = list(map(str, message.get_all("Classifier", [])))
    found["Classifier"] = {text for text in classifiers if not text.startswith(licence.CLASSIFIER)}
    found["License"] = set(_licences(message, classifiers, licences))
    found["Keywords"] = {word.strip() for word in re.split(r"[,\n]", str(message.get("Keywords", ""))) if word.strip()}
    urls = [str(value).rpartition(", ")[2] for value in message.get_all("Project-URL", [])]
    urls += [str(message[key]) for key in ("Home-page", "Download-URL") if message[key]]
    found["URL"] = set(urls) - {"UNKNOWN"}
    for who in ("Author", "Maintainer"):
        found[who] = set(_people(str(message.get(who, "")), str(message.get(f"{who}-email", ""))))
    body = message.get_payload()
    found["Description"] = {" ".join(body.split())} if isinstance(body, str) and body.strip() else set()
    return found


def _squeezed(key: str, value: str) -> str:
    if key in ("Name", "Provides-Extra"):
        return re.sub(r"[-_.]+", "-", value).lower()
    if key == "Requires-Dist":
        text = metadata.requirement(value)
        return re.sub(r'(extra == )"([^"]*)"', lambda match: f"{match[1]}{_squeezed('Name', match[2])!r}", text)
    if key == "Requires-Python":
        return ",".join(sorted(re.sub(r"\s+", "", value).split(",")))
    return " ".join(value.split())


def _licences(message: Message, classifiers: Sequence[str], texts: str) -> Iterator[str]:
    text = str(message.get("License-Expression") or message.get("License") or "")
    try:
        found = licence.expression(text, classifiers, texts)
    except licence.CannotCarryError:
        found = text
    if found:
        yield found


def _people(names: str, addresses: str) -> Iterator[str]:
    for name, address in email.utils.getaddresses([addresses]):
        yield from filter(None, (name, address))
    yield from (name.strip() for name in names.split(",") if name.strip())


def _entries(text: str) -> Iterator[str]:
    section = ""
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("["):
            section = line
        elif line:
            yield f"{section} {re.sub(r' *= *', ' = ', line)}"
