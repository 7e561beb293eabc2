"""A project's own schemes: what they say, and the files and patterns that are refused."""

import time
from pathlib import Path

import pytest

from relengtools.errors import RelengError
from relengtools.versions.scheme import rule
from relengtools.versions.scheme.convert import convert

DATA = Path(__file__).parent.parent / "data"
DIRAC = rule.load(str(DATA / "rules-dirac.toml"))
PYTZ = rule.load(str(DATA / "rules-pytz.toml"))


@pytest.mark.parametrize(
    ("rules", "text", "version"),
    [
        (DIRAC, "v6r10p3", "6.10.3"),
        (DIRAC, "v7r2", "7.2.0"),
        (DIRAC, "v7r2-pre33", "7.2.0a33"),
        (PYTZ, "2009p_release", "2009.16"),
        (PYTZ, "release_2011k", "2011.11"),
        (PYTZ, "2010b", "2010.2"),
    ],
)
def test_a_rule_goes_first_and_is_exact(rules: tuple[rule.Rule, ...], text: str, version: str) -> None:
    answer = convert(text, rules=rules)
    assert answer[1:] == ("rule", version, version, True, None)


def test_what_no_rule_matches_is_read_as_ever() -> None:
    assert convert("v7.2.30", rules=DIRAC)[1:3] == ("pep440", "7.2.30")
    assert convert("1.3.3h", rules=DIRAC + PYTZ).version is None


def test_the_tag_under_git_describe_is_read_by_the_rule() -> None:
    assert convert("v7r2p30-3-gabcdef1", rules=DIRAC, policy="post").version == "7.2.30.post3+gabcdef1"


def test_a_template_that_makes_no_version_gives_none() -> None:
    rules = rule.from_table({"schemes": [{"pattern": "(?P<all>.*)", "template": "{all}"}]}, "here")
    assert convert("x", rules=rules).version is None
    assert rule.read(rules, "1" * 65) is None


def test_rules_in_pyproject(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(
        "[[tool.relengtools.schemes]]\npattern = 'r(?P<n>\\d+)(?P<l>[a-z]+)?'\ntemplate = '{n}[.{l:ordinal}]'\n"
    )
    rules = rule.load(str(file))
    assert [convert(text, rules=rules).version for text in ("r5", "r5b", "r5aa")] == ["5", "5.2", "5.27"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"pattern": "a"}, "needs a `pattern` and a `template`"),
        ({"pattern": "(", "template": "1"}, "no regular expression"),
        ({"pattern": "a", "template": "{b}"}, "'b', which the pattern hasn't"),
        ({"pattern": "(?P<a>b)", "template": "{a"}, "a template has"),
        ({"pattern": "(?P<a>b)", "template": "[{a}"}, "a template has"),
        ({"pattern": "a" * 501, "template": "1"}, "longer than 500"),
        ({"pattern": "(?:a+)+b", "template": "1"}, "repetition within a repetition"),
        ({"pattern": "(?:a?){30}a{30}", "template": "1"}, "repetition within a repetition"),
        ({"pattern": "(?:a|ab)*c", "template": "1"}, "alternatives within a repetition"),
        ({"pattern": "(a)\\1", "template": "1"}, "refers back"),
        ({"pattern": "a?" * 13, "template": "1"}, "more than 12"),
    ],
)
def test_refused_rules(entry: dict[str, str], message: str) -> None:
    with pytest.raises(RelengError, match=message.replace("(", r"\(")) as error:
        rule.from_table({"schemes": [entry]}, "rules.toml")
    assert str(error.value).startswith("rules.toml: schemes[0]: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"schemes = 3", b"schemes = [", b"[[schemes]]\npattern = 3", b"tool = 3"]
)
def test_refused_files(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rules.toml"
    file.write_bytes(content)
    with pytest.raises(RelengError):
        rule.load(str(file))
    with pytest.raises(RelengError, match="can't read the rules"):
        rule.load(str(tmp_path))


def test_a_possessive_repetition_is_accepted_and_fast() -> None:
    rules = rule.from_table({"schemes": [{"pattern": r"(?P<v>\d++(?:\.\d++)*)", "template": "{v}"}]}, "here")
    started = time.process_time()
    assert rule.read(rules, "1." * 31 + "x") is None
    assert time.process_time() - started < 5
