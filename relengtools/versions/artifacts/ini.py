"""Files of the .ini kind, from an archive: read in time that grows no faster than they do."""

import configparser
import re

# configparser takes time quadratic in a run of blanks behind a word, and one says as much as many.
_BLANKS = re.compile(r"(?<=\S)[^\S\n]+")
# And in the lines that it can't read.
_MOST_LINES = 10_000


def read(parser: configparser.RawConfigParser, data: bytes) -> None:
    """Fill `parser`. Raises ValueError, configparser.Error."""
    if data.count(b"\n") > _MOST_LINES:
        raise ValueError(f"more than {_MOST_LINES} lines")
    parser.read_string(_BLANKS.sub(" ", data.decode()))
