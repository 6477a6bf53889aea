"""Evaluates matchable retrieval: python evaluate/mirror.py [benchmark=NAME] [match_pairs=FILE] [data.root=DIR] [key=value] [-m].

Writes metrics to `figures.json` below paths.work and to MLflow.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.evaluation_check import check_mirror
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.programs import evaluate_mirror
    from imgfp.apps.schemas import register_schemas

    run_app(evaluate_mirror, Path(__file__).resolve().parent.parent, "mirror", register_schemas, [check_mirror])
