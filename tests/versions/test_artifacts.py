"""Archives that lie, file names, metadata, RECORD and modules: read within bounds, told in one line each."""

import ast
import gzip
import hashlib
import io
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versions.workshop import (
    CORE,
    SDIST,
    TAG,
    WHEEL,
    change,
    sdist,
    streamed,
    text,
    two_readings,
    wheel,
    wheel_files,
    write_sdist,
    write_wheel,
)

from relengtools.versions import artifact_rules
from relengtools.versions.artifacts import contents, distribution, entries, filename, folding, metadata, modules
from relengtools.versions.artifacts.distribution import DistributionError
from relengtools.versions.artifacts.filename import FileName, Form


def said(path: Path) -> list[tuple[str, str]]:
    findings = artifact_rules.judge(distribution.read(path, path.name))
    assert all(finding.message.isprintable() and len(finding.message) < 1000 for finding in findings)
    return [(finding.rule.code, finding.message) for finding in findings]


def codes(path: Path) -> list[str]:
    return [code for code, _ in said(path)]


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def test_clean(tmp_path: Path) -> None:
    assert said(sdist(tmp_path)) == said(wheel(tmp_path)) == []
    found = distribution.read(tmp_path / WHEEL, WHEEL)
    assert (found.name, found.version, found.form) == ("demo-pkg", "1.2.3", Form.WHEEL)


# --------------------------------------------------------------------------------------------------------- file names


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("demo_pkg-1.2.3.tar.gz", ("demo_pkg", "1.2.3")),
        ("demo_pkg-1.0-1.tar.gz", ("demo_pkg-1.0", "1")),
        ("demo.tar.gz", None),
        ("-1.0.tar.gz", None),
        ("demo-1.0-py3-none-any.whl", ("demo", "1.0")),
        ("demo-1.0-1-py3-none-any.whl", ("demo", "1.0")),
        ("demo-1.0-x1-py3-none-any.whl", None),
        ("demo-1.0-py3-none.whl", None),
        ("demo-1.0-py3-none-any-more-parts.whl", None),
        ("demo-1.0-py3-no ne-any.whl", None),
    ],
)
def test_file_names_are_read_strictly(name, parts):
    found = filename.split(name)
    assert (found and (found.name, found.version)) == parts


def test_compressed_tags():
    found = filename.split("demo-1.0-py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
    assert isinstance(found, FileName)
    assert len(found.tags) == 4
    assert "py2-none-manylinux2014_x86_64" in found.tags
    assert len(filename.tags("-".join([".".join(f"a{i}" for i in range(1000))] * 3))) <= 10_000


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("demo-pkg-1.2.3.tar.gz", "RV711"),
        ("Demo_Pkg-1.2.3.tar.gz", "RV711"),
        ("demo_pkg-1.2.3.zip", "RV734"),  # it is a .tar.gz
        ("demo_pkg-v1.2.3.tar.gz", "RV711"),
        ("demo_pkg-01.2.3.tar.gz", "RV711"),
        ("demo_pkg-1.2.3-0.tar.gz", "RV712"),
        ("demo_pkg-1.2.4.tar.gz", "RV712"),
        ("other-1.2.3.tar.gz", "RV712"),
        ("demo_pkg_extra-1.2.3.tar.gz", "RV712"),
        ("demo_pkg-1.x.tar.gz", "RV712"),
        ("demo.tar.gz", "RV711"),
        ("Demo_pkg-1.2.3-py3-none-any.whl", "RV711"),
        ("demo_pkg-1.2.4-py3-none-any.whl", "RV712"),
        ("demo_pkg-1.2.3-cp311-cp311-linux_x86_64.whl", "RV712"),
        ("demo_pkg-1.2.3.whl", "RV711"),
    ],
)
def test_another_name_of_the_file_is_found(tmp_path, name, code):
    (wheel(tmp_path) if name.endswith(".whl") else sdist(tmp_path)).rename(tmp_path / name)
    assert code in codes(tmp_path / name)


def test_the_name_that_it_has_to_have_is_told(tmp_path):
    core = CORE.replace(b"demo-pkg", b"Demo.Pkg").replace(b"1.2.3", b"1.2.3-RC1")
    path = write_sdist(tmp_path / "Demo.Pkg-1.2.3-RC1.tar.gz", {"Demo.Pkg-1.2.3-RC1/PKG-INFO": core})
    assert ("RV711", "Demo.Pkg-1.2.3-RC1.tar.gz has to be called demo_pkg-1.2.3rc1.tar.gz") in said(path)
    assert "RV712" not in codes(path)


@pytest.mark.parametrize(
    ("folder", "code"),
    [("demo_pkg-1.2.2", "RV712"), ("demo-1.2.3", "RV712"), ("demo-pkg-1.2.3.0", None), ("x", "RV712")],
)
def test_the_folder_of_an_sdist(tmp_path, folder, code):
    files = {f"{folder}/PKG-INFO": CORE, f"{folder}/setup.py": b""}
    assert codes(write_sdist(tmp_path / SDIST, files)) == ([code] if code else [])


# ----------------------------------------------------------------------------------------------------------- metadata


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (b"Requires-Python: >=3.6.*\n", "RV403"),
        (b"Requires-Python: >=3.8\nRequires-Dist: click>=8\n", None),
        (b"Requires-Dist: a; extra == 'b_c'\nProvides-Extra: b-c\n", None),
        (b"Requires-Dist: a; extra == 'b'\nProvides-Extra: c\n", "RV715"),
        (b"Requires-Dist: pytz (>dev)\n", "RV401"),
        (b"Requires-Dist: foo>=1.0.*\n", "RV401"),
        (b"Requires-Dist: foo (>=1.0)\n", None),
        (b"Requires-Dist: foo @ https://example.org/foo.zip\n", "RV719"),
        (b"Requires-Dist: foo>=1; 'a@b' == platform_version\n", None),
        (b"Name: other\n", "RV715"),
        (b"Summary: one\n two\n", "RV715"),
        (b"License-Expression: no such licence\n", "RV715"),
        (b"License-Expression: MIT\nLicense: MIT\n", "RV715"),
        (b"License-Expression: MIT\nClassifier: License :: OSI Approved\n", None),
        (b"Summary: " + b"x" * 512 + b"\n", None),
        (b"Summary: " + b"x" * 513 + b"\n", "RV715"),
        (b"Project-URL: " + b"x" * 32 + b", https://example.org\n", None),
        (b"Project-URL: " + b"x" * 33 + b", https://example.org\n", "RV715"),
        (b"Dynamic: Version\n", "RV715"),
        (b"Metadata-Version: 2.1\n", "RV715"),
        (b"a line that is no field\nRequires-Dist: lost\n", "RV715"),
        (b"Author: \xff\n", "RV715"),
        (b"Classifier: Future :: Thing\nFuture-Field: 1\n", None),
        (b"License-File: LICENSE\n", "RV714"),
        (b"\nthe description: with a colon\n", None),
        (b"".join(b"X-%d: 1\n" % i for i in range(500)), "RV715"),
        (b"Classifier: x\n" * 30_000, "RV715"),
        (b"Keywords: " + b"x" * 5_000_000 + b"\n", "RV733"),
    ],
)
def test_fields(tmp_path, more, code):
    found = codes(wheel(tmp_path, {"demo_pkg-1.2.3.dist-info/METADATA": CORE + more}))
    assert (code in found) if code else (found == [])


@pytest.mark.parametrize("field", [b"Name: demo-pkg\n", b"Version: 1.2.3\n", b"Metadata-Version: 2.4\n"])
def test_required_fields(tmp_path, field):
    assert "RV715" in codes(sdist(tmp_path, {"demo_pkg-1.2.3/PKG-INFO": CORE.replace(field, b"")}))


def test_an_unknown_metadata_version_is_fine(tmp_path):
    assert said(sdist(tmp_path, {"demo_pkg-1.2.3/PKG-INFO": CORE.replace(b"2.4", b"9.1")})) == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.2.3+local.1", ["RV718"]),
        ("0.0.0", ["RV302"]),
        ("0.1.dev1+g1a2b3c4", ["RV302", "RV718"]),
        ("1.x", ["RV101", "RV712"]),
        ("1!1.2.3.post1", []),
    ],
)
def test_the_version_by_itself(tmp_path, version, expected):
    files = {
        f"demo_pkg-{version}/PKG-INFO": CORE.replace(b"1.2.3", version.encode()),
        f"demo_pkg-{version}/setup.py": b"",
    }
    found = codes(write_sdist(tmp_path / f"demo_pkg-{version}.tar.gz", files))
    assert sorted(set(found) - {"RV711"}) == [code for code in expected if code != "RV712"]


@given(
    st.binary(max_size=400)
    | st.lists(
        st.sampled_from(
            [
                b"Name: x",
                b"Version: 1",
                b"\n",
                b"Summary: =?utf-8?q?=ff?=",
                b"\xff",
                b"a:b",
                b": ",
                b" x",
                b"Project-URL: x",
                b"Name: =?x?",
                b"Keywords:",
                b"Dynamic: \xe9",
                b"Description: |",
            ]
        )
    ).map(b"\n".join)
)
def test_no_metadata_raises(data):
    found = metadata.read(CORE + data)
    assert all(mistake.isprintable() for mistake in found.mistakes)
    metadata.read(data)


# ------------------------------------------------------------------------------------------------------------ modules


@pytest.mark.parametrize(
    ("names", "project", "found"),
    [
        (
            ["demo/__init__.py", "demo/_version.py", "demo/sub/__init__.py"],
            "demo",
            {"demo/__init__.py", "demo/_version.py"},
        ),
        (["demo.py", "other.py"], "demo", {"demo.py"}),
        (["PIL/__init__.py", "PIL/_version.py"], "pillow", {"PIL/__init__.py", "PIL/_version.py"}),
        (["a/__init__.py", "b/__init__.py"], "demo", set()),
        (["a/__init__.py", "tests/__init__.py"], "demo", {"a/__init__.py"}),
        (["google/protobuf/__init__.py", "google/_upb/x.so"], "protobuf", {"google/protobuf/__init__.py"}),
        (["zope/interface/__init__.py", "other/__init__.py"], "zope.interface", {"zope/interface/__init__.py"}),
        (["Demo_Pkg/__init__.py", "x/__init__.py"], "demo-pkg", {"Demo_Pkg/__init__.py"}),
        ([], "demo", set()),
    ],
)
def test_the_package_of_a_project(names, project, found):
    assert modules.candidates(dict.fromkeys(names, 10), project) == found


@pytest.mark.parametrize(
    ("files", "versions"),
    [
        ({"d/__init__.py": b'__version__ = "1"\n'}, ["1"]),
        ({"d/__init__.py": b"from ._v import v as __version__\n", "d/_v.py": b'v = "2"\n'}, ["2"]),
        ({"d/__init__.py": b"from d._v import __version__\n", "d/_v.py": b'__version__ = version = "2"\n'}, ["2"]),
        ({"d/__init__.py": b"from .a import __version__\n", "d/a.py": b"from .__init__ import __version__\n"}, []),
        ({"d/__init__.py": b"import importlib.metadata\n__version__ = importlib.metadata.version('d')\n"}, []),
        ({"d/__init__.py": b'try:\n    from ._v import __version__\nexcept ImportError:\n    __version__ = "0"\n'}, []),
        ({"d/__init__.py": b'__version__ = "1"\n', "d/_version.py": b'__version__ = "2"\n'}, ["2", "1"]),
        ({"d/__init__.py": b"__version__ = (\n"}, []),
        ({"d/__init__.py": b"\xff__version__"}, []),
        ({"d/helper.py": b'__version__ = "7"\n', "d/__init__.py": b""}, []),
        ({"d.py": b'__version__ = "3"\n'}, ["3"]),
    ],
)
def test_what_modules_say(files, versions):
    assert [found.version for found in modules.statements(files)] == versions


def test_modules_and_pyproject_against_the_distribution(tmp_path):
    assert ("RV713", "demo_pkg/__init__.py:2 says 1.2.2, the wheel 1.2.3") in said(
        wheel(tmp_path, {"demo_pkg/__init__.py": b'\n__version__ = "1.2.2"\n'})
    )
    assert codes(wheel(tmp_path, {"demo_pkg/__init__.py": b'__version__ = "v1.2.3.0"\n'})) == []
    assert codes(wheel(tmp_path, {"demo_pkg/__init__.py": b"#" * 300_000 + b'\n__version__ = "1"\n'})) == [], (
        "too large"
    )
    for stated in (b'[project]\nversion = "1.2.4"\n', b'[tool.poetry]\nversion = "1.2.4"\n'):
        assert codes(sdist(tmp_path, {"demo_pkg-1.2.3/pyproject.toml": stated})) == ["RV713"]
    for stated in (
        b'[project]\ndynamic = ["version"]\n',
        b'[project]\nversion = "1.2.3.0"\n',
        b'[project]\nname = "Demo.Pkg"\n',
        b"tool = 1\n",
    ):
        assert codes(sdist(tmp_path, {"demo_pkg-1.2.3/pyproject.toml": stated})) == []
    assert codes(sdist(tmp_path, {"demo_pkg-1.2.3/pyproject.toml": b"[project\n"})) == ["RV715"]
    assert codes(sdist(tmp_path, {"demo_pkg-1.2.3/pyproject.toml": b'[project]\nname = "demo"\n'})) == ["RV712"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"[metadata]\nname = demo_pkg\nversion = 1.2.2\n", ["RV713"]),
        (b"[metadata]\nname = other\nversion = 1.2.3\n", ["RV712"]),
        (b"[metadata]\nname = demo.pkg\nversion = attr: demo_pkg.__version__\n", []),
        (b"[egg_info]\ntag_build = dev\n", []),
        (b"metadata\n\xff", []),
    ],
)
def test_setup_cfg_against_the_sdist(tmp_path, text, found):
    assert codes(sdist(tmp_path, {"demo_pkg-1.2.3/setup.cfg": text})) == found


@pytest.mark.parametrize(
    ("more", "files", "found"),
    [
        (b"License-File: LICENSE\n", {"licenses/LICENSE": b""}, []),
        (b"License-File: LICENSE\n", {"LICENSE": b""}, ["RV714"]),
        (b"License-File: a/../b\n", {}, ["RV714", "RV715"]),
    ],
)
def test_licence_files_are_there_since_metadata_2_4(tmp_path, more, files, found):
    info = "demo_pkg-1.2.3.dist-info"
    inside = {f"{info}/{name}": data for name, data in files.items()}
    assert sorted(codes(wheel(tmp_path, {f"{info}/METADATA": CORE + more, **inside}))) == found
    old = CORE.replace(b"2.4", b"2.1") + more
    assert "RV714" not in codes(wheel(tmp_path, {f"{info}/METADATA": old, **inside}))


@pytest.mark.parametrize("said", [b"2.0", b"one", b""])
def test_a_wheel_of_another_format(tmp_path, said):
    wrong = TAG.replace(b"Wheel-Version: 1.0", b"Wheel-Version: " + said)
    assert codes(wheel(tmp_path, {"demo_pkg-1.2.3.dist-info/WHEEL": wrong})) == ["RV715"]
    right = TAG.replace(b"Wheel-Version: 1.0", b"Wheel-Version: 1.9")
    assert codes(wheel(tmp_path, {"demo_pkg-1.2.3.dist-info/WHEEL": right})) == []


# ------------------------------------------------------------------------------------------------------------- RECORD


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("demo_pkg/__init__.py,sha256=", "demo_pkg/__init__.py,sha256=x", "its digest is another"),
        ("demo_pkg/__init__.py,sha256=", "demo_pkg/__init__.py,md5=", "its digest is md5, which is not allowed"),
        (
            "demo_pkg/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
            "demo_pkg/__init__.py,",
            "it has no digest",
        ),
        ("demo_pkg/__init__.py", "demo_pkg/other.py", "demo_pkg/other.py is listed and not there"),
        ("demo_pkg/__init__.py", "x" * 200_000, "it can't be read"),
        (
            "demo_pkg/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
            "demo_pkg/__init__.py,sha512=x",
            None,
        ),
    ],
)
def test_record(tmp_path, old, new, message):
    path = change(wheel(tmp_path), lambda files: text(files, "RECORD", old, new), record=False)
    found = said(path)
    assert all(code == "RV717" for code, _ in found)
    assert any(message in text for _, text in found) if message else found == []


def test_signatures_need_no_line(tmp_path):
    path = change(wheel(tmp_path), lambda f: f.update({"demo_pkg-1.2.3.dist-info/RECORD.jws": b"x"}), record=False)
    assert said(path) == []


# -------------------------------------------------------------------------------------------------------- what lacks


@pytest.mark.parametrize("name", ["METADATA", "WHEEL", "RECORD"])
def test_a_wheel_lacks_something(tmp_path, name):
    path = change(
        wheel(tmp_path), lambda files: files.pop(f"demo_pkg-1.2.3.dist-info/{name}") and None, record=name != "RECORD"
    )
    assert ("RV714", f"demo_pkg-1.2.3.dist-info/{name} is missing") in said(path)


def test_empty_ones(tmp_path):
    info = "demo_pkg-1.2.3.dist-info"
    assert ("RV714", "one .dist-info folder has to be at the top, and there is none") in said(
        write_wheel(tmp_path / WHEEL, {"demo_pkg/__init__.py": b""})
    )
    bare = change(wheel(tmp_path), lambda files: files.pop("demo_pkg/__init__.py") and None)
    assert said(bare) == [("RV714", "there is nothing to install in it")]
    meta = change(bare, lambda files: files.update({f"{info}/METADATA": CORE + b"Requires-Dist: other\n"}))
    assert said(meta) == []
    extra = b"Requires-Dist: o; extra == 'x'\nProvides-Extra: x\n"
    extras = change(bare, lambda files: files.update({f"{info}/METADATA": CORE + extra}))
    assert codes(extras) == ["RV714"]
    assert codes(write_sdist(tmp_path / SDIST, {})) == ["RV714"]
    assert ("RV714", "neither pyproject.toml nor setup.py says how to build it") in said(
        write_sdist(tmp_path / SDIST, {"demo_pkg-1.2.3/PKG-INFO": CORE})
    )


# ----------------------------------------------------------------------------------------------------------- archives


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "demo_pkg/../../evil.py",
        "/etc/evil",
        "C:/evil",
        "demo_pkg\\evil.py",
        "demo_pkg/\x1b[2Jevil.py",
        "a/..",
    ],
)
def test_paths_that_lead_elsewhere(tmp_path, name):
    assert "RV731" in codes(wheel(tmp_path, {name: b""}))
    assert "RV731" in codes(sdist(tmp_path, None, member(name)))


@pytest.mark.parametrize(
    ("kind", "link", "code"),
    [
        (tarfile.SYMTYPE, "/etc/passwd", "RV731"),
        (tarfile.SYMTYPE, "../../x", "RV731"),
        (tarfile.SYMTYPE, "pyproject.toml", None),
        (tarfile.SYMTYPE, "../demo_pkg-1.2.3/PKG-INFO", None),
        (tarfile.SYMTYPE, "down/../PKG-INFO", "RV731"),  # through another link that leads elsewhere
        (tarfile.LNKTYPE, "demo_pkg-1.2.3/PKG-INFO", None),
        (tarfile.LNKTYPE, "../PKG-INFO", "RV731"),
        (tarfile.CHRTYPE, "", "RV731"),
        (tarfile.FIFOTYPE, "", "RV731"),
        (tarfile.DIRTYPE, "", None),
    ],
)
def test_links_and_devices_in_an_sdist(tmp_path, kind, link, code):
    assert codes(sdist(tmp_path, None, member("demo_pkg-1.2.3/x", kind, link))) == ([code] if code else [])


def test_a_link_in_a_wheel(tmp_path):
    with zipfile.ZipFile(wheel(tmp_path), "a") as archive:
        link = zipfile.ZipInfo("demo_pkg/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "../../etc/passwd")
    found = [message for code, message in said(tmp_path / WHEEL) if code == "RV731"]
    assert found == [
        "demo_pkg/link: it is a link that leads out of the archive",
        "demo_pkg/link is a link, which a wheel can't hold",
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name(tmp_path):
    with zipfile.ZipFile(wheel(tmp_path), "a") as archive:
        for _ in range(3):
            archive.writestr("demo_pkg/__init__.py", "import os")
    assert [m for code, m in said(tmp_path / WHEEL) if code == "RV732"] == [
        "demo_pkg/__init__.py is in it more than once"
    ]
    assert codes(sdist(tmp_path, None, member("demo_pkg-1.2.3/PKG-INFO"))) != []
    folders = [member("demo_pkg-1.2.3/a", tarfile.DIRTYPE)] * 2
    assert codes(sdist(tmp_path, None, *folders)) == []


@pytest.mark.parametrize("name", ["demo_pkg/./__init__.py", "demo_pkg//__init__.py", "./demo_pkg/__init__.py"])
def test_two_paths_to_one_place(tmp_path, name):
    assert ("RV732", "demo_pkg/__init__.py is in it more than once") in [
        (code, message.replace(name, "demo_pkg/__init__.py")) for code, message in said(wheel(tmp_path, {name: b"x"}))
    ]


def test_a_member_of_two_names(tmp_path):
    assert {"RV731", "RV734"} <= set(codes(zip_of(tmp_path / WHEEL, [(b"demo_pkg/a.py\0b", b"")])))


def test_many_findings_of_one_rule_are_counted(tmp_path):
    found = said(sdist(tmp_path, {f"../{i}": b"" for i in range(100)}))
    assert [message for code, message in found if code == "RV731"][-1] == "and 90 more like this"
    assert len(found) < 30


def test_pax_headers_say_name_and_size(tmp_path):
    info = member("short", size=5)
    info.pax_headers = {"path": "demo_pkg-1.2.3/" + "long/" * 60 + "name"}
    path = sdist(tmp_path, None, info)
    assert said(path) == []
    assert "long/long" in distribution.read(path, SDIST).contents.members[-1].name


def test_many_members_of_a_tar(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "MEMBERS", 50)
    assert codes(sdist(tmp_path, {f"demo_pkg-1.2.3/{i}": b"" for i in range(47)})) == []
    assert ("RV733", "more than 50 members") in said(sdist(tmp_path, {f"demo_pkg-1.2.3/{i}": b"" for i in range(48)}))


def header(name: str, kind: bytes, size: int) -> bytes:
    return member(name, kind, size=size).tobuf(tarfile.GNU_FORMAT)


EMPTY = (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "RV734"),
        (b"no tar at all" * 100, "RV734"),
        (header("a/b", tarfile.REGTYPE, 5000) + b"cut off", "RV734"),
        (header("a/b", tarfile.REGTYPE, 0), "RV734"),
        (header("a/b", tarfile.REGTYPE, 0) + bytes(1024) + b"more", "RV734"),
        (header("a/b", tarfile.REGTYPE, 0) + bytes(512) + header("a/c", tarfile.REGTYPE, 0) + bytes(1024), "RV734"),
        (header("x", tarfile.XHDTYPE, 2**21) + bytes(2**21), "RV733"),
        (header("x", tarfile.GNUTYPE_LONGNAME, 2**40), "RV733"),
        (header("x", tarfile.XHDTYPE, 9) + padded(b"99 path=a") + header("a/b", tarfile.REGTYPE, 0), "RV734"),
        (header("x", tarfile.XHDTYPE, 12) + padded(b"12 size=-12\n") + header("a/b", tarfile.REGTYPE, 0), "RV734"),
        (header("x", tarfile.XHDTYPE, 11) + padded(b"11 size=ab\n") + header("a/b", tarfile.REGTYPE, 0), "RV734"),
        ((header("x", tarfile.XHDTYPE, 9) + padded(b"9 path=a\n")) * 20, "RV734"),
        (header("a/b", tarfile.GNUTYPE_SPARSE, 0) + bytes(1024), "RV734"),
        *((header("a/b", kind, 512) + header("a/hidden", tarfile.REGTYPE, 0) + bytes(1024), "RV734") for kind in EMPTY),
        (header("a/b", tarfile.REGTYPE, 2**40) + bytes(70 * 2**20), "RV733"),
    ],
)
def test_broken_and_excessive_tars(tmp_path, data, code):
    (tmp_path / SDIST).write_bytes(gzip.compress(data, compresslevel=1))
    assert code in codes(tmp_path / SDIST)


def test_gzip_itself(tmp_path):
    path = sdist(tmp_path)
    whole = path.read_bytes()
    for data in (whole[:-4], whole[:-8] + bytes(8), whole + b"trailing", b"", whole[:40]):
        path.write_bytes(data)
        assert "RV734" in codes(path)


def test_other_zips(tmp_path):
    path = wheel(tmp_path)
    whole = path.read_bytes()
    end = len(whole) - 22
    for data in (
        whole[:-1],
        whole + b"x",
        b"x" + whole,
        whole * 2,
        b"",
        b"PK\5\6",
        whole[:end] + b"PK\5\6" + bytes(18),
        whole[: end + 10] + struct.pack("<H", 1) + whole[end + 12 :],
        whole[: end + 16] + struct.pack("<L", 2**31) + whole[end + 20 :],
    ):
        path.write_bytes(data)
        assert "RV734" in codes(path), data[-40:]
    path.write_bytes(whole[: end + 10] + struct.pack("<HL", 5, 2**32 - 1) + whole[end + 16 :])
    assert set(codes(path)) & {"RV733", "RV734"}


def test_damaged_encrypted_and_oddly_compressed_members(tmp_path):
    path = wheel(tmp_path, {"demo_pkg/a.txt": b"what is in here" * 50})
    whole = path.read_bytes()
    at = whole.index(b"demo_pkg/a.txt") + len("demo_pkg/a.txt")
    path.write_bytes(whole[: at + 2] + b"\xff\xff" + whole[at + 4 :])
    assert any(code == "RV734" and "demo_pkg/a.txt" in message for code, message in said(path))
    central = whole.rindex(b"demo_pkg/a.txt") - 46
    for field, value in ((8, 1), (10, 14)):
        path.write_bytes(whole[: central + field] + struct.pack("<H", value) + whole[central + field + 2 :])
        assert any(code == "RV734" and "demo_pkg/a.txt" in message for code, message in said(path)), field


def local(path: Path, offset: int, value: bytes) -> Path:
    """Write into the header before demo_pkg/a.txt; its name is at 30."""
    raw = path.read_bytes()
    at = raw.index(b"demo_pkg/a.txt") - 30 + offset
    path.write_bytes(raw[:at] + value + raw[at + len(value) :])
    return path


def central(path: Path, offset: int, value: bytes) -> Path:
    """Write into the directory's entry of demo_pkg/a.txt; its name is at 46."""
    raw = path.read_bytes()
    at = raw.rindex(b"demo_pkg/a.txt") - 46 + offset
    path.write_bytes(raw[:at] + value + raw[at + len(value) :])
    return path


def with_extra(path: Path, before: bytes, inside: bytes, comment: bytes = b"") -> Path:
    """Another demo_pkg/a.txt, with extra fields before the file and in the directory."""
    files = wheel_files(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            if name == "demo_pkg/a.txt":
                entry.extra = before
            archive.writestr(entry, data)
            if name == "demo_pkg/a.txt":
                entry.extra, entry.comment = inside, comment
    return path


def large(*values: int) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


def other_name(name: bytes) -> bytes:
    return struct.pack("<2HBL", 0x7075, 5 + len(name), 1, zlib.crc32(b"demo_pkg/a.txt")) + name


def overlapping(path: Path) -> Path:
    """Two entries of the directory for one file, as in a bomb of overlapping files."""
    raw = path.read_bytes()
    count, size, start = struct.unpack("<HLL", raw[-12:-2])
    more = raw[start : raw.index(b"PK\1\2", start + 1)].replace(b"demo_pkg/__init__.py", b"demo_pkg/__main__.py")
    end = struct.pack("<2HLL", count + 1, count + 1, size + len(more), start)
    path.write_bytes(raw[:-22] + more + raw[-22:-14] + end + raw[-2:])
    return path


A = {"demo_pkg/a.txt": b"0123456789"}
TIME = struct.pack("<2HBL", 0x5455, 5, 1, 1_600_000_000)
# How the two things that a zip says of each file differ, and what is said of it.
TWICE: dict[str, tuple[Callable[[Path], Path], str | None]] = {
    "name": (lambda p: local(p, 30, b"demo_pkg/b.txt"), "it has another name before the file"),
    "checksum": (lambda p: local(p, 14, b"\0\0\0\0"), "another compression or checksum"),
    "compression": (lambda p: local(p, 8, b"\0\0"), "another compression or checksum"),
    "size": (lambda p: local(p, 22, b"\x09"), "another size before the file"),
    "packed size": (lambda p: local(p, 18, b"\x09"), "another size before the file"),
    "no size": (lambda p: local(p, 18, b"\xff" * 8), "another size before the file"),
    "encrypted": (lambda p: local(p, 6, b"\1"), "it has another name before the file"),
    "elsewhere": (lambda p: central(p, 42, b"\1"), "demo_pkg/a.txt isn't where the directory says"),
    "streamed": (streamed, "its size stands behind it (a data descriptor)"),
    "hidden": (two_readings, "something lies between the last file and the directory"),
    "overlapping": (overlapping, "demo_pkg/__main__.py overlaps what comes before it"),
    "large": (lambda p: with_extra(p, large(10, 10), b""), None),
    "large, of another size": (lambda p: with_extra(p, large(10, 11), b""), "another size before the file"),
    "large, of half a size": (lambda p: with_extra(p, large(11), b""), "another size before the file"),
    "large, of another size in the directory": (lambda p: with_extra(p, b"", large(11)), "in its extra fields than in"),
    "large, twice": (lambda p: with_extra(p, large(10, 10) * 2, b""), "can't be read in one way"),
    "half a field": (lambda p: with_extra(p, b"\1\0\x08\0\0", b""), "can't be read in one way"),
    "time": (lambda p: with_extra(p, TIME, TIME), None),
    "its name again": (lambda p: with_extra(p, other_name(b"demo_pkg/a.txt"), other_name(b"demo_pkg/a.txt")), None),
    "another name": (lambda p: with_extra(p, other_name(b"demo_pkg/b.txt"), b""), "another name in its extra fields"),
    "comment": (lambda p: with_extra(p, b"", b"", b"see there"), "it has a comment"),
}


@pytest.mark.parametrize(("spoil", "message"), TWICE.values(), ids=TWICE)
def test_what_a_zip_says_twice(tmp_path, spoil, message):
    found = said(spoil(wheel(tmp_path, A)))
    if message is None:
        assert found == []
    else:
        assert any(code == "RV734" and message in text for code, text in found), found


def test_two_end_records(tmp_path):
    path = zip_of(tmp_path / WHEEL, [(name.encode(), data) for name, data in wheel_files(wheel(tmp_path, A)).items()])
    whole = path.read_bytes()
    assert said(path) == []
    for at, value in ((-10, b"\1\0\0\0"), (-14, b"\1\0"), (-18, b"\1\0"), (-94, b"\x2d"), (-74, b"\1")):
        path.write_bytes(whole[: len(whole) + at] + value + whole[len(whole) + at + len(value) :])
        assert "RV734" in codes(path), at


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (WHEEL, [("RV732", "demo_pkg/A.txt and demo_pkg/a.txt are one file on Windows and macOS")]),
        ("demo_pkg-1.2.3-py3-none-musllinux_1_2_x86_64.whl", []),
        ("demo_pkg-1.2.3-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl", []),
        ("demo_pkg-1.2.3-py3-none-linux_armv7l.whl", []),
        ("demo_pkg-1.2.3-py3-none-linux_armv7l.win32.whl", ["RV732"]),
    ],
)
def test_names_that_differ_in_case_alone(tmp_path, name, found):
    tags = name.removesuffix(".whl").partition("-py3-none-")[2].split(".")
    lines = "".join(f"Tag: py3-none-{tag}\n" for tag in tags).encode()
    files = {"demo_pkg/A.txt": b"", "demo_pkg-1.2.3.dist-info/WHEEL": b"Wheel-Version: 1.0\n" + lines}
    told = said(wheel(tmp_path, {"demo_pkg/a.txt": b"", **files}, name=name))
    assert told == found or [code for code, _ in told] == found
    both = {f"demo_pkg-1.2.3/{name}": b"" for name in ("docs/Readme", "docs/README")}
    assert codes(sdist(tmp_path, both)) == ["RV732"]


@pytest.mark.parametrize(
    ("platform", "found"),
    [
        ("linux_x86_64", ["RV710"]),
        ("linux_aarch64.manylinux_2_17_aarch64", ["RV710"]),
        ("manylinux_2_17_x86_64", []),
        ("musllinux_1_2_x86_64", []),
        ("linux_armv6l", []),
        ("macosx_11_0_arm64", []),
        ("win_amd64", []),
        ("any", []),
    ],
)
def test_platforms_that_an_index_does_not_take(tmp_path, platform, found):
    lines = "".join(f"Tag: py3-none-{tag}\n" for tag in platform.split(".")).encode()
    files = {"demo_pkg-1.2.3.dist-info/WHEEL": b"Wheel-Version: 1.0\n" + lines}
    assert codes(wheel(tmp_path, files, name=f"demo_pkg-1.2.3-py3-none-{platform}.whl")) == found


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_raises(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damage")
    path = data.draw(st.sampled_from([sdist, wheel]))(folder)
    raw = bytearray(path.read_bytes() if path.suffix == ".whl" else gzip.decompress(path.read_bytes()))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    raw = raw[:cut] if data.draw(st.booleans()) else raw
    path.write_bytes(raw if path.suffix == ".whl" else gzip.compress(bytes(raw)))
    said(path)


# ------------------------------------------------------------------------------------------------ bounds, for real

LARGE = 150
Make = Callable[[Path], Path]
PROBE = (
    "import sys; from pathlib import Path\n"
    "from relengtools.versions import artifact_rules\n"
    "from relengtools.versions.artifacts import distribution\n"
    "path = Path(sys.argv[1])\n"
    "found = artifact_rules.judge(distribution.read(path, path.name))\n"
    # Not ru_maxrss, which a child has from its parent.
    "status = dict(line.split(':') for line in Path('/proc/self/status').read_text().splitlines())\n"
    "print(int(status['VmHWM'].split()[0]) // 1024, *{f.rule.code for f in found})"
)


def bomb(folder: Path) -> Path:
    path = wheel(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("demo_pkg/zeros", "w") as stream:
        for _ in range(80):
            stream.write(bytes(2**20))
    return path


def zip_of(path: Path, files: list[tuple[bytes, bytes]]) -> Path:
    """A zip of many files, made faster than zipfile can."""
    local, central = io.BytesIO(), io.BytesIO()
    for name, data in files:
        common = struct.pack("<5H3L2H", 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
        central.write(
            b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<3H2L", 0, 0, 0, 0, local.tell()) + name
        )
        local.write(b"PK\3\4" + common + name + data)
    start, size, count = local.tell(), central.tell(), len(files)
    end = b"PK\6\6" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, count, count, size, start)
    end += b"PK\6\7" + struct.pack("<LQL", 0, start + size, 1)
    end += b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(local.getvalue() + central.getvalue() + end)
    return path


def many_files(folder: Path) -> Path:
    return zip_of(folder / WHEEL, [(b"demo_pkg/x", b"")] * 65_536)


def as_many_as_may_be(folder: Path) -> Path:
    names = [f"demo_pkg/some/longer/folder/name/{i:07}.txt" for i in range(65_000)]
    rows = "".join(f"{name},sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n" for name in names)
    info = {"METADATA": CORE, "WHEEL": TAG}
    for name, data in info.items():
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows += f"demo_pkg-1.2.3.dist-info/{name},sha256={digest},\n"
    rows += "demo_pkg-1.2.3.dist-info/RECORD,,\n"
    inside = [(f"demo_pkg-1.2.3.dist-info/{name}".encode(), d) for name, d in {**info, "RECORD": rows.encode()}.items()]
    return zip_of(folder / WHEEL, [*((name.encode(), b"") for name in names), *inside])


def tar_of(folder: Path, data: bytes, repeat: int, start: bytes = b"") -> Path:
    path = folder / SDIST
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(start)
        for _ in range(repeat):
            stream.write(data)
    return path


def long_names(folder: Path) -> Path:
    name = b"x/" * 400_000
    record = b"%d path=%s\n" % (len(name) + 13, name)
    return tar_of(
        folder, header("x", tarfile.XHDTYPE, len(record)) + padded(record) + header("a/b", tarfile.REGTYPE, 0), 100
    )


def large_metadata(folder: Path) -> Path:
    fields = b"".join(b"Requires-Dist: some-distribution-%d>=1.0.*\n" % i for i in range(19_000))
    return sdist(folder, {"demo_pkg-1.2.3/PKG-INFO": CORE + fields + b"Keywords: " + b"x" * 3_000_000})


def endless_gzip(folder: Path) -> Path:
    path = sdist(folder)
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(2**20)) * 80)
    return path


def negative_size(folder: Path) -> Path:
    """gzip takes the request for a negative number of bytes for one for all of them."""
    return tar_of(folder, bytes(2**20), 300, pax_header_of_size(b"\xff" * 12))


def pax_header_of_size(field: bytes) -> bytes:
    raw = bytearray(header("x", tarfile.XHDTYPE, 0))
    raw[124:136], raw[148:156] = field, b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


def much_metadata(folder: Path) -> Path:
    """Each of them is within its bound."""
    return sdist(folder, {f"f{i}/PKG-INFO": b"x" * (4 * 2**20) for i in range(12)})


def long_record(folder: Path) -> Path:
    rows = b"".join(b"%x,\n" % i for i in range(1_400_000))
    path = wheel(folder)
    return change(path, lambda files: files.update({"demo_pkg-1.2.3.dist-info/RECORD": rows}), record=False)


def many_tags(folder: Path) -> Path:
    lines = [".".join(f"a{n}{i}" for i in range(30)) + "-" + ".".join(f"b{i}" for i in range(90)) for n in range(100)]
    tags = "".join(f"Tag: {line}-any\n" for line in lines)
    return wheel(folder, {"demo_pkg-1.2.3.dist-info/WHEEL": TAG + tags.encode()})


def link_and_long_path(folder: Path) -> Path:
    return sdist(
        folder,
        None,
        member("demo_pkg-1.2.3/link", tarfile.SYMTYPE, "setup.py"),
        member("demo_pkg-1.2.3/" + "a/" * 400_000 + "x"),
    )


def pyproject(data: bytes) -> Make:
    return lambda folder: sdist(folder, {"demo_pkg-1.2.3/pyproject.toml": data})


def entry_points(data: bytes) -> Make:
    return lambda folder: wheel(folder, {"demo_pkg-1.2.3.dist-info/entry_points.txt": b"[console_scripts]\n" + data})


def module_text(data: bytes) -> Make:
    return lambda folder: wheel(folder, {"demo_pkg/__init__.py": b"__version__ = '1.2.3'\n" + data})


def version_of(parts: int) -> Make:
    core = CORE.replace(b"1.2.3", b"1" + b".1" * parts)
    return lambda folder: wheel(folder, {"demo_pkg-1.2.3.dist-info/METADATA": core})


BLANKS = b" " * 200_000
# What took minutes, or gigabytes.
GREEDY: dict[str, tuple[Make, str | None]] = {
    "negative size": (negative_size, "RV734"),
    "much metadata": (much_metadata, "RV733"),
    "long RECORD": (long_record, "RV717"),
    "many tags": (many_tags, "RV712"),
    "long WHEEL": (lambda d: wheel(d, {"demo_pkg-1.2.3.dist-info/WHEEL": TAG + b"X: y\n" * 20_000}), "RV733"),
    "link and long path": (link_and_long_path, None),
    "key of many parts": (pyproject(b"a" + b".a" * 30_000 + b"=1\n"), "RV715"),
    "key of many quoted parts": (pyproject(b"'!'" + b"." + b".".join([b'"\\""'] * 30_000) + b"=1\n"), "RV715"),
    "quotes without end": (pyproject(b"x='" + b'"' + b'\\"' * 200_000), "RV715"),
    "long pyproject.toml": (pyproject(b"x=[" + b"[]," * 300_000 + b"]\n"), "RV733"),
    "blanks": (entry_points(b"a" + BLANKS + b"b\n"), "RV715"),
    "blanks in a reference": (entry_points(b"a=b" + BLANKS + b"-\n"), "RV715"),
    "lines that are nothing": (entry_points(b"b\n" * 200_000), "RV715"),
    "blanks in setup.cfg": (lambda d: sdist(d, {"demo_pkg-1.2.3/setup.cfg": b"[metadata]\na" + BLANKS + b"b\n"}), None),
    "dense module": (module_text(b"x=[" + b"a," * 130_000 + b"]\n"), None),
    "long version": (version_of(1_900_000), "RV715"),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("make", "code"), GREEDY.values(), ids=GREEDY)
def test_no_part_of_an_archive_takes_more_than_it_is_worth(tmp_path, make, code):
    assert_bounded(make(tmp_path), code)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (bomb, "RV733"),
        (many_files, "RV733"),
        (as_many_as_may_be, None),
        (long_names, "RV733"),
        (large_metadata, "RV401"),
        (endless_gzip, "RV733"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_memory_and_time_are_bounded(tmp_path, make, code):
    assert_bounded(make(tmp_path), code)


def assert_bounded(path: Path, code: str | None) -> None:
    run = subprocess.run([sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, timeout=60)
    megabytes, *found = run.stdout.split()
    assert int(megabytes) < LARGE, run.stdout
    assert code in found if code else found == []


# ----------------------------------------------------------------------------------------------- what is no archive


def test_what_is_no_distribution_is_refused(tmp_path):
    (tmp_path / "a.egg").write_bytes(b"")
    (tmp_path / "folder.whl").mkdir()
    os.mkfifo(tmp_path / "fifo.whl")
    for name, reason in (
        ("a.egg", "neither an sdist"),
        ("folder.whl", "no regular file"),
        ("fifo.whl", "no regular file"),
        ("missing.whl", "can't be read"),
        ("nul\0.whl", "can't be read"),
    ):
        with pytest.raises(DistributionError, match=reason):
            distribution.read(tmp_path / name, name)


def test_a_text_with_the_right_name(tmp_path):
    for name in (SDIST, WHEEL):
        (tmp_path / name).write_text("hello")
        assert codes(tmp_path / name) == ["RV734"]


def test_nothing_is_kept_of_what_is_not_asked_for(tmp_path):
    path = wheel(tmp_path, {"demo_pkg/data.bin": zlib.compress(bytes(1000)), "other/__init__.py": b"x = 1"})
    assert set(distribution.read(path, WHEEL).contents.kept) == {
        name for name in wheel_files(path) if ".dist-info/" in name or name.startswith("demo_pkg/__")
    }


FOLDED = [
    ("V = (1, 2, 3)\n__version__ = '.'.join(map(str, V))", "1.2.3"),
    ("V = [1, 2, 3, 'final', 0]\n__version__ = '.'.join(str(n) for n in V[:3])", "1.2.3"),
    ("__version__ = '.'.join([str(n) for n in (1, 2)])", "1.2"),
    ("A, B = 1, 2\n__version__ = f'{A}.{B}'", None),
    ("A = 1\n__version__ = f'{A}.2' + 'rc1'", "1.2rc1"),
    ("__version__ = '%d.%s' % (1, '2')", "1.2"),
    ("__version__ = '%999999999d' % 1", None),
    ("A = 'x' * 9999999999\n__version__ = A", None),
    ("A = 1\nA = 2\n__version__ = f'{A}'", None),
    ("__version__ = __version__", None),
    ("__version__ = '.'.join(str(n) for n in (1, 2) if n)", None),
    ("__version__ = '.'.join(str(m) for n in (1, 2))", None),
    ("__version__ = '.'.join(map(int, (1, 2)))", None),
    ("__version__ = f'{1:>999999999}'", None),
    ("__version__ = (1, 2)", None),
    ("__version__ = '%s' % (1, 2)", None),
]


@pytest.mark.parametrize(("text", "version"), FOLDED)
def test_a_version_put_together_from_literals(text, version):
    found = folding.text(ast.parse(text).body, "__version__")
    assert (found and found[0]) == version


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("[console_scripts]\na = b:c\nd=e.f:g.h [x,y]\n[other]\nanything = at all\n", 0),
        ("", 0),
        ("[console_scripts]\na = b\n", 1),
        ("[gui_scripts]\na = b c:d\ne =\n", 2),
        ("a = b:c\n", 1),
        ("[console_scripts\n\x1b", 1),
    ],
)
def test_entry_points(text, mistakes):
    found = list(entries.mistakes(text.encode()))
    assert len(found) == mistakes
    assert not any("\x1b" in line for line in found)


def test_a_path_through_a_link_is_unsafe(tmp_path):
    def member(name, kind, target=""):
        made = tarfile.TarInfo(f"demo_pkg-1.2.3/{name}")
        made.type, made.linkname = kind, target
        return made

    link, inner = member("a", tarfile.SYMTYPE, "."), member("a/b", tarfile.REGTYPE)
    around = said(
        sdist(tmp_path, None, link, member("a-b", tarfile.SYMTYPE, "setup.py"), member("./a//b", tarfile.REGTYPE))
    )
    assert around == [("RV731", "demo_pkg-1.2.3/./a//b: its path leads through a link")]
    found = said(sdist(tmp_path, None, link, inner, member("ab", tarfile.REGTYPE)))
    assert found == [("RV731", "demo_pkg-1.2.3/a/b: its path leads through a link")]
