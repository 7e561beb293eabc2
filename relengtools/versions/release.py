"""A release to findings: its tag, its project, its distributions, and whether all of them say the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from relengtools.errors import printable
from relengtools.findings import Finding, Location
from relengtools.versions import (
    artifact_rules,
    catalogue,
    form_rules,
    history,
    listing,
    reading,
    release_order,
    release_pairs,
    release_product,
    release_tree,
    release_urls,
)
from relengtools.versions import check as checking
from relengtools.versions.artifact_rules import local
from relengtools.versions.artifacts.contents import shown
from relengtools.versions.artifacts.distribution import Distribution
from relengtools.versions.artifacts.summary import Summary
from relengtools.versions.catalogue_release import (
    OTHER_PROJECT,
    RELEASE_DISAGREEMENT,
    UNPUBLISHABLE,
    UNREADABLE_TAG,
)
from relengtools.versions.discover import MARKERS
from relengtools.versions.history import Mapping, Tag
from relengtools.versions.names import normalized
from relengtools.versions.project import Project
from relengtools.versions.release_order import Clone
from relengtools.versions.release_product import Doubt
from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.suspicion import suspicious
from relengtools.versions.settings import DEFAULT, Settings

# What `check` finds that makes a release wrong, and not only odd.
_GRAVE = frozenset(
    {
        catalogue.INVALID,
        catalogue.FALLBACK,
        catalogue.MISSING,
        catalogue.UNREADABLE,
        catalogue.SYNTAX,
        catalogue.BYTE_ORDER_MARK,
    }
)


# What makes a provider give no version, or a wrong one, where there is no tag.
_COMPUTED = frozenset({catalogue.NO_TAGS, catalogue.GIT_DESCRIBE})


class Candidate(NamedTuple):
    """What is to be released, as far as it is known; `tag` without `refs/tags/`."""

    tag: str | None = None
    project: Project | None = None
    clone: Clone | None = None
    distributions: Sequence[Summary] = ()
    settings: Settings = DEFAULT

    @property
    def path(self) -> str:
        """The project's directory as people are told of it."""
        return self.project.path if self.project else "."

    @property
    def mapping(self) -> Mapping:
        """How tags are read."""
        return Mapping(rules=self.settings.schemes)


class Claim(NamedTuple):
    """A version (canonical), and who states it."""

    version: str
    who: str


def judge(candidate: Candidate) -> list[Finding]:
    """Every finding that counts on the tag, the clone, the project, and the agreement of all. Raises GitError."""
    tagged, stated = _tagged(candidate), _stated(candidate)
    claim = tagged or stated
    found = [*_tag(candidate, tagged, stated), *_clone(candidate, claim), *_project(candidate, tagged, stated)]
    found += [*_other_product(candidate), *_names(candidate), *_versions(candidate, claim), *_against(candidate)]
    return [finding for finding in found if candidate.settings.on(finding.rule)]


def judge_distribution(candidate: Candidate, distribution: Distribution) -> list[Finding]:
    """Every finding that counts on one distribution, apart from the rest."""
    found = artifact_rules.judge(distribution, candidate.path)
    return [finding for finding in found if candidate.settings.on(finding.rule)]


def version(candidate: Candidate) -> str | None:
    """The version that is to be released, None where nothing states one, or distributions alone state several."""
    claim = _tagged(candidate) or _stated(candidate)
    versions = [claim.version] if claim else [d.version for d in candidate.distributions if d.version]
    same = all(pep440.equal(version, versions[0]) for version in versions)
    return versions[0] if versions and same else None


def doubt(candidate: Candidate) -> Doubt | None:
    """Why the tag may be another project's, None where nothing speaks for that."""
    if candidate.tag is None or candidate.project is None or candidate.clone is None:
        return None
    return release_product.doubt(candidate.tag, candidate.project, candidate.clone, candidate.mapping)


def _tagged(candidate: Candidate) -> Claim | None:
    if candidate.tag is None:
        return None
    canonical = history.read_tag(Tag(candidate.tag), candidate.mapping).conversion.canonical
    return Claim(canonical, f"the tag {candidate.tag}") if canonical else None


def _stated(candidate: Candidate) -> Claim | None:
    """What the project states, or its provider would compute; a tag that has yet to be made changes the latter."""
    project, clone = candidate.project, candidate.clone
    if project is None:
        return None
    if owner := project.owner:
        canonical = reading.read(owner).canonical
        return Claim(canonical, f"{owner.file}:{owner.span.line}") if canonical else None
    if project.provider is None or (candidate.tag and not (clone and clone.tag(candidate.tag))):
        return None
    computed = listing.provided(project)
    canonical = pep440.read(computed.version).canonical if computed and computed.version else None
    return Claim(canonical, f"{project.provider} in {project.path}") if canonical else None


def _tag(candidate: Candidate, tagged: Claim | None, stated: Claim | None) -> Iterator[Finding]:
    """The tag by itself: a version behind a prefix; what has to be guessed needs another who says the same."""
    if candidate.tag is None:
        return
    release = history.read_tag(Tag(candidate.tag), candidate.mapping)
    name, said, place = printable(candidate.tag), release.conversion, Location(f"refs/tags/{candidate.tag}")
    if tagged and "+" in tagged.version and pep440.read(release.bare).canonical == tagged.version:
        yield Finding(UNPUBLISHABLE, f"{name}: {local(tagged.version)}", place, candidate.path)
    rule, reason = UNREADABLE_TAG, None
    if tagged is None:
        reason = f"names no version: {said.reason or 'nothing in it is one'}"
    elif said.scheme == "rule" or _confirmed(candidate, tagged, stated):
        return
    elif pep440.read(release.bare).canonical != said.canonical:
        reason = f"is no PEP 440 version behind a prefix: {said.canonical} would be a guess"
    elif doubt := suspicious(release.bare):
        rule, reason = catalogue.MISLEADING, f"is read as {said.canonical}: {doubt}"
    if reason:
        yield Finding(rule, f"{name} {reason}", place, candidate.path)


def _other_product(candidate: Candidate) -> Iterator[Finding]:
    found = doubt(candidate)
    if found and found.certain:
        yield Finding(OTHER_PROJECT, found.message, Location(f"refs/tags/{candidate.tag}"), candidate.path)


def _confirmed(candidate: Candidate, tagged: Claim, stated: Claim | None) -> bool:
    """Whether the project or a distribution states what the tag is read as."""
    versions = [stated.version if stated else None, *(d.version for d in candidate.distributions)]
    return any(version is not None and pep440.equal(version, tagged.version) for version in versions)


def _clone(candidate: Candidate, claim: Claim | None) -> Iterator[Finding]:
    if candidate.clone is None:
        return
    name = candidate.project.name if candidate.project else None
    wanted = claim.version if claim else version(candidate)
    yield from release_order.judge(
        candidate.clone, candidate.tag, wanted, normalized(name) if name else None, candidate.mapping, candidate.path
    )


def _project(candidate: Candidate, tagged: Claim | None, stated: Claim | None) -> Iterator[Finding]:
    """What `check` says that is grave, and the project's version against the tag."""
    project = candidate.project
    if project is None:
        return
    terms = checking.terms([project], {project.place.root: candidate.settings}, None, unsafe=False)
    found = checking.report([project], terms)
    computed = _COMPUTED if candidate.tag is None else frozenset()  # a tag that has yet to be made mends it
    yield from (finding._replace(fix=None) for finding in found if _grave(finding) or finding.rule in computed)
    yield from release_urls.judge(project)
    if tagged is None and stated is not None and "+" in stated.version:
        yield Finding(UNPUBLISHABLE, f"{stated.who}: {local(stated.version)}", Location(project.path), project.path)
    if tagged is None or stated is None or pep440.equal(stated.version, tagged.version):
        return
    message = f"{stated.who} says {stated.version}, {tagged.who} {tagged.version}"
    if project.owner:
        yield form_rules.finding(RELEASE_DISAGREEMENT, project.path, project.owner, message)
    else:
        yield Finding(RELEASE_DISAGREEMENT, message, Location(project.path), project.path)


def _grave(finding: Finding) -> bool:
    """Whether a finding of `check` makes a release wrong: only what is installed or goes into the metadata does."""
    name = finding.location.file.rpartition("/")[2]
    if finding.rule in (catalogue.INVALID_SPECIFIER, catalogue.INVALID_PYTHON, catalogue.CONTRADICTION):
        return name in MARKERS
    if finding.rule is catalogue.DISAGREEMENT:
        return name in MARKERS or (name.endswith(".py") and name != "conf.py")
    return finding.rule in _GRAVE


def _names(candidate: Candidate) -> Iterator[Finding]:
    name = candidate.project.name if candidate.project else None
    for distribution in candidate.distributions if name else ():
        if distribution.name and normalized(distribution.name) != normalized(name or ""):
            message = f"it is a distribution of {shown(distribution.name)}, and {printable(name or '')} is released"
            yield Finding(OTHER_PROJECT, message, Location(distribution.file), candidate.path)


def _versions(candidate: Candidate, claim: Claim | None) -> Iterator[Finding]:
    """Every distribution against tag or project, else against what most of the same name state."""
    for group in release_pairs.by_name(candidate.distributions):
        stated = [d for d in group if d.version]
        reference = claim or _usual(stated)
        for distribution in stated:
            if reference and not pep440.equal(distribution.version or "", reference.version):
                message = f"it is version {distribution.version}, {printable(reference.who)} says {reference.version}"
                yield Finding(RELEASE_DISAGREEMENT, message, Location(distribution.file), candidate.path)


def _usual(distributions: Sequence[Summary]) -> Claim | None:
    """The version that most state, the first of those where several do."""
    versions = [pep440.parse(d.version or "") for d in distributions]
    counts = Counter(versions)
    usual = max(versions, key=lambda version: counts[version], default=None)
    chosen = next((d for d, version in zip(distributions, versions, strict=True) if version == usual), None)
    return Claim(chosen.version or "", chosen.file) if chosen else None


def _against(candidate: Candidate) -> Iterator[Finding]:
    """The distributions against each other, and against the tree."""
    said = release_pairs.judge(candidate.distributions)
    if candidate.project and candidate.clone:
        said = chain(said, release_tree.judge(candidate.distributions, candidate.project, candidate.clone))
    yield from (Finding(rule, message, Location(one.file), candidate.path) for one, rule, message in said)
