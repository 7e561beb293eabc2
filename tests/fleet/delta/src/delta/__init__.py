"""A service that forgot to bump its copy."""

__version__ = "2.0.9"
