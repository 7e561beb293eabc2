"""Alpine's package versions, read as PEP 440."""

import re

from relengtools.versions.scheme import spelling
from relengtools.versions.scheme.meaning import Meaning, Policy, certain, guessed, nothing

_ALPINE = re.compile(
    r"(?P<release>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z])?"
    r"(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)"
    r"(?:~(?P<hash>[0-9a-f]+))?(?:-r(?P<revision>[0-9]+))?"
)
_PRE = {"alpha": "a", "beta": "b", "pre": "rc", "rc": "rc"}


def read(text: str, policy: Policy = Policy.POST) -> Meaning:
    """NUMBERS[letter][_suffixN…][~hash][-rN]; a snapshot (`_git20200101`) is above its release: post.

    Source: APKBUILD(5), apk-package(5): `_alpha < _beta < _pre < _rc < (none) < _cvs < _svn < _git < _hg < _p`.
    """
    match = _ALPINE.fullmatch(text)
    if match is None:
        return nothing("it isn't an Alpine version: NUMBERS[letter][_suffixN…][-rN]")
    if match["letter"]:
        return nothing(f"the letter {match['letter']!r} comes after the release, and PEP 440 has no place for it there")
    reasons = [f"Alpine's revision -r{match['revision']} is dropped"] if match["revision"] else []
    if re.search(r"\.0[0-9]", match["release"]):
        reasons.append("a number that begins with 0 is compared as text in Alpine, 1.05 is below 1.1")
    version = match["release"]
    for name, number in re.findall(r"_([a-z]+)([0-9]*)", match["suffixes"]):
        if name in {"cvs", "svn", "git", "hg"}:
            reasons.append(f"the snapshot _{name}{number} is {_CALLED[policy]}")
        elif name == "pre":
            reasons.append("_pre comes before _rc, and PEP 440 has one name for both")
        version = _with_suffix(version, name, number, policy)
    if match["hash"]:
        reasons.append("the hash is a local version, which can't be uploaded")
        version += f"{'.' if '+' in version else '+'}g{match['hash']}"
    parsed = spelling.canonical(version)
    if parsed is None:
        return nothing(f"{match['suffixes']} has no equal in PEP 440")
    return guessed(parsed, *reasons) if reasons else certain(parsed)


_CALLED = {
    Policy.POST: "read as a post-release",
    Policy.NEXT_DEV: "read as a dev release of the next version, which is guessed",
    Policy.LOCAL: "read as a local version",
}


def _with_suffix(version: str, name: str, number: str, policy: Policy) -> str:
    if name in _PRE:
        return f"{version}{_PRE[name]}{number}"
    if name == "p" or policy is Policy.POST:
        return f"{version}.post{number}"
    if policy is Policy.LOCAL:
        return f"{version}+{name}{number}"
    head, last = re.fullmatch(r"(.*?)([0-9]*)", version).groups()  # type: ignore[union-attr]
    return f"{head}{int(last or 0) + 1}.dev{number or 0}"
