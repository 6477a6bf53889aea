"""Variables of a TensorFlow checkpoint, in a safetensors file under their own names (`imgfp convert-mirror` writes it)."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from imgfp.errors import InputError


def read_variables(path: Path, wanted: Mapping[str, tuple[int, ...]], network: str) -> dict[str, Tensor]:
    """Reads the variables of one network; others in the file, such as an optimizer's, are ignored.

    Args:
        path: The safetensors file.
        wanted: Name and shape of every variable.
        network: Name of the network, for messages.

    Raises:
        InputError: no such file, not a safetensors file, a variable missing or of another shape or kind.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path}: no such file: give the .safetensors file that 'imgfp convert-mirror' wrote")
    try:
        with safe_open(path, "pt") as file:
            missing = sorted(wanted.keys() - set(file.keys()))
            if missing:
                raise InputError(
                    f"{path}: {len(missing)} of the {len(wanted)} variables of {network} missing, first '{missing[0]}': "
                    "give the file of that network"
                )
            variables = {name: file.get_tensor(name) for name in wanted}
    except (SafetensorError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: not a safetensors file ({reason}): convert the checkpoint with 'imgfp convert-mirror'"
        ) from None
    for name, tensor in variables.items():
        if tuple(tensor.shape) != wanted[name] or not tensor.is_floating_point():
            raise InputError(
                f"{path}: '{name}' has shape {list(tensor.shape)} and dtype {tensor.dtype}, {network} has "
                f"{list(wanted[name])} and float32: give the file of that network"
            )
    return variables
