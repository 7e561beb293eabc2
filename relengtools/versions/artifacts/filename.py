"""File names of sdists and wheels, read strictly."""

import re
from enum import StrEnum
from itertools import islice, product
from typing import NamedTuple

from relengtools.versions.names import normalized


class Form(StrEnum):
    """What a distribution is."""

    SDIST = "sdist"
    WHEEL = "wheel"


class FileName(NamedTuple):
    """What a file's name says, as written; `tags` are those of a wheel, `rest` its text behind the version."""

    name: str
    version: str
    tags: frozenset[str] = frozenset()
    rest: str = ""


_SUFFIXES = {".whl": Form.WHEEL, ".tar.gz": Form.SDIST, ".zip": Form.SDIST}
_TAG = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*")
MOST_TAGS = 10_000
_MOST_PIECES = 100


def form(filename: str) -> Form | None:
    """What the ending says; None for no distribution. A .zip was an sdist once."""
    return next((form for suffix, form in _SUFFIXES.items() if filename.endswith(suffix)), None)


def stem(filename: str) -> str:
    """The name without its ending."""
    return filename.removesuffix(next((suffix for suffix in _SUFFIXES if filename.endswith(suffix)), ""))


def split(filename: str) -> FileName | None:
    """The parts of a name; None where it has too few or too many.

    Of an sdist the last dash is the one before the version (PEP 625). Source: PyPA's "Source distribution format" and
    "Binary distribution format".
    """
    if form(filename) is not Form.WHEEL:
        name, dash, version = stem(filename).rpartition("-")
        return FileName(name, version) if dash and name and version else None
    parts = stem(filename).split("-")
    if len(parts) not in (5, 6) or not all(parts) or not all(_TAG.fullmatch(tag) for tag in parts[-3:]):
        return None
    if len(parts) == 6 and not parts[2][0].isdigit():
        return None
    return FileName(parts[0], parts[1], tags("-".join(parts[-3:])), "-".join(parts[2:]))


def tags(text: str) -> frozenset[str]:
    """The tags that a compressed set stands for; an absurd number of them is cut off."""
    pieces = [part.split(".")[:_MOST_PIECES] for part in text.split("-")]
    return frozenset(map("-".join, islice(product(*pieces), MOST_TAGS)))


def escaped(name: str) -> str:
    """A project's name as file names and folders have it."""
    return normalized(name).replace("-", "_")


def canonical(form: Form, name: str, version: str, rest: str = "") -> str:
    """The file name that the specifications ask for; `version` has to be canonical."""
    if form is Form.SDIST:
        return f"{escaped(name)}-{version}.tar.gz"
    return f"{escaped(name)}-{version}-{rest}.whl"
