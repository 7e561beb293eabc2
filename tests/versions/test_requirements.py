"""Where requirements stand, and the findings and edits that come of them."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools.findings import Finding
from relengtools.versions.catalogue import RULES
from relengtools.versions.dependency_rules import findings, judge
from relengtools.versions.discover import Place
from relengtools.versions.locate.source import Source
from relengtools.versions.names import normalized
from relengtools.versions.project import Project, read
from relengtools.versions.requirements import keys
from relengtools.versions.requirements import text as text_files
from relengtools.versions.requirements.locate import proves, requirements
from relengtools.versions.requirements.quiet import own, quiet
from relengtools.versions.requirements.requirement import Requirement
from relengtools.versions.rewrite import choose, splice
from relengtools.versions.specifiers.text import Form

PYPROJECT = '''\
[build-system]
requires = ["hatchling>=1.26"]
[project]
name = "alpha"  # "beta>=1"
requires-python = ">=3.6.*"
dependencies = [
    'plotly>=5.24.0<6', # keep me
    "numpy (>=1.19.*) ; python_version >= \\"3.7\\"",
    """torch>=1.9.*""",
    "uni\\u0063ode>=1.*",
]
optional-dependencies.extra = ["foo>=v1.0"]
[dependency-groups]
test = ["pytest>=v8", {include-group = "lint"}]
lint = ["ruff"]
[tool.poetry.dependencies]
python = "^3.8"
requests = "^2.0"
[tool.uv]
constraint-dependencies = ["grpcio=>1"]
[tool.hatch.envs.docs]
dependencies = ["sphinx=>7"]
[[tool.mine]]
dependencies = ["x=>1"]
'''

SETUP_CFG = """\
[metadata]
name = alpha
[options]
python_requires = >=3.6.*
install_requires =
    plotly>=5.24.0<6
    # torch>=1.*
    numpy >=1.19.*  # for arrays
    foo%(bar)s>=1.*
setup-requires = wheel=>1; setuptools
tests_require = file: tests.txt
[options.extras_require]
docs =
  sphinx>=v7
[options.package_data]
alpha = x>=1.*
"""

SETUP_PY = """\
from setuptools import setup
requires = ["plotly>=5.24.0<6"]
if True:
    sometimes = ["x>=1.*"]
setup(
    name="alpha",
    python_requires=">=3.6.*",
    install_requires=requires + [r"numpy>=1.19.*", u'foo ; os_name == \\'nt\\'', "a" "b>=1.*"],
    extras_require={"docs": ("sphinx>=v7",), ":os_name=='nt'": sometimes},
    tests_require="one>=1.*\\ntwo",
    setup_requires=[f"x>={1}.*", requires[0]],
    package_data={"alpha": ["x>=1.*"]},
)
"""

REQUIREMENTS = """\
# coding: utf-8
-r more/base.txt
-e .[dev]
--index-url https://example.org/simple
plotly>=5.24.0<6   # why
numpy >=1.19.* --hash=sha256:abc
torch>=1.9.* \\
    --hash=sha256:abc \\
    --hash=sha256:def
foo>=\\
  1.*
git+https://example.org/x.git@v1.*#egg=x
./local-1.*
wheels/x-1.0-py3-none-any.whl
https://example.org/x=>1.zip
x=>${VERSION}
direct @ https://example.org/a;b
"""


def written(tmp_path: Path, name: str, text: str, encoding: str = "utf-8") -> Source:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return Source(name, path, path.read_bytes(), text, encoding)


def edits(found: list[Finding], unsafe: bool = True) -> list:
    fixes = [f.fix for f in found if f.fix and f.rule.default and (unsafe or f.fix.safe)]
    return sorted(edit for fix in fixes for edit in fix.edits)


def spliced(data: bytes, changes: list) -> bytes:
    parts, at = [], 0
    for edit in changes:
        assert data[edit.start : edit.end].decode() == edit.old
        parts += [data[at : edit.start], edit.new.encode()]
        at = edit.end
    return b"".join([*parts, data[at:]])


def fixed(source: Source, unsafe: bool = True) -> str:
    changes = edits(list(findings(requirements(source))), unsafe)
    new = spliced(source.data, changes)
    assert proves(source, changes, new)
    again = Source(source.file, source.path, new, new.decode(source.encoding), source.encoding)
    assert edits(list(findings(requirements(again))), unsafe) == []
    return new.decode(source.encoding)


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_pyproject(tmp_path: Path) -> None:
    source = written(tmp_path, "pyproject.toml", PYPROJECT)
    new = fixed(source)
    assert new == replaced(
        PYPROJECT,
        ('requires-python = ">=3.6.*"', 'requires-python = ">=3.6"'),
        ("5.24.0<6", "5.24.0,<6"),
        ("(>=1.19.*)", "(>=1.19)"),
        ("torch>=1.9.*", "torch>=1.9"),
        ("foo>=v1.0", "foo>=1.0"),
        ("pytest>=v8", "pytest>=8"),
        ("grpcio=>1", "grpcio>=1"),
        ("sphinx=>7", "sphinx>=7"),
    )
    assert tomllib.loads(new)["tool"]["poetry"] == tomllib.loads(PYPROJECT)["tool"]["poetry"]


def test_the_texts_of_a_document_are_those_that_stand_in_the_file(tmp_path: Path) -> None:
    found = requirements(written(tmp_path, "pyproject.toml", PYPROJECT))
    document = tomllib.loads(PYPROJECT)
    assert sorted(keys.texts(document)) == sorted((r.text, r.form) for r in found)


GOOD = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["foo>=1", "core==2.0"]\n'


@pytest.mark.parametrize(
    ("files", "siblings", "expected"),
    [
        ({"pyproject.toml": GOOD}, {}, True),
        ({"pyproject.toml": GOOD}, {"core": "2.1"}, False),
        ({"pyproject.toml": GOOD}, {"other": "2.1"}, True),
        ({"pyproject.toml": GOOD.replace("foo>=1", "foo>=1.*")}, {}, False),
        ({"pyproject.toml": GOOD, "setup.cfg": "[metadata]\nname = x\n"}, {}, True),
        ({"pyproject.toml": GOOD, "setup.cfg": "[options]\ninstall_requires = a\n"}, {}, False),
        ({"pyproject.toml": GOOD, "requirements.txt": ""}, {}, False),
        ({"pyproject.toml": GOOD, "requirements/a.in": ""}, {}, False),
        ({"pyproject.toml": GOOD, "docs/requirements.txt": "a"}, {}, True),
    ],
)
def test_what_is_in_order_is_quiet(tmp_path: Path, files: dict, siblings: dict, expected: bool) -> None:
    for name, text in files.items():
        written(tmp_path, name, text)
    project = project_at(tmp_path, *(name for name in files if "/" not in name and not name.endswith(".txt")))
    assert quiet(project, siblings) is expected


def project_at(root: Path, *markers: str) -> Project:
    project = read(Place(root, root, markers))
    assert project is not None
    return project


def test_pyproject_safe_fixes_only(tmp_path: Path) -> None:
    source = written(tmp_path, "pyproject.toml", PYPROJECT)
    assert fixed(source, unsafe=False) == replaced(PYPROJECT, ("foo>=v1.0", "foo>=1.0"), ("pytest>=v8", "pytest>=8"))


def test_setup_cfg(tmp_path: Path) -> None:
    assert fixed(written(tmp_path, "setup.cfg", SETUP_CFG)) == replaced(
        SETUP_CFG,
        ("python_requires = >=3.6.*", "python_requires = >=3.6"),
        ("    plotly>=5.24.0<6", "    plotly>=5.24.0,<6"),
        ("numpy >=1.19.*  #", "numpy >=1.19  #"),
        ("wheel=>1;", "wheel>=1;"),
        ("sphinx>=v7", "sphinx>=7"),
    )


def test_setup_py(tmp_path: Path) -> None:
    assert fixed(written(tmp_path, "setup.py", SETUP_PY)) == replaced(
        SETUP_PY,
        ('python_requires=">=3.6.*"', 'python_requires=">=3.6"'),
        ("5.24.0<6", "5.24.0,<6"),
        ('r"numpy>=1.19.*"', 'r"numpy>=1.19"'),
        ("sphinx>=v7", "sphinx>=7"),
        ('sometimes = ["x>=1.*"]', 'sometimes = ["x>=1"]'),
    )


def test_lists_that_are_put_together_step_by_step(tmp_path: Path) -> None:
    text = """\
req = ["a>=v1"]
if x:
    req.append("b>=v1")
elif y:
    req.extend(("c>=v1",))
try:
    req += ["d>=v1"]
except E:
    req = ["e>=v1"]
def f():
    req = ["other>=v1"]
    other.append("other>=v1")
setup(install_requires=req, extras_require=dict(t=["f>=v1"], **{"u": ["g>=v1"]}))
"""
    mended = re.sub(r"\b([a-g]>=)v1", r"\g<1>1", text)
    assert fixed(written(tmp_path, "setup.py", text)) == mended


@pytest.mark.parametrize(
    "text",
    [
        "setup(python_requires='>=' + lowest)",
        "lowest = '3.8'\nsetup(python_requires='>=' + lowest)",
        "a = '>='\nsetup(python_requires=a + config['min_python'])",
        "setup(python_requires=f'>={x}' + ',' + '<4')",
        "setup(install_requires=['a' + '>1.*'] + ['b>' + lowest])",
    ],
)
def test_sums_of_texts_are_no_requirements(tmp_path: Path, text: str) -> None:
    assert list(requirements(written(tmp_path, "setup.py", text))) == []


def test_an_escaped_letter_is_told_of_and_kept(tmp_path: Path) -> None:
    found = list(findings(requirements(written(tmp_path, "pyproject.toml", PYPROJECT))))
    (finding,) = [f for f in found if "`unicode>=1.*`" in f.message]
    assert (finding.fix, finding.location[1:]) == (None, (10, 6, 10, 23))


def test_strings_side_by_side_are_told_of_and_kept(tmp_path: Path) -> None:
    found = list(findings(requirements(written(tmp_path, "setup.py", SETUP_PY))))
    (finding,) = [f for f in found if "`ab>=1.*`" in f.message]
    assert finding.fix is None


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_requirements_file(tmp_path: Path, newline: str) -> None:
    text = REQUIREMENTS.replace("\n", newline)
    assert fixed(written(tmp_path, "requirements.txt", text)) == replaced(
        text,
        ("5.24.0<6", "5.24.0,<6"),
        ("numpy >=1.19.*", "numpy >=1.19"),
        ("torch>=1.9.*", "torch>=1.9"),
        (f"foo>=\\{newline}  1.*", f"foo>=\\{newline}  1"),
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("x>=v1.0\\|,<v2 # c|", "x>=1.0\\|,<2 # c|"),
        ("x>=v1 \\| # comment|y>=v1", "x>=1 \\| # comment|y>=1"),
        ("x\\|>=1.*,<3.* ; \\|  os_name => 'nt'|", "x\\|>=1,<3 ; \\|  os_name >= 'nt'|"),
        ("\\|x>=v1|# \\|y>=v1", "\\|x>=1|# \\|y>=1"),
        ("x>=v\\|1.0|", "x>=1.0|"),
        ("x>=v1 \\", "x>=1 \\"),
        ("x>=v1 \\|--hash=sha256:a \\|--hash=sha256:b", "x>=1 \\|--hash=sha256:a \\|--hash=sha256:b"),
    ],
)
def test_a_continued_line_is_one_requirement(tmp_path: Path, text: str, mended: str, newline: str) -> None:
    source = written(tmp_path, "requirements.txt", text.replace("|", newline))
    assert fixed(source) == mended.replace("|", newline)


def test_a_mark_of_utf_16_is_no_part_of_the_first_requirement(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("x>=v1\ny".encode("utf-16"))
    (source,), _ = text_files.read(tmp_path, tmp_path)
    assert [requirement.text for requirement in requirements(source)] == ["x>=v1", "y"]


def test_which_lines_of_a_requirements_file_are_requirements(tmp_path: Path) -> None:
    found = requirements(written(tmp_path, "requirements.txt", REQUIREMENTS))
    assert [r.text for r in found] == [
        "plotly>=5.24.0<6",
        "numpy >=1.19.*",
        "torch>=1.9.*",
        "foo>=  1.*",
        "direct @ https://example.org/a;b",
    ]


def test_positions_count_code_points_and_edits_bytes(tmp_path: Path) -> None:
    source = written(tmp_path, "pyproject.toml", '[project]\ndescription = "é"\ndependencies = ["é", "foo>=v1"]  # é\n')
    first, second = findings(requirements(source))
    assert first.rule.code == "RV401"
    assert second.location[1:] == (3, 28, 3, 30)
    assert second.fix is not None
    (edit,) = second.fix.edits
    assert source.data[edit.start : edit.end] == b"v1"
    assert second.source == 'dependencies = ["é", "foo>=v1"]  # é'


def test_a_marker_gets_the_quotes_that_its_string_allows(tmp_path: Path) -> None:
    text = '[project]\ndependencies = ["foo; python_version>=3.8", \'bar; extra == x or os_name == "nt"\']\n'
    assert fixed(written(tmp_path, "pyproject.toml", text)) == replaced(
        text, (">=3.8", ">='3.8'"), ("extra == x", 'extra == "x"')
    )


def test_utf16_is_read_but_not_edited(tmp_path: Path) -> None:
    source = written(tmp_path, "requirements.txt", "\ufefffoo\nbar=>1\n", "utf-16-le")
    files, _ = text_files.read(tmp_path, tmp_path)
    assert files == [Source(files[0].file, source.path, source.data, source.text, "utf-16-le")]
    (finding,) = [f for f in findings(requirements(files[0])) if "bar" in f.message]
    assert finding.fix is None
    assert finding.location.line == 2


def test_includes_are_followed_inside_the_tree(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    written(
        tree, "requirements-dev.txt", "-r base/one.txt\n--constraint=../outside.txt\n-cmissing.txt\n-r ${X}.txt\none\n"
    )
    written(tree, "base/one.txt", "-r ../requirements-dev.txt\ntwo\n")
    written(tree, "requirements/tests.in", "three\n")
    written(tree, "docs/requirements.txt", "four\n")
    written(tree, "prose.txt", "five\n")
    written(tmp_path, "outside.txt", "six\n")
    files, problems = text_files.read(tree, tree)
    assert [r.text for source in files for r in requirements(source)] == ["one", "three", "two"]
    assert [problem.line for problem in problems] == [2, 3]
    assert all(problem.file.endswith("requirements-dev.txt") for problem in problems)


def test_files_that_the_configuration_names_are_read(tmp_path: Path) -> None:
    dynamic = (
        "[tool.setuptools.dynamic]\nversion = {attr = 'x.y'}\ndependencies = {file = ['deps/main.txt', 'made.txt']}\n"
        "[tool.setuptools.dynamic.optional-dependencies]\ntest = {file = 'deps/test.txt'}\nodd = 3\n"
    )
    written(tmp_path, "pyproject.toml", GOOD + dynamic)
    written(
        tmp_path, "setup.cfg", "[options]\ninstall_requires = file: deps/main.txt, deps/old.txt\nzip_safe = file: no\n"
    )
    for name in ("main", "test", "old", "other"):
        written(tmp_path, f"deps/{name}.txt", f"{name}>=1.*\n")
    project = project_at(tmp_path, "pyproject.toml", "setup.cfg")
    assert not quiet(project, {})
    found, problems, _ = judge(project, {})
    assert [(f.location.file.rpartition("/")[2], f.rule.code) for f in found] == [
        ("main.txt", "RV401"),
        ("old.txt", "RV401"),
        ("test.txt", "RV401"),
    ]
    assert problems == []


def test_a_file_that_cannot_be_decoded_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_bytes(b"foo\xff")
    written(tmp_path, "pyproject.toml", GOOD)
    found, problems, files = judge(project_at(tmp_path, "pyproject.toml"), {})
    assert (found, files) == ([], [])
    assert [problem.file.rpartition("/")[2] for problem in problems] == ["constraints.txt"]


def test_only_the_projects_own_files_are_asked(tmp_path: Path) -> None:
    mine = written(tmp_path, "pyproject.toml", GOOD)
    other = written(tmp_path, "sub/pyproject.toml", '[project]\ndependencies = ["b"]\n')
    module = written(tmp_path, "x/__init__.py", "__version__ = '1'\n")
    project = project_at(tmp_path, "pyproject.toml")._replace(sources=(mine, other, module))
    assert own(project) == [mine]


@pytest.mark.parametrize(
    "text", ["[project\n", "dependencies = [", "[project]\ndependencies = 3\n", "\x00", "[a]\nb = 'x"]
)
def test_what_is_no_pyproject_has_no_requirements(tmp_path: Path, text: str) -> None:
    assert list(requirements(written(tmp_path, "pyproject.toml", text))) == []


def test_what_is_no_python_has_no_requirements(tmp_path: Path) -> None:
    assert list(requirements(written(tmp_path, "setup.py", "setup(install_requires=["))) == []


def test_a_sibling_that_is_not_accepted(tmp_path: Path) -> None:
    text = '[project]\nrequires-python = ">=3"\ndependencies = ["My_Core==2.0", "cli>=1", "other==1", "my.core~=2.1"]\n'
    source = written(tmp_path, "pyproject.toml", text)
    siblings = {normalized("My.Core"): "2.1", "cli": "1.0"}
    (finding,) = findings(requirements(source), "packages/x", siblings)
    assert (finding.rule.name, finding.project, finding.location[1:3]) == ("sibling-pin", "packages/x", (3, 25))
    assert finding.fix is not None
    assert not finding.fix.safe
    assert spliced(source.data, list(finding.fix.edits)).decode() == text.replace("2.0", "2.1")


def test_what_accepts_no_version_is_told_unless_it_is_kept_out_on_purpose(tree, run) -> None:
    pyproject = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">3.12,<3.8"\n'
    pyproject += 'dependencies = ["a>3,<2", "b<0", "c>1"]\n[tool.uv]\noverride-dependencies = ["d<0", "e<2,>3"]\n'
    tree({"pyproject.toml": pyproject, "constraints.txt": "f<0\ng<1,>=1  # no\n"})
    result = run("check", "--select", "contradictory-specifier", "--output-format", "json")
    found = [(f["file"], f["line"], f["column"], f["fix"]) for f in json.loads(result.out)["findings"]]
    assert found == [
        ("constraints.txt", 2, 2, None),
        ("pyproject.toml", 4, 20, None),
        ("pyproject.toml", 5, 19, None),
        ("pyproject.toml", 5, 29, None),
        ("pyproject.toml", 7, 35, None),
    ]


def test_rules_have_their_codes_and_pages() -> None:
    rules = [rule for rule in RULES if rule.code.startswith("RV4")]
    assert [rule.code for rule in rules] == [f"RV40{n}" for n in range(1, 10)]
    assert [rule.name for rule in rules if not rule.default] == ["parenthesized-specifier", "padded-specifier"]


def test_an_edit_elsewhere_is_not_proved(tmp_path: Path) -> None:
    source = written(tmp_path, "requirements.txt", "foo>=v1\nbar\n")
    changes = edits(list(findings(requirements(source))))
    assert proves(source, changes, b"foo>=1\nbar\n")
    assert not proves(source, changes, b"foo>=2\nbar\n")
    assert not proves(source, changes, b"foo>=1\nbaz\n")
    assert not proves(source, changes, b"foo>=1\n# bar\n")


LINES = st.sampled_from(
    [
        "foo>=1.*",
        "bar=>2",
        "baz>=v1 ; (os_name == 'nt')",
        "-r x.txt",
        "x --hash=y",
        "a \\",
        "# c",
        "",
        "é>=1",
        "q<2,",
        "w=>",
    ]
)


@given(st.lists(LINES), st.sampled_from(["\n", "\r\n", "\r"]))
def test_fixing_twice_is_fixing_once_and_bytes_outside_stay(lines: list[str], newline: str) -> None:
    text = newline.join(lines)
    source = Source("requirements.txt", Path("requirements.txt"), text.encode(), text)
    assert len(fixed(source).split(newline)) == len(text.split(newline))


@given(
    st.text("rcu-= \\\n#'\"[]>.*1ab\t\r;,", max_size=80),
    st.sampled_from(["setup.cfg", "requirements.txt", "pyproject.toml"]),
)
def test_no_text_crashes_a_locator(text: str, name: str) -> None:
    source = Source(name, Path(name), text.encode(), text)
    for requirement in requirements(source):
        assert isinstance(requirement, Requirement)
        assert text[requirement.start : requirement.end] == requirement.text or "\\" in text
        assert requirement.form in Form
    assert list(text_files.includes(source)) is not None


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "setup.py", "setup.cfg"])
@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("x>=v01.0", "x>=1.0"),
        ("x>=v01.0,<02", "x>=1.0,<2"),
        ('x>=1.0 "', "x>=1.0"),
        ('"x>=1.0"', "x>=1.0"),
    ],
)
def test_one_pass_with_all_rules_leaves_nothing_to_mend(tmp_path: Path, name: str, text: str, mended: str) -> None:
    form = {
        "requirements.txt": "{}\n",
        "pyproject.toml": "[project]\ndependencies = ['{}']\n",
        "setup.py": "setup(install_requires=['{}'])\n",
        "setup.cfg": "[options]\ninstall_requires =\n  {}\n",
    }[name]
    source = written(tmp_path, name, form.format(text))
    changes = choose(findings(requirements(source)), unsafe=True)
    new = splice(source.data, changes)
    assert new.decode() == form.format(mended)
    assert proves(source, changes, new)
    assert choose(findings(requirements(written(tmp_path, name, new.decode()))), unsafe=True) == []


def test_one_pass_mends_what_is_refused_and_its_padding(tree, run) -> None:
    root = tree(
        {
            "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["a>=v01.*", "b~>01.2"]\n',
            "requirements.txt": "c=>01.0,<02.*\nd ^2023.07\n",
        }
    )
    flags = ("--unsafe-fixes", "--select", "RV401,RV402,RV408")
    assert run("check", "--fix", *flags).code == 1
    assert 'dependencies = ["a>=1", "b~=1.2"]' in (root / "pyproject.toml").read_text()
    assert (root / "requirements.txt").read_text() == "c>=1.0,<2\nd >=2023.7,<2024.0\n"
    assert run("check", "--fix", *flags).code == 0
