"""ENVI files as other programs write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_STORED_AXES = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}
_CODES = {"u1": 1, "i2": 2, "i4": 3, "f4": 4, "f8": 5, "c8": 6, "u2": 12, "u4": 13}


def envi(
    folder: Path,
    data: np.ndarray,
    *,
    interleave: str = "bsq",
    more: str = "",
    data_suffix: str = ".dat",
    byte_order: int | None = 0,
    **changed: str,
) -> Path:
    """Write scene.hdr and its data file from (bands, y, x); return the header.

    `changed` replaces header fields (spaces as underscores); None drops one.
    """
    order = ">" if byte_order == 1 else "<"
    stored = data.transpose(_STORED_AXES.get(interleave, (0, 1, 2)))
    stored.astype(data.dtype.newbyteorder(order)).tofile(folder / f"scene{data_suffix}")
    fields = {
        "samples": str(data.shape[2]),
        "lines": str(data.shape[1]),
        "bands": str(data.shape[0]),
        "data type": str(_CODES[data.dtype.str[1:]]),
        "interleave": interleave,
    }
    if byte_order is not None:
        fields["byte order"] = str(byte_order)
    fields |= {key.replace("_", " "): value for key, value in changed.items()}
    lines = [f"{key} = {value}" for key, value in fields.items() if value]
    header = folder / "scene.hdr"
    header.write_text("ENVI\n" + "\n".join(lines) + "\n" + more)
    return header


def classification(folder: Path, labels: np.ndarray, names: list[str], colours: list[int]) -> Path:
    """Write scene.hdr, a map of classes (y, x) with their names and colours, as ENVI does."""
    more = (
        f"classes = {len(names)}\n"
        f"class lookup = {{\n {', '.join(map(str, colours))}}}\n"
        f"class names = {{\n {', '.join(names)}}}\n"
    )
    return envi(folder, labels[None], more=more, file_type="ENVI Classification")
