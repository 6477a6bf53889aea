"""SSCD's loss: InfoNCE over a batch, and an entropy term that spreads descriptors evenly (Pizzi et al. 2022).

No memory: the entropy term would repel descriptors from outdated positions of their neighbours.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from imgfp.learning.losses.checks import check_number

STRAY = math.log(1e-6)  # SSCD adds 1e-6 to the sum over the negatives
CLOSEST = 1e-6  # squared distance below which the entropy term no longer pushes


@dataclass(frozen=True)
class InfoNceKoleoConfig:
    """SSCD's published settings."""

    temperature: float = 0.05
    entropy_weight: float = 30.0  # 0: InfoNCE alone

    def __post_init__(self) -> None:
        check_number("loss.temperature", self.temperature, 0.001, 1, "cosines are divided by it")
        check_number("loss.entropy_weight", self.entropy_weight, 0, math.inf, "the weight of the entropy term")


class InfoNceKoleo(nn.Module):
    """InfoNCE plus `entropy_weight` times the KoLeo term, over one batch."""

    def __init__(self, config: InfoNceKoleoConfig) -> None:
        super().__init__()
        self._config = config

    def forward(self, descriptors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, a scalar; 0 if all rows show the same image. For arguments see `create_loss`."""
        with torch.autocast(descriptors.device.type, enabled=False):
            descriptors = descriptors.float()
            similarity = descriptors @ descriptors.T
            same = labels[:, None] == labels
            nothing = (descriptors * 0).sum()  # not finite where a descriptor is not: some terms would hide it
            if bool(same.all()):
                return nothing
            positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
            surprise = surprises(similarity, same, self._config.temperature)
            loss = surprise[positive].sum() / len(labels)
            return nothing + loss + self._config.entropy_weight * koleo(similarity, same)


def surprises(similarity: torch.Tensor, same: torch.Tensor, temperature: float) -> torch.Tensor:
    """-log p(row, column), where p = e^s / (e^s + the row's sum of e^s over other images + 1e-6), s = cosine / T.

    Computed in the log domain, so that no temperature overflows.

    Args:
        similarity: (n, n) float32, cosines.
        same: (n, n) bool, whether two rows show the same image.
        temperature: T.

    Returns:
        (n, n) float32.
    """
    logits = similarity / temperature
    stray = logits.new_full((len(logits), 1), STRAY)
    others = torch.cat([logits.masked_fill(same, -math.inf), stray], dim=1).logsumexp(dim=1, keepdim=True)
    return nn.functional.softplus(others - logits)


def koleo(similarity: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    """Mean of -log of each row's distance to its nearest row of another image, which must exist.

    An estimate of the descriptors' entropy, negated (Kozachenko & Leonenko 1987). Arguments as in `surprises`.
    """
    nearest = similarity.masked_fill(same, -math.inf).max(dim=1).values
    return -((2 - 2 * nearest).clamp(min=CLOSEST).log() / 2).mean()
