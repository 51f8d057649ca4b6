from __future__ import annotations

import resource
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest

from make.cubes import full_cube, numbered
from make.envi_files import classification, envi
from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, guesses, read, write
from napari_hsi_restore.io.class_map import class_map

SHAPE = (4, 3, 5)


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("byte_order", [0, 1, None])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "u2", "u4", "f4", "f8"])
def test_every_layout_is_mapped_as_bands_y_x(tmp_path, interleave, byte_order, dtype):
    data = numbered(SHAPE, np.dtype(dtype))
    envi(tmp_path, data, interleave=interleave, byte_order=byte_order)
    for name in ("scene.hdr", "scene.dat"):
        cube = read(tmp_path / name)
        np.testing.assert_array_equal(cube.data, data)
        assert cube.dtype.newbyteorder("=") == data.dtype
        assert cube.is_lazy
        assert cube.name == "scene"
        assert catalog.describe(tmp_path / name) == ("ENVI", interleave)


def test_fields_of_the_header(tmp_path):
    header = envi(
        tmp_path,
        numbered(SHAPE),
        more=textwrap.dedent(
            """\
            ; a comment = ignored
            Wavelength Units = Micrometers
            wavelength = {0.460, 0.465,
              0.470, 0.475}
            fwhm = {0.005, 0.005, 0.005, 0.006}
            bbl = {1, 0, 1, 1}
            data ignore value = -9999
            reflectance scale factor = 10000
            sensor type = Fenix
            description = {first line,
              second = line}
            map info = {UTM, 2, 3, 500000, 4000000, 30, 20, 33, South, WGS-84, units=Meters}
            """
        ),
    )
    cube = read(header)
    np.testing.assert_array_equal(cube.wavelengths_nm, [460, 465, 470, 475])
    np.testing.assert_array_equal(cube.fwhm_nm, [5, 5, 5, 6])
    np.testing.assert_array_equal(cube.good_bands, [True, False, True, True])
    assert (cube.nodata, cube.gain, cube.units) == (-9999.0, 1e-4, "reflectance")
    assert cube.georeference is not None
    assert cube.georeference.crs == "EPSG:32733"
    assert cube.georeference.transform == (30.0, 0.0, 499970.0, 0.0, -20.0, 4000040.0)
    assert cube.metadata["sensor type"] == "Fenix"
    assert cube.metadata["description"] == "first line,\nsecond = line"


@pytest.mark.parametrize(
    ("unit", "values", "expected", "noted"),
    [
        ("Nanometers", "500, 600", [500, 600], False),
        ("um", "0.5, 0.6", [500, 600], False),
        ("Wavenumber", "20000, 10000", [500, 1000], False),
        ("Unknown", "500, 600", [500, 600], True),
        ("", "0.5, 0.6", [500, 600], True),
        ("Index", "1, 2", None, True),
    ],
)
def test_wavelength_units_and_noted_guesses(tmp_path, unit, values, expected, noted):
    more = f"wavelength units = {unit}\nwavelength = {{{values}}}\n"
    cube = read(envi(tmp_path, numbered((2, 3, 3)), more=more))
    if expected is None:
        assert cube.wavelengths_nm is None
    else:
        np.testing.assert_allclose(cube.wavelengths_nm, expected, rtol=1e-12)
    assert bool(cube.history) == noted


def test_rotated_map_info_is_read_as_gdal_reads_it(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    header = envi(
        tmp_path,
        numbered(SHAPE),
        data_suffix=".img",
        file_type="ENVI Standard",
        more="map info = {UTM, 1, 1, 579717.18, 3714550.7, 16.9, 12.5, 11, North, WGS-84, "
        "units=Meters, rotation=34.0}\n",
    )
    with rasterio.open(tmp_path / "scene.img") as oracle:
        expected = oracle.transform
        assert oracle.crs.to_epsg() == 32611
    place = read(header).georeference
    assert place is not None
    assert place.crs == "EPSG:32611"
    np.testing.assert_allclose(place.transform, expected[:6], rtol=1e-9)


@pytest.mark.parametrize(
    ("transform", "sayable"),
    [
        ((9.0, 2.0, 5e5, 2.0, -9.0, 5e6), True),
        ((0.0, 5.0, 5e5, 8.0, 0.0, 5e6), True),
        ((-6.0, -8.0, 5e5, -4.0, 3.0, 5e6), True),
        ((10.0, 0.0, 5e5, 0.0, -10.0, 5e6), True),
        ((10.0, 3.0, 5e5, 0.0, -10.0, 5e6), False),
        ((10.0, 0.0, 5e5, 0.0, 10.0, 5e6), False),
    ],
)
def test_gdal_sees_the_place_or_none(tmp_path, transform, sayable):
    rasterio = pytest.importorskip("rasterio")
    place = Georeference("EPSG:32633", transform)
    path = write(HyperCube(np.ones((2, 3, 4), np.float32), georeference=place), tmp_path / "a.hdr")
    assert read(path).georeference == place
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one without a place
        with rasterio.open(path.with_suffix(".img")) as opened:
            seen = tuple(opened.transform)[:6]
    expected = transform if sayable else (1, 0, 0, 0, 1, 0)
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_the_reference_pixel_of_a_rotated_map_is_where_it_says(tmp_path):
    more = "map info = {UTM, 3, 2, 5000, 4000, 16.9, 12.5, 11, North, WGS-84, rotation=34.0}\n"
    place = read(envi(tmp_path, numbered(SHAPE), more=more)).georeference
    assert place is not None
    a, b, c, d, e, f = place.transform
    np.testing.assert_allclose([a * 2 + b * 1 + c, d * 2 + e * 1 + f], [5000, 4000])


def test_other_programs_read_what_we_write(tmp_path):
    spectral = pytest.importorskip("spectral")
    rasterio = pytest.importorskip("rasterio")
    cube = full_cube(np.int16)
    write(cube, tmp_path / "out.hdr")
    image = spectral.envi.open(str(tmp_path / "out.hdr"), str(tmp_path / "out.img"))
    stored = image.open_memmap(interleave="bsq")
    np.testing.assert_array_equal(stored, cube.data)
    np.testing.assert_allclose(image.bands.centers, cube.wavelengths_nm)
    np.testing.assert_allclose(image.bands.bandwidths, cube.fwhm_nm)
    assert image.bands.band_unit == "Nanometers"
    assert image.metadata["bbl"] == [1, 0, 1, 1, 1]
    assert image.metadata["data ignore value"] == "2"
    assert [float(v) for v in image.metadata["data gain values"]] == list(cube.gain)
    assert image.metadata["map info"][:5] == ["UTM", "1.0", "1.0", "367935.0", "5808045.0"]
    with rasterio.open(tmp_path / "out.img") as file:
        np.testing.assert_array_equal(file.read(), cube.data)
        assert file.crs.to_epsg() == 32633
        assert file.transform[:6] == cube.georeference.transform
        assert file.nodata == cube.nodata
        assert (file.scales, file.offsets) == (tuple(cube.gain), tuple(cube.offset))
        for band in range(cube.n_bands):
            tags = file.tags(band + 1)
            assert float(tags["wavelength"]) == cube.wavelengths_nm[band]
            assert tags["wavelength_units"] == "Nanometers"
        assert file.tags(ns="ENVI")["bbl"] == "{1, 0, 1, 1, 1}"


def test_reflectance_is_scaled_by_others_as_by_us(tmp_path):
    spectral = pytest.importorskip("spectral")
    cube = full_cube(np.uint16).replace(gain=1e-4, offset=0.0, units="reflectance", nodata=65535.0)
    write(cube, tmp_path / "out.hdr")
    image = spectral.envi.open(str(tmp_path / "out.hdr"), str(tmp_path / "out.img"))
    assert image.scale_factor == 10_000.0
    np.testing.assert_allclose(image.load().transpose(2, 0, 1), cube.data * 1e-4, rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"lines": "4"}, "cut short"),
        ({"lines": "2"}, "bytes more than"),
        ({"bands": "40000"}, "cut short"),
        ({"interleave": "bsx"}, "bsq, bil or bip"),
        ({"interleave": ""}, "lacks 'interleave'"),
        ({"samples": "many"}, "samples = many"),
        ({"samples": "", "lines": ""}, "lacks 'samples'"),
        ({"data_type": ""}, "lacks 'data type'"),
        ({"data_type": "99"}, "data type 99"),
        ({"data_type": "6"}, "complex"),
        ({"byte_order_": "7"}, "neither 0 nor 1"),
        ({"wavelength": "{1, two, 3, 4}"}, "not a list of numbers"),
        ({"data_ignore_value": "many"}, "data ignore value"),
        ({"file_type": "ENVI Spectral Library"}, "spectral library"),
    ],
)
def test_wrong_headers_are_explained(tmp_path, changed, sentence):
    changed = {key.rstrip("_"): value for key, value in changed.items()}
    order = changed.pop("byte_order", None)
    header = envi(tmp_path, numbered(SHAPE), **changed)
    if order:
        header.write_text(header.read_text().replace("byte order = 0", f"byte order = {order}"))
    with pytest.raises(UserError, match=sentence) as caught:
        read(header)
    assert str(tmp_path) in str(caught.value)


def test_lists_of_the_wrong_length_are_left_out_and_noted(tmp_path):
    cube = read(envi(tmp_path, numbered(SHAPE), wavelength="{500, 600}", bbl="{1, 1, 0}"))
    assert cube.wavelengths_nm is None
    assert cube.good_bands is None
    assert any("'wavelength'" in step for step in cube.history)
    assert any("'bbl'" in step for step in cube.history)


def test_truncated_and_missing_data_file(tmp_path):
    header = envi(tmp_path, numbered(SHAPE))
    data = tmp_path / "scene.dat"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"scene\.dat.*cut short"):
        read(header)
    data.unlink()
    with pytest.raises(UserError, match="data file is missing"):
        read(header)
    assert catalog.can_read(header)


def test_the_data_file_of_the_right_size_is_taken_and_said(tmp_path):
    header = envi(tmp_path, numbered(SHAPE), data_suffix=".raw")
    (tmp_path / "scene.img").write_bytes(b"a preview")
    cube = read(header)
    np.testing.assert_array_equal(cube.data, numbered(SHAPE))
    assert "scene.img" in cube.history[0]


def test_a_five_gigabyte_file_opens_in_little_memory(tmp_path):
    header = tmp_path / "big.hdr"
    header.write_text(
        "ENVI\nsamples = 2500\nlines = 2500\nbands = 430\ndata type = 12\ninterleave = bip\n"
    )
    with (tmp_path / "big.img").open("wb") as file:
        file.truncate(2500 * 2500 * 430 * 2)
    script = (
        "import resource, sys\n"
        "from napari_hsi_restore.io import read\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "cube = read(sys.argv[1])\n"
        "assert cube.shape == (430, 2500, 2500) and cube.spectrum(2000, 9).sum() == 0\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(header)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100


def test_a_lazy_cube_is_written_without_being_loaded(tmp_path):
    header = tmp_path / "big.hdr"
    header.write_text(
        "ENVI\nsamples = 1000\nlines = 1000\nbands = 300\ndata type = 12\ninterleave = bip\n"
    )
    with (tmp_path / "big.img").open("wb") as file:
        file.truncate(1000 * 1000 * 300 * 2)
    script = (
        "import resource, sys\n"
        "from napari_hsi_restore.io import read, write\n"
        "from napari_hsi_restore.io.blocks import blocks\n"
        "cube = read(sys.argv[1])\n"
        "sizes = [values.nbytes for _, values in blocks(cube.data)]\n"
        "assert max(sizes) <= 64 * 2**20 and sum(sizes) == cube.data.nbytes\n"
    )
    subprocess.run([sys.executable, "-c", script, str(header)], check=True)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path):
    cube = full_cube(np.float64, (5, 60, 50))
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, old[1]))
    try:
        with pytest.raises(UserError, match=r"out\.hdr: cannot be written"):
            write(cube, tmp_path / "out.hdr")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list(tmp_path.iterdir()) == []


def test_foreign_data_beside_a_new_header_is_never_adopted(tmp_path):
    (tmp_path / "out.raw").write_bytes(b"somebody's measurement")
    with pytest.raises(UserError, match=r"out\.raw"):
        write(full_cube(), tmp_path / "out.hdr", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["out.raw"]


LABELS = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
NAMES = ["Unclassified", "Kaolinite", "Quartz #1"]
COLOURS = [0, 0, 0, 255, 0, 0, 0, 255, 127]


def test_a_map_of_classes_is_one_band_and_says_what_it_is(tmp_path):
    cube = read(classification(tmp_path, LABELS, NAMES, COLOURS))
    np.testing.assert_array_equal(cube.data, LABELS[None])
    classes = class_map(cube)
    assert classes.names == tuple(NAMES)
    np.testing.assert_array_equal(classes.colours, np.reshape(COLOURS, (3, 3)))
    assert classes.background
    assert "map of 3 classes (Unclassified, Kaolinite, Quartz #1)" in cube.history[-1]
    assert guesses(cube.history) == ()
    again = read(write(cube, tmp_path / "again.hdr"))
    assert again.history == cube.history
    assert class_map(again).names == classes.names
    text = (tmp_path / "again.hdr").read_text()
    assert "file type = ENVI Classification" in text
    # As another format's file it is still known for what it is.
    assert class_map(read(write(cube, tmp_path / "again.tif"))).names == classes.names


@pytest.mark.parametrize(
    ("changed", "names", "coloured"),
    [
        ({"classes": "4"}, (*NAMES, "class 3"), False),
        ({"class_lookup": "{0, 0, 0, 999, 0, 0, 0, 255, 127}"}, tuple(NAMES), False),
        ({"class_names": ""}, ("class 0", "class 1", "class 2"), True),
        ({"classes": "many"}, tuple(NAMES), True),
    ],
)
def test_odd_fields_of_classes(tmp_path, changed, names, coloured):
    fields = {
        "classes": "3",
        "class_names": "{" + ", ".join(NAMES) + "}",
        "class_lookup": "{" + ", ".join(map(str, COLOURS)) + "}",
        "file_type": "ENVI Classification",
    }
    classes = class_map(read(envi(tmp_path, LABELS[None], **(fields | changed))))
    assert classes.names == names
    assert (classes.colours is not None) == coloured


def test_a_cube_is_no_map_of_classes(tmp_path):
    assert class_map(read(envi(tmp_path, numbered(SHAPE)))) is None
    assert class_map(read(envi(tmp_path, numbered(SHAPE), file_type="ENVI Classification"))) is None


@pytest.mark.parametrize(
    ("more", "field", "expected"),
    [
        ("Data Ignore Value = { -9999 }\n", "nodata", -9999.0),
        ("data ignore value = -9999.0 \n", "nodata", -9999.0),
        ("data ignore value = none\n", "nodata", None),
        ("description = {never closed\n", "nodata", None),
        ("a line without a sign of equality\n\n", "nodata", None),
        ("wavelength units = {Nanometers}\nwavelength = {1,\n2,\n3,\n4,}\n", "wavelengths_nm", 4),
        ("default bands = {60, 27, 17}\nz plot range = {0, 1}\n", "nodata", None),
        ("map info = {Arbitrary, 1, 1, 0, 0, 1, 1, 0, North}\n", "nodata", None),
        ("map info = {UTM, x}\n", "georeference", None),
        ("reflectance scale factor = 0\n", "gain", 1.0),
        ("data gain values = {2, 2, 2, 2}\nreflectance scale factor = 9\n", "gain", 2.0),
    ],
)
def test_odd_fields_of_a_header(tmp_path, more, field, expected):
    cube = read(envi(tmp_path, numbered(SHAPE), more=more))
    found = getattr(cube, field)
    assert (len(found) if isinstance(found, np.ndarray) else found) == expected
    np.testing.assert_array_equal(cube.data, numbered(SHAPE))


@pytest.mark.parametrize("dropped", ["byte order", "header offset", "file type", "interleave"])
def test_missing_fields_of_a_header(tmp_path, dropped):
    header = envi(tmp_path, numbered((1, 3, 5)), header_offset="0", file_type="ENVI Standard")
    kept = [line for line in header.read_text().splitlines() if not line.startswith(dropped)]
    header.write_text("\n".join(kept))
    np.testing.assert_array_equal(read(header).data, numbered((1, 3, 5)))


@pytest.mark.parametrize("dropped", ["samples", "lines", "bands"])
@pytest.mark.parametrize("more", ["", "wavelength = {500, 510, 520, 530}\nwavelength units = nm\n"])
def test_one_size_that_is_missing_follows_from_the_data_file(tmp_path, dropped, more):
    header = envi(tmp_path, numbered(SHAPE), interleave="bil", more=more)
    kept = [line for line in header.read_text().splitlines() if not line.startswith(dropped)]
    header.write_text("\n".join(kept))
    for path in (header, tmp_path / "scene.dat"):
        cube = read(path)
        np.testing.assert_array_equal(cube.data, numbered(SHAPE))
        assert (cube.wavelengths_nm is not None) == bool(more)
        assert f"{dropped}, which the header lacks" in guesses(cube.history)[0]
    # Not where the size leaves a rest.
    with (tmp_path / "scene.dat").open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match=f"lacks '{dropped}'"):
        read(header)


@pytest.mark.parametrize("suffix", ["", ".dat", ".img", ".raw", ".bsq", ".bil", ".bip"])
def test_the_header_may_carry_the_name_of_the_data_file(tmp_path, suffix):
    header = envi(tmp_path, numbered(SHAPE), data_suffix=suffix)
    beside = header.rename(tmp_path / f"scene{suffix}.hdr")
    for path in (beside, tmp_path / f"scene{suffix}"):
        np.testing.assert_array_equal(read(path).data, numbered(SHAPE))
        assert catalog.can_read(path)


def test_a_header_of_a_mosaic_is_explained(tmp_path):
    with pytest.raises(UserError, match="only lists other files"):
        read(envi(tmp_path, numbered(SHAPE), file_type="ENVI Virtual Mosaic"))
