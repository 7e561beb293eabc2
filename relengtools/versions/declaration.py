"""A place where a version is written, and what else the reading of a project's files brings to light."""

from enum import StrEnum
from typing import NamedTuple

from relengtools.findings import Rule


class Kind(StrEnum):
    """Where a version can be declared: a closed list."""

    PYPROJECT = "pyproject"
    """`version` in `[project]` of pyproject.toml"""
    POETRY = "poetry"
    """`version` in `[tool.poetry]` of pyproject.toml"""
    SETUP_CFG = "setup-cfg"
    """`version` in `[metadata]` of setup.cfg"""
    SETUP_PY = "setup-py"
    """what `version=` of `setup()` in setup.py is, where that is written in setup.py"""
    MODULE = "module"
    """`__version__` (or what the build names) in a Python module"""
    FILE = "file"
    """a text file from which the build takes the version"""
    CARGO = "cargo"
    """`version` in `[package]` or `[workspace.package]` of Cargo.toml"""
    MESON = "meson"
    """`version:` of `project()` in meson.build"""
    PACKAGE_JSON = "package-json"
    """`version` in package.json"""
    PKG_INFO = "pkg-info"
    """`Version:` in the PKG-INFO of an unpacked sdist"""
    UV_LOCK = "uv-lock"
    """the project's own entry in uv.lock"""
    BUMPVERSION = "bumpversion"
    """`current_version` in `[tool.bumpversion]` of pyproject.toml"""
    COMMITIZEN = "commitizen"
    """`version` in `[tool.commitizen]` of pyproject.toml"""
    DOCS_CONF = "docs-conf"
    """`release` in Sphinx's conf.py"""
    CITATION = "citation"
    """`version:` in CITATION.cff"""
    CONDA = "conda"
    """the version in conda's meta.yaml"""
    APKBUILD = "apkbuild"
    """`pkgver=` in Alpine's APKBUILD"""
    PKGBUILD = "pkgbuild"
    """`pkgver=` in Arch's PKGBUILD"""
    DEBIAN = "debian"
    """the newest entry of debian/changelog"""
    RPM = "rpm"
    """`Version:` in an RPM spec file"""
    DOCKERFILE = "dockerfile"
    """the label `org.opencontainers.image.version` in a Dockerfile"""

    @property
    def scheme(self) -> str:
        """The scheme in which a version is written there."""
        return _SCHEMES.get(self, "pep440")

    @property
    def packaged(self) -> bool:
        """Whether it is a distribution's file, which may lag behind the sources."""
        return self in _PACKAGED


_SCHEMES = {
    Kind.CARGO: "semver",
    Kind.PACKAGE_JSON: "semver",
    Kind.CONDA: "conda",
    Kind.APKBUILD: "alpine",
    Kind.PKGBUILD: "arch",
    Kind.DEBIAN: "debian",
    Kind.RPM: "rpm",
}
_PACKAGED = frozenset({Kind.CONDA, Kind.APKBUILD, Kind.PKGBUILD, Kind.DEBIAN, Kind.RPM})


class Span(NamedTuple):
    """Bytes `start` to `end` of a file, and where they are (1-based, columns in code points, end exclusive)."""

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int


class Declaration(NamedTuple):
    """A version as written: `raw` is the text of the span, `value` what it evaluates to, `source` its first line.

    The span is the text between the quotes. `quote` is set where it is a whole expression instead (strings side by
    side), so that what replaces it has to bring its own quotes. A `computed` one is put together from other values at
    its place, so that no text there could be replaced.
    """

    file: str
    kind: Kind
    span: Span
    raw: str
    value: str
    source: str
    quote: str = ""
    owner: bool = False
    computed: bool = False


class Pointer(NamedTuple):
    """A place that says where the version comes from instead of what it is."""

    file: str
    line: int
    column: int
    reason: str
    provider: str | None = None


class Problem(NamedTuple):
    """A file, or a place in it, that can't be read as what it should be."""

    rule: Rule
    file: str
    message: str
    line: int = 1
    column: int = 1
    source: str | None = None
