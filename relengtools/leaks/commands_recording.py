"""`relengtools leaks mark`: what is done with a recording besides judging it."""

import time
from pathlib import Path

import click


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
