import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from imgfp.reports import Curve, parallel_coordinates_figure, precision_recall_figure
from imgfp.reports.image_files import png_bytes

RECALL, PRECISION = np.array([0.25, 0.5, 0.75]), np.array([1.0, 0.8, 0.6])


def curve(name: str = "merged") -> Curve:
    return Curve(name, RECALL, PRECISION, 0.6)


def test_the_area_under_the_drawn_steps_is_the_average_precision() -> None:
    line = precision_recall_figure([curve()]).axes[0].get_lines()[1]
    assert line.get_drawstyle() == "steps-pre"  # each value holds back to the point before it
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert np.sum(np.diff(x) * y[1:]) == pytest.approx(0.25 * (1.0 + 0.8 + 0.6))


def test_labels_legend_and_the_precision_of_90_percent() -> None:
    axes = precision_recall_figure([curve(), curve("a $wrong")]).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "merged (uAP 0.6000)",
        r"a \$wrong (uAP 0.6000)",
    ]
    assert set(np.asarray(axes.get_lines()[0].get_ydata())) == {0.9}


def test_curves_differ_in_more_than_colour() -> None:
    lines = precision_recall_figure([curve(str(number)) for number in range(4)]).axes[0].get_lines()[1:]
    assert len({line.get_color() for line in lines}) == 4
    assert len({line.get_linestyle() for line in lines}) == 4


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_number_of_curves_draws_and_gives_the_same_bytes(count: int, dark: bool) -> None:
    curves = [curve("$")] * count + [Curve("empty", np.empty(0), np.empty(0), 0.0)] * bool(count)
    figure = precision_recall_figure(curves, dark=dark)
    assert isinstance(figure, Figure)
    assert png_bytes(figure) == png_bytes(precision_recall_figure(curves, dark=dark))


def test_of_very_many_settings_a_sample_is_drawn() -> None:
    values = [float(n % 997) for n in range(5000)]
    figure = parallel_coordinates_figure([{"a": float(n)} for n in range(5000)], values, "uAP", best=996)
    (lines,) = (each for each in figure.axes[0].collections if isinstance(each, LineCollection))
    assert len(lines.get_segments()) == 2000
    assert (lines.get_array().min(), lines.get_array().max()) == (0, 996)
    assert figure.get_suptitle() == "the best and an even sample of all 5,000 settings: 2,000 lines"


def test_parallel_coordinates_have_an_axis_for_all_that_varies() -> None:
    settings = [{"local": 1.0, "crop": weight, "method": name} for weight in (0.5, 1.0, 2.0) for name in ("none", "mean")]  # fmt: skip
    values = [0.1, 0.5, 0.2, 0.4, 0.3, 0.6]
    figure = parallel_coordinates_figure(settings, values, "uAP", best=5)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["crop", "method", "uAP"]
    (lines,) = axes.collections
    assert list(lines.get_array()) == sorted(values), "the best is drawn last"
    last = lines.get_segments()[-1][:, 1]
    assert last == pytest.approx([1.0, 0.0, 1.0], abs=0.04)
    assert np.asarray(axes.get_lines()[1].get_ydata()).tolist() == last.tolist(), "the highlighted line"
    assert png_bytes(figure) == png_bytes(parallel_coordinates_figure(settings, values, "uAP", best=5))
    many = [{"crop": 0.1 * 1.2**n} for n in range(40)]
    axes = parallel_coordinates_figure(many, np.linspace(0, 1, 40).tolist(), "uAP", 39).axes[0]
    heights = [segment[0, 1] for segment in axes.collections[0].get_segments()]
    assert heights == pytest.approx(np.linspace(0, 1, 40).tolist()), "a logarithmic scale"
