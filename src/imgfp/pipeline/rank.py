"""From candidates and what comparing them found to ranked answers, by the preset's rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imgfp.fusion import Calibration, best_answers, best_evidence, calibrated, read_calibration, sum_scores, verified
from imgfp.pipeline.branches import BRANCH_OF
from imgfp.pipeline.preset import Preset
from imgfp.records import Evidence, Pairs

_SUMMED = ("global", "local", "crop")  # imgFp's order


@dataclass(frozen=True)
class Candidates:
    """What the branches propose, and what comparing that found.

    Attributes:
        proposed: By branch; the scores of the global branch are similarities.
        whole: Each proposed pair compared with the whole query; None with rule "similarity", which compares nothing.
        parts: By branch, what it compared itself, such as crops of queries; a pair may be there several times.
        without_crops: By branch, what it would propose without the crop branch, where that differs from `proposed`.
    """

    proposed: Mapping[str, Pairs]
    whole: Sequence[Evidence] | None
    parts: Mapping[str, Sequence[Evidence]] = field(default_factory=dict)
    without_crops: Mapping[str, Pairs] = field(default_factory=dict)

    @property
    def evidence(self) -> list[Evidence]:
        """All evidence, that of whole queries first."""
        return [*(self.whole or ()), *(item for items in self.parts.values() for item in items)]

    def whole_queries_only(self) -> "Candidates":
        """As if there were no crop branch."""
        proposed = {name: pairs for name, pairs in self.proposed.items() if name != "crop"} | dict(self.without_crops)
        known = {pair for pairs in proposed.values() for pair in pairs.id_pairs()}
        whole = self.whole
        if whole is not None:
            whole = [item for item in whole if (item.query_id, item.reference_id) in known]
        return Candidates(proposed, whole, {name: items for name, items in self.parts.items() if name != "crop"})


def calibration_of(preset: Preset) -> Calibration | None:
    """The calibration that the preset's rule ranks by, or None; InputError where its file cannot be used."""
    return read_calibration(preset.fusion.calibration) if preset.fusion.rule == "calibrated" else None


def rank_branches(preset: Preset, calibration: Calibration | None, found: Candidates) -> dict[str, Pairs]:
    """Each branch as it would answer alone: by what it compared itself, and by whole queries where it `compares_whole`."""
    alike = found.proposed.get("global")
    if found.whole is None:
        return {} if alike is None else {"global": best_answers(alike, preset.fusion.answers)}
    ranked = {}
    for name, pairs in found.proposed.items():
        wanted = set(pairs.id_pairs())
        evidence = [*(found.whole if BRANCH_OF[name].compares_whole else ()), *found.parts.get(name, ())]
        own = [item for item in evidence if (item.query_id, item.reference_id) in wanted]
        ranked[name] = _ranked(preset, calibration, own, alike if name == "global" else None)
    return ranked


def rank_merged(
    preset: Preset, calibration: Calibration | None, found: Candidates
) -> tuple[Pairs, dict[tuple[str, str], Evidence]]:
    """All branches together, and of each pair the evidence that decided."""
    weights = preset.fusion.weights
    if not weights.get("crop", 1.0):
        found = found.whole_queries_only()
    if found.whole is None:
        return rank_branches(preset, calibration, found)["global"], {}
    if preset.fusion.rule == "sum":
        branches = rank_branches(preset, calibration, found)
        known = summing_order(branches)
        pairs = sum_scores([branches[name] for name in known], [weights.get(name, 1.0) for name in known])
        return pairs, highest(found.evidence)
    evidence = found.evidence
    alike = found.proposed.get("global")
    if calibration is None:
        return _ranked(preset, None, evidence, alike), highest(evidence)
    best = best_evidence(evidence, calibration, _weights_of(found, weights))
    return calibrated(best, alike, preset.fusion.answers), {pair: item for pair, (_, item) in best.items()}


def summing_order(branches: Iterable[str]) -> tuple[str, ...]:
    """The order in which rule "sum" adds the branches: imgFp's, then others by name."""
    return tuple(sorted(branches, key=lambda name: (_SUMMED.index(name) if name in _SUMMED else len(_SUMMED), name)))


def _weights_of(found: Candidates, weights: Mapping[str, float]) -> list[float]:
    """The weight of each item of `found.evidence`.

    What a branch compared itself weighs as the branch does, a whole query as the weightiest branch that proposed the pair; a
    pair that only branches of no weight proposed weighs nothing.
    """
    of_pair: dict[tuple[str, str], float] = {}
    for name, pairs in found.proposed.items():
        for pair in pairs.id_pairs():
            of_pair[pair] = max(of_pair.get(pair, 0.0), weights.get(name, 1.0))
    given = [of_pair.get((item.query_id, item.reference_id), 0.0) for item in found.whole or ()]
    for name, items in found.parts.items():
        own = weights.get(name, 1.0)
        given += [own if of_pair.get((item.query_id, item.reference_id)) else 0.0 for item in items]
    return given


def highest(evidence: Sequence[Evidence]) -> dict[tuple[str, str], Evidence]:
    """Of each pair the evidence with the highest score, the first among equals."""
    best: dict[tuple[str, str], Evidence] = {}
    for item in evidence:
        pair = item.query_id, item.reference_id
        if pair not in best or item.score > best[pair].score:
            best[pair] = item
    return best


def _ranked(
    preset: Preset, calibration: Calibration | None, evidence: Sequence[Evidence], alike: Pairs | None
) -> Pairs:
    if calibration is not None:
        return calibrated(best_evidence(evidence, calibration), alike, preset.fusion.answers)
    rated = Pairs.of([(*pair, item.score) for pair, item in highest(evidence).items()])
    return rated if preset.fusion.rule == "sum" else verified(rated, alike, preset.fusion.answers)
