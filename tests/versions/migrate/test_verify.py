"""Really built before and after: nothing of ours is lost, and what people lose by hand is found."""

import io
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
from versions.gitrepo import Repo

from relengtools.versions.artifacts.backend import BackendError
from relengtools.versions.discover import Place
from relengtools.versions.migrate import edits, verify
from relengtools.versions.migrate.plan import Plan, Style
from relengtools.versions.project import read

SETUP = """\
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
          'static/*',
          'hooks/*',
      ]
  },
  scripts = ['bookshop-migrate'],
  entry_points = {'console_scripts': ['bookshop = bookshop:main']},
)
"""
FILES = {
    "setup.py": SETUP,
    "LICENSE": "the licence\n",
    "bookshop/__init__.py": "def main():\n    pass\n",
    "bookshop/shelves/__init__.py": "",
    "bookshop/templates/index.html": "<p>\n",
    "bookshop/hooks/update": "#!/bin/sh\n",
    "bookshop-migrate": "#!/usr/bin/env python3\n",
    ".gitignore": "/bookshop/static\n",
}
STUBS = ("--stub", "srht", "--stub", "make=bookshop/static/main.css")
BY_HAND = """\
[build-system]
requires = ["setuptools", "setuptools_scm"]
build-backend = "setuptools.build_meta"

[project]
name = "bookshop"
dynamic = ["version"]
description = "a service that looks like others"
authors = [{name = "Ada Lovelace", email = "ada@example.org"}]
dependencies = ["flask"]
license = "AGPL-3.0-only"
scripts = {bookshop = "bookshop:main"}
optional-dependencies = {pam = ["python_pam"]}

[project.urls]
repository = "https://example.org/bookshop"

[tool.setuptools]
include-package-data = false
packages = ["bookshop", "bookshop.shelves"]
script-files = ["bookshop-migrate"]

[tool.setuptools.package-data]
bookshop = ["templates/*.html", "static/*"]

[tool.setuptools_scm]
"""


OLD = """\
Metadata-Version: 2.1
Name: Book_Shop
Version: 1.0
Summary: about
Home-page: https://example.org
Author: Ada
Author-email: ada@example.org
License: AGPL-3.0
Keywords: a,b
Classifier: Topic :: Internet
Classifier: License :: OSI Approved :: GNU Affero General Public License v3
Requires-Python: >=3.8, <4
Requires-Dist: flask
Requires-Dist: pam ; extra == 'x_y'
Provides-Extra: x_y
License-File: LICENSE

The description.
"""
NEW = """\
Metadata-Version: 2.4
Name: book-shop
Version: 2.0
Summary: about
Project-URL: Homepage, https://example.org
Author-email: Ada <ada@example.org>
License-Expression: AGPL-3.0-only
Keywords: a, b
Classifier: Topic :: Internet
Requires-Python: <4,>=3.8
Requires-Dist: flask
Requires-Dist: pam; extra == "x-y"
Provides-Extra: x-y
Description-Content-Type: text/markdown
License-File: LICENSE
Dynamic: license-file

The  description.
"""
LOST = [
    ("Requires-Dist: flask\n", "", ["Requires-Dist: flask"]),
    ("Requires-Dist: flask\n", "Requires-Dist: flask>=2\n", ["Requires-Dist: flask"]),
    ("<4,>=3.8", ">=3.8", ["Requires-Python: <4,>=3.8"]),
    ("Topic :: Internet", "Topic :: Games", ["Classifier: Topic :: Internet"]),
    ("https://example.org", "https://example.com", ["URL: https://example.org"]),
    ("Ada <ada@example.org>", "ada@example.org", ["Author: Ada"]),
    ("AGPL-3.0-only", "AGPL-3.0-or-later", ["License: AGPL-3.0-only"]),
    ("Keywords: a, b\n", "Keywords: a\n", ["Keywords: b"]),
    ("Summary: about\n", "", ["Summary: about"]),
    ("The  description.", "Another.", ["Description: The description."]),
    ("Provides-Extra: x-y\n", "", ["Provides-Extra: x-y"]),
]


def wheel(path, metadata, *files, entries="", texts=None):
    """A wheel with this metadata."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bookshop-1.dist-info/METADATA", metadata)
        archive.writestr("bookshop-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("bookshop-1.dist-info/entry_points.txt", entries)
        for name, text in {**dict.fromkeys(files, ""), **(texts or {})}.items():
            archive.writestr(name, text)
    return verify.read(path)


def test_newer_forms_of_the_same_metadata_are_no_loss(tmp_path):
    assert verify.losses(wheel(tmp_path / "a", OLD), wheel(tmp_path / "b", NEW)) == []


def test_several_names_behind_one_address_are_no_loss(tmp_path):
    old = OLD.replace("Author: Ada\n", "Author: Ada B, Charles B\n")
    new = old.replace("Author: Ada B, Charles B\n", "").replace("ada@", '"Ada B, Charles B" <ada@')
    new = new.replace("ada@example.org", "ada@example.org>")
    assert verify.losses(wheel(tmp_path / "a", old), wheel(tmp_path / "b", new)) == []
    less = wheel(tmp_path / "c", new.replace(", Charles B", ""))
    assert verify.losses(wheel(tmp_path / "a", old), less) == ["Author: Charles B"]


@pytest.mark.parametrize(("old", "new", "lost"), LOST)
def test_less_metadata_is_a_loss(tmp_path, old, new, lost):
    assert old in NEW
    assert verify.losses(wheel(tmp_path / "a", OLD), wheel(tmp_path / "b", NEW.replace(old, new))) == lost


def test_fewer_files_and_entry_points_are_a_loss(tmp_path):
    entries = "[console_scripts]\na=b:c\nd = e:f\n"
    old = wheel(tmp_path / "a", OLD, "p/x.html", "bookshop-1.data/scripts/s", entries=entries)
    new = wheel(tmp_path / "b", OLD, "p/y.html", entries="[console_scripts]\na = b:c\n")
    assert verify.losses(old, new) == [
        "entry point: [console_scripts] d = e:f",
        "file in the wheel: *.data/scripts/s",
        "file in the wheel: p/x.html",
    ]


def test_files_that_say_something_else_but_for_the_version_are_told_of(tmp_path):
    texts = {"p/a.py": "A = 1\n", "p/v.py": "V = '0.0.0'\n", "p/w": "0.0.0", "p/c.so": "\0one", "p/gone.py": ""}
    old = wheel(tmp_path / "a", OLD.replace("Version: 1.0", "Version: 0.0.0"), texts=texts)
    texts = {"p/a.py": "A = 2\n", "p/v.py": "V = '1.1.dev1'\n", "p/w": "0.0.0", "p/c.so": "\0two", "p/new.py": "x"}
    new = wheel(tmp_path / "b", OLD.replace("Version: 1.0", "Version: 1.1.dev1"), texts=texts)
    assert verify.altered(old, new) == ("p/a.py",)


def sdist(path, metadata, *files):
    """An sdist with this metadata."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {"PKG-INFO": metadata, "p.egg-info/SOURCES.txt": "", **dict.fromkeys(files, "")}.items():
            member = tarfile.TarInfo(f"bookshop-1/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return verify.read(path)


def test_an_sdist_is_compared_besides(tmp_path):
    wheels = (wheel(tmp_path / "a", OLD), wheel(tmp_path / "b", NEW))
    old = sdist(tmp_path / "a.tar.gz", OLD + "x", "setup.py", "setup.cfg", "tests/t.py", "docs/made.1")
    new = sdist(tmp_path / "b.tar.gz", NEW.replace("Requires-Dist: flask\n", "") + "x", "tests/t.py", "more")
    assert verify.lost((wheels[0], old), (wheels[1], new), {"setup.py"}) == [
        "Requires-Dist: flask",
        "file in the sdist: docs/made.1",
    ]
    fails = BackendError("no")
    assert verify.lost((wheels[0], old), (wheels[1], fails), set()) == ["an sdist can't be built any more: no"]
    assert verify.lost((wheels[0], fails), (wheels[1], new), set()) == []


@pytest.fixture
def bookshop(tree, monkeypatch):
    """A service, one commit after its tag."""
    monkeypatch.setenv("PKGVER", "9.9")  # which says nothing of what git will give
    repo = Repo(tree({}) / "bookshop")
    repo.commit("0.62.4", files=FILES)
    repo.commit(files={"README": "more\n"})
    return repo


def test_a_repository_of_longer_hashes_and_hooks_for_all(tree, run, monkeypatch):
    root = tree({"hooks/prepare-commit-msg": "#!/bin/sh\nexit 1\n"})
    (root / "hooks/prepare-commit-msg").chmod(0o755)
    (root / "config").write_text(f"[core]\nhooksPath = {root}/hooks\n")
    repo = Repo(root / "p", kind="sha256")
    text = "import os\nfrom setuptools import setup\nsetup(name='p', version=os.popen('git describe').read().strip())\n"
    repo.commit(files={"setup.py": text})
    repo("tag", "-a", "-m", "noted", "1.0")
    repo.commit()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(root / "config"))
    result = run("migrate", "--verify", "--diff", "p")
    assert (result.code, "built     1.0.post2+g" in result.err) == (1, True), result.err


def test_on_a_tag_it_builds_as_it_was(tree, run, monkeypatch):
    root = tree({"config": "[user]\nname = a\nemail = a@example.org\n"})
    repo = Repo(root / "p")
    text = "import os\nfrom setuptools import setup\nsetup(name='p', version=os.popen('git describe').read().strip())\n"
    repo.commit(files={"setup.py": text})
    repo("tag", "-a", "-m", "noted", "1.0")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(root / "config"))
    result = run("migrate", "--verify", "--diff", "p")
    built = next(line for line in result.err.splitlines() if "built" in line)
    assert re.search(r" 1\.0\.post1\+g.* one commit on, where it wouldn't build as it was; here it builds 1\.0$", built)


@pytest.mark.parametrize("style", ["minimal", "modern"])
def test_nothing_is_lost_and_the_version_is_right(bookshop, run, style):
    result = run("migrate", "--style", style, "--verify", *STUBS, "bookshop")
    assert result.code == 0, result.err
    assert "verified by building it before and after" in result.out
    built = {"minimal": "built     0.62.4.post2+g", "modern": "built     0.62.5.dev2+g"}
    assert built[style] in result.out
    assert "no loss; as it was, it doesn't build with what git says" in result.out
    assert (bookshop.path / "pyproject.toml").exists() == (style == "modern")
    assert not (bookshop.path / "bookshop/static").exists()


def test_what_was_lost_by_hand_upstream_is_found_by_building(bookshop):
    root = bookshop.path
    place = Place(root, root, ("setup.py",))
    project = read(place)
    assert project is not None
    source = next(source for source in project.sources if source.path.name == "setup.py")
    stub = edits.changed(source, SETUP.partition("ver = ")[0] + "setup()\n")
    changes = (edits.made(root / "pyproject.toml", BY_HAND), stub)
    by_hand = Plan(project, Style.MODERN, changes, "0.62.4-1-g1234567", None, "PKGVER")
    found = verify.verify(by_hand, ["srht", "make=bookshop/static/main.css"])
    *lost, archive = found.lost
    assert lost == ["Requires-Dist: pyyaml", "file in the wheel: bookshop/hooks/update"]
    assert archive.startswith("an archive (`git archive`) has no version any more")


def test_a_loss_that_only_building_shows_stops_the_migration(bookshop, run):
    step = "if not os.path.exists('pyproject.toml'):\n    open('bookshop/hooks/made', 'w').close()\n\nver = "
    bookshop.commit(files={"setup.py": SETUP.replace("ver = ", step, 1)})
    before = bookshop("rev-parse", "HEAD")
    result = run("migrate", "--style", "modern", "--verify", "--commit", *STUBS, "bookshop")
    assert result.code == 2
    assert "bookshop: would be lost: file in the wheel: bookshop/hooks/made" in result.err
    assert "bookshop: would be lost: file in the sdist: bookshop/hooks/made" in result.err
    assert "bookshop: not migrated: 2 losses above" in result.err
    assert result.out == ""
    assert (bookshop("rev-parse", "HEAD"), bookshop("status", "--porcelain")) == (before, "")


def test_an_sdist_and_the_wheel_from_it_have_the_version_of_the_repository(tree, run):
    root = tree({})
    repo = Repo(root / "p")
    ask = "subprocess.check_output(['git', 'describe', '--tags'])"
    setup = (
        f"import subprocess\nfrom setuptools import setup\nsetup(name='p', version={ask}.decode(), py_modules=['p'])\n"
    )
    repo.commit("0.62.4", files={"setup.py": setup, "p.py": ""})
    assert run("migrate", "p").code == 0
    repo("add", "setup.py")
    commit = repo.commit()[:7]
    done = subprocess.run([sys.executable, "-m", "build", "-o", "out", "p"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    names = sorted(path.name for path in (root / "out").iterdir())
    version = f"0.62.4.post1+g{commit}"
    assert names == [f"p-{version}-py3-none-any.whl", f"p-{version}.tar.gz"]


def test_a_project_that_does_not_build_as_it_is_is_told_so(bookshop, run):
    result = run("migrate", "--verify", "bookshop")
    assert result.code == 2
    assert "it doesn't build as it is" in result.err
    assert "No module named 'srht' (`--stub srht` stands in for it)" in result.err
    assert bookshop("status", "--porcelain") == ""


CFG = """\
[metadata]
name = shelf
version = attr: shelf.about.VERSION
description = a shelf
long_description = file: README.md
long_description_content_type = text/markdown
author = Ada Lovelace
author_email = ada@example.org
license = MIT
url = https://example.org
keywords = a, b

[options]
packages = find:
package_dir =
    = src
python_requires = >=3.8
install_requires =
    flask>=2; python_version >= "3.8"
    pyyaml

[options.packages.find]
where = src
exclude = shelf.tests*

[options.extras_require]
fast = orjson; attrs

[options.entry_points]
console_scripts =
    Shelf = shelf:main

[options.package_data]
* = *.html
"""


def test_a_project_of_setup_cfg_is_the_same_when_built(tree, run):
    repo = Repo(tree({}) / "shelf")
    sources = {
        "__init__.py": "import flask\n",
        "about.py": "VERSION = '1.2.3'\n",
        "a.html": "",
        "tests/__init__.py": "",
    }
    files = {f"src/shelf/{name}": text for name, text in sources.items()}
    setup = "from setuptools import setup\nsetup()\n"
    repo.commit(files={**files, "setup.py": setup, "setup.cfg": CFG, "README.md": "# shelf\n", "LICENSE": "MIT\n"})
    result = run("migrate", "--style", "modern", "--verify", "shelf")
    assert result.code == 0, result.err
    assert "built     1.2.3, no loss" in result.out
    assert sorted(path.name for path in repo.path.iterdir()) == [
        ".git",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "src",
    ]


# The version before (None: refused) and the one after, those that the plan announces, and whether that is a loss.
MOVES = {
    "from refused to valid": (None, "1.0.post2+gabc", ("1.0-2-ga73a73b", "1.0.post2+ga73a73b"), False),
    "another hash": ("1.0.dev2+gabc", "1.0.dev2+gdef", (None, None), False),
    "announced": ("1.0.dev2+abc", "1.1.dev2+gabc", ("1.0.dev2+a73a73b", "1.1.dev2+ga73a73b"), False),
    "another than announced": ("1.0.dev2", "1.2.dev2", ("1.0.dev2", "1.1.dev2"), True),
    "not announced": ("1.0.dev2", "1.1.dev2", (None, "1.1.dev2"), True),
    "said to stay": ("1.0.dev2", "1.1.dev2", ("1.0.dev2", "1.0.dev2"), True),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_version_that_becomes_another_one_is_a_loss_unless_announced(tree, name):
    root = tree({"setup.py": "from setuptools import setup\nsetup(name='p', version='1.0')\n"})
    project = read(Place(root, root, ("setup.py",)))
    assert project is not None
    old, new, later, loss = MOVES[name]
    plan = Plan(project, Style.MODERN, (), None, None, None, described="1.0-1-gabc", later=later)
    assert list(verify.moved(plan, old, new)) == ([f"version: {old} becomes {new}"] if loss else [])


SECRET = """\
import os, subprocess
from setuptools import setup
version = subprocess.getoutput("sh -c 'git describe --tags'").split("-")[0]
setup(name="p", version=version, packages=["p"])
"""


def test_the_version_is_really_built_before_and_after(tree, run):
    repo = Repo(tree({}) / "p")
    repo.commit("1.0", files={"setup.py": SECRET, "p/__init__.py": ""})
    result = run("migrate", "--style", "modern", "--verify", "p")
    assert result.code == 2
    assert "p: would be lost: version: 1.0 becomes 1.1.dev1+g" in result.err
    assert repo("status", "--porcelain", "--ignored") == ""
    result = run("migrate", "--verify", "--diff", "p")
    assert result.code == 1
    assert "no loss; the version is as it was" in result.err
    assert repo("status", "--porcelain", "--ignored") == ""
