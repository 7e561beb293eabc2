"""Find, judge and rewrite the versions of Python packages.

Start at `commands`; the line is discover → locate → rules → rewrite.
"""
