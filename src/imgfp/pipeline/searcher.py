"""Queries against an open index in memory: no folder, several threads at once, the same answers as the staged search."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.detection import open_finder
from imgfp.encoders import create_encoder
from imgfp.errors import InputError
from imgfp.files import hash_value
from imgfp.fusion import best_answers
from imgfp.images import LoadedImages, Source, rgb_of
from imgfp.pipeline.answers import Answer, name_answers
from imgfp.pipeline.branches import Lookup
from imgfp.pipeline.branches.storage import InMemory
from imgfp.pipeline.index.description import read_description
from imgfp.pipeline.index.descriptor_index import open_descriptor_index
from imgfp.pipeline.index.index import Index
from imgfp.pipeline.rank import calibration_of, rank_merged
from imgfp.pipeline.search import gather, require_index, run_for

Query = str | Path | Image.Image | np.ndarray


class Searcher:
    """Looks images up in an index, as often as wanted and from several threads at once.

    Examples:
        >>> import imgfp
        >>> index = imgfp.build_index("photos", "photos.index")
        >>> searcher = imgfp.Searcher(index)
        >>> (answers,) = searcher.lookup("queries/cropped.jpg")
        >>> answers[0].reference_id, answers[0].label
        ('astronaut', 'edited copy')
    """

    def __init__(self, index: Index, branches: str | Iterable[str] | None = None) -> None:
        """Opens what searches need: the descriptor index, the networks, the calibration. There is no background set.

        Args:
            index: What `open_index` or `build_index` gave.
            branches: Some of local, global, crop; None: those that the index holds.

        Raises:
            InputError: a branch that the index was built without; an index that was changed since it was opened, or that
                is not open, such as a path.
        """
        if not isinstance(index, Index):
            raise InputError(f"index={str(index)!r}: not an opened index: give imgfp.open_index(PATH)")
        self._index, self._run = index, run_for(index, branches).located()
        require_index(index, self._run)
        self._state = _state(index.folder)
        if hash_value(read_description(index.folder)) != index.fingerprint:
            raise _changed(index.folder)
        self._calibration = calibration_of(self._run.preset)
        self._encoder = create_encoder(self._run.preset.encoder) if "global" in self._run.branches else None
        crop = self._run.preset.crop
        self._finder = open_finder(crop.finder, crop.weights) if "crop" in self._run.branches else None
        self._nearest = None
        if "local" in self._run.indexed and index.features is not None:
            self._nearest, _ = open_descriptor_index(index.folder, index.features, self._run.preset.index)

    def lookup(self, images: Query | Sequence[Query], answers: int = 1) -> list[list[Answer]]:
        """Which references the images were made from.

        Args:
            images: One image or several: paths, PIL images, or (height, width, 3) uint8 RGB arrays.
            answers: At most so many per image.

        Returns:
            The answers of each image, best first; an empty list where there is none, and [] for no images. `score` is the
            probability of being a copy (with preset imgfp, which gives none, the sum of match scores, and `label` is None).

        Raises:
            InputError: an image that cannot be read, an array of wrong dtype or shape, `answers` below 1, or an index
                that was changed since it was opened.
        """
        several = isinstance(images, Sequence) and not isinstance(images, str)
        given: Sequence[Query] = images if several else [images]  # type: ignore[list-item,assignment]
        if answers < 1:
            raise InputError(f"answers={answers}: must be >= 1")
        sources = tuple(_source(image, place) for place, image in enumerate(given))
        if _state(self._index.folder) != self._state:
            raise _changed(self._index.folder)
        if not sources:
            return []
        queries = LoadedImages(tuple(f"{place:06d}" for place in range(len(sources))), sources)
        run = self._run
        if run.preset.fusion.rule != "sum":
            run = replace(run, preset=replace(run.preset, fusion=replace(run.preset.fusion, answers=answers)))
        lookup = Lookup(self._index, queries, run, InMemory(self._encoder), nearest=self._nearest, finder=self._finder)
        predictions, decided = rank_merged(run.preset, self._calibration, gather(lookup))
        predictions = best_answers(predictions, answers)
        found: dict[str, list[Answer]] = {query_id: [] for query_id in queries.ids}
        for answer in name_answers(predictions, decided, queries, self._index.images, self._calibration):
            found[answer.query_id].append(answer)
        return list(found.values())


def _source(image: Query, place: int) -> Source:
    if isinstance(image, str | Path):
        return Path(image)
    if isinstance(image, Image.Image):
        try:
            return rgb_of(image)
        except Exception as error:  # decoders raise OSError, ValueError, SyntaxError, struct.error, ...
            raise InputError(f"image {place}: cannot be decoded ({error}): give an image that can be read") from None
    if not isinstance(image, np.ndarray):
        raise InputError(f"image {place}: {type(image).__name__}: give a path, a PIL image or a NumPy array")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(
            f"image {place}: an array of shape {image.shape}, dtype {image.dtype}: give (height, width, 3) uint8 RGB"
        )
    return np.ascontiguousarray(image)


def _state(folder: Path) -> tuple[int, ...] | None:
    """Changes whenever index.json is replaced."""
    try:
        found = os.stat(folder / "index.json")
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _changed(folder: Path) -> InputError:
    return InputError(f"{folder}: the index was changed since it was opened: open it again with imgfp.open_index")
