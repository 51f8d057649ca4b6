"""ngmeet with the bundled networks that look over its draft and its end."""

import numpy as np
import pytest

import napari_hsi_restore.classical.ngmeet as ngmeet_module
from napari_hsi_restore.classical import Settings, restore_classically
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Progress
from napari_hsi_restore.io import read
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.restore import DenoiseRecipe, denoise
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training.cubes import normalised
from napari_hsi_restore.zoo import records


def score(clean, result):
    return psnr(np.asarray(clean.data, float), np.asarray(result.data, float), 1.0)


@pytest.mark.parametrize("preset", ["gaussian-50", "gaussian-10", "non-iid"])
def test_it_never_loses_much_on_a_scene_unlike_those_it_knows(run, clean, preset):
    noisy = degrade(clean, preset, seed=2)
    assert score(clean, run(noisy, "refined")) > score(clean, run(noisy, "ngmeet")) - 0.1


@pytest.mark.parametrize("preset", ["gaussian-30", "gaussian-70"])
def test_a_real_scene_comes_out_better(run, shared_data, preset):
    cube = read(shared_data / "validation" / "cave" / "superballs.tif")
    clean = HyperCube(normalised(cube)[:, 150:300, 150:300], white_level=1.0)
    noisy = degrade(clean, preset, seed=0)
    assert score(clean, run(noisy, "refined")) > score(clean, run(noisy, "ngmeet")) + 0.2


@pytest.mark.parametrize("shape", [(1, 40, 40), (2, 3, 50), (200, 20, 9), (5, 1, 30)])
def test_cubes_of_any_shape(run, shape):
    rng = np.random.default_rng(0)
    cube = HyperCube(rng.random(shape, dtype=np.float32), white_level=1.0)
    assert np.isfinite(run(cube, "refined").data).all()


def test_its_networks_are_parts_of_the_package_and_no_choices_of_their_own(noisy):
    found = records.list_models("refine")
    assert {record.name for record in found} == {"refiner", "refiner_draft"}
    assert all(record.bundled and record.provenance.data for record in found)
    assert not {"refiner", "refiner_draft"} & {entry.name for entry in records.list_models()}
    with pytest.raises(UserError, match="'refiner' is not known; choose auto or one of"):
        denoise(noisy, DenoiseRecipe(model="refiner"))


def test_a_large_image_is_turned_in_blocks_of_rows(run, noisy, monkeypatch):
    whole = run(noisy, "refined").data
    monkeypatch.setattr(ngmeet_module, "_AT_ONCE", 64 * 7)
    # Rounding may change which patches are most similar here and there.
    assert np.std(run(noisy, "refined").data - whole) < 2e-3


def test_the_last_round_goes_by_the_draft():
    clean = demo_scene(size=48).data.astype(np.float32)[:12]
    clean *= 20 / clean.std()
    noisy = clean + np.random.default_rng(0).standard_normal(clean.shape, dtype=np.float32)
    seen = []

    def ideal(noisy, estimate):
        # The subspace holds every component, turned: the truth in it follows from the noisy one.
        truth = np.linalg.lstsq(noisy_flat.T, noisy.reshape(len(noisy), -1).T, rcond=None)[0].T
        seen.append(estimate.shape)
        yield 1.0
        return (truth @ clean.reshape(12, -1)).reshape(noisy.shape).astype(np.float32)

    noisy_flat = noisy.reshape(12, -1)
    alone = finish(ngmeet_module.ngmeet(noisy, 12))
    guided = finish(ngmeet_module.ngmeet(noisy, 12, ideal))
    assert seen == [clean.shape]
    assert np.std(guided - clean) < 0.8 * np.std(alone - clean)


def test_it_says_how_far_it_is_and_can_be_stopped(noisy):
    events = list(restore_classically(noisy, "refined"))
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert len([fraction for fraction in fractions if fraction > 0.85]) > 10
    task = restore_classically(noisy, "refined")
    for event in task:
        if isinstance(event, Progress) and event.fraction > 0.9:
            break
    task.close()


def test_a_part_is_very_nearly_cut_from_the_whole():
    clean = demo_scene(size=128)
    noisy = degrade(clean, "gaussian-30", seed=0)
    region = (slice(30, 90), slice(20, 100))
    *_, whole = restore_classically(noisy, "refined", Settings())
    *_, part = restore_classically(noisy, "refined", Settings(), region=region)
    cut = whole.result.data[:, *region]
    wrong = np.std(cut - clean.data[:, *region])
    assert np.std(part.result.data - cut) < 0.15 * wrong
