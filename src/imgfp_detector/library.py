"""The only module that imports ultralytics, with its telemetry, downloads and log output disabled."""

import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

from imgfp.errors import InputError

# its telemetry, and its callbacks for experiment trackers
_OFF = ("sync", "mlflow", "wandb", "tensorboard", "raytune", "clearml", "comet", "dvc", "hub", "neptune")


def load_ultralytics(settings: Path) -> ModuleType:
    """The library, configured not to send, download or install anything. `settings`: folder of its settings file.

    Raises:
        InputError: it is not installed.
    """
    os.environ |= {
        "YOLO_CONFIG_DIR": str(settings.resolve()),
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "0",
        "YOLO_VERBOSE": "false",
    }
    _put_font(settings / "Ultralytics" / "Arial.ttf")
    threads = os.environ.get("OMP_NUM_THREADS")
    try:
        import ultralytics  # sets OMP_NUM_THREADS=1, which later child processes would inherit
    except ModuleNotFoundError as error:
        raise InputError(
            f"the detector needs the package {error.name}, which is not installed: run 'make env' (without DETECTOR=0)"
        ) from None
    if threads is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    known = ultralytics.settings
    if any(known.get(key) for key in _OFF):
        known.update({key: False for key in _OFF if key in known})
    return ultralytics


def detection_model(settings: Path, network: str, classes: int) -> Any:
    """An untrained network (torch module) from a bundled model config, such as "yolov5n"."""
    load_ultralytics(settings)
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    model = DetectionModel(f"{network}.yaml", nc=classes, verbose=False)
    model.args = get_cfg()
    return model


def trainer_class(settings: Path) -> Any:
    """ultralytics' trainer class for detectors."""
    load_ultralytics(settings)
    from ultralytics.models.yolo.detect import DetectionTrainer

    return DetectionTrainer


def read_pickled(settings: Path, path: Path) -> Any:
    """The network (torch module) in an ultralytics .pt file. Loading it may run code: for trusted files only.

    Raises:
        InputError: the file is missing, or this version of ultralytics cannot read it.
    """
    load_ultralytics(settings)
    from ultralytics.nn.tasks import load_checkpoint

    if not path.is_file():  # ultralytics would search for the name elsewhere
        raise InputError(f"weights={path}: no such file: give an existing .pt file")
    try:
        return load_checkpoint(str(path.resolve()))[0]
    except Exception as error:  # unpickling may raise anything
        raise InputError(
            f"weights={path}: not a network of the installed ultralytics ({type(error).__name__}): weights of the original YOLOv5 are not compatible, export them with ultralytics"
        ) from None


def _put_font(path: Path) -> None:
    """Provides a font where ultralytics would download Arial; any font works."""
    if not path.exists():
        import matplotlib

        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", path)
