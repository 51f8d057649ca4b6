"""Where bands lie on an axis in nanometres, and where a line through them breaks."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.band_axis import BandAxis


def axis(wavelengths, good=None):
    n = len(wavelengths)
    return BandAxis.of(
        HyperCube(np.zeros((n, 2, 2)), wavelengths_nm=np.array(wavelengths), good_bands=good)
    )


def test_the_nearest_band_is_nearest_in_nm_and_not_by_number():
    uneven = axis([400.0, 410.0, 420.0, 900.0])
    assert uneven.nearest(600) == 2
    assert uneven.nearest(700) == 3
    assert uneven.limits == (400, 900)
    assert uneven.describe(3) == "Band 3 / 3  ·  900.0 nm"


def test_neighbours_follow_the_wavelength_also_in_a_descending_file():
    descending = axis([700.0, 600.0, 500.0])
    assert [descending.neighbour(2, steps) for steps in (1, 2, 9, -1)] == [1, 0, 0, 2]


@pytest.mark.parametrize("unknown", [None, [np.nan, 500.0, 600.0]])
def test_without_full_wavelengths_bands_have_numbers(unknown):
    wavelengths = None if unknown is None else np.array(unknown)
    plain = BandAxis.of(HyperCube(np.zeros((3, 2, 2)), wavelengths_nm=wavelengths))
    assert not plain.in_nm
    assert plain.title == "Band number"
    assert plain.positions.tolist() == [0, 1, 2]
    assert plain.describe(1) == "Band 1 / 2"


def test_one_band_still_has_an_extent():
    low, high = axis([550.0]).limits
    assert low < 550 < high


def test_lines_break_at_bad_bands_long_gaps_and_a_second_detector():
    bad = axis([400.0, 410.0, 420.0], good=np.array([True, False, True]))
    _, y = bad.polyline(np.array([1.0, 2.0, 3.0]))
    assert np.isnan(y[1])
    assert bad.bad_runs() == [(405.0, 415.0)]
    gap = axis([400.0, 410.0, 420.0, 900.0, 910.0])
    x, y = gap.polyline(np.arange(5.0))
    assert np.isnan(y[(x == 900)][0])
    assert np.isfinite(y).sum() == 5
    overlap = axis([*np.arange(400.0, 1000, 10), *np.arange(950.0, 1500, 10)])
    x, y = overlap.polyline(np.ones(overlap.n_bands))
    assert np.isnan(y).sum() == 1
    assert np.isfinite(y).sum() == overlap.n_bands
