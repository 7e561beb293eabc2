"""Tags: a version behind a word that says "release", behind the name of a project, or alone."""

import re

from relengtools.versions.scheme import bare, semver, words
from relengtools.versions.scheme.meaning import Meaning, because, nothing
from relengtools.versions.scheme.suspicion import bare_letter, lettered_year, suspicious

_REF = re.compile(r"(?:refs/)?tags/")
_KNOWN = re.compile(
    r"(?:(?:version|ver|v|release|releases|rel|tag|tags)[-_./ ]*v?\.?(?=[0-9])|r[-_/]?(?=[0-9]+[._-][0-9]))",
    re.IGNORECASE,
)
_JOIN = re.compile(r"(?P<join>==|[-/@_])(?:v[._]?)?(?=[0-9])", re.IGNORECASE)
_VERSION = re.compile(r"(?:^|[-_/@])v?[0-9]+\.[0-9]", re.IGNORECASE)
_NAME = re.compile(r"@?[A-Za-z][A-Za-z0-9]*(?:[-._/+]+[A-Za-z0-9]+)*")


def read(text: str, *, refused: bool = False) -> Meaning:
    """A tag as projects write it: `release-1.2`, `name-v1.2`, `name/1.2`, `REL_1_2_BETA3`, `1.0.Final`, `1.2-mac1`.

    Exact only where PEP 440 itself takes the text, with or without a word that says "release" before it; `refused`
    spares the question where the answer is known.
    """
    if text[:1].isdigit():
        meaning = bare.refused(text) if refused else bare.read(text)
        return meaning if meaning.version is not None else bare.dated(text) or meaning
    if ref := _REF.match(text):
        text = text[ref.end() :]
    known = _known(text)
    if known is not None and known.version is not None:
        return known
    named = _named(text)
    if named is not None and (named.version is not None or known is None):
        return named
    return bare.dated(text) or known or bare.read(text)


def _known(text: str) -> Meaning | None:
    """Behind a word that says "release" and nothing else; None without such a word."""
    match = _KNOWN.match(text)
    if match is None:
        return None
    rest = text[match.end() :]
    if lettered_year(rest):
        return nothing("a letter after a year counts releases: that takes a rule of the project's own")
    if match[0].endswith("-") and re.fullmatch("[0-9]+-[0-9]+", rest):
        # `release-1-2` has one sign for all gaps, so that it isn't PEP 440's post-release.
        return bare.separated(rest) or nothing("it is no version in any scheme that this knows")
    meaning = bare.read(rest)
    if rest.isdigit() and match[0][-1].lower() != "v":
        return because(meaning, f"one number behind {match[0]!r} may count something else")
    return meaning


def _named(text: str) -> Meaning | None:
    """NAME-1.2, NAME/v1.2, NAME@1.2, NAME==1.2, name_1.2: the first split after which a whole version follows."""
    for match in _JOIN.finditer(text):
        name, rest = text[: match.start()], text[match.end() :]
        # npm's @scope/name@version names a package, whatever its words, and a version of SemVer.
        scoped = name.startswith("@") and match["join"] == "@"
        meaning = semver.read(rest) if scoped else bare.read(rest)
        if meaning.version is None or not _NAME.fullmatch(name):
            continue
        if not scoped and (reason := _no_release(name, match["join"], rest) or _too_little(rest, meaning.version)):
            return nothing(reason)
        return because(meaning, f"the prefix {text[: match.end()]!r} is dropped")
    return None


def _no_release(name: str, join: str, rest: str) -> str | None:
    parts = re.split(r"[-_./+]", name.lower())
    told = [name.lower(), *name.lower().split("/"), parts[-1] if parts[-1] in words.TURNS else ""]
    if word := next((word for word in told if word in words.NO_RELEASE), None):
        return f"{word!r} before a number doesn't make it a release"
    if word := next((word for word in parts[1:] if word in words.PROSE), None):
        return f"{word!r} before a number makes it a sentence"
    if _VERSION.search(name):
        return f"there is a version in {name!r} already"
    if suspicious(rest) and (word := next((word for word in parts if word in words.PACKAGERS), None)):
        return f"{word!r} before it makes its last number a packaging revision"
    if join == "_" and name != name.lower():
        return f"{name!r} and an underscore may name another product's release"
    return None


def _too_little(rest: str, version: str) -> str | None:
    """Behind a name that could be anything, one number is a counter, and what PEP 440 takes by luck is no version."""
    if not re.match(r"[0-9]+[-_.]", version) or bare_letter(rest) or re.fullmatch(r"[0-9]+-[0-9]+", rest):
        return f"behind a name, {rest!r} needn't be a version"
    return None
