"""Findings as workflow commands, which GitHub shows beside the lines of a pull request."""

import os
from collections.abc import Iterable

from relengtools.errors import printable
from relengtools.findings import Finding

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


def annotations(findings: Iterable[Finding], errors: Iterable[str] = ()) -> str:
    """One `::error …::message` line a finding; columns only where the span is of one line, as GitHub wants it.

    `errors` are what could not be judged.

    Source: "Workflow commands for GitHub Actions", and the escapes of its toolkit (@actions/core, command.ts).
    """
    told = (f"::error::{_escaped(printable(error), _DATA)}\n" for error in errors)
    return "".join([*map(_annotation, findings), *told])


def _annotation(finding: Finding) -> str:
    place = finding.location
    properties = {
        "file": _in_repository(place.file),
        "line": str(place.line),
        "endLine": str(max(place.line, place.end_line)),
    }
    if place.end_line <= place.line:
        properties |= {"col": str(place.column), "endColumn": str(max(place.column, place.end_column))}
    properties["title"] = f"{finding.rule.code} {finding.rule.name}"
    said = ",".join(f"{name}={_escaped(printable(value), _PROPERTY)}" for name, value in properties.items())
    text = finding.message if finding.note is None else f"{finding.message} ({finding.note})"
    return f"::error {said}::{_escaped(printable(text), _DATA)}\n"


def _in_repository(file: str) -> str:
    """A file as GitHub names it: from the root of the checkout, wherever the step runs. Source: GITHUB_WORKSPACE."""
    root = os.environ.get("GITHUB_WORKSPACE")
    if not root or "\0" in file:
        return file
    relative = os.path.relpath(os.path.realpath(file), os.path.realpath(root))
    return file if relative.startswith("..") else relative


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
