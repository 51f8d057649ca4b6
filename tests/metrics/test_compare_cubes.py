"""`compare_cubes`: what counts, what is refused, and the JSON that scripts read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics import compare_cubes, ergas, psnr, sam_degrees, ssim
from napari_hsi_restore.scene import demo_scene


@pytest.fixture(scope="module")
def clean() -> HyperCube:
    return demo_scene(48, 8)


@pytest.fixture(scope="module")
def noisy(clean: HyperCube) -> HyperCube:
    return degrade(clean, "gaussian-30")


def test_it_gives_the_single_scores(clean: HyperCube, noisy: HyperCube) -> None:
    scores = compare_cubes(clean, noisy)
    pair = clean.array(), noisy.array()
    assert scores.psnr == pytest.approx(psnr(*pair, 1.0))
    assert scores.ssim == pytest.approx(ssim(*pair, 1.0))
    assert scores.sam_deg == pytest.approx(sam_degrees(*pair))
    assert scores.ergas == pytest.approx(ergas(*pair))
    assert scores.mpsnr == pytest.approx(np.mean(scores.per_band["psnr"]))
    assert [len(values) for values in scores.per_band.values()] == [8, 8, 8]


def test_json_has_the_promised_keys_and_no_infinity(clean: HyperCube, noisy: HyperCube) -> None:
    keys = ["result", "psnr", "mpsnr", "ssim", "sam_deg", "ergas", "per_band"]
    assert list(compare_cubes(clean, noisy).to_json_dict()) == keys
    same = compare_cubes(clean, clean)
    assert same.psnr == np.inf
    fields = json.loads(json.dumps(same.to_json_dict(), allow_nan=False))
    assert fields["psnr"] is None
    assert fields["per_band"]["psnr"] == [None] * 8
    assert fields["sam_deg"] == 0
    assert fields["ergas"] == 0


def test_the_peak_is_the_white_level_or_else_the_maximum(
    clean: HyperCube, noisy: HyperCube
) -> None:
    darker = clean.replace(data=clean.array() * np.float32(0.5), white_level=None)
    scores = compare_cubes(darker, noisy)
    assert scores.peak == darker.array().max()
    assert compare_cubes(darker.replace(white_level=2.0), noisy).peak == 2.0


def test_integer_references_without_a_white_level() -> None:
    stored = np.arange(3 * 12 * 12, dtype=np.uint16).reshape(3, 12, 12)
    result = HyperCube(stored.astype(np.float32) + 1)
    assert compare_cubes(HyperCube(stored), result).psnr == pytest.approx(
        20 * np.log10(stored.max())
    )


def test_no_data_of_either_cube_does_not_count(clean: HyperCube, noisy: HyperCube) -> None:
    true, found = clean.array().copy(), noisy.array().copy()
    true[:, :6] = -9999.0
    found[:, :, :5] = np.nan
    scores = compare_cubes(
        clean.replace(data=true, nodata=-9999.0, white_level=1.0), noisy.replace(data=found)
    )
    cut = compare_cubes(
        clean.replace(data=clean.array()[:, 6:, 5:]), noisy.replace(data=noisy.array()[:, 6:, 5:])
    )
    assert scores.psnr == pytest.approx(cut.psnr)
    assert scores.sam_deg == pytest.approx(cut.sam_deg)
    assert scores.ssim == pytest.approx(cut.ssim)


def test_a_band_without_data_is_null_and_the_rest_counts(
    clean: HyperCube, noisy: HyperCube
) -> None:
    true = clean.array().copy()
    true[3] = np.nan
    fields = compare_cubes(clean.replace(data=true), noisy).to_json_dict()
    assert fields["per_band"]["psnr"][3] is None
    assert fields["per_band"]["ssim"][3] is None
    assert fields["psnr"] == pytest.approx(18.6, abs=0.2)
    assert fields["ssim"] is not None
    assert fields["sam_deg"] is not None


def test_an_image_under_11_pixels_has_no_ssim_but_the_rest(
    clean: HyperCube, noisy: HyperCube
) -> None:
    corner = (slice(0, 8), slice(0, 40))
    fields = compare_cubes(clean.crop(*corner), noisy.crop(*corner)).to_json_dict()
    assert fields["ssim"] is None
    assert fields["psnr"] == pytest.approx(18.6, abs=0.5)


def test_gain_and_offset_of_the_result_are_undone(clean: HyperCube, noisy: HyperCube) -> None:
    counts = noisy.array().astype(np.float64) * 4000 + 100
    stored = noisy.replace(data=counts, gain=1 / 4000, offset=-100 / 4000)
    direct, scaled = compare_cubes(clean, noisy), compare_cubes(clean, stored)
    assert scaled.psnr == pytest.approx(direct.psnr, abs=1e-4)
    assert scaled.sam_deg == pytest.approx(direct.sam_deg, rel=1e-4)


def test_other_shapes_units_and_bands_are_refused(clean: HyperCube, noisy: HyperCube) -> None:
    with pytest.raises(UserError, match="shape"):
        compare_cubes(clean, noisy.crop(slice(0, 40), slice(0, 48)))
    with pytest.raises(UserError, match="radiance"):
        compare_cubes(clean, noisy.replace(units="radiance"))
    compare_cubes(clean, noisy.replace(units="Reflectance"))
    compare_cubes(clean, noisy.replace(units=None, wavelengths_nm=None))
    with pytest.raises(UserError, match="nm"):
        compare_cubes(clean, noisy.replace(wavelengths_nm=np.linspace(420, 720, 8)))
    with pytest.raises(UserError, match="valid"):
        compare_cubes(clean, noisy.replace(data=np.full(clean.shape, np.nan)))
    with pytest.raises(UserError, match="white level"):
        compare_cubes(clean.replace(data=-clean.array(), white_level=None), noisy)
