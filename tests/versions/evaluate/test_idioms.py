"""How projects get at their version, idiom by idiom: what is read, where it stands, and what isn't claimed."""

import pytest
from versions.evaluate.reading import project

HEAD = (
    "from setuptools import setup\nimport os, re, io, codecs, sys\nhere = os.path.abspath(os.path.dirname(__file__))\n"
)
INIT = '"""A package."""\n__version__ = "1.2.3"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
DYNAMIC = '[project]\nname = "pkg"\ndynamic = ["version"]\n'


def backend(name, requires=None):
    return f'[build-system]\nrequires = ["{requires or name}"]\nbuild-backend = "{name}"\n' + DYNAMIC


def setup(text, version="version", **files):
    return {"setup.py": f"{HEAD}{text}\nsetup(name='pkg', version={version})\n", "pkg/__init__.py": INIT} | files


READ = {
    # setup.py: the file and the text of the span
    "literal": (setup("", "'1.2.3'"), "setup.py", "1.2.3"),
    "name": (setup("version = '1.2.3'"), "setup.py", "1.2.3"),
    "assigned twice": (setup("version = '0'\nversion = '1.2.3'"), "setup.py", "1.2.3"),
    "f-string of one name": (setup("v = '1.2.3'", "f'{v}'"), "setup.py", "1.2.3"),
    "environment with a default": (setup("", "os.environ.get('V', '1.2.3')"), "setup.py", "1.2.3"),
    "environment or": (setup("", "os.getenv('V') or '1.2.3'"), "setup.py", "1.2.3"),
    "regex over the package": (
        setup(
            "text = open(os.path.join(here, 'pkg', '__init__.py')).read()\n"
            "version = re.search(r'''^__version__ = ['\"]([^'\"]*)['\"]''', text, re.M).group(1)"
        ),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "find_version": (
        setup(
            "def read(*parts):\n    with codecs.open(os.path.join(here, *parts), 'r', 'utf-8') as f:\n"
            "        return f.read()\n"
            "def find_version(*parts):\n"
            '    m = re.search(r"^__version__ = [\'\\"]([^\'\\"]*)[\'\\"]", read(*parts), re.M)\n'
            "    if m:\n        return m.group(1)\n    raise RuntimeError('no version')\n",
            "find_version('pkg', '__init__.py')",
        ),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "line scan": (
        setup(
            "with open('pkg/__init__.py') as f:\n    for line in f:\n        if line.startswith('__version__'):\n"
            "            version = line.split('=')[1].strip().strip('\"')\n            break\n"
        ),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "next of a generator": (
        setup("version = next(l for l in open('pkg/__init__.py') if '__version__' in l).split('\"')[1]"),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "exec into a dictionary": (
        setup("about = {}\nwith open('pkg/__init__.py') as f:\n    exec(f.read(), about)", "about['__version__']"),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "exec into the module": (setup("exec(open('pkg/__init__.py').read())", "__version__"), "pkg/__init__.py", "1.2.3"),
    "exec of compile": (
        setup("ns = {}\nexec(compile(open('pkg/__init__.py').read(), 'x', 'exec'), ns)", "ns['__version__']"),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "runpy": (setup("import runpy", "runpy.run_path('pkg/__init__.py')['__version__']"), "pkg/__init__.py", "1.2.3"),
    "import of the package": (setup("import pkg", "pkg.__version__"), "pkg/__init__.py", "1.2.3"),
    "from the package": (setup("from pkg import __version__ as v", "v"), "pkg/__init__.py", "1.2.3"),
    "re-exported": (
        setup("import pkg", "pkg.__version__")
        | {
            "pkg/__init__.py": "from .about import *\nfrom .about import __version__\n",
            "pkg/about.py": "__version__ = '1.2.3'\n",
        },
        "pkg/about.py",
        "1.2.3",
    ),
    "importlib by path": (
        setup(
            "import importlib.util as u\nspec = u.spec_from_file_location('v', 'pkg/__init__.py')\n"
            "m = u.module_from_spec(spec)\nspec.loader.exec_module(m)",
            "m.__version__",
        ),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "imp": (setup("import imp", "imp.load_source('v', 'pkg/__init__.py').__version__"), "pkg/__init__.py", "1.2.3"),
    "SourceFileLoader": (
        setup(
            "from importlib.machinery import SourceFileLoader",
            "SourceFileLoader('v', 'pkg/__init__.py').load_module().__version__",
        ),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "literal_eval": (
        setup(
            "import ast\ntext = open('pkg/__init__.py', 'rb').read().decode('utf-8')\n"
            "version = str(ast.literal_eval(re.compile(r'__version__\\s+=\\s+(.*)').search(text).group(1)))"
        ),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "syntax tree": (
        setup(
            "import ast\nfor node in ast.parse(open('pkg/__init__.py').read()).body:\n"
            "    if isinstance(node, ast.Assign) and node.targets[0].id == '__version__':\n"
            "        version = node.value.s\n"
        ),
        "pkg/__init__.py",
        "1.2.3",
    ),
    "text file": (setup("", "open('VERSION').read().strip()", VERSION="1.2.3\n"), "VERSION", "1.2.3"),
    "pathlib": (
        setup("from pathlib import Path", "(Path(__file__).parent / 'VERSION').read_text().strip()", VERSION="1.2.3\n"),
        "VERSION",
        "1.2.3",
    ),
    "json": (
        setup("import json", "json.load(open('meta.json'))['version']", **{"meta.json": '{"version": "1.2.3"}'}),
        "meta.json",
        "1.2.3",
    ),
    "configparser": (
        setup(
            "import configparser\nc = configparser.ConfigParser()\nc.read('meta.ini')",
            "c.get('a', 'v')",
            **{"meta.ini": "[a]\nv = 1.2.3\n"},
        ),
        "meta.ini",
        "1.2.3",
    ),
    "keywords": (
        {
            "setup.py": HEAD + "args = dict(name='pkg', version='1.2.3')\nif sys.platform == 'win32':\n"
            "    args['zip_safe'] = False\nsetup(**args)\n"
        },
        "setup.py",
        "1.2.3",
    ),
    "inside a function": (
        {
            "setup.py": HEAD + "def main():\n    if len(sys.argv) > 2 and sys.argv[1] == 'clean':\n        return\n"
            "    v = '1.2.3'\n    setup(name='pkg', version=v)\nif __name__ == '__main__':\n    main()\n"
        },
        "setup.py",
        "1.2.3",
    ),
    # put together: the span is what gives it
    "tuple joined": (setup("V = (1, 2, 3)", "'.'.join(map(str, V))"), "setup.py", "'.'.join(map(str, V))"),
    "generator joined": (
        setup("V = [1, 2, 3]\nversion = '.'.join(str(n) for n in V)"),
        "setup.py",
        "'.'.join(str(n) for n in V)",
    ),
    "percent": (setup("version = '%d.%d.%d' % (1, 2, 3)"), "setup.py", "'%d.%d.%d' % (1, 2, 3)"),
    "f-string": (setup("a = 1\nversion = f'{a}.2.{a + 2}'"), "setup.py", "f'{a}.2.{a + 2}'"),
    # backends
    "attr of a tuple": (
        {
            "pyproject.toml": SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion = {attr = "pkg.V"}\n',
            "src/pkg/__init__.py": "V = (1, 2, 3)\n",
        },
        "src/pkg/__init__.py",
        "(1, 2, 3)",
    ),
    "attr in package_dir": (
        {
            "setup.cfg": "[metadata]\nname = pkg\nversion = attr: pkg.about.__version__\n"
            "[options]\npackage_dir =\n    = lib/py\n",
            "lib/py/pkg/__init__.py": "",
            "lib/py/pkg/about.py": "__version__ = '1.2.3'\n",
        },
        "lib/py/pkg/about.py",
        "1.2.3",
    ),
    "hatch path": (
        {
            "pyproject.toml": backend("hatchling.build", "hatchling") + '[tool.hatch.version]\npath = "pkg/a.py"\n',
            "pkg/a.py": "VERSION = 'v1.2.3'\n",
        },
        "pkg/a.py",
        "1.2.3",
    ),
    "hatch pattern": (
        {
            "pyproject.toml": backend("hatchling.build", "hatchling")
            + "[tool.hatch.version]\npath = 'a.h'\npattern = '#define V \"(?P<version>[^\"]+)\"'\n",
            "a.h": '#define V "1.2.3"\r\n',
        },
        "a.h",
        "1.2.3",
    ),
    "hatch code": (
        {
            "pyproject.toml": backend("hatchling.build", "hatchling")
            + '[tool.hatch.version]\nsource = "code"\npath = "pkg/a.py"\nexpression = "get()"\n',
            "pkg/a.py": "def get():\n    return '1.2.3'\n",
        },
        "pkg/a.py",
        "1.2.3",
    ),
    "hatch nodejs": (
        {
            "pyproject.toml": backend("hatchling.build", "hatchling") + '[tool.hatch.version]\nsource = "nodejs"\n',
            "package.json": '{"name": "x", "dependencies": {"version": "9"}, "version": "1.2.3"}\n',
        },
        "package.json",
        "1.2.3",
    ),
    "pdm file": (
        {
            "pyproject.toml": backend("pdm.backend") + '[tool.pdm.version]\nsource = "file"\npath = "pkg/a.py"\n',
            "pkg/a.py": "__version__ = '1.2.3'  # now\n",
        },
        "pkg/a.py",
        "1.2.3",
    ),
    "pdm call": (
        {
            "pyproject.toml": backend("pdm.backend") + '[tool.pdm.version]\nsource = "call"\ngetter = "pkg.a:get"\n',
            "pkg/a.py": "def get():\n    return '1.2.3'\n",
            "pkg/__init__.py": "",
        },
        "pkg/a.py",
        "1.2.3",
    ),
    "flit": (
        {"pyproject.toml": backend("flit_core.buildapi", "flit_core"), "pkg/__init__.py": INIT},
        "pkg/__init__.py",
        "1.2.3",
    ),
    "maturin": (
        {"pyproject.toml": backend("maturin"), "Cargo.toml": '[package]\nname = "pkg"\nversion = "1.2.3"\n'},
        "Cargo.toml",
        "1.2.3",
    ),
    "maturin workspace": (
        {
            "pyproject.toml": backend("maturin"),
            "Cargo.toml": '[package]\nname = "pkg"\nversion.workspace = true\n[workspace.package]\nversion = "1.2.3"\n',
        },
        "Cargo.toml",
        "1.2.3",
    ),
    "meson": (
        {
            "pyproject.toml": backend("mesonpy", "meson-python"),
            "meson.build": "# project('no', version: '0')\n"
            "project('pkg', 'c',\n  version: '1.2.3',\n  meson_version: '>= 1')\n",
        },
        "meson.build",
        "1.2.3",
    ),
    "meson file": (
        {
            "pyproject.toml": backend("mesonpy", "meson-python"),
            "meson.build": "project('p', version: files('VERSION'))\n",
            "VERSION": "1.2.3\n",
        },
        "VERSION",
        "1.2.3",
    ),
    "scikit-build-core": (
        {
            "pyproject.toml": backend("scikit_build_core.build", "scikit-build-core")
            + '[tool.scikit-build.metadata.version]\nprovider = "scikit_build_core.metadata.regex"\n'
            + 'input = "CMakeLists.txt"\n'
            + "regex = '''project\\(pkg VERSION (?P<value>[0-9.]+)'''\n",
            "CMakeLists.txt": "project(pkg VERSION 1.2.3)\n",
        },
        "CMakeLists.txt",
        "1.2.3",
    ),
    "incremental": (
        {
            "setup.py": HEAD + "setup(name='pkg', use_incremental=True)\n",
            "pkg/__init__.py": "",
            "pkg/_version.py": "from incremental import Version\n__version__ = Version('pkg', 1, 2, 3)\n",
        },
        "pkg/_version.py",
        "Version('pkg', 1, 2, 3)",
    ),
}


@pytest.mark.parametrize(("files", "file", "raw"), READ.values(), ids=READ)
def test_what_the_build_would_take(tree, files, file, raw):
    owner = project(tree, files).owner
    assert owner is not None
    assert (owner.value, owner.file, owner.raw) == ("1.2.3", file, raw)
    assert owner.computed is (raw != "1.2.3")
    text = files[file].encode()
    assert text[owner.span.start : owner.span.end].decode() == raw
    before = text[: owner.span.start].decode()
    assert (owner.span.line, owner.span.column) == (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)


NOT_CLAIMED = {
    "a program": setup("import subprocess", "subprocess.check_output(['./version'])"),
    "a function from elsewhere": setup("import other", "other.version()"),
    "the clock": setup("import time", "time.strftime('%Y.%m.%d')"),
    "a condition nobody knows": setup("import platform\nversion = '1' if platform.system() == 'X' else '2'"),
    "a branch that may return": setup(
        "import platform\ndef get():\n    if platform.machine() == 'x':\n        return '1'\n    return '2'", "get()"
    ),
    "a loop over something unknown": setup("import glob\nversion = '0'\nfor f in glob.glob('*'):\n    version = f"),
    "a dictionary given away": setup("import other\nd = {'v': '1'}\nother.change(d)", "d['v']"),
    "a dictionary updated with something unknown": setup(
        "import other\nd = {'v': '1'}\nd.update(other.more())", "d['v']"
    ),
    "exec of something unknown": setup("import other\nversion = '0'\nexec(other.code)"),
    "a star import from elsewhere": setup("from other import *"),
    "outside the tree": setup("", "open('../../../../etc/hostname').read()"),
    "a circle of imports": setup("import pkg", "pkg.__version__")
    | {"pkg/__init__.py": "from .a import __version__\n", "pkg/a.py": "from . import __version__\n"},
    "a decorated function": setup("import other\n@other.wrap\ndef get():\n    return '1'", "get()"),
    "an exception": setup("import other\ntry:\n    version = other.v()\nexcept Exception:\n    version = '0'"),
    "two calls that differ": {"setup.py": HEAD + "setup(name='a', version='1')\nsetup(name='a', version='2')\n"},
    "too much": setup("version = '1'\nfor a in range(9999):\n    for b in range(9999):\n        version = str(b)"),
    "a huge string": setup("version = '1' * 10**9"),
    "a wide format": setup("version = '%999999999d' % 1"),
    "a recursion": setup("def f():\n    return f()", "f()"),
    "a regular expression that takes for ever": setup("version = re.match('(a+)+$', 'a' * 40 + 'b').group(0)"),
}


@pytest.mark.parametrize("files", NOT_CLAIMED.values(), ids=NOT_CLAIMED)
def test_what_cannot_be_told_is_not_claimed(tree, files):
    found = project(tree, files)
    assert found.owner is None
    assert found.reason


@pytest.mark.parametrize(
    ("files", "provider"),
    [
        (setup("import versioneer", "versioneer.get_version()"), "versioneer"),
        (setup("from setuptools_scm import get_version", "get_version()"), "setuptools-scm"),
        (
            setup("import subprocess", "os.environ.get('PKGVER') or subprocess.run(['git', 'describe', '--tags'])"),
            "git-describe",
        ),
        (setup("", "os.popen('git describe --tags').read().strip()"), "git-describe"),
        (
            {"setup.py": HEAD + "setup(name='pkg', pbr=True)\n", "setup.cfg": "[metadata]\nname = pkg\nversion = 2\n"},
            "pbr",
        ),
        (
            {
                "pyproject.toml": SETUPTOOLS
                + DYNAMIC
                + '[tool.setuptools.dynamic]\nversion = {attr = "pkg._version.version"}\n',
                "pkg/__init__.py": "",
                "pkg/_version.py": "# file generated by setuptools-scm\nversion = '9'\n",
            },
            "setuptools-scm",
        ),
        (
            {
                "pyproject.toml": backend("mesonpy", "meson-python"),
                "meson.build": "project('p', version: run_command('python', '-m', 'setuptools_scm').stdout())\n",
            },
            "setuptools-scm",
        ),
    ],
)
def test_who_computes_it_is_named(tree, files, provider):
    found = project(tree, files)
    assert (found.owner, found.provider) == (None, provider)
