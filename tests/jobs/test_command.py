from __future__ import annotations

import shlex

import pytest

from napari_hsi_restore.jobs.command import denoise_command
from napari_hsi_restore.restore.recipe import DenoiseRecipe


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
