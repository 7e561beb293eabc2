"""A Frame → an Analysis: one verdict a metric, from counts, then memory, then everything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from relengtools.leaks import counts, levels, units
from relengtools.leaks.scene import stage
from relengtools.leaks.series import Frame
from relengtools.leaks.verdict import Verdict

COUNT = re.compile(
    r"^n_|^tcp_|^sockets_|(^|_)(fds|goroutines|threads|sockets|descriptors|handles|conns|open_connections|processes)$"
)

INFERRED = "restarts were inferred where memory and a count fell together"


@dataclass(frozen=True, slots=True)
class Analysis:
    """The verdicts on one recording."""

    source: str
    observed_s: float
    regimes: int
    metrics: Mapping[str, Verdict]

    def as_json(self) -> dict[str, Any]:
        """The object of the design's JSON Lines: finite numbers or null."""
        return {
            "file": self.source,
            "observed_s": self.observed_s,
            "regimes": self.regimes,
            "metrics": {name: verdict.as_json() for name, verdict in self.metrics.items()},
        }


def analyze(
    frame: Frame, *, load: tuple[str, ...] = (), events: tuple[str, ...] = (), metrics: tuple[str, ...] = ()
) -> Analysis:
    """Judge every judged column of `frame`.

    `load` and `events` name further load gauges and event counters, `metrics` columns to judge that otherwise are not.
    Raises RelengError if one of these names isn't in the frame.
    """
    below = _below_zero(frame)
    scene = stage(_without(frame, below), load, events, metrics)
    judged = {name: counts.judge(scene, name) for name in scene.roles.judged if is_count(name)}
    judged = counts.inherited(scene, judged)
    memory = levels.prepare(scene, judged)
    judged |= {name: levels.judge(scene, memory, name) for name in scene.roles.judged if name not in judged}
    judged = levels.inherited(judged)
    if scene.regimes.inferred:
        judged = {n: replace(v, reason=f"{v.reason}; {INFERRED}") for n, v in judged.items()}
    for name in judged.keys() & below.keys():
        left_out = f"{units.counted(int(below[name].sum()), 'value')} below 0 left out, which no count has"
        judged[name] = replace(judged[name], reason=f"{judged[name].reason}; {left_out}")
    return Analysis(
        source=frame.source,
        observed_s=float(scene.t[-1]) if len(scene.t) else 0.0,
        regimes=len(scene.regimes.slices),
        metrics={name: judged[name] for name in scene.roles.judged},
    )


def _below_zero(frame: Frame) -> dict[str, npt.NDArray[np.bool_]]:
    """Where counts (n,) are negative, as an exporter writes -1 for what it couldn't read; only counts that are."""
    below = {name: values < 0 for name, values in frame.columns.items() if is_count(name)}
    return {name: rows for name, rows in below.items() if rows.any()}


def _without(frame: Frame, rows: Mapping[str, npt.NDArray[np.bool_]]) -> Frame:
    """The frame with these values missing."""
    missing = {name: np.where(where, np.nan, frame.columns[name]) for name, where in rows.items()}
    return replace(frame, columns={**frame.columns, **missing}) if missing else frame


def is_count(name: str) -> bool:
    """Whether a metric counts things that are opened and closed, by its name."""
    return bool(COUNT.search(name.split("{", 1)[0]))
