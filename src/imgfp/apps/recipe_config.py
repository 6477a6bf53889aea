"""Between Hydra's configuration and a training recipe: config groups made from dataclasses, and back."""

from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import BooleanNode, DictConfig, IntegerNode, OmegaConf

from imgfp.apps.config_node import writable_node
from imgfp.edits import POLICIES, EditsConfig
from imgfp.encoders import EMBEDDED, NetworkConfig
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.errors import InputError
from imgfp.learning.config import (
    AdamWConfig,
    ConstantConfig,
    CosineConfig,
    SgdConfig,
    TrainerConfig,
    ValidationConfig,
)
from imgfp.learning.data import PairsConfig
from imgfp.learning.losses import LOSSES
from imgfp.learning.recipe import Recipe

GROUPS: dict[str, dict[str, Any]] = {
    "network": {name: NetworkConfig(architecture=name) for name in (*ESVIT, EMBEDDED)},
    "loss": {name: make() for name, make in LOSSES.items()},
    "optimizer": {"adamw": AdamWConfig(), "sgd": SgdConfig()},
    "schedule": {"constant": ConstantConfig(), "cosine": CosineConfig()},
    "edits": {name: EditsConfig(policy=name) for name in POLICIES},
    "pairs": {"default": PairsConfig()},
    "trainer": {
        "cpu": TrainerConfig(),
        "gpu": TrainerConfig(accelerator="gpu"),
        "ddp": TrainerConfig(accelerator="auto", distributed=True),
    },
    "validation": {"default": ValidationConfig()},
}


def register_recipe_groups() -> None:
    """Makes the config groups of a training from the one definition of each part, and the types of its switches."""
    switches = {
        "resume": BooleanNode(True),
        "fail_fast": BooleanNode(False),
        "show": IntegerNode(0),
        "show_epoch": IntegerNode(1),
    }
    ConfigStore.instance().store(name="switches", node=OmegaConf.create(switches))
    for group, choices in GROUPS.items():
        for name, value in choices.items():
            ConfigStore.instance().store(group=group, name=name, node=writable_node(value))


def recipe_of(config: DictConfig) -> Recipe:
    """The typed recipe of a composed configuration.

    Raises:
        InputError: a value that its part refuses.
    """
    parts = {group: OmegaConf.to_object(config[group]) for group in GROUPS}
    return Recipe(
        **parts,  # type: ignore[arg-type]  # Hydra has checked the types
        epochs=_stages("epochs", config.epochs),
        size=_stages("size", config.size),
        head=str(config.head),
        seed=_whole("seed", config.seed),
    )


def shown(config: DictConfig, recipe: Recipe) -> tuple[int, int]:
    """How many samples are to be drawn, 0 for a training, and of which epoch, counted from 0.

    Raises:
        InputError: fewer than none, an epoch that the training does not have, or an epoch where none is drawn.
    """
    count, epoch = config.show, config.show_epoch
    if count < 0:
        raise InputError(f"show={count}: give the number of samples, or 0 to train")
    if not 1 <= epoch <= recipe.total_epochs:
        raise InputError(f"show_epoch={epoch}: this training has {recipe.total_epochs} epochs: give 1 to that")
    if epoch > 1 and not count:
        raise InputError(f"show_epoch={epoch} has no effect without show: give the number of samples too, show=16")
    return count, epoch - 1


def _stages(key: str, value: Any) -> tuple[int, ...]:
    values = list(value) if OmegaConf.is_list(value) else [value]
    return tuple(_whole(key, item, ", or a list of them with one a stage") for item in values)


def _whole(key: str, value: Any, more: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{key}={value}: give a whole number{more}")
    return value
