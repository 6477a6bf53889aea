"""ultralytics, made quiet: the only module that imports it, and everything that others take from it."""

import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

from imgfp.errors import InputError

# its own reporting, and the callbacks by which it would write into other people's trackers
_OFF = ("sync", "mlflow", "wandb", "tensorboard", "raytune", "clearml", "comet", "dvc", "hub", "neptune")


def load_ultralytics(settings: Path) -> ModuleType:
    """The library, told to send, fetch and install nothing. `settings`: folder for the file it insists on keeping.

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
        import ultralytics  # leaves OMP_NUM_THREADS=1 to every process that is started later
    except ModuleNotFoundError as error:
        raise InputError(
            f"the detector needs the package {error.name}, which is not installed: run 'make env' "
            "(after 'make env DETECTOR=0' too)"
        ) from None
    if threads is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    known = ultralytics.settings
    if any(known.get(key) for key in _OFF):
        known.update({key: False for key in _OFF if key in known})
    return ultralytics


def detection_model(settings: Path, network: str, classes: int) -> Any:
    """An untrained network (torch module) of its packaged description, such as "yolov5n"."""
    load_ultralytics(settings)
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    model = DetectionModel(f"{network}.yaml", nc=classes, verbose=False)
    model.args = get_cfg()
    return model


def trainer_class(settings: Path) -> Any:
    """The class that trains a detector."""
    load_ultralytics(settings)
    from ultralytics.models.yolo.detect import DetectionTrainer

    return DetectionTrainer


def read_pickled(settings: Path, path: Path) -> Any:
    """The network (torch module) in one of its .pt files, which may run code: only for files that are trusted.

    Raises:
        InputError: no such file, or none that today's library reads.
    """
    load_ultralytics(settings)
    from ultralytics.nn.tasks import load_checkpoint

    if not path.is_file():  # it would go and look for one of that name elsewhere
        raise InputError(f"weights={path}: no such file")
    try:
        return load_checkpoint(str(path.resolve()))[0]
    except Exception as error:  # whatever unpickling a strange file raises
        raise InputError(
            f"weights={path}: not a network of today's ultralytics ({type(error).__name__}); weights of the original YOLOv5 do not fit"
        ) from None


def _put_font(path: Path) -> None:
    """It would fetch this font; any other does."""
    if not path.exists():
        import matplotlib

        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", path)
