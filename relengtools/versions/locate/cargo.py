"""`version` in Cargo.toml, the package's own or its workspace's."""

from typing import Any

from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.locate import toml
from relengtools.versions.locate.source import Source


def locate(source: Source, document: dict[str, Any], workspace: bool = False) -> Declaration | None:
    """The version of the package, or with `workspace` the one that its members inherit."""
    path = ("workspace", "package", "version") if workspace else ("package", "version")
    return toml.locate(source, document, path, Kind.CARGO)


def inherits(document: dict[str, Any]) -> bool:
    """Whether the package has its version from the workspace (`version.workspace = true`)."""
    return toml.lookup(document, ("package", "version", "workspace")) is True
