"""`relengtools leaks mark`, `import` and `export`: what is done with a recording besides judging it."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from relengtools.errors import RelengError, printable
from relengtools.leaks.commands import needs_numpy, say


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.argument("text", nargs=-1, required=True)
def mark(recording: Path, text: tuple[str, ...]) -> None:
    """Write a note with the present time into a recording, finished or being written.

    It stands among the gaps and restarts in the report.

    \b
    Example:
      relengtools leaks mark soju.db deployed 0.9.1
    """
    from relengtools.leaks.recording import mark as write

    write(recording, " ".join(text), time.time())


@click.command(name="import")
@click.argument("kind", type=click.Choice(["csv", "prometheus", "psrecord", "mprof", "procpath"]))
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The new recording.")
@click.option("--started", type=float, metavar="UNIX", help="When psrecord began, which its log doesn't say.")
@click.option("--pid", type=int, metavar="PID", help="The process that is meant, of several (Procpath).")
def import_(kind: str, source: Path, output: Path, started: float | None, pid: int | None) -> None:
    """Make a recording of what another tool has recorded in SOURCE, or `-` for stdin.

    prometheus is what its HTTP API answers (JSON, one answer or several after each other), or OpenMetrics text. Ask for
    the samples as they were scraped, a range of an instant query; query_range gives 11,000 points at most, and repeats
    stale ones. With `process_start_time_seconds` among them, restarts are told apart.

    \b
    Examples:
      curl -G http://localhost:9090/api/v1/query --data-urlencode 'query={instance="soju:7001"}[7d]' > history.json
      relengtools leaks import prometheus history.json -o soju.db
      relengtools leaks import psrecord activity.txt -o soju.db
      relengtools leaks import procpath procpath.sqlite --pid 4711 -o soju.db
    """
    if kind in ("csv", "prometheus"):
        needs_numpy(f"import {kind}")
    from relengtools.leaks.importers import convert

    if str(output) == "-":
        raise RelengError("a recording needs -o FILE; it can't be written to a pipe")
    source = Path("/dev/stdin") if str(source) == "-" and kind != "procpath" else source
    rows, left_out = convert(kind, source, output, started, pid)
    say(f"{rows} rows")
    if left_out:
        say(f"{left_out} series were left out: a recording has room for no more")
    click.echo(output)


@click.command()
@click.argument("kind", type=click.Choice(["csv", "openmetrics", "parquet", "sqlite", "textfile"]))
@click.argument("recording")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write to, instead of stdout.")
@click.option("--child", type=int, metavar="PID", help="Of `record --children`: this child by itself (csv).")
def export(kind: str, recording: str, output: Path | None, child: int | None) -> None:
    """Write a recording, finished or live, for other tools.

    csv is what `analyze` takes, parquet (which needs pyarrow) the same; openmetrics has a point a sample; sqlite is a
    copy, also of a recording that is being written; textfile is for node_exporter and has the last values and the
    verdicts so far.

    \b
    Examples:
      relengtools leaks export csv soju.db | relengtools leaks analyze -
      relengtools leaks export csv --child 4711 pool.db | relengtools leaks analyze -
      relengtools leaks export textfile soju.db -o /var/lib/node_exporter/soju.prom
    """
    from relengtools.leaks import exporters
    from relengtools.leaks.recording import copy, is_recording, load

    if child is not None and kind != "csv":
        raise RelengError("--child goes with csv")
    output = None if str(output) == "-" else output
    if kind in ("sqlite", "parquet") and output is None:
        raise RelengError(f"{kind} needs -o FILE; it can't be written to a pipe")
    if kind == "sqlite" and output:
        copy(recording, output)
        return
    loaded = load(recording)
    if output and is_recording(output):
        raise RelengError(f"{output}: is a recording, which an export would destroy; choose another -o")
    if kind == "parquet" and output:
        exporters.to_parquet(loaded, output)
        return
    lines: Iterable[str]
    if child is not None:
        lines = exporters.children_to_csv(_lives(recording, child))
    elif kind == "textfile":
        lines = exporters.to_textfile(loaded, _verdicts(loaded))
    else:
        lines = exporters.to_csv(loaded) if kind == "csv" else exporters.to_openmetrics(loaded)
    if output is not None:
        exporters.replace(output, lines, for_all=kind == "textfile")
        return
    # Names that the target chose stay what they are in a file or a pipe; a terminal would act on them.
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    for line in lines:
        # Else click takes out what looks like a colour.
        click.echo(printable(line[:-1]) + "\n" if on_terminal else line, nl=False, color=True)


def _lives(recording: str, child: int) -> list[Any]:
    """The lives of one child; raises RelengError with those that there are."""
    from relengtools.leaks.recording import workers

    lives = workers.lives(recording)
    if not (found := [life for life in lives if life.pid == child]):
        known = ", ".join(f"{life.pid} ({printable(life.name)})" for life in lives[:20]) or "none"
        raise RelengError(f"{printable(recording)}: has no child {child}; there are: {known}")
    return found


def _verdicts(loaded: Any) -> dict[str, Any]:
    from relengtools.leaks import watch

    return watch.verdicts(loaded)
