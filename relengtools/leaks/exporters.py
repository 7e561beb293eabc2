"""A recording → CSV, OpenMetrics text with its times, or the textfile collector of node_exporter."""

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from math import copysign, isfinite, isnan, nan
from pathlib import Path
from typing import IO, Any

from relengtools.errors import RelengError
from relengtools.leaks.recording import Loaded
from relengtools.leaks.recording.workers import Life

START = "process_start_time_seconds"


def number(value: float) -> str:
    """The shortest text that is the same number; "" for a missing one."""
    if isnan(value):
        return ""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)


def to_csv(loaded: Loaded) -> Iterator[str]:
    """Lines of CSV as `analyze` takes it: `ts_unix`, when the process started, and a column a metric."""
    columns = {name: values for name, values in loaded.columns.items() if name not in ("ts_unix", START)}
    columns = {name: values for name, values in columns.items() if not all(map(isnan, values))}
    yield line(["ts_unix", START, *columns])
    for row in zip(loaded.times, apart(loaded.starts), *columns.values(), strict=True):
        yield line(map(number, row))


def children_to_csv(lives: Iterable[Life]) -> Iterator[str]:
    """The same of children, one life after the other: each is a regime for `analyze`, where they don't overlap."""
    head = True
    for life in lives:
        if head:
            yield line(["ts_unix", START, *life.columns])
            head = False
        for now, *values in zip(life.times, *life.columns.values(), strict=True):
            yield line(map(number, (now, life.started, *values)))


def apart(starts: Iterable[float]) -> Iterator[float]:
    """The starts with those of two processes more than a second apart: what is nearer is read as one that jitters."""
    before = shown = nan
    for start in starts:
        if start != before:
            step = start - before
            shown = start if isnan(before) else shown + (step if abs(step) > 1 else copysign(2.0, step))
            before = start
        yield shown


def line(cells: Iterable[str]) -> str:
    """One line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def to_parquet(loaded: Loaded, output: Path) -> None:
    """Parquet with the columns of the CSV, a missing value as null; raises RelengError, and then leaves nothing."""
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise RelengError(f"`leaks export parquet` needs pyarrow ({error}): pip install pyarrow") from None
    columns: dict[str, Sequence[float]] = {"ts_unix": loaded.times, START: list(apart(loaded.starts))}
    columns |= {name: values for name, values in loaded.columns.items() if not all(map(isnan, values))}
    table = arrow.table({name: arrow.array(values, "double", from_pandas=True) for name, values in columns.items()})
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        parquet.write_table(table, str(beside), compression="zstd")
        beside.replace(output)
    except OSError as error:
        raise RelengError(f"{output}: cannot be written: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)


def families(names: Iterable[str]) -> dict[str, list[str]]:
    """Series by the name before their labels: a family stands in one piece."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.partition("{")[0], []).append(name)
    return found


def to_openmetrics(loaded: Loaded) -> Iterator[str]:
    """OpenMetrics 1.0 text, a point a sample (`promtool tsdb create-blocks-from openmetrics` reads it).

    Points that don't go on in time are left out: there, a series never goes back. All types are `unknown`.
    """
    columns: dict[str, Iterable[float]] = {**loaded.columns, START: list(apart(loaded.starts))}
    for family, names in families(columns).items():
        yield f"# TYPE {family} unknown\n"
        for name in names:
            last = float("-inf")
            for now, value in zip(loaded.times, columns[name], strict=True):
                if isfinite(value) and now > last:
                    yield f"{name} {number(value)} {now:.3f}\n"
                    last = now
    yield "# EOF\n"


def to_textfile(loaded: Loaded, verdicts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """For node_exporter's textfile collector: when the last sample was, last values, verdicts and rates a second."""
    name = label(loaded.processes[-1].name if loaded.processes else "")
    yield from gauge(
        "last_sample_timestamp_seconds", "When the last sample was taken.", {f"name={name}": loaded.times[-1]}
    )
    now = {f"name={name},metric={label(metric)}": last(values) for metric, values in loaded.columns.items()}
    yield from gauge(
        "value", "The last value of a metric.", {labels: value for labels, value in now.items() if isfinite(value)}
    )
    leaking = {
        f"name={name},metric={label(metric)},verdict={label(each['verdict'])}": 1.0 for metric, each in verdicts.items()
    }
    yield from gauge("verdict", "1 for the verdict so far.", leaking)
    rates = {
        f"name={name},metric={label(metric)}": each["rate_per_s"]
        for metric, each in verdicts.items()
        if each["rate_per_s"] is not None
    }
    yield from gauge("rate_per_second", "Growth after adjustment for the load.", rates)


def gauge(name: str, text: str, samples: Mapping[str, float]) -> Iterator[str]:
    """One family in the text format, nothing for none."""
    if samples:
        yield f"# HELP relengtools_leaks_{name} {text}\n# TYPE relengtools_leaks_{name} gauge\n"
    for labels, value in samples.items():
        yield f"relengtools_leaks_{name}{{{labels}}} {number(value)}\n"


def label(text: str) -> str:
    """A value of a label, quoted."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def last(values: Iterable[float]) -> float:
    """The last value that is one."""
    known = [value for value in values if not isnan(value)]
    return known[-1] if known else float("nan")


def replace(path: Path, lines: Iterable[str], for_all: bool) -> None:
    """Write the file whole or not at all, also over an older one: readers never see a part.

    `for_all` users can read it, whatever the umask: node_exporter is another one. Raises RelengError.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            stream: IO[str]
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
                stream.writelines(lines)
                os.fchmod(descriptor, 0o644 if for_all else 0o600)
            Path(name).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise RelengError(f"{path}: cannot be written: {error.strerror}") from None
