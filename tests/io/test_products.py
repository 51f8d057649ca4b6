"""Products of sensors as their makers lay them out."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest

from make.cubes import numbered
from make.products import SWIR_NM, VNIR_NM, desis, emit, enmap, erdas_lan, netcdf, prisma
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, guesses, read
from napari_hsi_restore.io.choices import choices


def test_both_cubes_of_prisma_are_one_in_ascending_order(tmp_path):
    path = prisma(tmp_path / "PRS_L2D_STD.he5")
    assert catalog.can_read(path)
    cube = read(path)
    assert cube.shape == (8, 6, 7)
    assert cube.is_lazy
    np.testing.assert_array_equal(cube.wavelengths_nm, [410, 700, 925, 930, 945, 960, 1500, 2490])
    np.testing.assert_array_equal(cube.fwhm_nm, [11, 11, 9, 11, 9, 11, 9, 9])
    with h5py.File(path) as file:
        fields = file["HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields"]
        vnir, swir = fields["VNIR_Cube"][...], fields["SWIR_Cube"][...]
    data = np.asarray(cube.data)
    for nm, stored, lists in ((700, vnir, VNIR_NM), (945, swir, SWIR_NM), (925, swir, SWIR_NM)):
        band = list(cube.wavelengths_nm).index(nm)
        np.testing.assert_array_equal(data[band], stored[:, list(lists).index(nm)])
    np.testing.assert_array_equal(cube.spectrum(5, 2), data[:, 5, 2])
    # Another process, such as a worker of Dask, reads the same.
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(cube)).data), data)
    np.testing.assert_array_equal(np.asarray(cube.data[2:5, 1:3]), data[2:5, 1:3])
    np.testing.assert_array_equal(np.asarray(cube.data[4]), data[4])
    np.testing.assert_array_equal(np.asarray(cube.data[:, 1:3, 4]), data[:, 1:3, 4])
    np.testing.assert_array_equal(cube.select_bands([6, 0]).data, data[[6, 0]])
    # Reflectance = minimum + number * (maximum - minimum) / 65535.
    np.testing.assert_allclose(cube.gain, 1 / 65535)
    np.testing.assert_array_equal(cube.offset, [0, 0, -0.5, 0, -0.5, 0, -0.5, -0.5])
    assert (cube.units, cube.nodata) == ("reflectance", 0.0)
    assert cube.georeference.crs == "EPSG:32633"
    assert cube.georeference.transform == (30.0, 0.0, 500_000.0, 0.0, -30.0, 5_001_000.0)
    said = " ".join(guesses(cube.history))
    assert "4 bands from 925 to 960 nm" in said
    assert "Left out 2 bands without a wavelength" in said


def test_radiance_of_prisma_and_a_single_spectrometer(tmp_path):
    path = prisma(tmp_path / "PRS_L1.he5", "1")
    cube = read(path)
    assert "sr" in cube.units
    np.testing.assert_allclose(cube.gain[[0, 2]], [1 / 100, 1 / 200])
    assert cube.georeference is None
    for key in ("SWIR", "HDFEOS/SWATHS/PRS_L1_HCO/Data Fields/SWIR_Cube"):
        swir = read(path, key=key)
        np.testing.assert_array_equal(swir.wavelengths_nm, [925, 945, 1500, 2490])
        assert swir.gain == pytest.approx(1 / 200)
    listed = choices(path).data_sets
    assert listed[0].key == "VNIR+SWIR"
    np.testing.assert_array_equal(read(path, key=listed[0].key).data, cube.data)


def test_a_list_of_prisma_that_does_not_fit_is_said(tmp_path):
    path = prisma(tmp_path / "PRS_L2D.he5")
    with h5py.File(path, "a") as file:
        file.attrs["List_Cw_Swir"] = SWIR_NM[:3]
    with pytest.raises(UserError, match=r"L2D\.he5: its list List_Cw_Swir has 3 values for 5"):
        read(path)


@pytest.mark.parametrize("what", ["reflectance", "radiance"])
def test_emit(tmp_path, what):
    values = emit(tmp_path / "EMIT.nc", what)
    cube = read(tmp_path / "EMIT.nc")
    np.testing.assert_array_equal(cube.data, values)
    np.testing.assert_allclose(cube.wavelengths_nm, np.linspace(381, 2493, 8))
    np.testing.assert_array_equal(cube.fwhm_nm, 8.5)
    np.testing.assert_array_equal(cube.good_bands, np.arange(8) != 4)
    assert cube.nodata == -9999.0
    assert cube.units == ("reflectance" if what == "reflectance" else "uW/cm^2/SR/nm")
    # The geotransform of the file is that of its lookup table.
    assert cube.georeference is None
    assert "as the sensor saw them" in cube.history[-1]
    assert "their unit is not given" not in " ".join(cube.history)


@pytest.mark.parametrize("order", ["wyx", "yxw", "ywx"])
def test_plain_netcdf_whose_axes_are_equally_long(tmp_path, order):
    values = netcdf(tmp_path / "plain.nc", order=order)
    cube = read(tmp_path / "plain.nc")
    np.testing.assert_array_equal(cube.data, values)
    np.testing.assert_allclose(cube.wavelengths_nm, np.linspace(450, 950, 6))
    assert (cube.gain, cube.offset, cube.nodata) == (0.01, -0.1, -1.0)
    assert cube.georeference.crs == "EPSG:32633"
    assert cube.georeference.transform == (30.0, 0.0, 500_000.0, 0.0, -30.0, 5_001_000.0)
    assert "it is called wavelength" in guesses(cube.history)[0]
    # What the user says counts more than the names.
    assert read(tmp_path / "plain.nc", bands_axis=1).shape == (6, 6, 6)


def test_coordinates_without_a_grid_mapping_are_no_place(tmp_path):
    netcdf(tmp_path / "plain.nc", mapping=False)
    assert read(tmp_path / "plain.nc").georeference is None


def only(folder, ending):
    [found] = [path for path in folder.iterdir() if path.name.endswith(ending)]
    return found


def test_enmap_by_image_metadata_or_folder(tmp_path):
    values = enmap(tmp_path)
    for path in (tmp_path, only(tmp_path, "IMAGE.TIF"), only(tmp_path, "METADATA.XML")):
        assert catalog.can_read(path)
        cube = read(path)
        np.testing.assert_array_equal(cube.data, values)
        np.testing.assert_allclose(cube.wavelengths_nm, 420 + 10.5 * np.arange(6))
        np.testing.assert_allclose(cube.fwhm_nm, 6 + np.arange(6) / 10)
        assert (cube.gain, cube.offset, cube.units) == (1e-4, 0.0, "reflectance")
        assert cube.nodata == -32768.0
        assert cube.source == str(path)
    assert choices(tmp_path).data_sets[0].shape == (6, 8, 9)


def test_level_1_of_enmap_has_two_images_and_a_gain_for_each_band(tmp_path):
    values = enmap(tmp_path, "L1B")
    with pytest.raises(UserError, match=r"::SWIR or .*::VNIR"):
        read(tmp_path)
    assert [one.key for one in choices(tmp_path).data_sets] == ["VNIR", "SWIR"]
    for cube in (read(tmp_path, key="SWIR"), read(only(tmp_path, "IMAGE_SWIR.TIF"))):
        np.testing.assert_array_equal(cube.data, values[[3, 5]])
        np.testing.assert_allclose(cube.wavelengths_nm, [451.5, 472.5])
        np.testing.assert_allclose(cube.gain, [4e-5, 6e-5])
        np.testing.assert_allclose(cube.offset, [-3e-3, -5e-3])
        assert cube.units == "W/(m^2 sr nm)"
        assert "differ from band to band" in cube.history[-1]


def test_enmap_with_metadata_of_another_product_or_none(tmp_path):
    enmap(tmp_path)
    metadata = only(tmp_path, "METADATA.XML")
    text = metadata.read_text()
    metadata.write_text(text.replace("bandID", "band", 2))
    start = text.index("<bandID")
    metadata.write_text(text[:start] + text[text.index("</bandID>", start) + 9 :])
    cube = read(tmp_path)
    assert cube.wavelengths_nm is None
    assert "describes 5 bands, the image has 6" in cube.history[-1]
    metadata.write_text(text[:-20])
    with pytest.raises(UserError, match=r"METADATA\.XML: this metadata file is damaged"):
        read(tmp_path)
    metadata.unlink()
    assert read(only(tmp_path, "IMAGE.TIF")).wavelengths_nm is None


def test_desis(tmp_path):
    values = desis(tmp_path)
    cube = read(only(tmp_path, ".xml"))
    np.testing.assert_array_equal(cube.data, values)
    np.testing.assert_allclose(cube.wavelengths_nm, 401.2 + 2.5 * np.arange(6))
    np.testing.assert_array_equal(cube.fwhm_nm, 3.5)
    np.testing.assert_allclose(cube.gain, 0.01 + np.arange(6) / 1000)
    assert cube.units == "mW/(cm^2 sr um)"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
@pytest.mark.parametrize(("word", "order"), [(b"HEAD74", "<"), (b"HEADER", "<"), (b"HEAD74", ">")])
def test_erdas_lan(tmp_path, dtype, word, order):
    spectral = pytest.importorskip("spectral")
    values = numbered((5, 6, 7), dtype)
    path = erdas_lan(tmp_path / "92AV3C.lan", values, word=word, order=order)
    assert catalog.can_read(path)
    cube = read(path)
    np.testing.assert_array_equal(cube.data, values)
    assert cube.is_lazy
    assert catalog.describe(path) == ("ERDAS", None)
    if order == "<" and dtype == np.int16:
        other = spectral.open_image(str(path)).load().transpose(2, 0, 1)
        np.testing.assert_array_equal(cube.data, other)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"92AV3C\.lan: the file is cut short"):
        read(path)


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    values = numbered((9, 16, 16), np.uint16)
    group = zarr.open_group(str(tmp_path / "cells.zarr"), mode="w", zarr_format=version)
    for level, step in ((0, 1), (1, 2)):
        data = values[None, :, None, ::step, ::step]
        group.create_array(str(level), shape=data.shape, dtype="u2")[...] = data
    labels = group.create_group("labels").create_group("nuclei")
    labels.create_array("0", shape=(1, 9, 1, 16, 16), dtype="u4")
    said = {
        "multiscales": [
            {
                "axes": [{"name": name} for name in "tczyx"],
                "datasets": [{"path": "0"}, {"path": "1"}],
            }
        ],
        "omero": {"channels": [{"label": f"{450 + 10 * i} nm"} for i in range(9)]},
    }
    group.attrs.update(said if version == 2 else {"ome": {"version": "0.5", **said}})
    cube = read(tmp_path / "cells.zarr")
    np.testing.assert_array_equal(cube.data, values)
    np.testing.assert_array_equal(cube.wavelengths_nm, 450 + 10 * np.arange(9))
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(cube)).data), values)
    assert [one.key for one in choices(tmp_path / "cells.zarr").data_sets] == ["0"]


def test_named_axes_of_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    values = numbered((6, 6, 6), np.uint16)
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=3)
    names = ["y", "wavelength", "x"]
    array = group.create_array("rfl", shape=values.shape, dtype="u2", dimension_names=names)
    array[...] = values.transpose(1, 0, 2)
    group.create_array("wavelength", shape=(6,), dtype="f8")[...] = np.linspace(0.4, 0.9, 6)
    group["wavelength"].attrs["units"] = "um"
    cube = read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(cube.data, values)
    np.testing.assert_allclose(cube.wavelengths_nm, np.linspace(400, 900, 6))
