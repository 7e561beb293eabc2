"""How long `versions history` takes beside git itself, in one run, and whether both say the same of every commit.

    python scripts/bench_history.py [--rounds N] [--limit S] NAME=REPOSITORY...

Three peers. *bare* is `git log --format='%H %P'` and one `git describe --tags`: it reads the same commits and answers
for one of them. *one process* is `git log` and `git describe --tags --always` of all of them at once: what git says of
each commit, as fast as git can. *a process each* is `git log --format='%(describe:tags)'`, which says the same. The
table goes to reports/benchmarks/history.md.
"""

import argparse
import json
import os
import platform
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
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
# xargs starts git anew only where a list of commits is longer than what the system takes.
ONE_PROCESS = "git log --format=%H HEAD | xargs git describe --tags --always"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Row(NamedTuple):
    """Seconds of each; `one` and `each` are None where git was stopped at the limit, `refused` counts commits."""

    name: str
    commits: int
    tags: int
    ours: float
    start: float
    bare: float
    one: float | None
    each: float | None
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


def described(repo: str, limit: float, script: str) -> tuple[float | None, list[str] | None]:
    """How long git takes to describe every commit, and what it says; None where it takes longer than the limit."""
    started = spent()
    process = subprocess.Popen(
        ["sh", "-c", f"cd -- {shlex.quote(repo)} && {script}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, None
    return spent() - started, out.splitlines()


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
    each, by_git = described(repo, limit, "git log --format='%(describe:tags)' HEAD")
    one = [described(repo, limit, ONE_PROCESS)[0] for _ in range(rounds)]
    return Row(
        name,
        commits["total"],
        tags,
        seconds(rounds, [*ours, repo]),
        seconds(rounds, [*ours, "--help"]),
        seconds(rounds, [*git, "log", "--format=%H %P"], [*git, "describe", "--tags"]),
        None if None in one else median(filter(None, one)),
        each,
        int(done.stderr.split()[-1]) / 1024,
        commits["invalid"],
        None if by_git is None else sum(not accepted(line) for line in by_git),
    )


def table(rows: Sequence[Row], limit: float) -> str:
    heads = ["repository", "commits", "tags", "history", "of it start-up", "bare", "times", "one process", "times"]
    heads += ["a process each", "times", "memory", "refused by PEP 440", "so says git"]

    def peer(row: Row, seconds: float | None) -> list[str]:
        if seconds is None:
            return [f"> {limit:.0f} s", f"< {row.ours / limit:.2g}"]
        return [f"{seconds:.2f} s", f"{row.ours / seconds:.2g}"]

    def cells(row: Row) -> list[str]:
        counts = [f"{row.commits}", f"{row.tags}", f"{row.ours:.2f} s", f"{row.start:.2f} s", f"{row.bare:.3f} s"]
        times = [f"{row.ours / row.bare:.1f}", *peer(row, row.one), *peer(row, row.each)]
        said = [f"{row.megabytes:.0f} MB", f"{row.refused}", "–" if row.by_git is None else f"{row.by_git}"]
        return [row.name, *counts, *times, *said]

    lines = [heads, ["---"] * len(heads), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(rows: Sequence[Row], rounds: int, limit: float) -> str:
    git = subprocess.check_output(["git", "--version"], text=True).split()[-1]
    one = [row.ours / (row.one or limit) for row in rows]
    without = max(max(row.ours - row.start, 0) / (row.one or limit) for row in rows)
    bare = max(row.ours / row.bare for row in rows)
    return f"""# `versions history` beside git

Made by `scripts/bench_history.py` with git {git} and Python {platform.python_version()} on {os.cpu_count()} cores;
processor time of all programs together, the median of {rounds} runs, and for *a process each* of one.

What is the same need? `history` says for each commit what `git describe --tags` would say, whether PEP 440 takes it,
and what a mapping makes of it; besides that it orders the tags. git has three ways to come near:

- *bare*: `git log --format='%H %P'` and one `git describe --tags`. It reads the same commits, and says of one of them
  what `history` says of all.
- *one process*: `git log` and one `git describe --tags --always` of all its commits: the same answers as fast as git
  can give them, none of them judged. This is the honest peer.
- *a process each*: `git log --format='%(describe:tags)'`, as people write it, for which git starts itself once a
  commit.

Peers were stopped after {limit:.0f} s by the clock. *Start-up* is `versions history --help`: Python, click, and nothing
read.

{table(rows, limit)}

Of *one process* `history` takes {min(one):.2g} to {max(one):.2g} times the time, without its start-up at most
{without:.2g} times; of *a process each* at most {max(row.ours / (row.each or limit) for row in rows):.2g} times. Of
bare it takes up to {bare:.1f} times. The smaller the history, the more of it is Python's start and imports; the fewer
commits there are to a tag, the more is reading tags, which no peer does. Where the two counts differ, git's walk, which
goes by dates and ends at ten candidates, named another tag than the nearest.
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
