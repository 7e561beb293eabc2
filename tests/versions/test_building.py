"""Builds that don't end by themselves, and builds that are interrupted: no process and no file of theirs is left."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from versions.conftest import Run
from versions.gitrepo import Repo

from relengtools.versions.artifacts import backend, session

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "demo-pkg"
version = "1.2.3"
"""
# It starts a child, says who they are, and goes on for ever.
HANGING = """\
import os, pathlib, subprocess, tempfile, time

def build_wheel(directory, config_settings=None, metadata_directory=None):
    tempfile.mkdtemp()
    child = subprocess.Popen(["sleep", "1000"])
    path = pathlib.Path(os.environ["SAID"])
    path.with_suffix(".new").write_text(f"{os.getpid()} {child.pid}")
    path.with_suffix(".new").rename(path)
    while True:
        time.sleep(0.1)
"""


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose build goes on for ever, in the working directory; temporary files have a folder of their own."""
    repo = Repo(tmp_path / "demo")
    repo.commit(files={"pyproject.toml": PROJECT, "backend.py": HANGING})
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    monkeypatch.chdir(repo.path)
    return tmp_path


def alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not waited for doesn't."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in ("", "Z")


def started(folder: Path) -> list[int]:
    """The processes of the build, none where it wasn't reached yet."""
    return [int(pid) for pid in (folder / "said").read_text().split()] if (folder / "said").exists() else []


def test_a_build_without_end_is_ended(run: Run, hanging: Path, monkeypatch):
    monkeypatch.setattr(backend, "LIMIT_S", 6.0)
    result = run("release", "--build")
    assert result.code == 1
    assert "RV721 build-fails: the wheel from the tree: it was ended after 0.1 minutes" in result.out
    assert not any(map(alive, started(hanging)))
    assert list((hanging / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(hanging: Path, number: signal.Signals):
    process = subprocess.Popen(
        [sys.executable, "-m", "relengtools", "versions", "release", "--build"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # As for a program in the foreground; what is started in the background by a shell ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        while not (hanging / "said").exists():
            assert process.poll() is None, process.communicate()[0].decode()
            time.sleep(0.05)
        assert all(map(alive, started(hanging)))
        process.send_signal(number)
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, said.strip()) == (130, b"")
    assert not any(map(alive, started(hanging)))
    assert list((hanging / "tmp").iterdir()) == []


def test_requirements_that_are_never_had(run: Run, hanging: Path, monkeypatch):
    """pip builds a requirement that comes as an sdist, and so may run for ever as well."""
    monkeypatch.setattr(backend, "LIMIT_S", 0.001)
    (hanging / "demo/pyproject.toml").write_text(PROJECT.replace("[]", '["hatchling"]', 1))
    result = run("release", "--build")
    assert result.code == 2
    assert "the build's requirements can't be installed: it was ended after" in result.err
    assert list((hanging / "tmp").iterdir()) == []


WORDS = {
    "pass": "the backend says that it has made p-1-py3-none-any.whl, which isn't there",
    "os._exit(3)": "it ended with 3 and said nothing",
    "os.kill(os.getpid(), 9)": "it was ended by signal 9 and said nothing",
    "raise OSError('one\\n\\nto read more, see there')": "OSError: one",
    "print('error: no header x.h'); print('and so on'); os._exit(1)": "error: no header x.h",
    "print('well'); print('so it ends'); os._exit(1)": "so it ends",
    "return '../../elsewhere.whl'": "the backend says that it has made elsewhere.whl, which isn't there",
    "return 7": "the backend doesn't tell what it has made",
}


@pytest.mark.parametrize(("does", "words"), WORDS.items())
def test_what_is_told_of_a_backend_that_fails(run: Run, hanging: Path, does: str, words: str):
    head = "import os\ndef build_wheel(directory, config_settings=None, metadata_directory=None):\n"
    (hanging / "demo/backend.py").write_text(f"{head}    {does}\n    return 'p-1-py3-none-any.whl'\n")
    result = run("release", "--build", "--select", "RV721")
    assert (result.code, result.out) == (1, f".:1:1: RV721 build-fails: the wheel from the tree: {words}\n")


def test_sessions(tmp_path: Path):
    """The status and all that was said; and those who started the program go on to handle signals as they did."""
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with (tmp_path / "said").open("w+b") as said, session.ending():
        assert session.run(["sh", "-c", "echo one; echo two >&2; exit 3"], None, os.environ, said, 60) == 3
        said.seek(0)
        assert said.read() == b"one\ntwo\n"
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == handlers
