"""`[tool.relengtools]`: what each key does, the nearest table, and one line for what can't be used."""

import json
import re
import subprocess

import pytest

from relengtools.versions.declaration import Kind
from relengtools.versions.settings import DEFAULT, find, narrowed

GOOD = '[project]\nname = "x"\nversion = "1.0"\n'
SPELT = '[project]\nname = "x"\nversion = "v1.0-RC1"\n'
PADDED = '[project]\nname = "x"\nversion = "2026.08.10"\n'


def table(text):
    return f"\n[tool.relengtools]\n{text}\n"


def codes(result):
    return re.findall(r"^\S+: (RV\d+) ", result.out, re.M)


@pytest.mark.parametrize(
    ("settings", "flags", "expected"),
    [
        ("", [], ["RV102", "RV401", "RV402"]),
        ('select = ["RV1"]', [], ["RV102"]),
        ('select = ["odd-specifier", "RV1"]', [], ["RV102", "RV402"]),
        ('ignore = ["RV4"]', [], ["RV102"]),
        ('ignore = ["RV4"]', ["--ignore", "RV1"], []),
        ('ignore = ["RV4"]', ["--select", "RV4"], ["RV401", "RV402"]),
        ('select = ["RV1"]', ["--select", "RV4", "--ignore", "RV401"], ["RV402"]),
        ('select = ["RV1"]', ["--ignore", "RV102"], []),
    ],
)
def test_rules_are_chosen(tree, run, settings, flags, expected):
    tree({"pyproject.toml": SPELT + 'dependencies = ["a>=v1", "b>=1.*"]\n' + table(settings)})
    result = run("check", *flags)
    assert sorted(codes(result)) == expected
    assert result.code == min(len(expected), 1)


@pytest.mark.parametrize(
    ("settings", "flags", "left"),
    [
        ("", [], "2026.08.10"),
        ('zero-padding = "keep"', [], "2026.08.10"),
        ('zero-padding = "drop"', [], "2026.8.10"),
        ('zero-padding = "drop"', ["--select", "RV1"], "2026.8.10"),
        ('zero-padding = "drop"', ["--ignore", "zero-padding"], "2026.08.10"),
        ('zero-padding = "keep"', ["--select", "zero-padding"], "2026.8.10"),
        ("zero-padding = { pyproject = 'drop' }", [], "2026.8.10"),
        ("zero-padding = { module = 'drop' }", [], "2026.08.10"),
    ],
)
def test_zero_padding_has_a_policy_by_place(tree, run, settings, flags, left):
    root = tree({"pyproject.toml": PADDED + table(settings)})
    assert run("check", "--fix", *flags).code == int(left == "2026.8.10")
    assert f'version = "{left}"' in (root / "pyproject.toml").read_text()
    assert run("check", "--fix", *flags).code == 0


@pytest.mark.parametrize("policy", ['"drop"', "{ module = 'drop' }", "{ pyproject = 'drop' }", '"keep"'])
def test_a_copy_gets_the_padding_that_its_place_is_for(tree, run, policy):
    files = {"pyproject.toml": PADDED + table(f"zero-padding = {policy}"), "x.py": "__version__ = '1'\n"}
    root = tree(files)
    run("check", "--fix", "--unsafe-fixes")
    assert ("08" in (root / "x.py").read_text()) is ("keep" in policy)
    assert run("check", "--fix", "--unsafe-fixes").code == 0


SCHEMES = """schemes = [{ pattern = 'v(?P<a>[0-9]+)r(?P<b>[0-9]+)(p(?P<c>[0-9]+))?', template = "{a}.{b}[.{c}]" }]"""


@pytest.mark.parametrize(
    ("version", "code", "new"), [("v7r2p30", "RV101", "7.2.30"), ("v6r21", "RV301", "6.21"), ("6.21", None, "6.21")]
)
def test_a_scheme_of_the_projects_own_says_what_is_meant(tree, run, version, code, new):
    root = tree({"pyproject.toml": f'[project]\nname = "x"\nversion = "{version}"\n' + table(SCHEMES)})
    assert codes(run("check")) == [code] * bool(code)
    # Nobody proves that a scheme's reading is PEP 440's.
    run("check", "--fix")
    assert version in (root / "pyproject.toml").read_text()
    run("check", "--fix", "--unsafe-fixes")
    assert f'version = "{new}"' in (root / "pyproject.toml").read_text()
    assert run("check").code == 0


def test_what_is_excluded_is_walked_past_but_can_be_named(tree, run):
    root = tree(
        {
            "pyproject.toml": GOOD + table('exclude = ["tests/data", "examples/*"]'),
            "tests/data/a/pyproject.toml": SPELT,
            "examples/b/pyproject.toml": SPELT,
            "tests/database/c/pyproject.toml": SPELT,
        }
    )
    subprocess.run(["git", "init", "-q", root], check=True)
    paths = [p["path"] for p in json.loads(run("list", "--output-format", "json").out)["projects"]]
    assert paths == [".", "tests/database/c"]
    assert codes(run("check")) == ["RV102"]
    assert run("check", "tests").out.startswith("tests/database/c")
    assert "describes a package, but for what [tool.relengtools] excludes" in run("list", "examples").err
    for named in ("tests/data", "tests/data/a", "tests/data/a/pyproject.toml", "examples/b"):
        assert codes(run("check", named)) == ["RV102"]


def test_the_nearest_table_counts_and_none_above_the_work_tree(tree, run):
    root = tree(
        {
            "pyproject.toml": table('ignore = ["RV1"]'),
            "a/pyproject.toml": SPELT,
            "b/pyproject.toml": SPELT + table('select = ["RV2"]'),
            "c/d/setup.py": "setup(name='x', version='v1')",
            "c/pyproject.toml": table(""),
        }
    )
    assert [line.split(":")[0] for line in run("check").out.splitlines() if "RV" in line] == ["c/d/setup.py"]
    assert find(root / "a", root, {}).ignore == ("RV1",)
    assert find(root / "a", root / "a", {}).ignore == ("RV1",)
    (root / "a/.git").mkdir()
    assert find(root / "a", root / "a", {}) is DEFAULT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selct = []", "[tool.relengtools] has no key 'selct'; it has select, ignore, exclude, zero-padding, schemes"),
        ("calendar = 1", "calendar has to be true or false"),
        ('"a\\u001b" = 1', r"has no key 'a\\x1b'"),
        ('select = "RV1"', "select has to be a list of texts"),
        ("ignore = [1]", "ignore has to be a list of texts"),
        ('ignore = ["RV8"]', "ignore: RV8: no such rule"),
        ('ignore = [""]', "ignore: an empty text: no such rule"),
        ("exclude = 1", "exclude has to be a list of texts"),
        ('zero-padding = "maybe"', 'zero-padding has to be "keep" or "drop"'),
        ("zero-padding = true", 'zero-padding has to be "keep" or "drop"'),
        ('zero-padding = { there = "drop" }', "there: no kind of declaration"),
        ("zero-padding = { module = 1 }", 'zero-padding has to be "keep" or "drop"'),
        ("schemes = [1]", "schemes[0]: needs a `pattern` and a `template`"),
        ("schemes = [{ pattern = '(', template = '1' }]", "schemes[0]: the pattern is no regular expression"),
        ("schemes = 1", "`schemes` must be an array of tables"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_code_2(tree, run, text, said):
    tree({"pyproject.toml": GOOD + table(text)})
    result = run("check")
    assert (result.code, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert first.startswith("relengtools: pyproject.toml: [tool.relengtools]")
    assert said in first
    assert second == "relengtools: 0 projects, 0 findings"


def test_no_table_is_told_of_and_the_rest_is_done(tree, run):
    tree({"a/pyproject.toml": SPELT + "[tool]\nrelengtools = 1\n", "b/pyproject.toml": SPELT})
    result = run("check", "--fix")
    assert result.code == 2
    assert result.err.count("[tool.relengtools] has to be a table") == 1
    assert "b/pyproject.toml: v1.0-RC1 -> 1.0rc1" in result.err
    assert run("show", "a").out == "v1.0-RC1\n"


def test_one_bad_table_above_many_projects_is_one_line(tree, run):
    tree({"pyproject.toml": table("x = 1")} | {f"p{i}/pyproject.toml": GOOD for i in range(5)})
    assert run("check").err.count("has no key") == 1


def test_a_table_outside_of_the_tree_is_not_followed(tree, run, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "pyproject.toml"
    outside.write_text(table("x = 1"))
    root = tree({"a/setup.py": "setup(name='x', version='1.0')"})
    (root / "pyproject.toml").symlink_to(outside)
    assert "has no key" not in run("check", "a").err


def test_a_broken_file_is_told_of_once(tree, run):
    tree({"pyproject.toml": "[tool.relengtools]\nx = \n"})
    result = run("check")
    assert (result.code, codes(result)) == (1, ["RV903"])


def test_the_command_line_comes_first():
    settings = DEFAULT._replace(select=("RV1",), ignore=("RV102",), padding={"module": "keep"})
    assert narrowed(settings, [], ["RV2"])[1:3] == (("RV1",), ("RV102", "RV2"))
    assert narrowed(settings, ["RV2"], [])[1:3] == (("RV2",), ())
    assert narrowed(settings, ["RV103"], []).drops(Kind.MODULE)
    assert not narrowed(settings, ["RV103"], ["zero-padding"]).drops(Kind.MODULE)


def test_rules_are_named_in_any_case(tree, run):
    tree({"pyproject.toml": '[project]\nname = "x"\nversion = "v1.0"\n[tool.relengtools]\nignore = ["rv1"]\n'})
    assert run("check").code == 0
    assert run("check", "--select", "Version-Spelling").code == 1
    assert run("check", "--select", "rv102", "--ignore", "VERSION-SPELLING").code == 0
    assert "RV102 version-spelling" in run("rules", "rv102").out
