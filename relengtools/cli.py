"""The `relengtools` program: click groups that import a command only when it is called."""

import importlib
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

import click

from relengtools import __version__
from relengtools.errors import RelengError, printable

VERSIONS = {
    "list": ("relengtools.versions.commands:list_", "Every place a version is written, and which one the build uses."),
    "show": ("relengtools.versions.commands:show", "The version of one project, on one bare line."),
    "check": ("relengtools.versions.commands:check", "Judge versions against PEP 440; --fix rewrites them in place."),
    "convert": ("relengtools.versions.commands_convert:convert", "A version from one scheme into another."),
    "history": ("relengtools.versions.commands_history:history", "What a scheme does to the order of releases."),
    "bump": ("relengtools.versions.commands_bump:bump", "The next version, written everywhere."),
    "release": (
        "relengtools.versions.commands_release:release",
        "The gate: tag, project, sdists and wheels say the same.",
    ),
    "migrate": (
        "relengtools.versions.commands_migrate:migrate",
        "Make a setup.py that asks `git describe` compliant.",
    ),
    "rules": (
        "relengtools.versions.commands:rules",
        "The rules of `check`: what, why, an example, and how safe its fix is.",
    ),
}
LEAKS = {
    "record": ("relengtools.leaks.commands:record", "Sample a running process from outside into a recording."),
    "watch": ("relengtools.leaks.commands_live:watch", "A live view of a process or a recording in the terminal."),
    "doctor": (
        "relengtools.leaks.commands_live:doctor",
        "What these rights let one see of a process, and what adds more.",
    ),
    "analyze": (
        "relengtools.leaks.commands:analyze",
        "Say for each metric whether it leaks, how fast, how surely.",
    ),
    "check": ("relengtools.leaks.commands_verdict:check", "The gate for pipelines: exit 1 when something leaks."),
    "compare": ("relengtools.leaks.commands_verdict:compare", "What a change did to each leak, as intervals."),
    "plan": ("relengtools.leaks.commands_plan:plan", "How long to watch until a leak of a given rate is seen."),
    "mark": ("relengtools.leaks.commands_recording:mark", 'Write a note into a recording: "deployed 0.9.1".'),
    "export": ("relengtools.leaks.commands_recording:export", "CSV, OpenMetrics, a copy, or node_exporter's textfile."),
    "import": ("relengtools.leaks.commands_recording:import_", "What psrecord, mprof, Procpath or CSV has recorded."),
    "report": ("relengtools.leaks.commands:report", "One HTML page with plots, pictures, Markdown and JSON."),
}


class LazyGroup(click.Group):
    """A group of commands named by `module:attribute`, imported when called; their one-line help is given here."""

    def __init__(self, *args: object, lazy: Mapping[str, tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.lazy.items()])


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
EXIT_CODES = "Exit codes: 0 nothing to report, 1 findings, 2 not done (in whole or in part), 130 interrupted."

versions = LazyGroup(
    "versions",
    lazy=VERSIONS,
    context_settings=CONTEXT,
    short_help="Find, judge and rewrite the versions of Python packages.",
    help="Find, judge and rewrite the versions of Python packages (PEP 440).\n\n"
    "The code under check is read, never run.",
    epilog=EXIT_CODES,
)
leaks = LazyGroup(
    "leaks",
    lazy=LEAKS,
    context_settings=CONTEXT,
    short_help="Watch a running process from outside: does it leak?",
    help="Watch a long-running process from outside (procfs) and say whether it leaks.\n\n"
    "Nothing runs inside the target, and it needs no restart.",
    epilog=EXIT_CODES,
)


@click.group(context_settings=CONTEXT, epilog=EXIT_CODES)
@click.version_option(__version__, "-V", "--version", message="relengtools %(version)s")
def relengtools() -> None:
    """Release and leak tools for people who run Python services."""


relengtools.add_command(versions)
relengtools.add_command(leaks)


def main() -> NoReturn:
    """Run the command line and exit: 2 for what can't be done, 130 when interrupted, 141 when a pipe's reader left."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as __main__ leaves it while this is imported
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = _run()
    except OSError as error:
        _drop_stdout()
        name = "the answer can't be written: " if error.filename is None else f"{error.filename}: "
        status = _fail(f"relengtools: {printable(name)}{error.strerror or error}")
    except Exception as error:  # a fault of ours: Python's 1 would say "findings"
        if sys.flags.dev_mode:
            raise
        _drop_stdout()
        status = _fail(f"relengtools: {_fault(error)}")
    sys.exit(status if isinstance(status, int) else 0)


def _run() -> object:
    """The exit code, None for 0; raises what no command expects."""
    try:
        status = relengtools.main(standalone_mode=False, prog_name="relengtools")
        if sys.stdout is None:
            raise RelengError("standard output is closed: the answer went nowhere")
        sys.stdout.flush()
    except RelengError as error:
        return _fail(f"relengtools: {error}")
    except click.ClickException as error:
        return _fail(_usage(error))
    except (click.Abort, KeyboardInterrupt) as interrupt:
        for note in getattr(interrupt.__cause__ or interrupt, "__notes__", ()):
            _fail(f"relengtools: {note}")
        return 130
    except BrokenPipeError:
        _drop_stdout()
        return 128 + signal.SIGPIPE
    except SystemExit:
        # So click ends after completing a word for a shell; and with 1, which says "findings", when a reader left.
        if "_RELENGTOOLS_COMPLETE" in os.environ:
            raise
        return 128 + signal.SIGPIPE
    return status


def _fail(line: str) -> int:
    with suppress(OSError):  # nobody may be there to read it
        click.echo(line, err=True)
    return 2


def _fault(error: Exception) -> str:
    """What went wrong in the program itself, where, and how to see more of it."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f" at {os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}" if at else ""  # noqa: PTH119
    said = printable(" ".join(str(error).split()))[:200]
    again = "`python -X dev -m relengtools …` shows the traceback"
    return f"a fault in relengtools itself, please report it: {type(error).__name__}{where}: {said} ({again})"


def _usage(error: click.ClickException) -> str:
    """One line: the command, what is wrong with the call, and where to read on; the help where nothing was asked."""
    if error.format_message().startswith("Usage:"):
        return error.format_message()
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "relengtools"
    return f"{command}: {' '.join(printable(error.format_message()).split())} (see `{command} --help`)"


def _drop_stdout() -> None:
    """Python flushes stdout once more at exit, which would fail again."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
