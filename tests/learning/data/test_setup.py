"""Which images a training takes, and what it refuses."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from imgfp.edits import EditsConfig
from imgfp.errors import InputError
from imgfp.files import write_csv
from imgfp.learning.data import PairsConfig, queries_of
from imgfp.records import GroundTruth


def names(training) -> list[str]:
    return [Path(path).stem for path in training.image_pool.photographs]


def test_the_training_images_of_the_data_root_unless_photographs_are_given(opened, made: Path) -> None:
    assert names(opened()) == [f"T{k:02d}" for k in range(11)]
    assert names(opened(photographs=str(made / "reference_images"))) == [f"R{k}" for k in range(7)]
    assert names(opened(photographs=str(made / "query_images"), root=None)) == [f"Q{k}" for k in range(5)]
    (made / "some.txt").write_text("training_images/T03.jpg\nreference_images/R1.jpg\ntraining_images/T00.jpg\n")
    assert names(opened(photographs=str(made / "some.txt"), negatives=1)) == ["T03", "R1", "T00"]


def test_ids_of_the_first_two_columns_are_left_out(opened, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "known.csv"
    write_csv(path, ["id_a", "id_b", "kind"], [("T03", "R1", "T05"), ("Q2", "T00", "near")])
    assert names(opened(leave_out=str(path))) == [f"T{k:02d}" for k in range(11) if k not in (0, 3)]
    assert capsys.readouterr().err == ""
    write_csv(path, ["id_a", "id_b"], [("T99", "R1")])
    assert len(names(opened(leave_out=str(path)))) == 11
    assert capsys.readouterr().err == f"warning: {path} names none of the 11 training photographs\n"


def test_limit_is_a_choice_by_the_seed(opened) -> None:
    chosen = [names(opened(limit=6, seed=seed)) for seed in range(4)]
    assert all(len(set(each)) == 6 and each == sorted(each) for each in chosen)
    assert names(opened(limit=6, seed=0)) == chosen[0]
    assert len({tuple(each) for each in chosen}) > 1


def test_true_pairs_and_references_get_numbers_behind_the_photographs(opened, truth: str) -> None:
    training = opened(ground_truth=truth)
    image_pool = training.image_pool
    assert [Path(path).stem for path in image_pool.queries] == ["Q1", "Q2", "Q4"]
    assert [Path(image_pool.path(number)).stem for number in image_pool.query_references] == ["R3", "R0", "R3"]
    assert [Path(image_pool.path(number)).stem for number in image_pool.negatives] == [f"R{k}" for k in range(7)]
    assert image_pool.images == 18
    assert training.trained_queries is not None
    assert training.trained_queries.ids == ("Q1", "Q2", "Q4")
    assert opened().trained_queries is None


def test_queries_of_a_ground_truth(made: Path) -> None:
    truth = GroundTruth.of([("Q3", ""), ("Q1", "R3")])
    assert queries_of(made, truth).ids == ("Q1", "Q3")
    assert queries_of(made, truth, only_pairs=True).ids == ("Q1",)
    with pytest.raises(InputError, match=r"Q9 is not in .*query_images: give the folder that belongs to the ground tr"):
        queries_of(made, GroundTruth.of([("Q9", "R3")]))


def test_counts_before_training(opened, truth: str) -> None:
    assert (opened().batches_per_epoch, opened().images_per_epoch) == (3, 11 * 4)
    assert (opened(ground_truth=truth).batches_per_epoch, opened(ground_truth=truth).images_per_epoch) == (2, 6 * 4)
    assert (opened(world=2).batches_per_epoch, opened(world=2).images_per_epoch) == (2, 11 * 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 0}, "pairs.batch=0: must be >= 1"),
        ({"negatives": -1}, "pairs.negatives=-1: must be >= 0"),
        ({"workers": -1}, "pairs.workers=-1: must be >= 0"),
        ({"limit": 1}, "pairs.limit=1: must be >= 2"),
        (
            {"negatives": 2, "hard_negatives": 3},
            "pairs.hard_negatives=3 exceeds pairs.negatives=2, which includes them",
        ),
        ({"ground_truth": ""}, "pairs.ground_truth is empty: give a path, or null for none"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        PairsConfig(**settings)
    node = OmegaConf.structured(PairsConfig)
    OmegaConf.set_readonly(node, False)
    with pytest.raises(InputError, match=re.escape(message)):
        OmegaConf.to_object(OmegaConf.merge(node, settings))


def test_a_training_without_images_is_refused(opened, made: Path, tmp_path: Path) -> None:
    (tmp_path / "training_images").mkdir()
    with pytest.raises(InputError, match="training_images: no images found"):
        opened(root=tmp_path)
    with pytest.raises(InputError, match=r"gone: no such folder or text list"):
        opened(photographs=str(tmp_path / "gone"))
    with pytest.raises(InputError, match=re.escape("no training photographs: give pairs.photographs=FOLDER or data.r")):
        opened(root=None)
    with pytest.raises(InputError, match="training_images: 1 training photographs left: at least 2"):
        opened(photographs=str(made / "training_images" / "T00.jpg"))
    with pytest.raises(InputError, match=r"known\.csv: no such file: give a CSV whose first two columns are image ids"):
        opened(leave_out=str(tmp_path / "known.csv"))


def test_more_than_there_is_is_refused(opened, truth: str) -> None:
    with pytest.raises(InputError, match=r"pairs\.limit=12: there are 11 training photographs: lower it, or set null"):
        opened(limit=12)
    with pytest.raises(InputError, match=r"pairs\.negatives=11: there are 11 training photographs, .* <= 10"):
        opened(negatives=11)
    with pytest.raises(InputError, match=r"pairs\.negatives=7: there are 7 references, .* <= 6"):
        opened(negatives=7, ground_truth=truth)
    assert opened(negatives=10).images_per_epoch == 11 * 12
    with pytest.raises(InputError, match="cannot draw 1 to 99 edits"):
        opened(edits=EditsConfig(most=99))
    with pytest.raises(InputError, match="11 items per epoch for 12 processes: give more photographs"):
        opened(world=12)


def test_bad_ground_truth_is_refused(opened, made: Path, tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"

    def refused(rows: list[tuple[str, str]], message: str, root: Path | None = made) -> None:
        write_csv(path, ["query_id", "reference_id"], rows)
        with pytest.raises(InputError, match=message):
            opened(ground_truth=str(path), root=root, photographs=str(made / "training_images"))

    refused([("Q1", "R3")], r"pairs\.ground_truth needs data\.root", root=None)
    refused([("Q1", "")], r"truth\.csv: no row has a reference")
    refused([("Q1", "R9")], r"Q1's reference R9 is not in .*reference_images: give the folder that belongs to it")
    refused([("Q7", "R1")], r"Q7 is not in .*query_images")
    refused([("Q1", "R1"), ("Q1", "R2")], r"query Q1 has several references, .* keep one of them")
