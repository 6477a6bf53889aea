"""What the scripts in evaluate/ and train/detector.py refuse before anything is opened or written."""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from imgfp.apps.config_node import stages_of
from imgfp.apps.schemas import DescriptorsApp, DetectorApp, IscApp, MergeApp, MirrorApp, settings_of
from imgfp.encoders import EncoderConfig
from imgfp.encoders.card import card_path, config_of, read_card
from imgfp.encoders.custom import CustomNetworkConfig
from imgfp.encoders.timm_names import require_architecture
from imgfp.errors import InputError
from imgfp.plugins import load_class

if TYPE_CHECKING:
    from imgfp.pipeline.preset import Preset

MAX_DIM = 256  # the challenge's limit


def check_isc(config: DictConfig, _: list[str]) -> None:
    """evaluate/isc.py: the values, the set, the background and the encoders of the presets."""
    from imgfp.datasets.disc_set import DiscSet, background_images
    from imgfp.pipeline.run_config import RunConfig, parse_branches

    app = settings_of(config, IscApp)
    branches = parse_branches(app.branches)
    for name, preset in app.preset.items():
        RunConfig(name, preset, branches)
        if "global" in branches:
            check_encoder(preset.encoder, f"preset.{name}.encoder")
    data = DiscSet.open(Path(app.data.root))
    if app.background is not None:
        background_images(app.background, data.root)


def check_merge(config: DictConfig, _: list[str]) -> None:
    """evaluate/merge.py: the values, the settings, the files and the set."""
    from imgfp.apps.merge_settings import axes_of, normalisations_of, values_of, wanted_settings
    from imgfp.datasets.disc_set import DiscSet, background_images
    from imgfp.pipeline.run_config import RunConfig
    from imgfp.studies.merging.calibrations import read_calibrations
    from imgfp.studies.merging.split import Split

    app = settings_of(config, MergeApp)
    name, preset, branches = merged_branches(app)
    Split(app.split.choose, app.split.report)
    axes = axes_of(app, branches, preset)
    read_calibrations(preset, values_of(axes, "calibration"))
    normalisations_of(app, axes, preset)
    wanted_settings(app, axes)
    if preset is None:
        if not Path(str(app.ground_truth)).is_file():
            raise InputError(f"ground_truth={app.ground_truth}: no such file")
        for branch, file in (app.branch_files or {}).items():
            if not Path(str(file)).is_file():
                raise InputError(f"branch_files.{branch}={file}: no such file")
        return
    RunConfig(name, preset, branches)
    if "global" in branches:
        check_encoder(preset.encoder, f"preset.{name}.encoder")
    data = DiscSet.open(Path(app.data.root))
    if app.background is not None:
        background_images(app.background, data.root)


def check_descriptors(config: DictConfig, _: list[str]) -> None:
    """evaluate/descriptors.py: the values, the encoder, its dimension, the files and the set."""
    from imgfp.datasets.disc_set import DiscSet

    app = settings_of(config, DescriptorsApp)
    if app.descriptors is not None:
        for key in ("descriptors", "ground_truth"):
            if (path := getattr(app, key)) is not None and not Path(path).is_file():
                raise InputError(f"{key}={path}: no such file")
        return
    if app.checkpoint is None:
        card = check_encoder(app.encoder, "encoder")
    elif Path(app.checkpoint).suffix == ".safetensors":  # else a folder, or an address of MLflow's registry
        if not Path(app.checkpoint).is_file():
            raise InputError(f"checkpoint={app.checkpoint}: no such file: give an exported network, FILE.safetensors")
        card = check_card(Path(app.checkpoint))
    else:
        card = None
    if card is not None and app.pca is None:
        require_dim(card, app)
    DiscSet.open(Path(app.data.root))


def merged_branches(app: MergeApp) -> "tuple[str, Preset | None, tuple[str, ...]]":
    """What is merged: the name of the preset, or "files" and no preset; the branches."""
    from imgfp.pipeline.run_config import parse_branches

    if app.branch_files is not None:
        if app.ground_truth is None:
            raise InputError("branch_files: give their ground truth too: ground_truth=FILE.csv")
        if len(app.branch_files) < 2:
            raise InputError("branch_files: give two or more files to merge: branch_files={NAME: FILE.csv, ...}")
        return "files", None, tuple(app.branch_files)
    if len(app.preset) != 1:
        raise InputError(f"preset={list(app.preset)}: weights are evaluated for one preset at a time: give one")
    ((name, preset),) = app.preset.items()
    return name, preset, parse_branches(app.branches)


def check_mirror(config: DictConfig, _: list[str]) -> None:
    """evaluate/mirror.py: the values, the weights, the benchmark and the result to judge."""
    from imgfp.apps.benchmark import benchmark_of

    app = settings_of(config, MirrorApp)
    if not Path(app.data.root).is_dir():
        benchmark_of(app)  # raises, unless the keys of data name all files; before what takes longer to load
    if app.match_pairs is not None:
        if not Path(app.match_pairs).exists():
            raise InputError(f"match_pairs={app.match_pairs}: no such file")
    else:
        from imgfp.apps.mirror_ranking import ranking_config

        ranking_config(app)
        if app.regions.weights is not None and not Path(app.regions.weights).exists():
            raise InputError(f"regions.weights={app.regions.weights}: no such file")
    benchmark_of(app)


def check_detector(config: DictConfig, _: list[str]) -> None:
    """train/detector.py: the values, the device, the weights' file and the photographs."""
    import torch

    from imgfp.apps.synthetic_data import photographs_of
    from imgfp.detection import detector_module

    app = settings_of(config, DetectorApp)
    kind = detector_module("recipe").DetectorRecipe
    values = {key: getattr(app, key) for key in kind.__dataclass_fields__}
    kind(**values | {key: stages_of(key, values[key]) for key in ("epochs", "size")})
    if app.device == "cuda" and not torch.cuda.is_available() and not app.show:
        raise InputError("device=cuda: torch sees no GPU here: use device=cpu")
    if app.weights is not None and not Path(app.weights).is_file():
        raise InputError(f"weights={app.weights}: no such file: give a .safetensors export, or leave it out")
    photographs_of(app)


def require_dim(dim: int, config: DescriptorsApp) -> None:
    """Raises InputError for more dimensions than the challenge accepts, unless the configuration lifts the limit."""
    if config.limit_dim and dim > MAX_DIM:
        raise InputError(
            f"descriptors of {dim} dimensions: the challenge accepts at most {MAX_DIM}: "
            f"project them with pca={MAX_DIM}, or evaluate them outside its rules with limit_dim=false"
        )


def check_encoder(config: EncoderConfig, key: str) -> int | None:
    """The name, and the weights as far as a model card tells; the dimension where it is known.

    Raises:
        InputError: an unknown network, a missing file, a card that contradicts the settings.
    """
    from imgfp.encoders import resolve_encoder
    from imgfp.tracking import is_address

    if is_address(config.name):  # of MLflow's models: looked up when the store is opened
        return None
    if config.weights is not None:
        path = Path(config.weights)
        if not path.is_file() and (path.suffix or "/" in config.weights):
            raise InputError(f"{key}.weights={path}: no such file: give an export (.safetensors) or a checkpoint")
        if path.suffix == ".safetensors" and card_path(path).is_file():
            resolve_encoder(config)
            return check_card(path)
    require_architecture(config.name, f"{key}.name")
    return None


def check_card(path: Path) -> int | None:
    """The dimension that an export's card states, None where it is that of the pooled features.

    Raises:
        InputError: the card is damaged, or names a class from outside that is not allowed.
    """
    card = read_card(path)
    described = config_of(card)
    if isinstance(described, CustomNetworkConfig):
        load_class(described.target, str(card_path(path)))
    else:
        require_architecture(described.architecture, str(card_path(path)))
    return card["dim"] or None
