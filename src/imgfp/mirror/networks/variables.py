"""Variables of a TensorFlow checkpoint, in a safetensors file under their own names (`imgfp convert-mirror` writes it)."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from imgfp.errors import InputError


def check_variables(path: Path, wanted: Mapping[str, tuple[int, ...]], network: str) -> None:
    """Refuses a file that does not hold the variables of a network; reads its header only.

    Args:
        path: The safetensors file.
        wanted: Name and shape of every variable; others in the file, such as an optimizer's, are ignored.
        network: Name of the network, for messages.

    Raises:
        InputError: no such file, not a safetensors file, a variable missing or of another shape or kind.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path}: no such file: give the .safetensors file that 'imgfp convert-mirror' wrote")
    try:
        with safe_open(path, "pt") as file:
            found = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # the file is no mapping
            kinds = {name: (tuple(part.get_shape()), part.get_dtype()) for name, part in found.items()}
    except (SafetensorError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: not a safetensors file ({reason}): convert the checkpoint with 'imgfp convert-mirror'"
        ) from None
    if missing := sorted(wanted.keys() - kinds.keys()):
        raise InputError(
            f"{path}: {len(missing)} of the {len(wanted)} variables of {network} missing, first '{missing[0]}': "
            "give the file of that network"
        )
    for name, expected in wanted.items():
        shape, kind = kinds[name]
        if shape != expected or not kind.startswith("F"):
            raise InputError(
                f"{path}: '{name}' is {kind} of shape {list(shape)}, in {network} it is F32 of shape {list(expected)}: "
                "give the file of that network"
            )


def read_variables(path: Path, names: Iterable[str]) -> dict[str, Tensor]:
    """The variables of a file that `check_variables` accepts."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in names}
