"""The devices that a network can run on, with their free memory."""

from __future__ import annotations

import dataclasses

import psutil

from napari_hsi_restore.errors import UserError


@dataclasses.dataclass(frozen=True)
class DeviceInfo:
    """One device.

    Attributes
    ----------
    name : str
        torch's name, such as ``"cpu"`` or ``"cuda:0"``.
    label : str
        For a person.
    free_bytes, total_bytes : int
        Memory.
    """

    name: str
    label: str
    free_bytes: int
    total_bytes: int


def available() -> tuple[DeviceInfo, ...]:
    """All devices, the best first."""
    import torch

    memory = psutil.virtual_memory()
    cpu = DeviceInfo(
        "cpu", f"CPU ({torch.get_num_threads()} threads)", memory.available, memory.total
    )
    gpus = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            label = torch.cuda.get_device_name(index)
            gpus.append(DeviceInfo(f"cuda:{index}", label, free, total))
    return (*gpus, cpu)


def choose(name: str = "auto") -> DeviceInfo:
    """The device of a name.

    Parameters
    ----------
    name : str
        ``"auto"`` for the best, ``"cuda"`` for the first GPU, or a name of `available`.

    Raises
    ------
    UserError
        If this machine has no such device.
    """
    devices = available()
    if name == "auto":
        return devices[0]
    for device in devices:
        if name in (device.name, device.name.partition(":")[0]):
            return device
    names = ", ".join(device.name for device in devices)
    raise UserError(f"device '{name}' is not on this machine; choose auto or one of: {names}.")
