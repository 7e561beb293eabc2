"""Distributions against the tree that they are said to be made of: what is in them that nobody committed."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain
from pathlib import Path, PurePosixPath

from relengtools.findings import Rule
from relengtools.versions import git
from relengtools.versions.artifacts import contents, origin
from relengtools.versions.artifacts.filename import Form
from relengtools.versions.artifacts.handling import Handling, handling
from relengtools.versions.artifacts.summary import Summary
from relengtools.versions.catalogue_release import DIRTY_TREE
from relengtools.versions.names import normalized
from relengtools.versions.project import Project
from relengtools.versions.release_order import Clone

# What stands instead of a large file where git's extension for those isn't installed.
_POINTER = b"version https://git-lfs.github.com/spec/"
# What backends put at the top of an sdist by themselves, or write anew there.
_OF_BACKENDS = {"setup.py", "pyproject.toml"}
Said = Iterator[tuple[Summary, Rule, str]]


def judge(distributions: Sequence[Summary], project: Project, clone: Clone) -> Said:
    """Each distribution of the project that holds files which git doesn't know, or not as they are committed.

    Files that git ignores are no mistake: they are made before the build. Raises GitError.
    """
    own = [d for d in distributions if d.payload and normalized(d.name or "") == normalized(project.name or "")]
    if clone.unasked or not own:
        return
    tree = _Tree(project.place.root, clone)
    done = handling(project.document or {}, tree.bytes("setup.py"), tree.bytes("setup.cfg"), tree)
    for distribution in own:
        found = origin.strangers(distribution.payload, tree, done)
        folders = {""} if distribution.form is Form.SDIST else {"", "src/", *found.folders}
        lying = {
            n for n in tree.lying(distribution.payload, folders) if done is Handling.COPIES or not origin.is_note(n)
        }
        unknown = sorted(lying | tree.unknown(found.added, folders))
        yield from ((distribution, DIRTY_TREE, line) for line in origin.listed("git doesn't know", unknown))
        changed = [name for name in found.changed if name not in _OF_BACKENDS]
        yield from ((distribution, DIRTY_TREE, line) for line in origin.listed("not as it is committed", changed))


class _Tree(Mapping[str, bytes]):
    """The tracked files of a clone, seen from a project in it, and the digests of their texts, made as asked for."""

    def __init__(self, root: Path, clone: Clone) -> None:
        self.clone = clone
        self.below = root.relative_to(clone.tree).as_posix()
        self.digests: dict[str, bytes] = {}

    @cached_property
    def names(self) -> dict[str, Path]:
        """The files that are below the project, as it sees them, and the others behind a `/`."""
        start = "" if self.below == "." else f"{self.below}/"
        found = git.tracked(self.clone.tree)
        return {
            name.removeprefix(start) if name.startswith(start) else f"/{name}": self.clone.tree / name for name in found
        }

    def __getitem__(self, name: str) -> bytes:
        if name not in self.digests:
            path = self.names[name]
            changed = path.relative_to(self.clone.tree).as_posix() in self.clone.changed
            self.digests[name] = origin.UNKNOWN if changed else _digest(path)
        return self.digests[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def bytes(self, name: str) -> bytes:
        """A file that is small; empty where there is none."""
        try:
            return self.names[name].read_bytes() if name in self.names else b""
        except OSError:
            return b""

    def place(self, name: str) -> str:
        """A file of the project, seen from the tree."""
        return (PurePosixPath(self.below) / name).as_posix()

    def lying(self, names: Iterable[str], folders: Collection[str]) -> Iterator[str]:
        """Those of the names that lie in one of the folders, untracked and not ignored."""
        untracked = self.clone.untracked
        for name in names if untracked else ():
            places = (self.place(folder + name) for folder in folders)
            if any(_holds(untracked, place) and (self.clone.tree / place).is_file() for place in places):
                yield name

    def unknown(self, names: Iterable[str], folders: Collection[str]) -> set[str]:
        """Those of the names that git wouldn't ignore in any of the folders; what leads elsewhere is told elsewhere."""
        within = (name for name in names if name not in _OF_BACKENDS and ".." not in name.split("/"))
        places = {name: [self.place(folder + name) for folder in folders if folder[:1] != "/"] for name in within}
        ignored = self._ignored([place for several in places.values() for place in several])
        return {name for name, several in places.items() if not ignored & set(several)}

    def _ignored(self, places: Sequence[str]) -> set[str]:
        """Those that git ignores; what it refuses to judge, as in a submodule, counts too."""
        try:
            return git.ignored(self.clone.tree, places)
        except git.GitError:
            half = len(places) // 2
            return self._ignored(places[:half]) | self._ignored(places[half:]) if half else set(places)


def _holds(untracked: Sequence[str], name: str) -> bool:
    return any(name == one or (one.endswith("/") and name.startswith(one)) for one in untracked)


def _digest(path: Path) -> bytes:
    """The digest of a text; UNKNOWN where there is no such file, or something that stands for it."""
    if not path.is_file():
        return origin.UNKNOWN
    try:
        with path.open("rb") as file:
            start = file.read(contents.CHUNK)
            rest = iter(partial(file.read, contents.CHUNK), b"")
            return origin.UNKNOWN if start.startswith(_POINTER) else contents.digests(chain([start], rest)).text
    except OSError:
        return origin.UNKNOWN
