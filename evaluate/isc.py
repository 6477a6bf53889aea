"""Evaluates copy detection on a DISC-shaped set: python evaluate/isc.py [+experiment=NAME] [key=value] [-m].

Each chosen preset becomes one MLflow run of one experiment; in a sweep (-m) the runs are children of one parent.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.evaluation_check import check_isc
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.programs import evaluate_isc

    run_app(evaluate_isc, Path(__file__).resolve().parent.parent, "isc", checks=[check_isc])
