#!/usr/bin/env python3
"""The verdicts beside their peers in one run, and what they cost; with both DIRs it renews reports/benchmarks/judge.md.

    scripts/bench_judge.py [--leakbench DIR] [--recordings DIR]... [--seeds N] [-o FILE]

DIR holds the labelled series (generate.py, score.py), or recordings and labels.json (record_labelled.py). Each is
replayed as growing prefixes, and every method sees the same ones; judge_peers.py tells what the peers do.
Without a DIR only the speed is measured. Sections of the report that were not made now stay as they are: tables of what
was left out, and notes.
"""

import argparse
import importlib.util
import json
import math
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bench_record import BUILD, META
from judge_peers import NOTHING, PEERS, Answer, visible

from relengtools.leaks import judge, scene, series, units
from relengtools.leaks.process import Base
from relengtools.leaks.recording import Moment, open_for_writing
from relengtools.leaks.series import Frame
from relengtools.leaks.target import Target
from relengtools.leaks.verdict import finite

REPORT = Path(__file__).parent.parent / "reports" / "benchmarks" / "judge.md"
METRICS = ("rss_bytes", "num_fds", "goroutines")
PREFIXES = np.geomspace(0.06, 1, 10)
OURS = "relengtools"
MEMORY = ("go_memstats_heap_objects",)
RUNS = (
    "| recording | metric | truth | said at the end | lasting verdict after, s | rate error |",
    "|---|---|---|---|---:|---:|",
)


def answers(frame: Frame, metrics: Sequence[str]) -> dict[str, dict[str, Answer]]:
    """Method → metric → answer."""
    found = judge.analyze(frame).metrics
    staged = scene.stage(frame, (), (), ())
    out: dict[str, dict[str, Answer]] = {name: {} for name in (OURS, *PEERS)}
    for metric in metrics:
        if metric not in found:
            continue
        said = found[metric]
        rate = said.rate
        ends = (finite(rate.low), finite(rate.high)) if rate else (None, None)
        leak = said.verdict.value == "leak"
        out[OURS][metric] = Answer(leak, said.score, finite(rate.rate) or 0.0 if rate else 0.0, *ends)
        seen = visible(staged, metric)
        for name, peer in PEERS.items():
            out[name][metric] = peer(seen) if seen is not None else NOTHING
    return out


# --------------------------------------------------------------------------------------------- leakbench


def module(path: Path) -> ModuleType:
    """A module by its path; what it imports from beside itself is found there."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def until(frame: Frame, rows: int) -> Frame:
    """The first rows, as a file would hold them: no column without a value."""
    columns = {name: values[:rows] for name, values in frame.columns.items()}
    kept = {name: values for name, values in columns.items() if not np.isnan(values).all()}
    return Frame(frame.source, frame.time[:rows], kept, frame.starts[:rows])


def prefixes(frame: Frame) -> Iterator[Frame]:
    t = np.maximum.accumulate(frame.time - frame.time[0])
    for share in PREFIXES:
        yield until(frame, int(np.searchsorted(t, share * t[-1], "right")))


def simulated(folder: Path, seeds: int) -> tuple[list[str], dict[str, list[Any]], ModuleType]:
    """Method → rows for the scorer's summary; as far as the machine allows, told on the way."""
    sys.path.insert(0, str(folder))
    generate, score = module(folder / "generate.py"), module(folder / "score.py")
    rows: dict[str, list[Any]] = {name: [] for name in (OURS, *PEERS)}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "series.csv"
        families = ("30m", "6h", "3d", "21d")
        for number, (family, duration, seed, matrix, label) in enumerate(generate.iter_split("test", seeds, families)):
            generate.write(str(path), matrix)
            replay = [answers(prefix, METRICS) for prefix in prefixes(series.read(str(path)))]
            for name, into in rows.items():
                for metric in METRICS:
                    if metric in label["metrics"]:
                        into.append((label, metric, [row(step[name].get(metric, NOTHING)) for step in replay]))
            if number % 20 == 0:
                print(f"{family} {duration} {seed}", file=sys.stderr, flush=True)
    return list(METRICS), rows, score


def row(answer: Answer) -> tuple[str, float, float | None, float | None, float]:
    """An answer as the scorer wants it."""
    return "leak" if answer.leak else "insufficient", answer.rate, answer.low, answer.high, answer.score


def table_of_series(folder: Path, seeds: int) -> list[str]:
    metrics, rows, score = simulated(folder, seeds)
    lines = [f"## Simulated series (`test`, {seeds} seeds, 4 durations, 10 growing prefixes)", ""]
    for metric in metrics:
        lines += [
            f"### {metric}",
            "",
            *head("FA_any", "recall", "recall@5%FA", "TTD/oracle", "cover leak", "cover clean"),
        ]
        for name, all_rows in rows.items():
            s = score.summarise([r for r in all_rows if r[1] == metric], PREFIXES)
            keys = ("FA_any", "recall_clear", "recall_at_5pct_FA", "ttd_over_oracle", "rate_ci_cov", "null_ci_cov")
            lines.append("| " + " | ".join([name, *(number(s[key]) for key in keys)]) + " |")
        lines.append("")
    mine = score.summarise(rows[OURS], PREFIXES)["per_family"]
    wrong = sorted(((v[0], v[1], k) for k, v in mine.items() if v[0]), reverse=True)
    missed = sorted(((v[3] - v[2], v[3], k) for k, v in mine.items() if v[3] > v[2]), reverse=True)
    lines += [
        "In the way: false alarms in " + (", ".join(f"{k} {a}/{n}" for a, n, k in wrong[:8]) or "none") + ";",
        "misses in " + (", ".join(f"{k} {a}/{n}" for a, n, k in missed[:10]) or "none") + ".",
        "",
    ]
    return lines


def head(*columns: str) -> list[str]:
    return ["| method | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]


def number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else "never" if math.isinf(value) else f"{value:.2f}"


# -------------------------------------------------------------------------------------------- recordings


def table_of_recordings(folder: Path, title: str) -> list[str]:
    labels = json.loads((folder / "labels.json").read_text())["recordings"]
    tally: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    delays: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    errors: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    runs = []
    for name_of, label in labels.items():
        truths = {m: t for m, t in label["metrics"].items() if t["leak"] is not None}
        replay = list(growing(series.read(str(folder / label["file"])), list(truths)))
        for metric, truth in truths.items():
            runs += run_by_run(name_of, metric, truth, [(age, step[OURS].get(metric, NOTHING)) for age, step in replay])
        for name in (OURS, *PEERS):
            for metric, truth in truths.items():
                kind = "memory" if units.is_bytes(metric) or metric in MEMORY else "counts"
                said = [(age, step[name].get(metric, NOTHING)) for age, step in replay]
                note(tally[name], delays[name][kind], errors[name][kind], kind, truth, said)
    lines = [f"## Real programs: {title} ({len(labels)} recordings, replayed every 60 s)", ""]
    for kind in ("counts", "memory"):
        lines += [
            f"### {kind}",
            "",
            *head("found", "false at the end", "false ever", "seconds to the verdict", "rate error"),
        ]
        for name in (OURS, *PEERS):
            t = tally[name]
            middle = [statistics.median(x) if x else None for x in (delays[name][kind], errors[name][kind])]
            cells = [
                f"{t[kind, 'found']}/{t[kind, 'leaks']}",
                *(f"{t[kind, k]}/{t[kind, 'clean']}" for k in ("end", "ever")),
            ]
            cells += [
                "–" if middle[0] is None else f"{middle[0]:.0f}",
                "–" if middle[1] is None else f"{middle[1]:.1%}",
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return [
        *lines,
        "Leaks and false alarms, run by run (what is clean and never alarmed isn't listed):",
        "",
        *RUNS,
        *runs,
        "",
    ]


def run_by_run(recording: str, metric: str, truth: dict[str, Any], said: list[tuple[float, Answer]]) -> list[str]:
    """A row for a leak, or for what once was called one."""
    first = next((age for age, answer in said if answer.leak), None)
    if truth["leak"] is not True and first is None:
        return []
    since = max((i + 1 for i, (_, answer) in enumerate(said) if not answer.leak), default=0)
    when = f"{said[since][0]:.0f}" if since < len(said) else "–"
    last, true = said[-1][1], truth.get("rate_per_s")
    error = f"{abs(last.rate / true - 1):.1%}" if true and last.leak else "–"
    told = "leak" if last.leak else "none" if first is None else f"none, but at {first:.0f} s"
    return [f"| {recording} | {metric} | {'leak' if truth['leak'] else 'clean'} | {told} | {when} | {error} |"]


def growing(frame: Frame, metrics: Sequence[str]) -> Iterator[tuple[float, dict[str, dict[str, Answer]]]]:
    ages = frame.time - frame.time[0]
    for age in [*np.arange(60.0, ages[-1], 60.0), float(ages[-1])]:
        yield float(age), answers(until(frame, int((ages <= age).sum())), metrics)


def note(
    tally: Counter[tuple[str, str]],
    delays: list[float],
    errors: list[float],
    kind: str,
    truth: dict[str, Any],
    said: list[tuple[float, Answer]],
) -> None:
    last = said[-1][1]
    if truth["leak"] is not True:
        tally[kind, "clean"] += 1
        tally[kind, "end"] += last.leak
        tally[kind, "ever"] += any(answer.leak for _, answer in said)
        return
    tally[kind, "leaks"] += 1
    tally[kind, "found"] += last.leak
    if last.leak:
        since = max((i + 1 for i, (_, answer) in enumerate(said) if not answer.leak), default=0)
        delays.append(said[since][0])
        if truth.get("rate_per_s") and last.rate:
            errors.append(abs(last.rate / truth["rate_per_s"] - 1))


# ------------------------------------------------------------------------------------------------- speed


def table_of_speed() -> list[str]:
    """The whole command line, a process each."""
    lines = ["## Speed, the whole command line", "", *head("rows", "CPU s", "CPU s a million rows", "peak MB")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = (("CSV, 8 metrics", write_csv(folder / "rows.csv", 1_000_000), 1_000_000),)
        made += (("recording", write_recording(folder / "rows.db", 1_000_000), 1_000_000),)
        made += (("recording, 30 days at 1 Hz", write_recording(folder / "month.db", 30 * 86_400), 30 * 86_400),)
        for name, path, rows in made:
            cpu, peak = cost(
                [sys.executable, "-m", "relengtools", "leaks", "analyze", "--output-format", "json", str(path)]
            )
            lines.append(f"| {name} | {rows:,} | {cpu:.2f} | {cpu / rows * 1e6:.2f} | {peak:.0f} |")
    return [*lines, ""]


def cost(command: list[str]) -> tuple[float, float]:
    """CPU seconds and peak resident MB of a command, by a process of its own that waits for it."""
    program = (
        "import json, resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss]))"
    )
    done = subprocess.run([sys.executable, "-c", program, *command], capture_output=True, text=True, check=True)
    cpu, kib = json.loads(done.stdout)
    return cpu, kib / 1024


def write_csv(path: Path, rows: int) -> Path:
    rng = np.random.default_rng(1)
    down = np.round(40 + 10 * np.sin(np.arange(rows) / 14_000) + np.cumsum(rng.normal(size=rows)) / 100)
    columns = {
        "rss_bytes": 4096 * (20_000 + rng.integers(0, 900, rows)),
        "anon_bytes": 1024 * (60_000 + rng.integers(0, 3000, rows)),
        "num_fds": 14 + down + rng.poisson(0.3, rows),
        "n_threads": np.full(rows, 11),
        "downstreams": down,
        "upstreams": np.full(rows, 12),
        "users": np.full(rows, 6),
        "goroutines": 14 + 3 * down + rng.poisson(0.3, rows),
    }
    times = np.char.mod("%.3f", 1.7e9 + np.arange(rows))
    cells = [times, *(np.char.mod("%d", values.astype(np.int64)) for values in columns.values())]
    lines = map(",".join, zip(*(column.tolist() for column in cells), strict=True))
    path.write_text("ts_unix," + ",".join(columns) + "\n" + "\n".join(lines) + "\n")
    return path


def write_recording(path: Path, rows: int) -> Path:
    recording = open_for_writing(path, META)
    recording.begin_run(Moment(0, 0, 0), 1.0)
    recording.begin_process(Target("", 7, 1), BUILD, 0.0)
    steps = np.random.default_rng(1).integers(-40, 41, (rows, 3)).tolist()
    rss, anon, cpu = 5000, 12_000, 10_000
    for second, (a, b, c) in enumerate(steps):
        rss, anon, cpu = max(100, rss + a), max(100, anon + 3 * b), cpu + abs(c) // 10
        row = Base(rss, anon, 0, 458_000 + second % 3, 200 + c % 3, 9, cpu, second * 20, second, second * 30, 7)
        recording.add(Moment(1.7e9 + second, second, second), row)
        if second % 20 == 0:
            recording.flush()
    recording.close()
    return path


def renewed(older: str, made: str) -> str:
    """`older` with the sections of `made` in place of those of the same title, and what is new at its end."""
    return "\n".join(text.strip("\n") + "\n" for text in (sections(older) | sections(made)).values())


def sections(text: str) -> dict[str, str]:
    """Title → section with its title, whose brackets (how many seeds, how many recordings) don't count."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return {part.splitlines()[0].split(" (")[0]: part for part in parts if part}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leakbench", type=Path, metavar="DIR")
    parser.add_argument("--recordings", type=Path, metavar="DIR", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    begun = time.process_time()
    lines = [
        "# Verdicts beside their peers",
        "",
        "Made by `scripts/bench_judge.py`; `scripts/judge_peers.py` tells what the peers do.",
        "",
    ]
    if given.leakbench:
        lines += table_of_series(given.leakbench, given.seeds)
    for folder in given.recordings:
        lines += table_of_recordings(folder, folder.name)
    lines += table_of_speed()
    output = given.output or (REPORT if given.leakbench and given.recordings else None)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(renewed(output.read_text() if output.exists() else "", "\n".join(lines)))
    print("\n".join(lines))
    print(
        f"{time.process_time() - begun:.0f} s CPU, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
