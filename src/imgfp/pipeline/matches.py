"""`matches.csv`: what each answer is called and why, beside the three columns of `predictions.csv`."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from imgfp.files import write_csv
from imgfp.fusion import NONE, Calibration, label
from imgfp.images import Failure, FileSize, ImageList, file_size, read_rgb
from imgfp.images.perceptual_hash import hash_distance, perceptual_hash
from imgfp.progress import track
from imgfp.records import Evidence, Pairs
from imgfp.threads import libraries_single_threaded, thread_count

HEADER = (
    *("query_id", "reference_id", "probability", "label", "inliers", "matches", "mirrored", "inverted"),
    *("left", "top", "right", "bottom", "query_width", "query_height", "query_bytes"),
    *("reference_width", "reference_height", "reference_bytes"),
)
# Only a copy that still fills both pictures can be an exact one: others need no hash, so their files are not decoded.
_WHOLE = 0.5


@dataclass(frozen=True)
class Answer:
    """One answer to a query. `evidence`: None where the pair was not compared. Sizes: None for a file that is gone."""

    query_id: str
    reference_id: str
    probability: float
    label: str
    evidence: Evidence | None
    query_size: FileSize | None
    reference_size: FileSize | None

    def row(self) -> list[object]:
        """In the order of HEADER; the box in whole pixels of the query as it is shown."""
        sizes = [*(self.query_size or ("", "", "")), *(self.reference_size or ("", "", ""))]
        start = [self.query_id, self.reference_id, self.probability, self.label]
        if self.evidence is None:
            return [*start, *[""] * 8, *sizes]
        item = self.evidence
        return [*start, item.inliers, item.matches, item.mirrored, item.inverted, *self._box(), *sizes]

    def _box(self) -> list[object]:
        box = self.evidence.box if self.evidence else None
        if box is None or self.query_size is None:
            return [""] * 4
        width, height = self.query_size[:2]
        return [round(share * side) for share, side in zip(box, (width, height) * 2, strict=True)]


def answers_of(
    predictions: Pairs,
    compared: Mapping[tuple[str, str], Evidence],
    queries: ImageList,
    references: ImageList,
    calibration: Calibration,
) -> tuple[Answer, ...]:
    """Names every prediction, in their order. Pictures are decoded only where an exact copy is possible."""
    query_paths, reference_paths = (
        dict(zip(images.ids, images.paths, strict=True)) for images in (queries, references)
    )

    def name(row: int) -> Answer:
        query, reference = pair = str(predictions.query_ids[row]), str(predictions.reference_ids[row])
        probability, found = float(predictions.scores[row]), compared.get(pair)
        paths = query_paths[query], reference_paths[reference]
        bits = _hash_bits(*paths) if found and probability >= calibration.copy and _may_be_exact(found) else None
        named = label(probability, bits, calibration)
        return Answer(query, reference, probability, named, found, *map(file_size, paths))

    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        return tuple(track(pool.map(name, range(len(predictions))), len(predictions), "naming answers", "pairs"))


def write_matches(path: Path, answers: tuple[Answer, ...], queries: ImageList) -> None:
    """Every answer, and a row "none" for each query without one."""
    answered = {answer.query_id for answer in answers}
    rows = [answer.row() for answer in answers]
    rows += [[query, "", "", NONE, *[""] * (len(HEADER) - 4)] for query in queries.ids if query not in answered]
    write_csv(path, HEADER, rows)


def _may_be_exact(item: Evidence) -> bool:
    unchanged = not (item.mirrored or item.inverted or item.part)
    return unchanged and item.anisotropy < 1.1 and min(item.query_area, item.reference_area) >= _WHOLE


def _hash_bits(query: Path, reference: Path) -> int | None:
    pictures = read_rgb(query), read_rgb(reference)
    if any(isinstance(picture, Failure) for picture in pictures):
        return None
    return hash_distance(*(perceptual_hash(picture) for picture in pictures if not isinstance(picture, Failure)))
