"""What is installed: packages that overwrite each other, optional packages that are missing; each with the fix."""

import importlib.metadata
import importlib.util
import subprocess
import sys

from imgfp.errors import InputError

# Packages that own the same folder: exactly one of them may be installed. Of OpenCV's the first one is kept.
_OPENCV = ("opencv-contrib-python-headless", "opencv-contrib-python", "opencv-python-headless", "opencv-python")
_FAISS = ("faiss-cpu", "faiss-gpu")


def installation_problems() -> list[str]:
    """One line per folder that two or more installed packages share."""
    problems = []
    for folder, packages in (("faiss", _FAISS), ("cv2", _OPENCV)):
        installed = [name for name in packages if package_version(name)]
        if len(installed) > 1:
            keep = packages[1 if packages is _FAISS and _has_gpu() else 0]
            pinned = f"{keep}=={package_version(keep) or package_version(installed[0])}"
            problems.append(
                f"{' and '.join(installed)} are both installed and overwrite each other's folder '{folder}': fix it with "
                f"'{sys.executable} -m pip uninstall -y {' '.join(installed)} && "
                f"{sys.executable} -m pip install --no-deps {pinned}'"
            )
    return problems


def require_extra(extra: str, *modules: str) -> None:
    """Checks that modules of an optional group of packages (an extra in pyproject.toml) are there; imports none.

    Raises:
        InputError: some are missing; the message names them and the extra.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"{', '.join(missing)} not installed: run pip install 'imgfp[{extra}]'")


def package_version(name: str) -> str | None:
    """The installed version of a package, None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _has_gpu() -> bool:
    """Whether the NVIDIA driver lists a GPU, by which `make env` chooses too."""
    try:
        return subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False).stdout.startswith(b"GPU ")
    except OSError:
        return False
