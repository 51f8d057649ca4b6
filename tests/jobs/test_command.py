from __future__ import annotations

import shlex

import pytest

from napari_hsi_restore.io.choices import Answers
from napari_hsi_restore.jobs.command import denoise_command, not_in_a_command, superres_command
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe


def test_every_setting_that_changes_the_result_is_in_the_command():
    recipe = DenoiseRecipe(
        model="stas_c", noise=50.0, strength=0.8, device="cuda:1", memory_limit_gib=2.5, tile=64
    )
    words = shlex.split(denoise_command("/data/my field/cube.hdr", recipe))
    assert words == [
        "napari-hsi-restore",
        "denoise",
        "/data/my field/cube.hdr",
        "/data/my field/cube_denoised.hdr",
        *("--model", "stas_c", "--noise", "50", "--strength", "0.8"),
        *("--device", "cuda:1", "--memory-limit", "2.5"),
    ]


def test_a_mask_in_a_file_is_in_the_command(tmp_path):
    words = shlex.split(denoise_command("a.npy", DenoiseRecipe(), mask=tmp_path / "my mask.png"))
    assert words[words.index("--mask") + 1] == str(tmp_path / "my mask.png")
    assert "--mask" not in denoise_command("a.npy", DenoiseRecipe())


def test_bad_bands_are_in_the_command():
    recipe = DenoiseRecipe(bad_bands="restore")
    words = shlex.split(denoise_command("a.npy", recipe, marked="0-3,9"))
    assert words[words.index("--bad-bands") + 1] == "restore"
    assert words[words.index("--mark-bad") + 1] == "0-3,9"
    assert "bad" not in denoise_command("a.npy", DenoiseRecipe())
    assert "--mark-bad none" in superres_command("a.npy", SuperresRecipe(scale=2), marked="none")


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("a.mat::Y_x", "a_denoised.mat"),
        ("A.TIF", "A_denoised.tif"),
        ("bands", "bands_denoised.hdr"),
        ("a.img", "a_denoised.hdr"),
    ],
)
def test_the_result_goes_beside_the_source_in_a_format_that_can_be_written(source, out):
    assert shlex.split(denoise_command(source, DenoiseRecipe()))[2:4] == [source, out]


def test_a_command_that_enlarges_has_every_setting_too():
    recipe = SuperresRecipe(scale=4, model="eigensr_x4", fine="pixel", memory_limit_gib=0.5)
    words = shlex.split(superres_command("a field.mat::Y", recipe))
    assert words == [
        *("napari-hsi-restore", "superres", "a field.mat::Y", "a field_x4.mat"),
        *("--scale", "4", "--model", "eigensr_x4", "--fine", "pixel"),
        *("--device", "auto", "--memory-limit", "0.5"),
    ]


@pytest.mark.parametrize(
    ("ensemble", "words"), [(None, []), (True, ["--ensemble"]), (False, ["--no-ensemble"])]
)
def test_a_command_averages_turns_where_that_was_asked_for(ensemble, words):
    command = superres_command("a.npy", SuperresRecipe(scale=2, ensemble=ensemble))
    said = [word for word in shlex.split(command) if word.endswith("ensemble")]
    assert said == words


def test_a_classical_method_has_no_correction_to_name():
    assert "--fine" not in superres_command("a.npy", SuperresRecipe(scale=2, model="bicubic"))


def test_what_was_said_about_the_file_is_in_the_command(tmp_path):
    said = Answers(key="I", bands_axis=2, shape=(10, 20), wavelengths=tmp_path / "a b.csv")
    words = shlex.split(denoise_command("cube.mat::I", DenoiseRecipe(), said))
    place = words.index("--bands-axis")
    table = str(tmp_path / "a b.csv")
    expected = ["--bands-axis", "2", "--shape", "10x20", "--wavelengths", table]
    assert words[place : place + 6] == expected
    assert not_in_a_command(said) == ""
    typed = Answers(wavelengths=(400.0, 700.0), pixel_order="row-major")
    assert not_in_a_command(typed) == "the typed wavelengths and the order of the pixels"
