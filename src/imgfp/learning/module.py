"""One training step of a descriptor network, as a Lightning module."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from imgfp.encoders import Network
from imgfp.learning.data import Batch
from imgfp.learning.losses import gather
from imgfp.learning.optimise import create_optimizer, learning_rate_factor
from imgfp.learning.recipe import Recipe


class DescriptorTraining(pl.LightningModule):
    """Trains `network` so that views of one image have near descriptors and those of different images distant ones.

    Hyper-parameters are plain (`Recipe.as_plain`), so a checkpoint loads with `weights_only=True`.
    """

    def __init__(self, recipe: Recipe, network: Network, loss: nn.Module, steps_per_epoch: int) -> None:
        """`steps_per_epoch`: optimiser steps, which are fewer than batches where gradients are accumulated."""
        super().__init__()
        self.save_hyperparameters({"recipe": recipe.as_plain()})
        self.recipe, self.network, self.loss = recipe, network, loss
        self.steps_per_epoch = steps_per_epoch
        self._counted: list[tuple[nn.modules.batchnorm._BatchNorm, float | None, torch.Tensor | None]] = []

    def on_train_epoch_start(self) -> None:
        """Reseeds what the network draws (stochastic depth) by (seed, epoch, process), so that resuming changes nothing."""
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.current_epoch * 1_009 + self.global_rank)
        if self.recipe.trainer.frozen_batch_norm:
            for part in self.network.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.eval()

    def training_step(self, batch: Batch, _: int) -> dict[str, torch.Tensor]:
        """The loss of one batch, over the descriptors of all processes; 0 for an empty batch."""
        if len(batch.pixels):
            descriptors = self.network(batch.pixels)
        else:  # every parameter takes part, or the other processes would wait for its gradient
            nothing = torch.stack([item.sum() for item in self.network.parameters()]).sum() * 0
            descriptors = nothing + torch.zeros((0, self.network.dim), device=self.device)
            descriptors = descriptors.reshape(0, self.network.dim)
        everyones, labels = gather(descriptors, batch.labels)
        loss = self.loss(everyones, labels)
        if not len(batch.pixels):
            loss = loss + nothing
        return {"loss": loss, "descriptors": descriptors.detach()}

    def on_before_backward(self, loss: torch.Tensor) -> None:
        """With gradient checkpointing the backward pass runs layers again: batch norms must not count a batch twice."""
        if self.recipe.trainer.gradient_checkpointing:
            norms = [part for part in self.network.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
            self._counted = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
            for norm in norms:
                norm.momentum = 0.0  # not track_running_stats=False: the second run must save what the first has saved
                if norm.num_batches_tracked is not None:
                    norm.num_batches_tracked = norm.num_batches_tracked.clone()

    def on_after_backward(self) -> None:
        """They count again."""
        for norm, momentum, batches in self._counted:
            norm.momentum, norm.num_batches_tracked = momentum, batches
        self._counted = []

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser; its learning rate changes every step."""
        optimizer = create_optimizer([self.network, self.loss], self.recipe.optimizer)
        factor = learning_rate_factor(self.recipe.schedule, self.steps_per_epoch, self.recipe.total_epochs)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
