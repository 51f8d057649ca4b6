"""Spectra of pixels and regions in physical units, and their table."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from napari.layers import Image, Shapes
from skimage.measure import points_in_poly

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin import spectra
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.curve_views import VIEWS, named_after, view_title, viewed
from napari_hsi_restore.plugin.layers import cube_to_layer_data, keep_good_bands, layer_to_cube
from napari_hsi_restore.plugin.marks import Region, drawn_regions, regions_layer
from napari_hsi_restore.plugin.placing import overlap, pixel_on
from napari_hsi_restore.plugin.spectra import Curve, curves_csv, region_spectrum

SHAPE = (4, 20, 30)


@pytest.fixture
def cube():
    values = np.random.default_rng(0).integers(0, 1000, SHAPE).astype(np.uint16)
    values[2] = 65535
    values[:, 3, 3] = 65535
    gain = np.array([0.1, 0.2, 0.3, 0.4])
    return HyperCube(values, gain=gain, offset=-1.0, nodata=65535.0, units="radiance")


@pytest.mark.parametrize("block", [8_000_000, 50])
def test_mean_and_spread_leave_out_no_data(cube, block, monkeypatch):
    monkeypatch.setattr(spectra, "_BLOCK_VALUES", block)
    mask = np.random.default_rng(1).random((10, 12)) > 0.4
    mask[1, 1] = True
    mean, spread = region_spectrum(cube, Region(2, 2, mask))
    stored = cube.array()[:, 2:12, 2:14][:, mask].astype(float)
    stored[stored == 65535] = np.nan
    values = stored * cube.gain[:, None] - 1
    assert np.isnan(mean[2])
    for band in (0, 1, 3):
        assert mean[band] == pytest.approx(np.nanmean(values[band]))
        assert spread[band] == pytest.approx(np.nanstd(values[band]))


def test_a_small_spread_on_large_values_keeps_its_digits():
    noise = np.random.default_rng(0).normal(0, 1e-3, (1, 30, 30))
    region = Region(0, 0, np.ones((30, 30), bool))
    _, spread = region_spectrum(HyperCube(1e6 + noise), region)
    assert spread[0] == pytest.approx(noise.std(), rel=1e-3)


def test_a_cancelled_region_has_no_result_and_an_empty_one_is_refused(cube):
    region = Region(0, 0, np.ones((3, 3), bool))
    assert region_spectrum(cube, region, cancelled=lambda: True) is None
    with pytest.raises(UserError, match="no pixel"):
        region_spectrum(cube, Region(0, 0, np.zeros((0, 0), bool)))


def whole(region):
    mask = np.zeros(SHAPE[1:], bool)
    height, width = region.mask.shape
    mask[region.top : region.top + height, region.left : region.left + width] = region.mask
    return mask


def test_regions_are_the_pixels_whose_centres_lie_inside():
    layer = regions_layer(Image(np.zeros(SHAPE)))
    polygon = np.array([[2.2, 3.1], [15.7, 9.4], [4.3, 25.6]])
    layer.add_rectangles([[1.5, 2.5], [6.5, 9.5]])
    layer.add_polygons([polygon])
    layer.add_ellipses([[10.0, 15.0], [6.2, 9.3]])
    rectangle, triangle, ellipse = map(whole, drawn_regions(layer, SHAPE[1:]))
    assert np.argwhere(rectangle).min(axis=0).tolist() == [2, 3]
    assert np.argwhere(rectangle).max(axis=0).tolist() == [6, 9]
    assert rectangle.sum() == 5 * 7
    centres = np.argwhere(np.ones(SHAPE[1:]))
    np.testing.assert_array_equal(triangle.ravel(), points_in_poly(centres, polygon))
    y, x = centres.T
    inside = ((y - 10) / 6.2) ** 2 + ((x - 15) / 9.3) ** 2
    clear = np.abs(inside - 1) > 0.05
    np.testing.assert_array_equal(ellipse.ravel()[clear], (inside < 1)[clear])


def test_regions_are_cut_at_the_edge_and_lines_meet_their_pixels():
    layer = Shapes()
    layer.add_rectangles([[-5.0, -5.0], [2.4, 3.4]])
    layer.add_rectangles([[40.0, 40.0], [50.0, 50.0]])
    layer.add_lines([[5.0, 2.0], [5.0, 8.0]])
    layer.add_paths([[[7.0, 1.0], [7.0, 4.0], [9.0, 4.0]]])
    corner, outside, line, path = drawn_regions(layer, SHAPE[1:])
    assert corner.n_pixels == 3 * 4
    assert outside.n_pixels == 0
    assert np.argwhere(whole(line)).tolist() == [[5, x] for x in range(2, 9)]
    assert path.n_pixels == 6


def test_the_table_has_a_column_for_each_curve_and_empty_cells_for_no_data():
    cube = HyperCube(
        np.zeros((3, 2, 2)),
        wavelengths_nm=np.array([400.5, 500.0, 600.0]),
        good_bands=np.array([True, False, True]),
    )
    axis = BandAxis.of(cube)
    values = np.array([1.0, np.nan, 3.25])
    curves = [
        Curve("(1, 2)", axis, values, "#000000"),
        Curve('a "b", c', axis, values, "#000000", spread=values / 2),
    ]
    rows = list(csv.DictReader(io.StringIO(curves_csv(curves))))
    assert [row["wavelength_nm"] for row in rows] == ["400.5", "500", "600"]
    assert [row["good_band"] for row in rows] == ["1", "0", "1"]
    assert [row["(1, 2)"] for row in rows] == ["1", "", "3.25"]
    assert [row['a "b", c std'] for row in rows] == ["0.5", "", "1.625"]
    with pytest.raises(UserError, match="no spectrum"):
        curves_csv([])


def test_curves_of_other_bands_stand_beside_with_their_own_bands():
    first = BandAxis.of(HyperCube(np.zeros((2, 1, 1)), wavelengths_nm=np.array([500.0, 600])))
    second = BandAxis.of(HyperCube(np.zeros((3, 1, 1)), good_bands=np.array([True, False, True])))
    curves = [
        Curve("a", first, np.array([1.0, 2]), "#000000"),
        Curve("b", second, np.array([3.0, 4, 5]), "#000000"),
        Curve("c", first, np.array([6.0, 7]), "#000000"),
    ]
    rows = list(csv.DictReader(io.StringIO(curves_csv(curves))))
    assert [row["c"] for row in rows] == ["6", "7", ""]
    assert [row["wavelength_nm"] for row in rows] == ["500", "600", ""]
    assert [row["band 2"] for row in rows] == ["0", "1", "2"]
    assert [row["good_band 2"] for row in rows] == ["1", "0", "1"]
    assert [row["b"] for row in rows] == ["3", "4", "5"]


def test_views_change_every_curve_and_say_so():
    nm = np.linspace(400, 2400, 101)
    bad = np.abs(nm - 1400) < 30
    cube = HyperCube(np.zeros((101, 1, 1)), wavelengths_nm=nm, good_bands=~bad)
    axis = BandAxis.of(cube)
    values = (0.2 + 1e-4 * nm) * (1 - 0.4 * np.exp(-0.5 * ((nm - 2000) / 60) ** 2))
    values[bad] = 9.0
    curve = Curve("region", axis, values, "#000000", spread=0.1 * values, mark="m")
    plain, removed, slope, normalised = (viewed(curve, view) for view in VIEWS)
    assert plain is curve
    assert np.isnan(removed.values[bad]).all()
    assert np.nanmin(removed.values) == pytest.approx(0.6, abs=0.01)
    assert nm[np.nanargmin(removed.values)] == 2000
    assert named_after(removed, VIEWS[1]).label == "region, continuum removed"
    assert (removed.color, removed.mark, removed.spread) == ("#000000", "m", None)
    assert slope.values[5] == pytest.approx(1e-4)
    assert np.nanmean(normalised.values) == pytest.approx(1)
    np.testing.assert_allclose((normalised.spread / normalised.values)[~bad], 0.1)
    assert view_title(VIEWS[2], "Reflectance", axis) == "Reflectance per nm"
    dark = viewed(Curve("dark", axis, -values, "#000000"), VIEWS[3])
    assert np.isnan(dark.values).all()


def test_a_pixel_of_one_layer_is_found_on_another_of_the_same_ground():
    fine = Image(np.zeros((3, 20, 30)), scale=(1, 1, 1))
    coarse = Image(np.zeros((5, 10, 10)), scale=(1, 2, 2), translate=(0, 0.5, 10.5))
    apart = Image(np.zeros((3, 5, 5)), translate=(0, 100, 100))
    assert pixel_on(coarse, fine, (7, 13)) == (3, 1)
    assert pixel_on(coarse, fine, (7, 5)) is None
    assert pixel_on(fine, coarse, (3, 1)) in {(6, 12), (7, 13), (6, 13), (7, 12)}
    assert overlap(fine, coarse)
    assert not overlap(fine, apart)


def test_good_bands_are_kept_by_a_layer_with_all_else():
    cube = HyperCube(np.zeros((3, 4, 5)), wavelengths_nm=np.arange(3.0), units="radiance")
    [(data, options, _)] = cube_to_layer_data(cube)
    layer = Image(data, **options)
    layer.metadata["other"] = "stays"
    told = []
    layer.events.metadata.connect(lambda: told.append(1))
    good = np.array([True, False, True])
    keep_good_bands(layer, good)
    after = layer_to_cube(layer)
    np.testing.assert_array_equal(after.good_bands, good)
    assert (after.units, layer.metadata["other"], len(told)) == ("radiance", "stays", 1)
    assert keep_good_bands(layer, None).good_bands is None
    plain = Image(np.zeros((3, 4, 5)))
    keep_good_bands(plain, good)
    np.testing.assert_array_equal(layer_to_cube(plain).good_bands, good)
