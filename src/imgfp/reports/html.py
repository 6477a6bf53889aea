"""Renders the report as one self-contained HTML file with embedded images, plots and styles."""

import base64
import math
from pathlib import Path

import jinja2

from imgfp.files import write_bytes
from imgfp.reports.image_files import jpeg_bytes, png_bytes
from imgfp.reports.plots import precision_recall_figure
from imgfp.reports.report import GroupImage, MatchImage, Report

MAX_FAILURES = 500  # limits the page size for folders with many broken files

METRICS = {
    "uap": (
        "uAP",
        "micro average precision: the predicted pairs of all queries in one ranking, so scores must be comparable across "
        "queries. 1 is perfect. The official metric.",
    ),
    "recall_at_p90": ("R@P90", "the highest recall at a precision of at least 90 %."),
    "threshold_at_p90": ("threshold", "the score threshold for that recall."),
    "recall_at_1": ("recall@1", "the fraction of true pairs whose reference is ranked first for its query."),
    "recall_at_10": ("recall@10", "the fraction of true pairs whose reference is among the top ten of its query."),
}


def write_report(report: Report, path: Path) -> None:
    """Writes `report` to `path` as one HTML file, atomically; equal reports give equal bytes."""
    write_bytes(path, render_report(report).encode("utf-8", "backslashreplace"))  # keeps non-UTF-8 names visible


def render_report(report: Report) -> str:
    """Renders `report` as an HTML document without references to other files."""
    environment = report_environment()
    environment.filters.update(number=_number, score=_score, badge=_badge)
    return environment.get_template("report.html").render(
        report=report,
        judged=bool(report.figures),
        metrics=METRICS,
        plot=None if not report.curves else _plot(report, dark=False),
        dark_plot=None if not report.curves else _plot(report, dark=True),
        failures=report.failures[:MAX_FAILURES],
    )


def report_environment() -> jinja2.Environment:
    """The templates of this package, which share one style; undefined names are errors, texts are escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(jpeg=_jpeg)
    return environment


def _plot(report: Report, dark: bool) -> str:
    return _data_uri("image/png", png_bytes(precision_recall_figure(report.curves, dark=dark)))


def _jpeg(drawn: MatchImage | GroupImage) -> str:
    return _data_uri("image/jpeg", jpeg_bytes(drawn.image))


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _number(value: float | None, missing: str = "–") -> str:
    return missing if value is None or math.isnan(value) else f"{value:.4f}"


def _score(value: float) -> str:
    return f"score {value:.4f}" if math.isfinite(value) else "no score"


def _badge(note: str) -> str:
    """The CSS class of a note."""
    words = note.lower().replace(",", " ").split()
    return "bad" if "wrong" in words or "missed" in words else "good" if "correct" in words else "plain"
