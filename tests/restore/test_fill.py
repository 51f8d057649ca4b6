import numpy as np

from napari_hsi_restore.restore.fill import RINGS, grown


def test_a_gap_takes_the_values_of_its_rim():
    band = np.full((20, 20), 7.0, np.float32)
    valid = np.ones(band.shape, dtype=bool)
    valid[5:9, 5:9] = False
    band[~valid] = np.nan
    np.testing.assert_allclose(grown(band, valid), 7.0, rtol=1e-6)


def test_far_from_any_value_stands_the_mean():
    band = np.zeros((60, 60), np.float32)
    band[0] = 4.0
    valid = np.zeros(band.shape, dtype=bool)
    valid[0] = True
    valid[59, 0] = True
    filled = grown(band, valid)
    assert filled[RINGS, 30] == 4.0
    assert filled[RINGS + 1, 30] == np.float32(band[valid].mean())


def test_a_cut_out_is_filled_as_the_whole():
    rng = np.random.default_rng(0)
    band = rng.random((50, 50), dtype=np.float32)
    valid = rng.random(band.shape) > 0.6
    whole = grown(band, valid)
    part = (slice(20 - RINGS, 40 + RINGS),) * 2
    cut = grown(band[part], valid[part])[RINGS:-RINGS, RINGS:-RINGS]
    np.testing.assert_array_equal(cut, whole[20:40, 20:40])


def test_nothing_valid_and_nothing_missing():
    band = np.ones((4, 4), np.float32)
    assert not grown(band, np.zeros(band.shape, dtype=bool)).any()
    assert grown(band, np.ones(band.shape, dtype=bool)) is band
