from __future__ import annotations

import os

import dask.array as da
import numpy as np
import pytest

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.mapped import open_mapped
from napari_hsi_restore.jobs import transfer


def full_cube(data):
    bands = data.shape[0]
    return HyperCube(
        data,
        name="field",
        wavelengths_nm=np.linspace(400, 900, bands),
        fwhm_nm=np.full(bands, 7.5),
        good_bands=np.arange(bands) != 1,
        units="reflectance",
        gain=np.full(bands, 0.5),
        offset=2.0,
        white_level=np.float32(4096),
        nodata=float("nan"),
        georeference=Georeference("EPSG:32633", (2.0, 0.0, 10.0, 0.0, -2.0, 20.0)),
        source="field.hdr",
        history=("read", '{"step": "crop"}'),
        metadata={"sensor": "PRISMA"},
    )


def assert_same(first, second):
    np.testing.assert_array_equal(np.asarray(first.data), np.asarray(second.data))
    assert first.dtype == second.dtype
    for field in ("wavelengths_nm", "fwhm_nm", "good_bands", "gain", "offset"):
        np.testing.assert_array_equal(getattr(first, field), getattr(second, field))
    for field in ("name", "units", "white_level", "georeference", "source", "history", "metadata"):
        assert getattr(first, field) == getattr(second, field)
    assert np.isnan(second.nodata)


@pytest.mark.parametrize("dtype", ["u1", ">i2", "f4", "f8"])
def test_nothing_is_lost_on_the_way(tmp_path, dtype):
    cube = full_cube((np.arange(4 * 5 * 6).reshape(4, 5, 6) % 200).astype(dtype))
    transfer.write_cube(cube, tmp_path, transfer.INPUT)
    assert_same(cube, transfer.read_cube(tmp_path, transfer.INPUT))


def test_a_lazy_cube_is_computed_chunk_by_chunk(tmp_path):
    values = np.random.default_rng(0).normal(size=(7, 30, 20))
    lazy = full_cube(da.from_array(values, chunks=(3, 8, 20)))
    transfer.write_cube(lazy, tmp_path, transfer.INPUT)
    assert_same(lazy, transfer.read_cube(tmp_path, transfer.INPUT))


def test_a_cube_larger_than_a_block_arrives_whole(tmp_path):
    values = np.random.default_rng(0).integers(0, 9, (5, 1500, 1700)).astype(np.float32)
    transfer.write_cube(full_cube(values), tmp_path, transfer.INPUT)
    np.testing.assert_array_equal(transfer.read_cube(tmp_path, transfer.INPUT).data, values)


def test_a_mapped_file_is_not_copied(tmp_path):
    # A BIP file seen as (bands, y, x), behind a header, with some rows cut off.
    stored = np.arange(3 * 8 * 9, dtype="<u2").reshape(8, 9, 3)
    path = tmp_path / "cube.bip"
    path.write_bytes(b"x" * 33 + stored.tobytes())
    mapped = np.memmap(path, dtype="<u2", mode="r", offset=33, shape=(8, 9, 3))
    cube = full_cube(mapped.transpose(2, 0, 1)).crop(slice(2, 7), slice(1, 9))
    folder = tmp_path / "job"
    folder.mkdir()
    transfer.write_cube(cube, folder, transfer.INPUT)
    assert [file.name for file in folder.iterdir()] == ["input.json"]
    assert_same(cube, transfer.read_cube(folder, transfer.INPUT))


def test_a_private_copy_of_a_mapped_file_is_copied(tmp_path):
    path = tmp_path / "cube.npy"
    np.save(path, np.zeros((2, 3, 4)))
    changed = np.load(path, mmap_mode="c")
    changed[:] = 5
    transfer.write_cube(HyperCube(changed), tmp_path, transfer.INPUT)
    assert transfer.read_cube(tmp_path, transfer.INPUT).array().min() == 5


def test_writing_stops_when_it_is_no_longer_wanted(tmp_path):
    with pytest.raises(transfer.TransferCancelledError):
        transfer.write_array(np.zeros((2, 3, 4)), tmp_path / "a.npy", lambda: True)


def test_a_full_disk_is_a_sentence(tmp_path):
    endless = np.broadcast_to(np.float64(0), (1000, 10**6, 10**6))
    with pytest.raises(UserError, match="too full"):
        transfer.write_array(endless, tmp_path / "a.npy")
    assert not list(tmp_path.iterdir())


def test_the_fingerprint_follows_the_values(tmp_path):
    def fingerprint(cube, name):
        (tmp_path / name).mkdir()
        transfer.write_cube(cube, tmp_path / name, transfer.INPUT)
        return transfer.fingerprint(tmp_path / name, transfer.INPUT)

    values = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    cube = full_cube(values.copy())
    first = fingerprint(cube, "first")
    assert fingerprint(cube.replace(name="another name"), "same") == first
    assert fingerprint(cube.replace(data=da.from_array(values)), "lazy") == first
    assert fingerprint(cube.replace(nodata=3.0), "nodata") != first
    assert fingerprint(cube.replace(data=values.reshape(2, 4, 3)), "shape") != first
    cube.data[1, 2, 3] += 1
    assert fingerprint(cube, "edited") != first


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_the_fingerprint_follows_the_file(tmp_path, mode):
    path = tmp_path / "cube.npy"
    values = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)

    def fingerprint():
        cube = full_cube(np.load(path, mmap_mode=mode))
        transfer.write_cube(cube, tmp_path, transfer.INPUT)
        return transfer.fingerprint(tmp_path, transfer.INPUT)

    np.save(path, values)
    first = fingerprint()
    assert fingerprint() == first
    values[0, 0, 0] = 7
    np.save(path, values)
    # The clock of a file system may be too coarse for a test.
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 10**9))
    assert fingerprint() != first


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody shorten a mapped file")
def test_a_users_file_that_becomes_shorter_is_said_and_does_not_end_the_process(tmp_path):
    path = tmp_path / "scene.dat"
    values = np.arange(60_000, dtype="<u2").reshape(100, 20, 30)
    path.write_bytes(b"head" + values.tobytes())
    mapped = open_mapped(path, "<u2", 4, values.shape).transpose(2, 0, 1)
    transfer.write_cube(full_cube(mapped), tmp_path, transfer.INPUT)
    data = transfer.read_cube(tmp_path, transfer.INPUT).data
    assert np.array_equal(data, values.transpose(2, 0, 1))
    assert np.array_equal(data[3, 10:20], values[10:20, :, 3])
    os.truncate(path, 5000)
    with pytest.raises(UserError, match="another program made the file shorter"):
        data[:, 50:60]
