"""What an archive made by `git archive` knows its version by, for setuptools-scm."""

import re

from relengtools.versions.discover import Place
from relengtools.versions.files import Files
from relengtools.versions.migrate import edits
from relengtools.versions.rewrite import Change

_TEXT = "describe-name: $Format:%(describe:tags=true,match=*[0-9]*)$\n"
_ATTRIBUTE = ".git_archival.txt  export-subst\n"


def changes(place: Place) -> list[Change]:
    """`.git_archival.txt` and the attribute that has `git archive` fill it in, where they aren't there."""
    found = []
    archival, attributes = Files(place).source(".git_archival.txt"), Files(place).source(".gitattributes")
    if archival is None:
        found.append(edits.made(place.root / ".git_archival.txt", _TEXT))
    elif "describe-name:" not in archival.text:
        found.append(edits.changed(archival, _with_line(archival.text, _TEXT)))
    if attributes is None:
        found.append(edits.made(place.root / ".gitattributes", _ATTRIBUTE))
    elif not re.search(r"^\.git_archival\.txt\s.*\bexport-subst\b", attributes.text, re.MULTILINE):
        found.append(edits.changed(attributes, _with_line(attributes.text, _ATTRIBUTE)))
    return found


def _with_line(text: str, line: str) -> str:
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}"
