"""The two hooks, tried with the real pre-commit program on a real repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from relengtools.versions.declaration import Kind

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
PYPROJECT = '[project]\nname = "x"\nversion = "v1.0-rc1"\n'


def git(directory: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, "-C", str(directory), *arguments], check=True, capture_output=True)


def repository(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    git(directory, "init", "-q")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "all")
    return directory


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds this work tree's package and its hooks."""
    root = tmp_path_factory.mktemp("hooks") / "relengtools"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "relengtools", root / "relengtools", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, root / name)
    return repository(root)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pre-commit-home")


WAKING = re.compile(HOOKS[0]["files"])


@pytest.mark.parametrize(
    "name",
    [
        "pyproject.toml",
        "packages/core/pyproject.toml",
        "setup.py",
        "setup.cfg",
        "x/__init__.py",
        "src/x/_version.py",
        "x.py",
        "rust/Cargo.toml",
        "docs/conf.py",
        "debian/changelog",
        "x.spec",
        "Dockerfile",
        "requirements.txt",
        "requirements-dev.txt",
        "requirements/tests.in",
        "dev_requirements.txt",
        "constraints.txt",
        "VERSION",
    ],
)
def test_what_declares_wakes_both_hooks(name):
    assert WAKING.search(name)
    assert [hook["files"] for hook in HOOKS] == [WAKING.pattern] * 2


@pytest.mark.parametrize(
    "name", ["README.md", "x/y/z.py", "tests/test_x.py", "package-lock.json", "notes.txt", "Dockerfile.md", "VERSIONS"]
)
def test_what_does_not_declare_lets_them_sleep(name):
    assert not WAKING.search(name)


def test_every_kind_wakes_them():
    named = {"pyproject": "pyproject.toml", "poetry": "pyproject.toml", "bumpversion": "pyproject.toml"}
    named |= {"commitizen": "pyproject.toml", "setup-cfg": "setup.cfg", "setup-py": "setup.py", "file": "VERSION"}
    named |= {"module": "x/__init__.py", "cargo": "Cargo.toml", "meson": "meson.build", "uv-lock": "uv.lock"}
    named |= {"package-json": "package.json", "pkg-info": "PKG-INFO", "docs-conf": "docs/conf.py", "rpm": "x.spec"}
    named |= {"citation": "CITATION.cff", "conda": "recipe/meta.yaml", "apkbuild": "APKBUILD", "pkgbuild": "PKGBUILD"}
    named |= {"debian": "debian/changelog", "dockerfile": "Containerfile"}
    assert {kind.value for kind in Kind} == named.keys()
    assert all(WAKING.search(name) for name in named.values())


@pytest.mark.timeout(280)
@pytest.mark.parametrize(
    ("hook", "after"),
    [("relengtools-versions-check", PYPROJECT), ("relengtools-versions-fix", PYPROJECT.replace("v1.0-rc1", "1.0rc1"))],
)
def test_pre_commit_runs_the_hook(hooks, home, tmp_path, hook, after):
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT)
    repository(project)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
        "PRE_COMMIT_HOME": str(home)
    }

    def try_repo() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), hook, "--all-files", "--verbose"]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=270)

    done = try_repo()
    if "pip" in done.stdout and "CalledProcessError" in done.stdout:
        pytest.skip(f"pip can install nothing here: {done.stdout.strip().splitlines()[-1]}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Failed" in done.stdout
    assert (project / "pyproject.toml").read_text() == after
    if hook.endswith("check"):
        assert "pyproject.toml:3:12: RV102 version-spelling" in done.stdout
    else:
        assert "files were modified by this hook" in done.stdout
        assert try_repo().returncode == 0
