"""What stands in for the surroundings of a build: programs that come first in PATH, and modules."""

import shlex
from pathlib import Path

from relengtools.versions.artifacts.backend import Isolated

# What the surroundings say must not decide about a version here.
UNSET = ("SETUPTOOLS_SCM_", "VCS_VERSIONING_", "PBR_VERSION")


def stub(environment: Isolated, programs: Path, text: str) -> None:
    """NAME[=FILE,…]: a program that does nothing but make these files, empty, and a module with nothing in it."""
    name, _, files = text.partition("=")
    quoted = map(shlex.quote, filter(None, files.split(",")))
    makes = (f'mkdir -p "$(dirname {file})" && : > {file}\n' for file in quoted)
    program(programs / name, "#!/bin/sh\n" + "".join(makes) + "exit 0\n")
    module = environment.site_packages() / name.replace("-", "_")
    module.mkdir(exist_ok=True)
    (module / "__init__.py").touch()


def program(path: Path, text: str) -> None:
    """A program at this path."""
    path.write_text(text)
    path.chmod(0o755)
