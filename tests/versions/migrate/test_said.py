"""What setup.py makes of `git describe`, read: held against what it prints when it is really run."""

import os
import subprocess
import sys

import pytest
from versions.gitrepo import Repo

from relengtools.versions.discover import Place
from relengtools.versions.files import Files
from relengtools.versions.migrate import said

ITSELF = """
import re
def ver():
    out = subprocess.check_output(["git", "describe", "--tags"]).decode().strip()
    m = re.match(r"(.*)-(\\d+)-g(.*)", out)
    return "%s.dev%s+%s" % m.groups() if m else out
version = ver()
"""
FALLBACK = """
try:
    version = subprocess.check_output(["git", "describe", "--tags"], text=True).strip()
except Exception:
    version = "0.0.0"
"""
# What setup.py says to where git answers, one commit on with `a73a73b` for its hash, and where git fails.
KNOWN = {
    ITSELF: ("1.0.dev1+HASH", "1.0.dev2+a73a73b", None),
    FALLBACK: ("1.0-1-gHASH", "1.0-2-ga73a73b", "0.0.0"),
    FALLBACK.replace('"--tags"]', '"--tags", "--always", "--dirty"]'): ("1.0-1-gHASH", "1.0-2-ga73a73b", "0.0.0"),
    "version = subprocess.getoutput('git describe --tags --abbrev=0')": ("1.0", "1.0", None),
    "version = os.popen('git describe --tags 2>/dev/null').read().strip()": ("1.0-1-gHASH", "1.0-2-ga73a73b", None),
    "version = subprocess.Popen(['git', 'describe', '--tags'], stdout=subprocess.PIPE).communicate()[0]"
    ".decode().strip().replace('-', '+', 1).replace('-', '.')": ("1.0+1.gHASH", "1.0+2.ga73a73b", None),
    "done = subprocess.run(['git', 'describe', '--tags'], capture_output=True, text=True)\n"
    "version = done.stdout.split('-')[0] if done.returncode == 0 else '0.0.0.dev0'": ("1.0", "1.0", "0.0.0.dev0"),
    "version = subprocess.Popen('git describe --tags', shell=True, stdout=subprocess.PIPE).stdout.read()"
    ".decode().strip()": ("1.0-1-gHASH", "1.0-2-ga73a73b", None),
    "version = os.environ.get('VERSION_IS_NOT_SET') or subprocess.check_output(['git', 'describe', '--tags'])"
    ".decode().strip()": ("1.0-1-gHASH", "1.0-2-ga73a73b", None),
}
UNKNOWN = {
    "another program": "version = subprocess.getoutput('./version.sh')",
    "another repository": "version = subprocess.getoutput('git -C /elsewhere describe --tags')",
    "elsewhere": "version = subprocess.check_output(['git', 'describe'], cwd='/elsewhere', text=True)",
    "a flag that writes": "version = subprocess.getoutput('git describe --output=x')",
    "more of the shell": "version = subprocess.getoutput('git describe --tags | cut -d- -f1')",
    "output that isn't caught": "version = subprocess.run(['git', 'describe', '--tags']).stdout.decode()",
    "something computed": "version = subprocess.check_output(['git', 'describe', '--tags', os.urandom(3)]).decode()",
}


@pytest.fixture
def repo(tree):
    repo = Repo(tree({}) / "demo")
    repo.commit("1.0", files={"README": ""})
    return repo


def written(repo, text):
    """The project with this setup.py, one commit after its tag."""
    whole = f"import os, subprocess\nfrom setuptools import setup\n{text}\nsetup(name='demo', version=version)\n"
    repo.commit(files={"setup.py": whole})
    return Place(repo.path, "demo", repo.path, ("setup.py",))


def read(place, tag="1.0"):
    return said.read(Files(place).source("setup.py", python=True), place, tag)


@pytest.mark.parametrize("text", KNOWN)
def test_it_says_what_setup_py_says(repo, tmp_path, text):
    place = written(repo, text)
    commit = repo("rev-parse", "--short=7", "HEAD")
    now, later, fallback = KNOWN[text]
    assert read(place) == (now.replace("HASH", commit), later, fallback)
    (tmp_path / "setuptools.py").write_text("def setup(**keywords):\n    print(keywords['version'])\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = [sys.executable, "-S", "setup.py"]
    really = subprocess.run(run, cwd=repo.path, env=environment, capture_output=True, text=True, check=True)
    assert really.stdout.strip() == now.replace("HASH", commit)
    repo("tag", "-d", "1.0")
    without = subprocess.run(run, cwd=repo.path, env=environment, capture_output=True, text=True)
    assert fallback is None or "--always" in text or without.stdout.strip() == fallback


@pytest.mark.parametrize("why", UNKNOWN)
def test_what_is_not_known_is_not_told(repo, why):
    assert read(written(repo, UNKNOWN[why])) == (None, None, None)


def test_without_a_tag_one_is_made_up_for_what_comes(repo):
    place = written(repo, FALLBACK)
    repo("tag", "-d", "1.0")
    assert read(place, None) == (None, "0.1-1-ga73a73b", "0.0.0")


CALL = "setup(name='demo', version=version, license='MIT', packages=[])\n"
HEAD = "import os, subprocess\nfrom setuptools import setup\n"


def migrated(repo, run, text, *arguments):
    repo.commit(files={"setup.py": f"{HEAD}{text}\n{CALL}"})
    return run("migrate", "--diff", *arguments, "demo")


def test_what_makes_pep_440_itself_is_left_alone(repo, run):
    result = migrated(repo, run, ITSELF)
    assert (result.code, result.out) == (0, "")
    assert "a commit after the tag 1.0 is 1.0.dev2+a73a73b, though that sorts below 1.0: --style modern" in result.err


def test_modern_says_what_the_version_really_was(repo, run):
    result = migrated(repo, run, ITSELF, "--style", "modern")
    assert f"  version   1.0.dev1+{repo('rev-parse', '--short=7', 'HEAD')} -> 1.1.dev1+g" in result.err
    assert "--style minimal would leave it as setup.py makes it: 1.0.dev1+" in result.err


def test_setuptools_scm_gave_the_version_that_it_gives(repo, run):
    repo.commit(files={"setup.py": f"{HEAD}setup(name='demo', use_scm_version=True, packages=[])\n"})
    result = run("migrate", "--diff", "--style", "modern", "demo")
    one = f"1.1.dev1+g{repo('rev-parse', '--short=7', 'HEAD')}"
    assert f"  version   {one} -> {one}\n" in result.err


def test_what_can_not_be_known_is_said_to_be_so(repo, run):
    result = migrated(repo, run, "version = subprocess.getoutput('git --paginate describe --tags')")
    assert "what setup.py makes of it can't be told without running it -> not known either" in result.err


@pytest.mark.parametrize(
    ("style", "policy"),
    [
        ("minimal", "above the last tag (.postN); --style modern would give 1.1.dev1+gHASH, below the next release"),
        (
            "modern",
            "below the next release, which setuptools-scm guesses (.devN); --style minimal would give 1.0.post1+g",
        ),
    ],
)
def test_the_policy_and_what_the_other_style_gives_is_one_line(repo, run, style, policy):
    result = migrated(repo, run, FALLBACK, "--style", style)
    assert f"  policy    {policy.replace('HASH', repo('rev-parse', '--short=7', 'HEAD'))}" in result.err


def test_a_fallback_is_carried_over_or_said_to_be_gone(repo, run):
    kept = migrated(repo, run, FALLBACK, "--style", "modern")
    assert '+fallback_version = "0.0.0"' in kept.out
    assert "setup.py said 0.0.0 where git fails: so does fallback_version, but without a tag it is 0.1.devN" in kept.err
    gone = migrated(repo, run, FALLBACK.replace("0.0.0", "unknown"), "--style", "modern")
    assert "fallback_version" not in gone.out
    assert "setup.py said 'unknown' where git fails, which PEP 440 refuses: there is no build now" in gone.err
    assert "PKG-INFO goes on to be 0.0.0" in migrated(repo, run, FALLBACK).err
    unknown = migrated(repo, run, FALLBACK.replace("0.0.0", "unknown")).err
    assert "PKG-INFO is refused, where setup.py said 'unknown'" in unknown


def test_half_a_character_is_no_traceback(repo, run):
    repo.commit(files={"setup.py": f"{HEAD}{FALLBACK}\nsetup(name='demo', version=version, description='\\ud800')\n"})
    result = run("migrate", "--style", "modern", "demo")
    assert result.code == 2
    assert "half a character, which TOML can't hold" in result.err
    assert repo("status", "--porcelain") == ""
