"""What each rule finds, what it leaves alone, and what its message says."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools.versions import rules
from relengtools.versions.catalogue import RULES
from relengtools.versions.discover import Place
from relengtools.versions.project import read
from relengtools.versions.scheme import pep440
from relengtools.versions.settings import DEFAULT

ALL = ",".join(rule.code for rule in RULES)


def pyproject(version, more=""):
    return f"[project]\nname = 'x'\nversion = {json.dumps(version)}\n{more}"


def findings(root, settings=DEFAULT, siblings=None):
    place = Place(root, root, ("pyproject.toml",))
    return rules.judge(read(place), settings, siblings).findings


def found(root, version, **more):
    (root / "pyproject.toml").write_text(pyproject(version))
    return findings(root, **more)


@pytest.mark.parametrize(
    ("version", "codes"),
    [
        ("1.0", set()),
        ("1.0.0", set()),
        ("1!2.0rc1.post2.dev3", {"RV503"}),
        ("v1.0", {"RV102"}),
        (" 1.0 ", {"RV102"}),
        ("1.0-RC.1", {"RV102"}),
        ("2026.08.10", {"RV103"}),
        ("v2026.08.10", {"RV102", "RV103"}),
        ("1.0.Final", {"RV101"}),
        ("unknown", {"RV101", "RV302"}),
        ("0-unknown", {"RV101", "RV302"}),
        ("None", {"RV101", "RV302"}),
        ("", {"RV101"}),
        # a revision, a count of releases, a month
        ("1.0-1", {"RV102", "RV301"}),
        ("1.0-r4", {"RV102", "RV301"}),
        ("v6r21", {"RV102", "RV301"}),
        ("2010b", {"RV102", "RV301"}),
        ("2024-05", {"RV102", "RV103", "RV301"}),
        ("1.0+dfsg1", {"RV301", "RV502"}),
        ("1.0.post1", set()),
        ("1.0-rc1", {"RV102"}),
        ("1.0a1", set()),
        # what tools write that found nothing
        ("0.0.0", {"RV302"}),
        ("0.0.1", set()),
        ("0.0.0a1", set()),
        ("0.0.0.post3.dev0+1a2b3c4", {"RV302", "RV502"}),
        ("0+unknown", {"RV302", "RV502"}),
        ("0+untagged.3.g1a2b3c4", {"RV302", "RV502"}),
        ("1.6.0+fallback", {"RV302", "RV502"}),
        ("0.1.dev3+g1a2b3c4", {"RV302", "RV502"}),
        ("0.1.dev1", {"RV302"}),
        ("0.0", {"RV302"}),
        ("0", {"RV302"}),
        ("0.0.dev1", set()),
        ("0.1.dev0", set()),
        ("10.0.0", set()),
        # order
        ("1.0+g1a2b3c4", {"RV303", "RV502"}),
        ("1.0.dev0+g1234567", {"RV303", "RV502"}),
        ("1.0+1a2b3c4.dirty", {"RV303", "RV502"}),
        ("1.1.dev2+ga73a73b", {"RV502"}),
        ("1.0+2.ga73a73b", {"RV502"}),
        ("1.0+20240102", {"RV502"}),
        ("1.0+ubuntu1", {"RV301", "RV502"}),
        # uv has 64 bits
        ("1.18446744073709551615", set()),
        ("1.18446744073709551616", {"RV501"}),
        ("1.0.dev99999999999999999999", {"RV501"}),
        ("99999999999999999999!1", {"RV501", "RV503"}),
        ("1." + "9" * 5000, {"RV101"}),
    ],
)
def test_what_is_found(tmp_path, version, codes):
    assert {finding.rule.code for finding in found(tmp_path, version)} == codes


@pytest.mark.parametrize(
    ("version", "code", "said"),
    [
        ("1.0-1", "RV301", "'1.0-1' is read as '1.0.post1': -1 may be a packaging revision"),
        ("v6r21", "RV301", "'v6r21' is read as '6.post21'"),
        ("0.0.0", "RV302", "setuptools and dunamai write it"),
        ("0.0.0.post3.dev0+1a2b3c4", "RV302", "no tag fits its pattern"),
        ("0+unknown", "RV302", "versioneer"),
        ("0.1.dev3+g1a2b3c4", "RV302", "as in a shallow clone"),
        ("unknown", "RV302", "no tag, a shallow clone"),
        ("1.18446744073709551616", "RV501", "more than 64 bits"),
        ("1!2.0", "RV503", "has the epoch 1"),
        ("1.0+ubuntu1", "RV502", "+ubuntu1, which indexes refuse"),
    ],
)
def test_the_message_names_reading_and_cause(tmp_path, version, code, said):
    (message,) = [finding.message for finding in found(tmp_path, version) if finding.rule.code == code]
    assert said in message


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.1.dev3", "Alpine has no place for a dev release"),
        ("1!1.0", "Alpine has no place for an epoch"),
        ("1.0+l", "Alpine has no place for a local version; dpkg ranks"),
        ("1.0rc1", None),
    ],
)
def test_what_a_package_cannot_carry_is_told_only_when_asked(tmp_path, version, said):
    assert "RV504" not in {finding.rule.code for finding in found(tmp_path, version)}
    asked = found(tmp_path, version, settings=DEFAULT._replace(select=("RV504",)))
    messages = [finding.message for finding in asked if finding.rule.code == "RV504"]
    assert len(messages) == (said is not None)
    assert all(str(said) in message for message in messages)


@pytest.mark.parametrize(
    ("version", "new", "note"),
    [
        ("0.62.4-2-ga73a73b", "0.62.5.dev2+ga73a73b", "read as git describe: tag 0.62.4, 2 commits after it"),
        ("1.0.Final", "1.0", "read as tag: 'Final' is read as the release itself"),
        ("1.0~rc1", "1.0rc1", "read as debian"),
        ("1.0_p1", "1.0.post1", "read as alpine"),
        ("1.x", None, None),
        ("1.0  # next", None, None),
    ],
)
def test_an_invalid_text_is_mended_only_by_a_reading_that_is_named(tmp_path, version, new, note):
    (finding,) = found(tmp_path, version)
    assert (finding.fix and (finding.fix.safe, finding.fix.edits[0].new)) == (new and (False, new))
    assert (note or "") in (finding.note or "")


def test_a_placeholder_that_a_provider_replaces_is_no_fallback(tmp_path):
    text = "[tool.poetry]\nname = 'x'\nversion = '0.0.0'\n[tool.poetry-dynamic-versioning]\nenable = true\n"
    (tmp_path / "pyproject.toml").write_text(text)
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    "more", ["classifiers = ['Private :: Do Not Upload']\n", "[tool.uv]\npackage = false\n", "[tool]\nuv = 1\n"]
)
def test_what_is_never_released_needs_no_version(tmp_path, more):
    (tmp_path / "pyproject.toml").write_text(pyproject("0.0.0", more))
    assert [finding.rule.code for finding in findings(tmp_path)] == ["RV302"] * ("uv = 1" in more)


def test_samples_need_neither_version_nor_agreement(tree, run):
    tree(
        {
            "core/pyproject.toml": "[project]\nname = 'core'\nversion = '2.1'\n",
            "core/Examples/a/setup.py": "setup(name='a', install_requires=['core==1.0'])",
            "tests/b/pyproject.toml": "[project]\nname = 'b'\nversion = '0.0.0'\ndependencies = ['core==1.0']\n",
            "tests/c/pyproject.toml": "[project]\nname = 'c'\nversion = '1.0'\n",
            "cli/pyproject.toml": pyproject("1", "dependencies = ['c==0.9']\n")
            + "[build-system]\nrequires = ['core<2']\n[tool.uv]\nbuild-constraint-dependencies = ['core<2']\n",
            "cli/requirements.txt": "core==2.0\n",
            "lib/setup.py": "setup(name='lib')",
        }
    )
    assert re.findall(r"^(\S+): (RV\d+)", run("check").out, re.M) == [("lib/setup.py:1:1", "RV901")]


def test_a_copy_that_disagrees_is_not_told_of_as_a_fallback_too(tmp_path):
    (tmp_path / "x.py").write_text("__version__ = '0.0.0'\n")
    assert [finding.rule.code for finding in found(tmp_path, "1.0")] == ["RV201"]


NPM = '{"name": "x", "version": "%s"}\n'
LOCK = '[[package]]\nname = "x"\nversion = "%s"\nsource = { editable = "." }\n'


def test_a_broken_lock_keeps_no_other_file_from_being_mended(tree, run):
    files = {"pyproject.toml": pyproject("1.0"), "uv.lock": LOCK % "0.9" + "broken =\n"}
    root = tree(files | {"CITATION.cff": "version: 0.9\n"})
    result = run("check", "--fix", "--unsafe-fixes")
    assert (result.code, (root / "uv.lock").read_text()) == (1, files["uv.lock"])
    assert (root / "CITATION.cff").read_text() == "version: 1.0\n"
    assert "uv.lock is no TOML, so nothing can be written there" in result.out


@pytest.mark.parametrize(
    ("file", "text", "version", "code", "new"),
    [
        ("package.json", NPM % "1.0.0-rc.1", "1.0.0rc1", None, None),
        ("package.json", NPM % "0.9.0", "1.0rc1", "RV202", "1.0.0-rc.1"),
        ("package.json", NPM % "0.9.0", "1.0.post1", None, None),  # SemVer has no place for it
        ("package.json", NPM % "next", "1.0", "RV101", "1.0.0"),
        ("uv.lock", LOCK % "0.9", "1.0", "RV201", "1.0"),
        ("uv.lock", LOCK % "0.9", "0.0.0", "RV201", "0.0.0"),
        ("alpha/__init__.py", "__version__ = '1.7.0'\n", "0.0.0", "RV201", None),
        ("CITATION.cff", "version: 0.9\n", "1.0", "RV201", "1.0"),
        ("CITATION.cff", "version: 0.9\n", "1.0.dev3", "RV202", "1.0.dev3"),
        ("CITATION.cff", "version: v1.0\n", "1.0", "RV102", "1.0"),
        ("docs/conf.py", "release = '0.9'\n", "1.0", "RV201", "1.0"),
        ("docs/conf.py", "release = '0.9'\n", "1.0.dev0", "RV202", "1.0.dev0"),
        ("docs/conf.py", "release = '0.9'\n", "0.9.3", None, None),  # the series
        ("docs/conf.py", "release = '0'\n", "0.9.3", "RV201", "0.9.3"),
        ("docs/conf.py", "release = ''\n", "1.0", None, None),  # as Sphinx leaves it
        ("docs/conf.py", "release = 'latest'\n", "1.0", None, None),
        ("alpha/__init__.py", "__version__ = '@VERSION@'\n", "1.0", None, None),
        ("alpha/__init__.py", "__version__ = '{{ version }}'\n", "1.0", None, None),
        ("alpha/__init__.py", "__version__ = 'RPM_VERSION'\n", "1.0", None, None),
        ("alpha/__init__.py", "__version__ = 'unknown'\n", "1.0", "RV101", "1.0"),
        ("debian/changelog", "x (1.0-1) unstable; urgency=low\n", "1.0", None, None),
        ("debian/changelog", "x (0.9-1) unstable; urgency=low\n", "1.0rc1", "RV202", None),
        ("APKBUILD", "pkgver=1.0_rc1\n", "1.0rc1", None, None),
        ("APKBUILD", "pkgver=0.9\n", "1.0", "RV202", None),
        ("APKBUILD", "pkgver=0.9\n", "1.0.dev1", None, None),  # Alpine has no place for it
        ("x.spec", "Version: 0.9\n", "1.0.post1", "RV202", None),
    ],
)
def test_a_copy_is_compared_and_mended_in_the_scheme_of_its_place(tree, run, file, text, version, code, new):
    root = tree({"pyproject.toml": pyproject(version), file: text})
    found = findings(root)
    assert [finding.rule.code for finding in found if finding.location.file == file][:1] == [code] * bool(code)
    select = ["--select", f"{ALL}"]
    run("check", "--fix", "--unsafe-fixes", *select, "--ignore", "RV504,RV502,RV503")
    after = (root / file).read_text()
    assert (new or "") in after
    assert (after == text) is (new is None)
    if new:
        assert [f.rule.code for f in findings(root) if f.location.file == file] == []


@pytest.mark.parametrize(
    ("requirement", "versions", "codes"),
    [
        ("core==2.0", {"core": "2.1"}, ["RV405"]),
        ("core>=2.0", {"core": "2.1"}, []),
        ("core>=2.0", {"core": "2.1.dev3"}, []),
        ("core==2.0", {"core": "2.0.0"}, []),
        ("core[extra]~=1.4; python_version >= '3.9'", {"core": "2.1"}, ["RV405"]),
        ("core @ https://example.org/core.zip", {"core": "2.1"}, []),
        ("Core==2.0", {"core": "v2.1"}, ["RV405"]),
        ("x==1", {"x": "2"}, []),  # itself
        ("core==2.0", {}, []),
    ],
)
def test_a_sibling_has_to_be_accepted(tmp_path, requirement, versions, codes):
    (tmp_path / "pyproject.toml").write_text(pyproject("1.0", f"dependencies = [{json.dumps(requirement)}]\n"))
    assert [finding.rule.code for finding in findings(tmp_path, siblings=versions)] == codes


@pytest.mark.parametrize(
    ("versions", "unsafe", "expected"),
    [
        ([("Core", "2.1"), ("cli", "v1")], False, {"core": "2.1", "cli": "v1"}),
        ([("a.b_c", "1")], False, {"a-b-c": "1"}),
        ([("a", "1"), ("A", "2")], False, {}),
        ([("a", "1"), ("A", "1")], False, {"a": "1"}),
        ([("a", "0.1-2-g1234567")], False, {"a": "0.1-2-g1234567"}),
        ([("a", "0.1-2-g1234567")], True, {"a": "0.2.dev2+g1234567"}),
    ],
)
def test_the_versions_of_a_tree(tmp_path, versions, unsafe, expected):
    projects = []
    for number, (name, version) in enumerate(versions):
        root = tmp_path / str(number)
        root.mkdir()
        (root / "pyproject.toml").write_text(f"[project]\nname = '{name}'\nversion = '{version}'\n")
        projects.append((read(Place(root, tmp_path, ("pyproject.toml",))), DEFAULT))
    assert rules.versions_of(projects, unsafe) == expected


def test_siblings_are_those_of_one_tree_and_a_shared_file_is_told_of_once(tree, run):
    tree(
        {
            "one/core/pyproject.toml": "[project]\nname = 'core'\nversion = '2.1'\n",
            "one/cli/pyproject.toml": pyproject("1", "dependencies = ['core==2.0']\n"),
            "one/cli/requirements.txt": "-r ../../one/shared.txt\n",
            "one/core/requirements.txt": "-r ../shared.txt\n",
            "one/shared.txt": "a>=1.*\nb>=v1\n",
            "two/cli/pyproject.toml": pyproject("1", "dependencies = ['core==2.0']\n"),
        }
    )
    result = run("check", "one", "two")
    assert re.findall(r"^(\S+): (RV\d+)", result.out, re.M) == [
        ("one/cli/pyproject.toml:4:22", "RV405"),
        ("one/shared.txt:1:4", "RV401"),
        ("one/shared.txt:2:4", "RV402"),
    ]
    assert run("check", "one", "two", "--fix", "--unsafe-fixes").code == 1
    assert run("check", "one", "two").code == 0


def test_codes_names_and_pages():
    assert [rule.code for rule in RULES] == sorted({rule.code for rule in RULES})
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(re.fullmatch(r"RV[0-9]{3}", rule.code) for rule in RULES)
    assert all(re.fullmatch(r"[a-z]+(?:-[a-z]+)*", rule.name) for rule in RULES)
    for rule in RULES:
        assert all((rule.summary, rule.why, rule.example, rule.fix))
        assert rule.fix.split()[0].strip(".:,") in {"Safe", "Unsafe", "None"}
        assert rules.find(rule.code) == rules.find(rule.name) == (rule,)


NUMBER = st.integers(0, 20).map(str)
VERSION = st.from_regex(
    r"(v|V)?(1!)?[0-9]{1,3}(\.[0-9]{1,2}){0,3}([-_.]?(a|b|c|rc|alpha|pre|r|rev|post|dev)[-_.]?[0-9]{0,2}){0,3}(-[0-9])?"
    r"(\+[a-z0-9]{1,7}([-_.][a-z0-9]{1,3}){0,2})?",
    fullmatch=True,
)


@given(VERSION)
def test_what_is_safe_is_the_same_version_in_the_same_order(tmp_path_factory, version):
    for finding in found(tmp_path_factory.mktemp("x"), version):
        if finding.fix is not None:
            new = finding.fix.edits[0].new
            same = pep440.parse(version) is not None and pep440.parse(version) == pep440.parse(new)
            assert finding.fix.safe is same
            assert finding.fix.safe is (finding.rule.code in {"RV102", "RV103"})
            assert pep440.parse(new) is not None


CARGO = (
    '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n[project]\nname = "x"\ndynamic = ["version"]\n'
)


@pytest.mark.parametrize(
    "version", ["v1.0.0", "1.0", "1.0.0.1", "01.0.0", "1.0.0-rc.01", "1.0.0rc1", "1.0.0-alpha.beta"]
)
def test_what_cargo_or_maturin_refuses_is_invalid(tree, version):
    root = tree({"pyproject.toml": CARGO, "Cargo.toml": f'[package]\nname = "x"\nversion = "{version}"\n'})
    assert [finding.rule.code for finding in findings(root)] == ["RV101"]


@pytest.mark.parametrize("version", ["1.0.0", "0.0.1", "1.0.0-rc.1", "1.0.0-alpha", "1.0.0-beta.10"])
def test_what_cargo_takes_is_valid(tree, version):
    root = tree({"pyproject.toml": CARGO, "Cargo.toml": f'[package]\nname = "x"\nversion = "{version}"\n'})
    assert findings(root) == []


def test_a_message_quotes_no_more_than_people_read(tree):
    root = tree({"pyproject.toml": pyproject("1." * 9000 + "x") + f'dependencies = ["{"x>=v1," * 2000}"]\n'})
    assert [f.rule.code for f in findings(root)] == ["RV101", "RV401"]
    assert all(len(f.message) < 1000 for f in findings(root))


def test_a_copy_may_say_what_the_build_makes_of_tag_build(tree, run):
    cfg = "[metadata]\nname = x\nversion = 1.0\n[options]\npackages = x\n[egg_info]\ntag_build = .dev3\n"
    for copy in ("1.0", "1.0.dev3"):
        tree({"setup.cfg": cfg, "x/__init__.py": f'__version__ = "{copy}"\n'})
        assert run("check").code == 0
    tree({"x/__init__.py": '__version__ = "1.0.dev4"\n'})
    assert "'1.0.dev4' is not the version that the build uses, '1.0.dev3'" in run("check").out
