"""What Prometheus keeps of a process: the answers of its HTTP API, and OpenMetrics or Prometheus text with times.

https://prometheus.io/docs/prometheus/latest/querying/api/ (range vectors: `metric[1d]` as an instant query gives the
samples as they were scraped; query_range repeats a stale one for five minutes), and
https://prometheus.io/docs/specs/om/open_metrics_spec/ (times in seconds; in the older text in milliseconds).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.leaks.exposition import LABEL, NAME, NUMBER

# Labels that say of which target a series is, not what it is.
TARGET = ("instance", "pod", "container", "namespace", "job", "node", "endpoint", "service")
QUOTED = r'"(?:[^"\\]|\\.)*+"'
LABELS = rf"\{{(?:[^\"{{}}]|{QUOTED})*+\}}"
TIME = rf"(?:[ \t]++({NUMBER}))?+[ \t]*+(?:#.*)?$"
LINE = re.compile(rf"({NAME})(?:[ \t]*+({LABELS}))?+[ \t]*+({NUMBER}){TIME}")


class Point(NamedTuple):
    """A value at a unix time, of a series by its labels (`__name__` among them)."""

    labels: tuple[tuple[str, str], ...]
    time: float
    value: float


def points(path: Path) -> Iterator[Point]:
    """All that the file holds; raises RelengError, OSError."""
    text = path.read_text("utf-8", "replace")
    try:
        yield from of_json(text, path) if text.lstrip()[:1] in ("{", "[") else of_text(text, path)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RelengError(
            f"{path}: is no answer of Prometheus' API and no OpenMetrics text; try "
            "curl -G http://HOST:9090/api/v1/query --data-urlencode 'query={job=\"soju\"}[1d]'"
        ) from None


def of_json(text: str, path: Path) -> Iterator[Point]:
    """One answer or several after each other; histograms of the native kind are left out."""
    at, decoder = 0, json.JSONDecoder()
    while text[at:].strip():
        answer, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        if isinstance(answer, dict) and answer.get("status") == "error":
            raise RelengError(f"{path}: Prometheus answered: {printable(str(answer.get('error')))[:200]}")
        found = answer if isinstance(answer, list) else answer.get("data", answer)["result"]
        for series in found:
            labels = tuple(sorted((str(key), str(value)) for key, value in series["metric"].items()))
            for time, value in series.get("values") or [series["value"]]:
                yield Point(labels, float(time), float(value))


def of_text(text: str, path: Path) -> Iterator[Point]:
    """Lines `name{label="value"} value time`; raises RelengError for one without a time."""
    lines = text.splitlines()
    unit = 1.0 if next((line for line in reversed(lines) if line.strip()), "").strip() == "# EOF" else 1000.0
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not (found := LINE.match(line)):
            raise ValueError
        if not found[4]:
            raise RelengError(f"{path}: line {number} has no time, so this is one scrape and no history")
        labels = {label[1]: label[2] for label in LABEL.finditer(found[2] or "")}
        yield Point(tuple(sorted({**labels, "__name__": found[1]}.items())), float(found[4]) / unit, float(found[3]))


def columns(found: Iterable[Point], path: Path) -> tuple[list[float], dict[str, list[float]]]:
    """Times, and a column a series by its name without the labels of the target; raises RelengError.

    A series that isn't there at a time is NaN there. Two targets in one file are refused.
    """
    table: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
    for point in found:
        table.setdefault(point.labels, {})[point.time] = point.value
    if not table:
        raise RelengError(f"{path}: holds no sample")
    shared = common([dict(labels) for labels in table], path)
    times = sorted({time for values in table.values() for time in values})
    nothing = float("nan")
    named = {series_name(labels, shared): values for labels, values in table.items()}
    if len(named) < len(table):
        raise RelengError(f"{path}: holds a series twice; query one target")
    return times, {name: [values.get(time, nothing) for time in times] for name, values in named.items()}


def common(series: list[dict[str, str]], path: Path) -> set[str]:
    """The labels of the target, which all series have alike; raises RelengError when there are two targets."""
    for label in TARGET[:3]:
        values = sorted({labels[label] for labels in series if label in labels})
        if len(values) > 1:
            shown = ", ".join(printable(value)[:60] for value in values[:8])
            raise RelengError(f"{path}: is of {len(values)} targets; query one: {label} is {shown}")
    several = len({labels.get("__name__") for labels in series}) > 1
    first = series[0].items()
    alike = {key for key, value in first if all(labels.get(key) == value for labels in series)}
    return (alike if several else set()) | set(TARGET)


def series_name(labels: Iterable[tuple[str, str]], without: set[str]) -> str:
    """`name{label="value"}`, as it is exposed."""
    told: Mapping[str, Any] = dict(labels)
    kept = [f'{key}="{escaped(value)}"' for key, value in told.items() if key not in without and key != "__name__"]
    name = printable(told.get("__name__", "value"))
    return f"{name}{{{','.join(kept)}}}" if kept else name


def escaped(value: str) -> str:
    """A label's value as it is exposed; one that was read from text is so already."""
    return value if re.fullmatch(r'(?:[^"\\\n]|\\["\\n])*', value) else json.dumps(value, ensure_ascii=False)[1:-1]
