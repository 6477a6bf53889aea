"""A head that was not trained: the projection to the principal components of some photographs' features."""

import numpy as np
import torch
from torch import nn

from imgfp.encoders.model import Network
from imgfp.errors import InputError


def fit_pca_head(network: Network, features: np.ndarray) -> None:
    """Sets the head to PCA without whitening; the mean goes into its bias.

    A component's sign makes its largest entry positive, so the same features give the same head.

    Args:
        network: One with a head.
        features: (n, network.feature_dim), as `Network.features` gives them for n photographs.

    Raises:
        InputError: no head, or fewer photographs than components need.
    """
    if not isinstance(network.head, nn.Linear):
        raise InputError("dim=0: a network without a head has nothing to project: give dim")
    if len(features) <= network.dim:
        raise InputError(
            f"PCA to {network.dim} numbers needs more photographs than that, there are {len(features)}: "
            "give more, lower network.dim, or start with head=random"
        )
    mean = features.mean(axis=0, dtype=np.float64)
    components = np.linalg.svd(features - mean, full_matrices=False)[2][: network.dim]
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    components = components * np.sign(largest)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(components))
        network.head.bias.copy_(torch.from_numpy(-components @ mean))
