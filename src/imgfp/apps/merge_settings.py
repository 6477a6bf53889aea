"""Which settings evaluate/merge.py evaluates, by its configuration: checked before a search, without what a search needs."""

from collections.abc import Mapping

from imgfp.apps.schemas import MergeApp
from imgfp.errors import InputError
from imgfp.pipeline.preset import BRANCHES, Preset
from imgfp.studies.merging.proposals import GRID, MOST, RANDOM, Axes
from imgfp.studies.merging.setting import PLAIN, Setting


def axes_of(app: MergeApp, branches: tuple[str, ...], preset: Preset | None) -> Axes:
    """What varies, and the configured setting."""
    given: Mapping[str, Mapping[str, object]] = {
        "fusion": {branch: weight for branch, weight in app.fusion.weights.items() if weight != 1},
        "grid": {branch: values for branch, values in app.grid.weights.items() if values is not None},
    }
    for section, weights in given.items():
        for branch in weights:
            if branch not in branches:
                where = "branch_files has" if preset is None else "branches has"
                known = "" if preset is None or branch in BRANCHES else f" (known are {', '.join(BRANCHES)})"
                raise InputError(
                    f"{section}.weights.{branch}: {where} no branch {branch!r}, only {', '.join(branches)}{known}: "
                    "add it or leave its weight out"
                )
    own = tuple((branch, float(app.fusion.weights.get(branch, 1.0))) for branch in branches)
    base = Setting(own, app.fusion.calibration, app.fusion.normalisation)
    choices = app.grid.choices
    ranged: tuple[str, ...] = ()
    if app.search.trials:  # only ratios of weights count: the first branch's stays
        ranged = tuple(branch for branch in branches[1:] if branch not in choices)
    if preset is not None and preset.fusion.rule in ("verified", "similarity"):
        ranged = ()
        if any(weight != 1 for _, weight in own) or any(branch in choices for branch in branches):
            raise InputError(f"fusion.weights have no effect with fusion.rule={preset.fusion.rule!r}: leave them out")
    if app.search.trials and not ranged and not choices:
        raise InputError("search.trials: nothing varies: give more branches, or lists in grid")
    return Axes(base, choices, ranged, app.search.low, app.search.high)


def values_of(axes: Axes, key: str) -> list[str | None]:
    """The calibrations, or the normalisations, of all settings."""
    own = axes.base.calibration if key == "calibration" else axes.base.normalisation
    return list(dict.fromkeys([own, *axes.choices.get(key, ())]))  # type: ignore[list-item]


def normalisations_of(app: MergeApp, axes: Axes, preset: Preset | None) -> list[str]:
    """The score normalisations that need similarities of their own."""
    names = [str(name) for name in values_of(axes, "normalisation") if name != PLAIN]
    for name in names:
        Setting(axes.base.weights, normalisation=name)
    rule = "sum" if preset is None else preset.fusion.rule
    if names and rule == "sum":
        raise InputError(
            f"fusion.normalisation={names[0]} has no effect with fusion.rule='sum', which ranks by matches alone: leave it out"
        )
    if names and "global" not in [branch for branch, _ in axes.base.weights]:
        raise InputError(f"fusion.normalisation={names[0]} has no effect without the global branch: add it to branches")
    if names and app.background is None:
        raise InputError(
            f"fusion.normalisation={names[0]} needs negative images: give background=training, or a folder"
        )
    if not names and app.background is not None:
        raise InputError(
            f"background={app.background} has no effect without fusion.normalisation or grid.normalisation"
        )
    return names


def wanted_settings(app: MergeApp, axes: Axes) -> list[Setting]:
    """The settings of the grid or the search; none where each depends on the results of those before."""
    trials, method = app.search.trials, app.search.method
    if trials > MOST:
        raise InputError(f"search.trials={trials}: at most {MOST:,} are possible: give fewer")
    if not trials:
        return axes.combined()
    if method == GRID:
        return axes.evenly(trials)
    return axes.randomly(trials, app.search.seed) if method == RANDOM else []
