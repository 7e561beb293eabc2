"""How fast `relengtools versions` is: start-up against `python -c pass` and peers, bulk reading, 300 projects.

    python scripts/bench_versions.py [--rounds 15]

CPU time of the child processes, paired round by round; the median of the ratios is printed. Peers that aren't installed
beside this Python are left out. Byte code is cached in a temporary folder, as it is for an installed program.
"""

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLEET = Path(__file__).parents[1] / "tests/fleet"
BIN = Path(sys.executable).parent
PEERS = {
    "validate-pyproject": ["pyproject.toml"],
    "pyproject-fmt": ["--check", "pyproject.toml"],
    "dunamai": ["from", "any"],
    "bump-my-version": ["show", "current_version"],
    "check-wheel-contents": ["--version"],
}


def cpu_seconds(command: list[str], cwd: Path, environment: dict[str, str]) -> float:
    """User and system time of one run and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start_up(rounds: int, folder: Path) -> None:
    """One small package in a git repository."""
    package = folder / "alpha"
    shutil.copytree(FLEET / "alpha", package)
    subprocess.run(["git", "init", "-q", str(package)], check=True)
    program = [sys.executable, "-m", "relengtools"]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import click": [sys.executable, "-c", "import click"],
        "import packaging.version": [sys.executable, "-c", "import packaging.version"],
        "relengtools --help": [*program, "--help"],
        "relengtools versions list": [*program, "versions", "list"],
        "relengtools versions show": [*program, "versions", "show"],
        "relengtools versions check": [*program, "versions", "check"],
    }
    commands |= {name: [str(BIN / name), *rest] for name, rest in PEERS.items() if (BIN / name).exists()}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    for command in commands.values():
        cpu_seconds(command, package, environment)
    times = [
        {name: cpu_seconds(command, package, environment) for name, command in commands.items()} for _ in range(rounds)
    ]
    print(f"start-up, median of {rounds} rounds: CPU ms, and as a multiple of `python -c pass`")
    for name in commands:
        ratio = statistics.median(row[name] / row["python -c pass"] for row in times)
        print(f"  {name:28} {statistics.median(row[name] for row in times) * 1000:7.1f} {ratio:6.2f}")


def bulk(count: int) -> None:
    """Strings of which four in five are canonical, parsed and printed."""
    from packaging.version import InvalidVersion, Version

    from relengtools.versions.scheme.pep440 import read

    def packaging_reads(text: str) -> str | None:
        try:
            return str(Version(text))
        except InvalidVersion:
            return None

    draw = random.Random(1)
    tails = ["", "", "", "rc1", ".post2", ".dev3", "a1.dev2", "+g1a2b3c4", "-rc1", "-2-g1a2b3c4"]
    texts = [
        f"{draw.randrange(99)}.{draw.randrange(99)}.{draw.randrange(999)}{draw.choice(tails)}" for _ in range(count)
    ]
    start = time.process_time()
    theirs = [packaging_reads(text) for text in texts]
    middle = time.process_time()
    ours = [read(text).canonical for text in texts]
    end = time.process_time()
    assert ours == theirs
    ratio = (end - middle) / (middle - start)
    print(f"bulk, {count} strings: packaging {middle - start:.3f} s, here {end - middle:.3f} s: {ratio:.2f}")


def tree(count: int, folder: Path) -> None:
    """Many projects in one tree."""
    kinds = sorted(FLEET.iterdir())
    for number in range(count):
        shutil.copytree(kinds[number % len(kinds)], folder / "many" / f"p{number}")
    start = time.monotonic()
    command = [sys.executable, "-m", "relengtools", "versions", "check"]
    subprocess.run(command, cwd=folder / "many", capture_output=True, check=False)
    print(f"a tree of {count} projects: {time.monotonic() - start:.2f} s")


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        start_up(rounds, Path(folder))
        bulk(100_000)
        tree(300, Path(folder))


if __name__ == "__main__":
    main()
