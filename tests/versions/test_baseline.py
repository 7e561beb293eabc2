"""A baseline: what was known then is not told again, whatever moved; all else is."""

import json
import re
from pathlib import Path

import pytest

PROJECT = '[project]\nname = "x"\nversion = "v1"\ndependencies = ["a>=1.*", "a>=1.*"]\n'


def codes(result):
    return re.findall(r"^\S+: (RV\d+) ", result.out, re.M)


@pytest.fixture
def known(tree, run):
    root = tree({"pyproject.toml": PROJECT, "x.py": "__version__ = '2'\n"})
    (root / "known.json").write_text(run("check", "--output-format", "json").out)
    return root


def test_nothing_new_is_nothing_to_tell(known, run):
    assert run("check", "--baseline", "known.json") == (0, "", "relengtools: 1 project, 0 findings\n")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[project]\n", "# a line\n\n[project]\n", []),
        ('["a>=1.*", ', '["x", ', []),  # one of two was mended
        ('["a>=1.*", ', '["a>=1.*", "a>=1.*", ', ["RV401"]),  # and now there are three
        ('"v1"', '"v1.0"', ["RV201", "RV102"]),
        ('"v1"', '"1"', ["RV201"]),
    ],
)
def test_the_line_may_move_and_all_else_is_new(known, run, old, new, expected):
    path = known / "pyproject.toml"
    path.write_text(path.read_text().replace(old, new))
    result = run("check", "--baseline", "known.json")
    assert sorted(codes(result)) == sorted(expected)
    assert result.code == min(len(expected), 1)


def test_what_is_known_is_not_rewritten(known, run):
    before = (known / "pyproject.toml").read_bytes()
    assert run("check", "--baseline", "known.json", "--fix", "--unsafe-fixes").code == 0
    assert run("check", "--baseline", "known.json", "--diff", "--unsafe-fixes") == (0, "", "")
    assert (known / "pyproject.toml").read_bytes() == before


def test_another_file_is_not_known(known, run):
    (known / "y").mkdir()
    (known / "y/pyproject.toml").write_text(PROJECT)
    assert len(codes(run("check", "--baseline", "known.json"))) == 3


@pytest.mark.parametrize(
    ("written", "saved", "read", "path"),
    [
        (".", "known.json", "sub", ".."),
        (".", "known.json", "sub", "."),
        (".", "known.json", "sub/deep", "../.."),
        ("sub", "sub/known.json", ".", "sub"),
        ("sub", "sub/known.json", "..", "{root}/sub"),
        (".", "ci/known.json", ".", "."),
        (".", "ci/known.json", "sub", ".."),
        (".", "ci/known.json", "ci", ".."),
        (".", "../known.json", ".", "."),
        ("..", "../known.json", "sub", ".."),
    ],
)
def test_written_here_and_read_there(tree, run, monkeypatch, written, saved, read, path):
    from versions.gitrepo import Repo

    (tree({"r/sub/pyproject.toml": PROJECT, "r/sub/x.py": "__version__ = '2'\n"}) / "r/sub/deep").mkdir()
    root = Repo(Path("r")).path.absolute()
    (root / "ci").mkdir()
    monkeypatch.chdir(root / written)
    where = "." if written != ".." else "r"
    (root / saved).write_text(run("check", where, "--output-format", "json").out)
    monkeypatch.chdir(root / read)
    result = run("check", path.format(root=root), "--baseline", str(root / saved))
    assert (result.code, result.out) == (0, "")
    assert run("check", path.format(root=root)).code == 1


def test_the_same_finding_in_another_folder_is_new(known, run, monkeypatch):
    (known / "y").mkdir()
    for name in ("pyproject.toml", "x.py"):
        (known / "y" / name).write_bytes((known / name).read_bytes())
    monkeypatch.chdir(known / "y")
    assert len(codes(run("check", "--baseline", "../known.json"))) == 4


def test_standard_input_will_do(known, run, monkeypatch):
    import io
    import sys

    text = (known / "known.json").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert run("check", "--baseline", "-").code == 0


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"findings": 1}',
        b'{"findings": [1]}',
        b'{"findings": [{"code": "RV101"}]}',
        b'{"findings": [{"code": [], "file": "a", "message": "m"}]}',
        b"[" * 100_000,
        json.dumps({"findings": {"code": 1}}).encode(),
    ],
)
def test_what_is_no_baseline_is_one_line_and_exit_code_2(tree, run, text):
    root = tree({"pyproject.toml": PROJECT})
    (root / "known.json").write_bytes(text)
    result = run("check", "--baseline", "known.json")
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"relengtools: known\.json: no baseline: .*\n", result.err)


@pytest.mark.parametrize(("name", "reason"), [("none.json", "No such file"), (".", "Is a directory"), ("\x00", "null")])
def test_a_file_that_cannot_be_read(tree, run, name, reason):
    tree({"pyproject.toml": PROJECT})
    result = run("check", "--baseline", name)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert reason in result.err
