"""What a mapping does to the order of tags: lists and repositories, and the command."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version
from versions.conftest import Run
from versions.gitrepo import Repo

from relengtools.versions import history, history_report, repository, tag_list
from relengtools.versions.history import Mapping as Scheme
from relengtools.versions.history import Report, Tag
from relengtools.versions.scheme import natural
from relengtools.versions.scheme.order import compare

DATA = Path(__file__).parent / "data" / "tags"
Tree = Callable[[Mapping[str, str | bytes]], Path]


def judged(*names: str, **mapping: str) -> Report:
    """Tags a day and a commit apart, in this order."""
    return history.judge([Tag(n, 86_400.0 * i, f"{i:040x}") for i, n in enumerate(names)], Scheme(**mapping))


FLIPS = [
    # SemVer orders pre-releases as texts, PEP 440 puts dev below all of them
    ({"source": "semver"}, ["1.0.0-alpha.1", "1.0.0-dev.1"], [("1.0.0-alpha.1", "1.0.0-dev.1")]),
    ({"source": "semver"}, ["v1.0.0-alpha.1", "v1.0.0-beta.2", "v1.0.0-rc.1", "v1.0.0"], []),
    ({"source": "semver"}, ["1.0.0+2", "1.0.0+1"], [("1.0.0+2", "1.0.0+1")]),
    # conda and SemVer sort dev above a, b and rc; dpkg, RPM and apk keep PEP 440's order
    ({"target": "conda"}, ["1.0.dev1", "1.0a1", "1.0"], [("1.0.dev1", "1.0a1")]),
    ({"target": "semver"}, ["1.0.dev1", "1.0a1", "1.0"], [("1.0.dev1", "1.0a1")]),
    ({"target": "debian"}, ["1.0.dev1", "1.0a1", "1.0", "1.0.post1", "1.0.1"], []),
    ({"target": "rpm"}, ["1.0.dev1", "1.0a1", "1.0", "1.0.post1", "1.0.1"], []),
    ({"target": "alpine"}, ["1.0a1", "1.0", "1.0.post1", "1.0.1"], []),
    # a guessed next release is above the maintenance release that came
    ({}, ["1.0", "1.0-3-g1a2b3c4", "1.0.1"], [("1.0-3-g1a2b3c4", "1.0.1")]),
    ({"policy": "post"}, ["1.0", "1.0-3-g1a2b3c4", "1.0.1"], []),
    ({"policy": "local"}, ["1.0", "1.0-3-g1a2b3c4", "1.0.1"], []),
    # what PEP 440 takes by luck: the dates tell that another thing was meant
    ({}, ["2011.2.25", "2011.2.25b"], [("2011.2.25", "2011.2.25b")]),
    ({}, ["1.0-1", "1.0"], [("1.0-1", "1.0")]),
    ({}, ["1.0", "1.0-1"], []),
    ({"source": "pep440"}, ["2011.2.25", "2011.2.25b"], []),
    # maintenance releases come later and are no flips, whatever their dates
    ({}, ["1.4.8", "2.0", "1.4.9", "2.0.1", "1.4.10"], []),
    ({}, ["v1.1", "v1.0", "v1.0.1"], []),
    # products of their own
    ({}, ["api/v2.0", "web/v1.0", "api/v1.9", "web/v0.9"], []),
    ({}, ["v2.0.0-0.2.alpha2", "v2.0.0-0.6.rc1", "v2.0.0.0-1"], []),
    ({}, ["@scope/name@1.0.4-0", "@scope/name@1.0.4"], []),
    ({"source": "rpm"}, ["2.4.3~beta3", "2.4.3.0~beta1"], [("2.4.3~beta3", "2.4.3.0~beta1")]),
    ({}, ["release-1.0-rc1", "REL_1_0", "v1.0.1", "1.0.2"], []),
]


@pytest.mark.parametrize(("mapping", "names", "flips"), FLIPS, ids=[" ".join(names) for _, names, _ in FLIPS])
def test_flips(mapping: dict[str, str], names: list[str], flips: list[tuple[str, str]]) -> None:
    assert sorted(judged(*names, **mapping).flips) == sorted(flips)


def test_a_rule_is_held_against_the_natural_order() -> None:
    from relengtools.versions.scheme.rule import from_table

    wrong = {"pattern": r"v(?P<a>\d+)r(?P<b>\d+)(?:-pre(?P<c>\d+))?", "template": "{a}.{b}[.post{c}]"}
    right = wrong | {"template": "{a}.{b}[a{c}]"}
    tags = [Tag("v7r2-pre1", 1.0, "aa"), Tag("v7r2", 2.0, "bb"), Tag("v7r3", 3.0, "cc")]
    reports = [history.judge(tags, Scheme(rules=from_table({"schemes": [table]}, ""))) for table in (wrong, right)]
    assert [report.flips for report in reports] == [[("v7r2-pre1", "v7r2")], []]
    assert [release.prefix for release in reports[1].releases] == ["v", "v", "v"]


COLLISIONS = [
    (["1.0", "1.0.0"], [("1.0", "1.0.0")]),
    (["v1.0-rc1", "1.0rc1", "1.0c1"], [("v1.0-rc1", "1.0rc1"), ("v1.0-rc1", "1.0c1"), ("1.0rc1", "1.0c1")]),
    (["2-8-6", "Zope-2-8-6", "Zope-2-8-7"], [("2-8-6", "Zope-2-8-6")]),
    (["api/v1.0", "web/v1.0"], []),
    (["app-v1.0", "app-v1.1", "lib-v1.0", "lib-v1.1"], []),
    (["1.0", "latest", "nightly"], []),
]


@pytest.mark.parametrize(("names", "pairs"), COLLISIONS, ids=[" ".join(names) for names, _ in COLLISIONS])
def test_a_collision_needs_two_commits(names: list[str], pairs: list[tuple[str, str]]) -> None:
    assert judged(*names).collisions == pairs
    one = history.judge([Tag(name, None, "aa") for name in names], Scheme())
    assert (one.collisions, one.flips, one.aliases) == ([], [], [tuple(names)])
    assert history.judge([Tag(name) for name in names], Scheme()).collisions == []


def test_what_has_no_version() -> None:
    report = judged("1.0", "latest", "2011k", "before-the-merge", "1.0-last-before-moving", "backups/1.0@40067", "2.x")
    assert [release.tag.name for release in report.invalid if release not in report.other] == ["2011k", "2.x"]
    assert not report.clean
    assert judged("1.0", "latest", "nightly", "cvs-to-svn-conversion").clean


def test_what_has_no_place_in_the_target() -> None:
    report = judged("1.0", "1.0.post1", "1.0.0.1", target="semver")
    assert [release.tag.name for release in report.unplaced] == ["1.0.post1", "1.0.0.1"]
    assert not report.clean


@pytest.mark.parametrize(
    ("names", "gaps"),
    [
        (["1.2.3", "1.2.5"], [("1.2.3", "1.2.5")]),
        (["1.2.3", "1.2.4rc1", "1.2.5"], []),
        (["v0.1", "v0.4", "v0.5"], [("v0.1", "v0.4")]),
        (["2024.1.2", "2024.1.9"], []),
        (["1.2", "1.2.5", "2.0"], []),
    ],
)
def test_gaps(names: list[str], gaps: list[tuple[str, str]]) -> None:
    assert judged(*names).gaps == gaps
    assert judged(*names).clean


def test_aliases_that_say_different_releases() -> None:
    tags = [Tag("v7r2", 1.0, "aa"), Tag("v7.2.0", 1.0, "aa"), Tag("v8.0rc1", 2.0, "bb"), Tag("v8.0", 2.0, "bb")]
    report = history.judge(tags, Scheme())
    assert (report.disagreements, len(report.aliases), report.clean) == ([("v7r2", "v7.2.0")], 2, True)


VERSIONS = st.builds(
    lambda release, pre, post, dev: ".".join(map(str, release)) + pre + post + dev,
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.sampled_from(["", "", "a1", "b2", "rc1"]),
    st.sampled_from(["", "", ".post1"]),
    st.sampled_from(["", "", ".dev2"]),
)


@settings(deadline=None)
@given(st.lists(VERSIONS, max_size=12, unique=True), st.sampled_from(["pep440", "debian", "conda", "semver"]))
def test_flips_are_all_pairs_of_a_line_that_the_target_turns_round(texts: list[str], target: str) -> None:
    report = judged(*texts, target=target)
    written = {r.tag.name: r.conversion.version for r in report.releases if r.conversion.version is not None}
    expected = set()
    for one, other in combinations(written, 2):
        first, second = Version(one), Version(other)
        # Of equal ones the first is the older, by its date.
        low, high = (one, other) if first <= second else (other, one)
        if (*first.release, 0)[:2] == (*second.release, 0)[:2] and compare(target, written[low], written[high]) > 0:
            expected.add((low, high))
    assert set(report.flips) == expected


@settings(deadline=None)
@given(st.lists(VERSIONS, max_size=8))
def test_the_natural_order_is_never_certain_of_the_contrary_of_pep440(texts: list[str]) -> None:
    for one, other in combinations(texts, 2):
        first, second = natural.key(one), natural.key(other)
        if (
            first < second
            and natural.certain(first, second)
            and ".dev" not in one + other
            and "post" not in one + other
        ):
            assert Version(one) < Version(other)


NATURAL = [
    ("1.9", "1.10", True),
    ("1.0-alpha2", "1.0-beta1", True),
    ("REL_1_2_RC1", "REL_1_2", True),
    ("1.0-SNAPSHOT", "1.0", True),
    ("2009n", "2009p", True),
    ("1.0-SNAPSHOT", "1.0-alpha1", False),
    ("2010", "2010b", False),
    ("1.0-pre1", "1.0-rc1", False),
    ("1.0-foo", "1.0-bar", False),
    ("1.0-foo", "1.0", False),
    ("1.0", "1.0-1", False),
    ("2-8-6", "2-8-7", True),
]


@pytest.mark.parametrize(("low", "high", "certain"), NATURAL)
def test_the_natural_order(low: str, high: str, certain: bool) -> None:
    first, second = natural.key(low), natural.key(high)
    assert natural.certain(first, second) is natural.certain(second, first) is certain
    assert first < second or not certain


LISTS = [
    ("1.0\t2020-01-02T03:04:05+00:00\taabbccdd", Tag("1.0", 1577934245.0, "aabbccdd")),
    ("1.0  2020-01-02 03:04:05 +0000  aabbccdd", Tag("1.0", 1577934245.0, "aabbccdd")),
    ("1.0 2020-01-02", Tag("1.0", 1577923200.0)),
    ("1.0 1577923200", Tag("1.0", 1577923200.0)),
    ("1.0 20200102 -", Tag("1.0", 1577923200.0)),
    ("1.0\t\tAABBCCDD", Tag("1.0", None, "aabbccdd")),
    ("  1.0\r", Tag("1.0")),
    (f"{'a' * 40}\trefs/tags/v1.0", Tag("v1.0", None, "a" * 40)),
    (f"{'a' * 40} refs/tags/v1.0\n{'b' * 40} refs/tags/v1.0^{{}}", Tag("v1.0", None, "b" * 40)),
    ("tag\tdate\tcommit\n1.0", Tag("1.0")),
    ("# my tags\n\n1.0", Tag("1.0")),
    ("\ufeff1.0", Tag("1.0")),
    ("1.0 not-a-date whatever", Tag("1.0")),
    ("1.0\n1.0", Tag("1.0")),
]


@pytest.mark.parametrize(("text", "tag"), LISTS)
def test_lists_of_tags(text: str, tag: Tag) -> None:
    assert tag_list.read(text.split("\n")) == ([tag], [])


CORPUS = {
    "attrs": (0, 0, 0, 0),
    "deluge": (0, 0, 0, 5),
    "mysqlclient": (0, 0, 0, 0),
    "psutil": (0, 0, 0, 0),
    "pytz": (0, 0, 28, 0),
    "zope": (0, 1, 0, 5),
}


@pytest.mark.parametrize("name", CORPUS)
def test_real_lists_have_no_flip(name: str) -> None:
    report = history.judge(tag_list.read((DATA / f"{name}.tsv").read_text().split("\n")).tags, Scheme())
    lost = len(report.invalid) - len(report.other)
    assert (len(report.flips), len(report.collisions), lost, len(report.other)) == CORPUS[name]
    assert len(report.aliases) == {"psutil": 20, "deluge": 1}.get(name, 0)


@pytest.mark.parametrize("target", ["debian", "rpm", "conda"])
@pytest.mark.parametrize("name", CORPUS)
def test_real_lists_keep_their_order_elsewhere(name: str, target: str) -> None:
    report = history.judge(tag_list.read((DATA / f"{name}.tsv").read_text().split("\n")).tags, Scheme(target=target))
    assert report.flips == []


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def test_pairs_are_compared_along_ancestry(repo: Repo) -> None:
    repo.commit("v7.2.0a1")
    repo.commit("v7r2")  # 7.post2 to PEP 440, although it is 7.2
    repo.commit("v7.2.1")
    repo("checkout", "-q", "-b", "maint", "v7r2")
    repo.commit("v7.1.9")
    found = repository.read(repo.path)
    report = history.judge(found.tags, Scheme(), found.ancestry)
    assert report.flips == [("v7.2.0a1", "v7r2")]
    assert report.backwards == [("v7.2.0a1", "v7r2")]


def test_the_commits_of_a_history(repo: Repo) -> None:
    repo.commit()
    repo.commit("1.0", files={"setup.py": 'run(["git", "describe", "--tags"])'})
    repo.commit()
    repo.commit("1.0.1")
    repo("checkout", "-q", "-b", "elsewhere")
    repo.commit("2.0")
    repo("checkout", "-q", "main")
    repo.commit()
    commits = repository.read(repo.path, "next-dev").commits
    assert commits is not None
    assert (commits.total, commits.tagged, commits.unreached, commits.invalid, commits.unmapped) == (5, 2, 1, 3, 1)
    assert commits.describes == "setup.py"
    assert [(a.rpartition("-g")[0], b) for a, b in commits.examples] == [("1.0-1", "1.0.1")]
    for policy in ("post", "local"):
        other = repository.read(repo.path, policy).commits
        assert other is not None and other.flips == 0


def test_a_local_label_makes_describe_valid(repo: Repo) -> None:
    repo.commit("1.0+patched")
    repo.commit()
    commits = repository.read(repo.path).commits
    assert commits is not None and (commits.invalid, commits.unmapped) == (0, 1)


def test_a_repository_without_a_commit(repo: Repo) -> None:
    found = repository.read(repo.path)
    assert found.tags == [] and found.commits is not None and found.commits.total == 0


def test_the_command_on_a_list(run: Run, tree: Tree) -> None:
    tree({"tags": "1.0.dev1 2020-01-01 aabbccd\n1.0a1 2020-02-01 aabbcce\n1.0.0a1 2020-03-01 aabbccf\nlatest\n"})
    kept = run("history", "--tags-file", "tags", "--output-format", "json")
    document = json.loads(kept.out)
    assert (kept.code, kept.err) == (1, "")
    assert document["tags"][0] == {
        "tag": "1.0.dev1",
        "version": "1.0.dev1",
        "scheme": "pep440",
        "canonical": "1.0.dev1",
        "exact": True,
        "reason": None,
        "prefix": "",
        "commit": "aabbccd",
        "date": "2020-01-01T00:00:00+00:00",
    }
    assert (document["flips"], document["collisions"]) == ([], [["1.0a1", "1.0.0a1"]])
    assert (document["invalid"], document["no_release"], document["commits"]) == (["latest"], ["latest"], None)
    flipped = run("history", "--tags-file", "tags", "--to", "conda")
    assert flipped.code == 1
    assert "1.0.dev1 comes before 1.0a1, but 1.0.dev1 is above 1.0a1" in flipped.out


def test_the_command_on_a_repository(run: Run, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit("v1.0")
    repo.commit()
    clean = run("history", str(repo.path))
    assert (clean.code, clean.err) == (0, "")
    assert "PEP 440 refuses `git describe --tags` of 1 (50 %), 0 before any tag" in clean.out
    repo.commit("v1.0.1", files={"setup.py": "check_output('git describe --tags'.split())"})
    monkeypatch.chdir(repo.path)
    assert run("history").code == 1
    assert json.loads(run("history", "--output-format", "json").out)["commits"]["describes"] == "setup.py"


def test_rules_come_from_the_repositorys_pyproject(run: Run, repo: Repo) -> None:
    scheme = '[[tool.relengtools.schemes]]\npattern = "v(?P<a>\\\\d+)r(?P<b>\\\\d+)"\ntemplate = "{a}.{b}"\n'
    repo.commit("v7r2", files={"pyproject.toml": scheme})
    document = json.loads(run("history", str(repo.path), "--output-format", "json").out)
    assert [(tag["version"], tag["scheme"]) for tag in document["tags"]] == [("7.2", "rule")]


def test_a_shallow_clone_is_done_in_part(run: Run, repo: Repo, tmp_path: Path) -> None:
    repo.commit("1.0")
    repo.commit("1.1")
    repo("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    result = run("history", str(tmp_path / "shallow"), "--output-format", "json")
    assert result.code == 2
    assert "git fetch --unshallow" in result.err
    document = json.loads(result.out)
    assert ([tag["tag"] for tag in document["tags"]], document["commits"]) == (["1.1"], None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: no such directory"),
        (["."], "not a git repository"),
        (["--tags-file", "nowhere"], "nowhere: can't read the list of tags: No such file or directory"),
        (["--tags-file", "empty"], "empty: no tag in it"),
        ([".", "--tags-file", "empty"], "exclude each other"),
        (["--tags-file", "tags", "--plot", "out.pdf"], ".pdf: plots are written as .svg or .png"),
        (["--tags-file", "tags", "--plot", "out.svg"], "nothing to plot: no release has a date"),
        (["--tags-file", "tags", "--rule", "nowhere"], "nowhere: can't read the rules"),
    ],
)
def test_what_cannot_be_done(run: Run, tree: Tree, arguments: list[str], said: str) -> None:
    tree({"empty": "# nothing\n", "tags": "1.0\n"})
    result = run("history", *arguments)
    assert result.code == 2
    assert said in result.err


def test_hostile_names_reach_no_terminal(run: Run, tree: Tree) -> None:
    tree({"tags": b"1.0\x1b[31m\n1.x\x1b]0;title\x07\n\xff1.0\xff\n"})
    result = run("history", "--tags-file", "tags")
    assert result.code == 2
    assert "\x1b" not in result.out + result.err
    assert json.loads(run("history", "--tags-file", "tags", "--output-format", "json").out)


def test_the_plot(run: Run, tree: Tree, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    tree({"tags": (DATA / "pytz.tsv").read_text() + "2026.1b 2026-05-01\n"})
    pictures = []
    for name in ("one.svg", "two.svg", "three.png"):
        assert run("history", "--tags-file", "tags", "--plot", name).code == 1
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1] and pictures[0].startswith(b"<?xml") and pictures[2].startswith(b"\x89PNG")


def test_without_the_extra_a_plot_is_one_line(run: Run, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree({"tags": "1.0 2020-01-01\n"})
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("history", "--tags-file", "tags", "--plot", "out.svg")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "relengtools[report]" in result.err


def test_ten_thousand_tags_take_no_time() -> None:
    names = [f"{major}.{minor}.{micro}" for major in range(10) for minor in range(20) for micro in range(50)]
    start = time.process_time()
    assert judged(*names, target="debian").clean
    assert time.process_time() - start < 10


def test_long_lists_are_cut_for_people() -> None:
    report = judged(*(f"1.{n}.x" for n in range(100)))
    text = history_report.text(report, Scheme(), None)
    assert "and 81 more (--output-format json has all)" in text
    assert text.count("\n") < 40


def test_a_list_that_holds_something_else(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tags").write_bytes(b"v1.0\n\x00\x89PNG\nv1.1\n\x1b[33mv1.2\x1b[m\n")
    result = run("history", "--tags-file", "tags", "--output-format", "json")
    assert (result.code, [tag["tag"] for tag in json.loads(result.out)["tags"]]) == (2, ["v1.0", "v1.1"])
    said = "tags: 2 lines hold no tag, the first is line 2: no tag has control characters"
    assert result.err == f"relengtools: {said}\n"
    Path("tags").write_bytes(b"\x00\n")
    assert run("history", "--tags-file", "tags").code == 2
    Path("tags").write_bytes("v1.0 2024-01-01\r\nv1.1\r\n".encode("utf-16"))
    result = run("history", "--tags-file", "tags", "--output-format", "json")
    assert (result.code, [tag["tag"] for tag in json.loads(result.out)["tags"]]) == (0, ["v1.0", "v1.1"])


def test_without_commits_nobody_can_tell_aliases_from_collisions(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for lines, expected in (
        ("v1.3.0\nV1.3\n", ([], [["v1.3.0", "V1.3"]])),
        (f"v1.3.0 - {'a' * 40}\nV1.3\n", ([], [["v1.3.0", "V1.3"]])),
        (f"v1.3.0 - {'a' * 40}\nV1.3 - {'b' * 40}\n", ([["v1.3.0", "V1.3"]], [])),
        (f"v1.3.0 - {'a' * 40}\nV1.3 - {'a' * 40}\n", ([], [])),
    ):
        Path("tags").write_text(lines)
        found = json.loads(run("history", "--tags-file", "tags", "--output-format", "json").out)
        assert (found["collisions"], found["undecided"]) == expected
    Path("tags").write_text("v1.3.0\nV1.3\n")
    result = run("history", "--tags-file", "tags")
    assert "collisions  0, and 1 where the commits that would tell aren't known" in result.out
    assert (result.code, "one version, one commit or two\n  v1.3.0 = V1.3" in result.out) == (0, True)
