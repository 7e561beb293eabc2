from pathlib import Path

import pytest

from relengtools.versions.declaration import Declaration, Pointer
from relengtools.versions.locate import module, python


def located(text):
    return module.locate(python.decode("m.py", Path("m.py"), text.encode()))


@pytest.mark.parametrize(
    ("text", "value", "line"),
    [
        ("__version__ = '1.0'", "1.0", 1),
        ("__version__: str = '1.0'", "1.0", 1),
        ("__version__ = version = '1.0'", "1.0", 1),
        ("VERSION = '1.0'\n__version__ = VERSION", "1.0", 1),
        ("'''__version__ = \"0\"'''\n# __version__ = '0'\n__version__ = '1.0'", "1.0", 3),
        ("class A:\n    __version__ = '0'\ndef f():\n    __version__ = '0'\n__version__ = '1.0'", "1.0", 5),
        ("__version__: str\n__version__ = '1.0'", "1.0", 2),
    ],
)
def test_finds_the_literal(text, value, line):
    found = located(text)
    assert isinstance(found, Declaration)
    assert (found.value, found.span.line) == (value, line)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from importlib.metadata import version\n__version__ = version('x')", "installed metadata"),
        (
            "from pkg_resources import require as r\ntry:\n    __version__ = r('x')\nexcept E:\n    __version__ = '0'",
            "installed metadata",
        ),
        ("import importlib.metadata\n__version__ = importlib.metadata.version('x')", "installed metadata"),
        ("__version__ = pkg_resources.get_distribution('x').version", "installed metadata"),
        ("from ._version import __version__", "imported"),
        (
            "try:\n    from ._version import version as __version__\nexcept ImportError:\n    __version__ = '0.0.0'",
            "imported",
        ),
        ("__version__ = '.'.join(v)", "computed"),
        ("__version__ = (1, 0)", "computed"),
        ("if x:\n    __version__ = '1'\nelse:\n    __version__ = '2'", "bound 2 times"),
        ("if x:\n    __version__ = '1'", "under a condition"),
        ("__version__ = '1'\n__version__ += '.dev'", "bound 2 times"),
    ],
)
def test_a_pointer_is_no_declaration(text, reason):
    found = located(text)
    assert isinstance(found, Pointer)
    assert reason in found.reason


@pytest.mark.parametrize(
    "text", ["", "version = '1.0'", "print(__version__)", "x.__version__ = '1'", "__all__ = ['__version__']"]
)
def test_finds_nothing_elsewhere(text):
    assert located(text) is None
