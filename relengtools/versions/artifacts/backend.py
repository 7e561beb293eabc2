"""The door of `build`: projects built by their own backends, in an isolated environment."""

import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Literal

from relengtools.errors import RelengError, printable

if TYPE_CHECKING:
    from build.env import DefaultIsolatedEnv

Product = Literal["sdist", "wheel", "metadata"]
# Zip has no dates before 1980; what dates its output has to give the same for the same.
_EPOCH = "1577836800"
_TAIL = 2**16


class BackendError(RelengError):
    """A project can't be built; says what its backend said last."""


class UnavailableError(RelengError):
    """There is no environment to build in, or its requirements can't be installed."""


class Isolated:
    """An isolated environment, in which builds are made one after the other.

    `programs` is a folder that comes first in PATH; variables that begin with one of `unset` aren't passed on.
    """

    def __init__(self, environment: "DefaultIsolatedEnv", programs: Path | None, unset: Sequence[str]) -> None:
        self.environment, self.programs, self.unset = environment, programs, ("GIT_", *unset)

    def build(self, product: Product, source: Path, out: Path, variables: Mapping[str, str] | None = None) -> Path:
        """What the backend makes of the project at `source`, in `out`: a file, for metadata its folder.

        Its code is run. Raises BackendError, UnavailableError.
        """
        from build import BuildBackendException, BuildException

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # which backends have for the project's authors
                return self._asked(product, source, out, variables or {})
        except (BuildException, BuildBackendException) as error:
            raise BackendError(_said(error)) from error
        except CalledProcessError as error:
            raise UnavailableError(f"the build's requirements can't be installed: {_said(error)}") from error

    def site_packages(self) -> Path:
        """Where modules can be put."""
        python = [self.environment.python_executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        return Path(subprocess.run(python, capture_output=True, text=True, check=True).stdout.strip())

    def _asked(self, product: Product, source: Path, out: Path, variables: Mapping[str, str]) -> Path:
        from build import ProjectBuilder

        def run(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
            _run(cmd, cwd, self._surroundings({**(extra_environ or {}), **variables}))

        builder = ProjectBuilder.from_isolated_env(self.environment, source, runner=run)
        self.environment.install(builder.build_system_requires)
        self.environment.install(builder.get_requires_for_build("sdist" if product == "sdist" else "wheel"))
        return Path(builder.metadata_path(out) if product == "metadata" else builder.build(product, out))

    def _surroundings(self, more: Mapping[str, str]) -> dict[str, str]:
        found = {name: value for name, value in os.environ.items() if not name.startswith(self.unset)}
        found = {"SOURCE_DATE_EPOCH": _EPOCH, **found, **more}
        if self.programs:
            found["PATH"] = os.pathsep.join([str(self.programs), found.get("PATH", os.defpath)])
        return found


@contextmanager
def isolated(programs: Path | None = None, unset: Sequence[str] = ()) -> Iterator[Isolated]:
    """An isolated environment, gone at the end. Raises UnavailableError."""
    from build.env import DefaultIsolatedEnv

    try:
        with DefaultIsolatedEnv() as environment:
            yield Isolated(environment, programs, unset)
    except CalledProcessError as error:
        raise UnavailableError(f"the environment for the build can't be made: {_said(error)}") from error


def _run(cmd: Sequence[str], cwd: str | None, environment: Mapping[str, str]) -> None:
    """Run a step of the backend, quietly; raises CalledProcessError with the end of what it said."""
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            cmd, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False
        )
        if done.returncode:
            said.seek(max(0, said.tell() - _TAIL))
            raise CalledProcessError(done.returncode, cmd, said.read())


def _said(error: Exception) -> str:
    """The last line of what was said, without the colours and signs of a traceback's frame."""
    inner = getattr(error, "exception", error)
    parts = (getattr(inner, name, None) for name in ("output", "stderr"))
    text = "\n".join(part.decode(errors="replace") for part in parts if isinstance(part, bytes))
    lines = [line.strip() for line in text.splitlines() if line.strip(" │╰─>")]
    return printable(lines[-1] if lines else str(inner) or str(error))[:300]
