"""Names for new models that a user need not type."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST = 40


def propose_name(begin: str, cube: str, taken: Sequence[str]) -> str:
    """A free name made of two others.

    Parameters
    ----------
    begin : str
        What the name begins with, such as the start model's.
    cube : str
        Name of a cube; what a model's name cannot have is left out.
    taken : sequence of str
        Names that are not free; upper and lower case count as the same.
    """
    words = re.sub(r"[^A-Za-z0-9]+", "-", cube.split("[", maxsplit=1)[0]).strip("-")
    base = "-".join(part for part in (begin, words) if part)[:_LONGEST].rstrip("-._") or "my-model"
    known = {name.casefold() for name in taken}
    name, number = base, 2
    while name.casefold() in known:
        name, number = f"{base}-{number}", number + 1
    return name
