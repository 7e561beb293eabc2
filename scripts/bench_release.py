"""How many wrong releases pass `versions release`, and how many pass its peers: planted defects and clean twins.

    python scripts/bench_release.py [--only WORDS]

Every case of tests/versions/defects.py is built by its real backend in isolation (the package index is asked for the
backends), then all three programs judge it in this same run. The table goes to reports/benchmarks/release.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP / "tests"))

from versions.defects import Case  # noqa: E402
from versions.twins import CASES  # noqa: E402
from versions.workshop import Made, Workshop  # noqa: E402

REPORT = TOP / "reports/benchmarks/release.md"
BIN = Path(sys.executable).parent
LIMIT_MB = 150
# The program, and the most memory that it had, without the builds that it starts.
MEASURED = (
    "import sys; sys.argv = ['relengtools', *sys.argv[1:]]\n"
    "from relengtools.cli import main\n"
    "try: main()\n"
    "finally: print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0], file=sys.stderr)"
)


class Verdict(NamedTuple):
    """Whether a program refused, None where it was given nothing to judge; `said` are the codes of rules."""

    refused: bool | None
    said: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


class Row(NamedTuple):
    """A case and what each program made of it."""

    case: Case
    ours: Verdict
    twine: Verdict
    contents: Verdict


def ours(made: Made) -> Verdict:
    command = [sys.executable, "-c", MEASURED, "versions", "release", "--output-format", "json", *made.arguments]
    started = time.monotonic()
    done = subprocess.run(command, cwd=made.cwd, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    assert done.returncode in (0, 1), done.stdout + done.stderr
    codes = sorted({finding["code"] for finding in json.loads(done.stdout)["findings"]})
    return Verdict(done.returncode == 1, " ".join(codes), seconds, int(done.stderr.split()[-1]) / 1024)


def peer(command: Sequence[str], files: Iterable[Path]) -> Verdict:
    names = [str(path) for path in files]
    if not names:
        return Verdict(None)
    started = time.monotonic()
    done = subprocess.run([BIN / command[0], *command[1:], *names], capture_output=True, text=True, check=False)
    return Verdict(done.returncode != 0, seconds=time.monotonic() - started)


def judged(shop: Workshop, case: Case, folder: Path) -> Row:
    folder.mkdir()
    made = case.make(shop, folder)
    wheels = [path for path in made.files if path.suffix == ".whl"]
    return Row(
        case, ours(made), peer(["twine", "check", "--strict"], made.files), peer(["check-wheel-contents"], wheels)
    )


def right(row: Row) -> bool:
    """Whether a defect is found by its rule, or a clean twin passes."""
    return row.case.code in row.ours.said.split() if row.case.code else not row.ours.refused


def mark(verdict: Verdict) -> str:
    return "–" if verdict.refused is None else "refused" if verdict.refused else "passed"


def table(rows: Sequence[Row]) -> str:
    lines = ["| release | built by | versions release | twine | check-wheel-contents |", "|---|---|---|---|---|"]
    for row in rows:
        said = f"{mark(row.ours)}{f' ({row.ours.said})' if row.ours.said else ''}"
        lines.append(f"| {row.case.title} | {row.case.backend} | {said} | {mark(row.twine)} | {mark(row.contents)} |")
    return "\n".join(lines)


def count(rows: Sequence[Row], title: str) -> str:
    def refused(column: str) -> str:
        verdicts = [getattr(row, column) for row in rows]
        given = [verdict for verdict in verdicts if verdict.refused is not None]
        return f"{sum(verdict.refused for verdict in given)} of {len(given)}"

    return f"| {title} | {refused('ours')} | {refused('twine')} | {refused('contents')} |"


def report(rows: Sequence[Row]) -> str:
    bad = [row for row in rows if row.case.code]
    good = [row for row in rows if not row.case.code]
    titles, codes = {row.case.title for row in bad}, {row.case.code for row in bad}
    seconds = sorted(row.ours.seconds for row in rows if row.case.make.__name__ != "make_build")
    median, most = seconds[len(seconds) // 2], max(row.ours.megabytes for row in rows)
    return f"""# Wrong releases, and who lets them pass

{len(bad)} releases with one planted defect each ({len(titles)} kinds, {len(codes)} rules) and {len(good)} clean twins,
made by real build backends and judged in one run by Python {platform.python_version()}, twine {version("twine")}
(`check --strict`) and check-wheel-contents {version("check-wheel-contents")}. Made by `scripts/bench_release.py`.
A dash: the program has nothing to look at (a tag, a clone, or no wheel).

| refused | versions release | twine check --strict | check-wheel-contents |
|---|---|---|---|
{count(bad, "with a defect")}
{count(good, "clean")}

Found by the rule that is meant for it: {sum(map(right, bad))} of {len(bad)}. The most memory that `versions release`
took: {most:.0f} MB. Median time a release, start-up included, builds aside: {median:.2f} s.

## With a defect

{table(bad)}

## Clean

{table(good)}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only cases whose title or backend holds this; writes no report")
    only = parser.parse_args().only
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder  # twine and git read no settings of this user
        shop = Workshop(Path(folder), isolated=True)
        for number, case in enumerate(CASES):
            if only in case.title or only in case.backend:
                row = judged(shop, case, Path(folder) / f"case-{number}")
                rows.append(row)
                print("ok  " if right(row) else "WRONG", case.backend, case.title, row.ours.said, flush=True)
    if not only:
        text = report(rows)
        REPORT.write_text(text)
        print(text)
    memory = max(row.ours.megabytes for row in rows)
    return 0 if all(map(right, rows)) and memory < LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
