import json

import pytest

from relengtools.versions.locate.egg_info import Tag

SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
PROJECT = '[project]\nname = "x"\nversion = "1.0"\n'
METADATA = "[metadata]\nname = x\nversion = 1.0\n"
HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
DEV = "[egg_info]\ntag_build = dev\n"


@pytest.mark.parametrize(
    ("tag", "version", "tagged"),
    [("", "1.0", "1.0"), ("dev", "1.0", "1.0dev"), ("dev", "1.0dev", "1.0dev"), ("dev", "1.0.dev0", "1.0.dev0")],
)
def test_a_tag_is_put_on_once(tag, version, tagged):
    assert Tag(tag).on(version) == tagged


@pytest.mark.parametrize(
    ("files", "version", "canonical"),
    [
        ({"setup.cfg": METADATA + DEV}, "1.0dev", "1.0.dev0"),
        ({"setup.cfg": METADATA + "[egg_info]\ntag_build =\ntag_date = 0\n"}, "1.0", "1.0"),
        ({"setup.cfg": DEV, "setup.py": "from setuptools import setup\nsetup(version='1.0')"}, "1.0dev", "1.0.dev0"),
        ({"setup.cfg": DEV, "pyproject.toml": SETUPTOOLS + PROJECT}, "1.0dev", "1.0.dev0"),
        (
            {"pyproject.toml": SETUPTOOLS + PROJECT + '[tool.distutils.egg_info]\ntag-build = ".dev3"\n'},
            "1.0.dev3",
            "1.0.dev3",
        ),
        ({"setup.cfg": DEV, "pyproject.toml": HATCHLING + PROJECT}, "1.0", "1.0"),
        ({"setup.cfg": METADATA + "[egg_info]\ntag_date = true\n"}, None, None),
    ],
)
def test_what_the_build_gives(tree, run, files, version, canonical):
    tree(files)
    (project,) = json.loads(run("list", "--output-format", "json").out)["projects"]
    assert (project["version"], project["canonical"]) == (version, canonical)
    assert [d["value"] for d in project["declarations"]] == ["1.0"]


def test_the_reason_is_told(tree, run):
    tree({"setup.cfg": METADATA + DEV})
    assert "tag_build puts 'dev' behind '1.0'" in run("list").out
    assert run("show").out == "1.0dev\n"
    assert run("check").code == 0
