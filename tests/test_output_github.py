"""Workflow commands: one line a finding, whatever is in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools.findings import Finding, Location, Rule
from relengtools.output_github import annotations

RULE = Rule("RV102", "version-spelling", "s", "w", "e", "f")
TITLE = "title=RV102 version-spelling"


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (
            Finding(RULE, "'v1' is spelt '1': 100 %", Location("a/b.toml", 3, 12, 3, 14)),
            f"::error file=a/b.toml,line=3,endLine=3,col=12,endColumn=14,{TITLE}::'v1' is spelt '1': 100 %25",
        ),
        (
            Finding(RULE, "m", Location("a,b:c%.py", 3, 12, 5, 2), note="n"),
            f"::error file=a%2Cb%3Ac%25.py,line=3,endLine=5,{TITLE}::m (n)",
        ),
        (
            Finding(RULE, "a\nb\r\x1b", Location("x")),
            rf"::error file=x,line=1,endLine=1,col=1,endColumn=1,{TITLE}::a\nb\r\x1b",
        ),
    ],
)
def test_an_annotation(finding, line):
    assert annotations([finding]) == f"{line}\n"


@given(st.text(), st.text(), st.none() | st.text())
def test_one_finding_is_one_command_whose_properties_end_where_they_should(message, file, note):
    text = annotations([Finding(RULE, message, Location(file), note=note)])
    assert text.count("\n") == 1
    assert re.fullmatch(r"::error file=[^,:]*,line=1,endLine=1,col=1,endColumn=1,title=[^,:]*::[^\r\n]*\n", text)
