"""The command line of `relengtools leaks`."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relengtools.errors import Attempts, RelengError, printable

if TYPE_CHECKING:
    from relengtools.leaks.record import Outcome, Progress
    from relengtools.leaks.recording import Loaded
    from relengtools.leaks.series import Frame

_SPANS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class Duration(click.ParamType[float]):
    """A number with a unit, such as `500ms`, `10s`, `5min`, `7d`; in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; a bare number is seconds."""
        text = str(value).strip()
        number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
        try:
            return float(number) * _SPANS[text[len(number) :].strip() or "s"]
        except (KeyError, ValueError):
            self.fail(f"{text!r} is no duration: write 500ms, 10s, 5min, 2h or 7d", param, ctx)


DURATION = Duration()
CLEAR = "\r\x1b[K"
MOST_SHOWN = 20
NAMES: dict[str, Any] = {"multiple": True, "metavar": "NAME"}


SELECTORS = ("pid", "name", "pidfile", "unit", "listen", "cgroup")
_METRICS = click.option(
    "--metrics", metavar="URL", help="The target's own Prometheus metrics, http://HOST:PORT/metrics."
)
_PPROF = click.option("--pprof", metavar="URL", help="The target's Go profiles, http://HOST:PORT/debug/pprof.")


def targeting(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name a running process, and the target's own endpoints."""
    for option in (
        _PPROF,
        _METRICS,
        click.option("--cgroup", metavar="PATH", help="The process that leads a control group (a container's)."),
        click.option("--listen", metavar="HOST:PORT", help="The process that listens there."),
        click.option("--unit", metavar="UNIT", help="The main process of a systemd unit."),
        click.option("--pidfile", metavar="FILE", help="The process whose id is in FILE, as OpenRC keeps one."),
        click.option("--name", metavar="NAME", help="The process of this name; like those below, also the next one."),
        click.option("--pid", type=click.IntRange(min=1), metavar="PID", help="This process, until it ends."),
    ):
        command = option(command)
    return command


def judging(command: Callable[..., None]) -> Callable[..., None]:
    """The options that tell the judge what a column is."""
    for option in (
        click.option("--metric", "metrics", help="Judge this column too, such as vms_bytes.", **NAMES),
        click.option("--events", help="This column counts events, such as disconnects.", **NAMES),
        click.option("--load", help="This column is a load gauge, such as connections.", **NAMES),
    ):
        command = option(command)
    return command


@click.command()
@targeting
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The recording; an existing one of the same target goes on."
)
@click.option("--interval", type=DURATION, default="10s", show_default=True, help="Time between samples.")
@click.option("--duration", type=DURATION, default="7d", show_default=True, help="When to end at the latest.")
@click.option("--once", is_flag=True, help="End with the process; wait neither for a first one nor for the next.")
@click.option(
    "--profile",
    type=click.Choice(["light", "normal", "deep"]),
    default="normal",
    show_default=True,
    help="How much is read besides the base: deep adds heap profiles and smaps_rollup.",
)
@click.option("--children", is_flag=True, help="Of the whole process tree, summed, and of each child.")
@click.option(
    "--redact", is_flag=True, help="Keep command lines, addresses and paths of open files out of the recording."
)
@click.option("--durable", is_flag=True, help="Commit every sample to the disk at once.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def record(
    output: Path | None,
    command: tuple[str, ...],
    **settings: Any,
) -> None:
    """Sample a running process from outside into a recording (one SQLite file).

    Nothing runs inside the target, and it needs no restart. Memory, descriptors, threads and CPU are read at every
    interval; kinds of descriptors and sockets, and with --metrics the target's own numbers, more rarely. Load gauges
    such as the number of connections tell "more users" from "a leak", so give --metrics where there is one.

    Ctrl-C and SIGTERM end it cleanly. A restart of the target is noted, and the recording goes on.

    \b
    Examples:
      relengtools leaks record --name soju --metrics http://localhost:7001/metrics -o soju.db
      relengtools leaks record --pid 4711 --interval 1s --duration 15min
      relengtools leaks record --unit soju.service --children --redact -o /var/lib/soju.db
      relengtools leaks record -- python3 service.py
    """
    _without_tls()
    from relengtools.leaks.record import Settings, run
    from relengtools.leaks.target import selector

    hold_standard_streams()
    show = _progress if _on_terminal() else _quiet
    wanted = selector(**{name: settings.pop(name) for name in SELECTORS}, command=command)
    outcome = run(wanted, output, Settings(**settings), notify=say, progress=show)
    if not outcome.samples:
        raise RelengError(f"{outcome.reason}; nothing was recorded")
    say(_closing(outcome))
    click.echo(outcome.path)


def _without_tls() -> None:
    """Import http.client without OpenSSL: only plain HTTP is spoken, and it would take 4 MB for months."""
    if "ssl" not in sys.modules:
        # So its import fails, which http.client expects.
        sys.modules["ssl"] = None  # type: ignore[assignment]
        import http.client  # noqa: F401

        del sys.modules["ssl"]


def say(line: str) -> None:
    """Tell the person at the terminal, beside the answer."""
    _tell(f"{CLEAR if _on_terminal() else ''}relengtools: {line}\n")


def _tell(text: str) -> None:
    """Write to stderr; once that fails (its reader has left, its disk is full) all that is said there is dropped."""
    try:
        click.echo(text, nl=False, err=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def hold_standard_streams() -> None:
    """Open what of 0, 1 and 2 is closed, or the recording would get that number, and a stray message with it."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _quiet(progress: "Progress") -> None:
    """Without a terminal there is nothing to draw on."""


def _progress(now: "Progress") -> None:
    from relengtools.leaks.units import amount, duration

    fds = "" if now.num_fds is None else f", {now.num_fds} fds"
    line = (
        f"{duration(now.elapsed_s)}: {_counted(now.samples, 'sample')}, rss {amount('rss_bytes', now.rss_bytes)}{fds}"
    )
    _tell(f"{CLEAR}{line}")


def _closing(outcome: "Outcome") -> str:
    noted = [f"{outcome.late} late"] if outcome.late else []
    noted += [f"{outcome.missed} missed"] if outcome.missed else []
    noted += [_counted(outcome.gaps, "gap")] if outcome.gaps else []
    noted += [f"{outcome.regimes} processes"] if outcome.regimes > 1 else []
    return f"{outcome.reason}: {', '.join([_counted(outcome.samples, 'sample'), *noted])}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


@click.command()
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@judging
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def analyze(
    ctx: click.Context,
    recordings: tuple[str, ...],
    load: tuple[str, ...],
    events: tuple[str, ...],
    metrics: tuple[str, ...],
    output_format: str,
) -> None:
    """Say for each metric whether it leaks, how fast, and how sure that is.

    RECORDING is a file of `record`, or CSV with a `ts_unix` column (seconds since 1970) and one column a metric; - is
    CSV on standard input. Verdicts: leak; load (moves with the load); stable; warmup (grows as programs do at first);
    insufficient (can't tell yet). The interval holds the true rate in 95 of 100 cases. Of `record --children` the sums
    are judged, and children of one name together: each lives anew, and a pool that is recycled hides a leak in its sum.

    Where a resource has no answer yet, the last lines say how long that takes, and what would make it shorter.

    With --output-format json, one JSON object a file (JSON Lines); rates are in the metric's own unit a second.

    \b
    Examples:
      relengtools leaks analyze soju.db
      relengtools leaks analyze --load sessions --metric vms_bytes --output-format json history.csv
    """
    needs_numpy("analyze")
    from relengtools.leaks import judge, lacks, report, series
    from relengtools.leaks.names import named

    attempts = Attempts(say)
    for path in recordings:
        with attempts:
            frame, recording = opened(path)
            asked = tuple(named(metric, frame.columns, path) for metric in metrics)
            analysis = judge.analyze(frame, load=load, events=events, metrics=asked).as_json()
            if not analysis["metrics"]:
                raise no_resource(path)
            roles = series.roles(frame, load, events, asked)
            decisive = report.resources(analysis["metrics"], asked)
            lacking = lacks.lacks(series.ordered(frame), roles, analysis["metrics"], decisive)
            children = _children(recording, asked) if recording else []
            if output_format == "json":
                more = {"children": children} if children else {}
                click.echo(json.dumps({**analysis, "lacks": [each.as_json() for each in lacking], **more}))
            else:
                lines = [_table(analysis, asked), *reached(frame, recording, analysis["metrics"])]
                lines += [f"  {printable(line)}" for line in lacks.sentences(lacking, analysis["observed_s"])]
                click.echo("\n".join([*lines, *(_table(pool, _of_pool(pool, asked)) for pool in children)]))
    ctx.exit(2 if attempts.failed else 0)


def no_resource(path: str) -> RelengError:
    """That there is nothing to judge."""
    return RelengError(f"{path}: holds no resource of a process to judge; name a column by --metric")


def _children(recording: "Loaded", metrics: tuple[str, ...]) -> list[dict[str, Any]]:
    """The verdicts on each pool of children."""
    from relengtools.leaks import pools

    return [
        {**analysis.as_json(), "name": name, "lives": lives}
        for name, lives, analysis in pools.analyze(recording, metrics)
    ]


def _of_pool(pool: dict[str, Any], asked: tuple[str, ...]) -> tuple[str, ...]:
    """What was asked for and a child has: it lacks what is the program's as a whole."""
    return tuple(metric for metric in asked if metric in pool["metrics"])


def opened(path: str) -> "tuple[Frame, Loaded | None]":
    """A recording or CSV file, and on stderr what is odd about it."""
    import time

    from relengtools.leaks import heartbeat, series

    frame, recording = series.opened(path)
    for remark in heartbeat.remarks(recording, time.time()) if recording else []:
        say(f"{printable(path)}: {remark}")
    _say_left_out(path, frame.undated, frame.lost)
    return frame, recording


def _say_left_out(path: str, rows: int, columns: Sequence[str]) -> None:
    if rows:
        say(f"{printable(path)}: {_counted(rows, 'row')} without a time left out")
    if columns:
        shown = ", ".join(printable(name) for name in columns[:6]) + (", …" if len(columns) > 6 else "")
        say(f"{printable(path)}: no value that can be used in {_counted(len(columns), 'column')}: {shown}")


def reached(frame: "Frame", recording: "Loaded | None", metrics: dict[str, Any]) -> list[str]:
    """When a leak meets a limit that is known, a line each."""
    from relengtools.leaks import exhaustion

    limits = exhaustion.limits(frame, recording, metrics)
    return [f"  {printable(exhaustion.sentence(limit))}" for limit in limits if limit["seconds_low"] is not None]


def _folder(ctx: click.Context, param: click.Parameter, value: str) -> Path:
    """A folder that has a name; raises click.BadParameter: `-` is no folder, and "" would be this one."""
    if value in ("", "-"):
        raise click.BadParameter(f"{value!r} is no folder; a report is several files")
    if (path := Path(value)).exists() and not path.is_dir():
        raise click.BadParameter(f"{printable(value)} is a file; a report is several")
    return path


@click.command()
@click.argument("recording")
@click.option("-o", "--output", metavar="DIRECTORY", required=True, callback=_folder, help="Folder to write to.")
@judging
def report(
    recording: str, output: Path, load: tuple[str, ...], events: tuple[str, ...], metrics: tuple[str, ...]
) -> None:
    """Write one HTML page with plots, the pictures as PNG and SVG, Markdown and summary.json.

    RECORDING is what `analyze` takes. The page loads nothing from elsewhere. The same recording gives the same bytes.
    A report that is in the folder is replaced; files of any other origin are left alone.

    \b
    Example:
      relengtools leaks report soju.db -o report/
    """
    needs_numpy("report")
    from relengtools.leaks import report as reporting

    made = reporting.build(recording, load=load, events=events, metrics=metrics)
    _say_left_out(recording, made.summary["recording"]["undated"], made.lost)
    paths = reporting.write(made, output)
    click.echo(made.summary["headline"])
    click.echo(paths[0])


def needs_numpy(command: str) -> None:
    """Raise RelengError, in one line, where the `report` extra is not installed."""
    from importlib import import_module

    try:
        import_module("numpy")
    except ImportError as error:
        raise RelengError(f"`leaks {command}` needs numpy ({error}): pip install 'relengtools[report]'") from error


def _table(analysis: dict[str, Any], asked: tuple[str, ...]) -> str:
    """The verdicts as a table for people, under each the reason: resources and what was asked for, or all."""
    from relengtools.leaks.report import ordered, twin
    from relengtools.leaks.units import duration, with_interval

    lines = [f"{_heading(analysis)}: {duration(analysis['observed_s'])}{_regimes(analysis)}"]
    first, rest = ordered(analysis["metrics"], asked)
    rows, rest = (first, rest) if first else (rest[:MOST_SHOWN], rest[MOST_SHOWN:])
    width = max((len(printable(row["metric"])) for row in rows), default=0)
    for row in rows:
        rate = with_interval(row["metric"], row["rate_per_s"], row["ci_low"], row["ci_high"])
        lines.append(f"  {printable(row['metric']):{width}}  {row['verdict']:12}  {rate}".rstrip())
        lines.append(f"    {printable(row['reason'])}")
    others = [row["verdict"] for row in rest if not twin(row["metric"], analysis["metrics"])]
    if others:
        kinds = ", ".join(f"{others.count(kind)} {kind}" for kind in dict.fromkeys(others))
        lines.append(f"  and {_counted(len(others), 'other metric')}: {kinds} (--output-format json shows all)")
    return "\n".join(lines)


def _heading(analysis: dict[str, Any]) -> str:
    return f"each child {printable(analysis['name'])}" if "name" in analysis else printable(analysis["file"])


def _regimes(analysis: dict[str, Any]) -> str:
    regimes: int = analysis["regimes"]
    lives: int = analysis.get("lives", regimes)
    return (f", {regimes} processes" if regimes > 1 else "") + (f" of {lives}" if lives > regimes > 1 else "")
