"""The commands `relengtools leaks check`, `compare` and `plan`: verdicts for pipelines, changes and plans."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from relengtools.errors import Attempts, RelengError, printable
from relengtools.leaks import units
from relengtools.leaks.commands import judging, needs_numpy, no_resource, opened, say

if TYPE_CHECKING:
    from relengtools.findings import Finding
    from relengtools.leaks.compare import Change, Rates, Side
    from relengtools.leaks.gate import Ruling

FORMAT = click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
Quantity = tuple[float, bool]


class Checked(NamedTuple):
    """One file at the gate: the rulings, their JSON, the limits, and what the gate closes for."""

    rulings: "Sequence[Ruling]"
    found: dict[str, Any]
    limited: Sequence[Mapping[str, Any]]
    findings: "Sequence[Finding]"


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
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "sarif", "github", "junit"]),
    default="text",
    show_default=True,
    help="For people; a JSON object a file; code scanning (SARIF); a GitHub workflow; a CI server's tests.",
)
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

    Of `record --children` the children of one name count too, together: --max-rate holds for each of them.

    \b
    Examples:
      relengtools leaks check soju.db
      relengtools leaks check --max-rate rss=100KiB/h --fail-on insufficient --output-format json soak.csv
    """
    needs_numpy("check")
    attempts = Attempts(say)
    done: list[Checked] = []
    for path in recordings:
        with attempts:
            done.append(_checked(path, most, limits, load, events, metrics, strict=fail_on != "leak"))
            _print_one(done[-1], output_format)
    if output_format in ("sarif", "junit"):
        click.echo(_document(done, attempts.said, output_format))
    ctx.exit(2 if attempts.failed else 0 if all(each.found["passed"] for each in done) else 1)


def _print_one(checked: Checked, output_format: str) -> None:
    """What can be told of one file before the next one is read."""
    match output_format:
        case "json":
            click.echo(json.dumps({**checked.found, "limits": checked.limited}))
        case "github":
            from relengtools.output_github import annotations

            click.echo(annotations(checked.findings), nl=False)
            say(_gate_heading(checked.found))
        case "text":
            click.echo(_gate_text(checked.found, checked.limited))


def _document(done: Sequence[Checked], failures: Sequence[str], output_format: str) -> str:
    """All files in one SARIF log, or one JUnit report: a test a metric."""
    from relengtools import output_junit, output_sarif
    from relengtools.leaks import gate

    found = [finding for each in done for finding in each.findings]
    if output_format == "sarif":
        return output_sarif.document(found, gate.RULES)
    failed = {f"{finding.location.file}: {finding.subject}" for finding in found}
    tests = {f"{each.found['file']}: {ruling.metric}": ruling for each in done for ruling in each.rulings}
    passed = [name for name, ruling in tests.items() if ruling.outcome is gate.Outcome.PASS]
    undecided = [(name, r.message) for name, r in tests.items() if name not in failed and name not in passed]
    return output_junit.document(found, passed, failures, undecided)


def _checked(
    path: str,
    most: Sequence[tuple[str, Quantity]],
    limits: Sequence[tuple[str, Quantity]],
    load: tuple[str, ...],
    events: tuple[str, ...],
    metrics: tuple[str, ...],
    *,
    strict: bool,
) -> Checked:
    from relengtools.leaks import exhaustion, gate, judge, names, report, trend

    frame, loaded = opened(path)
    allowed = _by_column(most, frame.columns, frame.source)
    ends = _by_column(limits, frame.columns, frame.source)
    asked = tuple(dict.fromkeys([*(names.named(m, frame.columns, frame.source) for m in metrics), *allowed, *ends]))
    analysis = judge.analyze(frame, load=load, events=events, metrics=asked).as_json()
    rulings = gate.rule(analysis["metrics"], report.resources(analysis["metrics"], asked), allowed)
    if not rulings:
        raise no_resource(path)
    if len(frame.time) < trend.FEWEST_BLOCKS or not gate.judged(rulings):
        raise RelengError(f"{path}: is too short to judge anything ({rulings[0].message})")
    children = report.of_children(loaded, asked)
    shared = {name: allowed[metric] for name in children if (metric := name.rpartition(": ")[2]) in allowed}
    rulings += gate.rule(children, tuple(children), shared)
    limited = list(exhaustion.limits(frame, loaded, analysis["metrics"], ends))
    found = gate.findings(path, gate.closing(rulings, strict=strict), limited)
    return Checked(rulings, gate.as_json(analysis, rulings, strict=strict), limited, found)


def _by_column(given: Sequence[tuple[str, Quantity]], columns: Mapping[str, Any], source: str) -> dict[str, float]:
    """Numbers by full name; raises RelengError where a metric has two, of which only one could hold."""
    from relengtools.leaks import gate, names

    full = [(names.named(name, columns, source), value) for name, value in given]
    columns_given = [name for name, _ in full]
    twice = next((name for name in columns_given if columns_given.count(name) > 1), None)
    if twice is not None:
        raise RelengError(f"{source}: {twice} is given two numbers by one option; leave one of them")
    return {name: gate.in_unit(name, value) for name, value in full}


def _gate_heading(found: Mapping[str, Any]) -> str:
    """The answer on one file in one line."""
    kinds = [f["outcome"] for f in found["findings"]]
    undecided = kinds.count("insufficient") == len(found["metrics"])
    said = "failed" if not found["passed"] else "undecided" if undecided else "passed"
    counts = f"{kinds.count('leak')} of {len(found['metrics'])} leak" + (
        f", {kinds.count('insufficient')} can't be told yet" if "insufficient" in kinds else ""
    )
    return f"{printable(found['file'])}: {said}: {counts} ({units.duration(found['observed_s'])})"


def _gate_text(found: Mapping[str, Any], limits: Iterable[Mapping[str, Any]]) -> str:
    """The answer on one file for people: what failed with its reason, and what can't be said yet."""
    from relengtools.leaks.exhaustion import sentence

    lines = [_gate_heading(found)]
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
    if all(change.rates is None for change in changes):
        raise RelengError(f"{before} and {after}: no rate is known in both, so nothing is compared; record for longer")
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
    both = (change.rates.before, change.rates.after)
    most = max(abs(number) for r in both for number in (r.rate, r.low, r.high))
    return " -> ".join(units.with_interval(change.metric, r.rate, r.low, r.high, most) for r in both)


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
