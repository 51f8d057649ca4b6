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
from napari_hsi_restore.plugin.marks import Region, drawn_regions, regions_layer
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
    other = BandAxis.of(HyperCube(np.zeros((2, 2, 2))))
    with pytest.raises(UserError, match="do not fit one table"):
        curves_csv([curves[0], Curve("x", other, values[:2], "#000000")])
