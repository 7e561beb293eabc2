"""The git program: what is asked of it, and what it must not do."""

import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versions.gitrepo import Repo

from relengtools.versions import ancestry, git


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def test_tags_of_commits_are_peeled_and_others_left_out(repo: Repo) -> None:
    commit = repo.commit("light")
    repo("tag", "-a", "-m", "one", "noted")
    repo("tag", "-a", "-m", "two", "twice", "noted")
    repo("tag", "tree", "HEAD^{tree}")
    found = git.tags(repo.path)
    assert [(ref.name, ref.commit, ref.annotated) for ref in found] == [
        ("light", commit, False),
        ("noted", commit, True),
        ("twice", commit, True),
    ]
    assert all(ref.date == 1_600_086_400 for ref in found)


def test_head_and_the_graph(repo: Repo) -> None:
    assert git.head(repo.path) is None
    first, second = repo.commit(), repo.commit()
    assert git.head(repo.path) == second
    assert list(git.commits(repo.path, "HEAD")) == [(second, [first]), (first, [])]


def test_a_file_as_committed(repo: Repo) -> None:
    repo.commit(files={"setup.py": "one"})
    (repo.path / "setup.py").write_text("two")
    assert git.committed(repo.path, "setup.py") == b"one"
    assert git.committed(repo.path, "setup.cfg") is None


def test_a_shallow_clone_is_known(repo: Repo, tmp_path: Path) -> None:
    for _ in range(3):
        repo.commit()
    repo("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    assert not git.shallow(repo.path)
    assert git.shallow(tmp_path / "shallow")
    assert git.standing(repo.path) == (git.head(repo.path), False)
    assert git.standing(tmp_path / "shallow") == (git.head(repo.path), True)


def test_a_repository_without_a_commit_stands_nowhere(repo: Repo) -> None:
    assert git.standing(repo.path) == (None, False)


def test_a_refusal_is_one_line(tmp_path: Path) -> None:
    for ask in (git.tags, git.head, git.standing, lambda path: list(git.commits(path, "HEAD"))):
        with pytest.raises(git.GitError, match="git refused: fatal: not a git repository"):
            ask(tmp_path)


def test_without_git(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit()
    monkeypatch.setenv("PATH", "")
    for ask in (git.tags, lambda path: list(git.commits(path, "HEAD"))):
        with pytest.raises(git.GitError, match="git is not installed"):
            ask(repo.path)


def test_lines_may_be_left_unread(repo: Repo) -> None:
    for _ in range(3):
        repo.commit()
    assert next(git.lines(repo.path, "rev-list", "HEAD"))


def test_the_repositorys_own_programs_are_not_run(repo: Repo, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(trap.stat().st_mode | stat.S_IXUSR)
    repo.commit("1.0", files={"setup.py": ""})
    for name in ("core.fsmonitor", "gpg.program", "core.pager", "core.sshCommand", "diff.external", "core.editor"):
        repo("config", name, str(trap))
    repo("config", "log.showSignature", "true")
    git.tags(repo.path), git.head(repo.path), git.committed(repo.path, "setup.py"), git.files(repo.path, ["setup.py"])
    assert list(git.commits(repo.path, "HEAD"))
    assert not sprung.exists()


def test_nothing_is_fetched_by_a_program_that_the_clone_names(repo: Repo, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(0o755)
    lost = repo.commit(files={"file": "one"})
    repo.commit("1.0")
    settings = {"core.sshCommand": str(trap), "extensions.partialClone": "origin", "remote.origin.promisor": "true"}
    for name, value in (settings | {"remote.origin.url": "ssh://nowhere.example/x"}).items():
        repo("config", name, value)
    (repo.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    with pytest.raises(git.GitError):
        list(git.commits(repo.path, "HEAD"))
    assert not sprung.exists()


def test_filters_of_the_repositorys_own(repo: Repo) -> None:
    assert not git.own_filters(repo.path)
    repo("config", "filter.lfs.clean", "git-lfs clean -- %f")
    assert git.own_filters(repo.path)


def test_the_tag_that_describe_prefers(repo: Repo) -> None:
    repo.commit("a", "b")
    repo.commit("light")
    for name in ("older", "newer"):
        repo.day += 1
        repo("tag", "-a", "-m", name, name)
    refs = ancestry.describing(git.tags(repo.path))
    assert [ref.name for ref in refs] == ["a", "newer"]
    assert repo("describe", "--tags", "HEAD") == "newer"
    assert repo("describe", "--tags", "HEAD~") == "a"


PARENTS = st.lists(st.lists(st.integers(1, 6), max_size=3, unique=True), min_size=1, max_size=24)


def _graph(parents: list[list[int]]) -> tuple[ancestry.Graph, list[set[int]]]:
    """Commit i has the parents i + n, as far as they exist; and what each reaches, itself included."""
    reach: list[set[int]] = [set()] * len(parents)
    kept = [[i + n for n in steps if i + n < len(parents)] for i, steps in enumerate(parents)]
    for i in reversed(range(len(parents))):
        reach[i] = {i}.union(*(reach[p] for p in kept[i]))
    rows = [(f"{i:040x}", [f"{p:040x}" for p in line]) for i, line in enumerate(kept)]
    return ancestry.read(iter(rows), [name for name, _ in rows]), reach


@settings(deadline=None)
@given(PARENTS, st.sets(st.integers(0, 23), max_size=6))
def test_the_distance_to_the_nearest_tag_is_the_number_of_commits_not_reached_from_it(
    parents: list[list[int]], tags: set[int]
) -> None:
    graph, reach = _graph(parents)
    tagged = {tag: i for i, tag in enumerate(sorted(tags)) if tag < len(parents)}
    found = ancestry.nearest(graph, tagged, 0)
    for commit in reach[0]:
        reached = reach[commit]
        distances = {i: len(reached - reach[tag]) for tag, i in tagged.items() if tag in reached}
        if commit in tagged:
            assert (found.tag[commit], found.distance[commit]) == (tagged[commit], 0)
        elif distances:
            assert found.distance[commit] == min(distances.values()) == distances[found.tag[commit]]
        else:
            assert found.tag[commit] == ancestry.NO_TAG


@settings(deadline=None)
@given(PARENTS)
def test_reached_and_descendants(parents: list[list[int]]) -> None:
    graph, reach = _graph(parents)
    commits = list(range(len(parents)))
    assert [{i for i, mark in enumerate(ancestry.reached(graph, c)) if mark} for c in commits] == reach
    found = ancestry.descendants(graph, commits)
    assert all(bool(found[low] >> high & 1) == (low in reach[high]) for low in commits for high in commits)


def test_a_missing_parent_is_left_out() -> None:
    graph = ancestry.read([("aa", ["bb", "cc"]), ("bb", ["dd"])], ["aa", "bb"])
    assert [list(graph.parents(commit)) for commit in (0, 1)] == [[1], []]
    assert (graph.at, graph.hash(1)) == ({"aa": 0, "bb": 1}, "bb")


def test_the_nearest_tags_are_those_of_git_describe(repo: Repo) -> None:
    repo.commit("1.0")
    repo("branch", "topic")
    repo.commit()
    repo.commit("1.1")
    repo("checkout", "-q", "topic")
    for _ in range(4):
        repo.commit()
    repo("checkout", "-q", "main")
    repo("branch", "maint")
    repo.merge("topic")
    repo.commit()
    repo("checkout", "-q", "maint")
    repo.commit("1.1.1")
    repo.commit()
    repo("checkout", "-q", "main")
    repo.merge("maint")
    refs = ancestry.describing(git.tags(repo.path))
    graph = ancestry.read(git.commits(repo.path, "HEAD"), [ref.commit for ref in refs])
    found = ancestry.nearest(graph, {graph.at[ref.commit]: i for i, ref in enumerate(refs)}, 0)
    for commit in range(len(graph)):
        said = repo("describe", "--tags", "--long", graph.hash(commit)).rpartition("-g")[0]
        assert f"{refs[found.tag[commit]].name}-{found.distance[commit]}" == said


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX")
def test_a_tag_may_be_any_bytes(repo: Repo) -> None:
    commit = repo.commit()
    run = subprocess.run(["git", "update-ref", b"refs/tags/1.0-\xff", commit], cwd=repo.path, capture_output=True)
    if run.returncode:
        pytest.skip("this git or file system takes UTF-8 only")
    assert [ref.name for ref in git.tags(repo.path)] == ["1.0-\udcff"]
