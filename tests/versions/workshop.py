"""Projects of every build backend, their real builds, and the tools to spoil what came out in exactly one way."""

import base64
import csv
import gzip
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from build import ProjectBuilder
from build.env import DefaultIsolatedEnv
from versions.gitrepo import Repo

Files = dict[str, bytes]

CORE = b"Metadata-Version: 2.4\nName: demo-pkg\nVersion: 1.2.3\n"
TAG = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
SDIST, WHEEL = "demo_pkg-1.2.3.tar.gz", "demo_pkg-1.2.3-py3-none-any.whl"

# What to install, the backend's name, its own table of pyproject.toml.
BACKENDS = {
    "hatchling": ("hatchling>=1.26", "hatchling.build", ""),
    "setuptools": ("setuptools>=77", "setuptools.build_meta", ""),
    "flit-core": ("flit_core>=3.11", "flit_core.buildapi", ""),
    "poetry-core": ("poetry-core>=2", "poetry.core.masonry.api", ""),
    "pdm-backend": ("pdm-backend", "pdm.backend", ""),
    "meson-python": ("meson-python", "mesonpy", ""),
    "setuptools 65": ("setuptools==65.5.0', 'wheel==0.38.4", "setuptools.build_meta", ""),
}
PROJECT = """[build-system]
requires = ['{requires}']
build-backend = "{backend}"

[project]
name = "demo-pkg"
version = "1.2.3"
description = "A demonstration"
readme = "README.md"
requires-python = ">=3.8"
dependencies = ["click>=8", "tomli>=1; python_version<'3.11'"]

[project.optional-dependencies]
fast = ["orjson"]
{table}"""
MESON = """project('demo-pkg', version: '1.2.3')
py = import('python').find_installation(pure: true)
py.install_sources('src/demo_pkg/__init__.py', subdir: 'demo_pkg')
"""


class Made(NamedTuple):
    """A release: where to call `versions release`, with which arguments, and its distributions for other tools."""

    cwd: Path
    arguments: list[str]
    files: list[Path]


class Workshop:
    """Builds in a folder; `isolated` ones fetch their backend, the others need it installed beside this Python."""

    def __init__(self, folder: Path, isolated: bool) -> None:
        self.folder, self.isolated = folder, isolated
        self.clean: dict[str, list[Path]] = {}

    def tree(
        self,
        folder: Path,
        backend: str,
        changes: Mapping[str, str] | None = None,
        more: Mapping[str, str | None] | None = None,
    ) -> Repo:
        """A committed project, tagged v1.2.3: texts exchanged as `changes` say, with `more` files (None: without)."""
        requires, name, table = BACKENDS[backend]
        files: dict[str, str | None] = {
            "README.md": "# demo\n",
            ".gitignore": "dist/\nbuild/\n*.egg-info/\n",
            "pyproject.toml": PROJECT.format(requires=requires, backend=name, table=table),
            "src/demo_pkg/__init__.py": '"""A demonstration"""\n\n__version__ = "1.2.3"\n',
            "meson.build": MESON if backend == "meson-python" else None,
            **(more or {}),
        }
        texts = {name: text for name, text in files.items() if text is not None}
        for old, new in (changes or {}).items():
            assert any(old in text for text in texts.values()), old
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        repo = Repo(folder)
        repo.commit("v1.2.3", files=texts)
        return repo

    def build(self, repo: Repo, kinds: tuple[str, ...] = ("sdist", "wheel")) -> list[Path]:
        """The distributions, in dist/ of the tree."""
        out = repo.path / "dist"
        if not self.isolated:
            builder = ProjectBuilder(repo.path, sys.executable, runner=quiet)
            return [Path(builder.build(kind, out)) for kind in kinds]
        with DefaultIsolatedEnv() as environment:
            builder = ProjectBuilder.from_isolated_env(environment, repo.path, runner=quiet)
            environment.install(builder.build_system_requires)
            for kind in kinds:
                environment.install(builder.get_requires_for_build(kind))
            return [Path(builder.build(kind, out)) for kind in kinds]

    def dists(self, folder: Path, backend: str) -> list[Path]:
        """Copies of a clean release's sdist and wheel."""
        if backend not in self.clean:
            self.clean[backend] = self.build(self.tree(self.folder / f"clean-{backend}", backend))
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy2(path, folder)) for path in self.clean[backend]]


def quiet(cmd, cwd=None, extra_environ=None) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(cmd, cwd=cwd, env=environment | (extra_environ or {}), check=True, capture_output=True)


def wheel_files(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def sdist_files(path: Path) -> Files:
    with tarfile.open(path) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isreg()}


def change(path: Path, edit: Callable[[Files], None], record: bool = True, name: str | None = None) -> Path:
    """Write a distribution anew after `edit`, the RECORD of a wheel brought up to date unless told otherwise."""
    wheel = path.suffix == ".whl"
    files = wheel_files(path) if wheel else sdist_files(path)
    path.unlink()
    edit(files)
    if wheel and record:
        _record(files)
    return (write_wheel if wheel else write_sdist)(path.with_name(name or path.name), files)


def write_wheel(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_sdist(path: Path, files: Mapping[str, bytes], *more: tarfile.TarInfo) -> Path:
    with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in more:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def sdist(folder: Path, files: Files | None = None, *more: tarfile.TarInfo, name: str = SDIST) -> Path:
    """A right sdist, made by hand, with other files or members in it."""
    base = {"PKG-INFO": CORE, "pyproject.toml": b"", "demo_pkg/__init__.py": b""}
    base = {f"demo_pkg-1.2.3/{file}": data for file, data in base.items()}
    return write_sdist(folder / name, base | (files or {}), *more)


def wheel(folder: Path, files: Files | None = None, name: str = WHEEL) -> Path:
    """A right wheel, made by hand, with other files in it, all of them in RECORD."""
    info = "demo_pkg-1.2.3.dist-info"
    base = {"demo_pkg/__init__.py": b"", f"{info}/METADATA": CORE, f"{info}/WHEEL": TAG, f"{info}/RECORD": b""}
    return change(write_wheel(folder / name, base | (files or {})), lambda files: None)


def two_readings(path: Path) -> Path:
    """Put a file into a wheel that its directory doesn't know: who reads from the start installs it."""
    raw = path.read_bytes()
    count, size, start = struct.unpack("<HLL", raw[-12:-2])
    with zipfile.ZipFile(hidden := io.BytesIO(), "w") as archive:
        archive.writestr("demo_pkg/hidden.py", b"import os\n")
    more = hidden.getvalue()[: hidden.getvalue().index(b"PK\1\2")]
    end = struct.pack("<HLL", count, size, start + len(more))
    path.write_bytes(raw[:start] + more + raw[start:-12] + end + raw[-2:])
    return path


def streamed(path: Path) -> Path:
    """Write a wheel as into a pipe: the size of each file stands behind it."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *where: int) -> int:
            raise io.UnsupportedOperation

    with zipfile.ZipFile(pipe := Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in wheel_files(path).items():
            archive.writestr(name, data)
    path.write_bytes(pipe.getvalue())
    return path


def text(files: Files, ending: str, old: str, new: str) -> None:
    """Exchange a text in the file whose path ends so, which has to hold it."""
    name = next(name for name in files if name.endswith(ending))
    before = files[name].decode()
    assert old in before, (name, old)
    files[name] = before.replace(old, new).encode()


def drop(files: Files, ending: str) -> None:
    """Leave out the file whose path ends so, the one nearest to the top."""
    del files[min((name for name in files if name.endswith(ending)), key=len)]


def _record(files: Files) -> None:
    name = next((name for name in files if name.endswith(".dist-info/RECORD")), None)
    if name is None:
        return
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for file, data in files.items():
        if file != name:
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            writer.writerow([file, f"sha256={digest}", len(data)])
    writer.writerow([name, "", ""])
    files[name] = rows.getvalue().encode()
