"""Metadata and files of the wheels and sdists before and after a migration, by really building all four."""

import email.utils
import hashlib
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
from relengtools.versions.artifacts.backend import BackendError, Isolated, isolated
from relengtools.versions.migrate import licence, standins
from relengtools.versions.migrate.plan import Plan, Style
from relengtools.versions.names import normalized
from relengtools.versions.rewrite import Change, Fate
from relengtools.versions.scheme import pep440

_STANDIN = "0.0.0"
_GIT = '#!/bin/sh\ncase " $* " in *" describe "*) echo VERSION; exit 0;; esac\nPATH=${PATH#*:} exec git "$@"\n'
# Python before 3.11.4 has no filters; git made the archive here.
_FILTERED = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
# What a commit in a copy needs, and what of the user's settings would stop it: --no-verify leaves some hooks.
_SETTINGS = ("user.name=relengtools", "user.email=relengtools@localhost", "commit.gpgsign=false")
_COMMIT = (*(word for one in (*_SETTINGS, f"core.hooksPath={os.devnull}") for word in ("-c", one)), "commit", "--quiet")


class Built(NamedTuple):
    """A wheel or an sdist without its version: the files' names, the metadata's fields, entry points and tags.

    `texts` has of each text file of a wheel's packages a digest of what it says.
    """

    kind: str
    version: str
    files: frozenset[str]
    fields: Mapping[str, frozenset[str]]
    texts: Mapping[str, bytes] = {}


class Verified(NamedTuple):
    """`lost` is what the wheel or the sdist had and hasn't any more, `version` the new one's.

    `before` is the version as it was, of a commit that is as far from its tag; None where that doesn't build. Then
    `here` is that of the very commit that is checked out, if it builds: on a tag `git describe` says just the tag.
    `gained` are files that the wheel hadn't, `packed` those that the sdist hadn't, `altered` those of the wheel that
    say something else, but for the version.
    """

    lost: tuple[str, ...]
    gained: tuple[str, ...]
    version: str
    packed: tuple[str, ...] = ()
    before: str | None = None
    here: str | None = None
    altered: tuple[str, ...] = ()


class _Builds(NamedTuple):
    """The environment, where to put programs that stand in, and where what is built goes."""

    environment: Isolated
    programs: Path
    out: Path

    def wheel(self, source: Path, variables: Mapping[str, str]) -> Built:
        return read(self.environment.build("wheel", source, self._folder(), variables))

    def sdist(self, source: Path, variables: Mapping[str, str]) -> Built | BackendError:
        """The sdist, or why there is none."""
        try:
            return read(self.environment.build("sdist", source, self._folder(), variables))
        except BackendError as error:
            return error

    def metadata(self, source: Path) -> bytes:
        return (self.environment.build("metadata", source, self._folder()) / "METADATA").read_bytes()

    def _folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.out))


def verify(plan: Plan, stubs: Sequence[str], progress: Callable[[str], None] = lambda step: None) -> Verified:
    """Build the project as it is committed and as it would be, and compare. Its code is run.

    `stubs` are names of programs and modules that do nothing. Raises BackendError, UnavailableError, GitError.
    """
    place = plan.project.place
    inner = place.root.relative_to(place.tree)
    old_version = {plan.variable: _STANDIN} if plan.variable else {}
    with tempfile.TemporaryDirectory(prefix="relengtools-") as folder:
        before, after, programs, out = (Path(folder) / name for name in ("before", "after", "programs", "out"))
        programs.mkdir()
        out.mkdir()
        with isolated(programs, (*standins.UNSET, *old_version)) as environment:
            builds = _Builds(environment, programs, out)
            for stub in stubs:
                standins.stub(environment, programs, stub)
            _copy(place.tree, before)
            _copy(place.tree, after)
            _apply(plan.changes, place.tree, after)
            progress("building it as it is")
            versioned = (before / ".git").exists()
            said = _said(builds, before, inner, 1) if versioned else None
            here = _said(builds, before, inner, 0) if versioned and said is None else None
            old = _old(builds, before, inner, old_version)
            said = said if versioned else old[0].version
            progress("building it as it will be")
            new = _both(builds, after, inner, _new_version(plan))
            gone = {change.source.path.name for change in plan.changes if change.fate is Fate.REMOVED}
            losing = [
                *moved(plan, said, new[0].version),
                *lost(old, new, gone),
                *_archive(builds, plan, after, inner, new[0].version),
            ]
        packed = _files(new[1]) - _files(old[1]) if isinstance(old[1], Built) else ()
        gained = tuple(sorted(new[0].files - old[0].files))
        others = altered(old[0], new[0])
        return Verified(tuple(losing), gained, new[0].version, tuple(sorted(packed)), said, here, others)


_Both = tuple[Built, Built | BackendError]


def _both(builds: _Builds, source: Path, inner: Path, variables: Mapping[str, str]) -> _Both:
    """The wheel and the sdist, each from a copy of its own: a build leaves behind what the next one packs."""
    copy = source.with_name(f"{source.name}-sdist")
    shutil.copytree(source, copy, symlinks=True)
    return builds.wheel(source / inner, variables), builds.sdist(copy / inner, variables)


def _said(builds: _Builds, source: Path, inner: Path, further: int) -> str | None:
    """The version that it has as it is, so many commits further on; None if it doesn't build.

    Migrated, it is one further from its tag.
    """
    copy = source.with_name(f"said-{further}")
    shutil.copytree(source, copy, symlinks=True)
    for _ in range(further):
        git.run(copy, *_COMMIT, "--no-verify", "--allow-empty", "-m", "as it is")
    try:
        said = str(_message(builds.metadata(copy / inner)).get("Version", ""))
    except BackendError:
        return None
    return said if pep440.parse(said) else None


def moved(plan: Plan, old: str | None, new: str) -> Iterator[str]:
    """A change between two versions that PEP 440 takes, unless the plan announces it."""
    if old is None or _public(old) == _public(new):
        return
    if plan.described is None and plan.project.owner is None:
        return  # without a tag the version is another one, and the plan says so
    announced = (_public(plan.later[0]), _public(plan.later[1]))
    if announced != (_public(old), _public(new)):
        yield f"version: {old} becomes {new}"


def _public(text: str | None) -> str | None:
    version = pep440.parse(text) if text else None
    return version.public if version else None


def _old(builds: _Builds, source: Path, inner: Path, variables: Mapping[str, str]) -> _Both:
    """As it is; git gives a version that setuptools takes, because its own is what is wrong."""
    standins.program(builds.programs / "git", _GIT.replace("VERSION", _STANDIN))
    try:
        return _both(builds, source, inner, variables)
    except BackendError as error:
        raise BackendError(f"it doesn't build as it is: {error}") from error
    finally:
        (builds.programs / "git").unlink()


def lost(old: _Both, new: _Both, gone: set[str]) -> list[str]:
    """What the wheel loses, and besides that the sdist, but for the files that the migration itself removes."""
    found = losses(old[0], new[0])
    if isinstance(old[1], BackendError):
        return found  # there was no sdist to lose anything of
    if isinstance(new[1], BackendError):
        return [*found, f"an sdist can't be built any more: {new[1]}"]
    kept = old[1]._replace(files=old[1].files - gone)
    return [*found, *(line for line in losses(kept, new[1]) if line not in found)]


def _files(built: Built | BackendError) -> frozenset[str]:
    return built.files if isinstance(built, Built) else frozenset()


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
    other = git.run(tree, "rev-parse", "--show-object-format").strip() == b"sha256"
    git.run(tree, "init", "--quiet", *(["--object-format=sha256"] if other else []), str(target))
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
        git.run(target, *_COMMIT, "--no-verify", "-m", "migrated")


def _archive(builds: _Builds, plan: Plan, after: Path, inner: Path, version: str) -> Iterator[str]:
    """Whether what `git archive` packs knows the same version, where setuptools-scm is to give it."""
    if plan.style is not Style.MODERN or plan.before is None or not (after / ".git").exists():
        return
    folder = after.with_name("archive")
    git.run(after, "archive", "--format=tar", f"--output={folder}.tar", "HEAD")
    with tarfile.open(f"{folder}.tar") as archive:
        archive.extractall(folder, **_FILTERED)  # type: ignore[arg-type]  # noqa: S202
    try:
        said = _message(builds.metadata(folder / inner)).get("Version", "")
    except BackendError as error:
        yield f"an archive (`git archive`) has no version any more: {error}"
        return
    one, other = pep440.parse(said), pep440.parse(version)
    if one is None or other is None or one.public != other.public:
        yield f"an archive (`git archive`) has the version {said} where the repository has {version}"


def read(path: Path) -> Built:
    """What a wheel or an sdist holds that was built here."""
    return _sdist(path) if path.name.endswith(".tar.gz") else _wheel(path)


def _wheel(path: Path) -> Built:
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        # setuptools writes an empty one for `namespace_packages=[]`.
        names = [e.filename for e in entries if e.file_size or not e.filename.endswith("namespace_packages.txt")]
        info = next(name for name in names if name.endswith(".dist-info/METADATA")).removesuffix("METADATA")
        message = _message(archive.read(f"{info}METADATA"))
        points = archive.read(f"{info}entry_points.txt").decode() if f"{info}entry_points.txt" in names else ""
        texts = [archive.read(name).decode(errors="replace") for name in names if _LICENCE.match(name)]
        tags = re.findall(r"^Tag: *(\S+)", archive.read(f"{info}WHEEL").decode(), re.MULTILINE)
        data = ((name, archive.read(name)) for name in names if not name.startswith(info))
        said = {name: _digest(text, message.get("Version", "")) for name, text in data if b"\0" not in text}
    files = {re.sub(r"^[^/]+\.(dist-info|data)/", r"*.\1/", name) for name in names}
    fields = {key: frozenset(values) for key, values in _fields(message, "\n".join(texts)).items()}
    fields |= {"entry point": frozenset(_entries(points)), "tag": frozenset(tags)}
    return Built("wheel", message.get("Version", ""), frozenset(files), fields, said)


def _digest(text: bytes, version: str) -> bytes:
    for one in (version, _STANDIN):  # both out of both, for a file may have one of them of its own
        text = text.replace(one.encode(), b"")
    return hashlib.sha256(text).digest()


def _sdist(path: Path) -> Built:
    """Without what is written for the sdist itself: PKG-INFO, setup.cfg and the folder `*.egg-info`."""
    with tarfile.open(path) as archive:
        names = {name: member for member in archive if member.isfile() for name in [member.name.partition("/")[2]]}
        data = {
            name: b"" if (file := archive.extractfile(member)) is None else file.read()
            for name, member in names.items()
            if name == "PKG-INFO" or _LICENCE.match(name)
        }
    message = _message(data.get("PKG-INFO", b""))
    texts = [text.decode(errors="replace") for name, text in data.items() if name != "PKG-INFO"]
    fields = {key: frozenset(values) for key, values in _fields(message, "\n".join(texts)).items()}
    files = {name for name in names if name not in ("PKG-INFO", "setup.cfg") and ".egg-info/" not in f"/{name}"}
    return Built("sdist", message.get("Version", ""), frozenset(files), fields)


def losses(old: Built, new: Built) -> list[str]:
    """What the old one says or holds and the new one doesn't."""
    fields = [
        f"{field}: {item}"
        for field, items in sorted(old.fields.items())
        for item in sorted(items - new.fields.get(field, frozenset()))
    ]
    return [*fields, *(f"file in the {old.kind}: {name}" for name in sorted(old.files - new.files))]


def altered(old: Built, new: Built) -> tuple[str, ...]:
    """The text files that both wheels have and that say something else."""
    return tuple(name for name, text in sorted(new.texts.items()) if old.texts.get(name, text) != text)


def _message(data: bytes) -> Message:
    return BytesParser().parsebytes(data)


_LICENCE = re.compile(r"(?:[^/]+\.dist-info/(?:licenses/)?)?(?:LICEN[CS]E|COPYING)[^/]*$")
_OTHERWISE = {"metadata-version", "version", "dynamic", "license", "license-expression", "classifier", "keywords"}
_OTHERWISE |= {"home-page", "download-url", "project-url", "author", "author-email", "maintainer", "maintainer-email"}


def _fields(message: Message, licences: str) -> dict[str, set[str]]:
    """The metadata by meaning: where a newer form of a field says the same, the same stands here."""
    found: dict[str, set[str]] = {}
    for key, value in message.items():
        if key.lower() not in _OTHERWISE:
            found.setdefault(key, set()).add(_squeezed(key, str(value)))
    classifiers = list(map(str, message.get_all("Classifier", [])))
    found["License"] = set(_licences(message, classifiers, licences))
    kept = (text for text in classifiers if not found["License"] or not text.startswith(licence.CLASSIFIER))
    found["Classifier"] = set(kept)
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
        return normalized(value)
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
    found = email.utils.getaddresses([addresses])
    yield from (address for _, address in found if address)
    # Two behind one address are one quoted name there.
    written = (part.strip() for text in (names, *(name for name, _ in found)) for part in text.split(","))
    yield from filter(None, written)


def _entries(text: str) -> Iterator[str]:
    section = ""
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("["):
            section = line
        elif line:
            yield f"{section} {re.sub(r' *= *', ' = ', line)}"
