"""The door of `build` for migrations: a wheel, or the metadata alone, by the project's own backend in isolation."""

import os
import shlex
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING

from relengtools.errors import RelengError, printable

if TYPE_CHECKING:
    from build.env import DefaultIsolatedEnv

# What the surroundings say must not decide about a version here.
_UNSET = ("SETUPTOOLS_SCM_", "VCS_VERSIONING_", "GIT_", "PBR_VERSION")


class BuildError(RelengError):
    """A project can't be built; says what the backend said last."""


class Surroundings:
    """An isolated environment, and programs that come first in PATH: builds are made in it one after the other."""

    def __init__(self, environment: "DefaultIsolatedEnv", folder: Path) -> None:
        self.environment, self.folder = environment, folder

    def stub(self, text: str) -> None:
        """NAME[=FILE,…]: a program that does nothing but make these files, empty, and a module with nothing in it."""
        name, _, files = text.partition("=")
        makes = (
            f'mkdir -p "$(dirname {file})" && : > {file}\n' for file in map(shlex.quote, filter(None, files.split(",")))
        )
        self.program(name, "#!/bin/sh\n" + "".join(makes) + "exit 0\n")
        module = Path(self._site_packages()) / name.replace("-", "_")
        module.mkdir(exist_ok=True)
        (module / "__init__.py").touch()

    def program(self, name: str, text: str) -> None:
        """A program, first in PATH."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def wheel(self, source: Path, variables: Mapping[str, str]) -> Path:
        """The wheel of the project at `source`; raises BuildError."""
        return self._built(source, variables, "wheel")

    def metadata(self, source: Path, variables: Mapping[str, str]) -> Path:
        """The file METADATA of the project at `source`; raises BuildError."""
        return self._built(source, variables, "metadata") / "METADATA"

    def _built(self, source: Path, variables: Mapping[str, str], what: str) -> Path:
        from build import BuildBackendException, BuildException

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # which setuptools has for the project's authors
                return self._asked(source, variables, what)
        except (BuildException, BuildBackendException, CalledProcessError) as error:
            raise BuildError(_said(error)) from error

    def _asked(self, source: Path, variables: Mapping[str, str], what: str) -> Path:
        from build import ProjectBuilder

        def run(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
            _run(cmd, cwd, {**(extra_environ or {}), **variables}, self.folder)

        builder = ProjectBuilder.from_isolated_env(self.environment, source, runner=run)
        self.environment.install(builder.build_system_requires)
        self.environment.install(builder.get_requires_for_build("wheel"))
        out = tempfile.mkdtemp(dir=self.folder)
        return Path(builder.metadata_path(out) if what == "metadata" else builder.build("wheel", out))

    def _site_packages(self) -> str:
        python = [self.environment.python_executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        return subprocess.run(python, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    """An isolated environment, gone at the end; `folder` is for what is made in it. Raises BuildError."""
    from build.env import DefaultIsolatedEnv

    try:
        with DefaultIsolatedEnv() as environment:
            yield Surroundings(environment, folder)
    except CalledProcessError as error:
        raise BuildError(f"the environment for the build can't be made: {_said(error)}") from error


def _run(cmd: Sequence[str], cwd: str | None, variables: Mapping[str, str], programs: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_UNSET)} | dict(variables)
    environment["PATH"] = os.pathsep.join([str(programs), environment.get("PATH", os.defpath)])
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            cmd, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False
        )
        if done.returncode:
            said.seek(0)
            raise CalledProcessError(done.returncode, cmd, said.read())


def _said(error: Exception) -> str:
    """The last line of what was said, without the colours and signs of a traceback's frame."""
    inner = getattr(error, "exception", error)
    output = getattr(inner, "output", None) or getattr(inner, "stderr", None) or b""
    text = output.decode(errors="replace") if isinstance(output, bytes) else str(output)
    lines = [line.strip() for line in text.splitlines() if line.strip(" │╰─>")]
    return printable(lines[-1] if lines else str(error))[:300]
