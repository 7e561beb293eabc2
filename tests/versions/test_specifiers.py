"""Texts of requirements: what packaging says of them, what they meant, and what may be changed."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker, UndefinedComparison
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet

from relengtools.versions.specifiers import contradiction, legacy, markers, pins
from relengtools.versions.specifiers.canonical import plain
from relengtools.versions.specifiers.judge import DEFAULT, judge
from relengtools.versions.specifiers.oddities import Topic
from relengtools.versions.specifiers.proof import parse, refusal, same
from relengtools.versions.specifiers.text import Change, Form, apply

# Of pypa/packaging, tests/test_specifiers.py, test_specifiers_invalid.
INVALID_IN_PACKAGING = [
    "2.0", "=>2.0", "==", "~=1.0+5", ">=1.0+deadbeef", "<=1.0+abc123", ">1.0+watwat", "<1.0+1.0", "~=1.0.*",
    ">=1.0.*", "<=1.0.*", ">1.0.*", "<1.0.*", "==1.0.*+5", "!=1.0.*+deadbeef", "==2.0a1.*", "!=2.0a1.*",
    "==2.0.post1.*", "!=2.0.post1.*", "==2.0.dev1.*", "!=2.0.dev1.*", "==1.0+5.*", "!=1.0+deadbeef.*", "==1.0.*.5",
    "~=1", "==1.0.dev1.*", "!=1.0.dev1.*", "==1.2+\u0130", "==1.2+\u0130\u0131\u017fK", "~=1.2.3prev\u0131ew1",
    "~=1.2.3po\u017ft1",
]  # fmt: skip

REPAIRED = [
    # uv's lenient_requirement.rs
    ("elasticsearch-dsl (>=7.2.0<8.0.0)", "elasticsearch-dsl (>=7.2.0,<8.0.0)"),
    ("torch (>=1.9.*)", "torch (>=1.9)"),
    ("pyzmq (>=2.7,!=3.0*,!=3.1*)", "pyzmq (>=2.7,!=3.0.*,!=3.1.*)"),
    ("foo>=2.7,!=3.1.*,<3.4.*", "foo>=2.7,!=3.1.*,<3.4"),
    ("foo>=9.0.0a1.0", "foo>=9.0.0a1"),
    ("foo>=1.0rc2.0.0", "foo>=1.0rc2"),
    ("botocore>=1.3.0,<1.4.0',", "botocore>=1.3.0,<1.4.0"),
    ("'numpy' >=1.19\"; python_version >= \"3.7\"", 'numpy >=1.19; python_version >= "3.7"'),
    # packaging before 22
    ("foo>=1.0.", "foo>=1.0"),
    ("foo>=3.0*", "foo>=3.0"),
    # npm, Poetry, conda, RubyGems
    ("foo>=1.0 <2", "foo>=1.0, <2"),
    ("foo==1.x", "foo==1.*"),
    ("foo >=1.x", "foo >=1"),
    ("foo[a,b] 1.2.* ; os_name == 'nt'", "foo[a,b] ==1.2.* ; os_name == 'nt'"),
    ("foo^1.0", "foo>=1.0,<2.0"),
    ("foo ^0.2.3", "foo >=0.2.3,<0.3.0"),
    ("foo^0.0.3", "foo>=0.0.3,<0.0.4"),
    ("foo^0", "foo>=0,<1"),
    ("foo~1.2.3", "foo~=1.2.3"),
    ("foo~>1.2", "foo~=1.2"),
    ("foo=1.2.3", "foo==1.2.3"),
    ("foo<>1.2", "foo!=1.2"),
    ("foo *", "foo"),
    ("foo[bar]==*", "foo[bar]"),
    # what can be nothing else
    ("foo=>1", "foo>=1"),
    ("foo > =1.0", "foo >=1.0"),
    ("foo ≥ 1.0", "foo >= 1.0"),
    ("foo>=1 and <2", "foo>=1, <2"),
    ("foo>=1,,<2", "foo>=1,<2"),
    ("foo\u00a0>=1", "foo\u00a0>=1"),
    ("foo >=1\u00a0,<2", "foo >=1 ,<2"),
    ("foo>=1.0\n", "foo>=1.0"),
    ("foo;", "foo"),
    ("foo>=1.0 ; ", "foo>=1.0"),
    ("foo; python_version=>'3.6'", "foo; python_version>='3.6'"),
    ("foo; python_version>=3.6 && os_name=='nt'", "foo; python_version>='3.6' and os_name=='nt'"),
    ("foo; extra = bar OR os_name == 'nt'", "foo; extra == 'bar' or os_name == 'nt'"),
    # an invalid clause beside an odd one: one pass does both
    ("foo>=1.0.*,<v2", "foo>=1.0,<2"),
    ("foo=>v1.0-RC1", "foo>=1.0rc1"),
]  # fmt: skip

UNTOUCHED = [
    "jupyter-core (!=~5.0,>=4.12)", "pip==", "foo>=2011k", "pytz (>dev)", "foo==1.0.*.5", "foo>=1.0+local", "foo~=1",
    "foo~1.2", "foo=1.2", "foo=1.2.3=py27_0", "numpy==1.0==0", "foo 2.0", "foo (2.0)", "foo<=3.4.*", "foo>3.4.*",
    "foo~=1.0.*", "foo>=1.0||<2", "foo>=1,!=", "foo===1.0 >=2", "foo,>=1", "foo>=1 &", "foo==1.0.dev1.*",
    "httpx>=0.27,<0.29anyio>=3.5.0", "git+https://x/y#egg=foo", "foo>=1.0 # why", "foo>=1.0-SNAPSHOT",
    "foo[a,]>=1", "foo_>=1", "", "foo>=1; python_version == '3", "foo>=1; nonsense > 2", "foo==1..2", "foo>=99;99",
    "foo @ ", "foo>=1.2.3-4-g1a2b3c4", "foo^1.0.dev1", "foo bar", "foo>=1.0 bar>=2",
]  # fmt: skip

PYTHON = [
    (">=3.6.*", ">=3.6"),
    (">=1.*", ">=1"),
    (">= '2.7'", ">= 2.7"),
    (">=\"3.6\"", ">=3.6"),
    (">=2.7, !=3.0.*, !=3.1.*', !=3.2.*, !=3.3.*'", ">=2.7, !=3.0.*, !=3.1.*, !=3.2.*, !=3.3.*"),
    ("3.*", "==3.*"),
    ("3.x", "==3.*"),
    ("^3.6", ">=3.6,<4.0"),
    ("(>=3.6)", ">=3.6"),
    (">=3.6 <4", ">=3.6, <4"),
    *((text, text) for text in ("3.8", "3", "*", "~3.6", ">=3,<3,9", ">=3.6;<4", ">=3.6 || <2.8", "<=3.9.*", "py3")),
]  # fmt: skip

ODD = [
    ("cropsar~=1.5.0.dev", "cropsar~=1.5.0.dev0"),
    ("AccessControl>=2.13.2dev", "AccessControl>=2.13.2.dev0"),
    ("foo>=v1.0", "foo>=1.0"),
    ("foo==1.0-1", "foo==1.0.post1"),
    ("foo (>=1.0-alpha, <2)", "foo (>=1.0a0, <2)"),
    ("foo==V1.0.*", "foo==1.0.*"),
    ("foo==1.0+Ubuntu-1", "foo==1.0+ubuntu.1"),
    ("foo>=3.6, ", "foo>=3.6"),
    ("foo>=3.6 , ; os_name == 'nt'", "foo>=3.6 ; os_name == 'nt'"),
    ("foo ; ((os_name == 'nt' or os_name == 'java'))", "foo ; os_name == 'nt' or os_name == 'java'"),
    ("foo;(os_name=='a' or (os_name=='b' or os_name=='c'))", "foo;os_name=='a' or (os_name=='b' or os_name=='c')"),
]  # fmt: skip

KEPT = [
    "foo", "foo>=1.0", "sphinx~=7.2", "click            ~= 8.2, != 8.2.2", "vcs-versioning>=1.0.0.dev0", "foo (>=1.0)",
    "certifi>=2023.07.22", "foo===v1", "foo===1.0-1,>=v1", "foo>=1.0.0.0", "foo @ https://x/y;z ; os_name == 'nt'",
    "foo; (os_name == 'a') or (os_name == 'b')", "foo; python_version in '2.7,3.8'", "foo[]",
    "Foo_Bar[x] >= 1 ; extra == 'y'",
]  # fmt: skip


@pytest.mark.parametrize("text", INVALID_IN_PACKAGING)
def test_packagings_invalid_specifiers_are_invalid_here(text: str) -> None:
    if text.isascii():  # packaging 26.3 takes two of the others
        with pytest.raises(InvalidSpecifier):
            Specifier(text)
    judgement = judge(text, Form.SPECIFIER)
    assert not judgement.valid
    assert judgement.remarks[0].topic is Topic.VALIDITY
    assert not plain(text, Form.SPECIFIER)


@pytest.mark.parametrize(("text", "new"), REPAIRED)
def test_a_refused_requirement_becomes_what_its_readers_agree_on(text: str, new: str) -> None:
    judgement = judge(text)
    assert not judgement.valid
    assert judgement.mended() == new
    assert judgement.mended(unsafe=False) == text
    if new != text:
        assert Requirement(new)
        assert all(not remark.safe for remark in judgement.remarks)


@pytest.mark.parametrize("text", UNTOUCHED)
def test_a_refused_requirement_without_a_certain_meaning_stays(text: str) -> None:
    judgement = judge(text)
    assert not judgement.valid or not judgement.remarks
    assert judgement.mended(Topic) == text


@pytest.mark.parametrize(("text", "new"), PYTHON)
def test_requires_python(text: str, new: str) -> None:
    judgement = judge(text, Form.SPECIFIER)
    assert not judgement.valid
    assert judgement.mended() == new


@pytest.mark.parametrize(("text", "new"), ODD)
def test_an_odd_requirement_is_respelt_safely(text: str, new: str) -> None:
    judgement = judge(text)
    assert judgement.valid
    assert judgement.mended(unsafe=False) == new
    assert same(text, new, Form.REQUIREMENT)
    assert judge(new).mended() == new


@pytest.mark.parametrize("text", KEPT)
def test_a_valid_requirement_stays(text: str) -> None:
    judgement = judge(text)
    assert judgement.valid
    assert judgement.mended() == text


@pytest.mark.parametrize(
    ("text", "topic", "new"),
    [
        ("foo (>=1.0)", Topic.PARENTHESES, "foo >=1.0"),
        ("foo[bar](>=1.0);os_name=='nt'", Topic.PARENTHESES, "foo[bar]>=1.0;os_name=='nt'"),
        ("certifi>=2023.07.22", Topic.PADDING, "certifi>=2023.7.22"),
        ("foo==01.*", Topic.PADDING, "foo==1.*"),
    ],
)
def test_what_is_mended_only_if_asked_for(text: str, topic: Topic, new: str) -> None:
    assert judge(text).mended() == text
    assert judge(text).mended({topic}, unsafe=False) == new


def test_parentheses_go_in_the_same_pass_as_a_repair() -> None:
    assert judge("torch (>=1.9.*)").mended(Topic) == "torch >=1.9"


def test_every_repair_states_its_reading() -> None:
    for text, new in REPAIRED:
        remark = judge(text).remarks[0]
        assert remark.note or new in (text, "foo>=1,<2"), text


def test_arbitrary_equality_is_told_of_and_kept() -> None:
    (remark,) = judge("foo===1.0-1").remarks
    assert (remark.topic, remark.region, remark.changes) == (Topic.EQUALITY, (3, 11), ())


@pytest.mark.parametrize(
    ("marker", "doubtful", "new"),
    [
        ('python_version<"3,8"', "3,8", "3.8"),
        ('python_version >= "3.7.1"', "3.7.1", None),
        ('python_version == "3"', "3", None),
        ('"3.x" <= python_version', "3.x", None),
        ('sys_platform == "windows"', "windows", None),
        ('"Linux" != sys.platform', "Linux", None),
        ('platform_system == "linux"', "linux", None),
        ('os_name == "Windows"', "Windows", None),
        ('extra >= "x"', "x", None),
        ("python_version in '2.7, 3.1'", "2.7, 3.1", None),
        ("python_version not in '3.5,3.10'", "3.5,3.10", None),
        ("python_version in '>=3.8, <4'", ">=3.8, <4", None),
        ("python_version not in '3'", "3", None),
        ("python_version in '27 35'", "27 35", None),
        ("python_full_version in '3.11'", "3.11", None),
        ("python_full_version in '3.11.10 3.12.0'", "3.11.10 3.12.0", None),
        ("'3.1' in python_version", "3.1", None),
        *(
            (marker, marker, None)
            for marker in (
                "python_version > '3.10' and python_version < '3'",
                "python_version > '2.7' and python_version < '3.0'",
                "python_version > '3.10' and python_version <= '3.10'",
                "python_version > '3' and python_version < '3.1'",
                "python_version >= '3.10' and python_full_version < '3.9'",
                "python_version == '3.8' and python_version == '3.9'",
                "python_version < '3' and extra == 'x' and '3.8' < python_version",
                "python_version in '3.8 3.9' and python_version >= '3.10'",
                "python_version < '3' and os_name == 'nt' and python_version >= '3.6' or extra == 'x'",
                "python_version >= '3.8' or python_version < '3.8'",
                "sys_platform == 'win32' and sys.platform == 'linux'",
                "sys_platform != 'win32' or sys_platform != 'darwin'",
            )
        ),
    ],
)
def test_a_marker_that_cannot_mean_what_it_says(marker: str, doubtful: str, new: str | None) -> None:
    judgement = judge(f"foo; {marker}")
    (remark,) = judgement.remarks
    assert judgement.valid
    assert remark.topic is Topic.MARKER
    assert not remark.safe
    assert judgement.text[slice(*remark.region)] == doubtful
    assert judgement.mended() == f"foo; {marker}".replace(doubtful, new or doubtful)


@pytest.mark.parametrize(
    "marker",
    [
        'python_version >= "3.7"',
        'python_version == "3.*"',
        'python_version >= "3.7.0"',
        'python_full_version < "3.7.1"',
        'python_version in "2.7 3.8"',
        "python_version in '3.10 3.11'",
        "python_version not in ' 3.0 3.1 '",
        "python_version >= '2.7' and python_version not in '3.0, 3.1, 3.2, 3.3, 3.4'",
        "python_full_version in '3.8.1 3.8.10'",
        "'3.10' in python_version",
        "'2.7' in python_version",
        "python_version >= '3' and python_version < '3.10'",
        "python_version >= '2.7' and python_version < '3'",
        "python_version >= '3.10' and python_version <= '3.10'",
        "python_version == '3.10.*' and python_full_version > '3.10.2'",
        "python_full_version > '3.8.1' and python_full_version < '3.8.3'",
        "python_version < '3' or python_version >= '3.6'",
        "python_version < '4' and python_version >= '3.6' and python_version != '3.7'",
        "python_version ~= '3.8' and python_version < '4'",
        "sys_platform != 'win32' and sys_platform != 'darwin'",
        "sys_platform == 'linux' or sys_platform == 'darwin' or sys_platform in 'win32 cygwin'",
        "os_name == 'nt' and sys_platform != 'win32'",
        "platform_release >= '5' and platform_release < '4'",
        "extra == 'x' and extra == 'y'",
        'sys_platform == "win32"',
        'sys_platform == "zos"',
        '"linux" in sys_platform',
        'platform_system == "Linux"',
        'platform_release >= "5,4"',
        'extra == "x" and "y" == extra',
        "os_name == 'nt' and (python_version > '3' or implementation_name == 'pypy')",
    ],
)
def test_a_marker_of_which_there_is_nothing_to_say(marker: str) -> None:
    assert judge(f"foo; {marker}").remarks == ()


@given(
    st.lists(
        st.builds(
            lambda variable, operator, value: f"{variable} {operator} '{value}'",
            st.sampled_from(["python_version", "python_full_version", "sys_platform", "os_name"]),
            st.sampled_from(["==", "!=", ">=", "<", "<=", ">"]),
            st.sampled_from(["2.7", "3", "3.0", "3.1", "3.8", "3.8.1", "3.10", "win32", "nt"]),
        ),
        min_size=2,
        max_size=4,
    ),
    st.lists(st.sampled_from(["and", "or"]), min_size=4, max_size=4),
)
def test_what_never_or_always_holds_does_so_to_packaging(comparisons: list[str], joints: list[str]) -> None:
    marker = " ".join(word for pair in zip(comparisons, joints, strict=False) for word in pair).rpartition(" ")[0]
    told = contradiction.told(marker) or ""
    assert not told or not plain(marker, Form.MARKER)
    if not told.startswith("it "):
        return
    parsed = Marker(marker)
    environments = (
        {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.{micro}", "sys_platform": s, "os_name": o}
        for minor in (0, 7, 8, 9, 10, 11)
        for micro in (0, 1, 2)
        for s, o in (("win32", "nt"), ("linux", "posix"))
    )
    try:
        found = {parsed.evaluate(environment) for environment in environments}
    except UndefinedComparison:  # `sys_platform >= …`
        return
    assert found == {told.startswith("it always")}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("(a)", [0, 2]),
        (" ( (a) ) ", [1, 3, 5, 7]),
        ("(a) or (b)", []),
        ("(')' == a", []),
        ("('(' == a)", [0, 9]),
        ("", []),
    ],
)
def test_redundant_parentheses(text: str, places: list[int]) -> None:
    assert markers.redundant(text) == places


def test_a_caret_keeps_the_number_of_segments() -> None:
    expected = legacy.Mend(">=", "1.2.3,<2.0.0", "`^` is a range in npm, Cargo and Poetry")
    assert legacy.mend("^", "1.2.3") == expected


@pytest.mark.parametrize(
    ("text", "version", "accepted", "moved"),
    [
        ("core==2.0", "2.1", False, "core==2.1"),
        ("core[x] == 2.0 ; os_name == 'nt'", "2.1", False, "core[x] == 2.1 ; os_name == 'nt'"),
        ("core>=2,<2.1", "2.1", False, "core>=2,<2.1"),
        ("core==2.0.*", "2.1", False, "core==2.0.*"),
        ("core>=2", "2.1.dev0", True, None),
        ("core", "2.1", True, None),
        ("core @ file:///x", "2.1", None, None),
        ("core==2.0", "unknown", None, None),
        ("core=>2.0", "2.1", None, None),
    ],
)
def test_a_pin_on_a_sibling(text: str, version: str, accepted: bool | None, moved: str | None) -> None:
    assert pins.accepts(text, version) is accepted
    if moved is not None:
        assert apply(text, pins.disagreement(text, version).changes) == moved


def test_insertions_come_before_what_they_stand_beside() -> None:
    assert apply("ab", [Change(1, 2, "x"), Change(1, 1, ",")]) == "a,x"


@pytest.mark.parametrize(
    "text",
    [
        ">3,<2", ">=2,<2", ">2,<2.0", "<1,>=1.0", "==1.0,==1.1", "==1.0,!=1.0", ">=1.5,<1.6,!=1.5.*", "~=1.4,<1",
        "~=1.4.2,>=1.5", "==1.*,>=2", "==1.*,==2.*", ">1,<1.post1", ">=1.0rc1,<1.0", "<0", "<0.dev0", ">=1!1,<2",
        ">=v3, <2", "===1,==2",
    ],
)  # fmt: skip
def test_a_set_that_accepts_nothing(text: str) -> None:
    assert SpecifierSet(text).is_unsatisfiable()
    for whole in (text, f"foo{text}", f"a ({text})"):
        form = Form.SPECIFIER if whole == text else Form.REQUIREMENT
        (remark,) = (r for r in judge(whole, form).remarks if r.topic is Topic.CONTRADICTION)
        assert whole[remark.region.start : remark.region.end] == text
        assert remark.changes == ()


@pytest.mark.parametrize(
    ("text", "quick"),
    [
        (">=1,<2", True), (">1,<1.0.1", True), (">=2.7,!=3.0.*,!=3.1.*,<4", True), ("~=1.4,!=1.4.5", True),
        ("~=1.4.2,>=1.4.5", True), ("==1.*,>=1.2", True), ("<1", True), ("!=1.*,!=2.0", True), (">=1,>=2,<3", True),
        (">=1.0a1,<1.1", True), ("==1.2", True), ("", True),
        ("<=0", False), ("==1,==1.0", False), (">=3.0,!=3.0.*,<4", False), (">=1!1,<1!2", False),
        (">=1.0a1,<1.0a2", False), (">=1.0,<=1.0", False), ("==1.0,===1.0", False),
    ],
)  # fmt: skip
def test_a_set_that_accepts_something(text: str, quick: bool) -> None:
    assert not SpecifierSet(text).is_unsatisfiable()
    assert plain(text, Form.SPECIFIER) is quick
    assert Topic.CONTRADICTION not in {remark.topic for remark in judge(text, Form.SPECIFIER).remarks}


SIMPLE = st.builds(
    lambda operator, release, end: operator + ".".join(map(str, release)) + end * (operator in ("==", "!=")),
    st.sampled_from([">=", "<", ">", "<=", "==", "!=", "~="]),
    st.lists(st.integers(0, 2), min_size=2, max_size=3),
    st.sampled_from(["", ".*"]),
)


@given(st.lists(SIMPLE, min_size=1, max_size=4).map(",".join))
def test_what_accepts_nothing_is_what_packaging_says(text: str) -> None:
    told = any(remark.topic is Topic.CONTRADICTION for remark in judge(text, Form.SPECIFIER).remarks)
    assert told is SpecifierSet(text).is_unsatisfiable()


def test_canonical_texts_do_not_load_packaging() -> None:
    program = (
        "import sys\n"
        "from relengtools.versions.specifiers.judge import judge\n"
        'assert judge(\'foo[a] >=1.0,<2 ; python_version >= "3.8" and extra == "x"\').remarks == ()\n'
        "assert not {m for m in sys.modules if m.startswith('packaging')}"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


NUMBERS = st.sampled_from(["0", "1", "2.0", "1.10.3", "3.8", "2023.07", "1!2.0", "v1.0", "01"])
SUFFIXES = st.sampled_from(
    ["", "", "", "a1", ".dev0", "dev", "-1", ".post1", "+l.1", ".*", ".x", "*", ".0", "rc1.0", "."]
)
OPERATORS = st.sampled_from([">=", "<", "==", "!=", "~=", "<=", ">", "===", "=>", "^", "~", "=", "!=~", "", "> =", "≥"])
BLANKS = st.sampled_from(["", "", " ", "\t", "'", "\u00a0"])
CLAUSES = st.builds(lambda o, b, n, s: o + b + n + s, OPERATORS, BLANKS, NUMBERS, SUFFIXES)
SETS = st.builds(
    lambda clauses, separator, end: separator.join(clauses) + end,
    st.lists(CLAUSES, max_size=3),
    st.sampled_from([",", ", ", "", " ", ",,", " and "]),
    st.sampled_from(["", "", ",", " ", "'"]),
)
COMPARISONS = st.builds(
    lambda variable, operator, quote, value: f"{variable} {operator} {quote}{value}{quote}",
    st.sampled_from(["python_version", "python_full_version", "sys_platform", "os_name", "extra", "platform_machine"]),
    st.sampled_from(["==", "!=", ">=", "<", "=", "=>", "in"]),
    st.sampled_from(["'", '"', ""]),
    st.sampled_from(["3.8", "3", "3,8", "3.8.1", "win32", "windows", "posix", "x", "x86_64", "\\d"]),
)
MARKERS = st.builds(
    lambda parts, joint, wrap: wrap[0] + joint.join(parts) + wrap[1],
    st.lists(COMPARISONS, min_size=1, max_size=3),
    st.sampled_from([" and ", " or ", " && ", " AND ", ")or("]),
    st.sampled_from(["  ", "()", " ;", "(("]),
)
REQUIREMENTS = st.builds(
    lambda name, extras, wrap, versions, marker: f"{name}{extras}{wrap[0]}{versions}{wrap[1]}{marker}",
    st.sampled_from(["foo", "Foo-Bar.baz", "a", "'foo'", "foo_", "foo "]),
    st.sampled_from(["", "", "[a]", " [a, b-c]", "[]", "[a,]"]),
    st.sampled_from(["  ", "()", "( ", " )"]),
    SETS,
    st.just("") | st.builds(lambda blank, marker: f"{blank};{marker}", st.sampled_from(["", " "]), MARKERS),
)
ANYTHING = st.tuples(REQUIREMENTS, st.just(Form.REQUIREMENT)) | st.tuples(SETS, st.just(Form.SPECIFIER))
ANYTHING |= st.tuples(MARKERS, st.just(Form.MARKER))
ALL = frozenset(Topic)
TOPICS = st.sampled_from(
    [DEFAULT, ALL, DEFAULT | {Topic.PADDING}, frozenset({Topic.SPELLING}), frozenset({Topic.VALIDITY})]
)


@given(ANYTHING, TOPICS)
def test_mending_twice_is_mending_once(case: tuple[str, Form], topics: frozenset[Topic]) -> None:
    text, form = case
    new = judge(text, form).mended(topics)
    assert judge(new, form).mended(topics) == new


@pytest.mark.parametrize(
    ("text", "mended", "canonical"),
    [
        ("foo>=01.*", "foo>=01", "foo>=1"),
        ("foo>=v01.02.*,<v02", "foo>=01.02,<02", "foo>=1.2,<2"),
        ("foo==01.x", "foo==01.*", "foo==1.*"),
        ("foo 01.02.*", "foo ==01.02.*", "foo ==1.2.*"),
        ("foo=>01", "foo>=01", "foo>=1"),
        ("foo^01.02", "foo>=01.02,<2.0", "foo>=1.2,<2.0"),
        ("foo~v01.02.03", "foo~=01.02.03", "foo~=1.2.3"),
        ("foo>=01.0rc01.0", "foo>=01.0rc01", "foo>=1.0rc1"),
        ("foo=v01.0.0+001.00a", "foo==01.0.0+001.00a", "foo==1.0.0+1.00a"),
        ("foo>=2023.07.* <2024.01", "foo>=2023.07, <2024.01", "foo>=2023.7, <2024.1"),
    ],
)
def test_padding_goes_in_the_same_pass_as_what_is_refused(text: str, mended: str, canonical: str) -> None:
    assert judge(text).mended() == mended
    assert judge(text).mended(ALL) == canonical
    assert judge(canonical).remarks == ()


@given(ANYTHING)
def test_what_is_repaired_is_valid_and_all_of_it(case: tuple[str, Form]) -> None:
    text, form = case
    judgement = judge(text, form)
    assert judgement.valid is (refusal(text, form) is None)
    new = judgement.mended()
    assert new == text or refusal(new, form) is None


@given(ANYTHING, TOPICS)
def test_a_safe_change_keeps_the_meaning(case: tuple[str, Form], topics: frozenset[Topic]) -> None:
    text, form = case
    new = judge(text, form).mended(topics, unsafe=False)
    if new == text:
        return
    before, after = parse(text, form), parse(new, form)
    if form is Form.REQUIREMENT:
        assert (before.name, before.extras, before.url, before.marker) == (
            after.name, after.extras, after.url, after.marker,
        )  # fmt: skip
        before, after = before.specifier, after.specifier
    if isinstance(before, SpecifierSet):
        assert before.to_range() == after.to_range()
    assert same(text, new, form)


@given(REQUIREMENTS)
def test_a_repair_keeps_name_and_extras(text: str) -> None:
    judgement = judge(text)
    new = judgement.mended(Topic)
    if new != text:
        requirement = parse(new, Form.REQUIREMENT)
        assert text.lstrip("' ").startswith(requirement.name)
        assert all(extra in text for extra in requirement.extras)


@given(ANYTHING)
def test_the_fast_path_agrees_with_packaging(case: tuple[str, Form]) -> None:
    text, form = case
    if not plain(text, form):
        return
    parsed = parse(text, form)
    versions = getattr(parsed, "specifier", parsed)
    if isinstance(versions, SpecifierSet):
        assert not versions.is_unsatisfiable()
        for specifier in versions:
            base = specifier.version.removesuffix(".*")
            assert str(Specifier(f"=={base}").version) == base
            assert judge(f"foo{specifier}").remarks == ()


@given(st.text(max_size=60) | st.text("<>=!~^.*,;()[]'\"@ \tvax019fo-+", max_size=60), st.sampled_from(Form))
def test_nothing_crashes_on_any_text(text: str, form: Form) -> None:
    judgement = judge(text, form)
    assert judgement.valid is (refusal(text, form) is None)
    assert judgement.valid or judgement.remarks
    new = judgement.mended(ALL)
    assert new == text or refusal(new, form) is None
    assert judge(new, form).mended(ALL) == new


@pytest.mark.parametrize(
    "text",
    [
        "foo>=" + "1" * 5000,
        "foo==" + "1." * 9000,
        "foo; " + "(" * 3000,
        "foo" + " " * 30000,
        "a" * 30000,
        "foo>=1" + "," * 5000,
        "foo; " + " and ".join(f"python_version > '3.{minor}'" for minor in range(380)),
        "foo; " + " and (".join(f"python_version > '3.{minor}'" for minor in range(19)) + ")" * 18,
    ],
)
def test_texts_that_nobody_writes_come_back_quickly(text: str) -> None:
    assert judge(text).mended() in (text, "foo>=1")


@pytest.mark.parametrize("text", [">1,  '", '==1.0-1,"', "'>1a,\"", '"==1.0-1",,\'', "\t,\"'>1,'", ">1 ',' "])
def test_one_pass_drops_quotes_and_commas_and_mends_the_rest(text):
    topics = frozenset(Topic) - {Topic.PADDING}
    once = judge(text, Form.SPECIFIER).mended(topics)
    assert judge(once, Form.SPECIFIER).mended(topics) == once
    assert judge(once, Form.SPECIFIER).valid
    assert not set(once) & set("'\",")
