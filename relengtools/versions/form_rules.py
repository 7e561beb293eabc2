"""One declaration to findings: form, meaning, portability; and the fixes that they share."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from relengtools.findings import Edit, Finding, Fix, Location, Rule
from relengtools.versions import catalogue
from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.reading import read
from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.pep440 import Level, Reading
from relengtools.versions.settings import Settings

if TYPE_CHECKING:
    from relengtools.versions.scheme.rule import Rule as Scheme

# Patterns are compiled where they are needed: a start-up has no time for all of them.
_INVALID_HINTS = (
    (r"\s*", "it is empty"),
    (r"(?s:[^#;]*\s[#;].*)", "setup.cfg has no comments behind a value"),
)
# Texts that programs are known to write for want of a version, and why: canonical ones, or invalid as they stand.
_FALLBACKS = (
    (r"0(?:\.0)*", "setuptools and dunamai write it where they find no version, and plug-ins want it as a placeholder"),
    (
        r"0\.0\.0\.post[0-9]+\.dev[0-9]+(?:\+.*)?",
        "dunamai writes it where no tag fits its pattern (a leading v, by default) or the clone has no tags",
    ),
    (r"0\+(?:unknown|untagged).*", "versioneer writes it outside of a repository or where there is no tag"),
    (
        r"0\.1\.dev(?:[1-9][0-9]*|[0-9]+\+(?:g[0-9a-f]|d[0-9]{8}|unknown).*)",
        "setuptools-scm writes it where it finds no tag, as in a shallow clone",
    ),
    (
        r".*\+(?:.*\.)?(?:unknown|fallback|untagged|notfound|no\.?git|not\.?found)(?:\..*)?",
        "its local label says that a tool found no version",
    ),
)
_NO_VERSION = (
    r"(?i:(?:v?0[.+-])?(?:unknown|untagged|undefined|none|null))",
    "a tool writes it that finds no version: no tag, a shallow clone, no metadata of an installed package",
)
_HASH_ONLY = r"[^+]*\+(?:g|(?=[0-9]*[a-f]))[0-9a-f]{7,40}(?:\.dirty|\.d[0-9]{8})?"
_COUNTED = r"\.(?:dev|post)[1-9]"
_LARGEST = 2**64 - 1
# Characters of a message: the value that it quotes may be any text.
_LONGEST = 600
PEP440 = "pep440"


def form(project: str, declaration: Declaration, settings: Settings, *, claims: bool = True) -> Iterator[Finding]:
    """The findings on one declaration of the project at path `project`.

    `claims` says that it states the project's version; a placeholder that a provider replaces doesn't.
    """
    reading = read(declaration)
    if reading.level is Level.INVALID:
        yield _invalid(project, declaration, settings)
        pattern, cause = _NO_VERSION
        if claims and re.fullmatch(pattern, declaration.value.strip()):
            yield _fallen_back(project, declaration, cause)
        return
    if declaration.kind.scheme != PEP440:
        return  # a right text of another scheme is no matter of PEP 440's
    if (version := meant(declaration.value, settings)) is not None:
        yield _otherwise(project, declaration, reading, version)
        return
    yield from _spelling(project, declaration, reading, settings)
    fallback = _fallback(project, declaration, reading) if claims else None
    odd = fallback or _misleading(project, declaration, reading, settings)
    yield from (odd,) if odd else ()
    yield from _portability(project, declaration, reading)
    # The only one that has to load packaging for an ordinary version.
    if settings.on(catalogue.UNPACKAGEABLE) and re.search(r"[!+]|dev", reading.canonical or ""):
        yield _unpackageable(project, declaration, reading)


def proposal(declaration: Declaration, settings: Settings) -> str | None:
    """What the form rules that are on by default write: None where the text may stay, or nothing honest is known."""
    if declaration.kind.scheme != PEP440:
        return None
    reading = read(declaration)
    if reading.level is Level.INVALID:
        return described(declaration.value, settings.schemes)[0]
    wanted = reading.canonical if settings.drops(declaration.kind) else reading.respelled
    wanted = meant(declaration.value, settings) or wanted
    return None if wanted == declaration.value else wanted


def meant(value: str, settings: Settings) -> str | None:
    """What a valid version is by a scheme of the project's own, where that isn't what PEP 440 reads."""
    if not settings.schemes:
        return None
    from relengtools.versions.scheme import rule

    meaning = rule.read(settings.schemes, value.strip())
    return None if meaning is None or pep440.equal(meaning.version or value, value) else meaning.version


def described(value: str, schemes: "tuple[Scheme, ...]" = ()) -> tuple[str | None, str | None]:
    """The version that a text stands for which PEP 440 refuses, and how it was read; None where nobody can tell."""
    from relengtools.versions.scheme import describe
    from relengtools.versions.scheme.convert import convert

    conversion = convert(value.strip(), rules=schemes)
    description = describe.read(value.strip())
    if conversion.version is None or conversion.version == value:
        return None, None
    if conversion.scheme != "git-describe" or description is None:
        source = "a scheme of the project's own" if conversion.scheme == "rule" else conversion.scheme
        return conversion.version, f"read as {source}" + (f": {conversion.reason}" if conversion.reason else "")
    commit = f"commit {description.hash}" if description.hash else "a changed work tree"
    plural = "" if description.distance == 1 else "s"
    note = f"read as git describe: tag {description.tag}, {description.distance} commit{plural} after it, {commit}"
    return conversion.version, note + ("; an index takes no local version (+…)" if "+" in conversion.version else "")


def fallback(canonical: str) -> str | None:
    """Why a canonical version is one that a tool writes for want of another; None where nothing speaks for it."""
    if canonical != "0" and not canonical.startswith(("0.0", "0.1.dev")) and "+" not in canonical:
        return None
    return next((why for pattern, why in _FALLBACKS if re.fullmatch(pattern, canonical)), None)


def finding(
    rule: Rule, project: str, declaration: Declaration, message: str, new: str | None = None, note: str | None = None
) -> Finding:
    """A finding at a declaration, with the fix that writes `new` there if that can be done."""
    span = declaration.span
    message = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
    location = Location(declaration.file, span.line, span.column, span.end_line, span.end_column)
    fix = None
    if new is not None and new != declaration.value and new.isascii() and replaceable(declaration):
        fix = rewriting(declaration, new)
    return Finding(rule, message, location, project, fix, declaration.source, note)


def replaceable(declaration: Declaration) -> bool:
    """Whether a text can be written in its place: not for a computed one, what a build generated, a packager's."""
    # setup.cfg puts an interpolated value together from other options, and a literal would cut that tie.
    interpolated = declaration.kind is Kind.SETUP_CFG and "%" in declaration.raw
    kind = declaration.kind
    return not (interpolated or declaration.computed or kind.packaged or kind is Kind.PKG_INFO)


def rewriting(declaration: Declaration, new: str) -> Fix:
    """Safe is computed: both texts parse and are equal as versions."""
    span, quote = declaration.span, declaration.quote
    edit = Edit(declaration.file, span.start, span.end, span.line, span.column, declaration.raw, f"{quote}{new}{quote}")
    return Fix(pep440.equal(declaration.value, new), (edit,))


def _invalid(project: str, declaration: Declaration, settings: Settings) -> Finding:
    value = declaration.value
    if declaration.kind.scheme != PEP440:
        message = f"{value!r} is no version of {declaration.kind.scheme}, which {declaration.kind} wants"
        return finding(catalogue.INVALID, project, declaration, message)
    hint = next((f": {hint}" for pattern, hint in _INVALID_HINTS if re.fullmatch(pattern, value)), "")
    new, note = (None, None) if hint else described(value, settings.schemes)
    return finding(catalogue.INVALID, project, declaration, f"{value!r} is no PEP 440 version{hint}", new, note)


def _spelling(project: str, declaration: Declaration, reading: Reading, settings: Settings) -> Iterator[Finding]:
    value, respelled = declaration.value, reading.respelled
    if respelled != value:
        message = f"{value!r} is spelt {respelled!r} in canonical form"
        yield finding(catalogue.SPELLING, project, declaration, message, respelled)
    if respelled != reading.canonical:
        rule = catalogue.PADDING
        if settings.drops(declaration.kind):
            rule = rule._replace(default=True)
        message = f"{value!r} has zero padding: the canonical form is {reading.canonical!r}"
        yield finding(rule, project, declaration, message, reading.canonical)


def _fallback(project: str, declaration: Declaration, reading: Reading) -> Finding | None:
    cause = fallback(reading.canonical or "")
    return None if cause is None else _fallen_back(project, declaration, cause)


def _fallen_back(project: str, declaration: Declaration, cause: str) -> Finding:
    return finding(catalogue.FALLBACK, project, declaration, f"{declaration.value!r} is a fallback: {cause}")


def _otherwise(project: str, declaration: Declaration, reading: Reading, version: str) -> Finding:
    message = (
        f"{declaration.value!r} is read as {reading.canonical!r}, and a scheme of the project's own means {version!r}"
    )
    return finding(catalogue.MISLEADING, project, declaration, message, version)


def _misleading(project: str, declaration: Declaration, reading: Reading, settings: Settings) -> Finding | None:
    """Valid, but the spelling speaks for another meaning; a scheme of the project's own says that it has none."""
    value = declaration.value.strip()
    if value == reading.canonical and "+" not in value:
        return None
    from relengtools.versions.scheme import rule
    from relengtools.versions.scheme.suspicion import suspicious

    reason = suspicious(value)
    if reason is None or rule.read(settings.schemes, value) is not None:
        return None
    return finding(catalogue.MISLEADING, project, declaration, f"{value!r} is read as {reading.canonical!r}: {reason}")


def _portability(project: str, declaration: Declaration, reading: Reading) -> Iterator[Finding]:
    canonical, value = reading.canonical or "", declaration.value
    public, _, local = canonical.partition("+")
    if len(public) >= 20 and any(int(number) > _LARGEST for number in re.findall(r"[0-9]{20,}", public)):
        yield finding(catalogue.OVERSIZED, project, declaration, f"{value!r}: a number of more than 64 bits")
    if local:
        message = f"{value!r} has the local label +{local}, which indexes refuse"
        yield finding(catalogue.LOCAL, project, declaration, message)
    if "!" in public:
        yield finding(catalogue.EPOCH, project, declaration, f"{value!r} has the epoch {public.partition('!')[0]}")
    if local and re.fullmatch(_HASH_ONLY, canonical) and not re.search(_COUNTED, public):
        message = f"{value!r}: only the hash tells it from the version of another commit, and hashes have no order"
        yield finding(catalogue.HASH_ORDER, project, declaration, message)


def _unpackageable(project: str, declaration: Declaration, reading: Reading) -> Finding:
    from relengtools.versions.scheme.meaning import Scheme
    from relengtools.versions.scheme.write import WRITERS

    version = pep440.parse(reading.canonical or "")
    assert version is not None, reading
    reasons = [WRITERS[target](version).reason for target in (Scheme.ALPINE, Scheme.DEBIAN, Scheme.RPM)]
    message = f"{declaration.value!r}: {'; '.join(reason for reason in reasons if reason)}"
    return finding(catalogue.UNPACKAGEABLE, project, declaration, message)
