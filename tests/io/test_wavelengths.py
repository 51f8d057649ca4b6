from __future__ import annotations

import numpy as np
import pytest

from make.cubes import full_cube, numbered
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import read, write


@pytest.fixture
def cube_file(tmp_path):
    return write(HyperCube(numbered((3, 4, 5))), tmp_path / "cube.npy")


@pytest.mark.parametrize(
    ("text", "expected", "fwhm"),
    [
        ("500\n510.5\n520\n", [500, 510.5, 520], None),
        ("# nm\n500, 510, 520\n", [500, 510, 520], None),
        ("500 510 520\n", [500, 510, 520], None),
        ("band,Wavelength (nm),FWHM\n1,500,5\n2,510,6\n3,520,7\n", [500, 510, 520], [5, 6, 7]),
        ("band;center_um\n1;0.5\n2;0.51\n3;0.52\n", [500, 510, 520], None),
        (
            "Band;wavelength, nm;fwhm\n1;500,5;5\n2;510;5,5\n3;520;6\n",
            [500.5, 510, 520],
            [5, 5.5, 6],
        ),
        ("id\twavelength\n1\t500,5\n2\t510\n3\t520\n", [500.5, 510, 520], None),
        ("\ufeffwavelength\n500\n510\n520\n", [500, 510, 520], None),
        (
            "ENVI\nbands = 3\nwavelength units = um\nwavelength = {0.5, 0.51,\n 0.52}\n",
            [500, 510, 520],
            None,
        ),
    ],
)
def test_tables(tmp_path, cube_file, text, expected, fwhm):
    table = tmp_path / "bands.csv"
    table.write_text(text, encoding="utf-8")
    cube = read(cube_file, wavelengths=table)
    np.testing.assert_allclose(cube.wavelengths_nm, expected)
    assert (cube.fwhm_nm is None) == (fwhm is None)
    if fwhm:
        np.testing.assert_allclose(cube.fwhm_nm, fwhm)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no wavelengths"),
        ("band,gain\n1,2\n", "no column is called 'wavelength'"),
        ("1,500\n2,510\n3,520\n", "columns without names"),
        ("wavelength\n500\nbad\n520\n", "row 2"),
        ("500\n-1\n520\n", "row 2"),
        ("0.5\n0.51\n0.52\n", "micrometres"),
        ("500\n510\n", "2 wavelengths were given for 3 bands"),
    ],
)
def test_wrong_tables_are_explained(tmp_path, cube_file, text, sentence):
    table = tmp_path / "bands.csv"
    table.write_text(text)
    with pytest.raises(UserError, match=sentence):
        read(cube_file, wavelengths=table)


def test_numbers_and_missing_files(tmp_path, cube_file):
    assert list(read(cube_file, wavelengths=[500, 510, 520]).wavelengths_nm) == [500, 510, 520]
    for wrong in ([500, 510, float("nan")], [[500], [510], [520]], ["a", "b", "c"], []):
        with pytest.raises(UserError, match="wavelengths"):
            read(cube_file, wavelengths=wrong)
    with pytest.raises(UserError, match=r"none\.csv.*cannot be read"):
        read(cube_file, wavelengths=tmp_path / "none.csv")


def test_new_wavelengths_replace_those_of_the_file(tmp_path):
    path = write(full_cube(), tmp_path / "full.hdr")
    cube = read(path, wavelengths=[500, 510, 520, 530, 540])
    assert list(cube.wavelengths_nm) == [500, 510, 520, 530, 540]
    assert cube.fwhm_nm is None
    assert cube.units == full_cube().units


def test_the_band_tables_of_real_sensors(shared_data, tmp_path):
    for name, bands in (
        ("prisma", None),
        ("desis", None),
        ("emit", None),
        ("enmap_potsdam_srf", 224),
    ):
        table = shared_data / f"wavelengths/{name}.csv"
        rows = len(table.read_text().splitlines()) - 1
        path = write(HyperCube(np.zeros((rows, 2, 2), np.uint8)), tmp_path / f"{name}.npy")
        cube = read(path, wavelengths=str(table))
        assert bands in (None, cube.n_bands)
        assert 350 < cube.wavelengths_nm.min() < 450
        assert cube.fwhm_nm is not None
