"""Findings as SARIF 2.1.0, with the rules' pages and the fixes."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from relengtools import __version__
from relengtools.errors import printable
from relengtools.findings import Edit, Finding, Fix, Location, Rule
from relengtools.output import page

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NEWLINE = re.compile(r"\r\n|\r|\n")


def document(findings: Sequence[Finding], rules: Sequence[Rule], errors: Sequence[str] = ()) -> str:
    """One run with all `rules` and a result a finding; columns count code points, paths are relative URIs.

    `errors` are what could not be judged. Source: SARIF 2.1.0 (OASIS), sections 3.14 (run), 3.20 (invocation),
    3.27 (result), 3.30 (region), 3.33 (logical location), 3.55 (fix).
    """
    # A finding's rule need not be listed: then its result has no index.
    index = {rule.code: number for number, rule in enumerate(rules)}
    driver = {"name": "relengtools", "version": __version__, "rules": [_rule(rule) for rule in rules]}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index.get(finding.rule.code)) for finding in findings],
    }
    if errors:
        told = [{"level": "error", "message": {"text": _plain(error)}} for error in errors]
        run["invocations"] = [{"executionSuccessful": False, "toolExecutionNotifications": told}]
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": _plain(rule.summary)},
        "fullDescription": {"text": _plain(rule.why)},
        "help": {"text": _plain(page(rule))},
        "defaultConfiguration": {"enabled": rule.default, "level": "error"},
    }


def _result(finding: Finding, index: int | None) -> dict[str, Any]:
    text = finding.message if finding.note is None else f"{finding.message} ({finding.note})"
    place = {"artifactLocation": _artifact(finding.location.file), "region": _region(finding.location)}
    inside = {} if finding.subject is None else {"logicalLocations": [{"name": printable(finding.subject)}]}
    result: dict[str, Any] = {"ruleId": finding.rule.code, "level": "error", "message": {"text": _plain(text)}}
    if index is not None:
        result["ruleIndex"] = index
    result["locations"] = [{"physicalLocation": place, **inside}]
    if finding.fix is not None:
        result["fixes"] = [_fix(finding.fix)]
    return result


def _fix(fix: Fix) -> dict[str, Any]:
    files = dict.fromkeys(edit.file for edit in fix.edits)
    description = "means the same, provably" if fix.safe else "changes what the text means, or can't be proved not to"
    return {
        "description": {"text": description},
        "artifactChanges": [_change(file, (edit for edit in fix.edits if edit.file == file)) for file in files],
    }


def _change(file: str, edits: Iterable[Edit]) -> dict[str, Any]:
    replacements = [{"deletedRegion": _region(_span(edit)), "insertedContent": {"text": edit.new}} for edit in edits]
    return {"artifactLocation": _artifact(file), "replacements": replacements}


def _span(edit: Edit) -> Location:
    """Where the old text of an edit ends."""
    *earlier, last = _NEWLINE.split(edit.old)
    column = len(last) + (1 if earlier else edit.column)
    return Location(edit.file, edit.line, edit.column, edit.line + len(earlier), column)


def _region(place: Location) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": max(place.line, place.end_line),
        "endColumn": max(place.end_column, place.column if place.end_line <= place.line else 1),
    }


def _artifact(file: str) -> dict[str, str]:
    uri = Path(file).as_uri() if Path(file).is_absolute() else quote(os.fsencode(file))
    return {"uri": uri}


def _plain(text: str) -> str:
    """A plain text message: braces are doubled, and what looks like an embedded link is none (section 3.11)."""
    lines = (printable(line) for line in text.split("\n"))
    return "\n".join(lines).replace("{", "{{").replace("}", "}}").replace("](", "] (")
