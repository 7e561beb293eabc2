"""conda's versions, which are nearly PEP 440."""

import re

from relengtools.versions.scheme import spelling
from relengtools.versions.scheme.meaning import Meaning, certain, guessed, nothing
from relengtools.versions.scheme.suspicion import bare_letter

_CONDA = re.compile(r"(?P<version>[0-9a-zA-Z!_.+]+)(?:(?:=|-)(?P<build>[0-9a-zA-Z_.]+))?")


def read(text: str) -> Meaning:
    """[EPOCH!]VERSION[+LOCAL], perhaps with a build string, which is dropped.

    Source: conda.models.version.VersionOrder.
    """
    if re.fullmatch(r".*-[A-Za-z]+[0-9]*", text) and (version := spelling.canonical(text)) is not None:
        return guessed(version, "conda itself reads `-` as `_`")
    match = _CONDA.fullmatch(text)
    version = spelling.canonical(match["version"]) if match else None
    if match is None or version is None:
        return nothing("it is a conda version at best, and PEP 440 has no equal")
    if bare_letter(match["version"]):
        return nothing(
            "a letter that conda kept from upstream needn't be a pre-release: that takes a rule of the project's own"
        )
    reasons = [
        f"the build string {match['build']!r} is dropped" if match["build"] else None,
        "`_` stands for `-` or `.`, and nobody knows for which" if "_" in match["version"] else None,
    ]
    return guessed(version, *reasons) if any(reasons) else certain(version)
