"""SARIF as OASIS's own schema wants it, and what the schema can't say: columns, URIs, messages."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools import output_sarif
from relengtools.findings import Edit, Finding, Fix, Location, Rule
from relengtools.versions.catalogue import RULES

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-schema-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
SPELLING = next(rule for rule in RULES if rule.code == "RV102")


def document(*findings: Finding) -> dict:
    log = json.loads(output_sarif.document(findings, RULES))
    VALIDATOR.validate(log)
    return log


def result(finding: Finding) -> dict:
    (found,) = document(finding)["runs"][0]["results"]
    return found


def test_no_finding_is_a_valid_log_with_all_rules():
    (run,) = document()["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["results"] == []
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in RULES]
    assert [rule["defaultConfiguration"]["enabled"] for rule in rules] == [rule.default for rule in RULES]
    assert all("Why" in rule["help"]["text"] and "Example" in rule["help"]["text"] for rule in rules)


def test_a_result_has_rule_place_message_and_fix():
    edits = (Edit("a/ü.toml", 11, 15, 3, 12, "v1.0", "1.0"), Edit("b.py", 0, 4, 7, 2, "v1.\r\n0", "1.0"))
    found = result(Finding(SPELLING, "m", Location("a/ü.toml", 3, 12, 3, 16), fix=Fix(True, edits), note="n"))
    assert (found["ruleId"], RULES[found["ruleIndex"]], found["message"]) == ("RV102", SPELLING, {"text": "m (n)"})
    region = {"startLine": 3, "startColumn": 12, "endLine": 3, "endColumn": 16}
    place = {"artifactLocation": {"uri": "a/%C3%BC.toml"}, "region": region}
    assert found["locations"] == [{"physicalLocation": place}]
    assert found["fixes"] == [
        {
            "description": {"text": "means the same, provably"},
            "artifactChanges": [
                {
                    "artifactLocation": {"uri": "a/%C3%BC.toml"},
                    "replacements": [{"deletedRegion": region, "insertedContent": {"text": "1.0"}}],
                },
                {
                    "artifactLocation": {"uri": "b.py"},
                    "replacements": [
                        {
                            "deletedRegion": {"startLine": 7, "startColumn": 2, "endLine": 8, "endColumn": 2},
                            "insertedContent": {"text": "1.0"},
                        }
                    ],
                },
            ],
        }
    ]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("pyproject.toml", "pyproject.toml"),
        ("a b#c?/%.toml", "a%20b%23c%3F/%25.toml"),
        ("../x/setup.py", "../x/setup.py"),
        ("/abs/ü", "file:///abs/%C3%BC"),
        ("\udcff.py", "%FF.py"),
    ],
)
def test_a_path_is_a_uri(file, uri):
    assert result(Finding(SPELLING, "m", Location(file)))["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": uri
    }


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("plain", "plain"),
        ("{0} and {x}", "{{0}} and {{x}}"),
        ("foo[bar](>=1.0)", "foo[bar] (>=1.0)"),
        ("\x1b[31m", r"\x1b[31m"),
    ],
)
def test_a_message_holds_no_placeholder_link_or_control(message, text):
    assert result(Finding(SPELLING, message, Location("a")))["message"]["text"] == text


def test_a_rule_that_is_not_listed_has_no_index():
    other = Rule("X1", "x", "s", "w", "e", "f")
    found = result(Finding(other, "m", Location("a")))
    assert found["ruleId"] == "X1"
    assert "ruleIndex" not in found


NUMBERS = st.integers(1, 5)
LOCATIONS = st.builds(Location, st.text(), NUMBERS, NUMBERS, NUMBERS, NUMBERS)
EDITS = st.builds(Edit, st.text(), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.text(), st.text())
FIXES = st.builds(Fix, st.booleans(), st.lists(EDITS, min_size=1, max_size=3).map(tuple))


@given(st.builds(Finding, st.sampled_from(RULES), st.text(), LOCATIONS, st.text(), st.none() | FIXES))
def test_every_finding_is_valid_sarif(finding):
    region = result(finding)["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
