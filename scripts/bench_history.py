"""How long `versions history` takes beside git itself, in one run, and whether both say the same of every commit.

    python scripts/bench_history.py [--rounds N] [--limit S] NAME=REPOSITORY...

Two peers. *bare* is `git log --format='%H %P'` and one `git describe --tags`: it reads the same commits and answers for
one of them. *the same need* is `git log --format='%(describe:tags)'`: what git says of each commit. The table goes to
reports/benchmarks/history.md.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

TOP = Path(__file__).parents[1]
REPORT = TOP / "reports/benchmarks/history.md"
LIMIT_MB = 150
MEASURED = (
    "import sys; sys.argv = ['relengtools', *sys.argv[1:]]\n"
    "from relengtools.cli import main\n"
    "try: main()\n"
    "finally: print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0], file=sys.stderr)"
)
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Row(NamedTuple):
    """Seconds of each; `same` is None where git was stopped at the limit, `refused` counts commits."""

    name: str
    commits: int
    tags: int
    ours: float
    start: float
    bare: float
    same: float | None
    megabytes: float
    refused: int
    by_git: int | None


def spent() -> float:
    """The processor time of all programs that have been waited for, and of those that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(rounds: int, *commands: Sequence[str]) -> float:
    """The median processor time that the commands take together, after one round that isn't counted."""

    def once() -> float:
        started = spent()
        for command in commands:
            subprocess.run(command, capture_output=True, check=False, env=ENVIRONMENT)
        return spent() - started

    once()
    return median(once() for _ in range(rounds))


def described(repo: str, limit: float) -> tuple[float | None, int | None]:
    """How long git takes to describe every commit, and how many of the answers PEP 440 refuses."""
    started = spent()
    try:
        command = ["git", "-C", repo, "log", "--format=%(describe:tags)", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return None, None
    return spent() - started, sum(not accepted(line) for line in done.stdout.splitlines())


def accepted(text: str) -> bool:
    try:
        return bool(Version(text))
    except InvalidVersion:
        return False


def measured(name: str, repo: str, rounds: int, limit: float) -> Row:
    ours = [sys.executable, "-m", "relengtools", "versions", "history"]
    git = ["git", "-C", repo]
    command = [sys.executable, "-c", MEASURED, *ours[3:], repo, "--output-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    commits, tags = json.loads(done.stdout)["commits"], subprocess.check_output([*git, "tag"]).count(b"\n")
    same, by_git = described(repo, limit)
    return Row(
        name,
        commits["total"],
        tags,
        seconds(rounds, [*ours, repo]),
        seconds(rounds, [*ours, "--help"]),
        seconds(rounds, [*git, "log", "--format=%H %P"], [*git, "describe", "--tags"]),
        same,
        int(done.stderr.split()[-1]) / 1024,
        commits["invalid"],
        by_git,
    )


def table(rows: Sequence[Row], limit: float) -> str:
    heads = ["repository", "commits", "tags", "history", "of it start-up", "bare", "times", "the same need", "times"]
    heads += ["memory", "refused by PEP 440", "so says git"]

    def cells(row: Row) -> list[str]:
        same = f"> {limit:.0f} s" if row.same is None else f"{row.same:.2f} s"
        share = f"< {row.ours / limit:.4f}" if row.same is None else f"{row.ours / row.same:.4f}"
        counts = [f"{row.commits}", f"{row.tags}", f"{row.ours:.2f} s", f"{row.start:.2f} s", f"{row.bare:.3f} s"]
        times = [f"{row.ours / row.bare:.1f}", same, share, f"{row.megabytes:.0f} MB", f"{row.refused}"]
        return [row.name, *counts, *times, "–" if row.by_git is None else f"{row.by_git}"]

    lines = [heads, ["---"] * len(heads), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(rows: Sequence[Row], rounds: int, limit: float) -> str:
    def most(of: Callable[[Row], float]) -> str:
        return f"{max(map(of, rows)):.1f}"

    git = subprocess.check_output(["git", "--version"], text=True).split()[-1]
    known = [row for row in rows if row.same]
    return f"""# `versions history` beside git

Made by `scripts/bench_history.py` with git {git} and Python {platform.python_version()} on {os.cpu_count()} cores;
processor time of all programs together, the median of {rounds} runs, and for *the same need* of one.

- *bare*: `git log --format='%H %P'` and one `git describe --tags`. It reads the same commits, and says of one of them
  what `history` says of all.
- *the same need*: `git log --format='%(describe:tags)'`, which has git describe every commit. It was stopped after
  {limit:.0f} s by the clock.
- *start-up* is `versions history --help`: Python, click, and nothing read.

{table(rows, limit)}

For the same need `history` takes at most {max(row.ours / (row.same or limit) for row in known):.4f} times what git
takes. Of bare it takes up to {most(lambda row: row.ours / row.bare)} times, and without its start-up up to
{most(lambda row: max(row.ours - row.start, 0) / row.bare)} times: the smaller the history, the more of it is Python's
start and imports, and the fewer commits there are to a tag, the more is reading tags. bare does neither. Where the two
counts differ, git's walk, which goes by dates and ends at ten candidates, named another tag than the nearest.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", metavar="NAME=REPOSITORY")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that git has to describe every commit")
    given = parser.parse_args()
    rows = []
    for text in given.repositories:
        name, _, repo = text.partition("=")
        rows.append(measured(name, repo, given.rounds, given.limit))
        print(rows[-1], flush=True)
    text = report(rows, given.rounds, given.limit)
    REPORT.write_text(text)
    print(text)
    return 0 if max(row.megabytes for row in rows) < LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
