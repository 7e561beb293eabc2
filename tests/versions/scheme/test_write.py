"""What PEP 440 becomes elsewhere, and that its order survives but for the flips that are known."""

import shutil
import subprocess
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from relengtools.versions.scheme.convert import convert
from relengtools.versions.scheme.order import compare

TABLE = [
    # PEP 440, debian, rpm, alpine, semver, conda
    ("1.0", "1.0", "1.0", "1.0", "1.0.0", "1.0"),
    ("1.2.3", "1.2.3", "1.2.3", "1.2.3", "1.2.3", "1.2.3"),
    ("1.2.3.4", "1.2.3.4", "1.2.3.4", "1.2.3.4", None, "1.2.3.4"),
    ("1.2.3.0", "1.2.3.0", "1.2.3.0", "1.2.3.0", "1.2.3", "1.2.3.0"),
    ("1.0a1", "1.0~a1", "1.0~a1", "1.0_alpha1", "1.0.0-alpha.1", "1.0a1"),
    ("1.0b2", "1.0~b2", "1.0~b2", "1.0_beta2", "1.0.0-beta.2", "1.0b2"),
    ("1.0rc1", "1.0~rc1", "1.0~rc1", "1.0_rc1", "1.0.0-rc.1", "1.0rc1"),
    ("1.0.dev3", "1.0~~dev3", "1.0~~dev3", None, "1.0.0-dev.3", "1.0.dev3"),
    ("1.0a1.dev3", "1.0~a1~dev3", "1.0~a1~dev3", None, None, "1.0a1.dev3"),
    ("1.0.post1", "1.0+post1", "1.0^post1", "1.0_p1", None, "1.0.post1"),
    ("1.0a1.post2", "1.0~a1+post2", "1.0~a1^post2", "1.0_alpha1_p2", None, "1.0a1.post2"),
    ("1.0.post1.dev2", "1.0+post1~dev2", "1.0^post1~dev2", None, None, "1.0.post1.dev2"),
    ("1!1.0", "1:1.0", "1:1.0", None, None, "1!1.0"),
    ("1.0+abc.1", "1.0+abc.1", "1.0^abc.1", None, "1.0.0+abc.1", "1.0+abc.1"),
]
TARGETS = ["debian", "rpm", "alpine", "semver", "conda"]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_pep440_in_other_schemes(row: tuple[str | None, ...]) -> None:
    text = row[0]
    assert text is not None
    answers = [convert(text, "pep440", target) for target in TARGETS]
    assert tuple(answer.version for answer in answers) == row[1:]
    assert all(answer.canonical == text for answer in answers)
    assert all(answer.reason and not answer.exact for answer in answers if answer.version is None)


@pytest.mark.parametrize(
    ("text", "target", "exact"),
    [
        ("1.0a1", "debian", True),
        ("1.0+abc", "debian", False),
        ("1.0+abc", "rpm", False),
        ("1.0.dev1", "semver", False),
        ("1.0.dev1", "conda", False),
        ("1.0.dev1", "rpm", True),
        ("1.0a1", "semver", True),
        ("1.0+1", "conda", True),
        ("1.0+1.2", "conda", True),
        ("1.0+abc", "conda", False),
        ("1.0+a1", "conda", False),
        ("1.0+1.0", "conda", False),
    ],
)
def test_exact_where_nothing_of_the_order_is_lost(text: str, target: str, exact: bool) -> None:
    assert convert(text, "pep440", target).exact is exact


NUMBERS = st.integers(0, 12)
PUBLIC = st.builds(
    lambda epoch, release, pre, post, dev: epoch + ".".join(map(str, release)) + pre + post + dev,
    st.sampled_from(["", "", "1!"]),
    st.tuples(st.integers(0, 2), st.integers(0, 11), st.integers(0, 2)),
    st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from(["a", "b", "rc"]), NUMBERS)),
    st.one_of(st.just(""), st.builds(".post{}".format, NUMBERS)),
    st.one_of(st.just(""), st.builds(".dev{}".format, NUMBERS)),
)


def _flips(target: str, texts: list[str]) -> list[tuple[str, str]]:
    """Pairs, the lower first, that `target` orders otherwise than PEP 440 does."""
    converted = {text: convert(text, "pep440", target).version for text in texts}
    written = sorted((Version(text), text) for text in texts if converted[text] is not None)
    return [
        (low[1], high[1])
        for low, high in combinations(written, 2)
        if low[0] < high[0] and compare(target, converted[low[1]], converted[high[1]]) >= 0
    ]


@settings(max_examples=200)
@given(st.lists(PUBLIC, min_size=2, max_size=12, unique=True))
def test_order_is_kept_in_debian_rpm_and_alpine(texts: list[str]) -> None:
    assert {target: _flips(target, texts) for target in ("debian", "rpm", "alpine")} == {
        "debian": [],
        "rpm": [],
        "alpine": [],
    }


@settings(max_examples=200)
@given(st.lists(PUBLIC, min_size=2, max_size=12, unique=True))
def test_conda_and_semver_flip_only_a_dev_release_against_pre_releases(texts: list[str]) -> None:
    for target in ("conda", "semver"):
        for low, high in _flips(target, texts):
            below, above = Version(low), Version(high)
            assert below.dev is not None and below.pre is None and below.post is None
            assert above.pre is not None and above.release == below.release


KNOWN_FLIPS = [
    ("debian", "1.0", "1.0.0"),
    ("rpm", "1.0", "1.0.0"),
    ("debian", "1.0+abc", "1.0+1"),
    ("debian", "1.0+zzz", "1.0.post1"),
    ("rpm", "1.0+zzz", "1.0.post1"),
    ("rpm", "1.0+1", "1.0.post1"),
    ("debian", "1.0+a10", "1.0+a9"),
    ("conda", "1.0.dev1", "1.0a1"),
    ("semver", "1.0.dev1", "1.0a1"),
]


@pytest.mark.parametrize(("target", "low", "high"), KNOWN_FLIPS)
def test_the_flips_that_are_left_are_known(target: str, low: str, high: str) -> None:
    one, other = convert(low, "pep440", target), convert(high, "pep440", target)
    expected = (Version(low) > Version(high)) - (Version(low) < Version(high))
    assert compare(target, one.version, other.version) != expected
    assert Version(low) == Version(high) or not (one.exact and other.exact)


LOCALS = st.lists(st.one_of(st.integers(0, 30).map(str), st.sampled_from(["a", "abc", "z"])), min_size=1, max_size=2)


@given(PUBLIC, LOCALS, LOCALS)
def test_a_local_label_only_flips_against_posts_and_other_locals(public: str, one: list[str], other: list[str]) -> None:
    first, second = f"{public}+{'.'.join(one)}", f"{public}+{'.'.join(other)}"
    epoch, bang, rest = public.rpartition("!")
    above = f"{epoch}{bang}{int(rest.partition('.')[0]) + 1}.0"
    for target in ("debian", "rpm"):
        assert _flips(target, [public, first, above]) == []
        if all(part.isdigit() for part in one + other):
            assert _flips(target, [first, second]) == []


@given(PUBLIC)
def test_a_package_version_read_again_is_the_same_but_for_its_epoch(text: str) -> None:
    for target in ("debian", "rpm", "alpine", "conda"):
        written = convert(text, "pep440", target).version
        if written is not None:
            back = convert(written, target).version
            assert back == (text if target == "conda" else text.partition("!")[2] or text)


ORDERED_DEBIAN = [
    *("1.0~~dev1", "1.0~~dev2", "1.0~a1~dev1", "1.0~a1", "1.0~a1+post1", "1.0~b1", "1.0~rc1", "1.0", "1.0+abc"),
    *("1.0+post1~dev1", "1.0+post1", "1.0+post10", "1.0.0", "1.0.1~~dev1", "1.0.1", "1:0.1"),
]


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is Debian's")
def test_our_debian_order_is_that_of_dpkg() -> None:
    for low, high in pairwise(ORDERED_DEBIAN):
        assert compare("debian", low, high) == -1
        run = subprocess.run(["dpkg", "--compare-versions", low, "lt", high], check=False)
        assert run.returncode == 0, (low, high)


@pytest.mark.parametrize(
    ("target", "texts"),
    [
        (
            "rpm",
            ["1.0~~dev1", "1.0~a1~dev1", "1.0~a1", "1.0", "1.0^abc", "1.0^post1", "1.0.1", "1.0.1^1", "1.1.a", "1.1.1"],
        ),
        ("alpine", ["1.0_alpha1", "1.0_beta1", "1.0_pre1", "1.0_rc1", "1.0", "1.0_git1", "1.0_p1", "1.0.1"]),
        (
            "conda",
            [
                "0.4",
                "0.4.1.rc",
                "0.4.1",
                "0.5a1",
                "0.5b3",
                "0.5",
                "0.9.6",
                "1.1dev1",
                "1.1a1",
                "1.1",
                "1.1.post1",
                "1!0.4.1",
            ],
        ),
        (
            "semver",
            [
                "1.0.0-alpha",
                "1.0.0-alpha.1",
                "1.0.0-alpha.beta",
                "1.0.0-beta.2",
                "1.0.0-beta.11",
                "1.0.0-rc.1",
                "1.0.0",
            ],
        ),
    ],
)
def test_the_other_orders_are_those_of_their_documents(target: str, texts: list[str]) -> None:
    assert [compare(target, low, high) for low, high in pairwise(texts)] == [-1] * (len(texts) - 1)
