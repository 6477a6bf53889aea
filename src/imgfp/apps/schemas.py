"""The root configuration of every Hydra app, as types: OmegaConf refuses unknown keys and values of wrong type.

The values are in conf/APP.yaml, so no field has a default here. `Any` is a section that a config group fills with a typed node
of its own, or a number that may also be a list.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_node import writable_node
from imgfp.datasets.synthetic import SyntheticConfig
from imgfp.descriptors.track_metrics import CAPS
from imgfp.detection import SynthesisConfig
from imgfp.errors import InputError
from imgfp.studies.merging.proposals import GRID, RANDOM, TPE
from imgfp.tracking import MOVES


@dataclass
class DataSection:
    """The data set: a DISC-shaped folder."""

    root: str


@dataclass
class PathsSection:
    """Every folder that is written to."""

    work: str
    mlruns: str


@dataclass
class TrackingSection:
    """Where the runs are in MLflow."""

    experiment: str


@dataclass
class App:
    """What all apps share; `app` names the folders and the MLflow experiment (conf/app.yaml)."""

    app: str
    plugins: list[str]  # imgfp.plugins: packages that may be named by _target_; on the command line only
    data: DataSection
    paths: PathsSection
    tracking: TrackingSection
    fail_fast: bool


@dataclass
class IscApp(App):
    """evaluate/isc.py."""

    preset: dict[str, Any]  # Preset by name
    branches: list[str]
    background: str | None
    resume: bool


@dataclass
class FusionSection:
    """The fields of imgfp.studies.merging.setting.Setting: one way to merge."""

    weights: dict[str, float]
    calibration: str | None
    normalisation: str


@dataclass
class GridSection:
    """Lists of values of the keys of `fusion`, all combinations in one command; None: the one of `fusion`."""

    weights: dict[str, list[float] | None]
    calibration: list[str | None] | None
    normalisation: list[str] | None

    def __post_init__(self) -> None:
        given = {f"weights.{branch}": values for branch, values in self.weights.items()}
        given |= {"calibration": self.calibration, "normalisation": self.normalisation}  # type: ignore[dict-item]
        for key, values in given.items():
            if values is not None and not len(values):
                raise InputError(f"grid.{key}=[]: the list is empty: give values, or null for the one of fusion.{key}")
        for branch, weights in self.weights.items():
            for weight in weights or ():
                if not 0 <= weight < math.inf:
                    raise InputError(f"grid.weights.{branch}: {weight}: must be a number >= 0")

    @property
    def choices(self) -> dict[str, list[Any]]:
        """The lists that are given, by branch, `calibration` and `normalisation`."""
        given = {**self.weights, "calibration": self.calibration, "normalisation": self.normalisation}
        return {key: list(values) for key, values in given.items() if values is not None}


@dataclass
class MergeSearchSection:
    """How many settings are proposed, and how."""

    trials: int
    method: str
    low: float
    high: float
    seed: int

    def __post_init__(self) -> None:
        for key in ("trials", "seed"):
            if getattr(self, key) < 0:
                raise InputError(f"search.{key}={getattr(self, key)}: must be an integer >= 0")
        if self.method not in (GRID, RANDOM, TPE):
            raise InputError(f"search.method={self.method!r}: must be one of {GRID}, {RANDOM}, {TPE}")
        if not 0 < self.low < self.high < math.inf:
            raise InputError(f"search.low={self.low}, search.high={self.high}: must be a range above 0")


@dataclass
class SplitSection:
    """The fields of imgfp.studies.merging.split.Split."""

    choose: str
    report: str


@dataclass
class MergeApp(App):
    """evaluate/merge.py."""

    preset: dict[str, Any]  # Preset by name
    branches: list[str]
    fusion: FusionSection
    grid: GridSection
    search: MergeSearchSection
    split: SplitSection
    background: str | None
    branch_files: Any  # files by name; OmegaConf cannot replace null by a typed dict
    ground_truth: str | None
    children: int
    resume: bool

    def __post_init__(self) -> None:
        if self.children < 0:
            raise InputError(f"children={self.children}: must be an integer >= 0")
        if not isinstance(self.branch_files, dict | None):
            raise InputError(f"branch_files={self.branch_files}: give {{NAME: FILE.csv, ...}}")
        if self.ground_truth is not None and self.branch_files is None:
            raise InputError(
                f"ground_truth={self.ground_truth} belongs to branch_files: give both; a search has data.root's"
            )


@dataclass
class DescriptorsApp(App):
    """evaluate/descriptors.py."""

    encoder: Any  # EncoderConfig
    normalisation: dict[str, Any]
    checkpoint: str | None
    descriptors: str | None
    ground_truth: str | None
    background: str | None
    pca: int | None
    whiten: bool
    answers: int
    cap: str
    limit_dim: bool
    champion: str
    resume: bool

    def __post_init__(self) -> None:
        if self.champion not in MOVES:
            raise InputError(f"champion={self.champion!r}: must be one of {', '.join(MOVES)}")
        if self.answers < 1:
            raise InputError(f"answers={self.answers}: must be an integer >= 1")
        if self.cap not in CAPS:
            raise InputError(f"cap={self.cap!r}: must be one of {', '.join(CAPS)}")


@dataclass
class PhotographsApp(App):
    """What is made from photographs: which ones may be used."""

    photographs: str | None
    leave_out: str | None
    sources: str | None


@dataclass
class RankingApp(PhotographsApp):
    """train/ranking.py."""

    preset: dict[str, Any]  # Preset by name
    branches: list[str]
    synthetic: Any  # SyntheticConfig
    precision: float
    max_missed: float
    out: str


@dataclass
class AblationApp(RankingApp):
    """evaluate/ablation.py."""

    changes: list[str]

    def __post_init__(self) -> None:
        if self.branches != ["local"]:
            raise InputError(f"branches={self.branches}: only the local branch is compared: leave branches out")


@dataclass
class DetectorApp(PhotographsApp):
    """train/detector.py."""

    scenes: Any  # SynthesisConfig
    network: str
    weights: str | None
    trust_weights: bool
    merge_classes: bool
    epochs: Any
    size: Any
    batch: int
    optimizer: str
    lr: float
    weight_decay: float
    warmup_epochs: float
    device: str
    seed: int
    resume: bool
    show: int

    def __post_init__(self) -> None:
        if self.show < 0:
            raise InputError(f"show={self.show}: give the number of scenes, or 0 to train")


@dataclass
class EsvitApp(App):
    """train/esvit.py. The groups are the parts of a `Recipe`."""

    network: Any
    loss: Any
    optimizer: Any
    schedule: Any
    edits: Any
    pairs: Any
    trainer: Any
    validation: Any
    epochs: Any
    size: Any
    head: str
    seed: int
    resume: bool
    show: int
    show_epoch: int


@dataclass
class TuneApp(EsvitApp):
    """train/tune.py."""

    search: Any


@dataclass
class MatchableSection(DataSection):
    """A benchmark of matchable retrieval (conf/benchmark). None: the benchmark's own, or an option that it does not have."""

    benchmark: str
    image_list: str | None = None
    query_list: str | None = None
    ground_truth: str | None = None
    label: str | None = None
    threshold: float | None = None


@dataclass
class RegionsSection:
    """The fields of imgfp.mirror.describe.RegionsConfig."""

    net: str
    weights: str | None
    img_size: int | None
    pool: str
    rmac_step: list[int]
    multi_scale: bool


@dataclass
class SimilaritySection:
    """The fields of imgfp.mirror.similarity.SimilarityConfig, and `search` of QueryConfig."""

    measure: str
    euclidean: bool
    search: str


@dataclass
class WhiteningSection:
    """The fields of imgfp.mirror.query.WhiteningConfig."""

    fit_on: str
    out_dim: int | None
    variance_share: float | None


@dataclass
class ExpansionSection:
    """Expansion of the database and of queries: fields of imgfp.mirror.query.QueryConfig."""

    augment: int
    expand: int
    rounds: int


@dataclass
class RerankSection:
    """The fields of imgfp.pipeline.scene_ranking.RerankConfig."""

    candidates: int
    network_weight: float


@dataclass
class KeypointsSection:
    """The fields of imgfp.pipeline.pairs.keypoints.KeypointConfig."""

    upscale: float
    longest: int
    keypoints: int
    octaves: int
    levels: int
    peak: float
    edge: float
    orientations: int


@dataclass
class VerifySection:
    """The fields of imgfp.pipeline.pairs.verify.VerifyConfig."""

    ratio: float
    min_inliers: int
    epipolar_error: float
    homography_error: float


@dataclass
class MirrorApp(App):
    """evaluate/mirror.py."""

    data: MatchableSection
    match_pairs: str | None
    answers: int
    resume: bool
    regions: RegionsSection
    similarity: SimilaritySection
    whitening: WhiteningSection
    expansion: ExpansionSection
    rerank: RerankSection
    keypoints: KeypointsSection
    verify: VerifySection


_Settings = TypeVar("_Settings", bound=App)
SCHEMAS: dict[str, type[App]] = {
    "isc": IscApp,
    "merge": MergeApp,
    "descriptors": DescriptorsApp,
    "ranking": RankingApp,
    "ablation": AblationApp,
    "detector": DetectorApp,
    "esvit": EsvitApp,
    "tune": TuneApp,
    "mirror": MirrorApp,
}


def settings_of(config: DictConfig, kind: type[_Settings]) -> _Settings:
    """A composed configuration as typed values.

    Raises:
        InputError: a value that its section refuses.
    """
    settings = OmegaConf.to_object(config)
    assert isinstance(settings, kind), f"the configuration is a {type(settings).__name__}"
    return settings


def register_schemas() -> None:
    """Makes the schema NAME_schema of each app, and the groups `scenes` and `synthetic`."""
    store = ConfigStore.instance()
    for name, kind in SCHEMAS.items():
        store.store(name=f"{name}_schema", node=kind)
    store.store(group="scenes", name="default", node=writable_node(SynthesisConfig()))
    store.store(group="synthetic", name="default", node=writable_node(SyntheticConfig()))
