"""Colour pictures and maps made from cubes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin.comparing import angle_plane, error_plane, mismatch, residual
from napari_hsi_restore.plugin.composites import (
    COMPOSITES,
    allows,
    composite,
    composite_of_bands,
)
from napari_hsi_restore.plugin.contrast import band_limits, contrast_limits
from napari_hsi_restore.scene import demo_scene

TRUE_COLOUR, INFRARED, PCA = COMPOSITES


def vnir(**changed):
    values = np.random.default_rng(0).random((61, 24, 32)).astype(np.float32)
    fields = {"wavelengths_nm": np.linspace(400, 1000, 61), "name": "vnir"}
    return HyperCube(values, **(fields | changed))


def closest(cube, nm):
    return cube.array()[np.abs(cube.wavelengths_nm - nm).argmin()]


def test_channels_show_their_wavelengths():
    cube = vnir()
    for kind in (TRUE_COLOUR, INFRARED):
        picture = composite(cube, kind.name)
        for channel, nm in enumerate(kind.centres_nm):
            shown = picture[..., channel].ravel()
            # Three bands are averaged: 1 / sqrt(3) of independent values.
            assert np.corrcoef(shown, closest(cube, nm).ravel())[0, 1] > 0.4
    assert picture.min() == 0
    assert picture.max() == 1


def test_what_the_wavelengths_do_not_reach_is_refused_with_a_way_out():
    assert not allows(demo_scene(size=16), INFRARED)
    with pytest.raises(UserError, match=r"none good near 860 nm.*True colour or PCA"):
        composite(demo_scene(size=16), INFRARED.name)
    unknown = vnir(wavelengths_nm=None)
    assert not allows(unknown, TRUE_COLOUR)
    assert allows(unknown, PCA)
    with pytest.raises(UserError, match="has no wavelengths"):
        composite(unknown, TRUE_COLOUR.name)


def test_bad_bands_are_not_shown():
    wavelengths = np.linspace(400, 1000, 61)
    cube = vnir(good_bands=np.abs(wavelengths - 640) > 15)
    red = composite(cube, TRUE_COLOUR.name)[..., 0].ravel()
    assert np.corrcoef(red, closest(cube, 640).ravel())[0, 1] < 0.2
    assert not allows(vnir(good_bands=np.zeros(61, bool)), TRUE_COLOUR)


def test_principal_components_need_no_wavelengths_and_leave_no_data_black():
    cube = demo_scene(size=24).replace(wavelengths_nm=None)
    values = cube.array().copy()
    values[:, 2:5, 3:6] = np.nan
    picture = composite(cube.replace(data=values), PCA.name)
    assert (picture[2:5, 3:6] == 0).all()
    known = np.isfinite(values).all(axis=0)
    brightness = values.mean(axis=0)
    assert abs(np.corrcoef(picture[known][:, 0], brightness[known])[0, 1]) > 0.8
    with pytest.raises(UserError, match="holds no valid value"):
        composite(HyperCube(np.full((3, 8, 8), np.nan)), PCA.name)


def test_three_chosen_bands_are_three_channels():
    cube = vnir()
    picture = composite_of_bands(cube, (60, 0, 30))
    for channel, band in enumerate((60, 0, 30)):
        shown, stored = picture[..., channel].ravel(), cube.array()[band].ravel()
        inside = (shown > 0) & (shown < 1)
        assert np.corrcoef(shown[inside], stored[inside])[0, 1] > 0.9999


@pytest.mark.parametrize("fill", [np.nan, 0.0, 7.0])
def test_contrast_limits_always_ascend(fill):
    cube = HyperCube(np.full((2, 8, 8), fill))
    for low, high in (contrast_limits(cube), band_limits(cube, 1)):
        assert low < high
    assert band_limits(HyperCube(np.zeros((1, 4, 4), bool)), 0) == (0, 1)


def test_maps_count_only_what_is_valid_in_both():
    true = np.random.default_rng(0).random((5, 8, 8)) + 1
    found = true * 1.1
    found[:, 2, 2] = -1
    reference = HyperCube(true, name="reference")
    result = HyperCube(found, name="result", nodata=-1.0)
    error, angle = error_plane(reference, result), angle_plane(reference, result)
    assert np.isnan(error[2, 2])
    assert np.isnan(angle[2, 2])
    known = np.isfinite(error)
    assert known.sum() == 63
    expected = np.sqrt(np.mean((0.1 * true) ** 2, axis=0))
    np.testing.assert_allclose(error[known], expected[known], rtol=1e-5)
    np.testing.assert_allclose(angle[known], 0, atol=0.05)
    difference = residual(reference, result)
    np.testing.assert_allclose(difference.data[:, known], 0.1 * true[:, known], rtol=1e-4)


def test_gain_and_offset_are_undone_before_comparing():
    true = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    stored = np.round(true * 10000).astype(np.uint16)
    scaled = HyperCube(stored, gain=0.0001)
    assert np.nanmax(error_plane(HyperCube(true), scaled)) < 1e-4


def test_why_cubes_cannot_be_compared_is_one_sentence():
    reference = HyperCube(np.zeros((3, 8, 8)), name="a")
    assert mismatch(reference, HyperCube(np.zeros((3, 8, 8)))) is None
    assert "5 bands and the reference 3" in mismatch(reference, HyperCube(np.zeros((5, 8, 8))))
    with pytest.raises(UserError, match="4 x 8 pixels"):
        error_plane(reference, HyperCube(np.zeros((3, 4, 8))))
