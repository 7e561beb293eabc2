"""A version without a prefix, in one of the spellings that tags and old packages use where PEP 440 has none."""

import re
from typing import NamedTuple

from relengtools.versions.scheme import semver, spelling, words
from relengtools.versions.scheme.meaning import Meaning, because, certain, guessed, nothing
from relengtools.versions.scheme.suspicion import lettered, suspicious


class _Form(NamedTuple):
    """A spelling other than PEP 440's: the groups of `pattern` put into `spelling`, and what that guesses."""

    pattern: re.Pattern[str]
    spelling: str
    reason: str


def _form(pattern: str, spelling: str, reason: str) -> _Form:
    return _Form(re.compile(pattern, re.IGNORECASE), spelling, reason)


_RELEASE = r"(?P<base>[0-9]+(?:\.[0-9]+)*)"
_PRE = r"(?:(?:alpha|beta|preview|pre|rc)[-_.]?[0-9]*|[abc][-_.]?[0-9]+)"
_LOCAL = "is read as a local version, which can't be uploaded"
# Each says the same as a public version of PEP 440.
_FORMS = (
    _form(
        r"(?P<base>[0-9]+(?:\.[0-9]+)+)[-_.]?(?:pl|p|patch|sp)[-_.]?(?P<number>[0-9]+)",
        "{base}.post{number}",
        "a patch level is read as a post-release",
    ),
    _form(
        r"(?P<base>.*[0-9])[-_. ]?(?P<word>final|release|stable|ga|rel)(?:[-_.]?0)?",
        "{base}",
        "{word!r} is read as the release itself",
    ),
    _form(
        rf"{_RELEASE}[-_.]?(?P<word>snapshot|trunk|devel|development|nightly)[-_.]?(?P<number>[0-9]*)",
        "{base}.dev{number}",
        "{word!r} is read as a dev release",
    ),
    _form(
        rf"{_RELEASE}-(?P<date>20[0-9]{{6}})\.(?P<time>[0-9]{{6}})-[0-9]+",
        "{base}.dev{date}{time}",
        "a snapshot of Maven's: its time is read as the number of a dev release",
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
# Each is a label behind a version, which may itself be in another spelling.
_LABELS = (
    _form(
        r"(?P<base>.*)[-.+_](?:g|(?:(?:git|hg)[-.]?)?(?=[0-9]*[a-f]))(?P<hash>[0-9a-f]{7,40})",
        "g{hash}",
        f"the hash {_LOCAL}",
    ),
    _form(rf"(?P<base>.*?[0-9a-z])[-_.](?P<word>{words.PLATFORM}[-_.a-z0-9]*)", "{word}", f"{{word!r}} {_LOCAL}"),
    _form(
        r"(?P<base>.*[0-9])[-_.]?(?P<word>(?:svn|hg|bzr|git|cvs)[-_.]?r?[0-9]+)",
        "{word}",
        f"{{word!r}} may come before the release or after it, and {_LOCAL}",
    ),
    _form(
        r"(?P<base>[0-9]+(?:\.[0-9]+){2})\.(?P<word>v20[0-9]{6}(?:-?[0-9]{4})?)",
        "{word}",
        f"the qualifier of OSGi {_LOCAL}",
    ),
)
# In the series 2.3, not the release 2.3.0: Rails' 2-3-stable and PostgreSQL's REL9_6_STABLE.
_MAINTENANCE = re.compile(r"[0-9]+[-_.][0-9]+[-_.]?stable", re.IGNORECASE)
_SEPARATED = re.compile(
    r"(?P<numbers>[0-9]+(?P<sep>[-_])[0-9]+(?:(?P=sep)[0-9]+)*)(?P<rest>[-_. ]?[a-z].*)?", re.IGNORECASE
)
_WORD = re.compile(r"(?P<base>[0-9]+\.[0-9].*)-(?P<word>[a-z][a-z0-9]{2,})", re.IGNORECASE)
_DATED = re.compile(
    r"(?:version\s+)?(?P<base>\S+)\s+\((?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[ T](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}))?\)(?:\s+(?P<state>[A-Za-z]+[0-9]*))?",
    re.IGNORECASE,
)


def read(text: str) -> Meaning:
    """A version without a prefix, in PEP 440's spelling or another; exact only in PEP 440's own."""
    version = spelling.canonical(text)
    if version is None:
        return refused(text)
    reason = suspicious(text)
    return certain(version) if reason is None else guessed(version, reason)


def refused(text: str) -> Meaning:
    """The same for a text that PEP 440 is known to refuse."""
    if _MAINTENANCE.fullmatch(text):
        return nothing("two numbers and `stable` are the name of a branch")
    for reader in (separated, _formed, _semver, _labelled, _word):
        if (meaning := reader(text)) is not None:
            return meaning
    if lettered(text):
        return nothing("a letter after the release may count releases: that takes a rule of the project's own")
    return nothing("it is no version in any scheme that this knows")


def separated(text: str) -> Meaning | None:
    """`1_2_3` and `1-2-3rc1`, where the sign stands for a dot because dots weren't to be had; None for other texts."""
    match = _SEPARATED.fullmatch(text)
    if match is None:
        return None
    numbers, sep, rest = match.group("numbers", "sep", "rest")
    dotted = numbers.replace(sep, ".") + (rest or "")
    version = spelling.canonical(dotted)
    if version is not None:
        meaning = None if suspicious(dotted) else certain(version)
    elif sep == "_" or numbers.count(sep) > 1:
        meaning = _formed(dotted) or _labelled(dotted) or _word(dotted)
    else:
        meaning = _formed(dotted)
    return None if meaning is None else because(meaning, f"{sep!r} is read as a dot")


def dated(text: str) -> Meaning | None:
    """`VERSION (DATE TIME) STATE`, as a VERSION file for people has it; None for other texts."""
    match = _DATED.fullmatch(text)
    version = spelling.canonical(match["base"]) if match else None
    if match is None or version is None:
        return None
    state = (match["state"] or "stable").lower()
    stamp = re.sub("[^0-9]", "", match["date"] + (match["time"] or ""))
    suffix = certain(f".dev{stamp}") if state in semver.DEV else semver.suffix(state)
    answer = None if suffix.version is None else spelling.canonical(version + suffix.version)
    return (
        None
        if answer is None
        else guessed(answer, "free text: the version, and what the word and the date after it say")
    )


def _formed(text: str) -> Meaning | None:
    for form in _FORMS:
        if match := form.pattern.fullmatch(text):
            groups = match.groupdict(default="")
            version = spelling.canonical(form.spelling.format(**groups))
            if version is not None:
                return guessed(version, form.reason.format(**groups))
    return None


def _semver(text: str) -> Meaning | None:
    meaning = semver.read(text)
    return None if meaning.version is None else meaning


def _labelled(text: str) -> Meaning | None:
    for form in _LABELS:
        match = form.pattern.fullmatch(text)
        base = None if match is None else read(match["base"])
        if match is None or base is None or base.version is None or "+" in base.version:
            continue
        groups = match.groupdict()
        version = spelling.canonical(f"{base.version}+{form.spelling.format(**groups)}")
        if version is not None:
            return guessed(version, base.reason, form.reason.format(**groups))
    return None


def _word(text: str) -> Meaning | None:
    """One word after a dash: a rebuild or a patched edition, which a local label says best."""
    match = _WORD.fullmatch(text)
    version = spelling.canonical(match["base"]) if match else None
    if match is None or version is None or "+" in version or suspicious(match["base"]):
        return None
    word = match["word"].lower()
    if word in words.STOPS or words.EARLY.fullmatch(word):
        return None
    return guessed(f"{version}+{word}", f"{match['word']!r} {_LOCAL}")
