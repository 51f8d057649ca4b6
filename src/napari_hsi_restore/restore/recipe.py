"""What a restoration is asked to do: one frozen, storable value."""

from __future__ import annotations

from typing import Literal

import pydantic

from napari_hsi_restore.zoo.records import list_models

AUTO_BANDS = 60
"""From so many bands on, the network that was trained on many bands suits better."""


AUTOMATIC = (
    "Looks at the noise first: stripes, dead lines and impulses are mended, then the noise is "
    "removed, by the method that does that best. The result says which."
)
"""What the model ``"auto"`` does, for a list of choices."""


class DenoiseRecipe(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Settings of a denoising run.

    Attributes
    ----------
    model : str
        Name of a network or of a method
        (`napari_hsi_restore.restore.choices.denoisers`), or ``"auto"`` for what
        suits the noise of the cube (`napari_hsi_restore.restore.recommend`).
    noise : 'auto', float, or tuple of float
        ``"auto"`` estimates the noise of every band; a number is one standard
        deviation for all bands on the 0..255 scale of the cube's white level; a tuple
        has one standard deviation for every band, in the cube's stored units.
    strength : float
        Factor on the noise that is removed: 0 changes nothing, 1 is the best estimate.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; methods
        run on the CPU whatever it says.
    memory_limit_gib : float or None
        Memory that the run may use beside the cube and the result, in GiB; None for
        half of what is free.
    tile : int or None
        Side of a tile in pixels; None to fit the memory. Methods
        have no tiles.
    bad_bands : {'keep', 'restore'}
        Bands that are marked as bad never take part in restoring the others. They are
        passed through unchanged, or replaced by what the restored ones say of them
        (`napari_hsi_restore.restore.bad_bands`).
    """

    model: str = "auto"
    noise: Literal["auto"] | float | tuple[float, ...] = "auto"
    strength: float = pydantic.Field(default=1.0, ge=0.0, le=5.0)
    device: str = "auto"
    memory_limit_gib: float | None = pydantic.Field(default=None, gt=0)
    tile: int | None = pydantic.Field(default=None, ge=8)
    bad_bands: Literal["keep", "restore"] = "keep"


def automatic_model(n_bands: int) -> str:
    """The name of the bundled network that suits a number of bands."""
    return automatic_choice(n_bands)[0]


def automatic_choice(n_bands: int) -> tuple[str, str]:
    """The bundled network that suits a number of bands, and why.

    Few bands want spatial and many bands joint operations (STAS poster).

    Returns
    -------
    (name, reason)
        A bundled model, and a sentence for the user, which says so where the model
        that was made for so many bands is not there.
    """
    many = n_bands >= AUTO_BANDS
    wanted = "stas_p" if many else "stas_c"
    records = [entry for entry in list_models() if entry.bundled and entry.task == "denoise"]
    purposes = {entry.name: entry.purpose for entry in records if entry.min_bands <= n_bands}
    if wanted in purposes or not purposes:
        return wanted, purposes.get(wanted, "")
    other = next(iter(purposes))
    return other, (
        f"No bundled model was made for {'so many' if many else 'so few'} bands ({n_bands}); "
        f"{other} does it, perhaps less well: look at the residual."
    )
