"""A service whose version is the tag's."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("zeta")
except PackageNotFoundError:
    __version__ = "0.0.0"
