"""Fixes: what is written, what must not be touched, and the laws."""

import ast
import json
import os
import stat
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from relengtools.errors import RelengError
from relengtools.findings import Edit
from relengtools.versions import check, patch, rewrite, rules
from relengtools.versions.catalogue import RULES
from relengtools.versions.discover import Place
from relengtools.versions.locate import python
from relengtools.versions.locate.source import utf8
from relengtools.versions.project import read
from relengtools.versions.proof import proves
from relengtools.versions.requirements import keys
from relengtools.versions.requirements.locate import requirements
from relengtools.versions.settings import DEFAULT, narrowed
from relengtools.versions.specifiers.proof import same

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"pyproject.toml": '[project]\nname="x"\nversion = "v1.2-rc1"  # v1.2-rc1\n'},
            '[project]\nname="x"\nversion = "1.2rc1"  # v1.2-rc1\n',
        ),
        ({"pyproject.toml": "[project]\r\nname='x'\r\nversion='1.0RC1'"}, "[project]\r\nname='x'\r\nversion='1.0rc1'"),
        (
            {"pyproject.toml": 'project.name="x"\nproject.version="""\nV1"""'},
            'project.name="x"\nproject.version="""\n1"""',
        ),
        ({"pyproject.toml": 'project={name="x",version="\\u00761.0"}'}, 'project={name="x",version="1.0"}'),
        (
            {"pyproject.toml": 'a = [nan]\n[project]\nname="x"\nversion = "v1"\n'},
            'a = [nan]\n[project]\nname="x"\nversion = "1"\n',
        ),
        (
            {"setup.cfg": "[metadata]\nname=x\nversion =\n  v1.0\n\n[options]\n"},
            "[metadata]\nname=x\nversion =\n  1.0\n\n[options]\n",
        ),
        ({"setup.py": "setup(name='x', version='v1.' '0')"}, "setup(name='x', version=\"1.0\")"),
        ({"setup.py": "V = u'''v1.0'''\nsetup(name='x', version=V)\n"}, "V = u'''1.0'''\nsetup(name='x', version=V)\n"),
        (
            {"setup.py": "# coding: latin-1\nsetup(name='é', version='v1')".encode("latin-1")},
            "# coding: latin-1\nsetup(name='é', version='1')".encode("latin-1"),
        ),
        ({"setup.py": BOM + b"setup(name='\xc3\xbc', version='v1')"}, BOM + b"setup(name='\xc3\xbc', version='1')"),
        (
            {"pyproject.toml": '[project]\nname="x"\nversion = "v2026.08.10"\n'},
            '[project]\nname="x"\nversion = "2026.08.10"\n',
        ),
    ],
)
def test_fix_writes_the_version_and_nothing_else(tree, run, files, expected):
    root = tree(files)
    name = next(iter(files))
    assert run("check", "--fix").code == 1
    assert (root / name).read_bytes() == (expected if isinstance(expected, bytes) else expected.encode())
    assert run("check", "--fix").code == 0


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\nname="x"\nversion = "2026.08.10"\n'},
        {"pyproject.toml": '[project]\nname="x"\nversion = "1.0.0"\n', "x.py": "__version__ = '1.0'\n"},
        {"pyproject.toml": '[project]\nname="x"\nversion = "1.0.Final"\n'},
        {"pyproject.toml": '[project]\nname="x"\nversion = "0.1-2-g1234567"\n', "x.py": "__version__ = '7'\n"},
        {
            "pyproject.toml": '[project]\nname="x"\nversion = "1"\n',
            "x.py": "try:\n    __version__ = metadata.version('x')\nexcept E:\n    __version__ = 'v0'\n",
        },
        {"setup.cfg": "[metadata]\nname=x\nv=v1\nversion = %(v)s.0\n"},
        {"setup.py": "setup(name='x', version=f'v{x}')\n"},
        {"pyproject.toml": BOM + b'[project]\nname="x"\nversion = "1"\n'},
    ],
)
def test_fix_leaves_alone_what_is_not_provably_the_same(tree, run, files):
    root = tree(files)
    run("check", "--fix")
    for name, content in files.items():
        assert (root / name).read_bytes() == (content if isinstance(content, bytes) else content.encode())


def test_unsafe_fixes_bring_the_copies_to_what_the_owner_will_say(tree, run):
    root = tree(
        {"pyproject.toml": '[project]\nname="x"\nversion = "0.1-2-g1234567"\n', "x.py": "__version__ = 'v0.1'\n"}
    )
    assert run("check", "--fix", "--unsafe-fixes").code == 1
    assert 'version = "0.2.dev2+g1234567"' in (root / "pyproject.toml").read_text()
    assert (root / "x.py").read_text() == "__version__ = '0.2.dev2+g1234567'\n"
    assert run("check").code == 0


def test_an_invalid_version_is_not_spread(tree, run):
    root = tree({"pyproject.toml": '[project]\nname="x"\nversion = "ü1.0"\n', "x.py": "__version__ = '1.0'\n"})
    result = run("check", "--fix", "--unsafe-fixes")
    assert (result.code, result.out.count("RV201"), result.out.count("--fix")) == (1, 1, 0)
    assert (root / "x.py").read_text() == "__version__ = '1.0'\n"


def test_a_copy_and_its_invalid_owner_are_mended_together(tree, run):
    root = tree({"pyproject.toml": '[project]\nname="x"\nversion = "0.1-2-g1234567"\n', "x.py": "__version__ = '7'\n"})
    assert run("check", "--fix", "--unsafe-fixes", "--select", "RV201").code == 1
    assert (root / "x.py").read_text() == "__version__ = '0.2.dev2+g1234567'\n"
    assert run("check").code == 0


def test_mode_is_kept_and_nothing_is_left_behind(tree, run):
    root = tree({"setup.py": "setup(name='x', version='v1')"})
    (root / "setup.py").chmod(0o751)
    assert run("check", "--fix").code == 1
    assert stat.S_IMODE((root / "setup.py").stat().st_mode) == 0o751
    assert [path.name for path in root.iterdir()] == ["setup.py"]


def test_a_read_only_file_is_refused_with_all_of_its_project(tree, run):
    files = {
        "a/pyproject.toml": '[project]\nname="x"\nversion = "v1"\n',
        "a/x.py": "__version__ = 'v1'\n",
        "b/setup.py": "setup(name='b', version='v2')",
    }
    root = tree(files)
    (root / "a/x.py").chmod(0o444)
    result = run("check", "--fix")
    assert result.code == 2
    assert "a/x.py: not rewritten: it is read-only" in result.err
    assert result.out.count("RV102") == 2
    assert (root / "a/pyproject.toml").read_text() == files["a/pyproject.toml"]
    assert (root / "b/setup.py").read_text() == "setup(name='b', version='2')"
    assert run("check", "--diff").out == ""


def test_a_symlink_is_read_but_never_rewritten(tree, run):
    root = tree({"real.toml": '[project]\nname="x"\nversion = "v1"\n'})
    (root / "pyproject.toml").symlink_to("real.toml")
    result = run("check", "--fix")
    assert result.code == 2
    assert "a symlink leads from it to real.toml: edit that file by hand" in result.err
    assert (root / "pyproject.toml").is_symlink()
    assert "v1" in (root / "real.toml").read_text()


def test_a_file_that_setup_py_opens_is_changed_once(tree, run):
    root = tree(
        {
            "setup.py": "from setuptools import setup\nsetup(name='x', version=open('requirements.txt').read()[:3])\n",
            "requirements.txt": "1.0>=v2\nfoo>=v2\n",
        }
    )
    assert run("check", "--diff").out.count("--- a/requirements.txt") == 1
    assert run("check", "--fix").code == 1
    assert "foo>=2" in (root / "requirements.txt").read_text()


def planned(root: Path):
    project = read(Place(root, root, ("pyproject.toml",)))
    return rewrite.plan(project.sources, rewrite.choose(rules.judge(project).findings, unsafe=True))


TWO = {"pyproject.toml": '[project]\nname="x"\nversion = "v1"\n', "x.py": "__version__ = 'v1'\n"}


def test_a_file_that_changed_since_it_was_read_is_left_alone(tree):
    root = tree(TWO)
    changes = planned(root)
    (root / "x.py").write_text("__version__ = 'v2'\n")
    with pytest.raises(RelengError, match=r"x\.py: not rewritten: it was changed"):
        rewrite.write(changes)
    assert "v1" in (root / "pyproject.toml").read_text()
    assert sorted(path.name for path in root.iterdir()) == ["pyproject.toml", "x.py"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failure_in_between_restores_what_was_renamed(tree, monkeypatch, failing):
    root = tree(TWO)
    changes = planned(root)
    real, calls = Path.replace, []

    def replace(self, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(RelengError, match="No space left"):
        rewrite.write(changes)
    assert {name: (root / name).read_text() for name in sorted(path.name for path in root.iterdir())} == TWO


def test_what_an_editor_saves_while_files_are_staged_is_kept(tree, monkeypatch):
    root = tree(TWO)
    changes = planned(root)
    real, saved = os.fsync, []

    def fsync(number):
        real(number)
        saved.append(number)
        if len(saved) == 2:  # both new files are on disk, and nothing is renamed
            (root / "pyproject.toml").write_text("# mine\n")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RelengError, match=r"pyproject\.toml: not rewritten: it was changed"):
        rewrite.write(changes)
    assert texts(root) == TWO | {"pyproject.toml": "# mine\n"}


def test_what_was_renamed_before_a_save_is_put_back(tree, monkeypatch):
    root = tree(TWO)
    changes = planned(root)
    real = Path.replace

    def replace(self, target):
        (root / "x.py").write_text("# mine\n")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(RelengError, match=r"x\.py: not rewritten: it was changed"):
        rewrite.write(changes)
    assert texts(root) == TWO | {"x.py": "# mine\n"}


@pytest.mark.parametrize("links", [True, False])
def test_nothing_new_is_written_to_go_back(tree, monkeypatch, links):
    root = tree(TWO)
    changes = planned(root)
    real, calls = Path.replace, []

    def no_links(*names):
        raise OSError(95, "Operation not supported")

    def full(*rest, **more):
        raise OSError(28, "No space left on device")

    def replace(self, target):
        calls.append(target)
        if len(calls) == 2:
            monkeypatch.setattr(tempfile, "mkstemp", full)
            full()
        return real(self, target)

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    inode = (root / "pyproject.toml").stat().st_ino
    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(RelengError, match="the project's files: not rewritten: No space left"):
        rewrite.write(changes)
    assert texts(root) == TWO
    assert ((root / "pyproject.toml").stat().st_ino == inode) is links


def test_what_cannot_be_put_back_is_told_and_kept(tree, monkeypatch):
    root = tree(TWO)
    changes = planned(root)
    real, calls = Path.replace, []

    def replace(self, target):
        calls.append(target)
        if len(calls) > 1:
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(RelengError) as raised:
        rewrite.write(changes)
    said = str(raised.value)
    assert said.startswith("pyproject.toml: rewritten, and can't be undone: Input/output error (it was what .pyproject")
    assert "not rewritten" not in said
    (kept,) = root.glob(".pyproject.toml.*.old")
    assert kept.name in said
    assert kept.read_text() == TWO["pyproject.toml"]
    assert 'version = "1"' in (root / "pyproject.toml").read_text()


def texts(root):
    return {path.name: path.read_text() for path in root.iterdir()}


SHARED = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["*"]\n',
    "a/pyproject.toml": '[project]\nname = "a"\nversion = "1.0"\n',
    "b/pyproject.toml": '[project]\nname = "b"\nversion = "v2.0"\n',
    "uv.lock": "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ editable = "{name}" }}\n\n'
        for name, version in (("a", "v1.0"), ("b", "v2.0"), ("c", "v3.0"))
    ),
    "c/pyproject.toml": '[project]\nname = "c"\nversion = "v3.0"\n',
}


def test_projects_that_share_a_file_are_fixed_in_one_run(tree, run):
    root = tree(SHARED)
    subprocess.run(["git", "init", "-q"], check=True, cwd=root)
    diff = run("check", "--diff")
    assert (diff.code, diff.out.count("--- a/uv.lock")) == (1, 1)
    result = run("check", "--fix")
    assert (result.code, result.out) == (1, "")
    assert "5 files rewritten" not in result.err
    assert "3 files rewritten" in result.err
    assert sorted(line for line in result.err.splitlines() if "uv.lock" in line) == [
        "relengtools: uv.lock: v1.0 -> 1.0",
        "relengtools: uv.lock: v2.0 -> 2.0",
        "relengtools: uv.lock: v3.0 -> 3.0",
    ]
    fixed = {name: (root / name).read_text() for name in SHARED}
    assert fixed["uv.lock"] == SHARED["uv.lock"].replace('"v', '"')
    assert run("check", "--fix").code == 0
    for name, text in SHARED.items():
        (root / name).write_text(text)
    subprocess.run(["git", "apply"], input=diff.out, text=True, check=True, cwd=root)
    assert {name: (root / name).read_text() for name in SHARED} == fixed


def test_a_project_that_is_refused_leaves_the_shared_file_to_the_others(tree, run):
    root = tree(SHARED)
    subprocess.run(["git", "init", "-q"], check=True, cwd=root)
    (root / "b/pyproject.toml").chmod(0o444)
    result = run("check", "--fix")
    assert result.code == 2
    assert "b/pyproject.toml: not rewritten: it is read-only" in result.err
    lock = SHARED["uv.lock"].replace("v1.0", "1.0").replace("v3.0", "3.0")
    assert (root / "uv.lock").read_text() == lock


def test_an_interrupt_before_the_renames_loses_nothing(tree, monkeypatch):
    root = tree(TWO)
    changes = planned(root)

    def interrupt(number):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        rewrite.write(changes)
    assert {name: (root / name).read_text() for name in sorted(path.name for path in root.iterdir())} == TWO


@pytest.mark.parametrize(
    ("name", "old", "new", "proved"),
    [
        ("a.toml", 'x = "1"\ny = "1"', 'x = "2"\ny = "1"', True),
        ("a.toml", 'x = "1"\ny = "1"', 'x = "2"\ny = "2"', False),
        ("a.toml", 'x = "1"', 'x = "2', False),
        ("a.toml", 'x = "1"', 'x = "2"\nz = 1', False),
        ("a.cfg", "[a]\nx = 1\ny=1", "[a]\nx = 2\ny=1", True),
        ("a.cfg", "[a]\nx = 1\ny=1", "[a]\nx = 2\ny=2", False),
        ("a.py", "x = '1'; y = 1", "x = '2'; y = 1", True),
        ("a.py", "x = '1'; y = 1", "x = '2'; y = 2", False),
        ("a.py", "x = '1'", "x = b'2'", False),
        ("VERSION", "1\n", "2\n", True),
        ("VERSION", "1\n", "2\n3\n", False),
        ("a.toml", "# 1", "# 2", False),
        ("a.cfg", "# 1\n[a]\nx = y", "# 2\n[a]\nx = y", False),
        ("a.py", "# 1", "# 2", False),
    ],
)
def test_the_proof_is_that_nothing_else_differs(name, old, new, proved):
    decode = python.decode if name.endswith(".py") else utf8
    source = decode(name, Path(name), old.encode())
    at = old.index("1")
    assert proves(source, [Edit(name, at, at + 1, 1, 1, "1", "2")], new.encode()) is proved


@pytest.mark.parametrize(("name", "opening", "closing"), [("a.py", "-", ""), ("a.py", "(", ",)"), ("a.toml", "[", "]")])
def test_what_is_nested_too_deeply_is_not_proved(name, opening, closing):
    for depth in range(50, 1500, 50):
        old = f"x = '1'\ny = {opening * depth}'a'{closing * depth}"
        source = utf8(name, Path(name), old.encode())
        assert proves(source, [Edit(name, 5, 6, 1, 1, "1", "2")], old.replace("1", "2").encode()) in (True, False)


VERSIONS = st.sampled_from(
    ["1.0", "v1.0", "1.0-rc1", "2026.08.10", " 1 ", "1.0.Final", "0.1-2-g1234567", "V01.0+ABC", "1.0.post", "1!2a"]
)
LINE_ENDS = st.sampled_from(["\n", "\r\n"])
TOML = st.sampled_from(
    [
        '[project]\nname = "x"\nversion = "{}"\n',
        "# ü [project]\nproject.name='x'\nproject.version = '{}'",
        'project = {{name="x", version = """{}"""}} # é\n',
    ]
)
MODULE = st.sampled_from(
    ["__version__ = '{}'\n", "é = 1\n__version__: str = '''{}'''  # x", 'V = r"{}"\n__version__ = V\n']
)
CFG = st.sampled_from(["[metadata]\nname = x\nversion = {}\n", "[metadata]\n# ü\nversion =\n    {}\nname = x"])


@settings(max_examples=120, deadline=None)
@given(st.data(), VERSIONS, VERSIONS, VERSIONS, LINE_ENDS, st.booleans())
def test_laws_of_fixing(tmp_path_factory, data, one, two, three, end, unsafe):
    root = tmp_path_factory.mktemp("law")
    before = {
        "pyproject.toml": data.draw(TOML).format(one),
        "x.py": data.draw(MODULE).format(two),
        "setup.cfg": data.draw(CFG).format(three),
    }
    for name, text in before.items():
        (root / name).write_bytes(text.replace("\n", end).encode())
    place = Place(root, root, ("pyproject.toml", "setup.cfg"))
    project = read(place)
    assert len(project.declarations) == 3
    edits = rewrite.choose(rules.judge(project).findings, unsafe)
    changes = rewrite.plan(project.sources, edits)
    for change in changes:
        assert outside(change.source.data, [(e.start, e.end) for e in change.edits]) == outside(
            change.new, shifted(change.edits)
        )
    rewrite.write(changes)
    again = read(place)
    assert [d.kind for d in again.declarations] == [d.kind for d in project.declarations]
    if not unsafe:
        for old, new in zip(project.declarations, again.declarations, strict=True):
            assert old.value == new.value or Version(old.value) == Version(new.value)
    assert rewrite.plan(again.sources, rewrite.choose(selected(rules.judge(again).findings), unsafe)) == []


REQUIREMENTS = st.lists(
    st.sampled_from(
        [
            "ok>=1.0",
            "ok[extra]==2.0; python_version >= '3.9'",
            "respelt>=v1.0",
            "respelt ~=1.5.0.dev, <2.0-RC1",
            "padded>=2023.07.22",
            "parens (>=1.0)",
            "comma>=1,",
            "star>=1.*",
            "two>=5.24.0<6",
            "caret^1.2",
            "backwards=>1",
            "nothing>dev",
            "strings===2011k",
            "marker; python_version < '3,8'",
            "url @ https://example.org/a;b",
            "sibling==0.9",
            "é>=1",
        ]
    ),
    max_size=4,
)
PYTHONS = st.sampled_from([">=3.8", ">=3.6.*", ">=v3.7", ">=3.8,", "3.8"])
BOMS = st.sampled_from([b"", BOM])


def pyproject_text(draw, version):
    quote = draw(st.sampled_from(['"', "'", '"""']))
    comment = draw(st.sampled_from(["", "  # é, 'v1'", "\t#"]))
    listed = [f"\t{json.dumps(text, ensure_ascii=False)},{comment}\n" for text in draw(REQUIREMENTS)]
    return (
        f"# ü\n[build-system]\nrequires = {json.dumps(draw(REQUIREMENTS))}\n[project]\nname = 'x'{comment}\n"
        f"version\t= {quote}{version}{quote}{comment}\nrequires-python = '{draw(PYTHONS)}'\n"
        f"dependencies = [\n{''.join(listed)}]\n[dependency-groups]\ntest = {json.dumps(draw(REQUIREMENTS))}"
    )


def setup_cfg_text(draw, version):
    lines = "".join(f"    {text}\n" for text in draw(REQUIREMENTS))
    return (
        f"[metadata]\n# ü\nname = x\nversion = {version.strip()}\n[options]\npython_requires = {draw(PYTHONS)}\n"
        f"install_requires =\n{lines}    # why\n    last>=v1\n[options.extras_require]\na =\n{lines}"
    )


def setup_py_text(draw, version):
    literals = ", ".join(repr(text) for text in draw(REQUIREMENTS))
    return (
        f"# ü\nfrom setuptools import setup\nV = {version!r}\nR = [{literals}]\n\n"
        f"setup(\n\tname='x', version=V,  # é\n\tinstall_requires=R + ['a>=v1'], extras_require={{'a': R}})\n"
    )


def requirements_text(draw, _):
    lines = [f"{text}{draw(st.sampled_from(['', '  # ü', chr(9)]))}\n" for text in draw(REQUIREMENTS)]
    return (
        f"# ü\n--index-url https://example.org/\n-e .\n{''.join(lines)}h>=1.* --hash=sha256:abc \\\n  --hash=sha256:d"
    )


TEXTS = {
    "pyproject.toml": pyproject_text,
    "setup.cfg": setup_cfg_text,
    "setup.py": setup_py_text,
    "requirements.txt": requirements_text,
}


@st.composite
def projects(draw):
    """The files of a project as bytes."""
    files = {}
    for name in draw(st.sets(st.sampled_from(sorted(TEXTS)), min_size=1)):
        text = TEXTS[name](draw, draw(VERSIONS)).replace("\n", draw(LINE_ENDS))
        mark = draw(BOMS) if name in ("setup.py", "requirements.txt") else b""
        files[name] = mark + text.encode()
    return files


def read_at(root):
    return read(Place(root, root, tuple(n for n in ("pyproject.toml", "setup.cfg", "setup.py") if (root / n).exists())))


EVERYTHING = narrowed(DEFAULT, [rule.code for rule in RULES], [])


def outcome(root, unsafe, write, chosen):
    project = read_at(root)
    terms = check.Terms({root: chosen}, {root: {"sibling": "1.0"}})
    (result,) = check.fixed([project], terms, unsafe, write)
    assert result.refusal is None
    return result.changes


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(projects(), st.booleans(), st.sampled_from([DEFAULT, EVERYTHING]))
def test_laws_of_fixing_a_whole_project(tmp_path_factory, files, unsafe, chosen):
    root = tmp_path_factory.mktemp("law")
    for name, data in files.items():
        (root / name).write_bytes(data)
    if (before := read_at(root)) is None:
        return
    planned = outcome(root, unsafe, write=False, chosen=chosen)
    assert {name: (root / name).read_bytes() for name in files} == files
    assert outcome(root, unsafe, write=True, chosen=chosen) == planned
    new = {name: (root / name).read_bytes() for name in files}
    assert new == files | {change.source.path.name: change.new for change in planned}
    for change in planned:
        spans = [(edit.start, edit.end) for edit in change.edits]
        assert outside(change.source.data, spans) == outside(change.new, shifted(change.edits))
    assert outcome(root, unsafe, write=True, chosen=chosen) == []
    after = read_at(root)
    assert [(d.file, d.kind) for d in after.declarations] == [(d.file, d.kind) for d in before.declarations]
    for name in files:
        assert_the_same_but_for_versions(root / name, files[name], new[name], safe=not unsafe)
    if not unsafe:
        for old, now in zip(before.declarations, after.declarations, strict=True):
            assert old.value == now.value or Version(old.value) == Version(now.value)


def assert_the_same_but_for_versions(path, old, new, safe):
    decode = python.decode if path.suffix == ".py" else utf8
    first, second = decode(path.name, path, old), decode(path.name, path, new)
    pairs = list(zip(requirements(first), requirements(second), strict=True))
    for before, after in pairs:
        assert (before.form, before.key) == (after.form, after.key)
        if safe:
            assert before.text == after.text or same(before.text, after.text, before.form)
    if path.suffix == ".toml":
        assert blank(tomllib.loads(first.text)) == blank(tomllib.loads(second.text))
    if path.suffix == ".py":
        assert strings_blank(first.text) == strings_blank(second.text)


def blank(value, path=()):
    if isinstance(value, dict):
        return {key: blank(inner, (*path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [blank(inner, (*path, index)) for index, inner in enumerate(value)]
    return None if keys.form(path) or path == ("project", "version") else value


def strings_blank(text):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.lists(projects(), min_size=1, max_size=3), st.booleans())
def test_diff_shows_what_fix_does_over_a_tree(tmp_path_factory, run, monkeypatch, trees, unsafe):
    root = tmp_path_factory.mktemp("tree")
    files = {
        f"{place}/{name}": data
        for place, inner in zip(("p", "q r", "q r/ü"), trees, strict=False)
        for name, data in inner.items()
    } | {
        "shared.txt": b"a>=1.*\r\nb>=v1",
        "p/requirements.in": b"-r ../shared.txt",
        "q r/requirements.in": b"-r ../shared.txt",
    }
    for where in ("a", "b"):
        for name, data in files.items():
            (root / where / name).parent.mkdir(parents=True, exist_ok=True)
            (root / where / name).write_bytes(data)
    flags = ["--unsafe-fixes"] * unsafe
    monkeypatch.chdir(root / "a")
    if run("list").code:
        return
    command = [sys.executable, "-m", "relengtools", "versions", "check", "--diff", *flags]
    diff = subprocess.run(command, capture_output=True, check=False).stdout
    assert {name: (root / "a" / name).read_bytes() for name in files} == files
    code = run("check", "--fix", *flags).code
    if diff:
        assert code == 1
        ceiling = os.environ | {"GIT_CEILING_DIRECTORIES": str(root / "b")}
        subprocess.run(["git", "apply", "-p1"], input=diff, check=True, cwd=root / "b", env=ceiling)
    assert {name: (root / "b" / name).read_bytes() for name in files} == {
        name: (root / "a" / name).read_bytes() for name in files
    }
    assert run("check", "--diff", *flags).out == ""


SEEDS = {
    "pyproject.toml": b'[project]\nname = "x"\nversion = "v1.0"\ndependencies = ["a=>1"]\n[t]\na = [1, {b="""c"""}]\n',
    "setup.cfg": b"[metadata]\nname = x\nversion =\n  v1\n[options]\n# c\na=%(b)s\nb: c\ninstall_requires=\n  a=>1\n",
    "setup.py": b"# coding: latin-1\nV = 'v1'\nsetup(name='x\xe9', version=V, install_requires=['a=>1', r'b<2,'])\n",
    "requirements.txt": b"-r x.txt\na=>1 # c\nb<2, \\\n --hash=x\n\n",
    "x.py": b"__version__ = '1-2-gabcdef0'\ntry:\n  V='1'\nexcept E as V: pass\n",
}
PIECES = st.sampled_from(
    [bytes([byte]) for byte in b"'\"\\\n\r[]{}=#%(),. \t\x00\x0c\x85\xff"]
    + [b'"""', b"\xc3\xbc", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"version", b"[metadata]", b"global V", b"f'", b"setup("]
)
CUTS = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 5), PIECES), max_size=3)


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(SEEDS, CUTS)))
def test_no_broken_file_breaks_the_program(tmp_path_factory, cuts):
    root = tmp_path_factory.mktemp("broken")
    for name, data in SEEDS.items():
        for at, length, piece in cuts[name]:
            data = data[:at] + piece + data[at + length :]
        (root / name).write_bytes(data)
    place = Place(root, root, ("pyproject.toml", "setup.cfg", "setup.py"))
    project = read(place)
    assert project is not None
    for declaration in project.declarations:
        source = next(s for s in project.sources if s.file == declaration.file)
        assert source.data[declaration.span.start : declaration.span.end].decode(source.encoding) == declaration.raw
    judgement = rules.judge(project)
    try:
        rewrite.write(rewrite.plan(judgement.sources, rewrite.choose(judgement.findings, unsafe=True)))
    except rewrite.RewriteError as error:
        assert "more than the version would change" in str(error)
    assert len(read(place).declarations) == len(project.declarations)


def selected(findings):
    return [finding for finding in findings if finding.rule.default]


def outside(data, spans):
    kept, at = [], 0
    for start, end in spans:
        kept.append(data[at:start])
        at = end
    return [*kept, data[at:]]


def shifted(edits):
    shift = 0
    for edit in edits:
        yield edit.start + shift, edit.start + shift + len(edit.new)
        shift += len(edit.new) - (edit.end - edit.start)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\nname="x"\nversion = "v1"\n'},
        {"pyproject.toml": b'[project]\r\nname="x"\r\nversion = "v1"'},
        {"pyproject.toml": 'project = {name="x", version="v1"}'},
        {"pyproject.toml": "#\n" * 20 + '[project]\nname="x"\nversion = "v1"\n' + "#\n" * 20},
        {"setup.py": "V = 'v1'\n" + "\n" * 9 + "setup(name='x', version=V)\n"},
        {"setup.py": "# coding: latin-1\nsetup(name='é', version='v1')".encode("latin-1")},
        {"dir with blank/ü/setup.py": "setup(name='x', version='v1')"},
        {'quote"d\t/setup.py': "setup(name='x', version='v1')\n"},
        {"setup.py": "setup(name='x', version='v1'\n 'rc1')\n"},
        {"setup.py": "setup(name='x', version='v1.0')\r# old\r"},
        {"pyproject.toml": '[project]\nname="x"\nversion = "v1"\n', "x/__init__.py": '__version__ = "2"\n'},
        {
            "pyproject.toml": 'project = {name="x", version="v1"}\n' + "#\n" * 7 + '[tool.poetry]\nversion="v2"\n',
        },
    ],
)
def test_git_apply_makes_of_the_diff_what_fix_makes(tree, run, files):
    root = tree(files)
    flags = ["--unsafe-fixes"]
    result = run("check", "--diff", *flags)
    assert result.code == 1
    assert {name: (root / name).read_bytes() for name in files} == {
        n: c if isinstance(c, bytes) else c.encode() for n, c in files.items()
    }
    text = subprocess.run(
        [sys.executable, "-m", "relengtools", "versions", "check", "--diff", *flags], capture_output=True, cwd=root
    ).stdout
    applied = root / "applied"
    for name in files:
        (applied / name).parent.mkdir(parents=True, exist_ok=True)
        (applied / name).write_bytes((root / name).read_bytes())
    ceiling = os.environ | {"GIT_CEILING_DIRECTORIES": str(root)}
    subprocess.run(["git", "apply", "-p1"], input=text, check=True, cwd=applied, env=ceiling)
    after_patch = {name: (applied / name).read_bytes() for name in files}
    subprocess.run(["rm", "-r", applied], check=True)
    run("check", "--fix", *flags)
    assert {name: (root / name).read_bytes() for name in files} == after_patch


def test_two_edits_of_one_line_are_one_hunk():
    data = b'x = "v1", "v2"\n'
    source = utf8("a.txt", Path("a.txt"), data)
    edits = (Edit("a.txt", 5, 7, 1, 6, "v1", "1"), Edit("a.txt", 11, 13, 1, 12, "v2", "2"))
    change = rewrite.Change(source, edits, rewrite.splice(data, edits))
    assert patch.unified([change]) == b'--- a/a.txt\n+++ b/a.txt\n@@ -1,1 +1,1 @@\n-x = "v1", "v2"\n+x = "1", "2"\n'
