"""The door of matplotlib: Figures without pyplot, and the same bytes for the same figure."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from relengtools.errors import RelengError

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure

# Okabe & Ito 2008: distinct for colour-blind readers and in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#000000")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "relengtools",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    # A target chooses some of the names that are drawn, and must not choose a formula.
    "text.parse_math": False,
}


def panels(rows: int, *, width: float = 9.0, height: float = 2.4) -> "tuple[Figure, list[Axes]]":
    """A Figure of `rows` axes one below the other with one time axis; sizes in inches."""
    with style():
        from matplotlib.figure import Figure as Figure

        figure = Figure(figsize=(width, height * rows), layout="constrained")
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False)
    return figure, list(axes[:, 0])


def whole_numbers(axes: "Axes") -> None:
    """Ticks of the vertical axis at whole numbers only."""
    with style():
        from matplotlib.ticker import MaxNLocator

        axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def svg(figure: "Figure") -> bytes:
    """The figure as SVG, without a date, so that the same figure is the same bytes."""
    return _render(figure, "svg", {"Date": None, "Creator": "relengtools"})


def png(figure: "Figure", dpi: int = 110) -> bytes:
    """The figure as PNG, without the version of the library in it; `dpi` dots an inch."""
    return _render(figure, "png", {"Software": None}, dpi=dpi)


def _render(figure: "Figure", form: str, metadata: dict[str, str | None], **options: Any) -> bytes:
    out = io.BytesIO()
    with style(), warnings.catch_warnings():
        # A character that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        figure.savefig(out, format=form, metadata=metadata, **options)
    return out.getvalue()


@contextmanager
def style() -> Iterator[None]:
    """Our style over matplotlib's own defaults: a matplotlibrc of the user's would change the bytes.

    Raises RelengError where the `report` extra is not installed.
    """
    # Where its cache can't be written it says so and goes on; nobody who asks for a report wants to know.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise RelengError(f"plots need matplotlib ({error}): pip install 'relengtools[report]'") from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield
