"""Files of the .ini kind, from an archive."""

import configparser

from relengtools.versions.locate import cfg


def read(parser: configparser.RawConfigParser, data: bytes) -> None:
    """Fill `parser`. Raises ValueError, configparser.Error."""
    text = data.decode()
    if reason := cfg.too_much(text):
        raise ValueError(reason)
    parser.read_string(text)
