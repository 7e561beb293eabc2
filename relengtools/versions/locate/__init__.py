"""File bytes to declarations, one module a format."""
