"""Ways to look at a spectrum: as it is, without its continuum, as a slope, without brightness."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.spectra import Curve
from napari_hsi_restore.spectra import first_derivative, remove_continuum

ViewName = Literal["spectrum", "continuum-removed", "derivative", "normalised"]


@dataclasses.dataclass(frozen=True)
class CurveView:
    """One way to look at curves.

    Attributes
    ----------
    name, title : str
        For code, and for people.
    purpose : str
        One sentence.
    """

    name: ViewName
    title: str
    purpose: str


VIEWS = (
    CurveView("spectrum", "Spectrum", "The values as they were measured."),
    CurveView(
        "continuum-removed",
        "Continuum removed",
        "Divided by the hull over the spectrum: absorptions alone, 1 where nothing absorbs.",
    ),
    CurveView(
        "derivative",
        "First derivative",
        "Slope over wavelength: shows edges and shoulders, and makes noise larger.",
    ),
    CurveView(
        "normalised",
        "Divided by its mean",
        "Each curve divided by its mean over the good bands: shapes without brightness.",
    ),
)


def viewed(curve: Curve, view: CurveView) -> Curve:
    """Look at a curve in some way.

    Parameters
    ----------
    curve : Curve
    view : CurveView

    Returns
    -------
    Curve
        Computed from the good bands alone, so bad bands are NaN (but in the plain view). The
        spread of a region is kept where it still is one: not without its continuum, and not
        as a slope.
    """
    if view.name == "spectrum":
        return curve
    axis = curve.axis
    values = np.where(axis.good, curve.values, np.nan)
    spread = None
    if view.name == "continuum-removed":
        values = remove_continuum(axis.positions, values)
    elif view.name == "derivative":
        values = first_derivative(axis.positions, values)
    else:
        known = values[np.isfinite(values)]
        mean = float(known.mean()) if known.size else np.nan
        # Around 0 a mean is no brightness.
        mean = mean if mean > 0 else np.nan
        values = values / mean
        spread = None if curve.spread is None else curve.spread / mean
    return dataclasses.replace(curve, values=values, spread=spread)


def named_after(curve: Curve, view: CurveView) -> Curve:
    """Say the view of a curve in its label, for a table that has no title."""
    if view.name == "spectrum":
        return curve
    return dataclasses.replace(curve, label=f"{curve.label}, {view.title.lower()}")


def view_title(view: CurveView, values: str, axis: BandAxis) -> str:
    """Name the values of a view for an axis, such as "Reflectance per nm".

    Parameters
    ----------
    view : CurveView
    values : str
        What the curves show as they are, such as "Reflectance".
    axis : BandAxis
    """
    if view.name == "spectrum":
        return values
    if view.name == "derivative":
        return f"{values} per nm" if axis.in_nm else f"{values} per band"
    return f"{values}, {view.title.lower()}"
