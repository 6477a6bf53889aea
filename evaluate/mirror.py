"""Judges matchable retrieval: python evaluate/mirror.py [benchmark=NAME] [match_pairs=FILE] [data.root=DIR] [key=value] [-m].

The figures are in `figures.json` below paths.work and in MLflow.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.mirror import judge
    from imgfp.apps.schemas import register_schemas

    run_app(judge, Path(__file__).resolve().parent.parent, "mirror", register_schemas)
