"""One training step of a descriptor network, as a Lightning module."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imgfp.encoders import Network
from imgfp.learning.data import Batch
from imgfp.learning.losses import gather
from imgfp.learning.optimise import create_optimizer, learning_rate_factor
from imgfp.learning.recipe import Recipe


class DescriptorTraining(pl.LightningModule):
    """Trains `network` so that descriptors of one picture's views are near and those of other pictures far.

    Hyper-parameters are plain (`Recipe.as_plain`), so a checkpoint loads with `weights_only=True`.
    """

    def __init__(self, recipe: Recipe, network: Network, loss: nn.Module, steps_an_epoch: int) -> None:
        """`steps_an_epoch` counts movements of the weights, not batches, where gradients are accumulated."""
        super().__init__()
        self.save_hyperparameters({"recipe": recipe.as_plain()})
        self.recipe, self.network, self.loss = recipe, network, loss
        self.steps_an_epoch = steps_an_epoch
        self.averaged: AveragedModel | None = None
        if recipe.trainer.ema:
            average = get_ema_multi_avg_fn(recipe.trainer.ema)
            self.averaged = AveragedModel(network, multi_avg_fn=average, use_buffers=True).requires_grad_(False)

    def judged_network(self) -> Network:
        """The network that is judged and exported: the averaged weights where there are any."""
        if self.averaged is None:
            return self.network
        averaged = self.averaged.module
        assert isinstance(averaged, Network)
        return averaged

    def on_train_epoch_start(self) -> None:
        """Draws what the network draws (dropped paths) from (seed, epoch, process) alone: resuming changes nothing."""
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.current_epoch * 1_009 + self.global_rank)
        if self.recipe.trainer.frozen_batch_norm:
            for part in self.network.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.eval()

    def training_step(self, batch: Batch, _: int) -> dict[str, torch.Tensor]:
        """The loss of one batch, all processes' descriptors together; an empty batch moves nothing."""
        if len(batch.pixels):
            descriptors = self.network(batch.pixels)
        else:  # every parameter takes part, or other processes would wait for its gradient
            nothing = torch.stack([item.sum() for item in self.network.parameters()]).sum() * 0
            descriptors = nothing + torch.zeros((0, self.network.dim), device=self.device)
            descriptors = descriptors.reshape(0, self.network.dim)
        everyones, labels = gather(descriptors, batch.labels)
        loss = self.loss(everyones, labels)
        if not len(batch.pixels):
            loss = loss + nothing
        return {"loss": loss, "descriptors": descriptors.detach()}

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """Moves the weights, then their average."""
        super().optimizer_step(*arguments, **named)
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser; its rate changes every step."""
        optimizer = create_optimizer([self.network, self.loss], self.recipe.optimizer)
        factor = learning_rate_factor(self.recipe.schedule, self.steps_an_epoch, self.recipe.total_epochs)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
