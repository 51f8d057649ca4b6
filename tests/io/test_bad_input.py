"""Whatever is wrong with a file or a target: one sentence with a way out, no trace left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from make.cubes import full_cube, numbered
from napari_hsi_restore.cli import main
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read, write

SUFFIXES = [spec.suffixes[0] for spec in catalog.writable()]
FILES = [suffix for suffix in SUFFIXES if suffix not in {".zarr", ".hdr"}]

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:zarr")


def cube() -> HyperCube:
    """More than a few kilobytes that cannot be compressed."""
    noise = np.random.default_rng(0).random((6, 24, 25)).astype(np.float32)
    return HyperCube(noise, wavelengths_nm=np.linspace(400, 650, 6))


def refused(capsys: Capture, tmp_path: Path, path: Path | str, *options: str) -> str:
    """The sentence of `convert`, which leaves nothing in the folder of its target."""
    target = tmp_path / "target"
    target.mkdir(exist_ok=True)
    status = main(["convert", str(path), str(target / "out.npz"), "--quiet", *options])
    out, err = capsys.readouterr()
    assert (status, out) == (1, ""), err
    assert list(target.iterdir()) == []
    assert len(err.strip().splitlines()) == 1, err
    assert "defect" not in err
    assert "; " in err or "choose" in err, f"no way out: {err}"
    return err


@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("keep", [4, 50, 0.5, -100])
def test_a_file_cut_short(tmp_path: Path, capsys: Capture, suffix: str, keep: float) -> None:
    path = write(cube(), tmp_path / f"cut{suffix}")
    whole = path.read_bytes()
    end = {0.5: len(whole) // 2, -100: len(whole) - 100}.get(keep, int(keep))
    path.write_bytes(whole[:end])
    assert str(path) in refused(capsys, tmp_path, path)


@pytest.mark.parametrize("suffix", [*FILES, ".hdr", ".zarr", ".png", ".img"])
@pytest.mark.parametrize("content", [b"", b"just some text\n" * 90, bytes(range(7, 250)) * 9])
def test_a_file_that_is_not_what_its_name_says(
    tmp_path: Path, capsys: Capture, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"wrong{suffix}"
    path.write_bytes(content)
    said = refused(capsys, tmp_path, path)
    assert str(path) in said
    assert ("empty" in said) == (content == b"")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("lines = 24", "lines = 240", "promises"),
        ("lines = 24", "lines = 12", "bytes more"),
        ("lines = 24", "lines = -24", "whole number"),
        ("lines = 24", "lines = " + "9" * 30, "promises"),
        ("data type = 4\n", "", "lacks 'data type'"),
        ("bsq", "bsx", "bsq, bil or bip"),
        ("data type = 4", "data type = 6", "complex"),
        ("wavelength = {", "wavelength = {first, ", "not a list of numbers"),
    ],
)
def test_a_header_that_lies(tmp_path: Path, capsys: Capture, old: str, new: str, word: str) -> None:
    path = write(cube(), tmp_path / "lies.hdr")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    said = refused(capsys, tmp_path, path)
    assert word in said
    assert "lies." in said


@pytest.mark.parametrize("size", [None, 0, 7000])
def test_a_data_file_that_is_missing_or_short(
    tmp_path: Path, capsys: Capture, size: int | None
) -> None:
    path = write(cube(), tmp_path / "scene.hdr")
    data = tmp_path / "scene.img"
    if size is None:
        data.unlink()
    else:
        os.truncate(data, size)
    assert "scene" in refused(capsys, tmp_path, path)


def _damaged_chunk(folder: Path) -> Path:
    pytest.importorskip("zarr")
    path = write(cube(), folder / "chunk.zarr")
    chunks = [file for file in (path / "data").rglob("*") if file.is_file()]
    next(file for file in chunks if file.name != "zarr.json").write_bytes(b"xx")
    return path


def _damaged_store(folder: Path) -> Path:
    pytest.importorskip("zarr")
    path = folder / "store.zarr"
    path.mkdir()
    (path / "zarr.json").write_text("{")
    return path


def _pictures(folder: Path, fourth: Callable[[Path], object]) -> Path:
    path = folder / "pictures"
    path.mkdir()
    for number in (1, 2, 3, 5, 6):
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(path / f"b_{number}.png")
    fourth(path / "b_4.png")
    return path


def _colours(path: Path) -> None:
    Image.fromarray(np.arange(243, dtype=np.uint8).reshape(9, 9, 3)).save(path)


def _saved(folder: Path, array: np.ndarray) -> Path:
    np.save(folder / "array.npy", array)
    return folder / "array.npy"


def _complex_hdf5(folder: Path) -> Path:
    with h5py.File(folder / "complex.h5", "w") as file:
        file["a"] = np.zeros((5, 9, 9), complex)
    return folder / "complex.h5"


def _complex_tiff(folder: Path) -> Path:
    values = np.zeros((5, 9, 9), np.complex64)
    tifffile.imwrite(folder / "complex.tif", values, photometric="minisblack")
    return folder / "complex.tif"


def _folder(folder: Path) -> Path:
    (folder / "folder").mkdir()
    return folder / "folder"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda f: f / "nowhere.hdr", "no such file"),
        (_folder, "no numbered"),
        (_damaged_store, "damaged"),
        (_damaged_chunk, "part of it"),
        (lambda f: _pictures(f, lambda path: None), "number 4 is missing"),
        (lambda f: _pictures(f, lambda path: path.write_bytes(b"\x89PNG")), r"b_4.png"),
        (lambda f: _pictures(f, _colours), "grey"),
        (
            lambda f: _pictures(f, lambda p: Image.fromarray(np.zeros((9, 8), "u1")).save(p)),
            "must be alike",
        ),
        (lambda f: _saved(f, np.zeros(9)), "three axes"),
        (lambda f: _saved(f, np.zeros((9, 1000))), "--shape"),
        (lambda f: _saved(f, np.zeros((2, 3, 4, 5))), "three axes"),
        (lambda f: _saved(f, np.zeros((5, 0, 9))), "empty"),
        (lambda f: _saved(f, np.zeros((5, 9, 9), complex)), "complex"),
        (lambda f: _saved(f, np.zeros((5, 9, 9), "U3")), "not supported"),
        (lambda f: _saved(f, np.zeros((5, 9, 9), "M8[s]")), "not supported"),
        (_complex_hdf5, "complex"),
        (_complex_tiff, "complex"),
    ],
)
def test_what_is_no_cube(
    tmp_path: Path, capsys: Capture, make: Callable[[Path], Path], word: str
) -> None:
    path = make(tmp_path)
    said = refused(capsys, tmp_path, path)
    assert word in said
    assert path.stem in said


@pytest.mark.parametrize(
    ("suffix", "options", "word"),
    [
        (".mat", ["--key", "nope"], "data (24, 25, 6)"),
        (".h5", ["--key", "nope"], "data (6, 24, 25)"),
        (".npy", ["--key", "nope"], "holds one array"),
        (".hdr", ["--key", "nope"], "header says it all"),
        (".hdr", ["--bands-axis", "1"], "header says it all"),
        (".npz", ["--bands-axis", "5"], "axes 0 to 2"),
        (".npz", ["--shape", "24x25"], "three axes"),
        (".npz", ["--wavelengths", "two.txt"], "2 wavelengths were given for 6 bands"),
        (".npz", ["--wavelengths", "words.txt"], "row 2"),
        (".npz", ["--wavelengths", "micrometres.txt"], "looks like micrometres"),
        (".npz", ["--wavelengths", "nowhere.txt"], "nowhere.txt: the wavelength file"),
        (".npz", ["--wavelengths", "."], "cannot be read"),
        (".npz", ["--wavelengths", "many.mat"], "2 lists of numbers"),
    ],
)
def test_options_that_do_not_fit(  # noqa: PLR0917
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    options: list[str],
    word: str,
) -> None:
    import scipy.io

    monkeypatch.chdir(tmp_path)
    Path("two.txt").write_text("500\n510\n")
    Path("words.txt").write_text("500\nfive\n")
    Path("micrometres.txt").write_text("\n".join(str(0.4 + 0.1 * i) for i in range(6)))
    scipy.io.savemat("many.mat", {"a": np.arange(6), "b": np.arange(6)})
    path = write(cube(), tmp_path / f"scene{suffix}")
    assert word in refused(capsys, tmp_path, path, *options)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_target_is_the_source(tmp_path: Path, capsys: Capture, suffix: str) -> None:
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    path = write(cube(), tmp_path / f"scene{suffix}")
    before = sorted(file.name for file in tmp_path.iterdir())
    assert main(["convert", str(path), str(path)]) == 1
    assert "--overwrite" in capsys.readouterr().err
    # Asked for, it is read to its end before it is replaced.
    assert main(["convert", str(path), str(path), "--overwrite", "--quiet"]) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == before
    np.testing.assert_array_equal(np.asarray(read(path).data), cube().data)


@pytest.mark.parametrize("name", ["out.jpg", "out", "nowhere/out.npy", "folder.npy"])
def test_targets_that_cannot_be(tmp_path: Path, capsys: Capture, name: str) -> None:
    source = write(cube(), tmp_path / "scene.npz")
    (tmp_path / "folder.npy").mkdir()
    before = sorted(file.name for file in tmp_path.rglob("*"))
    assert main(["convert", str(source), str(tmp_path / name), "--overwrite"]) == 1
    assert name in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions as POSIX has them")
def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(cube(), tmp_path / "scene.npz")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.geteuid() == 0:
        # Root may write anywhere; say no as the system would.
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder)
    assert main(["convert", str(source), str(folder / "out.npy")]) == 1
    assert "locked cannot be written to; choose another" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_a_disk_that_fills_up_is_said_without_the_words_of_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "Can't write data\n(file write failed: errno = 28)")

    monkeypatch.setattr("napari_hsi_restore.io.formats.hdf5._write", full)
    with pytest.raises(UserError, match=r"out\.h5: cannot be written \(no space left on device\)"):
        write(full_cube(), tmp_path / "out.h5")
    assert list(tmp_path.iterdir()) == []


def test_one_band_two_dimensions_and_nan_are_cubes_and_said(
    tmp_path: Path, capsys: Capture
) -> None:
    np.save(tmp_path / "flat.npy", np.ones((9, 12)))
    assert main(["convert", str(tmp_path / "flat.npy"), str(tmp_path / "flat.hdr")]) == 0
    assert "as one band" in capsys.readouterr().err
    one = write(HyperCube(numbered((1, 9, 12))), tmp_path / "one.tif")
    void = write(HyperCube(np.full((3, 9, 12), np.nan, np.float32)), tmp_path / "void.npz")
    for path, shape in ((tmp_path / "flat.hdr", 1), (one, 1), (void, 3)):
        out = tmp_path / "again.h5"
        assert main(["convert", str(path), str(out), "--overwrite", "--quiet"]) == 0
        assert read(out).shape == (shape, 9, 12)


def test_the_type_that_a_format_lacks_is_said(tmp_path: Path, capsys: Capture) -> None:
    half = write(HyperCube(np.ones((3, 4, 5), np.float16)), tmp_path / "half.npy")
    assert main(["convert", str(half), str(tmp_path / "half.hdr")]) == 0
    said = capsys.readouterr().err
    assert "ENVI has no float16, the values are float32 now" in said
    assert said.endswith("float32\n")
    assert main(["convert", str(half), str(tmp_path / "half.h5")]) == 0
    assert "float16\n" in capsys.readouterr().err
