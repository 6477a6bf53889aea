"""From candidates and what comparing them found to ranked answers, by the preset's rule."""

from collections.abc import Sequence

from imgfp.fusion import Calibration, best_answers, calibrated, read_calibration, sum_scores, verified
from imgfp.pipeline.presets import Preset
from imgfp.records import Evidence, Pairs


def calibration_of(preset: Preset) -> Calibration | None:
    """The calibration that the preset's rule ranks by, or None; InputError where its file cannot be used."""
    return read_calibration(preset.fusion.calibration) if preset.fusion.rule == "calibrated" else None


def rank_branches(
    preset: Preset,
    calibration: Calibration | None,
    local: Pairs | None,
    alike: Pairs | None,
    evidence: Sequence[Evidence] | None,
) -> dict[str, Pairs]:
    """Each branch as it would answer alone. `alike`: the global branch's candidates; `evidence`: None with rule "similarity"."""
    if evidence is None:
        return {} if alike is None else {"global": best_answers(alike, preset.fusion.answers)}
    found = {}
    for name, pairs in (("local", local), ("global", alike)):
        if pairs is not None:
            wanted = set(pairs.id_pairs())
            own = [item for item in evidence if (item.query_id, item.reference_id) in wanted]
            found[name] = _ranked(preset, calibration, own, alike if name == "global" else None)
    return found


def rank_merged(
    preset: Preset,
    calibration: Calibration | None,
    branches: dict[str, Pairs],
    alike: Pairs | None,
    evidence: Sequence[Evidence] | None,
) -> Pairs:
    """All branches together."""
    if evidence is None:
        return branches["global"]
    if preset.fusion.rule == "sum":
        return sum_scores([branches[name] for name in ("global", "local") if name in branches])
    return _ranked(preset, calibration, evidence, alike)


def _ranked(
    preset: Preset, calibration: Calibration | None, evidence: Sequence[Evidence], alike: Pairs | None
) -> Pairs:
    if calibration is not None:
        return calibrated(evidence, alike, preset.fusion.answers, calibration)
    rated = Pairs.of([(item.query_id, item.reference_id, item.score) for item in evidence])
    return rated if preset.fusion.rule == "sum" else verified(rated, alike, preset.fusion.answers)
