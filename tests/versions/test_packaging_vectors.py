"""The strings of packaging's own tests: both take the same, refuse the same, and no meaning moves."""

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_version, parse_sdist_filename, parse_wheel_filename

from relengtools.versions.names import normalized
from relengtools.versions.scheme.convert import convert
from relengtools.versions.specifiers.canonical import plain
from relengtools.versions.specifiers.judge import judge
from relengtools.versions.specifiers.oddities import Topic
from relengtools.versions.specifiers.proof import same
from relengtools.versions.specifiers.text import Form

DATA = Path(__file__).parent / "data"


def vectors(name: str) -> Any:
    return json.loads((DATA / f"packaging-{name}.json").read_text())


SPECIFIERS, UTILS, REQUIREMENTS = vectors("specifiers"), vectors("utils"), vectors("requirements")


def test_they_are_all_there_and_name_their_source() -> None:
    assert [len(SPECIFIERS[key]) for key in ("specifiers", "invalid", "sets", "normalized_versions", "matches")] == [
        9, 29, 401, 95, 188,
    ]  # fmt: skip
    assert [len(UTILS[key]) for key in ("names", "versions", "wheels", "invalid_wheels", "sdists")] == [
        10,
        13,
        8,
        14,
        2,
    ]
    assert [len(REQUIREMENTS[key]) for key in ("requirements", "markers", "invalid_markers")] == [35, 2187, 17]
    assert all(data["source"].startswith("packaging 26.3, tests/") for data in (SPECIFIERS, UTILS, REQUIREMENTS))


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (SPECIFIERS["specifiers"] + SPECIFIERS["sets"], Form.SPECIFIER),
        (REQUIREMENTS["requirements"], Form.REQUIREMENT),
        (REQUIREMENTS["markers"], Form.MARKER),
    ],
    ids=["specifiers", "requirements", "markers"],
)
def test_the_valid_ones_are_valid_and_their_safe_changes_keep_what_they_mean(texts: list[str], form: Form) -> None:
    for text in texts:
        judgement = judge(text, form)
        new = judgement.mended(Topic, unsafe=False)
        assert judgement.valid, text
        assert new == text or same(text, new, form), (text, new)


@pytest.mark.parametrize(
    ("texts", "form"),
    [(SPECIFIERS["invalid"], Form.SPECIFIER), (REQUIREMENTS["invalid_markers"], Form.MARKER)],
    ids=["specifiers", "markers"],
)
def test_the_invalid_ones_are_invalid(texts: list[str], form: Form) -> None:
    assert [text for text in texts if plain(text, form) or judge(text, form).valid] == []


def test_a_respelt_specifier_takes_the_same_versions() -> None:
    for version, text, expected in SPECIFIERS["matches"]:
        new = judge(text, Form.SPECIFIER).mended(Topic, unsafe=False)
        assert SpecifierSet(new).contains(version, prereleases=True) is expected, (version, text, new)


def test_arbitrary_equality_is_never_touched() -> None:
    texts = [text for text in SPECIFIERS["sets"] if "===" in text]
    assert len(texts) > 20
    assert [text for text in texts if judge(text, Form.SPECIFIER).mended(Topic) != text] == []


@pytest.mark.parametrize("text", SPECIFIERS["normalized_versions"])
def test_a_version_in_a_specifier_has_its_canonical_form(text: str) -> None:
    operator = "==" if "+" in text else "~="
    new = judge(operator + text, Form.SPECIFIER).mended({Topic.SPELLING, Topic.PADDING}, unsafe=False)
    assert same(operator + text, new, Form.SPECIFIER)
    assert convert(text, "pep440").version == convert(new.removeprefix(operator), "pep440").version


def test_names_and_versions() -> None:
    assert [normalized(name) for name, _ in UTILS["names"]] == [expected for _, expected in UTILS["names"]]
    answers = {text: convert(text, "pep440").version for text, _ in UTILS["versions"]}
    assert [text for text, version in answers.items() if version is None] == ["lolwat", "1.0.1-test7"]
    assert all(canonicalize_version(answers[text] or text) == expected for text, expected in UTILS["versions"])


def test_versions_in_the_names_of_files() -> None:
    for file, name, version in UTILS["wheels"]:
        assert convert(file.split("-")[1]).version == version == str(parse_wheel_filename(file)[1])
        assert normalized(file.split("-")[0]) == name
    for file, _, version in UTILS["sdists"]:
        stem = file.removesuffix(".tar.gz").removesuffix(".zip")
        assert convert(stem.partition("-")[2]).version == version == str(parse_sdist_filename(file)[1])
    for file in ("foo-1.x.tar.gz", "foobar-1.x-py3-none-any.whl"):
        assert convert(file.split("-")[1].removesuffix(".tar.gz")).version is None
