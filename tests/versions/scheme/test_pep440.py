import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.pep440 import Level, read

WORDS = "1 0 01 2026 08 . - _ + ! v V a b rc RC alpha c pre preview post rev r dev x g1a2b Ab \u017f \u0661 ~"
PARTS = st.sampled_from([*WORDS.split(" "), " ", "\n", "\u00a0", "4" * 18, "9" * 20])
NEAR_VERSIONS = st.one_of(st.lists(PARTS, max_size=9).map("".join), st.text(max_size=12))


@pytest.mark.parametrize(
    ("text", "level", "canonical", "respelled"),
    [
        ("1.0", Level.CANONICAL, "1.0", "1.0"),
        ("1!2.0rc1.post2.dev3+g1a2b.4", Level.CANONICAL, "1!2.0rc1.post2.dev3+g1a2b.4", "1!2.0rc1.post2.dev3+g1a2b.4"),
        ("v1.2-rc1", Level.VALID, "1.2rc1", "1.2rc1"),
        ("1.0_p1", Level.INVALID, None, None),
        (" 1.0 ", Level.VALID, "1.0", "1.0"),
        ("1.0\n", Level.VALID, "1.0", "1.0"),
        ("1.0\u00a0", Level.VALID, "1.0", "1.0"),
        ("01.02.003", Level.VALID, "1.2.3", "01.02.003"),
        ("v2026.08.10", Level.VALID, "2026.8.10", "2026.08.10"),
        ("2026.08.10-RC01", Level.VALID, "2026.8.10rc1", "2026.08.10rc01"),
        ("1.0c1", Level.VALID, "1.0rc1", "1.0rc1"),
        ("1.0pre", Level.VALID, "1.0rc0", "1.0rc0"),
        ("1.0-preview-2", Level.VALID, "1.0rc2", "1.0rc2"),
        ("1.0-alpha.1+build.5", Level.VALID, "1.0a1+build.5", "1.0a1+build.5"),
        ("1.0dev", Level.VALID, "1.0.dev0", "1.0.dev0"),
        ("1.0.dev-1", Level.VALID, "1.0.dev1", "1.0.dev1"),
        ("1.0a", Level.VALID, "1.0a0", "1.0a0"),
        ("1.0.post", Level.VALID, "1.0.post0", "1.0.post0"),
        ("1.0-1", Level.VALID, "1.0.post1", "1.0.post1"),
        ("0!1.0", Level.VALID, "1.0", "1.0"),
        ("1.0+ABC-1_2.3", Level.VALID, "1.0+abc.1.2.3", "1.0+abc.1.2.3"),
        ("1.0+001", Level.VALID, "1.0+1", "1.0+001"),
        ("1.0.0", Level.CANONICAL, "1.0.0", "1.0.0"),
        ("99999999999999999999.0", Level.CANONICAL, "99999999999999999999.0", "99999999999999999999.0"),
        ("1.2.3-4-g1a2b3c4", Level.INVALID, None, None),
        ("1.0~rc1", Level.INVALID, None, None),
        ("2011k", Level.INVALID, None, None),
        ("1.0-SNAPSHOT", Level.INVALID, None, None),
        ("١.٠", Level.INVALID, None, None),
        ("\ufeff1.0", Level.INVALID, None, None),
        ("", Level.INVALID, None, None),
        ("1..0", Level.INVALID, None, None),
        ("1.0+", Level.INVALID, None, None),
        ("9" * 5000, Level.INVALID, None, None),
    ],
)
def test_reads_the_corner_cases(text, level, canonical, respelled):
    assert read(text) == (text, level, canonical, respelled)


@given(NEAR_VERSIONS)
@example("1.0po\u017ft1")
def test_agrees_with_packaging_on_everything(text):
    try:
        expected = str(Version(text))
    except InvalidVersion:
        assert read(text).level is Level.INVALID
        assert read(text).canonical is None
        return
    reading = read(text)
    assert reading.canonical == expected
    assert (reading.level is Level.CANONICAL) == (expected == text)
    assert reading.respelled is not None
    assert Version(reading.respelled) == Version(text)
    assert read(reading.respelled).respelled == reading.respelled


@given(NEAR_VERSIONS, NEAR_VERSIONS)
def test_equal_is_packagings_equality(one, other):
    first, second = pep440.parse(one), pep440.parse(other)
    assert pep440.equal(one, other) == (first is not None and first == second)
