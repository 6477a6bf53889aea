"""A few edits of AugLy, where it is installed: only functions that draw nothing from global random state.

`import augly.image` loads python-magic, which needs the system's libmagic; a bare machine has none.
"""

import importlib.util
import json
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image, ImageFilter

from imgfp.edits.edit import Edit, Edited, in_place, translation


def augly_catalogue() -> dict[str, Edit]:
    """Edits called "augly_...", sorted by name; empty where AugLy or the system's libmagic is missing."""
    if _augly() is None:
        return {}
    return {
        "augly_emoji": _emoji,
        "augly_filter": _filter,
        "augly_jpeg": _jpeg,
        "augly_screenshot": _screenshot,
        "augly_text": _text,
    }


@cache
def _augly() -> ModuleType | None:
    try:
        import augly.image
    except (ImportError, OSError):  # python-magic without libmagic: "failed to find libmagic"; a broken one: OSError
        return None
    # AugLy leaves its own template files for the collector to close
    warnings.filterwarnings("ignore", message="unclosed file .*augly", category=ResourceWarning)
    return augly.image


def _assets() -> Path:
    spec = importlib.util.find_spec("augly")
    if spec is None or spec.origin is None:
        raise ImportError("augly is not installed")
    return Path(spec.origin).parent / "assets"


@cache
def _emojis() -> tuple[str, ...]:
    return tuple(sorted(str(path) for path in (_assets() / "twemojis").glob("*/*.png")))


def _emoji(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Any emoji, 20 to 50 % of the height."""
    return _called(
        image,
        "overlay_emoji",
        emoji_path=_emojis()[int(rng.integers(0, len(_emojis())))],
        emoji_size=rng.uniform(0.2, 0.5),
        opacity=rng.uniform(0.7, 1.0),
        x_pos=rng.uniform(0, 0.7),
        y_pos=rng.uniform(0, 0.6),
    )


def _filter(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Pillow's emboss or strong edge enhancement."""
    filters = [ImageFilter.EDGE_ENHANCE_MORE, ImageFilter.EMBOSS]
    return _called(image, "apply_pil_filter", filter_type=filters[int(rng.integers(0, 2))])


def _jpeg(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """JPEG at quality 5 to 24."""
    return _called(image, "encoding_quality", quality=int(rng.integers(5, 25)))


def _text(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Letters of AugLy's default font; its default text is drawn from global random state, so it is given here."""
    letters = [[int(place) for place in rng.integers(0, 1000, 8)] for _ in range(int(rng.integers(1, 3)))]
    return _called(
        image,
        "overlay_text",
        text=letters,
        font_size=rng.uniform(0.12, 0.25),
        color=tuple(int(value) for value in rng.integers(0, 256, 3)),
        x_pos=rng.uniform(0, 0.3),
        y_pos=rng.uniform(0, 0.7),
    )


def _screenshot(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """The picture in a social network's page, on a phone or in a browser.

    The box is computed as AugLy does it: the one that it returns in `dst_bboxes` is off by up to a pixel.
    """
    folder = _assets() / "screenshot_templates"
    template = ["mobile.png", "web.png"][int(rng.integers(0, 2))]
    edited = _called(image, "overlay_onto_screenshot", template_filepath=str(folder / template))
    left, top, right, bottom = json.loads((folder / "bboxes.json").read_text())[template]
    height, width = image.shape[:2]
    factor = min((right - left) / width, (bottom - top) / height)
    new_width, new_height = int(width * factor), int(height * factor)
    left += (right - left - new_width) // 2
    top += (bottom - top - new_height) // 2
    sx, sy = new_width / width, new_height / height
    centres = np.array([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2], [0.0, 0.0, 1.0]])
    return Edited(edited.image, translation(left, top) @ centres)


def _called(image: np.ndarray, function: str, **arguments: object) -> Edited:
    edited = getattr(_augly(), function)(Image.fromarray(image), **arguments)
    return in_place(np.array(edited.convert("RGB")))
