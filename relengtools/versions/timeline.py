"""Releases over time as a Figure, with the pairs that the mapping puts in the wrong order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from relengtools import figure
from relengtools.errors import RelengError, printable
from relengtools.versions.history import Pair, Report
from relengtools.versions.scheme import order
from relengtools.versions.scheme.meaning import Scheme

if TYPE_CHECKING:
    from relengtools.figure import Axes

_TICKS = 14
_DAY_S = 86400
_FORMS = {".svg": figure.svg, ".png": figure.png}


class _Point(NamedTuple):
    """A release: when it was tagged (days since 1970), its rank in the target scheme, its version."""

    date: float
    rank: int
    version: str


def render(report: Report, target: str, suffix: str) -> bytes:
    """The picture as the bytes of an .svg or .png file.

    Raises RelengError for another suffix, without matplotlib, and where no release has a date.
    """
    form = _FORMS.get(suffix.lower())
    if form is None:
        raise RelengError(f"{suffix or 'no suffix'}: plots are written as .svg or .png")
    points = _points(report, target)
    if not points:
        raise RelengError("nothing to plot: no release has a date")
    drawn, (axes,) = figure.panels(1, height=5.0)
    with figure.style():
        _draw(axes, points, report)
    return form(drawn)


def _points(report: Report, target: str) -> dict[str, _Point]:
    key = order.KEYS[Scheme(target)]
    dated = [r for r in report.releases if r.conversion.version is not None and r.tag.date is not None]
    versions = {r.conversion.version or "" for r in dated}
    ranks = {version: rank for rank, version in enumerate(sorted(versions, key=key))}
    return {
        r.tag.name: _Point((r.tag.date or 0) / _DAY_S, ranks[version], version)
        for r in dated
        if (version := r.conversion.version) is not None
    }


def _draw(axes: "Axes", points: Mapping[str, _Point], report: Report) -> None:
    at = sorted(points.values())
    axes.plot([p.date for p in at], [p.rank for p in at], ".", color=figure.COLOURS[0], label=f"{len(at)} releases")
    _join(axes, points, report.flips, figure.COLOURS[1], "flips")
    _join(axes, points, report.backwards, figure.COLOURS[4], "tagged above, then below")
    _join(axes, points, report.collisions, figure.COLOURS[3], "one version, two commits")
    ticks = _ticks(sorted({(p.rank, p.version) for p in at}))
    axes.set_yticks([rank for rank, _ in ticks], [printable(version[:24]) for _, version in ticks])
    axes.xaxis_date()
    axes.set_ylabel("releases, in the order of their versions")
    axes.legend(loc="upper left")


def _join(axes: "Axes", points: Mapping[str, _Point], pairs: Iterable[Pair], colour: str, label: str) -> None:
    """A line between the two of each pair, and the number of pairs in the legend."""
    ends = [(points[a], points[b]) for a, b in pairs if a in points and b in points]
    for number, (one, other) in enumerate(ends):
        axes.plot(
            [one.date, other.date],
            [one.rank, other.rank],
            "o-",
            color=colour,
            markersize=4,
            linewidth=1,
            label=f"{len(ends)} {label}" if not number else None,
        )


def _ticks(ranked: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    step = max(1, -(-len(ranked) // _TICKS))
    return [*ranked[: -step or None : step], ranked[-1]] if len(ranked) > 1 else list(ranked)
