"""`version:` of `project()` in meson.build."""

import re

from relengtools.versions.declaration import Declaration, Kind, Pointer
from relengtools.versions.locate.source import Source

# Comments, strings and brackets: what has to be told apart to find the arguments of a call. A word is taken whole,
# because trying each end of it again would take time quadratic in its length.
_TOKEN = re.compile(
    r"#[^\n]*|'''.*?'''|f?'(?:[^'\\\n]|\\.)*'|[()\[\]{},]|[A-Za-z_]\w*[ \t]*:(?!=)|\w+|[^\s]", re.DOTALL
)
_FILES = re.compile(r"files\(\s*'([^'\n]+)'\s*\)")
_CAT = re.compile(
    r"run_command\(\s*\[?\s*'cat'\s*,\s*(?:files\(\s*)?'([^'\n]+)'[\s)\]]*(?:,\s*check\s*:\s*\w+\s*)?\)"
    r"\s*\.stdout\(\)\s*\.strip\(\)"
)
_PROVIDERS = {"setuptools_scm": "setuptools-scm", "setuptools-scm": "setuptools-scm", "versioneer": "versioneer"}


def locate(source: Source) -> Declaration | Pointer | str | None:
    """The literal version, the name of the file that holds it, a pointer where it is computed, or None.

    Source: the reference of meson's `project()`.
    """
    call = re.search(r"^[ \t]*project\s*\(", source.text, re.MULTILINE)
    span = _argument(source.text, call.end(), "version") if call else None
    if call is None or span is None:
        return None
    start, end = span
    text = source.text[start:end].strip()
    start += len(source.text[start:end]) - len(source.text[start:end].lstrip())
    if literal := re.fullmatch(r"('{3}|')([^'\\\n]*)\1", text):
        first = start + len(literal[1])
        return source.declaration(Kind.MESON, first, first + len(literal[2]), literal[2])
    if named := _FILES.fullmatch(text) or _CAT.fullmatch(text):
        return named[1]
    provider = next((provider for word, provider in _PROVIDERS.items() if word in text), None)
    if provider is None and "git" in text and "describe" in text:
        provider = "git-describe"
    return Pointer(source.file, *source.position(start), "meson.build computes it", provider)


def _argument(text: str, at: int, name: str) -> tuple[int, int] | None:
    """The span of a keyword argument's value in the call whose parenthesis was opened before `at`."""
    depth, start = 1, -1
    for token in _TOKEN.finditer(text, at):
        found = token[0]
        if found in "([{":
            depth += 1
        elif found in ")]}":
            depth -= 1
        ends = depth == 0 or (found == "," and depth == 1)
        if ends and start >= 0:
            return start, token.start()
        if depth == 0:
            return None
        if depth == 1 and found[-1] == ":" and found[:-1].strip() == name:
            start = token.end()
    return None
