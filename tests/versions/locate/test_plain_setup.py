"""A plain setup.py says the same to both readers; what isn't plain is left to the evaluation."""

from pathlib import Path

import pytest

from relengtools.versions.evaluate.interpreter import Interpreter
from relengtools.versions.locate import plain_setup, python, setup_py

ROOT = Path("/nowhere")
PLAIN = [
    "from setuptools import setup\nsetup(name='x', version='1.0')",
    "import setuptools\nsetuptools.setup(version='v1.0-rc1', name='x')",
    "import distutils.core\ndistutils.core.setup(version='1.0')",
    "from distutils.core import setup\nsetup(version='')",
    (
        "'''A docstring with version='2.0'.'''\nfrom setuptools import setup, find_packages\nimport os, io\n"
        "here = os.path.abspath(os.path.dirname(__file__))\n"
        "with io.open(os.path.join(here, 'README'), encoding='utf-8') as f:\n    text = f.read()\n"
        "setup(name='x', version='1.' '0', packages=find_packages('src'), package_dir={'': 'src'}, description=text)"
    ),
    "from setuptools import setup\nsetup(version='''1.0''', name=u'x', zip_safe=False)",
    "from setuptools import setup\nsetup(version='1\\x2e0', é='ü', url=undefined)",
]
PLAIN += [
    "from setuptools import setup\nsetup()",
    "import setuptools\nif __name__ == '__main__':\n    setuptools.setup(name='x', package_dir={'': 'src'})",
    "from setuptools import setup\nVERSION = '1.0'\nNAME = 'x'\nsetup(name=NAME, version=VERSION)",
    (
        "from setuptools import setup\nimport os\ndef read(name):\n    with open(os.path.join('.', name)) as f:\n"
        "        return f.read()\nV = '1.0'\nsetup(version=V, long_description=text('README'))"
    ).replace("read(name)", "text(name)"),
    "from setuptools import setup\nif __name__ == '__main__':\n    setup(name='x', version='1.0')",
]
OTHER = [
    "from setuptools import setup\nsetup(use_scm_version=True)",
    "from setuptools import setup\nsetup(version='1', pbr=True)",
    "from setuptools import setup\nsetup(configuration=x)",
    "from setuptools import setup\nV = '1'\nV = '2'\nsetup(version=V)",
    "from setuptools import setup\nwith open('V') as V:\n    x = V.read()\nsetup(version=V)",
    "from setuptools import setup\nV = open('V').read()\nsetup(version=V)",
    "from setuptools import setup\nV = '1'\ndef f():\n    global V\n    V = '2'\nf()\nsetup(version=V)",
    "from setuptools import setup\n@f\ndef g(): pass\nsetup(version='1')",
    "from setuptools import setup\ndef setup(**k): pass\nsetup(version='1')",
    "from setuptools import setup\ndef open(name): return exit()\nx = open('')\nsetup(version='1')",
    "from setuptools import setup\ndef f(): exit()\nx = f()\nsetup(version='1')",
    "from setuptools import setup\ndef f(): raise SystemExit\nx = f()\nsetup(version='1')",
    "from setuptools import setup\nif __name__ == '__main__':\n    setup(version='1')\nelse:\n    setup(version='2')",
    "from setuptools import setup\nif x:\n    setup(version='1')",
    "setup(version='1.0')",
    "from setuptools import setup\nsetup(version=V)",
    "from setuptools import setup\nsetup(version='1.0', **more)",
    "from setuptools import setup\nsetup('x', version='1.0')",
    "from setuptools import setup\nsetup(version='1.0', name=NAME)",
    "from setuptools import setup\nsetup(version='1.0', package_dir=where)",
    "from setuptools import setup\nsetup(version='1.0')\nsetup(version='2.0')",
    "from setuptools import setup\nimport pkg\nsetup(version='1.0')",
    "from setuptools import setup\nfrom .pkg import setup\nsetup(version='1.0')",
    "from setuptools import setup\nfrom pkg import *\nsetup(version='1.0')",
    "from setuptools import setup as other\nsetup(version='1.0')",
    "from setuptools import other as setup\nsetup(version='1.0')",
    "from setuptools import setup\nfrom distutils.core import setup\nsetup(version='1.0')",
    "from setuptools import setup\nsetup = other\nsetup(version='1.0')",
    "from setuptools import setup\nif x:\n    setup = other\nsetup(version='1.0')",
    "from setuptools import setup\nimport sys\nsys.exit()\nsetup(version='1.0')",
    "from setuptools import setup\nx = exec('setup = 1')\nsetup(version='1.0')",
    "from setuptools import setup\nx = (setup := other)\nsetup(version='1.0')",
    "from setuptools import setup\nsetup(version='1.0', cmdclass=classes())",
    "from setuptools import setup\ntext = [setup for setup in '12']\nsetup(version='1.0', x=patched())",
    "from setuptools import setup\nsetup(version=b'1.0')",
    "from setuptools import setup\nsetup(version=1.0)",
    "from setuptools import setup\nsetup(version=None)",
    "import setuptools as tools\ntools.setup(version='1.0')",
    "import setuptools\nsetuptools.setup(version='1.0').run()",
    "from setuptools import setup\nx.setup(version='1.0')",
    "import os",
    "",
]


def source(text):
    return python.decode("setup.py", ROOT / "setup.py", text.encode())


@pytest.mark.parametrize("text", PLAIN)
def test_both_readers_say_the_same(text):
    for body in (text, text.replace("\n", "\r\n"), "\ufeff" + text):
        found = plain_setup.locate(source(body))
        assert found is not None
        assert found == setup_py.locate(source(body), Interpreter(ROOT, ROOT, lambda path, is_python: None))


@pytest.mark.parametrize("text", OTHER)
def test_what_is_not_plain_is_evaluated(text):
    assert plain_setup.locate(source(text)) is None
