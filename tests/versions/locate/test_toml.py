import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relengtools.versions.declaration import Kind
from relengtools.versions.locate import toml
from relengtools.versions.locate.source import UnreadableError, utf8

PATH = ("project", "version")


def located(text):
    source = utf8("pyproject.toml", Path("pyproject.toml"), text.encode())
    return toml.locate(source, toml.parse(source), PATH, Kind.PYPROJECT)


@pytest.mark.parametrize(
    ("text", "raw", "value", "place"),
    [
        ('[project]\nversion = "1.0"', "1.0", "1.0", (2, 12)),
        ("[project]\r\nversion = '1.0'\r\n", "1.0", "1.0", (2, 12)),
        ('project.version = "1.0"', "1.0", "1.0", (1, 20)),
        ('project = { name = "x", version = "1.0" }', "1.0", "1.0", (1, 36)),
        ('"project" . \'version\' = "1.0"', "1.0", "1.0", (1, 26)),
        ('["proj\\u0065ct"]\nversion = "1.0"', "1.0", "1.0", (2, 12)),
        ('[project]\nversion = "1\\u002e0"', "1\\u002e0", "1.0", (2, 12)),
        ('[project]\nversion = """1.0"""', "1.0", "1.0", (2, 14)),
        ('[project]\nversion = """\n1.0"""', "1.0", "1.0", (3, 1)),
        ("[project]\nversion = '''\r\n1.0'''", "1.0", "1.0", (3, 1)),
        ('[project]\nversion = """\\\n   1.0"""', "\\\n   1.0", "1.0", (2, 14)),
        ('# [project]\n# version = "0"\n[project]\nversion="1.0"#c', "1.0", "1.0", (4, 10)),
        ('[project]\ndescription = """\nversion = "0"\n"""\nversion = "1.0"', "1.0", "1.0", (5, 12)),
        ('[a]\nx = """a""""\n[project]\nversion = "1.0"', "1.0", "1.0", (4, 12)),
        ('[tool.x]\nversion = "0"\n[project]\nversion = "1.0"', "1.0", "1.0", (4, 12)),
        ('[[tool.x]]\nversion = "0"\n[tool.x.y]\nversion = "0"\n[project]\nversion = "1.0"', "1.0", "1.0", (6, 12)),
        (
            '[project]\nurls = { version = "0" }\nkeywords = ["version", { version = "0" }]\nversion = "1.0"',
            "1.0",
            "1.0",
            (4, 12),
        ),
        ('[project.urls]\nversion = "0"\n[project]\nversion = "1.0"', "1.0", "1.0", (4, 12)),
        ('[project]\nname = "ü€𝄞"; '.replace("; ", "\n") + 'version = "1.0"', "1.0", "1.0", (3, 12)),
        ('[project]\n"ü𝄞" = 1\nauthors = [\n  {name = "]"}, # }\n]\nversion = "1.0"', "1.0", "1.0", (6, 12)),
        ('a = 1979-05-27 07:32:00\nb = [1,\n2,]\nc = -inf\n[project]\nversion = "1.0"', "1.0", "1.0", (6, 12)),
    ],
)
def test_finds_the_text_between_the_quotes(text, raw, value, place):
    found = located(text)
    assert found is not None
    assert (found.raw, found.value, (found.span.line, found.span.column)) == (raw, value, place)
    assert text.encode()[found.span.start : found.span.end].decode() == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version = '1.0'",
        "[project]\nname = 'x'",
        "[tool.project]\nversion = '1'",
        "[project]\nversion = 1.0",
        "[[project]]\nversion = '1'",
    ],
)
def test_finds_nothing_elsewhere(text):
    assert located(text) is None


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("[project\nx=1", 1, 9), ("a = 1\nb = ", 2, 5), ("a = 1\na = 2", 2, 6), ("x = " + "[" * 5000, 1, 1)],
)
def test_says_where_the_syntax_is_wrong(text, line, column):
    with pytest.raises(UnreadableError) as error:
        located(text)
    assert (error.value.problem.line, error.value.problem.column) == (line, column)


KEYS = st.sampled_from(["a", "b", "project", "version", '"q.k"', "'l k'", "1"])
STRINGS = st.sampled_from(['"s"', "'l'", '"""m\n"x" """', "'''n\n#'''", '"\\"]}"', '"""e\\""""""', "''''x'''''", "'#'"])
SCALARS = st.one_of(STRINGS, st.sampled_from(["1", "-1.5e3", "true", "nan", "1979-05-27 07:32:00", "07:32:00"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda v: "[ # c\n" + ",\n".join(v) + "\n]"),
        st.lists(inner, max_size=3).map(lambda v: "{" + ", ".join(f"k{i}.x = {x}" for i, x in enumerate(v)) + "}"),
    ),
    max_leaves=6,
)
HEADERS = (
    st.lists(KEYS, min_size=1, max_size=2)
    .map(".".join)
    .flatmap(lambda k: st.sampled_from([f"[{k}]", f"[[ {k} ]] # c"]))
)
LINES = st.one_of(
    HEADERS,
    st.just(""),
    st.just("  # [project]"),
    st.tuples(st.lists(KEYS, min_size=1, max_size=2).map(" . ".join), VALUES).map(" = ".join),
)


@settings(max_examples=300)
@given(st.lists(LINES, max_size=8).map("\n".join))
def test_the_scanner_finds_every_scalar_where_tomllib_reads_it(text):
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    rebuilt = {v.path: tomllib.loads(f"x = {text[v.start : v.end]}")["x"] for v in toml.scan(text)}
    assert repr(sorted(leaves(document), key=repr)) == repr(sorted(rebuilt.items(), key=repr))


def leaves(value, path=()):
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, (*path, key))
    else:
        yield path, value
