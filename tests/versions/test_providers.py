"""What the version-control providers would say: never a guess, and the same as the real ones where they are here."""

import importlib.util
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from versions.gitrepo import Repo

from relengtools.versions import providers
from relengtools.versions.providers import State

HEADS = {
    "setuptools-scm": '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\n[tool.setuptools_scm]\n',
    "hatch-vcs": '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n[tool.hatch.version]\nsource = "vcs"\n',
    "pdm-scm": '[build-system]\nrequires = ["pdm-backend"]\n[tool.pdm.version]\nsource = "scm"\n',
}
Scene = Callable[[Repo], object]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in os.environ if n.startswith(("GIT_", "SETUPTOOLS_SCM_", "VCS_VERSIONING_", "PDM_BUILD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "demo")


def asked(repo: Repo, provider: str, options: str = "") -> State:
    """The state of a project at the top of the repository, whose pyproject.toml is committed first if it is new."""
    text = HEADS[provider] + options
    (repo.path / "pyproject.toml").write_text(text)
    return providers.state(provider, tomllib.loads(text), repo.path, repo.path)


def at(*tags: str, then: int = 0, change: bool = False) -> Scene:
    """Tags, commits after them, and a changed file perhaps."""

    def play(repo: Repo) -> None:
        for tag in tags:
            repo("tag", tag)
        for _ in range(then):
            repo.commit()
        if change:
            (repo.path / "file").write_text("changed")

    return play


def begun(repo: Repo, provider: str, options: str, scene: Scene) -> State:
    repo.commit(files={"file": "", "pyproject.toml": HEADS[provider] + options})
    scene(repo)
    return asked(repo, provider, options)


# What `python -m setuptools_scm`, `hatchling version` and pdm-backend say, in the releases that providers.py names.
# HASH is the hash, as long as each of them has it.
SAID = [
    (at("v1.0"), "1.0", "1.0", "1.0"),
    (at("2024.01.02"), "2024.1.2", "2024.1.2", "2024.1.2"),
    (at("v1.0.0-rc1"), "1.0.0rc1", "1.0.0rc1", "1.0.0rc1"),
    (at("release-1.4"), "1.4", "1.4", "1.4"),
    (at("v1.0", "v1.1"), "1.0", "1.0", "1.0"),
    (at("1.2.3", then=3), "1.2.4.dev3+gHASH", "1.2.4.dev3+gHASH", "1.2.4.dev3+gHASH"),
    (at("v1.0.0-rc1", then=1), "1.0.0rc2.dev1+gHASH", "1.0.0rc2.dev1+gHASH", "1.0.0rc2.dev1+gHASH"),
    (at("1.0.dev0", then=2), "1.0.dev2+gHASH", "1.0.dev2+gHASH", "1.0.dev2+gHASH"),
    (at("1.0.post1", then=1), "1.0.post2.dev1+gHASH", "1.0.post2.dev1+gHASH", "1.0.post2.dev1+gHASH"),
    (at("demo-1.4", then=1), "1.5.dev1+gHASH", "1.5.dev1+gHASH", "1.5.dev1+gHASH"),
    (at("v7", then=1), "8.dev1+gHASH", "8.dev1+gHASH", "no-tags"),
    (at("1.0+abc"), "tag", "tag", "1.0"),
    (at("demo/1.4", then=1), "tag", "tag", "tag"),
    (at("1.0.dev3", then=1), "tag", "tag", "tag"),
    (at("build7"), "tag", "tag", "no-tags"),
    (at("latest"), "no-tags", "no-tags", "no-tags"),
    (at(then=1), "no-tags", "no-tags", "no-tags"),
    (at("v1.0", change=True), "dirty", "dirty", "dirty"),
    (at("v1.0", then=1, change=True), "dirty", "dirty", "dirty"),
]


@pytest.mark.parametrize("row", SAID, ids=[" ".join(map(str, row[1:2])) + f"-{n}" for n, row in enumerate(SAID)])
def test_what_the_providers_say(repo: Repo, row: tuple[Scene, str, str, str]) -> None:
    scene, *expected = row
    repo.commit(files={"file": ""})
    scene(repo)
    for (provider, head), answer in zip(HEADS.items(), expected, strict=True):
        # An untracked pyproject.toml makes no tree dirty.
        state = providers.state(provider, tomllib.loads(head), repo.path, repo.path)
        if answer[0].isdigit():
            digits = 7 if provider == "pdm-scm" else 9
            assert (state.version, state.reason) == (answer.replace("HASH", repo("rev-parse", "HEAD")[:digits]), None)
        else:
            assert (state.version, state.problem) == (None, answer)
            assert state.reason


OPTIONS = [
    ("setuptools-scm", 'version_scheme = "post-release"', at("1.0", then=2), "1.0.post2+gHASH"),
    ("setuptools-scm", 'version_scheme = "no-guess-dev"', at("1.0", then=2), "1.0.post1.dev2+gHASH"),
    ("setuptools-scm", 'version_scheme = "only-version"', at("1.0", then=2), "1.0+gHASH"),
    ("setuptools-scm", 'local_scheme = "no-local-version"', at("1.0", then=2), "1.1.dev2"),
    ("setuptools-scm", 'local_scheme = "no-local-version"', at("1.0", change=True), "1.1.dev0"),
    ("setuptools-scm", 'local_scheme = "dirty-tag"', at("1.0", change=True), "1.1.dev0+dirty"),
    ("setuptools-scm", "tag_regex = '^demo/(.*)$'", at("demo/1.4"), "1.4"),
    ("setuptools-scm", 'git_describe_command = "git describe --tags --long --match v*"', at("v1.0", "2.0"), "1.0"),
    ("setuptools-scm", 'git_describe_command = ["git", "describe", "--long", "--match", "v*"]', at("v1.0"), "no-tags"),
    ("setuptools-scm", "tag = { strict = true }", at("1.0", "build7"), "1.0"),
    ("setuptools-scm", 'version_file = "_version.py"', at("1.0"), "1.0"),
    ("hatch-vcs", "tag-pattern = '^demo/(?P<version>.*)$'", at("demo/1.4"), "1.4"),
    ("hatch-vcs", 'raw-options = { local_scheme = "no-local-version" }', at("1.0", then=2), "1.1.dev2"),
    ("pdm-scm", 'tag_filter = "v*"', at("v7", "8.0"), "7"),
    ("pdm-scm", "tag_regex = '^demo/(.*)$'", at("demo/1.4"), "1.4"),
    # what isn't implemented, or would run something
    ("setuptools-scm", 'version_scheme = "calver-by-date"', at("1.0"), "options"),
    ("setuptools-scm", 'version_scheme = "mine:scheme"', at("1.0"), "options"),
    ("setuptools-scm", "normalize = false", at("1.0"), "options"),
    ("setuptools-scm", 'parentdir_prefix_version = "demo-"', at("1.0"), "options"),
    ("setuptools-scm", 'git_describe_command = "touch sprung"', at("1.0"), "options"),
    ("setuptools-scm", 'git_describe_command = "git describe --contains"', at("1.0"), "options"),
    ("setuptools-scm", 'git_describe_command = "git describe HEAD~1"', at("1.0"), "options"),
    ("setuptools-scm", "scm = { git = { distance_scope = true } }", at("1.0"), "options"),
    ("setuptools-scm", 'root = ".."', at("1.0"), "options"),
    ("setuptools-scm", "tag_regex = '('", at("1.0"), "options"),
    ("setuptools-scm", "something_new = 1", at("1.0"), "options"),
    ("hatch-vcs", 'raw-options = { parse = "mine:parse" }', at("1.0"), "options"),
    ("pdm-scm", 'version_format = "mine:form"', at("1.0"), "options"),
]


@pytest.mark.parametrize(("provider", "options", "scene", "answer"), OPTIONS, ids=[f"{o[1]}" for o in OPTIONS])
def test_options(repo: Repo, provider: str, options: str, scene: Scene, answer: str) -> None:
    state = begun(repo, provider, f"{options}\n", scene)
    expected = answer.replace("HASH", repo("rev-parse", "HEAD")[:9])
    assert (state.version, state.problem) in {(expected, None), (None, answer)}
    assert not (repo.path / "sprung").exists()


def test_a_hash_is_as_long_as_git_has_it_before_setuptools_scm_9(repo: Repo) -> None:
    repo.commit("1.0", files={"pyproject.toml": ""})
    repo.commit()
    document = tomllib.loads('[build-system]\nrequires = ["setuptools_scm>=8,<9"]\n[tool.setuptools_scm]\n')
    state = providers.state("setuptools-scm", document, repo.path, repo.path)
    assert state.version == f"1.1.dev1+{repo('describe', '--tags').rpartition('-')[2]}"


def test_a_shallow_clone_is_no_base_for_a_version(repo: Repo, tmp_path: Path) -> None:
    text = HEADS["setuptools-scm"]
    repo.commit("1.0", files={"pyproject.toml": text})
    repo.commit()
    shallow = tmp_path / "shallow"
    repo("clone", "-q", "--depth", "1", f"file://{repo.path}", str(shallow))
    state = providers.state("setuptools-scm", tomllib.loads(text), shallow, shallow)
    assert (state.version, state.problem) == (None, "shallow")
    assert "git fetch --unshallow" in (state.reason or "")
    repo("tag", "1.1")
    exact = tmp_path / "exact"
    repo("clone", "-q", "--depth", "1", f"file://{repo.path}", str(exact))
    assert providers.state("setuptools-scm", tomllib.loads(text), exact, exact).version == "1.1"


def test_without_git_or_a_commit(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tomllib.loads(HEADS["hatch-vcs"])
    assert providers.state("hatch-vcs", document, tmp_path, tmp_path).problem == "no-git"
    assert providers.state("hatch-vcs", document, repo.path, repo.path).problem == "no-tags"
    monkeypatch.setenv("PATH", "")
    state = providers.state("hatch-vcs", document, repo.path, repo.path)
    assert (state.problem, state.reason) == ("no-git", "git is not installed")


def test_a_project_below_the_top(repo: Repo) -> None:
    repo.commit("1.0", files={"sub/file": ""})
    below = repo.path / "sub"

    def problem(table: str) -> tuple[str | None, str | None]:
        state = providers.state("setuptools-scm", tomllib.loads(f"[tool.setuptools_scm]\n{table}"), below, repo.path)
        return state.version, state.problem

    assert problem("") == (None, "options")
    assert problem('root = ".."') == problem("search_parent_directories = true") == ("1.0", None)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("setuptools-scm", "SETUPTOOLS_SCM_PRETEND_VERSION"),
        ("hatch-vcs", "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_DEMO"),
        ("pdm-scm", "PDM_BUILD_SCM_VERSION"),
    ],
)
def test_the_environment_has_a_say(repo: Repo, provider: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "9.9")
    state = begun(repo, provider, "", at("1.0"))
    assert (state.version, state.problem) == (None, "environment")
    assert name in (state.reason or "")


def test_how_setuptools_scm_is_switched_on(repo: Repo) -> None:
    repo.commit("1.0", files={"setup.py": "setup(use_scm_version=True)"})
    ask = providers.state
    assert ask("setuptools-scm", None, repo.path, repo.path).version == "1.0"
    (repo.path / "setup.py").write_text("setup(use_scm_version={'version_scheme': mine})")
    assert ask("setuptools-scm", None, repo.path, repo.path).problem == "options"
    document = {"build-system": {"requires": ["setuptools", "setuptools-scm[simple]>=9.2"]}}
    repo("checkout", "-q", "--", "setup.py")
    assert ask("setuptools-scm", document, repo.path, repo.path).version == "1.0"


@pytest.mark.parametrize(
    "provider", ["versioningit", "pbr", "versioneer", "dunamai", "poetry-dynamic-versioning", "uv-dynamic-versioning"]
)
def test_the_others_are_asked_to_be_asked(repo: Repo, provider: str) -> None:
    repo.commit()
    assert providers.state(provider, {}, repo.path, repo.path).problem == "no-tags"
    repo("tag", "1.0")
    state = providers.state(provider, {}, repo.path, repo.path)
    assert (state.version, state.problem) == (None, "unknown")
    assert provider in (state.reason or "") and state.configuration


@pytest.mark.parametrize("provider", ["sip", "hatch-env", "mine"])
def test_of_who_may_have_nothing_to_do_with_tags_nothing_is_claimed(repo: Repo, provider: str) -> None:
    state = providers.state(provider, {}, repo.path, repo.path)
    assert (state.version, state.problem) == (None, "unknown")
    assert "tag" not in (state.reason or "")


def test_nothing_of_the_clones_own_is_run(repo: Repo, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\ncat\n")
    trap.chmod(0o755)
    repo.commit("1.0", files={"file": "one", ".gitattributes": "file filter=evil", "pyproject.toml": ""})
    for name in ("filter.evil.clean", "core.fsmonitor", "gpg.program", "diff.external", "core.sshCommand"):
        repo("config", name, str(trap))
    (repo.path / "file").write_text("two")
    state = providers.state("hatch-vcs", tomllib.loads(HEADS["hatch-vcs"]), repo.path, repo.path)
    assert (state.version, state.problem) == (None, "dirty")
    assert not sprung.exists()


def test_submodules_are_not_looked_into(repo: Repo) -> None:
    repo.commit("1.0", files={".gitmodules": ""})
    assert asked(repo, "hatch-vcs").problem == "dirty"


needs_scm = pytest.mark.skipif(importlib.util.find_spec("setuptools_scm") is None, reason="setuptools-scm isn't here")


@needs_scm
@pytest.mark.parametrize(
    ("options", "scene"),
    [
        ("", at("v1.0")),
        ("", at("v1.0", then=2)),
        ("", at("v1.0.0-rc1", then=1)),
        ("", at("1.0.dev0", then=1)),
        ('local_scheme = "no-local-version"', at("1!2024.01", change=True)),
        ('version_scheme = "no-guess-dev"', at("1.0", then=1)),
    ],
)
def test_the_real_setuptools_scm_says_the_same(repo: Repo, options: str, scene: Scene) -> None:
    state = begun(repo, "setuptools-scm", f"{options}\n", scene)
    command = [sys.executable, "-W", "ignore", "-m", "setuptools_scm"]
    run = subprocess.run(command, cwd=repo.path, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == state.version
