"""What each part of the local branch brings: python evaluate/ablation.py [key=value].

On a self-made set and on a judged one. Killed at any point, the same command goes on.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.ablation import compare_settings
    from imgfp.apps.hydra_app import run_app

    run_app(compare_settings, Path(__file__).resolve().parent.parent, "ablation")
