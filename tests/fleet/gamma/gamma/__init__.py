"""A service between two tags."""
