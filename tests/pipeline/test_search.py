"""Both presets end to end on a few photographs: who is found, what is refused, what is left out, and the same bytes."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from one_process import make_anew

from imgfp.cli.main import main
from imgfp.encoders import EncoderConfig, Network, NetworkConfig, export_network
from imgfp.errors import InputError
from imgfp.fusion import COPIES, FusionConfig, best_answers
from imgfp.images import ImageList
from imgfp.local.sift.extract import SiftPool
from imgfp.pipeline.index.index import build_index, open_index
from imgfp.pipeline.preset import BRANCHES
from imgfp.pipeline.presets import PRESETS, preset_named
from imgfp.pipeline.run_config import RunConfig, parse_branches
from imgfp.pipeline.search import SearchResult, find, search
from imgfp.pipeline.stages.candidates import read_rows
from imgfp.pipeline.stages.features import feature_stage
from imgfp.records import Pairs, read_descriptors

pytestmark = pytest.mark.usefixtures("one_process")
BOTH = ("local", "global")


@pytest.fixture
def finder(small_set, tmp_path):
    def run(out: str, preset: str = "default", branches: tuple[str, ...] = BOTH, background: bool = False):
        lists = [ImageList.open(folder) for folder in (small_set.queries, small_set.references)]
        known = ImageList.open(small_set.background) if background else None
        return find(*lists, tmp_path / out, RunConfig.named(preset, branches), known)

    return run


def rows(pairs: Pairs) -> dict[tuple[str, str], float]:
    return dict(zip(pairs.id_pairs(), pairs.scores.tolist(), strict=True))


def right(result: SearchResult, truth: dict[str, str]) -> set[str]:
    """The queries whose best answer is their reference."""
    best = dict(
        zip(result.predictions.query_ids.tolist()[::-1], result.predictions.reference_ids.tolist()[::-1], strict=True)
    )
    return {query for query, reference in truth.items() if best.get(query) == reference}


def test_preset_default_finds_every_copy_above_every_other(finder, small_set) -> None:
    result = finder("out")
    assert right(result, small_set.truth) == set(small_set.truth)
    scores = rows(result.predictions)
    assert len({query for query, _ in scores}) == len(scores), "one answer a query"
    others = [score for pair, score in scores.items() if pair[0] not in small_set.truth]
    assert 0 < max(others) < min(scores[pair] for pair in small_set.truth.items()) < 1
    assert len(set(scores.values())) == len(scores), "no ties"
    labels = {answer.query_id: answer.label for answer in result.answers}
    assert {query for query, name in labels.items() if name in COPIES} == set(small_set.truth)
    copies = [answer for answer in result.answers if answer.label in COPIES]
    assert {a.query_id for a in copies if a.evidence and a.evidence.mirrored} == set(small_set.mirrored)
    assert [stage.items for stage in result.stages] == [8, 8, 11, 11, 11, 11, 88]
    read = Pairs.read_csv(result.out / "predictions.csv")
    assert rows(read) == scores
    assert list(read.scores) == sorted(read.scores, reverse=True)
    assert result.branches.keys() == {"local", "global"}
    assert not (result.out / "failures.csv").exists()
    assert result.failures == ()


def test_preset_imgfp_sums_match_counts_of_both_branches(finder, small_set) -> None:
    result = finder("out", "imgfp")
    assert right(result, small_set.truth) == set(small_set.truth)
    local, similar = rows(result.branches["local"]), rows(result.branches["global"])
    assert not {query for query, _ in local} & set(small_set.mirrored), "imgFp votes for unmirrored copies only"
    assert rows(result.predictions) == {
        pair: similar.get(pair, 0) + local.get(pair, 0) for pair in similar.keys() | local.keys()
    }
    assert all(float(score).is_integer() for score in rows(result.predictions).values())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("branch", BOTH)
def test_one_branch_alone(finder, small_set, preset: str, branch: str) -> None:
    result = finder("out", preset, (branch,))
    found = right(result, small_set.truth)
    unmirrored = set(small_set.truth) - set(small_set.mirrored)
    assert found >= (unmirrored if (preset, branch) == ("imgfp", "local") else set(small_set.truth) - {"turned"})
    assert result.branches.keys() == {branch}
    names = {stage.name for stage in result.stages}
    assert ("local candidates" in names, "global candidates" in names) == (branch == "local", branch == "global")
    assert "match scores" in names
    assert sorted(path.name for path in (result.out / "branches").iterdir()) == [f"{branch}.csv"]


def test_the_same_input_gives_the_same_bytes(finder, contents) -> None:
    one = contents(finder("one").out)
    make_anew()
    assert contents(finder("again").out) == one


def test_worker_processes_give_the_bytes_of_one_process(small_set, tmp_path, contents, monkeypatch) -> None:
    references = ImageList.open(small_set.references)
    monkeypatch.setattr("imgfp.pipeline.stages.features.SHARD_IMAGES", 3)
    feature_stage("features", references, PRESETS["default"].sift, tmp_path / "one")
    monkeypatch.setattr("imgfp.pipeline.stages.features.SiftPool", SiftPool)
    monkeypatch.setenv("IMGFP_THREADS", "2")
    feature_stage("features", references, PRESETS["default"].sift, tmp_path / "many")
    assert contents(tmp_path / "one") == contents(tmp_path / "many")
    assert len(contents(tmp_path / "one")) == 3 * 3 + 3  # shards, and plan, images, manifest


def test_rule_similarity_ranks_the_global_branch_without_local_features(small_set, tmp_path) -> None:
    queries, references = ImageList.open(small_set.queries), ImageList.open(small_set.references)
    preset = replace(PRESETS["default"], fusion=FusionConfig("similarity", answers=2))
    result = find(queries, references, tmp_path, RunConfig("default", preset, ("global",)))
    assert [stage.name for stage in result.stages] == [
        "reference descriptors",
        "query descriptors",
        "global candidates",
    ]
    candidates = read_rows(result.stages[-1])
    assert rows(result.predictions) == rows(best_answers(candidates, 2))
    assert len(result.predictions) == 2 * len(queries)


def test_unreadable_images_are_reported_and_change_no_other_row(small_set, tmp_path, capsys) -> None:
    queries, references = tmp_path / "queries", tmp_path / "references"
    shutil.copytree(small_set.queries, queries)
    shutil.copytree(small_set.references, references)
    # in the middle of the lists, so that a shifted row would show
    (queries / "middle.jpg").write_bytes(b"not an image")
    (references / "ref3a.png").write_bytes(b"")
    for preset in PRESETS:
        whole, out = tmp_path / f"{preset}_whole", tmp_path / f"{preset}_holes"
        arguments = ["--preset", preset, "--out"]
        assert main(["find", str(small_set.queries), str(small_set.references), *arguments, str(whole)]) == 0
        capsys.readouterr()
        assert main(["find", str(queries), str(references), *arguments, str(out)]) == 3
        assert capsys.readouterr().err.splitlines()[-1] == (
            f"2 image(s) skipped, listed in {out / 'failures.csv'}; first: "
            f"{references / 'ref3a.png'}: the file is empty"
        )
        lines = (out / "failures.csv").read_text().splitlines()
        assert lines[0] == "path,reason"
        assert lines[1] == f"{references / 'ref3a.png'},the file is empty"
        assert lines[2].startswith(f"{queries / 'middle.jpg'},not a readable image (")
        assert len(lines) == 3
        for name in ("predictions.csv", "branches/local.csv", "branches/global.csv"):
            assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_failures_of_an_earlier_run_are_not_kept(small_set, tmp_path) -> None:
    queries = tmp_path / "queries"
    shutil.copytree(small_set.queries, queries)
    (queries / "bad.jpg").write_bytes(b"not an image")
    lists = ImageList.open(queries), ImageList.open(small_set.references)
    run, out = RunConfig.named("default", "global"), tmp_path / "out"
    index = tmp_path / "index"
    build_index(lists[1], index, run)
    assert len(search(open_index(index), lists[0], out, run).failures) == 1
    (queries / "bad.jpg").unlink()
    shutil.rmtree(out / "work")
    assert search(open_index(index), ImageList.open(queries), out, run).failures == ()
    assert not (out / "failures.csv").exists()


@pytest.mark.parametrize("branch", BOTH)
def test_no_readable_query_is_an_error_that_names_the_first(small_set, tmp_path, branch: str) -> None:
    queries = tmp_path / "queries"
    queries.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (queries / name).write_bytes(b"")
    references = ImageList.open(small_set.references)
    with pytest.raises(
        InputError, match=r"queries: none of the 2 images can be read; first: .*a\.jpg: the file is empty"
    ):
        find(ImageList.open(queries), references, tmp_path / "out", RunConfig.named(branches=branch))


def test_background_subtracts_the_mean_of_the_three_nearest_similarities(finder) -> None:
    plain = finder("plain", branches=("global",))
    normalised = finder("normalised", branches=("global",), background=True)
    work = normalised.out / "work"
    query = read_descriptors(work / "query_descriptors/descriptors.h5", "query")
    background = read_descriptors(next(work.glob("background_*_descriptors")) / "descriptors.h5", "background")
    assert len(background) == 3  # so that all of them are the nearest three
    offset = dict(zip(query.ids.tolist(), (query.matrix @ background.matrix.T).mean(axis=1), strict=True))
    before, after = (
        rows(read_rows(next(stage for stage in result.stages if stage.name == "global candidates")))
        for result in (plain, normalised)
    )
    assert len(before) == 88
    assert after == pytest.approx({pair: score - offset[pair[0]] for pair, score in before.items()}, abs=1e-5)
    assert np.ptp(list(offset.values())) > 0.01, "else the test could not tell queries apart"


def test_a_different_background_in_the_same_folder_is_refused(finder) -> None:
    finder("out", branches=("global",), background=True)
    with pytest.raises(
        InputError, match=r"global_candidates was made with inputs\.background = '[0-9a-f]+', now it is None"
    ):
        finder("out", branches=("global",))


def test_a_different_preset_in_the_same_folder_is_refused_and_the_result_kept(finder, contents) -> None:
    before = contents(finder("out").out)
    with pytest.raises(InputError, match=r"is an index with preset = 'default', now it is 'imgfp'"):
        finder("out", "imgfp")
    assert contents(finder("out").out) == before


def test_presets_and_branches_are_named() -> None:
    with pytest.raises(InputError, match=r"^preset='best': must be one of default, imgfp$"):
        preset_named("best")
    with pytest.raises(InputError, match=r"^branches: unknown branch 'globl': must be one of local, global, crop$"):
        parse_branches("local,globl")
    with pytest.raises(InputError, match=r"^branches=' , ': give one or more of local, global, crop$"):
        parse_branches(" , ")
    assert parse_branches(["global", "local"]) == parse_branches("global,local") == ("local", "global")
    assert parse_branches("global, local") == parse_branches("local,global,local") == BOTH
    assert parse_branches("crop,global,local") == tuple(BRANCHES)
    assert RunConfig.named(branches="crop").indexed == ("local",)
    assert RunConfig.named(branches="global,crop").indexed == BOTH


def test_the_substitute_is_reported_only_where_used() -> None:
    imgfp = PRESETS["imgfp"]
    note = RunConfig("imgfp", imgfp, BOTH).note
    assert note is not None
    assert f"using the embedded encoder {imgfp.encoder.name} in the global branch" in note
    assert RunConfig("imgfp", imgfp, ("local",)).note is None
    assert RunConfig.named("default", BOTH).note is None
    assert RunConfig("imgfp", replace(imgfp, encoder=replace(imgfp.encoder, name="resnet18")), BOTH).note is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fusion": {"rule": "max"}}, "fusion.rule='max': must be one of sum, verified, calibrated, similarity"),
        ({"match": {"model": "cubic"}}, "match.model='cubic': must be one of similarity, affine"),
        ({"match": {"hypothesis_tolerance": 0}}, "match.hypothesis_tolerance=0: must be above 0"),
        ({"views": {"upscale": 0.5}}, r"views.upscale=0.5: must be from 1 \(no such view\) to 4"),
        ({"views": {"aspect": 5}}, r"views.aspect=5: must be from 1 \(no such view\) to 4"),
        ({"vote": {"views": 0}}, "vote.views=0: must be >= 1"),
        (
            {"fusion": {"rule": "verified", "calibration": "a.json"}},
            "fusion.calibration='a.json' has no effect with fusion.rule='verified': leave it at None",
        ),
        ({"vote": {"candidates": 0}}, "vote.candidates=0: must be >= 1"),
        ({"vote": {"k": 1}}, "vote.k=1: rule 'weighted' needs k >= 2"),
        ({"sift": {"side": -3}}, "sift.side=-3: must be >= 1"),
        ({"sift": {"extractor": "vlfeat"}}, "sift.extractor='vlfeat': must be one of compiled, pycolmap"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, dict[str, object]], message: str) -> None:
    default = PRESETS["default"]
    with pytest.raises(InputError, match=f"^{message}$"):
        replace(default, **{key: replace(getattr(default, key), **values) for key, values in change.items()})


def test_a_trained_network_finds_and_its_weights_must_stay(small_set, tmp_path, monkeypatch) -> None:
    torch.manual_seed(0)
    weights = tmp_path / "trained.safetensors"
    export_network(Network(NetworkConfig("test_efficientnet", dim=16)), weights, {"size": 64})
    monkeypatch.chdir(tmp_path)
    trained = replace(
        PRESETS["default"], encoder=EncoderConfig(weights=weights.name), fusion=FusionConfig(rule="similarity")
    )
    references, queries = ImageList.open(small_set.references), ImageList.open(small_set.queries)
    run = RunConfig("default", trained, ("global",))
    build_index(references, tmp_path / "index", run)
    index = open_index(tmp_path / "index")
    assert index.descriptors is not None
    assert index.descriptors.dim == 16
    found = search(index, queries, tmp_path / "out", run)
    assert len(found.predictions)
    monkeypatch.chdir(small_set.queries)  # the index knows where its weights are
    again = replace(run, preset=trained.with_extraction(index.extraction))
    assert len(search(open_index(tmp_path / "index"), queries, tmp_path / "again", again).predictions)

    torch.manual_seed(1)
    export_network(Network(NetworkConfig("test_efficientnet", dim=16)), weights, {"size": 64})
    with pytest.raises(
        InputError, match=r"trained.safetensors: not the weights that .*index was built with: restore those"
    ):
        open_index(tmp_path / "index")


def test_a_run_says_which_extractor_it_used(small_set, tmp_path, capsys) -> None:
    references = ImageList.open(small_set.references)
    config = PRESETS["default"].sift
    feature_stage("features", references, config, tmp_path / "ours")
    assert capsys.readouterr().err.splitlines() == ["features: compiled SIFT (checked against pycolmap)"]
    feature_stage("features", references, config, tmp_path / "ours")  # nothing left to extract
    assert capsys.readouterr().err == ""
    feature_stage("features", references, replace(config, extractor="pycolmap"), tmp_path / "theirs")
    assert capsys.readouterr().err.splitlines() == ["features: pycolmap SIFT"]
    with pytest.raises(InputError, match=r"settings\.sift\.extractor = 'compiled', now it is 'pycolmap': give another"):
        feature_stage("features", references, replace(config, extractor="pycolmap"), tmp_path / "ours")
