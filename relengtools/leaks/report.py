"""A recording -> what a reader wants to know of it: summary.json, one HTML page, Markdown, and pictures.

The same recording gives the same bytes: no clock, no random number and no path of the machine goes in.
"""

import json
import os
import shlex
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relengtools import __version__, figure
from relengtools.errors import RelengError
from relengtools.leaks import exhaustion, history, judge, lacks, page, plot, pools, profiles, series
from relengtools.leaks.lacks import Lack
from relengtools.leaks.names import named
from relengtools.leaks.recording import Loaded
from relengtools.leaks.recording.read import Process
from relengtools.leaks.series import Frame
from relengtools.leaks.units import per_time

# In the order a reader wants them: what a process is limited in comes first.
RESOURCES = (
    "rss_bytes",
    "process_resident_memory_bytes",
    "anon_bytes",
    "num_fds",
    "process_open_fds",
    "n_sockets",
    "sockets_unlisted",
    "tcp_close_wait",
    "n_reg_files",
    "n_threads",
    "go_goroutines",
    "goroutines",
    "go_memstats_heap_inuse_bytes",
    "go_memstats_next_gc_bytes",
    "go_memstats_stack_inuse_bytes",
)
PAGES = ("index.html", "report.md", "summary.json")
MOST_ROWS = 15
MOST_FRAMES = 64
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Report:
    """The summary as it goes to summary.json, the pictures as SVG and PNG by name, and columns without a value."""

    summary: dict[str, Any]
    svg: dict[str, bytes]
    png: dict[str, bytes]
    lost: tuple[str, ...] = ()


def build(path: str, load: tuple[str, ...] = (), events: tuple[str, ...] = (), metrics: tuple[str, ...] = ()) -> Report:
    """Judge and draw the recording or CSV file at `path`; the names are as in `judge.analyze`.

    Raises RelengError where it can't be read, or the `report` extra is not installed.
    """
    frame, loaded = series.opened(path)
    frame = series.ordered(frame)
    metrics = tuple(named(metric, frame.columns, path) for metric in metrics)
    analysis = judge.analyze(frame, load=load, events=events, metrics=metrics).as_json() | {"file": Path(path).name}
    roles = series.roles(frame, load, events, metrics)
    lacking = lacks.lacks(frame, roles, analysis["metrics"], resources(analysis["metrics"], metrics))
    analysis["lacks"] = [lack.as_json() for lack in lacking]
    marks = [(event.time, event.text) for event in loaded.events if event.kind == "mark"] if loaded else []
    pictures = plot.figures(frame, analysis["metrics"], roles.load, _restarts(frame), marks)
    given = {"--load": load, "--events": events, "--metric": metrics}
    options = [word for option, names in given.items() for name in names for word in (option, name)]
    return Report(
        summary=_summary(frame, loaded, analysis, metrics, options, lacking) | {"files": _files(pictures)},
        svg={name: figure.svg(drawn) for name, drawn in pictures.items()},
        png={name: figure.png(drawn) for name, drawn in pictures.items()},
        lost=frame.lost,
    )


def write(report: Report, directory: Path) -> list[Path]:
    """Write index.html, report.md, summary.json and the pictures into `directory`, made where it's missing.

    An older report there is replaced, and nothing else: all is written beside it first. Raises RelengError where that
    is not possible, or a file of another origin is in the way.
    """
    files: dict[str, bytes] = {
        "index.html": page.html_page(report.summary, report.svg).encode(),
        "report.md": page.markdown(report.summary, report.svg).encode(),
        "summary.json": (json.dumps(report.summary, indent=1, ensure_ascii=True) + "\n").encode(),
        **{f"{name}.svg": data for name, data in report.svg.items()},
        **{f"{name}.png": data for name, data in report.png.items()},
    }
    older = _older(directory)
    new = not directory.exists()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(directory, files, older)
    except OSError as error:
        if new:
            with suppress(OSError):
                directory.rmdir()
        raise RelengError(f"{directory}: the report can't be written: {error.strerror or error}") from error
    return [directory / name for name in files]


def _files(pictures: Iterable[str]) -> list[str]:
    return [*PAGES, *(f"{name}.{form}" for name in pictures for form in ("svg", "png"))]


def _older(directory: Path) -> set[str]:
    """The files of an older report; raises RelengError where one that is none stands in a new one's place."""
    there = {name for name in _files(plot.TITLES) if os.path.lexists(directory / name)}
    try:
        listed = set(json.loads((directory / "summary.json").read_bytes())["files"])
    except (OSError, ValueError, TypeError, LookupError):
        listed = set()
    if foreign := sorted(there - listed):
        raise RelengError(f"{directory}: has a file {foreign[0]} that is of no report; choose another folder")
    return there


def _replace(directory: Path, files: Mapping[str, bytes], older: set[str]) -> None:
    """All files are complete before the first is moved into place; the summary, which lists them, is that first."""
    with tempfile.TemporaryDirectory(prefix=".report-", dir=directory) as beside:
        for name, data in files.items():
            Path(beside, name).write_bytes(data)
        for name in sorted(files, key="summary.json".__ne__):
            Path(beside, name).replace(directory / name)
    for name in older - files.keys():
        (directory / name).unlink(missing_ok=True)


def _summary(
    frame: Frame,
    loaded: Loaded | None,
    analysis: Mapping[str, Any],
    asked: Sequence[str],
    options: Sequence[str],
    lacking: Sequence[Lack],
) -> dict[str, Any]:
    decisive = resources(analysis["metrics"], asked)
    verdicts, others = ordered(analysis["metrics"], asked)
    children = of_children(loaded, asked)
    name = Path(frame.source).name
    stacks, unread = _stacks(loaded)
    return {
        "tool": f"relengtools {__version__}",
        "headline": headline({**analysis["metrics"], **children}, [*decisive, *children]),
        "recording": _about(frame, loaded, name, analysis["observed_s"]),
        "verdicts": verdicts,
        "others": others,
        "pools": [{"metric": m, **verdict} for m, verdict in children.items()],
        "limits": list(exhaustion.limits(frame, loaded, analysis["metrics"])),
        "classes": _classes(loaded),
        "stacks": stacks,
        **history.told(loaded),
        "next": [
            *lacks.sentences(lacking, analysis["observed_s"]),
            *_where(frame, loaded, analysis["metrics"]),
            *unread,
        ],
        "commands": [
            f"relengtools leaks {shlex.join(['analyze', name, *options])}",
            f"relengtools leaks {shlex.join(['report', name, '-o', 'report', *options])}",
        ],
        "analysis": analysis,
    }


def resources(metrics: Iterable[str], asked: Sequence[str] = ()) -> list[str]:
    """What raises an alarm, of the judged `metrics`: the resource set in a reader's order, and what was `asked` for."""
    there = set(metrics)
    known = [m for m in RESOURCES if m in there and not twin(m, there)]
    return known + [m for m in dict.fromkeys(asked) if m not in known]


def of_children(loaded: Loaded | None, asked: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """The verdicts that raise an alarm on children of one name, by `each child NAME: METRIC`.

    Pools of which nothing can be judged yet are left out: there is always some child that is met a few times only.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, _, analysis in pools.analyze(loaded, tuple(asked)) if loaded else ():
        metrics = analysis.as_json()["metrics"]
        decisive = resources(metrics, [metric for metric in asked if metric in metrics])
        if any(metrics[metric]["ci_high"] is not None for metric in decisive):
            found |= {f"each child {name}: {metric}": metrics[metric] for metric in decisive}
    return found


def twin(metric: str, there: Collection[str]) -> bool:
    """Whether what `metric` counts is there under our own name too."""
    return plot.STANDS_FOR.get(metric) in there


def ordered(
    metrics: Mapping[str, Mapping[str, Any]], asked: Sequence[str] = ()
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a reader wants first, in that order: the resources, and what else leaks; and the rest by name."""
    first = resources(metrics, asked)
    first += sorted(m for m in leaks(metrics) if m not in first)
    rest = sorted(set(metrics) - set(first))
    return [{"metric": m, **metrics[m]} for m in first], [{"metric": m, **metrics[m]} for m in rest]


def leaks(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What leaks, each once."""
    return [m for m, v in metrics.items() if v["verdict"] == "leak" and not twin(m, metrics)]


def headline(metrics: Mapping[str, Mapping[str, Any]], decisive: Sequence[str]) -> str:
    """The verdict on what is `decisive` in one line; other metrics don't raise an alarm by themselves."""
    verdicts = {m: metrics[m]["verdict"] for m in decisive}
    first = [m for m, verdict in verdicts.items() if verdict == "leak"]
    found = list(dict.fromkeys([*first, *sorted(leaks(metrics))]))
    told = _some([f"{m} {per_time(m, metrics[m]['rate_per_s'] or 0.0)}" for m in found])
    if first:
        return f"Leak: {told}"
    beside = f"; beside the resources: {told}" if found else ""
    if not verdicts:
        return f"No verdict: no resource of the process is in it; name a column with --metric{beside}"
    if unsure := [m for m, verdict in verdicts.items() if verdict in lacks.UNSURE]:
        return f"No leak shown; can't tell yet for {_some(unsure)}{beside}"
    return ("No leak: what moves goes with the load" if "load" in verdicts.values() else "No leak") + beside


def _some(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _about(frame: Frame, loaded: Loaded | None, name: str, observed_s: float) -> dict[str, Any]:
    process = loaded.processes[-1] if loaded and loaded.processes else None
    return {
        "file": name,
        "target": _target(loaded.processes) if loaded and loaded.processes else name,
        "exe": process.exe if process else None,
        "host": loaded.meta.get("host") if loaded else None,
        "kernel": loaded.meta.get("kernel") if loaded else None,
        "interval_s": loaded.runs[-1].interval_s if loaded and loaded.runs else None,
        "started": history.utc(float(frame.time[0])),
        "observed_s": observed_s,
        "samples": len(frame.time),
        "undated": frame.undated,
        "restarts": len(_restarts(frame)),
    }


def _target(processes: Sequence[Process]) -> str:
    """Name and pid, of each life where there are few."""
    pids = [f"{process.pid}" for process in processes]
    lives = ", then ".join(pids) if len(pids) <= MOST_NAMED else f"{pids[0]} to {pids[-1]}, {len(pids)} processes"
    return f"{processes[-1].name} (pid {lives})"


def _classes(loaded: Loaded | None) -> list[dict[str, Any]]:
    """Descriptor classes that grew most, then the largest."""
    found = loaded.classes if loaded else []
    order = sorted(found, key=lambda c: (c.first - c.last, -c.last, c.kind, c.label))
    return [
        {
            "class": c.name,
            "first": c.first,
            "last": c.last,
            "born": c.born,
            "died": c.died,
        }
        for c in order[:MOST_ROWS]
    ]


def _stacks(loaded: Loaded | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Goroutine stacks that grew between the first and the last profile of the last process, or why none is known."""
    found = [p for p in loaded.profiles if p.kind == "goroutine"] if loaded else []
    mine = [p for p in found if p.process == found[-1].process]
    if len(mine) < 2:
        return [], []
    try:
        grown = profiles.growth(mine[0].data, mine[-1].data)
    except profiles.NotAProfile as error:
        return [], [f"Record the goroutine profiles again: those in here can't be read ({error})."]
    rows = [
        {"function": profiles.culprit(g.stack), "first": g.first, "last": g.last, "stack": list(g.stack[:MOST_FRAMES])}
        for g in [g for g in grown if g.stack][:MOST_ROWS]
    ]
    return rows, []


def _where(frame: Frame, loaded: Loaded | None, metrics: Mapping[str, Any]) -> Iterator[str]:
    """What would tell where in the program a leak is."""
    leaking = any(verdict["verdict"] == "leak" for verdict in metrics.values())
    if loaded and leaking and not loaded.meta.get("pprof") and "go_goroutines" in frame.columns:
        yield "Give --pprof URL when recording: the goroutine profile names the function that leaks."


def _restarts(frame: Frame) -> series.FloatArray:
    """Unix times at which a second or later regime begins."""
    return frame.time[[part.start for part in series.regimes(frame).slices[1:]]]
