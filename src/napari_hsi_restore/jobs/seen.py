"""Whether a file still holds what was seen in it, without reading all of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

_SAMPLES, _SAMPLE_BYTES = 64, 4096


def note(path: Path, target: Path) -> None:
    """Note what a file looks like now.

    Parameters
    ----------
    path : Path
        The file.
    target : Path
        Gets the note.

    Raises
    ------
    OSError
    """
    size, changed = _state(path)
    content = {"size": size, "changed": changed, "samples": _samples(path, size)}
    target.write_text(json.dumps(content), encoding="utf-8")


def is_unchanged(path: Path, target: Path) -> bool:
    """Whether a file looks as it was noted.

    A file that was written anew counts as unchanged if its size and 64 places of it, evenly
    spaced, are the same.

    Raises
    ------
    OSError
        If the file is gone.
    ValueError
        If the note is damaged.
    """
    noted = json.loads(target.read_text(encoding="utf-8"))
    size, changed = _state(path)
    if size != noted["size"]:
        return False
    return bool(changed == noted["changed"] or _samples(path, size) == noted["samples"])


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _samples(path: Path, size: int) -> str:
    digest = hashlib.blake2b()
    with path.open("rb") as file:
        for index in range(_SAMPLES):
            file.seek(max(0, size - _SAMPLE_BYTES) * index // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
