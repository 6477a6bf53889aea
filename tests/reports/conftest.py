"""One small report with something in every part."""

from pathlib import Path

import numpy as np
import pytest

from imgfp.images import Failure
from imgfp.pipeline.stages.stage import StageResult
from imgfp.reports import Curve, MatchImage, Report, draw_match


@pytest.fixture
def report() -> Report:
    rng = np.random.default_rng(0)
    image = draw_match(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8), None, None, height=40)
    curve = Curve("merged", np.array([0.25, 0.5, 0.75]), np.array([1.0, 1.0, 0.75]), 0.6875)
    return Report(
        title="Copies <b>found</b>",
        summary="Of 4 queries, 3 have a match.",
        notes=("A demonstration set of 20 photographs.",),
        settings={"local.features": "2000", "paths.data": "/data/<isc>"},
        figures={
            "merged": {"uap": 0.6875, "recall_at_p90": 0.5, "threshold_at_p90": 12.0, "recall_at_1": 0.75},
            "global": {"uap": 0.125, "recall_at_p90": 0.0, "threshold_at_p90": None},
        },
        curves=(curve,),
        best=(
            MatchImage("Q<script>alert(1)</script>", 'R"1" onerror="x', 0.98765, "correct, mirrored", image),
            MatchImage("Q2", "../R/2", 0.5, "wrong", image),
        ),
        false_positives=(MatchImage("Q2", "R2", 0.5, "wrong", image),),
        missed=(MatchImage("Q3", "R3", float("nan"), "", image),),
        failures=(Failure(Path("/data/broken<i>.jpg"), "the file is empty"),),
        stages=(
            StageResult("local features", "images", 12000, 0, 341.26, 812.0, ()),
            StageResult("descriptors", "images", 300, 300, 0.0, 400.0, ()),
        ),
        pairs_total=1234,
    )
