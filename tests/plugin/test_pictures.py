"""Colour pictures and maps made from cubes."""

from __future__ import annotations

import collections

import dask.array as da
import numpy as np
import pytest

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import decoded_chunks
from napari_hsi_restore.io.packed_views import PackedViews
from napari_hsi_restore.plugin import observer
from napari_hsi_restore.plugin.comparing import angle_plane, error_plane, mismatch, residual
from napari_hsi_restore.plugin.composites import (
    COMPOSITES,
    ChannelPlanes,
    allows,
    composite,
    how_made,
    through_observer,
)
from napari_hsi_restore.plugin.contrast import band_limits, contrast_limits
from napari_hsi_restore.plugin.marks import Region
from napari_hsi_restore.plugin.spectra import region_spectrum
from napari_hsi_restore.scene import demo_scene

TRUE_COLOUR, INFRARED, SWIR, PCA, MNF = COMPOSITES


def vnir(data=None, **changed):
    values = np.random.default_rng(0).random((61, 24, 32)).astype(np.float32)
    fields = {"wavelengths_nm": np.linspace(400, 1000, 61), "name": "vnir"}
    return HyperCube(values if data is None else data, **(fields | changed))


def closest(cube, nm):
    return cube.array()[np.abs(cube.wavelengths_nm - nm).argmin()]


def test_channels_show_their_wavelengths():
    wide = vnir(wavelengths_nm=np.linspace(400, 2400, 61))
    for cube, kind in ((vnir(), INFRARED), (wide, SWIR)):
        picture = composite(cube, kind.name)
        for channel, nm in enumerate(kind.centres_nm):
            shown = picture[..., channel].ravel()
            # Three bands may be averaged: 1 / sqrt(3) of independent values.
            assert np.corrcoef(shown, closest(cube, nm).ravel())[0, 1] > 0.4
        assert picture.min() == 0
        assert picture.max() == 1


def patches(wavelengths, **changed):
    """A grey, a red, a green, a blue and a dark grey field, as reflectances."""
    fields = np.zeros((wavelengths.size, 5, 6, 6))
    fields[:, 0] = 0.9
    for field, (low, high) in enumerate(((590, 701), (500, 580), (400, 490)), 1):
        fields[(wavelengths >= low) & (wavelengths < high), field] = 0.5
    fields[:, 4] = 0.1
    values = fields.reshape(wavelengths.size, 30, 6).astype(np.float32)
    return HyperCube(values, wavelengths_nm=wavelengths, **({"units": "reflectance"} | changed))


@pytest.mark.parametrize("lazy", [False, True])
def test_true_colour_is_that_of_the_surfaces(lazy):
    cube = patches(np.arange(400.0, 1001, 10))
    if lazy:
        cube = cube.replace(data=da.from_array(cube.data, (20, 4, 6)))
    picture = composite(cube, TRUE_COLOUR.name)
    white, red, green, blue, dark = picture[3::6, 2]
    np.testing.assert_allclose(white, 1, atol=0.01)
    for channel, color in enumerate((red, green, blue)):
        assert color.argmax() == channel
        assert color.max() > 2 * np.delete(color, channel).max()
    # A ninth of the light, encoded for the screen.
    np.testing.assert_allclose(dark, 0.37, atol=0.02)
    assert how_made(cube, TRUE_COLOUR) == "as an eye sees it, CIE 1931"


@pytest.mark.parametrize("chunks", [(61, 8, 16), (1, 24, 32), (20, 12, 10)])
def test_what_is_shown_of_a_compressed_cube_is_decoded_once(monkeypatch, chunks):
    monkeypatch.setattr(decoded_chunks, "_CHUNK_BYTES", 0)
    decoded = collections.Counter()

    def block(part, block_info=None):
        decoded[tuple(block_info[0]["chunk-location"])] += 1
        return part

    plain = vnir(units="reflectance")
    values = plain.array()
    values[:, 3, 4] = np.nan
    lazy = da.from_array(values, chunks=chunks).map_blocks(
        block, dtype=values.dtype, meta=np.empty((0, 0, 0), values.dtype)
    )
    region = Region(5, 7, np.ones((9, 11), dtype=bool))
    shown = plain.replace(data=lazy)
    views = PackedViews(lazy, copy_bytes=0)
    for kind in COMPOSITES:
        if allows(plain, kind):
            expected, found = (composite(cube, kind.name) for cube in (plain, shown))
            assert found.shape == expected.shape
            if kind.centres_nm is not None:
                # Of a file fewer bands may be taken.
                assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.9
    for expected, found in zip(
        region_spectrum(plain, region), region_spectrum(shown, region), strict=True
    ):
        np.testing.assert_allclose(found, expected)
    planes = [ChannelPlanes(cube).picture((3, 20, 40)) for cube in (plain, shown)]
    np.testing.assert_array_equal(*planes)
    assert max(decoded.values()) == 1
    del views


@pytest.mark.parametrize("kind", [PCA, MNF], ids=lambda kind: kind.name)
def test_components_of_a_compressed_cube_are_those_of_its_values(kind):
    scene = demo_scene(size=48)
    lazy = scene.replace(data=da.from_array(scene.array(), chunks=(4, 16, 48)))
    expected = composite(scene, kind.name)
    alone = composite(lazy, kind.name)
    views = PackedViews(lazy.data, copy_bytes=0)
    for found in (alone, composite(lazy, kind.name)):
        # Which of the first components is shown first hangs on the sampled pixels, its sign too.
        likeness = np.abs(np.corrcoef(expected.reshape(-1, 3).T, found.reshape(-1, 3).T)[:3, 3:])
        assert likeness.max(axis=1)[0] > 0.95
    del views


def test_gain_and_offset_are_applied_before_colours_are_mixed():
    cube = patches(np.arange(400.0, 1001, 10))
    gain = np.linspace(1e-4, 3e-4, cube.n_bands)
    stored = np.round(cube.array() / gain[:, None, None]).astype(np.uint16) + 100
    scaled = cube.replace(data=stored, gain=gain, offset=-100 * gain)
    expected = composite(cube, TRUE_COLOUR.name)
    np.testing.assert_allclose(composite(scaled, TRUE_COLOUR.name), expected, atol=0.02)


def test_of_a_file_enough_bands_are_read_for_the_same_colours(monkeypatch):
    cube = patches(np.arange(400.0, 1001, 5))
    lazy = cube.replace(data=da.from_array(cube.data, (20, 4, 6)))
    monkeypatch.setattr(observer, "_MANY_BYTES", 0)
    np.testing.assert_allclose(
        composite(lazy, TRUE_COLOUR.name), composite(cube, TRUE_COLOUR.name), atol=0.05
    )


def test_true_colour_without_enough_bands_is_of_three():
    few = patches(np.array([443.0, 490, 560, 665, 705, 740, 783]))
    assert allows(few, TRUE_COLOUR)
    assert not through_observer(few, TRUE_COLOUR)
    assert "640, 550, 460 nm" in how_made(few, TRUE_COLOUR)
    picture = composite(few, TRUE_COLOUR.name)
    assert [color.argmax() for color in picture[9:24:6, 2]] == [0, 1, 2]


def test_no_data_is_black_and_a_hole_in_one_band_is_not():
    cube = patches(np.arange(400.0, 701, 10))
    values = cube.array().copy()
    values[:, 0, 0] = np.nan
    values[:4, 0, 1] = np.nan
    values[7, 0, 2] = np.nan
    picture = composite(cube.replace(data=values), TRUE_COLOUR.name)
    assert (picture[0, 0] == 0).all()
    np.testing.assert_allclose(picture[0, 1:3], picture[0, 3:5])


def test_what_the_wavelengths_do_not_reach_is_refused_with_a_way_out():
    assert not allows(demo_scene(size=16), INFRARED)
    with pytest.raises(UserError, match=r"none good near 860 nm.*True colour or PCA or MNF"):
        composite(demo_scene(size=16), INFRARED.name)
    unknown = vnir(wavelengths_nm=None)
    assert not allows(unknown, TRUE_COLOUR)
    assert allows(unknown, PCA)
    with pytest.raises(UserError, match="has no wavelengths"):
        composite(unknown, TRUE_COLOUR.name)


def test_bad_bands_are_not_shown():
    wavelengths = np.linspace(400, 1000, 61)
    cube = vnir(good_bands=np.abs(wavelengths - 640) > 15)
    spoilt = cube.array().copy()
    spoilt[~cube.good_bands] = 1e6
    expected = composite(cube, TRUE_COLOUR.name)
    np.testing.assert_allclose(composite(cube.replace(data=spoilt), TRUE_COLOUR.name), expected)
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


def test_a_noisy_band_counts_in_pca_and_not_in_mnf():
    cube = demo_scene(size=48)
    values = cube.array().astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 0.002, values.shape)
    noise[5] *= 1000
    noisy = cube.replace(data=values + noise)
    principal, fractions = (composite(noisy, kind.name)[..., 0] for kind in (PCA, MNF))
    assert abs(np.corrcoef(principal.ravel(), noise[5].ravel())[0, 1]) > 0.9
    assert abs(np.corrcoef(fractions.ravel(), noise[5].ravel())[0, 1]) < 0.1


def test_three_chosen_bands_are_three_channels():
    cube = vnir()
    picture = ChannelPlanes(cube).picture((60, 0, 30))
    for channel, band in enumerate((60, 0, 30)):
        shown, stored = picture[..., channel].ravel(), cube.array()[band].ravel()
        inside = (shown > 0) & (shown < 255)
        assert np.corrcoef(shown[inside], stored[inside])[0, 1] > 0.9999


def test_channels_that_are_kept_are_read_once():
    values = vnir().array().copy()
    values[0, 3, 4] = np.nan
    read = []

    def block(part, block_info):
        read.append(block_info[0]["chunk-location"][0])
        return part

    lazy = da.from_array(values, (1, 24, 32)).map_blocks(block, dtype=values.dtype)
    planes = ChannelPlanes(vnir(data=lazy))
    read.clear()
    for bands in ((60, 0, 30), (60, 0, 31), (0, 0, 60)):
        picture = planes.picture(bands)
        np.testing.assert_array_equal(picture, ChannelPlanes(vnir(data=values)).picture(bands))
        assert picture.dtype == np.uint8
        assert (picture[3, 4] == 0).all()
    assert sorted(read) == [0, 30, 31, 60]


@pytest.mark.parametrize("fill", [np.nan, 0.0, 7.0])
def test_contrast_limits_always_ascend(fill):
    cube = HyperCube(np.full((2, 8, 8), fill))
    for low, high in (contrast_limits(cube), band_limits(cube, 1)):
        assert low < high
    assert band_limits(HyperCube(np.zeros((1, 4, 4), bool)), 0) == (0, 1)


def test_contrast_limits_of_a_lazy_cube_unpack_only_some_of_it():
    scene = demo_scene(size=64).array().astype(np.float32)
    unpacked = []

    def watched(block):
        unpacked.append(block.shape)
        return block

    # Pieces that hold the spectra of some pixels together, as in products of EMIT.
    lazy = da.from_array(scene, chunks=(31, 8, 8)).map_blocks(
        watched, dtype=scene.dtype, meta=np.empty((0, 0, 0), scene.dtype)
    )
    low, high = contrast_limits(HyperCube(lazy))
    assert 1 <= len(unpacked) <= 8
    expected = contrast_limits(HyperCube(scene))
    assert abs(low - expected[0]) < 0.1 * (expected[1] - expected[0])
    assert 0.5 < (high - low) / (expected[1] - expected[0]) < 1.2
    # Where those pieces hold nothing, others are asked.
    scene[:, 8:, :] = np.nan
    scene[:, :8, :8] = np.nan
    low, high = contrast_limits(HyperCube(da.from_array(scene, chunks=(31, 8, 8))))
    assert np.nanmin(scene) <= low < high <= np.nanmax(scene)


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
