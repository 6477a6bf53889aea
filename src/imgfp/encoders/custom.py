"""A descriptor network from outside the package: a class that a configuration or a model card names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from imgfp.encoders.esvit_specs import MEAN, STD
from imgfp.encoders.load_report import LoadReport
from imgfp.encoders.model import Network
from imgfp.errors import InputError
from imgfp.plugins import TARGET, CustomPart, create, custom_part, reason_of

WEIGHTS = "_weights_"


@dataclass(frozen=True)
class CustomNetworkConfig:
    """The class of a network, its arguments and its initial weights; the properties are those of `NetworkConfig`."""

    target: str  # PACKAGE.MODULE.CLASS
    arguments: Mapping[str, Any] = field(default_factory=dict)
    weights: str | None = None  # an export of the same class; None: as the class initialises itself

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> "CustomNetworkConfig":
        """From a configuration node with `_target_`, perhaps `_weights_`, and the arguments of the class.

        Raises:
            InputError: as `imgfp.plugins.custom_part`.
        """
        part = custom_part({key: value for key, value in node.items() if key != WEIGHTS}, "network")
        weights = node.get(WEIGHTS)
        return cls(part.target, part.arguments, None if weights is None else str(weights))

    @property
    def architecture(self) -> str:
        """The name that runs, encoders and model cards show."""
        return self.target

    @property
    def dim(self) -> int:
        """0: there is no head of imgfp's."""
        return 0

    @property
    def gem_p(self) -> None:
        """The class pools by itself."""
        return None

    def as_plain(self) -> dict[str, Any]:
        """As a configuration has it."""
        weights = {} if self.weights is None else {WEIGHTS: self.weights}
        return {TARGET: self.target, **weights, **self.arguments}


class CustomNetwork(Network):
    """Normalises pixels, calls the class, and brings its rows to L2 norm 1."""

    def __init__(self, config: CustomNetworkConfig) -> None:
        """Initialises the weights from torch's current random state.

        Raises:
            InputError: the class is not allowed, cannot be made, or does not state its dimension.
        """
        nn.Module.__init__(self)  # what `Network` builds is not needed
        self.config = config
        self.load_report: LoadReport | None = None
        self.trunk = create(CustomPart(config.target, config.arguments), "network")
        dim = getattr(self.trunk, "dim", None)
        if type(dim) is not int or dim < 1:
            raise InputError(
                f"network: {config.target} has dim={dim!r}: set the attribute `dim` to the length of a descriptor"
            )
        self.dim = self.feature_dim = dim
        self.head = nn.Identity()
        for name, usual in (("mean", MEAN), ("std", STD)):
            try:
                values = torch.tensor(getattr(self.trunk, name, usual), dtype=torch.float32).view(1, 3, 1, 1)
            except (TypeError, ValueError, RuntimeError):
                raise InputError(f"network: {config.target}.{name} must be three numbers, of RGB in 0..1") from None
            self.register_buffer(name, values * 255, persistent=False)

    def features(self, pixels: Tensor) -> Tensor:
        """What the class returns, (n, dim) float32; `forward` divides each row by its norm."""
        rows: Tensor = self.trunk(self._normalised(pixels))
        return rows.float()


def check_custom_network(network: CustomNetwork, size: int) -> None:
    """Encodes two images of random pixels.

    Raises:
        InputError: an error of the class, or an output that is no descriptor.
    """
    target = network.config.target
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise InputError(f"network: {target} has no parameter that could be trained")
    pixels = torch.randint(0, 256, (2, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    training = network.training
    try:
        with torch.no_grad():
            rows = network.eval().trunk(network._normalised(pixels))
    except Exception as error:  # whatever the class raises
        raise InputError(f"network: {target} fails on images of size {size}: {reason_of(error)}") from error
    finally:
        network.train(training)
    wanted = f"it must return a tensor (n, {network.dim}), a row per image"
    if not isinstance(rows, Tensor):
        raise InputError(f"network: {target} returned {type(rows).__name__} for two images: {wanted}")
    if tuple(rows.shape) != (2, network.dim):
        raise InputError(f"network: {target} returned shape {tuple(rows.shape)} for two images: {wanted}")
    if not rows.is_floating_point() or not bool(rows.isfinite().all()):
        raise InputError(f"network: {target} returned values that are not finite numbers for random pixels: {wanted}")
    if not bool(rows.float().norm(dim=1).gt(0).all()):
        raise InputError(f"network: {target} returned a row of zeros, which cannot be brought to L2 norm 1: {wanted}")
