import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.reports import MatchImage, Report, write_images
from imgfp.reports.image_files import MAX_SIZE, jpeg_bytes


def test_images_are_written_with_safe_names(report: Report, tmp_path: Path) -> None:
    write_images(report, tmp_path)
    written = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "best/00_Q_script_alert_1___script__R_1__onerror__x.jpg",
        "best/01_Q2_.._R_2.jpg",
        "false_positives/00_Q2_R2.jpg",
        "missed/00_Q3_R3.jpg",
        "precision_recall.png",
    ]
    for path in written:
        with Image.open(path) as image:
            image.load()


def test_the_same_report_gives_the_same_files(report: Report, tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        write_images(report, tmp_path / name)
        written.append([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))])
    assert written[0] == written[1] != []


def test_long_ids_and_no_curves(report: Report, tmp_path: Path) -> None:
    match = MatchImage("q" * 300, "é" * 300, 1.0, "", np.zeros((4, 4, 3), np.uint8))
    bare = replace(report, curves=(), best=(match, match), false_positives=(), missed=())
    write_images(bare, tmp_path)
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
        f"{number:02d}_{'q' * 80}_{'_' * 80}.jpg" for number in range(2)
    ]


def test_a_huge_image_is_reduced() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1500, 4000, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(jpeg_bytes(noise))) as image:
        assert image.width <= MAX_SIZE[0]
        assert image.height <= MAX_SIZE[1]
