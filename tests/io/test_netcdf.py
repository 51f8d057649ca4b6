"""What other programs find in a netCDF file of ours."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from make.cubes import full_cube, numbered
from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read, write

# One scale, as CF has words for.
CUBE = full_cube(np.int16).replace(gain=0.5, offset=1.0, nodata=-1.0)


def texts(item: h5py.Dataset | h5py.File) -> dict[str, str]:
    """The attributes of characters; each of fixed length, as the netCDF library wants them."""
    found = {key: value for key, value in item.attrs.items() if isinstance(value, bytes)}
    return {key: value.decode() for key, value in found.items()}


def test_dimensions_coordinates_and_attributes(tmp_path):
    path = write(CUBE, tmp_path / "out.nc")
    assert catalog.describe(path) == ("NetCDF", None)
    with h5py.File(path) as file:
        data = file["data"]
        np.testing.assert_array_equal(data, CUBE.data)
        assert [axis[0].name for axis in data.dims] == ["/wavelength", "/y", "/x"]
        np.testing.assert_array_equal(file["wavelength"], CUBE.wavelengths_nm)
        assert texts(file["wavelength"])["standard_name"] == "radiation_wavelength"
        assert texts(file["wavelength"])["units"] == "nm"
        # The centres of the pixels.
        np.testing.assert_array_equal(file["x"], 367_950.0 + 30 * np.arange(3))
        np.testing.assert_array_equal(file["y"], 5_808_030.0 - 30 * np.arange(4))
        assert (data.attrs["scale_factor"], data.attrs["add_offset"]) == (0.5, 1.0)
        assert data.attrs["_FillValue"].dtype == np.int16
        assert texts(data)["units"] == CUBE.units
        assert texts(data)["coordinates"] == "fwhm good_bands"
        assert texts(data)["grid_mapping"] == "crs"
        assert "32633" in texts(file["crs"])["spatial_ref"]
        assert texts(file)["Conventions"].startswith("CF-")
        assert list(file)[:4] == ["wavelength", "y", "x", "data"]


def test_wavelengths_that_go_up_and_down_are_no_coordinate(tmp_path):
    unsorted = CUBE.replace(wavelengths_nm=np.roll(CUBE.wavelengths_nm, 2))
    path = write(unsorted, tmp_path / "out.nc")
    with h5py.File(path) as file:
        assert file["data"].dims[0][0].name == "/band"
        np.testing.assert_array_equal(file["wavelength"], unsorted.wavelengths_nm)
        assert file["wavelength"].dims[0][0].name == "/band"
        assert texts(file["data"])["coordinates"] == "wavelength fwhm good_bands"
    np.testing.assert_array_equal(read(path).wavelengths_nm, unsorted.wavelengths_nm)


def test_a_file_without_our_record_is_read_by_its_dimensions(tmp_path):
    path = write(CUBE, tmp_path / "out.nc")
    with h5py.File(path, "a") as file:
        del file["hsi_restore_record"]
    cube = read(path)
    np.testing.assert_array_equal(cube.data, CUBE.data)
    for field in ("wavelengths_nm", "fwhm_nm", "good_bands"):
        np.testing.assert_array_equal(getattr(cube, field), getattr(CUBE, field))
    assert (cube.gain, cube.offset, cube.nodata) == (0.5, 1.0, -1.0)
    assert (cube.georeference, cube.units) == (CUBE.georeference, CUBE.units)


def test_gdal(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    path = write(CUBE, tmp_path / "out.nc")
    try:
        file = rasterio.open(f"netcdf:{path}:data")
    except rasterio.errors.RasterioIOError as error:
        pytest.skip(f"this GDAL reads no netCDF ({error})")
    with file:
        np.testing.assert_array_equal(file.read(), CUBE.data)
        assert file.crs.to_epsg() == 32633
        assert file.transform[:6] == CUBE.georeference.transform
        assert (file.nodata, file.scales[0], file.offsets[0]) == (-1.0, 0.5, 1.0)
        centres = [float(file.tags(band)["NETCDF_DIM_wavelength"]) for band in range(1, 6)]
        np.testing.assert_allclose(centres, CUBE.wavelengths_nm)


@pytest.mark.parametrize("engine", ["netcdf4", "h5netcdf"])
def test_xarray(tmp_path, engine):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4" if engine == "netcdf4" else engine)
    path = write(CUBE, tmp_path / "out.nc")
    with xarray.open_dataset(path, engine=engine, decode_coords="all") as found:
        assert found["data"].dims == ("wavelength", "y", "x")
        np.testing.assert_allclose(found["data"], CUBE.data * 0.5 + 1)
        np.testing.assert_array_equal(found["fwhm"], CUBE.fwhm_nm)


@pytest.mark.parametrize(
    "place",
    [
        Georeference("EPSG:32733", (14.0, 9.5, 579717.18, 9.5, -14.0, 3714550.7)),
        Georeference("EPSG:4326", (0.1, 0.0, 13.4, 0.0, -0.1, 52.5)),
        None,
    ],
)
def test_places_without_our_record(tmp_path, place):
    path = write(HyperCube(numbered((2, 3, 4)), georeference=place), tmp_path / "out.nc")
    with h5py.File(path, "a") as file:
        del file["hsi_restore_record"]
    assert read(path).georeference == place


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [("old.nc", b"CDF\x02", "netCDF 3.*nccopy"), ("old.hdf", b"\x0e\x03\x13\x01", "HDF 4.*h4toh5")],
)
def test_what_is_no_hdf5_is_said(tmp_path, name, head, said):
    (tmp_path / name).write_bytes(head + bytes(60))
    with pytest.raises(UserError, match=rf"{name}: this is {said}"):
        read(tmp_path / name)
