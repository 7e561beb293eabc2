"""Clean releases of all kinds, which nothing may be said of; `CASES` are these and those of `defects`."""

from pathlib import Path

from versions.defects import CASES as CASES
from versions.defects import SCM, built, case, edited, link, on_tag, released, with_build, with_member
from versions.gitrepo import Repo
from versions.workshop import Made, Workshop, text

for _backend in ("hatchling", "setuptools", "flit-core", "poetry-core", "pdm-backend", "meson-python"):

    @case("as the backend builds it", _backend, None)
    def clean(shop: Workshop, folder: Path, backend: str = _backend) -> Made:
        shop.tree(folder, backend)
        files = shop.dists(folder / "dist", backend)
        return Made(folder, [*map(str, files), "--project", ".", "--tag", "v1.2.3"], files)


built("a pre-release in another spelling", "hatchling", None, {'"1.2.3"': '"1.2.3-RC.1"'}, tag="v1.2.3rc1")
built("zero padding in the sources", "setuptools", None, {'"1.2.3"': '"2026.08.01"'}, tag="2026.08.01")
built("an epoch and a post-release", "pdm-backend", None, {'"1.2.3"': '"1!1.2.3.post1"'}, tag="v1!1.2.3.post1")
built("a name with dots and capitals", "hatchling", None, {'name = "demo-pkg"': 'name = "Demo.Pkg"'})
built(
    "the version asked from the installed metadata",
    "flit-core",
    None,
    {'__version__ = "1.2.3"': "import importlib.metadata\n__version__ = importlib.metadata.version(__name__)"},
)
edited(
    "metadata of a future version",
    "poetry-core",
    None,
    1,
    lambda f: text(f, "METADATA", "Metadata-Version: ", "Future-Field: 1\nMetadata-Version: 9"),
)
edited("a wheel with a build number", "flit-core", None, 1, lambda f: None, name="demo_pkg-1.2.3-1-py3-none-any.whl")
with_member("a link that stays in the sdist", "hatchling", None, lambda: link("pyproject.toml"))
built(
    "__version__ put together, a script with an extra, and a licence",
    "setuptools",
    None,
    {
        '__version__ = "1.2.3"': "VERSION = (1, 2, 3, 'final')\n__version__ = '.'.join(str(n) for n in VERSION[:3])",
        'dependencies = ["click>=8"': 'license = "MIT"\nlicense-files = ["LICENSE"]\ndependencies = ["click>=8"',
        "[project.optional-dependencies]": "[project.scripts]\ndemo = 'demo_pkg:main.call [fast]'\n\n"
        "[project.optional-dependencies]",
    },
    {"LICENSE": "the licence\n"},
)
built(
    "requirements only, no package",
    "setuptools",
    None,
    {'fast = ["orjson"]\n': 'fast = ["orjson"]\n\n[tool.setuptools]\npackages = []\n'},
)


@case("a version from the tag", "setuptools", None)
def scm(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder, "setuptools", SCM)
    files = shop.build(repo)
    return Made(folder, [*map(str, files), "--project", ".", "--tag", "v1.2.3"], files)


@case("a local version, for an index that takes it", "setuptools", None)
def private(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder, "setuptools", {'"1.2.3"': '"1.2.3+internal.4"'})
    return released(folder, shop.build(repo), "--ignore", "unpublishable-version")


@case("a compiled module", "setuptools", None)
def compiled(shop: Workshop, folder: Path) -> Made:
    setup = "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('demo_pkg.fast', ['fast.c'])])\n"
    code = '#include <Python.h>\nstatic struct PyModuleDef m = {PyModuleDef_HEAD_INIT, "fast", 0, -1, 0};\n'
    code += "PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&m); }\n"
    repo = shop.tree(folder, "setuptools", more={"setup.py": setup, "fast.c": code})
    return released(folder, shop.build(repo), "--tag", "v1.2.3")


def _maintained(repo: Repo) -> None:
    repo("checkout", "-q", "-b", "next")
    repo.commit("v2.0.0", files={"README.md": "# next\n"})
    repo("checkout", "-q", "main")
    repo.commit("v1.2.3", files={"README.md": "# fix\n"})


on_tag(
    "a maintenance release after a higher one",
    None,
    "v1.2.3",
    lambda r: (r("tag", "-d", "v1.2.3"), r("tag", "v1.2.2"), _maintained(r)),
)
on_tag(
    "a tag that has yet to be made, in a tree with products",
    None,
    "demo-pkg/v1.2.3",
    lambda r: (r("tag", "-d", "v1.2.3"), r("tag", "other/v7.0"), r.commit()),
)
with_build("built from the tree and from the sdist", "hatchling", None, {}, {"tests/test_demo.py": ""})
