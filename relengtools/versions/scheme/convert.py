"""One version string from any scheme to any other: what `versions convert` answers."""

import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from relengtools.versions.scheme import (
    alpine,
    arch,
    calver,
    conda,
    describe,
    distribution,
    pep440,
    rule,
    semver,
    spelling,
    tag,
)
from relengtools.versions.scheme.meaning import Meaning, Policy, Scheme, because, certain, guessed, nothing
from relengtools.versions.scheme.suspicion import default, suspicious
from relengtools.versions.scheme.write import WRITERS

LONGEST = 256
SOURCES = ("auto", *(scheme.value for scheme in list(Scheme)[:9]))
TARGETS = tuple(scheme.value for scheme in WRITERS)
_PEP440_FIRST = frozenset({"auto", "pep440"})
POLICIES = tuple(policy.value for policy in Policy)

# What JSON writes as it is.
_UNESCAPED = re.compile(r"[ !#-\[\]-~]*")
_ARCH_ONLY = re.compile(r"[._+](?:g|r[0-9])")
_RPM_ONLY = re.compile(
    r"-[0-9][0-9a-z.]*\.(?:el|fc|amzn|mga|suse)[0-9]|[0-9]-0\.[0-9]+\.(?:a|b|rc|alpha|beta|pre|dev)[0-9]*\Z"
)
_DEBIAN_ONLY = re.compile(
    r"[0-9]:[0-9]|~|-[0-9.]+(?:\+deb|\+b)[0-9]|[0-9](?:ubuntu|build)[0-9]|\+(?:dfsg|repack|really)"
)
_ALPINE_ONLY = re.compile(r"_(?:git|svn|hg|cvs)[0-9]|_p[0-9]|_(?:alpha|beta|pre|rc)[0-9]*(?:-r|_)|-r[0-9]+\Z")


class Conversion(NamedTuple):
    """What became of `input`: the row that `versions convert` prints.

    `scheme` is how it was read, `version` the answer in the target's scheme, `canonical` the PEP 440 version that it
    stands for (either is None where there is no honest one), `exact` whether nothing was dropped or guessed.
    """

    input: str
    scheme: str
    version: str | None
    canonical: str | None
    exact: bool
    reason: str | None


def convert(
    text: str, source: str = "auto", target: str = "pep440", policy: str | None = None, rules: Sequence[rule.Rule] = ()
) -> Conversion:
    """Read `text` as `source` says, and write it as `target` asks.

    `policy` says what a commit after a tag becomes: by default next-dev for `git describe`, post for Arch and for
    Alpine's snapshots. The project's own `rules` go first. Never raises for any text; `source`, `target` and `policy`
    are those of SOURCES, TARGETS and POLICIES.
    """
    usual = spelling.unsuspected(text) if source in _PEP440_FIRST and not rules else None
    if usual is not None and target == "pep440":
        return Conversion(text, "pep440", usual, usual, True, None)
    if usual is not None:
        return _written(text, "pep440", certain(usual), target)
    scheme, meaning = _read(text, source, None if policy is None else Policy(policy), rules)
    name = str(scheme)
    if meaning.version is None or target == "pep440":
        return Conversion(text, name, meaning.version, meaning.version, meaning.exact, meaning.reason)
    return _written(text, name, meaning, target)


def as_json(conversion: Conversion) -> str:
    """One line of JSON Lines."""
    text, scheme, version, canonical, exact, _ = conversion
    if exact and _UNESCAPED.fullmatch(text):
        # Most are so, and this takes a quarter of the time.
        return (
            f'{{"input": "{text}", "scheme": "{scheme}", "version": "{version}", "canonical": "{canonical}", '
            '"exact": true, "reason": null}'
        )
    import json

    return json.dumps(conversion._asdict())


def _written(text: str, scheme: str, meaning: Meaning, target: str) -> Conversion:
    version = pep440.parse(meaning.version or "")
    assert version is not None, f"the reading of {text!r} as {scheme} isn't PEP 440"
    written = WRITERS[Scheme(target)](version)
    reason = "; ".join(filter(None, [meaning.reason, written.reason])) or None
    return Conversion(text, scheme, written.version, str(version), meaning.exact and written.exact, reason)


def _read(text: str, source: str, policy: Policy | None, rules: Sequence[rule.Rule]) -> tuple[Scheme, Meaning]:
    stripped = text.strip()
    if rules and (meaning := rule.read(rules, stripped)) is not None:
        return Scheme.RULE, meaning
    if source in _PEP440_FIRST:
        # Without rules the usual spellings don't come here.
        version = spelling.canonical(text) if rules else spelling.unusual(text)
        if version is not None:
            reason = suspicious(text) or default(text) if source == "auto" else None
            return Scheme.PEP440, certain(version) if reason is None else guessed(version, reason)
    scheme = Scheme.UNKNOWN if source == "auto" else Scheme(source)
    if not stripped:
        return scheme, nothing("it is empty")
    if len(stripped) > LONGEST:
        return scheme, nothing(f"longer than {LONGEST} characters, which no scheme's versions are")
    if not stripped.isascii() or not stripped.isprintable():
        return scheme, nothing("it holds characters that no scheme's versions have")
    return _auto(stripped, policy, rules) if source == "auto" else (scheme, _as(scheme, stripped, policy, rules))


def _as(scheme: Scheme, text: str, policy: Policy | None, rules: Sequence[rule.Rule]) -> Meaning:
    """`text` read as `scheme` says."""
    read_tag = partial(_read_tag, rules=rules)
    match scheme:
        case Scheme.GIT_DESCRIBE:
            found = describe.read(text)
            if found is None:
                return describe.tagged(text, read_tag)
            return describe.version(found, policy or Policy.NEXT_DEV, read_tag)
        case Scheme.ALPINE:
            return alpine.read(text, policy or Policy.POST)
        case Scheme.ARCH:
            return arch.read(text, read_tag, policy or Policy.POST)
        case Scheme.SEMVER:
            return semver.read(text)
        case Scheme.CALVER:
            return calver.read(text)
        case Scheme.DEBIAN:
            return distribution.debian(text)
        case Scheme.RPM:
            return distribution.rpm(text)
        case Scheme.CONDA:
            return conda.read(text)
    return nothing("it isn't PEP 440")


def _auto(text: str, policy: Policy | None, rules: Sequence[rule.Rule]) -> tuple[Scheme, Meaning]:
    """A text that PEP 440 refuses: the scheme that it can't be mistaken for, else a tag."""
    if ("-g" in text or text.endswith("-dirty")) and (found := describe.read(text)) is not None:
        read_tag = partial(_read_tag, rules=rules)
        return Scheme.GIT_DESCRIBE, describe.version(found, policy or Policy.NEXT_DEV, read_tag)
    if arch.untagged(text):
        return Scheme.UNKNOWN, nothing("it counts commits, with no tag under it")
    scheme = _unmistakable(text)
    if scheme is not None and (meaning := _as(scheme, text, policy, rules)).version is not None:
        return scheme, because(meaning, f"it looks like a version of {scheme}")
    if text[4:5] == "-" and (date := calver.iso_date(text)) is not None:
        return Scheme.CALVER, guessed(date, "the date's dashes are read as dots")
    meaning = tag.read(text, refused=True)
    return (Scheme.UNKNOWN if meaning.version is None else Scheme.TAG), meaning


def _unmistakable(text: str) -> Scheme | None:
    if _ARCH_ONLY.search(text) and arch.snapshot(text) is not None:
        return Scheme.ARCH
    if "^" in text or _RPM_ONLY.search(text):
        return Scheme.RPM
    if _DEBIAN_ONLY.search(text):
        return Scheme.DEBIAN
    return Scheme.ALPINE if _ALPINE_ONLY.search(text) else None


def _read_tag(text: str, rules: Sequence[rule.Rule]) -> Meaning:
    return rule.read(rules, text) or tag.read(text)
