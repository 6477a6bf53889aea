"""Evaluates branch weights on stored candidates: python evaluate/merge.py [-m] fusion.weights.crop=...

Only the merging is repeated. Weights are chosen on one half of the queries and evaluated on the other; both metrics are
reported. In a sweep (-m) the runs are children of one parent, which has a table and pictures of all.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.evaluation_check import check_merge
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.programs import evaluate_merge

    run_app(evaluate_merge, Path(__file__).resolve().parent.parent, "merge", checks=[check_merge])
