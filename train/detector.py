"""Trains a detector of pasted images on synthetic scenes: python train/detector.py +experiment=NAME [key=value].

One run in MLflow. Rerun the same command to resume.
"""

from pathlib import Path

if __name__ == "__main__":  # worker processes import this file too: they need none of it
    from imgfp.apps.evaluation_check import check_detector
    from imgfp.apps.hydra_app import run_app
    from imgfp.apps.programs import train_detector
    from imgfp.apps.schemas import register_schemas

    run_app(
        train_detector, Path(__file__).resolve().parent.parent, "detector", register_schemas, checks=[check_detector]
    )
