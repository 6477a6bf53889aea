"""A loss from outside the package: a class that a configuration names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from imgfp.errors import InputError
from imgfp.plugins import CustomPart, create, custom_part, reason_of


@dataclass(frozen=True)
class CustomLossConfig:
    """The class of a loss and its arguments. Where it takes `dim` and none is given, it gets a descriptor's length."""

    target: str  # PACKAGE.MODULE.CLASS
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> "CustomLossConfig":
        """From a configuration node with `_target_` and the arguments of the class.

        Raises:
            InputError: as `imgfp.plugins.custom_part`.
        """
        part = custom_part(node, "loss", given_later=("dim",))
        return cls(part.target, part.arguments)

    def as_plain(self) -> dict[str, Any]:
        """As a configuration has it."""
        return CustomPart(self.target, self.arguments).as_plain()


class CustomLoss(nn.Module):
    """Calls the class in float32, also under autocast; a batch without rows is 0."""

    def __init__(self, config: CustomLossConfig, dim: int) -> None:
        """Raises InputError where the class is not allowed or cannot be made."""
        super().__init__()
        self.loss = create(CustomPart(config.target, config.arguments), "loss", dim=dim)

    def forward(self, descriptors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, a scalar. For arguments see `create_loss`."""
        with torch.autocast(descriptors.device.type, enabled=False):
            descriptors = descriptors.float()
            # every parameter needs a gradient, whatever the batch: DistributedDataParallel waits for each
            idle = (descriptors * 0).sum() + sum((0 * parameter).sum() for parameter in self.loss.parameters())
            if not len(labels):
                return idle
            loss: torch.Tensor = self.loss(descriptors, labels)
            return loss.reshape(()) + idle


def check_custom_loss(config: CustomLossConfig, dim: int) -> None:
    """Computes the loss of six random descriptors of four images, and its gradient.

    Raises:
        InputError: an error of the class, or a result that cannot be minimised.
    """
    loss = CustomLoss(config, dim)
    rows = torch.randn(6, dim, generator=torch.Generator().manual_seed(0))
    rows = nn.functional.normalize(rows, dim=1).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1, 2, 3])
    try:
        value = loss.loss(rows, labels)
    except Exception as error:  # whatever the class raises
        raise InputError(
            f"loss: {config.target} fails on descriptors (6, {dim}) and labels (6,): {reason_of(error)}"
        ) from error
    wanted = "it must return one finite number with a gradient"
    if not isinstance(value, torch.Tensor):
        raise InputError(f"loss: {config.target} returned {type(value).__name__}: {wanted}")
    if value.numel() != 1:
        raise InputError(f"loss: {config.target} returned shape {tuple(value.shape)}: {wanted}")
    if not bool(value.isfinite()):
        raise InputError(f"loss: {config.target} returned {float(value)} for random descriptors: {wanted}")
    if not value.requires_grad:
        raise InputError(f"loss: {config.target} returned a number without a gradient: {wanted}")
    try:
        value.sum().backward()
    except RuntimeError as error:  # such as for a tensor that was changed in place
        raise InputError(f"loss: {config.target} has no gradient: {reason_of(error)}") from error
    if rows.grad is None or not bool(rows.grad.isfinite().all()):
        raise InputError(
            f"loss: {config.target} has {'no' if rows.grad is None else 'a not finite'} gradient for random descriptors: {wanted}"
        )
