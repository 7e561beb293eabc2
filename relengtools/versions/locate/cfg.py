"""setup.cfg: where an option's value is written; configparser, called as by setuptools, proves what is found."""

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from relengtools.versions.catalogue import SYNTAX
from relengtools.versions.declaration import Declaration, Kind, Problem
from relengtools.versions.locate.source import Source, UnreadableError

if TYPE_CHECKING:
    from configparser import ConfigParser


class Option(NamedTuple):
    """A section, the option's name as written, and the characters that its value spans, stripped."""

    section: str
    name: str
    start: int
    end: int


_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|$)")
_SECTION = re.compile(r"\s*\[(.+)\]")
_DELIMITER = re.compile("[=:]")
# configparser takes time quadratic in a run of blanks: so much of it is a tenth of a second.
_LONG_BLANK = re.compile(r"[^\S\r\n]{64,}")
_BEARABLE = 5_000**2
# And in the lines that it can't read.
_MOST_LINES = 20_000


def parse(source: Source) -> "ConfigParser":
    """The file as setuptools reads it: interpolation, but no inline comments; raises UnreadableError with the line."""
    from configparser import ConfigParser, Error

    parser = ConfigParser()
    if reason := too_much(source.text):
        raise UnreadableError(Problem(SYNTAX, source.file, f"no configuration file: {reason}"))
    try:
        parser.read_file(io.StringIO(source.text, newline=None))
    except Error as error:
        lines = getattr(error, "errors", None)
        line = getattr(error, "lineno", None) or (lines[0][0] if lines else 1)
        message = re.sub(
            r"^(While reading from |File contains |Source contains )?'?<\?\?\?>'?\s*(\[line +\d+\]:?)?\s*",
            "",
            str(error),
        )
        problem = Problem(SYNTAX, source.file, f"no configuration file: {' '.join(message.split())}", line)
        raise UnreadableError(problem) from error
    return parser


def too_much(text: str) -> str | None:
    """Why configparser would take minutes for a text, None where it doesn't."""
    if sum(len(blank) ** 2 for blank in _LONG_BLANK.findall(text)) > _BEARABLE:
        return "nobody writes so many blanks"
    return f"it has more than {_MOST_LINES} lines" if text.count("\n") > _MOST_LINES else None


def text(source: Source, parser: "ConfigParser", option: str) -> str:
    """An option of `[metadata]`, interpolated, "" without one; raises UnreadableError.

    It is stripped at its end alone: setuptools takes no `attr:` and `file:` on a line below the option's.
    """
    from configparser import InterpolationError

    try:
        value = parser.get("metadata", option, fallback="").rstrip()
        return value if value.lstrip().startswith(("attr:", "file:")) else value.strip()
    except InterpolationError as error:
        raise UnreadableError(Problem(SYNTAX, source.file, f"no configuration file: {error}")) from error


def package_dir(parser: "ConfigParser") -> dict[str, str]:
    """`package_dir` of `[options]`: which folder holds a package (an empty name: all of them).

    Source: setuptools/config/setupcfg.py, `_parse_dict`, and setuptools/dist.py for the hyphen.
    """
    text = _option(parser, "package_dir")
    pairs = (pair.partition("=") for pair in (text.splitlines() if "\n" in text else text.split(",")) if "=" in pair)
    return {name.strip(): folder.strip() for name, _, folder in pairs}


def _option(parser: "ConfigParser", name: str) -> str:
    """An option of `[options]`, "" without one."""
    written = name if parser.has_option("options", name) else name.replace("_", "-")
    return parser.get("options", written, fallback="", raw=True)


def searched(parser: "ConfigParser") -> tuple[str, ...]:
    """`where` of `[options.packages.find]`: the folder in which packages are to be found."""
    found = _option(parser, "packages").strip().startswith(("find:", "find_namespace:"))
    where = parser.get("options.packages.find", "where", fallback="", raw=True).strip()
    return (where,) if found and where else ()


def locate(source: Source, parser: "ConfigParser") -> Declaration | None:
    """`version` in `[metadata]`, or None where there is none or it points elsewhere (`attr:`, `file:`)."""
    value = text(source, parser, "version")
    if not value or value.startswith(("attr:", "file:")):
        return None
    for option in scan(source.text):
        if option.section == "metadata" and option.name.lower() == "version":
            raw = source.text[option.start : option.end]
            if raw.split() == parser.get("metadata", option.name, raw=True).split():
                return source.declaration(Kind.SETUP_CFG, option.start, option.end, value.strip())
    return None


def scan(text: str) -> Iterator[Option]:
    """Every option of a file that configparser takes, with the span of its value.

    Source: configparser's `_read`: a line indented deeper than its option continues it; a comment has its own line.
    """
    section, current, indent = "", None, 0
    for match in _LINE.finditer(text):
        line, start = match[1], match.start()
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        depth = len(line) - len(line.lstrip())
        if current is not None and depth > indent:
            begin = current.start if current.start < current.end else start + depth
            current = current._replace(start=begin, end=start + len(line.rstrip()))
            continue
        if current is not None:
            yield current
            current = None
        indent = depth
        if header := _SECTION.match(line):
            section = header[1]
        elif delimiter := _DELIMITER.search(line):
            value = line[delimiter.end() :]
            begin = start + len(line) - len(value.lstrip())
            current = Option(section, line[: delimiter.start()].strip(), begin, begin + len(value.strip()))
    if current is not None:
        yield current
