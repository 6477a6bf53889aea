"""Reports of a run: match images, plots, and one self-contained HTML file."""

from imgfp.reports.box_drawing import draw_boxes
from imgfp.reports.heat_map import heat_map_figure
from imgfp.reports.html import render_report, write_report
from imgfp.reports.image_files import write_images
from imgfp.reports.match_image import draw_image, draw_match
from imgfp.reports.parallel_coordinates import parallel_coordinates_figure
from imgfp.reports.plots import precision_recall_figure
from imgfp.reports.report import Curve, GroupImage, ImageGroup, MatchImage, Report
from imgfp.reports.sample_grid import draw_samples
from imgfp.reports.setting_figures import setting_figures

__all__ = [
    "Curve",
    "GroupImage",
    "ImageGroup",
    "MatchImage",
    "Report",
    "draw_boxes",
    "draw_image",
    "draw_match",
    "draw_samples",
    "heat_map_figure",
    "parallel_coordinates_figure",
    "precision_recall_figure",
    "render_report",
    "setting_figures",
    "write_images",
    "write_report",
]
