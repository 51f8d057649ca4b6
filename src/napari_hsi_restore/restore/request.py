"""What every restoration checks and measures before it begins."""

from __future__ import annotations

from collections.abc import Generator

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Event, Progress
from napari_hsi_restore.restore.statistics import Measured, SpectralStatistics
from napari_hsi_restore.zoo.records import ModelRecord

Region = tuple[slice, slice]


def whole_region(cube: HyperCube, region: Region | None) -> Region:
    """A region with explicit start and stop, within the image; the whole image for None.

    Raises
    ------
    UserError
        If it is empty.
    """
    rows, columns = region or (slice(None), slice(None))
    top, bottom, _ = rows.indices(cube.shape[1])
    left, right, _ = columns.indices(cube.shape[2])
    if bottom <= top or right <= left:
        raise UserError(f"{cube.name}: the region to restore is empty; choose one in the image.")
    return slice(top, bottom), slice(left, right)


def check_bands(cube: HyperCube, record: ModelRecord) -> None:
    """Refuse a cube of fewer good bands than a model takes.

    Raises
    ------
    UserError
    """
    count = int(cube.usable_bands().sum())
    if count < record.min_bands:
        good = "" if count == cube.n_bands else "good "
        raise UserError(
            f"{cube.source or cube.name} has {count} {good}bands, model '{record.name}' needs at "
            f"least {record.min_bands}; choose another model."
        )


def measure_spectra(
    cube: HyperCube, share: float, measured: Measured | None = None
) -> Generator[Event, None, SpectralStatistics]:
    """Moments of the valid spectra, with progress.

    Parameters
    ----------
    cube : HyperCube
    share : float
        Part of the whole work, 0..1, that this is.
    measured : Measured, optional
        What is known of this cube already; gets what is measured here.
    """
    fractions = (measured or Measured()).spectra(cube)
    while True:
        try:
            fraction = next(fractions)
        except StopIteration as end:
            statistics: SpectralStatistics = end.value
            return statistics
        yield Progress(fraction * share, "measuring the spectra")
