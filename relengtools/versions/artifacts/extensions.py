"""Compiled modules against the tags of the wheel that holds them."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import NamedTuple

from relengtools.versions.artifacts.contents import shown

# The endings that CPython gives them, but for those that say nothing or are for any version (abi3). Source: PEP 3149.
_ON_UNIX = re.compile(r"(.+)\.cpython-(?P<version>[0-9]+t?)[a-z]*-(?P<platform>[\w-]+)\.so")
_ON_WINDOWS = re.compile(r"(.+)\.cp(?P<version>[0-9]+t?)-(?P<platform>win\w+)\.pyd")
_FAMILIES = {"win": "Windows", "macosx": "macOS", "manylinux": "Linux", "musllinux": "Linux", "linux": "Linux"}
_OF_CPYTHON = re.compile(r"cp([0-9]+t?)[mud]*")


class _Built(NamedTuple):
    """What a compiled module is for: CPython's version, as in 311 or 313t, and a family of systems."""

    version: str
    family: str


def mismatches(names: Collection[str], tags: Collection[str]) -> Iterator[str]:
    """Modules that nobody can import for whom the wheel is, by its tags.

    Of several that are one module to Python one has to be right. Nothing is said of other interpreters.
    """
    found = defaultdict(set)
    first: dict[str, str] = {}
    for name in names:
        if match := _ON_UNIX.fullmatch(name) or _ON_WINDOWS.fullmatch(name):
            found[match[1]].add(_Built(match["version"], _family(match["platform"])))
            first.setdefault(match[1], name)
    families = {_FAMILIES.get(re.split("[0-9_]", tag.rpartition("-")[2])[0], "") for tag in tags}
    abis = [_OF_CPYTHON.fullmatch(tag.split("-")[1]) for tag in tags]
    versions = {match[1] for match in abis if match} if all(abis) else set()
    everywhere = len({built.family for several in found.values() for built in several}) > 1
    for stem, several in found.items():
        if all(tag.endswith("-none-any") for tag in tags):
            if not everywhere:
                yield f"{shown(first[stem])} is for one interpreter on one system, and the wheel for any"
        elif "" not in families and not any(built.family in families for built in several):
            yield f"{shown(first[stem])} is for another system than the wheel"
        elif versions and not any(built.version in versions for built in several):
            yield f"{shown(first[stem])} is for another version of Python than the wheel"


def _family(platform: str) -> str:
    return "Windows" if platform.startswith("win") else "macOS" if platform == "darwin" else "Linux"
