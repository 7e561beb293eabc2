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
    "split": "run('git', 'describe', '--tags').split('-')[0]",
    "replaced": "run('git', 'describe').replace('-', '+', 1)",
}


@pytest.mark.parametrize("expression", HANDLED.values(), ids=HANDLED)
def test_what_handles_the_output_itself_is_no_finding(tree, run, expression):
    head = "import re, subprocess\nfrom setuptools import setup\n"
    run_git = "def run(*a): return subprocess.check_output(a, text=True)\n"
    tree({"setup.py": f"{head}{run_git}setup(name='x', version={expression})\n"})
    assert "RV603" not in run("check").out
