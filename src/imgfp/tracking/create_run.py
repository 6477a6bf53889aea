"""Creates runs in the store."""

from collections.abc import Mapping

from imgfp.tracking.store import Store


def create_run(store: Store, experiment: str, name: str, tags: Mapping[str, str]) -> str:
    """Creates a run with the tags that MLflow itself would set (user, program, git commit), and returns its id."""
    from mlflow.tracking.context.registry import resolve_tags

    own = resolve_tags(dict(tags))
    own.pop("mlflow.source.git.repoURL", None)  # a remote URL may contain a password
    return store.client().create_run(store.experiment_id(experiment), tags=own, run_name=name).info.run_id
