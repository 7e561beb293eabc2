"""A project built as its users build it: the sdist, and a wheel from the sdist and from the tree, side by side."""

import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Literal, NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.versions import git
from relengtools.versions.artifacts import distribution
from relengtools.versions.artifacts.contents import MemberKind, Trouble, shown
from relengtools.versions.artifacts.distribution import Distribution
from relengtools.versions.catalogue_release import BUILD_FAILS, UNSAFE_MEMBER, WHEEL_DIFFERS

if TYPE_CHECKING:
    from build.env import DefaultIsolatedEnv

# Never part of a build, and large. The rest of the tree is copied, old builds too: they are in the builds of users.
_CACHES = {"__pycache__", ".nox", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".git"}
_GIT = ("objects", "worktrees", "modules", "hooks", "lfs", "logs")
# Zip has no dates before 1980; what dates its output has to give both wheels the same one.
_EPOCH = "1577836800"
_TAIL = 4096
_TOLD = 5


class Built(NamedTuple):
    """What came out, as far as it did, and what went wrong; `wheel` is the one from the sdist."""

    distributions: tuple[Distribution, ...] = ()
    troubles: tuple[Trouble, ...] = ()


class BuildError(RelengError):
    """No environment could be made to build in."""


class FailedError(Exception):
    """The project can't be built; carries the Trouble."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(reason)
        self.trouble = Trouble(BUILD_FAILS, f"{what}: {reason}")


def build(root: Path, tree: Path, progress: Callable[[str], None] = lambda step: None) -> Built:
    """Build the project at `root` from copies of `tree`, by its own backend in an isolated environment.

    Its code is run. All builds are made at one path, so that a path in what is compiled is no difference. `progress`
    is told each step. Raises BuildError where the environment can't be made, GitError.
    """
    from build.env import DefaultIsolatedEnv

    with tempfile.TemporaryDirectory(prefix="relengtools-") as folder:
        work = Path(folder) / "work"
        place = work / root.relative_to(tree)
        try:
            with DefaultIsolatedEnv() as environment:
                made = _Made(environment, place, Path(folder) / "out", progress)
                return _all(made, lambda: _copy(tree, work), work)
        except CalledProcessError as error:
            raise BuildError(f"the build's requirements can't be installed: {_last(error)}") from error


class _Made(NamedTuple):
    """Where builds are made: always at `place`, into folders of `out`."""

    environment: "DefaultIsolatedEnv"
    place: Path
    out: Path
    progress: Callable[[str], None]

    def build(self, kind: Literal["sdist", "wheel"], source: str) -> Path:
        """Build what stands at the place; raises FailedError."""
        from build import BuildBackendException, BuildException, ProjectBuilder

        what = f"the {kind} from the {source}"
        self.progress(f"building {what}")
        try:
            builder = ProjectBuilder.from_isolated_env(self.environment, self.place, runner=_run)
            self.environment.install(builder.build_system_requires)
            self.environment.install(builder.get_requires_for_build(kind))
            return Path(builder.build(kind, self.out / f"{kind} from the {source}"))
        except (BuildException, BuildBackendException) as error:
            inner = getattr(error, "exception", error)
            reason = _last(inner) if isinstance(inner, CalledProcessError) else printable(str(inner) or str(error))
            raise FailedError(what, reason) from error


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
    ours, theirs = _files(tree), _files(sdist)
    yield from _listed("only in the wheel from the tree", [name for name in ours if name not in theirs])
    yield from _listed("only in the wheel from the sdist", [name for name in theirs if name not in ours])
    yield from _listed("different in them", [name for name in ours if name in theirs and ours[name] != theirs[name]])


def _files(wheel: Distribution) -> Mapping[str, bytes]:
    own = f"{wheel.folder}/RECORD"
    return {m.name: m.digest for m in wheel.contents.members if m.kind is not MemberKind.FOLDER and m.name != own}


def _listed(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        yield f"{what}: {', '.join(map(shown, names[:_TOLD]))}{more}"


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


def _run(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
    """Run a step of the backend, quietly; raises CalledProcessError with the end of what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", _EPOCH), **(extra_environ or {})}
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            cmd, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False
        )
        if done.returncode:
            said.seek(max(0, said.tell() - _TAIL))
            raise CalledProcessError(done.returncode, cmd, said.read())


def _last(error: CalledProcessError) -> str:
    """The last line of what a program said that failed."""
    said = b"\n".join(part for part in (error.output, error.stderr) if isinstance(part, bytes))
    lines = said.decode(errors="replace").strip().splitlines()
    return printable(lines[-1].strip())[:300] if lines else f"exit code {error.returncode}"
