"""JUnit reports: well-formed whatever is in them, and counted right."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from relengtools.findings import Finding, Location, Rule
from relengtools.output_junit import document

RULE = Rule("RV702", "release-disagreement", "s", "w", "e", "f")


def test_what_is_judged_passes_unless_something_is_found():
    text = document([Finding(RULE, "says <2>", Location("dist/a.whl"))], ["dist/a.whl", "dist/a.tar.gz"], ["gone"])
    suite = ElementTree.fromstring(text).find("testsuite")
    assert text.startswith("<?xml version='1.0' encoding='us-ascii'?>")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    passed, failed, error = suite
    assert (passed.get("name"), len(passed)) == ("dist/a.tar.gz", 0)
    assert failed.get("name") == "dist/a.whl: RV702 release-disagreement"
    assert (failed[0].tag, failed[0].get("type"), failed[0].get("message")) == ("failure", "RV702", "says <2>")
    assert failed[0].text == "dist/a.whl:1:1: says <2>"
    assert (error[0].tag, error[0].get("message")) == ("error", "gone")


def test_a_subject_names_its_test_and_what_has_no_answer_is_skipped():
    text = document(
        [Finding(RULE, "m", Location("a.db"), subject="num_fds")], [], [], [("a.db: rss_bytes", "too short")]
    )
    suite = ElementTree.fromstring(text)[0]
    failed, skipped = suite
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "1")
    assert (failed.get("name"), skipped.get("name")) == ("a.db: num_fds", "a.db: rss_bytes")
    assert (skipped[0].tag, skipped[0].get("message")) == ("skipped", "too short")


@given(st.text(), st.text(), st.text(), st.none() | st.text())
def test_every_text_is_well_formed(message, file, error, note):
    text = document([Finding(RULE, message, Location(file), note=note)], [error], [error])
    assert len(ElementTree.fromstring(text).findall(".//testcase")) == 2 + (error != file)
