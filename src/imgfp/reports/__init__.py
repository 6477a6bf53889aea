"""Reports of a run: match images, plots, and one self-contained HTML file (layer 4)."""

from imgfp.reports.boxed import draw_boxes
from imgfp.reports.heat_map import heat_map_figure
from imgfp.reports.html import render_report, write_report
from imgfp.reports.match_picture import draw_match, draw_picture
from imgfp.reports.picture_files import write_pictures
from imgfp.reports.plots import precision_recall_figure
from imgfp.reports.report import Curve, GroupPicture, MatchPicture, PictureGroup, Report, StageRow
from imgfp.reports.sample_grid import draw_samples

__all__ = [
    "Curve",
    "GroupPicture",
    "MatchPicture",
    "PictureGroup",
    "Report",
    "StageRow",
    "draw_boxes",
    "draw_match",
    "draw_picture",
    "draw_samples",
    "heat_map_figure",
    "precision_recall_figure",
    "render_report",
    "write_pictures",
    "write_report",
]
