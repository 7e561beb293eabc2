"""scripts/git-update-hook and git-pre-push-hook: real pushes into a real bare repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from versions.gitrepo import Repo

SCRIPTS = Path(__file__).parents[2] / "scripts"
PYPROJECT = '[project]\nname = "demo"\nversion = "{}"\n'
TIMEOUT = 60

pytestmark = pytest.mark.timeout(180)


def files(version: str, **more: str) -> dict[str, str]:
    return {
        "pyproject.toml": PYPROJECT.format(version),
        "src/demo/__init__.py": f'__version__ = "{version}"\n',
        "src/demo/data/large.bin": "x" * 100_000,
        **more,
    }


def push(repo: Repo, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """`git push origin …` as a user does it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"PATH": path or f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C"}
    command = ["git", "push", "-q", "origin", *arguments]
    return subprocess.run(command, cwd=repo.path, env=environment, capture_output=True, text=True, timeout=TIMEOUT)


def clone(tmp_path: Path, kind: str = "sha1") -> Repo:
    server = Repo(tmp_path / "server.git", bare=True, kind=kind)
    (server.path / "hooks").mkdir(exist_ok=True)
    (server.path / "hooks/update").symlink_to(SCRIPTS / "git-update-hook")
    repo = Repo(tmp_path / "clone", kind=kind)
    repo("remote", "add", "origin", str(server.path))
    repo.commit("v1.0.0", files=files("1.0.0"))
    done = push(repo, "main", "v1.0.0")
    assert done.returncode == 0, done.stderr
    return repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A clone whose origin is a bare repository with the hook, and 1.0.0 in both."""
    return clone(tmp_path)


def test_longer_hashes(tmp_path: Path) -> None:
    repo = clone(tmp_path, "sha256")
    repo.commit("v1.1.0", files=files("1.1.0"))
    repo.commit("v1.2.0", files=files("1.1.0"))
    assert push(repo, "main", "v1.1.0").returncode == 0
    assert "RV702" in push(repo, "v1.2.0").stderr
    assert on_server(repo) == ["refs/tags/v1.0.0", "refs/tags/v1.1.0"]


def on_server(repo: Repo) -> list[str]:
    return repo("ls-remote", "--tags", "--refs", "origin").split()[1::2]


def test_a_good_tag_is_taken_with_its_commit_or_after_it(repo: Repo) -> None:
    repo.commit("v1.1.0", files=files("1.1.0"))
    done = push(repo, "main", "v1.1.0")
    assert done.returncode == 0, done.stderr
    repo.commit(files=files("1.2.0"))
    repo("tag", "-a", "-m", "noted", "1.2.0")
    assert push(repo, "main").returncode == 0
    assert push(repo, "1.2.0").returncode == 0
    assert on_server(repo) == ["refs/tags/1.2.0", "refs/tags/v1.0.0", "refs/tags/v1.1.0"]


@pytest.mark.parametrize(
    ("tag", "version", "code"),
    [
        ("v1.1.0", "1.0.1", "RV702"),
        ("v1.1.x", "1.1.0", "RV701"),
        ("v1.0.0-1-g1a2b3c4", "1.1.0", "RV701"),
        ("v0.9.0", "0.9.0", "RV705"),
        ("1.0", "1.0", "RV706"),
    ],
)
def test_a_bad_tag_is_refused_and_the_branch_taken(repo: Repo, tag: str, version: str, code: str) -> None:
    repo.commit(tag, files=files(version))
    done = push(repo, "main", tag)
    assert done.returncode == 1
    assert f"{tag} is refused" in done.stderr
    assert code in done.stderr
    assert on_server(repo) == ["refs/tags/v1.0.0"]
    assert repo("ls-remote", "origin", "main").startswith(repo("rev-parse", "main"))


def test_a_tag_is_not_moved(repo: Repo) -> None:
    repo.commit(files={"README": "more"})
    repo("tag", "-f", "v1.0.0")
    done = push(repo, "-f", "v1.0.0")
    assert (done.returncode, "RV704" in done.stderr) == (1, True)


def test_what_is_no_release_passes(repo: Repo) -> None:
    repo.commit("latest", files=files("1.0.1"))
    assert push(repo, "main:feature-2", "latest").returncode == 0
    assert push(repo, ":v1.0.0").returncode == 0, "a deletion"
    assert on_server(repo) == ["refs/tags/latest"]


def test_no_commit_and_no_program_is_no_release(repo: Repo) -> None:
    repo("tag", "v2", "HEAD^{tree}")
    assert "it is no tag of a commit" in push(repo, "v2").stderr
    repo("tag", "v3", "HEAD")
    done = push(repo, "v3", path="/usr/bin:/bin")
    assert "relengtools is not in the PATH" in done.stderr
    assert on_server(repo) == ["refs/tags/v1.0.0"]


def test_no_more_is_checked_out_than_can_declare_a_version(repo: Repo, tmp_path: Path) -> None:
    """A stand-in for the program tells what it sees."""
    program = tmp_path / "bin/relengtools"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nfind . -type f -not -path './.git/*' | sort >{tmp_path}/seen\npwd >>{tmp_path}/seen\n"
    )
    program.chmod(0o755)
    link = repo.path / "README"
    link.symlink_to("/etc/passwd")
    repo("add", "README")
    repo.commit("v1.1.0", files=files("1.1.0", **{"tests/data/a.json": "{}"}))
    assert push(repo, "main", "v1.1.0", path=f"{program.parent}:{os.environ['PATH']}").returncode == 0
    *seen, work = (tmp_path / "seen").read_text().split()
    assert seen == ["./README", "./pyproject.toml", "./src/demo/__init__.py"]
    assert not Path(work).exists()


def test_one_package_of_several(repo: Repo) -> None:
    packages = {
        f"packages/{name}/pyproject.toml": f'[project]\nname = "{name}"\nversion = "{v}"\n'
        for name, v in [("api", "2.0"), ("web", "3.0")]
    }
    repo.commit("api/v2.0", files=packages)
    assert push(repo, "main", "api/v2.0").returncode == 0
    repo("tag", "web/v2.9")
    done = push(repo, "web/v2.9")
    assert (done.returncode, "packages/web/pyproject.toml:3:12: RV702" in done.stderr) == (1, True)


def test_before_a_push(tmp_path: Path) -> None:
    Repo(tmp_path / "server.git", bare=True)
    repo = Repo(tmp_path / "clone")
    repo("remote", "add", "origin", str(tmp_path / "server.git"))
    (repo.path / ".git/hooks").mkdir(exist_ok=True)
    (repo.path / ".git/hooks/pre-push").symlink_to(SCRIPTS / "git-pre-push-hook")
    repo.commit("v1.0.0", files=files("1.0.0"))
    assert push(repo, "main").returncode == 0
    assert push(repo, "v1.0.0").returncode == 0
    repo("tag", "v1.0.1")
    done = push(repo, "v1.0.1")
    assert (done.returncode, "v1.0.1 is refused" in done.stderr) == (1, True)
    assert on_server(repo) == ["refs/tags/v1.0.0"]
