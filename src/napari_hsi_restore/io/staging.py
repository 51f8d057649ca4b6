"""Write beside the target and rename when whole, so that nothing half-written stays."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from napari_hsi_restore.errors import UserError

_ZEROS = 16 * 2**20
_TRIES, _PAUSE_S = 40, 0.02


@contextlib.contextmanager
def staged(targets: Sequence[Path], *, overwrite: bool) -> Iterator[list[Path]]:
    """Temporary paths beside some targets, renamed to them at the end, all or none.

    Parameters
    ----------
    targets : sequence of Path
        Files or folders that belong together.
    overwrite : bool
        Whether targets that exist may be replaced.

    Raises
    ------
    UserError
        If a target exists, its folder is missing or cannot be written, or the disk
        is full.
    """
    for target in targets:
        if target.exists() and not overwrite:
            raise UserError(f"{target}: exists already; choose another name or allow overwriting.")
        if not target.parent.is_dir():
            raise UserError(f"{target}: the folder {target.parent} does not exist; create it.")
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    parts = [t.with_name(f".{t.stem}.{token}.part{t.suffix}") for t in targets]
    try:
        yield parts
        _rename_all(parts, targets, token)
    except OSError as error:
        raise UserError(
            f"{targets[0]}: cannot be written ({reason_of(error)}); check the free space and the "
            f"permissions of {targets[0].parent}."
        ) from error
    finally:
        for part in parts:
            remove(part)


def reason_of(error: OSError) -> str:
    """What the system says, such as "no space left on device", without a library's own words."""
    said = os.strerror(error.errno) if error.errno else str(error)
    return " ".join(said.split()).lower()


def _rename_all(parts: Sequence[Path], targets: Sequence[Path], token: str) -> None:
    """Put all parts in place; if one cannot be, put everything back."""
    kept: list[tuple[Path, Path]] = []
    placed: list[Path] = []
    try:
        for part, target in zip(parts, targets, strict=True):
            if target.exists():
                backup = target.with_name(f".{target.name}.{token}.old")
                target.rename(backup)
                kept.append((backup, target))
            part.rename(target)
            placed.append(target)
    except OSError:
        for target in placed:
            remove(target)
        for backup, target in kept:
            backup.rename(target)
        raise
    for backup, _ in kept:
        remove(backup)


def remove(path: Path) -> None:
    """Delete a file or a folder if it is there."""
    if not path.is_dir() or path.is_symlink():
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return
    for _ in range(_TRIES):
        shutil.rmtree(path, ignore_errors=True)
        # Zarr writes in threads that may go on for a moment after an error.
        time.sleep(_PAUSE_S)
        if not path.exists():
            return


def reserve(path: Path, size: int) -> None:
    """Take the disk space of a whole file before it is mapped into memory.

    A full disk is an `OSError` here; met while a map is written it would end the
    process.
    """
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        file.seek(0, os.SEEK_END)
        missing = size - file.tell()
        while missing > 0:
            missing -= file.write(bytes(min(missing, _ZEROS)))
