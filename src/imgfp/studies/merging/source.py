"""Where the candidates of a merge come from: a finished search, arrays stored beside it, or files that somebody brings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from imgfp.datasets.disc_set import DiscSet, background_images
from imgfp.files import file_lock, hash_file, hash_value
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.run_config import RunConfig
from imgfp.records import GroundTruth, Pairs
from imgfp.studies.judged_run import SearchFolders, judged_search
from imgfp.studies.merging.merger import Similarities
from imgfp.studies.merging.similarities import normalised_similarities
from imgfp.studies.merging.stored import MergeCandidates
from imgfp.studies.merging.table import CandidateTable


@dataclass(frozen=True)
class Source:
    """Candidates and what belongs to them.

    Attributes:
        name: Of the preset, or "files".
        data: Name of the set; `root` and `digest` say where it is and which version.
        key: Changes with everything that the candidates depend on.
        branches: That have candidates.
        candidates: The arrays.
        out: Folder of results.
        searched: The search; None of files.
    """

    name: str
    data: str
    root: Path
    digest: str
    key: str
    branches: tuple[str, ...]
    candidates: MergeCandidates
    out: Path
    searched: "_Searched | None" = None

    def similarities(self, names: Sequence[str], background: str | None) -> dict[str, Similarities]:
        """Of the global branch, under these score normalisations; see `normalised_similarities`."""
        if not names:
            return {}
        found = self.searched
        assert found is not None, "required before the search"
        assert background is not None, "required before the search"
        images = background_images(background, self.root)
        return normalised_similarities(found.data, found.folders, found.run, images, self.candidates, names)


@dataclass(frozen=True)
class _Searched:
    data: DiscSet
    folders: SearchFolders
    run: RunConfig


def search_source(root: Path, work: Path, name: str, preset: Preset, branches: tuple[str, ...]) -> Source:
    """The candidates of a search of a DISC-shaped folder, which is made first where it is not there.

    They are stored as arrays in the search's own folder, which is named by all settings and all images; whoever finds them
    there needs neither the search nor its index.

    Raises:
        InputError: as `judged_search`, and where the stored arrays are of other queries.
    """
    return _search_source(root, work, _Keyed(RunConfig(name, preset, branches)))


@dataclass(frozen=True)
class _Keyed:
    """A hashable run: its preset holds a dict."""

    run: RunConfig

    def __hash__(self) -> int:
        return hash(repr(self.run))


@cache  # once for all jobs of a sweep that run in one process
def _search_source(root: Path, work: Path, keyed: _Keyed) -> Source:
    data, run = DiscSet.open(root), keyed.run
    folders = SearchFolders.of(data, work / root.name, run)
    path = folders.out / "merge" / "candidates.npz"
    with file_lock(
        path.with_suffix(".lock")
    ):  # of the jobs of a sweep that run at once, only one searches and extracts
        candidates = MergeCandidates.read(path, data.truth)
        if candidates is None:
            found = judged_search(data, work / root.name, run).candidates
            candidates = MergeCandidates.of(run.preset, found, data.truth)
            candidates.write(path)
    key = folders.out.name.rpartition("-")[2]
    searched = _Searched(data, folders, run)
    out = folders.out / "merge"
    return Source(run.name, root.name, root, data.digest, key, run.branches, candidates, out, searched)


def file_source(files: Mapping[str, Path], ground_truth: Path, work: Path) -> Source:
    """Rankings in the challenge's format, one of each branch.

    Raises:
        InputError: a file that cannot be used, or files of other queries.
    """
    truth = GroundTruth.read_csv(ground_truth)
    table = CandidateTable.of_files({name: Pairs.read(path) for name, path in files.items()}, truth)
    digest = hash_value({name: hash_file(path) for name, path in files.items()} | {"": hash_file(ground_truth)})
    candidates, out = MergeCandidates.of_table(table, truth), work / "files" / f"files-{digest[:8]}" / "merge"
    return Source("files", ground_truth.stem, ground_truth, digest, digest[:8], tuple(files), candidates, out)
