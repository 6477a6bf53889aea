"""Trains a detector of pasted images on synthetic scenes: python train/detector.py +experiment=NAME [key=value].

One run in MLflow. Rerun the same command to resume.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.detector import train_app
    from imgfp.apps.hydra_app import run_app

    run_app(train_app, Path(__file__).resolve().parent.parent, "detector")
