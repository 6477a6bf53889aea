"""The COLMAP database: positions in pixels of the files, whatever their EXIF orientation, and geometry that fits them."""

import numpy as np
import pycolmap
import pytest
from PIL import Image, ImageOps

from imgfp.errors import InputError
from imgfp.local.features import LocalFeatures
from imgfp.local.store import LoadedFeatures
from imgfp.pipeline.pairs.colmap_database import photograph_frame, write_database
from imgfp.pipeline.pairs.verify import TwoView

WIDTH, HEIGHT = 60, 40


def save(path, turned=1):
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[12, 50] = 255
    exif = Image.Exif()
    exif[0x0112] = turned
    Image.fromarray(pixels).save(path, exif=exif)


@pytest.mark.parametrize("turned", range(1, 9))
def test_frame_undoes_the_orientation(tmp_path, turned):
    save(tmp_path / "a.png", turned)
    with Image.open(tmp_path / "a.png") as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    y, x = np.argwhere(shown[..., 0] == 255)[0]
    plane = LocalFeatures.none(2 * shown.shape[1], 2 * shown.shape[0])  # features of a plane of twice the size
    frame = photograph_frame(tmp_path / "a.png", plane)
    assert frame @ [2 * (x + 0.5), 2 * (y + 0.5), 1] == pytest.approx([50.5, 12.5, 1])


def test_database_holds_what_the_mapper_needs(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "b b.png", turned=6)
    rng = np.random.default_rng(0)
    planes = ((120, 80), (80, 120))
    features = [
        LocalFeatures(
            np.c_[rng.uniform(0, width, 30), rng.uniform(0, height, 30), np.full((30, 2), 2.0)].astype(np.float32),
            np.zeros((30, 128), np.uint8),
            width,
            height,
        )
        for width, height in planes
    ]
    matches = np.stack([np.arange(20), np.arange(20)[::-1]], axis=1).astype(np.int32)
    homography = np.array([[1.1, 0.1, 3], [0, 0.9, -2], [1e-4, 0, 1]])
    fundamental = np.array([[0, -1, 2], [1, 0, -3], [-2, 3, 0.5]])
    for planar, model in ((True, homography), (False, fundamental)):
        path = tmp_path / f"{planar}.db"
        names = ("a.png", "b b.png")
        pairs = [((0, 1), TwoView(matches, planar, model))]
        write_database(path, tmp_path, names, LoadedFeatures(names, features), pairs)
        database = pycolmap.Database.open(path)
        ids = {image.name: image.image_id for image in database.read_all_images()}
        first, second = (database.read_keypoints(ids[name])[:, :2].astype(float) for name in names)
        assert first == pytest.approx((features[0].keypoints[:, :2] + 0.5) / 2, abs=1e-4)
        camera = database.read_camera(1)
        assert (camera.width, camera.height) == (WIDTH, HEIGHT)
        geometry = database.read_two_view_geometry(ids["a.png"], ids["b b.png"])
        assert geometry.inlier_matches.tolist() == matches.tolist()
        assert database.num_verified_image_pairs() == 1
        database.close()
        planes_first, planes_second = (np.c_[item.keypoints[:, :2] + 0.5, np.ones(30)] for item in features)
        files_first, files_second = (np.c_[points, np.ones(30)] for points in (first, second))
        if planar:
            moved = planes_first @ homography.T
            frame = photograph_frame(tmp_path / "b b.png", features[1])
            wanted, got = moved @ frame.T, files_first @ geometry.H.T
            assert got / got[:, 2:] == pytest.approx(wanted / wanted[:, 2:], abs=1e-3)
        else:
            before = ((planes_second @ fundamental) * planes_first).sum(axis=1)
            assert ((files_second @ geometry.F) * files_first).sum(axis=1) == pytest.approx(before, abs=1e-2)


def test_a_file_that_colmap_cannot_read(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"not an image")
    features = LoadedFeatures(("a", "b"), [LocalFeatures.none(10, 10)] * 2)
    with pytest.raises(InputError, match=r"b\.jpg: COLMAP cannot read this image"):
        write_database(tmp_path / "x.db", tmp_path, ("a.png", "b.jpg"), features, [])
    assert not (tmp_path / "x.db").exists()
