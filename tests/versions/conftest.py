"""The program run in this process, and trees of files written from a table."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from relengtools import cli


class Result(NamedTuple):
    """What a run of the program left."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("check", "--fix")` runs `relengtools versions check --fix` in the working directory."""

    def call(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["relengtools", "versions", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        sys.stdout.flush()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Result(int(stopped.value.code or 0), out, err)

    return call


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Write files below a fresh directory, which becomes the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)

    def write(files: Mapping[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return write
