"""scripts/get-soju: where it finds a mirror, what it leaves behind, and that it gets soju for real."""

import importlib.util
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "get-soju"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def load_script() -> ModuleType:
    """The script as a module."""
    loader = SourceFileLoader("get_soju", str(SCRIPT))
    spec = importlib.util.spec_from_loader("get_soju", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


get_soju = load_script()
Source = get_soju.Source

OFFICIAL = f"""\
# comment
Types: deb
# snapshot
URIs: http://deb.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: {KEYRING}

Types: deb
URIs: http://deb.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: {KEYRING}
"""
SEVERAL = """\
types: deb deb-src
Uris: http://a.example/debian
 http://b.example/debian
SUITES:bookworm
components: main contrib"""
KEY_INSIDE = """\
Types: deb
URIs: http://a.example
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN
 .
 mQ
 -----END
"""
TWO_CRLF = "Types: deb\nURIs: http://a.example\nSuites: x\n  \nTypes: deb\nURIs: http://b.example\n".replace(
    "\n", "\r\n"
)
ONE = "Types: deb\nURIs: http://a.example\nSuites: bookworm\nComponents: main\n"

DEB822 = {
    "official": (
        OFFICIAL,
        [
            Source("http://deb.example/debian", ("bookworm", "bookworm-updates"), ("main",), {"Signed-By": KEYRING}),
            Source("http://deb.example/debian-security", ("bookworm-security",), ("main",), {"Signed-By": KEYRING}),
        ],
    ),
    "several types, URIs and odd case": (
        SEVERAL,
        [Source("http://a.example/debian http://b.example/debian", ("bookworm",), ("main", "contrib"), {})],
    ),
    "key inside": (
        KEY_INSIDE,
        [Source("http://a.example", ("bookworm",), ("main",), {"Signed-By": "\n -----BEGIN\n .\n mQ\n -----END"})],
    ),
    "list of mirrors in a file": (
        "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n",
        [Source("mirror+file:///etc/apt/mirrors/debian.list", ("bookworm",), ("main",), {})],
    ),
    "blank line with spaces, CRLF": (
        TWO_CRLF,
        [Source("http://a.example", ("x",), (), {}), Source("http://b.example", (), (), {})],
    ),
    "unverified is not passed on": (f"{ONE}Trusted: yes\n", [Source("http://a.example", ("bookworm",), ("main",), {})]),
    "sources only": (ONE.replace("deb", "deb-src"), []),
    "disabled": (f"Enabled: no\n{ONE}", []),
    "commented out": ("# Types: deb\n# URIs: http://a.example\n# Suites: bookworm\n", []),
    "empty": ("", []),
    "not a source at all": ("hello\n\x00\ufffd\n: :\n", []),
}

ONE_LINE = {
    "plain": (
        "deb http://a.example/debian bookworm main contrib\n",
        [Source("http://a.example/debian", ("bookworm",), ("main", "contrib"), {})],
    ),
    "options, comment, indented": (
        " deb [ arch=amd64,i386 signed-by=/k/a.gpg,/k/b.gpg trusted=yes ] https://a.example bookworm main # best\n",
        [Source("https://a.example", ("bookworm",), ("main",), {"Signed-By": "/k/a.gpg /k/b.gpg"})],
    ),
    "valid until": (
        "deb [check-valid-until=no] http://a.example bookworm main",
        [Source("http://a.example", ("bookworm",), ("main",), {"Check-Valid-Until": "no"})],
    ),
    "several": (
        "deb http://a.example x main\n# deb http://b.example y main\ndeb-src http://c z main\n\ndeb\thttp://d.example\tw\tmain\n",
        [Source("http://a.example", ("x",), ("main",), {}), Source("http://d.example", ("w",), ("main",), {})],
    ),
    "flat": ("deb http://a.example ./\n", [Source("http://a.example", ("./",), (), {})]),
    "empty": ("", []),
    "prose": ("debian is good\ndeb\ndeb http://a.example\n", []),
}


@pytest.mark.parametrize(("text", "expected"), DEB822.values(), ids=DEB822)
def test_reads_deb822(text, expected):
    assert get_soju.read_deb822(text) == expected


@pytest.mark.parametrize(("text", "expected"), ONE_LINE.values(), ids=ONE_LINE)
def test_reads_one_line(text, expected):
    assert get_soju.read_one_line(text) == expected


def test_reads_all_of_apts_files_in_its_order(tmp_path):
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://first.example bookworm main\n")
    (parts / "b.list").write_bytes(b"# caf\xe9\ndeb http://third.example bookworm main\n")
    (parts / "a.sources").write_text("Types: deb\nURIs: http://second.example\nSuites: bookworm\nComponents: main\n")
    (parts / "c.list.disabled").write_text("deb http://off.example bookworm main\n")
    uris = [source.uris for source in get_soju.configured_sources(tmp_path)]
    assert uris == ["http://first.example", "http://second.example", "http://third.example"]


def test_no_sources_are_no_error(tmp_path):
    assert get_soju.configured_sources(tmp_path) == []


@pytest.mark.parametrize(
    ("source", "chosen"),
    [
        (Source("http://a.example/debian", ("bookworm", "bookworm-updates"), ("main",), {}), True),
        (Source("http://a.example/debian", ("oldstable",), ("contrib", "main"), {}), True),
        (Source("http://a.example/debian-security", ("bookworm-security",), ("main",), {}), False),
        (Source("http://a.example/debian", ("bookworm-backports",), ("main",), {}), False),
        (Source("http://tool.example", ("tool-bookworm",), ("main",), {}), False),
        (Source("http://tool.example", ("bookworm",), ("stable",), {}), False),
        (Source("cdrom:[Debian 12]/", ("bookworm",), ("main",), {}), False),
    ],
)
def test_chooses_mirrors_of_the_release(source, chosen):
    assert (get_soju.mirrors([source], "bookworm") == [source]) is chosen


@pytest.mark.parametrize(
    "text", [case[0] for case in DEB822.values() if case[1]], ids=[k for k in DEB822 if DEB822[k][1]]
)
def test_derived_source_is_verified_as_its_origin(text):
    for source in get_soju.read_deb822(text):
        derived = Source(source.uris, ("trixie",), ("main",), source.options)
        assert get_soju.read_deb822(get_soju.stanza(source)) == [derived]


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n', False),
        ('ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n', True),
        ("ID=debian\nVERSION_CODENAME=forky\n", True),
        ('ID=ubuntu\nVERSION_ID="24.04"\n', False),
        ("ID='alpine'\nVERSION_ID=3.20.0\n", False),
        ("", False),
    ],
)
def test_knows_the_releases_with_soju(text, has):
    assert get_soju.has_package(get_soju.read_os_release(text)) is has


# -- Without soju on this machine: a folder of its own, and an apt-get that does what the test says ------------------


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine with nothing installed and nothing cached; the folder of its programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "os-release").write_text("ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n")
    (tmp_path / "sources.list").write_text("deb http://a.example bookworm main\ndeb http://b.example bookworm main\n")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(get_soju, "program", lambda _: None)
    monkeypatch.setattr(get_soju, "loads", lambda _: True)
    monkeypatch.setattr(get_soju, "APT", tmp_path)
    monkeypatch.setattr(get_soju, "OS_RELEASE", tmp_path / "os-release")
    monkeypatch.setattr(get_soju, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return programs


def put(programs: Path, name: str, script: str) -> None:
    """A program that runs SCRIPT."""
    (programs / name).write_text(f"#!/bin/sh\n{script}\n")
    (programs / name).chmod(0o755)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_without_apt(bare, capfd):
    assert get_soju.main() == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "get-soju: skipped installing ngircd: there is no apt-get here",
        "get-soju: no soju on the PATH, and no apt-get here to fetch it with: install soju 0.9 or later",
    ]


def test_without_a_mirror(bare, capfd):
    put(bare, "apt-get", "exit 100")
    (bare.parent / "sources.list").unlink()
    assert get_soju.main() == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "get-soju: skipped installing ngircd: not root; run: apt-get install ngircd",
        "get-soju: can't fetch soju of trixie: none of apt's configured sources carries this machine's own release",
    ]


@pytest.mark.parametrize("step", ["update", "download"])
def test_a_failed_download_is_one_line_and_leaves_nothing(bare, capfd, step):
    put(bare, "apt-get", f'case "$*" in *{step}*) echo "W: hm" >&2; echo "E: It broke" >&2; exit 100;; esac')
    assert get_soju.main() == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[-1].endswith("trixie: apt-get failed: It broke; apt-get failed: It broke")
    assert names(get_soju.CACHE) == [".gitignore", "soju.lock"]


def test_an_interrupted_download_leaves_nothing(bare, monkeypatch):
    put(bare, "apt-get", "exit 0")

    def interrupted(source, folder):
        (folder / "half").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(get_soju, "download", interrupted)
    assert get_soju.main() == 130
    assert names(get_soju.CACHE) == [".gitignore", "soju.lock"]


def test_a_soju_that_does_not_start_is_not_kept(bare, capfd):
    put(bare, "apt-get", 'case "$*" in *download*) : > soju_1_all.deb;; esac')
    unpack = 'PATH=/usr/bin:/bin; mkdir -p "$3/usr/bin"; cd "$3/usr/bin"'
    broken = "printf '#!/bin/sh\\necho no libpam >&2; exit 127\\n'"
    put(bare, "dpkg-deb", f"{unpack}; for p in soju sojudb sojuctl; do {broken} > $p; chmod +x $p; done")
    assert get_soju.main() == 2
    assert "soju does not start here: no libpam" in capfd.readouterr().err.splitlines()[-1]
    assert names(get_soju.CACHE) == [".gitignore", "soju.lock"]


def test_root_installs_what_is_missing_once(bare, monkeypatch, capfd):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    put(bare, "apt-get", 'echo "$*"')
    get_soju.install_packages({"ID": "debian", "VERSION_ID": "13"})
    get_soju.install_packages({"ID": "debian", "VERSION_ID": "12"})
    monkeypatch.setattr(get_soju, "loads", lambda library: library != "libpam.so.0")
    get_soju.install_packages({"ID": "debian", "VERSION_ID": "12"})
    packages = [
        line.split("--no-upgrade ")[1] for line in capfd.readouterr().err.splitlines() if "--no-upgrade" in line
    ]
    assert packages == ["ngircd soju", "ngircd", "ngircd libpam0g"]


# -- For real -------------------------------------------------------------------------------------------------------


def run_script(**env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, env={**os.environ, **env})


def test_gets_soju_once(tmp_path):
    first = run_script()
    if first.returncode:
        pytest.skip(first.stderr.strip().splitlines()[-1])
    folder = Path(first.stdout.removesuffix("\n"))
    assert all(os.access(folder / name, os.X_OK) for name in ("soju", "sojudb", "sojuctl"))
    again = run_script(PATH=f"{tmp_path}:{folder}")  # no apt there
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert [line for line in again.stderr.splitlines() if "skipped installing" not in line] == []
