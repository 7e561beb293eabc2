"""`convert`: every scheme in, and what must be answered with "I don't know"."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from relengtools.versions.scheme import rule
from relengtools.versions.scheme.convert import POLICIES, SOURCES, TARGETS, as_json, convert

DATA = Path(__file__).parent.parent / "data"
LEGACY = list(csv.DictReader((DATA / "legacy.tsv").read_text().splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
RULES = [rule.load(str(DATA / f"rules-{project}.toml")) for project in ("dirac", "pytz")]


@pytest.mark.parametrize("row", LEGACY, ids=[row["string"] for row in LEGACY])
def test_real_legacy_versions(row: dict[str, str]) -> None:
    """Read as told, each is what a person made of it; read as nobody told, a wrong answer is never exact."""
    text, expected = row["string"], None if row["pep440"] == "none" else row["pep440"]
    if row["from"] == "rule":
        assert expected in [convert(text, rules=rules).version for rules in RULES]
    else:
        assert convert(text, row["from"], "pep440", row["policy"] or None).version == expected
    answer = convert(text)
    assert answer.version == expected or not answer.exact
    assert not (answer.exact and row["from"] == "rule")


AUTO = [
    # text, scheme, version, exact
    ("1.0", "pep440", "1.0", True),
    (" v1.0-RC.1 ", "pep440", "1.0rc1", True),
    ("2026.08.10", "pep440", "2026.8.10", True),
    ("1.0-1", "pep440", "1.0.post1", False),
    ("v6r21", "pep440", "6.post21", False),
    ("2010b", "pep440", "2010b0", False),
    ("0+unknown", "pep440", "0+unknown", False),
    ("1.0-3-gabcdef1", "git-describe", "1.1.dev3+gabcdef1", False),
    ("name-1.0-3-gabcdef1-dirty", "git-describe", "1.1.dev3+gabcdef1.dirty", False),
    ("1.0.r3.gabcdef1", "arch", "1.0.post3+gabcdef1", False),
    ("1.0~rc1", "debian", "1.0rc1", False),
    ("1:2.3-4", "debian", "2.3", False),
    ("1.0-1ubuntu1", "debian", "1.0", False),
    ("1.0-1.el7", "rpm", "1.0", False),
    ("1.0^20240101git1a2b3c4", "rpm", "1.0.post20240101", False),
    ("1.0_git20240101-r2", "alpine", "1.0.post20240101", False),
    ("2022-07-09", "calver", "2022.7.9", False),
    ("release-1.0", "tag", "1.0", True),
    ("Version 1.2", "tag", "1.2", True),
    ("REL_1_2_BETA3", "tag", "1.2b3", False),
    ("name/v1.2", "tag", "1.2", False),
    ("@scope/name@1.2.3", "tag", "1.2.3", False),
    ("azure-core_1.30.0", "tag", "1.30.0", False),
    ("2-8-6", "tag", "2.8.6", False),
    ("1.2.1_p2", "alpine", "1.2.1.post2", False),
    ("MySQLdb-1.2.1_p2", "tag", "1.2.1.post2", False),
    ("1.0.Final", "tag", "1.0", False),
    ("1.0-SNAPSHOT", "tag", "1.0.dev0", False),
    ("1.0dev-r1234", "tag", "1.0.dev1234", False),
    ("1.0 beta 2", "tag", "1.0b2", False),
    ("9.0.0a1.0", "tag", "9.0.0a1", False),
    ("1.2.3-8103b09", "tag", "1.2.3+g8103b09", False),
    ("0.8.12-smartos", "tag", "0.8.12+smartos", False),
    ("v0.0.0-20190101000000-abcdef123456", "tag", "0.0.0.dev20190101000000+gabcdef123456", False),
]


@pytest.mark.parametrize(("text", "scheme", "version", "exact"), AUTO, ids=[row[0] for row in AUTO])
def test_auto(text: str, scheme: str, version: str, exact: bool) -> None:
    answer = convert(text)
    assert (answer.scheme, answer.version, answer.exact) == (scheme, version, exact)
    assert answer.canonical == version
    assert (answer.reason is None) is exact


NO_ANSWER = [
    *(
        "",
        " ",
        "1.x",
        "1.0.x",
        "HEAD",
        "trunk",
        "unstable",
        "unknown",
        "0.0.0-unknown",
        "128-NOTFOUND+bb1a55f3",
        "2011k",
    ),
    *("1.0.2k", "release_2010b", "2010g_release", "v6r10p3", "1.0.0-alpha.beta", "1.0.0-M1", "1.0-prealpha", "1.0-eol"),
    *("nightly-2019.11.30", "build-5", "pr-12", "r1234", "r12.abcdef1", "archive/0.5-stable", "backups/Zope-2.9@40221"),
    *("beta-1.2", "Zope-2-6", "fail2ban_0.9.X", "0_5_3-PROPAGATE_DEBIAN_PATCHES", "2.12-last-fulltree-revision", "1,2"),
    *("1..0", "1.", ".1", "1.0+", "99999.0.whatever", "\u0661.0", "1.0\x00", "\ufeff1.0", "1.0\udcff", "1" * 5000),
    *("1.0a" + "1" * 5000, "x" * 1_000_000, "-" * 1_000_000, "1_" * 500_000),
]


@pytest.mark.parametrize("text", NO_ANSWER, ids=[text[:30].encode("unicode_escape").decode() for text in NO_ANSWER])
def test_no_answer_is_an_answer(text: str) -> None:
    answer = convert(text)
    assert (answer.version, answer.canonical, answer.exact) == (None, None, False)
    assert answer.reason
    assert json.loads(as_json(answer))["version"] is None


POLICY = [
    ("1.2.3-4-g1a2b3c4", "git-describe", "next-dev", "1.2.4.dev4+g1a2b3c4", False),
    ("1.2.3-4-g1a2b3c4", "git-describe", "post", "1.2.3.post4+g1a2b3c4", True),
    ("1.2.3-4-g1a2b3c4", "git-describe", "local", "1.2.3+4.g1a2b3c4", True),
    ("1.2.3-4-g1a2b3c4-dirty", "git-describe", "post", "1.2.3.post4+g1a2b3c4.dirty", True),
    ("1.2.3-0-g1a2b3c4", "git-describe", None, "1.2.3", False),
    ("1.2.3-dirty", "git-describe", "post", "1.2.3+dirty", True),
    ("1.0rc1-4-g1a2b3c4", "git-describe", None, "1.0rc2.dev4+g1a2b3c4", False),
    ("1.0.dev0-4-g1a2b3c4", "git-describe", None, "1.0.dev4+g1a2b3c4", False),
    ("1.0.post1-4-g1a2b3c4", "git-describe", "post", None, False),
    ("1.0.dev3-4-g1a2b3c4", "git-describe", None, None, False),
    ("0.1_6_g35517d1", "arch", None, "0.1.post6+g35517d1", True),
    ("0.1.r6.g35517d1", "arch", "next-dev", "0.2.dev6+g35517d1", False),
    ("1:0.1+6+g35517d1-1", "arch", "local", "0.1+6.g35517d1", False),
    ("0.1_git20200101", "alpine", None, "0.1.post20200101", False),
    ("0.1_git20200101", "alpine", "next-dev", "0.2.dev20200101", False),
    ("0.1_git20200101", "alpine", "local", "0.1+git20200101", False),
]


@pytest.mark.parametrize(("text", "source", "policy", "version", "exact"), POLICY)
def test_policies(text: str, source: str, policy: str | None, version: str | None, exact: bool) -> None:
    answer = convert(text, source, "pep440", policy)
    assert (answer.version, answer.exact) == (version, exact)


ALPHABET = st.text("0123456789.-_+~^:! vabcdegprx()/", max_size=40)


@given(
    st.one_of(
        st.text(max_size=40), ALPHABET, st.from_regex(r"\A[0-9]+(\.[0-9]+)+[-_+~^.](git|r|g|rc|post)?[0-9a-f]*\Z")
    ),
    st.sampled_from(SOURCES),
    st.sampled_from(TARGETS),
    st.sampled_from([None, *POLICIES]),
)
def test_any_text_gets_an_honest_answer(text: str, source: str, target: str, policy: str | None) -> None:
    answer = convert(text, source, target, policy)
    assert json.loads(as_json(answer)) == answer._asdict()
    if answer.canonical is not None:
        assert str(Version(answer.canonical)) == answer.canonical
    if target == "pep440":
        assert answer.version == answer.canonical
    if answer.version is None or not answer.exact:
        assert not answer.exact and answer.reason
    else:
        assert answer.reason is None
