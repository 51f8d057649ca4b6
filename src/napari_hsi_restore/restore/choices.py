"""What can be chosen to denoise with: networks, and methods that look at one cube."""

from __future__ import annotations

import dataclasses
from typing import Literal

from napari_hsi_restore.classical.catalog import METHODS
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.zoo.records import list_models


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to denoise a cube.

    Attributes
    ----------
    name : str
        What `DenoiseRecipe.model` is set to.
    purpose : str
        One line for a list of choices.
    kind : {'network', 'method'}
        A network works in tiles; a method looks at the whole cube.
    whole_image : bool
        Whether it needs the whole image in memory at once; else it works in tiles, on
        cubes of any size.
    fills : bool
        Whether it fills what is missing or hidden.
    min_bands : int
        Fewest bands that it takes.
    networks : tuple of str
        Names of the trained networks that a method needs; of a network none.
    bundled : bool
        False for a user's own model.
    """

    name: str
    purpose: str
    kind: Literal["network", "method"]
    whole_image: bool
    fills: bool = False
    min_bands: int = 1
    networks: tuple[str, ...] = ()
    bundled: bool = True


def methods() -> tuple[Choice, ...]:
    """The methods, in the order of their catalog."""
    return tuple(
        Choice(
            method.name,
            method.purpose,
            "method",
            whole_image=method.extent == "image",
            fills=method.fills,
            networks=method.networks,
        )
        for method in METHODS
    )


def denoisers() -> tuple[Choice, ...]:
    """Everything that `DenoiseRecipe.model` may name beside ``"auto"``.

    Returns
    -------
    tuple of Choice
        The networks, the bundled ones first, then the methods. A
        user's model that is named like a method is left out.

    Raises
    ------
    UserError
        If a record of the user's folder is damaged.
    """
    networks = tuple(
        Choice(
            record.name,
            record.purpose,
            "network",
            whole_image=False,
            min_bands=record.min_bands,
            bundled=record.bundled,
        )
        for record in list_models("denoise")
        if not is_method(record.name)
    )
    return networks + methods()


def is_method(name: str) -> bool:
    """Whether a name is that of a method."""
    return any(method.name == name for method in METHODS)


def filling() -> tuple[str, ...]:
    """Names of the methods that fill what is missing."""
    return tuple(method.name for method in METHODS if method.fills)


def check_name(name: str) -> None:
    """Refuse a name that is neither a model's nor a method's.

    Raises
    ------
    UserError
        Its sentence lists the choices.
    """
    if any(record.name == name for record in list_models()):
        return
    names = ", ".join(choice.name for choice in denoisers())
    raise UserError(f"model '{name}' is not known; choose auto or one of: {names}.")
