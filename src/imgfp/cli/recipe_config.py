"""Between Hydra's configuration and a training recipe: config groups made from dataclasses, and back."""

from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

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
    """Makes the config groups of a training from the one definition of each part."""
    for group, choices in GROUPS.items():
        for name, value in choices.items():
            node = OmegaConf.structured(value)
            OmegaConf.set_readonly(node, False)  # frozen dataclasses become read-only nodes
            ConfigStore.instance().store(group=group, name=name, node=node)


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


def _stages(key: str, value: Any) -> tuple[int, ...]:
    values = [value] if isinstance(value, int) else list(value) if OmegaConf.is_list(value) else [None]
    return tuple(_whole(key, item) for item in values)


def _whole(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{key}={value}: give a whole number, or a list of them with one a stage")
    return value
