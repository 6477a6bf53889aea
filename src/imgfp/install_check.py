"""Detects installed packages that overwrite each other's files, and gives the command that repairs it."""

import importlib.metadata
import platform
import sys

_CLASHES = {
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "cv2": ("opencv-contrib-python-headless", "opencv-contrib-python", "opencv-python-headless", "opencv-python"),
}


_FAISS = "faiss-gpu" if sys.platform == "linux" and platform.machine() == "x86_64" else "faiss-cpu"  # as pyproject.toml


def installation_problems() -> list[str]:
    """One line per folder that two or more installed packages share."""
    problems = []
    for folder, packages in _CLASHES.items():
        installed = [name for name in packages if package_version(name)]
        if len(installed) > 1:
            keep = _FAISS if folder == "faiss" else packages[0]
            pinned = f"{keep}=={package_version(keep) or package_version(installed[0])}"
            problems.append(
                f"{' and '.join(installed)} are both installed and overwrite each other's folder '{folder}': fix it with "
                f"'{sys.executable} -m pip uninstall -y {' '.join(installed)} && "
                f"{sys.executable} -m pip install --no-deps {pinned}'"
            )
    return problems


def package_version(name: str) -> str | None:
    """The installed version of a package, None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
