"""A file to a distribution: what it is called, what it holds, what its metadata says."""

import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from relengtools.errors import RelengError
from relengtools.versions.artifacts import document, filename, metadata, modules, tarred, zipped
from relengtools.versions.artifacts.contents import Contents, Keep, MemberKind
from relengtools.versions.artifacts.filename import FileName, Form
from relengtools.versions.artifacts.handling import Handling, handling
from relengtools.versions.artifacts.metadata import Core
from relengtools.versions.scheme import pep440

METADATA_BYTES = 4 * 2**20
RECORD_BYTES = 12 * 2**20
INI_BYTES = 2**19
WHEEL_BYTES = 2**16
_IN_SDISTS = {"PKG-INFO": METADATA_BYTES, **dict.fromkeys(("pyproject.toml", "setup.cfg", "setup.py"), INI_BYTES)}
_IN_WHEELS = {"METADATA": METADATA_BYTES, "WHEEL": WHEEL_BYTES, "RECORD": RECORD_BYTES}
_IN_WHEELS |= {"entry_points.txt": INI_BYTES}
_MODULES = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")


def _is_made(parts: Sequence[str]) -> bool:
    """Whether a file is written by the backend: metadata, and the setup.cfg that setuptools writes again."""
    folders = any(part.endswith((".dist-info", ".egg-info")) for part in parts[:-1])
    return folders or parts in (["PKG-INFO"], ["setup.cfg"])


class DistributionError(RelengError):
    """A file that was named can't be read, or is no distribution."""


@dataclass(frozen=True)
class Distribution:
    """`file` is how people are told of it, `called` what its name says (None where that can't be read)."""

    file: str
    form: Form
    called: FileName | None
    contents: Contents

    @property
    def filename(self) -> str:
        """The name without folders."""
        return Path(self.file).name

    @cached_property
    def tops(self) -> tuple[str, ...]:
        """The folders and files at the top."""
        return tuple(dict.fromkeys(member.name.partition("/")[0] for member in self.contents.members))

    @cached_property
    def payload(self) -> Mapping[str, bytes]:
        """Digests of the files that aren't made by a backend of some version: of a wheel all but its metadata.

        Of a text however its lines end; none of an archive that wasn't read to its end.
        """
        skipped = 1 if self.form is Form.SDIST else 0
        members = self.contents.members if self.contents.whole else ()
        files = ((m.name.split("/")[skipped:], m.text) for m in members if m.kind is MemberKind.FILE)
        return {"/".join(parts): digest for parts, digest in files if parts and not _is_made(parts)}

    @cached_property
    def installed(self) -> tuple[str, ...]:
        """The files of a wheel as they are among the modules: without the folders of .data, nor its metadata."""
        names = (member.name for member in self.contents.members if member.kind is not MemberKind.FOLDER)
        return tuple(_MODULES.sub("", name, count=1) for name in names if not name.startswith(f"{self.folder}/"))

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """Where the metadata can be: the folders at the top of an sdist, the `.dist-info` ones of a wheel."""
        inner = (member.name.partition("/") for member in self.contents.members)
        found = dict.fromkeys(top for top, slash, _ in inner if slash)
        return tuple(found) if self.form is Form.SDIST else tuple(top for top in found if top.endswith(".dist-info"))

    @property
    def folder(self) -> str | None:
        """The one that holds the metadata; None where there isn't exactly one."""
        return self.folders[0] if len(self.folders) == 1 else None

    def kept(self, name: str) -> bytes | None:
        """A file of the metadata's folder, None where there is none or it wasn't kept."""
        return self.contents.kept.get(f"{self.folder}/{name}") if self.folder else None

    @cached_property
    def core(self) -> Core | None:
        """The metadata, None where there is none."""
        data = self.kept("PKG-INFO" if self.form is Form.SDIST else "METADATA")
        return None if data is None else metadata.read(data)

    @cached_property
    def document(self) -> dict[str, Any] | None:
        """An sdist's pyproject.toml, empty where it has none; None for a broken one."""
        return document.read(self.kept("pyproject.toml") or b"")

    @property
    def handling(self) -> Handling:
        """What the build of an sdist does with its files."""
        if self.form is Form.WHEEL or self.document is None:
            return Handling.UNKNOWN
        return handling(self.document, self.kept("setup.py") or b"", self.kept("setup.cfg") or b"", self.payload)

    @property
    def name(self) -> str | None:
        """The project's name, by the metadata, else by the file's name."""
        return (self.core and self.core.name) or (self.called and self.called.name)

    @property
    def version(self) -> str | None:
        """The canonical version, by the metadata, else by the file's name; None where neither has a valid one."""
        said = (self.core and self.core.version, self.called and self.called.version)
        readings = (pep440.read(text).canonical for text in said if text)
        return next((version for version in readings if version), None)


def read(path: Path, file: str) -> Distribution:
    """Open a distribution and read all of it, within bounds. Raises DistributionError where that makes no sense."""
    form = filename.form(path.name)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a FIFO would block, a device never end
            raise DistributionError(f"{file}: no regular file; name sdists (.tar.gz) and wheels (.whl)")
        if form is None:
            raise DistributionError(f"{file}: neither an sdist (.tar.gz) nor a wheel (.whl)")
        with path.open("rb") as stream:
            contents = _contents(stream, status.st_size, form, path.name)
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise DistributionError(f"{file}: can't be read: {reason}") from error
    return Distribution(file, form, filename.split(path.name), contents)


def _contents(stream: BinaryIO, size: int, form: Form, name: str) -> Contents:
    if form is Form.WHEEL:
        called = filename.split(name)
        return zipped.read(stream, size, lambda sizes: _of_wheel(sizes, called.name if called else ""))
    return (
        zipped.read(stream, size, lambda sizes: _of_sdist)
        if name.endswith(".zip")
        else tarred.read(stream, size, _of_sdist)
    )


def _of_sdist(name: str) -> int:
    folder, _, rest = name.partition("/")
    return _IN_SDISTS.get(rest, 0) if folder else 0


def _of_wheel(sizes: Mapping[str, int], project: str) -> Keep:
    python = modules.candidates(sizes, project)

    def keep(name: str) -> int:
        folder, _, rest = name.partition("/")
        if folder.endswith(".dist-info"):
            return _IN_WHEELS.get(rest, 0)
        return modules.MODULE_BYTES if name in python else 0

    return keep
