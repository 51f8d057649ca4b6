"""Memory maps: the same values as ever, and every page of a small view is asked for."""

from __future__ import annotations

import mmap
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io.mapped import Mapped, open_mapped, pieces

SHAPE = (7, 60, 500)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbers from 0 on as uint16 behind 10 bytes of something else."""
    path = tmp_path_factory.mktemp("mapped") / "values.img"
    path.write_bytes(bytes(10) + (np.arange(np.prod(SHAPE)) % 65536).astype("<u2").tobytes())
    return path


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return (np.arange(np.prod(SHAPE)) % 65536).astype("<u2").reshape(SHAPE)


_SLICES = st.builds(
    slice,
    st.none() | st.integers(-80, 80),
    st.none() | st.integers(-80, 80),
    st.none() | st.sampled_from([1, 2, 7, -1, -3]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    index=st.tuples(st.integers(-7, 6) | _SLICES, st.integers(-60, 59) | _SLICES, _SLICES),
    axes=st.permutations(range(3)),
)
def test_views_are_those_of_numpy(path, plain, index, axes):
    mapped = open_mapped(path, "<u2", 10, SHAPE).transpose(axes)
    expected = plain.transpose(axes)
    try:
        wanted = expected[index]
    except IndexError:
        return
    np.testing.assert_array_equal(mapped[index], wanted)


@pytest.mark.parametrize("gap", [0, 4, 64 * 2**10])
def test_the_pieces_of_a_view_hold_all_its_values(monkeypatch, gap):
    monkeypatch.setattr("napari_hsi_restore.io.mapped._GAP", gap)
    places = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    begin = places.__array_interface__["data"][0]
    for view in (
        places[:, 3, 9],
        places[2],
        places[:, 5],
        places[::2, ::7, ::11],
        places[::-1, 4:9, ::-3],
        places.transpose(2, 0, 1)[17],
        places[1, 1, 1:2],
    ):
        runs = list(pieces(view))
        assert runs == sorted(runs)
        asked = np.zeros(places.size, bool)
        for start, length in runs:
            assert (start - begin) % 8 == length % 8 == 0
            asked[(start - begin) // 8 : (start - begin + length) // 8] = True
        assert asked[view.ravel()].all()
        if gap == 0:
            assert asked.sum() == view.size


def test_a_spectrum_is_asked_for_band_by_band_and_a_cube_not_at_all(path):
    mapped = open_mapped(path, "<u2", 10, SHAPE)
    # Bands lie 60 000 bytes apart, which is read along; twice that is not.
    assert len(list(pieces(mapped[:, 3:4, 9:10]))) == 1
    assert len(list(pieces(mapped[::2, 3:4, 9:10]))) == 4
    huge = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (10_000, 10), (2**17, 1))
    assert list(pieces(huge)) == []
    assert list(pieces(np.broadcast_to(np.zeros(1), (3, 0)))) == []


def test_results_and_copies_are_ordinary_arrays(path, plain):
    mapped = open_mapped(path, "<u2", 10, SHAPE)
    assert type(mapped) is Mapped
    assert type(mapped[2:]) is Mapped
    assert type(mapped.transpose(2, 0, 1)[:, 3:]) is Mapped
    # What somebody may keep for long, while the file changes.
    for index in (2, (2, slice(3, 9)), (slice(None), 3, 9)):
        assert type(mapped[index]) is np.ndarray
        assert mapped[index].base is None
        np.testing.assert_array_equal(mapped[index], plain[index])
    assert type(mapped[[0, 2]]) is np.ndarray
    assert type(mapped + 1) is np.ndarray
    assert mapped.sum() == plain.sum()
    assert isinstance(mapped[0, 0, 0], np.uint16)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mapped)), plain)


def test_a_cube_of_a_map_is_lazy(path, plain):
    cube = HyperCube(open_mapped(path, "<u2", 10, SHAPE).transpose(0, 1, 2))
    assert cube.is_lazy
    assert HyperCube(np.asarray(cube.data)[1:]).is_lazy
    assert not HyperCube(np.asarray(cube.data).astype(np.float32)).is_lazy
    assert not HyperCube(cube.data.astype(np.float32)).is_lazy
    np.testing.assert_array_equal(cube.spectrum(3, 9), plain[:, 3, 9])


def test_a_file_that_is_too_short_is_an_error(path):
    with pytest.raises(ValueError, match="length"):
        open_mapped(path, "<u2", 12, SHAPE)


@pytest.mark.skipif(not hasattr(mmap, "MADV_WILLNEED"), reason="this system takes no advice")
def test_the_system_takes_the_advice(path):
    mapped = open_mapped(path, "<u2", 10, SHAPE)
    for view in (mapped[-1], mapped[:, -1, -1], mapped[0, 0, :1]):
        assert view.size
