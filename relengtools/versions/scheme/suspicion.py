"""Texts that PEP 440 accepts, although whoever wrote them may well have meant something else."""

import re

_ODD = re.compile(r"[-+]|[0-9][-_.]?[abc]\Z|r[-_.]?[0-9]|\A[0-9]+[abc][0-9]+\Z", re.IGNORECASE)
_YEAR = re.compile(r"v?(?:19|20)[0-9]{2}(?:[0-9]{2}){0,2}(?:\.[0-9]+)*[abc]", re.IGNORECASE)
_MONTH = re.compile(r"v?(?:19|20)[0-9]{2}-(?:0?[1-9]|1[0-2])")
_LETTER = re.compile(r"(?P<release>.*[0-9])[-_.]?(?P<letter>[abc])", re.IGNORECASE | re.DOTALL)
_IMPLICIT_POST = re.compile(r".*[0-9]-(?P<number>[0-9]+)(?:[-_.]?dev[-_.]?[0-9]*)?", re.IGNORECASE | re.DOTALL)
_R_POST = re.compile(r".*[0-9a-z][-_.]?r[-_.]?(?P<number>[0-9]+)(?:[-_.]?dev[-_.]?[0-9]*)?", re.IGNORECASE | re.DOTALL)
_PACKAGING = re.compile(
    r"(?:dfsg|ds|debian|repack|nmu|deb[0-9]+u|really|actually|ubuntu|bpo)[0-9]*|b[0-9]+"
    r"|(?:git|svn|hg|bzr|cvs|vcs)[0-9]+",
    re.IGNORECASE,
)
_DEFAULT = re.compile(r"0(?:\.0)*(?:\.post[0-9]+)?(?:\.dev[0-9]+)?(?:\+.*)?|0\.1\.dev[1-9][0-9]*(?:\+.*)?", re.DOTALL)
_FALLBACK = {"unknown", "fallback", "untagged", "notfound"}
_COMMIT = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]{7,40}")
_DESCRIBED = re.compile(r".*-[0-9]+-g[0-9a-f]{4,64}(?:-dirty)?", re.IGNORECASE)
_CANDIDATE = re.compile(r".*[-_.]cr[0-9]+", re.IGNORECASE | re.DOTALL)


def suspicious(text: str) -> str | None:
    """Why a text that PEP 440 accepts may mean something else; None where nothing speaks for it.

    `text` must be valid: about an invalid one this says nothing. Source: PEP 440 "Implicit post releases" and
    "Local version identifiers" against deb-version(7), APKBUILD(5) and the tags of real projects.
    """
    text = text.strip()
    if not _ODD.search(text):
        return None
    if _COMMIT.fullmatch(text):
        return "it may be an abbreviated commit"
    public, _, local = text.partition("+")
    return _suspicious_public(public) or (_suspicious_local(local) if local else None)


def default(text: str) -> str | None:
    """Why a text that PEP 440 accepts may be what a tool writes for want of a tag; None where nothing speaks for it.

    Source: setuptools-scm and dunamai without a tag (`0.1.dev3+g1a2b3c4`, `0.0.0.post3.dev0+1a2b3c4`), the placeholder
    `0.0.0` of poetry-dynamic-versioning and others.
    """
    text = text.strip()
    return f"{text} is what tools write that found no version" if _DEFAULT.fullmatch(text) else None


def bare_letter(text: str) -> bool:
    """Whether the text ends in an a, b or c without a number: a pre-release to PEP 440, often a count of releases."""
    return _LETTER.fullmatch(text) is not None


def lettered(text: str) -> bool:
    """Whether the text ends in a single letter after a digit, as in `1.0.2k` and `2011k`."""
    return text[-1:].isalpha() and text[-2:-1].isdigit()


def lettered_year(text: str) -> bool:
    """Whether a year (or a date) is followed by a single letter, as in `2010b`: the second release of 2010."""
    return _YEAR.fullmatch(text) is not None


def _suspicious_public(public: str) -> str | None:
    if lettered_year(public):
        return "a letter after a year counts releases, and PEP 440 reads it as a pre-release"
    if match := _LETTER.fullmatch(public):
        return f"the single letter {match['letter']!r} may count releases, and PEP 440 reads it as a pre-release"
    if _MONTH.fullmatch(public):
        return "it looks like a year and a month, and PEP 440 reads the month as a post-release"
    if _CANDIDATE.fullmatch(public):
        return "CR is a candidate for release to Maven, and PEP 440 reads it as a post-release of one"
    if match := _R_POST.fullmatch(public):
        return f"r{match['number']} may be an Alpine or a VCS revision, and PEP 440 reads it as a post-release"
    if match := _IMPLICIT_POST.fullmatch(public):
        return f"-{match['number']} may be a packaging revision, and PEP 440 reads it as a post-release"
    return None


def _suspicious_local(local: str) -> str | None:
    words = re.split(r"[-_.]", local)
    if mark := next((word for word in words if _PACKAGING.fullmatch(word)), None):
        return f"+{mark} is a distribution's mark, and PEP 440 reads it as a local version"
    if _DESCRIBED.fullmatch(local):
        return "it ends as the output of `git describe` does, and PEP 440 reads that as a local version"
    if "-" in local and local.rpartition("-")[2].isdigit():
        return f"-{local.rpartition('-')[2]} may be a packaging revision, and PEP 440 reads it as local"
    if mark := next((word for word in words if word.lower() in _FALLBACK), None):
        return f"+{mark} is what a tool writes that found no version"
    return None
