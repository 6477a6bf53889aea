"""One collection against itself: which of its images are copies of one another. Nothing is ever deleted."""

from dataclasses import dataclass, replace
from pathlib import Path

from imgfp.errors import InputError
from imgfp.fusion import COPIES, EXACT, SIMILAR, Calibration, paired, read_calibration
from imgfp.images import Failure, ImageList, file_size, write_failures
from imgfp.pipeline.answers import Answer, name_answers
from imgfp.pipeline.groups import Group, groups_of, write_groups, write_pairs
from imgfp.pipeline.identical import Distinct, distinct_files
from imgfp.pipeline.index.descriptor_index import open_descriptor_index
from imgfp.pipeline.index.index import Index, build_index, open_index
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.stages.candidates import read_rows, topk_stage, vote_stage
from imgfp.pipeline.stages.score import read_evidence, score_stage
from imgfp.pipeline.stages.stage import StageResult
from imgfp.plural import counted
from imgfp.progress import track


@dataclass(frozen=True)
class Duplicates:
    """What was found in a collection.

    `pairs`: each pair once, that is a copy or similar, the most probable first; an image is never its own duplicate. `groups`: of
    the pairs called copies, see `groups_of`. `calibration`: what the probabilities and the stated precision are from.
    """

    out: Path
    images: ImageList
    pairs: tuple[Answer, ...]
    groups: tuple[Group, ...]
    calibration: Calibration
    stages: tuple[StageResult, ...]
    failures: tuple[Failure, ...]

    @property
    def summary(self) -> str:
        """What was found, in one line."""
        copies = sum(answer.label in COPIES for answer in self.pairs)
        similar = sum(answer.label == SIMILAR for answer in self.pairs)
        found = (
            f"{counted(len(self.groups), 'group')} of {sum(map(len, self.groups))} images"
            if self.groups
            else "no duplicates"
        )
        return f"{found} among {counted(len(self.images), 'image')}: {counted(copies, 'pair')} of copies, {similar} similar but not copies"

    @property
    def precision(self) -> str:
        """What a pair called a copy promises, in one line."""
        return (
            f"a pair is called a copy from probability {self.calibration.copy:.3f}, chosen so that "
            f"{self.calibration.copy_precision:.0%} of the answers called copies were right (fitted on: "
            f"{self.calibration.fitted_on})"
        )


def find_duplicates(images: ImageList, out: Path, run: RunConfig) -> Duplicates:
    """Compares a collection with itself and writes `out/pairs.csv`, `out/groups.csv`; its index is `out/index`.

    The features in the index are the queries too, so the further views of a query play no part. Memory grows with images x
    candidates per image, never with the square of the images.

    Raises:
        InputError: the preset gives no probabilities, no image can be read, `out` was made from other images or settings.
    """
    if run.preset.fusion.rule != "calibrated":
        raise InputError(f"preset {run.name} gives no probabilities, which groups need: use preset default")
    if others := [name for name in run.branches if name not in ("local", "global")]:
        raise InputError(
            f"the {others[0]} branch applies to queries only, and a collection has none: give local, global or local,global"
        )
    calibration = read_calibration(run.preset.fusion.calibration)
    distinct = distinct_files(images)
    run = run.located()
    stages = build_index(distinct.images, out / "index", run)
    index = open_index(out / "index")
    assert index.features is not None, "the calibrated rule needs them"
    built, candidates = _candidates(index, run, out / "work")
    scored = score_stage(candidates, index.features, index.features, run.preset.match, out / "work" / "match_scores")
    stages += [*built, scored]
    evidence = read_evidence(scored)
    ranked = paired(evidence, calibration)
    ranked = ranked.take(ranked.scores >= calibration.similar)
    failures = distinct.failures((failure for stage in stages for failure in stage.failures), images)
    compared = {(item.query_id, item.reference_id): item for item in evidence}
    pairs = (
        *_identical(distinct, images, {failure.path for failure in failures}),
        *track(name_answers(ranked, compared, images, images, calibration), len(ranked), "labelling pairs", "pairs"),
    )
    groups = groups_of(pairs, images)
    write_pairs(out / "pairs.csv", pairs)
    write_groups(out / "groups.csv", groups)
    write_failures(out / "failures.csv", failures)
    return Duplicates(out, images, pairs, groups, calibration, tuple(stages), failures)


def _candidates(index: Index, run: RunConfig, work: Path) -> tuple[list[StageResult], list[tuple[str, str]]]:
    """Each pair that any branch proposes from either side, once, the ids of a pair in order; never an image with itself."""
    stages: list[StageResult] = []
    proposing: list[StageResult] = []
    if "local" in run.branches and index.features is not None:
        searched, stages = open_descriptor_index(index.folder, index.features, run.preset.index)
        proposing.append(vote_stage(index.features, searched, run.preset.vote, work / "local_candidates", True))
    if "global" in run.branches and index.descriptors is not None:
        one_more = replace(run.preset.topk, k=run.preset.topk.k + 1)  # the image itself
        inputs = {"collection": index.descriptors_fingerprint}
        proposing.append(
            topk_stage(index.descriptors, index.descriptors, None, one_more, inputs, work / "global_candidates")
        )
    found = {(min(pair), max(pair)) for stage in proposing for pair in read_rows(stage).id_pairs()}
    return [*stages, *proposing], sorted(pair for pair in found if pair[0] != pair[1])


def _identical(distinct: Distinct, images: ImageList, failed: set[Path]) -> list[Answer]:
    """A pair for each file whose bytes an earlier one has, with that one."""
    paths = dict(zip(images.ids, images.paths, strict=True))
    answers = []
    for first, others in sorted(distinct.again.items()):
        if paths[first] in failed:
            continue
        for other in others:
            a, b = sorted((first, other))
            answers.append(Answer(a, b, 1.0, EXACT, None, file_size(paths[a]), file_size(paths[b])))
    return answers
