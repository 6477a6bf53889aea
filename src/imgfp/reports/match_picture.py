"""A query and a reference side by side, with lines between the keypoints that agree."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 10
MOST_LINES = 60  # more would hide the photographs
LINE_COLOUR = (240, 228, 66)  # the yellow of Okabe and Ito, told from the other hues by every kind of colour vision
BOX_COLOUR = (86, 180, 233)  # sky blue of the same palette
CROP_COLOUR = (230, 159, 0)  # its orange
EDGE_COLOUR = (0, 0, 0)  # around the lines: yellow alone is lost on a bright sky
PANEL_COLOUR = (112, 112, 112)  # white letters stay readable; fits a light page as well as a dark one
SUPERSAMPLE = 3  # lines are drawn this much larger and reduced: Pillow has no anti-aliased lines

Box = tuple[int, int, int, int]


def draw_match(
    query: np.ndarray | None,
    reference: np.ndarray | None,
    lines: np.ndarray | None,
    box: tuple[float, float, float, float] | None = None,
    crop: tuple[float, float, float, float] | None = None,
    height: int = 260,
) -> np.ndarray:
    """Draws the query on the left, the reference on the right, both as high as `height`.

    A picture more than twice as wide as high is fitted into that width, with gray bars above and below.

    Args:
        query: (h, w, 3) uint8 RGB of any size; None where the file could not be read (a gray panel says so).
        reference: Like `query`.
        lines: (m, 4) x_query, y_query, x_reference, y_reference as fractions of each picture's width and height, 0..1
            from the top left corner, in the pictures as given. At most 60 are drawn, evenly chosen; rows that leave the
            pictures are left out, and all of them where a picture is None.
        box: Left, top, right, bottom of what the query has of the reference, as shares of its width and height; drawn as a
            frame around it, unless it is all of the query.
        crop: The same of the part of the query that was cut out and compared; None where it was compared as a whole.
        height: In pixels.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        ValueError: `lines` does not have four columns, or a picture is not uint8 RGB.
    """
    left, query_box = _panel(query, height, "query")
    right, (x, y, w, h) = _panel(reference, height, "reference")
    start = left.width + GAP
    canvas = Image.new("RGB", (start + right.width, height), PANEL_COLOUR)
    canvas.paste(left, (0, 0))
    canvas.paste(right, (start, 0))
    if lines is not None and query is not None and reference is not None:
        ends = _chosen(np.asarray(lines, dtype=np.float64))
        pixels = np.hstack([_to_pixels(ends[:, :2], query_box), _to_pixels(ends[:, 2:], (start + x, y, w, h))])
        _draw_lines(canvas, pixels)
    for part, colour in ((crop, CROP_COLOUR), (box, BOX_COLOUR)):
        if part is not None and query is not None and part != (0.0, 0.0, 1.0, 1.0):
            _draw_frame(canvas, _to_pixels(np.array(part).reshape(2, 2), query_box), colour)
    return np.array(canvas)


def draw_picture(picture: np.ndarray | None, height: int = 200) -> np.ndarray:
    """One picture as high as `height`, fitted as in `draw_match`; None: a gray panel that says it could not be read."""
    return np.array(_panel(picture, height, "picture")[0])


def _panel(picture: np.ndarray | None, height: int, name: str) -> tuple[Image.Image, Box]:
    """The picture at its final size, and the box (x, y, width, height) that it fills in its panel."""
    if picture is None:
        panel = Image.new("RGB", (height, height), PANEL_COLOUR)
        font = ImageFont.load_default(size=max(10, height // 9))
        ImageDraw.Draw(panel).text((height / 2, height / 2), "not readable", fill="white", font=font, anchor="mm")
        return panel, (0, 0, height, height)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise ValueError(f"the {name} is {picture.dtype} {picture.shape}, not uint8 (height, width, 3): use read_rgb")
    scale = min(height / picture.shape[0], 2 * height / picture.shape[1])
    w, h = (max(1, round(side * scale)) for side in (picture.shape[1], picture.shape[0]))
    image = Image.fromarray(picture).resize((w, h), Image.Resampling.LANCZOS)
    panel = Image.new("RGB", (w, height), PANEL_COLOUR)
    top = (height - h) // 2
    panel.paste(image, (0, top))
    return panel, (0, top, w, h)


def _chosen(lines: np.ndarray) -> np.ndarray:
    if lines.ndim != 2 or lines.shape[1] != 4:
        raise ValueError(f"lines have the shape {lines.shape}, not (m, 4): x_query, y_query, x_reference, y_reference")
    inside = lines[((lines >= 0) & (lines <= 1)).all(axis=1)]  # False for NaN as well
    if len(inside) <= MOST_LINES:
        return inside.copy()
    return inside[np.linspace(0, len(inside) - 1, MOST_LINES).round().astype(int)]


def _to_pixels(fractions: np.ndarray, box: Box) -> np.ndarray:
    x, y, w, h = box
    return fractions * (w, h) + (x, y)


def _draw_lines(canvas: Image.Image, lines: np.ndarray) -> None:
    """Draws (m, 4) pixel positions onto `canvas`: a dark edge first, so that no line is cut by its neighbour's edge."""
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
    """A box of two (x, y) corners: dark outside, so that it is seen on any picture."""
    (left, top), (right, bottom) = np.rint(corners).astype(int).tolist()
    draw = ImageDraw.Draw(canvas)
    for colour, out in ((EDGE_COLOUR, 1), (inner, 0)):
        draw.rectangle((left - out, top - out, right - 1 + out, bottom - 1 + out), outline=colour, width=2 + 2 * out)
