"""Every form of score normalisation against its formula, written out slowly."""

from collections.abc import Callable

import numpy as np
import pytest

from imgfp.descriptors import NORMALISATIONS, Normalisation, normalisation_lyakaap, normalise, search_topk
from imgfp.descriptors.normalisation_lyakaap import LyakaapConfig, smooth, subtract_nearest
from imgfp.descriptors.normalisation_offset import Isc2021Config, MeanConfig, SscdConfig
from imgfp.descriptors.normalisation_visionforce import VisionForceConfig
from imgfp.errors import InputError
from imgfp.records import DescriptorSet

Made = Callable[..., DescriptorSet]


@pytest.fixture
def sets(made: Made) -> tuple[DescriptorSet, DescriptorSet, DescriptorSet]:
    return made(0, 9, "Q"), made(1, 40, "R"), made(2, 30, "T")


def ranked(query: DescriptorSet, background: DescriptorSet) -> list[list[float]]:
    """Each query's similarities to the background, best first."""
    return [
        sorted((float(np.dot(q.astype(float), t.astype(float))) for t in background.matrix), reverse=True)
        for q in query.matrix
    ]


def unit(row: np.ndarray) -> np.ndarray:
    return row / np.sqrt((row**2).sum())


def test_the_defaults_are_the_published_settings() -> None:
    assert {name: make() for name, make in NORMALISATIONS.items()} == {
        "mean": MeanConfig(),
        "isc2021": Isc2021Config(neighbours=10, factor=2.0),
        "visionforce": VisionForceConfig(neighbours=5, factor=-2.5, reduction="avg"),
        "lyakaap": LyakaapConfig(neighbours=10, beta=0.35, iterations=1, smoothing_neighbours=10, smoothing_power=3),
        "sscd": SscdConfig(weight=1.0, first=0, last=2),
    }


@pytest.mark.parametrize(
    ("config", "offset"),
    [
        (MeanConfig(), lambda s: -(s[0] + s[1] + s[2]) / 3),
        (Isc2021Config(4, 0.5), lambda s: -0.5 * s[3]),
        (Isc2021Config(1, 1.0), lambda s: -s[0]),
        (SscdConfig(0.75, 1, 4), lambda s: -0.75 * (s[1] + s[2] + s[3] + s[4]) / 4),
        (SscdConfig(2.0, 3, 3), lambda s: -2.0 * s[3]),
    ],
)
def test_offsets_stand_in_one_more_dimension(
    sets: tuple[DescriptorSet, ...], config: Normalisation, offset: Callable[[list[float]], float]
) -> None:
    query, reference, background = sets
    made = normalise(query, reference, background, config)
    assert (made.metric, made.query.dim, made.reference.dim) == ("cosine", 25, 25)
    assert made.query.matrix.dtype == np.float32
    np.testing.assert_array_equal(made.query.matrix[:, :-1], query.matrix)
    np.testing.assert_array_equal(made.reference.matrix, np.hstack([reference.matrix, np.ones((40, 1))]))
    np.testing.assert_allclose(made.query.matrix[:, -1], [offset(s) for s in ranked(query, background)], atol=1e-6)


def test_the_mean_is_the_global_branch_s_form_and_sscd_s_default(sets: tuple[DescriptorSet, ...]) -> None:
    query, reference, background = sets
    wanted = search_topk(query, reference, 4, background)
    for config in (None, MeanConfig(), SscdConfig()):
        made = normalise(query, reference, background, config)
        pairs = search_topk(made.query, made.reference, 4, metric=made.metric)
        assert pairs.id_pairs() == wanted.id_pairs()
        np.testing.assert_allclose(pairs.scores, wanted.scores, atol=1e-6)


@pytest.mark.parametrize(("reduction", "measure"), [("avg", lambda s: sum(s[:4]) / 4), ("min", lambda s: s[3])])
def test_visionforce_stretches_the_query(
    sets: tuple[DescriptorSet, ...], reduction: str, measure: Callable[[list[float]], float]
) -> None:
    query, reference, background = sets
    made = normalise(query, reference, background, VisionForceConfig(4, -3.0, reduction))
    assert made.metric == "l2"
    assert made.reference is reference
    scale = np.array([3.0 * measure(s) for s in ranked(query, background)])
    np.testing.assert_allclose(made.query.matrix, query.matrix * scale[:, None], atol=1e-6)


@pytest.mark.parametrize("iterations", [1, 3])
def test_lyakaap_subtracts_from_both_sides(sets: tuple[DescriptorSet, ...], iterations: int) -> None:
    query, reference, background = sets
    config = LyakaapConfig(4, 0.3, iterations, smoothing_neighbours=5, smoothing_power=2)
    made = normalise(query, reference, background, config)
    known = background.matrix.astype(np.float64)
    similar = known @ known.T
    smoothed = np.array(
        [
            unit(sum(known[j] * similar[i, j] ** 2 for j in np.argsort(-similar[i])[:5]))  # type: ignore[arg-type]
            for i in range(len(known))
        ]
    )
    for got, given in ((made.query, query), (made.reference, reference)):
        for row, start in zip(got.matrix, given.matrix.astype(np.float64), strict=True):
            for _ in range(iterations):
                near = np.argsort(-(smoothed @ start))[:4]
                start = unit(start - 0.3 * smoothed[near].mean(axis=0))
            np.testing.assert_allclose(row, start, atol=2e-6)
    assert made.metric == "l2"


def test_lyakaap_without_smoothing_is_the_subtraction_alone(sets: tuple[DescriptorSet, ...]) -> None:
    query, reference, background = sets
    config = LyakaapConfig(smoothing_neighbours=0)
    made = normalise(query, reference, background, config)
    np.testing.assert_array_equal(made.query.matrix, subtract_nearest(query, background, config).matrix)


def test_blocks_change_nothing(sets: tuple[DescriptorSet, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    query, _, background = sets
    whole = subtract_nearest(query, smooth(background, 10, 3), LyakaapConfig())
    monkeypatch.setattr(normalisation_lyakaap, "BLOCK", 4)
    parts = subtract_nearest(query, smooth(background, 10, 3), LyakaapConfig())
    np.testing.assert_allclose(parts.matrix, whole.matrix, atol=1e-6)


def test_none_leaves_everything_as_it_is(sets: tuple[DescriptorSet, ...]) -> None:
    made = normalise(sets[0], sets[1])
    assert (made.query is sets[0], made.reference is sets[1], made.metric) == (True, True, "l2")


@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
def test_bad_background(made: Made, sets: tuple[DescriptorSet, ...], name: str) -> None:
    query, reference, _ = sets
    config = NORMALISATIONS[name]()
    with pytest.raises(InputError, match="score normalisation needs a background set: give background=, or set"):
        normalise(query, reference, None, config)
    with pytest.raises(
        InputError, match="query dimension 24 differs from background dimension 8: extract both with the same encoder"
    ):
        normalise(query, reference, made(2, 30, "T", dim=8), config)
    with pytest.raises(InputError, match="the background set has no descriptors: give a folder with readable images"):
        normalise(query, reference, made(2, 0, "T"), config)
    small = made(2, 2, "T")
    if name == "mean":
        normalise(query, reference, small, config)
    else:
        with pytest.raises(InputError, match=r"the background set has 2 descriptors, fewer than \d+ neighbours: use a"):
            normalise(query, reference, small, config)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Isc2021Config(neighbours=0), r"normalisation\.isc2021\.neighbours=0: must be >= 1"),
        (lambda: SscdConfig(first=2, last=1), r"normalisation\.sscd\.first=2, .*last=1: must be 0 <= first <= last"),
        (lambda: SscdConfig(first=-1), r"normalisation\.sscd\.first=-1"),
        (lambda: VisionForceConfig(neighbours=0), r"normalisation\.visionforce\.neighbours=0: must be >= 1"),
        (lambda: VisionForceConfig(reduction="max"), r"visionforce\.reduction='max': must be one of avg, min"),
        (lambda: LyakaapConfig(iterations=0), r"normalisation\.lyakaap\.iterations=0: must be >= 1"),
        (lambda: LyakaapConfig(smoothing_neighbours=-1), r"lyakaap\.smoothing_neighbours=-1: must be >= 0"),
    ],
)
def test_bad_settings(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
