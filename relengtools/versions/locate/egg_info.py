"""The tag that setuptools puts behind every version: `[egg_info]` of setup.cfg, `[tool.distutils.egg_info]`."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from relengtools.versions.scheme import pep440

if TYPE_CHECKING:
    from configparser import ConfigParser

_TRUE = {"1", "true", "yes", "on", "y", "t"}


class Tag(NamedTuple):
    """`text` goes behind the version unless it is there already; `dated` says that the day of the build does too."""

    text: str = ""
    dated: bool = False

    def on(self, version: str) -> str:
        """The version that the build gives for one as written. Source: setuptools/command/egg_info.py, `InfoCommon`."""
        safe = (pep440.read(f"0{self.text}").canonical or "").removeprefix("0") or self.text
        return version if version.strip().endswith((self.text, safe)) else f"{version.strip()}{self.text}"


def tag(parser: "ConfigParser | None", document: Mapping[str, Any] | None) -> Tag:
    """What setup.cfg says under what pyproject.toml does, which setuptools reads last."""
    from relengtools.versions.locate import toml

    stated = toml.lookup(document, ("tool", "distutils", "egg_info"))
    options: dict[str, Any] = dict(parser.items("egg_info", raw=True)) if parser and "egg_info" in parser else {}
    options |= stated if isinstance(stated, dict) else {}
    named = {re.sub("-", "_", key): str(value).strip() for key, value in options.items()}
    return Tag(named.get("tag_build", ""), named.get("tag_date", "").lower() in _TRUE)
