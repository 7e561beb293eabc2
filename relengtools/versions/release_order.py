"""A clone as a release finds it: what is checked out, what is changed, and which releases came before."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relengtools.errors import printable
from relengtools.findings import Finding, Location, Rule
from relengtools.versions import git, history
from relengtools.versions.catalogue_release import CUT_OFF, DIRTY_TREE, GOES_BACK, TAG_ELSEWHERE, VERSION_TAKEN
from relengtools.versions.git import Ref
from relengtools.versions.history import Mapping, Release, Tag
from relengtools.versions.locate.source import shown
from relengtools.versions.names import normalized
from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.suspicion import suspicious

if TYPE_CHECKING:
    from relengtools.versions.scheme.order import Version

_TOLD = 5


class Clone(NamedTuple):
    """What git says of a work tree.

    `changed` are tracked files that differ from what is committed, `untracked` files and folders (with `/` at the end)
    that git neither tracks nor ignores; `unasked` says why git wasn't asked for them. All are seen from `tree`.
    """

    tree: Path
    head: str | None
    shallow: bool
    refs: Sequence[Ref]
    changed: Sequence[str] = ()
    untracked: Sequence[str] = ()
    unasked: str | None = None

    def tag(self, name: str | None) -> Ref | None:
        """The tag of this name, None where it has yet to be made."""
        return next((ref for ref in self.refs if ref.name == name), None)


def clone(directory: Path) -> Clone | None:
    """The clone that holds `directory`, None where there is none. Raises GitError."""
    tree = git.work_tree(directory)
    if tree is None:
        return None
    found = Clone(tree, git.head(tree), git.shallow(tree), git.tags(tree))
    if git.own_filters(tree):
        return found._replace(unasked="the clone's own configuration names filter programs, which are not run")
    changed, untracked = _status(tree)
    return found._replace(changed=changed, untracked=untracked)


def judge(
    found: Clone, tag: str | None, version: str | None, name: str | None, mapping: Mapping, project: str = "."
) -> Iterator[Finding]:
    """The findings on the clone, and on the place of `version` (canonical) among the tags.

    The release is at the commit of `tag`, or at HEAD where that has yet to be made or there is none. `name` is the
    project's, by which its tags are told from those of others. Raises GitError.
    """
    yield from (Finding(rule, message, Location(project), project) for rule, message in _state(found))
    place = Location(f"refs/tags/{tag}" if tag else project)
    said = _place(found, tag, version, name, mapping)
    yield from (Finding(rule, message, place, project) for rule, message in said)


def _state(found: Clone) -> Iterator[tuple[Rule, str]]:
    if found.shallow:
        yield CUT_OFF, f"{shown(found.tree)} is a shallow clone"
    if found.unasked:
        yield DIRTY_TREE, f"whether files are changed can't be told: {found.unasked}"
    if found.changed:
        more = f" and {len(found.changed) - _TOLD} more" if len(found.changed) > _TOLD else ""
        yield DIRTY_TREE, f"not committed: {', '.join(map(printable, found.changed[:_TOLD]))}{more}"


def _place(
    found: Clone, tag: str | None, version: str | None, name: str | None, mapping: Mapping
) -> Iterator[tuple[Rule, str]]:
    own = found.tag(tag)
    commit = own.commit if own else found.head
    if own and own.commit != found.head:
        yield (
            TAG_ELSEWHERE,
            f"{printable(own.name)} names {own.commit[:9]}, and {(found.head or 'nothing')[:9]} is here",
        )
    ours = pep440.parse(version) if version else None
    if ours is None or commit is None:
        return
    peers = _peers(found.refs, tag, version or "", name, mapping)
    taken = next((p for p in peers if p.tag.commit != commit and _version(p) == ours), None)
    if taken:
        yield VERSION_TAKEN, f"{version} is what {printable(taken.tag.name)} names, at {(taken.tag.commit or '')[:9]}"
    if found.shallow:
        return
    highest = max(_earlier(found.tree, peers, commit, own, ours), key=_version, default=None)
    if highest and _version(highest) > ours:
        yield GOES_BACK, f"{version} sorts below {printable(highest.tag.name)}, which came before it"


def product(release: Release) -> str:
    """The project that a tag names before its version, normalised; empty where it names none."""
    return normalized(re.split("[/@]", history.product(release).rstrip("/@=-_ "))[-1])


def _peers(refs: Iterable[Ref], tag: str | None, version: str, name: str | None, mapping: Mapping) -> list[Release]:
    """The releases of the same product that have a version beyond doubt, without the one in question.

    Without a tag those that bear the project's name, if any does, else those that bear none.
    """
    releases = [history.read_tag(Tag(ref.name, ref.date, ref.commit), mapping) for ref in refs if ref.name != tag]
    own = history.read_tag(Tag(tag or version), mapping)
    sure = [one for one in releases if one.conversion.canonical is not None and certain(one, own)]
    names = [product(own)] if tag else [name or "", ""]
    groups = ([one for one in sure if product(one) == wanted] for wanted in names)
    return next((group for group in groups if group), [])


def certain(release: Release, own: Release) -> bool:
    """Whether a tag is a version beyond doubt, or spelt like the one in question (rel_1_4_1, rel_1_4_2).

    One number alone may count something else: release-1776.
    """
    if release.conversion.scheme == "rule" or _shape(release) == _shape(own):
        return True
    exact = pep440.read(release.bare).canonical == release.conversion.canonical and "." in release.bare
    return exact and not suspicious(release.bare)


def _shape(release: Release) -> str:
    return re.sub("[0-9]+", "0", release.tag.name)


def _earlier(tree: Path, peers: Sequence[Release], commit: str, own: Ref | None, ours: "Version") -> Iterator[Release]:
    """Those that `commit` descends from, and those of the same line that are beside it and not of a later date.

    Those of the commit itself were earlier where their date is, or where there is no tag yet.

    A pre-release of another line is none: nobody gets it for want of a higher one.
    """
    before, after = _names(tree, f"--merged={commit}"), _names(tree, f"--contains={commit}")
    for other in peers:
        name, version = other.tag.name, _version(other)
        if other.tag.commit == commit and own is not None and (other.tag.date or 0) >= (own.date or 0):
            continue
        same = _line(version) == _line(ours)
        later = own is not None and None not in (own.date, other.tag.date) and (other.tag.date or 0) > (own.date or 0)
        beside = same and not later and name not in after
        if beside or (name in before and (same or not version.is_prerelease)):
            yield other


def _names(tree: Path, relation: str) -> set[str]:
    output = git.run(tree, "for-each-ref", "--format=%(refname:strip=2)", relation, "refs/tags")
    return set(map(os.fsdecode, output.splitlines()))


def _version(release: Release) -> "Version":
    version = pep440.parse(release.conversion.canonical or "")
    assert version is not None, release
    return version


def _line(version: "Version") -> tuple[int, ...]:
    """The epoch and the first two numbers."""
    return (version.epoch, *(*version.release, 0)[:2])


def _status(tree: Path) -> tuple[list[str], list[str]]:
    """Changed and untracked files. Submodules are looked at only as far as their commit."""
    output = git.run(tree, "status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=dirty")
    changed, untracked = [], []
    entries = iter(os.fsdecode(output).split("\0"))
    for entry in entries:
        state, name = entry[:2], entry[3:]
        if state == "??":
            untracked.append(name)
        elif name:
            changed.append(name)
        if "R" in state or "C" in state:
            next(entries, None)  # where it came from
    return changed, untracked
