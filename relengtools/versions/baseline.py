"""What a legacy tree is known for: findings that `check --output-format json` wrote once, and needn't report again."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from relengtools.errors import RelengError, printable
from relengtools.findings import Finding

# Code, file and message; the line may move.
Known = Counter[tuple[str, str, str]]


def read(name: str, data: bytes) -> Known:
    """The findings of the JSON in the file `name`; raises RelengError where it isn't what `check` wrote."""
    import json

    try:
        document = json.loads(data)
        return Known(_key(entry) for entry in document["findings"])
    except (ValueError, RecursionError, TypeError, KeyError):
        message = "no baseline: it has to be what `relengtools versions check --output-format json` writes"
        raise RelengError(f"{printable(name)}: {message}") from None


def unknown(findings: Iterable[Finding], known: Known) -> list[Finding]:
    """The findings that `known` doesn't hold; a finding that is there once excuses one."""
    left = Known(known)
    new = []
    for finding in findings:
        key = (finding.rule.code, finding.location.file, finding.message)
        if left[key]:
            left[key] -= 1
        else:
            new.append(finding)
    return new


def _key(entry: Any) -> tuple[str, str, str]:
    code, file, message = (entry[key] for key in ("code", "file", "message"))
    if not all(isinstance(part, str) for part in (code, file, message)):
        raise TypeError
    return code, file, message
