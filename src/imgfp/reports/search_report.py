"""Builds the report on a search result, with metrics if there is ground truth."""

import math
from collections.abc import Iterable

import numpy as np

from imgfp.images import Failure, read_rgb
from imgfp.metrics import evaluate, label_pairs, precision_recall
from imgfp.pipeline.search import SearchResult
from imgfp.pipeline.stages.score import Compared, compare_pairs
from imgfp.records import GroundTruth, Pairs
from imgfp.reports import Curve, MatchImage, Report, draw_match

BEST, WRONG, MISSED = 24, 12, 12


def search_report(
    result: SearchResult,
    title: str,
    settings: dict[str, str],
    notes: tuple[str, ...] = (),
    truth: GroundTruth | None = None,
) -> Report:
    """Collects metrics, curves and images. Only the pairs that are drawn are matched again, to get their lines."""
    pairs = result.predictions
    true = truth.pairs() if truth else set()
    best = _rows(pairs, _first_per_reference(pairs)[:BEST])
    wrong: list[tuple[str, str, float]] = []
    missed: list[tuple[str, str, float]] = []
    figures, curves = {}, []
    if truth is not None:
        for name, branch in {"merged": pairs, **result.branches}.items():
            figures[name] = evaluate(branch, truth).figures()
            curve = precision_recall(label_pairs(branch, truth))
            curves.append(Curve(name, curve.recall, curve.precision, float(figures[name]["uap"] or 0)))
        known = set(truth.queries.tolist())
        wrong = [row for row in _rows(pairs, range(len(pairs))) if row[0] in known and row[:2] not in true][:WRONG]
        found = set(zip(pairs.query_ids.tolist(), pairs.reference_ids.tolist(), strict=True))
        missed = [(query, reference, math.nan) for query, reference in sorted(true - found)][:MISSED]
    drawn = _Drawer(result, true, truth is not None)
    return Report(
        title=title,
        summary=f"{result.summary}.",
        notes=notes,
        settings=settings,
        figures=figures,
        curves=tuple(curves),
        best=drawn.images(best),
        false_positives=drawn.images(wrong),
        missed=drawn.images(missed),
        failures=result.failures,
        stages=result.stages,
        pairs_total=len(pairs),
    )


class _Drawer:
    """Draws pairs of one search result."""

    def __init__(self, result: SearchResult, true: set[tuple[str, str]], judged: bool) -> None:
        self._result, self._true, self._judged = result, true, judged
        self._crops = None if result.crops is None else result.crops.voted
        self._queries = dict(zip(result.queries.ids, result.queries.paths, strict=True))
        self._labels = {(answer.query_id, answer.reference_id): answer.label for answer in result.answers}
        self._references = dict(zip(result.references.ids, result.references.paths, strict=True))

    def images(self, rows: list[tuple[str, str, float]]) -> tuple[MatchImage, ...]:
        """One image per row."""
        references, crops = self._result.reference_features, self._crops
        parts = [self._part(*row[:2]) for row in rows]
        matched: list[Compared | None] = [None] * len(rows)
        for source, wanted in ((self._result.query_features, False), (crops.features if crops else None, True)):
            if source is None or references is None:
                continue
            places = [place for place, part in enumerate(parts) if bool(part) == wanted]
            pairs = [(parts[place] or rows[place][0], rows[place][1]) for place in places]
            for place, item in zip(
                places, compare_pairs(pairs, source, references, self._result.run.preset.match), strict=True
            ):
                matched[place] = item
        return tuple(self._match_image(row, item) for row, item in zip(rows, matched, strict=True))

    def _part(self, query: str, reference: str) -> str:
        """The query crop whose comparison determined the score; empty for the full query."""
        decided = self._result.decided.get((query, reference))
        return "" if decided is None else decided.part

    def _match_image(self, row: tuple[str, str, float], matched: Compared | None) -> MatchImage:
        query, reference, score = row
        part = self._part(query, reference)
        lines = None if matched is None else self._fractions(query, part, reference, matched.found.lines)
        notes = []
        if self._judged:
            notes.append("correct" if (query, reference) in self._true and not math.isnan(score) else "wrong")
        if math.isnan(score):
            notes = ["missed"]
        if matched is not None:
            notes += [name for name in ("mirrored", "inverted") if getattr(matched.evidence, name)]
        if part:
            notes.append("found in a crop")
        if label := self._labels.get((query, reference)):
            notes.insert(0, label)
        query_pixels, reference_pixels = (
            None if path is None or isinstance(rgb := read_rgb(path), Failure) else rgb
            for path in (self._queries.get(query), self._references.get(reference))
        )
        decided = matched.evidence if matched is not None else None
        if decided is not None and part and self._crops is not None:
            decided = self._crops.in_query(decided)
        crop = self._crops.box(part) if part and self._crops is not None else None
        box = None if decided is None else decided.box
        drawn = draw_match(query_pixels, reference_pixels, lines, box, crop)
        return MatchImage(query, reference, score, ", ".join(notes), drawn)

    def _fractions(self, query: str, part: str, reference: str, lines: np.ndarray) -> np.ndarray:
        """(m, 2) keypoint rows to (m, 4) x, y in the query and x, y in the reference, as fractions of their planes."""
        sides = []
        crops = self._crops
        for image_id, features, column in (
            (part or query, crops.features if part and crops else self._result.query_features, 1),
            (reference, self._result.reference_features, 0),
        ):
            assert features is not None, "lines come from features"
            item = features.get(features.ids.index(image_id))
            frame = np.array([item.width, item.height], dtype=np.float64)
            places = (item.keypoints[lines[:, column], :2] + 0.5) / frame
            if column == 1 and part and crops is not None:
                left, top, right, bottom = crops.box(part)
                places = places * (right - left, bottom - top) + (left, top)
            sides.append(places)
        return np.concatenate(sides, axis=1)


def _rows(pairs: Pairs, rows: Iterable[int]) -> list[tuple[str, str, float]]:
    return [(str(pairs.query_ids[i]), str(pairs.reference_ids[i]), float(pairs.scores[i])) for i in rows]


def _first_per_reference(pairs: Pairs) -> list[int]:
    """Positions of each reference's first pair, in order, so that the drawn pairs show different images."""
    return np.sort(np.unique(pairs.reference_ids, return_index=True)[1]).tolist()
