"""The commands `relengtools leaks check`, `compare` and `plan`: verdicts for pipelines, changes and plans."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from relengtools.errors import Attempts, RelengError, printable
from relengtools.leaks import units
from relengtools.leaks.commands import NAMES, judging, needs_numpy, opened, say

if TYPE_CHECKING:
    from relengtools.leaks.compare import Change, Rates, Side
    from relengtools.leaks.plan import Plan, Way

FORMAT = click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
Quantity = tuple[float, bool]


class Quantified(click.ParamType[Quantity]):
    """A number with a unit: what it is in, and whether that is bytes."""

    def __init__(self, name: str, parse: Callable[[str], Quantity]) -> None:
        self.name = name
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Quantity:
        """The number in base units, and whether it is in bytes."""
        try:
            return self.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class OfMetric(click.ParamType[tuple[str, Quantity]]):
    """`METRIC=` and a number with a unit."""

    def __init__(self, name: str, parse: Callable[[str], Quantity]) -> None:
        self.name = name
        self.value = Quantified(name, parse)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Quantity]:
        """The metric as it was typed, and the number."""
        # A label of a metric may hold an equals sign, a number doesn't.
        metric, equals, text = str(value).rpartition("=")
        if not equals or not metric:
            self.fail(f"{str(value)!r} is not METRIC={self.name.upper()}, as in rss=…", param, ctx)
        return metric.strip(), self.value.convert(text, param, ctx)


RATE = Quantified("rate", units.parse_rate)
LIMIT = click.option(
    "--limit",
    "limits",
    type=OfMetric("amount", units.parse_amount),
    multiple=True,
    metavar="METRIC=AMOUNT",
    help="Where a metric ends, such as rss=2GiB; RLIMIT_NOFILE is known from a recording.",
)


# ----------------------------------------------------------------------------------------------- check


@click.command(epilog="Exit codes: 0 no leak; 1 a leak (or with --fail-on insufficient, no answer); 2 not judged.")
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@click.option(
    "--max-rate",
    "most",
    type=OfMetric("rate", units.parse_rate),
    multiple=True,
    metavar="METRIC=RATE",
    help="Let a metric leak if it surely does so no faster, such as rss=100KiB/h or fds=1/d.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["leak", "insufficient"]),
    default="leak",
    show_default=True,
    help="insufficient: also fail where a leak can't be excluded yet.",
)
@LIMIT
@judging
@FORMAT
@click.pass_context
def check(
    ctx: click.Context,
    recordings: tuple[str, ...],
    most: tuple[tuple[str, Quantity], ...],
    fail_on: str,
    limits: tuple[tuple[str, Quantity], ...],
    load: tuple[str, ...],
    events: tuple[str, ...],
    metrics: tuple[str, ...],
    output_format: str,
) -> None:
    """Pass or fail recordings in a pipeline, by what `analyze` says of them.

    What counts is the memory, descriptors, sockets, threads and goroutines of the process, and what --metric and
    --max-rate name. Short names will do: rss, anon, fds, sockets, close_wait, files, threads, goroutines, heap.

    With --max-rate a metric passes when its whole 95 % interval is at or below the rate, and fails when it leaks and
    that isn't shown. What is neither can't be told yet, and fails with --fail-on insufficient alone.

    \b
    Examples:
      relengtools leaks check soju.db
      relengtools leaks check --max-rate rss=100KiB/h --fail-on insufficient --output-format json soak.csv
    """
    needs_numpy("check")
    attempts = Attempts(say)
    passed = True
    for path in recordings:
        with attempts:
            found, limited = _checked(path, most, limits, load, events, metrics, strict=fail_on != "leak")
            passed = passed and found["passed"]
            if output_format == "json":
                click.echo(json.dumps({**found, "limits": limited}))
            else:
                click.echo(_gate_text(found, limited))
    ctx.exit(2 if attempts.failed else 0 if passed else 1)


def _checked(
    path: str,
    most: Sequence[tuple[str, Quantity]],
    limits: Sequence[tuple[str, Quantity]],
    load: tuple[str, ...],
    events: tuple[str, ...],
    metrics: tuple[str, ...],
    *,
    strict: bool,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from relengtools.leaks import exhaustion, gate, judge, names, report, trend

    frame, loaded = opened(path)
    allowed = _by_column(most, frame.columns, frame.source)
    ends = _by_column(limits, frame.columns, frame.source)
    asked = tuple(dict.fromkeys([*(names.named(m, frame.columns, frame.source) for m in metrics), *allowed, *ends]))
    analysis = judge.analyze(frame, load=load, events=events, metrics=asked).as_json()
    rulings = gate.rule(analysis["metrics"], report.resources(analysis["metrics"], asked), allowed)
    if not rulings:
        raise RelengError(f"{path}: holds no resource of a process to judge; name a column with --metric")
    if len(frame.time) < trend.FEWEST_BLOCKS or not gate.judged(rulings):
        raise RelengError(f"{path}: is too short to judge anything ({rulings[0].message})")
    found = gate.as_json(analysis, rulings, strict=strict)
    return found, list(exhaustion.limits(frame, loaded, analysis["metrics"], ends))


def _by_column(given: Sequence[tuple[str, Quantity]], columns: Mapping[str, Any], source: str) -> dict[str, float]:
    """Numbers by full name; raises RelengError where a metric has two, of which only one could hold."""
    from relengtools.leaks import gate, names

    full = [(names.named(name, columns, source), value) for name, value in given]
    columns_given = [name for name, _ in full]
    twice = next((name for name in columns_given if columns_given.count(name) > 1), None)
    if twice is not None:
        raise RelengError(f"{source}: {twice} is given two numbers by one option; leave one of them")
    return {name: gate.in_unit(name, value) for name, value in full}


def _gate_text(found: Mapping[str, Any], limits: Iterable[Mapping[str, Any]]) -> str:
    """The answer on one file for people: what failed with its reason, and what can't be said yet."""
    from relengtools.leaks.exhaustion import sentence

    kinds = [f["outcome"] for f in found["findings"]]
    undecided = kinds.count("insufficient") == len(found["metrics"])
    said = "failed" if not found["passed"] else "undecided" if undecided else "passed"
    counts = f"{kinds.count('leak')} of {len(found['metrics'])} leak" + (
        f", {kinds.count('insufficient')} can't be told yet" if "insufficient" in kinds else ""
    )
    lines = [f"{printable(found['file'])}: {said}: {counts} ({units.duration(found['observed_s'])})"]
    for each in found["findings"]:
        rate = units.with_interval(each["metric"], each["rate_per_s"], each["ci_low"], each["ci_high"])
        lines.append(f"  {printable(each['metric'])}  {each['outcome']}  {rate}".rstrip())
        lines.append(f"    {printable(each['message'])}")
    lines += [f"  {printable(sentence(limit))}" for limit in limits if limit["seconds_low"] is not None]
    return "\n".join(lines)


# --------------------------------------------------------------------------------------------- compare


@click.command(epilog="Exit codes: 0 AFTER isn't shown to be worse; 1 it leaks more than BEFORE; 2 not compared.")
@click.argument("before")
@click.argument("after")
@judging
@FORMAT
@click.pass_context
def compare(
    ctx: click.Context,
    before: str,
    after: str,
    load: tuple[str, ...],
    events: tuple[str, ...],
    metrics: tuple[str, ...],
    output_format: str,
) -> None:
    """Say what a change did to each leak: rates before and after, their difference and ratio.

    BEFORE and AFTER are recordings or CSV, as for `analyze`. All intervals hold the truth in 95 of 100 cases; "removes
    at least" is the safe end of one. Where an event counter is in both, the rates per event allow for different load.

    \b
    Examples:
      relengtools leaks compare soju-0.8.db soju-0.9.db
      relengtools leaks compare --metric vms_bytes --output-format json before.csv after.csv
    """
    needs_numpy("compare")
    from relengtools.leaks import compare as comparing
    from relengtools.leaks import names

    def judged(path: str) -> "Side":
        frame, _ = opened(path)
        named = tuple(names.named(m, frame.columns, frame.source) for m in metrics)
        asked.update(dict.fromkeys(named))
        return comparing.side(frame, load=load, events=events, metrics=named)

    asked: dict[str, None] = {}
    first, second = judged(before), judged(after)
    changes = comparing.compare(first, second, tuple(asked))
    if not changes:
        raise RelengError(f"{before} and {after} have no judged metric in common")
    if output_format == "json":
        click.echo(json.dumps(comparing.as_json(first, second, changes)))
    else:
        click.echo(_change_text((first, second), changes, tuple(asked)))
    ctx.exit(1 if comparing.worse(changes, tuple(asked)) else 0)


def _change_text(sides: Sequence["Side"], changes: Sequence["Change"], asked: Sequence[str]) -> str:
    from relengtools.leaks import report

    lines = [
        f"{label} {printable(side.analysis.source)}: {units.duration(side.analysis.observed_s)}"
        for label, side in zip(("before", "after "), sides, strict=True)
    ]
    decisive = set(report.resources((c.metric for c in changes), asked))
    shown = [c for c in changes if c.metric in decisive]
    width = max((len(printable(c.metric)) for c in shown), default=0)
    for change in shown:
        lines.append(f"  {printable(change.metric):{width}}  {change.outcome.value:12}  {_arrow(change)}".rstrip())
        lines += [f"    {line}" for line in _consequences(change)]
    others = [c.outcome.value for c in changes if c.metric not in decisive]
    if others:
        counted = ", ".join(f"{others.count(kind)} {kind}" for kind in dict.fromkeys(others))
        lines.append(f"  and {len(others)} other metrics: {counted} (--output-format json shows all)")
    return "\n".join(lines)


def _arrow(change: "Change") -> str:
    if change.rates is None:
        return "no rate in both yet"
    before, after = (
        units.with_interval(change.metric, r.rate, r.low, r.high) for r in (change.rates.before, change.rates.after)
    )
    return f"{before} -> {after}"


def _consequences(change: "Change") -> Iterable[str]:
    """What the difference means, a line each."""
    rates = change.rates
    if change.outcome.value == "insufficient":
        more = "" if change.longer is None else f"; record AFTER for about {units.duration(change.longer)} longer"
        yield f"not enough yet to tell them apart{more}"
        return
    if rates is None or change.outcome.value == "same":
        return
    d = rates.difference
    yield f"difference {units.with_interval(change.metric, d.rate, d.low, d.high)}{_ratio(rates)}"
    if change.removed is not None:
        yield f"the fix removes at least {_floored(change.removed)} % of the leak"
    for name, each in change.per_event.items():
        first, second = (units.amount(change.metric, r.rate) for r in (each.before, each.after))
        yield f"per {printable(name)}: {first} -> {second}{_ratio(each)}"


def _ratio(rates: "Rates") -> str:
    r = rates.ratio
    return "" if r is None else f", ratio {r.rate:.3g} ({r.low:.3g} to {r.high:.3g})"


def _floored(share: float) -> str:
    """A share in per cent, never rounded up: `93`, `99.8`."""
    per_cent = share * 100
    return f"{int(per_cent)}" if per_cent < 99 else f"{int(per_cent * 10) / 10:g}"


# ------------------------------------------------------------------------------------------------ plan


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
