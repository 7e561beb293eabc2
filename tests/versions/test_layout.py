"""Where setuptools looks for the module of an `attr:`. What is expected is what setuptools 84.2 said of each tree."""

import pytest

from relengtools.versions.discover import discover
from relengtools.versions.project import read

SYSTEM = '[build-system]\nrequires = ["setuptools"]\n'
META = SYSTEM + 'build-backend = "setuptools.build_meta"\n'
DYNAMIC = '[project]\nname = "alpha"\ndynamic = ["version"]\n'
ATTR = DYNAMIC + '[tool.setuptools.dynamic]\nversion = {attr = "alpha.__version__"}\n'
CFG = "[metadata]\nname = alpha\nversion = attr: alpha.__version__\n"
SETUP = "from setuptools import Extension, setup\nsetup({})\n"

ROOT, SRC, LIB = "alpha/__init__.py", "src/alpha/__init__.py", "lib/alpha/__init__.py"


def pyproject(table="", system=META):
    return {"pyproject.toml": system + ATTR + table}


def cfg(options="", setup=""):
    return {"setup.cfg": CFG + options, "setup.py": SETUP.format(setup)}


FIND = "[tool.setuptools.packages.find]\n"
FOUND = "[options]\npackages = find:\n"
EXTENSION = "ext_modules=[Extension('alpha._x', ['x.c'])]"
CASES = {
    "found by itself": (pyproject(), [SRC, ROOT], SRC),
    "the default backend": (pyproject(system=SYSTEM), [SRC, ROOT], SRC),
    "no pyproject.toml": (cfg(), [SRC, ROOT], SRC),
    "packages are named": (pyproject('[tool.setuptools]\npackages = ["alpha"]\n'), [SRC, ROOT], ROOT),
    "no modules, on purpose": (pyproject("[tool.setuptools]\npy-modules = []\n"), [SRC, ROOT], ROOT),
    "packages are searched in the root": (pyproject(FIND), [SRC, ROOT], ROOT),
    "packages are searched in src": (pyproject(FIND + 'where = ["src"]\n'), [SRC, ROOT], SRC),
    "packages are searched in lib": (pyproject(FIND + 'where = ["./lib/"]\n'), [ROOT, LIB], LIB),
    "packages are searched in two folders": (pyproject(FIND + 'where = ["src", "lib"]\n'), [SRC, LIB], LIB),
    "a folder for all": (pyproject('[tool.setuptools]\npackage-dir = {"" = "lib"}\n'), [SRC, ROOT, LIB], LIB),
    "a folder for the package": (
        pyproject('[tool.setuptools]\npackage-dir = {alpha = "lib/alpha"}\n'),
        [SRC, ROOT, LIB],
        LIB,
    ),
    "a folder for another package": (
        pyproject('[tool.setuptools]\npackage-dir = {beta = "lib/beta"}\n'),
        [SRC, ROOT, LIB],
        ROOT,
    ),
    "in lib alone": (pyproject(), [LIB], None),
    "in lib alone, setup.cfg": (cfg(), [LIB], None),
    "sources of C": (pyproject(), ["src/main.c", ROOT], None),
    "sources of C, where the root is on the path": (pyproject(system=SYSTEM), ["src/main.c", ROOT], ROOT),
    "a module before a package": (pyproject(), ["alpha.py", ROOT], "alpha.py"),
    "a module before a package in src": (pyproject(), ["src/alpha.py", SRC], "src/alpha.py"),
    "setup.cfg searches the root": (cfg(FOUND), [SRC, ROOT], ROOT),
    "setup.cfg searches src": (cfg(FOUND + "[options.packages.find]\nwhere = src\n"), [SRC, ROOT], SRC),
    "setup.cfg searches lib": (cfg(FOUND + "[options.packages.find]\nwhere = lib\n"), [ROOT, LIB], LIB),
    "setup.cfg has the folder": (cfg("[options]\npackage-dir =\n    = lib\n"), [SRC, ROOT, LIB], LIB),
    "setup.cfg has two folders": (cfg("[options]\npackage_dir = b=x, alpha=lib/alpha\n"), [SRC, ROOT, LIB], LIB),
    "setup.cfg names a module": (cfg("[options]\npy_modules = beta\n"), [SRC, ROOT], ROOT),
    "setup.py names packages": (cfg(setup="packages=['alpha']"), [SRC, ROOT], ROOT),
    "setup.py has the folder": (cfg(setup="packages=['alpha'], package_dir={'': 'lib'}"), [SRC, ROOT, LIB], LIB),
    "an extension": (cfg(setup=EXTENSION), [SRC, ROOT], ROOT),
    "an extension beside pyproject.toml": (
        pyproject() | {"setup.py": SETUP.format(EXTENSION)},
        [SRC, ROOT],
        SRC,
    ),
    "setup.cfg gives pyproject.toml the folder": (
        pyproject() | {"setup.cfg": "[options]\npackage_dir =\n    = lib\n"},
        [SRC, ROOT, LIB],
        LIB,
    ),
}


@pytest.mark.parametrize(("files", "modules", "owner"), CASES.values(), ids=CASES)
def test_the_module_is_where_setuptools_looks(tree, files, modules, owner):
    tree(files | {name: f"__version__ = '{number}.0'\n" for number, name in enumerate(modules, 1)})
    (place,) = discover(["."]).places.values()
    project = read(place)
    assert (project.owner and project.owner.file) == owner
    assert project.missing == (owner is None)


def test_says_where_the_module_is_that_setuptools_does_not_find(tree, run):
    tree(pyproject() | {LIB: "__version__ = '1.0'\n"})
    result = run("check")
    assert (result.code, "RV901" in result.out, LIB in result.out) == (1, True, True)


def test_the_folder_of_one_package_inside_another(tree):
    table = '[tool.setuptools]\npackages = ["alpha", "alpha.sub"]\npackage-dir = {"alpha.sub" = "vendored/sub"}\n'
    text = (META + ATTR + table).replace("alpha.__v", "alpha.sub.__v")
    tree({"pyproject.toml": text, "vendored/sub/__init__.py": "__version__ = '6'", "alpha/sub/__init__.py": ""})
    (place,) = discover(["."]).places.values()
    assert read(place).owner.value == "6"
