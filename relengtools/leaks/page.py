"""The summary of a report as one HTML page and as Markdown. Text that a target chose is escaped here."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from relengtools.errors import printable
from relengtools.leaks.plot import TITLES
from relengtools.leaks.units import amount, counted, duration, with_interval

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; line-height: 1.3; margin-bottom: 0; overflow-wrap: anywhere }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem } summary { margin: 1rem 0; cursor: pointer }
p.about { color: #555; margin-top: .2rem; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; font-size: .93rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd }
td { overflow-wrap: anywhere } td:first-child { min-width: 8rem } td.metric { min-width: 17rem }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap } td.number small { color: #555; font-size: .9em }
.verdict { font-weight: 600; white-space: nowrap } .leak { color: #b00020 } .stable, .load { color: #00623b }
.warmup, .insufficient { color: #7a5600 }
figure { margin: 1rem 0; overflow-x: auto } figure svg { max-width: 100%; height: auto }
pre, code { font: .88rem/1.4 ui-monospace, monospace } pre { background: #f5f5f5; padding: .8rem; overflow-x: auto }
@media (prefers-color-scheme: dark) {
  :root { color: #e6e6e6; background: #161616 } p.about, td.number small, td[title]::before { color: #aaa }
  th, td, tr { border-color: #444 } pre { background: #242424 }
  .leak { color: #ff8593 } .stable, .load { color: #74d6a0 } .warmup, .insufficient { color: #e6b450 }
}
@media (max-width: 40rem) {
  h1 { font-size: 1.25rem } thead { display: none } table, tbody, tr, td { display: block }
  tr { border-bottom: 1px solid #ddd; padding: .4rem 0 } td { border: 0; padding: 0 }
  td.metric, td.verdict, td:first-child, td[title] { display: inline; margin-right: .8rem; min-width: 0 }
  td[title]::before { content: attr(title) ": "; color: #555 } td:empty { display: none }
  figure svg { max-width: none; width: 40rem }
}
"""


def html_page(summary: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """One page without scripts or links to elsewhere; `pictures` are SVG by name, set into the page."""
    title = f"Leak report: {summary['recording']['target']}"
    sections = [
        _section("Verdicts", _verdicts(summary["verdicts"])),
        _folded("Other metrics", _verdicts(summary["others"])) if summary["others"] else "",
        *(f"<figure>{_inline(svg, TITLES[name])}</figure>" for name, svg in pictures.items()),
        *(_section(heading, _table(head, rows)) for heading, head, rows in tables(summary)),
        _section("What would settle it", _list(summary["next"])) if summary["next"] else "",
        _section("To see this again", f"<pre>{_text(chr(10).join(summary['commands']))}</pre>"),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>\n'
        f'<h1>{_text(summary["headline"])}</h1>\n<p class="about">{_text(about(summary))}</p>\n'
        + "\n".join(filter(None, sections))
        + "\n</body></html>\n"
    )


def markdown(summary: Mapping[str, Any], pictures: Iterable[str]) -> str:
    """The same as Markdown, with the pictures beside it by name."""
    parts = [f"# {_plain(summary['headline'])}", _plain(about(summary))]
    parts.append(_markdown_table(VERDICT_HEAD, [_verdict_cells(r) for r in summary["verdicts"]]))
    parts += [f"![{TITLES[name]}]({name}.svg)" for name in pictures]
    parts += [f"## {heading}\n\n{_markdown_table(head, rows)}" for heading, head, rows in tables(summary)]
    if summary["next"]:
        parts.append("## What would settle it\n\n" + "\n".join(f"- {_plain(line)}" for line in summary["next"]))
    parts.append("## To see this again\n\n```\n" + "\n".join(map(printable, summary["commands"])) + "\n```")
    return "\n\n".join(parts) + "\n"


VERDICT_HEAD = ("metric", "verdict", "rate (95 % interval)", "why")


def _verdicts(rows: Iterable[Mapping[str, Any]]) -> str:
    return _table(VERDICT_HEAD, [_verdict_cells(row) for row in rows], _verdict_row)


def _folded(heading: str, body: str) -> str:
    return f"<details><summary>{_text(heading)}</summary>\n{body}</details>"


def _verdict_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    rate = with_interval(row["metric"], row["rate_per_s"], row["ci_low"], row["ci_high"])
    return row["metric"], row["verdict"], rate, row["reason"]


def about(summary: Mapping[str, Any]) -> str:
    """One sentence: what was watched, when, for how long and how often."""
    seen = summary["recording"]
    restarts = f", {counted(seen['restarts'], 'restart')}" if seen["restarts"] else ""
    undated = f", and {counted(seen['undated'], 'row')} without a time" if seen["undated"] else ""
    return (
        f"{seen['target']}, watched for {duration(seen['observed_s'])} from {seen['started']}, "
        f"{counted(seen['samples'], 'sample')}{undated}{restarts}; file {seen['file']}."
    )


def tables(summary: Mapping[str, Any]) -> list[tuple[str, Sequence[str], Sequence[tuple[str, ...]]]]:
    """The tables below the pictures: heading, names of the columns, rows; empty ones are left out."""
    limits = [
        (e["source"], amount(e["metric"], e["now"]), amount(e["metric"], e["limit"]), e["metric"], e["left"])
        for e in summary["limits"]
    ]
    growing = [
        (c["class"], f"{c['first']}", f"{c['last']}", f"{c['last'] - c['first']:+d}") for c in summary["classes"]
    ]
    stacks = [(s["function"], f"{s['first']}", f"{s['last']}", " < ".join(s["stack"][:8])) for s in summary["stacks"]]
    children = [_child(row) for row in summary["children"]]
    wanted: list[tuple[str, Sequence[str], Sequence[tuple[str, ...]]]] = [
        ("Children of one name, together", VERDICT_HEAD, [_verdict_cells(row) for row in summary["pools"]]),
        ("Limits", ("limit", "used", "of", "by this process", "at this rate reached in"), limits),
        ("Descriptors by class, first and last scan", ("class", "first", "last", "change"), growing),
        ("Sockets open longest" + _more(summary, "sockets"), SOCKET_HEAD, [_socket(row) for row in summary["sockets"]]),
        ("Children, the most growth first" + _more(summary, "children"), CHILD_HEAD, children),
        ("Goroutine stacks that grew", ("function", "first", "last", "stack"), stacks),
        ("Lives of the process" + _more(summary, "lives"), LIFE_HEAD, [_life(row) for row in summary["lives"]]),
        ("Runs of the recorder" + _more(summary, "runs"), RUN_HEAD, [_run(row) for row in summary["runs"]]),
        (
            "What happened" + _more(summary, "events"),
            ("when", "what", "detail"),
            [_event(e) for e in summary["events"]],
        ),
    ]
    return [table for table in wanted if table[2]]


SOCKET_HEAD = ("socket", "peer", "state", "open for", "had received nothing for, last known")
CHILD_HEAD = ("child", "began", "resident memory, first and last", "descriptors", "end")
LIFE_HEAD = ("process", "began", "build", "watched for", "end")
RUN_HEAD = ("began", "interval", "samples", "end")


def _more(summary: Mapping[str, Any], name: str) -> str:
    """How many rows of the table are not shown."""
    more = summary["left_out"][name]
    return f" ({more:,} more not shown)" if more else ""


def _socket(row: Mapping[str, Any]) -> tuple[str, ...]:
    silent = "" if row["silent_s"] is None else duration(row["silent_s"])
    opened = f"{'more than ' * row['since_before']}{duration(row['open_s'])}"
    return row["socket"], row["peer"], row["state"], opened, silent


def _child(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["process"], row["started"], _both("rss_bytes", row), _both("num_fds", row), row["end"]


def _both(metric: str, row: Mapping[str, Any]) -> str:
    """Its first and its last value; "?" for one that could not be read."""
    return " → ".join("?" if value is None else amount(metric, value) for value in row[metric])


def _life(row: Mapping[str, Any]) -> tuple[str, ...]:
    build = (row["build_id"] or "not known") + ", whose file was replaced since" * row["exe_replaced"]
    watched = "" if row["watched_s"] is None else duration(row["watched_s"])
    return row["process"], row["started"], build, watched, row["end"]


def _run(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["samples"] is None:
        return row["started"], f"{row['interval_s']:g} s", "not told", row["end"]
    samples = f"{row['samples']:,}, {row['missed']:,} missed, {row['late']:,} late"
    return row["started"], f"{row['interval_s']:g} s", samples, row["end"]


def _event(row: Mapping[str, Any]) -> tuple[str, str, str]:
    lasted = "" if row["lasted_s"] is None else f"; lasted {duration(row['lasted_s'])}"
    return row["time"], row["kind"], row["text"] + lasted


def _section(heading: str, body: str) -> str:
    return f"<h2>{_text(heading)}</h2>\n{body}"


def _verdict_row(head: Sequence[str], cells: Sequence[str]) -> str:
    metric, verdict, rate, reason = map(_text, cells)
    rate, _, interval = rate.partition(" (")
    return (
        f'<td class="metric"><code>{metric}</code></td><td class="verdict {verdict}">{verdict}</td>'
        f'<td class="number">{rate}{f"<br><small>({interval}</small>" if interval else ""}</td><td>{reason}</td>'
    )


def _plain_row(head: Sequence[str], cells: Sequence[str]) -> str:
    """The names of the columns go along: on a narrow screen each cell is a line of its own."""
    named = zip(head, cells, strict=True)
    return "".join(f'<td title="{_text(name)}">{_text(cell)}</td>' for name, cell in named)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], row: Any = _plain_row) -> str:
    names = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    body = "\n".join(f"<tr>{row(head, cells)}</tr>" for cells in rows)
    return f"<table><thead><tr>{names}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _list(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in lines) + "</ul>"


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _inline(svg: bytes, title: str) -> str:
    """The <svg> element alone, without XML declaration and document type; its letters are shapes, so it is labelled."""
    _, _, element = svg.decode().partition("<svg")
    return f'<svg role="img" aria-label="{_text(title)} over time"{element}'


def _text(text: str) -> str:
    return html.escape(printable(text) if "\n" not in text else "\n".join(map(printable, text.split("\n"))))


def _plain(text: str) -> str:
    """Text inside Markdown: its own marks and HTML's are taken literally."""
    return re.sub(r"([\\`*_~$\[\]<>|&#])", r"\\\1", printable(text)) if text != "---" else text
