"""Where a build takes the version from: what a backend answers that is asked."""

from typing import NamedTuple

from relengtools.versions.declaration import Kind


class Static(NamedTuple):
    """The version stands in pyproject.toml at `path`."""

    path: tuple[str, ...]
    kind: Kind


class Attribute(NamedTuple):
    """One of `names` in a module has it: a dotted path, a file, or (both None) the project's own package."""

    provider: str
    names: tuple[str, ...] = ("__version__",)
    module: str | None = None
    file: str | None = None


class Expression(NamedTuple):
    """The value of an expression in a module: a dotted path, or a file that imports from the folders `search` first."""

    provider: str
    text: str
    module: str | None = None
    file: str | None = None
    search: tuple[str, ...] = ()


class Pattern(NamedTuple):
    """What a group of a regular expression finds in a file; `result` is a format of the groups.

    From that all is taken away that the expression `remove` matches.
    """

    provider: str
    file: str
    pattern: str
    group: str | int
    result: str | None = None
    remove: str | None = None


class TextFile(NamedTuple):
    """The version is the text of files, one after the other."""

    files: tuple[str, ...]


class Cargo(NamedTuple):
    """Cargo.toml has it: `manifest` is where that is, None where maturin looks by itself."""

    manifest: str | None


class Meson(NamedTuple):
    """`project()` in meson.build has it."""


class PackageJson(NamedTuple):
    """package.json has it."""

    provider: str
    file: str


class Wrapper(NamedTuple):
    """The project has a build backend of its own in one of `folders`, which calls another one, `inner`.

    That one would take the version from where `answer` says.
    """

    module: str
    folders: tuple[str, ...]
    inner: str
    answer: "Answer"


class Provider(NamedTuple):
    """A program computes the version at build time."""

    name: str


class Legacy(NamedTuple):
    """setup.py and setup.cfg decide; `provider` is asked where they don't, or `idle` says why one there isn't.

    `missing`: that there surely is no version if all of them say nothing.
    """

    provider: str | None = None
    idle: str | None = None
    missing: bool = True


class Nothing(NamedTuple):
    """No version is declared, or none that can be told; `problem` says why, `missing` that there surely is none."""

    problem: str
    missing: bool = True


Pointing = Attribute | Expression | Pattern | TextFile | Cargo | Meson | PackageJson | Wrapper
Answer = Static | Pointing | Provider | Legacy | Nothing
