"""A service whose version is in order."""

__version__ = "1.4.2"
