"""Colours of plots that follow napari's theme."""

from __future__ import annotations

import dataclasses

from napari.utils.theme import get_theme


@dataclasses.dataclass(frozen=True)
class PlotColors:
    """Colours as ``"#rrggbb"``.

    Attributes
    ----------
    background, text : str
    accent : str
        For the curve under the cursor and the marker of the band.
    shade : str
        For stretches without good data.
    highlight : str
        Background of what stands out in a table.
    """

    background: str
    text: str
    accent: str
    shade: str
    highlight: str


def plot_colors(theme: str) -> PlotColors:
    """Colours that suit a theme of napari.

    Parameters
    ----------
    theme : str
        As in ``viewer.theme``.
    """
    chosen = get_theme(theme)

    def hexadecimal(name: str) -> str:
        return str(getattr(chosen, name).as_hex("long"))[:7]

    return PlotColors(
        background=hexadecimal("background"),
        text=hexadecimal("text"),
        accent=hexadecimal("text"),
        shade=hexadecimal("primary"),
        highlight=hexadecimal("current"),
    )
