"""What a super-resolution has to say about its result, from the history of the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.restore.bad_bands import sentence_of

_PIECES = (
    "Enlarged in pieces, without correction: how the result, shrunk again, meets the input was not "
    "measured."
)


def outcome(result: HyperCube) -> tuple[str, ...]:
    """Sentences for the user.

    Parameters
    ----------
    result : HyperCube
        Of `napari_hsi_restore.restore.superres.superres`.

    Returns
    -------
    tuple of str
        Why which method was taken where that was left to ``"auto"``, what the guard
        refused, how the result, shrunk again, meets the input, and what became of bands
        that are marked as bad. Empty for a cube
        that was not enlarged.
    """
    entry = _entry(result)
    if entry is None:
        return ()
    found = entry["consistency"]
    sentences = [_PIECES if found is None else _met(entry["scale"], found)]
    if spared := sentence_of(dict(entry)):
        sentences.append(spared)
    for step in (entry["fine"] or {"refused": ()})["refused"]:
        sentences.insert(0, f"Refused, as it would turn the spectra away from the input: {step}.")
    if entry["chosen"] is not None:
        reason = str(entry["chosen"]["reason"])
        sentences.insert(0, f"{reason}.")
    return tuple(sentences)


def _met(scale: int, found: Mapping[str, float]) -> str:
    """How the result, shrunk again, meets the input."""
    relative = f"{100 * found['relative']:.2g} % of the input's"
    return (
        f"Shrunk by {scale} again, the result differs from the input by {found['rmse']:.4g} (root "
        f"mean square, {relative}) and {found['angle_deg']:.2g} degrees."
    )


def _entry(result: HyperCube) -> Mapping[str, Any] | None:
    """The last line of the history if it is that of a super-resolution."""
    try:
        entry = json.loads(result.history[-1])
    except (IndexError, ValueError):
        return None
    return entry if isinstance(entry, dict) and entry.get("step") == "superres" else None
