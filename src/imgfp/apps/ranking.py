"""What train/ranking.py does: makes a synthetic set from photographs, searches it, and fits the ranking to it."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from imgfp.apps.schemas import RankingApp, settings_of
from imgfp.apps.synthetic_data import default_preset, photographs_of, synthetic_data
from imgfp.errors import OK
from imgfp.fusion import FusionConfig, best_answers
from imgfp.fusion.fit import calibration_error, fit_calibration
from imgfp.images import Failure, ImageList, read_rgb
from imgfp.images.perceptual_hash import hash_distance, perceptual_hash
from imgfp.metrics import evaluate
from imgfp.pipeline.rank import highest
from imgfp.pipeline.run_config import RunConfig, parse_branches
from imgfp.progress import track
from imgfp.records import Pairs
from imgfp.studies.judged_run import Tracking, figures_table, judged_run

_SAVED_AGAIN = 500


def fit_ranking(config: DictConfig) -> int:
    """Fits, evaluates by cross-validation, writes the calibration and prints the figures."""
    app = settings_of(config, RankingApp)
    photographs = photographs_of(app)
    data = synthetic_data(app, photographs)
    seed = app.synthetic.seed
    preset = replace(default_preset(app), fusion=FusionConfig(rule="verified"))
    branches = parse_branches(app.branches)
    params = {"photographs": len(photographs), **asdict(app.synthetic), **asdict(preset)}
    tracking = Tracking(app.paths.mlruns, app.tracking.experiment, params, OmegaConf.to_yaml(config, resolve=True))
    done = judged_run(data, Path(app.paths.work), RunConfig("default", preset, branches), None, tracking)
    found = done.search.candidates
    # of a pair that was compared several times (whole query and crops): the evidence that its score will come from
    evidence = list(highest(found.evidence).values())
    about = (
        f"{len(data.queries)} queries made from {len(photographs)} photographs of {photographs.root.parent.name}, "
        f"{len(data.references)} of them references; branches {','.join(branches)}"
    )
    bits = _exact_bits(photographs, seed)
    fitted = fit_calibration(evidence, data.truth.pairs(), app.precision, app.max_missed, bits, about, seed)
    out = Path(app.out)
    fitted.calibration.write(out)
    unseen = Pairs.of(
        [(item.query_id, item.reference_id, odds) for item, odds in zip(evidence, fitted.unseen.tolist(), strict=True)]
    )
    answers = evaluate(best_answers(unseen, 1), data.truth)
    print(figures_table({"inliers": done.figures["merged"], "fitted": answers}))
    off, error = calibration_error(fitted.unseen, evidence, data.truth.pairs())
    print(f"probabilities of candidates: off by {off:.4f} on average over ten bins, Brier score {error:.4f}")
    print(f"'fitted' is cross-validated; an exact copy may differ by {bits} of 64 bits; written: {out}")
    return OK


def _exact_bits(photographs: ImageList, seed: int) -> int:
    """The 99 % quantile of how many hash bits change when photographs are only made smaller (down to half) and saved again."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(photographs), min(_SAVED_AGAIN, len(photographs)), replace=False)
    distances = []
    for row in track(rows.tolist(), len(rows), "hashing photographs"):
        rgb = read_rgb(photographs.paths[row])
        if isinstance(rgb, Failure):
            continue
        height, width = rgb.shape[:2]
        share = rng.uniform(0.5, 1)
        small = Image.fromarray(rgb).resize((max(1, int(width * share)), max(1, int(height * share))))
        distances.append(hash_distance(perceptual_hash(rgb), perceptual_hash(_saved(small, int(rng.integers(30, 96))))))
    return int(np.quantile(distances, 0.99, method="higher"))


def _saved(image: Image.Image, quality: int) -> np.ndarray:
    import io

    memory = io.BytesIO()
    image.save(memory, "JPEG", quality=quality)
    with Image.open(memory) as opened:
        return np.asarray(opened.convert("RGB"))
