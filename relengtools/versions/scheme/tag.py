"""Tags and other texts that carry a version in a prefix, in underscores or with a word after it."""

import re
from typing import NamedTuple

from relengtools.versions.scheme import semver, spelling
from relengtools.versions.scheme.meaning import Meaning, because, certain, guessed, nothing
from relengtools.versions.scheme.suspicion import bare_letter, lettered_year, suspicious

_KNOWN = re.compile(
    r"(?:refs/tags/)?(?:(?:version|ver|v|release|releases|rel|tag|tags|stable)[-_./ ]*v?\.?(?=[0-9])"
    r"|r[-_/]?(?=[0-9]+[._-][0-9]))",
    re.IGNORECASE,
)
_JOIN = re.compile(r"(?P<join>==|[-/@_])(?:v[._]?)?(?=[0-9])", re.IGNORECASE)
_NAME = re.compile(r"@?[A-Za-z][A-Za-z0-9]*(?:[-._/+]+[A-Za-z0-9]+)*")
# Words that name a moment, a branch, a packager or a ticket, never a project whose release follows.
_MOMENTS = {
    "nightly",
    "snapshot",
    "daily",
    "weekly",
    "before",
    "after",
    "pre",
    "post",
    "start",
    "base",
    "last",
    "latest",
}
_BRANCHES = {
    "dev",
    "devel",
    "trunk",
    "master",
    "main",
    "head",
    "branch",
    "branches",
    "maint",
    "merge",
    "feature",
    "wip",
}
_COPIES = {
    "backup",
    "backups",
    "archive",
    "old",
    "test",
    "testing",
    "tmp",
    "experimental",
    "build",
    "rev",
    "ci",
    "deploy",
}
_PACKAGERS = {"debian", "ubuntu", "fedora", "redhat", "centos", "rhel", "suse", "opensuse", "gentoo", "arch", "alpine"}
_TICKETS = {"cve", "ghsa", "pep", "rfc", "issue", "issues", "bug", "bugs", "pr", "pull", "fix", "patch", "hotfix"}
_STAGES = {"alpha", "beta", "rc", "unstable", "edge", "canary"}
_NO_RELEASE = _MOMENTS | _BRANCHES | _COPIES | _PACKAGERS | _TICKETS | _STAGES
_TURNS = {"before", "after", "branch", "merge", "nightly", "snapshot", "pre", "backup"}
_FAILURES = {"notfound", "unknown", "none", "null", "broken", "bad"}
_ENDS = {"eol", "eom", "end", "merged", "maintenance", "fixes", "lts", "root", "tip", "revision", "checkpoint", "next"}
_SYSTEMS = {"git", "svn", "hg", "bzr", "cvs"}
_STOPS = _FAILURES | _ENDS | _SYSTEMS | _MOMENTS | _BRANCHES | _COPIES - {"build", "rev", "ci", "deploy"} | {"fix"}
# A local label sorts above the release, so a word that says "not there yet" can't become one.
_EARLY = re.compile(
    r"(?:pre|alpha|beta|rc|cand|dev|snap|night|miles|unstable|early|draft|m[0-9]|ea[0-9p]?).*", re.IGNORECASE
)
_PRE = r"(?:(?:alpha|beta|preview|pre|rc)[-_.]?[0-9]*|[abc][-_.]?[0-9]+)"
_SEPARATED = re.compile(
    r"(?P<numbers>[0-9]+(?P<sep>[-_])[0-9]+(?:(?P=sep)[0-9]+)*)"
    rf"(?P<rest>[-_.]?(?:{_PRE}|dev[-_.]?[0-9]*|post[-_.]?[0-9]+))?",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?P<base>[0-9]+\.[0-9].*)-(?P<word>[a-z][a-z0-9]{2,})", re.IGNORECASE)
_DATED = re.compile(
    r"(?:version\s+)?(?P<base>\S+)\s+\((?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[ T](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}))?\)(?:\s+(?P<state>[A-Za-z]+[0-9]*))?",
    re.IGNORECASE,
)


_NO_VERSION = "it is no version in any scheme that this knows"


class _Form(NamedTuple):
    """A spelling other than PEP 440's: the groups of `pattern` put into `spelling`, and what that guesses."""

    pattern: re.Pattern[str]
    spelling: str
    reason: str


def _form(pattern: str, spelling: str, reason: str) -> _Form:
    return _Form(re.compile(pattern, re.IGNORECASE), spelling, reason)


_RELEASE = r"(?P<base>[0-9]+(?:\.[0-9]+)*)"
_FORMS = (
    _form(
        r"(?P<base>[0-9]+(?:\.[0-9]+)+)[-_.]?(?:pl|p|patch|sp)[-_.]?(?P<number>[0-9]+)",
        "{base}.post{number}",
        "a patch level is read as a post-release",
    ),
    _form(
        r"(?P<base>.*[0-9])[-_.](?P<word>final|release|stable|ga|rel)",
        "{base}",
        "{word!r} is read as the release itself",
    ),
    _form(
        rf"{_RELEASE}[-_.](?P<word>snapshot|trunk|devel|development|nightly)[-_.]?(?P<number>[0-9]*)",
        "{base}.dev{number}",
        "{word!r} is read as a dev release",
    ),
    _form(
        r"(?P<base>.*[0-9])[-_.]?dev[-_.]?r(?P<number>[0-9]+)",
        "{base}.dev{number}",
        "a revision of Subversion is read as the dev release's number",
    ),
    _form(rf"{_RELEASE} (?P<word>{_PRE}|dev) ?(?P<number>[0-9]*)", "{base}{word}{number}", "spaces are left out"),
    _form(
        r"(?P<base>.*[0-9][-_.]?(?:alpha|beta|preview|pre|rc|a|b|c)[-_.]?[0-9]+)(?:\.0)+",
        "{base}",
        "zeros after the pre-release's number are dropped",
    ),
)
_HASHED = _form(
    r"(?P<base>.*?)[-.+_](?:g|(?=[0-9]*[a-f]))(?P<hash>[0-9a-f]{7,40})",
    "{base}+g{hash}",
    "the hash is read as a local version, which can't be uploaded",
)


def read(text: str, *, refused: bool = False) -> Meaning:
    """A tag as projects write it: `release-1.2`, `name-v1.2`, `name/1.2`, `REL_1_2_BETA3`, `1.0.Final`, `1.2-mac1`.

    Exact only where PEP 440 itself takes the text, with or without a word that says "release" before it; `refused`
    spares the question where the answer is known.
    """
    if text[:1].isdigit():
        bare = _other(text) if refused else _bare(text)
        return bare if bare.version is not None else _dated(text) or bare
    known = _KNOWN.match(text)
    rest = nothing(_NO_VERSION) if known is None else _bare(text[known.end() :])
    if known is not None and lettered_year(text[known.end() :]):
        return nothing("a letter after a year counts releases: that takes a rule of the project's own")
    return rest if rest.version is not None else _named(text) or _dated(text) or rest


def _bare(text: str) -> Meaning:
    """A version without any prefix, in PEP 440's spelling or another."""
    version = spelling.canonical(text)
    if version is not None:
        reason = suspicious(text)
        return certain(version) if reason is None else guessed(version, reason)
    return _other(text)


def _other(text: str) -> Meaning:
    """A text that PEP 440 refuses, in one of the spellings that tags use for want of it."""
    if (separated := _separated(text)) is not None:
        return separated
    for form in _FORMS:
        if (meaning := _respelled(form, text)) is not None:
            return meaning
    meaning = semver.read(text)
    if meaning.version is not None:
        return meaning
    return _respelled(_HASHED, text) or _word(text) or nothing(_NO_VERSION)


def _respelled(form: _Form, text: str) -> Meaning | None:
    match = form.pattern.fullmatch(text)
    if match is None:
        return None
    groups = match.groupdict(default="")
    version = spelling.canonical(form.spelling.format(**groups))
    return None if version is None else guessed(version, form.reason.format(**groups))


def _named(text: str) -> Meaning | None:
    """NAME-1.2, NAME/v1.2, NAME@1.2, NAME==1.2, name_1.2: the first split after which a whole version follows."""
    for match in _JOIN.finditer(text):
        name, rest = text[: match.start()], text[match.end() :]
        meaning = _bare(rest)
        if meaning.version is None or not _NAME.fullmatch(name):
            continue
        if reason := _no_release(name, match["join"]) or _too_little(rest, meaning.version):
            return nothing(reason)
        return because(meaning, f"the prefix {text[: match.end()]!r} is dropped")
    return None


def _no_release(name: str, join: str) -> str | None:
    words = re.split(r"[-_./+]", name.lower().lstrip("@"))
    told = [name.lower(), name.lower().split("/")[0], words[-1] if words[-1] in _TURNS else ""]
    if word := next((word for word in told if word in _NO_RELEASE), None):
        return f"{word!r} before a number doesn't make it a release"
    if join == "_" and name != name.lower():
        return f"{name!r} and an underscore may name another product's release"
    return None


def _too_little(rest: str, version: str) -> str | None:
    """Behind a name that could be anything, one number is a counter, and what PEP 440 takes by luck is no version."""
    if not re.match(r"[0-9]+[-_.]", version) or bare_letter(rest):
        return f"behind a name, {rest!r} needn't be a version"
    if re.fullmatch(r"[0-9]+-[0-9]+", rest):
        return f"behind a name, {rest!r} needn't be a version"
    return None


def _separated(text: str) -> Meaning | None:
    match = _SEPARATED.fullmatch(text)
    if match is None:
        return None
    version = spelling.canonical(match["numbers"].replace(match["sep"], ".") + (match["rest"] or ""))
    return None if version is None else guessed(version, f"{match['sep']!r} is read as a dot")


def _word(text: str) -> Meaning | None:
    """One word after a dash: a rebuild or a patched edition, which a local label says best."""
    match = _WORD.fullmatch(text)
    version = spelling.canonical(match["base"]) if match else None
    if (
        match is None
        or version is None
        or "+" in version
        or match["word"].lower() in _STOPS
        or _EARLY.fullmatch(match["word"])
    ):
        return None
    return guessed(
        f"{version}+{match['word'].lower()}", f"{match['word']!r} is read as a local version, which can't be uploaded"
    )


def _dated(text: str) -> Meaning | None:
    """`VERSION (DATE TIME) STATE`, as a VERSION file for people has it."""
    match = _DATED.fullmatch(text)
    version = spelling.canonical(match["base"]) if match else None
    if match is None or version is None:
        return None
    state = (match["state"] or "stable").lower()
    stamp = re.sub("[^0-9]", "", match["date"] + (match["time"] or ""))
    if state in semver.DEV:
        answer = spelling.canonical(f"{version}.dev{stamp}")
    else:
        suffix = semver.suffix(state)
        answer = None if suffix.version is None else spelling.canonical(f"{version}{suffix.version}")
    return (
        None
        if answer is None
        else guessed(answer, "free text: the version, and what the word and the date after it say")
    )
