"""Draws a query and a reference side by side, with lines between matched keypoints."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 10
MAX_LINES = 60  # more would hide the images
LINE_COLOUR = (240, 228, 66)  # yellow of the colour-blind safe palette of Okabe and Ito
BOX_COLOUR = (86, 180, 233)  # sky blue of the same palette
CROP_COLOUR = (230, 159, 0)  # orange of the same palette
EDGE_COLOUR = (0, 0, 0)  # outline, for contrast on bright images
PANEL_COLOUR = (112, 112, 112)  # readable with white text, on light and dark pages
SUPERSAMPLE = 3  # lines are drawn at this scale and reduced: Pillow has no anti-aliased lines

Box = tuple[int, int, int, int]


def draw_match(
    query: np.ndarray | None,
    reference: np.ndarray | None,
    lines: np.ndarray | None,
    box: tuple[float, float, float, float] | None = None,
    crop: tuple[float, float, float, float] | None = None,
    height: int = 260,
) -> np.ndarray:
    """Draws the query on the left and the reference on the right, both with the given height.

    An image more than twice as wide as high is scaled to twice `height`, with gray bars above and below.

    Args:
        query: (h, w, 3) uint8 RGB of any size; None for an unreadable file, shown as a gray panel.
        reference: Like `query`.
        lines: (m, 4) x_query, y_query, x_reference, y_reference as fractions of each image's width and height, 0..1,
            origin at the top left corner. At most 60 are drawn, evenly sampled; rows outside the images are skipped, and
            no lines are drawn if an image is None.
        box: Left, top, right, bottom of the reference in the query, as fractions of the query's width and height; drawn
            as a frame unless it covers the entire query.
        crop: Box of the query crop that was compared, in the same format; None for the full query.
        height: In pixels.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        ValueError: `lines` does not have four columns, or an image is not uint8 RGB.
    """
    left, query_box = _panel(query, height, "query")
    right, (x, y, w, h) = _panel(reference, height, "reference")
    start = left.width + GAP
    canvas = Image.new("RGB", (start + right.width, height), PANEL_COLOUR)
    canvas.paste(left, (0, 0))
    canvas.paste(right, (start, 0))
    if lines is not None and query is not None and reference is not None:
        ends = _sampled(np.asarray(lines, dtype=np.float64))
        pixels = np.hstack([_to_pixels(ends[:, :2], query_box), _to_pixels(ends[:, 2:], (start + x, y, w, h))])
        _draw_lines(canvas, pixels)
    for part, colour in ((crop, CROP_COLOUR), (box, BOX_COLOUR)):
        if part is not None and query is not None and part != (0.0, 0.0, 1.0, 1.0):
            _draw_frame(canvas, _to_pixels(np.array(part).reshape(2, 2), query_box), colour)
    return np.array(canvas)


def draw_image(pixels: np.ndarray | None, height: int = 200) -> np.ndarray:
    """One image scaled to `height` as in `draw_match`; None: a gray panel for an unreadable file."""
    return np.array(_panel(pixels, height, "image")[0])


def _panel(pixels: np.ndarray | None, height: int, name: str) -> tuple[Image.Image, Box]:
    """The panel with the scaled image, and the image's box (x, y, width, height) in it."""
    if pixels is None:
        panel = Image.new("RGB", (height, height), PANEL_COLOUR)
        font = ImageFont.load_default(size=max(10, height // 9))
        ImageDraw.Draw(panel).text((height / 2, height / 2), "unreadable", fill="white", font=font, anchor="mm")
        return panel, (0, 0, height, height)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(f"the {name} is {pixels.dtype} {pixels.shape}, not uint8 (height, width, 3): use read_rgb")
    scale = min(height / pixels.shape[0], 2 * height / pixels.shape[1])
    w, h = (max(1, round(side * scale)) for side in (pixels.shape[1], pixels.shape[0]))
    image = Image.fromarray(pixels).resize((w, h), Image.Resampling.LANCZOS)
    panel = Image.new("RGB", (w, height), PANEL_COLOUR)
    top = (height - h) // 2
    panel.paste(image, (0, top))
    return panel, (0, top, w, h)


def _sampled(lines: np.ndarray) -> np.ndarray:
    if lines.ndim != 2 or lines.shape[1] != 4:
        raise ValueError(f"lines have shape {lines.shape}, not (m, 4): x_query, y_query, x_reference, y_reference")
    inside = lines[((lines >= 0) & (lines <= 1)).all(axis=1)]  # False for NaN as well
    if len(inside) <= MAX_LINES:
        return inside.copy()
    return inside[np.linspace(0, len(inside) - 1, MAX_LINES).round().astype(int)]


def _to_pixels(fractions: np.ndarray, box: Box) -> np.ndarray:
    x, y, w, h = box
    return fractions * (w, h) + (x, y)


def _draw_lines(canvas: Image.Image, lines: np.ndarray) -> None:
    """Draws (m, 4) pixel positions onto `canvas`: all dark outlines first, so that they do not cross other lines."""
    for colour, width, opacity in ((EDGE_COLOUR, 1.0, 0.35), (LINE_COLOUR, 0.0, 0.9)):
        size = (canvas.width * SUPERSAMPLE, canvas.height * SUPERSAMPLE)
        mask = Image.new("L", size)
        draw = ImageDraw.Draw(mask)
        stroke, radius = round((1.0 + width) * SUPERSAMPLE), (2.6 + width / 2) * SUPERSAMPLE
        for x0, y0, x1, y1 in (lines * SUPERSAMPLE).tolist():
            draw.line((x0, y0, x1, y1), fill=round(255 * opacity), width=stroke)
            for x, y in ((x0, y0), (x1, y1)):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=255, width=stroke)
        canvas.paste(colour, (0, 0), mask.resize(canvas.size, Image.Resampling.BOX))


def _draw_frame(canvas: Image.Image, corners: np.ndarray, inner: tuple[int, int, int]) -> None:
    """A frame between two (x, y) corners, with a dark outline that is visible on any image."""
    (left, top), (right, bottom) = np.rint(corners).astype(int).tolist()
    draw = ImageDraw.Draw(canvas)
    for colour, out in ((EDGE_COLOUR, 1), (inner, 0)):
        draw.rectangle((left - out, top - out, right - 1 + out, bottom - 1 + out), outline=colour, width=2 + 2 * out)
