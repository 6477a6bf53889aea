"""Ablation of the local branch: python evaluate/ablation.py [key=value].

On a synthetic and on an evaluation set. Rerun the same command to resume.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.ablation import compare_settings
    from imgfp.apps.hydra_app import run_app

    run_app(compare_settings, Path(__file__).resolve().parent.parent, "ablation")
