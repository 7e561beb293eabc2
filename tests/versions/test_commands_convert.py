"""`relengtools versions convert`, as a user calls it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from relengtools.versions.commands_convert import POLICIES, SOURCES, TARGETS, convert
from relengtools.versions.scheme import convert as scheme

DATA = Path(__file__).parent / "data"


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    result = CliRunner().invoke(convert, arguments, input=stdin, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.stdout, result.stderr


def test_the_choices_are_those_of_the_scheme() -> None:
    assert (SOURCES, TARGETS, POLICIES) == (scheme.SOURCES, scheme.TARGETS, scheme.POLICIES)


@pytest.mark.parametrize(
    ("arguments", "code", "stdout"),
    [
        (("1.0-rc1",), 0, "1.0rc1\n"),
        (("1.0", "1.x", "v2"), 1, "1.0\n\n2\n"),
        (("1.2.3-4-g1a2b3c4",), 0, "1.2.4.dev4+g1a2b3c4\n"),
        (("--policy", "post", "1.2.3-4-g1a2b3c4"), 0, "1.2.3.post4+g1a2b3c4\n"),
        (("--from", "debian", "1.0-1"), 0, "1.0\n"),
        (("--to", "debian", "1.0rc1.dev3"), 0, "1.0~rc1~dev3\n"),
        (("--to", "alpine", "1.0.dev3"), 1, "\n"),
        (("--rule", str(DATA / "rules-dirac.toml"), "v7r2-pre33"), 0, "7.2.0a33\n"),
    ],
)
def test_text(arguments: tuple[str, ...], code: int, stdout: str) -> None:
    assert run(*arguments)[:2] == (code, stdout)


def test_what_a_bare_version_does_not_say_goes_to_stderr() -> None:
    code, stdout, stderr = run("1.0-1", "1.0", "\x1b[31m")
    assert (code, stdout) == (1, "1.0.post1\n1.0\n\n")
    first, second = stderr.splitlines()
    assert first.startswith("1.0-1: not exact: -1 may be a packaging revision")
    assert second.startswith("\\x1b[31m: no version: ")


def test_standard_input_line_by_line() -> None:
    stdin = b'1.0\r\n\n\xff\xfe\n{"input": "1.0-rc1"}\n{"input": 3}\n{\nrelease-1.2'
    code, stdout, _ = run("-", "--output-format", "json", stdin=stdin)
    rows = [json.loads(line) for line in stdout.splitlines()]
    assert code == 1
    assert [row["version"] for row in rows] == ["1.0", None, None, "1.0rc1", None, None, "1.2"]
    assert [row["input"] for row in rows][2:5] == ["\udcff\udcfe", "1.0-rc1", '{"input": 3}']
    assert all(list(row) == ["input", "scheme", "version", "canonical", "exact", "reason"] for row in rows)


def test_more_lines_than_a_batch_keep_their_order() -> None:
    texts = [f"1.{n}" for n in range(2500)]
    code, stdout, stderr = run("-", stdin="\n".join(texts).encode())
    assert (code, stdout.split(), stderr) == (0, texts, "")


def test_help_teaches() -> None:
    text = CliRunner().invoke(convert, ["--help"]).output
    assert all(name in text for name in (*SOURCES, "0.1.0.post6+g35517d1", "[[schemes]]", "Exit codes"))
