"""A study on disk: a folder or a zip archive with `study.json`, the table of contents with a checksum of every file."""

import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from imgfp.errors import InputError
from imgfp.files import atomic_folder, atomic_path, hash_file, write_json
from imgfp.tracking.study_records import damaged

CONTENTS = "study.json"
_FORMAT, _VERSION = "imgfp study", 1
_RUN, _MODEL, _DIGEST = re.compile(r"[0-9a-f]{32}"), re.compile(r"m-[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}")
_LARGEST = 64 << 20  # bytes of the table of contents; about 100 for each file


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
        InputError: not a study, of a newer imgfp, damaged, with files that its contents do not list, with links, or with
            names that lead out of its folder.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder: give a study that imgfp study export has written")
    if path.is_dir():
        contents = _checked(path, _contents(lambda: (path / CONTENTS).open("rb"), path))
        yield path, contents
        return
    with tempfile.TemporaryDirectory(prefix="imgfp-study-") as temporary:
        folder = Path(temporary)
        try:
            with zipfile.ZipFile(path) as archive:
                contents = _contents(lambda: _opened(archive, CONTENTS, path), path)
                _unpack(archive, contents, folder, path)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{path}: damaged or not a zip archive ({error}): copy or export it again") from None
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise damaged(path, str(error)) from None
        _checked(folder, contents, path)
        try:
            yield folder, contents
        except InputError as error:  # of a file in there: the user knows the archive
            raise InputError(str(error).replace(str(folder), str(path))) from None


def _contents(opened: Callable[[], IO[bytes]], path: Path) -> dict[str, Any]:
    """Reads and checks the table of contents."""
    try:
        with opened() as file:
            text = file.read(_LARGEST + 1)  # never more: a small archive may claim to contain terabytes
        if len(text) > _LARGEST:
            raise InputError(
                f"{path}: {CONTENTS} is larger than {_LARGEST >> 20} MB: not a study that imgfp has written"
            )
        contents = json.loads(text)
    except (KeyError, FileNotFoundError):
        raise InputError(
            f"{path}: not a study, it has no {CONTENTS}: give what imgfp study export has written"
        ) from None
    except InputError:
        raise
    except (ValueError, OSError, RecursionError):
        raise _changed(path, CONTENTS) from None
    if not isinstance(contents, dict) or contents.get("format") != _FORMAT:
        raise InputError(f"{path}: not a study of imgfp: give what imgfp study export has written")
    if contents.get("version") != _VERSION:
        raise InputError(f"{path}: study format {contents.get('version')}, this imgfp reads {_VERSION}: update imgfp")
    files, runs, models = (contents.get(key) for key in ("files", "runs", "models"))
    if not isinstance(files, dict) or not isinstance(runs, list) or not isinstance(models, list):
        raise _changed(path, CONTENTS)
    for name, entry in files.items():
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0] or "\0" in name:
            raise InputError(f"{path}: file name {name!r} leads out of the study: do not import it")
        if not _is_entry(entry) or PurePosixPath(name).as_posix() != name:
            raise damaged(path, f"{CONTENTS}: entry of file {name!r} is not its size and SHA-256")
    if not all(_RUN.fullmatch(str(item)) for item in runs) or not all(_MODEL.fullmatch(str(item)) for item in models):
        raise _changed(path, CONTENTS)
    if len(set(runs)) < len(runs) or len(set(models)) < len(models):
        raise damaged(path, f"{CONTENTS}: a run or model is listed twice")
    return contents


def _is_entry(entry: Any) -> bool:
    """Whether it is [size in bytes, SHA-256 in hexadecimal]."""
    if not isinstance(entry, list) or len(entry) != 2:
        return False
    size, digest = entry
    return type(size) is int and size >= 0 and isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None


def _unpack(archive: zipfile.ZipFile, contents: dict[str, Any], folder: Path, path: Path) -> None:
    """Writes the files that the contents name, and nothing else."""
    sizes = {name: size for name, (size, _) in contents["files"].items()}
    free = shutil.disk_usage(folder).free
    if sum(sizes.values()) > free:
        raise InputError(
            f"{path}: needs {sum(sizes.values()) / 1e9:.1f} GB in {folder.parent}, {free / 1e9:.1f} GB are free: "
            "free the disk, or set TMPDIR"
        )
    known = {item.filename: item for item in archive.infolist()}
    for name, size in sizes.items():
        if name not in known or known[name].file_size != size:
            raise _changed(path, name)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with _opened(archive, name, path) as source, target.open("xb") as out:
            shutil.copyfileobj(source, out, 1 << 20)


def _opened(archive: zipfile.ZipFile, name: str, path: Path) -> IO[bytes]:
    """A file of the archive. Of other methods than export's, Python unpacks any number of bytes at once."""
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise damaged(path, f"{name} is not compressed by deflate")
    return archive.open(name)


def _checked(folder: Path, contents: dict[str, Any], path: Path | None = None) -> dict[str, Any]:
    """Compares every file with its checksum. There must be no others: an import takes all files of a run's folder."""
    found = _files(folder, path or folder)
    for name, (size, digest) in contents["files"].items():
        if name not in found or found[name].stat().st_size != size or hash_file(found[name]) != digest:
            raise _changed(path or folder, name)
    if unlisted := sorted(found.keys() - contents["files"].keys()):
        raise InputError(
            f"{path or folder}: {unlisted[0]} is not listed in {CONTENTS}: remove it, or export the study again"
        )
    wanted = [f"runs/{item}/run.json" for item in contents["runs"]]
    wanted += [f"models/{item}/model.json" for item in contents["models"]]
    for name in wanted:
        if name not in contents["files"]:
            raise _changed(path or folder, name)
    return contents


def _files(folder: Path, path: Path) -> dict[str, Path]:
    """All files of a study but its contents, by name; links are refused."""
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            file = Path(parent, name)
            if file.is_symlink() or not (file.is_file() or file.is_dir()):
                raise InputError(
                    f"{path}: {file.relative_to(folder).as_posix()} is a link or a special file: do not import it"
                )
        found |= {(Path(parent) / name).relative_to(folder).as_posix(): Path(parent) / name for name in names}
    found.pop(CONTENTS, None)
    return found


def _changed(path: Path, name: str) -> InputError:
    return damaged(path, f"{name} is missing or changed")
