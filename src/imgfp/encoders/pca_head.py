"""An untrained head: projection to the principal components of the features of some photographs."""

import numpy as np
import torch
from torch import nn

from imgfp.encoders.model import Network
from imgfp.errors import InputError


def fit_pca_head(network: Network, features: np.ndarray) -> None:
    """Sets the head to a PCA without whitening; the mean goes into the bias.

    Signs are chosen so that the largest entry of each component is positive: the same features give the same head.

    Args:
        network: A network with a head.
        features: (n, network.feature_dim), output of `Network.features` for n photographs.

    Raises:
        InputError: the network has no head or fewer features than dimensions, or there are too few photographs.
    """
    if not isinstance(network.head, nn.Linear):
        raise InputError("dim=0: the network has no head to fit: set dim")
    require_photographs(len(features), network.dim)
    if network.dim > network.feature_dim:
        raise InputError(
            f"PCA to {network.dim} dimensions: the network has {network.feature_dim} features: lower network.dim, or "
            "start with head=random"
        )
    mean = features.mean(axis=0, dtype=np.float64)
    components = np.linalg.svd(features - mean, full_matrices=False)[2][: network.dim]
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    components = components * np.sign(largest)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(components))
        network.head.bias.copy_(torch.from_numpy(-components @ mean))


def require_photographs(count: int, dim: int) -> None:
    """Raises InputError where `count` photographs are too few for a PCA to `dim` dimensions."""
    if count <= dim:
        raise InputError(
            f"PCA to {dim} dimensions needs more than {dim} photographs, got {count}: "
            "give more, lower network.dim, or start with head=random"
        )
