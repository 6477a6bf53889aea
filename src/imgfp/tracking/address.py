"""Where a tracking store is: a folder with an SQLite database, or an MLflow server."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from imgfp.errors import InputError
from imgfp.tracking.database import database_uri

DATABASE = "mlflow.db"
VARIABLE = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class Address:
    """A parsed store address.

    Attributes:
        folder: absolute folder of the embedded store; of a server, a local folder for lock files.
        database: file name of the embedded store's database.
        server: `http://` or `https://` address of an MLflow server; None for an embedded store.
    """

    folder: Path
    database: str = DATABASE
    server: str | None = None

    @classmethod
    def parse(cls, where: str | Path) -> "Address":
        """Reads a folder, `sqlite:///FILE`, `file:///FOLDER`, or the `http(s)://` address of an MLflow server.

        Raises:
            InputError: any other kind of address, one with a password (addresses are printed and stored), or a path that a
                database URI cannot contain.
        """
        text = str(where)
        scheme = match[1] if (match := re.match(r"([A-Za-z][\w+.-]+):/", text)) else ""
        if scheme in ("http", "https"):
            # a link copied from the browser has a fragment; pathlib turns "//" into "/"
            server = re.sub(r"^(https?):/+", r"\1://", text).partition("#")[0].rstrip("/")
            if "@" in urlsplit(server).netloc:
                raise InputError(
                    f"{scheme}://user:password@...: give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the "
                    "environment, not in the address"
                )
            return cls(_lock_folder(server), server=server)
        if scheme == "sqlite" and text.startswith("sqlite:///"):
            path = Path(text.removeprefix("sqlite:///")).expanduser().resolve()
            return cls(_checked(path.parent), path.name)
        if scheme == "file":
            return cls(_checked(Path(unquote(urlsplit(text).path)).resolve()))
        if scheme:
            raise InputError(
                f"{scheme}://...: give a folder, sqlite:///FILE, or the http:// address of an MLflow server; for another "
                f"database start one: mlflow server --backend-store-uri {scheme}://..."
            )
        return cls(_checked(Path(text).expanduser().resolve()))

    @property
    def name(self) -> str:
        """The address as shown to the user, which `parse` reads."""
        if self.server is not None:
            return self.server
        return str(self.folder) if self.database == DATABASE else database_uri(self.folder / self.database)


def default_address() -> str:
    """The environment variable MLFLOW_TRACKING_URI, else the folder `mlruns`."""
    return os.environ.get(VARIABLE) or "mlruns"


def _checked(folder: Path) -> Path:
    if bad := sorted(set("?#") & set(str(folder))):
        raise InputError(f"{folder}: {bad[0]!r} is not allowed in a store's path: rename the folder")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file: give a folder for the tracking store")
    return folder


def _lock_folder(server: str) -> Path:
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir()) / f"imgfp-{user}" / hashlib.sha256(server.encode()).hexdigest()[:16]
