"""setup.py moved to pyproject.toml: what is carried over, what stays, and what stops it."""

import subprocess
import sys
import tomllib

import pytest

HEAD = "import os, subprocess\nfrom setuptools import find_packages, setup\n"
VERSION = "version=os.environ.get('PKGVER') or subprocess.getoutput('git describe --tags')"
HUB = """\
#!/usr/bin/env python3
from distutils.core import setup
import subprocess
import os
import sys
import importlib.resources

with importlib.resources.path('srht', 'Makefile') as f:
    srht_path = f.parent.as_posix()

make = os.environ.get("MAKE", "make")
subp = subprocess.run([make, "SRHT_PATH=" + srht_path])
if subp.returncode != 0:
    sys.exit(subp.returncode)

ver = os.environ.get("PKGVER") or subprocess.run(['git', 'describe', '--tags'],
      stdout=subprocess.PIPE).stdout.decode().strip()

setup(
  name = 'bookshop',
  packages = ['bookshop', 'bookshop.shelves'],
  version = ver,
  description = 'a service that looks like others',
  author = 'Ada Lovelace',
  author_email = 'ada@example.org',
  url = 'https://example.org/bookshop',
  install_requires = ['flask', 'pyyaml'],
  extras_require = {'pam': ['python_pam']},
  license = 'AGPL-3.0',
  package_data={
      'bookshop': [
          'templates/*.html',
          'hooks/*',
      ]
  },
  scripts = ['bookshop-migrate'],
)
"""
HUB_STUB = """\
#!/usr/bin/env python3
from setuptools import setup
import subprocess
import os
import sys
import importlib.resources

with importlib.resources.path('srht', 'Makefile') as f:
    srht_path = f.parent.as_posix()

make = os.environ.get("MAKE", "make")
subp = subprocess.run([make, "SRHT_PATH=" + srht_path])
if subp.returncode != 0:
    sys.exit(subp.returncode)

setup()
"""
HUB_TOML = """\
[build-system]
requires = ["setuptools>=77.0.3", "setuptools-scm>=8"]
build-backend = "setuptools.build_meta"

[project]
name = "bookshop"
dynamic = ["version"]
description = "a service that looks like others"
license = "AGPL-3.0-only"
authors = [{ name = "Ada Lovelace", email = "ada@example.org" }]
dependencies = ["flask", "pyyaml"]

[project.urls]
Homepage = "https://example.org/bookshop"

[project.optional-dependencies]
pam = ["python_pam"]

[tool.setuptools]
packages = ["bookshop", "bookshop.shelves"]
script-files = ["bookshop-migrate"]
include-package-data = false

[tool.setuptools.package-data]
bookshop = ["templates/*.html", "hooks/*"]

[tool.setuptools_scm]
"""


@pytest.fixture
def modern(tree, run):
    """`modern(files)` runs `versions migrate --style modern` on a project of these files: the result and the root."""

    def make(files):
        root = tree(files if isinstance(files, dict) else {"setup.py": files})
        return run("migrate", "--style", "modern", "setup.py"), root

    return make


def test_a_service_with_a_make_step_becomes_what_one_would_write(modern):
    result, root = modern(HUB)
    assert result.code == 0, result.err
    assert (root / "pyproject.toml").read_text() == HUB_TOML
    assert (root / "setup.py").read_text() == HUB_STUB
    assert (root / ".git_archival.txt").read_text() == "describe-name: $Format:%(describe:tags=true,match=*[0-9]*)$\n"
    assert (root / ".gitattributes").read_text() == ".git_archival.txt  export-subst\n"
    assert "unverified" in result.out
    assert "SETUPTOOLS_SCM_PRETEND_VERSION" in result.out
    assert ".post20240524" in result.out


def test_diff_is_the_patch_that_makes_the_same_and_writes_nothing(tree, run):
    root = tree({"setup.py": HUB})
    result = run("migrate", "--style", "modern", "--diff", "setup.py")
    assert result.code == 1
    assert sorted(path.name for path in root.iterdir()) == ["setup.py"]
    patch = (root / "p.diff").write_text(result.out) and str(root / "p.diff")
    subprocess.run(["git", "apply", patch], cwd=root, check=True)
    assert (root / "pyproject.toml").read_text() == HUB_TOML
    assert (root / "setup.py").read_text() == HUB_STUB
    assert (root / ".gitattributes").exists()


TEXTS = {
    "as it is": HUB.encode(),
    "no newline at the end": HUB.rstrip().encode(),
    "Windows": HUB.replace("\n", "\r\n").encode(),
    "a mark": b"\xef\xbb\xbf" + HUB.encode(),
    "Latin-1": HUB.replace("\n", "\n# -*- coding: latin-1 -*-\n", 1).replace("Ada", "Zoë").encode("latin-1"),
    "UTF-8": HUB.replace("Ada", "Zoë").encode(),
    "in one line": HUB.replace(",\n", ", ").encode(),
}


@pytest.mark.parametrize("style", ["minimal", "modern"])
@pytest.mark.parametrize("name", TEXTS)
def test_the_patch_makes_what_the_command_writes(tree, run, style, name):
    root = tree({"one/setup.py": TEXTS[name], "two/setup.py": TEXTS[name]})
    command = [sys.executable, "-m", "relengtools", "versions", "migrate", "--style", style, "--diff", "one"]
    patch = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=root, input=patch, check=True)
    result = run("migrate", "--style", style, "two")
    assert result.code == 0, result.err
    files = {path.name: path.read_bytes() for path in (root / "two").iterdir()}
    assert {path.name: path.read_bytes() for path in (root / "one").iterdir()} == files
    assert (b"Zo" not in TEXTS[name]) or style == "minimal" or "Zoë".encode() in files["pyproject.toml"]


def test_nothing_but_metadata_in_setup_py_and_it_goes(modern):
    result, root = modern(f"{HEAD}setup(name='p', {VERSION}, packages=find_packages())\n")
    assert result.code == 0, result.err
    assert not (root / "setup.py").exists()
    assert "setup.py is gone" in result.out


# What setup() is given, and what the tables [project] and [tool.setuptools] say then.
CARRIED = {
    "install_requires=['a>=1', 'b; python_version<\"3.9\"']": {"dependencies": ["a>=1", 'b; python_version<"3.9"']},
    "install_requires='a\\n  b\\n# c\\n'": {"dependencies": ["a", "b"]},
    "extras_require={'x': ['a'], ':python_version<\"3.9\"': ['b'], 'y:os_name==\"nt\"': ['c; python_version>\"3\"']}": {
        "dependencies": ['b; python_version<"3.9"'],
        "optional-dependencies": {"x": ["a"], "y": ['c; (python_version>"3") and (os_name=="nt")']},
    },
    "python_requires='>=3.8'": {"requires-python": ">=3.8"},
    "author='A', author_email='a@b.c', maintainer_email='x@y.z'": {
        "authors": [{"name": "A", "email": "a@b.c"}],
        "maintainers": [{"email": "x@y.z"}],
    },
    "author='A, B', author_email='a@b.c, b@b.c'": {
        "authors": [{"name": "A", "email": "a@b.c"}, {"name": "B", "email": "b@b.c"}]
    },
    "author='Lovelace, Ada'": {"authors": [{"name": "Lovelace, Ada"}]},
    "url='https://a', download_url='https://b', project_urls={'Source': 'https://c'}": {
        "urls": {"Homepage": "https://a", "Download": "https://b", "Source": "https://c"}
    },
    "keywords='one, two three'": {"keywords": ["one", "two three"]},
    "keywords=['one', 'two']": {"keywords": ["one", "two"]},
    "classifiers=['Topic :: Internet', 'License :: OSI Approved :: MIT License']": {
        "license": "MIT",
        "classifiers": ["Topic :: Internet"],
    },
    "license_expression='MIT OR ISC'": {"license": "MIT OR ISC"},
    "license='MIT License', license_files=['COPYING']": {"license": "MIT", "license-files": ["COPYING"]},
    "entry_points={'console_scripts': ['a = b:c'], 'gui_scripts': ['g=h:i'], 'x.y': 'z = p.q'}": {
        "scripts": {"a": "b:c"},
        "gui-scripts": {"g": "h:i"},
        "entry-points": {"x.y": {"z": "p.q"}},
    },
    "entry_points='[console_scripts]\\na = b:c\\n[x]\\ny = z\\n'": {
        "scripts": {"a": "b:c"},
        "entry-points": {"x": {"y": "z"}},
    },
    "long_description=open('README.md').read(), long_description_content_type='text/markdown'": {"readme": "README.md"},
    "long_description=open('README.rst').read().strip()": {"readme": "README.rst"},
    "long_description=open('README.md').read(), long_description_content_type='text/plain'": {
        "readme": {"file": "README.md", "content-type": "text/plain"}
    },
    "long_description='''one\ntwo \"quoted\"'''": {
        "readme": {"text": 'one\ntwo "quoted"', "content-type": "text/plain"}
    },
    "packages=['p', 'p.q'], package_dir={'': 'src'}": {"packages": ["p", "p.q"], "package-dir": {"": "src"}},
    "packages=[]": {"packages": []},
    "packages=['p'], namespace_packages=[]": {"packages": ["p"]},
    "packages=find_packages()": {"packages": {"find": {"namespaces": False}}},
    "packages=find_packages('src', exclude=['tests'])": {
        "packages": {"find": {"where": ["src"], "exclude": ["tests"], "namespaces": False}}
    },
    "py_modules=['m']": {"py-modules": ["m"]},
    "package_data={'': ['*.txt'], 'p': 'x'}": {"package-data": {"*": ["*.txt"], "p": ["x"]}},
    "include_package_data=True, zip_safe=False": {"include-package-data": True, "zip-safe": False},
    "data_files=[('share/p', ['a', 'b']), ('share/q', ['c'])]": {
        "data-files": {"share/p": ["a", "b"], "share/q": ["c"]}
    },
    "scripts=['s']": {"script-files": ["s"]},
    "platforms=['linux']": {"platforms": ["linux"]},
    "exclude_package_data={'p': ['x']}": {"exclude-package-data": {"p": ["x"]}},
}


@pytest.mark.parametrize("given", CARRIED)
def test_every_keyword_is_carried_over(modern, given):
    files = {"README.md": "# Read\n", "README.rst": "Read\n====\n"}
    result, root = modern({"setup.py": f"{HEAD}setup(name='p', {VERSION}, {given})\n", **files})
    assert result.code == 0, result.err
    document = tomllib.loads((root / "pyproject.toml").read_text())
    said = document["project"] | document["tool"]["setuptools"]
    assert {key: said.get(key) for key in CARRIED[given]} == CARRIED[given]
    usual = {"name", "dynamic", "include-package-data"}
    assert set(said) - usual == set(CARRIED[given]) - usual
    assert not (root / "setup.py").exists()


def test_setup_requires_becomes_a_requirement_of_the_build(modern):
    _, root = modern(f"{HEAD}setup(name='p', {VERSION}, setup_requires=['cffi', 'setuptools_scm'])\n")
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert document["build-system"]["requires"] == ["setuptools>=77.0.3", "setuptools-scm>=8", "cffi"]


def test_a_package_s_own_files_globbed_are_a_pattern(modern):
    data = "{'p': ['a/*'] + [f[2:] for f in glob.glob('p/b/**', recursive=True)]}"
    result, root = modern(f"import glob\n{HEAD}setup(name='p', {VERSION}, package_data={data})\n")
    assert result.code == 0, result.err
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert document["tool"]["setuptools"]["package-data"] == {"p": ["a/*", "b/**"]}


NOTES = {
    "install_requires=open('r.txt').read()": "as they are now, and no longer taken from r.txt by setup.py",
    "install_requires=[l.strip() for l in Path('r.txt').read_text().split()]": "from r.txt by setup.py: install",
    "long_description=open('README.md').read() + open('r.txt').read(), long_description_content_type='text/x-rst'": (
        "no longer taken from README.md, r.txt by setup.py: long_description"
    ),
    "long_description=open('r.txt').read()": "long_description is text/plain now; it had no type, which an index takes",
    "description=ABOUT['d']": "as they are now, and no longer taken from a file by setup.py: description",
    "include_package_data=True": "include_package_data takes all files of the packages that git knows from now on",
    "license='AGPL-3.0'": "license 'AGPL-3.0' becomes the SPDX expression AGPL-3.0-only (where",
    "long_description=open('README.md').read()": "",
    "install_requires=['a'], include_package_data=False, license='MIT'": "",
}


@pytest.mark.parametrize("given", NOTES)
def test_what_changes_besides_is_noted(modern, given):
    about = "ABOUT = {}\nexec(open('about.py').read(), ABOUT)\n" if "ABOUT" in given else ""
    text = f"{HEAD}from pathlib import Path\n{about}setup(name='p', {VERSION}, {given})\n"
    result, _ = modern({"setup.py": text, "r.txt": "a\n", "README.md": "R\n", "about.py": "d = 'D'\n"})
    assert result.code == 0, result.err
    notes = [line for line in result.out.splitlines() if line.startswith("  note ")]
    assert len(notes) == bool(NOTES[given])
    assert NOTES[given] in "".join(notes)


def test_comments_and_continued_lines_in_requirements_are_read_as_setuptools_does(modern):
    lines = r"a>=1  # why\n# none\nb; \\\n python_version < \"4\"\n"
    given = f"install_requires='{lines}', extras_require={{'x': ['c # d']}}"
    result, root = modern(f"{HEAD}setup(name='p', {VERSION}, {given})\n")
    assert result.code == 0, result.err
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == ["a>=1", 'b;  python_version < "4"']
    assert project["optional-dependencies"] == {"x": ["c"]}


# What can't be read, or has no certain place: a part of the reason.
STOPS = {
    "install_requires=open('r.txt').read().split() + subprocess.getoutput('x').split()": "install_requires (line 3)",
    "install_requires=['a'] if os.environ.get('X') else ['b']": "it depends on environ (line 3)",
    "install_requires=['pytz (>dev)']": "is refused today",
    "extras_require={'x': subprocess.getoutput('y').split()}": "extras_require (line 3)",
    "license='BSD'": "license 'BSD' is no SPDX expression",
    "license='MIT', classifiers=['License :: OSI Approved :: ISC License (ISCL)']": "disagree",
    "classifiers=['License :: OSI Approved :: BSD License']": "can mean several licences",
    "author='A, B, C', author_email='a@b.c, b@b.c'": "can't be told apart",
    "author_email='nobody'": "can't be told apart",
    "entry_points={'console_scripts': ['a']}": "is no `name = module:object`",
    "packages=find_packages() + ['x']": "packages (line 3)",
    "package_data={'p': [f[3:] for f in glob.glob('p/b/**', recursive=True)]}": "package_data (line 3)",
    "data_files=['a']": "data_files",
    "description='one\\ntwo'": "more than one line",
    "**subprocess.__dict__": "setup.py:3: setup() is given `**subprocess.__dict__`, of a dictionary that",
    "description={'a': 'b'}['c']": "(line 3): read without being run, it finds no 'c' (KeyError): `{'a': 'b'}['c']`",
    "description=os.environ['X']": "it needs the environment variable X, which nobody has set while it is only read",
    "description=LATE": "description (line 3): read without being run, it finds no 'LATE' (NameError): `LATE`",
    "long_description=open('GONE').read()": "it reads a file that isn't there: `open('GONE').read()`",
    "contact='x'": "contact has no place",
    "install_requires=[['a']]": "isn't a list of texts",
    "license_files=['../LICENSE']": "license_files has '../LICENSE', which is outside of the project",
    "description=__import__('platform').system()": "description (line 3)",
    "namespace_packages=['n']": "namespace_packages has no place in pyproject.toml",
    "python_requires='3.8'": "the python_requires '3.8' is refused today",
    "license=open('r.txt').read()": "license 'a' is no SPDX expression",
}


@pytest.mark.parametrize("given", STOPS)
def test_what_cannot_be_carried_over_stops_it_with_the_reason(modern, given):
    text = f"import glob, {HEAD[7:]}setup(name='p', {VERSION}, {given})\n"
    result, root = modern({"setup.py": text, "r.txt": "a\n"})
    assert result.code == 2
    assert STOPS[given] in result.err
    assert "1 reason above" in result.err
    assert [path.name for path in sorted(root.iterdir())] == ["r.txt", "setup.py"]
    assert (root / "setup.py").read_text() == text


DYNAMIC = "[project]\nname='p'\ndynamic=['version']\n"
MODERN = [
    ("[project]\nname='p'\nversion='1.0'\n", "setup()"),
    ("[project]\nname='p'\nversion='1.0'\n", "setup(cmdclass={})"),
    (f"{DYNAMIC}[tool.setuptools.dynamic]\nversion={{attr='p.__version__'}}\n", "setup(**globals()['x'])"),
]


@pytest.mark.parametrize(("document", "call"), MODERN)
def test_where_pyproject_toml_names_project_and_version_there_is_nothing_to_do(modern, document, call):
    files = {"pyproject.toml": document, "p.py": "__version__ = '1.0'\n", "setup.py": f"{HEAD}x = {{}}\n{call}\n"}
    result, _ = modern(files)
    assert (result.code, "its version is written down" in result.err) == (0, True), result.err


def test_a_name_that_pyproject_toml_has_is_none_that_setup_py_lacks(modern):
    result, root = modern({"pyproject.toml": DYNAMIC, "setup.py": f"{HEAD}setup({VERSION}, zip_safe=False)\n"})
    assert result.code == 0, result.err
    assert "  carried   zip_safe\n" in result.out
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"] == {"name": "p", "dynamic": ["version"]}


def test_what_asks_git_for_something_else_is_left_alone(modern):
    ask = "version='1.0.' + subprocess.getoutput('git rev-list --count HEAD')"
    result, _ = modern(f"{HEAD}setup(name='p', {ask})\n")
    assert result.code == 2
    assert "setup.py doesn't ask `git describe`" in result.err


def test_all_reasons_are_told_at_once(modern):
    result, _ = modern(f"{HEAD}setup({VERSION}, license='BSD', author_email='nobody')\n")
    assert result.code == 2
    assert "license" in result.err
    assert "author_email" in result.err
    assert "no name" in result.err
    assert "3 reasons above" in result.err


def test_what_is_put_in_place_of_setuptools_own_stops_it(modern):
    for patch in (
        "import setuptools.dist\nsetuptools.dist.Distribution.x = 1",
        "from distutils import core\ncore.setup = 1",
    ):
        result, _ = modern(f"{HEAD}{patch}\nsetup(name='p', {VERSION})\n")
        assert result.code == 2
        assert "setup.py:4 replaces " in result.err


DEPENDING = [
    "import sys\nrequires = ['a']\nif sys.version_info < (3, 8):\n    requires.append('b')\n",
    "from sys import version_info\nrequires = ['a'] + (['b'] if version_info < (3, 8) else [])\n",
    "requires = ['a']\nif os.getenv('EXTRA'):\n    requires += ['b']\n",
    "def wanted():\n    return ['a', 'b'] if 'X' in os.environ else ['a']\n\n\nrequires = wanted()\n",
    "import sys\nrequires = {}\nrequires['x'] = ['a'] if sys.version_info > (3,) else []\nrequires = requires['x']\n",
]


@pytest.mark.parametrize("lines", DEPENDING)
def test_requirements_that_depend_on_the_surroundings_are_never_frozen(modern, lines):
    result, root = modern(f"{HEAD}{lines}setup(name='p', {VERSION}, install_requires=requires)\n")
    assert result.code == 2
    assert "it depends on" in result.err
    assert not (root / "pyproject.toml").exists()


# What stands in setup.py besides, and what is left of it.
EXTENSION = """\
from setuptools import Extension, setup
ext = [Extension("p.c", ["c.c"])]
setup(name="p", version=VERSION, ext_modules=ext, packages=["p"])
"""
EXTENSION_LEFT = """\
from setuptools import Extension, setup
ext = [Extension("p.c", ["c.c"])]
setup(ext_modules=ext)
"""
COMMAND = """\
import os
from setuptools import find_packages, setup
from build_steps import Sass

here = os.path.dirname(__file__)
with open(os.path.join(here, "README.md")) as f:
    readme = f.read()

setup(
    name="p",
    version=VERSION,
    long_description=readme,
    cmdclass={"sass": Sass},
    packages=find_packages(),
)
"""
COMMAND_LEFT = """\
from setuptools import setup
from build_steps import Sass

setup(
    cmdclass={"sass": Sass},
)
"""
STEP = """\
import os, re
from setuptools import setup

# the requirements
needs = ["a"]
needs.append("b")

os.system("make")

setup(name="p", version=VERSION, install_requires=needs)
"""
STEP_LEFT = """\
import os, re
from setuptools import setup

os.system("make")

setup()
"""
USED = """\
# Licensed under the same terms.
from setuptools import setup
names = ["p"]
print(names)
setup(name="p", version=VERSION, packages=names)
"""
USED_LEFT = """\
# Licensed under the same terms.
from setuptools import setup
names = ["p"]
print(names)
setup()
"""
GROWN = """\
from setuptools import setup
with open("a.txt") as f:
    more = f.read().split()
with open("README.md") as f:
    readme = f.read()
names = ["p"]
for name in ["q"]:
    with open("b.txt") as f:
        names += f.read().split()
print(more, names)
setup(name="p", version=VERSION, packages=["p"], long_description=readme)
"""
GROWN_LEFT = """\
from setuptools import setup
with open("a.txt") as f:
    more = f.read().split()
names = ["p"]
for name in ["q"]:
    with open("b.txt") as f:
        names += f.read().split()
print(more, names)
setup()
"""
OTHERS = """\
from setuptools import setup
setup(name="p", version=VERSION, tests_require=["x"], test_suite="t")
"""
OTHERS_LEFT = """\
from setuptools import setup
setup(tests_require=["x"], test_suite="t")
"""
LEFT = {
    "extension": (EXTENSION, EXTENSION_LEFT),
    "command": (COMMAND, COMMAND_LEFT),
    "step": (STEP, STEP_LEFT),
    "used": (USED, USED_LEFT),
    "grown": (GROWN, GROWN_LEFT),
    "others": (OTHERS, OTHERS_LEFT),
}


@pytest.mark.parametrize("name", LEFT)
def test_setup_py_keeps_what_is_no_metadata_and_nothing_else(modern, name):
    text, left = LEFT[name]
    given = text.replace("VERSION", "subprocess.getoutput('git describe')")
    given = given.replace("from setuptools", "import subprocess\nfrom setuptools", 1)
    result, root = modern({"setup.py": given, "README.md": "x\n"})
    assert result.code == 0, result.err
    assert (root / "setup.py").read_text() == left


def test_a_module_beside_setup_py_can_still_be_imported_by_what_is_left(modern):
    given = COMMAND.replace("VERSION", "__import__('subprocess').getoutput('git describe')")
    files = {"setup.py": given, "README.md": "x\n", "build_steps.py": "Sass = None\n"}
    result, root = modern(files)
    assert result.code == 0, result.err
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert document["build-system"]["build-backend"] == "setuptools.build_meta:__legacy__"


ASIDE = {
    "def number():\n    v = subprocess.getoutput('git describe')\n    open('p/v.py', 'w').write(v)\n    return v\n\n\n"
    "setup(name='p', version=number())\n": "writes a file",
    "names = subprocess.run(['make', 'names']) and ['p']\nsetup(name='p', VERSION, packages=names)\n": "packages (line",
}


@pytest.mark.parametrize("text", ASIDE)
def test_a_step_on_the_way_to_the_metadata_is_not_lost(modern, text):
    result, root = modern(HEAD + text.replace("VERSION", VERSION))
    assert result.code == 2
    assert ASIDE[text] in result.err
    assert not (root / "pyproject.toml").exists()


def test_literals_and_setuptools_scm_are_moved_too(modern, run, tree):
    result, root = modern("from setuptools import setup\nsetup(name='p', version='1.2.3', packages=['p'])\n")
    assert result.code == 0, result.err
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert document["project"]["version"] == "1.2.3"
    assert "setuptools_scm" not in document["tool"]
    assert not (root / ".git_archival.txt").exists()
    (root / "pyproject.toml").unlink()
    result, root = modern("from setuptools import setup\nsetup(name='p', use_scm_version=True, packages=['p'])\n")
    assert result.code == 0, result.err
    assert tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools_scm"] == {}


WHY_NOT = {
    "setup(setup_requires=['pbr'], pbr=True)": "pbr reads requirements.txt",
    "import versioneer\nsetup(name='p', version=versioneer.get_version())": "versioneer",
    "setup(name='p', use_scm_version={'write_to': 'p/v.py'})": "has settings",
}


@pytest.mark.parametrize("text", WHY_NOT)
def test_where_the_way_is_not_clear_it_says_why(modern, text):
    result, root = modern(f"from setuptools import setup\n{text}\n")
    assert result.code == 2
    assert WHY_NOT[text] in result.err
    assert [path.name for path in root.iterdir()] == ["setup.py"]


READS = "import re\nfrom setuptools import setup\ntext = open('p/__init__.py').read()\n"
READS += "version = re.search(r\"__version__ = '(.*)'\", text).group(1)\n"
READS += "setup(name='p', version=version, packages=['p'])\n"
POINTED = [
    # files, what points to the version
    ({"setup.py": READS, "p/__init__.py": "__version__ = '1.2.3'\n"}, {"attr": "p.__version__"}),
    (
        {
            "setup.py": "from setuptools import setup\nfrom src.p.about import V\n"
            "setup(name='p', version=V, packages=['p'], package_dir={'': 'src'})\n",
            "src/p/__init__.py": "",
            "src/p/about.py": "import os\nV = '1.2.3'\n",
        },
        {"attr": "p.about.V"},
    ),
    (
        {
            "setup.py": "from setuptools import setup\nsetup(name='p', version=open('VERSION').read().strip())\n",
            "VERSION": "1.2.3\n",
        },
        {"file": ["VERSION"]},
    ),
]


@pytest.mark.parametrize(("files", "pointer"), POINTED)
def test_a_version_in_a_file_of_its_own_is_pointed_to(modern, files, pointer):
    result, root = modern(files)
    assert result.code == 0, result.err
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert document["project"]["dynamic"] == ["version"]
    assert document["tool"]["setuptools"]["dynamic"] == {"version": pointer}
    assert document["build-system"]["requires"] == ["setuptools>=77.0.3"]
    assert not (root / "setup.py").exists()
    assert not (root / ".git_archival.txt").exists()


@pytest.mark.parametrize(
    "module",
    ["__version__ = '0'\n__version__ = '1.2.3'\n", "if True:\n    __version__ = '1.2.3'\n"],
)
def test_a_version_that_setuptools_would_read_otherwise_is_no_clear_way(modern, module):
    result, root = modern({"setup.py": READS.replace("__version__ = '(", "__version__ = '(1"), "p/__init__.py": module})
    assert result.code == 2, result.out
    assert not (root / "pyproject.toml").exists()


SPREAD = [
    "meta = {'name': 'p', 'packages': ['p'], 'VERSION'}\nsetup(**meta)\n",
    "meta = dict(name='p', packages=['p'], VERSION)\nsetup(\n    **meta,\n)\n",
    "setup(name='p', **{'packages': ['p'], 'VERSION'})\n",
]


@pytest.mark.parametrize("text", SPREAD)
def test_keywords_in_a_dictionary_that_is_written_out_are_taken_out_of_it(modern, text):
    quoted = VERSION.replace("version=", "version': ").replace("git describe --tags'", "git describe --tags'")
    given = quoted if "'VERSION'" in text else VERSION
    result, root = modern(HEAD + text.replace("'VERSION'", f"'{given}").replace("VERSION", given))
    assert result.code == 0, result.err
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert (document["project"]["name"], document["tool"]["setuptools"]["packages"]) == ("p", ["p"])
    assert not (root / "setup.py").exists()


def test_what_is_no_metadata_keeps_a_dictionary_together(modern):
    text = f"meta = dict(name='p', cmdclass={{}}, {VERSION})\nsetup(**meta)\n"
    result, root = modern(HEAD + text)
    assert result.code == 2
    assert "name, version can't be taken out of what setup() is given by `**`" in result.err
    assert not (root / "pyproject.toml").exists()


@pytest.mark.parametrize("more", ["meta['name'] = 'q'\n", "if os.name == 'nt':\n    meta.update(name='q')\n"])
def test_a_dictionary_that_is_changed_is_not_written_out(modern, more):
    result, _ = modern(f"{HEAD}meta = dict(name='p', {VERSION})\n{more}setup(**meta)\n")
    assert result.code == 2


CFG = """\
[metadata]
name = shelf
version = attr: shelf.__version__
description = a shelf
long_description = file: README.md
long_description_content_type = text/markdown
author = Ada Lovelace
author_email = ada@example.org
license = MIT
url = https://example.org
project_urls =
    Source = https://example.org/src
classifiers =
    Topic :: Internet

# of a tool
[flake8]
max-line-length = 120

[options]
packages = find:
package_dir =
    = src
python_requires = >=3.8
zip_safe = no
install_requires =
    flask>=2; python_version >= "3.8"
    pyyaml

[options.packages.find]
where = src
exclude = tests*

[options.extras_require]
fast = orjson; attrs

[options.entry_points]
console_scripts =
    Shelf = shelf:main

[options.package_data]
* = *.html, static/*
"""
DECLARED = {
    "setup.py": "from setuptools import setup\nsetup()\n",
    "README.md": "# shelf\n",
    "src/shelf/__init__.py": "__version__ = '1.2.3'\n",
}


def test_metadata_of_setup_cfg_is_carried_over_and_taken_out(modern):
    result, root = modern({**DECLARED, "setup.cfg": CFG})
    assert result.code == 0, result.err
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert document["project"] == {
        "name": "shelf",
        "dynamic": ["version"],
        "description": "a shelf",
        "readme": "README.md",
        "requires-python": ">=3.8",
        "license": "MIT",
        "authors": [{"name": "Ada Lovelace", "email": "ada@example.org"}],
        "classifiers": ["Topic :: Internet"],
        "dependencies": ['flask>=2; python_version >= "3.8"', "pyyaml"],
        "urls": {"Homepage": "https://example.org", "Source": "https://example.org/src"},
        "scripts": {"Shelf": "shelf:main"},
        "optional-dependencies": {"fast": ["orjson", "attrs"]},
    }
    assert document["tool"]["setuptools"] == {
        "packages": {"find": {"where": ["src"], "exclude": ["tests*"], "namespaces": False}},
        "package-dir": {"": "src"},
        "package-data": {"*": ["*.html", "static/*"]},
        "include-package-data": False,
        "zip-safe": False,
        "dynamic": {"version": {"attr": "shelf.__version__"}},
    }
    assert (root / "setup.cfg").read_text() == "# of a tool\n[flake8]\nmax-line-length = 120\n\n"
    assert not (root / "setup.py").exists()


def test_a_setup_cfg_of_nothing_else_goes_and_setup_py_wins(modern):
    cfg = "[metadata]\nname = other\nversion = 1.2.3\nkeywords = a, b\n"
    result, root = modern(
        {"setup.py": "from setuptools import setup\nsetup(name='p', keywords='')\n", "setup.cfg": cfg}
    )
    assert result.code == 0, result.err
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project == {"name": "p", "version": "1.2.3", "keywords": ["a", "b"]}
    assert not (root / "setup.cfg").exists()


@pytest.mark.parametrize(
    ("cfg", "why"),
    [
        ("[metadata]\nlong_description = file: README, CHANGES\n", "no single file"),
        ("[metadata]\nclassifiers = file: c.txt\n", "write it down first"),
        ("[options]\ntests_require = pytest\n", "tests_require has no place"),
        ("[options]\ninstall_requires = file: requirements.txt\n", "write it down first"),
        ("[options]\ninstall_requires = a%(b)s\n", "has a %"),
        ("[options.packages.find]\nexclude_more = a\n[options]\npackages = find:\n", "other settings"),
        ("[options.unheard]\na = b\n", "[options.unheard] has no place"),
        ("[files]\npackages = p\n", "[files]"),
    ],
)
def test_what_of_setup_cfg_cannot_be_carried_stops_it(modern, cfg, why):
    result, root = modern({"setup.py": HUB, "setup.cfg": cfg})
    assert result.code == 2
    assert why in result.err
    assert not (root / "pyproject.toml").exists()
    assert (root / "setup.cfg").read_text() == cfg


def test_settings_of_tools_in_setup_cfg_do_not(modern):
    result, _ = modern({"setup.py": HUB, "setup.cfg": "[flake8]\nmax-line-length = 120\n"})
    assert result.code == 0, result.err


# ---------------------------------------------------------------------------------- a pyproject.toml that is there


def test_a_pyproject_toml_of_tools_is_added_to(modern):
    before = "# our tools\n[tool.black]\nline-length = 100 # wide\n"
    result, root = modern({"setup.py": HUB, "pyproject.toml": before})
    assert result.code == 0, result.err
    new = (root / "pyproject.toml").read_text()
    assert new.startswith(before)
    assert tomllib.loads(new) == tomllib.loads(HUB_TOML) | {
        "tool": {**tomllib.loads(HUB_TOML)["tool"], "black": {"line-length": 100}}
    }


def test_a_build_system_that_is_there_gets_setuptools_scm(modern):
    before = '[build-system]\nrequires = [\n    "setuptools>=61",  # old\n]\nbuild-backend = "setuptools.build_meta"\n'
    result, root = modern({"setup.py": HUB, "pyproject.toml": before})
    assert result.code == 0, result.err
    new = (root / "pyproject.toml").read_text()
    assert '    "setuptools>=61",\n    "setuptools-scm>=8",  # old\n' in new
    assert tomllib.loads(new)["project"] == tomllib.loads(HUB_TOML)["project"]


def test_another_backend_stops_it(modern):
    before = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
    result, root = modern({"setup.py": HUB, "pyproject.toml": before})
    assert result.code == 2
    assert (root / "pyproject.toml").read_text() == before


def test_other_attributes_stay(modern):
    result, root = modern({"setup.py": HUB, ".gitattributes": "*.svg binary"})
    assert result.code == 0, result.err
    assert (root / ".gitattributes").read_text() == "*.svg binary\n.git_archival.txt  export-subst\n"


# --------------------------------------------------- what was lost when this was done by hand, upstream, in two steps

BY_HAND = """\
[build-system]
requires = ["setuptools", "setuptools_scm"]
build-backend = "setuptools.build_meta"

[project]
name = "bookshop"
dynamic = ["version"]
description = "a service that looks like others"
readme = "README.md"
authors = [{name = "Ada Lovelace", email = "ada@example.org"}]
dependencies = ["flask", "pyyaml"]
license.text = "AGPL-3.0-only"

[project.urls]
repository = "https://example.org/bookshop"

[project.optional-dependencies]
pam = ["python_pam"]

[tool.setuptools]
include-package-data = false
packages = ["bookshop", "bookshop.shelves", "bookshop.templates", "bookshop.hooks"]
script-files = ["bookshop-migrate"]

[tool.setuptools.package-data]
"bookshop.templates" = ['*.html']
"bookshop.hooks" = ['*']

[tool.setuptools_scm]
"""
ARCHIVAL = {
    ".git_archival.txt": "describe-name: $Format:%(describe:tags=true,match=*[0-9]*)$\n",
    ".gitattributes": ".git_archival.txt  export-subst\n",
}


def test_a_migration_half_done_by_hand_is_finished(modern):
    result, root = modern({"setup.py": HUB, "pyproject.toml": BY_HAND, **ARCHIVAL})
    assert result.code == 0, result.err
    assert (root / "pyproject.toml").read_text() == BY_HAND
    assert (root / "setup.py").read_text() == HUB_STUB


LOST = {
    "a dependency": (
        ('dependencies = ["flask", "pyyaml"]', 'dependencies = ["flask"]'),
        "[project] dependencies has no 'pyyaml', which setup.py has",
    ),
    "package data": (
        ("\"bookshop.hooks\" = ['*']\n", ""),
        "[tool.setuptools.package-data] has no 'hooks/*' of bookshop, which setup.py has",
    ),
    "an extra": (('pam = ["python_pam"]', ""), "has no 'python_pam (pam)', which setup.py has"),
    "a package": (('"bookshop.shelves", ', ""), "packages has no 'bookshop.shelves'"),
    "a script": (('script-files = ["bookshop-migrate"]', 'script-files = ["other"]'), "'bookshop-migrate'"),
    "another licence": (("AGPL-3.0-only", "AGPL-3.0-or-later"), "license has no 'AGPL-3.0-only'"),
    "the URL": (("example.org/bookshop", "example.com"), "urls has no 'https://example.org/bookshop'"),
    "an author": (("ada@example.org", "eve@example.org"), "authors has no"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_was_lost_by_hand_is_caught(modern, name):
    (old, new), reason = LOST[name]
    assert old in BY_HAND
    result, root = modern({"setup.py": HUB, "pyproject.toml": BY_HAND.replace(old, new), **ARCHIVAL})
    assert result.code == 2
    assert reason in result.err
    assert (root / "setup.py").read_text() == HUB


def test_a_forgotten_git_archival_txt_is_made(modern):
    result, root = modern({"setup.py": HUB, "pyproject.toml": BY_HAND})
    assert result.code == 0, result.err
    assert {name: (root / name).read_text() for name in ARCHIVAL} == ARCHIVAL


def test_keys_that_are_missing_altogether_are_added(modern):
    cut = BY_HAND.replace('dependencies = ["flask", "pyyaml"]\n', "").partition("[tool.setuptools.package-data]")[0]
    result, root = modern({"setup.py": HUB, "pyproject.toml": cut, **ARCHIVAL})
    assert result.code == 0, result.err
    document = tomllib.loads((root / "pyproject.toml").read_text())
    assert document["project"]["dependencies"] == ["flask", "pyyaml"]
    assert document["tool"]["setuptools"]["package-data"] == {"bookshop": ["templates/*.html", "hooks/*"]}
    assert document["tool"]["setuptools_scm"] == {}
