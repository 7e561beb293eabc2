"""Valid by PEP 440, but perhaps something else was meant; and the many that mean what they say."""

import pytest
from packaging.version import Version

from relengtools.versions.scheme.convert import convert
from relengtools.versions.scheme.suspicion import bare_letter, default, lettered, lettered_year, suspicious

SUSPECTED = [
    ("1.0-1", "packaging revision"),
    ("0.25.1-1+b2", "packaging revision"),
    ("3.2.0b1-1", "packaging revision"),
    ("1.0-r0", "Alpine"),
    ("v6r21", "Alpine"),
    ("1.2.r32+123456", "Alpine"),
    ("2010b", "counts releases"),
    ("1.3.3a", "single letter"),
    ("2022-07", "year and a month"),
    ("0.25.1+dfsg-1", "distribution"),
    ("0.4.4+git20200310-3", "distribution"),
    ("1.0+abc-3", "packaging revision"),
    ("0+unknown", "found no version"),
    ("1.6.0+fallback", "found no version"),
    ("7482a71", "abbreviated commit"),
    ("1234c56", "abbreviated commit"),
    ("1.2.3+local-2-gabcdef1", "git describe"),
    ("1.2.3.CR1", "Maven"),
    ("0.6.0.b", "may count releases"),
    ("1.0-a", "may count releases"),
    ("20200101-1200", "packaging revision"),
]
DEFAULTS = [
    "0",
    "0.0",
    "0.0.0",
    "0.0.0.dev0",
    "0.0.0+unknown",
    "0.0.0.post3.dev0+1a2b3c4",
    "0.1.dev1",
    "0.1.dev3+g1a2b3c4",
]
CHOSEN = [
    "0.1",
    "0.1.dev0",
    "0.0.1",
    "0.0.0a1",
    "0.1+private",
    "0.1.1.dev1",
    "v0.0.0",
    "0.2.dev1",
    "10.0.0",
    "0.10.dev1",
]


@pytest.mark.parametrize(("text", "reason"), SUSPECTED)
def test_what_may_mean_something_else(text: str, reason: str) -> None:
    assert reason in (suspicious(text) or "")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1.0",
            "v1.0",
            "1.0rc1",
            "1.0-rc1",
            "1.0-beta.2",
            "1.0-beta-2",
            "1.0.beta-2",
            "1.0_rc1",
            "1.0.post1",
            "1.0-post-2",
        ),
        *("1.0rev33", "1.0-dev", "1.0.dev-1", "1.0+g1a2b3c4", "1.0+abc.1", "1!7.0.0-a5", "2026.08.10", "2.0b1"),
        *("2020b1", "20200101", "1.0+deadbeef", "1.0.beta-2", "1234567"),
    ],
)
def test_what_means_what_it_says(text: str) -> None:
    assert suspicious(text) is None


def test_what_a_tool_writes_for_want_of_a_tag() -> None:
    assert [text for text in DEFAULTS if default(text) is None] == []
    assert [text for text in CHOSEN if default(text) is not None] == []
    for text in DEFAULTS:
        answer = convert(text)
        assert (answer.version, answer.exact) == (str(Version(text)), False)
        assert convert(text, "pep440").exact
    assert convert("release-0.0.0").exact


def test_letters() -> None:
    assert bare_letter("1.0a") and not bare_letter("1.0a1") and not bare_letter("1.0alpha")
    assert lettered("1.0.2k") and lettered("2011k") and not lettered("1.0") and not lettered("1.0rc")
    assert (
        lettered_year("2010b")
        and lettered_year("20200101c")
        and not lettered_year("1.0b")
        and not lettered_year("2010b1")
    )
