"""What `check` and `list` say of a version that is computed from tags."""

import json
import subprocess

import pytest

PYPROJECT = (
    '[build-system]\nrequires = ["setuptools>=77", "setuptools-scm>=8"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "core"\ndynamic = ["version"]\n[tool.setuptools_scm]\n'
)


def git(root, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tree):
    root = tree({"pyproject.toml": PYPROJECT})
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return root


def test_a_repository_without_tags_is_a_finding(repository, run):
    result = run("check", "--output-format", "json")
    assert result.code == 1
    assert [f["name"] for f in json.loads(result.out)["findings"]] == ["no-version-tag"]


def test_a_shallow_clone_is_a_finding(repository, run, monkeypatch, tmp_path_factory):
    git(repository, "tag", "v1.0")
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    clone = tmp_path_factory.mktemp("clone") / "core"
    git(repository, "clone", "-q", "--depth", "1", f"file://{repository}", str(clone))
    monkeypatch.chdir(clone)
    result = run("check")
    assert result.code == 1
    assert "RV601 shallow-clone" in result.out
    assert "git fetch --unshallow" in result.out


def test_with_tags_there_is_nothing_to_find_and_the_exact_version_is_told(repository, run):
    git(repository, "tag", "v1.0")
    assert run("check").code == 0
    project = json.loads(run("list", "--output-format", "json").out)["projects"][0]
    assert (project["version"], project["level"]) == (None, "dynamic")
    assert (project["provider"], project["provider_version"]) == ("setuptools-scm", "1.0")


def test_an_unpacked_sdist_has_its_version_in_pkg_info(tree, run):
    tree(
        {"pyproject.toml": PYPROJECT, "PKG-INFO": "Metadata-Version: 2.1\nName: core\nVersion: 1.0rc1\n\nVersion: 9\n"}
    )
    project = json.loads(run("list", "--output-format", "json").out)["projects"][0]
    assert (project["version"], project["provider"], project["provider_version"]) == ("1.0rc1", "setuptools-scm", None)
    owner = project["declarations"][0]
    assert (owner["kind"], owner["line"], owner["column"], owner["owner"]) == ("pkg-info", 3, 10, True)


def test_git_describe_as_it_is_is_a_finding_and_another_provider_is_none(tree, run):
    idiom = 'os.environ.get("PKGVER") or subprocess.run(["git", "describe", "--tags"], stdout=-1).stdout.decode()'
    tree({"setup.py": f"import os, subprocess\nfrom setuptools import setup\nsetup(name='x', version={idiom})\n"})
    result = run("check")
    assert result.code == 1
    assert "setup.py:3:25: RV603 git-describe-version" in result.out
    tree({"setup.py": "from setuptools import setup\nsetup(name='x', use_scm_version=True)\n"})
    assert run("check").code == 0


HANDLED = {
    "the tag alone": "run('git', 'describe', '--tags', '--abbrev=0')",
    "taken apart": "re.match(r'(.*)-([0-9]+)-g', run('git', 'describe'))[1]",
    "taken apart, of tags with a v": r"re.match(r'v([\d.]+)-([0-9]+)-g', run('git', 'describe'))[1]",
    "split": "run('git', 'describe', '--tags').split('-')[0]",
    "replaced": "run('git', 'describe').replace('-', '+', 1)",
    "by a function": "post(*run('git', 'describe', '--long').rsplit('-', 2))",
    "nobody knows": "__import__('somewhere').mended(run('git', 'describe'))",
}
AS_IT_IS = {
    "alone": "run('git', 'describe', '--tags')",
    "without its v": "run('git', 'describe').lstrip('v')",
    "with a search for a hyphen besides": "run('git', 'describe') if re.match('a-', 'b') is None else '1.0'",
    "taken apart in vain": "'-'.join(run('git', 'describe').split('-')[:2] + ['dirty'])",
    "elsewhere": "run('git', '-C', '.', 'describe')",
}
HEAD = """import re, subprocess
from setuptools import setup
def run(*a): return subprocess.check_output(a, text=True).strip()
def post(tag, number, commit): return f'{tag}.post{number}'
"""


@pytest.mark.parametrize("expression", HANDLED.values(), ids=HANDLED)
def test_what_handles_the_output_itself_is_no_finding(tree, run, expression):
    tree({"setup.py": f"{HEAD}setup(name='x', version={expression})\n"})
    assert "RV603" not in run("check").out


@pytest.mark.parametrize("expression", AS_IT_IS.values(), ids=AS_IT_IS)
def test_what_leaves_it_as_it_is_or_mends_it_in_vain_is_a_finding(tree, run, expression):
    tree({"setup.py": f"{HEAD}setup(name='x', version={expression})\n"})
    assert "RV603" in run("check").out


def test_the_note_names_both_policies(repository, run):
    git(repository, "tag", "v1.4.1")
    (repository / "pyproject.toml").unlink()
    (repository / "setup.py").write_text(f"{HEAD}setup(name='x', version={AS_IT_IS['alone']})\n")
    said = run("check").out
    assert "no PEP 440 version between two tags: v1.4.1-1-ga73a73b" in said
    assert "migrate` makes it 1.4.1.post1+ga73a73b, above the last tag (.postN)" in said
    assert "with --style modern it is 1.4.2.dev1+ga73a73b, below the next release" in said


def test_in_a_module_it_is_a_finding_unless_its_words_are_taken_apart(tree, run):
    module = "import subprocess\n__version__ = subprocess.check_output(['git', 'describe'], text=True)"
    cfg = "[metadata]\nname = x\nversion = attr: x.__version__\n"
    tree({"setup.py": "import setuptools\nsetuptools.setup()\n", "setup.cfg": cfg, "x/__init__.py": f"{module}\n"})
    assert "x/__init__.py:2:1: RV603" in run("check").out
    tree({"x/__init__.py": f"{module}.split('-')[0]\n"})
    assert "RV603" not in run("check").out
