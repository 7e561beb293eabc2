"""Findings as text for people and JSON for programs, and the pages of rules."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from relengtools.errors import printable
from relengtools.findings import Edit, Finding, Fix, Rule


def text(findings: Iterable[Finding]) -> str:
    """One block a finding: `file:line:column: CODE name: message`, the line with a caret, and the fix."""
    return "".join(_block(finding) for finding in findings)


def json_document(findings: Sequence[Finding], **summary: Any) -> str:
    """The document of `check --output-format json`, which `--baseline` reads again."""
    import json

    return json.dumps({"findings": [as_json(f) for f in findings], "summary": summarize(findings) | summary}, indent=2)


def summarize(findings: Sequence[Finding]) -> dict[str, Any]:
    """How many findings there are, by code and by kind of fix."""
    fixes = Counter("none" if f.fix is None else "safe" if f.fix.safe else "unsafe" for f in findings)
    return {
        "total": len(findings),
        "by_code": dict(sorted(Counter(f.rule.code for f in findings).items())),
        "fixable": {"safe": fixes["safe"], "unsafe": fixes["unsafe"]},
    }


def page(rule: Rule) -> str:
    """What `rules CODE` prints: code and name, what the rule finds, why that matters, its fix, an example."""
    import textwrap

    parts = (("Why", rule.why), ("Fix", rule.fix))
    off = "" if rule.default else f"\nOff unless selected: --select {rule.name}\n"
    text = "".join(
        f"\n{title}\n{textwrap.fill(body, 100, initial_indent='  ', subsequent_indent='  ')}\n" for title, body in parts
    )
    example = textwrap.indent(rule.example, "  ")
    return f"{rule.code} {rule.name}\n{rule.summary}\n{off}{text}\nExample\n{example}\n"


def as_json(finding: Finding) -> dict[str, Any]:
    """A finding with the keys of the design."""
    place = finding.location
    return {
        "code": finding.rule.code,
        "name": finding.rule.name,
        "message": finding.message,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "project": finding.project,
        "fix": None if finding.fix is None else _fix(finding.fix),
    }


def _fix(fix: Fix) -> Mapping[str, Any]:
    return {"safe": fix.safe, "edits": [edit(each) for each in fix.edits]}


def edit(given: Edit) -> Mapping[str, Any]:
    """An edit with the keys of the design."""
    return {"file": given.file, "line": given.line, "column": given.column, "old": given.old, "new": given.new}


def _block(finding: Finding) -> str:
    place, rule = finding.location, finding.rule
    lines = [
        f"{printable(place.file)}:{place.line}:{place.column}: {rule.code} {rule.name}: {printable(finding.message)}"
    ]
    if finding.source is not None:
        lines += _caret(finding.source, place.column, place.end_column if place.end_line == place.line else None)
    if finding.note:
        lines.append(f"  note: {printable(finding.note)}")
    if finding.fix is not None:
        kind = "--fix" if finding.fix.safe else "--fix --unsafe-fixes"
        lines += [f"  {kind}: {shown(edit)}{_elsewhere(edit, finding)}" for edit in finding.fix.edits]
    return "\n".join(lines) + "\n"


def shown(edit: Edit) -> str:
    """An edit for people."""
    old, new = printable(edit.old), printable(edit.new)
    return f"{old} -> {new}" if old and new else f"insert {new}" if new else f"remove {old}"


def _elsewhere(edit: Edit, finding: Finding) -> str:
    here = (edit.file, edit.line) == (finding.location.file, finding.location.line)
    return "" if here else f"  ({printable(edit.file)}:{edit.line}:{edit.column})"


def _caret(source: str, column: int, end_column: int | None) -> list[str]:
    """The source line and a line of carets under the span, cut to what a terminal holds."""
    before = printable(source[: column - 1].replace("\t", " "))
    under = printable(source[column - 1 : end_column and end_column - 1].rstrip("\r\n").replace("\t", " "))
    after = printable(source[end_column - 1 :].rstrip("\r\n").replace("\t", " ")) if end_column else ""
    skip = max(0, len(before) + len(under) - 100) if len(before) > 40 else 0
    shown = (before[skip:] + under + after)[:140].rstrip()
    return [f"  | {shown}", f"  | {' ' * len(before[skip:])}{'^' * max(1, min(len(under), 100))}"]
