"""The estimate of the error without a reference against the error itself."""

import numpy as np
import pytest
import torch

from make.sensors import clean_cube, noisy_cube
from napari_hsi_restore.models.basis import band_basis, eigenbasis
from napari_hsi_restore.training.finetune import sure
from napari_hsi_restore.training.patches import moments

SIGMA = np.linspace(0.03, 0.15, 8)


def smoothed(images):
    """A denoiser that is not trained: the mean of nine pixels."""
    return torch.nn.functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)


@pytest.mark.parametrize("domain", ["eigenimages", "bands"])
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_the_error_of_a_denoiser_is_estimated_without_a_reference(domain, strength):
    clean = clean_cube(96)
    noisy = noisy_cube(clean)
    block = noisy.array()
    if domain == "bands":
        basis = band_basis(*moments(block), SIGMA)
    else:
        basis = eigenbasis(*moments(block), SIGMA, 96 * 96)
    components = torch.from_numpy(basis.project(block))
    signs = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), components.shape)
    level = torch.from_numpy(basis.level.astype(np.float32))[:, None, None]

    def restored(images):
        return images + strength * (smoothed(images) - images)

    result = restored(components)
    probed = restored(components + sure.STEP * level * torch.from_numpy(signs))
    whole = basis.restore(result.numpy(), block)
    risk, spread = sure.risk_map(
        basis,
        SIGMA,
        noisy=block,
        restored=whole,
        response=(probed - result).numpy(),
        probe=signs,
    )
    error = np.square(whole - clean.array()).sum(axis=0)
    assert risk.mean() == pytest.approx(error.mean(), rel=0.1)
    assert 0 < spread.mean() < np.sum(SIGMA**2)


def test_the_loss_is_one_for_the_input_and_counts_only_what_is_valid():
    rng = np.random.default_rng(3)
    truth = torch.zeros(1, 4, 64, 64)
    level = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    noise = torch.from_numpy(rng.standard_normal((1, 4, 64, 64)).astype(np.float32))
    noisy = truth + noise * level[:, :, None, None]
    counted = torch.ones(1, 1, 64, 64)
    counted[..., :20] = 0
    noisy[..., :20] = 1e6
    probe = torch.from_numpy(rng.choice(np.array([-1, 1], np.float32), noisy.shape)) * counted
    moved = noisy + sure.STEP * level[:, :, None, None] * probe
    for restored, probed, expected in (
        (noisy, moved, 1.0),
        (0 * noisy, 0 * moved, 0.0),
        (0.5 * noisy, 0.5 * moved, 0.25),
    ):
        found = sure.risk(restored, probed, noisy=noisy, probe=probe, level=level, counted=counted)
        assert float(found) == pytest.approx(expected, abs=0.05)
