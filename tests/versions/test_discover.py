import os
import subprocess
from pathlib import Path

import pytest

from relengtools.versions import git
from relengtools.versions.discover import discover

PYPROJECT = '[project]\nname = "x"\nversion = "1"\n'


def found(*paths):
    return sorted(place.path for place in discover(paths).places.values())


def git_init(root: Path) -> None:
    subprocess.run(["git", "init", "-q", root], check=True)


@pytest.fixture(params=["git", "walk"])
def projects(request, tree):
    root = tree(
        {
            "pyproject.toml": PYPROJECT,
            "packages/a/pyproject.toml": PYPROJECT,
            "packages/b c/setup.py": "",
            "packages/ü/setup.cfg": "",
            "packages/a/_vendor/v/pyproject.toml": PYPROJECT,
            "node_modules/n/setup.py": "",
            "venv-of-mine/pyvenv.cfg": "",
            "venv-of-mine/lib/p/setup.py": "",
            ".tox/t/setup.py": "",
            "x.egg-info/setup.py": "",
            "notsetup.py": "",
        }
    )
    if request.param == "git":
        git_init(root)
        (root / ".gitignore").write_text(".tox\n*.egg-info\n/ignored\n")
        (root / "ignored").mkdir()
        (root / "ignored/pyproject.toml").write_text(PYPROJECT)
    return root


def test_finds_the_projects_of_a_tree(projects):
    assert found(".") == [".", "packages/a", "packages/b c", "packages/ü"]


def test_a_named_file_stands_for_its_project_alone(projects):
    assert found("pyproject.toml") == ["."]
    assert found("packages/a", "packages/a/pyproject.toml") == ["packages/a"]


def test_an_ignored_directory_that_is_named_is_looked_at(tree):
    root = tree({"x/ignored/pyproject.toml": PYPROJECT, "x/.gitignore": "ignored"})
    git_init(root / "x")
    assert found("x") == []
    assert found("x/ignored") == ["x/ignored"]


@pytest.mark.parametrize("path", ["missing", "README.md", "x\0y", ""])
def test_a_path_that_cannot_be_read_is_an_error_and_the_rest_is_done(tree, path):
    tree({"a/pyproject.toml": PYPROJECT, "README.md": ""})
    discovery = discover([path, "a"])
    if path:
        assert len(discovery.errors) == 1
        assert "\0" not in discovery.errors[0]
    assert "a" in [place.path for place in discovery.places.values()]


def test_symlinked_directories_are_not_followed(tree):
    root = tree({"a/pyproject.toml": PYPROJECT, "b/pyproject.toml": PYPROJECT})
    (root / "a/loop").symlink_to(root / "a")
    (root / "a/out").symlink_to(root / "b")
    assert found("a") == ["a"]


def test_without_the_git_program_a_walk_is_done_and_told_of(projects, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    discovery = discover(["."])
    assert "packages/a" in [place.path for place in discovery.places.values()]
    assert bool(discovery.notes) == (projects / ".git").exists()


def test_a_refusal_of_git_is_told_of_in_one_line(tree, monkeypatch):
    root = tree({"pyproject.toml": PYPROJECT})
    git_init(root)
    # This is what git does to a tree that belongs to somebody else.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    discovery = discover(["."])
    assert [place.path for place in discovery.places.values()] == ["."]
    assert len(discovery.notes) == 1
    assert "dubious ownership" in discovery.notes[0]
    assert "\n" not in discovery.notes[0]


def test_a_directory_that_refuses_is_told_of(tree, monkeypatch):
    tree({"pyproject.toml": PYPROJECT, "a/pyproject.toml": PYPROJECT})
    real = os.scandir

    def refuse(path):
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    discovery = discover(["."])
    assert [place.path for place in discovery.places.values()] == ["."]
    assert "Permission denied" in discovery.notes[0]


def test_the_programs_of_a_repository_are_not_started(tree):
    root = tree({"pyproject.toml": PYPROJECT, "spy": '#!/bin/sh\ntouch "$(dirname "$0")/ran"\n'})
    (root / "spy").chmod(0o755)
    git_init(root)
    subprocess.run(["git", "config", "core.fsmonitor", str(root / "spy")], check=True, cwd=root)
    assert git.files(root, ["pyproject.toml"]) == ["pyproject.toml"]
    assert not (root / "ran").exists()


def test_the_surroundings_of_a_hook_do_not_leak_in(tree, monkeypatch):
    root = tree({"a/pyproject.toml": PYPROJECT, "b/x": ""})
    git_init(root / "a")
    git_init(root / "b")
    monkeypatch.setenv("GIT_DIR", str(root / "b/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(root / "b/.git/index"))
    assert found("a") == ["a"]


def test_nothing_is_written_where_git_cannot_say_what_it_ignores(tree, run, monkeypatch):
    spelt = '[project]\nname = "x"\nversion = "v1.0"\n'
    root = tree({"pyproject.toml": spelt, ".gitignore": "/ignored", "ignored/pyproject.toml": spelt})
    git_init(root)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    result = run("check", "--fix")
    assert result.code == 2
    assert "nothing written: git refused" in result.err
    assert (root / "pyproject.toml").read_text() == (root / "ignored/pyproject.toml").read_text() == spelt
    assert run("bump", "minor").code == 2
    assert run("check", "--fix", "pyproject.toml").code == 1
    assert (root / "pyproject.toml").read_text() != spelt
    assert (root / "ignored/pyproject.toml").read_text() == spelt


def test_a_walk_meets_clones_with_tags_and_settings_of_their_own(tree, run):
    scm = '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\n[project]\nname = "x"\ndynamic = ["version"]\n'
    root = tree({"clones/a/pyproject.toml": f"{scm}[tool.setuptools_scm]\n", "clones/b/setup.cfg": "[metadata]\n"})
    git_init(root / "clones/a")
    (place,) = (place for path, place in discover(["clones"]).places.items() if path.name == "a")
    assert place.tree == root / "clones/a"
    assert "RV602" in run("check", "clones").out


def test_clones_in_a_repository_without_a_project_are_found(tree):
    root = tree({"home/src/a/pyproject.toml": "", "home/.venv/b/pyproject.toml": "", "home/src/.gitignore": "*\n"})
    for name in ("home", "home/src/a", "home/.venv/b"):
        git_init(root / name)
    assert found("home") == ["home/src/a"]
    (root / "home/setup.cfg").write_text("")
    assert found("home") == ["home"]
