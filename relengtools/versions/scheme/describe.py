"""The output of `git describe`, and the PEP 440 version that says the same."""

import re
from typing import NamedTuple

from relengtools.versions.scheme import spelling
from relengtools.versions.scheme.meaning import Meaning, Policy, Reader, because, certain, guessed, nothing

_LONG = re.compile(r"(?P<tag>.+)-(?P<distance>[0-9]{1,9})-g(?P<hash>[0-9a-f]{4,64})(?P<dirty>-dirty)?")
_DIRTY = re.compile(r"(?P<tag>.+)-dirty")
_DEV = re.compile(r"\.dev(?P<number>[0-9]+)\Z")
_LAST_NUMBER = re.compile(r"(.*?)([0-9]+)", re.DOTALL)
_UNTAGGED = "it may be an abbreviated commit, with no tag under it"
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9](?:[0-9]{4}(?:[0-9]{2})?)?")


class Description(NamedTuple):
    """What `git describe` said: the nearest tag, the commits since, the commit (None at the tag) and local changes."""

    tag: str
    distance: int
    hash: str | None
    dirty: bool


def read(text: str) -> Description | None:
    """Read from the right, because the tag itself may hold `-`; None where `text` is no such output.

    Source: git-describe(1), TAG-N-gHASH, with `--long` and `--dirty`.
    """
    if match := _LONG.fullmatch(text):
        return Description(match["tag"], int(match["distance"]), match["hash"], match["dirty"] is not None)
    if match := _DIRTY.fullmatch(text):
        return Description(match["tag"], 0, None, True)
    return None


def next_dev(description: Description) -> str | None:
    """NEXT.devN+gHASH: after TAG and before the next release; None where the tag leaves no honest answer.

    The last number of the tag is counted up, as setuptools-scm's `guess-next-dev` does, and a tag X.dev0 says itself
    what comes next. The hash keeps its `g`: an all-digit local segment would compare as a number. A tag that isn't
    PEP 440, is another dev release or has a local part gives None.
    """
    tag = _public(description.tag)
    dev = _DEV.search(tag) if tag else None
    if tag is None or (dev and dev["number"] != "0"):
        return None
    if not description.distance and not description.dirty:
        return tag
    following = tag.removesuffix(".dev0") if dev else _count_up(tag)
    return f"{following}.dev{description.distance}+{_local(description)}"


def post(description: Description) -> str | None:
    """TAG.postN+gHASH, N commits after TAG; None after a post- or dev-release, a local part, and what isn't PEP 440."""
    tag = _public(description.tag)
    if tag is None or (description.distance and (".post" in tag or ".dev" in tag)):
        return None
    if description.distance:
        return f"{tag}.post{description.distance}+{_local(description)}"
    return f"{tag}+{_local(description)}" if description.dirty else tag


def local(description: Description) -> str | None:
    """TAG+N.gHASH: the tag's own version with the commits after it as a local label, which no index accepts."""
    tag = _public(description.tag)
    if tag is None:
        return None
    if description.distance:
        return f"{tag}+{description.distance}.{_local(description)}"
    return f"{tag}+{_local(description)}" if description.dirty else tag


def commit(text: str) -> bool:
    """Whether it may be the abbreviated commit that `git describe --always` gives without a tag: hex, and no date."""
    return _COMMIT.fullmatch(text) is not None and not _DATE.fullmatch(text)


def tagged(text: str, read_tag: Reader) -> Meaning:
    """What `git describe` says at a tag: the tag alone."""
    return nothing(_UNTAGGED) if commit(text) else read_tag(text)


_POLICIES = {Policy.NEXT_DEV: next_dev, Policy.POST: post, Policy.LOCAL: local}


def version(description: Description, policy: Policy, read_tag: Reader) -> Meaning:
    """What `description` is by `policy`; `read_tag` reads its tag. Only next-dev guesses, namely the next release."""
    if description.hash is None and commit(description.tag):
        return nothing(_UNTAGGED)
    tag = read_tag(description.tag)
    if tag.version is None:
        return tag
    answer = _POLICIES[policy](description._replace(tag=tag.version))
    if answer is None:
        return nothing(f"no {policy} version follows the tag {tag.version}: try another policy")
    if not description.distance and not description.dirty:
        return because(tag._replace(version=answer), "the hash of the tagged commit is dropped")
    if policy is Policy.NEXT_DEV:
        return guessed(answer, tag.reason, "the next release is guessed: the tag's last number, counted up")
    return certain(answer) if tag.exact else guessed(answer, tag.reason)


def _public(tag: str) -> str | None:
    """The canonical form of a tag without a local part; None for any other tag."""
    version = spelling.canonical(tag)
    return None if version is None or "+" in version else version


def _count_up(version: str) -> str:
    head, number = _LAST_NUMBER.fullmatch(version).groups()  # type: ignore[union-attr]
    return f"{head}{int(number) + 1}"


def _local(description: Description) -> str:
    return ".".join([f"g{description.hash}"] * (description.hash is not None) + ["dirty"] * description.dirty)
