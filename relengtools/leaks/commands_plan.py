"""The command `relengtools leaks plan`: how long to watch."""

import json
from typing import TYPE_CHECKING

import click

from relengtools.errors import RelengError, printable
from relengtools.leaks import units
from relengtools.leaks.commands import NAMES, needs_numpy, opened
from relengtools.leaks.commands_verdict import FORMAT, Quantified, Quantity

if TYPE_CHECKING:
    from relengtools.leaks.plan import Plan, Way

RATE = Quantified("rate", units.parse_rate)


@click.command(epilog="Exit codes: 0 answered, also if the answer is that no time is enough; 2 not done.")
@click.argument("recording")
@click.option("--rate", type=RATE, required=True, metavar="RATE", help="The leak to see, such as 100KiB/h or 3/d.")
@click.option(
    "--power",
    type=click.FloatRange(0.5, 0.99),
    default=0.9,
    show_default=True,
    help="The share of such leaks that shall be seen.",
)
@click.option("--metric", default="rss", show_default=True, metavar="NAME", help="Where to see it.")
@click.option("--load", help="This column is a load gauge, such as connections.", **NAMES)
@click.option("--events", help="This column counts events, such as disconnects.", **NAMES)
@FORMAT
def plan(
    recording: str,
    rate: Quantity,
    power: float,
    metric: str,
    load: tuple[str, ...],
    events: tuple[str, ...],
    output_format: str,
) -> None:
    """Say how long to watch until a leak of a given rate would be called one, and what shortens that.

    The noise of RECORDING, which needs no leak in it, is learnt; leaks are simulated on top of it, and judged as
    `analyze` does. An answer far beyond the length of the recording is a guess, and is told as one.

    \b
    Examples:
      relengtools leaks plan soju.db --rate 100KiB/h
      relengtools leaks plan soju.db --rate 3/d --metric fds --power 0.95
    """
    needs_numpy("plan")
    from relengtools.leaks import gate, names
    from relengtools.leaks import plan as planning

    frame, _ = opened(recording)
    column = names.named(metric, frame.columns, frame.source)
    wanted = gate.in_unit(column, rate)
    if not wanted:
        raise RelengError("a leak of nothing is never seen: give a --rate above 0")
    found = planning.plan(frame, column, wanted, power, load=load, events=events)
    click.echo(json.dumps(found.as_json()) if output_format == "json" else _plan_text(found))


def _plan_text(found: "Plan") -> str:
    way = found.way
    leak = f"a leak of {units.per_time(way.metric, way.rate)} in {printable(way.metric)}"
    share = f"with a probability of {found.power:g}"
    observed = units.duration(found.observed)
    name = printable(found.source)
    if way.seconds is None:
        lines = [f"{name}: {leak} can't be promised to be seen within {units.duration(found.farthest)}"]
    else:
        lines = [f"{name}: {leak} is seen after {units.duration(way.seconds)}, {share}"]
    if way.obstacle:
        lines.append(f"  {printable(way.obstacle)}")
    if found.guessed and way.seconds is not None:
        lines.append(f"  that is a guess: {observed} tell nothing of slower noise; record longer and ask again")
    lines += [
        f"  {_way_text(other, way)}" for other in found.others if other.metric == way.metric or _sooner(other, way)
    ]
    return "\n".join(lines)


def _sooner(other: "Way", way: "Way") -> bool:
    """Whether it takes a fifth less at the least: the times are known to about a tenth."""
    return other.seconds is not None and (way.seconds is None or other.seconds < 0.8 * way.seconds)


def _way_text(other: "Way", way: "Way") -> str:
    when = "not in time" if other.seconds is None else f"after {units.duration(other.seconds)}"
    if other.metric == way.metric:
        return f"without {printable(', '.join(way.adjusted_for))}: {when}"
    condition = f" ({units.per_time(other.metric, other.rate)}, if {other.assuming})" if other.assuming else ""
    return f"in {printable(other.metric)}{condition}: {when}"
