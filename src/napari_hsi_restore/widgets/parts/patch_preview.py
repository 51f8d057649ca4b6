"""A held-out patch side by side: noisy, by the start model, by the network as it is now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from napari_hsi_restore.events import Snapshot
from napari_hsi_restore.plugin.snapshots import TITLES, PatchPictures, patch_pictures
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work

_HIGHEST = 150
_LEAST_WIDTH = 90
_ORDER = ("before", "now", "noisy", "reference")
"""What is to be compared stands side by side."""

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
        self._wanted: Snapshot | None = None
        self._busy = False
        self._pictures = {name: _Picture(title) for name, title in self._titles.items()}
        self._caption = QLabel(EMPTY)
        self._caption.setWordWrap(True)
        self._caption.setAccessibleName("Preview")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for place, name in enumerate(_ORDER):
            label = QLabel(self._titles[name])
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            row, column = divmod(place, 2)
            layout.addWidget(self._pictures[name], 2 * row, column)
            layout.addWidget(label, 2 * row + 1, column)
            layout.setColumnStretch(column, 1)
            self._pictures[name].label = label
        layout.addWidget(self._caption, 4, 0, 1, 2)
        self.forget()

    @property
    def shown(self) -> Snapshot | None:
        """What is shown."""
        return self._shown

    def forget(self) -> None:
        """Show nothing: it belongs to another job."""
        self._shown = self._wanted = None
        self._show({})
        self._caption.setText(EMPTY)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Read a snapshot in the background and show it, unless it is shown already."""
        self._wanted = snapshot
        if self._busy or snapshot == self._shown:
            return
        self._busy = True
        start_work(
            lambda found: self._take(snapshot, found), or_sentence, patch_pictures, snapshot.path
        )

    def _take(self, snapshot: Snapshot, found: PatchPictures | str) -> None:
        self._busy = False
        wanted = self._wanted
        if wanted is not None and wanted != snapshot:
            self.show_snapshot(wanted)
        if wanted is None or isinstance(found, str):
            return  # It belongs to another job, or the next one comes soon.
        self._shown = snapshot
        self._show(found.pictures)
        self._caption.setText(
            f"A patch that it never learns from, at step {snapshot.step} ({found.colours}; the "
            "same contrast in all)"
        )

    def _show(self, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
        for name, picture in self._pictures.items():
            picture.show_picture(pictures.get(name))


class _Picture(QWidget):
    """One picture, as high as its width asks for."""

    label: QLabel | None = None

    def __init__(self, title: str) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setAccessibleName(f"Patch, {title}")
        self.setToolTip(f"Patch, {title}")
        self.setMinimumWidth(_LEAST_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def _fit(self) -> None:
        if self._image is not None:
            wanted = round(self.width() * self._image.height() / self._image.width())
            # A layout inside a scrolling area does not ask for the height of a width.
            self.setFixedHeight(max(1, min(_HIGHEST, wanted)))

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._fit()

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
        self._fit()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        del event
        if self._image is None:
            return
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        painter = QPainter(self)
        painter.drawImage(QRectF(left, top, size.width(), size.height()), self._image)
        painter.end()
