"""A leak and a limit → when the limit is reached, as an interval, at the present load.

The rate of a leak is what is left after load, so (limit - now) / rate supposes that the load stays as it is. The rate's
95 % interval [low, high] makes an interval of the time by the monotone map: soonest (limit - now) / high, latest
(limit - now) / low, unbounded where low is not above 0. What doesn't leak isn't extrapolated; what is at its limit
already is there now, leak or no leak; and what is further than a century isn't told in days. Peaks above the last
value are not in it: a process is refused its next descriptor at its highest moment, so plan for the soonest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from relengtools.leaks.recording import Loaded
from relengtools.leaks.recording.read import Level
from relengtools.leaks.series import Frame
from relengtools.leaks.units import amount, duration
from relengtools.leaks.verdict import finite

SHARED = (
    ("cgroup_memory_bytes", "memory of its control group", ("anon_bytes", "rss_bytes")),
    ("memory_bytes", "memory of the machine", ("anon_bytes", "rss_bytes")),
    ("cgroup_pids", "pids.max of its control group", ("n_threads",)),
    ("threads", "threads of the machine", ("n_threads",)),
)
"""Limits of a control group or machine, and the metrics of the process that use them up, best first."""
CENTURY = 100 * 365.25 * 86400.0
KEPT = ("cgroup_anon_bytes", "cgroup_sock_bytes", "cgroup_slab_bytes")


def limits(
    frame: Frame,
    loaded: Loaded | None,
    metrics: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, float] | None = None,
) -> Iterator[dict[str, Any]]:
    """How far each known limit is, in seconds: what is `given` by metric, what the recording knows."""
    for metric, source, now, limit in _known(frame, loaded, given or {}):
        verdict = metrics.get(metric, {})
        leaking = verdict.get("verdict") == "leak"
        ends = (verdict.get("ci_high"), verdict.get("ci_low")) if leaking else (None, None)
        soonest, latest = (0.0, 0.0) if now >= limit else (_seconds_to(limit - now, end) for end in ends)
        yield {
            "metric": metric,
            "source": source,
            "now": now,
            "limit": limit,
            "seconds_low": soonest,
            "seconds_high": latest,
            "left": _left(leaking, soonest, latest),
        }


def sentence(limit: Mapping[str, Any]) -> str:
    """One of `limits` for people: what others use up too is not at the level of this metric."""
    name = limit["metric"]
    now, most = amount(name, limit["now"]), amount(name, limit["limit"])
    left = limit["left"]
    when = f"reached in {left} at the present load" if left[0].isdigit() else left
    if limit["source"] in {source for _, source, _ in SHARED}:
        return f"{limit['source']} is at {now} of {most}, this process and all others; as {name} grows: {when}"
    return f"{name} is at {now} of {most} ({limit['source']}): {when}"


def _known(frame: Frame, loaded: Loaded | None, given: Mapping[str, float]) -> Iterator[tuple[str, str, float, float]]:
    """Metric, whose limit, how much of it is used, and the limit."""
    yield from ((metric, "--limit", _last(frame, metric), limit) for metric, limit in given.items())
    counted = next((name for name in ("num_fds", "process_open_fds") if name in frame.columns), None)
    levels = _latest(loaded)
    nofile = levels["num_fds"].most if "num_fds" in levels else None
    if nofile is None:
        nofile = loaded.processes[-1].max_fds if loaded and loaded.processes else None
    if nofile is None and "process_max_fds" in frame.columns:
        nofile = int(_last(frame, "process_max_fds"))
    if nofile is not None and counted and counted not in given:
        yield counted, "RLIMIT_NOFILE", _last(frame, counted), float(nofile)
    yield from _shared(frame, levels)


def _shared(frame: Frame, levels: Mapping[str, Level]) -> Iterator[tuple[str, str, float, float]]:
    """Limits that others use up too: the part of this process is what it adds."""
    for name, source, metrics in SHARED:
        level = levels.get(name)
        metric = next((m for m in metrics if m in frame.columns), None)
        if level is not None and level.most is not None and metric:
            yield metric, source, float(_needed(name, levels)), float(level.most)


def _needed(name: str, levels: Mapping[str, Level]) -> int:
    """What is used, without the page cache of a control group: the kernel takes that back before it refuses any."""
    parts = [levels[part].used for part in KEPT if part in levels] if name == "cgroup_memory_bytes" else []
    return sum(parts) if parts else levels[name].used


def _latest(loaded: Loaded | None) -> dict[str, Level]:
    """The last reading of each level in the life of the last process."""
    if loaded is None or not loaded.processes:
        return {}
    return {level.name: level for level in loaded.levels if level.process == loaded.processes[-1].id}


def _last(frame: Frame, metric: str) -> float:
    values = frame.columns[metric]
    return float(values[np.isfinite(values)][-1])


def _seconds_to(distance: float, rate: float | None) -> float | None:
    return finite(distance / rate) if rate is not None and rate > 0 else None


def _left(leaking: bool, soonest: float | None, latest: float | None) -> str:
    if soonest == 0:
        return "reached already"
    if not leaking:
        return "not at the present load"
    if soonest is None:
        return "unknown"
    if soonest > CENTURY:
        return "not in a hundred years at the present load"
    if latest is None or latest > CENTURY:
        return f"{duration(soonest)} at the soonest"
    return " to ".join(dict.fromkeys(map(duration, (soonest, latest))))
