#!/usr/bin/env python3
"""What `leaks plan` and the intervals of `leaks compare` promise, and what fresh seeds show; writes benchmarks/plan.md.

    scripts/bench_plan.py LEAKBENCH_DIR [--recordings N] [--watched N] [--pairs N] [-o FILE]

A row of `plan`: N recordings without a leak are planned on, each by itself, and N other seeds with a leak of the
rate are then watched for the time that was told. Seeds that share a plan aren't independent: the error of the share
is given by recordings, beside the binomial one. A row of `compare`: N pairs of fresh seeds of known rates.
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import bench_judge
import numpy as np

from relengtools.leaks import compare, judge, plan, power, scene
from relengtools.leaks.series import Frame

REPORT = Path(__file__).parent.parent / "reports" / "benchmarks" / "plan.md"
TARGET = 0.9
HOUR = 3600.0
STABLE = ("go_stable", "go_stable_small", "go_stable_big", "cpp_stable")
LENGTHS = ((0.5 * HOUR, 1.0), (6 * HOUR, 10.0), (72 * HOUR, 60.0))
LENGTH, STEP = 6 * HOUR, 10.0
FDS = 20 / HOUR
"""Descriptors a second that leak before the fix."""
FACTORS = ((1.0, 0.0), (1.0, 0.25), (1.0, 1.0), (0.0, 0.0), (0.0, 1.0))
PLAN_HEAD = (
    "| recording | rate | T / recording (10, 50, 90 %) | no answer | seen | error | by recordings | s a plan |",
    "|---|---:|---:|---:|---:|---:|---:|---:|",
)
COMPARE_HEAD = (
    "| metric | rate after / before | no interval | difference covers | ratio covers | removes at least: told, true |",
    "|---|---:|---:|---:|---:|---:|",
)


# ------------------------------------------------------------------------------------------------- plan


def plans(generate: ModuleType, recordings: int, watched: int) -> Iterator[str]:
    """A row for each stable family and length."""
    for length, step in LENGTHS:
        for family in STABLE:
            row = planned(generate, family, length, step, recordings, watched)
            print(row, file=sys.stderr, flush=True)
            yield row


def planned(generate: ModuleType, family: str, length: float, step: float, recordings: int, watched: int) -> str:
    first = source(fresh(generate, family, length, step, 170_000))
    rate = rate_for(first, length)
    times, shares, costs = [], [], []
    for number in range(recordings):
        begun = time.process_time()
        of = source(fresh(generate, family, length, step, 371_000 + number))
        found = plan.shortest(of, rate, TARGET)
        costs.append(time.process_time() - begun)
        if found is not None:
            seeds = range(380_000 + 1000 * number, 380_000 + 1000 * number + watched)
            seen = [leaks(fresh(generate, family, found, step, seed, rate)) for seed in seeds]
            times.append(found / length)
            shares.append(float(np.mean(seen)))
    spread = ", ".join(f"{x:.2f}" for x in np.quantile(times, (0.1, 0.5, 0.9))) if times else "–"
    share = float(np.mean(shares)) if shares else 0.0
    binomial = np.sqrt(share * (1 - share) / max(1, len(shares) * watched))
    clustered = statistics.stdev(shares) / np.sqrt(len(shares)) if len(shares) > 1 else float("nan")
    return (
        f"| {family}, {length / HOUR:g} h | {rate * HOUR / 1024:,.0f} KiB/h | {spread} | {recordings - len(times)} "
        f"| {share:.2f} | {binomial:.3f} | {clustered:.3f} | {max(costs):.1f} |"
    )


def rate_for(of: power.Source, length: float) -> float:
    """A rate that takes about as long as the recording to be seen in nine of ten."""
    low, high = 1e-2, 1e6
    for number in range(16):
        middle = math.sqrt(low * high)
        seen = power.seen(of, middle, length, 24, np.random.default_rng(number))
        low, high = (low, middle) if seen > TARGET * 24 else (middle, high)
    return math.sqrt(low * high)


def source(frame: Frame) -> power.Source:
    return power.source(scene.stage(frame, (), (), ()), "rss_bytes")


def fresh(generate: ModuleType, family: str, length: float, step: float, seed: int, rate: float = 0.0) -> Frame:
    """A series of a stable family of any length, with a constant leak of `rate` in resident memory."""
    settings = dict(generate.DEV[family], leak={"kind": "const", "on": "mem"} if rate else None)
    generate.DUR["plan"] = (length, step)
    generate.SE_LIVE[settings["base"], "plan"] = 0.1
    made = generate.simulate(family, settings, "plan", seed, zt=1.0)
    if rate:
        unit = generate.slope(made["t"], made["on"]["rss_bytes"] - made["off"]["rss_bytes"])
        made = generate.simulate(family, settings, "plan", seed, zt=rate / unit)
    columns = {"rss_bytes": made["on"]["rss_bytes"]}
    columns |= {
        name: made[key].astype(float)
        for name, key in (("downstreams", "down"), ("upstreams", "up"), ("users", "users"))
    }
    return Frame(f"{family}-{seed}", made["ts0"] + made["t"], columns, np.empty(0))


def leaks(frame: Frame) -> bool:
    return judge.analyze(frame).metrics["rss_bytes"].verdict.value == "leak"


# ---------------------------------------------------------------------------------------------- compare


def comparisons(generate: ModuleType, pairs: int) -> Iterator[str]:
    """A row for each metric and pair of rates."""
    first = source(fresh(generate, "go_stable", LENGTH, STEP, 170_000))
    memory = 3 * rate_for(first, LENGTH)
    for metric, rate in (("rss_bytes", memory), ("num_fds", FDS)):
        for factors in FACTORS:
            before, after = (rate * factor for factor in factors)
            found = [
                changed(metric, *(run(generate, metric, r, 2 * n + k) for k, r in enumerate((before, after))))
                for n in range(pairs)
            ]
            row = compared(metric, before, after, found)
            print(row, file=sys.stderr, flush=True)
            yield row


def run(generate: ModuleType, metric: str, rate: float, number: int) -> Frame:
    """A recording with a leak of `rate`, of memory or, as a Poisson process, of descriptors."""
    in_memory = rate if metric == "rss_bytes" else 0.0
    frame = fresh(generate, "go_stable", LENGTH, STEP, 400_000 + number, in_memory)
    random = np.random.default_rng(number)
    transient = random.poisson(0.3, len(frame.time))
    leaked = np.cumsum(random.poisson((rate if metric == "num_fds" else 0.0) * STEP, len(frame.time)))
    fds = 14 + frame.columns["downstreams"] + frame.columns["upstreams"] + transient + leaked
    return replace(frame, columns={**frame.columns, "num_fds": fds})


def changed(metric: str, before: Frame, after: Frame) -> compare.Change:
    changes = compare.compare(compare.side(before), compare.side(after))
    return next(change for change in changes if change.metric == metric)


def compared(metric: str, before: float, after: float, found: list[compare.Change]) -> str:
    rates = [change.rates for change in found if change.rates is not None]
    inside = [r.difference.low <= after - before <= r.difference.high for r in rates]
    ratios = [r.ratio.low <= after / before <= r.ratio.high for r in rates if r.ratio is not None and before]
    removed = [change.removed for change in found if change.removed is not None]
    honest = sum(share <= 1 - after / before for share in removed) if before else 0
    told = f"{after / before:g}" if before else "0 / 0" if not after else "new leak"
    return (
        f"| {metric} | {told} | {len(found) - len(rates)} | {part(inside)} | {part(ratios)} "
        f"| {len(removed)}, {honest} |"
    )


def part(inside: list[bool]) -> str:
    return f"{sum(inside)}/{len(inside)} = {np.mean(inside):.2f}" if inside else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("leakbench", type=Path, metavar="LEAKBENCH_DIR")
    parser.add_argument("--recordings", type=int, default=8)
    parser.add_argument("--watched", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("-o", "--output", type=Path, default=REPORT)
    given = parser.parse_args()
    generate = bench_judge.module(given.leakbench / "generate.py")
    sizes = f"--recordings {given.recordings} --watched {given.watched} --pairs {given.pairs}"
    lines = [
        "# What plan and compare promise, and what fresh seeds show",
        "",
        f"Made by `scripts/bench_plan.py LEAKBENCH_DIR {sizes}`.",
        "",
        f"## `compare`: 95 % intervals, pairs of {LENGTH / HOUR:g} h",
        "",
        *COMPARE_HEAD,
        *comparisons(generate, given.pairs),
        "",
        f"## `plan --power {TARGET:g}`",
        "",
        *PLAN_HEAD,
        *plans(generate, given.recordings, given.watched),
        "",
    ]
    given.output.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
