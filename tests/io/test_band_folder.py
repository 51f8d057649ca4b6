from __future__ import annotations

import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image

from make.cubes import numbered
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read

BANDS = numbered((12, 5, 6)) * 100


def pngs(folder, name="scene_{:02d}.png", first=1, bands=BANDS):
    folder.mkdir(exist_ok=True)
    for number, band in enumerate(bands, first):
        Image.fromarray(band).save(folder / name.format(number))
    return folder


def test_bands_come_in_the_order_of_their_numbers(tmp_path):
    folder = pngs(tmp_path / "scene", "band{}.png")  # band10 sorts before band2 as text
    Image.new("RGB", (5, 5)).save(folder / "preview.bmp")
    (folder / "notes.txt").write_text("x")
    cube = read(folder)
    np.testing.assert_array_equal(cube.data, BANDS)
    assert (cube.dtype, cube.white_level, cube.name) == (np.uint16, 65535.0, "scene")
    assert cube.wavelengths_nm is None
    assert catalog.can_read(folder)


def test_a_gap_is_an_error(tmp_path):
    folder = pngs(tmp_path / "scene")
    (folder / "scene_04.png").unlink()
    with pytest.raises(UserError, match=r"scene.*gap, number 4 is missing"):
        read(folder)
    assert catalog.can_read(folder)


def test_numbers_in_even_steps_are_nanometres(tmp_path):
    folder = tmp_path / "scene"
    folder.mkdir()
    for band, nm in zip(BANDS, range(420, 540, 10), strict=True):
        tifffile.imwrite(folder / f"img_{nm}nm.tif", band)
    cube = read(folder)
    np.testing.assert_array_equal(cube.data, BANDS)
    np.testing.assert_array_equal(cube.wavelengths_nm, np.arange(420, 540, 10))
    assert "nanometres" in cube.history[0]


def test_bands_must_be_alike_and_grey(tmp_path):
    folder = pngs(tmp_path / "scene")
    Image.fromarray(BANDS[0, :, :-1]).save(folder / "scene_07.png")
    with pytest.raises(UserError, match=r"scene_07\.png.*alike"):
        read(folder)
    for number in range(1, 13):
        Image.fromarray(numbered((5, 6, 3), np.uint8)).save(folder / f"scene_{number:02d}.png")
    with pytest.raises(UserError, match="grey"):
        read(folder)
    assert not catalog.can_read(folder)
    (folder / "scene_01.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(UserError, match=r"scene_01\.png.*damaged"):
        read(folder)


def test_two_series_need_a_choice(tmp_path):
    folder = pngs(pngs(tmp_path / "scene", "left_{}.png"), "right_{}.png", bands=BANDS + 1)
    with pytest.raises(UserError, match=r"left_ \(12\)|right_ \(12\)"):
        read(folder)
    np.testing.assert_array_equal(read(folder, key="right_").data, BANDS + 1)


@pytest.mark.parametrize("make", ["empty", "photos", "text"])
def test_other_folders_are_left_alone(tmp_path, make):
    if make == "photos":
        for number in range(5):
            Image.new("RGB", (20, 20), (number, 9, 200)).save(tmp_path / f"IMG_{number}.png")
            Image.new("RGB", (20, 20)).save(tmp_path / f"IMG_{number}.jpg")
    elif make == "text":
        (tmp_path / "a1.txt").write_text("x")
    assert not catalog.can_read(tmp_path)
    with pytest.raises(UserError):
        read(tmp_path)


def test_a_real_cave_scene(shared_data, tmp_path):
    folder = shared_data / "formats/cave_png/balloons_ms"
    cube = read(folder)
    assert (cube.shape, cube.dtype, cube.white_level) == ((31, 256, 256), np.uint16, 65535.0)
    np.testing.assert_array_equal(cube.wavelengths_nm, np.arange(400, 701, 10))
    assert "CAVE" in cube.history[0]
    nested = read(folder.parent)
    np.testing.assert_array_equal(nested.data, cube.data)
    # The stored 10-bit stack of the same scene has the same values.
    stack = read(shared_data / "train/cave/balloons.tif")
    scaled = np.asarray(cube.data) / 65535 * 1023
    corners = [
        np.asarray(stack.data)[:, y : y + 256, x : x + 256]
        for y in (0, 128, 256)
        for x in (0, 128, 256)
    ]
    assert min(np.abs(scaled - corner).max() for corner in corners) <= 0.51
    shutil.copytree(folder, tmp_path / "balloons_ms")
    last = sorted((tmp_path / "balloons_ms").glob("*_31.png"))[0]
    last.parent.chmod(0o755)
    last.unlink()
    with pytest.raises(UserError, match="31 is missing"):
        read(tmp_path / "balloons_ms")
