"""How fast `relengtools versions` is: start-up against `python -c pass` and peers, and 300 projects in one tree.

    python scripts/bench_versions.py [--rounds 15]

CPU time of the child processes, and for the tree what the clock shows too, taken in turns; medians. Peers that aren't
installed beside this Python are left out. Byte code is cached in a temporary folder, as for an installed program.
Writes reports/benchmarks/versions.md.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FLEET = ROOT / "tests/fleet"
REPORT = ROOT / "reports/benchmarks/versions.md"
BIN = Path(sys.executable).parent
PEERS = {
    "validate-pyproject": ["pyproject.toml"],
    "pyproject-fmt": ["--check", "pyproject.toml"],
    "dunamai": ["from", "any"],
    "setuptools-scm": [],
    "bump-my-version": ["show", "current_version"],
    "check-wheel-contents": ["--version"],
}
PROGRAM = [sys.executable, "-m", "relengtools", "versions"]
# The least that anybody can do: every file of the tree once through the parser of its kind.
READING = """
import ast, pathlib, tomllib
from configparser import ConfigParser
for path in pathlib.Path(".").rglob("*"):
    if path.suffix == ".toml":
        tomllib.loads(path.read_text())
    elif path.suffix == ".cfg":
        ConfigParser(interpolation=None).read_string(path.read_text())
    elif path.suffix == ".py":
        ast.parse(path.read_text())
"""
Environment = dict[str, str]


class Times(NamedTuple):
    """What one run took, in seconds: of the clock, and of the processors, for it and its children."""

    elapsed: float
    cpu: float


def timed(command: list[str], cwd: Path, environment: Environment) -> Times:
    """Run a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=False)
    elapsed, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Times(elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def start_up(rounds: int, folder: Path, environment: Environment) -> Iterator[str]:
    """One small package in a git repository."""
    package = folder / "alpha"
    shutil.copytree(FLEET / "alpha", package)
    subprocess.run(["git", "init", "-q", str(package)], check=True)
    commands = {
        "`python -c pass`": [sys.executable, "-c", "pass"],
        "`import click`": [sys.executable, "-c", "import click"],
        "`import packaging.version`": [sys.executable, "-c", "import packaging.version"],
        "relengtools versions --help": [*PROGRAM, "--help"],
        "relengtools versions list": [*PROGRAM, "list"],
        "relengtools versions show": [*PROGRAM, "show"],
        "relengtools versions check": [*PROGRAM, "check"],
    }
    commands |= {name: [str(BIN / name), *rest] for name, rest in PEERS.items() if (BIN / name).exists()}
    for command in commands.values():
        timed(command, package, environment)
    times = [
        {name: timed(command, package, environment).cpu for name, command in commands.items()} for _ in range(rounds)
    ]
    yield from ("| program | CPU, ms | times `python -c pass` |", "|---|---:|---:|")
    for name in commands:
        ratio = statistics.median(row[name] / row["`python -c pass`"] for row in times)
        yield f"| {name} | {statistics.median(row[name] for row in times) * 1000:.1f} | {ratio:.2f} |"


def tree(rounds: int, folder: Path, environment: Environment) -> Iterator[str]:
    """300 projects that are no more than their version, and 300 of the usual size."""
    kinds = sorted(FLEET.iterdir())
    tiny, usual = folder / "tiny", folder / "usual"
    for number in range(300):
        shutil.copytree(kinds[number % len(kinds)], tiny / f"p{number}")
        shutil.copytree(tiny / f"p{number}", usual / f"p{number}")
        _fill(usual / f"p{number}")
    yield "| 300 projects | KiB | | reading, s | `list`, s | times reading | `check`, s | times reading |"
    yield "|---|---:|---|---:|---:|---:|---:|---:|"
    for name, inside in (("of the fleet of the tests, 5 lines a file", tiny), ("of the usual size", usual)):
        commands = [[sys.executable, "-c", READING], [*PROGRAM, "list"], [*PROGRAM, "check"]]
        rows = [[timed(command, inside, environment) for command in commands] for _ in range(rounds)]
        size = sum(path.stat().st_size for path in inside.rglob("*") if path.is_file()) // 1024
        for field in Times._fields:
            seconds = [[getattr(times, field) for times in row] for row in rows]
            reading, listing, checking = (statistics.median(column) for column in zip(*seconds, strict=True))
            ratios = [statistics.median(row[column] / row[0] for row in seconds) for column in (1, 2)]
            yield (
                f"| {name} | {size} | {field} | {reading:.2f} | {listing:.2f} | {ratios[0]:.2f} "
                f"| {checking:.2f} | {ratios[1]:.2f} |"
            )


def _fill(project: Path) -> None:
    """Give a project what one of its kind has beside its version: metadata, settings of tools, code."""
    for path in project.rglob("*"):
        text = path.read_text() if path.is_file() else ""
        if path.name == "pyproject.toml":
            listed = "[project]" in text and "classifiers" not in text
            metadata = f"[project]\n{CLASSIFIERS}" if listed else "[project]\n"
            path.write_text(text.replace("[project]\n", metadata, 1) + TOOLS)
        elif path.suffix == ".py" and path.name != "setup.py":
            path.write_text(text + CODE)


CLASSIFIERS = """\
classifiers = [
  "Development Status :: 5 - Production/Stable",
  "Intended Audience :: Developers",
  "Operating System :: OS Independent",
  "Programming Language :: Python :: 3 :: Only",
  "Programming Language :: Python :: 3.11",
  "Programming Language :: Python :: 3.12",
  "Programming Language :: Python :: 3.13",
  "Topic :: Software Development :: Build Tools",
]
"""
TOOLS = """
[tool.ruff]
line-length = 120
target-version = "py311"

[tool.ruff.lint]
select = ["A", "B", "C4", "E", "F", "I", "N", "PT", "RUF", "S", "SIM", "UP", "W"]
ignore = [
  "S101",  # asserts belong into tests
  "E501",
]

[tool.ruff.lint.per-file-ignores]
"tests/*" = ["S", "N"]
"docs/conf.py" = ["A001"]

[tool.mypy]
strict = true
files = ["src", "tests"]

[[tool.mypy.overrides]]
module = ["yaml.*", "requests.*"]
ignore_missing_imports = true

[tool.pytest.ini_options]
addopts = ["-ra", "--strict-markers", "--strict-config"]
testpaths = ["tests"]
filterwarnings = ["error"]

[tool.coverage.run]
branch = true
source = ["src"]

[tool.coverage.report]
exclude_also = ["if TYPE_CHECKING:", "raise NotImplementedError"]
fail_under = 90
"""
CODE = '''

def normalise(name, separators="-_."):
    """The name as an index compares it."""
    parts, word = [], ""
    for letter in name.lower():
        if letter in separators:
            parts, word = [*parts, word] if word else parts, ""
        else:
            word += letter
    return "-".join([*parts, word] if word else parts)


class Reader:
    """Lines of a file, without what stands behind a `#`."""

    def __init__(self, path, encoding="utf-8"):
        self.path, self.encoding = path, encoding
        self.seen = {}

    def lines(self):
        with open(self.path, encoding=self.encoding) as file:
            for number, line in enumerate(file, 1):
                text = line.partition("#")[0].strip()
                if text and self.seen.setdefault(text, number) == number:
                    yield number, text

    def table(self):
        rows = {key.strip(): value.strip() for _, line in self.lines() for key, _, value in [line.partition("=")]}
        return {normalise(key): value for key, value in rows.items() if value not in ("", "none")}
'''


def main() -> None:
    """Print both tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        text = "\n".join(
            [
                "# How fast `versions` is",
                "",
                f"CPU time of the child processes, taken in turns, medians of {rounds} rounds; Python",
                f"{sys.version.split()[0]}. Made by `scripts/bench_versions.py`.",
                "",
                "## Start-up on one small package",
                "",
                *start_up(rounds, folder, environment),
                "",
                "## A tree of projects",
                "",
                "Reading is a child process too: each file of the tree once through tomllib, configparser or ast.",
                f"There were {len(os.sched_getaffinity(0))} processors.",
                "",
                *tree(max(5, rounds // 2), folder, environment),
                "",
            ]
        )
    print(text)
    REPORT.write_text(text)


if __name__ == "__main__":
    main()
