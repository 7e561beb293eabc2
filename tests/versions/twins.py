"""Clean releases of all kinds, which nothing may be said of; `CASES` are these and those of `defects`."""

import zipfile
from pathlib import Path

from versions.defects import CASES as CASES
from versions.defects import SCM, built, case, edited, link, on_tag, released, tagged, with_build, with_member
from versions.gitrepo import Repo
from versions.workshop import Files, Made, Workshop, change, text, wheel_files

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


@case("a version file that is made at each build", "setuptools", None)
def version_file(shop: Workshop, folder: Path) -> Made:
    """By setuptools-scm, from the tree and from the sdist, where it says another commit."""
    told = {**SCM, "[tool.setuptools_scm]\n": "[tool.setuptools_scm]\nversion_file = 'src/demo_pkg/_version.py'\n"}
    repo = shop.tree(folder, "setuptools", told)
    files = shop.build(repo)
    (folder / "src/demo_pkg/_version.py").unlink()
    return Made(folder, [*map(str, files), "--project", ".", "--tag", "v1.2.3"], files)


@case("modules and data that are made before the build, and ignored by git", "hatchling", None)
def made_before(shop: Workshop, folder: Path) -> Made:
    ignore = "dist/\nsrc/demo_pkg/static/\n"
    artifacts = '[tool.hatch.build]\nartifacts = ["src/demo_pkg/static"]\n'
    repo = shop.tree(
        folder, "hatchling", {'fast = ["orjson"]\n': f'fast = ["orjson"]\n\n{artifacts}'}, {".gitignore": ignore}
    )
    (folder / "src/demo_pkg/static").mkdir()
    (folder / "src/demo_pkg/static/main.css").write_text("p {}\n")
    (folder / "src/demo_pkg/static/made.py").write_text("MADE = 1\n")
    files = shop.build(repo)
    (folder / "src/demo_pkg/static/made.py").unlink()
    return Made(folder, [*map(str, files), "--project", ".", "--tag", "v1.2.3"], files)


@case("lines that end as on Windows in the wheel", "flit-core", None)
def other_line_ends(shop: Workshop, folder: Path) -> Made:
    sdist, wheel = shop.dists(folder, "flit-core")
    change(wheel, lambda files: text(files, "__init__.py", "\n", "\r\n"))
    return released(folder, [sdist, wheel])


@case("a package from a folder of another name", "setuptools", None)
def other_layout(shop: Workshop, folder: Path) -> Made:
    table = '[tool.setuptools]\npackages = ["demo_pkg"]\npackage-dir = { demo_pkg = "sources" }\n'
    files = {
        "sources/__init__.py": '__version__ = "1.2.3"\n',
        "src/demo_pkg/__init__.py": None,
        "demo_pkg/__init__.py": "",
    }
    repo = shop.tree(folder, "setuptools", {'fast = ["orjson"]\n': f'fast = ["orjson"]\n\n{table}'}, files)
    dists = shop.build(repo)
    return Made(folder, [*map(str, dists), "--project", ".", "--tag", "v1.2.3"], dists)


@case("a local version, for an index that takes it", "setuptools", None)
def private(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder, "setuptools", {'"1.2.3"': '"1.2.3+internal.4"'})
    return released(folder, shop.build(repo), "--ignore", "unpublishable-version")


def compiled(shop: Workshop, folder: Path) -> Repo:
    """A project with a module in C."""
    setup = "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('demo_pkg.fast', ['fast.c'])])\n"
    code = '#include <Python.h>\nstatic struct PyModuleDef m = {PyModuleDef_HEAD_INIT, "fast", 0, -1, 0};\n'
    code += "PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&m); }\n"
    return shop.tree(folder, "setuptools", more={"setup.py": setup, "fast.c": code})


@case("a compiled module for some Linux or other", "setuptools", "RV710")
def for_linux(shop: Workshop, folder: Path) -> Made:
    return released(folder, shop.build(compiled(shop, folder)), "--tag", "v1.2.3")


@case("a compiled module, for an index that takes it", "setuptools", None)
def for_our_linux(shop: Workshop, folder: Path) -> Made:
    return released(folder, shop.build(compiled(shop, folder)), "--ignore", "unpublishable-platform")


@case("a compiled module, built from the tree and from the sdist", "setuptools", None)
def compiled_twice(shop: Workshop, folder: Path) -> Made:
    return tagged(compiled(shop, folder), "--build", "--tag", "v1.2.3")


def _as_manylinux(files: Files) -> None:
    text(files, "WHEEL", "Tag: py3-none-any", "Tag: cp312-abi3-manylinux_2_17_x86_64")
    files["demo_pkg/Data.txt"] = files["demo_pkg/data.txt"] = b"text"


@case("two files that only Linux tells apart, for Linux", "hatchling", None)
def cases_on_linux(shop: Workshop, folder: Path) -> Made:
    _, wheel = shop.dists(folder, "hatchling")
    name = wheel.name.replace("py3-none-any", "cp312-abi3-manylinux_2_17_x86_64")
    return released(folder, [change(wheel, _as_manylinux, name=name)])


@case("a zip64 wheel with folders and other letters", "flit-core", None)
def zip64(shop: Workshop, folder: Path) -> Made:
    _, wheel = shop.dists(folder, "flit-core")
    change(wheel, lambda files: files.update({"demo_pkg/d\u00e9j\u00e0.txt": b"text" * 100}))
    files = wheel_files(wheel)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("demo_pkg/", b"")
        for name, data in files.items():
            with archive.open(name, "w", force_zip64=True) as stream:
                stream.write(data)
    return released(folder, [wheel])


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
