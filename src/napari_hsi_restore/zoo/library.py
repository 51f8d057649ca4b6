"""The user's model library: names, installing, removing, renaming, importing, exporting.

A model is two files in `records.user_folder`, ``NAME.safetensors`` and its record
``NAME.json``. A model exists from the moment its record does, so the record is
written last and removed first: whatever is interrupted leaves no model that is half
one and half another. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import MeanSRSpec, StasSpec
from napari_hsi_restore.search_space.sharing import write_genotype
from napari_hsi_restore.zoo import records
from napari_hsi_restore.zoo.records import ModelRecord
from napari_hsi_restore.zoo.weights_file import content_of

LONGEST_NAME = 64
"""Letters of a name, so that its files can be written on every system."""

RECORD_KEY = "napari_hsi_restore.record"
"""Where an exported file keeps its record, in the header of the safetensors format."""

LARGEST_IMPORT = 2 * 2**30
"""Bytes; the bundled models have less than a thousandth of it."""

LARGEST_NUMBER = 4096
"""No width, depth or halo of a network of a file is larger; more would only fill the memory."""

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
# What `--model` means otherwise, and what Windows does not let a file be called.
_TAKEN = {"auto", "bicubic", "back-projection", "con", "prn", "aux", "nul"}
_TAKEN |= {f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)}


def check_name(name: str) -> str:
    """Refuse a name that a new model cannot have.

    Parameters
    ----------
    name : str
        Letters, digits, ``.``, ``_`` and ``-``, at most 64, not beginning with a dot.

    Returns
    -------
    str
        The name.

    Raises
    ------
    UserError
        If it has other characters, would leave the folder of the models, or is the
        name of a model; upper and lower case count as the same, as on many disks.
    """
    check_form(name)
    if name.casefold() in records.taken_names():
        raise UserError(
            f"setting 'name': a model called '{name}' exists already; choose another name, or "
            "remove or rename that model first."
        )
    return name


def check_form(name: str) -> str:
    """Refuse a name that no model can have, whatever models there are.

    Raises
    ------
    UserError
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or name.endswith("."):
        raise UserError(
            f"setting 'name': '{name[:80]}' cannot name a model; use up to {LONGEST_NAME} letters "
            "without accents, digits, '_', '-' and '.', with no '.' at its beginning or end."
        )
    if name.casefold().partition(".")[0] in _TAKEN:
        raise UserError(f"setting 'name': '{name}' has a meaning of its own; choose another name.")
    return name


def own(name: str) -> Path:
    """Path of the record of one of the user's models.

    A damaged record has one too, so that it can be removed.

    Raises
    ------
    UserError
        If there is none, or the model came with the package.
    """
    check_form(name)
    path = records.user_folder() / f"{name}.json"
    if path.is_file():
        return path
    if records.record(name).bundled:
        raise UserError(
            f"model '{name}' came with the package and cannot be changed; only models of your own "
            "can."
        )
    raise UserError(
        f"model '{name}' lies in {records.user_folder()} in a file of another name; give the file "
        f"the name {name}.json first."
    )


def install(record: ModelRecord, content: bytes) -> ModelRecord:
    """Put a model into the user's library; one of the same name there is replaced.

    Parameters
    ----------
    record : ModelRecord
    content : bytes
        Its weights, a whole safetensors file.

    Returns
    -------
    ModelRecord
        As it was written: with the sha256 of `content`, and not bundled.

    Raises
    ------
    UserError
        If the files cannot be written, for example on a full disk; a model of the same
        name is then as it was, or gone, and never half of each.
    """
    check_form(record.name)
    folder = records.user_folder()
    sha256 = hashlib.sha256(content).hexdigest()
    written = record.model_copy(update={"sha256": sha256, "bundled": False})
    weights, described = folder / f"{record.name}.safetensors", folder / f"{record.name}.json"
    text = (written.model_dump_json(indent=2) + "\n").encode()
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    new_weights, new_record = _beside(weights, content), _beside(described, text)
    with _explained(folder):
        described.unlink(missing_ok=True)
        new_weights.replace(weights)
        new_record.replace(described)
    return written


def remove(name: str) -> None:
    """Delete one of the user's models.

    Raises
    ------
    UserError
        If there is no such model, or it came with the package.
    """
    path = own(name)
    with _explained(path.parent):
        path.unlink()
        (path.parent / f"{name}.safetensors").unlink(missing_ok=True)


def rename(name: str, new: str) -> ModelRecord:
    """Give one of the user's models another name.

    Returns
    -------
    ModelRecord
        The record with the new name.

    Raises
    ------
    UserError
        If there is no such model, it came with the package, its files are damaged, or
        the new name cannot be had.
    """
    own(name)
    record, content = _read(name)
    check_name(new)
    renamed = install(record.model_copy(update={"name": new}), content)
    remove(name)
    return renamed


def export(name: str, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a model, bundled or the user's, as one file that `import_model` reads.

    The file is in the safetensors format, the record lies in its header.

    Parameters
    ----------
    name : str
    path : path
        Target; ``.safetensors`` is added to a name without it.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    UserError
        If there is no such model, its files are damaged, or the target exists or
        cannot be written.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        target = target / f"{name}.safetensors"
    elif target.suffix != ".safetensors":
        target = target.with_name(target.name + ".safetensors")
    if target.exists() and not overwrite:
        raise UserError(f"{target}: exists already; choose another name or allow overwriting.")
    record, content = _read(name)
    write(target, marked(record, content))
    return target


def export_cell(name: str, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the cell of a model alone, without weights, as `search_space.sharing` reads it.

    Parameters
    ----------
    name : str
        Of a STAS network, bundled or the user's.
    path : path
        Target; ``.json`` is added to a name without it.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    UserError
        If there is no such model, it has no cell, or the target exists or cannot be
        written.
    """
    spec = records.record(name).spec
    if not isinstance(spec, StasSpec):
        raise UserError(f"model '{name}' has no cell: only networks of STAS are made of cells.")
    target = Path(path).expanduser()
    if target.suffix != ".json":
        target = target.with_name(target.name + ".json")
    write_genotype(target, spec.genotype, overwrite=overwrite)
    return target


def marked(record: ModelRecord, content: bytes) -> bytes:
    """One file of weights and their record, which `read_marked` takes apart.

    Parameters
    ----------
    record : ModelRecord
        Its sha256 is made that of the weights.
    content : bytes
        The weights, a whole safetensors file.
    """
    header, tensors = _split(content, record.name)
    header.pop("__metadata__", None)
    # Without its record the file is the weights again, byte for byte as their sha256 says.
    plain = _joined(header, tensors)
    described = record.model_copy(update={"sha256": hashlib.sha256(plain).hexdigest()})
    return _joined({"__metadata__": {RECORD_KEY: described.model_dump_json()}, **header}, tensors)


def import_model(path: str | Path, name: str | None = None) -> ModelRecord:
    """Take a model that `export` wrote into the user's library.

    Nothing in the file is run: it is checked to be numbers with a record, the numbers to
    be those that the record describes, finite, and a network of its architecture.

    Parameters
    ----------
    path : path
    name : str, optional
        Instead of the name in its record.

    Returns
    -------
    ModelRecord

    Raises
    ------
    UserError
        If it is no such file, is damaged, or its name cannot be had.
    """
    source = Path(path).expanduser()
    record, plain = read_marked(source)
    parameters = _check_network(record, plain, str(source))
    chosen = check_name(name if name is not None else record.name)
    # What others wrote is shown in terminals, too, which take orders in such letters.
    record = ModelRecord.model_validate(_printable(record.model_dump(mode="json")))
    return install(record.model_copy(update={"name": chosen, "parameters": parameters}), plain)


def _printable(value: Any) -> Any:
    """A value of JSON with a sign in place of each letter that cannot be printed."""
    if isinstance(value, str):
        return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)
    if isinstance(value, list):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(each) for key, each in value.items()}
    return value


def read_marked(source: Path) -> tuple[ModelRecord, bytes]:
    """Record and plain weights of a file with its record in the header.

    Parameters
    ----------
    source : Path

    Returns
    -------
    ModelRecord
    bytes
        The weights as a safetensors file without the record, with the sha256 of the record.

    Raises
    ------
    UserError
        If it is no such file, or a damaged or changed one.
    """
    header, tensors = _split(_content(source), str(source))
    text = header.pop("__metadata__", {}).get(RECORD_KEY)
    if text is None:
        raise UserError(
            f"{source}: has weights but no record of this program that says what network they "
            "belong to; only files written by 'models export' can be imported."
        )
    try:
        record = ModelRecord.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise UserError(
            f"{source}: the record in this file is damaged or from a newer version; export the "
            "model again, or update this program."
        ) from error
    plain = _joined(header, tensors)
    if hashlib.sha256(plain).hexdigest() != record.sha256:
        raise UserError(
            f"{source}: the weights are not those that the record in this file describes; the "
            "file is damaged or was changed, get it again."
        )
    return record, plain


def _read(name: str) -> tuple[ModelRecord, bytes]:
    """Record and weights of a model, which belong together."""
    record, path = records.find(name)
    content = content_of(record, path)
    return record, content


def _content(source: Path) -> bytes:
    """The bytes of a file that might be a model."""
    with _explained(source):
        if not source.is_file():
            raise UserError(f"{source}: no such file; give one written by 'models export'.")
        if source.stat().st_size > LARGEST_IMPORT:
            raise UserError(
                f"{source}: is too large to be a model of this program; give a file written by "
                "'models export'."
            )
        content = source.read_bytes()
    # The length of a safetensors header, before its brace, may begin with any byte.
    is_pickle = content[:2] == b"PK" or content[:1] == b"\x80"
    if is_pickle and content[8:9] != b"{":
        raise UserError(
            f"{source}: is a pickled PyTorch file; reading one can run any program hidden in it, "
            "so it is not opened. Give a file written by 'models export'."
        )
    return content


def _split(content: bytes, where: str) -> tuple[dict[str, Any], bytes]:
    """Header and numbers of a safetensors file: length, JSON, bytes."""
    try:
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length].decode())
        if not isinstance(header, dict) or 8 + length > len(content):
            raise ValueError("no header")
        if not isinstance(header.get("__metadata__", {}), dict):
            raise ValueError("no header")
    except (struct.error, ValueError, RecursionError) as error:
        raise UserError(
            f"{where}: is no safetensors file, or a damaged one; give a file written by 'models "
            "export'."
        ) from error
    return header, content[8 + length :]


def _joined(header: dict[str, Any], tensors: bytes) -> bytes:
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + tensors


def _check_network(record: ModelRecord, content: bytes, where: str) -> int:
    """Refuse weights that are not those of a network of the record's architecture.

    Returns
    -------
    int
        How many numbers they are.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from napari_hsi_restore.models.catalog import build

    wrong = UserError(
        f"{where}: the weights do not fit the network that the record in this file describes; "
        "get the file again from whoever made it."
    )
    specs = record.spec.members if isinstance(record.spec, MeanSRSpec) else (record.spec,)
    numbers = [number for spec in specs for number in spec.model_dump().values()]
    if any(isinstance(number, int) and not 0 < number <= LARGEST_NUMBER for number in numbers):
        raise wrong
    try:
        weights = load(content)
        with torch.device("meta"):
            expected = build(record.spec).state_dict()
    except (SafetensorError, ValueError, RuntimeError, OverflowError) as error:
        raise wrong from error
    if {name: tensor.shape for name, tensor in weights.items()} != {
        name: tensor.shape for name, tensor in expected.items()
    }:
        raise wrong
    if record.spec.architecture == "stas":
        from napari_hsi_restore.models.architectures.stas import reach

        if record.spec.halo < reach(record.spec.genotype):
            raise wrong
    if record.spec.architecture == "qrnn3d":
        from napari_hsi_restore.models.architectures.qrnn3d import MULTIPLE, REACH

        if record.spec.halo < REACH or record.spec.multiple % MULTIPLE:
            raise wrong
    floating = all(tensor.is_floating_point() for tensor in weights.values())
    if not floating or not all(bool(torch.isfinite(t).all()) for t in weights.values()):
        raise UserError(f"{where}: the weights have values that are no numbers; get it again.")
    return sum(tensor.numel() for tensor in weights.values())


def write(target: Path, content: bytes) -> None:
    """Write a file beside its place and move it there when it is whole.

    Raises
    ------
    UserError
        If it cannot be written; what was there before is untouched.
    """
    partial = _beside(target, content)
    with _explained(target.parent):
        partial.replace(target)


def _beside(target: Path, content: bytes) -> Path:
    """Write a file whole beside its place, and return where."""
    partial = target.with_name(f".{target.name}.partial")
    with _explained(target.parent):
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
    return partial


@contextlib.contextmanager
def _explained(where: Path) -> Iterator[None]:
    """Turn an error of the system into a sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or where}: {error.strerror or error}; check the folder, its "
            "permissions and the free space."
        ) from error
