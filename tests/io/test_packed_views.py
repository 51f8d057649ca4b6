"""Large compressed files: what is shown is what the file holds, and no chunk is decoded twice."""

from __future__ import annotations

import collections
import gc
import time
import weakref

import dask.array as da
import h5py
import numpy as np
import pytest

from napari_hsi_restore.io import band_views, decoded_chunks, packed_views, read
from napari_hsi_restore.io.packed_views import PackedViews, is_packed, stored_spectrum

SHAPE = (12, 330, 300)
CHUNKS = {"whole spectra": (12, 64, 100), "some bands": (5, 100, 128), "pages": (1, 330, 300)}


@pytest.fixture
def values():
    return np.arange(np.prod(SHAPE), dtype="u4").reshape(SHAPE).astype("u2")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(packed_views, "SMALL_BYTES", 2**20)
    monkeypatch.setattr(packed_views, "COSTLY_BYTES", 2**19)
    monkeypatch.setattr(packed_views, "_NEWS_S", 0.0)
    monkeypatch.setattr(band_views, "OVERVIEW_BYTES", 2**18)
    monkeypatch.setattr(decoded_chunks, "_CHUNK_BYTES", 2**16)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def counted(values, chunks):
    """A lazy cube, and how often each of its chunks was decoded."""
    decoded = collections.Counter()

    def block(part, block_info=None):
        decoded[tuple(block_info[0]["chunk-location"])] += 1
        return part

    lazy = da.from_array(values, chunks=chunks).map_blocks(
        block, dtype=values.dtype, meta=np.empty((0, 0, 0), values.dtype)
    )
    return lazy, decoded


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS.keys())
@pytest.mark.parametrize("copy", ["none", "coarse", "whole"])
def test_every_piece_is_what_the_cube_holds(tmp_path, values, chunks, copy):
    size = {"none": 0, "coarse": values.nbytes // 3, "whole": values.nbytes}[copy]
    lazy, decoded = counted(values, chunks)
    assert is_packed(lazy)
    views = PackedViews(lazy, copy_bytes=size, folder=tmp_path)
    for _ in range(2):
        for level, step in enumerate(views.steps):
            whole = values[:, ::step, ::step]
            assert np.array_equal(
                views.exact(level, tuple((0, n) for n in views.shape(level))), whole
            )
            box = ((4, 5), (3, whole.shape[1] - 1), (2, 9))
            until(lambda level=level, box=box: views.at_once(level, box)[1])
            assert np.array_equal(views.at_once(level, box)[0], whole[4:5, 3:-1, 2:9])
        for row, column in ((0, 0), (329, 299), (63, 100)):
            assert np.array_equal(stored_spectrum(lazy, row, column), values[:, row, column])
        if views.copy_step:
            until(lambda: views.copied)
    assert views.copy_step == (0 if not views.scattered else {"none": 0, "coarse": 2}.get(copy, 1))
    # Memory holds all of so small a cube; only its coarse copy may decode a chunk once more.
    assert max(decoded.values()) <= 1


def test_a_band_of_chunks_of_some_bands_needs_no_copy(tmp_path, values, monkeypatch):
    monkeypatch.setattr(packed_views, "COSTLY_BYTES", 2**21)
    lazy, decoded = counted(values, CHUNKS["some bands"])
    views = PackedViews(lazy, folder=tmp_path)
    assert views.copy_step == 0
    box = ((1, 2), (0, 330), (0, 300))
    until(lambda: views.at_once(0, box)[1] and not views.busy)
    assert {place[0] for place in decoded} == {0}
    before = sum(decoded.values())
    assert np.array_equal(views.exact(0, ((4, 5), *box[1:])), values[4:5])
    assert sum(decoded.values()) == before


def test_memory_keeps_its_limit(tmp_path, values):
    lazy, decoded = counted(values, (12, 33, 30))
    chunks = decoded_chunks.DecodedChunks(lazy, 10 * 12 * 33 * 30 * 2)
    for place in chunks.places():
        chunks.samples(place, 1)
    assert chunks._bytes <= 10 * 12 * 33 * 30 * 2 < values.nbytes
    assert chunks._bytes == sum(held.nbytes for held in chunks._held.values())
    assert sum(decoded.values()) == 100


def test_the_picture_fills_while_the_cube_is_unpacked(tmp_path, values):
    lazy, _ = counted(np.maximum(values, 1), CHUNKS["whole spectra"])
    views = PackedViews(lazy, folder=tmp_path)
    places = views._begin_unpacking()
    views._prepared = views._reading = True  # As if a band were under way.
    box = ((7, 8), (0, 330), (0, 300))
    known = []
    for place in places:
        preview, exact = views.at_once(0, box)
        assert not exact
        known.append((preview != 0).mean())
        views._unpack_chunk(place)
    assert known == sorted(known)
    assert known[0] == 0
    assert 0.5 < known[-1] < 1


def test_a_full_disk_ends_the_unpacking_and_bands_still_come(tmp_path, values, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(decoded_chunks._UnpackedFile, "write", full)
    lazy, _ = counted(values, CHUNKS["whole spectra"])
    views = PackedViews(lazy, folder=tmp_path)
    box = ((7, 8), (0, 330), (0, 300))
    until(lambda: views.at_once(0, box)[1])
    until(lambda: views.sorting is None)
    assert not views.copied
    assert not views.failure
    assert np.array_equal(views.at_once(0, box)[0], values[7:8])


def test_the_temporary_file_goes_with_the_cube(tmp_path, values):
    lazy, _ = counted(values, CHUNKS["whole spectra"])
    views = PackedViews(lazy, folder=tmp_path / "cache")
    views.prepare()
    gone = weakref.ref(views)
    until(lambda: gone().copied)
    del views
    gc.collect()
    assert gone() is None
    assert list((tmp_path / "cache").iterdir()) == []
    assert stored_spectrum(lazy, 0, 0) is None


def test_a_file_that_vanishes_is_said_and_what_was_read_stays(tmp_path, values, monkeypatch):
    from napari_hsi_restore.io.formats import hdf5_file

    monkeypatch.setattr(hdf5_file, "EAGER_BYTES", 2**10)
    monkeypatch.setattr(hdf5_file, "_CHUNK_BYTES", 2**10)
    path = tmp_path / "scene.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(1, 330, 300), compression="gzip")
    cube = read(path, bands_axis=0)
    views = PackedViews(cube.data, copy_bytes=0, folder=tmp_path)
    first = ((0, 1), (0, 330), (0, 300))
    until(lambda: views.at_once(0, first)[1] and not views.busy)
    path.unlink()
    last = ((11, 12), (0, 330), (0, 300))
    until(lambda: views.at_once(0, last) and views.failure)
    assert "scene.h5" in views.failure
    assert np.array_equal(views.at_once(0, first)[0], values[:1])


def test_small_cubes_are_shown_directly(values):
    assert not is_packed(da.from_array(values[:1], chunks=(1, 330, 300)))
    assert not is_packed(values)
    assert not is_packed(da.from_array(values[None]))
