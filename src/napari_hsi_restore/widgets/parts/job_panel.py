"""Buttons to start and cancel, a progress bar, and one line on how things stand."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_hsi_restore.widgets.parts.runs import Status

_STEPS = 1000
FEW_LINES, MANY_LINES = 4, 8
"""Lines of the status that there is always room for, so that the buttons stay in place."""


class JobPanel(QWidget):
    """Emits what the user asks for and shows what a `Runs` reports."""

    preview_requested = Signal()
    run_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.preview = _button("Preview", "Restore only the part of the cube that is in view")
        self.run = _button("Run", "Restore the whole cube; the result becomes a new layer")
        self.cancel = _button("Cancel", "Stop what is running; nothing is added")
        self.preview.clicked.connect(self.preview_requested)
        self.run.clicked.connect(self.run_requested)
        self.cancel.clicked.connect(self.cancel_requested)
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(True)
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keep)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setAccessibleName("Status")
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.status.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.reserve(FEW_LINES)
        buttons = QHBoxLayout()
        for button in (self.preview, self.run, self.cancel):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        self._can_start = False
        self.show_status(Status())

    def set_colors(self, text: str, highlight: str) -> None:
        """Make Run stand out, in the colours of a theme.

        Parameters
        ----------
        text, highlight : str
            Colour names as Qt takes them.
        """
        self.run.setStyleSheet(
            f"QPushButton:enabled {{ background: {highlight}; color: {text}; font-weight: bold; }}"
        )

    def reserve(self, lines: int) -> None:
        """Keep room for so many lines of status."""
        self.status.setMinimumHeight(lines * self.status.fontMetrics().lineSpacing())

    def set_can_start(self, can_start: bool) -> None:
        """Say whether there is something to restore."""
        self._can_start = can_start
        self.preview.setEnabled(can_start)
        self.run.setEnabled(can_start)

    def show_status(self, status: Status) -> None:
        """Show how things stand."""
        self.cancel.setEnabled(status.busy)
        self.bar.setVisible(status.busy)
        if status.busy and status.fraction is None:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(round(_STEPS * (status.fraction or 0.0)))
        self.bar.setFormat(status.remaining or ("%p %" if status.busy else ""))
        self.status.setText(status.text)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAccessibleName(text)
    return button
