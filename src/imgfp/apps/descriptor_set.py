"""The descriptors that evaluate/descriptors.py evaluates, opened as its configuration says."""

import re
from dataclasses import replace
from pathlib import Path

from imgfp.apps.evaluation_check import MAX_DIM, require_dim
from imgfp.apps.schemas import DescriptorsApp
from imgfp.datasets.disc_set import DiscSet
from imgfp.encoders import EncoderConfig, create_encoder
from imgfp.errors import InputError
from imgfp.studies.judged_descriptors import JudgedDescriptors, add_background, encode_set, is_descriptor_file, read_set


def refuse_contradictions(config: DescriptorsApp) -> None:
    """Raises InputError for settings that contradict each other or have no effect, before hours of encoding."""
    if config.whiten and config.pca is None:
        raise InputError(f"whiten=true has no effect without a projection: give pca={MAX_DIM} too")
    given = None if config.checkpoint is None else Path(config.checkpoint)
    if given is not None and not given.exists():
        raise InputError(
            f"checkpoint={given}: no such file: give an exported network, FILE.safetensors, or the folder of a training"
        )
    if given is not None and config.encoder.weights is not None:
        raise InputError(f"checkpoint={given} and encoder.weights={config.encoder.weights}: give one of them")
    if config.descriptors is None:
        if config.ground_truth is not None:
            raise InputError(
                f"ground_truth={config.ground_truth} belongs to descriptors=FILE.h5: give both; "
                "images are evaluated by the ground_truth.csv in data.root"
            )
        return
    if given is not None and given.is_dir():
        raise InputError(
            f"descriptors={config.descriptors} and checkpoint={given}: every checkpoint of a folder encodes the images "
            "of data.root: leave descriptors out"
        )
    if config.ground_truth is None:
        raise InputError(f"descriptors={config.descriptors}: give its ground truth too: ground_truth=FILE.csv")
    encodes = config.background is not None and not is_descriptor_file(config.background)
    if not encodes and (given is not None or config.encoder != EncoderConfig()):
        raise InputError(
            f"descriptors={config.descriptors}: no image is encoded: leave checkpoint and encoder out, or descriptors"
        )


def open_set(config: DescriptorsApp, background: bool, data: DiscSet | None = None) -> JudgedDescriptors:
    """The descriptors that the configuration names, projected if asked for; with the background if something needs it.

    Args:
        config: The settings.
        background: Whether a normalisation needs the background set.
        data: The images, where they were opened before.

    Raises:
        InputError: anything the user can fix.
    """
    try:
        return _open(config, background or config.pca is not None, data)
    except InputError as error:
        raise InputError(_named_as_given(str(error), config)) from None


def encoder_of(config: DescriptorsApp) -> EncoderConfig:
    """The network, with the weights of `checkpoint`."""
    encoder: EncoderConfig = config.encoder
    return encoder if config.checkpoint is None else replace(encoder, weights=config.checkpoint)


def _open(config: DescriptorsApp, background: bool, data: DiscSet | None) -> JudgedDescriptors:
    encoder = encoder_of(config)
    work, choice = Path(config.paths.work), config.background
    if config.descriptors is not None:
        judged = read_set(Path(config.descriptors), Path(str(config.ground_truth)))
        if background and choice is None:
            raise InputError("normalisation and pca need a background set: give background=FILE.h5, or a folder")
    else:
        data = data or DiscSet.open(Path(config.data.root))
        if config.pca is None:  # before hours of encoding
            require_dim(create_encoder(encoder).dim, config)
        judged = encode_set(data, encoder, work)
    if background:
        judged = add_background(judged, choice or "training", Path(config.data.root), encoder, work)
    if config.pca is not None:
        judged = judged.projected(config.pca, config.whiten)
    require_dim(judged.query.dim, config)
    return judged


def _named_as_given(said: str, config: DescriptorsApp) -> str:
    """An encoder's message about its weights, with the key that the user gave."""
    given = f"checkpoint={config.checkpoint}"
    return (
        said
        if config.checkpoint is None
        else re.sub(rf"(encoder\.)?weights={re.escape(str(config.checkpoint))}", lambda _: given, said)
    )
