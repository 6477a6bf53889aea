"""Whether an MLflow server answers, asked without importing mlflow."""

import os
import re

_PATIENCE = 5.0  # seconds for each of two attempts
_OLDEST = 3  # LoggedModels came with MLflow 3


def server_problem(server: str) -> str | None:
    """None if an MLflow server answers at this address; else one line that says what is wrong."""
    import requests

    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None
    for _ in range(2):
        try:
            answer = requests.get(f"{server}/version", timeout=_PATIENCE, auth=auth)
            break
        except requests.RequestException as error:
            reason = _short(error)
    else:
        return f"{server}: no MLflow server answers ({reason}): start it, or give another store (paths.mlruns=FOLDER)"
    if answer.status_code in (401, 403):
        if user or os.environ.get("MLFLOW_TRACKING_TOKEN"):
            return None  # mlflow knows more kinds of authentication
        return f"{server}: needs a login: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    version = re.fullmatch(r"(\d+)(\.\w+)+", answer.text.strip())
    if not answer.ok or version is None:
        return f"{server}: is not an MLflow server (status {answer.status_code}): check the address"
    if int(version[1]) < _OLDEST:
        return f"{server}: runs MLflow {answer.text.strip()}: imgfp needs a server of MLflow {_OLDEST} or newer"
    return None


def _short(error: Exception) -> str:
    """The reason in a few words: requests' own message is a paragraph."""
    text = str(error)
    for words in ("Connection refused", "timed out", "Name or service not known", "certificate verify failed"):
        if words in text:
            return words.lower()
    return type(error).__name__
