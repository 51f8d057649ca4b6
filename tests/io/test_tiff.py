from __future__ import annotations

import json
import pickle

import dask.array as da
import numpy as np
import pytest
import tifffile

from make.cubes import full_cube, numbered
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read, write
from napari_hsi_restore.io.formats import tiff, tiff_segments
from napari_hsi_restore.io.lazy import in_memory

DATA = numbered((7, 5, 6))


def test_planar_chunky_and_paged_files(tmp_path):
    tifffile.imwrite(
        tmp_path / "planar.tif",
        DATA,
        planarconfig="separate",
        metadata=None,
        photometric="minisblack",
    )
    tifffile.imwrite(
        tmp_path / "chunky.tif",
        DATA.transpose(1, 2, 0),
        planarconfig="contig",
        metadata=None,
        photometric="minisblack",
    )
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        for band in DATA:
            file.write(band, metadata=None, contiguous=False, photometric="minisblack")
    tifffile.imwrite(
        tmp_path / "packed.tif", DATA, compression="zlib", predictor=True, photometric="minisblack"
    )
    for name in ("planar", "chunky", "pages", "packed"):
        cube = read(tmp_path / f"{name}.tif")
        np.testing.assert_array_equal(cube.data, DATA, err_msg=name)
        assert catalog.can_read(tmp_path / f"{name}.tif")
    assert read(tmp_path / "planar.tif").is_lazy
    assert read(tmp_path / "chunky.tif").is_lazy
    assert "7 pages" in read(tmp_path / "pages.tif").history[0]


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_byte_orders_and_bigtiff(tmp_path, byteorder, bigtiff):
    path = tmp_path / "scene.tif"
    tifffile.imwrite(path, DATA, byteorder=byteorder, bigtiff=bigtiff, photometric="minisblack")
    cube = read(path)
    np.testing.assert_array_equal(cube.data, DATA)
    assert cube.is_lazy


def test_time_series_are_not_claimed_but_can_be_opened(tmp_path):
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, DATA, imagej=True, metadata={"axes": "TYX"})
    assert not catalog.can_read(path)
    assert "points in time" in read(path).history[0]


def test_the_description_says_wavelengths_and_white(tmp_path):
    path = tmp_path / "scene.tif"
    text = {"wavelength_nm": list(range(400, 470, 10)), "white_level": 1023, "lamp": "D65"}
    tifffile.imwrite(
        path, DATA, description=json.dumps(text), metadata=None, photometric="minisblack"
    )
    cube = read(path)
    np.testing.assert_array_equal(cube.wavelengths_nm, text["wavelength_nm"])
    assert cube.white_level == 1023.0
    assert dict(cube.metadata) == {"lamp": "D65"}


def test_four_axes_need_the_user(tmp_path):
    path = tmp_path / "hyper.tif"
    tifffile.imwrite(
        path, numbered((12, 5, 6)).reshape(3, 4, 5, 6), imagej=True, metadata={"axes": "TCYX"}
    )
    with pytest.raises(UserError, match="three axes"):
        read(path)


@pytest.mark.parametrize("layout", ["separate", "contig", "pages", "apart"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("compression", ["lzw", "zlib"])
def test_large_compressed_files_are_decoded_piece_by_piece(
    tmp_path, monkeypatch, layout, tile, compression
):
    monkeypatch.setattr(tiff, "_EAGER_BYTES", 0)
    monkeypatch.setattr(tiff_segments, "_PIECE_BYTES", 4000)
    data = np.random.default_rng(0).integers(0, 900, (5, 45, 70)).astype(np.uint16)
    path = tmp_path / "scene.tif"
    told = {"compression": compression, "tile": tile, "metadata": None, "predictor": True}
    told |= {"photometric": "minisblack", "byteorder": ">"}
    if tile is None:
        told["rowsperstrip"] = 7
    if layout == "separate":
        tifffile.imwrite(path, data, planarconfig="separate", **told)
    elif layout == "contig":
        tifffile.imwrite(path, data.transpose(1, 2, 0), planarconfig="contig", **told)
    elif layout == "pages":
        tifffile.imwrite(path, data, **told)
    else:
        del told["byteorder"]
        with tifffile.TiffWriter(path, byteorder=">") as file:
            for band in data:
                file.write(band, contiguous=False, **told)
    cube = read(path)
    assert isinstance(cube.data, da.Array)
    assert cube.dtype == np.uint16
    np.testing.assert_array_equal(cube.array(), data)
    np.testing.assert_array_equal(cube.spectrum(44, 69), data[:, 44, 69])
    np.testing.assert_array_equal(cube.data[1:4, 3:40:3, 5::2], data[1:4, 3:40:3, 5::2])
    # A worker of a cluster opens the file itself.
    again = pickle.loads(pickle.dumps(cube))
    np.testing.assert_array_equal(again.array(), data)
    assert isinstance(in_memory(cube).data, np.ndarray)


def test_what_gdal_leaves_out_of_a_file_is_no_data(tmp_path, monkeypatch):
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path / "sparse.tif"
    told = {"driver": "GTiff", "count": 6, "height": 40, "width": 30, "dtype": "int16"}
    told |= {"interleave": "band", "compress": "lzw", "sparse_ok": True}
    with rasterio.open(path, "w", **told, nodata=-5) as file:
        for band in (2, 5):
            file.write(np.full((40, 30), band, np.int16), band)
        for band in range(1, 7):
            file.update_tags(band, wavelength=str(400 + band))
    small = read(path)
    monkeypatch.setattr(tiff, "_EAGER_BYTES", 0)
    large = read(path)
    assert isinstance(large.data, da.Array)
    np.testing.assert_array_equal(large.array(), small.array())
    np.testing.assert_array_equal(large.wavelengths_nm, small.wavelengths_nm)
    assert large.nodata == small.nodata == -5
    assert set(np.unique(large.array())) == {-5, 2, 5}


def test_a_large_compressed_file_that_is_cut_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "_EAGER_BYTES", 0)
    noise = np.random.default_rng(0).integers(0, 255, (8, 64, 64), np.uint8)
    path = tmp_path / "packed.tif"
    tifffile.imwrite(path, noise, photometric="minisblack", compression="zlib")
    whole = bytearray(path.read_bytes())
    cube = read(path)
    middle = len(whole) // 2
    whole[middle : middle + 400] = bytes(400)
    path.write_bytes(whole)
    with pytest.raises(UserError, match=r"packed\.tif"):
        cube.array()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(UserError, match=r"packed\.tif"):
        read(path).array()


def test_damage_is_explained(tmp_path):
    for name, options in (("plain", {}), ("packed", {"compression": "zlib"})):
        path = tmp_path / f"{name}.tif"
        noise = np.random.default_rng(0).integers(0, 255, (8, 64, 64), np.uint8)
        tifffile.imwrite(path, noise, photometric="minisblack", **options)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * 2 // 3])
        with pytest.raises(UserError, match=name):
            np.asarray(read(path).data)
    (tmp_path / "empty.tif").write_bytes(b"II*\0")
    with pytest.raises(UserError, match=r"empty\.tif"):
        read(tmp_path / "empty.tif")


def test_complex_values_are_explained(tmp_path):
    tifffile.imwrite(tmp_path / "c.tif", DATA.astype(np.complex64), photometric="minisblack")
    with pytest.raises(UserError, match="complex"):
        read(tmp_path / "c.tif")


def test_real_satellite_tile_agrees_with_gdal(shared_data):
    rasterio = pytest.importorskip("rasterio")
    path = shared_data / "test/satellite/enmap_potsdam_tile_192_64.tif"
    cube = read(path)
    with rasterio.open(path) as oracle:
        np.testing.assert_array_equal(cube.data, oracle.read())
        assert cube.georeference.transform == oracle.transform[:6]
        assert cube.georeference.crs == f"EPSG:{oracle.crs.to_epsg()}"
        assert cube.nodata == oracle.nodata
        assert cube.gain == oracle.scales[0]
        assert cube.wavelengths_nm[129] == float(oracle.tags(130)["wavelength"])
        assert cube.fwhm_nm[129] == float(oracle.tags(130)["fwhm"])
    assert np.count_nonzero(~cube.good_bands) == 6
    bad = np.asarray(cube.data)[~cube.good_bands]
    assert np.all(bad == cube.nodata)


def test_real_jpegxl_stacks(shared_data):
    cloth = read(shared_data / "test/cave/cloth.tif")
    assert (cloth.shape, cloth.dtype, cloth.white_level) == ((31, 512, 512), np.uint16, 1023.0)
    np.testing.assert_array_equal(cloth.wavelengths_nm, np.arange(400, 701, 10))
    assert np.asarray(cloth.data).max() <= 1023
    bladder = read(shared_data / "test/microscopy/bladder_left.tif")
    assert (bladder.shape, bladder.white_level) == ((40, 320, 400), 1023.5)


@pytest.mark.parametrize("nm", [None, [500.0, 510.0, 520.5]])
def test_gdal_calls_bands_by_their_names(tmp_path, nm):
    rasterio = pytest.importorskip("rasterio")
    cube = HyperCube(np.zeros((3, 8, 9), np.int16), wavelengths_nm=nm)
    named = cube.replace(metadata={"band names": "red <1>, PC 2, größer"})
    cut = cube.replace(metadata={"band names": "of, other"})
    expected = (None,) * 3 if nm is None else ("500 nm", "510 nm", "520.5 nm")
    for one, names in ((named, ("red <1>", "PC 2", "größer")), (cut, expected), (cube, expected)):
        with rasterio.open(write(one, tmp_path / "out.tif", overwrite=True)) as file:
            assert file.descriptions == names
        assert read(tmp_path / "out.tif").metadata == one.metadata


def test_gdal_reads_what_we_write(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    cube = full_cube(np.int16)
    write(cube, tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as file:
        np.testing.assert_array_equal(file.read(), cube.data)
        assert file.crs.to_epsg() == 32633
        assert file.transform[:6] == cube.georeference.transform
        assert file.nodata == cube.nodata
        assert float(file.tags(3)["wavelength"]) == cube.wavelengths_nm[2]
        assert (file.scales, file.offsets) == (tuple(cube.gain), tuple(cube.offset))
        assert file.units == (cube.units,) * cube.n_bands
        assert [file.tags(band)["bbl"] for band in range(1, 6)] == ["1", "0", "1", "1", "1"]
        assert float(file.tags(3)["fwhm"]) == cube.fwhm_nm[2]
        imagery = file.tags(3, ns="IMAGERY")
        assert float(imagery["CENTRAL_WAVELENGTH_UM"]) == cube.wavelengths_nm[2] / 1000
        assert float(imagery["FWHM_UM"]) == cube.fwhm_nm[2] / 1000


@pytest.mark.parametrize("area_or_point", ["Area", "Point"])
def test_places_agree_with_gdal(tmp_path, area_or_point):
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path / "gdal.tif"
    profile = {"driver": "GTiff", "count": 5, "height": 4, "width": 3, "dtype": "int16"}
    transform = rasterio.Affine(20.0, 3.0, 1000.0, 2.0, -20.0, 9000.0)
    with rasterio.open(
        path, "w", crs="EPSG:25833", transform=transform, nodata=-9999, **profile
    ) as file:
        file.update_tags(AREA_OR_POINT=area_or_point)
        file.write(numbered((5, 4, 3), np.int16))
    cube = read(path)
    np.testing.assert_array_equal(cube.data, numbered((5, 4, 3)))
    assert cube.georeference.crs == "EPSG:25833"
    np.testing.assert_allclose(cube.georeference.transform, transform[:6])
    assert cube.nodata == -9999


def test_systems_without_a_number_come_as_text(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path / "gdal.tif"
    crs = rasterio.CRS.from_proj4("+proj=tmerc +lat_0=1 +lon_0=2 +x_0=3 +datum=WGS84")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=5,
        height=4,
        width=3,
        dtype="uint8",
        crs=crs,
        transform=rasterio.Affine(1, 0, 9, 0, -1, 9),
    ):
        pass
    place = read(path).georeference
    assert rasterio.CRS.from_wkt(place.crs) == crs
