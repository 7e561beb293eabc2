"""What a wheel has that its sdist hasn't: digests, what a build does with files, and who is a stranger."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools.versions.artifacts import contents, origin
from relengtools.versions.artifacts.handling import Handling, handling
from relengtools.versions.artifacts.origin import Strangers, strangers

COPIES, KEEPS, UNKNOWN = Handling.COPIES, Handling.KEEPS, Handling.UNKNOWN


@given(st.lists(st.binary(max_size=6) | st.sampled_from([b"\r", b"\n", b"\r\n", b"a\r", b"\nb"])))
def test_digests_do_not_depend_on_the_pieces(chunks):
    whole = b"".join(chunks)
    binary = b"\0" in (next(filter(None, chunks), b""))
    expected = whole if binary else whole.replace(b"\r\n", b"\n")
    found = contents.digests(filter(None, chunks))
    assert found == (hashlib.sha256(whole).digest(), hashlib.sha256(expected).digest())


# ----------------------------------------------------------------------------------------- what a build does with files


def system(backend: str | None, *requires: str, **tool: object) -> dict[str, object]:
    return {"build-system": {"build-backend": backend, "requires": list(requires)}, "tool": tool}


SETUPTOOLS = "setuptools.build_meta"


@pytest.mark.parametrize(
    ("document", "files", "expected"),
    [
        (system("flit_core.buildapi", "flit_core>=3"), {}, COPIES),
        (system("uv_build", "uv_build"), {}, COPIES),
        (system("hatchling.build", "hatchling", "hatch-vcs"), {}, COPIES),
        (system("hatchling.build", hatch={"build": {"hooks": {"vcs": {}}}}), {}, KEEPS),
        (system("hatchling.build", hatch={"build": {"targets": {"wheel": {"hooks": {}}}}}), {}, KEEPS),
        (system("hatchling.build", hatch={"build": {"targets": {"wheel": 7}}}), {}, COPIES),
        (system("hatchling.build"), {"hatch.toml": b""}, KEEPS),
        (system("poetry.core.masonry.api", "poetry-core>=2"), {}, COPIES),
        (system("poetry.core.masonry.api", "poetry-core", poetry={"build": "build.py"}), {}, KEEPS),
        (system("poetry.core.masonry.api", "poetry-core", "cython"), {}, KEEPS),
        (system("poetry_dynamic_versioning.backend", "poetry-core"), {}, KEEPS),
        (system("pdm.backend", "pdm-backend"), {}, COPIES),
        (system("pdm.backend", "pdm-backend"), {"pdm_build.py": b""}, KEEPS),
        (system("pdm.backend", "pdm-backend", pdm={"version": {"write_to": "v.py"}}), {}, KEEPS),
        (system("mesonpy", "meson-python"), {}, KEEPS),
        (system("maturin", "maturin"), {}, KEEPS),
        (system("sipbuild.api", "sip"), {}, UNKNOWN),
        (system(SETUPTOOLS, "setuptools", "wheel"), {}, COPIES),
        (system(SETUPTOOLS, "setuptools", "setuptools-scm[toml]>=8"), {}, KEEPS),
        (system(SETUPTOOLS, "setuptools", setuptools={"cmdclass": {}}), {}, KEEPS),
        (system(SETUPTOOLS, "setuptools", distutils={"build_ext": {}}), {}, KEEPS),
        ({}, {"setup.py": b"from setuptools import setup\nsetup(name='x', version=open('VERSION').read())\n"}, COPIES),
        ({}, {"setup.py": b"import versioneer\nfrom setuptools import setup\nsetup()\n"}, KEEPS),
        ({}, {"setup.py": b"from setuptools import setup\nopen('x.py', 'w').write('')\nsetup()\n"}, KEEPS),
        ({}, {"setup.py": b"import os\nos.system('make')\n"}, KEEPS),
        ({}, {"setup.py": b"setup(use_2to3=True)\n"}, UNKNOWN),
        ({}, {"setup.py": b"setup(cmdclass={'build_py': Build})\n"}, UNKNOWN),
        ({}, {"setup.cfg": b"[options]\nsetup_requires = pbr\n"}, KEEPS),
        ({"build-system": {"build-backend": "own", "backend-path": ["."]}}, {}, UNKNOWN),
        ({"build-system": 7, "tool": []}, {}, COPIES),
    ],
)
def test_what_a_build_does(document, files, expected):
    assert handling(document, files.get("setup.py", b""), files.get("setup.cfg", b""), files) is expected


# ------------------------------------------------------------------------------------------------------------ strangers


def digests(files: dict[str, str]) -> dict[str, bytes]:
    return {name: hashlib.sha256(text.encode()).digest() for name, text in files.items()}


SDIST = {"src/demo/__init__.py": "", "src/demo/main.py": "main", "src/demo/_version.py": "1", "data.json": "{}"}


@pytest.mark.parametrize(
    ("wheel", "handled", "changed", "added"),
    [
        ({"demo/__init__.py": "", "demo/main.py": "main"}, COPIES, [], []),
        ({"demo/main.py": "other"}, COPIES, ["demo/main.py"], []),
        ({"demo/main.py": "other"}, KEEPS, ["demo/main.py"], []),
        ({"demo/main.py": "other"}, UNKNOWN, [], []),
        ({"demo/main.py": ""}, COPIES, ["demo/main.py"], []),
        ({"demo/more.py": "more"}, COPIES, [], ["demo/more.py"]),
        ({"demo/more.py": "more"}, KEEPS, [], []),
        ({"demo/renamed.py": "main"}, COPIES, [], []),
        ({"demo/_version.py": "2"}, COPIES, ["demo/_version.py"], []),
        ({"demo/_version.py": "2"}, KEEPS, [], []),
        ({"demo/data.json": "{}"}, COPIES, [], []),
        ({"demo/data.json": "{ }"}, COPIES, [], ["demo/data.json"]),
        ({"data.json": "{ }"}, KEEPS, [], []),
        ({"demo/fast.cpython-311-x86_64-linux-gnu.so": "elf"}, COPIES, [], []),
        ({"demo-1.data/scripts/run": "#!python"}, COPIES, [], []),
        ({"demo-1.data/purelib/demo/main.py": "main"}, COPIES, [], []),
        ({"demo-1.data/purelib/demo/main.py": "other"}, COPIES, ["demo-1.data/purelib/demo/main.py"], []),
        ({"demo-1.0-nspkg.pth": "import sys"}, COPIES, [], []),
        ({"emain.py": "x"}, COPIES, [], ["emain.py"]),
    ],
)
def test_strangers(wheel, handled, changed, added):
    found = strangers(digests(wheel), digests(SDIST), handled)
    assert (list(found.changed), list(found.added)) == (changed, added)


def test_what_can_not_be_read_is_no_stranger():
    assert strangers(digests({"a.py": "1"}), {"a.py": origin.UNKNOWN}, COPIES).changed == ()


def test_where_the_files_are_is_told():
    assert strangers(digests({"demo/main.py": "main"}), digests(SDIST), COPIES) == Strangers(
        folders=frozenset({"src/"})
    )


@given(
    st.dictionaries(
        st.lists(st.sampled_from(["a", "src", "b.py", "x.data", ""]), min_size=1, max_size=4).map("/".join),
        st.sampled_from([b"1", b"2"]),
    )
)
def test_a_copy_has_no_strangers(files):
    for handled in Handling:
        assert strangers(files, files, handled)[:2] == ((), ())


def test_many_files_of_one_name_take_no_time_that_grows_with_their_square():
    names = {f"{i}/x/__init__.py": b"%d" % i for i in range(20_000)}
    assert len(strangers({f"{n}": b"?" for n in names}, names, COPIES).changed) == 20_000
