"""Errors that are the store's, not the program's: a server that is gone, a full disk, a locked database."""

import errno
import shutil
import sqlite3
import sys

from imgfp.errors import InputError

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}
# MLflow's codes for errors of a server or of a database; REQUEST_... : a server that limits its clients
_CODES = {
    *("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "IO_ERROR", "DEADLINE_EXCEEDED"),
    *("REQUEST_LIMIT_EXCEEDED", "RESOURCE_LIMIT_EXCEEDED", "UNAUTHENTICATED", "PERMISSION_DENIED"),
}
_REASONS = {
    "database is locked": "the database is locked by another program (waited 20 s)",
    "database or disk is full": "its disk is full",
    "No space left on device": "its disk is full",
    "readonly database": "its database is read-only",
    "attempt to write a readonly": "its database is read-only",
    "failed with timeout exception": "the server does not answer",
    "failed with exception": "the server does not answer",
    "too many 50": "the server does not answer",
}


def outage(error: BaseException) -> str | None:
    """What happened to the store, in a few words; None if the error is not the store's.

    Known are errors of MLflow's client, of requests, of SQLite, and of a disk.
    """
    if isinstance(error, InputError):
        return None
    text = " ".join(str(error).split())
    if not (_from_mlflow(error) or isinstance(error, sqlite3.OperationalError) or _from_disk(error)):
        return None
    return next((reason for words, reason in _REASONS.items() if words in text), text[:200])


def not_found(error: BaseException) -> bool:
    """Whether MLflow says that there is no such run, model or experiment."""
    return getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST"


def _from_mlflow(error: BaseException) -> bool:
    exceptions = sys.modules.get("mlflow.exceptions")  # importing mlflow takes seconds
    return exceptions is not None and isinstance(error, exceptions.MlflowException) and error.error_code in _CODES


def _from_disk(error: BaseException) -> bool:
    requests = sys.modules.get("requests")
    if requests is not None and isinstance(error, requests.RequestException):
        return True
    if isinstance(error, shutil.Error):  # of a folder: a list of messages
        return "No space left on device" in str(error)
    return isinstance(error, OSError) and error.errno in _DISK
