"""Trains a descriptor network: python train/esvit.py +experiment=NAME [key=value] [-m].

One run in MLflow; in a sweep (-m) the runs are children of one parent. Rerun the same command to resume.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.debug_choice import debug_last
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.programs import train_esvit
    from imgfp.apps.recipe_config import register_recipe_groups
    from imgfp.apps.training_check import TRAINING_CHECKS

    sys.argv[1:] = debug_last(sys.argv[1:])
    run_app(train_esvit, Path(__file__).resolve().parent.parent, "esvit", register_recipe_groups, TRAINING_CHECKS)
