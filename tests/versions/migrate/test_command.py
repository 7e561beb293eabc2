"""The command: many repositories in one call, patches, commits, and what it leaves alone."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from versions.gitrepo import Repo

from relengtools.versions.migrate import worktree

SETUP = """\
#!/usr/bin/env python3
from setuptools import setup
import os
import signal
import subprocess
import sys
import time

ver = os.environ.get("PKGVER") or subprocess.run(["git", "describe", "--tags"],
      stdout=subprocess.PIPE).stdout.decode().strip()

setup(
  name = "NAME",
  version = ver,
  packages = ["NAME"],
  license = "LICENCE",
)
"""


def service(root, name, licence="MIT", tags=("0.62.4",)):
    """A repository with a service, two commits after its last tag."""
    repo = Repo(root / name)
    text = SETUP.replace("NAME", name).replace("LICENCE", licence)
    (repo.path / "setup.py").touch(0o755)
    repo.commit(*tags, files={"setup.py": text, f"{name}/__init__.py": ""})
    repo.commit(files={"README": "one\n"})
    repo.commit(files={"README": "two\n"})
    return repo


@pytest.fixture
def fleet(tree, monkeypatch):
    """Three services, the second of which can't be moved to pyproject.toml."""
    root = tree({})
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Somebody Else")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "else@example.org")
    return [service(root, "alpha"), service(root, "beta", licence="BSD"), service(root, "gamma")]


def test_many_repositories_in_one_call(fleet, run):
    result = run("migrate", "--style", "modern", *(str(repo.path) for repo in fleet))
    assert result.code == 2
    assert "beta: license 'BSD' is no SPDX expression" in result.err
    assert "alpha: migrated, unverified" in result.out
    assert "gamma: migrated, unverified" in result.out
    assert "0.62.4-2-g" in result.out
    assert "(which PEP 440 refuses) -> 0.62.5.dev2+g" in result.out
    assert result.out.count("SETUPTOOLS_SCM_PRETEND_VERSION") == 1
    assert [(repo.path / "pyproject.toml").exists() for repo in fleet] == [True, False, True]
    assert [repo("status", "--porcelain") == "" for repo in fleet] == [False, True, False]
    assert [repo("rev-list", "--count", "HEAD") for repo in fleet] == ["3", "3", "3"]


def test_a_folder_of_repositories_is_walked(fleet, run):
    result = run("migrate", ".")
    assert result.code == 0, result.err
    assert result.out.count("-> 0.62.4.post2+g") == 3
    assert [repo("diff", "--name-only") for repo in fleet] == ["setup.py"] * 3
    assert os.access(fleet[0].path / "setup.py", os.X_OK)


def test_a_migrated_project_is_no_finding_any_more(fleet, run):
    assert "git-describe-version" in run("check", "alpha").out
    assert "setup.py takes the version from there" in run("history", "alpha").out
    assert run("migrate", "--commit", "alpha").code == 0
    assert "git-describe-version" not in run("check", "alpha").out
    assert "setup.py takes the version from there" not in run("history", "alpha").out


def test_diff_writes_nothing_and_applies(fleet, run):
    result = run("migrate", "--diff", "--style", "modern", "alpha", "gamma")
    assert result.code == 1
    assert result.out.startswith("--- /dev/null\n+++ b/alpha/pyproject.toml\n@@ -0,0 +1,")
    assert "alpha: would be migrated" in result.err
    assert [repo("status", "--porcelain") for repo in fleet] == ["", "", ""]
    subprocess.run(["git", "apply"], input=result.out.encode(), cwd=fleet[0].path.parent, check=True)
    assert not (fleet[0].path / "setup.py").exists()
    assert 'name = "gamma"' in (fleet[2].path / "pyproject.toml").read_text()


def test_a_diff_of_nothing_is_0(tree, run):
    tree({"setup.py": "from setuptools import setup\nsetup(name='p', version='1.0')\n"})
    result = run("migrate", "--diff")
    assert (result.code, result.out) == (0, "")


def test_one_commit_each_only_on_request(fleet, run):
    alpha = fleet[0]
    (alpha.path / "untracked").touch()
    result = run("migrate", "--style", "modern", "--commit", "alpha", "gamma")
    assert result.code == 0, result.err
    assert alpha("status", "--porcelain") == "?? untracked"
    changed = alpha("show", "--name-status", "--format=%s", "HEAD").split("\n")
    assert changed[0] == "Move metadata to pyproject.toml, with versions by setuptools-scm"
    assert sorted(changed[2:]) == ["A\t.git_archival.txt", "A\t.gitattributes", "A\tpyproject.toml", "D\tsetup.py"]
    assert "SETUPTOOLS_SCM_PRETEND_VERSION" in alpha("log", "-1", "--format=%b")
    assert fleet[2]("rev-list", "--count", "HEAD") == "4"
    again = run("migrate", "--style", "modern", "--commit", ".")
    assert alpha("rev-list", "--count", "HEAD") == "4"
    assert again.code == 2  # beta


def test_what_is_staged_besides_stays_out_of_the_commit(fleet, run):
    alpha = fleet[0]
    (alpha.path / "README").write_text("three\n")
    alpha("add", "README")
    result = run("migrate", "--commit", "alpha")
    assert result.code == 2
    assert "the work tree is dirty (README)" in result.err
    assert alpha("rev-list", "--count", "HEAD") == "3"


def forget_everybody(repo, monkeypatch):
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(repo.path))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{who}_NAME")
        monkeypatch.delenv(f"GIT_{who}_EMAIL")
    repo("config", "user.useConfigOnly", "true")


def refuse(repo, monkeypatch):
    path = repo.path / ".git/hooks/pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\necho 'check one ... Passed'; git add -A; echo 'no such commits here' >&2; exit 1\n")
    path.chmod(0o755)


def lock(repo, monkeypatch):
    (repo.path / ".git/index.lock").touch()


@pytest.mark.parametrize("style", ["minimal", "modern"])
@pytest.mark.parametrize(
    ("way", "said"),
    [
        (refuse, "no such commits here"),
        (forget_everybody, "auto-detection is disabled"),
        (lock, "fatal: Unable to create"),
    ],
)
def test_where_git_refuses_a_commit_the_files_are_as_they_were(fleet, run, monkeypatch, style, way, said):
    alpha = fleet[0]
    before = {path: (path.read_bytes(), path.stat().st_mode) for path in alpha.path.glob("*") if path.is_file()}
    way(alpha, monkeypatch)
    others = [] if way is forget_everybody else ["gamma"]
    result = run("migrate", "--style", style, "--commit", "alpha", *others)
    (alpha.path / ".git/index.lock").unlink(missing_ok=True)
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert line.startswith("relengtools: alpha: not committed, and the files are as they were: git refused: ")
    assert said in line
    assert {path: (path.read_bytes(), path.stat().st_mode) for path in alpha.path.glob("*") if path.is_file()} == before
    assert alpha("status", "--porcelain") == ""
    assert alpha("rev-list", "--count", "HEAD") == "3"
    assert not others or fleet[2]("rev-list", "--count", "HEAD") == "4"


@pytest.mark.parametrize("style", ["minimal", "modern"])
@pytest.mark.parametrize("does", ["echo '# formatted' >> setup.py; echo >> pyproject.toml", "rm -f setup.py *.toml"])
def test_what_a_hook_makes_of_the_files_is_put_back(fleet, run, style, does):
    alpha = fleet[0]
    path = alpha.path / ".git/hooks/pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{does}; test {style} = modern || rm -f pyproject.toml; exit 1\n")
    path.chmod(0o755)
    before = {path: (path.read_bytes(), path.stat().st_mode) for path in alpha.path.glob("*") if path.is_file()}
    result = run("migrate", "--style", style, "--commit", "alpha")
    assert result.code == 2
    assert "alpha: not committed, and the files are as they were" in result.err
    assert alpha("status", "--porcelain") == ""
    assert {path: (path.read_bytes(), path.stat().st_mode) for path in alpha.path.glob("*") if path.is_file()} == before


def test_a_dirty_work_tree_is_refused_but_a_diff_is_not(fleet, run):
    (fleet[0].path / "README").write_text("three\n")
    before = (fleet[0].path / "setup.py").read_bytes()
    result = run("migrate", "alpha")
    assert result.code == 2
    assert "alpha: not migrated: the work tree is dirty (README): commit or stash first" in result.err
    assert (fleet[0].path / "setup.py").read_bytes() == before
    assert run("migrate", "--diff", "alpha").code == 1


def test_a_setup_py_that_git_does_not_know_is_refused(fleet, run):
    alpha = fleet[0]
    alpha("rm", "-q", "--cached", "setup.py")
    alpha.commit()
    result = run("migrate", "alpha")
    assert result.code == 2
    assert "git doesn't know" in result.err


def test_filter_programs_of_the_repository_are_not_run(fleet, run):
    fleet[0]("config", "filter.evil.clean", f"touch {fleet[0].path}/run; cat")
    result = run("migrate", "alpha")
    assert result.code == 2
    assert "filter programs" in result.err
    assert not (fleet[0].path / "run").exists()


def test_a_repository_without_a_tag_is_said_so(tree, run):
    repo = service(tree({}), "delta", tags=())
    result = run("migrate", "delta")
    assert result.code == 0, result.err
    assert "no tag in reach" in result.out
    assert "pep440(" in (repo.path / "setup.py").read_text()


def test_tags_with_a_prefix_keep_it_out_of_the_version(tree, run):
    repo = service(tree({}), "delta", tags=("delta-0.1",))
    result = run("migrate", "delta")
    assert result.code == 0, result.err
    assert 're.sub(r"^delta\\-", "", version)' in (repo.path / "setup.py").read_text()


@pytest.mark.parametrize("style", ["minimal", "modern"])
def test_a_tag_that_is_no_version_stops_it(tree, run, style):
    repo = service(tree({}), "delta", tags=("nightly",))
    result = run("migrate", "--style", style, "delta")
    assert result.code == 2
    assert "the nearest tag, nightly, is" in result.err
    assert repo("status", "--porcelain") == ""


def test_a_project_below_the_top_of_its_repository_says_the_way_up(tree, run):
    root = tree({})
    repo = Repo(root / "mono")
    text = SETUP.replace("NAME", "inner").replace("LICENCE", "MIT")
    repo.commit("1.0", files={"services/inner/setup.py": text})
    result = run("migrate", "--style", "modern", "mono/services/inner")
    assert result.code == 0, result.err
    new = (repo.path / "services/inner/pyproject.toml").read_text()
    assert '[tool.setuptools_scm]\nroot = "../.."\n' in new
    assert (repo.path / "services/inner/.git_archival.txt").exists()


def test_names_of_files_are_no_patterns(fleet, run):
    root = fleet[0].path.parent
    whole = Repo(root)
    whole.commit("0.1.0", files={"proj[1]/setup.py": SETUP})
    (root / "proj1").mkdir()
    (root / "proj1/setup.py").write_text("# mine, and not for git\n")
    result = run("migrate", "proj[1]", "--commit")
    assert result.code == 0, result.err
    assert whole("show", "--format=", "--name-only", "HEAD").splitlines() == ["proj[1]/setup.py"]


def test_all_files_of_a_project_are_written_or_none(fleet, run, monkeypatch):
    from relengtools.versions import rewrite

    real = rewrite.Path.replace

    def failing(path, target):
        if rewrite.Path(target).name == ".gitattributes":
            raise OSError(28, "No space left on device")
        return real(path, target)

    monkeypatch.setattr(rewrite.Path, "replace", failing)
    result = run("migrate", "--style", "modern", "alpha", "gamma")
    assert result.code == 2
    assert "No space left on device" in result.err
    assert [repo("status", "--porcelain", "--untracked-files=all") for repo in fleet] == ["", "", ""]
    assert os.access(fleet[0].path / "setup.py", os.X_OK)


def test_a_file_that_came_in_between_is_not_overwritten(fleet, run, monkeypatch):
    check = worktree.check

    def late(plan, commits):
        check(plan, commits)
        (plan.project.place.root / "pyproject.toml").write_text("# mine\n")

    monkeypatch.setattr(worktree, "check", late)
    result = run("migrate", "--style", "modern", "alpha")
    assert result.code == 2
    assert "something is there already" in result.err
    assert (fleet[0].path / "pyproject.toml").read_text() == "# mine\n"
    assert fleet[0]("status", "--porcelain") == "?? pyproject.toml"


WRONG = {
    ("--stub", "make"): "add --verify",
    ("--diff", "--commit"): "choose one",
    ("nowhere",): "nowhere",
    ("--style", "other"): "--style",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_call_is_one_clear_line(tree, run, arguments):
    tree({"setup.py": "from setuptools import setup\nsetup(name='p', version='1.0')\n"})
    result = run("migrate", *arguments)
    assert result.code == 2
    assert WRONG[arguments] in result.err
    assert len(result.err.splitlines()) == 1


def test_no_setup_py_is_an_error(tree, run):
    tree({"README": ""})
    result = run("migrate")
    assert result.code == 2
    assert "no setup.py at or below it" in result.err


DEEP = "+".join(["'a'"] * 5000)
BROKEN = {
    "cut off": "setup(",
    "no text": "\0",
    "too many brackets": "from setuptools import setup\nsetup(name=" + "(" * 300 + ")" * 300,
    "a deep name": SETUP.replace('"NAME"', DEEP),
    "a deep version": SETUP.replace("subprocess.PIPE", DEEP),
}


@pytest.mark.parametrize("style", ["minimal", "modern"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_setup_py_is_told_of(tree, run, name, style):
    root = tree({"setup.py": BROKEN[name]})
    result = run("migrate", "--style", style)
    assert result.code in (0, 2)
    assert "setup.py" in result.out + result.err
    assert result.code == 0 or [path.name for path in root.iterdir()] == ["setup.py"]


def test_control_c_while_it_builds_loses_nothing(fleet, tmp_path):
    """Only the program is interrupted here; a terminal would interrupt what it has started as well."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "relengtools", "versions", "migrate", "--style", "modern", "--verify", "alpha"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(temporary.glob("relengtools-*/programs")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b""), err
    assert b"Traceback" not in err
    assert list(temporary.iterdir()) == []
    assert fleet[0]("status", "--porcelain") == ""


def test_an_escape_sequence_never_reaches_the_terminal(tree, run):
    text = SETUP.replace("NAME", "x\\x1b[31mred").replace("LICENCE", "\\x1b[31mBSD")
    tree({"setup.py": text})
    result = run("migrate", "--style", "modern")
    assert "\x1b" not in result.out + result.err


def test_json_has_a_row_for_every_project(fleet, run):
    (fleet[2].path / "README").write_text("three\n")
    planned = json.loads(run("migrate", "--style", "modern", "--diff", "--output-format", "json", "alpha", "beta").out)
    assert [row["result"] for row in planned["projects"]] == ["planned", "refused"]
    assert planned["projects"][0]["diff"].startswith("--- /dev/null\n+++ b/alpha/pyproject.toml\n")
    assert fleet[0]("status", "--porcelain") == ""
    result = run("migrate", "--style", "modern", "--output-format", "json", "alpha", "beta", "gamma")
    document = json.loads(result.out)
    alpha, beta, gamma = document["projects"]
    assert (result.code, alpha["result"], beta["result"], gamma["result"]) == (2, "migrated", "refused", "failed")
    assert (alpha["path"], alpha["verified"], alpha["diff"], alpha["lost"]) == ("alpha", False, None, [])
    assert {"file": "alpha/pyproject.toml", "change": "made"} in alpha["files"]
    assert alpha["before"].startswith("0.62.4-2-g")
    assert alpha["after"].startswith("0.62.5.dev2+g")
    assert "licence" in beta["reasons"][0] or "license" in beta["reasons"][0]
    assert "the work tree is dirty (README)" in gamma["reasons"][0]
    assert any("SETUPTOOLS_SCM_PRETEND_VERSION" in line for line in document["packager"])
