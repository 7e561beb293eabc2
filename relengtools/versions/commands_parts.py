"""What the commands of `relengtools versions` have in common: options, and lines for the person at the terminal."""

import sys
from collections.abc import Sequence

import click

from relengtools.errors import printable

FORMAT = click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or for programs.",
)
SELECT = click.option(
    "--select", multiple=True, metavar="RULES", help="Only these rules: codes, prefixes or names, comma-separated."
)
IGNORE = click.option("--ignore", multiple=True, metavar="RULES", help="Not these rules; wins over --select.")


def rules_of(given: Sequence[str]) -> list[str]:
    """What --select and --ignore name; an empty text alone stays, since it is an unset variable most likely."""
    names = [[name.strip() for name in text.split(",")] for text in given]
    return [name for some in names for name in some if name or len(some) == 1]


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 project`, `2 projects`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def say(line: str) -> None:
    """One line on standard error, ready to be printed."""
    click.echo(f"relengtools: {line}", err=True)


def progress(line: str | None) -> None:
    """One line that is written over, on a terminal only; None takes it away."""
    if sys.stderr.isatty():
        click.echo("\r\033[K" + ("" if line is None else f"relengtools: {printable(line)}"), nl=False, err=True)
