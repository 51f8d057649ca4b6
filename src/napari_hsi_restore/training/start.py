"""Beginning a run with the weights of an earlier one."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.architectures.coarsr import CoarSR
from napari_hsi_restore.models.architectures.eigencascade import EigenCascade
from napari_hsi_restore.models.architectures.eigensr import EigenSR
from napari_hsi_restore.models.architectures.refiner import Refiner
from napari_hsi_restore.models.catalog import Network
from napari_hsi_restore.training.run_files import BEST


def begun(network: Network, start: str | None) -> Network:
    """Give a new network the best weights of an earlier run.

    A network may begin with a smaller one, CoarSR also with one for a smaller scale, and each
    stage of one in stages with the same; see `EigenSR.begun`, `EigenCascade.begun`,
    `CoarSR.begun` and `Refiner.begun`.

    Parameters
    ----------
    network : Network
    start : str or None
        Folder of the run; None leaves the network as it is.

    Raises
    ------
    UserError
        If the folder has no weights, or those of another network.
    """
    if start is None:
        return network
    path = Path(start) / BEST
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path}: no weights to begin with; do that run first, or change 'start' of the recipe."
        ) from error
    if isinstance(network, CoarSR | EigenSR | EigenCascade | Refiner):
        weights = network.begun(weights)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"{path}: the weights are of another network than the recipe's; change 'start'."
        ) from error
    return network
