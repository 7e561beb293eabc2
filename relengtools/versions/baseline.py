"""What a legacy tree is known for: findings that `check --output-format json` wrote once, and needn't report again."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from relengtools.errors import RelengError, printable
from relengtools.findings import Finding
from relengtools.versions import git

# Code, file from the root of the file system, and message; the line may move.
Known = Counter[tuple[str, str, str]]
# In a message: it speaks of files as they are named from where the program runs.
_FOLDERS = re.compile(r"[^\s'\"`()]*/")


def read(name: str, data: bytes) -> Known:
    """The findings of the JSON in the file `name` (`-`: standard input).

    Files are named from the folder that it was written for. Raises RelengError where it isn't what `check` wrote.
    """
    import json

    try:
        document = json.loads(data)
        entries = [_texts(entry) for entry in document["findings"]]
        base = _base(name, {file for _, file, _ in entries})
        return Known(_key(code, base / file, message) for code, file, message in entries)
    except (ValueError, RecursionError, TypeError, KeyError):
        message = "no baseline: it has to be what `relengtools versions check --output-format json` writes"
        raise RelengError(f"{printable(name)}: {message}") from None


def unknown(findings: Iterable[Finding], known: Known) -> list[Finding]:
    """The findings that `known` doesn't hold; a finding that is there once excuses one."""
    left = Known(known)
    new = []
    for finding in findings:
        key = _key(finding.rule.code, finding.location.file, finding.message)
        if left[key]:
            left[key] -= 1
        else:
            new.append(finding)
    return new


def _base(name: str, files: Iterable[str]) -> Path:
    """The folder from which most of the files are there: the baseline's own, one above it in the tree, or this one."""
    here = Path.cwd()
    if name == "-":
        return here
    own = Path(os.path.realpath(name)).parent
    tree = git.work_tree(own)
    above = [folder for folder in own.parents if tree and folder.is_relative_to(tree)]
    return max((own, *above, here), key=lambda folder: sum((folder / file).exists() for file in files))


def _key(code: str, file: Path | str, message: str) -> tuple[str, str, str]:
    return code, os.path.realpath(file), _FOLDERS.sub("", message)


def _texts(entry: Any) -> tuple[str, str, str]:
    code, file, message = (entry[key] for key in ("code", "file", "message"))
    if not all(isinstance(part, str) for part in (code, file, message)):
        raise TypeError
    return code, file, message
