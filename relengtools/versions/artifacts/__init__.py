"""Sdists and wheels: opened without unpacking them, read within bounds, built, compared."""
