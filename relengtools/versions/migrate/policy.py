"""How a version is made between two tags, in either style, and what is said of it."""

import re
from collections.abc import Iterator

from relengtools.versions.migrate.said import Said
from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.convert import convert

_ABOVE, _BELOW = "above the last tag (.postN)", "below the next release, which setuptools-scm guesses (.devN)"


def itself(later: str, tag: str | None) -> str:
    """Why setup.py needs no normaliser, and where its own versions go wrong all the same."""
    one, other = pep440.parse(later), pep440.parse(tag or "0.1")
    below = f", though that sorts below {tag}: --style modern counts towards the next release"
    return (
        "setup.py makes PEP 440 of what git says itself: a commit after the tag "
        f"{tag or '0.1'} is {later}{below if tag and one and other and one < other else ''}"
    )


def both(later: str) -> str:
    """What the two styles make of a version between two tags."""
    above, below = post(later), next_dev(later)
    if above is None or below is None:
        return "see `relengtools versions migrate`"
    return f"`relengtools versions migrate` makes it {above}, {_ABOVE}; with --style modern it is {below}, {_BELOW}"


def post(text: str | None) -> str | None:
    """What the normaliser makes of it."""
    versions = [convert(text or "", "git-describe", policy=policy).version for policy in ("post", "local")]
    return versions[0] or versions[1]


def next_dev(described: str | None) -> str | None:
    """What setuptools-scm makes of it."""
    return convert(described, "git-describe").version if described else None


def one_on(described: str | None, tag: str | None) -> str | None:
    """What git will say of the next commit."""
    match = re.search(r"-(\d+)-g[0-9a-f]+$", described or "")
    return f"{tag}-{(int(match[1]) if match else 0) + 1}-ga73a73b" if tag else None


def _policy(own: str, style: str, other: str, version: str | None) -> str:
    """How the version is made between two tags, and what the other style would make of it."""
    return f"{own}; --style {style} would give {version or 'one'}{', ' if version else ' '}{other}"


def of_modern(told: Said) -> str:
    """The policy of `modern`, beside what `minimal` would do."""
    if told.later and pep440.parse(told.later):
        return f"{_BELOW}; --style minimal would leave it as setup.py makes it: {told.now or told.later}"
    tagged = pep440.parse(told.now or "") is not None
    return _policy(_BELOW, "minimal", _ABOVE, _coming(post(told.later)) if tagged else post(told.now))


def _coming(version: str | None) -> str | None:
    """The version of the next commit, whose hash nobody knows."""
    return version and version.partition("+")[0]


def fallen(fallback: str | None) -> Iterator[str]:
    """What becomes of the version that setup.py gave where git fails."""
    if fallback is None:
        return
    if pep440.parse(fallback):
        yield f"setup.py said {fallback} where git fails: so does fallback_version, but without a tag it is 0.1.devN"
    else:
        yield f"setup.py said {fallback!r} where git fails, which PEP 440 refuses: there is no build now"


def of_minimal(described: str | None, tag: str | None) -> str:
    """The policy of `minimal`, beside what `modern` would do."""
    other = next_dev(described) if described != tag else _coming(next_dev(one_on(described, tag)))
    return _policy(_ABOVE, "modern", _BELOW, other)
