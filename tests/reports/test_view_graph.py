"""The view-graph report: where photographs are drawn, and what is said of what is not drawn."""

import numpy as np
import pytest
from overlapping import in_process, write_overlapping

from imgfp.images import ImageList
from imgfp.pipeline.pairs.find_pairs import PairsConfig, find_pairs
from imgfp.reports import view_graph
from imgfp.reports.view_graph import render_view_graph
from imgfp.reports.view_graph_layout import layout

__all__ = ["in_process"]


def test_layout_is_deterministic_and_keeps_photographs_apart():
    ring = np.array([[place, (place + 1) % 20] for place in range(20)] + [[20, 21]])
    parts = [list(range(20)), [20, 21], [22], [23]]
    places, height = layout(parts, ring, 25, 20.0)
    again, _ = layout(parts, ring, 25, 20.0)
    assert np.array_equal(places, again, equal_nan=True)
    assert np.isnan(places[24]).all()
    drawn = places[:24]
    assert (drawn >= 0).all()
    assert (drawn <= (20.0, height)).all()
    apart = np.linalg.norm(drawn[:, None] - drawn[None], axis=2) + 9 * np.eye(24)
    assert apart.min() > 0.7
    near = np.linalg.norm(drawn[ring[:20, 0]] - drawn[ring[:20, 1]], axis=1)
    assert near.max() < apart[:20, :20].max(initial=0) + 1
    assert np.median(near) < np.median(np.linalg.norm(drawn[:20, None] - drawn[None, :20], axis=2))


@pytest.mark.usefixtures("in_process")
def test_what_is_left_out_is_said(tmp_path, monkeypatch):
    write_overlapping(tmp_path / "photographs")
    result = find_pairs(ImageList.open(tmp_path / "photographs"), tmp_path / "work", PairsConfig(top=50))
    page = render_view_graph(result, {"select": "grow"})
    assert page == render_view_graph(result, {"select": "grow"})
    assert "Left out" not in page
    assert page.count('class="lookalike"') == len(result.graph.lookalikes)
    for name, value in {"DRAWN": 3, "LINES": 2, "THUMBNAILS": 1}.items():
        monkeypatch.setattr(view_graph, name, value)
    page = render_view_graph(result, {})
    assert (
        "Left out of the drawing: 1 photographs of the smallest components, the 1 pairs with the fewest inliers, "
        "the thumbnails of 2 photographs with few pairs, which are dots."
    ) in page
    assert page.count("<circle ") == 2
    assert page.count("<image ") == 1
