"""The next version: a table of what each part makes, and whole trees bumped by the command."""

import json
import re
import subprocess
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from relengtools.errors import RelengError
from relengtools.versions import git as versions_git
from relengtools.versions.bump import PARTS, advance

TODAY = date(2026, 11, 24)
TABLE = [
    # from, major, minor, patch, pre, post, dev, release (None: refused)
    ("1.2.3", "2.0.0", "1.3.0", "1.2.4", "1.2.4rc1", "1.2.3.post1", "1.2.4.dev1", None),
    ("1.3.0rc1", "2.0.0", "1.3.0", "1.3.0", "1.3.0rc2", None, "1.3.0rc2.dev1", "1.3.0"),
    ("2.0.0b3", "2.0.0", "2.0.0", "2.0.0", "2.0.0b4", None, "2.0.0b4.dev1", "2.0.0"),
    ("1.2.4rc1", "2.0.0", "1.3.0", "1.2.4", "1.2.4rc2", None, "1.2.4rc2.dev1", "1.2.4"),
    ("1.2.3.post1", "2.0.0", "1.3.0", "1.2.4", "1.2.4rc1", "1.2.3.post2", "1.2.3.post2.dev1", None),
    ("1.3.0.dev2", "2.0.0", "1.3.0", "1.3.0", "1.3.0rc1", None, "1.3.0.dev3", "1.3.0"),
    ("1.3.0rc2.dev1", "2.0.0", "1.3.0", "1.3.0", "1.3.0rc2", None, "1.3.0rc2.dev2", "1.3.0"),
    ("1.2", "2.0", "1.3", "1.2.1", "1.2.1rc1", "1.2.post1", "1.2.1.dev1", None),
    ("1!1.2.3", "1!2.0.0", "1!1.3.0", "1!1.2.4", "1!1.2.4rc1", "1!1.2.3.post1", "1!1.2.4.dev1", None),
    ("0.9.9.9", "1.0.0.0", "0.10.0.0", "0.9.10.0", "0.9.9.10rc1", "0.9.9.9.post1", "0.9.9.10.dev1", None),
]


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [(row[0], part, new) for row in TABLE for part, new in zip(PARTS, row[1:], strict=True)],
)
def test_what_each_part_makes(text, part, expected):
    if expected is None:
        with pytest.raises(RelengError):
            advance(text, part, TODAY)
    else:
        assert advance(text, part, TODAY) == expected
        assert Version(expected) > Version(text)


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        ("2026.08", "minor", "2026.11"),
        ("2026.8", "release", "2026.11"),
        ("26.08", "patch", "26.11"),
        ("26.8", "patch", "26.8.1"),
        ("20.5.0", "minor", "20.6.0"),
        ("2026.08.10", "release", "2026.11.24"),
        ("2026.8.24", "major", "2026.11.24"),
        ("2026.8.3", "release", "2026.11.0"),
        ("2026.11.3", "release", "2026.11.4"),
        ("2026.08.10", "post", "2026.8.10.post1"),
        ("2026.08.10", "pre", "2026.11.24rc1"),
        ("26.08", "dev", "26.11.dev1"),
        ("2026.11.24rc1", "release", "2026.11.24"),
        ("2026.11.24rc1", "pre", "2026.11.24rc2"),
        ("2026.8.24.3", "release", "2026.11.24.0"),
        ("2026.11.24.3", "patch", "2026.11.24.4"),
        ("2026.11.05.3", "patch", "2026.11.24.0"),
        ("2026.08.09.0", "dev", "2026.11.24.0.dev1"),
        ("26.08.1", "patch", "26.11.0"),
        ("26.08.14", "patch", "26.11.24"),
        ("20260810", "minor", "20261124"),
        ("20261320", "minor", "20261320.1"),
        ("1.8.10", "minor", "1.9.0"),
        ("2026.13", "minor", "2026.14"),
    ],
)
def test_calendar_versions_keep_their_pattern(text, part, expected):
    assert advance(text, part, TODAY) == expected


@pytest.mark.parametrize(
    ("text", "part", "calendar", "expected"),
    [
        ("26.8", "minor", True, "26.11"),
        ("26.8", "release", True, "26.11"),
        ("26.8", "post", True, "26.8.post1"),
        ("26.8.1", "patch", True, "26.11.0"),
        ("26.11.1", "patch", True, "26.11.2"),
        ("26.8.24", "patch", True, "26.11.24"),
        ("2026.8", "minor", True, "2026.11"),
        ("1.8.10", "minor", True, "1.9.0"),
        ("26.13", "minor", True, "26.14"),
        ("26.8", "minor", False, "26.9"),
        ("2026.8", "minor", False, "2026.9"),
        ("26.08", "minor", False, "26.9"),
    ],
)
def test_the_project_may_say_whether_its_versions_are_dates(text, part, calendar, expected):
    assert advance(text, part, TODAY, calendar) == expected


YEAR = date.today().year - 2001  # last year's two digits
MONTHS = [
    # tags and the months in which they are made, what the settings say, what comes after 25.8, whether a doubt is told
    ([], "", "25.9", True),
    ([], "calendar = true", "", False),
    ([], "calendar = false", "25.9", False),
    ([("25.5", "25-05"), ("25.8", "25-08")], "", "", False),
    ([("v25.5", "25-05"), ("v25.8", "25-08")], "", "", False),
    ([("v24.12.1", "24-12"), ("v25.8", "25-08")], "", "", False),
    ([("25.5", "25-05"), ("25.8", "25-08")], "calendar = false", "25.9", False),
    ([("25.8", "25-08")], "", "25.9", True),  # once may be by chance
    ([("25.1", "25-01"), ("25.2", "25-05"), ("25.8", "25-08")], "", "25.9", True),
]


@pytest.mark.parametrize(("months", "settings", "new", "told"), MONTHS)
def test_a_short_year_is_one_where_the_tags_or_the_settings_say_so(tree, run, monkeypatch, months, settings, new, told):
    def moved(text):
        return text.replace("25", str(YEAR)).replace("24", str(YEAR - 1))

    root = tree({"pyproject.toml": PROJECT.replace("1.2.3", f"{YEAR}.8") + f"[tool.relengtools]\n{settings}\n"})
    git(root, "init", "-q")
    for name, made in months:
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"20{moved(made)}-15T12:00:00Z")
        git(root, "add", "-A")
        git(root, "commit", "-q", "--allow-empty", "-m", name)
        git(root, "tag", moved(name))
    result = run("bump", "minor")
    assert result.out.startswith(f"core {YEAR}.8 -> {moved(new) or f'{date.today():%y}.{date.today().month}'}\n")
    assert (f"{YEAR}.8 is counted on as a number, though it may be a date" in result.err) is told


def test_other_versions_are_not_taken_for_dates(tree, run):
    for version in ("1.2.3", f"{YEAR + 20}.1", f"{YEAR - 6}.3", f"{YEAR}.13"):
        tree({"pyproject.toml": PROJECT.replace("1.2.3", version)})
        assert run("bump", "minor").err == ""


@pytest.mark.parametrize(
    ("text", "part", "said"),
    [
        ("1.0", "0.9", "doesn't sort above"),
        ("1.0", "1.0.0", "doesn't sort above"),
        ("1.0", "next", "neither a version nor one of"),
        ("1.0+local", "patch", "local label"),
        ("1.0-2-gabc1234", "patch", "no PEP 440 version"),
        ("2026.11", "minor", "today's version already"),
        ("20261124", "minor", "today's version already"),
        ("2027.1", "minor", "of a later date than today's 2026.11"),
        ("2026.11.30", "patch", "of a later date than today's 2026.11.24"),
        ("20261130", "minor", "of a later date than today's 20261124"),
    ],
)
def test_what_has_no_honest_answer_is_refused(text, part, said):
    with pytest.raises(RelengError, match=said):
        advance(text, part, TODAY)


@given(
    st.builds(
        lambda release, tail: ".".join(map(str, release)) + tail,
        st.lists(st.integers(0, 30), min_size=1, max_size=4),
        st.sampled_from(["", "a1", "rc2", ".post1", ".dev3", "b1.dev2", ".post1.dev1"]),
    ),
    st.sampled_from(PARTS),
)
def test_the_next_version_always_sorts_above(text, part):
    try:
        new = advance(text, part, TODAY)
    except RelengError:
        return
    assert Version(new) > Version(text)


PROJECT = '[project]\nname = "core"\nversion = "1.2.3"\n'


def git(root, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def test_everything_moves_together(tree, run):
    lock = 'version = 1\n\n[[package]]\nname = "core"\nversion = "1.2.3"\nsource = { editable = "." }\n'
    other = '\n[[package]]\nname = "dep"\nversion = "1.2.3"\nsource = { registry = "https://example.org" }\n'
    root = tree(
        {
            "pyproject.toml": PROJECT,
            "src/core/__init__.py": '__version__ = "1.2.3"  # 1.2.3\n',
            "CITATION.cff": "cff-version: 1.2.0\nversion: 1.2.3\n",
            "docs/conf.py": "release = '1.2.3'\n",
            "package.json": '{"version": "1.2.3"}\n',
            "debian/changelog": "core (1.2.3-1) unstable; urgency=low\n",
            "uv.lock": lock + other,
        }
    )
    assert run("bump", "1.3.0rc1").code == 0
    assert (root / "src/core/__init__.py").read_text() == '__version__ = "1.3.0rc1"  # 1.2.3\n'
    assert "version: 1.3.0rc1\n" in (root / "CITATION.cff").read_text()
    assert (root / "docs/conf.py").read_text() == "release = '1.3.0rc1'\n"
    assert (root / "package.json").read_text() == '{"version": "1.3.0-rc.1"}\n'
    assert "(1.2.3-1)" in (root / "debian/changelog").read_text()
    assert (root / "uv.lock").read_text() == lock.replace("1.2.3", "1.3.0rc1") + other
    assert run("check").code == 0


def test_pins_of_siblings_move_and_others_stay(tree, run):
    root = tree(
        {
            "core/pyproject.toml": PROJECT,
            "cli/pyproject.toml": '[project]\nname="cli"\nversion="1.2.3"\ndependencies=["core==1.2.3","dep==1.2.3"]\n',
            "old/pyproject.toml": '[project]\nname="old"\nversion="1"\ndependencies=["core==1.0","core>=1"]\n',
        }
    )
    before = (root / "old/pyproject.toml").read_bytes()
    written = "  core/pyproject.toml:3: 1.2.3 -> 1.3.0\n  cli/pyproject.toml:4: 1.2.3 -> 1.3.0\n"
    assert run("bump", "minor", "core").out == f"core 1.2.3 -> 1.3.0\n{written}"
    assert '["core==1.3.0","dep==1.2.3"]' in (root / "cli/pyproject.toml").read_text()
    assert 'version="1.2.3"' in (root / "cli/pyproject.toml").read_text()
    assert (root / "old/pyproject.toml").read_bytes() == before


PEP621 = '[project]\nname = "cli"\nversion = "1"\ndependencies = ["%s"]\n'
POETRY = '[tool.poetry]\nname = "cli"\nversion = "1"\n[tool.poetry.dependencies]\n%s\n'
RANGES = [
    # a file beside core 1.2.3, what it requires, and whether it still does after a bump to 1.3.0
    ("cli/pyproject.toml", PEP621, "core<1.3", False),
    ("cli/pyproject.toml", PEP621, "core~=1.2.0", False),
    ("cli/pyproject.toml", PEP621, "core==1.2.*", False),
    ("cli/pyproject.toml", PEP621, "core[x]>=1,<1.2.99; python_version > '3'", False),
    ("cli/pyproject.toml", PEP621, "core~=1.2", True),
    ("cli/pyproject.toml", PEP621, "core>=1.2,<2", True),
    ("cli/pyproject.toml", PEP621, "core>=1.2.4", True),  # as broken before
    ("cli/pyproject.toml", PEP621, "core==1.2.3", True),  # moves along
    ("cli/pyproject.toml", PEP621, "corelib<1.3", True),
    ("cli/pyproject.toml", '[build-system]\nrequires = ["%s"]\n' + PROJECT.replace("core", "cli"), "core<1.3", True),
    ("cli/setup.cfg", "[metadata]\nname = cli\nversion = 1\n[options]\ninstall_requires = %s\n", "core<1.3", False),
    ("cli/pyproject.toml", POETRY, 'core = "~1.2"', False),
    ("cli/pyproject.toml", POETRY, 'core = "1.2.3"', False),
    ("cli/pyproject.toml", POETRY, 'core = { version = "~1.2.0", path = "../core" }', False),
    ("cli/pyproject.toml", POETRY, 'core = "^1.2"', True),
    ("cli/pyproject.toml", POETRY, 'core = "1.2.* || ^1.3"', True),
    ("cli/pyproject.toml", POETRY, 'core = "*"', True),
    ("cli/pyproject.toml", POETRY, 'core = { path = "../core" }', True),
    ("core/requirements.txt", "%s", "core==1.2.3", True),  # its own
    ("requirements.txt", "%s", "core==1.2.3", False),
    ("constraints.txt", "dep==1.2.3\n%s\n", "core<1.3", False),
    ("constraints.txt", "dep==1.2.3\n%s\n", "core>=1.2.3", True),
]


@pytest.mark.parametrize(("file", "text", "requirement", "still"), RANGES)
def test_a_range_that_the_new_version_leaves_is_told_of_before_it_is_written(tree, run, file, text, requirement, still):
    root = tree({"core/pyproject.toml": PROJECT, file: text % requirement})
    result = run("bump", "minor", "core", "--diff")
    places = [line for line in result.err.splitlines() if "doesn't accept 1.3.0, and stays as it is" in line]
    assert (result.code, len(places)) == (1, not still)
    assert all(place.startswith(f"relengtools: {file}:") and "core" in place for place in places)
    found = json.loads(run("bump", "minor", "core", "--output-format", "json").out)["behind"]
    assert [(one["file"], one["new"]) for one in found] == [(file, "1.3.0")] * (not still)
    assert "1.3.0" in (root / "core/pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pyproject.toml": PROJECT, "core.py": "__version__ = '1.2.2'"}, "core.py:1: says 1.2.2, not 1.2.3"),
        ({"setup.py": "from setuptools import setup\nV = 1, 2\nsetup(version='.'.join(map(str, V)))"}, "put together"),
        ({"pyproject.toml": '[project]\nname="x"\ndynamic=["version"]\n[tool.setuptools_scm]\n'}, "make a tag"),
        ({"pyproject.toml": '[project]\nname="x"\nversion="v1-2-g1a2b3c4"\n'}, "no PEP 440 version"),
    ],
)
def test_what_cannot_be_bumped_is_left_alone(tree, run, files, said):
    root = tree(files)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    result = run("bump", "minor")
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_diff_writes_nothing_and_applies(tree, run):
    root = tree({"pyproject.toml": PROJECT, "core.py": "__version__ = '1.2.3'\n"})
    git(root, "init", "-q")
    result = run("bump", "patch", "--diff")
    assert result.code == 1
    assert (root / "pyproject.toml").read_text() == PROJECT
    subprocess.run(["git", "apply"], input=result.out, cwd=root, check=True, text=True)
    assert (root / "core.py").read_text() == "__version__ = '1.2.4'\n"


def test_commit_and_tag_on_request(tree, run):
    root = tree({"pyproject.toml": PROJECT})
    git(root, "init", "-q")
    git(root, "config", "user.name", "a")
    git(root, "config", "user.email", "a@example.org")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "tag", "release-1.2.3")
    assert run("bump", "minor", "--tag").code == 2
    assert run("bump", "minor", "--commit", "--tag").code == 0
    assert git(root, "tag", "--points-at", "HEAD") == "release-1.3.0\n"
    assert git(root, "status", "--porcelain") == ""
    assert run("bump", "1.2.9").code == 2
    (root / "pyproject.toml").write_text(PROJECT.replace("1.2.3", "1.3.0") + "# mine\n")
    assert "uncommitted" in run("bump", "minor", "--commit").err


def test_a_release_of_another_branch_is_no_hindrance(tree, run):
    root = tree({"pyproject.toml": PROJECT})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "tag", "v1.2.3")
    git(root, "checkout", "-qb", "later")
    git(root, "commit", "-q", "--allow-empty", "-m", "two")
    git(root, "tag", "v2.0.0")
    assert "doesn't sort above 2.0.0" in run("bump", "patch").err
    git(root, "checkout", "-q", "main")
    assert run("bump", "patch").code == 0


def repository(root):
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "a")
    git(root, "config", "user.email", "a@example.org")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return root


@pytest.mark.parametrize(
    ("tags", "version", "part", "made"),
    [
        ((), "1.2.3", "minor", "v1.3.0"),
        (("v1.2.3-rc1",), "1.2.3rc1", "release", "v1.2.3"),
        (("v2026.08.01",), "2026.08.01", "release", f"v{date.today():%Y.%m.%d}"),
        (("rel_1_2_3",), "1.2.3", "patch", "rel_1_2_4"),
        (("1.2.3", "latest", "build-9999"), "1.2.3", "patch", "1.2.4"),
    ],
)
def test_a_tag_is_spelt_as_the_one_before(tree, run, tags, version, part, made):
    root = repository(tree({"pyproject.toml": PROJECT.replace("1.2.3", version)}))
    for tag in tags:
        git(root, "tag", tag)
    result = run("bump", part, "--commit", "--tag")
    assert (result.code, result.out.splitlines()[-1]) == (0, f"tag {made}"), result.err
    assert git(root, "tag", "--points-at", "HEAD") == f"{made}\n"


def test_tags_of_several_projects_are_told_apart(tree, run):
    files = {f"{name}/pyproject.toml": PROJECT.replace("core", name) for name in ("api", "api-client", "web")}
    root = repository(tree(files))
    for tag in ("api/v1.2.3", "api-client/v7.0.0"):
        git(root, "tag", tag)
    assert run("bump", "patch", "api", "--commit", "--tag").out.splitlines()[-1] == "tag api/v1.2.4"
    assert "doesn't sort above 7.0.0" in run("bump", "patch", "api-client").err
    before = git(root, "rev-parse", "HEAD")
    for arguments in (("web",), ("web", "api")):
        assert run("bump", "patch", *arguments, "--commit", "--tag").code == 2
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "rev-parse", "HEAD") == before
    git(root, "tag", "api/v1.2.5")
    assert "doesn't sort above 1.2.5" in run("bump", "patch", "api", "--commit", "--tag").err


def test_the_commit_names_what_is_bumped_where_that_is_not_all(tree, run):
    root = repository(tree({f"{name}/pyproject.toml": PROJECT.replace("core", name) for name in ("api", "web")}))
    assert run("bump", "patch", "api", "--commit").code == 0
    assert git(root, "log", "-1", "--format=%s") == "api 1.2.4\n"
    assert run("bump", "2.0", "--commit").code == 0
    assert git(root, "log", "-1", "--format=%s") == "Version 2.0\n"


def test_a_shallow_clone_does_not_know_the_last_release(tree, run):
    root = tree({"p/pyproject.toml": PROJECT})
    repository(root / "p")
    git(root, "clone", "-q", "--depth", "1", f"file://{root}/p", "shallow")
    before = state(root / "shallow")
    result = run("bump", "minor", "shallow", "--commit", "--tag")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "--tag: shallow: a shallow clone doesn't know the earlier releases" in result.err
    assert state(root / "shallow") == before
    result = run("bump", "minor", "shallow")
    assert (result.code, "a shallow clone doesn't know" in result.err) == (0, True)


def test_json_says_what_was_or_would_be_done(tree, run):
    root = repository(tree({"pyproject.toml": PROJECT}))
    result = run("bump", "minor", "--diff", "--output-format", "json")
    planned = json.loads(result.out)
    assert (result.code, planned["written"], planned["committed"], planned["tag"]) == (1, False, False, None)
    assert planned["diff"].startswith("--- a/pyproject.toml\n")
    result = run("bump", "minor", "--commit", "--tag", "--output-format", "json")
    done = json.loads(result.out)
    assert (result.code, done["tag"], done["diff"]) == (0, "v1.3.0", None)
    assert done["bumps"] == [{"path": ".", "name": "core", "old": "1.2.3", "new": "1.3.0"}]
    assert done["edits"] == planned["edits"]
    assert done["edits"][0] | {"column": 0} == {
        "file": "pyproject.toml",
        "line": 3,
        "column": 0,
        "old": "1.2.3",
        "new": "1.3.0",
    }
    assert "1.3.0" in (root / "pyproject.toml").read_text()


@pytest.mark.parametrize(("more", "said"), [(("--diff",), "choose one"), ((), "needs a git work tree")])
def test_what_cannot_be_committed_is_refused_before_anything_is_written(tree, run, more, said):
    root = tree({"pyproject.toml": PROJECT})
    result = run("bump", "minor", "--commit", *more)
    assert (result.code, said in result.err) == (2, True)
    assert (root / "pyproject.toml").read_text() == PROJECT


def hook(root, text, name="pre-commit"):
    path = root / f".git/hooks/{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def state(root):
    return (git(root, "rev-parse", "HEAD"), git(root, "status", "--porcelain"), git(root, "stash", "list"))


def test_where_a_hook_refuses_the_commit_all_is_as_it_was(tree, run):
    root = repository(tree({"pyproject.toml": PROJECT, "core.py": "__version__ = '1.2.3'\n"}))
    hook(root, "git add -A; echo no >&2; exit 1")
    before = state(root)
    result = run("bump", "minor", "--commit")
    assert (result.code, result.out) == (2, "")
    assert result.err == "relengtools: .: not committed, and the files are as they were: git refused: no\n"
    assert (root / "pyproject.toml").read_text() == PROJECT
    assert state(root) == before


def test_a_lock_of_the_index_stops_a_commit_with_nothing_changed(tree, run):
    root = repository(tree({"pyproject.toml": PROJECT}))
    (root / ".git/index.lock").write_text("")
    result = run("bump", "minor", "--commit")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "index.lock" in result.err
    assert (root / "pyproject.toml").read_text() == PROJECT


MEANWHILE = [
    # what a hook does before it fails, and what of it git keeps
    ("echo '# hook' >> pyproject.toml", b"# hook\n"),
    ("rm pyproject.toml", None),
    ("git checkout -q pyproject.toml", None),
    ("sed -i s/1.3.0/1.4.0/ pyproject.toml; git add pyproject.toml", b'version = "1.4.0"\n'),
]


@pytest.mark.parametrize(("does", "kept"), MEANWHILE)
def test_what_a_hook_has_changed_is_put_back_and_not_lost(tree, run, does, kept):
    root = repository(tree({"pyproject.toml": PROJECT, "core.py": "__version__ = '1.2.3'\n"}))
    (root / "pyproject.toml").chmod(0o755)
    git(root, "commit", "-am", "mode")
    hook(root, f"{does}; echo no >&2; exit 1")
    before = state(root)
    result = run("bump", "minor", "--commit")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert ": not committed, and the files are as they were" in result.err
    assert (root / "pyproject.toml").read_text() == PROJECT
    assert state(root) == before
    found = re.findall(r"pyproject.toml: `(git cat-file blob \w+)`", result.err)
    assert len(found) == (kept is not None)
    assert all(subprocess.check_output(one.split(), cwd=root).endswith(kept) for one in found)


def test_what_else_a_hook_has_changed_stays_and_is_named(tree, run):
    root = repository(tree({"pyproject.toml": PROJECT, "a.py": "", "mine.py": ""}))
    (root / "mine.py").write_text("# mine\n")
    hook(root, "echo '# hook' >> a.py; echo '# hook' >> mine.py; exit 1")
    result = run("bump", "minor", "--commit")
    assert "the files are as they were, but for what else has changed meanwhile: a.py: git refused" in result.err
    assert (root / "pyproject.toml").read_text() == PROJECT
    assert ((root / "a.py").read_text(), (root / "mine.py").read_text()) == ("# hook\n", "# mine\n# hook\n")


def test_where_the_files_cannot_be_put_back_it_says_how(tree, run):
    root = repository(tree({"pyproject.toml": PROJECT, "other": ""}))
    hook(root, "ln -sf other pyproject.toml; exit 1")
    result = run("bump", "minor", "--commit")
    assert "could not be put back (pyproject.toml: not rewritten: it is a symlink to other" in result.err
    assert "they stay changed; `git restore pyproject.toml` would put them back" in result.err


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["pre-commit"], "that may be the hook .git/hooks/pre-commit\n"),
        (["commit-msg", "pre-commit"], "that may be the hook .git/hooks/pre-commit or .git/hooks/commit-msg\n"),
    ],
)
def test_a_hook_that_fails_without_a_word_is_named(tree, run, names, said):
    root = repository(tree({"pyproject.toml": PROJECT}))
    for name in names:
        hook(root, "exit 3", name)
    assert run("bump", "minor", "--commit").err.endswith(f"git refused: exit code 1, and no word of why: {said}")


@pytest.mark.parametrize("late", [True, False])
def test_an_interrupted_commit_is_there_with_its_files_or_not_at_all(tree, run, monkeypatch, late):
    root = repository(tree({"pyproject.toml": PROJECT}))
    before, real = git(root, "rev-parse", "HEAD"), versions_git.lines

    def interrupted(*arguments):
        if late:
            list(real(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(versions_git, "lines", interrupted)
    result = run("bump", "minor", "--commit")
    assert (result.code, "as they were" in result.err) == (130, not late)
    assert git(root, "status", "--porcelain") == ""
    assert (git(root, "rev-parse", "HEAD") != before) is late


def test_a_tag_that_git_refuses_leaves_the_commit_and_is_told(tree, run):
    root = repository(tree({"pyproject.toml": PROJECT}))
    git(root, "config", "tag.gpgSign", "true")
    git(root, "config", "gpg.program", "false")
    result = run("bump", "minor", "--commit", "--tag")
    assert result.code == 2
    assert "committed, but not tagged v1.3.0" in result.err
    assert git(root, "status", "--porcelain") == ""


def test_names_of_files_are_no_patterns(tree, run):
    files = {f"{name}/pyproject.toml": PROJECT.replace("core", f"n{i}") for i, name in enumerate(("proj1", "proj[1]"))}
    root = repository(tree(files))
    (root / "proj1/pyproject.toml").write_text(files["proj1/pyproject.toml"] + "# mine\n")
    result = run("bump", "minor", "proj[1]", "--commit")
    assert (result.code, result.err) == (0, "")
    assert git(root, "show", "--format=", "--name-only").split() == ["proj[1]/pyproject.toml"]
    assert git(root, "status", "--porcelain") == " M proj1/pyproject.toml\n"


@pytest.mark.parametrize("ignored", [True, False])
def test_a_file_that_git_does_not_know_is_not_committed(tree, run, ignored):
    root = repository(tree({"README": "", ".gitignore": "pyproject.toml\n" if ignored else ""}))
    (root / "pyproject.toml").write_text(PROJECT)
    before = state(root)
    result = run("bump", "minor", "pyproject.toml", "--commit")
    assert (result.code, result.err) == (
        2,
        "relengtools: pyproject.toml: git doesn't know it: add and commit it first\n",
    )
    assert (root / "pyproject.toml").read_text() == PROJECT
    assert state(root) == before


def test_one_commit_is_in_one_repository(tree, run):
    files = {f"{name}/pyproject.toml": PROJECT.replace("core", name) for name in "ab"}
    root = tree(files)
    for name in "ab":
        repository(root / name)
    result = run("bump", "minor", "--commit")
    assert result.code == 2
    assert "there are 2 repositories (a, b)" in result.err
    assert {name: (root / name).read_text() for name in files} == files
    assert run("bump", "minor").code == 0


def test_filters_of_the_repository_itself_are_not_run(tree, run):
    root = repository(tree({"pyproject.toml": PROJECT, ".gitattributes": "* filter=spy\n"}))
    git(root, "config", "filter.spy.clean", "touch ran; cat")
    result = run("bump", "minor", "--commit")
    assert (result.code, "filter programs" in result.err) == (2, True)
    assert (root / "pyproject.toml").read_text() == PROJECT
    assert not (root / "ran").exists()


def test_excluded_projects_are_left_out(tree, run):
    settings = '[tool.relengtools]\nexclude = ["samples"]\n'
    pinned = PROJECT.replace("core", "sample") + 'dependencies = ["core==1.2.3"]\n'
    root = tree({"pyproject.toml": PROJECT + settings, "samples/pyproject.toml": pinned})
    assert run("bump", "minor").out == "core 1.2.3 -> 1.3.0\n  pyproject.toml:3: 1.2.3 -> 1.3.0\n"
    assert (root / "samples/pyproject.toml").read_text() == pinned
    sample = "  samples/pyproject.toml:3: 1.2.3 -> 1.3.0\n"
    assert run("bump", "minor", "samples").out == f"sample 1.2.3 -> 1.3.0\n{sample}"


def test_a_project_without_a_version_among_others_is_named_with_what_to_do(tree, run):
    root = tree({"pyproject.toml": PROJECT, "tests/x/setup.py": "from setuptools import setup\nsetup(name='x')\n"})
    result = run("bump", "minor")
    assert (result.code, result.out) == (2, "")
    assert "tests/x: no static version: name the projects to bump, or exclude" in result.err
    assert run("bump", "minor", "pyproject.toml").code == 0
    assert "1.3.0" in (root / "pyproject.toml").read_text()


def test_a_path_without_a_project_is_an_error(tree, run):
    root = tree({"pyproject.toml": PROJECT, "empty/README": ""})
    result = run("bump", "patch", "pyproject.toml", "empty")
    assert (result.code, result.err) == (2, "relengtools: empty: no project found\n")
    assert (root / "pyproject.toml").read_text() == PROJECT


def test_siblings_are_left_alone_where_git_cannot_say_what_it_ignores(tree, run, monkeypatch):
    pinned = '[project]\nname = "cli"\nversion = "1"\ndependencies = ["core==1.2.3"]\n'
    files = {"core/pyproject.toml": PROJECT, "cli/pyproject.toml": pinned}
    root = repository(tree(files))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr("relengtools.versions.commands_bump._above", lambda one, whole: None)  # which asks git too
    monkeypatch.setattr("relengtools.versions.commands_bump._cut_off", lambda plan: [])
    result = run("bump", "minor", "core/pyproject.toml")
    assert result.code == 2
    assert "cli: nothing written: git refused" in result.err
    assert {name: (root / name).read_text() for name in files} == files


@pytest.mark.parametrize(
    ("conf", "version", "expected"),
    [
        ('version = "1.2"\nrelease = "1.2.3"\n', "2.0.1", 'version = "2.0"\nrelease = "2.0.1"\n'),
        ('version = "1.2"\nrelease = "1.2.3"\n', "2", 'version = "2"\nrelease = "2"\n'),
        ('version = "1.2"\nrelease = "1.2.3"\n', "1.2.4rc1", 'version = "1.2"\nrelease = "1.2.4rc1"\n'),
        ('version = "1.2.3"\nrelease = "1.2.3"\n', "2.0.1", 'version = "2.0.1"\nrelease = "2.0.1"\n'),
        ('version = "1.1"\nrelease = "1.2.3"\n', "2.0.1", 'version = "1.1"\nrelease = "2.0.1"\n'),
        ('version = release = "1.2.3"\n', "2.0.1", 'version = release = "2.0.1"\n'),
        ('release = "1.2.3"\nversion = release\n', "2.0.1", 'release = "2.0.1"\nversion = release\n'),
        ('version = "1.2.3"\nrelease = version\n', "2.0.1", 'version = "2.0.1"\nrelease = version\n'),
        (
            'release = "1.2.3"\nversion = ".".join(release.split(".")[:2])\n',
            "2.0.1",
            'release = "2.0.1"\nversion = ".".join(release.split(".")[:2])\n',
        ),
    ],
)
def test_the_short_version_of_sphinx_moves_along(tree, run, conf, version, expected):
    root = tree({"pyproject.toml": PROJECT, "docs/conf.py": conf})
    assert run("bump", version).code == 0
    assert (root / "docs/conf.py").read_text() == expected
