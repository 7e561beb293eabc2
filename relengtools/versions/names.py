"""Names of projects."""

import re


def normalized(name: str) -> str:
    """A project's name as it is compared. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
