"""The exported weights of a run: one file per validation, of which the best and the last stay, and links to the best."""

from collections.abc import Mapping
from pathlib import Path

from imgfp.encoders import Network, export_network
from imgfp.learning.artifacts import BEST, read_best
from imgfp.learning.history import History
from imgfp.learning.recorder import Recorder


def exported_weights(folder: Path, epoch: int) -> Path:
    """The file of the weights after `epoch` epochs; its card is beside it, with suffix .json."""
    return folder / f"epoch-{epoch:03d}.safetensors"


def export_validated(
    network: Network,
    folder: Path,
    card: Mapping[str, object],
    history: History,
    recorder: Recorder,
    step: int,
    keep: int,
) -> None:
    """Exports the network that was validated last, records it, and removes all but the `keep` best and the last one.

    The untrained network is none of them: it is a baseline.

    Args:
        card: What the model card says; its `figures` are those of the validation.
        history: Of all validations, the last one included.
    """
    epoch = history.epochs[-1]
    weights = exported_weights(folder, epoch)
    export_network(network, weights, dict(card))
    recorder.checkpoint(weights, weights.with_suffix(".json"), card["figures"], epoch, step)  # type: ignore[arg-type]
    kept = {exported_weights(folder, epoch) for epoch in history.kept(keep)}
    for worse in sorted(set(folder.glob("epoch-*.safetensors")) - kept):
        worse.unlink()
        worse.with_suffix(".json").unlink(missing_ok=True)
        recorder.removed(worse, f"not among the best {keep}")
    assert history.best_epoch is not None
    for suffix in (".safetensors", ".json"):
        link, temporary = folder / f"{BEST}{suffix}", folder / f".{BEST}{suffix}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(exported_weights(folder, history.best_epoch).with_suffix(suffix).name)
        temporary.replace(link)
    recorder.best(read_best(folder)[0], history.best_epoch, step)
