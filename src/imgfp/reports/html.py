"""The report as one HTML file that opens offline: pictures, plot and styles are inside it."""

import base64
import math
from importlib import resources
from pathlib import Path

import jinja2

from imgfp.files import write_bytes
from imgfp.reports.picture_files import jpeg_bytes, png_bytes
from imgfp.reports.plots import precision_recall_figure
from imgfp.reports.report import GroupPicture, MatchPicture, Report

MOST_FAILURES = 500  # a folder of broken files must not make a page that no browser opens

METRICS = {
    "uap": (
        "uAP",
        "micro average precision: the predicted pairs of all queries in one ranking, so that scores have to mean the "
        "same for every query. 1 is perfect. The official figure.",
    ),
    "recall_at_p90": ("R@P90", "the largest share of the true pairs found while at least 90 % of the pairs are right."),
    "threshold_at_p90": ("threshold", "the score from which on pairs count, to get that share."),
    "recall_at_1": ("recall@1", "the share of the true pairs whose reference is the query's first answer."),
    "recall_at_10": (
        "recall@10",
        "the share of the true pairs whose reference is among the query's first ten answers.",
    ),
}


def write_report(report: Report, path: Path) -> None:
    """Writes `report` to `path` as one HTML file, atomically; the same report always gives the same bytes."""
    write_bytes(path, render_report(report).encode("utf-8", "backslashreplace"))  # names that are no UTF-8 stay visible


def render_report(report: Report) -> str:
    """`report` as an HTML document without any reference to another file."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=_number, score=_score, badge=_badge, jpeg=_jpeg)
    template = environment.from_string(resources.files("imgfp.reports").joinpath("report.html").read_text("utf-8"))
    return template.render(
        report=report,
        judged=bool(report.figures),
        metrics=METRICS,
        extra_metrics=_extra_metrics(report),
        plot=None if not report.curves else _plot(report, dark=False),
        dark_plot=None if not report.curves else _plot(report, dark=True),
        failures=report.failures[:MOST_FAILURES],
    )


def _extra_metrics(report: Report) -> list[str]:
    """Metrics without an explanation here, in the order of their first row: shown by their own name, never dropped."""
    return list(dict.fromkeys(name for row in report.figures.values() for name in row if name not in METRICS))


def _plot(report: Report, dark: bool) -> str:
    return _data_uri("image/png", png_bytes(precision_recall_figure(report.curves, dark=dark)))


def _jpeg(drawn: MatchPicture | GroupPicture) -> str:
    return _data_uri("image/jpeg", jpeg_bytes(drawn.image))


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _number(value: float | None, missing: str = "–") -> str:
    return missing if value is None or math.isnan(value) else f"{value:.4f}"


def _score(value: float) -> str:
    return f"score {value:.4f}" if math.isfinite(value) else "no score"


def _badge(note: str) -> str:
    """The colour class of a note; the word itself is always shown beside it."""
    words = note.lower().replace(",", " ").split()
    return "bad" if "wrong" in words or "missed" in words else "good" if "right" in words else "plain"
