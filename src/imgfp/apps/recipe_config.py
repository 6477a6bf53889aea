"""Between Hydra's configuration and a training recipe: config groups made from dataclasses, and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_node import stages_of, writable_node
from imgfp.apps.plugin_choices import CUSTOM, CUSTOM_GROUPS, custom_node, is_custom, plugin_nodes
from imgfp.apps.schemas import register_schemas
from imgfp.edits import POLICIES, EditsConfig
from imgfp.encoders import EMBEDDED, CustomNetworkConfig, NetworkConfig
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.network import require_weights_choice
from imgfp.encoders.timm_names import require_architecture
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
from imgfp.learning.losses import LOSSES, CustomLossConfig
from imgfp.learning.recipe import Recipe
from imgfp.plugins import TARGET

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
    """Makes the apps' schemas, and the config groups of a training from the one definition of each part."""
    register_schemas()
    for group, choices in GROUPS.items():
        for name, value in choices.items():
            ConfigStore.instance().store(group=group, name=name, node=writable_node(value))
    for group in CUSTOM_GROUPS:
        ConfigStore.instance().store(group=group, name=CUSTOM, node=custom_node())
    for (group, name), node in plugin_nodes(GROUPS).items():
        ConfigStore.instance().store(group=group, name=name, node=node)


def recipe_of(config: DictConfig) -> Recipe:
    """The typed recipe of a composed configuration.

    Raises:
        InputError: a value that its part refuses.
    """
    parts: dict[str, Any] = {group: _part(group, config[group]) for group in GROUPS}
    if parts["pairs"].overfit_batches:  # a memory of the same images is only outdated; the entropy term never becomes 0
        disturbing = {key: 0 for key in ("memory", "entropy_weight") if getattr(parts["loss"], key, 0)}
        parts["loss"] = replace(parts["loss"], **disturbing)
    epochs, size = stages_of("epochs", config.epochs), stages_of("size", config.size)
    if isinstance(parts["network"], NetworkConfig):
        require_architecture(parts["network"].architecture)
        require_weights_choice(parts["network"])
    return Recipe(
        **parts,
        epochs=epochs * len(size) if isinstance(config.epochs, int) else epochs,
        size=size,
        head=config.head,
        seed=config.seed,
    )


def _part(group: str, node: Any) -> Any:
    """The typed value of one part."""
    if group not in CUSTOM_GROUPS or not is_custom(node):
        return OmegaConf.to_object(node)
    values = {
        str(key): value for key, value in cast(Mapping[Any, Any], OmegaConf.to_container(node, resolve=True)).items()
    }
    if values[TARGET] == "???":
        raise InputError(f"{group}={CUSTOM}: give the class, {group}.{TARGET}=PACKAGE.MODULE.CLASS")
    if group == "network":
        return CustomNetworkConfig.of(values)
    return CustomLossConfig.of(values)


def shown(config: DictConfig, recipe: Recipe) -> tuple[int, int]:
    """How many samples to draw, 0 for a training, and of which epoch, counted from 0.

    Raises:
        InputError: a negative number, an epoch that the training does not have, or an epoch without a number of samples.
    """
    count, epoch = config.show, config.show_epoch
    if count < 0:
        raise InputError(f"show={count}: give the number of samples, or 0 to train")
    if not 1 <= epoch <= recipe.total_epochs:
        raise InputError(f"show_epoch={epoch}: must be between 1 and the number of epochs ({recipe.total_epochs})")
    if epoch > 1 and not count:
        raise InputError(
            f"show_epoch={epoch} has no effect without show: give the number of samples too, such as show=16"
        )
    return count, epoch - 1
