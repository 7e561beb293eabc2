from pathlib import Path

import pytest

from relengtools.versions.locate import cfg
from relengtools.versions.locate.source import UnreadableError, utf8


def located(text):
    source = utf8("setup.cfg", Path("setup.cfg"), text.encode())
    return cfg.locate(source, cfg.parse(source))


@pytest.mark.parametrize(
    ("text", "raw", "value", "place"),
    [
        ("[metadata]\nversion = 1.0\n", "1.0", "1.0", (2, 11)),
        ("[metadata]\r\nversion: 1.0  \r\nname=x", "1.0", "1.0", (2, 10)),
        ("[metadata]\rversion=1.0", "1.0", "1.0", (2, 9)),
        ("[metadata]\nversion =\n    1.0\nname = x", "1.0", "1.0", (3, 5)),
        ("# version = 0\n[options]\nversion = 0\n[metadata]\n; version = 0\nVersion = 1.0", "1.0", "1.0", (6, 11)),
        ("[metadata]\ndescription = x\n  version = 0\nversion = 1.0", "1.0", "1.0", (4, 11)),
        ("[metadata]\nname = ü𝄞\nversion = 1.0", "1.0", "1.0", (3, 11)),
        ("[metadata]\nversion = 1.0  ; comment", "1.0  ; comment", "1.0  ; comment", (2, 11)),
        ("[metadata]\nbase = 1\nversion = %(base)s.2", "%(base)s.2", "1.2", (3, 11)),
        ("[metadata]\nversion \t=\t1.0", "1.0", "1.0", (2, 12)),
        ("[metadata]\nurl = a=b:c\nversion: 1=0", "1=0", "1=0", (3, 10)),
    ],
)
def test_finds_the_value(text, raw, value, place):
    found = located(text)
    assert found is not None
    assert (found.raw, found.value, (found.span.line, found.span.column)) == (raw, value, place)
    assert text.encode()[found.span.start : found.span.end].decode() == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[metadata]\nname = x",
        "[options]\nversion = 1",
        "[metadata]\nversion = attr: x.y",
        "[metadata]\nversion = file: V",
        "[metadata]\nversion =",
    ],
)
def test_finds_nothing_elsewhere(text):
    assert located(text) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("version = 1", 1),
        ("[a]\n[a]", 2),
        ("[metadata]\nversion=1\nversion=2", 3),
        ("[a]\nnonsense\n", 2),
        ("[metadata]\nversion = %(x)s", 1),
    ],
)
def test_says_what_is_wrong(text, line):
    with pytest.raises(UnreadableError) as error:
        located(text)
    assert error.value.problem.line == line
    assert "\n" not in error.value.problem.message


def test_a_very_long_run_of_blanks_takes_no_time_quadratic_in_it():
    with pytest.raises(UnreadableError) as error:
        located("[metadata]\nversion = 1.0\nx" + " " * 1_000_000 + "y = 1\n")
    assert "blanks" in error.value.problem.message
    assert located("[metadata]\nversion = 1.0\nx" + " " * 4_000 + "y = 1\n") is not None
    assert [option.name for option in cfg.scan("[a]\nx" + " " * 1_000_000 + "y\nz = 1")] == ["z"]
