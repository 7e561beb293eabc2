"""Which declaration a build would use, over whole projects."""

import pytest

from relengtools.versions.discover import discover
from relengtools.versions.project import read

SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
DYNAMIC = '[project]\nname = "x"\ndynamic = ["version"]\n'
SETUP = "from setuptools import setup\n"


def backend(name):
    return f'[build-system]\nrequires = ["{name}"]\nbuild-backend = "{name}"\n'


def only(tree, files):
    tree(files)
    places = discover(["."]).places.values()
    projects = [project for place in places if (project := read(place))]
    assert len(projects) <= 1
    return projects[0] if projects else None


@pytest.mark.parametrize(
    ("files", "owner", "copies"),
    [
        (
            {"pyproject.toml": '[project]\nname="x"\nversion="1"\n', "x/__init__.py": "__version__='2'"},
            ("pyproject", "1"),
            ["2"],
        ),
        (
            {"pyproject.toml": '[project]\nname="My.X-y"\nversion="1"\n', "src/my_x_y.py": "__version__='2'"},
            ("pyproject", "1"),
            ["2"],
        ),
        (
            {"pyproject.toml": '[project]\nname="ns-x"\nversion="1"\n', "src/ns/x/__about__.py": "__version__='2'"},
            ("pyproject", "1"),
            ["2"],
        ),
        (
            {"pyproject.toml": '[project]\nname="PyX"\nversion="1"\n', "pyx/__init__.py": "__version__='2'"},
            ("pyproject", "1"),
            ["2"],
        ),
        (
            {"pyproject.toml": '[project]\nname="x"\nversion="1"\n', "setup.py": SETUP + "setup(version='2')"},
            ("pyproject", "1"),
            ["2"],
        ),
        ({"pyproject.toml": backend("poetry.core") + '[tool.poetry]\nname="x"\nversion="1"\n'}, ("poetry", "1"), []),
        (
            {"setup.py": SETUP + "setup(name='x', version='1')", "setup.cfg": "[metadata]\nversion=2"},
            ("setup-py", "1"),
            ["2"],
        ),
        (
            {"setup.py": SETUP + "setup()", "setup.cfg": "[metadata]\nname=x\nversion=2", "x.py": "__version__='3'"},
            ("setup-cfg", "2"),
            ["3"],
        ),
        ({"pyproject.toml": SETUPTOOLS, "setup.cfg": "[metadata]\nname=x\nversion=2"}, ("setup-cfg", "2"), []),
        ({"pyproject.toml": SETUPTOOLS + "[project]\n", "setup.cfg": "[metadata]\nversion=2"}, ("setup-cfg", "2"), []),
        ({"setup.cfg": "[metadata]\nversion =\n    attr: x.V", "x.py": "V = '1'"}, ("setup-cfg", "attr: x.V"), []),
        (
            {"pyproject.toml": '[tool.poetry]\nname="x"\nversion="1"\n', "setup.py": SETUP + "setup(version='3')"},
            ("setup-py", "3"),
            ["1"],
        ),
        (
            {"pyproject.toml": '[tool.poetry]\nname="x"\nversion="1"\n', "setup.py": SETUP + "setup()"},
            ("poetry", "1"),
            [],
        ),
        (
            {
                "pyproject.toml": backend("scikit_build_core.setuptools.build_meta"),
                "setup.cfg": "[metadata]\nname=x\nversion=2",
            },
            ("setup-cfg", "2"),
            [],
        ),
        (
            {"pyproject.toml": '[tool.poetry]\nname = "x"\nversion = "1"\npackage-mode = false\n'},
            ("poetry", "1"),
            [],
        ),
        (
            {"setup.cfg": "[metadata]\nname=x\nversion=attr: x.v.V", "x/v.py": "V='1'", "x/__init__.py": ""},
            ("module", "1"),
            [],
        ),
        ({"setup.cfg": "[metadata]\nname=x\nversion=file: VERSION", "VERSION": "1\n"}, ("file", "1"), []),
        (
            {
                "pyproject.toml": SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion={attr="x.__version__"}\n',
                "x.py": "__version__='1'",
            },
            ("module", "1"),
            [],
        ),
        (
            {
                "pyproject.toml": SETUPTOOLS + DYNAMIC + '[tool.setuptools.dynamic]\nversion={file="V"}\n',
                "V": "\ufeff1.0\n",
            },
            ("file", "1.0"),
            [],
        ),
        ({"pyproject.toml": SETUPTOOLS + DYNAMIC, "setup.py": SETUP + "setup(version='1')"}, ("setup-py", "1"), []),
        (
            {
                "pyproject.toml": backend("hatchling") + DYNAMIC + '[tool.hatch.version]\npath="x/b.py"\n',
                "hatch.toml": '[version]\npath="x/a.py"\n',
                "x/a.py": "__version__='1'",
            },
            ("module", "1"),
            [],
        ),
        (
            {"pyproject.toml": '[project]\nname="w"\nversion="1"\n', "pk/__init__.py": "__version__='2'"},
            ("pyproject", "1"),
            ["2"],
        ),
        (
            {
                "pyproject.toml": '[project]\nname="w"\nversion="1"\n',
                "pk/__init__.py": "__version__='2'",
                "other/__init__.py": "__version__='3'",
            },
            ("pyproject", "1"),
            [],
        ),
        (
            {
                "pyproject.toml": backend("hatchling") + DYNAMIC + '[tool.hatch.version]\npath="x/a.py"\n',
                "x/a.py": "__version__='1'",
            },
            ("module", "1"),
            [],
        ),
        ({"pyproject.toml": backend("flit_core.buildapi") + DYNAMIC, "x.py": "__version__='1'"}, ("module", "1"), []),
    ],
)
def test_the_owner_is_what_the_build_takes(tree, files, owner, copies):
    project = only(tree, files)
    assert (project.owner.kind, project.owner.value) == owner
    assert [copy.value for copy in project.copies] == copies


@pytest.mark.parametrize(
    ("pyproject", "provider"),
    [
        (SETUPTOOLS + DYNAMIC + "[tool.setuptools_scm]\n", "setuptools-scm"),
        (
            DYNAMIC
            + '[build-system]\nrequires=["Setuptools_SCM[toml, simple]>=9"]\nbuild-backend="setuptools.build_meta"\n',
            "setuptools-scm",
        ),
        (backend("hatchling") + DYNAMIC + '[tool.hatch.version]\nsource = "vcs"\n', "hatch-vcs"),
        (backend("pdm.backend") + DYNAMIC + '[tool.pdm.version]\nsource = "scm"\n', "pdm-scm"),
        (
            backend("poetry.core.masonry.api") + DYNAMIC + "[tool.poetry-dynamic-versioning]\nenable = true\n",
            "poetry-dynamic-versioning",
        ),
    ],
)
def test_a_provider_is_named_and_its_generated_file_no_copy(tree, pyproject, provider):
    project = only(
        tree, {"pyproject.toml": pyproject, "x/_version.py": "# generated by setuptools_scm\n__version__ = '9'\n"}
    )
    assert (project.owner, project.provider, project.declarations) == (None, provider, ())
    assert not project.missing


OWN = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["backend"]\n'


def requiring(provider, rest="", backend="setuptools.build_meta"):
    return f'[build-system]\nrequires = ["setuptools", "{provider}"]\nbuild-backend = "{backend}"\n{rest}'


@pytest.mark.parametrize(
    ("pyproject", "provider"),
    [
        # All of them built, in a repository with a tag: those without a provider are called 1, as setup.cfg says.
        (requiring("pbr"), None),
        (requiring("pbr", backend="pbr.build"), None),
        (requiring("pbr", DYNAMIC, backend="pbr.build"), "pbr"),
        (requiring("setuptools-git-versioning"), None),
        (requiring("setuptools-git-versioning", "[tool.setuptools-git-versioning]\n"), None),
        (requiring("setuptools-git-versioning", "[tool.setuptools-git-versioning]\nenabled = false\n"), None),
        (requiring("versioningit"), None),
        (requiring("incremental"), None),
        (requiring("setuptools-scm"), None),
    ],
)
def test_a_provider_that_nothing_switches_on_provides_nothing(tree, pyproject, provider):
    project = only(tree, {"pyproject.toml": pyproject, "setup.cfg": "[metadata]\nname = x\nversion = 1\n"})
    assert project.provider == provider
    assert project.version == (None if provider else "1")


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("setup(version=None, use_scm_version=True)", "setuptools-scm"),
        ("def f():\n    pass\nsetup(name='x', version=f(), **{'use_scm_version': {'root': '..'}})", "setuptools-scm"),
        ("setup(version=None, pbr=True)", "pbr"),
        ("setup(version='1', use_scm_version=True)", None),
    ],
)
def test_who_is_asked_beside_a_version_of_none(tree, text, provider):
    assert only(tree, {"setup.py": f"{SETUP}{text}\n"}).provider == provider


def test_why_a_required_provider_provides_nothing(tree):
    project = only(tree, {"pyproject.toml": requiring("versioningit", DYNAMIC)})
    assert project.missing
    assert project.reason.endswith("versioningit is required, but without [tool.versioningit] it does nothing")


@pytest.mark.parametrize(
    ("folders", "version"), [('["plug", "other"]', "1.2"), ('["other", "plug"]', "3"), ("[]", None)]
)
def test_where_the_code_of_hatch_imports_from(tree, folders, version):
    table = '[tool.hatch.version]\nsource = "code"\npath = "x/v.py"\nexpression = "get()"\n'
    files = {
        "pyproject.toml": backend("hatchling") + DYNAMIC + table + f"search-paths = {folders}\n",
        "x/v.py": "from parts.v import V\ndef get():\n    return V\n",
        "plug/parts/__init__.py": "",
        "plug/parts/v.py": "V = '1.2'\n",
        "other/parts/__init__.py": "",
        "other/parts/v.py": "V = '3'\n",
    }
    assert only(tree, files).version == version


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"pyproject.toml": '[project]\nname = "x"\n'}, True),
        ({"pyproject.toml": '[tool.poetry]\nname = "x"\n'}, True),
        ({"pyproject.toml": SETUPTOOLS.replace('["', '["setuptools-scm>=8", "') + DYNAMIC}, True),
        ({"setup.py": SETUP + "setup(name='x')"}, True),
        ({"pyproject.toml": SETUPTOOLS, "setup.py": "import y\ny.go()\n"}, True),
        ({"pyproject.toml": SETUPTOOLS + "[tool.setuptools]\npackages = ['x']\n"}, True),
        ({"setup.cfg": "[metadata]\nname = x\n"}, True),
        ({"setup.py": SETUP + "setup(name='x', version=f())"}, False),
        ({"setup.py": SETUP + "setup(name='x', version=f())", "setup.cfg": "[metadata]\nversion = 1"}, False),
        ({"setup.cfg": "[metadata]\nname=x\nversion=attr: x.v"}, False),
        ({"pyproject.toml": backend("hatchling") + DYNAMIC + '[tool.hatch.version]\npath="gone.py"\n'}, False),
        ({"pyproject.toml": backend("maturin") + DYNAMIC}, False),
        ({"pyproject.toml": "[tool.poetry]\npackage-mode = false\n"}, False),
        ({"pyproject.toml": DYNAMIC + "[tool.poetry]\npackage-mode = false\n"}, False),
        ({"pyproject.toml": '[project]\nname = "x"\n[tool.pdm]\ndistribution = false\n'}, False),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.10"\n'}, False),
        ({"pyproject.toml": '[tool.poetry]\nname = "x"\npackage-mode = true\n'}, True),
        ({"pyproject.toml": backend("mesonpy") + DYNAMIC}, False),
        ({"pyproject.toml": OWN + DYNAMIC}, False),
        ({"pyproject.toml": backend("mesonpy") + DYNAMIC, "meson.build": "project('x')\n"}, False),
        (
            {"pyproject.toml": backend("mesonpy") + DYNAMIC, "meson.build": "project('x', version: files('V'))\n"}
            | {"V": "1.0\n# the version\n"},
            False,
        ),
    ],
)
def test_says_why_there_is_no_owner(tree, files, missing):
    project = only(tree, files)
    assert project.owner is None
    assert project.missing is missing
    assert project.reason


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
        {"pyproject.toml": SETUPTOOLS + "[tool.ruff]\nline-length = 100\n"},
        {"pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = ""\n[tool.ruff]\nline-length = 100\n'},
        {"setup.cfg": "[flake8]\nmax-line-length = 100\n"},
        {"setup.py": "def setup_module():\n    pass\n"},
        {"setup.py": "from builder import setup as tell\ntell(name='x')\n"},
        {"setup.py": "async def setup(hass): ...\n"},
        {"setup.py": "def main(context):\n    context.setup()\n"},
        {"setup.py": "from ursina import context\ncontext.setup('a thing', 1)\n"},
        {"setup.py": "class Case:\n    def run(self):\n        self.setup(verbose=True)\n"},
        {"setup.py": "def setup():\n    print('a script')\nif __name__ == '__main__':\n    setup()\n"},
    ],
)
def test_settings_of_tools_are_no_project(tree, files):
    assert only(tree, files) is None


FLIT = {"pyproject.toml": '[build-system]\nbuild-backend = "flit_core.buildapi"\nrequires = []\n' + DYNAMIC}


@pytest.mark.parametrize(
    ("files", "owner"),
    [
        ({"x/__init__.py": "1", "x/_version.py": "2"}, "x/__init__.py"),
        ({"x/__init__.py": None, "x/_version.py": "2", "x/__version__.py": "3"}, "x/_version.py"),
        ({"x/__init__.py": None, "x/_version.py": "2", "x/version.py": "3"}, "x/version.py"),
        ({"src/x/__init__.py": None, "src/x/__version__.py": "3"}, "src/x/__version__.py"),
        ({"x.py": "1", "version.py": "2"}, "x.py"),
        ({"src/x.py": "1", "lib/x.py": "2"}, "src/x.py"),
        ({"x/__init__.py": "1", "src/x/__init__.py": "2"}, None),
        ({"lib/x.py": "1", "y/__init__.py": "2"}, None),
        ({"x/__init__.py": "1", "x.py": "2"}, None),
    ],
)
def test_the_literal_that_flit_takes(tree, files, owner):
    texts = {name: f"__version__ = '{version}'\n" if version else "'x'\n" for name, version in files.items()}
    project = only(tree, FLIT | texts)
    assert (project.owner and project.owner.file) == owner
    assert project.owner or "refuses to choose" in project.reason or "isn't there" in project.reason


@pytest.mark.parametrize(
    ("name", "told"), [("hatchling", True), ("setuptools.build_meta", True), ("poetry.core.masonry.api", False)]
)
def test_a_version_that_is_stated_and_dynamic(tree, name, told):
    text = backend(name) + '[project]\nname = "x"\nversion = "1"\ndynamic = ["version"]\n'
    problems = only(tree, {"pyproject.toml": text}).problems
    assert [(problem.rule.name, problem.line) for problem in problems] == [("invalid-version", 6)] * told


def test_flit_takes_no_tuple(tree):
    project = only(tree, FLIT | {"x.py": "__version__ = (1, 2)\n"})
    assert project.owner is None
    assert "flit takes a text alone" in project.reason


REGEX = 'provider = "scikit_build_core.metadata.regex"\n'
SCIKIT = "[tool.scikit-build.metadata.version]\n" + REGEX
POETRY = backend("poetry_dynamic_versioning.backend") + '[tool.poetry]\nname = "x"\nversion = "0"\n'
POETRY += "[tool.poetry-dynamic-versioning]\nenable = true\n"


@pytest.mark.parametrize(
    ("pyproject", "name", "text", "version"),
    [
        (backend("hatchling") + DYNAMIC + '[tool.hatch.version]\npath = "x.py"\n', "x.py", "version = 'v1.0'", "1.0"),
        (backend("hatchling") + DYNAMIC + '[tool.hatch.version]\npath = "x.py"\n', "x.py", "version: str = '1'", None),
        (
            backend("hatchling") + DYNAMIC + '[tool.hatch.version]\npath = "x.py"\n',
            "x.py", "\ufeffversion = '1'\n", None,
        ),
        (
            backend("hatchling") + DYNAMIC + '[tool.hatch.version]\npath = "x.py"\n',
            "x.py", "\ufeff'''x'''\r\nversion = '1.0'\r\n", "1.0",
        ),
        (backend("pdm.backend") + DYNAMIC + '[tool.pdm.version]\npath = "x.py"\n', "x.py", "VERSION = '1.0'", "1.0"),
        (
            backend("pdm.backend") + DYNAMIC + '[tool.pdm.version]\npath = "v"\npattern = "^v (.+)$"\n',
            "v", "x\nv 1.0\n", "1.0",
        ),
        (
            backend("pdm.backend") + DYNAMIC + '[tool.pdm.version]\nsource = "call"\ngetter = "a.v:get"\n',
            "a/v.py", "def get():\n    return '1.0'\n", "1.0",
        ),
        (
            backend("pdm.backend") + DYNAMIC + '[tool.pdm.version]\nsource = "call"\ngetter = "a.v:get"\n',
            "src/a/v.py", "def get():\n    return '1.0'\n", None,
        ),
        (backend("scikit_build_core") + DYNAMIC + SCIKIT + 'input = "x.py"\n', "x.py", "__version__: str = '1'", "1"),
        (
            backend("scikit_build_core") + DYNAMIC + SCIKIT
            + "input = \"x.h\"\nregex = 'V (?P<a>.+) (.+)'\nresult = \"{a}.{1}\"\n",
            "x.h", "V 1 2\n", "1.2",
        ),
        (
            backend("scikit_build_core") + DYNAMIC + SCIKIT
            + "input = \"x.h\"\nregex = 'V (?P<value>.+)'\nremove = \"-[a-z]\"\n",
            "x.h", "V 1-a.2-b\n", "1.2",
        ),
        (
            backend("scikit_build_core") + DYNAMIC + "[[tool.dynamic-metadata]]\n" + REGEX
            + 'field = "version"\ninput = "x.py"\n',
            "x.py", "__version__ = '1.0'", "1.0",
        ),
        (
            backend("hatchling") + DYNAMIC + '[tool.hatch.version]\nsource = "regex_commit"\npath = "x.py"\n',
            "x.py", "__version__ = '1.0'", "1.0",
        ),
        (
            backend("rapids_build_backend.build") + DYNAMIC + SCIKIT + "input = 'VERSION'\nregex = '(?P<value>.*)'\n"
            + '[tool.rapids-build-backend]\nbuild-backend = "scikit_build_core.build"\n',
            "VERSION", "26.08.00\n", "26.08.00",
        ),
        (POETRY + '[tool.poetry-dynamic-versioning.from-file]\nsource = "V"\n', "V", "1.0\n", "1.0"),
        (
            POETRY + '[tool.poetry-dynamic-versioning.from-file]\nsource = "V"\npattern = "v=(.+)"\n',
            "V", "a\nv=1.0\n", "1.0",
        ),
    ],
)  # fmt: skip
def test_the_file_that_a_backend_reads(tree, pyproject, name, text, version):
    assert only(tree, {"pyproject.toml": pyproject, name: text}).version == version


@pytest.mark.parametrize(
    ("table", "missing"),
    [("", True), ("[tool.hatch.metadata.hooks.custom]\n", False), ("[tool.hatch.metadata]\n", True)],
)
def test_a_hook_of_hatch_may_have_the_version(tree, table, missing):
    assert only(tree, {"pyproject.toml": backend("hatchling") + DYNAMIC + table}).missing is missing


def test_the_lock_of_a_workspace_in_a_folder_of_the_tree(tree, run):
    member = '[[package]]\nname = "x"\nversion = "0.9"\nsource = { editable = "packages/x" }\n'
    files = {
        ".git/HEAD": "",
        "python/pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
        "python/packages/x/pyproject.toml": '[project]\nname = "x"\nversion = "1"\n',
        "python/uv.lock": "version = 1\n\n" + member,
    }
    assert [(copy.file, copy.value) for copy in only(tree, files).copies] == [("python/uv.lock", "0.9")]


@pytest.mark.parametrize(
    "expression",
    [
        "files('VERSION')",
        "run_command('cat', 'VERSION', check: true).stdout().strip()",
        "run_command(['cat', files('VERSION')], check : true).stdout().strip()",
    ],
)
def test_meson_that_reads_a_file(tree, expression):
    build = f"project(\n  'x', 'c',\n  version: {expression},\n)\n"
    files = {"pyproject.toml": backend("mesonpy") + DYNAMIC, "meson.build": build, "VERSION": "1.0\n"}
    assert only(tree, files).owner.file == "VERSION"


@pytest.mark.parametrize(
    ("expression", "raw"),
    [("'1.0'", "1.0"), ("'''1.0'''", "1.0"), ("'1' + '.0'", None), ("run_command('v.py')", None)],
)
def test_a_literal_of_meson(tree, expression, raw):
    files = {"pyproject.toml": backend("mesonpy") + DYNAMIC, "meson.build": f"project('x', version: {expression})\n"}
    owner = only(tree, files).owner
    assert (owner and owner.raw) == raw


@pytest.mark.parametrize(
    ("project", "hatch", "kind"),
    [
        (DYNAMIC, 'path = "x.py"\n', "pkg-info"),
        (DYNAMIC, 'source = "code"\npath = "x.py"\nexpression = "f()"\n', "pkg-info"),
        (DYNAMIC, "", "pkg-info"),
        ('[project]\nname = "x"\nversion = "1"\n', "", "pyproject"),
    ],
)
def test_hatchling_believes_an_unpacked_sdist(tree, project, hatch, kind):
    info = "Metadata-Version: 2.4\nName: x\nVersion: 1\n"
    pyproject = backend("hatchling") + project + "[tool.hatch.version]\n" + hatch
    found = only(tree, {"pyproject.toml": pyproject, "x.py": "__version__ = '1'\n", "PKG-INFO": info})
    assert (found.owner.kind, found.missing) == (kind, False)
    found = only(tree, {".git/HEAD": ""})
    assert found.owner is None or found.owner.kind != "pkg-info"


@pytest.mark.parametrize(
    ("expression", "code", "version"),
    [
        ("get()", "V = (1, 2)\ndef get():\n    return '.'.join(map(str, V))\n", "1.2"),
        ("get('dev')", "V = '1.2'\ndef get(kind=''):\n    return V + '.dev0' if kind == 'dev' else V\n", "1.2.dev0"),
        ("get()", "def get():\n    try:\n        return '1.0'\n    finally:\n        return '1.1'\n", "1.1"),
        ("get()", "n = 0\ndef get():\n    global n\n    n += 1\n    return f'1.{n}'\nget()\n", "1.2"),
        ("make()()", "def make():\n    v = '1.2'\n    def inner():\n        return v\n    return inner\n", "1.2"),
        ("get()", "def once(f):\n    return lambda: '9'\n@once\ndef get():\n    return '1'\n", "9"),
        ("str(V)", "class V_:\n    def __str__(self):\n        return '1.2'\nV = V_()\n", "1.2"),
        ("V[:3]", "V = '1.2.3'\n", "1.2"),
        # The value may be known, but not where it is written, or not without running it.
        ("get()", "def get():\n    n = 0\n    while n < 5:\n        n += 1\n    return '1.%d' % n\n", None),
        ("get()", "import datetime\ndef get():\n    return f'{datetime.date.today():%Y.%m.%d}'\n", None),
        ("get()", "import functools\n@functools.lru_cache\ndef get():\n    return '1.9'\n", None),
        ("get()", "def get():\n    raise RuntimeError\n", None),
        ("get", "def get():\n    return '1.2'\n", None),
        ("get()", "def get():\n    '1.2'\n", None),
    ],
)
def test_an_expression_of_hatch_is_evaluated_or_unknown(tree, expression, code, version):
    table = f'[tool.hatch.version]\nsource = "code"\npath = "x/v.py"\nexpression = "{expression}"\n'
    project = only(tree, {"pyproject.toml": backend("hatchling") + DYNAMIC + table, "x/v.py": code})
    assert project.version == version
    assert project.owner or project.reason


@pytest.mark.parametrize(
    "text",
    [
        "import setuptools\nsetuptools.setup()\n",
        "import setuptools as tools\ntools.setup()\n",
        "from distutils import core\ncore.setup()\n",
        "def main():\n    import numpy.distutils.core as numpy_core\n    numpy_core.setup()\n",
        "from setuptools import setup as tell\ntell(name='x')\n",
        "import builder\nbuilder.setup(name='x')\n",
        "import builder\nbuilder.setup(**builder.read())\n",
        "from builder import *\nsetup()\n",
        "try:\n    from setuptools import setup\nexcept ImportError:\n    def setup(**words): ...\nsetup()\n",
    ],
)
def test_a_setup_of_a_package(tree, text):
    assert only(tree, {"setup.py": text}) is not None


@pytest.mark.parametrize(
    ("files", "file", "version"),
    [
        ({"setup.py": SETUP + "exec(\"v = '1.0'\")\nsetup(name='x', version=v)\n"}, "setup.py", "1.0"),
        (
            {
                "setup.py": SETUP + "for line in open('x.py'):\n    if 'V' in line:\n        exec(line)\n"
                "setup(name='x', version=V)\n",
                "x.py": "import y\nV = 'v1.0'\n",
            },
            "setup.py",
            "v1.0",
        ),
        (
            {"setup.cfg": "[metadata]\nname=x\nversion=attr: x.V", "x.py": "import os\nexec(\"V = '1.0'\")\n"},
            "x.py",
            "1.0",
        ),
    ],
)
def test_what_exec_makes_is_where_a_file_says_so(tree, run, files, file, version):
    project = only(tree, files)
    assert (project.owner.file, project.owner.value, project.owner.computed) == (file, version, True)
    assert "<exec>" not in run("list").out + run("check").out


def test_files_that_lead_out_of_the_tree_are_not_followed(tree):
    root = tree({"out/v.toml": '[project]\nname="x"\nversion="1"\n', "in/x": ""})
    (root / "in/pyproject.toml").symlink_to(root / "out/v.toml")
    project = read(next(iter(discover(["in"]).places.values())))
    assert project.owner is None
    assert "leads out of the tree" in project.problems[0].message


def test_nothing_that_is_no_regular_file_is_opened(tree):
    import os

    root = tree({"a/pyproject.toml": '[project]\nname="x"\nversion="1"\n', "a/setup.cfg/x": ""})
    os.mkfifo(root / "a/setup.py")
    project = read(next(iter(discover(["a"]).places.values())))
    assert sorted(p.file for p in project.problems) == ["a/setup.cfg", "a/setup.py"]
    assert project.owner.value == "1"


DEEP = {
    "a sum of texts": "from setuptools import setup\n__version__ = " + "+".join(["'1'"] * 600) + "\nsetup(name='x')\n",
    "dots": "import a\n" + "a." * 600 + "setup(version='1')\n",
    "a sum of lists": f"from setuptools import setup\nsetup(version='1', install_requires={'+'.join(['[]'] * 900)})\n",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_nesting_is_no_crash(tree, run, text):
    tree({"setup.py": text, "x/__init__.py": text})
    assert "Traceback" not in run("check", "--fix", "--unsafe-fixes").err


def test_the_same_list_a_billion_times(tree, run):
    sums = "\n".join(f"{new} = {' + '.join([old] * 150)}" for old, new in ("dc", "cb", "ba"))
    tree(
        {"setup.py": f"from setuptools import setup\nd = ['x==1.*']\n{sums}\nsetup(version='1', install_requires=a)\n"}
    )
    assert run("check").code == 0


@pytest.mark.parametrize("codec", ["punycode", "idna", "unicode_escape", "utf-7", "rot13", "hex"])
def test_a_cookie_that_names_no_charset(tree, run, codec):
    root = tree({"setup.py": f"# coding: {codec}\nfrom setuptools import setup\nsetup(name='x', version='v1')\n"})
    before = (root / "setup.py").read_bytes()
    result = run("check", "--fix")
    assert "is no encoding of text files" in result.out or "unknown encoding" in result.out
    assert (root / "setup.py").read_bytes() == before


def test_package_json_with_versions_of_others(tree):
    inner = ", ".join(f'"n{i}": {{"version": "1.0", "x": ["version"]}}' for i in range(20_000))
    text = f'{{"a": {{{inner}}}, "b": "version", "version": "1.0", "c": "{{"}}'
    files = {"pyproject.toml": '[project]\nname = "x"\nversion = "1.0"\n', "package.json": text}
    (found,) = (d for d in only(tree, files).declarations if d.kind == "package-json")
    assert text[found.span.start - 12 : found.span.start] == '"version": "'
    assert found.span.start > text.index('"b"')


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pyproject.toml", "a" + ".a" * 15_000 + " = 1\n", "a key of many parts"),
        ("pyproject.toml", "[" + "a . " * 15_000 + "a]\n", "a key of many parts"),
        ("setup.cfg", "[metadata]\nversion = 1.0\n" + "junk\n" * 150_000, "more than 20000 lines"),
    ],
)
def test_what_takes_memory_or_time_without_end_is_no_file_of_its_kind(tree, run, name, text, said):
    tree({name: text})
    result = run("check")
    assert result.code == 1
    assert said in result.out
