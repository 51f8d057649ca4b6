"""Genotypes as files of their own, to be shared without weights."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pydantic

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.search_space.genotype import Genotype

FORMAT = "napari-hsi-restore genotype"
VERSION = 1

_LARGEST = 100_000
"""Bytes; a genotype takes a few hundred."""


def write_genotype(path: Path, genotype: Genotype, *, overwrite: bool = False) -> None:
    """Write a genotype as JSON, beside its place and then moved there.

    Parameters
    ----------
    path : Path
    genotype : Genotype
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    UserError
        If the file exists or cannot be written.
    """
    if path.exists() and not overwrite:
        raise UserError(f"{path}: exists already; choose another name or allow overwriting.")
    content = {"format": FORMAT, "version": VERSION, "genotype": genotype.model_dump()}
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(
            f"{path}: the genotype cannot be written ({error.strerror or error})."
        ) from error


def read_genotype(path: Path) -> Genotype:
    """Read a genotype that `write_genotype` wrote.

    Raises
    ------
    UserError
        If the file cannot be read, is no genotype, or is of a later version.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large")
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError("another format")
        if content.get("version") != VERSION:
            raise UserError(
                f"{path}: a genotype of version {content.get('version')}; this program knows "
                f"version {VERSION}; bring it up to date."
            )
        return Genotype.model_validate(content.get("genotype"))
    except OSError as error:
        raise UserError(
            f"{path}: the genotype cannot be read ({error.strerror or error})."
        ) from error
    except (ValueError, pydantic.ValidationError) as error:
        raise UserError(f"{path}: no genotype of this program, or a damaged one.") from error
