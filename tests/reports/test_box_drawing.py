"""Boxes are drawn where they are, and the given image is unchanged."""

import numpy as np

from imgfp.reports import draw_boxes, heat_map_figure
from imgfp.reports.box_drawing import FOUND, TRUE


def test_boxes_are_drawn_on_their_corners() -> None:
    image = np.full((100, 160, 3), 90, np.uint8)
    drawn = draw_boxes(image, [(20, 30, 80, 70)], [(90, 10, 150, 60)])
    assert (image == 90).all()
    for x, y in ((20, 50), (79, 50), (50, 30), (50, 69)):
        assert tuple(drawn[y, x]) == TRUE
    assert tuple(drawn[10, 92]) == FOUND
    dashes = (drawn[10, 90:150] == FOUND).all(axis=1)
    assert 0.3 < dashes.mean() < 0.8
    assert (drawn[45:55, 40:60] == 90).all()
    assert (draw_boxes(image, [(0, 0, 160, 100), (5.5, 5.5, 5.6, 5.6)])[50, 80] == 90).all()


def test_a_map_frames_the_best_and_leaves_missing_cells_empty() -> None:
    figure = heat_map_figure({(0, 0): 0.5, (0, 1): 0.75, (2, 1): 0.25}, "crop", "local", "uAP", (0, 1))
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.5000", "0.7500", "0.2500"]
    (frame,) = axes.patches
    assert frame.get_xy() == (0.5, -0.5)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "2"]


def test_a_map_of_many_values_is_points() -> None:
    values = {(0.1 * n, 0.2 * n): n / 40 for n in range(1, 20)}
    axes = heat_map_figure(values, "crop", "local", "uAP", (1.9, 3.8)).axes[0]
    assert [len(points.get_offsets()) for points in axes.collections] == [19, 1]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
