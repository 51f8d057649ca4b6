"""Architecture search: the supernet, the loop that searches it, and what cells cost.

Importing this package loads no torch; `search` does when it begins.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Event
from napari_hsi_restore.search.recipe import SearchRecipe

__all__ = ["SearchRecipe", "search"]


def search(
    recipe: SearchRecipe, cubes: Sequence[HyperCube], folder: Path, *, resume: bool = False
) -> Generator[Event, None, None]:
    """Find a network for cubes like these and train it.

    Parameters
    ----------
    recipe : SearchRecipe
    cubes : sequence of HyperCube
        They count as clean. One whose own noise is high is denoised first, and a note
        says so. All with the same bands.
    folder : Path
        Of the run: gets ``search.safetensors`` and ``last.safetensors`` (to resume from,
        at least every 45 seconds), ``found.json`` (the genotype) and
        ``best.safetensors`` (what `napari_hsi_restore.training.library.keep` installs).
    resume : bool
        Go on from the checkpoints in the folder if there are any.

    Yields
    ------
    Progress, Note
    CellState
        Every few seconds of the search.
    Metric
        ``loss`` and, of the search, ``entropy`` and ``cost`` (0..1, the expected cost of
        the cell relative to one of the dearest operations); ``psnr`` of the held-out
        pixels by the network as it is now; once ``psnr_start``, the highest of
        ``psnr_stas_c`` and the like of the bundled models on the same pixels. Steps count
        through search and training.
    Snapshot
        A held-out patch after every score.
    Done
        With the path of the installed model's record.

    Raises
    ------
    UserError
        For too few pixels, cubes that do not belong together, a name that is taken, a
        folder with another run, a damaged checkpoint, a full disk.
    """
    from napari_hsi_restore.search.run import run

    yield from run(recipe, cubes, folder, resume=resume)
