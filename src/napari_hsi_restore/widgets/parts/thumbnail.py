"""A small picture of a cube, as large as there is room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

_ARM_PX = 7.0


class Thumbnail(QWidget):
    """Shows a picture with a cross on its middle."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self.setAccessibleName("Thumbnail")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(110)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Prefer the height of a large icon."""
        return QSize(240, 190)

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture to see."""
        return self._image is not None

    def set_picture(self, picture: npt.NDArray[np.uint8] | None, title: str = "") -> None:
        """Show a picture, uint8 (y, x, 3); None shows nothing."""
        self._image = None
        if picture is not None:
            height, width, _ = picture.shape
            pixels = np.ascontiguousarray(picture)
            image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
            # Qt does not keep the bytes; the copy does.
            self._image = image.copy()
        self.setToolTip(title)
        self.setAccessibleDescription(title)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Draw the picture undistorted in the middle, and the cross."""
        del event
        if self._image is None:
            return
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        painter = QPainter(self)
        # Single pixels of a small cube stay sharp.
        smooth = size.width() < self._image.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(QRectF(left, top, size.width(), size.height()), self._image)
        middle = QPointF(self.width() / 2, self.height() / 2)
        for color, width in ((QColor("black"), 3.0), (QColor("white"), 1.2)):
            painter.setPen(QPen(color, width))
            for arm in (QPointF(_ARM_PX, 0), QPointF(0, _ARM_PX)):
                painter.drawLine(middle - arm, middle + arm)
        painter.end()
