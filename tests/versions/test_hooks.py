"""The two hooks, tried with the real pre-commit program on a real repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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
