"""Fits the ranking of preset default to self-made copies: python train/ranking.py [key=value].

Never on queries that are judged: only on photographs that are given for it. Killed at any point, the same command goes on.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.ranking import fit_ranking

    run_app(fit_ranking, Path(__file__).resolve().parent.parent, "ranking")
