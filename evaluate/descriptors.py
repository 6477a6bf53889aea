"""Evaluates global descriptors as the challenge's descriptor track does: python evaluate/descriptors.py [key=value] [-m].

Each chosen normalisation becomes one MLflow run of one experiment; in a sweep (-m) the runs are children of one parent, and so
are those of all checkpoints of a training (checkpoint=FOLDER).
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.descriptor_groups import register_groups
    from imgfp.apps.evaluation_check import check_descriptors
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.programs import evaluate_descriptors

    repository = Path(__file__).resolve().parent.parent
    run_app(evaluate_descriptors, repository, "descriptors", register_groups, [check_descriptors])
