"""Arch Linux's pkgver, read as PEP 440: `git describe` in which every `-` had to go."""

import re

from relengtools.versions.scheme import describe
from relengtools.versions.scheme.meaning import Meaning, Policy, Reader, because, nothing

_EPOCH = re.compile(r"(?P<epoch>[0-9]+):")
_RELEASE = re.compile(r"-(?P<pkgrel>[0-9]+(?:\.[0-9]+)?)\Z")
_VCS = re.compile(
    r"(?P<tag>.+?)(?P<sep>[._+])(?P<r>r?)(?P<distance>[0-9]{1,9})(?P=sep)(?:g(?P<hash>[0-9a-f]{4,64})|(?P<bare>[0-9a-f]{6,64}))"
)
_UNTAGGED = re.compile(r"r[0-9]+(?:[._](?:g?[0-9a-f]{6,64}))?")
_COUNTED = re.compile(r"[0-9]{1,6}[._](?:g[0-9a-f]{6,64}|(?=[0-9]*[a-f])[0-9a-f]{7,64})")


def read(text: str, read_tag: Reader, policy: Policy = Policy.POST) -> Meaning:
    """[EPOCH:]PKGVER[-PKGREL], where PKGVER is a version, or TAG_N_gHASH, TAG.rN.gHASH, TAG+N+gHASH of a VCS package.

    Source: PKGBUILD(5) and ArchWiki "VCS package guidelines".
    """
    reasons = []
    if match := _EPOCH.match(text):
        text = text[match.end() :]
        reasons.append(f"the epoch {match['epoch']} is a packaging fact and dropped")
    if match := _RELEASE.search(text):
        text = text[: match.start()]
        reasons.append(f"the package's release {match['pkgrel']} is dropped")
    meaning = _pkgver(text, read_tag, policy)
    return because(meaning, *reasons) if reasons else meaning


def snapshot(text: str) -> describe.Description | None:
    """The parts of a VCS package's pkgver, as `git describe` had them; None for any other text."""
    match = _VCS.fullmatch(text)
    if match is None or (match["bare"] and not match["r"] and match["sep"] != "+"):
        return None
    if match["sep"] == "." and not match["r"] and "." not in match["tag"]:
        # 1.0.gHASH has the hash behind the release 1.0: it isn't the tag 1 and no commit.
        return None
    return describe.Description(match["tag"], int(match["distance"]), match["hash"] or match["bare"], False)


def untagged(text: str) -> bool:
    """Whether it is rN or rN.HASH, the pkgver of a repository without a tag."""
    return _UNTAGGED.fullmatch(text) is not None


def _pkgver(text: str, read_tag: Reader, policy: Policy) -> Meaning:
    if untagged(text) or _COUNTED.fullmatch(text):
        return nothing("it counts commits, with no tag under it")
    found = snapshot(text)
    if found is None:
        return read_tag(text)
    meaning = describe.version(found, policy, read_tag)
    if text.endswith(f".{found.distance}.g{found.hash}"):
        return because(
            meaning, f"{found.distance} is read as the commits after {found.tag}, not as a part of the version"
        )
    return meaning
