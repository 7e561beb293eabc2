"""Parsers of which it can't be told what they have read."""

import pytest

from relengtools.versions.discover import discover
from relengtools.versions.project import read

HEAD = "import configparser, os\nfrom setuptools import setup\nc = configparser.ConfigParser()\n"
UNTOLD = {
    "read under a condition": "if os.unknown:\n    c.read('meta.ini')\n",
    "read once more under a condition": "if os.unknown:\n    c.read('meta.ini')\nc.read('meta.ini')\n",
    "read never": "",
}


@pytest.mark.parametrize("text", UNTOLD.values(), ids=UNTOLD)
def test_an_option_of_what_may_not_have_been_read_is_unknown(tree, text):
    tree({"setup.py": f"{HEAD}{text}setup(name='x', version=c.get('a', 'v'))\n", "meta.ini": "[a]\nv = 1.0\n"})
    (place,) = discover(["."]).places.values()
    project = read(place)
    assert project is not None
    assert (project.name, project.owner) == ("x", None)


@pytest.mark.parametrize("text", UNTOLD.values(), ids=UNTOLD)
def test_and_a_version_that_does_not_hang_on_it_is_found(tree, text):
    option = "try:\n    o = c.get('a', 'v')\nexcept Exception:\n    pass\n"
    tree({"setup.py": f"{HEAD}{text}{option}setup(name='x', version='1.2')\n", "meta.ini": "[a]\nv = 1.0\n"})
    (place,) = discover(["."]).places.values()
    project = read(place)
    assert project is not None
    assert project.owner is not None
    assert project.owner.value == "1.2"
