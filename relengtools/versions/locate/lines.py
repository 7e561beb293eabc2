"""Files in which a version stands on a line of its own: one pattern a kind."""

import re
from typing import NamedTuple

from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.locate.source import Source
from relengtools.versions.names import normalized

_VALUE = r"""(?P<quote>["']?)(?P<version>[^\s"'#${}]+)(?P=quote)"""


class Form(NamedTuple):
    """How a file declares: `pattern`, by lines, finds the version (group `version` or `plain`) and what is around it.

    It is compiled where it is used: a start-up has no time for all of them.
    """

    kind: Kind
    pattern: str


PKG_INFO = Form(Kind.PKG_INFO, r"\A(?:[^\n]+\n)*?Version:[ \t]*(?P<version>\S+)[ \t]*\r?$")
CITATION = Form(Kind.CITATION, rf"^version:[ \t]*{_VALUE}[ \t]*(?:#.*)?\r?$")
CONDA = Form(
    Kind.CONDA,
    r"""^\{%-?\s*set\s+version\s*=\s*["'](?P<version>[^"'{}\s]+)["']\s*-?%\}"""
    r"""|^package:[ \t]*\r?\n(?:[ \t][^\n]*\n|\r?\n)*?[ \t]+version:[ \t]*["']?(?P<plain>[^\s"'#{}]+)["']?""",
)
PKGVER = r"""^pkgver=["']?(?P<version>[^\s"'#$(){}]+)["']?[ \t]*(?:#.*)?\r?$"""
APKBUILD = Form(Kind.APKBUILD, PKGVER)
PKGBUILD = Form(Kind.PKGBUILD, PKGVER)
DEBIAN = Form(Kind.DEBIAN, r"\A\s*[A-Za-z0-9][A-Za-z0-9.+-]* \((?P<version>[^()\s]+)\)")
RPM = Form(Kind.RPM, r"^Version:[ \t]*(?P<version>[^\s%]+)[ \t]*\r?$")
DOCKERFILE = Form(
    Kind.DOCKERFILE, r"""^(?i:LABEL)\b[^#\n]*\borg\.opencontainers\.image\.version=["']?(?P<version>[^\s"'$]+)"""
)


def locate(source: Source, form: Form) -> Declaration | None:
    """The version that a file of this form declares, None where there is none or it is computed."""
    match = re.search(form.pattern, source.text, re.MULTILINE)
    if match is None:
        return None
    group = next(name for name in ("version", "plain") if match.groupdict().get(name) is not None)
    start, end = match.span(group)
    return source.declaration(form.kind, start, end, match[group])


def package_json(source: Source) -> Declaration | None:
    """`version` at the top of package.json; json itself says which of the texts that look like it is the one."""
    import json

    try:
        document = json.loads(source.text)
    except (ValueError, RecursionError):
        return None
    value = document.get("version") if isinstance(document, dict) else None
    if not isinstance(value, str) or not value:
        return None
    depth = 0
    for token in re.finditer(r'"((?:[^"\\]|\\.)*+)"|[][{}]', source.text):
        depth += (token[0] in "{[") - (token[0] in "}]")
        if depth == 1 and token[1] == "version":
            match = re.compile(r'\s*:\s*"([^"\\\n]+)"').match(source.text, token.end())
            if match and match[1] == value:
                return source.declaration(Kind.PACKAGE_JSON, *match.span(1), value)
    return None


def uv_lock(source: Source, name: str, below: str) -> Declaration | None:
    """The entry of the project called `name` in uv.lock; `below` is where it is, from the lock's folder (`.` at it).

    uv writes the file itself, key by key in this order; an entry from an index is another project of the same name.
    """
    wanted = normalized(name)
    pattern = re.compile(
        rf'^\[\[package\]\]\r?\nname = "{re.escape(wanted)}"\r?\nversion = "([^"\n]+)"\r?\n'
        rf'source = \{{ (?:editable|virtual|directory) = "{re.escape(below)}" \}}',
        re.MULTILINE,
    )
    match = pattern.search(source.text)
    return None if match is None else source.declaration(Kind.UV_LOCK, *match.span(1), match[1])
