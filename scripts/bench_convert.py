"""Time `convert` against packaging itself, in one run: 100,000 mixed strings, parsed and printed.

Run it as `.venv/bin/python scripts/bench_convert.py`; it prints a table and writes it to reports/benchmarks/convert.md.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from packaging import __version__ as packaging_version
from packaging.version import InvalidVersion, Version

from relengtools.versions.scheme.convert import as_json, convert

COUNT = 100_000
ROUNDS = 7
LIMIT = 0.6
REPORT = Path(__file__).parent.parent / "reports" / "benchmarks" / "convert.md"


def release(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(60)) for _ in range(rng.choice((2, 3, 3, 3, 4))))


def canonical(rng: random.Random) -> str:
    n = rng.randrange(30)
    return release(rng) + rng.choice(("", "", "", "", f"a{n}", f"b{n}", f"rc{n}", f".post{n}", f".dev{n}"))


def spelt(rng: random.Random) -> str:
    n = rng.randrange(30)
    return rng.choice(
        (
            f"v{release(rng)}",
            f"{release(rng)}-rc{n}",
            f"{release(rng)}-beta.{n}",
            f"{release(rng)}.RC{n}",
            f"20{n:02}.0{n % 9 + 1}.1",
            f"{release(rng)}-dev",
            f"{release(rng)}+g{rng.randrange(16**7):07x}",
            f"1!{release(rng)}",
        )
    )


def legacy(rng: random.Random) -> str:
    n = rng.randrange(30)
    return rng.choice(
        (
            f"{release(rng)}-{n}-g{rng.randrange(16**7):07x}",
            f"{release(rng)}_git202001{n % 28 + 1:02}",
            f"release-{release(rng)}",
            f"{release(rng)}~rc{n}-1",
            f"{release(rng)}-SNAPSHOT",
            release(rng).replace(".", "_"),
        )
    )


def mixture(valid: int, other: int, foreign: int) -> list[str]:
    """COUNT strings in these percentages: canonical, valid in another spelling, refused by packaging."""
    rng = random.Random(440)
    makers = [canonical] * valid + [spelt] * other + [legacy] * foreign
    return [rng.choice(makers)(rng) for _ in range(COUNT)]


def by_packaging(texts: Sequence[str]) -> str:
    lines = []
    for text in texts:
        try:
            lines.append(str(Version(text)))
        except InvalidVersion:
            lines.append("")
    return "\n".join(lines)


def by_convert(texts: Sequence[str]) -> str:
    return "\n".join([convert(text).version or "" for text in texts])


def by_convert_json(texts: Sequence[str]) -> str:
    return "\n".join([as_json(convert(text)) for text in texts])


def seconds(work: Callable[[Sequence[str]], str], texts: Sequence[str]) -> float:
    started = time.process_time()
    work(texts)
    return time.process_time() - started


def row(name: str, texts: Sequence[str]) -> tuple[str, float]:
    """One row of the table and its ratio: medians of rounds taken in turns, so that load hits all alike."""
    works = (by_packaging, by_convert, by_convert_json)
    rounds = [[seconds(work, texts) for work in works] for _ in range(ROUNDS)]
    theirs, ours, json_lines = (median(column) * 1000 for column in zip(*rounds, strict=True))
    ratio, json_ratio = (median(each[i] / each[0] for each in rounds) for i in (1, 2))
    return f"| {name} | {theirs:.0f} | {ours:.0f} | {ratio:.2f} | {json_lines:.0f} | {json_ratio:.2f} |", ratio


def main() -> int:
    mixes = {
        "80 % canonical, 20 % valid in another spelling": mixture(80, 20, 0),
        "60 % canonical, 40 % valid in another spelling": mixture(60, 40, 0),
        "70 % canonical, 20 % other spelling, 10 % legacy": mixture(70, 20, 10),
        "all legacy (packaging refuses, convert answers)": mixture(0, 0, 100),
    }
    rows = [row(name, texts) for name, texts in mixes.items()]
    table = "\n".join(
        [
            f"# `convert` against packaging {packaging_version}",
            "",
            f"{COUNT:,} strings, parsed and printed; CPU milliseconds, medians of {ROUNDS} rounds taken in turns",
            "in one process. Made by `scripts/bench_convert.py`.",
            "",
            "| strings | packaging | convert | ratio | as JSON Lines | ratio |",
            "|---|---:|---:|---:|---:|---:|",
            *(text for text, _ in rows),
            "",
        ]
    )
    print(table)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(table)
    return 0 if rows[0][1] <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
