"""The canonical form, held equal to packaging's on its own vectors and on generated texts."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from relengtools.versions.scheme.convert import convert
from relengtools.versions.scheme.spelling import canonical, unsuspected
from relengtools.versions.scheme.suspicion import suspicious

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "packaging-versions.json").read_text())


def test_the_vectors_are_all_there() -> None:
    assert [len(VECTORS[name]) for name in ("ordered", "invalid", "normalized")] == [92, 20, 102]
    assert all(Version(low) < Version(high) for low, high in pairwise(VECTORS["ordered"]))


@pytest.mark.parametrize(("text", "normalized"), VECTORS["normalized"])
def test_packaging_normalizations(text: str, normalized: str) -> None:
    assert canonical(text) == normalized
    assert convert(text).version == normalized


@pytest.mark.parametrize("text", VECTORS["ordered"])
def test_packaging_valid_versions(text: str) -> None:
    assert convert(text)[1:4] == ("pep440", str(Version(text)), str(Version(text)))


@pytest.mark.parametrize("text", VECTORS["invalid"])
def test_packaging_invalid_versions(text: str) -> None:
    assert canonical(text) is None
    assert convert(text, "pep440").version is None
    assert convert(text).scheme != "pep440"


SPELT = st.from_regex(
    r"\A\s?[vV]?([0-9]{1,2}!)?[0-9]{1,3}(\.[0-9]{1,3}){0,3}([-_.]?(a|b|c|rc|ALPHA|beta|pre|Preview)([-_.]?[0-9]{0,2}))?"
    r"(([-_.]?(post|r|rev)[-_.]?[0-9]{0,2})|(-[0-9]{1,2}))?([-_.]?dev[-_.]?[0-9]{0,2})?(\+[a-z0-9]{1,3}([-_.][a-z0-9]{1,3})?)?\Z"
)


@given(st.one_of(SPELT, st.text("0123456789.vabcdepost-_+! ", max_size=20)))
@example("1.0a")
@example("1.0pre-")
@example("1.0\n")
@example("1.0.post")
@example("1.0+001")
@example("1_dev_")
@example("\u0130")
@example("1.0po\u017ft1")
def test_the_fast_path_agrees_with_packaging(text: str) -> None:
    try:
        expected = str(Version(text))
    except InvalidVersion:
        expected = None
    assert canonical(text) == expected
    if unsuspected(text) is not None:
        assert suspicious(text) is None
