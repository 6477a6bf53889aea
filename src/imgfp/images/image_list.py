"""The images of a run: unique ids and paths, resolved below one root folder."""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imgfp.errors import InputError
from imgfp.files import read_lines

_SUFFIXES = ".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .tif .tiff .ppm .pgm .pbm .pnm .jp2 .avif .heic .heif"
IMAGE_SUFFIXES = frozenset(_SUFFIXES.split(" "))


@dataclass(frozen=True)
class ImageList:
    """Images in a fixed order. `ids[i]` (usually the file's stem) belongs to `paths[i]`; every path is below `root`."""

    root: Path
    ids: tuple[str, ...]
    paths: tuple[Path, ...]

    def __post_init__(self) -> None:
        seen: dict[str, Path] = {}
        for image_id, path in zip(self.ids, self.paths, strict=True):
            if image_id in seen:
                raise InputError(
                    f"duplicate image id '{image_id}': {seen[image_id]} and {path}: "
                    "ids are file names without suffix; rename or remove one of them"
                )
            if any(ord(character) < 32 for character in image_id):
                raise InputError(f"image id {image_id!r} of {path} contains a control character: rename the file")
            seen[image_id] = path

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Iterable[int]) -> "ImageList":
        """The images of these rows, in their order."""
        chosen = list(rows)
        return ImageList(self.root, tuple(self.ids[row] for row in chosen), tuple(self.paths[row] for row in chosen))

    def leave_out(self, listing: Path) -> "ImageList":
        """Without the images whose id is in the first two columns of a CSV.

        Raises:
            InputError: no such file.
        """
        fields = csv.reader(read_lines(listing, "a CSV whose first two columns are image ids"))
        left_out = {field.strip() for row in fields for field in row[:2]}
        return self.take(row for row, image_id in enumerate(self.ids) if image_id not in left_out)

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files, as every kind of image list names what it reads."""
        return self.paths

    @classmethod
    def open(cls, source: Path) -> "ImageList":
        """Opens a folder (recursively), a text list or a single image file.

        Raises:
            InputError: `source` is missing, has no image, points outside its root or repeats an id.
        """
        if source.is_dir():
            return cls.from_folder(source)
        if source.is_file():
            if source.suffix.lower() in IMAGE_SUFFIXES:
                return cls._of(source.parent.resolve(), [source.resolve()])
            return cls.from_text(source)
        raise InputError(f"{source}: no such folder or text list: give a folder of images or a text list of file names")

    @classmethod
    def open_collection(cls, source: Path) -> "ImageList":
        """As `open`, but files of one collection may share a stem; the id of such a file is its path below the root.

        Raises:
            InputError: as `open`.
        """
        if not source.is_dir():
            return cls.open(source)
        root, paths = _images_below(source)
        counts = Counter(path.stem for path in paths)
        ids = [path.stem if counts[path.stem] == 1 else path.relative_to(root).as_posix() for path in paths]
        return cls(root, tuple(ids), tuple(paths))

    @classmethod
    def from_folder(cls, folder: Path) -> "ImageList":
        """Every image file below `folder`, sorted by id; files with other suffixes are ignored."""
        return cls._of(*_images_below(folder))

    @classmethod
    def from_text(cls, text_list: Path) -> "ImageList":
        """imgFp's list format: one image per line, its path relative to the list's folder as the first space-separated token.

        Lines keep their order; blank lines are ignored.
        """
        root = text_list.parent.resolve()
        lines = read_lines(text_list, "a folder of images or a text list of file names")
        paths = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            name = line.split()[0]
            if "\0" in name or not (root / name).resolve().is_relative_to(root):
                raise InputError(f"{text_list} line {number}: {name!r} is outside {root}: use paths inside that folder")
            if not (root / name).is_file():
                raise InputError(
                    f"{text_list} line {number}: '{name}' not found in {root}: fix the name or remove the line"
                )
            paths.append(root / name)
        if not paths:
            raise InputError(f"{text_list}: the list is empty: give one file name per line")
        return cls(root, tuple(path.stem for path in paths), tuple(paths))

    @classmethod
    def from_disc(cls, data: Path, part: str) -> "ImageList":
        """One part ("query", "reference" or "training") of a DISC-style folder."""
        folder = data / f"{part}_images"
        if not folder.is_dir():
            raise InputError(
                f"{data}: no folder {folder.name}/: a DISC-style folder contains query_images/, reference_images/ "
                "and ground_truth.csv"
            )
        return cls.from_folder(folder)

    @classmethod
    def _of(cls, root: Path, paths: Iterable[Path]) -> "ImageList":
        ordered = _in_order(paths)
        return cls(root, tuple(path.stem for path in ordered), tuple(ordered))


def _images_below(folder: Path) -> tuple[Path, list[Path]]:
    """The resolved folder and its image files in order."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder: give a folder of images")
    root = folder.resolve()
    paths = [path for path in root.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()]
    for path in paths:
        if not path.resolve().is_relative_to(root):
            raise InputError(
                f"{path}: the link points outside {folder}: replace it with a copy of the file or remove it"
            )
    if not paths:
        raise InputError(f"{folder}: no images found: give a folder with image files ({_SUFFIXES})")
    return root, _in_order(paths)


def _in_order(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.stem, str(path)))
