"""Runs of one study, found again by a tag that says what each of them evaluates."""

from imgfp.tracking.found_runs import FoundRun, search_runs
from imgfp.tracking.store import Store

STUDY_TAG = "imgfp.study"


def study_runs(store: Store, experiment: str, study: str, tag: str) -> dict[str, FoundRun]:
    """The runs of a study by their value of `tag`; of several with one value a finished one, else the newest.

    Args:
        store: The tracking store.
        experiment: Name of the experiment.
        study: What all of them have as the tag `STUDY_TAG`: letters and digits.
        tag: What tells them apart.
    """
    found: dict[str, FoundRun] = {}
    for item in search_runs(store, store.experiment_id(experiment), f"tags.`{STUDY_TAG}` = '{study}'"):
        run = FoundRun.of(item)
        if (value := run.tags.get(tag)) and not (value in found and found[value].status == "FINISHED"):
            found[value] = run
    return found
