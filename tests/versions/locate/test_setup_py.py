from pathlib import Path

import pytest

from relengtools.versions.evaluate.interpreter import Interpreter
from relengtools.versions.locate import python, setup_py
from relengtools.versions.locate.source import UnreadableError

ROOT = Path("/nowhere")
IMPORT = "from setuptools import setup; import setuptools, distutils.core"


def read(data):
    run = Interpreter(ROOT, ROOT, lambda path, is_python: None)
    return setup_py.locate(python.decode("setup.py", ROOT / "setup.py", data), run)


def located(text, encoding="utf-8"):
    """What setup.py says; its first line imports `setup`."""
    return read(f"{IMPORT}\n{text}".encode(encoding))


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
        ("V = '1'\nV = '2'\nsetup(version=V)", "2", "2", 2),
        ("V = '1'\ndef f():\n    global V\n    V = '2'\nsetup(version=V)", "1", "1", 1),
        ("V = '1'\ndef f():\n    global V\n    V = '2'\nf()\nsetup(version=V)", "2", "2", 4),
        ("(V, W) = '12'\nsetup(version=V)", "1", "1", 1),
        ("for V in '12': pass\nsetup(version=V)", "2", "2", 1),
        ("from setuptools import setup as tell\ntell(version='1.0')", "1.0", "1.0", 2),
        ("from distutils.core import setup as tell\nif x:\n    tell(name='x', version='1.0')", "1.0", "1.0", 3),
    ],
)
def test_finds_the_literal(text, raw, value, line):
    for body in (text, text.replace("\n", "\r\n")):
        found = located(body).version
        assert found is not None
        assert (found.raw, found.value, found.span.line) == (raw, value, line + 1)
        assert f"{IMPORT}\n{body}".encode()[found.span.start : found.span.end].decode() == raw
        assert not found.computed


@pytest.mark.parametrize(
    ("text", "raw", "value"),
    [
        ("setup(version='1.' + '0')", "'1.' + '0'", "1.0"),
        ("x = 1\nsetup(version=f'{x}.0')", "f'{x}.0'", "1.0"),
        ("V = '1'\nV += 'x'\nsetup(version=V)", "V", "1x"),
        ("setup(version='.'.join(map(str, (1, 0))))", "'.'.join(map(str, (1, 0)))", "1.0"),
    ],
)
def test_what_is_put_together_has_a_value_but_no_text_to_replace(text, raw, value):
    found = located(text).version
    assert found is not None
    assert (found.raw, found.value, found.computed) == (raw, value, True)


def test_a_byte_order_mark_counts_as_bytes():
    data = "\ufefffrom setuptools import setup; setup(version='1.0')".encode()
    found = read(data).version
    assert found is not None
    assert data[found.span.start : found.span.end] == b"1.0"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("setup(version=f'{x}.0')", "can't be read"),
        ("setup(version=get_version())", "can't be read"),
        ("setup(version=V)", "can't be read"),
        ("if x:\n    V = '1'\nsetup(version=V)", "NameError"),
        ("from pkg import V\nsetup(version=V)", "pkg.V isn't known without running it"),
        ("V = '1'\nwith open(x) as V: pass\nsetup(version=V)", "NameError"),
        ("def main(V='1'):\n    pass\nsetup(version=V)", "can't be read"),
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
        ("import versioneer\nsetup(version=versioneer.get_version())", "versioneer"),
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
    text = f"# -*- coding: latin-1 -*-\n{IMPORT}; setup(author='é', version='1.0')\n"
    found = read(text.encode("latin-1")).version
    assert found is not None
    assert (found.span.line, found.span.column) == (2, 30 + len(IMPORT))
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
        read(data)
    assert error.value.problem.line >= 1
    assert "\n" not in error.value.problem.message


def test_numpy_distutils_may_have_it_in_its_configuration():
    found = located("from numpy.distutils.core import setup\nsetup(configuration=configuration)")
    assert found.pointer is not None
    assert "configuration" in found.pointer.reason
