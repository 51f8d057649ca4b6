"""Laws for every format that can be written, taken from the catalog."""

from __future__ import annotations

import resource

import dask.array as da
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from make.cubes import assert_same_fields, full_cube, numbered
from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read, write

SUFFIXES = [spec.suffixes[0] for spec in catalog.writable()]
# Zarr takes a tenth of a second for each cube.
HYPOTHESIS = [suffix for suffix in SUFFIXES if suffix != ".zarr"]
ENVI_WIDENS = {"bool": "uint8", "int8": "int16", "float16": "float32"}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zarr")


@pytest.fixture(params=SUFFIXES)
def suffix(request):
    if request.param == ".zarr":
        pytest.importorskip("zarr")
    return request.param


@pytest.mark.parametrize(
    "dtype",
    ["bool", "u1", "i1", "u2", "i2", ">i2", "u4", "i4", "i8", "u8", "f2", "f4", ">f4", "f8"],
)
def test_values_and_fields_come_back(tmp_path, suffix, dtype):
    cube = full_cube(np.dtype(dtype))
    written = write(cube, tmp_path / f"out{suffix}")
    back = read(written)
    assert written == tmp_path / f"out{suffix}"
    np.testing.assert_array_equal(np.asarray(back.data), cube.data)
    native = cube.dtype.newbyteorder("=").name
    expected = ENVI_WIDENS.get(native, native) if suffix == ".hdr" else native
    assert back.dtype.newbyteorder("=").name == expected
    assert back.name == "out"
    assert_same_fields(cube, back)
    assert catalog.can_read(written)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("shape", [(1, 4, 3), (5, 1, 3), (5, 4, 1), (1, 1, 1), (4, 4, 4)])
def test_odd_shapes_come_back(tmp_path, suffix, shape):
    cube = HyperCube(numbered(shape, np.float32))
    back = read(write(cube, tmp_path / f"out{suffix}"))
    np.testing.assert_array_equal(np.asarray(back.data), cube.data)
    assert_same_fields(cube, back)


def test_dask_cubes_are_written_chunk_by_chunk(tmp_path, suffix):
    data = numbered((6, 8, 10), np.int32)
    seen: list[tuple[int, ...]] = []

    def watched(block):
        seen.append(block.shape)
        return block

    lazy = da.from_array(data, chunks=(6, 4, 5)).map_blocks(watched, dtype=data.dtype, meta=data)
    seen.clear()
    back = read(write(HyperCube(lazy), tmp_path / f"out{suffix}"))
    np.testing.assert_array_equal(np.asarray(back.data), data)
    assert seen.count((6, 4, 5)) == 4


@pytest.mark.parametrize("nodata", [float("nan"), -9999.0, -3.4028234663852886e38, None])
def test_nodata_comes_back(tmp_path, suffix, nodata):
    cube = HyperCube(numbered((2, 3, 4), np.float32), nodata=nodata)
    assert_same_fields(cube, read(write(cube, tmp_path / f"out{suffix}")))


@pytest.mark.parametrize(
    "place",
    [
        Georeference(None, (1.0, 0.0, 5.0, 0.0, -1.0, 7.0)),
        Georeference("EPSG:4326", (0.1, 0.0, 13.4, 0.0, -0.1, 52.5)),
        Georeference("EPSG:25833", (0.3, 0.0, 1 / 3, 0.0, -0.3, 5.1)),
        Georeference("EPSG:32733", (14.0, 9.5, 579717.18, 9.5, -14.0, 3714550.7)),
        Georeference('LOCAL_CS["site {A}",UNIT["metre",1]]', (1.0, 0.25, 0.0, 0.0, 2.0, 0.0)),
    ],
)
def test_places_come_back(tmp_path, suffix, place):
    cube = HyperCube(numbered((2, 3, 4), np.float32), georeference=place)
    assert read(write(cube, tmp_path / f"out{suffix}")).georeference == place


def test_an_existing_file_is_kept_unless_told(tmp_path, suffix):
    first = HyperCube(numbered((2, 3, 4)), units="first")
    second = HyperCube(numbered((3, 4, 5)), units="second")
    path = write(first, tmp_path / f"out{suffix}")
    with pytest.raises(UserError, match="exists already"):
        write(second, path)
    assert read(path).units == "first"
    write(second, path, overwrite=True)
    assert read(path).shape == (3, 4, 5)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_cube_can_replace_the_file_it_is_mapped_from(tmp_path, suffix):
    path = write(full_cube(), tmp_path / f"out{suffix}")
    cube = read(path)
    write(cube.replace(data=cube.data[:, ::-1]), path, overwrite=True)
    np.testing.assert_array_equal(np.asarray(read(path).data), full_cube().data[:, ::-1])


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_leaves_things_as_they_were(tmp_path, suffix, existing):
    path = tmp_path / f"out{suffix}"
    if existing:
        write(full_cube(), path)
    before = sorted(p.name for p in tmp_path.iterdir())
    rng = np.random.default_rng(0)
    big = HyperCube(rng.random((4, 100, 100)))
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, old[1]))
    try:
        with pytest.raises(UserError, match=r"out\..*cannot be written"):
            write(big, path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    if existing:
        assert_same_fields(full_cube(), read(path))


def test_what_is_not_confirmed_leaves_no_trace(tmp_path, suffix):
    def no():
        assert len(list(tmp_path.iterdir())) >= 1
        raise KeyboardInterrupt

    path = write(full_cube(), tmp_path / f"out{suffix}")
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        write(HyperCube(numbered((2, 3, 4))), path, overwrite=True, confirm=no)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert_same_fields(full_cube(), read(path))


def test_impossible_targets_are_explained(tmp_path, suffix):
    cube = HyperCube(numbered((2, 3, 4)))
    with pytest.raises(UserError, match="does not exist"):
        write(cube, tmp_path / "nowhere" / f"out{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / f"folder{suffix}" / "precious.txt").write_text("keep me")
    with pytest.raises(UserError, match="folder"):
        write(cube, tmp_path / f"folder{suffix}", overwrite=True)
    assert (tmp_path / f"folder{suffix}" / "precious.txt").read_text() == "keep me"


def test_unknown_suffixes_are_explained(tmp_path):
    for name in ("out.jpeg", "out"):
        with pytest.raises(UserError, match=r"use .*\.hdr"):
            write(HyperCube(numbered((2, 3, 4))), tmp_path / name)


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
_FLOATS = st.floats(1e-3, 1e4, allow_nan=False)


@st.composite
def cubes(draw):
    bands, height, width = (draw(st.integers(1, 4)) for _ in range(3))
    dtype = draw(st.sampled_from(["u1", "i2", "u2", "i4", "f4", "f8"]))
    per_band = st.lists(_FLOATS, min_size=bands, max_size=bands)
    return HyperCube(
        data=numbered((bands, height, width), dtype),
        wavelengths_nm=draw(st.none() | per_band),
        fwhm_nm=draw(st.none() | per_band),
        good_bands=draw(st.none() | st.lists(st.booleans(), min_size=bands, max_size=bands)),
        units=draw(st.none() | _TEXT),
        gain=draw(_FLOATS | per_band),
        offset=draw(st.just(0.0) | per_band),
        white_level=draw(st.none() | _FLOATS),
        nodata=draw(st.none() | st.floats(width=32)),
        history=tuple(draw(st.lists(_TEXT, max_size=2))),
        metadata=draw(st.dictionaries(_TEXT, _TEXT, max_size=3)),
    )


@settings(
    max_examples=140,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cube=cubes(), ending=st.sampled_from(HYPOTHESIS))
def test_any_cube_comes_back(tmp_path, cube, ending):
    back = read(write(cube, tmp_path / f"any{ending}", overwrite=True))
    np.testing.assert_array_equal(back.data, cube.data)
    assert_same_fields(cube, back)
