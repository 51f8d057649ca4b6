from __future__ import annotations

import pickle
import struct
import subprocess
import sys

import h5py
import numpy as np
import pytest

from make.cubes import numbered
from make.matlab73 import matlab73
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read
from napari_hsi_restore.io.formats import hdf5_file

NEON = "formats/hdf5_neon/ex.h5"


def test_neon_reflectance(shared_data):
    cube = read(shared_data / NEON)
    with h5py.File(shared_data / NEON) as file:
        stored = file["SJER/Reflectance/Reflectance_Data"][...]
    np.testing.assert_array_equal(cube.data, stored.transpose(2, 0, 1))
    assert (cube.gain, cube.nodata, cube.units) == (1e-4, -9999.0, "reflectance")
    assert cube.wavelengths_nm[0] == pytest.approx(383.534, abs=1e-3)
    assert cube.georeference.crs == "EPSG:32611"
    assert cube.georeference.transform == (1.0, 0.0, 257000.0, 0.0, -1.0, 4112000.0)


def test_neon_says_where_water_absorbs(tmp_path):
    path = tmp_path / "neon.h5"
    centres = np.array([400.0, 1339.0, 1340.0, 1400.0, 1445.0, 1500.0, 1800.0, 2000.0])
    with h5py.File(path, "w") as file:
        group = file.create_group("SJER/Reflectance")
        group["Reflectance_Data"] = numbered((5, 6, 8))
        group["Metadata/Spectral_Data/Wavelength"] = centres
        group.attrs["Band_Window_1_Nanometers"] = [1340, 1445]
        group.attrs["Band_Window_2_Nanometers"] = [1790.0, 1955.0]
        group.attrs["Band_Window_3_Nanometers"] = "damaged"
    np.testing.assert_array_equal(read(path).good_bands, [1, 1, 0, 0, 0, 1, 0, 1])
    with h5py.File(path, "a") as file:
        # Nothing would be left to look at.
        file["SJER/Reflectance"].attrs["Band_Window_1_Nanometers"] = [0, 9999]
    assert read(path).good_bands is None


def test_a_generic_file_by_key(tmp_path):
    path = tmp_path / "two.h5"
    with h5py.File(path, "w") as file:
        file["scan/raw"] = numbered((6, 40, 50))
        file["scan/dark"] = numbered((6, 40, 50)) + 1
        file["title"] = "a title"
    with pytest.raises(UserError, match=r"scan/raw \(6, 40, 50\)"):
        read(path)
    cube = read(f"{path}::scan/dark")
    np.testing.assert_array_equal(cube.data, numbered((6, 40, 50)) + 1)
    with pytest.raises(UserError, match="title is no array of numbers"):
        read(path, key="title")


@pytest.mark.parametrize("matlab", [False, True])
def test_large_data_sets_stay_in_the_file(tmp_path, matlab):
    # Chunks that were never written take no space: 160 MB in a file of some kB.
    path = tmp_path / "large.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        shape = (40, 1000, 1001)
        large = file.create_dataset("cube", shape, np.float32, chunks=(10, 100, 100), fillvalue=7)
        large[3, 4, 5] = 1.5
    if matlab:
        with path.open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(128))
    cube = read(path, bands_axis=2 if matlab else 0)
    assert cube.is_lazy
    assert cube.shape == ((40, 1001, 1000) if matlab else (40, 1000, 1001))
    row, column = (5, 4) if matlab else (4, 5)
    again = pickle.loads(pickle.dumps(cube))
    for one in (cube, again):
        spectrum = one.spectrum(row, column)
        assert spectrum[3] == 1.5
        assert np.all(np.delete(spectrum, 3) == 7)


def test_no_file_handle_stays_open(tmp_path):
    path = matlab73(tmp_path / "file.mat", data=numbered((4, 5, 6)))
    read(path)
    with h5py.File(path, "a") as file:  # refused while somebody reads it
        file["more"] = 1


def test_files_without_a_cube_are_left_to_others(tmp_path):
    path = tmp_path / "table.h5"
    with h5py.File(path, "w") as file:
        file["values"] = np.zeros(100)
    assert not catalog.can_read(path)
    with pytest.raises(UserError, match=r"values \(100,\)"):
        read(path)


def test_chunks_are_whole_stored_chunks():
    chunks = hdf5_file.chunks((300, 2000, 2000), 4, (10, 100, 100))
    assert all(c % s == 0 for c, s in zip(chunks, (10, 100, 100), strict=True))
    assert 4e6 < np.prod(chunks) * 4 <= 8 * 2**20


def test_a_damaged_heap_of_texts_is_a_sentence_and_no_hang(tmp_path):
    path = tmp_path / "whole.h5"
    with h5py.File(path, "w") as file:
        file["cube"] = numbered((6, 40, 50))
        file["cube"].attrs["units"] = "W m-2"
    assert read(path).units == "W m-2"
    raw = path.read_bytes()
    heap = raw.find(b"GCOL")
    damaged = []
    # The first object: no number and no length; a length that leads nowhere; all blank.
    for number, body in enumerate(
        (struct.pack("<HHIQ", 0, 0, 0, 0), struct.pack("<HHIQ", 1, 0, 0, 2**64 - 16), bytes(4000))
    ):
        content = bytearray(raw)
        content[heap + 16 : heap + 16 + len(body)] = body
        damaged.append(tmp_path / f"damaged{number}.h5")
        damaged[-1].write_bytes(content)
    # In a process of its own: a hang inside the library would never give the test back.
    script = (
        "import sys\n"
        "from napari_hsi_restore.errors import UserError\n"
        "from napari_hsi_restore.io import read\n"
        "for path in sys.argv[1:]:\n"
        "    try: print(read(path).shape)\n"
        "    except UserError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, damaged)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stdout
    for line, one in zip(lines, damaged, strict=True):
        assert line.startswith(f"{one}: ")
        assert "heap of texts is damaged" in line


def test_more_bands_than_there_are_is_a_sentence(tmp_path):
    path = tmp_path / "wide.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("cube", (30, 30, 33_554_858), np.int32, chunks=(13, 13, 13))
    with pytest.raises(UserError, match=r"wide\.h5: 33554858 bands are more than any sensor has"):
        read(path, bands_axis=2)


def test_large_stored_chunks_are_not_joined():
    # Each band would unpack more of its neighbours.
    assert hdf5_file.chunks((2176, 1242, 285), 4, (256, 256, 32)) == (256, 256, 32)
