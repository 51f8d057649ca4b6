"""The command line as a script meets it: files, JSON, exit status, one sentence."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_hsi_restore.cli import main
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.io import read, write
from napari_hsi_restore.noise import NoiseReport
from napari_hsi_restore.scene import demo_scene

INFO_KEYS = {
    "shape",
    "dtype",
    "format",
    "interleave",
    "units",
    "wavelengths_nm",
    "fwhm_nm",
    "good_bands",
    "nodata",
    "crs",
    "transform",
    "bytes",
}
MODEL_KEYS = {
    "name",
    "task",
    "scale",
    "min_bands",
    "parameters",
    "halo",
    "bundled",
    "sha256",
    "networks",
    "scores",
}
COMPARE_KEYS = {"result", "psnr", "mpsnr", "ssim", "sam_deg", "ergas", "per_band"}

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo scene, 31 bands of 48 x 48 pixels, as an ENVI file."""
    return write(demo_scene(size=48), tmp_path_factory.mktemp("scene") / "clean.hdr")


@pytest.fixture(scope="module")
def noisy(clean: Path) -> Path:
    """The same with sigma 50."""
    return write(degrade(read(clean), "gaussian-50", seed=1), clean.with_name("noisy.tif"))


def answer(capsys: Capture, *arguments: object) -> object:
    """JSON that a verb prints."""
    assert main([str(a) for a in arguments]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, *arguments: object) -> str:
    """The one sentence of a failure; its status is 1 and nothing is answered."""
    status = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert status == 1, err
    assert out == ""
    assert "Traceback" not in err
    assert "defect" not in err
    assert len(err.strip().splitlines()) == 1, err
    return err.strip()


# ---------------------------------------------------------------------------------------- info


def test_info_json_has_the_promised_keys(clean: Path, capsys: Capture) -> None:
    found = answer(capsys, "info", clean, "--json")
    assert isinstance(found, dict)
    assert set(found) == INFO_KEYS
    scene = demo_scene(size=48)
    assert found["shape"] == [31, 48, 48]
    assert found["dtype"] == scene.dtype.name
    assert found["interleave"] == "bsq"
    assert found["units"] == scene.units
    np.testing.assert_allclose(found["wavelengths_nm"], scene.wavelengths_nm)
    data_file = next(p for p in clean.parent.glob("clean*") if p != clean)
    assert found["bytes"] == clean.stat().st_size + data_file.stat().st_size


def test_info_of_a_satellite_tile(shared_data: Path, capsys: Capture) -> None:
    path = sorted((shared_data / "test/satellite").glob("enmap_*.tif"))[0]
    found = answer(capsys, "info", path, "--json")
    assert isinstance(found, dict)
    assert found["shape"] == [224, 32, 32]
    assert found["nodata"] == -32768
    assert len(found["wavelengths_nm"]) == len(found["fwhm_nm"]) == len(found["good_bands"]) == 224
    assert found["crs"] is not None
    assert len(found["transform"]) == 6
    assert found["bytes"] == path.stat().st_size


def test_info_of_a_line_interleaved_file(shared_data: Path, capsys: Capture) -> None:
    path = shared_data / "formats/envi_corn_kernel/corn-kernel-hyperspectral.hdr"
    found = answer(capsys, "info", path, "--json")
    assert isinstance(found, dict)
    assert found["shape"] == [580, 31, 43]
    assert found["interleave"] == "bil"


def test_info_in_words(clean: Path, capsys: Capture) -> None:
    assert main(["info", str(clean)]) == 0
    text = capsys.readouterr().out
    assert "31 bands, 48 x 48 pixels" in text
    assert "400 to 700 nm" in text


def test_info_of_a_data_set_inside_a_file(shared_data: Path, capsys: Capture) -> None:
    path = shared_data / "test/airborne/abu-beach-2.mat"
    found = answer(capsys, "info", f"{path}::data", "--json")
    assert isinstance(found, dict)
    assert found["shape"] == [193, 100, 100]


def test_options_settle_what_a_file_leaves_open(tmp_path: Path, capsys: Capture) -> None:
    np.save(tmp_path / "bip.npy", np.zeros((20, 22, 24), np.float32))
    table = tmp_path / "bands.csv"
    table.write_text("wavelength\n" + "\n".join(str(500 + 7 * i) for i in range(24)))
    found = answer(
        capsys, "info", tmp_path / "bip.npy", "--bands-axis", "2", "--wavelengths", table, "--json"
    )
    assert isinstance(found, dict)
    assert found["shape"] == [24, 20, 22]
    assert found["wavelengths_nm"][:2] == [500, 507]


def test_shape_option_unfolds_a_matrix_of_pixels(shared_data: Path, capsys: Capture) -> None:
    path = shared_data / "train/airborne/samson.mat"
    found = answer(capsys, "info", path, "--key", "Y", "--shape", "95x95", "--json")
    assert isinstance(found, dict)
    assert found["shape"] == [156, 95, 95]


# ------------------------------------------------------------------------------------- convert


@pytest.mark.parametrize("suffix", [".hdr", ".tif", ".npz", ".mat", ".h5"])
def test_convert_keeps_values_and_wavelengths(clean: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"copy{suffix}"
    assert main(["convert", str(clean), str(out), "--quiet"]) == 0
    before, after = read(clean), read(out)
    np.testing.assert_array_equal(after.array(), before.array())
    assert before.wavelengths_nm is not None
    assert after.wavelengths_nm is not None
    np.testing.assert_allclose(after.wavelengths_nm, before.wavelengths_nm)
    assert after.units == before.units


def test_existing_target_is_kept_unless_overwrite(
    clean: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "kept.npy"
    out.write_bytes(b"precious")
    assert "kept.npy" in refused(capsys, "convert", clean, out)
    assert out.read_bytes() == b"precious"
    assert main(["convert", str(clean), str(out), "--overwrite"]) == 0
    assert read(out).shape == (31, 48, 48)


def test_quiet_says_nothing(clean: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["convert", str(clean), str(tmp_path / "a.npy"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


# ------------------------------------------------------------------------- degrade and compare


def test_compare_json_of_sigma_50(clean: Path, noisy: Path, capsys: Capture) -> None:
    rows = answer(capsys, "compare", clean, noisy, clean, "--json")
    assert isinstance(rows, list)
    assert [set(row) for row in rows] == [COMPARE_KEYS] * 2
    assert [row["result"] for row in rows] == [str(noisy), str(clean)]
    # -20 log10(50 / 255) = 14.15 dB, whatever the scene.
    assert rows[0]["psnr"] == pytest.approx(14.15, abs=0.1)
    assert len(rows[0]["per_band"]["psnr"]) == len(rows[0]["per_band"]["ssim"]) == 31
    # JSON has no infinity.
    assert rows[1]["psnr"] is None
    assert rows[1]["ssim"] == pytest.approx(1.0)


def test_compare_in_words_and_as_a_page(
    clean: Path, noisy: Path, tmp_path: Path, capsys: Capture
) -> None:
    page = tmp_path / "report.html"
    assert main(["compare", str(clean), str(noisy), "--report", str(page)]) == 0
    table = capsys.readouterr().out
    assert "PSNR dB" in table
    psnr = next(cell for cell in table.splitlines()[1].split() if cell.startswith("14."))
    text = page.read_text(encoding="utf-8")
    assert f"<td>{psnr}</td>" in text
    assert text.count("<polyline") == 2
    assert "http" not in text
    assert "src=" not in text
    assert "exists already" in refused(capsys, "compare", clean, noisy, "--report", page)


def test_same_seed_same_noise(clean: Path, tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        out = tmp_path / f"{name}.npy"
        command = ["degrade", str(clean), str(out), "--preset", "mixture", "--seed", seed]
        assert main(command) == 0
        digests.append(hashlib.sha256(read(out).array().tobytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_downscale_halves_the_image(clean: Path, tmp_path: Path) -> None:
    out = tmp_path / "half.npz"
    assert main(["degrade", str(clean), str(out), "--downscale", "2"]) == 0
    assert read(out).shape == (31, 24, 24)


def test_comparing_other_shapes_is_refused(
    clean: Path, noisy: Path, tmp_path: Path, capsys: Capture
) -> None:
    other = write(demo_scene(size=32), tmp_path / "other.npz")
    assert "other.npz" in refused(capsys, "compare", clean, other)


# --------------------------------------------------------------------------- models and denoise


def test_models_json(capsys: Capture) -> None:
    models = answer(capsys, "models", "--json")
    assert isinstance(models, list)
    assert {"stas_c", "stas_p"} <= {model["name"] for model in models}
    for model in models:
        assert set(model) == MODEL_KEYS
        assert (model["parameters"] > 0) == (model["sha256"] is not None)
    assert {"ngmeet", "sparse"} <= {model["name"] for model in models}
    assert main(["models"]) == 0
    assert "stas_c" in capsys.readouterr().out


def test_denoise_brings_the_cube_nearer_to_the_truth(
    clean: Path, noisy: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "restored.tif"
    assert main(["denoise", str(noisy), str(out), "--device", "cpu"]) == 0
    assert "%" in capsys.readouterr().err
    before, after = answer(capsys, "compare", clean, noisy, out, "--json")  # type: ignore[misc]
    assert after["psnr"] > before["psnr"] + 5
    assert after["sam_deg"] < before["sam_deg"]
    source, result = read(noisy), read(out)
    assert result.dtype == np.float32
    assert result.units == source.units
    np.testing.assert_allclose(result.wavelengths_nm, source.wavelengths_nm)
    assert len(result.history) > len(source.history)


def test_the_noise_report_is_saved_as_a_table_and_to_be_read_again(
    noisy: Path, tmp_path: Path, capsys: Capture
) -> None:
    table, report = tmp_path / "noise.csv", tmp_path / "noise.json"
    assert main(["noise", str(noisy), "--save", str(table)]) == 0
    assert main(["noise", str(noisy), "--save", str(report), "--quiet"]) == 0
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 31
    assert float(rows[3]["sigma_255"]) == pytest.approx(50, rel=0.2)
    assert float(rows[3]["wavelength_nm"]) > 400
    assert NoiseReport.model_validate_json(report.read_text()).sigma[3] == float(rows[3]["sigma"])
    capsys.readouterr()
    assert main(["noise", str(noisy), "--save", str(table)]) == 1
    assert "noise.csv: exists already" in capsys.readouterr().err
    assert main(["noise", str(noisy), "--save", str(tmp_path / "noise.xlsx")]) == 1
    assert "saved as .csv or .json" in capsys.readouterr().err


def test_masked_pixels_are_filled(noisy: Path, tmp_path: Path, capsys: Capture) -> None:
    cube = read(noisy)
    cloud = np.zeros(cube.shape[1:], dtype=np.uint8)
    cloud[5:9, 5:9] = 1
    Image.fromarray(cloud).save(tmp_path / "cloud.png")
    out = tmp_path / "filled.npy"
    assert main(["denoise", str(noisy), str(out), "--mask", str(tmp_path / "cloud.png")]) == 0
    assert "idden pixels are filled" in capsys.readouterr().err
    assert json.loads(read(out).history[-1])["hidden_pixels"] == 16
    other, unmade = tmp_path / "other.png", tmp_path / "unmade.npy"
    Image.fromarray(cloud[:4]).save(other)
    assert main(["denoise", str(noisy), str(unmade), "--mask", str(other)]) == 1
    assert "other.png: the mask has 4 x 48 pixels" in capsys.readouterr().err
    assert not unmade.exists()


def test_marked_bands_are_kept_or_filled(noisy: Path, tmp_path: Path, capsys: Capture) -> None:
    told = ["--model", "fasthyde", "--mark-bad", "0-1, 7"]
    kept, filled = tmp_path / "kept.npy", tmp_path / "filled.npy"
    assert main(["denoise", str(noisy), str(kept), *told]) == 0
    assert "Bands 0 to 1, 7 (counted from 0), which are marked bad," in capsys.readouterr().err
    assert main(["denoise", str(noisy), str(filled), *told, "--bad-bands", "restore"]) == 0
    assert "hold what the other bands say of them" in capsys.readouterr().err
    bad = [0, 1, 7]
    good = np.setdiff1d(np.arange(read(noisy).n_bands), bad)
    np.testing.assert_array_equal(read(kept).array()[bad], read(noisy).array()[bad])
    np.testing.assert_array_equal(read(kept).array()[good], read(filled).array()[good])
    assert np.abs(read(filled).array()[bad] - read(noisy).array()[bad]).mean() > 0.01
    assert not read(kept).usable_bands()[bad].any()
    assert main(["info", str(kept)]) == 0
    capsys.readouterr()
    for wrong in ("1-", "7-3", "0,99", "x"):
        assert main(["denoise", str(noisy), str(tmp_path / "n.npy"), "--mark-bad", wrong]) == 1
        assert "setting 'mark bad'" in capsys.readouterr().err


def test_strength_0_changes_nothing_and_noise_can_be_told(noisy: Path, tmp_path: Path) -> None:
    options = ["--device", "cpu", "--model", "stas_c", "--noise", "50", "--quiet"]
    assert main(["denoise", str(noisy), str(tmp_path / "n.npy"), *options, "--strength", "0"]) == 0
    np.testing.assert_allclose(
        read(tmp_path / "n.npy").array(), read(noisy).array(), atol=1e-5, rtol=0
    )


def test_denoise_refuses_an_existing_target_before_it_computes(
    noisy: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "kept.tif"
    out.write_bytes(b"precious")
    # A single line on standard error: no progress was shown.
    assert "kept.tif" in refused(capsys, "denoise", noisy, out)
    assert out.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--model", "nosuch"], "nosuch"), (["--device", "cuda:93"], "cuda:93")],
)
def test_unknown_model_or_device(
    noisy: Path, tmp_path: Path, capsys: Capture, options: list[str], word: str
) -> None:
    assert word in refused(capsys, "denoise", noisy, tmp_path / "out.npy", "--quiet", *options)
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------------- bad input


def _bad_inputs(folder: Path) -> dict[str, Path]:
    """One file or folder of each kind that cannot be read, under `folder`."""
    whole = write(demo_scene(size=24), folder / "whole.hdr")
    data = next(p for p in folder.glob("whole*") if p != whole)
    text, values = whole.read_text(), data.read_bytes()

    def envi(name: str, header: str, content: bytes | None) -> Path:
        target = folder / f"{name}.hdr"
        target.write_text(header)
        if content is not None:
            target.with_suffix(data.suffix).write_bytes(content)
        return target

    (folder / "empty").mkdir()
    np.save(folder / "line.npy", np.zeros(9))
    np.save(folder / "complex.npy", np.zeros((4, 9, 9), np.complex64))
    (folder / "words.txt").write_text("no cube")
    (folder / "broken.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(40))
    return {
        "missing": folder / "missing.hdr",
        "truncated": envi("truncated", text, values[: len(values) // 2]),
        "no data file": envi("headeronly", text, None),
        "interleave": envi("word", text.replace("bsq", "bsx"), values),
        "lies": envi("lies", text.replace("lines = 24", "lines = 2400"), values),
        "empty folder": folder / "empty",
        "one dimension": folder / "line.npy",
        "complex": folder / "complex.npy",
        "text": folder / "words.txt",
        "broken": folder / "broken.mat",
    }


@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "truncated",
        "no data file",
        "interleave",
        "lies",
        "empty folder",
        "one dimension",
        "complex",
        "text",
        "broken",
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: Capture, kind: str
) -> None:
    path = _bad_inputs(tmp_path)[kind]
    target = tmp_path / "target"
    target.mkdir()
    said = refused(capsys, "denoise", path, target / "out.npy", "--quiet")
    assert path.stem in said
    assert list(target.iterdir()) == []


def test_unknown_key_names_those_there_are(shared_data: Path, capsys: Capture) -> None:
    path = shared_data / "test/airborne/abu-beach-2.mat"
    said = refused(capsys, "info", f"{path}::nosuch")
    assert "nosuch" in said
    assert "data" in said.replace(str(path), "")


def test_png_folder_with_a_gap(shared_data: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "balloons_ms"
    folder.mkdir()
    for file in (shared_data / "formats/cave_png/balloons_ms").glob("*.png"):
        if "_07" not in file.name:
            (folder / file.name).write_bytes(file.read_bytes())
    assert "7" in refused(capsys, "info", folder).replace(str(folder), "")


def test_all_nan_cube_is_refused(tmp_path: Path, capsys: Capture) -> None:
    path = write(
        HyperCube(np.full((5, 16, 16), np.nan, np.float32), name="void"), tmp_path / "void.npz"
    )
    assert "void" in refused(capsys, "denoise", path, tmp_path / "out.npz", "--quiet")
    assert not (tmp_path / "out.npz").exists()


def test_one_band_is_restored_or_refused_in_words(tmp_path: Path, capsys: Capture) -> None:
    path = write(demo_scene(size=24).select_bands([10]), tmp_path / "one.npz")
    out = tmp_path / "out.npz"
    status = main(["denoise", str(path), str(out), "--device", "cpu", "--quiet"])
    if status == 0:
        assert read(out).shape == (1, 24, 24)
    else:
        assert status == 1
        assert "one.npz" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["out.jpg", "out", "nosuchfolder/out.npy"])
def test_unwritable_targets(clean: Path, tmp_path: Path, capsys: Capture, name: str) -> None:
    assert Path(name).stem in refused(capsys, "convert", clean, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_target_is_a_folder(clean: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "out.npy").mkdir()
    assert "out.npy" in refused(capsys, "convert", clean, tmp_path / "out.npy", "--overwrite")


# ------------------------------------------------------------------------- status of a process


def start(*arguments: object, cwd: Path, limit: int | None = None) -> subprocess.Popen[str]:
    """The real program in a process of its own; `limit` is the largest file it may write."""
    program = ["-m", "napari_hsi_restore"]
    if limit is not None:
        code = (
            "import resource, sys; "
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
            "from napari_hsi_restore.cli import main; sys.exit(main())"
        )
        program = ["-c", code]
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuchverb"],
        ["info"],
        ["info", "a", "--nosuch"],
        ["degrade", "a", "b.npy"],
        ["degrade", "a", "b.npy", "--preset", "blind", "--downscale", "2"],
        ["denoise", "a", "b.npy", "--noise", "loud"],
        ["denoise", "a", "b.npy", "--noise", "-5"],
        ["denoise", "a", "b.npy", "--memory-limit", "0"],
        ["denoise", "a", "b.npy", "--bad-bands", "mend"],
        ["info", "a", "--shape", "10"],
        ["compare", "a", "b", "--report", "page.txt"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: Capture) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage" in err


def test_a_failing_process_ends_with_1_and_a_sentence(tmp_path: Path) -> None:
    process = start("info", "nosuch.hdr", cwd=tmp_path)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "nosuch.hdr" in err


@pytest.mark.skipif(os.name != "posix", reason="limits of a process are a POSIX matter")
@pytest.mark.parametrize("suffix", [".hdr", ".tif", ".npy", ".npz", ".mat", ".h5"])
def test_a_full_disk_leaves_nothing_behind(noisy: Path, tmp_path: Path, suffix: str) -> None:
    # Noise cannot be compressed: the file would have 280 kB in every format.
    process = start("convert", noisy, f"out{suffix}", cwd=tmp_path, limit=50_000)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    assert "out" in err
    assert len(err.splitlines()) == 1, err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for one process")
def test_a_ctrl_c_that_a_library_swallowed_counts(clean: Path, tmp_path: Path) -> None:
    code = (
        "import signal, sys\n"
        "from napari_hsi_restore import cli, io\n"
        "real = io.read\n"
        "def read(*given, **options):\n"
        "    try:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    except BaseException:\n"
        "        pass\n"
        "    return real(*given, **options)\n"
        "io.read = read\n"
        "sys.exit(cli.main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "convert", str(clean), "out.npy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Cancelled; nothing was written.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for one process")
def test_ctrl_c_is_130_and_leaves_nothing_behind(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    large = write(demo_scene(size=384), tmp_path_factory.mktemp("large") / "large.npy")
    process = start("denoise", large, "out.npy", "--device", "cpu", "--noise", "50", cwd=tmp_path)
    assert process.stderr is not None
    assert "%" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "Cancelled" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------ noise


def test_noise_json_and_text(noisy: Path, capsys: Capture) -> None:
    found = answer(capsys, "noise", noisy, "--json")
    assert isinstance(found, dict)
    keys = {"sigma", "snr_db", "impulse_fraction", "stripes", "dead_lines", "bad_bands"}
    assert keys | {"subspace_dimension", "recommendation"} <= set(found)
    assert len(found["sigma"]) == read(noisy).n_bands
    assert {"method", "model", "reason"} <= set(found["recommendation"])
    assert main(["noise", str(noisy), "--quiet"]) == 0
    said = capsys.readouterr()
    assert not said.err
    assert f"--model {found['recommendation']['model']}" in said.out
    assert len(said.out.splitlines()) > len(found["sigma"])


def test_noise_of_a_constant_cube_is_answered_with_a_sentence(
    tmp_path: Path, capsys: Capture
) -> None:
    np.save(tmp_path / "flat.npy", np.ones((4, 8, 8), np.float32))
    assert main(["noise", str(tmp_path / "flat.npy"), "--bands-axis", "0"]) == 1
    assert "no band has two different valid values" in capsys.readouterr().err
