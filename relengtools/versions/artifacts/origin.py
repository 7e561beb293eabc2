"""Files of a distribution that the project it is said to be made of hasn't got: told without building it."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from relengtools.versions.artifacts.contents import shown
from relengtools.versions.artifacts.handling import Handling

COMPILED = (".so", ".pyd", ".dylib", ".dll", ".a", ".lib", ".exe", ".pyc")
UNKNOWN = b""
"""The digest of a file that can't be read, or isn't what it stands for."""
_EMPTY = hashlib.sha256().digest()
_TOLD = 5
_MOST = 100
# An installer writes the first line of scripts anew; the file of namespaces is setuptools' own.
_MADE = re.compile(r"[^/]+\.data/(?:scripts|headers)/|[^/]+-nspkg\.pth\Z")
_INSTALLED = re.compile(r"[^/]+\.data/(?:purelib|platlib|data)/")
# What programs that compute a version, or note how a build was made, write over a module for.
_NOTES = re.compile(r"version|about|build|config|commit|revision|info|date", re.IGNORECASE)


class Strangers(NamedTuple):
    """Files that are others in the project, and files that it hasn't got; `folders` are where it has the rest.

    A folder ends with `/`; it is empty for the top.
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()


def strangers(files: Mapping[str, bytes], project: Mapping[str, bytes], handling: Handling) -> Strangers:
    """Those among the files of a wheel or an sdist; both are names and digests, `project`'s may be made as asked for.

    Where a build only copies, each file has to be one of the project's; where it may make some, only a module that
    stands at the same place in both (or below src/) has to be the same. Notes of the build are none of these then.
    """
    beside = _by_ending(project)
    known = cache(lambda: frozenset(project.values()))
    changed: list[str] = []
    added: list[str] = []
    folders: set[str] = set()
    for name, digest in files.items():
        place = _INSTALLED.sub("", name, count=1)
        if _MADE.match(name) or place.endswith(COMPILED):
            continue
        there = beside(place)
        same = [one for one in there if project[one] in (digest, UNKNOWN)]
        folders |= {one.removesuffix(place) for one in same}
        if same or ((digest != _EMPTY or not there) and digest in known()):
            continue
        if handling is Handling.COPIES:
            (changed if there else added).append(name)
        elif handling is Handling.KEEPS and {place, f"src/{place}"} & set(there) and _is_module(place):
            changed.append(name)
    return Strangers(tuple(changed), tuple(added), frozenset(folders))


def _by_ending(names: Collection[str]) -> Callable[[str], Sequence[str]]:
    """The names that are a place, or end with it behind a `/`; of very many only the usual two."""
    found = defaultdict(list)
    for name in names:
        parts = name.split("/")
        for count in {1, min(2, len(parts))}:
            found["/".join(parts[-count:])].append(name)

    def ending(place: str) -> Sequence[str]:
        several = found.get("/".join(place.split("/")[-2:]), ())
        if len(several) > _MOST:
            return [name for name in (place, f"src/{place}") if name in names]
        return [name for name in several if f"/{name}".endswith(f"/{place}")]

    return ending


def is_note(name: str) -> bool:
    """Whether a file may be one that a program writes at each build."""
    return _NOTES.search(name.rpartition("/")[2]) is not None


def listed(what: str, names: Iterable[str]) -> Iterator[str]:
    """One line that names the first few, none where there are none."""
    found = list(names)
    if found:
        more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
        yield f"{what}: {', '.join(map(shown, found[:_TOLD]))}{more}"


def _is_module(place: str) -> bool:
    return place.endswith(".py") and not is_note(place)
