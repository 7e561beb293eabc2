import json

from relengtools import output
from relengtools.findings import Edit, Finding, Fix, Location, Rule

RULE = Rule("RV102", "version-spelling", "s", "w", "e", "f")


def finding(source, column, end_column, **more):
    return Finding(RULE, "m", Location("a.toml", 3, column, 3, end_column), source=source, **more)


def test_a_block_has_place_message_caret_note_and_fix():
    edits = (Edit("a.toml", 11, 15, 3, 12, "v1.0", "1.0"), Edit("b.py", 0, 4, 7, 2, "v1.0", "1.0"))
    text = output.text([finding('version = "v1.0"  # ü', 12, 16, fix=Fix(True, edits), note="n")])
    assert text == (
        "a.toml:3:12: RV102 version-spelling: m\n"
        '  | version = "v1.0"  # ü\n'
        "  |            ^^^^\n"
        "  note: n\n"
        "  --fix: v1.0 -> 1.0\n"
        "  --fix: v1.0 -> 1.0  (b.py:7:2)\n"
    )


def test_the_caret_stands_below_in_spite_of_tabs_controls_and_long_lines():
    for source, column in (("\tx = '1'", 7), ("\x1b[31m'1'", 7), ("x" * 500 + "'1'", 502), ("1", 1)):
        shown, carets = (line[4:] for line in output.text([finding(source, column, column + 1)]).splitlines()[1:3])
        assert shown[carets.index("^")] == "1"
        assert carets.count("^") == 1
        assert "\x1b" not in shown
        assert len(shown) <= 140


def test_an_empty_span_and_one_of_several_lines_still_get_a_caret():
    assert output.text([finding("", 1, 1)]).splitlines()[2] == "  | ^"
    several = Finding(RULE, "m", Location("a", 1, 5, 4, 2), source="x = '1.'")
    assert output.text([several]).splitlines()[2].strip() == "|     ^^^^"


def test_nothing_in_a_finding_reaches_the_terminal_unescaped():
    bad = "a\x1b\u202e\n"
    edit = Edit(bad, 0, 1, 9, 1, bad, bad)
    text = output.text([Finding(RULE, bad, Location(bad), source=bad, note=bad, fix=Fix(False, (edit,)))])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "--fix --unsafe-fixes" in text


def test_json_counts_and_takes_more_for_the_summary():
    edit = Edit("a", 0, 1, 1, 1, "x", "y")
    findings = [
        finding(None, 1, 2),
        finding(None, 1, 2, fix=Fix(True, (edit,))),
        finding(None, 1, 2, fix=Fix(False, (edit,))),
    ]
    document = json.loads(output.json_document(findings, projects=7))
    assert document["summary"] == {
        "total": 3,
        "by_code": {"RV102": 3},
        "fixable": {"safe": 1, "unsafe": 1},
        "projects": 7,
    }
    assert document["findings"][0]["fix"] is None
    assert document["findings"][1]["fix"] == {
        "safe": True,
        "edits": [{"file": "a", "line": 1, "column": 1, "old": "x", "new": "y"}],
    }
