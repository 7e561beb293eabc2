"""The gate: planted defects and clean twins, exit codes and formats, the order of releases, builds."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from versions.conftest import Run
from versions.gitrepo import Repo
from versions.twins import CASES
from versions.workshop import CORE, SDIST, WHEEL, Workshop, change, sdist, text, wheel, write_sdist

from relengtools.versions.catalogue_release import RELEASE_RULES

PROJECT = '[project]\nname = "demo-pkg"\nversion = "{}"\n'
# An isolated build of hatchling would ask the package index.
HATCHLING = [case for case in CASES if case.backend == "hatchling" and case.make.__name__ != "make_build"]


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A project of version 1.2.3, not tagged, which is the working directory."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    repo = Repo(tmp_path / "repo")
    repo.commit(files={"pyproject.toml": PROJECT.format("1.2.3"), "demo_pkg/__init__.py": ""})
    monkeypatch.chdir(repo.path)
    return repo


def codes(result: object) -> list[str]:
    return [finding["code"] for finding in json.loads(result.out)["findings"]]


# --------------------------------------------------------------------------------------------- defects, clean twins


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("shop"), isolated=False)


@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed")
@pytest.mark.parametrize("case", HATCHLING, ids=lambda case: case.title)
def test_planted_defects_and_clean_twins(run: Run, shop: Workshop, tmp_path: Path, monkeypatch, case):
    """Those that hatchling builds; scripts/bench_release.py tries all backends."""
    made = case.make(shop, tmp_path / "case")
    monkeypatch.chdir(made.cwd)
    result = run("release", *made.arguments, "--output-format", "json")
    assert (result.code, case.code in codes(result)) == ((1, True) if case.code else (0, False)), result.out


def test_every_rule_has_a_planted_defect():
    assert {rule.code for rule in RELEASE_RULES} - {case.code for case in CASES} == set()
    assert len({case.title for case in CASES if case.code}) >= 20
    assert sum(case.code is None for case in CASES) >= 15


# ---------------------------------------------------------------------------------------------- the command itself


def test_a_clean_release(run: Run, repo: Repo, tmp_path: Path):
    dists = [str(sdist(tmp_path)), str(wheel(tmp_path))]  # whose pyproject.toml is written anew, as by pdm-backend
    for arguments in (
        dists,
        [*dists, "--tag", "v1.2.3"],
        [*dists, "--project", ".", "--tag", "v1.2.3"],
        ["--tag", "1.2.3"],
        [],
    ):
        result = run("release", *arguments)
        assert (result.code, result.out) == (0, ""), arguments
    assert (
        run("release", *dists, "--project", ".").err == "relengtools: 1.2.3: project ., 2 distributions: 0 findings\n"
    )


def test_an_unreadable_distribution_leaves_the_rest_to_be_judged(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wheel(tmp_path).rename("demo_pkg-1.2.4-py3-none-any.whl")
    result = run("release", "missing.whl", "demo_pkg-1.2.4-py3-none-any.whl", "", ".")
    assert result.code == 2
    assert "demo_pkg-1.2.4-py3-none-any.whl:1:1: RV712 renamed-artifact:" in result.out
    missing, empty, folder, summary = result.err.splitlines()
    assert missing == "relengtools: missing.whl: can't be read: No such file or directory"
    assert "empty" in empty
    assert folder == "relengtools: .: no regular file; name sdists (.tar.gz) and wheels (.whl)"
    assert summary.endswith("1 distribution: 1 finding")


def test_signatures_and_attestations_are_passed_over(run: Run, tmp_path: Path):
    path = wheel(tmp_path)
    beside = [Path(f"{path}{ending}") for ending in (".asc", ".publish.attestation")]
    for one in beside:
        one.write_text("signed")
    assert run("release", str(path), *map(str, beside)).err == "relengtools: 1.2.3: 1 distribution: 0 findings\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tag", ""], "--tag is empty"),
        (["--tag", "refs/tags/"], "--tag is empty"),
        (["--project", "nowhere"], "nowhere"),
        (["--project", "empty", "--tag", "v1"], "empty: no project found"),
        (["--build", "--tag", "v1"], "no project found"),
        ([], "no project found"),
        (["--select", "RV777"], "no such rule"),
        (["--select", ""], "an empty text: no such rule"),
    ],
)
def test_what_can_not_be_done(run: Run, tmp_path: Path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    result = run("release", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def test_select_and_ignore(run: Run, tmp_path: Path):
    path = change(wheel(tmp_path), lambda f: text(f, "METADATA", "1.2.3", "1.2.3+local"))
    found = run("release", str(path), "--output-format", "json")
    assert codes(found) == ["RV718", "RV712"]
    assert run("release", str(path), "--ignore", "RV712,unpublishable-version").code == 0
    assert codes(run("release", str(path), "--select", "renamed-artifact", "--output-format", "json")) == ["RV712"]


def test_settings_of_check_do_not_switch_the_gate_off(run: Run, repo: Repo):
    settings = PROJECT.format("1.2.3") + '\n[tool.relengtools]\nselect = ["RV1"]\nignore = ["release-goes-back"]\n'
    repo("tag", "v1.3.0")
    repo.commit(files={"pyproject.toml": settings})
    assert run("release", "--tag", "v1.2.3").code == 0
    assert codes(run("release", "--tag", "v1.2.4", "--output-format", "json")) == ["RV702"]


def test_formats(run: Run, tmp_path: Path):
    path = wheel(tmp_path).rename(tmp_path / "demo_pkg-1.2.4-py3-none-any.whl")
    document = json.loads(run("release", str(path), "--output-format", "json").out)
    assert document["summary"]["distributions"] == 1
    assert document["summary"]["version"] == "1.2.3"
    assert document["findings"][0]["file"].endswith("demo_pkg-1.2.4-py3-none-any.whl")
    sarif = json.loads(run("release", str(path), "--output-format", "sarif").out)
    assert sarif["runs"][0]["results"][0]["ruleId"] == "RV712"
    assert run("release", str(path), "--output-format", "github").out.startswith("::error file=")


def test_a_distribution_that_can_not_be_read_is_told_in_every_format(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = "missing.whl: can't be read: No such file or directory"
    results = {name: run("release", "missing.whl", "--output-format", name) for name in ("json", "sarif", "github")}
    assert [(result.code, result.err.count("\n")) for result in results.values()] == [(2, 1), (2, 1), (2, 2)]
    assert json.loads(results["json"].out)["summary"]["errors"] == [said]
    [invocation] = json.loads(results["sarif"].out)["runs"][0]["invocations"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == said
    assert results["github"].out == f"::error::{said}\n"
    assert 'errors="1"' in run("release", "missing.whl", "--output-format", "junit").out
    assert json.loads(run("release", str(wheel(tmp_path)), "--output-format", "json").out)["summary"]["errors"] == []
    (tmp_path / "text.whl").write_text("no archive")
    assert codes(run("release", "text.whl", "--output-format", "json"))[0] == "RV734"


def test_what_a_hostile_file_says_reaches_no_terminal(run: Run, tmp_path: Path):
    core = CORE.replace(b"demo-pkg", b"demo\x1b[31m").replace(b"1.2.3", b"1.2.3\x07")
    path = sdist(tmp_path, {"demo_pkg-1.2.3/PKG-INFO": core, "demo_pkg-1.2.3/\x1b[2J../x": b""})
    result = run("release", str(path), "--tag", "v1.2.3\x1b[0m")
    assert result.code == 1
    assert all(character.isprintable() or character == "\n" for character in result.out + result.err)


# -------------------------------------------------------------------------------------------------------- agreement


def test_distributions_of_several_projects_are_only_compared_with_their_own(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    other = change(
        wheel(tmp_path / "other"),
        lambda f: f.update(
            {
                n.replace("1.2.3", "7.0"): f.pop(n).replace(b"1.2.3", b"7.0").replace(b"demo-pkg", b"other")
                for n in list(f)
            }
        ),
    )
    other = change(
        other,
        lambda f: f.update({n.replace("demo_pkg-", "other-"): f.pop(n) for n in list(f)}),
        name="other-7.0-py3-none-any.whl",
    )
    paths = [str(sdist(tmp_path)), str(wheel(tmp_path)), str(other)]
    result = run("release", *paths)
    assert result.code == 0, result.out
    assert result.err == "relengtools: 3 distributions: 0 findings\n"
    assert codes(run("release", *paths, "--tag", "v1.2.3", "--output-format", "json")) == ["RV702"]


def test_what_most_say_is_right_without_a_tag(run: Run, tmp_path: Path):
    (tmp_path / "old").mkdir()
    old = change(
        wheel(tmp_path / "old"),
        lambda f: f.update({n.replace("1.2.3", "1.2.2"): f.pop(n).replace(b"1.2.3", b"1.2.2") for n in list(f)}),
        name=WHEEL.replace("1.2.3", "1.2.2"),
    )
    result = run("release", str(old), str(sdist(tmp_path)), str(wheel(tmp_path)), "--output-format", "json")
    [finding] = json.loads(result.out)["findings"]
    assert (finding["code"], finding["file"].endswith(WHEEL.replace("1.2.3", "1.2.2"))) == ("RV702", True)


DEPENDS = b"Requires-Dist: click>=8\nRequires-Python: >=3.8\n"


@pytest.mark.parametrize(
    ("in_sdist", "in_wheel", "code"),
    [
        (DEPENDS, DEPENDS, None),
        (DEPENDS, b"Requires-Dist: click >= 8\nRequires-Python: >=3.8\n", None),
        (DEPENDS, b"Requires-Python: >=3.8\n", "RV716"),
        (DEPENDS, b"Requires-Dist: click>=8\nRequires-Python: >=3.9\n", "RV716"),
        (b"Dynamic: Requires-Dist\n", b"Requires-Dist: click>=8\n", None),
        (b"Metadata-Version: 2.1\n", DEPENDS, None),
    ],
)
def test_a_wheel_keeps_what_its_sdist_promises(run: Run, tmp_path: Path, in_sdist, in_wheel, code):
    core = CORE.replace(b"Metadata-Version: 2.4\n", b"") if in_sdist.startswith(b"Metadata") else CORE
    one = sdist(tmp_path, {"demo_pkg-1.2.3/PKG-INFO": in_sdist + core if core is not CORE else core + in_sdist})
    two = wheel(tmp_path, {"demo_pkg-1.2.3.dist-info/METADATA": CORE + in_wheel})
    assert codes(run("release", str(one), str(two), "--output-format", "json")) == ([code] if code else [])


def test_before_pep_643_pyproject_says_what_is_dynamic(run: Run, tmp_path: Path):
    core = CORE.replace(b"2.4", b"2.1")
    two = wheel(tmp_path, {"demo_pkg-1.2.3.dist-info/METADATA": core + DEPENDS})
    for project, expected in (
        (b"[project]\n", ["RV716", "RV716"]),
        (b'[project]\ndynamic = ["dependencies"]\n', ["RV716"]),
    ):
        one = sdist(tmp_path, {"demo_pkg-1.2.3/PKG-INFO": core, "demo_pkg-1.2.3/pyproject.toml": project})
        assert codes(run("release", str(one), str(two), "--output-format", "json")) == expected


def test_what_check_calls_grave_stops_a_release(run: Run, repo: Repo):
    repo.commit(files={"demo_pkg/__init__.py": '__version__ = "1.2.2"\n'})
    assert codes(run("release", "--output-format", "json")) == ["RV201"]
    repo.commit(files={"demo_pkg/__init__.py": '__version__ = "1.2.2"  # relengtools: ignore[RV201]\n'})
    assert codes(run("release", "--output-format", "json")) == []
    repo.commit(
        files={"pyproject.toml": PROJECT.format("v1.2.3") + 'dependencies = ["a>=1.*"]\nrequires-python = ">=3.x"\n'}
    )
    assert codes(run("release", "--output-format", "json")) == ["RV401", "RV403"], "and not the odd spelling"
    lock = '[[package]]\nname = "demo-pkg"\nversion = "1.2.2"\nsource = { editable = "." }\n'
    quiet = {"dev-requirements.txt": "a>=1.*\n", "uv.lock": lock, "docs/conf.py": 'release = "1"\n'}
    repo.commit(files={"pyproject.toml": PROJECT.format("1.2.3"), **quiet})
    assert codes(run("release", "--output-format", "json")) == []


def test_a_version_that_can_not_be_told_is_not_passed_over_in_silence(run: Run, repo: Repo):
    repo.commit(
        files={"pyproject.toml": "", "setup.py": "from setuptools import setup\nsetup(version=open('/x').read())\n"}
    )
    result = run("release", "--tag", "v1.2.3")
    assert (result.code, ".: not judged: " in result.err) == (0, True)


def test_a_version_from_the_tag(run: Run, repo: Repo):
    repo.commit(
        files={
            "pyproject.toml": '[project]\nname = "demo-pkg"\ndynamic = ["version"]\n[tool.setuptools_scm]\n'
            '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\nbuild-backend = "setuptools.build_meta"\n'
        }
    )
    assert run("release", "--tag", "v1.2.3").code == 0, "it has yet to be made"
    repo("tag", "v1.2.3")
    assert run("release", "--tag", "v1.2.3").code == 0
    repo.commit()
    assert codes(run("release", "--tag", "v1.2.3", "--output-format", "json")) == ["RV704", "RV702"]


# -------------------------------------------------------------------------------------------------- tags and order


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("v1.2.3", None),
        ("1.2.3", None),
        ("refs/tags/v1.2.3", None),
        ("release-1.2.3", None),
        ("demo-pkg-1.2.3", None),
        ("demo-pkg/v1.2.3", None),
        ("v1.2.3.0", None),
        ("V1.2.3", None),
        ("v1.2.3-1", "RV702"),
        ("v1.2", "RV702"),
        ("REL_1_2_3", None),  # a guess, and the project says the same
        ("REL_1_2_4", "RV701"),
        ("1.2.4.Final", "RV701"),
        ("v1.2.3-4-g1a2b3c4", "RV701"),
        ("latest", "RV701"),
        ("v1.2.3-SNAPSHOT", "RV701"),
        ("debian/1.2.3-1", "RV701"),
    ],
)
def test_tags(run: Run, repo: Repo, tag, code):
    found = codes(run("release", "--tag", tag, "--output-format", "json"))
    assert (code in found) if code else (found == [])


def test_a_tag_of_a_scheme_of_its_own(run: Run, repo: Repo):
    pattern = r"REL_(?P<a>\d+)_(?P<b>\d+)_(?P<c>\d+)"
    scheme = f"\n[tool.relengtools]\nschemes = [{{ pattern = '{pattern}', template = '{{a}}.{{b}}.{{c}}' }}]\n"
    repo.commit("REL_1_2_4", files={"pyproject.toml": PROJECT.format("1.2.3") + scheme})
    repo.commit()
    assert codes(run("release", "--tag", "REL_1_2_3", "--output-format", "json")) == ["RV705"]
    assert codes(run("release", "--tag", "REL_1_2_5", "--output-format", "json")) == ["RV702"]


def test_a_doubtful_tag_is_confirmed_by_the_project(run: Run, repo: Repo, tmp_path: Path, monkeypatch):
    repo.commit(files={"pyproject.toml": PROJECT.format("1.2.3.post1")})
    assert codes(run("release", "--tag", "1.2.3-1", "--output-format", "json")) == []
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert codes(run("release", "--tag", "1.2.3-1", "--output-format", "json")) == ["RV301"]


def tagged(repo: Repo, *tags: str) -> None:
    """One commit a tag; `->BRANCH` and `BRANCH<-` go to another branch, made here or there already."""
    for tag in tags:
        if tag.startswith("->"):
            repo("checkout", "-q", "-b", tag[2:])
        elif tag.endswith("<-"):
            repo("checkout", "-q", tag[:-2])
        else:
            repo.commit(*([tag] if tag else []))


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (["v1.0", "v1.2.2", ""], None),
        (["v1.2.2", "v1.2.4", ""], "RV705"),
        (["v2.0", ""], "RV705"),
        (["v1.2.4"], "RV705"),
        (["v1.2.2"], None),
        (["v2.0b1"], None),
        (["v1.2.3rc1", "v1.2.3rc2", ""], None),
        (["v1.2.3.post1", ""], "RV705"),
        (["v2.0b1", ""], None),
        (["v1.2.4rc1", ""], "RV705"),
        (["v1.2.2", "->next", "v2.0", "main<-", ""], None),
        (["v1.2.2", "->next", "v1.2.9", "main<-", ""], "RV705"),
        (["v1.2.2", "->next", "v1.3.0", "main<-", ""], None),
        (["1.2.3", ""], "RV706"),
        (["->next", "v1.2.3.0", "main<-", ""], "RV706"),
        (["other/v9.0", "other/v9.1", "v1.2.2", ""], None),
        (["core-v9.0", "v1.2.2", ""], None),
        (["latest", "before-the-merge", "v1.2.2", ""], None),
        (["nightly-20240101", "v1.2.2", ""], None),
        (["release-1776", "v1.2.2", ""], None),
        (["2.0-1", ""], None),  # who knows what that is
    ],
)
def test_the_order_of_releases(run: Run, repo: Repo, tags, code):
    tagged(repo, *tags)
    for arguments in ((), ("--tag", "v1.2.3")):
        found = codes(run("release", *arguments, "--output-format", "json"))
        assert found == ([code] if code else []), arguments


def test_tags_that_are_all_spelt_alike_have_an_order(run: Run, repo: Repo):
    tagged(repo, "rel_1_2_2", "rel_1_2_4", "")
    assert codes(run("release", "--tag", "rel_1_2_3", "--output-format", "json")) == ["RV705"]


def test_an_old_tag_can_be_judged_again(run: Run, repo: Repo):
    tagged(repo, "v1.2.2", "v1.2.3", "v1.2.4", "->side", "v1.2.5")
    repo("checkout", "-q", "v1.2.3")
    assert run("release", "--tag", "v1.2.3").code == 0


def test_tags_of_one_package_of_several(run: Run, tmp_path: Path, monkeypatch):
    repo = Repo(tmp_path / "repo")
    monkeypatch.chdir(repo.path)
    repo.commit(
        "api/v2.0",
        "web/v5.0",
        files={
            f"{name}/pyproject.toml": PROJECT.format(v).replace("demo-pkg", name)
            for name, v in (("api", "1.9"), ("web", "5.1"))
        },
    )
    repo.commit()
    assert codes(run("release", "--project", "web", "--output-format", "json")) == []
    assert codes(run("release", "--project", "api", "--output-format", "json")) == ["RV705"]
    assert codes(run("release", "--tag", "web/v5.1", "--output-format", "json")) == []
    assert codes(run("release", "--tag", "web/v5.2", "--output-format", "json")) == ["RV702"]
    assert codes(run("release", "--tag", "v5.2", "--output-format", "json")) == [], "the tree's, not a package's"
    assert "there are 2 projects below" in run("release", "--project", ".").err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: (p / "pyproject.toml").write_text(PROJECT.format("1.2.3") + "\n"), "not committed: pyproject.toml"),
        (lambda p: (p / "pyproject.toml").rename(p / "setup.cfg"), "not committed: pyproject.toml"),
        (lambda p: (p / "notes.txt").write_text("untracked files are in no build unless a backend takes them"), None),
    ],
)
def test_a_dirty_tree(run: Run, repo: Repo, change, said):
    change(repo.path)
    result = run("release", "--tag", "v1.2.3")
    assert ("RV708" in result.out, (said or "") in result.out) == (said is not None, True)


def test_filters_of_the_clone_are_not_run(run: Run, repo: Repo, tmp_path: Path):
    repo.commit(files={".gitattributes": "*.toml filter=evil\n"})
    repo("config", "filter.evil.clean", f"touch {tmp_path}/ran; cat")
    (repo.path / "pyproject.toml").write_text(PROJECT.format("1.2.3") + "# changed\n")
    result = run("release", "--tag", "v1.2.3")
    assert "RV708 dirty-tree: whether files are changed can't be told" in result.out
    assert not (tmp_path / "ran").exists()


def test_a_shallow_clone(run: Run, repo: Repo, tmp_path: Path, monkeypatch):
    tagged(repo, "v2.0", "")
    repo("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert codes(run("release", "--output-format", "json")) == ["RV707"]


def test_no_repository_and_no_project(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    alone = run("release", "--tag", "v1.0")
    assert (alone.code, "no git repository: neither the tree nor the order" in alone.err) == (0, True)
    (tmp_path / "pyproject.toml").write_text(PROJECT.format("1.0"))
    assert run("release", "--tag", "v1.0").code == 0
    assert codes(run("release", "--tag", "v1.1", "--output-format", "json")) == ["RV702"]


# ----------------------------------------------------------------------------------------------------------- builds

BACKEND = """
import io, os, pathlib, tarfile
from versions_of_demo import wheel

def build_wheel(directory, config_settings=None, metadata_directory=None):
    return wheel(directory)

def build_sdist(directory, config_settings=None):
    with tarfile.open(os.path.join(directory, "demo_pkg-1.2.3.tar.gz"), "w:gz") as archive:
        for path in sorted(pathlib.Path(".").rglob("*")):
            if path.is_file() and path.suffix not in (".json", ".pyc") and ".git/" not in str(path):
                archive.add(path, f"demo_pkg-1.2.3/{path}")
        data = b"Metadata-Version: 2.4\\nName: demo-pkg\\nVersion: 1.2.3\\n"
        member = tarfile.TarInfo("demo_pkg-1.2.3/PKG-INFO")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return "demo_pkg-1.2.3.tar.gz"
"""
WHEELS = """
import base64, hashlib, os, pathlib, zipfile

def wheel(directory):
    name, info = "demo_pkg-1.2.3-py3-none-any.whl", "demo_pkg-1.2.3.dist-info"
    files = {str(path): path.read_bytes() for path in sorted(pathlib.Path("demo_pkg").rglob("*")) if path.is_file()}
    files[f"{info}/METADATA"] = b"Metadata-Version: 2.4\\nName: demo-pkg\\nVersion: 1.2.3\\n"
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nTag: py3-none-any\\n"
    digest = lambda data: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    rows = [f"{file},sha256={digest(data)},\\n" for file, data in files.items()] + [f"{info}/RECORD,,\\n"]
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for file, data in {**files, f"{info}/RECORD": "".join(rows).encode()}.items():
            archive.writestr(file, data)
    return name
"""
SYSTEM = '\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["build-backend"]\n'


def buildable(repo: Repo, **files: str) -> None:
    """A backend of its own, which needs no package index."""
    repo.commit(
        files={
            "pyproject.toml": PROJECT.format("1.2.3") + SYSTEM,
            "build-backend/backend.py": BACKEND,
            "build-backend/versions_of_demo.py": WHEELS,
            "demo_pkg/__init__.py": '__version__ = "1.2.3"\n',
            **files,
        }
    )


def test_a_build_from_the_tree_and_from_the_sdist(run: Run, repo: Repo):
    buildable(repo)
    result = run("release", "--build", "--tag", "v1.2.3")
    assert (result.code, result.out) == (0, ""), result.err
    assert result.err == "relengtools: 1.2.3: tag v1.2.3, project ., 2 distributions: 0 findings\n"
    assert repo("status", "--porcelain") == "", "nothing is left in the tree"


def test_a_file_that_is_not_in_the_sdist(run: Run, repo: Repo):
    buildable(repo, **{"demo_pkg/data.json": "{}"})
    result = run("release", "--build")
    assert result.code == 1
    assert "RV722 wheel-differs: only in the wheel from the tree: demo_pkg/data.json" in result.out


def test_distributions_that_were_made_of_something_else_than_this_tree(run: Run, repo: Repo):
    buildable(repo)
    (repo.path / "demo_pkg/secret.py").write_text("KEY = 1\n")
    made = repo.path.parent / "made"
    subprocess.run(
        [sys.executable, "-m", "build", "-q", "-n", "-o", str(made), str(repo.path)], check=True, timeout=120
    )
    (repo.path / "demo_pkg/secret.py").unlink()
    given = [str(path) for path in sorted(made.iterdir())]
    result = run("release", *given, "--build", "--tag", "v1.2.3")
    assert result.code == 1
    assert result.out.count("RV722 wheel-differs: only in what is handed in: demo_pkg/secret.py") == 2
    (repo.path / "demo_pkg/secret.py").write_text("KEY = 2\n")
    repo("add", ".")
    repo("commit", "-qm", "another")
    assert "different in what is built here: demo_pkg/secret.py" in run("release", *given, "--build").out


def test_a_project_that_can_not_be_built(run: Run, repo: Repo):
    buildable(repo, **{"build-backend/versions_of_demo.py": "raise RuntimeError('no compiler \\x1b[31m here')"})
    result = run("release", "--build")
    assert result.code == 1
    assert "RV721 build-fails: the wheel from the tree: RuntimeError: no compiler" in result.out
    assert "\x1b" not in result.out
    buildable(repo, **{"pyproject.toml": PROJECT.format("1.2.3") + SYSTEM.replace("[]", "7")})
    assert "RV721 build-fails: the wheel from the tree: Failed to validate" in run("release", "--build").out


def test_a_backend_that_is_not_there(run: Run, repo: Repo):
    system = '[build-system]\nrequires = []\nbuild-backend = "nope.api"\n'
    buildable(repo, **{"pyproject.toml": PROJECT.format("1.2.3") + system})
    result = run("release", "--build", "--select", "RV721")
    said = "Cannot import 'nope.api': ModuleNotFoundError: No module named 'nope'"
    assert result.out == f".:1:1: RV721 build-fails: the wheel from the tree: {said}\n"


def test_requirements_of_the_build_that_can_not_be_had(run: Run, repo: Repo, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    buildable(repo, **{"pyproject.toml": PROJECT.format("1.2.3") + SYSTEM.replace("[]", '["no-such-backend"]')})
    result = run("release", "--build", "--output-format", "json")
    assert (result.code, codes(result)) == (2, [])
    assert "the build's requirements can't be installed" in result.err


def test_what_is_built_is_judged_like_what_is_named(run: Run, repo: Repo, tmp_path: Path):
    buildable(repo, **{"demo_pkg/__init__.py": '__version__ = "1.2.2"  # relengtools: ignore[RV201]\n'})
    result = run("release", "--build")
    assert "<wheel from the sdist>/demo_pkg-1.2.3-py3-none-any.whl:1:1: RV713" in result.out
    assert SDIST not in result.out


URL = "pkg @ https://example.org/pkg.zip"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"pyproject.toml": PROJECT.format("1") + f"dependencies = ['a', '{URL}']\n"}, ["RV719"]),
        (
            {"pyproject.toml": PROJECT.format("1") + f"[project.optional-dependencies]\nx = ['{URL}', '{URL}']\n"},
            ["RV719"] * 2,
        ),
        ({"pyproject.toml": PROJECT.format("1") + f"[dependency-groups]\nx = ['{URL}']\n"}, []),
        ({"pyproject.toml": PROJECT.format("1") + f"[build-system]\nrequires = ['{URL}']\n"}, []),
        ({"setup.cfg": f"[metadata]\nname = x\nversion = 1\n[options]\ninstall_requires =\n  {URL}\n"}, ["RV719"]),
        (
            {
                "pyproject.toml": PROJECT.format("1") + "dependencies = []\n",
                "setup.cfg": f"[options]\ninstall_requires =\n  {URL}\n",
            },
            [],
        ),
        (
            {
                "pyproject.toml": PROJECT.format("1")
                + 'dynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = { file = ["needs.txt"] }\n',
                "needs.txt": f"a\n{URL}\n",
                "requirements.txt": f"{URL}\n",
            },
            ["RV719"],
        ),
        (
            {"setup.py": f"from setuptools import setup\nsetup(name='x', version='1', install_requires=['{URL}'])\n"},
            ["RV719"],
        ),
        (
            {
                "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "poetry.core.masonry.api"\n'
                '[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.dependencies]\npython = "^3.8"\n'
                'a = { git = "https://example.org/a" }\nb = { version = "1", optional = true }\n'
                '[tool.poetry.group.dev.dependencies]\nc = { git = "https://example.org/c" }\n'
            },
            ["RV719"],
        ),
    ],
)
def test_requirements_by_url_before_the_build(run: Run, tmp_path: Path, monkeypatch, files, found):
    repo = Repo(tmp_path / "urls")
    monkeypatch.chdir(repo.path)
    repo.commit(files=files)
    result = run("release", "--output-format", "json")
    assert codes(result) == found, result.out
    assert all(finding["line"] > 1 for finding in json.loads(result.out)["findings"])
    assert run("release", "--ignore", "direct-reference").code == 0


def test_local_versions_are_told_as_such(run: Run, repo: Repo):
    said = "1.3.0+local.1 is a local version: an index takes 1.3.0 and nothing with +local.1 behind it"
    repo.commit(files={"pyproject.toml": PROJECT.format("1.3.0+local.1")})
    assert f".:1:1: RV718 unpublishable-version: pyproject.toml:3: {said}\n" in run("release").out
    assert (
        f"v1.3.0+local.1:1:1: RV718 unpublishable-version: v1.3.0+local.1: {said}\n"
        in run("release", "--tag", "v1.3.0+local.1").out
    )
    assert codes(run("release", "--tag", "v1.2.3-4-g1a2b3c4", "--output-format", "json"))[0] == "RV701"


SCM = (
    '[build-system]\nrequires = ["setuptools>=77", "setuptools-scm>=8"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "core"\ndynamic = ["version"]\n[tool.setuptools_scm]\n'
)


def test_a_version_that_is_not_known_or_no_release_does_not_pass(run: Run, tmp_path: Path, monkeypatch):
    repo = Repo(tmp_path / "scm")
    monkeypatch.chdir(repo.path)
    repo.commit(files={"pyproject.toml": SCM})
    assert codes(run("release", "--output-format", "json")) == ["RV602"]
    assert run("release", "--tag", "v1.0").code == 0
    repo("tag", "v1.0")
    assert run("release").code == 0
    repo.commit()
    assert codes(run("release", "--output-format", "json")) == ["RV718"]
    setup = "import x\nfrom setuptools import setup\nsetup(name='core', version=x.y)\n"
    repo.commit(files={"pyproject.toml": "", "setup.py": setup})
    result = run("release")
    assert (result.code, "no version is known here" in result.err) == (2, True)


def test_the_tag_of_another_project_is_refused(run: Run, tmp_path: Path, monkeypatch):
    repo = Repo(tmp_path / "mono")
    monkeypatch.chdir(repo.path)
    repo.commit(files={"packages/core/pyproject.toml": '[project]\nname = "core"\nversion = "1.2.3"\n'})
    given = ("release", "--project", "packages/core", "--tag")
    nobody_knows = run(*given, "web-v1.2.3")
    assert (nobody_knows.code, "whether that is core can't be told" in nobody_knows.err) == (0, True)
    for tag in ("v1.2.3", "core-v1.2.3", "release-1.2.3", "mono-1.2.3", "my-core-1.2.3"):
        known = run(*given, tag)
        assert (known.code, known.err.count("\n")) == (0, 1), tag
    repo.commit(files={"packages/web/pyproject.toml": '[project]\nname = "Web"\nversion = "3.0"\n'})
    assert "web-v1.2.3 is a tag of web, which is in packages/web; core is released" in run(*given, "web-v1.2.3").out
    repo("tag", "v1.2.2")
    repo.commit()
    assert "api-v1.2.3 is a tag of api, by its name, and no other tag is; they are as v1.2.2" in (
        run(*given, "api-v1.2.3").out
    )
    repo("tag", "core-v1.2.2")
    assert run(*given, "core-v1.2.3").code == 0
    result = run(*given, "web-v1.2.3")
    assert (result.code, "RV703 other-project" in result.out) == (1, True)
    assert "web-v1.2.3 is a tag of web; those of core are as core-v1.2.2" in result.out


def test_a_project_that_nobody_named_is_told(run: Run, repo: Repo):
    (repo.path / "dist").mkdir()
    dists = [str(sdist(repo.path / "dist")), str(wheel(repo.path / "dist"))]
    note, summary = run("release", *dists).err.splitlines()
    assert note == (
        "relengtools: not judged: the project in ., its changes and its earlier tags: name it by --project ."
    )
    assert summary == "relengtools: 1.2.3: 2 distributions: 0 findings"
    assert "not judged" not in run("release", *dists, "--project", ".").err


def test_versions_of_one_release_may_be_spelt_in_two_ways(run: Run, tmp_path: Path):
    """And the requirements of the two are compared all the same."""
    core = CORE.replace(b"1.2.3", b"1.2.3.0")
    first, second = wheel(tmp_path), tmp_path / "demo_pkg-1.2.3.0.tar.gz"
    files = {"demo_pkg-1.2.3.0/PKG-INFO": core, "demo_pkg-1.2.3.0/setup.py": b""}
    result = run("release", str(first), str(write_sdist(second, files)), "--output-format", "json")
    assert (result.code, json.loads(result.out)["summary"]["version"]) == (0, "1.2.3")
    files["demo_pkg-1.2.3.0/PKG-INFO"] = core + b"Requires-Python: >=3.9\n"
    assert codes(run("release", str(first), str(write_sdist(second, files)), "--output-format", "json")) == ["RV716"]


def test_requirements_of_one_meaning_do_not_disagree(run: Run, tmp_path: Path):
    ours = b"Requires-Dist: Foo_Bar[A.B]<2,>=1\nRequires-Python: >=3.8,<4\n"
    theirs = b"Requires-Dist: foo-bar[a-b]>=1,<2\nRequires-Python: <4, >=3.8\n"
    dists = [
        str(sdist(tmp_path, {"demo_pkg-1.2.3/PKG-INFO": CORE + ours})),
        str(wheel(tmp_path, {"demo_pkg-1.2.3.dist-info/METADATA": CORE + theirs})),
    ]
    assert run("release", *dists).code == 0
