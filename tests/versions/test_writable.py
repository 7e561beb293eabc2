"""Files that a fix must leave alone: ignored ones, those of other repositories, and what a link leads to."""

import json

import pytest
from versions.gitrepo import Repo

SPELT = '[project]\nname = "pkg"\nversion = "v1.0"\n'
LOCK = '[[package]]\nname = "pkg"\nversion = "v1.0"\nsource = { editable = "." }\n'
OURS = {
    "setup.py": "from setuptools import setup\nsetup(name='pkg', version='v1.0')\n",
    "pkg/__init__.py": "__version__ = 'v1.0'\n",
    "requirements.txt": "a >=v1.0\n",
    "uv.lock": LOCK,
}


def contents(root, names):
    return {name: (root / name).read_text() for name in names}


@pytest.fixture
def ignoring(tree):
    """A repository of which one file is tracked, and all others of the project are ignored."""
    root = tree({**OURS, "pyproject.toml": SPELT, ".gitignore": "pkg/\nsetup.py\nuv.lock\nrequirements.txt\n"})
    repo = Repo(root)
    repo("add", "pyproject.toml", ".gitignore")
    repo.commit()
    return root


def test_ignored_files_are_left_as_they_are_and_told_of(ignoring, run):
    diff = run("check", "--diff")
    assert diff.out.count("--- a/") == 1
    result = run("check", "--fix")
    assert result.code == 1
    assert contents(ignoring, OURS) == OURS
    assert 'version = "1.0"' in (ignoring / "pyproject.toml").read_text()
    told = [line for line in result.err.splitlines() if "git ignores it" in line]
    assert sorted(line.split(":")[1].strip() for line in told) == sorted(OURS)
    for shown in (result.out, diff.err):
        assert (shown.count("RV102"), shown.count("note:"), shown.count("--fix")) == (3, 4, 0)
    assert run("check", "--fix").code == 1
    assert contents(ignoring, OURS) == OURS


def test_no_fix_is_promised_that_is_not_made(ignoring, run):
    (ignoring / "requirements.txt").write_text("a >=v1.0\nb =>1\n")
    result = run("check")
    assert result.err == "relengtools: 1 project, 6 findings (can be mended: 1 by --fix)\n"
    document = json.loads(run("check", "--output-format", "json").out)
    assert document["summary"]["fixable"] == {"safe": 1, "unsafe": 0}
    assert [found["file"] for found in document["findings"] if found["fix"]] == ["pyproject.toml"]
    result = run("check", "--fix", "--unsafe-fixes")
    assert result.err.endswith("relengtools: 1 project, 5 findings, 1 file rewritten\n")


@pytest.mark.parametrize(
    ("spoil", "safe", "unsafe"),
    [
        (lambda root: None, 3, 1),
        (lambda root: (root / "pyproject.toml").chmod(0o444), 0, 0),  # all or none
        (lambda root: (root / "requirements.txt").chmod(0o444), 3, 0),  # which has no safe fix
        (lambda root: link(root / "pkg/__init__.py"), 0, 0),
    ],
)
def test_what_refuses_a_project_takes_its_promises(tree, run, spoil, safe, unsafe):
    root = tree({**OURS, "pyproject.toml": SPELT, "requirements.txt": "b =>1\n"})
    (root / "setup.py").unlink()
    spoil(root)
    document = json.loads(run("check", "--output-format", "json").out)
    assert document["summary"]["fixable"] == {"safe": safe, "unsafe": unsafe}
    before = contents(root, ["pyproject.toml", "requirements.txt"])
    run("check", "--fix")
    changed = contents(root, ["pyproject.toml", "requirements.txt"]) != before
    assert changed == bool(safe)


def link(path):
    path.rename(path.with_name("elsewhere.py"))
    path.symlink_to("elsewhere.py")


def test_an_ignored_file_is_rewritten_where_it_is_tracked_or_named(ignoring, run):
    Repo(ignoring)("add", "-f", "uv.lock")
    run("check", "--fix")
    assert (ignoring / "uv.lock").read_text() == LOCK.replace("v1.0", "1.0")
    run("check", "--fix", "setup.py")
    assert contents(ignoring, OURS) == OURS | {
        "uv.lock": LOCK.replace("v1.0", "1.0"),
        "setup.py": OURS["setup.py"].replace("v1.0", "1.0"),
    }


def test_all_of_an_ignored_folder_that_is_named_is_rewritten(tree, run):
    root = tree({"old/pyproject.toml": SPELT, "old/pkg.py": "__version__ = 'v1.0'\n", ".gitignore": "old\n"})
    Repo(root)
    assert run("check", "--fix", "old").code == 1
    assert "v1" not in "".join(contents(root, ["old/pyproject.toml", "old/pkg.py"]).values())


def test_names_are_no_patterns(tree, run):
    files = {"p1/pyproject.toml": SPELT, "p[1]/pyproject.toml": SPELT.replace("pkg", "b"), "p[1]/b.py": "a = 1\n"}
    root = tree(files | {"p1/b.py": "", "p[1]/b.py": "__version__ = 'v1.0'\n", ".gitignore": "b.py\n"})
    repo = Repo(root)
    repo("add", "-f", "p1")
    run("check", "--fix")
    assert (root / "p[1]/b.py").read_text() == "__version__ = 'v1.0'\n"
    assert 'version = "1.0"' in (root / "p[1]/pyproject.toml").read_text()


def test_a_fix_that_would_change_an_ignored_file_too_falls_away_whole(tree, run):
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "0.1-2-g1234567"\n',
        "x.py": "__version__ = '7'\n",
        ".gitignore": "pyproject.toml\n",
    }
    root = tree(files)
    repo = Repo(root)
    repo("add", "x.py", ".gitignore")
    repo.commit()
    assert "git ignores it" in run("check", "--fix", "--unsafe-fixes", ".").err
    assert contents(root, files) == files


def test_bump_leaves_ignored_copies(ignoring, run):
    (ignoring / "setup.py").unlink()
    for name in ("pyproject.toml", "pkg/__init__.py", "uv.lock"):
        (ignoring / name).write_text((ignoring / name).read_text().replace("v1.0", "1.0"))
    before = contents(ignoring, ["pkg/__init__.py", "uv.lock"])
    result = run("bump", "minor")
    assert (result.code, result.err.count("git ignores it")) == (0, 2)
    assert contents(ignoring, before) == before
    assert 'version = "1.1"' in (ignoring / "pyproject.toml").read_text()


def test_bump_refuses_an_ignored_owner(tree, run):
    hatch = '[build-system]\nbuild-backend="hatchling.build"\n[project]\nname="pkg"\ndynamic=["version"]\n'
    root = tree({"pyproject.toml": f'{hatch}[tool.hatch.version]\npath="v.py"\n', "v.py": "__version__ = '1.0'\n"})
    (root / ".gitignore").write_text("v.py\n")
    Repo(root)
    result = run("bump", "minor")
    assert (result.code, result.out) == (2, "")
    assert "v.py" in result.err
    assert "git ignores" in result.err
    assert (root / "v.py").read_text() == "__version__ = '1.0'\n"


@pytest.mark.parametrize("flag", ["--fix", "--diff"])
def test_a_file_of_another_repository_is_refused(tree, run, flag):
    files = {"pyproject.toml": SPELT, "docs/conf.py": "release = 'v1.0'\n"}
    root = tree(files)
    Repo(root / "docs").commit(files={"conf.py": files["docs/conf.py"]})
    Repo(root)
    result = run("check", flag)
    assert result.code == 2
    assert "docs/conf.py: not rewritten: it is of another repository, docs: edit it there" in result.err
    assert contents(root, files) == files


def test_bump_leaves_what_is_not_the_project_own_and_tells_of_it(tree, run):
    files = {
        "pyproject.toml": SPELT.replace("v1.0", "1.0"),
        "docs/conf.py": "release = '1.0'\n",
        "other/pkg.py": "__version__ = '1.0'\n",
    }
    root = tree(files)
    (root / "pkg.py").symlink_to("other/pkg.py")
    Repo(root / "docs").commit(files={"conf.py": files["docs/conf.py"]})
    Repo(root)
    result = run("bump", "minor")
    assert (result.code, result.out) == (0, "pkg 1.0 -> 1.1\n  pyproject.toml:3: 1.0 -> 1.1\n")
    assert "docs/conf.py: not rewritten: it is of another repository, docs: edit it there" in result.err
    assert "pkg.py: not rewritten: a symlink leads from it to other/pkg.py: edit that file by hand" in result.err
    assert contents(root, files) == files | {"pyproject.toml": SPELT.replace("v1.0", "1.1")}


def test_git_own_files_are_refused(tree, run):
    hatch = '[build-system]\nbuild-backend="hatchling.build"\n[project]\nname="pkg"\ndynamic=["version"]\n'
    where = '[tool.hatch.version]\npath=".git/HEAD"\npattern="ref: (?P<version>.+)"\n'
    root = tree({"pyproject.toml": hatch + where})
    Repo(root)
    (root / ".git/HEAD").write_text("ref: v1.0\n")
    assert run("check", "--fix").code == 2
    assert (root / ".git/HEAD").read_text() == "ref: v1.0\n"


@pytest.mark.parametrize("git", [True, False])
def test_a_folder_behind_a_link_is_refused(tree, run, git):
    files = {"one/pyproject.toml": SPELT, "two/docs/conf.py": "release = 'v1.0'\n"}
    root = tree(files)
    if git:
        Repo(root)
    (root / "one/docs").symlink_to("../two/docs")
    result = run("check", "--fix")
    assert result.code == 2
    assert "a symlink leads from it to two/docs/conf.py: edit that file by hand" in result.err
    assert contents(root, files) == files


def test_a_project_that_is_reached_by_a_link_is_rewritten(tree, run):
    root = tree({"real/pyproject.toml": SPELT, "real/pkg.py": "__version__ = 'v1.0'\n"})
    (root / "link").symlink_to("real")
    Repo(root)
    assert run("check", "--fix", "link").code == 1
    assert "v1" not in (root / "real/pkg.py").read_text()
