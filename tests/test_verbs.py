"""The Python verb `denoise`: the options of the command line, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_hsi_restore as hsr


@pytest.fixture(scope="module")
def noisy() -> hsr.HyperCube:
    return hsr.degrade(hsr.demo_scene(size=24), "gaussian-50")


def told(cube: hsr.HyperCube) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(cube.history[-1])
    return entry


def test_options_do_what_the_same_recipe_does(noisy: hsr.HyperCube) -> None:
    options: dict[str, Any] = {"model": "stas_c", "noise": 40, "strength": 0.5, "device": "cpu"}
    by_name = hsr.denoise(noisy, **options, memory_limit_gib=1, tile=16)
    by_recipe = hsr.denoise(noisy, hsr.DenoiseRecipe(**options))
    np.testing.assert_allclose(by_name.data, by_recipe.data, atol=1e-4)
    assert told(by_name)["strength"] == 0.5
    np.testing.assert_allclose(told(by_name)["sigma"], 40 / 255, rtol=1e-4)


def test_noise_may_be_an_array_of_one_value_for_each_band(noisy: hsr.HyperCube) -> None:
    sigma = np.linspace(0.1, 0.3, noisy.n_bands)
    np.testing.assert_allclose(told(hsr.denoise(noisy, noise=sigma))["sigma"], sigma, rtol=1e-4)


def test_a_file_may_be_named_instead_of_a_cube(noisy: hsr.HyperCube, tmp_path: Path) -> None:
    path = hsr.write(noisy, tmp_path / "noisy.npz")
    np.testing.assert_array_equal(hsr.denoise(path).data, hsr.denoise(hsr.read(path)).data)


def test_masked_pixels_are_filled_from_what_is_around(tmp_path: Path) -> None:
    clean = hsr.demo_scene(size=40)
    cloud = np.zeros((40, 40), dtype=np.uint8)
    cloud[12:17, 20:25] = 255
    spoilt = clean.replace(data=np.where(cloud > 0, np.float32(9.0), clean.data))
    filled = hsr.denoise(spoilt, mask=cloud)
    assert told(filled)["model"] == "fasthyin"
    assert told(filled)["hidden_pixels"] == 25
    assert np.abs(filled.array() - clean.array()).max() < 1.0
    np.save(tmp_path / "cloud.npy", cloud)
    again = hsr.denoise(spoilt, mask=tmp_path / "cloud.npy")
    np.testing.assert_array_equal(again.data, filled.data)
    for mask, words in (
        (cloud[:3], "has the shape"),
        (np.zeros_like(cloud), "nothing is hidden"),
    ):
        with pytest.raises(hsr.UserError, match=words):
            hsr.denoise(spoilt, mask=mask)
    with pytest.raises(hsr.UserError, match="takes no mask"):
        hsr.denoise(spoilt, model="stas_c", mask=cloud)


@pytest.mark.parametrize(
    "setting",
    [
        {"strength": -1},
        {"strength": float("nan")},
        {"noise": "strong"},
        {"noise": ["a", "b"]},
        {"tile": 4},
        {"memory_limit_gib": 0},
        {"model": None},
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_a_sentence_that_names_it(
    noisy: hsr.HyperCube, setting: dict[str, Any]
) -> None:
    [name] = setting
    with pytest.raises(hsr.UserError, match=f"setting '{name}' cannot be .*: give "):
        hsr.denoise(noisy, **setting)


def test_a_recipe_and_options_together_are_refused(noisy: hsr.HyperCube) -> None:
    with pytest.raises(TypeError, match="not both"):
        hsr.denoise(noisy, hsr.DenoiseRecipe(), strength=0.5)


def test_noise_report_and_what_is_recommended(tmp_path):
    noisy = hsr.degrade(hsr.demo_scene(size=64), "stripe", seed=1)
    hsr.write(noisy, tmp_path / "noisy.npz")
    found = hsr.noise_report(tmp_path / "noisy.npz")
    assert found.stripes
    assert hsr.recommend(found).model == "mended"


def test_auto_takes_what_is_recommended_and_says_why():
    noisy = hsr.degrade(hsr.demo_scene(size=48), "deadline", seed=1)
    entry = json.loads(hsr.denoise(noisy).history[-1])
    assert entry["model"] == hsr.recommend(hsr.noise_report(noisy)).model == "fasthyin"
    assert entry["chosen"].startswith("Dead lines found")
