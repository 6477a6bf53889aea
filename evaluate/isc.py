"""Evaluates copy detection on a DISC-shaped set: python evaluate/isc.py [+experiment=NAME] [key=value] [-m].

Each chosen preset becomes one MLflow run of one experiment; in a sweep (-m) the runs are children of one parent.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.isc import judge

    run_app(judge, Path(__file__).resolve().parent.parent, "isc")
