"""What is wrong with the overrides of a command line, told in one line before Hydra merges them."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.errors import HydraException

from imgfp.errors import InputError

_SEVERAL = ("preset", "normalisation", "experiment")  # groups of which a list of choices may be given
_PROGRAM = re.compile(r"# @package _global_\n# python (\S+\.py): ")
_ALSO = {"tune": "train/esvit.py"}  # an app that takes another program's experiments


def check_overrides(
    overrides: Sequence[str], sweep: bool, choices_of: Callable[[str], Iterable[str]]
) -> list[Override]:
    """The parsed overrides.

    Args:
        overrides: Of the command line, without flags.
        sweep: Whether -m was given.
        choices_of: The choices of a config group; none for a key that is no group.

    Raises:
        InputError: one that is malformed, or no choice of its group.
    """
    parsed = [_parsed(text) for text in overrides]
    for override in parsed:
        if override.is_sweep_override() and not sweep:
            raise InputError(_is_a_sweep(override, bool(list(choices_of(str(override.key_or_group))))))
        key = str(override.key_or_group)
        if not override.is_sweep_override() and not override.is_delete() and "/" not in key:
            _check_choice(override, list(choices_of(key)))
    return parsed


def check_experiments(parsed: Iterable[Override], app: str, conf: Path) -> None:
    """Raises InputError where an experiment's file says in its second line that it is another program's."""
    parsed = list(parsed)
    folders = [conf]
    for override in parsed:
        if override.key_or_group == "hydra.searchpath" and isinstance(value := override.value(), list):
            folders += [Path(str(item).removeprefix("file://")) for item in value]
    for override in parsed:
        if override.key_or_group != "experiment" or override.is_delete():
            continue
        value = list(override.sweep_iterator()) if override.is_sweep_override() else override.value()
        for name in value if isinstance(value, list) else [value]:
            path = next(
                (file for folder in folders if (file := folder / "experiment" / f"{name}.yaml").is_file()), None
            )
            found = _PROGRAM.match(path.read_text(encoding="utf-8")) if path else None
            if found and Path(found[1]).stem != app and found[1] != _ALSO.get(app):
                raise InputError(f"experiment={name} is for {found[1]}: run python {found[1]} +experiment={name}")


def _parsed(text: str) -> Override:
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException:
        raise InputError(f"{text}: {_malformed(text)}") from None


def _malformed(text: str) -> str:
    key, equals, value = text.partition("=")
    if not equals:
        return f"not KEY=VALUE: give {text}=VALUE"
    if key != key.strip() or value != value.strip():
        return f"write it without spaces around '=': {key.strip()}={value.strip()}"
    for opening, closing in ("[]", "{}", "()"):
        if value.count(opening) != value.count(closing):
            more, less = (opening, closing) if value.count(opening) > value.count(closing) else (closing, opening)
            return f"'{more}' without '{less}'"
    for quote in "'\"":
        if value.count(quote) % 2:
            return f"a quote ({quote}) is not closed"
    if value.endswith(","):
        return "a comma at the end: remove it"
    if value.startswith("="):
        return "two '=': remove one"
    return f"special characters: quote the value for Hydra and for the shell: \"{key}='{value}'\""


def _is_a_sweep(override: Override, group: bool) -> str:
    text, key = str(override.input_line), override.key_or_group
    swept, value = override.value(), override.get_value_string()
    if isinstance(swept, ChoiceSweep) and swept.simple_form:
        if group:
            return f"{text}: several choices are a sweep: add -m, or give one choice"
        quoted = f"\"{key}='{value}'\""
        return f"{text}: values with commas are a sweep: add -m; one list is {key}=[{value}], one text is {quoted}"
    return f"{text}: several values are a sweep: add -m, or let train/tune.py search"


def _check_choice(override: Override, choices: list[str]) -> None:
    """Of a config group: refuses what is no name, and several names where one is taken."""
    value = override.value()
    if not choices or override.package is not None or isinstance(value, dict):
        return
    group, text = str(override.key_or_group), str(override.input_line)
    known = f"must be one of {', '.join(choices)}"
    given = value if isinstance(value, list) else [value]
    names = [name for name in given if isinstance(name, str)]
    if len(names) < len(given):
        raise InputError(f"{text}: {known}")
    if file := next((name for name in names if "/" in name or name.endswith((".yaml", ".yml"))), None):
        stem, plus = Path(file).stem, "+" if override.is_add() else ""
        raise InputError(
            f"{text}: a choice is given by its name, not by a file: save the file as DIR/{group}/{stem}.yaml and give "
            f"{plus}{group}={stem} hydra.searchpath=[file://DIR]"
        )
    if len(names) > 1 and group not in _SEVERAL:
        sweep = f", or as a sweep -m {group}={','.join(names)}" if set(names) <= set(choices) else ""
        raise InputError(f"{text}: give one choice{sweep}: {known}")
