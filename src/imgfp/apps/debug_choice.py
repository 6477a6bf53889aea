"""The config group `debug` of a training: nothing else but the command line overrides it."""

from collections.abc import Sequence


def debug_last(arguments: Sequence[str]) -> list[str]:
    """The command line with `debug=NAME` as Hydra needs it: added after `+experiment=`, whose values it then replaces.

    In Hydra a group that a default list names comes before all that is added to it.
    """
    chosen = [text for text in arguments if text.lstrip("+").startswith("debug=")]
    return [text for text in arguments if text not in chosen] + [f"+{text.lstrip('+')}" for text in chosen]
