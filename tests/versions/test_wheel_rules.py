"""What only wheels can break: scripts without modules, compiled modules for others, names and folders."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versions.workshop import CORE, TAG, change, sdist, text, wheel

from relengtools.versions import artifact_rules
from relengtools.versions.artifacts import distribution, entries, extensions, modules

INFO = "demo_pkg-1.2.3.dist-info"


def said(path: Path) -> list[tuple[str, str]]:
    findings = artifact_rules.judge(distribution.read(path, path.name))
    assert all(finding.message.isprintable() for finding in findings)
    return [(finding.rule.code, finding.message) for finding in findings]


def codes(path: Path) -> list[str]:
    return [code for code, _ in said(path)]


# ------------------------------------------------------------------------------------------------------------- scripts


@pytest.mark.parametrize(
    ("module", "files", "requires", "missing"),
    [
        ("demo_pkg", [], b"", False),
        ("demo_pkg.cli", [], b"", True),
        ("demo_pkg.cli", ["demo_pkg/cli.py"], b"", False),
        ("demo_pkg.cli", ["demo_pkg/cli/__init__.py"], b"", False),
        ("demo_pkg.cli", ["demo_pkg/cli/main.py"], b"", False),
        ("demo_pkg.cli", ["demo_pkg/cli.cpython-311-x86_64-linux-gnu.so"], b"", False),
        ("demo_pkg.cli", ["demo_pkg-1.2.3.data/purelib/demo_pkg/cli.py"], b"", False),
        ("demo_pkg.cli", ["demo_pkg/cli.txt"], b"", True),
        ("demo_pkg.a.b", ["demo_pkg/a/__init__.py"], b"", True),
        ("demo_pkg.a.b", ["demo_pkg/a/c.py"], b"", False),  # a namespace, in which another distribution may have it
        ("other.cli", [], b"", True),
        ("other.cli", [], b"Requires-Dist: other\n", False),
        ("other.cli", ["other/x.py"], b"Requires-Dist: other\n", False),
    ],
)
def test_modules_of_scripts(tmp_path, module, files, requires, missing):
    points = f"[console_scripts]\ndemo = {module}:main\n".encode()
    more = {f"{INFO}/entry_points.txt": points, f"{INFO}/METADATA": CORE + requires}
    found = said(wheel(tmp_path, {**dict.fromkeys(files, b""), **more}))
    message = ("RV714", f"the script demo leads to {module}, which isn't in it")
    assert ([one for one in found if one[0] == "RV714"] == [message]) is missing


@pytest.mark.parametrize(
    ("points", "mistake"),
    [
        (b"[console_scripts]\na = demo_pkg:main\nA = demo_pkg:main\n", None),
        (b"[console_scripts]\na = demo_pkg:main [x]\n[other]\na/b = demo_pkg\n", None),
        (b"[console_scripts]\na = demo_pkg:main\na = demo_pkg:other\n", "it can't be read: While reading from"),
        (b"[gui_scripts]\n../a = demo_pkg:main\n", "../a is no name of a script"),
        (b"[console_scripts]\nb\\a = demo_pkg:main\n", "b\\a is no name of a script"),
        (b"[console_scripts]\na = demo_pkg\n", "a = demo_pkg leads to no object"),
    ],
)
def test_entry_points(tmp_path, points, mistake):
    found = said(wheel(tmp_path, {f"{INFO}/entry_points.txt": points}))
    assert [code for code, _ in found] == (["RV715"] if mistake else [])
    assert all(f"entry_points.txt: {mistake}" in message for _, message in found)


@given(st.lists(st.sampled_from(["a/__init__.py", "a/b.py", "a/b/c.so", "d.py", "a//b", "/a", "", "a/b/", "a.b/c.py"])))
def test_what_is_there_is_not_missing(names):
    for name in names:
        if name.endswith(".py") and name.count(".") == 1:
            assert not modules.is_missing(name.removesuffix(".py").replace("/", "."), sorted(names), alone=True)


def test_scripts_of_a_file_without_mistakes():
    data = b"[console_scripts]\na = b.c:d.e [x]\n[gui_scripts]\nf=g : h\n[x]\ny = z\n"
    assert list(entries.scripts(data)) == [("a", "b.c"), ("f", "g")]


# --------------------------------------------------------------------------------------------------- compiled modules


@pytest.mark.parametrize(
    ("names", "tags", "wrong"),
    [
        (["a.cpython-311-x86_64-linux-gnu.so"], ["py3-none-any"], "for one interpreter"),
        (["a.cpython-311-x86_64-linux-gnu.so", "b.cp311-win_amd64.pyd"], ["py3-none-any"], None),
        (["a.so", "a.abi3.so"], ["py3-none-any"], None),
        (["a.cpython-311-x86_64-linux-gnu.so"], ["cp311-cp311-manylinux_2_17_x86_64"], None),
        (["a.cpython-312-x86_64-linux-gnu.so"], ["cp311-cp311-manylinux_2_17_x86_64"], "another version of Python"),
        (
            ["a.cpython-312-x86_64-linux-gnu.so", "a.cpython-311-x86_64-linux-gnu.so"],
            ["cp311-cp311-manylinux_2_17_x86_64"],
            None,
        ),
        (["a.cpython-38-x86_64-linux-gnu.so"], ["cp38-abi3-manylinux_2_17_x86_64"], None),
        (["a.cpython-37m-darwin.so"], ["cp37-cp37m-macosx_10_9_x86_64"], None),
        (["a.cpython-313t-darwin.so"], ["cp313-cp313t-macosx_11_0_arm64"], None),
        (["a.cpython-313-darwin.so"], ["cp313-cp313t-macosx_11_0_arm64"], "another version of Python"),
        (["a.cpython-311-darwin.so"], ["cp311-cp311-win_amd64"], "another system"),
        (["a.cp311-win_amd64.pyd"], ["cp311-cp311-win_amd64", "cp311-cp311-manylinux1_x86_64"], None),
        (["a.cpython-311-wasm32-emscripten.so"], ["cp311-cp311-pyodide_2024_0_wasm32"], None),
        (["a.pypy39-pp73-x86_64-linux-gnu.so"], ["pp39-pypy39_pp73-manylinux_2_17_x86_64"], None),
    ],
)
def test_compiled_modules(names, tags, wrong):
    found = list(extensions.mismatches(names, tags))
    assert (found == []) if wrong is None else (wrong in found[0])


# ---------------------------------------------------------------------------------------------------- names, folders


@pytest.mark.parametrize(
    ("file", "tag", "code"),
    [
        ("demo_pkg/aux.py", "py3-none-any", "RV731"),
        ("demo_pkg/Con", "py3-none-any", "RV731"),
        ("com1.tar.gz/x.py", "py3-none-any", "RV731"),
        ("demo_pkg/a:b.txt", "cp311-cp311-win_amd64", "RV731"),
        ("demo_pkg/what?.txt", "py3-none-any", "RV731"),
        ("demo_pkg/end.", "py3-none-any", "RV731"),
        ("demo_pkg/aux.py", "cp311-cp311-manylinux_2_17_x86_64", None),
        ("demo_pkg/aux.py", "cp311-cp311-macosx_11_0_arm64", None),
        ("demo_pkg/auxiliary.py", "py3-none-any", None),
        ("demo_pkg/console.py", "py3-none-any", None),
        ("demo_pkg/a b.txt", "py3-none-any", None),
    ],
)
def test_names_on_windows(tmp_path, file, tag, code):
    name = f"demo_pkg-1.2.3-{tag}.whl"
    found = codes(wheel(tmp_path, {file: b"", f"{INFO}/WHEEL": TAG.replace(b"py3-none-any", tag.encode())}, name=name))
    assert found == ([code] if code else [])


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("demo_pkg-1.2.3.data/scripts/x", []),
        ("demo_pkg-1.2.3.data/data/share/x", []),
        ("demo_pkg-1.2.3.data/lib/x.py", ["RV715"]),
    ],
)
def test_folders_of_data(tmp_path, file, found):
    assert codes(wheel(tmp_path, {file: b""})) == found


def test_types_that_nobody_sees(tmp_path):
    core = CORE + b"Classifier: Typing :: Typed\n"
    for files, found in (
        ({}, ["RV714"]),
        ({"demo_pkg/py.typed": b""}, []),
        ({"demo_pkg-stubs/__init__.pyi": b""}, []),
        ({"demo_pkg/sub/py.typed": b""}, []),
    ):
        assert codes(wheel(tmp_path, {f"{INFO}/METADATA": core, **files})) == found


@pytest.mark.parametrize(("size", "found"), [("0", []), ("", []), ("1", ["RV717"]), ("many", ["RV717"])])
def test_sizes_in_record(tmp_path, size, found):
    path = change(
        wheel(tmp_path), lambda f: text(f, "RECORD", "uFU,0\n".replace("uFU", "SuFU"), f"SuFU,{size}\n"), False
    )
    assert codes(path) == found


# ------------------------------------------------------------------------------------------- of sdists as well


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"README": b""}, ["RV714"]),
        ({"demo_pkg-1.2.3/a": b"", "demo_pkg-1.2.3/a/b": b""}, ["RV732"]),
        ({"demo_pkg-1.2.3/d\u00e9": b"", "demo_pkg-1.2.3/DE\u0301": b""}, ["RV732"]),
        ({"demo_pkg-1.2.3/a": b"", "demo_pkg-1.2.3/a.b": b"", "demo_pkg-1.2.3/ab": b""}, []),
    ],
)
def test_names_in_an_sdist(tmp_path, files, found):
    assert codes(sdist(tmp_path, files)) == found


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        (b"Home-page: https://example.org\nDownload-URL: UNKNOWN\n", None),
        (b"Home-page: example.org\n", "Home-page: 'example.org' is no address of a page"),
        (
            b"Project-URL: Source, git@example.org:x\n",
            "Project-URL: Source: 'git@example.org:x' is no address of a page",
        ),
        (b"Project-URL: Source, HTTPS://example.org/a?b#c\n", None),
        (b'Author-email: "A, B" <a@example.org>, c@example.org\n', None),
        (b"Author-email: nobody\n", "Author-email: 'nobody' is no e-mail address"),
        (b"Maintainer-email: A, B <b@example.org>\n", "Maintainer-email: 'A' is no e-mail address"),
        (b"Requires-Python: >3.12,<3.8\n", "Requires-Python: >3.12,<3.8: "),
    ],
)
def test_fields_that_an_index_refuses(tmp_path, more, mistake):
    found = said(sdist(tmp_path, {"demo_pkg-1.2.3/PKG-INFO": CORE + more}))
    assert len(found) == (mistake is not None)
    assert all(message.startswith(mistake) for _, message in found)
