"""Whether a version is used for something else than the version."""

from pathlib import Path

import pytest

from relengtools.versions.locate import python, uses

PATH = Path("/nowhere/setup.py")
HEAD = 'from setuptools import setup\nVERSION = "v1.0"\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("setup(version=VERSION)", None),
        ("setup(version=VERSION.strip())", None),
        ("V = VERSION\nsetup(version=V)", None),
        ("V: str = VERSION\nsetup(name='VERSION', version=V)", None),
        ("def VERSIONS(): pass\nsetup(version=VERSION, url='…/VERSION')", None),
        ("setup(version=VERSION, download_url='/%s.tar.gz' % VERSION)", 3),
        ("V = VERSION\nsetup(version=V,\n  install_requires=['x==' + V])", 5),
        ("URL = f'/{VERSION}'\nsetup(version=VERSION)", 3),
        ("V = '.'.join(VERSION.split('.')[:2])\nsetup(version=VERSION)", 3),
        ("if VERSION > 'v2':\n  pass\nsetup(version=VERSION)", 3),
        ("setup(version=VERSION, **{'url': VERSION})", 3),
    ],
)
def test_uses_beside_the_version(text, line):
    source = python.decode("setup.py", PATH, f"{HEAD}{text}\n".encode())
    assert uses.beside(source, uses.names(source, 2, 12)) == line


@pytest.mark.parametrize("column", [1, 8, 9, 17, 18])
def test_only_what_is_assigned_has_a_name(column):
    source = python.decode("setup.py", PATH, HEAD.encode())
    assert uses.names(source, 2, column) == ({"VERSION"} if 11 <= column < 17 else set())


def test_a_module_of_which_setup_py_makes_a_link(tree, run):
    setup = "from setuptools import setup\nfrom x import __version__\n"
    given = {"x/__init__.py": '__version__ = "v1.0"\n', "setup.py": f"{setup}setup(name='x', version=__version__)\n"}
    root = tree(given)
    assert run("check", "--fix").code == 1
    assert (root / "x/__init__.py").read_text() == '__version__ = "1.0"\n'
    root = tree(given | {"setup.py": f"{setup}setup(name='x', version=__version__, url='/' + __version__)\n"})
    result = run("check", "--fix")
    assert "setup.py:3 makes something else of it too" in result.out
    assert (root / "x/__init__.py").read_text() == '__version__ = "v1.0"\n'
    run("check", "--fix", "--unsafe-fixes")
    assert (root / "x/__init__.py").read_text() == '__version__ = "1.0"\n'


def test_what_is_no_python_uses_nothing():
    source = python.decode("setup.py", PATH, b"print 'v'\n")
    assert uses.names(source, 1, 7) == set()
    assert uses.beside(source, {"v"}) is None
