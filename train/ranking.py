"""Fits the ranking of preset default to synthetic copies: python train/ranking.py [key=value].

Never uses evaluation queries, only photographs given for training. Rerun the same command to resume.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.ranking import fit_ranking

    run_app(fit_ranking, Path(__file__).resolve().parent.parent, "ranking")
