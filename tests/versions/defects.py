"""Releases with one planted defect each: made by real build backends, spoilt as little as can be.

Clean ones are in `twins`.
"""

import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from versions.gitrepo import Repo
from versions.workshop import (
    Files,
    Made,
    Workshop,
    change,
    drop,
    sdist_files,
    streamed,
    text,
    two_readings,
    wheel_files,
    write_sdist,
    write_wheel,
)

Make = Callable[[Workshop, Path], Made]


class Case(NamedTuple):
    """What is wrong, whose build it is, the code of the rule that has to find it (None: it is clean), and its maker."""

    title: str
    backend: str
    code: str | None
    make: Make


CASES: list[Case] = []


def case(title: str, backend: str, code: str | None) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        CASES.append(Case(title, backend, code, make))
        return make

    return register


def released(folder: Path, files: list[Path], *arguments: str) -> Made:
    """A call with these distributions, in no repository."""
    return Made(folder, [*map(str, files), *arguments], files)


def tagged(repo: Repo, *arguments: str) -> Made:
    """A call in the tree."""
    return Made(repo.path, list(arguments), [])


def edited(
    title: str, backend: str, code: str | None, which: int, edit: Callable[[Files], None], **how: object
) -> None:
    """A case in which one file of the clean sdist (0) or wheel (1) is changed, everything else kept consistent."""

    @case(title, backend, code)
    def make(shop: Workshop, folder: Path) -> Made:
        files = shop.dists(folder, backend)
        files[which] = change(files[which], edit, **how)  # type: ignore[arg-type]
        return released(folder, files, "--tag", "v1.2.3")


def built(
    title: str,
    backend: str,
    code: str | None,
    changes: dict[str, str],
    more: dict[str, str | None] | None = None,
    tag: str | None = "v1.2.3",
) -> None:
    """A case that the backend itself builds so, from a project with other texts in it."""

    @case(title, backend, code)
    def make(shop: Workshop, folder: Path) -> Made:
        repo = shop.tree(folder, backend, changes, more)
        return released(folder, shop.build(repo), *(("--tag", tag) if tag else ()))


# ------------------------------------------------------------------------------------------------------ the version


@case("left over from the release before", "hatchling", "RV702")
def left_over(shop: Workshop, folder: Path) -> Made:
    return released(folder, shop.dists(folder, "hatchling"), "--tag", "v1.2.4")


@case("sdist and wheel of two versions", "pdm-backend", "RV702")
def two_versions(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder, "pdm-backend")
    [wheel] = shop.build(repo, ("wheel",))
    for name in ("pyproject.toml", "src/demo_pkg/__init__.py"):
        path = repo.path / name
        path.write_text(path.read_text().replace("1.2.3", "1.2.4"))
    [sdist] = shop.build(repo, ("sdist",))
    return released(folder, [sdist, wheel])


LAGS = {'__version__ = "1.2.3"': '__version__ = "1.2.2"'}
built("__version__ lags behind", "hatchling", "RV713", LAGS)
built("__version__ lags behind", "setuptools", "RV713", LAGS)
built(
    "__version__ comes from a module that lags",
    "poetry-core",
    "RV713",
    {'__version__ = "1.2.3"': "from ._meta import VERSION as __version__"},
    {"src/demo_pkg/_meta.py": 'VERSION = "1.2.2"\n'},
)
built(
    "__version__ is put together from a tuple that lags",
    "hatchling",
    "RV713",
    {'__version__ = "1.2.3"': "VERSION = (1, 2, 2)\n__version__ = '.'.join(map(str, VERSION))"},
)
built("a local version", "setuptools", "RV718", {'"1.2.3"': '"1.2.3+g1a2b3c4"'}, tag=None)
built("a local version", "pdm-backend", "RV718", {'"1.2.3"': '"1.2.3+ubuntu1"'}, tag=None)
built(
    "no version: setuptools calls it 0.0.0",
    "setuptools",
    "RV302",
    {'version = "1.2.3"\ndesc': 'dynamic = ["version"]\ndesc', '__version__ = "1.2.3"': ""},
    tag=None,
)
SCM = {
    "requires = ['setuptools>=77']": "requires = ['setuptools>=77', 'setuptools-scm']",
    'version = "1.2.3"\ndesc': 'dynamic = ["version"]\ndesc',
    '__version__ = "1.2.3"\n': "",
    'fast = ["orjson"]\n': 'fast = ["orjson"]\n\n[tool.setuptools_scm]\n',
}


@case("setuptools-scm in a shallow clone", "setuptools", "RV302")
def shallow_build(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder / "full", "setuptools", SCM)
    repo.commit()
    repo("clone", "-q", "--depth", "1", f"file://{repo.path}", str(folder / "shallow"))
    return released(folder, shop.build(Repo(folder / "shallow")))


edited(
    "pyproject.toml of the sdist is of another version",
    "flit-core",
    "RV713",
    0,
    lambda f: text(f, "/pyproject.toml", '"1.2.3"', '"1.2.4"'),
)

# -------------------------------------------------------------------------------------------------------- the names

built("an sdist's name from before PEP 625", "setuptools 65", "RV711", {'name = "demo-pkg"': 'name = "Demo.Pkg"'})
edited("the wheel was renamed", "flit-core", "RV712", 1, lambda f: None, name="demo_pkg-1.2.4-py3-none-any.whl")
edited("the sdist was renamed", "poetry-core", "RV712", 0, lambda f: None, name="demo_pkg-1.2.4.tar.gz")
edited(
    "the version in a file name isn't canonical",
    "poetry-core",
    "RV711",
    0,
    lambda f: None,
    name="demo_pkg-v1.2.3.tar.gz",
)
edited(
    "the wheel's tags were renamed",
    "meson-python",
    "RV712",
    1,
    lambda f: None,
    name="demo_pkg-1.2.3-cp311-cp311-linux_x86_64.whl",
)


@case("an sdist as .zip", "setuptools", "RV711")
def zipped_sdist(shop: Workshop, folder: Path) -> Made:
    sdist, wheel = shop.dists(folder, "setuptools")
    write_wheel(folder / "demo_pkg-1.2.3.zip", sdist_files(sdist))
    sdist.unlink()
    return released(folder, [folder / "demo_pkg-1.2.3.zip", wheel])


@case("the wheel of another project", "hatchling", "RV703")
def other_project(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder, "hatchling")
    other = shop.dists(folder / "dist", "flit-core" if shop.isolated else "hatchling")
    repo.commit(files={"pyproject.toml": (folder / "pyproject.toml").read_text().replace('"demo-pkg"', '"other"')})
    repo("tag", "-f", "v1.2.3")
    return Made(folder, [*map(str, other), "--project", ".", "--tag", "v1.2.3"], other)


@case("the sdist unpacks into another folder", "pdm-backend", "RV712")
def other_folder(shop: Workshop, folder: Path) -> Made:
    sdist, wheel = shop.dists(folder, "pdm-backend")
    files = {f"demo_pkg-1.2.2/{name.partition('/')[2]}": data for name, data in sdist_files(sdist).items()}
    return released(folder, [write_sdist(sdist, files), wheel])


def _second(files: Files) -> None:
    files["demo_pkg-1.2.2.dist-info/METADATA"] = b"Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.2.2\n"


edited("a second .dist-info in the wheel", "setuptools", "RV714", 1, _second)


def _data(files: Files) -> None:
    files["demo_pkg-1.2.2.data/scripts/demo"] = b"#!python\n"


edited("a .data folder of another version in the wheel", "flit-core", "RV712", 1, _data)

# ----------------------------------------------------------------------------------------------------- the metadata


@case("Requires-Python is invalid", "setuptools 65", "RV403")
def requires_python(shop: Workshop, folder: Path) -> Made:
    return legacy(shop, folder, "python_requires='>=3.6.*'")


@case("a dependency is invalid", "setuptools 65", "RV401")
def requires_dist(shop: Workshop, folder: Path) -> Made:
    return legacy(shop, folder, "install_requires=['pytz>dev']")


def legacy(shop: Workshop, folder: Path, keyword: str) -> Made:
    """A setup.py for a setuptools that took what packaging refuses today."""
    setup = f"from setuptools import setup\nsetup(name='demo-pkg', version='1.2.3', {keyword}, packages=['demo_pkg'],\n"
    setup += "    package_dir={'': 'src'}, description='A demonstration', long_description='demo', url='https://a.example')\n"
    project = (
        "[build-system]\nrequires = ['setuptools==65.5.0', 'wheel==0.38.4']\nbuild-backend = 'setuptools.build_meta'\n"
    )
    repo = shop.tree(folder, "setuptools 65", more={"setup.py": setup, "pyproject.toml": project})
    return released(folder, shop.build(repo, ("wheel",)))


URL = {'"click>=8"': '"click @ https://example.org/click-8.0-py3-none-any.whl"'}
built("a dependency by URL", "flit-core", "RV719", URL)
built("a dependency by URL", "setuptools", "RV719", URL)
edited(
    "a dependency is missing in the wheel",
    "poetry-core",
    "RV716",
    1,
    lambda f: text(f, "METADATA", "Requires-Dist: click (>=8)", "Requires-External: x"),
)
edited(
    "Requires-Python of sdist and wheel differ",
    "pdm-backend",
    "RV716",
    0,
    lambda f: text(f, "/PKG-INFO", "Requires-Python: >=3.8", "Requires-Python: >=3.9"),
)
edited(
    "Version stands in METADATA twice",
    "hatchling",
    "RV715",
    1,
    lambda f: text(f, "METADATA", "Version: 1.2.3\n", "Version: 1.2.3\nVersion: 1.2.4\n"),
)
edited(
    "License beside License-Expression",
    "flit-core",
    "RV715",
    1,
    lambda f: text(f, "METADATA", "Summary: ", "License-Expression: MIT\nLicense: MIT\nSummary: "),
)
edited(
    "a Summary longer than an index takes",
    "poetry-core",
    "RV715",
    1,
    lambda f: text(f, "METADATA", "Summary: ", f"Summary: {'x' * 600}"),
)
edited(
    "a line break in Summary ends the metadata",
    "setuptools",
    "RV715",
    1,
    lambda f: text(f, "METADATA", "Summary: A demonstration\n", "Summary: A\ndemonstration\n"),
)
WHEEL_2 = "Wheel-Version: 1.0", "Wheel-Version: 2.0"
edited("the wheel is of a format to come", "setuptools", "RV715", 1, lambda f: text(f, ".dist-info/WHEEL", *WHEEL_2))
edited(
    "an extra isn't declared", "poetry-core", "RV715", 1, lambda f: text(f, "METADATA", "Provides-Extra: fast\n", "")
)
built(
    "a script leads to no object",
    "hatchling",
    "RV715",
    {"[project.optional-dependencies]": '[project.scripts]\ndemo = "demo_pkg"\n\n[project.optional-dependencies]'},
)
edited(
    "the licence isn't in the wheel",
    "setuptools",
    "RV714",
    1,
    lambda f: text(f, "METADATA", "Name: ", "License-File: LICENSE\nName: "),
)
edited(
    "pyproject.toml of the sdist is of another project",
    "pdm-backend",
    "RV712",
    0,
    lambda f: text(f, "/pyproject.toml", 'name = "demo-pkg"', 'name = "demo"'),
)
edited(
    "pyproject.toml of the sdist is broken",
    "flit-core",
    "RV715",
    0,
    lambda f: text(f, "/pyproject.toml", "[proj", "[[proj"),
)


EXTRA = "[project.optional-dependencies]"
built(
    "a script leads to a module that isn't in the wheel",
    "hatchling",
    "RV714",
    {EXTRA: f'[project.scripts]\ndemo = "demo_pkg.cli:main"\n\n{EXTRA}'},
)
built(
    "a classifier says that it is typed, and py.typed is missing",
    "hatchling",
    "RV714",
    {'readme = "README.md"\n': 'readme = "README.md"\nclassifiers = ["Typing :: Typed"]\n'},
)
edited(
    "Requires-Python accepts no Python",
    "pdm-backend",
    "RV409",
    1,
    lambda f: text(f, "METADATA", "Requires-Python: >=3.8", "Requires-Python: >3.12,<3.8"),
)
built(
    "a page without https://",
    "hatchling",
    "RV715",
    {EXTRA: f'[project.urls]\nHomepage = "example.org"\n\n{EXTRA}'},
)
edited(
    "an author's e-mail address that is none",
    "poetry-core",
    "RV715",
    1,
    lambda f: text(f, "METADATA", "Summary: ", "Author-email: nobody\nSummary: "),
)
built(
    "a compiled module in a wheel for any system",
    "hatchling",
    "RV712",
    {},
    {"src/demo_pkg/_fast.cpython-311-x86_64-linux-gnu.so": "left over from a build in place"},
)
built("a module that can't be a file on Windows", "hatchling", "RV731", {}, {"src/demo_pkg/aux.py": "AUX = 1\n"})
edited(
    "Summary of the wheel is another",
    "poetry-core",
    "RV716",
    1,
    lambda f: text(f, "METADATA", "Summary: A demonstration", "Summary: Another"),
)
edited(
    "RECORD tells another size",
    "flit-core",
    "RV717",
    1,
    lambda f: text(f, "RECORD", f",{len(f['demo_pkg/__init__.py'])}", ",1"),
    record=False,
)


def _scripts(files: Files) -> None:
    files["demo_pkg-1.2.3.dist-info/entry_points.txt"] = b"[console_scripts]\n../demo = demo_pkg:main\n"


edited("a script that would be written to another folder", "setuptools", "RV715", 1, _scripts)
edited(
    "a folder of .data that installers don't know",
    "pdm-backend",
    "RV715",
    1,
    lambda f: f.update({"demo_pkg-1.2.3.data/lib/demo.py": b""}),
)
edited("a file beside the folder of the sdist", "setuptools", "RV714", 0, lambda f: f.update({"pyproject.toml": b""}))
edited(
    "names that differ in how an accent is written",
    "hatchling",
    "RV732",
    1,
    lambda f: f.update({"demo_pkg/d\u00e9j\u00e0.txt": b"", "demo_pkg/de\u0301ja\u0300.txt": b""}),
)
edited("a file where a folder is", "flit-core", "RV732", 1, lambda f: f.update({"demo_pkg": b"text"}))


@case("a wheel for a platform that no index knows", "meson-python", "RV710")
def unknown_platform(shop: Workshop, folder: Path) -> Made:
    sdist, wheel = shop.dists(folder, "meson-python")
    tag = "py3-none-mingw_x86_64"
    name = wheel.name.replace("py3-none-any", tag)
    return released(
        folder, [sdist, change(wheel, lambda f: text(f, "WHEEL", "Tag: py3-none-any", f"Tag: {tag}"), name=name)]
    )


@case("a module of the wheel is another than that of the sdist", "hatchling", "RV722")
def another_module(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder, "hatchling", more={"src/demo_pkg/main.py": "LIMIT = 1\n"})
    sdist = shop.build(repo, ("sdist",))
    (folder / "src/demo_pkg/main.py").write_text("LIMIT = 2\n")
    return released(folder, [*sdist, *shop.build(repo, ("wheel",))])


@case("a module of the wheel was taken out of the sources long ago", "setuptools", "RV722")
def stale_build(shop: Workshop, folder: Path) -> Made:
    """What is left in build/ goes into each wheel."""
    repo = shop.tree(folder, "setuptools", more={"src/demo_pkg/old.py": "OLD = 1\n"})
    shop.build(repo, ("wheel",))
    repo("rm", "-q", "src/demo_pkg/old.py")
    return released(folder, shop.build(repo))


@case("a module of the wheel is another, with a setup.py that makes files", "setuptools", "RV722")
def another_module_of_setup_py(shop: Workshop, folder: Path) -> Made:
    setup = "from pathlib import Path\nfrom setuptools import setup\n"
    setup += "Path('src/demo_pkg/made.py').write_text('MADE = 1\\n')\nsetup()\n"
    repo = shop.tree(folder, "setuptools", more={"setup.py": setup, "src/demo_pkg/main.py": "LIMIT = 1\n"})
    sdist = shop.build(repo, ("sdist",))
    (folder / "src/demo_pkg/main.py").write_text("LIMIT = 2\n")
    return released(folder, [*sdist, *shop.build(repo, ("wheel",))])


edited("PKG-INFO is missing", "hatchling", "RV714", 0, lambda f: drop(f, "/PKG-INFO"))
edited("WHEEL is missing", "pdm-backend", "RV714", 1, lambda f: drop(f, "/WHEEL"))
built(
    "nothing is in the wheel",
    "setuptools",
    "RV714",
    {
        'dependencies = ["click>=8", "tomli>=1; python_version<\'3.11\'"]\n': "",
        'fast = ["orjson"]\n': 'fast = ["orjson"]\n\n[tool.setuptools]\npackages = []\n',
    },
)

# ---------------------------------------------------------------------------------------------------------- the zip

edited(
    "a file was changed after the build",
    "pdm-backend",
    "RV717",
    1,
    lambda f: text(f, "__init__.py", "A dem", "Another dem"),
    record=False,
)


def _unlisted(files: Files) -> None:
    files["demo_pkg/extra.py"] = b"import os\n"


edited("a file is not in RECORD", "flit-core", "RV717", 1, _unlisted, record=False)


def _cut(which: int, backend: str) -> None:
    @case(f"the upload of the {'wheel' if which else 'sdist'} was cut off", backend, "RV734")
    def make(shop: Workshop, folder: Path) -> Made:
        files = shop.dists(folder, backend)
        files[which].write_bytes(files[which].read_bytes()[:-100])
        return released(folder, files)


_cut(0, "hatchling")
_cut(1, "setuptools")


@case("something is appended to the wheel", "poetry-core", "RV734")
def appended(shop: Workshop, folder: Path) -> Made:
    files = shop.dists(folder, "poetry-core")
    files[1].write_bytes(files[1].read_bytes() + wheel_files(files[1])["demo_pkg/__init__.py"])
    return released(folder, files)


@case("a wheel before the wheel", "hatchling", "RV734")
def prepended(shop: Workshop, folder: Path) -> Made:
    files = shop.dists(folder, "hatchling")
    files[1].write_bytes(files[1].read_bytes() * 2)
    return released(folder, files)


@case("two files of one name in the wheel", "hatchling", "RV732")
def duplicate(shop: Workshop, folder: Path) -> Made:
    sdist, wheel = shop.dists(folder, "hatchling")
    with zipfile.ZipFile(wheel, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("demo_pkg/__init__.py", b"import os\n")
    return released(folder, [sdist, wheel])


@case("a file in the wheel that its directory doesn't know", "setuptools", "RV734")
def hidden(shop: Workshop, folder: Path) -> Made:
    sdist, wheel = shop.dists(folder, "setuptools")
    return released(folder, [sdist, two_readings(wheel)])


@case("a wheel that was written as a stream", "poetry-core", "RV734")
def data_descriptor(shop: Workshop, folder: Path) -> Made:
    sdist, wheel = shop.dists(folder, "poetry-core")
    return released(folder, [sdist, streamed(wheel)])


def _case(files: Files) -> None:
    files["demo_pkg/Data.txt"] = files["demo_pkg/data.txt"] = b"text"


edited("two files that are one on Windows and macOS", "flit-core", "RV732", 1, _case)


def _upwards(files: Files) -> None:
    files["demo_pkg/../../evil.py"] = b"import os\n"


edited("a path that leads upwards in the wheel", "flit-core", "RV731", 1, _upwards)


def with_member(title: str, backend: str, code: str | None, make_member: Callable[[], tarfile.TarInfo]) -> None:
    @case(title, backend, code)
    def make(shop: Workshop, folder: Path) -> Made:
        sdist, wheel = shop.dists(folder, backend)
        return released(folder, [write_sdist(sdist, sdist_files(sdist), make_member()), wheel])


def link(target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo("demo_pkg-1.2.3/link")
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def _sized(size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo("demo_pkg-1.2.3/zeros")
    member.size = size
    return member


with_member("an absolute path in the sdist", "hatchling", "RV731", lambda: tarfile.TarInfo("/etc/cron.d/evil"))
with_member("a link that leads out of the sdist", "setuptools", "RV731", lambda: link("../../../etc/passwd"))
with_member("a bomb in the sdist", "hatchling", "RV733", lambda: _sized(80 * 2**20))


@case("a bomb in the wheel", "hatchling", "RV733")
def bomb(shop: Workshop, folder: Path) -> Made:
    sdist, wheel = shop.dists(folder, "hatchling")
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("demo_pkg/zeros", "w") as stream:
        for _ in range(80):
            stream.write(bytes(2**20))
    return released(folder, [sdist, wheel])


edited(
    "metadata of many megabytes",
    "pdm-backend",
    "RV733",
    1,
    lambda f: text(f, "METADATA", "Summary:", f"Keywords: {'x' * 20_000_000}\nSummary:"),
)

# ---------------------------------------------------------------------------------------------------------- the tag


def on_tag(
    title: str,
    code: str | None,
    tag: str,
    prepare: Callable[[Repo], object] = lambda repo: None,
    version: str = "1.2.3",
) -> None:
    @case(title, "hatchling", code)
    def make(shop: Workshop, folder: Path) -> Made:
        repo = shop.tree(folder, "hatchling", {'"1.2.3"': f'"{version}"'})
        if version != "1.2.3":
            repo("tag", "-d", "v1.2.3")
        prepare(repo)
        return tagged(repo, "--tag", tag)


on_tag("the tag is no version", "RV701", "v1.2.x")
on_tag("the tag is the output of git describe", "RV701", "v1.2.2-3-g1a2b3c4")
on_tag("the tag is not the project's version", "RV702", "v1.2.4")
on_tag(
    "an earlier release of the line is higher",
    "RV705",
    "v1.2.3",
    lambda r: (r("tag", "-d", "v1.2.3"), r("tag", "v1.2.10"), r.commit("v1.2.3")),
)
on_tag(
    "the version was tagged before, spelt otherwise",
    "RV706",
    "v1.2.3",
    lambda r: (r("tag", "-d", "v1.2.3"), r("tag", "1.2.3.0"), r.commit("v1.2.3")),
)
on_tag("the tag is on another commit", "RV704", "v1.2.3", lambda r: r.commit())
on_tag(
    "a file is changed and not committed", "RV708", "v1.2.3", lambda r: (r.path / "README.md").write_text("# other\n")
)


@case("the clone is shallow", "hatchling", "RV707")
def shallow(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder / "full", "hatchling")
    repo.commit()
    repo("tag", "-f", "v1.2.3")
    repo("clone", "-q", "--depth", "1", "--branch", "v1.2.3", f"file://{repo.path}", str(folder / "shallow"))
    return tagged(Repo(folder / "shallow"), "--tag", "v1.2.3")


@case("the sdist holds a file that git doesn't know", "hatchling", "RV708")
def untracked(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder, "hatchling")
    (folder / "src/demo_pkg/local.py").write_text("SECRET = 1\n")
    files = shop.build(repo)
    return Made(folder, [*map(str, files), "--project", ".", "--tag", "v1.2.3"], files)


@case("the wheel holds a file that git doesn't know", "hatchling", "RV708")
def untracked_in_wheel(shop: Workshop, folder: Path) -> Made:
    repo = shop.tree(folder, "hatchling")
    (folder / "src/demo_pkg/local.py").write_text("SECRET = 1\n")
    files = shop.build(repo, ("wheel",))
    (folder / "src/demo_pkg/local.py").unlink()
    return Made(folder, [*map(str, files), "--project", ".", "--tag", "v1.2.3"], files)


def changed_after(title: str, backend: str, kinds: tuple[str, ...]) -> None:
    @case(title, backend, "RV708")
    def make(shop: Workshop, folder: Path) -> Made:
        repo = shop.tree(folder, backend)
        files = shop.build(repo, kinds)
        repo.commit(files={"src/demo_pkg/__init__.py": '"""The last commit"""\n\n__version__ = "1.2.3"\n'})
        repo("tag", "-f", "v1.2.3")
        return Made(folder, [*map(str, files), "--project", ".", "--tag", "v1.2.3"], files)


changed_after("the sdist is from before the last commit", "hatchling", ("sdist",))
changed_after("the wheel is from before the last commit", "flit-core", ("wheel",))

# ------------------------------------------------------------------------------------------------------- the builds


def with_build(
    title: str, backend: str, code: str | None, changes: dict[str, str], more: dict[str, str | None]
) -> None:
    @case(title, backend, code)
    def make_build(shop: Workshop, folder: Path) -> Made:
        repo = shop.tree(folder, backend, changes, more)
        return tagged(repo, "--build", "--tag", "v1.2.3")


READS = """from pathlib import Path
from setuptools import setup
setup(install_requires=Path('requirements.in').read_text().split())
"""
DYNAMIC = {'dependencies = ["click>=8", "tomli>=1; python_version<\'3.11\'"]': 'dynamic = ["dependencies"]'}
with_build(
    "the sdist lacks data that the tree has",
    "setuptools",
    "RV722",
    {},
    {
        "setup.py": "from setuptools import setup\nsetup(package_data={'': ['*.json']})\n",
        "src/demo_pkg/data.json": "{}",
        "MANIFEST.in": "global-exclude *.json\n",
    },
)
with_build(
    "the sdist lacks what setup.py reads",
    "setuptools",
    "RV721",
    DYNAMIC,
    {"setup.py": READS, "requirements.in": "click"},
)
