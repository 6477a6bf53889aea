"""The variables of MIRorR's networks as they are named in its checkpoints, derived from the architectures.

A scope is a layer's name; behind the slash stands `kernel`, `bias`, `gamma`, `beta`, `moving_mean` or `moving_variance`.
Kernels have TensorFlow's layout: height, width, input channels, output channels.
"""

from imgfp.errors import InputError

Shape = tuple[int, ...]

# per inception block: channels of 1x1, 3x3 reduction, 3x3, 5x5 reduction, 5x5, pool projection (Szegedy et al., 2014)
INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
# layers of the training losses, in every checkpoint, without effect on the feature map: kernel size, behind which block
LOSS_BLOCKS = {"4a": 3, "4d": 3, "5b": 1}
LOSS_CHANNELS = 512
# per stage of ResNet-50: number of blocks, inner channels; a block has four times as many outside (He et al., 2015)
RESNET_STAGES = {2: (3, 64), 3: (4, 128), 4: (6, 256), 5: (3, 512)}
NETWORKS = ("googlenet", "resnet-50")


def network_variables(network: str) -> dict[str, Shape]:
    """The shape of every variable of "googlenet" or "resnet-50", by name; all are float32.

    Raises:
        InputError: another name.
    """
    if network not in NETWORKS:
        raise InputError(f"network {network!r}: give one of {', '.join(NETWORKS)}")
    return _googlenet() if network == "googlenet" else _resnet50()


def _convolution(name: str, size: int, inputs: int, outputs: int, bias: bool = True) -> dict[str, Shape]:
    found: dict[str, Shape] = {f"{name}/kernel": (size, size, inputs, outputs)}
    return found | {f"{name}/bias": (outputs,)} if bias else found


def _batch_norm(name: str, channels: int) -> dict[str, Shape]:
    return {f"{name}/{part}": (channels,) for part in ("gamma", "beta", "moving_mean", "moving_variance")}


def _googlenet() -> dict[str, Shape]:
    found = _convolution("conv1_7x7_s2", 7, 3, 64)
    found |= _convolution("conv2_3x3_reduce", 1, 64, 64) | _convolution("conv2_3x3", 3, 64, 192)
    inputs = 192
    for block, (one, reduce3, three, reduce5, five, pool) in INCEPTION.items():
        name = f"inception_{block}"
        found |= _convolution(f"{name}_1x1", 1, inputs, one)
        found |= _convolution(f"{name}_3x3_reduce", 1, inputs, reduce3)
        found |= _convolution(f"{name}_3x3", 3, reduce3, three)
        found |= _convolution(f"{name}_5x5_reduce", 1, inputs, reduce5)
        found |= _convolution(f"{name}_5x5", 5, reduce5, five)
        found |= _convolution(f"{name}_pool_proj", 1, inputs, pool)
        inputs = one + three + five + pool
        if block in LOSS_BLOCKS:
            found |= _convolution(f"{name}_loss", LOSS_BLOCKS[block], inputs, LOSS_CHANNELS)
    return found


def _resnet50() -> dict[str, Shape]:
    found = _convolution("conv1", 7, 3, 64) | _batch_norm("bn_conv1", 64)
    inputs = 64
    for stage, (blocks, inner) in RESNET_STAGES.items():
        outputs = 4 * inner
        for block in "abcdef"[:blocks]:
            branches = {"branch2a": (1, inputs, inner), "branch2b": (3, inner, inner), "branch2c": (1, inner, outputs)}
            if block == "a":
                branches["branch1"] = (1, inputs, outputs)
            for branch, (size, before, after) in branches.items():
                found |= _convolution(f"res{stage}{block}_{branch}", size, before, after, bias=False)
                found |= _batch_norm(f"bn{stage}{block}_{branch}", after)
            inputs = outputs
    return found
