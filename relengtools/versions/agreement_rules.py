"""The places of one project to findings: do they state the same version?"""

from collections.abc import Iterator

from relengtools.findings import Finding, Fix
from relengtools.versions.catalogue import DISAGREEMENT, PACKAGING_LAGS
from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.form_rules import PEP440, fallback, finding, proposal, replaceable, rewriting
from relengtools.versions.locate.source import UnreadableError
from relengtools.versions.project import Project
from relengtools.versions.reading import read
from relengtools.versions.scheme import pep440
from relengtools.versions.settings import Settings


def agreement(project: Project, settings: Settings) -> Iterator[Finding]:
    """A finding for each copy that isn't what the owner says; without one, for each that isn't what the first says."""
    owner = project.owner
    if owner is None:
        yield from _among_copies(project)
        return
    stated = owner.value.strip() if owner.kind.scheme == PEP440 else read(owner).canonical
    new = proposal(owner, settings) or stated
    # What is made of the owner's text has to stand in both places.
    together = stated is not None and new is not None and not pep440.equal(stated, new)
    built = owner._replace(value=project.version or owner.value)  # with [egg_info] tag_build behind it
    for copy in project.copies:
        if _agree(copy, owner) or _agree(copy, built) or (copy.kind is Kind.DOCS_CONF and _states_part(copy, owner)):
            continue
        wanted = _wanted(copy, new, settings)
        if wanted is None and copy.kind.scheme != PEP440:
            continue  # its scheme has no place for the version, so the two can't agree
        message = f"{copy.value!r} is not the version that the build uses, {built.value!r} ({owner.file})"
        note = f"the build uses {owner.file}:{owner.span.line}:{owner.span.column}" + _newer(copy, built)
        if copy.kind is Kind.UV_LOCK and _broken(project, copy):
            # One file that can't be written would keep all the others of the project from being mended.
            wanted, note = None, f"{copy.file} is no TOML, so nothing can be written there: `uv lock` makes it anew"
        elif copy.kind is not Kind.UV_LOCK and fallback(read(built).canonical or ""):
            wanted, note = None, f"{note}; a placeholder is written nowhere else"
        rule = PACKAGING_LAGS if _may_lag(copy, owner) else DISAGREEMENT
        one = finding(rule, project.path, copy, message, wanted, note)
        yield _with_owner(one, owner, new) if together and new else one


def _newer(copy: Declaration, built: Declaration) -> str:
    """Which of the two was forgotten can't be told, but that a fix would go back can."""
    first, second = (pep440.parse(read(one).canonical or "") for one in (copy, built))
    if first is None or second is None or first <= second:
        return ""
    return f"; {copy.value.strip()} is the newer one: if it is right, `versions bump {first}` writes it everywhere"


def _broken(project: Project, copy: Declaration) -> bool:
    """Whether the lock is no TOML: a locator that goes by lines doesn't notice, and the proof of an edit would."""
    from relengtools.versions.locate import toml

    source = next(source for source in project.sources if source.file == copy.file)
    try:
        toml.parse(source)
    except UnreadableError:
        return True
    return False


def _wanted(copy: Declaration, new: str | None, settings: Settings) -> str | None:
    """The owner's version as it is written at the copy's place; an invalid text isn't spread."""
    canonical = pep440.read(new).canonical if new else None
    if canonical is None or copy.kind.scheme == PEP440:
        return canonical if settings.drops(copy.kind) else canonical and new
    from relengtools.versions.scheme.convert import TARGETS, convert

    return convert(canonical, target=copy.kind.scheme).version if copy.kind.scheme in TARGETS else None


def _states_part(copy: Declaration, owner: Declaration) -> bool:
    """Documentation may give the series alone: 1.0 for 1.0.3."""
    stated, full = read(copy).canonical, read(owner).canonical or ""
    return not copy.value.strip() or (stated is not None and stated.count(".") == 1 and full.startswith(f"{stated}."))


def _may_lag(copy: Declaration, owner: Declaration) -> bool:
    """A packager waits for the release; package.json often has a version of its own.

    While the next release is in the making, citation and documentation are of the last one.
    """
    making = ".dev" in (read(owner).canonical or "")
    return (
        copy.kind.packaged
        or copy.kind is Kind.PACKAGE_JSON
        or (making and copy.kind in (Kind.CITATION, Kind.DOCS_CONF))
    )


def _with_owner(one: Finding, owner: Declaration, new: str) -> Finding:
    if one.fix is None or not replaceable(owner):
        return one._replace(fix=None)
    return one._replace(fix=Fix(False, (*one.fix.edits, *rewriting(owner, new).edits)))


def _among_copies(project: Project) -> Iterator[Finding]:
    """Without an owner nobody knows which is right, but two can't be. A computed version makes no claim on copies."""
    copies = [copy for copy in project.copies if not copy.kind.packaged]
    if not copies or project.provider:
        return
    first, *others = copies
    for other in others:
        if not _agree(first, other):
            message = f"{other.value!r} is not what {first.file} says, {first.value!r}"
            yield finding(DISAGREEMENT, project.path, other, message, None, project.reason)


def _agree(one: Declaration, other: Declaration) -> bool:
    if one.value.strip() == other.value.strip():
        return True
    first, second = read(one).canonical, read(other).canonical
    return first is not None and second is not None and pep440.equal(first, second)
