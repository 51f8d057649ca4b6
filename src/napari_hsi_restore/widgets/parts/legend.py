"""Names of curves in their colours, above a plot rather than over its curves."""

from __future__ import annotations

import html
from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QWidget

from napari_hsi_restore.plugin.spectra import Curve

_SIGNS = {"solid": "■", "dash": "▬&nbsp;▬", "dot": "▪▪▪", "dash-dot": "▬▪▬"}
_MOST = 16
"""More names than that would leave no room for the plot."""


class Legend(QLabel):
    """One coloured sign of its line and name a curve, in as many lines as they need.

    Parameters
    ----------
    parent : QWidget, optional
    longest : int
        Letters of a name; of a longer one the middle is left out, for it would widen a dock.

    Signals
    -------
    removal_requested(object)
        The `mark` of a curve whose cross was clicked.
    """

    removal_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None, longest: int = 40) -> None:
        super().__init__(parent)
        self._longest = longest
        self._curves: tuple[Curve, ...] = ()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setAccessibleName("Legend")
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.linkActivated.connect(self._on_link)

    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Name these curves."""
        self._curves = tuple(curves)
        entries = [self._entry(place, curve) for place, curve in enumerate(curves[:_MOST])]
        if len(curves) > _MOST:
            entries.append(f"and {len(curves) - _MOST} more")
        text = " &nbsp; ".join(entries)
        if text != self.text():
            self.setText(text)

    def _on_link(self, place: str) -> None:
        self.removal_requested.emit(self._curves[int(place)].mark)

    def _entry(self, place: int, curve: Curve) -> str:
        # No break inside one entry.
        label = curve.label
        if len(label) > self._longest:
            # The joiners keep Qt from breaking the line there.
            joined = "\u2060…\u2060"
            label = f"{label[: self._longest // 2]}{joined}{label[-self._longest // 2 + 1 :]}"
        name = html.escape(label).replace(" ", "&nbsp;")
        entry = f'<span style="color:{curve.color}">{_SIGNS[curve.style]}</span>&nbsp;{name}'
        if curve.mark is not None:
            style = f"color:{curve.color}; text-decoration:none"
            entry += f'&nbsp;<a href="{place}" title="Remove" style="{style}">✕</a>'
        return entry
