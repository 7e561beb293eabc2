"""Figures without pyplot: the same bytes for the same figure, and nothing in them that a browser would load."""

import subprocess
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from relengtools import figure
from relengtools.errors import RelengError

ROOT = Path(__file__).parents[1]
HOSTILE = "</svg><script>alert(1)</script>--><!-- $\\frac{1}{0}$ & \"'"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def drawn(label: str = "rss_bytes", rows: int = 1):
    with figure.style():
        made, axes = figure.panels(rows)
        for each in axes:
            each.plot([0, 1, 2], [3, 1, 2], label=label, marker="o", color=figure.COLOURS[0])
            each.set_title(label)
        made.legend(loc="outside lower left")
    return made


@pytest.mark.parametrize("render", [figure.svg, figure.png])
def test_the_same_figure_is_the_same_bytes(render) -> None:
    assert render(drawn()) == render(drawn())
    assert render(drawn()) != render(drawn("num_fds"))


def test_another_process_with_other_settings_draws_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 20\naxes.facecolor: red\nsvg.fonttype: none\nsavefig.dpi: 30\n")
    program = (
        "import sys; sys.path.insert(0, 'tests'); from test_figure import drawn; from relengtools import figure\n"
        "sys.stdout.buffer.write(figure.svg(drawn()) + figure.png(drawn()))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        cwd=ROOT,
        env={"MATPLOTLIBRC": str(tmp_path), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "HOME": str(tmp_path)},
    )
    assert done.stderr == b""
    assert done.stdout == figure.svg(drawn()) + figure.png(drawn())


def test_an_svg_is_xml_that_refers_to_itself_alone_and_holds_no_date() -> None:
    data = figure.svg(drawn(HOSTILE))
    root = ElementTree.fromstring(data)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {each.tag.rpartition("}")[2] for each in root.iter()}.isdisjoint({"script", "image", "foreignObject", "a"})
    for each in root.iter():
        for name, value in each.attrib.items():
            assert not name.endswith("href") or value.startswith("#")
            assert "url(" not in value or "url(#" in value
    assert b"dc:date" not in data
    assert mpl.__version__.encode() not in data


def test_a_png_holds_nothing_but_pixels() -> None:
    data = figure.png(drawn())
    assert data.startswith(PNG_MAGIC)
    assert b"tEXt" not in data
    assert mpl.__version__.encode() not in data


@pytest.mark.parametrize("label", ["文字", "عربى", "\U0001f9a5", "a\u0301", "x" * 300])
def test_letters_that_the_font_lacks_and_long_names_are_drawn_without_a_word(label: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ElementTree.fromstring(figure.svg(drawn(label)))
        assert figure.png(drawn(label)).startswith(PNG_MAGIC)


def test_names_are_no_formulae() -> None:
    ElementTree.fromstring(figure.svg(drawn(r"$\undefined{$")))


def test_panels_share_the_time_axis() -> None:
    made, axes = figure.panels(3, width=5, height=2)
    assert (len(axes), made.get_figwidth(), made.get_figheight()) == (3, 5, 6)
    axes[0].set_xlim(0, 42)
    assert axes[2].get_xlim() == (0, 42)


def test_the_users_own_settings_stay_as_they_are() -> None:
    with mpl.rc_context({"font.size": 33, "axes.grid": False}):
        figure.svg(drawn())
        assert (mpl.rcParams["font.size"], mpl.rcParams["axes.grid"]) == (33, False)


def test_pyplot_is_never_imported() -> None:
    program = (
        "import sys; from relengtools import figure; figure.png(figure.panels(1)[0])\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RelengError, match=r"pip install 'relengtools\[report\]'$"):
        figure.panels(1)
    with pytest.raises(RelengError, match="matplotlib"), figure.style():
        pass
