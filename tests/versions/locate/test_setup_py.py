from pathlib import Path

import pytest

from relengtools.versions.locate import python, setup_py
from relengtools.versions.locate.source import UnreadableError

IMPORT = "from setuptools import setup\n"


def located(text, encoding="utf-8"):
    return setup_py.locate(python.decode("setup.py", Path("setup.py"), text.encode(encoding)))


@pytest.mark.parametrize(
    ("text", "raw", "value", "line"),
    [
        ("setup(version='1.0')", "1.0", "1.0", 1),
        ('import setuptools\nsetuptools.setup(\n    version="1.0",\n)', "1.0", "1.0", 3),
        ("import distutils.core\ndistutils.core.setup(version='1.0')", "1.0", "1.0", 2),
        ("V = '1.0'\nsetup(version=V)", "1.0", "1.0", 1),
        ("V: str = r'1.0'\nif __name__ == '__main__':\n    setup(version=V)", "1.0", "1.0", 1),
        ("def main():\n    v = u'1.0'\n    setup(version=v)\nmain()", "1.0", "1.0", 2),
        ("V = 1\ndef main():\n    V = '1.0'\n    setup(version=V)", "1.0", "1.0", 3),
        ("setup(version=('1.0'))", "1.0", "1.0", 1),
        ("setup(version='''1.0''', **more)", "1.0", "1.0", 1),
        ("setup(version='1\\x2e0')", "1\\x2e0", "1.0", 1),
        ("setup(version='1.' \"0\")", "'1.' \"0\"", "1.0", 1),
        ("'version=\"0\"'\n# version='0'\nx = {'version': '0'}\nsetup(version='1.0')", "1.0", "1.0", 4),
        ("é = '𝄞'; setup(description='ü', version='1.0')", "1.0", "1.0", 1),
    ],
)
def test_finds_the_literal(text, raw, value, line):
    for body in (text, text.replace("\n", "\r\n"), "\ufeff" + text):
        found = located(body).version
        assert found is not None
        assert (found.raw, found.value, found.span.line) == (raw, value, line)
        assert body.encode()[found.span.start : found.span.end].decode() == raw


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("setup(version=f'{x}.0')", "is computed"),
        ("setup(version='1.' + '0')", "is computed"),
        ("setup(version=get_version())", "is computed"),
        ("setup(version=(1, 0))", "is computed"),
        ("setup(version=b'1.0')", "is computed"),
        ("setup(version=V)", "not assigned here"),
        ("V = '1'\nV = '2'\nsetup(version=V)", "bound 2 times"),
        ("V = '1'\nV += 'x'\nsetup(version=V)", "bound 2 times"),
        ("if x:\n    V = '1'\nsetup(version=V)", "under a condition"),
        ("V = '1'\ndef f():\n    global V\n    V = '2'\nsetup(version=V)", "bound 2 times"),
        ("from pkg import V\nsetup(version=V)", "not bound by a plain assignment"),
        ("(V, W) = '12'\nsetup(version=V)", "not bound by a plain assignment"),
        ("for V in '12': pass\nsetup(version=V)", "under a condition"),
        ("V = '1'\nwith open(x) as V: pass\nsetup(version=V)", "bound 2 times"),
        ("V = '1'\ntry: pass\nexcept E as V: pass\nsetup(version=V)", "bound 2 times"),
        ("def main(V='1'):\n    setup(version=V)", "not assigned here"),
        ("setup(**kwargs)", "may be in the `**` arguments"),
        ("setup(version='1')\nsetup(version='2')", "more than once"),
    ],
)
def test_admits_what_it_cannot_tell(text, reason):
    found = located(text)
    assert found.version is None
    assert found.pointer is not None
    assert reason in found.pointer.reason


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("setup(use_scm_version=True)", "setuptools-scm"),
        ("setup(use_scm_version={'root': '..'})", "setuptools-scm"),
        ("setup(pbr=True)", "pbr"),
        ("setup(version=versioneer.get_version())", "versioneer"),
    ],
)
def test_names_the_provider(text, provider):
    pointer = located(text).pointer
    assert pointer is not None
    assert pointer.provider == provider


@pytest.mark.parametrize(
    "text",
    [
        "",
        "setup()",
        "setup(name='x')",
        "setup(use_scm_version=False)",
        "x = 'setup'",
        "a.b().setup(version='1')",
        "# setup",
    ],
)
def test_finds_no_version_elsewhere(text):
    found = located(text)
    assert (found.version, found.pointer) == (None, None)


def test_a_coding_cookie_is_honoured_to_the_byte():
    text = "# -*- coding: latin-1 -*-\nsetup(author='é', version='1.0')\n"
    found = located(text, "latin-1").version
    assert found is not None
    assert (found.span.line, found.span.column) == (2, 28)
    assert text.encode("latin-1")[found.span.start : found.span.end] == b"1.0"


@pytest.mark.parametrize(
    "data",
    [
        b"setup(version='\xff')",
        b"# coding: nonsense\nsetup()",
        b"setup(",
        b"print 'setup'",
        b"setup\0()",
        b"setup(" + b"(" * 5000,
    ],
)
def test_says_what_is_no_python(data):
    with pytest.raises(UnreadableError) as error:
        setup_py.locate(python.decode("setup.py", Path("setup.py"), data))
    assert error.value.problem.line >= 1
    assert "\n" not in error.value.problem.message
