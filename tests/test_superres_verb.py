"""The verb `superres`, in Python and on the command line, with whatever models are there."""

from __future__ import annotations

import importlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_hsi_restore as hsr
from make.models import store_model
from napari_hsi_restore import verbs
from napari_hsi_restore.cli import main
from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.restore import outcome
from napari_hsi_restore.restore.superres_check import Check, decide, sample_bands, windows
from napari_hsi_restore.restore.superres_recipe import CORRECTIONS, DEFAULT_CORRECTION
from napari_hsi_restore.zoo import list_models
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE

PLACE = hsr.Georeference("EPSG:32633", (10.0, 0.0, 500.0, 0.0, -10.0, 900.0))
CPU = {"device": "cpu"}
CPU_OPTION = ("--device", "cpu")

superres_engine = importlib.import_module("napari_hsi_restore.restore.superres")

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Models `tiny_x2` and `tiny_x4`, bicubic and hardly more, and `wild_x2`, which does harm."""
    folder = tmp_path_factory.mktemp("models")
    for scale in (2, 4):
        spec = EigenSRSpec(scale=scale, width=8, blocks=1, components=4)
        store_model(folder, f"tiny_x{scale}", spec, detail=0.0)
    store_model(folder, "wild_x2", EigenSRSpec(scale=2, width=8, blocks=1, components=4), detail=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        yield


@pytest.fixture(scope="module")
def low() -> hsr.HyperCube:
    return hsr.downscale(hsr.demo_scene(size=96, bands=9), 2).replace(
        georeference=PLACE, metadata={"sensor type": "demo"}
    )


@pytest.fixture(scope="module")
def file(low: hsr.HyperCube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hsr.write(low, tmp_path_factory.mktemp("scene") / "low.hdr")


def told(cube: hsr.HyperCube) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(cube.history[-1])
    return entry


def refused(capsys: Capture, *arguments: object) -> str:
    status = main(["superres", *map(str, arguments), "--quiet"])
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert len(err.strip().splitlines()) == 1, err
    return str(err.strip())


# -------------------------------------------------------------------------------------- Python


def test_options_do_what_the_same_recipe_does(low: hsr.HyperCube, file: Path) -> None:
    options: dict[str, Any] = {"scale": 2, "model": "tiny_x2", "fine": "published", **CPU}
    by_name = hsr.superres(low, **options, memory_limit_gib=1, tile=16)
    by_recipe = hsr.superres(file, hsr.SuperresRecipe(**options))
    np.testing.assert_allclose(by_name.data, by_recipe.data, atol=1e-4)
    steps = told(by_name)["fine"]
    assert steps["done"] + steps["refused"] == ["half step, weight of the mean"]
    assert told(by_name)["chosen"] is None


@pytest.mark.parametrize(
    "setting",
    [
        {"scale": 5},
        {"scale": "two"},
        {"fine": "sharp"},
        {"tile": 4},
        {"memory_limit_gib": 0},
        {"model": None},
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_a_sentence_that_names_it(
    low: hsr.HyperCube, setting: dict[str, Any]
) -> None:
    [name] = setting
    with pytest.raises(hsr.UserError, match=f"setting '{name}' cannot be .*: give "):
        hsr.superres(low, **{"scale": 2, **setting})


def test_a_scale_or_a_recipe_is_needed_and_not_both(low: hsr.HyperCube) -> None:
    with pytest.raises(TypeError, match="needs a scale"):
        hsr.superres(low)
    for both in ({"scale": 4}, {"model": "bicubic"}):
        with pytest.raises(TypeError, match="not both"):
            hsr.superres(low, hsr.SuperresRecipe(scale=2), **both)


def test_named_corrections_are_recipes() -> None:
    assert hsr.SuperresRecipe(scale=2).fine == CORRECTIONS[DEFAULT_CORRECTION]
    recipe = hsr.SuperresRecipe(scale=2, fine=CORRECTIONS["pixel"])
    assert hsr.SuperresRecipe.model_validate({"scale": 2, "fine": "pixel"}) == recipe
    assert hsr.SuperresRecipe.model_validate_json(recipe.model_dump_json()) == recipe


# ------------------------------------------------------------------------------ classical and auto


def test_classical_methods_have_a_name(low: hsr.HyperCube) -> None:
    plain = hsr.superres(low, scale=3, model="bicubic")
    np.testing.assert_allclose(plain.data, resize_bicubic(low.array(), scale=3), atol=1e-6)
    better = hsr.superres(low, scale=3, model="back-projection")
    assert told(better)["model"] == "back-projection"
    assert told(better)["weights_sha256"] is None
    assert told(better)["consistency"]["rmse"] < 0.5 * told(plain)["consistency"]["rmse"]


def test_a_preview_without_a_network_is_a_cut_out(low: hsr.HyperCube) -> None:
    from napari_hsi_restore.restore import superres

    recipe = hsr.SuperresRecipe(scale=2, model="back-projection", device="cpu")
    region = slice(20, 48), slice(5, 30)
    *_, done = superres(low, recipe, region=region)
    whole = hsr.superres(low, recipe).data
    np.testing.assert_allclose(done.result.data, whole[:, 40:96, 10:60], atol=1e-4)


def only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Leave one model for ``auto`` to choose."""
    kept = tuple(entry for entry in list_models("superres") if entry.name == name)
    home = "napari_hsi_restore.restore.superres_recipe.list_models"
    monkeypatch.setattr(home, lambda task: kept)


def test_a_model_that_does_harm_is_not_taken(
    low: hsr.HyperCube, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "wild_x2")
    result = hsr.superres(low, scale=2, **CPU)
    entry = told(result)
    assert entry["model"] == entry["chosen"]["method"] == "back-projection"
    gain = entry["chosen"]["check"]["gain_db"]
    assert gain["wild_x2"] < 0 < gain["back-projection"]
    assert entry["chosen"]["check"]["bands"] == 9
    assert entry["chosen"]["check"]["pixels"] == 48 * 48
    assert outcome(result)[0].startswith("back-projection instead of wild_x2, which does not")
    classical = hsr.superres(low, scale=2, model="back-projection", **CPU)
    np.testing.assert_array_equal(result.data, classical.data)


def test_a_cube_is_checked_once(low: hsr.HyperCube, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_hsi_restore.restore import superres

    only(monkeypatch, "tiny_x2")
    cube, recipe = low.replace(name="another"), hsr.SuperresRecipe(scale=2, device="cpu")
    runs = [list(superres(cube, recipe)) for _ in range(2)]
    checking = [sum("checking" in getattr(e, "message", "") for e in events) for events in runs]
    assert checking[0] > 0 == checking[1]
    first, second = (told(events[-1].result)["chosen"] for events in runs)
    assert first == second


@pytest.mark.parametrize("side", [5, 15])
def test_a_tiny_cube_cannot_be_checked_and_says_so(
    low: hsr.HyperCube, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    only(monkeypatch, "tiny_x2")
    result = hsr.superres(low.crop(slice(0, side), slice(0, side)), scale=2, **CPU)
    assert told(result)["model"] == "tiny_x2"
    assert told(result)["chosen"]["check"] is None
    assert "could not be checked on this cube" in outcome(result)[0]


def test_the_check_does_not_look_at_what_is_missing(
    low: hsr.HyperCube, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "tiny_x2")
    stored = np.round(low.array() * 10000).astype(np.int16)
    stored[:, :, :10] = -9999
    stored[4] = -9999
    cube = low.replace(data=stored, nodata=-9999.0, white_level=None)
    entry = told(hsr.superres(cube, scale=2, **CPU))
    plain = told(hsr.superres(low, scale=2, **CPU))
    assert entry["chosen"]["check"]["bands"] == 8
    assert entry["chosen"]["check"]["pixels"] < plain["chosen"]["check"]["pixels"]
    gains = (found["chosen"]["check"]["gain_db"]["back-projection"] for found in (entry, plain))
    assert np.subtract(*gains) == pytest.approx(0, abs=1.5)


def test_without_a_model_for_the_scale_it_says_what_there_is(low: hsr.HyperCube) -> None:
    with pytest.raises(hsr.UserError, match="by 3; choose one of: bicubic, back-projection"):
        hsr.superres(low, scale=3)


@pytest.mark.parametrize(
    ("gains", "method", "says"),
    [
        ((1.3, 0.5), "m", "m beats bicubic by 1.30 dB on this cube shrunk by 4"),
        ((0.3, 0.5), "m", "m beats bicubic by 0.30 dB"),
        ((-0.3, 0.5), "back-projection", "back-projection instead of m"),
        ((-0.3, -0.5), "bicubic", "bicubic instead of m, which does not beat it"),
        ((0.0, -0.1), "bicubic", "bicubic instead of m"),
    ],
)
def test_a_model_has_to_beat_bicubic(gains: tuple[float, float], method: str, says: str) -> None:
    check = Check(100, 5, {"m": gains[0], "back-projection": gains[1]}, {})
    choice = decide("m", 4, check)
    assert choice.method == method
    assert choice.reason.startswith(says)


def test_the_check_is_cheap_whatever_the_size_of_the_cube() -> None:
    for shape in ((100, 100), (256, 300), (5000, 90), (20_000, 10_000)):
        found = windows(shape, 4)
        pixels = sum((r.stop - r.start) * (c.stop - c.start) for r, c in found)
        assert 8000 < pixels <= 256**2
        for row, column in found:
            assert 0 <= row.start < row.stop <= shape[0]
            assert 0 <= column.start < column.stop <= shape[1]
            assert (row.stop - row.start) % 4 == (column.stop - column.start) % 4 == 0
    assert windows((31, 500), 4) == []
    chosen = sample_bands(np.arange(10, 410))
    assert len(chosen) == len(np.unique(chosen)) == 32
    assert (chosen[0], chosen[-1]) == (10, 409)
    assert (np.diff(chosen.reshape(4, 8)) == 1).all()


# -------------------------------------------------------------------------------- command line


@pytest.mark.parametrize("scale", [2, 4])
def test_a_file_becomes_a_larger_file(
    file: Path, tmp_path: Path, capsys: Capture, scale: int
) -> None:
    out = tmp_path / "large.tif"
    options = ["--scale", scale, "--model", f"tiny_x{scale}", "--device", "cpu"]
    assert main(["superres", str(file), str(out), *map(str, options)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "%  enlarging with tiny" in said.err
    assert f"Shrunk by {scale} again, the result differs from the input by" in said.err
    source, result = hsr.read(file), hsr.read(out)
    assert result.shape == (9, 48 * scale, 48 * scale)
    assert result.dtype == np.float32
    assert result.units == source.units
    np.testing.assert_allclose(result.wavelengths_nm, source.wavelengths_nm)
    assert told(result)["model"] == f"tiny_x{scale}"
    assert told(result)["consistency"]["relative"] < 0.1


def test_quiet_says_nothing_and_auto_works(file: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "large.npz"
    command = ["superres", str(file), str(out), "--scale", "2", "--device", "cpu", "--quiet"]
    assert main([*command, "--memory-limit", "1"]) == 0
    assert capsys.readouterr() == ("", "")
    assert told(hsr.read(out))["chosen"]["reason"]
    assert "large.npz" in refused(capsys, file, out, "--scale", 2)
    assert main([*command, "--overwrite"]) == 0


@pytest.mark.parametrize("name", ["large.zarr", "large.hdr"])
def test_a_result_beyond_the_memory_limit_is_made_in_files_and_is_the_same(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fine = "published+consistent"
    large = hsr.superres(file, scale=4, model="tiny_x4", fine=fine, ensemble=False, **CPU)
    folders = []
    in_files = superres_engine.check_planes

    def seen(*arguments: Any) -> None:
        folders.extend(path.name for path in tmp_path.iterdir())
        in_files(*arguments)

    monkeypatch.setattr(superres_engine, "check_planes", seen)
    command = ["superres", str(file), str(tmp_path / name), "--scale", "4", "--model", "tiny_x4"]
    command += ["--fine", fine, "--no-ensemble"]
    # It is 1.3 MB.
    assert main([*command, *CPU_OPTION, "--memory-limit", "0.001"]) == 0
    assert [folder.startswith(".enlarging-") for folder in folders] == [True]
    written = hsr.read(tmp_path / name)
    np.testing.assert_allclose(written.array(), large.array(), atol=1e-4)
    assert told(written)["fine"] == told(large)["fine"]
    assert not list(tmp_path.glob(".enlarging-*"))


def test_a_disk_that_cannot_hold_the_files_is_said_before_the_start(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    # Enough for the result alone.
    full = shutil.disk_usage(tmp_path)._replace(free=1_400_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    out = tmp_path / "large.hdr"
    command = ["superres", str(file), str(out), "--scale", "4", "--memory-limit", "0.001"]
    assert main([*command, "--model", "tiny_x4"]) == 1
    assert "with the files that it is made in" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".tif", ".hdr"])
def test_the_place_on_the_ground_survives(file: Path, tmp_path: Path, suffix: str) -> None:
    rasterio = pytest.importorskip("rasterio")
    out = tmp_path / f"large{suffix}"
    command = ["superres", str(file), str(out), "--scale", "2", "--model", "bicubic", "--quiet"]
    assert main(command) == 0
    data = out if suffix == ".tif" else next(p for p in tmp_path.iterdir() if p.suffix != ".hdr")
    with rasterio.open(data) as opened:
        assert opened.crs.to_epsg() == 32633
        assert tuple(opened.transform)[:6] == (5.0, 0.0, 500.0, 0.0, -5.0, 900.0)
        assert (opened.count, opened.height, opened.width) == (9, 96, 96)
    again = hsr.read(out)
    assert again.units == hsr.read(file).units
    assert again.metadata.get("sensor type") == "demo"


def test_no_data_and_integers_through_a_file(low: hsr.HyperCube, tmp_path: Path) -> None:
    stored = np.round(low.array() * 30000).astype(np.uint16)
    stored[:, 4:7, 4:7] = 65535
    cube = low.replace(data=stored, nodata=65535.0, white_level=None)
    source = hsr.write(cube, tmp_path / "counts.tif")
    out = tmp_path / "large.tif"
    options = ["--scale", "2", "--model", "tiny_x2", "--device", "cpu", "--quiet"]
    assert main(["superres", str(source), str(out), *options]) == 0
    result = hsr.read(out)
    missing = ~result.valid(result.array())
    assert missing.sum() == 9 * 36
    assert missing[:, 8:14, 8:14].all()
    assert result.array()[~missing].max() < 40000


def test_refusals_are_one_sentence_and_leave_nothing(
    file: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.npy"
    assert "nosuch" in refused(capsys, file, out, "--scale", 2, "--model", "nosuch")
    assert "tiny_x2" in refused(capsys, file, out, "--scale", 4, "--model", "tiny_x2")
    assert "cuda:93" in refused(capsys, file, out, "--scale", 2, "--device", "cuda:93")
    assert "missing" in refused(capsys, tmp_path / "missing.hdr", out, "--scale", 2)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(verbs.shutil, "disk_usage", lambda path: usage)
    assert "GiB are free there" in refused(capsys, file, out, "--scale", 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--scale", "5"],
        ["--scale", "two"],
        ["--scale", "2", "--fine", "sharp"],
        ["--scale", "2", "--memory-limit", "0"],
    ],
    ids=str,
)
def test_wrong_usage_is_2(options: list[str], capsys: Capture) -> None:
    assert main(["superres", "a", "b.npy", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_is_130_and_leaves_nothing_behind(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    large = hsr.write(hsr.demo_scene(size=256), tmp_path_factory.mktemp("large") / "large.npy")
    command = ["superres", large, "out.npy", "--scale", "4", "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_hsi_restore", *map(str, command)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stderr is not None
    assert "%" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "Cancelled" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------------- real files


@pytest.mark.parametrize(
    "name",
    [
        "envi_aviris_ng/ang20160910t185702_2rdn_img.hdr",
        "envi_corn_kernel/corn-kernel-hyperspectral.hdr",
        "envi_gamsberg/cubus_gamsberg_subset.hdr",
        "envi_fenix_core/image.hdr",
        "hdf5_neon/ex.h5",
        "cave_png/balloons_ms",
    ],
)
def test_files_of_real_sensors(shared_data: Path, name: str) -> None:
    cube = hsr.read(shared_data / "formats" / name)
    some = np.arange(0, cube.n_bands, max(1, cube.n_bands // 30))
    part = cube.crop(slice(0, 40), slice(0, 40)).select_bands(some)
    result = hsr.superres(part, scale=2, **CPU)
    assert result.shape[1:] == (2 * part.shape[1], 2 * part.shape[2])
    np.testing.assert_array_equal(result.wavelengths_nm, part.wavelengths_nm)
    assert result.units == cube.units
    valid = part.valid(part.array()).repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(result.valid(result.array()), valid)
    assert outcome(result)
