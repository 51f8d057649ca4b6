"""Which devices a run learns on."""

from __future__ import annotations

from typing import Literal

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.devices import DeviceInfo

Count = int | Literal["auto"]
"""How many devices; ``"auto"`` for all GPUs, unless one device was named."""


def parsed_count(text: str) -> Count:
    """A number of devices as it is typed.

    Raises
    ------
    UserError
        If it is neither ``"auto"`` nor a number from 1.
    """
    if text == "auto":
        return "auto"
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UserError(f"setting 'devices': '{text}' is no number from 1; give one, or auto.")
    return int(text)


def chosen(device: str = "auto", count: Count = "auto") -> tuple[DeviceInfo, ...]:
    """The devices of a run, the leader's first.

    Parameters
    ----------
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    count : int or 'auto'
        With ``"auto"`` a device that was named is the only one. Several on ``"cpu"``
        are so many processes that share its cores.

    Returns
    -------
    tuple of DeviceInfo
        One or more; several GPUs are different ones.

    Raises
    ------
    UserError
        If this machine does not have them.
    """
    first = devices.choose(device)
    gpus = tuple(each for each in devices.available() if each.name.startswith("cuda"))
    if count == "auto":
        return gpus if device == "auto" and len(gpus) > 1 else (first,)
    if count == 1:
        return (first,)
    if device == "cpu":
        return (first,) * count
    if device not in ("auto", "cuda"):
        raise UserError(
            f"setting 'devices': {count} devices cannot be had where one, '{device}', is named; "
            "choose the device auto or cuda."
        )
    if not gpus:
        raise UserError("setting 'devices': this machine has no GPU; choose 1, or auto.")
    if len(gpus) < count:
        have = "1 GPU" if len(gpus) == 1 else f"{len(gpus)} GPUs"
        raise UserError(f"setting 'devices': this machine has {have}, not {count}; choose fewer.")
    return gpus[:count]


def at_hand(device: str, count: Count) -> tuple[str, Count, str]:
    """What this machine has now of the devices that a run began with.

    Parameters
    ----------
    device, count
        As for `chosen`, on whatever machine that was.

    Returns
    -------
    device, count
        What `chosen` has: the same where it is still there, else fewer GPUs, or the best
        device.
    said : str
        A sentence for the user; empty where nothing has changed.
    """
    there = devices.available()
    gpus = sum(each.name.startswith("cuda") for each in there)
    best = there[0].label
    if device not in ("auto", "cpu") and not any(
        device in (each.name, each.name.partition(":")[0]) for each in there
    ):
        return "auto", 1, f"The run began on '{device}', which is not there now: it uses {best}."
    if count == "auto" or device == "cpu" or count <= max(gpus, 1):
        return device, count, ""
    if gpus > 1:
        return device, gpus, f"The run began on {count} GPUs, of which {gpus} are there now."
    return "auto", 1, f"The run began on {count} GPUs, which are not there now: it uses {best}."


def label_of(several: tuple[DeviceInfo, ...]) -> str:
    """The devices of a run, for a person."""
    labels = {device.label: 0 for device in several}
    for device in several:
        labels[device.label] += 1
    return " and ".join(
        label if count == 1 else f"{count} x {label}" for label, count in labels.items()
    )
