"""Debian's and RPM's package versions, read as PEP 440: upstream's version without what the packager put on it."""

import re
from dataclasses import dataclass, field

from relengtools.versions.scheme import calver, spelling
from relengtools.versions.scheme.meaning import Meaning, certain, guessed, nothing
from relengtools.versions.scheme.suspicion import lettered_year, suspicious

_EPOCH = re.compile(r"(?P<epoch>[0-9]+):")
_SIGN = re.compile(r"(?=[~+^])")
_DEBIAN = re.compile(r"[0-9A-Za-z.+~-]+")
_RPM = re.compile(r"[0-9A-Za-z._+~^]+")
_NATIVE_MARK = re.compile(
    r"(?:\+b[0-9]+|[+~]deb[0-9]+u[0-9]+|\+nmu[0-9]+|~bpo[0-9.]+[+~][0-9]+|[+~]?ubuntu[0-9.]+|~ppa[0-9]+|build[0-9]+)\Z"
)
_REALLY = re.compile(r".*[+.~](?:really|actually)[-+~.]?(?=[0-9])", re.IGNORECASE)
# What belongs behind a `+` of its own: the packager's marks, glued on or not, and the names of version control systems.
_INNER_MARK = re.compile(
    r"[.-](?=(?:dfsg|ds|repack|debian)[0-9]*(?:[.+~^]|\Z))|(?<![+~^][0-9])(?<![+~^][0-9]{2})[.-](?=(?:git|svn|hg|bzr|cvs)[.0-9a-f])"
    r"|(?<=[0-9])(?=(?:dfsg|ds|repack(?:ed)?|debian|deb)[0-9]*(?:[.+~^]|\Z))"
)
_MARK = re.compile(
    r"(?:dfsg|ds|debian|deb|repack(?:ed)?|orig|github|gitlab|pypi|nmu|git|svn|hg)[x0-9]?(?:[.-]?[0-9]+){0,3}",
    re.IGNORECASE,
)
_BARE_VCS = {"git", "svn", "hg"}
_DESCRIBED = re.compile(
    r"(?P<base>[0-9]+(?:\.[0-9]+)+(?:(?:a|b|rc|alpha|beta)[0-9]*)?)[.-](?P<distance>[0-9]{1,5})[.-]g(?P<hash>[0-9a-f]{6,40})"
)
_PATCH = re.compile(r"(?P<base>[0-9]+(?:\.[0-9]+)*)[-_.]?(?:p|pl|patch)(?P<number>[0-9]+)")
_VCS = "git|svn|hg|bzr|cvs|vcs|darcs|snapshot|snap|rev|r"
_HASH = re.compile(rf"(?:(?:{_VCS})[.-]?|g)?(?P<hash>(?=[0-9]*[a-f])[0-9a-f]{{6,40}})(?:[.+~-].*)?")
_STAMP = re.compile(
    rf"(?P<vcs>(?:{_VCS})[.-]?)?"
    r"(?:(?P<date>(?:19|20)[0-9]{2}[.-](?:0?[1-9]|1[0-2])[.-](?:0?[1-9]|[12][0-9]|3[01]))"
    r"|(?P<day>(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9])T?(?P<time>[0-9]{4}(?:[0-9]{2})?)?|(?P<count>[0-9]{1,10}))"
    r"(?![0-9])(?P<tail>.*)"
)
_COMMIT = re.compile(rf"[.-]?(?:(?:{_VCS})[.-]?[0-9a-f]*|g[0-9a-f]{{6,40}})(?:[^0-9a-z].*)?")
_PRE = re.compile(
    r"(?P<pre>(?:a|b|c|rc|alpha|beta|pre|preview)[-.]?[0-9]*)(?P<rest>(?:\.post[0-9]+)?(?:\.dev[0-9]+)?)", re.IGNORECASE
)
# Below the release like `~` alone: `1.0~+git20200101`.
_BEFORE = re.compile(r"~[+^](?=[0-9a-z])", re.IGNORECASE)
_FINAL = re.compile(r"[-.](?:final|release|stable)\Z", re.IGNORECASE)
_DEV = re.compile(r"(?:(?P<word>dev|devel|development|snapshot|trunk|nightly)[-.]?)?(?P<number>[0-9]*)", re.IGNORECASE)
# Fedora's releases before `~` and `^`: 0.N.rc1 and 0.N.20200101git1a2b3c4 come before the version, the rest after it.
_RPM_RELEASE = re.compile(
    r"(?P<early>0\.)?(?:[0-9]+\.)?(?P<what>(?P<stage>(?:a|b|rc|alpha|beta|pre|dev)[0-9]*)"
    r"|(?:[0-9]{8}\.?)?(?:git|svn|hg|bzr|cvs)[0-9a-f]*)(?:\.|\Z)"
)
_LOCAL = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*", re.IGNORECASE)


@dataclass(slots=True)
class _Upstream:
    """PEP 440's segments as they are found, and what was dropped or guessed on the way."""

    public: str
    local: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    snapshot: bool = False
    doubled: bool = False


def debian(text: str) -> Meaning:
    """[EPOCH:]UPSTREAM[-REVISION]; the revision comes off first, because PEP 440 would read it as a post-release.

    Source: deb-version(7), Debian Developer's Reference and the conventions `+dfsg`, `+really`, `~git`, `+git`.
    """
    reasons, text = _without_epoch(text)
    if not _DEBIAN.fullmatch(text):
        return nothing("it isn't a Debian version: [EPOCH:]UPSTREAM[-REVISION]")
    upstream, dash, revision = text.rpartition("-")
    if not dash or calver.iso_date(text):
        upstream = text
    elif not revision:
        return nothing("its revision is empty")
    else:
        reasons.append(f"the Debian revision {revision} is dropped")
    while match := _NATIVE_MARK.search(upstream):
        reasons.append(f"Debian's mark {match[0]} is dropped")
        upstream = upstream[: match.start()]
    return _upstream(upstream, reasons)


def rpm(text: str) -> Meaning:
    """[EPOCH:]VERSION[-RELEASE]: `~` comes before a version, `^` after it. Release `0.N.rc1` is Fedora's old rc1.

    Source: rpm-version(7), Fedora Packaging Guidelines "Versioning".
    """
    reasons, text = _without_epoch(text)
    version, dash, release = text.partition("-")
    if not _RPM.fullmatch(version) or "-" in release or (dash and not release):
        return nothing("it isn't an RPM version: [EPOCH:]VERSION[-RELEASE]")
    if dash:
        reasons.append(f"the RPM release {release} is dropped")
        if (match := _RPM_RELEASE.match(release)) and (match["early"] or not match["stage"]):
            version += f"{'~' if match['early'] else '^'}{match['what']}"
    return _upstream(version, reasons)


def _without_epoch(text: str) -> tuple[list[str], str]:
    match = _EPOCH.match(text)
    return (
        ([f"the epoch {match['epoch']} is a packaging fact and dropped"], text[match.end() :]) if match else ([], text)
    )


def _upstream(text: str, reasons: list[str]) -> Meaning:
    """Read `text` from the left: a release, then parts that begin with `~` (before it) or `+` and `^` (after it)."""
    if match := _REALLY.match(text):
        reasons.append(f"{match[0].rstrip('-+~.')} is dropped: the sources really are {text[match.end() :]}")
        text = text[match.end() :]
    base, *parts = _SIGN.split(_BEFORE.sub("~", _INNER_MARK.sub("+", text)))
    found = _Upstream(*_base(base, reasons), reasons=reasons)
    for part, following in zip(parts, [*parts[1:], ""], strict=False):
        sign, word = part[0], part[1:]
        if not word and sign == "~" and following.startswith("~"):
            found.doubled = True
        elif not word and sign == "+" and following.startswith("~"):
            found.reasons.append("the components' versions are dropped")
            break
        elif not word or not _add(found, sign == "~", word):
            return nothing(f"nobody but a person can say what {part} means")
    version = spelling.canonical(found.public + ("+" + ".".join(found.local) if found.local else ""))
    if version is None or lettered_year(base):
        return nothing(f"the upstream version {text} isn't PEP 440")
    if found.local:
        found.reasons.append("the local version can't be uploaded, and its rank differs")
    if not calver.iso_date(base) and (reason := suspicious(base)):
        found.reasons.append(reason)
    return guessed(version, *found.reasons) if found.reasons else certain(version)


def _base(base: str, reasons: list[str]) -> tuple[str, list[str]]:
    """The part before the first `~`, `+` or `^`: its public and its local segments."""
    if date := calver.iso_date(base):
        reasons.append("the date's dashes are read as dots")
        return date, []
    if match := _DESCRIBED.fullmatch(base):
        reasons.append("commits after a tag are read as a post-release")
        return f"{match['base']}.post{match['distance']}", [f"g{match['hash']}"]
    if match := _PATCH.fullmatch(base):
        reasons.append("a patch level is read as a post-release")
        return f"{match['base']}.post{match['number']}", []
    if match := _FINAL.search(base):
        reasons.append(f"{match[0]!r} is read as the release itself")
        return base[: match.start()], []
    return base, []


def _add(found: _Upstream, before: bool, word: str) -> bool:
    """Add one part; False where only a person could say what it means."""
    if _MARK.fullmatch(word) and (not word.startswith(tuple(_BARE_VCS)) or word in _BARE_VCS | {"github", "gitlab"}):
        found.reasons.append(f"the packager's mark {word} is dropped")
        return True
    if before and found.local:
        # `1.0+abc~rc1` is before 1.0+abc, and PEP 440 has no place for that.
        return False
    if before and (match := _PRE.fullmatch(word)):
        found.reasons += ["one of the two `~` is dropped"] * found.doubled
        found.public += re.sub("[-.]", "", match["pre"]) + match["rest"]
        return True
    if not before and re.fullmatch(r"post[0-9]*", word):
        found.public += f".{word}"
        return True
    return _add_snapshot(found, before, word) or _add_rest(found, before, word)


def _add_snapshot(found: _Upstream, before: bool, word: str) -> bool:
    """A date, a count or a hash of version control: below the release after `~`, above it otherwise."""
    kind = ".dev" if before else ".post"
    if match := _HASH.fullmatch(word):
        if not found.snapshot:
            found.public += ".dev0" if before else ""
            found.local.append(f"g{match['hash']}")
        found.reasons.append("a hash says nothing about order")
        found.snapshot = True
        return True
    match = _STAMP.fullmatch(word)
    if match is None or not (match["vcs"] or match["date"] or match["day"] or _COMMIT.fullmatch(match["tail"])):
        return False
    if match["tail"] and not match["vcs"] and not re.match(r"[^0-9a-z]|git|svn|hg|bzr|g[0-9a-f]", match["tail"]):
        return False
    if found.snapshot:
        found.reasons.append(f"{word} says no more than the snapshot before it")
        return True
    number = "".join(part.zfill(2) for part in re.split("[.-]", match["date"])) if match["date"] else match["count"]
    found.public += f"{kind}{number or match['day'] + (match['time'] or '')}"
    found.reasons.append(f"the snapshot {word} is read as a {'dev release' if before else 'post-release'}")
    found.snapshot = True
    return True


def _add_rest(found: _Upstream, before: bool, word: str) -> bool:
    if before:
        match = _DEV.fullmatch(word)
        if match is None:
            return False
        if not word.startswith("dev"):
            found.reasons.append(f"~{word} is read as a dev release")
        elif not found.doubled and re.fullmatch("[0-9.]+", found.public):
            found.reasons.append("~dev is above ~alpha here, and PEP 440 sorts a dev release below all pre-releases")
        found.public += f".dev{match['number'] or 0}"
        return True
    if _LOCAL.fullmatch(word) is None or re.fullmatch(r"[0-9]+[a-z]+", word):
        return False
    found.local.append(word.replace("-", "."))
    return True
