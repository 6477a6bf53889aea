"""The commands of `imgfp` as functions: paths in, typed results out. Each resumes where a killed one stopped."""

from collections.abc import Iterable
from pathlib import Path

from imgfp.files import write_json
from imgfp.images import ImageList
from imgfp.metrics import IscMetrics
from imgfp.metrics import evaluate as evaluate_pairs
from imgfp.pipeline.duplicates import Duplicates, find_duplicates
from imgfp.pipeline.index import index as indexes
from imgfp.pipeline.pairs.colmap_database import CAMERAS
from imgfp.pipeline.pairs.export_database import claim_database, export_database
from imgfp.pipeline.pairs.find_pairs import PairsConfig, PairsResult, find_pairs
from imgfp.pipeline.pairs.pair_files import FORMATS, check_names, check_outputs, report_paths, write_pairs
from imgfp.pipeline.preset import require_one_of
from imgfp.pipeline.run_config import DEFAULT_BRANCHES, RunConfig
from imgfp.pipeline.search import SearchResult
from imgfp.pipeline.search import find as find_copies
from imgfp.records import GroundTruth, Pairs
from imgfp.reports.view_graph import write_view_graph_report

Folder = str | Path


def find(
    queries: Folder,
    references: Folder,
    out: Folder,
    preset: str = "default",
    branches: str | Iterable[str] = DEFAULT_BRANCHES,
    index: str | None = None,
    background: Folder | None = None,
) -> SearchResult:
    """Finds which reference each query was made from, in one go: an index in `out/index`, then a search.

    Args:
        queries: A folder of images, or a text list of their names.
        references: Likewise.
        out: Output folder, with `predictions.csv`, `matches.csv` and what a rerun resumes from.
        preset: "default", or "imgfp" for the rules of the 2021 system.
        branches: Some of local, global, crop.
        index: Index type for local descriptors; None: the preset's.
        background: Negative images for score normalisation of the global branch.

    Returns:
        Predictions, labelled answers, failures and how each stage went.

    Raises:
        InputError: no readable image, an unknown preset or branch, an output folder of other inputs.

    Examples:
        >>> import imgfp
        >>> result = imgfp.find("queries", "photos", "result", branches="local")
        >>> [(answer.query_id, answer.reference_id, answer.label) for answer in result.answers]
        [('cropped', 'astronaut', 'edited copy')]
    """
    known = None if background is None else ImageList.open(Path(background))
    run = RunConfig.named(preset, branches, index)
    return find_copies(ImageList.open(Path(queries)), ImageList.open(Path(references)), Path(out), run, known)


def build_index(
    references: Folder,
    out: Folder,
    preset: str = "default",
    branches: str | Iterable[str] = DEFAULT_BRANCHES,
    index: str | None = None,
) -> indexes.Index:
    """Builds an index of references, or finishes one that was interrupted, and opens it. Arguments as in `find`.

    Raises:
        InputError: no readable image, an unknown preset or branch, a folder that holds an index of other images or settings.

    Examples:
        >>> import imgfp
        >>> index = imgfp.build_index("photos", "photos.index")
        >>> len(index.images), index.branches
        (3, ('local', 'global'))
    """
    run = RunConfig.named(preset, branches, index)
    run.check_indexable()
    indexes.build_index(ImageList.open(Path(references)), Path(out), run)
    return indexes.open_index(Path(out))


def open_index(path: Folder) -> indexes.Index:
    """Opens an index after comparing its files with their checksums.

    Raises:
        InputError: no finished index there, or one of its files is missing or changed.

    Examples:
        >>> import imgfp
        >>> index = imgfp.build_index("photos", "photos.index")
        >>> imgfp.open_index("photos.index").images.ids
        ('astronaut', 'chelsea', 'coffee')
    """
    return indexes.open_index(Path(path))


def duplicates(images: Folder, out: Folder, branches: str | Iterable[str] = "local") -> Duplicates:
    """Finds the copies within one collection, in groups. Nothing is ever deleted.

    Args:
        images: A folder of images, or a text list of their names.
        out: Output folder, with `pairs.csv` and `groups.csv`.
        branches: local, global, or both.

    Raises:
        InputError: no readable image, the crop branch, an output folder of other images or settings.

    Examples:
        >>> import imgfp
        >>> found = imgfp.duplicates("album", "copies")
        >>> [[member.image_id for member in group] for group in found.groups]
        [['astronaut', 'cropped']]
    """
    return find_duplicates(ImageList.open_collection(Path(images)), Path(out), RunConfig.named("default", branches))


def pairs(
    images: Folder,
    out: Folder,
    top: int = 20,
    select: str = "grow",
    budget: int | None = None,
    mutual: bool = False,
    min_score: float | None = None,
    unverified: bool = False,
    format: str = "hloc",
    colmap: Folder | None = None,
    camera: str = "auto",
) -> PairsResult:
    """Chooses and verifies the pairs of photographs that structure from motion should match.

    Args:
        images: A folder of photographs, or a text list of their names.
        out: Text file of the verified pairs. Beside it are written NAME_view_graph.html and NAME_view_graph.json, and NAME_work/ with
            what is needed to resume, also with other settings.
        top: Most pairs per photograph.
        select: "grow" verifies where the view graph needs it; "trees" (spanning trees) and "knn" go by similarity alone.
        budget: Most pairs that are verified in all.
        mutual: Only pairs in which each photograph is among the `top` nearest of the other.
        min_score: Only pairs with at least this similarity, -1 to 1.
        unverified: Write all tested pairs.
        format: "hloc": a line `nameA nameB` per pair, as COLMAP reads it too; "match_pairs": `index index similarity`.
        colmap: A COLMAP database to write, with images, keypoints and verified matches.
        camera: Which photographs share a camera in that database: "auto" (COLMAP's choice), "single", "per-folder", "per-image".

    Returns:
        `graph` (components, bridges, isolated photographs), `names`, `identical` (files with the same bytes), `stages`, `failures`.

    Raises:
        InputError: fewer than two readable photographs, a setting out of range, a name with a space (hloc), an output that would
            replace an input or a database that was written or changed by others, a work folder of other images.

    Examples:
        >>> import imgfp
        >>> found = imgfp.pairs("album", "pairs.txt")
        >>> [[found.names[place] for place in part] for part in found.graph.components]
        [['astronaut.png', 'cropped.jpg'], ['coffee.png']]
    """
    settings = PairsConfig(select, top, budget, mutual, min_score)
    require_one_of("format", format, FORMATS)
    require_one_of("camera", camera, CAMERAS)
    photographs, path, work = ImageList.open_collection(Path(images)), Path(out), work_folder(Path(out))
    if format == "hloc":
        check_names(photographs)
    database = None if colmap is None else Path(colmap)
    check_outputs(Path(images), photographs, path, database)
    if database is not None:
        claim_database(database, work)
    result = find_pairs(photographs, work, settings)
    write_pairs(result, path, unverified, format)
    if database is not None:
        export_database(result, database, camera)
    report, facts = report_paths(path)
    write_json(facts, result.facts())
    bounds = {"top": top, "budget": budget, "min-score": min_score, "camera": camera if database else None}
    shown = {name: "none" if value is None else str(value) for name, value in bounds.items()}
    shown |= {"mutual": "yes" if mutual else "no", "network": settings.regions.net}
    write_view_graph_report(result, report, {"select": select, **shown})
    return result


def work_folder(out: Path) -> Path:
    """Where `pairs` keeps what it needs to resume."""
    return out.with_name(f"{out.stem}_work")


def evaluate(predictions: Folder | Pairs, ground_truth: Folder | GroundTruth) -> IscMetrics:
    """Evaluates predictions by the official metrics of the Image Similarity Challenge 2021.

    Args:
        predictions: A CSV or Parquet file of query_id, reference_id, score, or the pairs.
        ground_truth: A CSV file of query_id, reference_id with every query listed, or the ground truth.

    Returns:
        `uap`, `recall_at_p90`, `recall_at_1`, `recall_at_10`, and counts.

    Raises:
        InputError: a file that is missing or cannot be parsed, a pair given twice.

    Examples:
        >>> import imgfp
        >>> result = imgfp.find("queries", "photos", "result", branches="local")
        >>> imgfp.evaluate(result.predictions, "ground_truth.csv").uap
        1.0
    """
    predicted = predictions if isinstance(predictions, Pairs) else Pairs.read(Path(predictions))
    truth = ground_truth if isinstance(ground_truth, GroundTruth) else GroundTruth.read_csv(Path(ground_truth))
    return evaluate_pairs(predicted, truth)
