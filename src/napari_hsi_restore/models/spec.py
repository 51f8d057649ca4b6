"""What a restoration network needs and gives; no caller asks which network it is."""

from __future__ import annotations

from typing import Literal

import pydantic

from napari_hsi_restore.search_space.genotype import Genotype


class ModelSpec(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The contract of a network.

    Attributes
    ----------
    architecture : str
        Row of `napari_hsi_restore.models.catalog.ARCHITECTURES` that builds it.
    genotype : Genotype
        Wiring of its cells.
    width : int
        Channels between the cells.
    domain : {'eigenimages', 'bands'}
        Basis of the spectra that it works in (`napari_hsi_restore.models.basis`).
    task : {'denoise'}
    scale : int
        Pixels out for a pixel in, along each side.
    min_bands : int
        Fewest bands that it takes.
    most_components : int
        Components that the network restores at most; the rest is filtered linearly.
    halo : int
        Pixels beyond a tile that its inside depends on.
    multiple : int
        A tile's sides must be a multiple of this.
    """

    architecture: Literal["stas"]
    genotype: Genotype
    width: int
    domain: Literal["eigenimages", "bands"]
    task: Literal["denoise"] = "denoise"
    scale: int = 1
    min_bands: int = 1
    most_components: int = 24
    halo: int
    multiple: int = 1
