"""Cubes as other programs write them: opened as they were meant, or refused with a way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import spectral
import tifffile
from PIL import Image

from make.matlab73 import matlab73
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import guesses, read

BANDS, LINES, SAMPLES = 9, 14, 17
CUBE = np.random.default_rng(0).integers(0, 4000, (BANDS, LINES, SAMPLES), np.uint16)
BANDS_LAST = CUBE.transpose(1, 2, 0)
NM = np.linspace(450, 650, BANDS)
RAW_HEADER = (
    f"ENVI\nsamples = {SAMPLES}\nlines = {LINES}\nbands = {BANDS}\nheader offset = 0\n"
    "data type = 12\ninterleave = bsq\nbyte order = 0\n"
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zarr")


def assert_is_the_cube(path: Path | str, *, nm: bool, **options: Any) -> tuple[str, ...]:
    """The values, and the wavelengths where the file has some; what had to be guessed."""
    cube = read(path, **options)
    np.testing.assert_array_equal(np.asarray(cube.data), CUBE)
    if nm:
        np.testing.assert_allclose(cube.wavelengths_nm, NM, atol=0.01)
    else:
        assert cube.wavelengths_nm is None
    return guesses(cube.history)


# ---------------------------------------------------------------------------------------- ENVI


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("byte_order", [0, 1])
@pytest.mark.parametrize(
    "dtype",
    ["uint8", "int16", "int32", "float32", "float64", "uint16", "uint32", "int64", "uint64"],
)
def test_spectral_python(tmp_path: Path, interleave: str, byte_order: int, dtype: str) -> None:
    values = (BANDS_LAST % 200).astype(dtype)
    spectral.envi.save_image(
        str(tmp_path / "a.hdr"),
        values,
        interleave=interleave,
        byteorder=byte_order,
        dtype=dtype,
        metadata={"wavelength": [float(v) for v in NM], "wavelength units": "nm"},
    )
    cube = read(tmp_path / "a.hdr")
    np.testing.assert_array_equal(cube.data, values.transpose(2, 0, 1))
    np.testing.assert_array_equal(cube.wavelengths_nm, NM)


@pytest.mark.parametrize("suffix", [".img", ".dat", ".raw", ".bil", ".bin", "", ".xyz", ".IMG"])
def test_names_of_data_files(tmp_path: Path, suffix: str) -> None:
    data = tmp_path / f"a{suffix}"
    data.write_bytes(CUBE.tobytes())
    (tmp_path / "a.hdr").write_text(RAW_HEADER)
    (tmp_path / "a.txt").write_text("a note beside it")
    said = assert_is_the_cube(tmp_path / "a.hdr", nm=False)
    assert bool(said) == (suffix == ".xyz")
    assert_is_the_cube(data, nm=False)


def _header(more: str = "", change: Callable[[str], str] = lambda text: text) -> str:
    return change(RAW_HEADER) + more


def _listed(values: Any, separator: str = ", ") -> str:
    return "{" + separator.join(f"{value:.5f}" for value in values) + "}"


@pytest.mark.parametrize(
    ("header", "nm", "guess"),
    [
        (_header(change=str.upper), False, None),
        (_header(change=lambda text: text.replace(" = ", "=")), False, None),
        (_header(change=lambda text: text.replace("\n", "\r\n")), False, None),
        (_header(change=lambda text: text.replace("byte order = 0\n", "")), False, None),
        (_header(f"wavelength units = Micrometers\nwavelength = {_listed(NM / 1000)}\n"), 1, None),
        (_header(f"wavelength units = Unknown\nwavelength = {_listed(NM)}\n"), 1, "nanometres"),
        (_header(f"wavelength = {_listed(NM / 1000, chr(10) + ',')}\n"), 1, "micrometres"),
        (_header(f"wavelength units = Micrometers\nwavelength = {_listed(NM)}\n"), 1, "cannot be"),
        (_header("band names = {" + ",".join(f"{v} nm" for v in NM) + "}\n"), 1, "band names"),
        (
            _header("band names = {" + ", ".join(f"B ({v} Nanometers)" for v in NM) + "}\n"),
            True,
            "band names",
        ),
    ],
)
def test_headers(tmp_path: Path, header: str, nm: bool, guess: str | None) -> None:
    (tmp_path / "a.img").write_bytes(CUBE.tobytes())
    (tmp_path / "a.hdr").write_bytes(header.encode())
    said = assert_is_the_cube(tmp_path / "a.hdr", nm=bool(nm))
    assert bool(said) == (guess is not None)
    assert guess is None or guess in said[-1]


def test_offset_scale_ignored_value_and_unsorted_wavelengths(tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(bytes(100) + CUBE.tobytes())
    unsorted = np.roll(NM, 4)
    header = RAW_HEADER.replace("offset = 0", "offset = 100")
    (tmp_path / "a.hdr").write_text(
        f"{header}data ignore value = {{65535}}\nreflectance scale factor = 10000.0\n"
        f"wavelength units = nm\nwavelength = {_listed(unsorted)}\n"
    )
    cube = read(tmp_path / "a.hdr")
    np.testing.assert_array_equal(cube.data, CUBE)
    np.testing.assert_array_equal(cube.wavelengths_nm, unsorted)
    assert (cube.nodata, cube.gain, cube.units) == (65535.0, 1e-4, "reflectance")


# -------------------------------------------------------------------------------------- MATLAB


def test_matlab_variables_and_structs(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"cube": BANDS_LAST, "map": np.zeros((LINES, SAMPLES)), "wl": NM})
    assert "from wl" in " ".join(assert_is_the_cube(path, nm=True))
    inner = {"cube": BANDS_LAST, "info": {"wavelength": NM / 1000, "name": "x"}}
    scipy.io.savemat(path, {"data": inner})
    assert "from data/info/wavelength" in " ".join(assert_is_the_cube(path, nm=True))
    for key in ("data.cube", "data/cube"):
        assert_is_the_cube(f"{path}::{key}", nm=True)
    scipy.io.savemat(path, {"image": BANDS_LAST, "dark": BANDS_LAST})
    with pytest.raises(UserError, match=r"a\.mat: several arrays.*image.*dark"):
        read(path)
    assert_is_the_cube(f"{path}::image", nm=False)
    scipy.io.savemat(path, {"cell": np.array([BANDS_LAST, 1], dtype=object)})
    with pytest.raises(UserError, match="no array in it could be a cube"):
        read(path)


@pytest.mark.parametrize("version", [5, 7.3])
def test_matlab_matrix_with_its_counts(tmp_path: Path, version: float) -> None:
    path = tmp_path / "a.mat"
    pixels = CUBE.transpose(0, 2, 1).reshape(BANDS, -1)
    arrays = {"Y": pixels, "nRow": np.array([[LINES]]), "nCol": np.array([[SAMPLES]])}
    if version == 5:
        scipy.io.savemat(path, arrays)
    else:
        matlab73(path, **arrays)
    assert "column-major" in assert_is_the_cube(path, nm=False)[0]
    del arrays["nRow"]
    scipy.io.savemat(path, arrays)
    with pytest.raises(UserError, match="shape"):
        read(path)
    assert_is_the_cube(path, nm=False, shape=(LINES, SAMPLES))


@pytest.mark.parametrize("shape", [(512, 217, 204), (610, 340, 103), (145, 145, 200)])
def test_famous_scenes_have_their_bands_last_in_matlab(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.zeros(shape, np.int8)}, do_compression=True)
    assert read(tmp_path / "a.mat").n_bands == shape[2]


# ---------------------------------------------------------------------------------------- TIFF


@pytest.mark.parametrize("interleave", ["band", "pixel"])
@pytest.mark.parametrize("more", [{}, {"compress": "lzw", "tiled": True, "blockxsize": 16}])
def test_geotiff_by_rasterio(tmp_path: Path, interleave: str, more: dict[str, Any]) -> None:
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path / "a.tif"
    if more:
        more = {**more, "blockysize": 16}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=BANDS,
        height=LINES,
        width=SAMPLES,
        dtype="uint16",
        crs="EPSG:32632",
        nodata=65535,
        transform=rasterio.Affine(30, 0, 5e5, 0, -30, 5e6),
        interleave=interleave,
        **more,
    ) as file:
        file.write(CUBE)
        for band in range(BANDS):
            file.update_tags(band + 1, wavelength=str(NM[band]), wavelength_units="nm")
    assert assert_is_the_cube(path, nm=True) == ()
    cube = read(path)
    assert cube.georeference is not None
    assert (cube.georeference.crs, cube.nodata) == ("EPSG:32632", 65535.0)


@pytest.mark.parametrize("kind", ["description", "IMAGERY"])
def test_wavelengths_as_gdal_keeps_them(tmp_path: Path, kind: str) -> None:
    rasterio = pytest.importorskip("rasterio")
    profile = {"driver": "GTiff", "count": BANDS, "height": LINES, "width": SAMPLES}
    with rasterio.open(tmp_path / "a.tif", "w", dtype="uint16", **profile) as file:
        file.write(CUBE)
        for band in range(BANDS):
            if kind == "IMAGERY":
                centre = str(NM[band] / 1000)
                file.update_tags(band + 1, ns=kind, CENTRAL_WAVELENGTH_UM=centre, FWHM_UM="0.01")
            else:
                file.set_band_description(band + 1, f"Band {band} ({NM[band]} Nanometers)")
    said = assert_is_the_cube(tmp_path / "a.tif", nm=True)
    assert bool(said) == (kind == "description")
    if kind == "IMAGERY":
        np.testing.assert_allclose(read(tmp_path / "a.tif").fwhm_nm, 10)


@pytest.mark.parametrize(
    "channel",
    [
        {"Name": [f"{v} nm" for v in NM]},
        {"EmissionWavelength": list(map(float, NM)), "EmissionWavelengthUnit": ["nm"] * BANDS},
    ],
)
def test_ome_channels(tmp_path: Path, channel: dict[str, Any]) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, CUBE, metadata={"axes": "CYX", "Channel": channel})
    assert "channels" in assert_is_the_cube(path, nm=True)[0]


def test_stacks_of_pages(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "imagej.tif", CUBE, imagej=True, metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "plain.tif", CUBE)
    with tifffile.TiffWriter(tmp_path / "apart.tif") as file:
        for band in CUBE:
            file.write(band, contiguous=False)
    pages = [Image.fromarray(band) for band in CUBE]
    pages[0].save(
        tmp_path / "lzw.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw"
    )
    assert assert_is_the_cube(tmp_path / "imagej.tif", nm=False) == ()
    for name in ("plain", "apart", "lzw"):
        assert "9 pages" in assert_is_the_cube(tmp_path / f"{name}.tif", nm=False)[0]


def test_pages_that_are_rows_are_asked_about(tmp_path: Path) -> None:
    for shape in ((40, 50, 6), (30, 30, 31)):
        values = np.zeros(shape, np.uint16)
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
        with pytest.raises(UserError, match=r"a\.tif: which axis.*--bands-axis"):
            read(tmp_path / "a.tif")
        assert read(tmp_path / "a.tif", bands_axis=2).shape == (shape[2], *shape[:2])
        given = np.linspace(400, 700, shape[2])
        assert read(tmp_path / "a.tif", wavelengths=given).n_bands == shape[2]


# ------------------------------------------------------------------------- NumPy, HDF5 and Zarr


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((512, 512, 31), 2),
        ((31, 512, 512), 0),
        ((145, 145, 200), 2),
        ((61, 34, 5), 2),
        ((5, 61, 34), 0),
        ((1, 31, 64, 64), 1),
        ((512, 217, 204), None),
        ((200, 300, 120), None),
        ((40, 50, 31), None),
        ((61, 5, 34), None),
        ((9, 9, 9), None),
    ],
)
def test_band_axis_of_a_bare_array(
    tmp_path: Path, shape: tuple[int, ...], axis: int | None
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(shape, np.int8))
    if axis is None:
        with pytest.raises(UserError, match=r"a\.npy: which axis.*--bands-axis"):
            read(path)
        assert read(path, bands_axis=1).n_bands == shape[1]
        assert read(path, bands_axis=-1).n_bands == shape[-1]
    else:
        cube = read(path)
        assert cube.n_bands == shape[axis]
        assert "as bands" in guesses(cube.history)[-1]


def test_wavelengths_beside_the_array_settle_its_axis(tmp_path: Path) -> None:
    np.savez(tmp_path / "last.npz", cube=BANDS_LAST, wavelengths=NM)
    np.savez_compressed(tmp_path / "first.npz", cube=CUBE, wavelength_um=NM / 1000)
    for name in ("last", "first"):
        assert len(assert_is_the_cube(tmp_path / f"{name}.npz", nm=True)) >= 2


def test_hdf5_of_several_data_sets(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = CUBE
        file["raw"].attrs["units"] = "counts"
        file["dark"] = CUBE[:, :2]
        file["meta/wavelengths"] = NM
    said = assert_is_the_cube(path, nm=True)
    assert "Took raw as the cube" in said[0]
    assert read(path).units == "counts"
    with h5py.File(path, "w") as file:
        file.create_dataset("cube", data=BANDS_LAST, chunks=(5, 5, BANDS), compression="gzip")
        file["cube"].attrs["wavelengths"] = NM
        file["cube"].attrs["_FillValue"] = np.uint16(65535)
    assert "cube/wavelengths" in " ".join(assert_is_the_cube(path, nm=True))
    assert read(path).nodata == 65535


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_arrays_and_nested_groups(tmp_path: Path, version: int) -> None:
    zarr = pytest.importorskip("zarr")
    options = {"mode": "w", "zarr_format": version}
    one = zarr.open_array(
        store=str(tmp_path / "a.zarr"), shape=CUBE.shape, chunks=(9, 5, 5), dtype="u2", **options
    )
    one[...] = CUBE
    one.attrs["wavelengths"] = [float(v) for v in NM]
    assert_is_the_cube(tmp_path / "a.zarr", nm=True)
    group = zarr.open_group(str(tmp_path / "b.zarr"), **options).create_group("level")
    inner = group.create_array("cube", shape=BANDS_LAST.shape, dtype="u2")
    inner[...] = BANDS_LAST
    assert_is_the_cube(tmp_path / "b.zarr", nm=False, bands_axis=2)
    assert_is_the_cube(f"{tmp_path / 'b.zarr'}::level/cube", nm=False, bands_axis=2)


# ------------------------------------------------------------------------------- band by band


@pytest.mark.parametrize(
    ("name", "nm"),
    [
        (lambda i: f"band_{NM[i]:.0f}nm.png", True),
        (lambda i: f"{NM[i]:.0f}.png", True),
        (lambda i: f"scene7_{NM[i]:.1f}nm_corrected.tif", True),
        (lambda i: f"img_{i + 1}.png", False),
        (lambda i: f"img_{i + 3:03d}.bmp", False),
        (lambda i: f"scene1_band{i}_x.tif", False),
        (lambda i: f"03_Series004_z000_ch{i:02d}.tif", False),
    ],
)
def test_names_of_pictures(tmp_path: Path, name: Callable[[int], str], nm: bool) -> None:
    values = CUBE
    for band in reversed(range(BANDS)):
        picture = CUBE[band] if not name(0).endswith("bmp") else (CUBE[band] % 256).astype("u1")
        Image.fromarray(picture).save(tmp_path / name(band))
    Image.new("RGB", (SAMPLES, LINES)).save(tmp_path / "preview.png")
    (tmp_path / "notes.txt").write_text("a note")
    cube = read(tmp_path)
    if name(0).endswith("bmp"):
        values = values % 256
    np.testing.assert_array_equal(cube.data, values)
    if nm:
        np.testing.assert_allclose(cube.wavelengths_nm, NM, atol=0.5)
        assert "nanometres" in guesses(cube.history)[0]
    else:
        assert cube.wavelengths_nm is None


def test_a_gap_between_named_wavelengths_is_said(tmp_path: Path) -> None:
    for nm in (400, 410, 420, 430, 450, 460):
        Image.fromarray(CUBE[0]).save(tmp_path / f"b_{nm}nm.png")
    cube = read(tmp_path)
    np.testing.assert_array_equal(cube.wavelengths_nm, [400, 410, 420, 430, 450, 460])
    assert "430 to 450" in guesses(cube.history)[0]


@pytest.mark.parametrize("missing", [4, 440])
def test_a_gap_between_numbers_is_refused(tmp_path: Path, missing: int) -> None:
    step = 1 if missing < 100 else 10
    for number in range(missing - 3 * step, missing + 4 * step, step):
        if number != missing:
            Image.fromarray(CUBE[0]).save(tmp_path / f"b_{number}.png")
    with pytest.raises(UserError, match=rf"have a gap, number {missing} is missing"):
        read(tmp_path)


def test_the_folder_of_an_archive_and_of_a_cube(tmp_path: Path) -> None:
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "scene").mkdir()
    for band in range(BANDS):
        Image.fromarray(CUBE[band]).save(tmp_path / "scene" / f"b_{band}.png")
    assert "folder scene" in assert_is_the_cube(tmp_path, nm=False)[0]
    other = tmp_path / "other"
    other.mkdir()
    (other / "cube.hdr").write_text(RAW_HEADER)
    with pytest.raises(UserError, match=r"other: no numbered.*open cube\.hdr in it"):
        read(other)


def test_guesses_are_no_guesses_after_writing(tmp_path: Path) -> None:
    from napari_hsi_restore.io import write

    np.save(tmp_path / "a.npy", np.zeros((31, 64, 64), np.int8))
    cube = read(tmp_path / "a.npy")
    assert guesses(cube.history) == cube.history != ()
    back = read(write(cube, tmp_path / "b.npz"))
    assert back.history == cube.history
    assert guesses(back.history) == ()
