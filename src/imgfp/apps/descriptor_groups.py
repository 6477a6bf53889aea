"""The config groups `encoder` and `normalisation` of evaluate/descriptors.py."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore

from imgfp.apps.config_node import writable_node
from imgfp.apps.schemas import register_schemas
from imgfp.descriptors import NORMALISATIONS, PLAIN
from imgfp.encoders import EncoderConfig


@dataclass(frozen=True)
class NoneConfig:
    """No normalisation."""


def register_groups() -> None:
    """Makes the apps' schemas, and the config groups `encoder` and `normalisation` from their one definition."""
    register_schemas()
    store = ConfigStore.instance()
    store.store(group="encoder", name="default", node=writable_node(EncoderConfig()))
    for name, kind in {PLAIN: NoneConfig, **NORMALISATIONS}.items():
        store.store(group="normalisation", name=name, node=writable_node(kind()), package=f"normalisation.{name}")
