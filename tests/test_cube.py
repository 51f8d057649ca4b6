"""HyperCube: what it refuses, what goes along, and what counts as a measurement."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import dask.array as da
import numpy as np
import pytest

from make.cubes import assert_same_fields, full_cube, numbered
from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.errors import UserError


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (np.zeros((3, 4)), "three axes"),
        (np.zeros((2, 3, 4, 5)), "three axes"),
        (np.zeros((3, 0, 4)), "empty"),
        (np.zeros((3, 4, 5), complex), "complex128"),
        (np.zeros((3, 4, 5), "U2"), "real numbers"),
    ],
)
def test_data_that_is_no_cube(data: np.ndarray, word: str) -> None:
    with pytest.raises(UserError, match=rf"scene.*{word}"):
        HyperCube(data, name="scene")


@pytest.mark.parametrize("field", ["wavelengths_nm", "fwhm_nm", "good_bands", "gain", "offset"])
def test_one_value_for_each_band(field: str) -> None:
    for values in ([1.0, 2.0], [[1.0, 2.0, 3.0]]):
        with pytest.raises(UserError, match=f"{field} has . values for 3 bands"):
            HyperCube(numbered((3, 4, 5)), **{field: values})


def test_it_is_frozen_and_so_are_its_lists() -> None:
    wavelengths = np.array([500.0, 510.0])
    cube = HyperCube(numbered((2, 3, 4)), wavelengths_nm=wavelengths, metadata={"a": "b"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        cube.name = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        cube.wavelengths_nm[0] = 1.0  # type: ignore[index]
    with pytest.raises(TypeError):
        cube.metadata["a"] = "c"  # type: ignore[index]
    wavelengths[0] = 7.0
    assert cube.wavelengths_nm is not None
    assert cube.wavelengths_nm[0] == 500.0


def test_it_can_be_pickled_with_every_field() -> None:
    cube = full_cube()
    back = pickle.loads(pickle.dumps(cube))
    np.testing.assert_array_equal(back.data, cube.data)
    assert_same_fields(cube, back)


def test_choosing_bands_takes_their_fields_along() -> None:
    cube = full_cube()
    chosen = cube.select_bands([4, 0])
    np.testing.assert_array_equal(chosen.data, cube.data[[4, 0]])
    for field in ("wavelengths_nm", "fwhm_nm", "good_bands", "gain", "offset"):
        np.testing.assert_array_equal(getattr(chosen, field), getattr(cube, field)[[4, 0]])
    assert chosen.units == cube.units
    assert HyperCube(numbered((3, 4, 5)), gain=2.0).select_bands(1).gain == 2.0


def test_a_rectangle_stays_where_it_is_on_the_ground() -> None:
    a, b, c, d, e, f = 10.0, 2.0, 500.0, -3.0, -10.0, 9000.0
    cube = full_cube(shape=(5, 8, 9)).replace(
        georeference=Georeference("EPSG:32633", (a, b, c, d, e, f))
    )
    part = cube.crop(slice(2, 6), slice(3, None))
    np.testing.assert_array_equal(part.data, cube.data[:, 2:6, 3:])
    assert part.georeference is not None
    corner = part.georeference.transform[2], part.georeference.transform[5]
    assert corner == (a * 3 + b * 2 + c, d * 3 + e * 2 + f)
    assert part.georeference.crs == "EPSG:32633"


def test_what_counts_as_a_measurement() -> None:
    stored = np.array([1.0, np.nan, np.inf, -9999.0, 0.0], np.float32)

    def valid(values: np.ndarray, nodata: float | None) -> list[bool]:
        return HyperCube(numbered((1, 1, 1)), nodata=nodata).valid(values).tolist()

    assert valid(stored, None) == [True, False, False, True, True]
    assert valid(stored, -9999.0) == [True, False, False, False, True]
    assert valid(stored, float("nan")) == [True, False, False, True, True]
    # A value of float64 marks the stored float32 nearest to it.
    assert valid(np.array([0.1, 0.2], np.float32), 0.1) == [False, True]
    assert valid(np.array([0, 3, 7], np.uint8), 3.0) == [True, False, True]
    # What the type cannot hold marks nothing, least of all what it would wrap around to.
    for nodata in (-9999.0, 65536.0 + 241, 241.5, float("inf"), float("-inf"), float("nan")):
        assert all(valid(np.array([0, 241, 55537], np.uint16), nodata))


def test_only_the_pixel_is_read_for_its_spectrum() -> None:
    data = numbered((6, 8, 10), np.int32)
    seen: list[tuple[int, ...]] = []

    def watched(block: np.ndarray) -> np.ndarray:
        seen.append(block.shape)
        return block

    lazy = da.from_array(data, chunks=(6, 2, 5)).map_blocks(watched, dtype=data.dtype, meta=data)
    cube = HyperCube(lazy)
    seen.clear()
    np.testing.assert_array_equal(cube.spectrum(3, 7), data[:, 3, 7])
    assert len(seen) == 1


def test_what_is_lazy(tmp_path: Path) -> None:
    data = numbered((3, 4, 5))
    np.save(tmp_path / "a.npy", data)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert HyperCube(mapped.transpose(2, 0, 1)).is_lazy
    assert HyperCube(da.from_array(data)).is_lazy
    assert not HyperCube(data[1:]).is_lazy
    assert not HyperCube(mapped * 2.0).is_lazy
