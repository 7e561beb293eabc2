"""pyproject.toml, from an archive."""

import re
from typing import Any

# tomllib takes memory quadratic in the parts of a key; a quoted part is one too, and its end may be missing.
_QUOTED = re.compile(rb"""\"(?:[^\"\\\n]|\\.)*+\"?|'[^'\n]*+'?""")
_ENDLESS_KEY = re.compile(rb"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){16}")


def read(data: bytes) -> dict[str, Any] | None:
    """The document; None for a broken one, or one that would take too much memory."""
    import tomllib

    if _ENDLESS_KEY.search(_QUOTED.sub(b"x", data)):
        return None
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return None
