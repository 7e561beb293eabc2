"""A job that is named by the day of its release."""

__version__ = "2026.08.10"
