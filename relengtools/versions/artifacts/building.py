"""A project built as its users build it: the sdist, and a wheel from the sdist and from the tree, side by side."""

import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from relengtools.versions import git
from relengtools.versions.artifacts import backend, distribution, origin
from relengtools.versions.artifacts.contents import MemberKind, Trouble, shown
from relengtools.versions.artifacts.distribution import Distribution
from relengtools.versions.catalogue_release import BUILD_FAILS, UNSAFE_MEMBER, WHEEL_DIFFERS

# Never part of a build, and large. The rest of the tree is copied, old builds too: they are in the builds of users.
_CACHES = {"__pycache__", ".nox", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".git"}
_GIT = ("objects", "worktrees", "modules", "hooks", "lfs", "logs")


class Built(NamedTuple):
    """What came out, as far as it did, and what went wrong; `wheel` is the one from the sdist."""

    distributions: tuple[Distribution, ...] = ()
    troubles: tuple[Trouble, ...] = ()


class FailedError(Exception):
    """The project can't be built; carries the Trouble."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(reason)
        self.trouble = Trouble(BUILD_FAILS, f"{what}: {reason}")


def build(root: Path, tree: Path, progress: Callable[[str], None] = lambda step: None) -> Built:
    """Build the project at `root` from copies of `tree`, by its own backend in an isolated environment.

    Its code is run. All builds are made at one path, so that a path in what is compiled is no difference. `progress`
    is told each step. Raises UnavailableError where there is no environment, GitError.
    """
    with tempfile.TemporaryDirectory(prefix="relengtools-") as folder, backend.isolated() as environment:
        work = Path(folder) / "work"
        made = _Made(environment, work / root.relative_to(tree), Path(folder) / "out", progress)
        return _all(made, lambda: _copy(tree, work), work)


class _Made(NamedTuple):
    """Where builds are made: always at `place`, into folders of `out`."""

    environment: backend.Isolated
    place: Path
    out: Path
    progress: Callable[[str], None]

    def build(self, kind: Literal["sdist", "wheel"], source: str) -> Path:
        """Build what stands at the place; raises FailedError."""
        what = f"the {kind} from the {source}"
        self.progress(f"building {what}")
        try:
            return self.environment.build(kind, self.place, self.out / f"{kind} from the {source}")
        except backend.BackendError as error:
            raise FailedError(what, str(error)) from error


def _all(made: _Made, copy: Callable[[], None], work: Path) -> Built:
    """Each from a fresh copy: a build leaves files behind that change the next one."""
    troubles: list[Trouble] = []
    wheels: list[Distribution] = []
    sdist = None
    try:
        copy()
        wheels.append(_read(made.build("wheel", "tree")))
        shutil.rmtree(work)
        copy()
        path = made.build("sdist", "tree")
        shutil.rmtree(work)
        sdist = _read(path)
        _unpack(path, sdist, made.place)
        wheels.append(_read(made.build("wheel", "sdist")))
    except FailedError as error:
        troubles.append(error.trouble)
    if len(wheels) == 2:
        troubles += (Trouble(WHEEL_DIFFERS, difference) for difference in differences(*wheels))
    return Built(tuple(d for d in (sdist, *wheels[-1:]) if d), tuple(troubles))


def differences(tree: Distribution, sdist: Distribution) -> Iterator[str]:
    """How the wheels from the tree and from the sdist differ, but for RECORD."""
    if tree.filename != sdist.filename:
        yield f"from the tree it is {shown(tree.filename)}, from the sdist {shown(sdist.filename)}"
        return
    places = "only in the wheel from the tree", "only in the wheel from the sdist", "different in them"
    yield from _compared(_files(tree), _files(sdist), *places)


def apart(given: Mapping[str, bytes], built: Mapping[str, bytes]) -> Iterator[str]:
    """How the payload of a distribution that is handed in differs from that of the one built here.

    Compilers rarely give the same bytes twice: of what they made the names have to agree.
    """
    places = "only in what is handed in", "only in what is built here", "different in what is built here"
    ours, theirs = ({n: b"" if n.endswith(origin.COMPILED) else d for n, d in each.items()} for each in (given, built))
    yield from _compared(ours, theirs, *places)


def _compared(
    ours: Mapping[str, bytes], theirs: Mapping[str, bytes], here: str, there: str, different: str
) -> Iterator[str]:
    """How two sets of files differ, by their digests."""
    yield from origin.listed(here, [name for name in ours if name not in theirs])
    yield from origin.listed(there, [name for name in theirs if name not in ours])
    yield from origin.listed(different, [name for name in ours if name in theirs and ours[name] != theirs[name]])


def _files(wheel: Distribution) -> Mapping[str, bytes]:
    own = f"{wheel.folder}/RECORD"
    return {m.name: m.digest for m in wheel.contents.members if m.kind is not MemberKind.FOLDER and m.name != own}


def _read(path: Path) -> Distribution:
    return distribution.read(path, f"<{path.parent.name}>/{path.name}")


def _copy(tree: Path, work: Path) -> None:
    """The files of the tree, and a clone around them that borrows the objects of its own."""
    shutil.copytree(tree, work, symlinks=True, ignore=_ignored)
    if (tree / ".git").exists():
        common, own = (
            tree / os.fsdecode(git.run(tree, "rev-parse", option)).strip()
            for option in ("--git-common-dir", "--git-dir")
        )
        shutil.copytree(common, work / ".git", symlinks=True, ignore=lambda _, names: set(_GIT) & set(names))
        for name in ("HEAD", "index"):
            if (own / name).exists():
                shutil.copy2(own / name, work / ".git" / name)
        (work / ".git/objects/info").mkdir(parents=True)
        (work / ".git/objects/info/alternates").write_bytes(os.fsencode((common / "objects").resolve()) + b"\n")


def _ignored(folder: str, names: list[str]) -> set[str]:
    """Caches, virtual environments, and what is no file, folder or link."""
    found = set(names) & _CACHES
    for name in names:
        path = Path(folder, name)
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            found |= {name} if (path / "pyvenv.cfg").exists() else set()
        elif not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            found.add(name)
    return found


def _unpack(path: Path, sdist: Distribution, place: Path) -> None:
    """Unpack an sdist that was built here, if it may be; raises FailedError."""
    bad = not sdist.contents.whole or any(trouble.rule is UNSAFE_MEMBER for trouble in sdist.contents.troubles)
    if bad or sdist.folder is None:
        raise FailedError("the wheel from the sdist", "the sdist can't be unpacked")
    # Python before 3.11.4 has no filters; there is nothing unsafe in it.
    filtered = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        with tarfile.open(path, "r:gz") as archive:
            archive.extractall(folder, **filtered)  # type: ignore[arg-type]  # noqa: S202
        place.parent.mkdir(parents=True, exist_ok=True)
        (Path(folder) / sdist.folder).rename(place)
