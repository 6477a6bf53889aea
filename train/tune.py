"""Tunes training settings: python train/tune.py +experiment=NAME [search.trials=N] [KEY=RANGE].

Every trial is a training of train/esvit.py, and a child run of the search in MLflow. Rerun the same command to resume.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.debug_choice import debug_last
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.programs import tune
    from imgfp.apps.search_space import collect_space, register_search_groups
    from imgfp.apps.training_check import SEARCH_CHECKS

    sys.argv[1:] = debug_last(collect_space(sys.argv[1:]))
    run_app(tune, Path(__file__).resolve().parent.parent, "tune", register_search_groups, SEARCH_CHECKS)
