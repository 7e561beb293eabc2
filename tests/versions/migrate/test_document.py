"""Tables put into a pyproject.toml: read back by tomllib, and nothing else changes."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools.versions.migrate import document

KEYS = st.text(st.sampled_from("abc-_ .é\"'\n\\\x7f"), min_size=1, max_size=6)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LISTS = st.lists(TEXTS, max_size=4)
ROWS = st.dictionaries(KEYS, TEXTS | LISTS, min_size=1, max_size=3)
PROJECTS = st.fixed_dictionaries(
    {"name": TEXTS, "dynamic": st.just(["version"])},
    optional={
        "readme": st.fixed_dictionaries({"text": TEXTS, "content-type": st.just("text/plain")}),
        "authors": st.lists(st.fixed_dictionaries({"name": TEXTS, "email": TEXTS}), min_size=1, max_size=3),
        "dependencies": LISTS,
        "urls": ROWS,
        "entry-points": st.dictionaries(KEYS, st.dictionaries(KEYS, TEXTS, min_size=1, max_size=2), min_size=1),
    },
)
SETUPTOOLS = st.fixed_dictionaries(
    {"include-package-data": st.booleans()},
    optional={
        "packages": LISTS | st.just({"find": {"where": ["src"], "namespaces": False}}),
        "package-data": st.dictionaries(KEYS, LISTS, min_size=1, max_size=2),
        "package-dir": st.dictionaries(KEYS | st.just(""), TEXTS, min_size=1, max_size=2),
    },
)
TABLES = st.builds(
    lambda project, setuptools: {"project": project, "tool": {"setuptools": setuptools, "setuptools_scm": {}}},
    PROJECTS,
    SETUPTOOLS,
)


@given(TABLES)
def test_what_is_written_is_read_back(tables):
    assert tomllib.loads(document.write(tables)) == tables


def test_half_a_character_is_refused():
    with pytest.raises(ValueError, match="half a character"):
        document.write({"project": {"description": "\ud800"}})


def test_an_array_of_a_file_with_crlf_keeps_its_line_ends():
    text = '[build-system]\r\nrequires = [\r\n    "a",\r\n]\r\n'
    new = document.append(text, ("build-system", "requires"), "b")
    assert new == '[build-system]\r\nrequires = [\r\n    "a",\r\n    "b",\r\n]\r\n'


@given(TABLES)
def test_what_is_added_to_a_file_leaves_the_rest_of_it(tables):
    before = "# ours\n[tool.black]\nline-length = 100 # wide\n\n[[tool.mypy.overrides]]\nmodule = 'x'\n"
    new = document.add(before, tables)
    assert new.startswith(before)
    assert tomllib.loads(new) == {**tables, "tool": {**tables["tool"], **tomllib.loads(before)["tool"]}}


ADDED = [
    ('[project]\nname = "p"\n', '[project]\nname = "p"\nx = "y"\n'),
    ('[project]\nname = "p"', '[project]\nname = "p"\nx = "y"\n'),
    (
        '[project]\nname = "p"\n\n# the rest\n[tool.a]\nb = 1\n',
        '[project]\nname = "p"\nx = "y"\n\n# the rest\n[tool.a]\nb = 1\n',
    ),
    ('[ project ] # us\nnames = [\n  "[a]",\n]\n', '[ project ] # us\nnames = [\n  "[a]",\n]\nx = "y"\n'),
    ('[project]\r\nname = "p"\r\n', '[project]\r\nname = "p"\r\nx = "y"\r\n'),
    ('text = """\n[project]\n"""\n', 'text = """\n[project]\n"""\n\n[project]\nx = "y"\n'),
    ("", '[project]\nx = "y"\n'),
]


@pytest.mark.parametrize(("before", "after"), ADDED)
def test_a_key_goes_to_the_end_of_its_table(before, after):
    assert document.add(before, {"project": {"x": "y"}}) == after


@pytest.mark.parametrize("before", ["project = { name = 'p' }\n", "project.name = 'p'\n", "[project.urls]\na = 'b'\n"])
def test_where_toml_has_no_room_it_is_refused_or_right(before):
    try:
        new = document.add(before, {"project": {"x": "y"}})
    except ValueError:
        return
    assert tomllib.loads(new) == {"project": {**tomllib.loads(before)["project"], "x": "y"}}


APPENDED = [
    ('[b]\nr = ["a"]\n', '[b]\nr = ["a", "x"]\n'),
    ('[b]\nr = ["a", "c",]\n', '[b]\nr = ["a", "c", "x",]\n'),
    ('[b]\nr = [\n    "a",  # first\n]\n', '[b]\nr = [\n    "a",\n    "x",  # first\n]\n'),
    ("[b]\nr = ['a']\n", "[b]\nr = ['a', \"x\"]\n"),
]


@pytest.mark.parametrize(("before", "after"), APPENDED)
def test_an_array_gets_one_more(before, after):
    assert document.append(before, ("b", "r"), "x") == after


def test_an_empty_array_is_refused():
    with pytest.raises(ValueError, match="empty"):
        document.append("[b]\nr = []\n", ("b", "r"), "x")
