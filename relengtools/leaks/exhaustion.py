"""A leak and a limit → when the limit is reached, as an interval, at the present load.

The rate of a leak is what is left after load, so (limit - now) / rate supposes that the load stays as it is. The rate's
95 % interval [low, high] makes an interval of the time by the monotone map: soonest (limit - now) / high, latest
(limit - now) / low, unbounded where low is not above 0. What doesn't leak isn't extrapolated. Peaks above the last
value are not in it: a process is refused its next descriptor at its highest moment, so plan for the soonest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from relengtools.leaks.recording import Loaded
from relengtools.leaks.series import Frame
from relengtools.leaks.units import amount, duration
from relengtools.leaks.verdict import finite


def limits(
    frame: Frame,
    loaded: Loaded | None,
    metrics: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, float] | None = None,
) -> Iterator[dict[str, Any]]:
    """How far each known limit is, in seconds: RLIMIT_NOFILE, and what is `given` by metric."""
    for metric, source, limit in _known(frame, loaded, given or {}):
        now = float(frame.columns[metric][np.isfinite(frame.columns[metric])][-1])
        verdict = metrics.get(metric, {})
        leaking = verdict.get("verdict") == "leak"
        soonest, latest = (
            _seconds_to(limit - now, verdict.get(end)) if leaking else None for end in ("ci_high", "ci_low")
        )
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
    """One of `limits` for people."""
    name = limit["metric"]
    now, most = amount(name, limit["now"]), amount(name, limit["limit"])
    when = limit["left"] if limit["left"].startswith("not") else f"reached in {limit['left']} at the present load"
    return f"{name} is at {now} of {most} ({limit['source']}): {when}"


def _known(frame: Frame, loaded: Loaded | None, given: Mapping[str, float]) -> Iterator[tuple[str, str, float]]:
    yield from ((metric, "--limit", limit) for metric, limit in given.items())
    nofile = loaded.processes[-1].max_fds if loaded and loaded.processes else None
    served = frame.columns.get("process_max_fds")
    if nofile is None and served is not None:
        nofile = int(served[np.isfinite(served)][-1])
    counted = next((name for name in ("num_fds", "process_open_fds") if name in frame.columns), None)
    if nofile is not None and counted and counted not in given:
        yield counted, "RLIMIT_NOFILE", float(nofile)


def _seconds_to(distance: float, rate: float | None) -> float | None:
    return finite(max(0.0, distance) / rate) if rate is not None and rate > 0 else None


def _left(leaking: bool, soonest: float | None, latest: float | None) -> str:
    if not leaking or soonest is None:
        return "not at the present load" if not leaking else "unknown"
    if latest is None:
        return f"{duration(soonest)} at the soonest"
    return " to ".join(dict.fromkeys(map(duration, (soonest, latest))))
