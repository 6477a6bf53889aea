"""Answers with their labels and boxes, and `matches.csv`, which holds them beside the three columns of `predictions.csv`."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from imgfp.files import write_csv
from imgfp.fusion import NONE, Calibration, label
from imgfp.images import Failure, FileSize, ImageList, Images, Source, source_rgb, source_size
from imgfp.images.perceptual_hash import hash_distance, perceptual_hash
from imgfp.records import Evidence, Pairs
from imgfp.threads import libraries_single_threaded, thread_count

HEADER = (
    *("query_id", "reference_id", "probability", "label", "inliers", "matches", "mirrored", "inverted"),
    *("left", "top", "right", "bottom", "query_width", "query_height", "query_bytes"),
    *("reference_width", "reference_height", "reference_bytes"),
)
# Only a copy that still fills both images can be an exact one: others need no hash, so their files are not decoded.
_WHOLE = 0.5


@dataclass(frozen=True)
class Answer:
    """One answer to a query.

    Attributes:
        query_id: The query's id.
        reference_id: The id of the reference that it may be made from.
        score: The probability of being a copy; with a preset that gives none, that preset's score.
        label: What the answer is called; None with a preset that gives no probabilities.
        evidence: What comparing the pair found; None where it was not compared.
        query_size: Width, height and bytes of the query's file; None where the file no longer exists.
        reference_size: The same for the reference.
    """

    query_id: str
    reference_id: str
    score: float
    label: str | None
    evidence: Evidence | None
    query_size: FileSize | None
    reference_size: FileSize | None

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """Where the reference is in the query: left, top, right, bottom in pixels; None without a geometric model."""
        shares = self.evidence.box if self.evidence else None
        if shares is None or self.query_size is None:
            return None
        width, height = self.query_size[:2]
        left, top, right, bottom = (
            round(share * side) for share, side in zip(shares, (width, height) * 2, strict=True)
        )
        return left, top, right, bottom

    def row(self) -> list[object]:
        """In the order of HEADER."""
        sizes = [*(self.query_size or ("", "", "")), *(self.reference_size or ("", "", ""))]
        start: list[object] = [self.query_id, self.reference_id, self.score, self.label]
        if self.evidence is None:
            return [*start, *[""] * 8, *sizes]
        item = self.evidence
        box = self.box or ("", "", "", "")
        return [*start, item.inliers, item.matches, item.mirrored, item.inverted, *box, *sizes]


def name_answers(
    predictions: Pairs,
    compared: Mapping[tuple[str, str], Evidence],
    queries: Images,
    references: Images,
    calibration: Calibration | None,
) -> Iterator[Answer]:
    """Names every prediction, in their order. Images are decoded only where an exact copy is possible."""
    query_sources, reference_sources = (
        dict(zip(images.ids, images.sources, strict=True)) for images in (queries, references)
    )

    def name(row: int) -> Answer:
        query, reference = pair = str(predictions.query_ids[row]), str(predictions.reference_ids[row])
        score, found = float(predictions.scores[row]), compared.get(pair)
        sources = query_sources[query], reference_sources[reference]
        named = None
        if calibration is not None:
            exact = found is not None and score >= calibration.copy and _may_be_exact(found)
            named = label(score, _hash_bits(*sources) if exact else None, calibration)
        return Answer(query, reference, score, named, found, *map(source_size, sources))

    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        yield from pool.map(name, range(len(predictions)))


def write_matches(path: Path, answers: tuple[Answer, ...], queries: ImageList) -> None:
    """Every answer, and a row "none" for each query without one."""
    answered = {answer.query_id for answer in answers}
    rows = [answer.row() for answer in answers]
    rows += [[query, "", "", NONE, *[""] * (len(HEADER) - 4)] for query in queries.ids if query not in answered]
    write_csv(path, HEADER, rows)


def _may_be_exact(item: Evidence) -> bool:
    unchanged = not (item.mirrored or item.inverted or item.part)
    return unchanged and item.anisotropy < 1.1 and min(item.query_area, item.reference_area) >= _WHOLE


def _hash_bits(query: Source, reference: Source) -> int | None:
    images = source_rgb(query), source_rgb(reference)
    if any(isinstance(image, Failure) for image in images):
        return None
    return hash_distance(*(perceptual_hash(image) for image in images if not isinstance(image, Failure)))
