"""Files that change, shrink or vanish while they are open; names and folders of every kind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path, PureWindowsPath

import dask
import h5py
import numpy as np
import pytest

from make.cubes import full_cube, numbered
from make.envi_files import envi
from make.products import prisma
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read, write
from napari_hsi_restore.io.band_views import BandViews
from napari_hsi_restore.io.spectral_library import read_library

SUFFIXES = [spec.suffixes[0] for spec in catalog.writable()]
MAPPED = {".hdr": "a.img", ".tif": "a.tif", ".npy": "a.npy"}
LARGE = HyperCube(np.arange(40 * 60 * 70, dtype=np.float32).reshape(40, 60, 70))

on_posix = pytest.mark.skipif(
    os.name == "nt", reason="Windows lets nobody touch a file that is mapped, or its permissions"
)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zarr")


@on_posix
@pytest.mark.parametrize("suffix", MAPPED)
def test_a_map_whose_file_is_cut_is_a_sentence_and_no_crash(tmp_path, suffix):
    path = write(LARGE, tmp_path / f"a{suffix}")
    # Touching a page beyond the end ends a process, so another one does it.
    script = (
        "import os, sys\n"
        "import numpy as np\n"
        "from napari_hsi_restore.cube import HyperCube\n"
        "from napari_hsi_restore.errors import UserError\n"
        "from napari_hsi_restore.io import read, write\n"
        "cube = read(sys.argv[1])\n"
        "band, part = cube.data[3], cube.data[30:]\n"
        "os.truncate(sys.argv[2], 3000)\n"
        "uses = [\n"
        "    lambda: np.asarray(cube.data[39]).sum(),\n"
        "    lambda: cube.spectrum(50, 60),\n"
        "    lambda: cube.array(),\n"
        "    lambda: cube.data.max(),\n"
        "    lambda: cube.data * 2,\n"
        "    lambda: cube.data.astype(float),\n"
        "    lambda: cube.data.copy(),\n"
        "    lambda: part[0],\n"
        "    lambda: part.mean(),\n"
        "    lambda: write(cube, sys.argv[1] + '.again.npz'),\n"
        "]\n"
        "for use in uses:\n"
        "    try: use(); print('no error')\n"
        "    except UserError as error: print(error)\n"
        # napari prints all variables of what failed.
        "assert 'made the file shorter' in repr(cube.data) + str(part)\n"
        # What a viewer got before is still there.
        "assert band.sum() == float(np.arange(3 * 4200, 4 * 4200, dtype=np.float32).sum())\n"
    )
    data = tmp_path / MAPPED[suffix]
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(data)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 10
    for line in said:
        assert line.startswith(f"{data}: another program made the file shorter"), line


@on_posix
def test_the_viewer_of_a_large_map_says_that_the_file_was_cut(tmp_path):
    path = write(LARGE, tmp_path / "a.hdr")
    views = BandViews(read(path).data, folder=tmp_path)
    os.truncate(tmp_path / "a.img", 3000)
    box = ((39, 40), (0, 60), (0, 70))
    end = time.monotonic() + 20
    while not views.failure and time.monotonic() < end:
        values, _ = views.at_once(0, box, patience_s=0.02)
        assert values.shape == (1, 60, 70)
    assert "a.img" in views.failure


@on_posix
def test_a_file_that_is_replaced_or_removed_stays_what_it_was(tmp_path):
    header = envi(tmp_path, numbered((4, 5, 6)))
    cube = read(header)
    envi(tmp_path / "", numbered((4, 5, 6)) + 0)
    (tmp_path / "new.dat").write_bytes(bytes(4 * 5 * 6 * 2))
    (tmp_path / "new.dat").replace(tmp_path / "scene.dat")
    np.testing.assert_array_equal(cube.data, numbered((4, 5, 6)))
    (tmp_path / "scene.dat").unlink()
    np.testing.assert_array_equal(cube.spectrum(1, 1), numbered((4, 5, 6))[:, 1, 1])
    with pytest.raises(UserError, match="data file is missing"):
        read(header)


def _lazy_hdf5(folder: Path) -> Path:
    path = folder / "PRS_L2D_lazy.he5"
    return prisma(path)


@pytest.fixture
def one_thread():
    """Others would still hold the file after the first has failed, when it is written anew."""
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.usefixtures("one_thread")
def test_a_lazy_file_that_vanishes_or_is_another(tmp_path):
    path = _lazy_hdf5(tmp_path)
    cube = read(path)
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(UserError, match=r"lazy\.he5: the file is not there any more; put it back"):
        np.asarray(cube.data)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"lazy\.he5: a part of it cannot be read.*changed"):
        np.asarray(cube.data)
    prisma(path, rows=5)
    with pytest.raises(UserError, match=r"lazy\.he5: a part of it cannot be read.*changed"):
        np.asarray(cube.data)
    with h5py.File(path, "w") as file:
        file["other"] = np.zeros(3)
    with pytest.raises(UserError, match=r"lazy\.he5: a part of it cannot be read"):
        cube.spectrum(0, 0)
    path.write_bytes(whole)
    assert np.asarray(cube.data).shape == cube.shape


def test_a_lazy_file_that_became_smaller(tmp_path):
    path = tmp_path / "a.h5"
    for rows in (1000, 700):
        with h5py.File(path, "w") as file:
            # Chunks that were never written take no space.
            file.create_dataset("cube", (40, rows, 1001), np.float32, chunks=(10, 100, 100))
        if rows == 1000:
            cube = read(path, bands_axis=0)
    with pytest.raises(UserError, match=r"a\.h5: it is not as it was when it was opened"):
        cube.data[0].compute()


def test_a_zarr_store_that_vanishes(tmp_path):
    pytest.importorskip("zarr")
    path = write(full_cube(), tmp_path / "a.zarr")
    cube = read(path)
    path.rename(tmp_path / "elsewhere.zarr")
    with pytest.raises(UserError, match=r"a\.zarr: the file is not there any more"):
        np.asarray(cube.data)


# What people call their folders; a backslash is an ordinary letter on this system.
NAMES = [
    "with blank",
    "Größe μ",
    "日本語",
    "semi;colon,comma",
    "two::colons",
    "a#b%20c",
    "C:\\data",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_of_every_kind(tmp_path, suffix, name):
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    if os.name == "nt" and (":" in name or "\\" in name):
        pytest.skip("Windows allows no such name")
    folder = tmp_path / name
    folder.mkdir()
    written = write(full_cube(), folder / f"{name} 1{suffix}")
    assert catalog.can_read(written)
    for path in (written, str(written)):
        back = read(path)
        np.testing.assert_array_equal(np.asarray(back.data), full_cube().data)
        assert back.name == f"{name} 1"
    assert catalog.bytes_on_disk(written) > 0


def test_paths_with_separators_of_windows(tmp_path):
    # On Windows itself this is an ordinary path; elsewhere there is no such file, and it is said.
    write(full_cube(), tmp_path / "a.hdr")
    path = str(PureWindowsPath(tmp_path / "a.hdr"))
    if os.name == "nt":
        assert read(path).shape == full_cube().shape
        return
    with pytest.raises(UserError, match="there is no such file"):
        read(path)
    with pytest.raises(UserError, match="there is no such file"):
        read_library(path)


@on_posix
def test_a_folder_that_may_only_be_read(tmp_path):
    paths = [
        write(full_cube(), tmp_path / f"a{suffix}") for suffix in SUFFIXES if suffix != ".zarr"
    ]
    tmp_path.chmod(0o555)
    for path in paths:
        path.chmod(0o444)
    before = sorted(path.name for path in tmp_path.iterdir())
    try:
        for path in paths:
            np.testing.assert_array_equal(np.asarray(read(path).data), full_cube().data)
        # Nothing is left there: no cache, no lock.
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        if os.geteuid() != 0:
            with pytest.raises(UserError, match=r"new\.npy: cannot be written \(permission denied"):
                write(full_cube(), tmp_path / "new.npy")
    finally:
        tmp_path.chmod(0o755)


@on_posix
def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = write(full_cube(), tmp_path / "a.npz")
    if os.geteuid() == 0:
        # Root may read everything; say no as the system would.
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "open", refuse)
    else:
        path.chmod(0)
    with pytest.raises(UserError, match=r"a\.npz: cannot be read \(permission denied\)"):
        read(path)
