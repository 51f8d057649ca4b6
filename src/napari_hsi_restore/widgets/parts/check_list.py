"""A list of named things of which any number can be ticked."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QSizePolicy, QWidget

from napari_hsi_restore.widgets.parts.theme import plot_colors

_SQUARE_PX = 10


class CheckList(QListWidget):
    """A list with a tick box a line.

    Signals
    -------
    choice_requested(list)
        The ticked entries, after the user changed a tick.
    """

    choice_requested = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[object] = []
        self.itemChanged.connect(self._on_changed)
        self.setSpacing(1)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Be as high as the entries, from two to four lines."""
        line = max(self.sizeHintForRow(0), self.fontMetrics().height() + 4) + 2
        return QSize(200, line * min(max(self.count(), 2), 4) + 2 * self.frameWidth() + 4)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Be as high as preferred."""
        return QSize(80, self.sizeHint().height())

    @property
    def entries(self) -> list[object]:
        """All entries, from the top."""
        return list(self._entries)

    @property
    def ticked(self) -> list[object]:
        """The ticked entries, from the top."""
        return [
            entry
            for row, entry in enumerate(self._entries)
            if (item := self.item(row)) is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def set_entries(
        self,
        entries: Sequence[tuple[str, object]],
        ticked: Sequence[object],
        colors: Sequence[str | None] = (),
    ) -> None:
        """Show these entries, some of them ticked, without a signal.

        Parameters
        ----------
        entries : sequence of (name, entry)
        ticked : sequence
            Entries.
        colors : sequence of str or None
            ``"#rrggbb"`` of a square beside each entry, where there is one.
        """
        with QSignalBlocker(self):
            self.clear()
            self._entries = [entry for _, entry in entries]
            for name, entry in entries:
                item = QListWidgetItem(name, self)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                on = entry in ticked
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                item.setToolTip(name)
        self.set_colors(colors)
        self.updateGeometry()

    def set_theme(self, theme: str) -> None:
        """Draw the tick boxes as napari draws its own, which it does not do for lists."""
        colors = plot_colors(theme)
        self.setStyleSheet(
            "QListView::indicator { width: 12px; height: 12px; border-radius: 2px;"
            f" border: 1px solid {colors.text}; background: {colors.background}; }}"
            f"QListView::indicator:checked {{ background: {colors.highlight};"
            f' image: url("theme_{theme}:/check.svg"); }}'
        )

    def set_colors(self, colors: Sequence[str | None]) -> None:
        """Show a coloured square beside each entry, or none."""
        with QSignalBlocker(self):
            for row in range(self.count()):
                color = colors[row] if row < len(colors) else None
                item = self.item(row)
                if item is not None:
                    item.setIcon(square_icon(color or "transparent"))

    def _on_changed(self, item: QListWidgetItem) -> None:
        self.choice_requested.emit(self.ticked)


def square_icon(color: str) -> QIcon:
    """Make a small square of one colour, the sign of a curve."""
    picture = QPixmap(_SQUARE_PX, _SQUARE_PX)
    picture.fill(QColor(color))
    return QIcon(picture)
