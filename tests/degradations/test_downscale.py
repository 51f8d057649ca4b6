"""Downscaling: the values of MATLAB's imresize, georeference and no-data."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.degradations import FACTORS, downscale, downscale_psf, resize_bicubic
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.scene import demo_scene


def test_halving_a_ramp_has_the_weights_of_imresize() -> None:
    # a = -0.5, widened by 2: eight taps (-3, -9, 29, 111, 111, 29, -9, -3) / 256, mirrored.
    taps = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256
    row = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0])
    mirrored = np.concatenate([row[2::-1], row, row[:-4:-1]])
    expected = [taps @ mirrored[2 * i : 2 * i + 8] for i in range(5)]
    halved = resize_bicubic(np.broadcast_to(row, (1, 10, 10)), scale=0.5)
    np.testing.assert_allclose(halved[0, 0], expected, rtol=1e-12)


def test_doubling_has_the_values_of_imresize() -> None:
    # imresize([0 1 2 3], 2, 'bicubic') in MATLAB.
    expected = [-0.09375, 0.1796875, 0.7265625, 1.25, 1.75, 2.2734375, 2.8203125, 3.09375]
    ramp = np.broadcast_to(np.arange(4.0), (1, 4, 4))
    np.testing.assert_allclose(resize_bicubic(ramp, scale=2)[0, 3], expected, rtol=1e-12)


def test_the_whole_grid_of_a_4_by_4_image() -> None:
    # imresize(reshape(0:15, 4, 4)', 0.5) in MATLAB; Pillow and others differ at the border.
    small = resize_bicubic(np.arange(16.0).reshape(1, 4, 4), scale=0.5)[0]
    np.testing.assert_allclose(
        small, [[2.3046875, 4.3828125], [10.6171875, 12.6953125]], rtol=1e-12
    )


@pytest.mark.parametrize("factor", FACTORS)
def test_a_constant_stays_and_the_size_is_rounded_up(factor: int) -> None:
    cube = HyperCube(np.full((2, 25, 48), 7, dtype=np.int16))
    small = downscale(cube, factor)
    assert small.shape == (2, -(-25 // factor), -(-48 // factor))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small.array(), 7, rtol=1e-6)


def test_up_after_down_is_close_to_the_scene() -> None:
    scene = demo_scene(64).array()
    again = resize_bicubic(resize_bicubic(scene, scale=0.5), size=(64, 64))
    assert again.shape == scene.shape
    aligned = psnr(scene, again, 1.0)
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        assert aligned > psnr(scene, np.roll(again, shift, axis=(1, 2)), 1.0) + 2


@pytest.mark.parametrize("shrink", [downscale, downscale_psf])
@pytest.mark.parametrize("factor", FACTORS)
def test_objects_keep_their_place(shrink, factor: int) -> None:  # type: ignore[no-untyped-def]
    y, x = np.mgrid[:48, :48]
    spot = np.exp(-((x - 28.5) ** 2 + (y - 18.5) ** 2) / (2 * 6.0**2))
    small = shrink(HyperCube(spot[None]), factor).array()[0]
    rows, columns = np.indices(small.shape)
    weight = small / small.sum()
    # Pixel i of the small image is centred on (i + 0.5) * factor - 0.5 of the large one.
    assert ((columns + 0.5) * factor - 0.5 - 28.5).ravel() @ weight.ravel() == pytest.approx(
        0, abs=0.05
    )
    assert ((rows + 0.5) * factor - 0.5 - 18.5).ravel() @ weight.ravel() == pytest.approx(
        0, abs=0.05
    )


def test_georeference_grows_and_keeps_its_corner() -> None:
    place = Georeference("EPSG:32633", (30.0, 0.0, 500000.0, 0.0, -30.0, 5800000.0))
    cube = demo_scene(32, 4).replace(georeference=place)
    small = downscale(cube, 4)
    assert small.georeference is not None
    assert small.georeference.crs == "EPSG:32633"
    assert small.georeference.transform == (120.0, 0.0, 500000.0, 0.0, -120.0, 5800000.0)
    assert small.wavelengths_nm is not None
    assert small.white_level == 1.0
    assert "4" in small.history[-1]


@pytest.mark.parametrize("nodata", [-9999.0, None])
@pytest.mark.parametrize("shrink", [downscale, downscale_psf])
def test_no_data_does_not_bleed(shrink, nodata: float | None) -> None:  # type: ignore[no-untyped-def]
    stored = np.full((2, 32, 32), 5.0, np.float32)
    stored[0, :9, :9] = np.nan if nodata is None else nodata
    small = shrink(HyperCube(stored, nodata=nodata), 2)
    values = small.array()
    valid = small.valid(values)
    assert valid[1].all()
    assert not valid[0, :4, :4].any()
    assert valid[0, 5:, :].all()
    np.testing.assert_allclose(values[valid], 5.0, rtol=1e-5)


def test_psf_is_a_gaussian_of_the_sigma_asked_for() -> None:
    point = np.zeros((1, 65, 65))
    point[0, 32, 32] = 1.0
    # With factor 3 the point stands at the centre of a coarse pixel: 10 * 3 + 1 = 31, 11 * 3 + 1.
    small = downscale_psf(HyperCube(point), 3, sigma=4.0).array()[0].astype(float)
    at = (np.arange(22) * 3 + 1) - 32.0
    expected = np.exp(-(at**2) / 32)
    profile = small[10] / small[10].max()
    np.testing.assert_allclose(profile, expected / expected.max(), atol=1e-3)


@pytest.mark.parametrize("factor", [0, 1, 5, -2])
def test_unknown_factors_list_the_choices(factor: int) -> None:
    with pytest.raises(UserError, match="2, 3, 4, 8"):
        downscale(demo_scene(16, 2), factor)


def test_a_cube_smaller_than_a_pixel_is_refused() -> None:
    with pytest.raises(UserError, match="too few"):
        downscale(HyperCube(np.ones((3, 5, 40))), 8)
