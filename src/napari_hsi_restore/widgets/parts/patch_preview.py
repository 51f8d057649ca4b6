"""A held-out patch side by side: noisy, by the start model, by the network as it is now."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from napari_hsi_restore.events import Snapshot
from napari_hsi_restore.plugin.snapshots import TITLES, PatchPictures, patch_pictures
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work

_SIDE = 130
_LEAST_SIDE = 70
EMPTY = "A patch that it never learns from appears here at the first check."


class PatchPreview(QWidget):
    """Shows the newest `Snapshot` of a job; a sentence until there is one.

    Parameters
    ----------
    before : str
        Name of what ``before`` is by, for a person.
    parent : QWidget, optional
    """

    def __init__(self, before: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles = {**TITLES, "before": before}
        self._shown: Snapshot | None = None
        self._busy = False
        self._pictures = {name: _Picture(title) for name, title in self._titles.items()}
        self._caption = QLabel(EMPTY)
        self._caption.setWordWrap(True)
        self._caption.setAccessibleName("Preview")
        layout = self._grid = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for column, (name, title) in enumerate(self._titles.items()):
            label = QLabel(title)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            layout.addWidget(self._pictures[name], 0, column)
            layout.addWidget(label, 1, column)
            self._pictures[name].label = label
        layout.addWidget(self._caption, 2, 0, 1, len(self._titles))
        self.forget()

    @property
    def shown(self) -> Snapshot | None:
        """What is shown."""
        return self._shown

    def forget(self) -> None:
        """Show nothing: it belongs to another job."""
        self._shown = None
        self._show({})
        self._caption.setText(EMPTY)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Read a snapshot in the background and show it, unless it is shown already."""
        if self._busy or snapshot == self._shown:
            return
        self._busy = True
        start_work(
            lambda found: self._take(snapshot, found), or_sentence, patch_pictures, snapshot.path
        )

    def _take(self, snapshot: Snapshot, found: PatchPictures | str) -> None:
        self._busy = False
        if isinstance(found, str):
            return  # The next one comes soon.
        self._shown = snapshot
        self._show(found.pictures)
        self._caption.setText(
            f"A patch that it never learns from, at step {snapshot.step} ({found.colours}; the "
            "same contrast in all)"
        )

    def _show(self, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
        for column, (name, picture) in enumerate(self._pictures.items()):
            picture.show_picture(pictures.get(name))
            self._grid.setColumnStretch(column, int(name in pictures))


class _Picture(QWidget):
    """One square picture."""

    label: QLabel | None = None

    def __init__(self, title: str) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setAccessibleName(f"Patch, {title}")
        self.setToolTip(f"Patch, {title}")
        self.setMinimumSize(_LEAST_SIDE, _LEAST_SIDE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(_SIDE, _SIDE)

    def show_picture(self, picture: npt.NDArray[np.uint8] | None) -> None:
        """Show a picture, uint8 (y, x, 3), or nothing."""
        self._image = None
        if picture is not None:
            height, width, _ = picture.shape
            pixels = np.ascontiguousarray(picture).tobytes()
            image = QImage(pixels, width, height, 3 * width, QImage.Format.Format_RGB888)
            # Qt does not keep the bytes; the copy does.
            self._image = image.copy()
        for part in (self, self.label):
            if part is not None:
                part.setVisible(picture is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent | Any) -> None:  # noqa: N802  (Qt's name)
        del event
        if self._image is None:
            return
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        painter = QPainter(self)
        painter.drawImage(QRectF(left, top, size.width(), size.height()), self._image)
        painter.end()
