"""GL3D: photographs of many scenes; pairs overlap by a threshold on the overlap ratios in the scenes' `geolabel` folders."""

from pathlib import Path

from imgfp.datasets.matchable_set import (
    MatchableSet,
    list_images,
    read_names,
    read_pairs,
    without_self,
)
from imgfp.errors import InputError
from imgfp.metrics import Protocol
from imgfp.records.index_lines import read_index_lines

LABELS = ("mesh_overlap", "common_track")
IMAGE_FOLDERS = ("images", "undist_images")


def open_gl3d(
    root: Path, image_list: Path | None, ground_truth: Path | None, label: str, threshold: float
) -> MatchableSet:
    """Opens GL3D, or a folder of its form.

    Args:
        root: Folder of the scenes.
        image_list: The evaluated images, relative to `root`; default `eval_img_list.txt` there.
        ground_truth: Directed index pairs; default `gl3d_gt_pairs` in `root` where it exists, else from the ratios.
        label: The ratio: "mesh_overlap" or "common_track".
        threshold: The ratio from which on a pair is a positive.

    Raises:
        InputError: a missing file, an unknown label, ground truth that does not belong to the list.
    """
    names = read_names(image_list or root / "eval_img_list.txt", "evaluated images")
    if ground_truth is None and (root / "gl3d_gt_pairs").is_file():
        ground_truth = root / "gl3d_gt_pairs"
    if ground_truth is not None:
        pairs = read_pairs(ground_truth, len(names), len(names))
        origin = f"positives from {ground_truth.name}; the overlap threshold behind them is unknown"
    else:
        pairs = _labelled_pairs(root, names, label, threshold)
        origin = f"positives: {label} >= {threshold:g}; the published threshold is unknown"
    caveats = (origin, "a ranking of K answers lists the query itself, so K - 1 can be right")
    return MatchableSet("gl3d", root, names, names, {"": without_self(pairs)}, Protocol(), caveats)


def _labelled_pairs(root: Path, names: tuple[str, ...], label: str, threshold: float) -> list[list[int]]:
    """Positives of the listed images from the ratios of all scenes below `root`."""
    if label not in LABELS:
        raise InputError(f"data.label={label}: must be one of {', '.join(LABELS)}")
    if not 0 < threshold <= 1:
        raise InputError(f"data.threshold={threshold}: must be above 0 and at most 1")
    files = sorted(root.glob(f"**/geolabel/{label}.txt"))
    if not files:
        raise InputError(f"{root}: no gl3d_gt_pairs and no geolabel/{label}.txt below: give data.ground_truth=FILE")
    positions = {name: index for index, name in enumerate(names)}
    found: list[list[int]] = [[] for _ in names]
    for path in files:
        local = _scene_images(root, path.parent.parent)
        listed = [positions.get(name) for name in local]
        for first, second, ratio in _ratios(path, len(local)):
            query, image = listed[first], listed[second]
            if ratio >= threshold and query is not None and image is not None:
                found[query].append(image)
    return found


def _scene_images(root: Path, scene: Path) -> tuple[str, ...]:
    """The images of a scene in the order of their local indices: its `image_list.txt`, or its sorted files."""
    if (scene / "image_list.txt").is_file():
        names = read_names(scene / "image_list.txt", "the scene's images")
        return tuple(name if (root / name).is_file() else (scene / name).relative_to(root).as_posix() for name in names)
    folders = [scene / name for name in IMAGE_FOLDERS if (scene / name).is_dir()]
    return list_images(root, folders[0] if folders else scene)


def _ratios(path: Path, images: int) -> list[tuple[int, int, float]]:
    """Lines `i j ratio`."""
    form = "<index> <index> <ratio>"
    found = []
    for where, first, second, ratio in read_index_lines(path, f"lines '{form}'", form):
        if not 0 <= min(first, second) <= max(first, second) < images:
            raise InputError(
                f"{where}: indices {first} and {second}, but the scene has {images} images: "
                "give the images that the ratios were computed for"
            )
        found.append((first, second, ratio))
    return found
