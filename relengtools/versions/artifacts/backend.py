"""The door of `build`: projects built by their own backends, in an isolated environment."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import CalledProcessError, TimeoutExpired
from typing import TYPE_CHECKING, Literal

from relengtools.errors import RelengError, printable
from relengtools.versions.artifacts import session

if TYPE_CHECKING:
    from build.env import DefaultIsolatedEnv

Product = Literal["sdist", "wheel", "metadata"]
# Zip has no dates before 1980; what dates its output has to give the same for the same.
_EPOCH = "1577836800"
_TAIL = 2**16
_CAUSE = re.compile(r"(?:[\w.]*(?:Error|Exception)|error|fatal): ", re.IGNORECASE)
LIMIT_S = 30 * 60
"""The longest that one step may take. Compiling a large project takes minutes; what waits for ever is to end in a job
of CI whose own limit is an hour or more, and to be told there."""


class BackendError(RelengError):
    """A project can't be built; says what its backend said last."""


class UnavailableError(RelengError):
    """There is no environment to build in, or its requirements can't be installed."""


class Isolated:
    """An isolated environment, in which builds are made one after the other.

    `programs` is a folder that comes first in PATH; variables that begin with one of `unset` aren't passed on. What is
    run puts its temporary files into `scratch`.
    """

    def __init__(
        self, environment: "DefaultIsolatedEnv", scratch: Path, programs: Path | None, unset: Sequence[str]
    ) -> None:
        self.environment, self.scratch = environment, scratch
        self.programs, self.unset = programs, ("GIT_", *unset)

    def build(self, product: Product, source: Path, out: Path, variables: Mapping[str, str] | None = None) -> Path:
        """What the backend makes of the project at `source`, in `out`: a file, for metadata its folder.

        Its code is run, no step longer than LIMIT_S. Raises BackendError, UnavailableError.
        """
        from build import BuildBackendException, BuildException

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # which backends have for the project's authors
                return self._asked(product, source, out, variables or {})
        except (BuildException, BuildBackendException) as error:
            raise BackendError(_said(error)) from error

    def site_packages(self) -> Path:
        """Where modules can be put."""
        python = [self.environment.python_executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        return Path(subprocess.run(python, capture_output=True, text=True, check=True).stdout.strip())

    def _asked(self, product: Product, source: Path, out: Path, variables: Mapping[str, str]) -> Path:
        from build import ProjectBuilder

        def run(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
            try:
                _run(cmd, cwd, self._surroundings({**(extra_environ or {}), **variables}))
            except TimeoutExpired as error:
                raise BackendError(_late()) from error

        builder = ProjectBuilder.from_isolated_env(self.environment, source, runner=run)
        self._install(builder.build_system_requires)
        self._install(builder.get_requires_for_build("sdist" if product == "sdist" else "wheel"))
        try:
            made = Path(builder.metadata_path(out) if product == "metadata" else builder.build(product, out))
        except TypeError as error:
            raise BackendError("the backend doesn't tell what it has made") from error
        if made.parent.resolve() != out.resolve() or not made.exists():
            raise BackendError(
                f"the backend says that it has made {printable(str(made.name))[:100]}, which isn't there"
            )
        return made

    def _install(self, requirements: Collection[str]) -> None:
        """As build's environment does it, by a pip that can be ended; it may build what it installs."""
        if not requirements:
            return
        python = self.environment.python_executable
        own = (self.site_packages() / "pip").is_dir()
        pip = [python, "-Im", "pip"] if own else [sys.executable, "-Pm", "pip", "--python", python]
        listed = self.scratch / "requirements.txt"  # where pip heeds their markers
        listed.write_text("\n".join(requirements), "utf-8")
        quietly = ["--use-pep517", "--no-warn-script-location", "--no-compile", "--no-input"]
        keyring = {"PIP_KEYRING_PROVIDER": "subprocess"} if shutil.which("keyring") else {}
        try:
            _run([*pip, "install", *quietly, "-r", str(listed)], None, {**keyring, **os.environ, **self._temporary()})
        except CalledProcessError as error:
            raise UnavailableError(f"the build's requirements can't be installed: {_said(error)}") from error
        except TimeoutExpired as error:
            raise UnavailableError(f"the build's requirements can't be installed: {_late()}") from error

    def _temporary(self) -> dict[str, str]:
        return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.scratch))

    def _surroundings(self, more: Mapping[str, str]) -> dict[str, str]:
        found = {name: value for name, value in os.environ.items() if not name.startswith(self.unset)}
        found = {"SOURCE_DATE_EPOCH": _EPOCH, **found, **self._temporary(), **more}
        if self.programs:
            found["PATH"] = os.pathsep.join([str(self.programs), found.get("PATH", os.defpath)])
        return found


@contextmanager
def isolated(programs: Path | None = None, unset: Sequence[str] = ()) -> Iterator[Isolated]:
    """An isolated environment, gone at the end, however that comes. Raises UnavailableError."""
    from build import FailedProcessError
    from build.env import DefaultIsolatedEnv

    environment = DefaultIsolatedEnv()
    with session.ending(), tempfile.TemporaryDirectory(prefix="relengtools-") as scratch, ExitStack() as stack:
        stack.push(environment)  # which doesn't take away what Ctrl-C leaves half made
        try:
            environment.__enter__()
        except (CalledProcessError, FailedProcessError) as error:
            raise UnavailableError(f"the environment for the build can't be made: {_said(error)}") from error
        yield Isolated(environment, Path(scratch), programs, unset)


def _run(cmd: Sequence[str], cwd: str | None, environment: Mapping[str, str]) -> None:
    """Run a step, quietly; raises CalledProcessError with the end of what it said, TimeoutExpired."""
    with tempfile.TemporaryFile() as said:
        status = session.run(cmd, cwd, environment, said, LIMIT_S)
        if status:
            said.seek(max(0, said.tell() - _TAIL))
            raise CalledProcessError(status, cmd, said.read())


def _late() -> str:
    return f"it was ended after {LIMIT_S / 60:g} minutes"


def _said(error: Exception) -> str:
    """The last line of what was said that names an error, or the last one, without the signs of a traceback's frame."""
    inner = getattr(error, "exception", error)
    parts = (getattr(inner, name, None) for name in ("output", "stderr"))
    text = "\n".join(part.decode(errors="replace") for part in parts if isinstance(part, bytes))
    lines = [line.strip() for line in text.splitlines() if line.strip(" │╰─>")]
    cause = next((line for line in reversed(lines) if _CAUSE.match(line)), lines[-1] if lines else None)
    if cause is None and isinstance(inner, CalledProcessError):
        how = f"was ended by signal {-inner.returncode}" if inner.returncode < 0 else f"ended with {inner.returncode}"
        cause = f"it {how} and said nothing"
    return printable(cause or _one_line(str(inner) or str(error)))[:300]


def _one_line(text: str) -> str:
    """What went wrong, and what a traceback behind that ends with."""
    first, *more = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    return f"{first}: {more[-1]}" if more and _CAUSE.match(more[-1]) else first
