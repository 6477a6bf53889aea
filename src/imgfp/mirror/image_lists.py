"""The images that MIRorR's commands name: lists of paths, and Oxford's and Paris's query files."""

import os
from pathlib import Path

from imgfp.errors import InputError
from imgfp.files import read_lines
from imgfp.images import ImageList
from imgfp.mirror.feature_files import feature_names


def read_image_list(source: Path, root: Path | None = None) -> ImageList:
    """Opens a folder, or a text list with one path per line; ids are the names of the feature files.

    Files are not opened: one that is missing becomes a failure when it is described.

    Args:
        source: The folder or the list.
        root: Folder of the list's relative paths; None: that of the list.

    Raises:
        InputError: no such file, an empty list, or two images with the same feature file.
    """
    if source.is_dir():
        images = ImageList.open_collection(source)
        return ImageList(images.root, feature_names([str(path) for path in images.paths]), images.paths)
    lines = [line.strip() for line in read_lines(source, "a text list of image files") if line.strip()]
    if not lines:
        raise InputError(f"{source}: the list is empty: give one image per line")
    folder = (source.parent if root is None else root).absolute()
    paths = [os.path.normpath(folder / line) for line in lines]
    return ImageList(folder, feature_names(paths), tuple(map(Path, paths)))


def oxford_queries(ground_truth: Path, images: ImageList) -> ImageList:
    """The queries of Oxford5k or Paris6k: the whole images that the `NAME_query.txt` files name; ids are the NAMEs, sorted.

    A file holds `image x1 y1 x2 y2`; Oxford's image names begin with `oxc1_`. The box is not used.

    Raises:
        InputError: no such files, one of another form, or an image that is not in the list.
    """
    files = sorted(ground_truth.glob("*_query.txt"))
    if not files:
        raise InputError(f"{ground_truth}: no *_query.txt in it: give the folder of the ground truth files")
    by_stem = {path.stem: path for path in images.paths}
    paths = []
    for file in files:
        words = " ".join(read_lines(file, "a query file of Oxford or Paris")).split()
        if len(words) != 5:
            raise InputError(f"{file}: must be 'image x1 y1 x2 y2', has {len(words)} words: fix the file")
        name = words[0].removeprefix("oxc1_")
        if name not in by_stem:
            raise InputError(f"{file}: image {name} is not in the image list: give the list of the whole set")
        paths.append(by_stem[name])
    return ImageList(images.root, tuple(file.name.removesuffix("_query.txt") for file in files), tuple(paths))
