"""Moments of the spectra that are learned from, with some pixels left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.training.finetune.cubes import Block, Mask, Part, Sample

Floats = npt.NDArray[np.float64]


class LearnedMoments:
    """Mean and covariance of the learned pixels of a cube but for those of a patch.

    A basis that was taken from a patch itself follows its noise, and Stein's estimate
    holds only for what does not depend on the noise: with 190 bands and 4000 pixels
    it then keeps part of the noise and takes that for a gain. A basis of all
    other pixels is independent of the noise of the patch.

    Parameters
    ----------
    sample : Sample
    """

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        cut = (slice(None), *sample.learned)
        block, valid = sample.cube[cut], sample.valid[sample.learned]
        # Differences from a typical spectrum keep single precision exact enough.
        self._origin = block[:, valid].mean(axis=1, dtype=np.float64).astype(np.float32)
        self.pixels, self._total, self._products = self._sums(block, valid)

    def _sums(self, block: Block, valid: Mask) -> tuple[int, Floats, Floats]:
        spectra = block[:, valid] - self._origin[:, None]
        total = spectra.sum(axis=1, dtype=np.float64)
        return spectra.shape[1], total, (spectra @ spectra.T).astype(np.float64)

    def without(self, part: Part | None) -> tuple[Floats, Floats, int]:
        """Mean (bands,), covariance (bands, bands) and number of the other pixels.

        Parameters
        ----------
        part : pair of slice or None
            Pixels of the cube to leave out, among the learned ones.
        """
        count, total, products = self.pixels, self._total, self._products
        if part is not None:
            block, valid = self._sample.cube[(slice(None), *part)], self._sample.valid[part]
            less, less_total, less_products = self._sums(block, valid)
            count, total, products = count - less, total - less_total, products - less_products
        shift = total / count
        return self._origin + shift, products / count - np.outer(shift, shift), count
