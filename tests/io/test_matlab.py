from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from make.cubes import numbered
from make.matlab73 import matlab73
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read

CUBE = numbered((6, 4, 5), np.int16)  # (bands, y, x)
MATLAB_CUBE = CUBE.transpose(1, 2, 0)


@pytest.fixture(params=["5", "7.3"])
def save(request, tmp_path):
    def saved(**arrays):
        path = tmp_path / "file.mat"
        if request.param == "5":
            scipy.io.savemat(path, arrays)
        else:
            matlab73(path, **{k: np.atleast_2d(v) for k, v in arrays.items()})
        return path

    return saved


def test_a_cube_comes_as_bands_y_x_and_the_guess_is_said(save):
    cube = read(save(data=MATLAB_CUBE, map=np.zeros((4, 5))))
    np.testing.assert_array_equal(cube.data, CUBE)
    assert cube.dtype.newbyteorder("=") == np.int16
    assert "axis 2 of (4, 5, 6)" in cube.history[0]
    assert cube.source.endswith("file.mat::data")


def test_pixels_of_a_matrix_run_down_the_columns(save):
    matrix = np.stack([band.ravel(order="F") for band in CUBE])
    path = save(Y=matrix, nRow=4.0, nCol=5.0, M=np.zeros((6, 3)))
    cube = read(path)
    np.testing.assert_array_equal(cube.data, CUBE)
    assert any("column-major" in step for step in cube.history)
    other = read(path, pixel_order="row-major")
    np.testing.assert_array_equal(other.data, matrix.reshape(6, 4, 5))


def test_the_user_gives_the_counts_of_a_matrix(save):
    pixels_first = np.stack([band.ravel(order="F") for band in CUBE]).T
    path = save(X=np.repeat(pixels_first, 4, axis=0))
    with pytest.raises(UserError, match=r"shape=\(rows, columns\)"):
        read(path)
    cube = read(path, shape=(16, 5))
    assert cube.shape == (6, 16, 5)
    np.testing.assert_array_equal(cube.data[:, ::4, 0], CUBE[:, :, 0])
    with pytest.raises(UserError, match="no axis is as long as 7 x 5"):
        read(path, shape=(7, 5))


def test_a_picture_becomes_one_band_and_it_is_said(save):
    cube = read(save(vv=numbered((1, 9, 8))[0], sizex=8.0, sizey=9.0))
    assert cube.shape == (1, 9, 8)
    assert "one band" in cube.history[0]
    assert read(save(vv=numbered((1, 9, 8))[0])).shape == (1, 9, 8)


def test_wavelengths_and_bad_bands_beside_the_cube(save):
    wl = np.linspace(0.4, 0.9, 6)
    cube = read(save(I=MATLAB_CUBE, wl=wl[None], bbl=np.array([[1, 1, 0, 1, 1, 1]])))
    np.testing.assert_allclose(cube.wavelengths_nm, wl * 1000)
    assert list(cube.good_bands) == [True, True, False, True, True, True]
    assert any("micrometres" in step for step in cube.history)


def test_the_length_of_the_wavelengths_settles_the_axis(save):
    path = save(cube=numbered((5, 5, 5)), other=np.zeros(3))
    with pytest.raises(UserError, match="bands_axis"):
        read(path)
    np.testing.assert_array_equal(read(path, bands_axis=0).data, numbered((5, 5, 5)))
    np.testing.assert_array_equal(
        read(path, bands_axis=-1).data, numbered((5, 5, 5)).transpose(2, 0, 1)
    )
    bands_first = save(cube=numbered((6, 7, 8)))
    assert read(bands_first, wavelengths=[400, 410, 420, 430, 440, 450]).shape == (6, 7, 8)


def test_keys(save):
    path = save(noisy=MATLAB_CUBE, clean=MATLAB_CUBE + 1)
    with pytest.raises(UserError, match=r"noisy.*clean|clean.*noisy"):
        read(path)
    np.testing.assert_array_equal(read(f"{path}::clean").data, CUBE + 1)
    np.testing.assert_array_equal(read(path, key="noisy").data, CUBE)
    with pytest.raises(UserError, match=r"no 'dirty' in it; choose one of .*noisy"):
        read(path, key="dirty")
    with pytest.raises(UserError, match="two keys"):
        read(f"{path}::clean", key="noisy")


def test_files_without_a_cube(save):
    with pytest.raises(UserError, match=r"no array in it could be a cube.*wl"):
        read(save(wl=np.linspace(400, 900, 6)))


def test_complex_values_are_explained(tmp_path):
    path = tmp_path / "file.mat"
    scipy.io.savemat(path, {"data": MATLAB_CUBE * 1j})
    with pytest.raises(UserError, match="complex"):
        read(path)


def test_damaged_files_are_explained(save):
    path = save(data=np.random.default_rng(0).random((40, 40, 20)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"file\.mat.*(cut short|damaged)"):
        read(path)
    assert catalog.can_read(path)


def test_real_files(shared_data):
    ridge = read(shared_data / "test/airborne/jasper_ridge.mat")
    stored = scipy.io.loadmat(shared_data / "test/airborne/jasper_ridge.mat")["Y"]
    assert ridge.shape == (198, 100, 100)
    assert ridge.data[7, 3, 50] == stored[7, 3 + 50 * 100]
    sea = read(shared_data / "train/airborne/salton_sea.mat")
    assert sea.shape == (224, 51, 56)
    assert sea.wavelengths_nm[0] == pytest.approx(365.9136593)
    assert np.count_nonzero(~sea.good_bands) == 20
    abu = read(shared_data / "train/airborne/abu-beach-1.mat")
    assert (abu.shape, abu.dtype.kind) == ((188, 150, 150), "i")
    trans = read(shared_data / "formats/matlab73_single_band/trans_mean_camera_1.mat")
    assert trans.shape == (1, 676, 844)
    for name, shape in (
        ("samson", (156, 95, 95)),
        ("moffett", (189, 50, 50)),
        ("muufl_campus", (64, 90, 90)),
        ("pavia_reduced", (103, 80, 50)),
    ):
        assert read(shared_data / f"train/airborne/{name}.mat").shape == shape
