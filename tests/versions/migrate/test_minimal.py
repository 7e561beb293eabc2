"""The normaliser in setup.py, really run: on files of our own, with a git that says what the table has."""

import ast
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import VERSION_PATTERN, InvalidVersion, Version

from relengtools.versions.migrate import normaliser
from relengtools.versions.scheme.convert import convert

USUAL = """\
#!/usr/bin/env python3
from distutils.core import setup
import subprocess
import os

ver = os.environ.get("PKGVER") or subprocess.run(['git', 'describe', '--tags'],
      stdout=subprocess.PIPE).stdout.decode().strip()

setup(
  name = 'hubsrht',
  version = ver,
)
"""
# A stand-in for setuptools, which would refuse what the test wants to see.
PRINTS = "def setup(**keywords):\n    print(keywords['version'])\n"


class Project:
    """A setup.py, and a git that says something else every time."""

    def __init__(self, root):
        self.root = root
        for name in ("setuptools.py", "distutils/core.py"):
            (root / "stand-in" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "stand-in" / name).write_text(PRINTS)
        (root / "stand-in/distutils/__init__.py").touch()
        (root / "bin").mkdir()

    def version(self, said, **variables):
        """What setup.py gives as the version where git says `said` (None: nothing, and fails)."""
        git = self.root / "bin/git"
        git.write_text("#!/bin/sh\nexit 128\n" if said is None else f"#!/bin/sh\nprintf '%s\\n' '{said}'\n")
        git.chmod(0o755)
        path = os.pathsep.join([str(self.root / "bin"), "/usr/bin", "/bin"])
        environment = {"PATH": path, "PYTHONPATH": str(self.root / "stand-in"), **variables}
        done = subprocess.run(
            [sys.executable, "-S", "setup.py"], cwd=self.root, env=environment, capture_output=True, text=True
        )
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.fixture
def migrated(tree, run):
    """`migrated(setup_py)`: a project with this setup.py after `versions migrate`."""

    def make(text):
        root = tree({"setup.py": text})
        project = Project(root)
        result = run("migrate", "setup.py")
        assert result.code == 0, result.err
        return project

    return make


SAID = [
    ("0.62.4", "0.62.4"),
    ("v0.62.4", "v0.62.4"),
    ("0.62.4-2-ga73a73b", "0.62.4.post2+ga73a73b"),
    ("0.62.4-2-ga73a73b9f", "0.62.4.post2+ga73a73b"),
    ("0.62.4-0-ga73a73b", "0.62.4"),
    ("0.62.4-2-g1234567", "0.62.4.post2+g1234567"),
    ("0.62.4-2-ga73a73b-dirty", "0.62.4.post2+ga73a73b.dirty"),
    ("0.62.4-dirty", "0.62.4+dirty"),
    ("1.0-rc1-3-g0421ea4", "1.0-rc1.post3+g0421ea4"),
    ("1.0.post1-3-g0421ea4", "1.0.post1+3.g0421ea4"),
    ("1.0-1-3-g0421ea4", "1.0-1+3.g0421ea4"),
    ("1.0.dev1-3-g0421ea4", "1.0.dev1+3.g0421ea4"),
    ("2024.05-3-g0421ea4", "2024.05.post3+g0421ea4"),
    ("1!2.0-3-g0421ea4", "1!2.0.post3+g0421ea4"),
]
PASSED_IN = [
    ("0.62.4", "0.62.4"),
    ("0.100.2_git20260603", "0.100.2.post20260603"),
    ("0.100.2_1_g0421ea4", "0.100.2.post1+g0421ea4"),
    ("0.100.2.r1.g0421ea4", "0.100.2.post1+g0421ea4"),
    ("1.0_rc1", "1.0_rc1"),
    ("1.0_p1", "1.0.post1"),
    ("0.62.4.post2+ga73a73b", "0.62.4.post2+ga73a73b"),
    ("0.62.5.dev2+ga73a73b", "0.62.5.dev2+ga73a73b"),
]


def test_what_git_says_becomes_pep_440(migrated):
    project = migrated(USUAL)
    assert [(said, project.version(said)) for said, _ in SAID] == SAID
    assert all(Version(version) for _, version in SAID)


def test_the_variable_goes_on_to_work_and_comes_first(migrated):
    project = migrated(USUAL)
    assert [(given, project.version("9.9", PKGVER=given)) for given, _ in PASSED_IN] == PASSED_IN
    assert all(Version(version) for _, version in PASSED_IN)


def test_without_a_version_it_stops_and_says_what_to_do(migrated):
    project = migrated(USUAL)
    assert project.version(None) == "setup.py: no version: set PKGVER, or fetch the tags (git fetch --tags)"
    assert project.version("") == "setup.py: no version: set PKGVER, or fetch the tags (git fetch --tags)"


@pytest.mark.parametrize("name", ["check_output", "getenv", "function"])
def test_an_sdist_of_any_variant_needs_no_git(migrated, name):
    project = migrated(VARIANTS[name][0])
    (project.root / "PKG-INFO").write_text("Version: 1.0.post2+ga73a73b\n")
    (project.root / "bin/git").unlink(missing_ok=True)
    assert project.version(None) == "1.0.post2+ga73a73b"


def test_an_error_of_git_is_no_version(migrated):
    project = migrated(GETENV)
    said = project.version("fatal: not a git repository (or any of the parent directories)")
    assert said.startswith("setup.py: no version: set PKGVER")


def test_an_sdist_knows_its_version(migrated):
    project = migrated(USUAL)
    (project.root / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: hubsrht\nVersion: 0.62.4.post2+ga73a73b\n")
    assert project.version(None) == "0.62.4.post2+ga73a73b"
    assert project.version("9.9-1-g1234567") == "0.62.4.post2+ga73a73b", "somebody else's repository"
    assert project.version(None, PKGVER="1.0") == "1.0"


GARBAGE = (
    "nonsense",
    "1.0-alpha.beta",
    "1.0+local-3-g0421ea4",
    "0.100.2.g0421ea4",
    "release-3-g0421ea4",
    "1.0 2",
    "1.0+",
)


def test_what_is_no_version_ends_the_build_and_says_so(migrated):
    project = migrated(USUAL)
    mend = "is no version of PEP 440: set PKGVER to one, or tag one"
    assert [project.version(odd) for odd in GARBAGE] == [f"setup.py: {odd!r} {mend}" for odd in GARBAGE]
    assert project.version("1.0", PKGVER="master") == f"setup.py: 'master' {mend}"
    (project.root / "PKG-INFO").write_text("Version: unknown\n")
    assert project.version(None) == f"setup.py: 'unknown' {mend}"
    with pytest.raises(SystemExit, match="PEP 440: tag one"):
        function()("nonsense")


CHECKED = """\
import subprocess
from setuptools import setup
setup(name="p", version=subprocess.check_output(["git", "describe"]).decode("utf-8").strip())
"""
GETENV = """\
import os, subprocess
from setuptools import setup
version = os.getenv("PKGVER") or subprocess.getoutput("git describe --tags")
setup(name="p", version=version)
"""
POPEN = """\
import os
from setuptools import setup
setup(name="p", version=os.popen("git describe --tags").read())
"""
FUNCTION = """\
import os, subprocess
from setuptools import setup


def version():
    if "PKGVER" in os.environ:
        return os.environ["PKGVER"]
    return subprocess.run(["git", "describe"], stdout=subprocess.PIPE, universal_newlines=True).stdout


setup(name="p", version=version())
"""
TRY = """\
import subprocess
from setuptools import setup
try:
    ver = subprocess.check_output(["git", "describe"]).decode()
except OSError:
    ver = "0"
setup(name="p", version=ver)
"""
MAIN = """\
import subprocess
import setuptools
if __name__ == "__main__":
    setuptools.setup(name="p", version=subprocess.getoutput("git describe --tags"))
"""
BRACKETS = """\
import os, subprocess
from setuptools import setup
ver = (
    os.environ.get("PKGVER")
    or subprocess.getoutput("git describe --tags")
)
setup(name="p", version=ver)
"""
VARIANTS = {
    "usual": (USUAL, "ver = pep440(lambda: os.environ.get"),
    "check_output": (CHECKED, "version=pep440(lambda: subprocess.check_output"),
    "getenv": (GETENV, 'version = pep440(lambda: os.getenv("PKGVER")'),
    "popen": (POPEN, "version=pep440(lambda: os.popen"),
    "function": (FUNCTION, "version=pep440(lambda: version())"),
    "try": (TRY, "version=pep440(lambda: ver)"),
    "main": (MAIN, "version=pep440(lambda: subprocess"),
    "setuptools": (USUAL.replace("distutils.core", "setuptools"), "ver = pep440(lambda: "),
    "windows": (USUAL.replace("\n", "\r\n"), "ver = pep440(lambda: "),
    "brackets": (BRACKETS, "    pep440(lambda: os.environ"),
    "umlauts": (USUAL.replace("hubsrht", "hübsch"), "ver = pep440(lambda: "),
    "its name is taken": ("pep440 = 1\n" + USUAL, "ver = _pep440(lambda: "),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_of_the_idiom_is_wrapped_and_works(migrated, name):
    text, expected = VARIANTS[name]
    project = migrated(text)
    new = (project.root / "setup.py").read_bytes().decode()
    assert expected in new
    assert new.count("\r") == (new.count("\n") if name == "windows" else 0)
    assert project.version("0.62.4-2-ga73a73b") == "0.62.4.post2+ga73a73b"
    if "PKGVER" in text:
        assert project.version("1.0", PKGVER="0.1_git20240524") == "0.1.post20240524"


def test_a_commit_without_a_tag_is_no_version(migrated):
    project = migrated(USUAL.replace("'--tags'", "'--tags', '--always'"))
    assert project.version("1234567").startswith("setup.py: no version")
    assert project.version("0.62.4-2-ga73a73b") == "0.62.4.post2+ga73a73b"


def test_a_second_run_changes_nothing(migrated, run):
    project = migrated(USUAL)
    before = (project.root / "setup.py").read_bytes()
    result = run("migrate", "setup.py")
    assert (result.code, (project.root / "setup.py").read_bytes()) == (0, before)
    assert "has the normaliser already" in result.err


LEFT_ALONE = {
    "setup(name='p', version='1.0')": "its version is written down",
    "setup(name='p', version='1.0-2-g1234567')": "isn't PEP 440",
    "setup(name='p', use_scm_version=True)": "setuptools-scm gives PEP 440 versions",
    "import versioneer\nsetup(name='p', version=versioneer.get_version())": "versioneer, which has no settings here",
    "import versioneer\nversioneer.VCS = 'git'\nsetup(name='p', version=versioneer.get_version())": "versioneer gives",
    "setup(setup_requires=['pbr'], pbr=True)": "pbr gives PEP 440 versions",
    "import secrets\nsetup(name='p', version=secrets.token_hex())": "can't be told without running code",
    "setup(name='p')": "",
    "import subprocess as s\nk = dict(version=s.getoutput('git describe'))\nk.pop('x', 0)\nsetup(**k)": "given `**k`",
    "import os\nsetup(name='p', version=os.environ['NEXT'])": "needs the environment variable NEXT",
    "import subprocess as s\nv = s.getoutput('git describe')\nsetup(version=v)\nsetup(version=v)": "calls setup() 2",
}


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_no_idiom_or_not_clear_stays(tree, run, text):
    root = tree({"setup.py": f"from setuptools import setup\n{text}\n"})
    before = (root / "setup.py").read_bytes()
    result = run("migrate", "setup.py")
    assert LEFT_ALONE[text] in result.err
    assert result.out == ""
    assert (root / "setup.py").read_bytes() == before


def test_nothing_is_put_before_an_import_of_the_future(tree, run):
    lines = "from __future__ import division; import subprocess; from setuptools import setup; "
    root = tree({"setup.py": f"{lines}setup(name='p', version=subprocess.getoutput('git describe'))\n"})
    before = (root / "setup.py").read_bytes()
    assert "can't be changed alone" in run("migrate", "setup.py").err
    assert (root / "setup.py").read_bytes() == before


def test_the_normaliser_runs_on_python_3_8_and_is_ascii():
    for variables, always, prefix in ((("PKGVER", "TAG"), True, "hub-"), ((), False, "")):
        text = normaliser.text("pep440", variables, always, prefix, "\n")
        ast.parse(text, feature_version=(3, 8))
        assert text.isascii()
        assert len(text.splitlines()) < 42
        assert max(map(len, text.splitlines())) <= 120


def function(prefix=""):
    names = {"__file__": "/nowhere/setup.py"}
    exec(normaliser.text("pep440", (), False, prefix, "\n"), names)  # our own code
    return lambda said: names["pep440"](lambda: said)


def test_a_prefix_of_tags_is_taken_off():
    assert function("hub-")("hub-1.0-3-g0421ea4") == "1.0.post3+g0421ea4"
    assert function("release/")("release/1.0") == "1.0"
    assert function("hub-")("1.0") == "1.0"


RELEASES = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
SUFFIXES = st.sampled_from(["", "a1", "b2", "rc3", ".post4", ".dev5", "rc1.post2", "a1.dev0"])
TAGS = st.tuples(RELEASES, SUFFIXES).map("".join)
HASHES = st.integers(0, 16**9 - 1).map(lambda number: f"{number:09x}")


@given(TAGS, st.integers(1, 500), st.integers(1, 500), HASHES, HASHES)
def test_later_commits_sort_above_and_all_of_them_above_their_tag(tag, first, more, one, other):
    pep440 = function()
    below, above = pep440(f"{tag}-{first}-g{one}"), pep440(f"{tag}-{first + more}-g{other}")
    assert Version(tag) < Version(below) < Version(above)


@given(RELEASES, st.integers(1, 500), HASHES)
def test_a_commit_sorts_below_the_next_release(release, count, commit):
    version = Version(function()(f"{release}-{count}-g{commit}"))
    following = [*map(int, release.split(".")), 0, 1]
    assert version < Version(".".join(map(str, following)))


VERSIONS = st.from_regex(f"(?ix){VERSION_PATTERN}", fullmatch=True, alphabet="0123456789abcdeglnoprtvw.+!-_ RC")


@given(st.one_of(st.text("0123456789abcdeprtosv.+!-_", max_size=20), VERSIONS))
def test_whatever_it_is_given_it_gives_a_version_or_stops(said):
    try:
        version = function()(said)
    except SystemExit:
        assert not is_version(said), said
    else:
        assert is_version(version)


def is_version(text):
    try:
        return bool(Version(text))
    except InvalidVersion:
        return False


@given(TAGS, st.integers(0, 500), HASHES)
def test_it_says_what_convert_says(tag, count, commit):
    said = f"{tag}-{count}-g{commit[:7]}"
    expected = convert(said, "git-describe", policy="post").version
    if expected is not None:
        assert Version(function()(said)) == Version(expected)


VERSIONEER = {
    "setup.py": "import versioneer\nfrom setuptools import setup\nsetup(name='p', version=versioneer.get_version())\n",
    "setup.cfg": "[versioneer]\nVCS = git\nstyle = git-describe  \nversionfile_source = p/_version.py\n",
    "p/_version.py": 'def get_config():\n    cfg = C()\n    cfg.VCS = "git"\n    cfg.style = "git-describe"\n',
}


def test_versioneer_gets_a_style_that_pep_440_takes_in_both_places(tree, run):
    root = tree(VERSIONEER)
    result = run("migrate", "setup.py")
    assert result.code == 0, result.err
    for name in ("setup.cfg", "p/_version.py"):
        assert (root / name).read_text() == VERSIONEER[name].replace("git-describe", "pep440-post")
    assert (root / "setup.py").read_text() == VERSIONEER["setup.py"]
    assert "versioneer gives PEP 440 versions (style pep440-post)" in run("migrate", "setup.py").err


@pytest.mark.parametrize("module", ['cfg.style = "pep440"\n', 'x = "git-describe"\n', ""])
def test_a_module_that_says_otherwise_is_left_alone(tree, run, module):
    root = tree({**VERSIONEER, "p/_version.py": module})
    result = run("migrate", "setup.py")
    assert (result.code, "run `versioneer install` again" in result.err) == (2, True)
    assert (root / "setup.cfg").read_text() == VERSIONEER["setup.cfg"]
