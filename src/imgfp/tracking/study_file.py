"""A study on disk: a folder or a zip archive with `study.json`, the table of contents with a checksum of every file."""

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from imgfp.errors import InputError
from imgfp.files import atomic_folder, atomic_path, hash_file, write_json

CONTENTS = "study.json"
_FORMAT, _VERSION = "imgfp study", 1
_RUN, _MODEL = re.compile(r"[0-9a-f]{32}"), re.compile(r"m-[0-9a-f]{32}")


@contextmanager
def writing_study(out: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields an empty folder and an empty dict for the contents; then writes both to `out`, atomically.

    Args:
        out: A zip archive where the name ends with .zip, else a folder.

    Raises:
        InputError: `out` is there already.
    """
    if out.exists():
        raise InputError(f"{out}: exists already: give another --out, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    contents: dict[str, Any] = {}
    folder = out.with_name(f".{out.name}.files") if out.suffix == ".zip" else out
    with atomic_folder(folder) as made:
        yield made, contents
        files = {
            path.relative_to(made).as_posix(): [path.stat().st_size, hash_file(path)]
            for path in sorted(made.rglob("*"))
            if path.is_file()
        }
        write_json(made / CONTENTS, {"format": _FORMAT, "version": _VERSION, **contents, "files": files})
        if out.suffix == ".zip":
            with (
                atomic_path(out) as temporary,
                zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
            ):
                for name in (CONTENTS, *files):
                    archive.write(made / name, name)
    if folder != out:
        shutil.rmtree(folder)


@contextmanager
def reading_study(path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields the folder of a study, checked file by file, and its contents; an archive is unpacked to a temporary folder.

    Raises:
        InputError: not a study, of a newer imgfp, damaged, or with names that lead out of its folder.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder: give a study that imgfp study export has written")
    if path.is_dir():
        contents = _checked(path, _contents((path / CONTENTS).read_bytes, path))
        yield path, contents
        return
    with tempfile.TemporaryDirectory(prefix="imgfp-study-") as temporary:
        folder = Path(temporary)
        try:
            with zipfile.ZipFile(path) as archive:
                contents = _contents(lambda: archive.read(CONTENTS), path)
                _unpack(archive, contents, folder, path)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{path}: damaged or not a zip archive ({error}): copy or export it again") from None
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise _damaged(path, str(error)) from None
        yield folder, _checked(folder, contents, path)


def _contents(read: Any, path: Path) -> dict[str, Any]:
    try:
        contents = json.loads(read())
    except (KeyError, FileNotFoundError):
        raise InputError(
            f"{path}: not a study, it has no {CONTENTS}: give what imgfp study export has written"
        ) from None
    except (ValueError, OSError):
        raise _damaged(path, CONTENTS) from None
    if not isinstance(contents, dict) or contents.get("format") != _FORMAT:
        raise InputError(f"{path}: not a study of imgfp: give what imgfp study export has written")
    if contents.get("version") != _VERSION:
        raise InputError(f"{path}: study format {contents.get('version')}, this imgfp reads {_VERSION}: update imgfp")
    files, runs, models = (contents.get(key) for key in ("files", "runs", "models"))
    if not isinstance(files, dict) or not isinstance(runs, list) or not isinstance(models, list):
        raise _damaged(path, CONTENTS)
    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0] or "\0" in name:
            raise InputError(f"{path}: file name {name!r} leads out of the study: do not import it")
    if not all(_RUN.fullmatch(str(item)) for item in runs) or not all(_MODEL.fullmatch(str(item)) for item in models):
        raise _damaged(path, CONTENTS)
    return contents


def _unpack(archive: zipfile.ZipFile, contents: dict[str, Any], folder: Path, path: Path) -> None:
    """Writes the files that the contents name, and nothing else."""
    sizes = {name: int(size) for name, (size, _) in contents["files"].items()}
    free = shutil.disk_usage(folder).free
    if sum(sizes.values()) > free:
        raise InputError(
            f"{path}: needs {sum(sizes.values()) / 1e9:.1f} GB in {folder.parent}, {free / 1e9:.1f} GB are free: "
            "free the disk, or set TMPDIR"
        )
    known = {item.filename: item for item in archive.infolist()}
    for name, size in sizes.items():
        if name not in known or known[name].file_size != size:
            raise _damaged(path, name)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, target.open("xb") as out:
            shutil.copyfileobj(source, out, 1 << 20)


def _checked(folder: Path, contents: dict[str, Any], path: Path | None = None) -> dict[str, Any]:
    """Compares every file with its checksum."""
    root = folder.resolve()
    for name, (size, digest) in contents["files"].items():
        file = folder / name
        if not file.resolve().is_relative_to(root):  # a link
            raise InputError(f"{path or folder}: file name {name!r} leads out of the study: do not import it")
        if not file.is_file() or file.stat().st_size != size or hash_file(file) != digest:
            raise _damaged(path or folder, name)
    wanted = [f"runs/{item}/run.json" for item in contents["runs"]]
    wanted += [f"models/{item}/model.json" for item in contents["models"]]
    for name in wanted:
        if name not in contents["files"]:
            raise _damaged(path or folder, name)
    return contents


def _damaged(path: Path, name: str) -> InputError:
    return InputError(f"{path}: damaged: {name} is missing or changed: copy or export it again")
