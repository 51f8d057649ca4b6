"""Laws that every score obeys: perfect at equality, worse with more noise, blind to order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from napari_hsi_restore.degradations import add_gaussian
from napari_hsi_restore.metrics import ergas, error_map, mpsnr, psnr, sam_degrees, ssim
from napari_hsi_restore.scene import demo_scene

Array = npt.NDArray[np.floating]
Score = Callable[[Array, Array], float]

SCORES: tuple[tuple[str, Score, float, int], ...] = (
    # Name, score, value at equality, +1 where more is better.
    ("psnr", lambda a, b: psnr(a, b, 1.0), np.inf, 1),
    ("mpsnr", lambda a, b: mpsnr(a, b, 1.0), np.inf, 1),
    ("ssim", lambda a, b: ssim(a, b, 1.0), 1.0, 1),
    ("sam", sam_degrees, 0.0, -1),
    ("ergas", ergas, 0.0, -1),
    ("error map", lambda a, b: float(error_map(a, b).mean()), 0.0, -1),
)
every_score = pytest.mark.parametrize(
    ("score", "perfect", "sign"), [row[1:] for row in SCORES], ids=[row[0] for row in SCORES]
)


@pytest.fixture(scope="module")
def clean() -> Array:
    return demo_scene(40, 7).array()


def noisy(clean: Array, sigma: float) -> Array:
    return add_gaussian(clean, sigma, np.random.default_rng(0))


@every_score
def test_nothing_is_better_than_the_reference(
    score: Score, perfect: float, sign: int, clean: Array
) -> None:
    assert score(clean, clean) == pytest.approx(perfect)
    assert score(clean, noisy(clean, 5)) * sign < perfect * sign


@every_score
def test_more_noise_is_worse(score: Score, perfect: float, sign: int, clean: Array) -> None:
    values = [sign * score(clean, noisy(clean, sigma)) for sigma in (2, 10, 30, 70)]
    assert values == sorted(values, reverse=True)


@every_score
def test_turning_both_cubes_changes_nothing(
    score: Score, perfect: float, sign: int, clean: Array
) -> None:
    other = noisy(clean, 20)
    turned = score(np.rot90(clean, axes=(1, 2)), np.rot90(other, axes=(1, 2)))
    assert turned == pytest.approx(score(clean, other))
    flipped = score(clean[::-1], other[::-1])
    assert flipped == pytest.approx(score(clean, other))


@every_score
def test_other_shapes_are_refused(score: Score, perfect: float, sign: int, clean: Array) -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        score(clean, clean[:, :-1])
