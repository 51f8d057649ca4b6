"""What a file leaves open: listed, asked for and answered."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import tifffile

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import UnsettledError, guesses, read, write
from napari_hsi_restore.io.choices import Answers, DataSet, choices, other_count, read_with
from napari_hsi_restore.scene import demo_scene

VALUES = np.random.default_rng(0).integers(0, 1000, (20, 17, 14)).astype(np.uint16)


def keys(path):
    return [(one.key, one.shape) for one in choices(path).data_sets]


def test_the_arrays_that_could_be_a_cube_are_listed_largest_first(tmp_path):
    arrays = {
        "small": VALUES[:4, :5, :6],
        "cube": VALUES,
        "wavelengths": np.arange(20.0),
        "name": "a text",
    }
    scipy.io.savemat(tmp_path / "several.mat", arrays)
    assert keys(tmp_path / "several.mat") == [("cube", (20, 17, 14)), ("small", (4, 5, 6))]
    scipy.io.savemat(tmp_path / "inside.mat", {"scene": {"cube": VALUES, "gain": 2.0}})
    assert keys(tmp_path / "inside.mat") == [("scene/cube", (20, 17, 14))]
    np.savez(tmp_path / "a.npz", **{name: arrays[name] for name in ("small", "cube")})
    assert keys(tmp_path / "a.npz") == [("cube", (20, 17, 14)), ("small", (4, 5, 6))]
    np.save(tmp_path / "a.npy", VALUES)
    assert choices(tmp_path / "a.npy").data_sets == (DataSet(None, (20, 17, 14), "uint16"),)
    tifffile.imwrite(tmp_path / "a.tif", VALUES, photometric="minisblack")
    assert keys(tmp_path / "a.tif") == [(None, (20, 17, 14))]


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".h5", ".npy", ".tif", ".zarr"])
def test_every_listed_key_of_our_own_files_opens(tmp_path, suffix):
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    write(demo_scene(size=16), tmp_path / f"scene{suffix}")
    [one] = choices(tmp_path / f"scene{suffix}").data_sets
    assert one.layout == "cube"
    assert read(tmp_path / f"scene{suffix}", key=one.key).shape == (31, 16, 16)


def test_envi_leaves_nothing_open_and_a_folder_its_series(tmp_path):
    write(demo_scene(size=16), tmp_path / "scene.hdr")
    assert choices(tmp_path / "scene.hdr").data_sets == ()
    folder = tmp_path / "bands"
    folder.mkdir()
    for number in range(1, 5):
        tifffile.imwrite(folder / f"a_{number}.tif", VALUES[number])
        tifffile.imwrite(folder / f"b_{number}.tif", VALUES[number] + 1)
    assert sorted(keys(folder)) == [("a_", (4,)), ("b_", (4,))]
    with pytest.raises(UnsettledError) as told:
        read(folder)
    assert told.value.question == "key"
    assert read_with(folder, Answers(key="b_")).data[0, 0, 0] == VALUES[1, 0, 0] + 1


def test_what_only_the_user_can_know_is_asked_for_by_name(tmp_path):
    np.save(tmp_path / "axes.npy", VALUES)
    np.save(tmp_path / "matrix.npy", np.zeros((20, 600)))
    np.savez(tmp_path / "two.npz", a=VALUES, b=VALUES)
    tifffile.imwrite(tmp_path / "rows.tif", VALUES[:17, :, :], photometric="minisblack")
    for name, question in (
        ("axes.npy", "bands_axis"),
        ("matrix.npy", "shape"),
        ("two.npz", "key"),
        ("rows.tif", "bands_axis"),
    ):
        with pytest.raises(UnsettledError) as told:
            read(tmp_path / name)
        assert told.value.question == question
        again = pickle.loads(pickle.dumps(told.value))
        assert (str(again), again.question) == (str(told.value), question)


def test_answers_settle_it(tmp_path):
    np.save(tmp_path / "axes.npy", VALUES)
    cube = read_with(tmp_path / "axes.npy", Answers(bands_axis=2, wavelengths=(400.0, 1050.0)))
    np.testing.assert_array_equal(cube.data, VALUES.transpose(2, 0, 1))
    np.testing.assert_allclose(cube.wavelengths_nm, np.linspace(400, 1050, 14))
    assert "as typed" in cube.history[-1]
    assert guesses(cube.history) == ()
    (tmp_path / "bands.csv").write_text("wavelength\n" + "\n".join(map(str, range(500, 517))))
    cube = read_with(tmp_path / "axes.npy", Answers(wavelengths=tmp_path / "bands.csv"))
    np.testing.assert_array_equal(cube.data, VALUES.transpose(1, 0, 2))
    assert cube.wavelengths_nm[-1] == 516
    np.save(tmp_path / "matrix.npy", VALUES.reshape(20, -1))
    cube = read_with(tmp_path / "matrix.npy", Answers(shape=(17, 14)))
    np.testing.assert_array_equal(cube.data, VALUES)


def test_axes_of_length_one_are_neither_offered_nor_in_the_way(tmp_path):
    np.save(tmp_path / "four.npy", VALUES[None])
    [one] = choices(tmp_path / "four.npy").data_sets
    assert (one.layout, one.axes) == ("cube", (1, 2, 3))
    for axis in (2, -2):
        cube = read_with(tmp_path / "four.npy", Answers(bands_axis=axis))
        np.testing.assert_array_equal(cube.data, VALUES.transpose(1, 0, 2))
    with pytest.raises(UserError, match="axes 0 to 3"):
        read_with(tmp_path / "four.npy", Answers(bands_axis=4))
    np.save(tmp_path / "five.npy", VALUES.reshape(2, 10, 17, 7, 2))
    [one] = choices(tmp_path / "five.npy").data_sets
    assert one.layout == "other"
    with pytest.raises(UserError, match="three axes"):
        read_with(tmp_path / "five.npy", Answers(bands_axis=0))


def test_answers_that_cannot_be_are_refused(tmp_path):
    np.save(tmp_path / "axes.npy", VALUES)
    for wavelengths in ((0.4, 1.0), (-5.0, 500.0), (500.0, 0.7)):
        with pytest.raises(UserError, match="nanometres"):
            read_with(tmp_path / "axes.npy", Answers(bands_axis=0, wavelengths=wavelengths))
    with pytest.raises(UserError, match="cannot both be 500 nm"):
        read_with(tmp_path / "axes.npy", Answers(bands_axis=0, wavelengths=(500.0, 500.0)))
    with pytest.raises(UserError, match="no such file"):
        choices(tmp_path / "nowhere.npy")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "axes.npy").read_bytes()[:500])
    (tmp_path / "cut.tif").write_bytes(b"II*\0\x08\0\0\0")
    for name in ("cut.npy", "cut.tif"):
        with pytest.raises(UserError, match="cut short"):
            choices(tmp_path / name)


def test_rows_complete_the_columns():
    assert other_count((198, 10_000), 100) == 100
    assert other_count((600, 20), 30) == 20
    assert other_count((198, 10_000), 33) is None
    assert other_count((198, 10_000), 0) is None


def test_real_files(shared_data: Path) -> None:
    listed = choices(shared_data / "test/airborne/jasper_ridge.mat").data_sets
    assert listed[0] == DataSet("Y", (198, 10_000), "float64")
    assert listed[0].layout == "matrix"
    [neon] = choices(shared_data / "formats/hdf5_neon/ex.h5").data_sets
    assert neon.key == "SJER/Reflectance/Reflectance_Data"
    assert neon.shape == (30, 30, 426)
