"""What the catalog claims, and what `read` says about everything else."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from make.cubes import numbered
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read


def test_ordinary_pictures_are_left_to_napari(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "photo.png")
    Image.new("RGB", (30, 20)).save(tmp_path / "photo.jpg")
    tifffile.imwrite(tmp_path / "grey.tif", numbered((1, 20, 30))[0])
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    np.save(tmp_path / "flat.npy", np.zeros((3, 4)))
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    for name in (
        "photo.png",
        "photo.jpg",
        "grey.tif",
        "rgb.tif",
        "flat.npy",
        "notes.txt",
        "empty",
        "nowhere.hdr",
        "",
    ):
        assert not catalog.can_read(tmp_path / name), name


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "ordinary picture.*folder"),
        ("notes.txt", b"hello", "no cube in a known format"),
        ("raw.dat", bytes(100), r"ENVI header \(\.hdr\) beside it"),
        ("empty.npy", b"", "empty"),
        ("scene.rar", b"Rar!\x1a\x07", "unpack"),
    ],
)
def test_other_files_are_explained(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=sentence) as caught:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_missing_files_and_archives(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.mat: there is no such file"):
        read(tmp_path / "nowhere.mat::data")
    with zipfile.ZipFile(tmp_path / "scene.zip", "w") as archive:
        archive.writestr("scene.tif", b"x")
    with pytest.raises(UserError, match="unpack"):
        read(tmp_path / "scene.zip")


def test_the_suffix_does_not_matter(tmp_path):
    np.save(tmp_path / "cube.npy", numbered((5, 9, 9)))
    (tmp_path / "cube.npy").rename(tmp_path / "cube.tif")
    assert read(tmp_path / "cube.tif").shape == (5, 9, 9)
    assert catalog.describe(tmp_path / "cube.tif") == ("NumPy", None)


def test_options_that_mean_nothing_are_refused(tmp_path):
    np.save(tmp_path / "cube.npy", numbered((5, 9, 9)))
    for options in (
        {"key": "data"},
        {"shape": (9, 9)},
        {"pixel_order": "row-major"},
        {"pixel_order": "sideways"},
        {"wavelengths": [500.0, 510.0]},
    ):
        with pytest.raises(UserError):
            read(tmp_path / "cube.npy", **options)


def test_every_real_file_is_opened_or_explained(shared_data):
    for path in sorted(shared_data.rglob("*")):
        if path.is_dir() or "cave" in path.parts:
            continue
        cube = None
        with contextlib.suppress(UserError):
            cube = read(path)
        if cube is None:
            assert path.suffix in {".md", ".csv", ".zip", ".png"} or path.stem in {
                "gamsberg_field_library",
                "enmap_berlin",
                "AVIRIS_wavelengths",
            }
        else:
            assert catalog.can_read(path)
            assert cube.wavelengths_nm is None or np.all(cube.wavelengths_nm > 300)
            assert catalog.bytes_on_disk(path) >= path.stat().st_size


def test_real_envi_files(shared_data):
    formats = shared_data / "formats"
    corn = read(formats / "envi_corn_kernel/corn-kernel-hyperspectral.hdr")
    assert (corn.shape, corn.dtype, corn.wavelengths_nm[1]) == ((580, 31, 43), np.uint16, 367.656)
    fenix = read(formats / "envi_fenix_core/image.dat")
    assert (fenix.shape, fenix.nodata, fenix.units) == ((450, 38, 23), 0.0, "reflectance")
    assert fenix.metadata["sensor type"] == "Fenix"
    aviris = read(formats / "envi_aviris_ng/ang20160910t185702_2rdn_img")
    assert (aviris.shape, aviris.nodata) == ((425, 25, 30), -9999.0)
    assert aviris.wavelengths_nm[-1] == 2500.12
    assert aviris.georeference.transform[0] == 15.0
    gamsberg = read(formats / "envi_gamsberg/cubus_gamsberg_subset.hdr")
    assert gamsberg.fwhm_nm is not None
    assert 0 < float(np.nanmax(gamsberg.array())) < 2e4


def test_reading_loads_no_heavy_library():
    script = (
        "import sys\nimport napari_hsi_restore.io\n"
        "heavy = {'torch', 'napari', 'qtpy', 'h5py', 'tifffile', 'scipy.io', 'rasterio', 'zarr', "
        "'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
