"""Creates runs in the store."""

from collections.abc import Mapping

from imgfp.tracking.store import Store


def create_run(store: Store, experiment: str, name: str, tags: Mapping[str, str]) -> str:
    """Creates a run with the tags that MLflow itself would set (user, program, git commit), and returns its id."""
    client = store.client()
    return client.create_run(store.experiment_id(experiment), tags=run_tags(tags), run_name=name).info.run_id


def run_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """These tags, and those that MLflow itself would set."""
    from mlflow.tracking.context.registry import resolve_tags

    own: dict[str, str] = resolve_tags(dict(tags))
    own.pop("mlflow.source.git.repoURL", None)  # a remote URL may contain a password
    return own
