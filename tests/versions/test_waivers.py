"""Comments that waive a rule, what they don't waive, and those that waive nothing."""

import re

import pytest

SETUP = "from setuptools import setup\n"


def found(result):
    return re.findall(r"^(\S+): (RV\d+) ", result.out, re.M)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[project]\nname = "x"\nversion = "v1"  # relengtools: ignore[RV102]\n'),
        (
            "pyproject.toml",
            '[project]\nname = "x"\nversion = "v1"  # noqa # relengtools: ignore[RV102] the tag is out\n',
        ),
        ("pyproject.toml", '[project]\nname = "x"\nversion = "v1"#relengtools:ignore[version-spelling]\n'),
        ("pyproject.toml", '[project]\r\nname = "x"\r\n  # relengtools: ignore[RV102]\r\nversion = "v1"\r\n'),
        ("pyproject.toml", '[project]\nname = "x"\nversion = "v1"  # relengtools: ignore[RV102,RV301] \n'),
        ("setup.cfg", "[metadata]\nname = x\n# relengtools: ignore[RV102]\nversion = v1\n"),
        ("setup.cfg", "[metadata]\nname = x\n; relengtools: ignore[RV102]\nversion = v1\n"),
        ("setup.py", "setup(name='x',\n version='v1')  # relengtools: ignore[RV102]\n"),
        ("setup.py", "# relengtools: ignore[RV102]\nsetup(name='x', version='v1')\n"),
    ],
)
def test_a_comment_waives(tree, run, name, text):
    root = tree({name: text})
    waived = [code for _, code in found(run("check"))]
    assert waived == ["RV905"] * ("RV301" in text)
    run("check", "--fix")
    assert (root / name).read_bytes() == text.encode()


def test_a_requirement_is_waived_where_it_stands(tree, run):
    waived = '  "a>=1.*",  # relengtools: ignore[RV401]\n  "b>=1.*",\n'
    tree(
        {
            "pyproject.toml": f'[project]\nname = "x"\nversion = "1"\ndependencies = [\n{waived}]\n',
            "requirements.txt": "# relengtools: ignore[RV401]\na>=1.*\nb>=1.* # relengtools: ignore[invalid-specifier]",
        }
    )
    assert found(run("check")) == [("pyproject.toml:6:7", "RV401")]


@pytest.mark.parametrize(
    ("name", "text", "places"),
    [
        # another rule, no rule, no comment, another line
        ("pyproject.toml", '[project]\nname="x"\nversion="v1"  # relengtools: ignore[RV101]\n', ["3:10", "3:37"]),
        ("pyproject.toml", '[project]\nname="x"\nversion="v1"  # relengtools: ignore[RV1]\n', ["3:10", "3:37"]),
        ("pyproject.toml", '[project]\nname="relengtools: ignore[RV102]"\nversion="v1"\n', ["3:10"]),
        ("pyproject.toml", '[project]\nname="x"  # relengtools: ignore[RV102]\nversion="v1"\n', ["2:33", "3:10"]),
        ("pyproject.toml", '# relengtools: ignore[RV102]\n[project]\nname="x"\nversion="v1"\n', ["1:23", "4:10"]),
        # setup.cfg has no comments behind a value: this one is part of the version
        ("setup.cfg", "[metadata]\nname = x\nversion = v1  # relengtools: ignore[RV101]\n", ["3:11"]),
    ],
)
def test_what_does_not_waive(tree, run, name, text, places):
    tree({name: text})
    assert [place.partition(":")[2] for place, _ in found(run("check"))] == places


def test_a_waiver_that_waives_nothing_is_told_of_unless_its_rule_is_off(tree, run):
    text = '[project]\nname = "x"\nversion = "1.0"  # relengtools: ignore[RV102, RV103, RV504, RV702, typo]\n'
    tree({"pyproject.toml": text})
    result = run("check")
    assert found(result) == [("pyproject.toml:3:40", "RV905"), ("pyproject.toml:3:68", "RV905")]
    assert "there is no RV102 on the line" in result.out
    assert found(run("check", "--select", "RV905")) == [("pyproject.toml:3:68", "RV905")]
    assert len(found(run("check", "--select", "RV9,RV103"))) == 2
    assert found(run("check", "--ignore", "unused-waiver")) == []


def test_a_waiver_can_be_waived_never(tree, run):
    text = '[project]\nname = "x"\nversion = "1.0"  # relengtools: ignore[RV905, RV102]\n'
    tree({"pyproject.toml": text})
    assert len(found(run("check"))) == 2


@pytest.mark.parametrize("comment", ["ignore", "ignore[]", "ignore[ , ]"])
def test_a_waiver_without_a_rule_waives_nothing_and_is_told_of(tree, run, comment):
    tree({"pyproject.toml": f'[project]\nname = "x"\nversion = "v1.0"  # relengtools: {comment}\n'})
    result = run("check")
    assert [code for _, code in found(result)] == ["RV102", "RV905"]
    assert "it names no rule" in result.out
