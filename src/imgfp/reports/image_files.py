"""Encodes the images of a report as JPEG and PNG, and writes them as files (for MLflow)."""

import io
import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from imgfp.files import write_bytes
from imgfp.reports.plots import precision_recall_figure
from imgfp.reports.report import Report

MAX_SIZE = (1100, 520)  # width, height: the largest size of a card on a high-density screen


def jpeg_bytes(pixels: np.ndarray) -> bytes:
    """(h, w, 3) uint8 RGB as JPEG, reduced to at most 1100 x 520."""
    image = Image.fromarray(pixels)
    image.thumbnail(MAX_SIZE, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # no chroma subsampling, which blurs thin coloured lines
    image.save(buffer, "JPEG", quality=80, optimize=True, subsampling=0)
    return buffer.getvalue()


def png_bytes(figure: Figure) -> bytes:
    """A figure as PNG, without metadata that depends on the matplotlib version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None})
    return buffer.getvalue()


def write_images(report: Report, folder: Path) -> None:
    """Writes the plot and all match images below `folder`, which should be empty.

    `precision_recall.png` if there are curves, and `best/`, `false_positives/`, `missed/` with `00_QUERY_REFERENCE.jpg`,
    numbered in the report's order.
    """
    if report.curves:
        write_bytes(folder / "precision_recall.png", png_bytes(precision_recall_figure(report.curves)))
    groups = {"best": report.best, "false_positives": report.false_positives, "missed": report.missed}
    for group, matches in groups.items():
        for number, match in enumerate(matches):
            name = f"{number:02d}_{_safe(match.query_id)}_{_safe(match.reference_id)}.jpg"
            write_bytes(folder / group / name, jpeg_bytes(match.image))


def _safe(text: str) -> str:
    """An id made safe for file names; the number before it keeps file names unique."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:80]
