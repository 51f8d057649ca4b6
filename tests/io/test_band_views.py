"""Large files: what is shown at once, what comes later, and that it is what the file holds."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import numpy as np
import pytest

from make.envi_files import envi
from napari_hsi_restore.io import band_views, read
from napari_hsi_restore.io.band_views import BandViews, suits

SHAPE = (12, 700, 300)


@pytest.fixture
def values():
    return np.arange(np.prod(SHAPE), dtype="u4").reshape(SHAPE).astype("u2")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(band_views, "LARGE_BYTES", 2**20)
    monkeypatch.setattr(band_views, "OVERVIEW_BYTES", 2**18)
    monkeypatch.setattr(band_views, "_BLOCK_BYTES", 2**17)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def everything(views, level):
    return tuple((0, n) for n in views.shape(level))


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("sorts", [True, False])
def test_every_piece_is_what_the_file_holds_in_the_end(tmp_path, values, interleave, sorts):
    data = read(envi(tmp_path, values, interleave=interleave)).data
    assert suits(data)
    views = BandViews(data, copy_bytes=2**30 if sorts else 0, folder=tmp_path)
    assert views.scattered == (interleave != "bsq")
    for level, step in enumerate(views.steps):
        whole = values[:, ::step, ::step]
        assert np.array_equal(views.exact(level, everything(views, level)), whole)
        box = ((4, 5), (3, whole.shape[1] - 1), (2, 9))
        until(lambda level=level, box=box: views.at_once(level, box)[1])
        assert np.array_equal(views.at_once(level, box)[0], whole[4:5, 3:-1, 2:9])
    if views.copy_step:
        until(lambda: views._sorted is not None)
        for level, step in enumerate(views.steps):
            whole = values[:, ::step, ::step]
            assert np.array_equal(views.exact(level, everything(views, level)), whole)


def test_nobody_waits_for_a_band_that_lies_in_all_of_the_file(tmp_path, values):
    views = BandViews(read(envi(tmp_path, values, interleave="bip")).data, folder=tmp_path)
    # As while the window builds the layer: nothing is read, and no patience would help.
    views.postpone(0.3, 0.3)
    box = ((4, 5), (0, 700), (0, 300))
    preview, exact = views.at_once(0, box, patience_s=3600.0)
    assert not exact
    assert preview.shape == (1, 700, 300)
    assert np.array_equal(views.exact(0, box), values[4:5])


def test_a_preview_has_the_shape_and_comes_from_the_overview(tmp_path, values):
    smooth = np.broadcast_to(np.arange(700, dtype="u2")[:, None], SHAPE).copy()
    views = BandViews(
        read(envi(tmp_path, smooth, interleave="bip")).data, folder=tmp_path, copy_bytes=2**30
    )
    views.prepare()
    until(lambda: views._sorted is not None)
    views._reading = True  # As if a band were under way.
    box = ((7, 8), (100, 400), (0, 300))
    preview, exact = views.at_once(0, box)
    assert not exact
    assert preview.shape == (1, 300, 300)
    assert np.abs(preview.astype(int) - smooth[7:8, 100:400]).max() <= views._overview[0]


def test_the_temporary_file_keeps_its_limit_and_leaves_nothing(tmp_path, values):
    data = read(envi(tmp_path, values, interleave="bip")).data
    folder = tmp_path / "cache"
    assert BandViews(data, folder=folder, copy_bytes=values.nbytes).copy_step == 1
    assert BandViews(data, folder=folder, copy_bytes=values.nbytes - 1).copy_step == 2
    assert BandViews(data, folder=folder, copy_bytes=1000).copy_size == 0
    views = BandViews(data, folder=folder)
    views.prepare()
    gone = weakref.ref(views)
    until(lambda: gone()._sorted is not None)
    del views
    gc.collect()
    assert gone() is None
    assert list(folder.iterdir()) == []


def test_a_cube_that_is_closed_while_it_is_sorted_ends_the_thread(tmp_path, values):
    views = BandViews(read(envi(tmp_path, values, interleave="bip")).data, folder=tmp_path)
    views.prepare()
    del views
    until(lambda: not any(t.name == "band overview" for t in threading.enumerate()))


def test_a_file_that_vanishes_is_said_and_what_was_read_stays(tmp_path, values):
    views = BandViews(
        read(envi(tmp_path, values, interleave="bip")).data, folder=tmp_path, copy_bytes=0
    )
    first = ((0, 1), (0, 700), (0, 300))
    until(lambda: views.at_once(0, first)[1])
    (tmp_path / "scene.dat").unlink()
    until(lambda: views.at_once(0, ((9, 10), (0, 700), (0, 300))) and views.failure)
    assert "scene.dat" in views.failure
    assert np.array_equal(views.at_once(0, first)[0], values[:1])


def test_small_cubes_and_parts_of_a_map_are_shown_directly(tmp_path, values):
    data = read(envi(tmp_path, values)).data
    assert not suits(values)
    assert not suits(data[:, ::2])
    assert not suits(data[:1])
