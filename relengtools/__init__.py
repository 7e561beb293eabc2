"""Release and leak tools: `relengtools versions` and `relengtools leaks`."""

__version__ = "0.1.0"
