"""What holds of every answer: a fixed point, packaging's own word, order kept, time in proportion to the length."""

import json
import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from relengtools.versions.scheme.convert import LONGEST, POLICIES, SOURCES, TARGETS, convert
from relengtools.versions.scheme.order import compare

ORDERED = json.loads((Path(__file__).parent.parent / "data" / "packaging-versions.json").read_text())["ordered"]

WORDS = (
    *(
        "v",
        "release-",
        "name-",
        "name/",
        "rel_",
        "1",
        "2.0",
        "1.2.3",
        "0.0",
        "2022-07-09",
        "2010",
        "01",
        "1!",
        "1:",
        "r12",
    ),
    *(
        "a1",
        "b",
        "rc.1",
        "-beta",
        "_rc1",
        "~rc1",
        "~~dev1",
        "+post1",
        "^post1",
        ".post2",
        ".dev3",
        "dev",
        "-1",
        "-r0",
        "_p1",
    ),
    *(
        "-4-g1a2b3c4",
        "_4_g1a2b3c4",
        ".r4.g1a2b3c4",
        "-dirty",
        "_git20200101",
        "+git20200101.1a2b3c4",
        "~git20200101",
        "+dfsg",
    ),
    *(
        "-SNAPSHOT",
        ".Final",
        "-mac1",
        "+abc",
        "+1.2",
        "-1ubuntu1",
        "+deb12u1",
        "-1.fc40",
        "-0.1.rc1.fc20",
        "-1a2b3c4",
        "k",
    ),
    *("_1", "-2", ".", "-", "_", "+", "~", " ", "(2012-09-11)", "=py38_0", "Q1", "x"),
)
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map("".join) | st.text(
    "0123456789.abcr-+~_", max_size=16
)
SOURCE = st.sampled_from(SOURCES)
POLICY = st.sampled_from([None, *POLICIES])


@given(TEXTS, SOURCE, POLICY)
def test_a_canonical_answer_is_a_fixed_point(text: str, source: str, policy: str | None) -> None:
    canonical = convert(text, source, "pep440", policy).canonical
    if canonical is not None:
        assert str(Version(canonical)) == canonical
        assert convert(canonical)[1:4] == ("pep440", canonical, canonical)
        assert convert(canonical, "pep440").exact


@given(TEXTS, SOURCE)
def test_pep440_is_packagings_word(text: str, source: str) -> None:
    answer = convert(text, source)
    try:
        expected = str(Version(text))
    except InvalidVersion:
        assert answer.scheme != "pep440" or answer.version is None
        return
    if source in ("auto", "pep440"):
        assert (answer.scheme, answer.version) == ("pep440", expected)
        assert answer.exact or source == "auto"


@given(TEXTS, SOURCE, POLICY)
def test_what_isnt_said_is_not_exact(text: str, source: str, policy: str | None) -> None:
    answer = convert(text, source, "pep440", policy)
    assert answer.exact is (answer.version is not None and answer.reason is None)
    if answer.exact and answer.scheme not in ("git-describe", "arch"):
        # Nothing is dropped: every number of the text is in the answer, but for its zero padding.
        digits = [piece.lstrip("0") for piece in "".join(c if c.isdigit() else " " for c in text).split()]
        assert [piece for piece in digits if piece not in (answer.version or "")] == []


RELEASE = st.lists(st.integers(0, 11), min_size=1, max_size=4)
NUMBER = st.integers(0, 12).map(str)
LOCAL = st.lists(st.sampled_from(["0", "1", "10", "a", "abc", "g1", "dev", "post"]), min_size=1, max_size=3)
VERSIONS = st.builds(
    lambda epoch, release, pre, post, dev, local: epoch + ".".join(map(str, release)) + pre + post + dev + local,
    st.sampled_from(["", "", "1!"]),
    RELEASE,
    st.just("") | st.builds("{}{}".format, st.sampled_from(["a", "b", "rc"]), NUMBER),
    st.just("") | NUMBER.map(".post{}".format),
    st.just("") | NUMBER.map(".dev{}".format),
    st.just("") | st.just("") | LOCAL.map(lambda parts: "+" + ".".join(parts)),
)


@settings(max_examples=300)
@given(st.lists(VERSIONS, min_size=2, max_size=8, unique=True), st.sampled_from(TARGETS))
def test_exact_answers_keep_the_order(texts: list[str], target: str) -> None:
    answers = [(Version(text), convert(text, "pep440", target)) for text in texts]
    exact = [(version, answer.version or "") for version, answer in answers if answer.exact]
    for one, first in exact:
        for other, second in exact:
            if one < other and not _short(one, other):
                assert compare(target, first, second) < 0, (first, second)


@pytest.mark.parametrize(("low", "high"), [("0~~dev0", "0"), ("0", "0.0a"), ("1.0~~dev0", "1.0")])
def test_what_is_missing_in_debian_is_a_zero(low: str, high: str) -> None:
    assert (compare("debian", low, high), compare("debian", high, low)) == (-1, 1)


def _short(one: Version, other: Version) -> bool:
    """Whether one release is the other with zeros at its end."""
    length = min(len(one.release), len(other.release))
    return one.release[:length] == other.release[:length] and len(one.release) != len(other.release)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is Debian's")
def test_dpkg_itself_keeps_the_order_of_packagings_versions() -> None:
    exact = [answer.version for answer in (convert(text, "pep440", "debian") for text in ORDERED) if answer.exact]
    assert len(exact) > 50
    for low, high in pairwise(exact):
        assert subprocess.run(["dpkg", "--compare-versions", low, "lt", high], check=False).returncode == 0, (low, high)


@given(VERSIONS, st.sampled_from(["debian", "rpm", "alpine", "conda", "semver"]))
def test_an_exact_answer_read_again_is_the_version(text: str, target: str) -> None:
    written = convert(text, "pep440", target)
    if written.exact and "!" not in text:
        back = convert(written.version or "", target)
        assert Version(back.version or "") == Version(text)
        assert target == "semver" or back.exact


REPEATED = [
    "1.",
    "1-",
    "1_",
    "-1",
    "_1",
    "a",
    "~a",
    "+1",
    "^1",
    "1.0-",
    "-g1a2b3c4",
    "-win",
    "name-1",
    "1.0a",
    " ",
    "\u0661",
    "=",
]


@pytest.mark.parametrize("source", SOURCES)
def test_time_is_in_proportion_to_the_length(source: str) -> None:
    started = time.process_time()
    for piece in REPEATED:
        for length in (LONGEST, 100_000):
            for start in ("", "1.0", "v", "1.0+"):
                convert((start + piece * length)[:length], source)
                convert((start + piece * length)[: length - 1] + "!", source)
    assert time.process_time() - started < 10
