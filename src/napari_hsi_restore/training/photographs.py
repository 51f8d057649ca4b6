"""``python -m napari_hsi_restore.training.photographs``: photographs to learn textures from.

Cubes are few, photographs are many. Those of a folder are made small, which takes away what
compression and the colour mosaic of a camera left, and written as PNG files, the same for the
same folder. Pictures without fine structure and second copies are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.pictures import GAMMA, light_of

_MOST = 0.5
_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_FINE = 0.01
_THUMB = 8
_ALIKE = 0.98


def read(files: Iterable[Path]) -> Iterator[Cube]:
    """Photographs as cubes of three bands, proportional to light.

    Parameters
    ----------
    files : iterable of Path
        As `prepare` writes them.

    Yields
    ------
    float32 ndarray, (3, y, x)
        White is 1; one at a time, since many fill the memory.

    Raises
    ------
    UserError
        If a file is no picture in colour.
    """
    yield from map(_light, files)


def prepare(folder: Path, target: Path, side: int) -> Iterator[tuple[int, int, int]]:
    """Write the photographs of a folder, and of those in it, as small PNG files.

    Parameters
    ----------
    folder : Path
    target : Path
        Gets the files; is made.
    side : int
        Longer side of a written picture in pixels; one that is less than twice as large is
        left out.

    Yields
    ------
    int, int, int
        How many files were looked at, how many there are, and how many were written.

    Raises
    ------
    UserError
        If the folder has no pictures.
    """
    import skimage.io

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS)
    if not files:
        raise UserError(f"{folder}: no pictures are there; name a folder with photographs.")
    target.mkdir(parents=True, exist_ok=True)
    thumbs: list[Cube] = []
    for number, file in enumerate(files):
        small = _small(file, side)
        if small is not None and _is_fine(small) and _is_new(small, thumbs):
            values = np.rint(255 * np.clip(small, 0, 1) ** (1 / GAMMA)).astype(np.uint8)
            name = target / f"{len(thumbs) - 1:04d}.png"
            skimage.io.imsave(name, np.moveaxis(values, 0, -1), check_contrast=False)
        yield number + 1, len(files), len(thumbs)


def _light(file: Path) -> Cube:
    """A picture, (3, y, x)."""
    import skimage.io

    try:
        picture = np.asarray(skimage.io.imread(file))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: this is no picture that can be read; remove it.") from error
    if picture.ndim != 3 or picture.shape[2] < 3 or picture.dtype != np.uint8:
        raise UserError(f"{file}: this is no picture with 8 bits of three colours; remove it.")
    return light_of(picture[..., :3])


def _small(file: Path, side: int) -> Cube | None:
    """A photograph made small, or None if it cannot be read or is small already."""
    try:
        light = _light(file)
    except UserError:
        return None
    scale = side / max(light.shape)
    return None if scale > _MOST else np.asarray(resize_bicubic(light, scale=scale), np.float32)


def _is_fine(picture: Cube) -> bool:
    """Whether a fourth of the resolution is too little for a picture."""
    height, width = (length // 4 * 4 for length in picture.shape[1:])
    whole = picture[:, :height, :width]
    again = resize_bicubic(resize_bicubic(whole, scale=0.25), scale=4)
    return float(np.std(whole - again)) > _FINE


def _is_new(picture: Cube, thumbs: list[Cube]) -> bool:
    """Whether a picture looks like none before it; it is kept in mind if so."""
    rows, columns = (np.linspace(0, length, _THUMB + 1).astype(int) for length in picture.shape[1:])
    sums = np.add.reduceat(np.add.reduceat(picture, rows[:-1], 1), columns[:-1], 2)
    thumb = (sums - sums.mean()).ravel()
    thumb /= np.linalg.norm(thumb) + 1e-6
    if any(float(thumb @ other) > _ALIKE for other in thumbs):
        return False
    thumbs.append(thumb)
    return True


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with photographs, at any depth.")],
    target: Annotated[Path, typer.Argument(help="Folder for what is written.")],
    side: Annotated[int, typer.Option(help="Longer side in pixels.")] = 768,
) -> None:
    """Make photographs ready to learn from."""
    try:
        for done, total, kept in prepare(folder, target, side):
            print(f"{done} of {total}, {kept} kept", flush=True)
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
