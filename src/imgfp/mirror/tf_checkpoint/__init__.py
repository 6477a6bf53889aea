"""A safe reader of TensorFlow V2 checkpoints (`.index` and `.data-*` files) that does not need TensorFlow."""

from imgfp.mirror.tf_checkpoint.checkpoint import Checkpoint

__all__ = ["Checkpoint"]
