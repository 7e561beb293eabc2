"""The commands as a user meets them: exit codes, what goes to stdout and what to stderr, and bad input."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FLEET = Path(__file__).parents[1] / "fleet"
GOOD = '[project]\nname = "x"\nversion = "1.0"\n'
SPELT = '[project]\nname = "x"\nversion = "v1.0-RC1"\n'


@pytest.fixture
def fleet(tree):
    root = tree({})
    shutil.copytree(FLEET, root / "fleet")
    return root / "fleet"


def test_list_shows_the_fleet(fleet, run):
    result = run("list")
    assert result.code == 0
    assert result.err == ""
    head, *rows = result.out.splitlines()
    assert head.split() == ["PROJECT", "VERSION", "LEVEL", "PROVIDER", "WHERE"]
    assert re.search(
        r"^gamma \(fleet/gamma\) +0\.62\.4-2-ga73a73b +invalid +- +fleet/gamma/setup\.py:5:12 \(setup-py, owner\)$",
        result.out,
        re.M,
    )
    assert re.search(r"^zeta \(fleet/zeta\) +- +dynamic +setuptools-scm ", result.out, re.M)
    assert len({row.index(" fleet/") for row in rows if " fleet/" in row and not row.startswith("zeta")}) == 1


def test_list_json_has_the_keys_of_the_design(fleet, run):
    result = run("list", "--output-format", "json", "fleet/delta")
    assert result.code == 0
    assert json.loads(result.out) == {
        "projects": [
            {
                "path": "fleet/delta",
                "name": "delta",
                "version": "2.1.0",
                "canonical": "2.1.0",
                "level": "canonical",
                "scheme": "pep440",
                "provider": None,
                "provider_version": None,
                "provider_configuration": None,
                "reason": None,
                "declarations": [
                    {
                        "file": "fleet/delta/pyproject.toml",
                        "line": 7,
                        "column": 12,
                        "kind": "pyproject",
                        "raw": "2.1.0",
                        "value": "2.1.0",
                        "canonical": "2.1.0",
                        "level": "canonical",
                        "owner": True,
                    },
                    {
                        "file": "fleet/delta/src/delta/__init__.py",
                        "line": 3,
                        "column": 16,
                        "kind": "module",
                        "raw": "2.0.9",
                        "value": "2.0.9",
                        "canonical": "2.0.9",
                        "level": "canonical",
                        "owner": False,
                    },
                ],
            }
        ]
    }


def test_check_judges_fixes_and_is_then_content(fleet, run):
    result = run("check")
    assert result.code == 1
    assert re.findall(r"^(\S+): (RV\d+) ", result.out, re.M) == [
        ("fleet/beta/setup.cfg:4:11", "RV102"),
        ("fleet/delta/src/delta/__init__.py:3:16", "RV201"),
        ("fleet/gamma/setup.py:5:12", "RV101"),
    ]
    assert '  | VERSION = "0.62.4-2-ga73a73b"\n  |            ^^^^^^^^^^^^^^^^^\n' in result.out
    assert "6 projects, 3 findings (can be mended: 1 by --fix, 2 by --fix --unsafe-fixes)" in result.err
    assert run("check", "--fix", "--unsafe-fixes").code == 1
    assert run("check") == (0, "", "relengtools: 6 projects, 0 findings\n")
    levels = {p["name"]: p["level"] for p in json.loads(run("list", "--output-format", "json").out)["projects"]}
    assert levels == {
        "alpha": "canonical",
        "beta": "canonical",
        "gamma": "canonical",
        "delta": "canonical",
        "epsilon": "valid",
        "zeta": "dynamic",
    }


def test_check_json_has_the_keys_of_the_design(fleet, run):
    result = run("check", "--output-format", "json", "fleet/beta")
    assert result.code == 1
    document = json.loads(result.out)
    assert document["findings"] == [
        {
            "code": "RV102",
            "name": "version-spelling",
            "message": "'v1.2-rc1' is spelt '1.2rc1' in canonical form",
            "file": "fleet/beta/setup.cfg",
            "line": 4,
            "column": 11,
            "end_line": 4,
            "end_column": 19,
            "project": "fleet/beta",
            "fix": {
                "safe": True,
                "edits": [
                    {"file": "fleet/beta/setup.cfg", "line": 4, "column": 11, "old": "v1.2-rc1", "new": "1.2rc1"}
                ],
            },
        }
    ]
    assert document["summary"]["by_code"] == {"RV102": 1}
    assert document["summary"]["fixable"] == {"safe": 1, "unsafe": 0}


@pytest.mark.parametrize(
    ("flags", "codes"),
    [
        ([], {"RV101", "RV102", "RV201"}),
        (["--select", "RV1"], {"RV101", "RV102"}),
        (["--select", "version-spelling,RV201"], {"RV102", "RV201"}),
        (["--select", "zero-padding"], {"RV103"}),
        (["--select", "RV103", "--select", "RV101"], {"RV101", "RV103"}),
        (["--ignore", "RV1"], {"RV201"}),
        (["--select", "RV1", "--ignore", "invalid-version"], {"RV102"}),
    ],
)
def test_rules_are_selected_by_code_prefix_and_name(fleet, run, flags, codes):
    result = run("check", *flags)
    assert set(re.findall(r" (RV\d+) ", result.out)) == codes


def test_zero_padding_goes_only_when_asked(fleet, run):
    assert run("check", "--fix", "fleet/epsilon").code == 0
    assert run("check", "--fix", "--select", "zero-padding", "fleet/epsilon").code == 1
    assert run("show", "fleet/epsilon") == (0, "2026.8.10\n", "")


def test_diff_prints_the_patch_alone_and_what_stays_on_stderr(fleet, run):
    result = run("check", "--diff")
    assert result.code == 1
    assert result.out.startswith("--- a/fleet/beta/setup.cfg\n+++ b/fleet/beta/setup.cfg\n@@ ")
    assert "RV201" not in result.out
    assert "RV201" in result.err
    assert (fleet / "beta/setup.cfg").read_text() == (FLEET / "beta/setup.cfg").read_text()
    assert run("check", "--diff", "fleet/alpha") == (0, "", "")


def test_show_prints_one_bare_line(fleet, run):
    assert run("show", "fleet/beta") == (0, "v1.2-rc1\n", "")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("fleet", "there are 6 projects below"),
        ("fleet/zeta", "setuptools-scm computes it"),
        ("missing", "No such file"),
    ],
)
def test_show_says_why_it_cannot(fleet, run, path, reason):
    result = run("show", path)
    assert (result.code, result.out) == (2, "")
    assert reason in result.err
    assert result.err.count("\n") == 1


def test_show_takes_the_project_at_the_path_before_those_below(tree, run):
    tree({"pyproject.toml": GOOD, "sub/pyproject.toml": SPELT})
    assert run("show").out == "1.0\n"


def test_a_named_directory_without_a_project_is_told_of_and_the_rest_done(tree, run):
    tree({"a/pyproject.toml": GOOD, "b/README": ""})
    result = run("list", "a", "b")
    assert (result.code, result.err) == (2, "relengtools: b: no project found\n")
    assert "a/pyproject.toml" in result.out


@pytest.mark.parametrize(
    ("files", "arguments", "said"),
    [
        ({}, ["check"], "no project found"),
        ({"pyproject.toml": "[tool.ruff]\n"}, ["check"], "no project found"),
        ({}, ["list", "missing"], "missing: No such file or directory"),
        ({}, ["check", "a\x1b[31m"], r"a\x1b[31m: No such file"),
        ({"x.txt": "1.0"}, ["check", "x.txt"], "name a directory or one of"),
        ({"pyproject.toml": GOOD}, ["check", "--select", "RV8"], "RV8: no such rule"),
        ({"pyproject.toml": GOOD}, ["rules", "nonsense"], "nonsense: no such rule"),
        ({"pyproject.toml": b"\xff"}, ["check", "pyproject.toml"], None),
        ({"pyproject.toml": "[project"}, ["list", "pyproject.toml"], "no TOML"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(tree, run, files, arguments, said):
    tree(files)
    result = run(*arguments)
    assert result.code == 2
    assert said is None or said in result.err
    assert result.err.count("\n") == 1
    assert "\x1b" not in result.err


def test_what_can_be_done_is_done_beside_what_cannot(tree, run):
    tree({"a/pyproject.toml": SPELT})
    result = run("check", "missing", "a")
    assert result.code == 2
    assert "RV102" in result.out
    assert "missing: No such file" in result.err


@pytest.mark.parametrize(
    ("files", "code", "place", "message"),
    [
        ({"pyproject.toml": b'[project]\nname = "\xff"'}, "RV902", "pyproject.toml:2:9", "byte 18 (0xff) is no UTF-8"),
        ({"setup.py": b"setup(version='\xff')"}, "RV902", "setup.py:1:1", "can't be decoded"),
        ({"pyproject.toml": '[project]\nname = "x'}, "RV903", "pyproject.toml:2:10", "no TOML"),
        ({"setup.cfg": "[metadata]\nname=x\nname=y"}, "RV903", "setup.cfg:3:1", "already exists"),
        ({"setup.py": "setup(\n"}, "RV903", "setup.py:1:6", "was never closed"),
        ({"pyproject.toml": b"\xef\xbb\xbf" + GOOD.encode()}, "RV904", "pyproject.toml:1:1", "byte-order mark"),
        (
            {"pyproject.toml": '[project]\nname = "x"\nversion = 1.0\n'},
            "RV101",
            "pyproject.toml:3:11",
            "has to be a string",
        ),
        ({"pyproject.toml": '[project]\nname = "x"\n'}, "RV901", "pyproject.toml:1:1", "x: [project] has neither"),
        ({"pyproject.toml": '[project]\nname = "x"\nversion = ""\n'}, "RV101", "pyproject.toml:3:12", "it is empty"),
        (
            {"setup.cfg": "[metadata]\nname=x\nversion = 1.0  # x\n"},
            "RV101",
            "setup.cfg:3:11",
            "no comments behind a value",
        ),
    ],
)
def test_what_is_wrong_in_a_walk_is_a_finding(tree, run, files, code, place, message):
    tree(files)
    result = run("check")
    assert result.code == 1
    assert re.findall(r"^(\S+): (RV\d+)", result.out, re.M) == [(place, code)] or code in result.out
    assert result.out.startswith(f"{place}: {code} ")
    assert message in result.out


def test_copies_that_disagree_without_an_owner_are_found(tree, run):
    tree(
        {
            "setup.py": "setup(name='x', version=f())",
            "x/__init__.py": "__version__ = '1'",
            "x/version.py": "__version__ = '2'",
        }
    )
    result = run("check", "--fix", "--unsafe-fixes")
    assert result.code == 1
    assert "RV201" in result.out
    assert "not judged" in result.err


def test_a_version_that_could_not_be_judged_is_told_of(tree, run):
    tree({"setup.py": "from elsewhere import f\nsetup(name='x', version=f())"})
    result = run("check")
    assert (result.code, result.out) == (0, "")
    assert re.search(r"not judged: .*\(setup\.py:2\)", result.err)


def test_untrusted_text_never_reaches_the_terminal_unescaped(tree, run):
    tree({"a\x1b]0;x\x07/pyproject.toml": '[project]\nname = "x\\u001b[31m"\nversion = "1\\u001b[31m\\u202e"\n'})
    for command in ("check", "list", "show"):
        result = run(command)
        assert "\x1b" not in result.out + result.err
        assert "\u202e" not in result.out + result.err


def test_rules_has_a_page_for_each(run):
    listed = run("rules").out
    codes = re.findall(r"^(RV\d+)  (\S+)", listed, re.M)
    assert len(codes) == len(listed.splitlines())
    for code, name in codes:
        assert run("rules", code).out == run("rules", name).out
        assert all(part in run("rules", code).out for part in (code, name, "\nWhy\n", "\nFix\n", "\nExample\n"))
    assert [r["code"] for r in json.loads(run("rules", "--output-format", "json").out)["rules"]] == [
        code for code, _ in codes
    ]


@pytest.mark.parametrize("command", ["list", "show", "check", "rules"])
def test_help_teaches_with_examples(run, command):
    result = run(command, "--help")
    assert result.code == 0
    assert "Examples:" in result.out


def program(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "relengtools", "versions", *arguments], **options)


def test_the_program_keeps_stdout_and_stderr_apart(fleet):
    done = program("check", capture_output=True, cwd=fleet)
    assert done.returncode == 1
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_closed_pipe_is_no_traceback(tree):
    root = tree({f"p{i}/pyproject.toml": SPELT for i in range(300)})
    with subprocess.Popen(
        [sys.executable, "-m", "relengtools", "versions", "check"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=root,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(60) in (1, 141)


def test_a_locale_without_unicode_is_survived(tree):
    root = tree({"ü/pyproject.toml": SPELT})
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = program("check", capture_output=True, cwd=root, env=environment)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_a_huge_file_is_read_in_linear_time(tree, run):
    # Quadratic position counting would take minutes here, not fail by a hair.
    tree({"setup.py": "x = 1\n" * 60_000 + "setup(name='x', version='v1')\n", "pyproject.toml": "# c\n" * 200_000})
    assert run("check").code == 1


def test_start_up_imports_only_what_the_command_uses(fleet):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "relengtools", "versions", "check", "alpha"],
        capture_output=True,
        text=True,
        cwd=fleet,
    )
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert not loaded & {
        "json",
        "dataclasses",
        "packaging.version",
        "packaging.specifiers",
        "packaging.requirements",
        "relengtools.versions.dependency_rules",
        "relengtools.versions.rewrite",
        "relengtools.versions.waivers",
        "configparser",
        "difflib",
        "tempfile",
        "psutil",
        "numpy",
        "build",
    }


def test_sarif_and_annotations_say_what_the_text_says(fleet, run):
    places = re.findall(r"^(\S+):(\d+):(\d+): (RV\d+) ", run("check").out, re.M)
    result = run("check", "--output-format", "sarif")
    assert (result.code, result.err) == (1, "")
    results = json.loads(result.out)["runs"][0]["results"]
    regions = [r["locations"][0]["physicalLocation"] for r in results]
    assert places == [
        (p["artifactLocation"]["uri"], str(p["region"]["startLine"]), str(p["region"]["startColumn"]), r["ruleId"])
        for p, r in zip(regions, results, strict=True)
    ]
    result = run("check", "--output-format", "github")
    pattern = r"^::error file=(\S+?),line=(\d+),endLine=\d+,col=(\d+),endColumn=\d+,title=(RV\d+) [a-z-]+::."
    assert re.findall(pattern, result.out, re.M) == places
    assert result.err.startswith("relengtools: 6 projects, 3 findings")


@pytest.mark.parametrize("output_format", ["json", "sarif", "github"])
def test_a_diff_is_text(fleet, run, output_format):
    result = run("check", "--diff", "--output-format", output_format)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(rf"relengtools: --diff .* --output-format {output_format}: choose one\n", result.err)
    assert run("check", "--diff", "--output-format", "text").out.startswith("--- a/")


def test_columns_count_code_points(tree, run):
    tree({"pyproject.toml": '[project]\nname = "x"\nversion = "1.0"\ndependencies = ["é𝒳>=1", "b>=v1"]\n'})
    result = run("check", "--output-format", "json", "--select", "RV402")
    (finding,) = json.loads(result.out)["findings"]
    assert (finding["column"], finding["end_column"]) == (30, 32)
    (result,) = json.loads(run("check", "--output-format", "sarif", "--select", "RV402").out)["runs"][0]["results"]
    region = {"startLine": 4, "startColumn": 30, "endLine": 4, "endColumn": 32}
    assert result["locations"][0]["physicalLocation"]["region"] == region


def test_a_fix_that_hides_what_was_meant_says_so(tree, run):
    tree({"pyproject.toml": '[project]\nname = "x"\nversion = "1.0-1"\n'})
    result = run("check", "--fix")
    assert (result.code, result.out) == (1, "")
    assert "pyproject.toml: 1.0-1 -> 1.0.post1" in result.err
    assert "pyproject.toml:3: '1.0-1' is read as '1.0.post1': -1 may be a packaging revision" in result.err


def test_the_summary_of_many_edits_is_short(tree, run):
    tree(
        {
            "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n',
            "requirements.txt": "".join(f"p{i}>=v1\n" for i in range(9)),
        }
    )
    assert "requirements.txt: v1 -> 1, v1 -> 1, v1 -> 1, v1 -> 1, v1 -> 1, and 4 more\n" in run("check", "--fix").err
