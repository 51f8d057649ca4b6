from __future__ import annotations

import numpy as np
import pytest

from make.cubes import full_cube, numbered
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read, write


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((31, 512, 500), 0), ((610, 340, 103), 2), ((64, 64, 20), 2), ((5, 9, 9), 0)],
)
def test_the_axis_that_stands_out_is_taken_and_said(tmp_path, shape, axis):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    cube = read(tmp_path / "a.npy")
    assert cube.n_bands == shape[axis]
    assert cube.is_lazy
    assert f"axis {axis} of {shape}" in cube.history[0]


@pytest.mark.parametrize("shape", [(50, 50, 50), (100, 80, 60), (50, 20, 50)])
def test_what_is_not_clear_is_asked(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    with pytest.raises(UserError, match="--bands-axis"):
        read(tmp_path / "a.npy")
    assert read(tmp_path / "a.npy", bands_axis=1).n_bands == shape[1]
    assert read(tmp_path / "a.npy", bands_axis=1).history == ()
    with pytest.raises(UserError, match="axes 0 to 2"):
        read(tmp_path / "a.npy", bands_axis=3)


def test_a_matrix_with_its_shape(tmp_path):
    data = numbered((6, 4, 5))
    np.save(tmp_path / "m.npy", data.reshape(6, 20))
    np.testing.assert_array_equal(read(tmp_path / "m.npy", shape=(4, 5)).data, data)
    np.testing.assert_array_equal(
        read(tmp_path / "m.npy", shape=(4, 5), pixel_order="column-major").data,
        data.reshape(6, 5, 4).transpose(0, 2, 1),
    )


def test_wrong_arrays_are_explained(tmp_path):
    np.save(tmp_path / "c.npy", np.zeros((4, 5, 5), np.complex64))
    with pytest.raises(UserError, match="complex"):
        read(tmp_path / "c.npy")
    np.save(tmp_path / "line.npy", np.zeros(9))
    with pytest.raises(UserError, match="three axes"):
        read(tmp_path / "line.npy")
    np.save(tmp_path / "o.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="Python objects"):
        read(tmp_path / "o.npy")
    np.save(tmp_path / "cut.npy", np.zeros((9, 9, 5)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-8])
    with pytest.raises(UserError, match=r"cut\.npy"):
        read(tmp_path / "cut.npy")


def test_all_nan_is_a_cube(tmp_path):
    np.save(tmp_path / "nan.npy", np.full((9, 9, 5), np.nan))
    cube = read(tmp_path / "nan.npy")
    assert not cube.valid(np.asarray(cube.data)).any()


def test_a_damaged_record_is_explained(tmp_path):
    path = write(full_cube(), tmp_path / "a.npy")
    beside = tmp_path / "a.npy.json"
    text = beside.read_text()
    for damaged in ("", "{}", text[:100], text.replace("[", "[[", 1)):
        beside.write_text(damaged)
        with pytest.raises(UserError, match=r"a\.npy.*record"):
            read(path)


def test_an_archive_with_wavelengths(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, image=numbered((4, 9, 9)), wavelengths=np.array([500.0, 510, 520, 530]))
    cube = read(path)
    np.testing.assert_array_equal(cube.data, numbered((4, 9, 9)))
    np.testing.assert_array_equal(cube.wavelengths_nm, [500, 510, 520, 530])
    assert catalog.can_read(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r"a\.npz"):
        read(path)
