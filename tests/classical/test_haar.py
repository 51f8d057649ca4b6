import numpy as np
import pytest

from napari_hsi_restore.classical.haar import haar, inverse_haar


@pytest.mark.parametrize("count", [1, 2, 8, 64])
def test_it_keeps_lengths_and_goes_back(count):
    values = np.random.default_rng(count).standard_normal((3, count, 5), dtype=np.float32)
    before = values.copy()
    found = haar(values)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        np.square(found).sum(axis=1), np.square(values).sum(axis=1), rtol=1e-5
    )
    np.testing.assert_allclose(inverse_haar(found), values, atol=1e-5)
    np.testing.assert_array_equal(values, before)


def test_the_mean_comes_first_and_then_differences_the_coarsest_first():
    values = np.array([4.0, 2.0, 1.0, 1.0], np.float32)[None, :, None]
    found = haar(values)[0, :, 0]
    np.testing.assert_allclose(found, [4.0, 2.0, np.sqrt(2.0), 0.0], atol=1e-6)
