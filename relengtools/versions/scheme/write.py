"""A PEP 440 version written in another scheme so that its order is kept, or said to be lost."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from relengtools.versions.scheme.meaning import Meaning, Scheme, certain, guessed, nothing

if TYPE_CHECKING:
    from packaging.version import Version

_SEMVER_PRE = {"a": "alpha", "b": "beta", "rc": "rc"}
_ALPINE_PRE = {"a": "alpha", "b": "beta", "rc": "rc"}


def debian(version: "Version") -> Meaning:
    """An upstream version for Debian: pre `~a1`, dev of a final `~~devN`, other dev `~devN`, post `+postN`, local `+l`.

    Source: deb-version(7): `~` sorts below the end of the text, letters below `+`, `+` below `.`.
    """
    return _package(version, "+", "dpkg ranks a local version by other rules, and above +post")


def rpm(version: "Version") -> Meaning:
    """A version for RPM: pre `~a1`, dev of a final `~~devN`, other dev `~devN`, post `^postN`, local `^l`.

    Source: rpm-version(7): `~` sorts below the end of the text, `^` above it and below all else.
    """
    return _package(version, "^", "RPM ranks a local version by other rules, and can't put it below a post-release")


def alpine(version: "Version") -> Meaning:
    """`_alphaN`, `_betaN`, `_rcN`, `_pN`. There is no place for dev, epoch and local. Source: apk-package(5)."""
    for part, present in (
        ("an epoch", version.epoch),
        ("a dev release", version.dev is not None),
        ("a local version", version.local),
    ):
        if present:
            return nothing(f"Alpine has no place for {part}")
    pre = "" if version.pre is None else f"_{_ALPINE_PRE[version.pre[0]]}{version.pre[1]}"
    post = "" if version.post is None else f"_p{version.post}"
    return certain(_release(version) + pre + post)


def semver(version: "Version") -> Meaning:
    """Three numbers, `-alpha.N`, `-beta.N`, `-rc.N`, `-dev.N`; a local label as build metadata.

    Source: semver.org 2.0.0, items 9 to 11.
    """
    numbers = [*version.release, 0, 0]
    while len(numbers) > 3 and numbers[-1] == 0:
        numbers.pop()
    absent = [
        ("an epoch", version.epoch != 0),
        ("more than three numbers", len(numbers) > 3),
        ("a post-release", version.post is not None),
        ("a dev release of a pre-release", version.pre is not None and version.dev is not None),
    ]
    if part := next((part for part, present in absent if present), None):
        return nothing(f"SemVer has no place for {part}")
    pre = "" if version.pre is None else f"-{_SEMVER_PRE[version.pre[0]]}.{version.pre[1]}"
    dev = "" if version.dev is None else f"-dev.{version.dev}"
    local = "" if version.local is None else f"+{version.local}"
    text = ".".join(map(str, [*numbers, 0, 0][:3])) + pre + dev + local
    reasons = [
        "SemVer sorts -dev above -alpha and -beta" if dev else None,
        "build metadata has no rank in SemVer" if local else None,
    ]
    return guessed(text, *reasons) if any(reasons) else certain(text)


def conda(version: "Version") -> Meaning:
    """PEP 440's own spelling, which conda reads. Source: conda.models.version.VersionOrder."""
    early = version.dev is not None and version.pre is None and version.post is None
    labelled = "conda ranks letters in a local version below none at all, and a 0 like none"
    reasons = [
        "conda sorts .dev above a, b and rc" if early else None,
        None if _counted(version.local) else labelled,
    ]
    return guessed(str(version), *reasons) if any(reasons) else certain(str(version))


def pep440(version: "Version") -> Meaning:
    """The canonical form."""
    return certain(str(version))


WRITERS: dict[Scheme, Callable[["Version"], Meaning]] = {
    Scheme.PEP440: pep440,
    Scheme.SEMVER: semver,
    Scheme.DEBIAN: debian,
    Scheme.RPM: rpm,
    Scheme.ALPINE: alpine,
    Scheme.CONDA: conda,
}


def _package(version: "Version", after: str, local_reason: str) -> Meaning:
    epoch = f"{version.epoch}:" if version.epoch else ""
    pre = "" if version.pre is None else f"~{version.pre[0]}{version.pre[1]}"
    post = "" if version.post is None else f"{after}post{version.post}"
    # A dev release of a final one has to go below its pre-releases too, hence two tildes.
    tilde = "~" if pre or post else "~~"
    dev = "" if version.dev is None else f"{tilde}dev{version.dev}"
    text = epoch + _release(version) + pre + post + dev
    return certain(text) if version.local is None else guessed(f"{text}{after}{version.local}", local_reason)


def _release(version: "Version") -> str:
    return ".".join(map(str, version.release))


def _counted(local: str | None) -> bool:
    """Whether there is no local version, or one of numbers alone, the last of which is not 0."""
    return local is None or re.fullmatch(r"(?:[0-9]+\.)*[1-9][0-9]*", local) is not None
