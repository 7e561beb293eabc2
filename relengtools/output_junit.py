"""Findings as a JUnit report, which most CI servers show as tests."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from relengtools.errors import printable
from relengtools.findings import Finding

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SUITE = "relengtools"


def document(
    findings: Sequence[Finding],
    judged: Iterable[str],
    errors: Sequence[str] = (),
    skipped: Sequence[tuple[str, str]] = (),
) -> str:
    """One suite: a test for each of `judged` that nothing is said of, a failed one a finding, an error for the rest.

    `errors` are what could not be judged, `skipped` what has no answer, each with the reason. Source: the schema of
    Jenkins' xunit plugin, junit-10.xsd.
    """
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    found = {finding.location.file for finding in findings}
    passed = [name for name in dict.fromkeys(judged) if name not in found]
    tests = len(passed) + len(findings) + len(errors) + len(skipped)
    counts = {"tests": tests, "failures": len(findings), "errors": len(errors)}
    numbers = {name: str(count) for name, count in counts.items()}
    root = Element("testsuites", numbers)
    suite = SubElement(root, "testsuite", {"name": _SUITE, **numbers, "skipped": str(len(skipped))})
    unanswered = ((name, Element("skipped", {"message": printable(reason)})) for name, reason in skipped)
    for name, result in (*((name, None) for name in passed), *map(_failed, findings), *unanswered, *_errors(errors)):
        case = SubElement(suite, "testcase", {"classname": _SUITE, "name": printable(name)})
        case.extend([result] if result is not None else [])
    indent(root)
    data: bytes = tostring(root, encoding="us-ascii", xml_declaration=True)
    return data.decode()


def _failed(finding: Finding) -> tuple[str, "Element"]:
    from xml.etree.ElementTree import Element

    place, rule = finding.location, finding.rule
    failure = Element("failure", {"type": rule.code, "message": printable(finding.message)})
    failure.text = f"{printable(place.file)}:{place.line}:{place.column}: {printable(finding.note or finding.message)}"
    return f"{place.file}: {finding.subject or f'{rule.code} {rule.name}'}", failure


def _errors(errors: Iterable[str]) -> Iterator[tuple[str, "Element"]]:
    from xml.etree.ElementTree import Element

    for error in errors:
        yield "not judged", Element("error", {"type": "error", "message": printable(error)})
