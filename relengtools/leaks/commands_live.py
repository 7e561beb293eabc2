"""`relengtools leaks watch` and `doctor`: a process as it is now."""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from relengtools.errors import RelengError, printable
from relengtools.leaks.commands import DURATION, SELECTORS, hold_standard_streams, say, targeting

HOME, BELOW = "\x1b[H", "\x1b[J"
# A glance takes samples for so many seconds, so that there are rates.
GLANCE_S = 5.0
# Looking costs this part of a core at most.
SHARE = 1 / 20
DAY = 86400.0


@click.command()
@targeting
@click.option("--interval", type=DURATION, default="1s", show_default=True, help="Time between two looks.")
@click.argument("recording", required=False)
def watch(recording: str | None, interval: float, metrics: str | None, pprof: str | None, **given: Any) -> None:
    """Show values, rates, kinds of descriptors and the verdicts so far, until Ctrl-C.

    RECORDING is one that `record` writes, or has written; a process instead is recorded into a file that is thrown
    away. Where stdout is no terminal, one view is printed.

    \b
    Examples:
      relengtools leaks watch soju.db
      relengtools leaks watch --name soju --metrics http://localhost:7001/metrics
    """
    from relengtools.leaks.record import Settings
    from relengtools.leaks.target import selector

    named = {name: given[name] for name in SELECTORS}
    live = sys.stdout is not None and sys.stdout.isatty()
    if recording is not None:
        if any(value is not None for value in named.values()):
            raise RelengError("name a recording or a process, not both")
        if not 0.01 <= interval <= DAY:
            raise RelengError(f"--interval {interval:g} s: choose between 10 ms and a day")
        _follow(recording, interval) if live else _show(recording)
        return
    hold_standard_streams()
    duration = None if live else max(GLANCE_S, interval)
    settings = Settings(interval=interval, duration=duration, metrics=metrics, pprof=pprof, durable=True)
    with tempfile.TemporaryDirectory(prefix="relengtools-") as folder:
        _record(selector(**named), Path(folder) / "watched.sqlite", settings, live)


def _record(wanted: Any, path: Path, settings: Any, live: bool) -> None:
    from relengtools.leaks.record import run

    painter = _painter(str(path))
    outcome = run(wanted, path, settings, notify=(lambda line: None) if live else say, progress=lambda _: painter(live))
    if outcome.samples:
        _show(str(path))
    say(outcome.reason)


def _painter(path: str) -> Callable[[bool], None]:
    """Paint at most so often that it costs a small part of a core, once there is something to show."""
    from relengtools.leaks.recording import has_sample

    due = 0.0

    def paint(live: bool) -> None:
        nonlocal due
        if live and time.monotonic() >= due and has_sample(path):
            before = time.process_time()
            _show(path)
            due = time.monotonic() + (time.process_time() - before) / SHARE

    return paint


def _follow(path: str, interval: float) -> None:
    painter = _painter(path)
    while True:
        painter(True)
        time.sleep(interval)


def _show(path: str) -> None:
    """One view: in place on a terminal, else as lines."""
    from relengtools.leaks.watch import look, render

    view = look(path)
    if sys.stdout is None or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        click.echo("\n".join(render(view)))
        return
    size = _size()
    lines = render(view, size.columns, size.lines - 1)
    clear = "\x1b[K\n"
    click.echo(f"{HOME}{clear.join(lines)}{clear}{BELOW}", nl=False)


def _size() -> os.terminal_size:
    """The terminal as it is now, whatever COLUMNS was when a shell set it; a serial line doesn't know (0)."""
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        size = os.terminal_size((0, 0))
    return size if size.columns and size.lines else shutil.get_terminal_size()


@click.command()
@targeting
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def doctor(ctx: click.Context, /, output_format: str, metrics: str | None, pprof: str | None, **given: Any) -> None:
    """Say what a recorder with these rights sees of a process, what it doesn't, and what that costs the diagnosis.

    Where a right is missing, the least that adds it is shown as capabilities, and as lines for systemd, OpenRC and
    Kubernetes. Exit code 1 when something is missing.

    \b
    Example:
      relengtools leaks doctor --name soju --metrics http://localhost:7001/metrics
    """
    from relengtools.leaks import doctor, target
    from relengtools.leaks.process import ProcessGone

    wanted = target.selector(**given)
    pid = target.only(wanted, target.find(wanted))
    if pid is None:
        raise RelengError(f"{wanted.text}: no such process now")
    try:
        checks = [*doctor.examine(pid), *doctor.endpoints(metrics, pprof)]
        report = doctor.as_json(pid, checks, doctor.owner(pid))
    except (ProcessGone, FileNotFoundError):
        raise RelengError(f"process {pid} has ended") from None
    click.echo(json.dumps(report) if output_format == "json" else _advice(target.process_name(pid), report))
    ctx.exit(0 if doctor.healthy(checks) else 1)


def _advice(name: str, report: dict[str, Any]) -> str:
    lines = [f"{printable(name)} (pid {report['pid']})"]
    for check in report["checks"]:
        lines.append(f"  {'yes' if check['works'] else 'no ':3}  {check['what']}")
        if not check["works"]:
            lines.append(f"       {printable(check['why'])}: {check['cost']}")
    if report["missing"]:
        lines.append(f"What is missing takes {' and '.join(report['missing'])}, or the same user:")
        lines += [f"  {kind}: {line}" for kind, line in report["remedies"].items()]
    return "\n".join(lines)
