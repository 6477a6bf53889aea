"""The results of a training as lines for the console."""

from imgfp.learning.artifacts import Trained
from imgfp.learning.recorder import Figures

_COLUMNS = ("uap", "recall_at_1", "recall_at_10", "recall_at_p90", "threshold_at_p90")


def training_summary(done: Trained) -> str:
    """The figures of the best checkpoint and of the untrained network, uap first, by their names in MLflow."""
    ended = f"{done.epochs} epoch{'s' if done.epochs != 1 else ''}{' (stopped early)' if done.stopped_early else ''}"
    if not done.figures:
        return f"{ended}, without validation"
    rows = [(f"epoch {done.best_epoch}" if done.best_epoch else "best", done.figures), ("untrained", done.baseline)]
    normalised = [(f"{name}, normalised", _normalised(figures)) for name, figures in rows]
    table = [(name, figures) for name, figures in (*rows, *normalised) if figures]
    width = max(len(name) for name, _ in table)
    lines = [" " * width + "".join(f"  {column}" for column in _COLUMNS)]
    for name, figures in table:
        lines.append(f"{name:<{width}}" + "".join(f"  {_text(figures.get(key)):>{len(key)}}" for key in _COLUMNS))
    lines.append(f"best of {ended}: epoch {done.best_epoch}" if done.best_epoch else ended)
    if done.below_baseline:
        lines.append(
            f"no epoch is better than the untrained network: uap {done.figures['uap']:.4f}, untrained "
            f"{done.baseline['uap']:.4f}: train longer or with another optimizer.lr"
        )
    return "\n".join(lines)


def _normalised(figures: Figures) -> Figures:
    return {name.split("/")[1]: value for name, value in figures.items() if name.startswith("normalised/")}


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
