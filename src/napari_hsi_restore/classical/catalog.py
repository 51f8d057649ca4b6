"""The restorers that look at one cube as a whole, one row each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

from napari_hsi_restore.classical.destripe import destripe
from napari_hsi_restore.classical.fasthyde import EXTRA as FASTHYDE_EXTRA
from napari_hsi_restore.classical.fasthyde import fasthyde
from napari_hsi_restore.classical.inpaint import inpaint
from napari_hsi_restore.classical.low_rank import Restoring, denoise_components
from napari_hsi_restore.classical.mended import mended
from napari_hsi_restore.classical.ngmeet import RESERVOIR as NGMEET_RESERVOIR
from napari_hsi_restore.classical.ngmeet import ngmeet
from napari_hsi_restore.classical.photon import photon
from napari_hsi_restore.classical.refined import NETWORKS, refined
from napari_hsi_restore.classical.refined import RESERVOIR as REFINED_RESERVOIR
from napari_hsi_restore.classical.sip import EXTRA as SIP_EXTRA
from napari_hsi_restore.classical.sip import sip
from napari_hsi_restore.classical.smoothing import smooth
from napari_hsi_restore.classical.sparse import sparse
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.noise.measured import Float, Measured


@dataclasses.dataclass(frozen=True)
class Method:
    """A restorer.

    Attributes
    ----------
    name : str
        What the user types.
    purpose : str
        One line for a list of choices.
    needs_noise : bool
        Whether it uses the noise of the bands (told, or estimated).
    extent : str
        What has to be seen at once for one result pixel: the ``"image"`` or only the
        ``"spectrum"``.
    fills : bool
        Whether missing values of active bands are filled; else they stay missing.
    mends : bool
        Whether dead lines and stuck pixels are looked for first, and then count as missing.
    stabilises : bool
        Whether it looks for the growth of the noise with the signal.
    destripes : bool
        Whether it looks for stripes, along whole rows or columns.
    copies : int
        Copies of the cube, in float32, that are in memory at once, the result included.
    run : callable
        ``run(measured, sigma)`` yields the fraction done and returns the restored cube,
        float32 (bands, y, x), in stored units. `sigma`, (active,), is the noise.
    networks : tuple of str
        Names of the trained networks that it needs.
    """

    name: str
    purpose: str
    needs_noise: bool
    extent: Literal["image", "spectrum"]
    fills: bool
    mends: bool
    stabilises: bool
    destripes: bool
    copies: int
    run: Callable[[Measured, Float], Restoring]
    networks: tuple[str, ...] = ()


def _fasthyde(measured: Measured, sigma: Float) -> Restoring:
    return denoise_components(measured, sigma, fasthyde, FASTHYDE_EXTRA)


def _ngmeet(measured: Measured, sigma: Float) -> Restoring:
    return denoise_components(measured, sigma, ngmeet, NGMEET_RESERVOIR)


def _refined(measured: Measured, sigma: Float) -> Restoring:
    return denoise_components(measured, sigma, refined, REFINED_RESERVOIR)


def _sip(measured: Measured, sigma: Float) -> Restoring:
    return denoise_components(measured, sigma, sip, SIP_EXTRA)


def _fasthyin(measured: Measured, sigma: Float) -> Restoring:
    return inpaint(measured, sigma, written="all")


METHODS: tuple[Method, ...] = (
    Method(
        "fasthyde",
        "Gaussian noise, fast: eigenimages of the whitened cube, denoised by similar patches",
        needs_noise=True,
        extent="image",
        fills=False,
        mends=False,
        stabilises=False,
        destripes=False,
        copies=1,
        run=_fasthyde,
    ),
    Method(
        "ngmeet",
        "Gaussian noise: spectral subspace and similar patches improve each other in turn",
        needs_noise=True,
        extent="image",
        fills=False,
        mends=False,
        stabilises=False,
        destripes=False,
        copies=1,
        run=_ngmeet,
    ),
    Method(
        "refined",
        "Gaussian noise, best: as ngmeet, and trained networks look over its draft and its result",
        needs_noise=True,
        extent="image",
        fills=False,
        mends=False,
        stabilises=False,
        destripes=False,
        copies=1,
        run=_refined,
        networks=NETWORKS,
    ),
    Method(
        "photon",
        "Shot noise, which grows with the signal: made the same everywhere, then as refined",
        needs_noise=True,
        extent="image",
        fills=False,
        mends=False,
        stabilises=True,
        destripes=False,
        copies=3,
        run=photon,
        networks=NETWORKS,
    ),
    Method(
        "mended",
        "Stripes, dead lines and stuck pixels are mended, then as photon or refined",
        needs_noise=True,
        extent="image",
        fills=True,
        mends=True,
        stabilises=True,
        destripes=True,
        copies=4,
        run=mended,
        networks=NETWORKS,
    ),
    Method(
        "sparse",
        "Mixed noise: Gaussian with impulses, dead lines and stripes; fills what is missing",
        needs_noise=True,
        extent="image",
        fills=True,
        mends=True,
        stabilises=False,
        destripes=True,
        copies=6,
        run=sparse,
        networks=NETWORKS,
    ),
    Method(
        "destripe",
        "Stripes of push-broom sensors: shifts and gains of rows or columns, nothing else",
        needs_noise=True,
        extent="image",
        fills=False,
        mends=True,
        stabilises=False,
        destripes=True,
        copies=2,
        run=destripe,
    ),
    Method(
        "inpaint",
        "Fills dead lines, stuck pixels, gaps and masked areas; leaves the rest as measured",
        needs_noise=True,
        extent="image",
        fills=True,
        mends=True,
        stabilises=False,
        destripes=False,
        copies=2,
        run=inpaint,
    ),
    Method(
        "fasthyin",
        "Fills as inpaint does and removes Gaussian noise as refined does",
        needs_noise=True,
        extent="image",
        fills=True,
        mends=True,
        stabilises=False,
        destripes=False,
        copies=2,
        run=_fasthyin,
        networks=NETWORKS,
    ),
    Method(
        "sip",
        "For comparison: a small network that learns from this cube alone, seconds to minutes",
        needs_noise=True,
        extent="image",
        fills=False,
        mends=False,
        stabilises=False,
        destripes=False,
        copies=1,
        run=_sip,
    ),
    Method(
        "smooth",
        "For comparison: a Savitzky-Golay filter along each spectrum",
        needs_noise=False,
        extent="spectrum",
        fills=False,
        mends=False,
        stabilises=False,
        destripes=False,
        copies=1,
        run=smooth,
    ),
)


def find_method(name: str) -> Method:
    """The method of a name.

    Raises
    ------
    UserError
        If there is none; the sentence lists the choices.
    """
    for method in METHODS:
        if method.name == name:
            return method
    choices = ", ".join(method.name for method in METHODS)
    raise UserError(f"There is no classical method {name!r}; choose one of {choices}.")
