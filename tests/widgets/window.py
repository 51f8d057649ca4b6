"""A real napari window: docks as a user opens them, the mouse on the canvas."""

from __future__ import annotations

from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit, QPushButton

from napari_hsi_restore.plugin.layers import cube_to_layer_data

PLUGIN = "napari-hsi-restore"
PATIENCE_MS = 300_000


def open_dock(viewer, name):
    """The dock as the Plugins menu opens it: with napari's proxy of the viewer."""
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    return dock


def add(viewer, cube, **options):
    [(data, known, _)] = cube_to_layer_data(cube)
    return viewer.add_image(data, **(known | options))


def button(dock, name):
    return next(b for b in dock.findChildren(QPushButton) if b.accessibleName() == name)


def press(qtbot, dock, name):
    qtbot.mouseClick(button(dock, name), Qt.MouseButton.LeftButton)


def named(dock, kind, name):
    return next(child for child in dock.findChildren(kind) if child.accessibleName() == name)


def message(dock):
    return named(dock, QLabel, "Message").text()


def settle(qtbot, viewer):
    """Let the canvas lay itself out, so that places on it are known."""
    viewer.reset_view()
    qtbot.wait(50)


def place(viewer, y, x):
    """Where a point of the world lies on the canvas, in pixels of the widget."""
    width, height = viewer.window._qt_viewer.canvas.size[::-1]
    camera = viewer.scene.camera
    dy, dx = y - camera.center[-2], x - camera.center[-1]
    return QPoint(round(width / 2 + dx * camera.zoom), round(height / 2 + dy * camera.zoom))


def move_mouse(qtbot, viewer, y, x, held=Qt.MouseButton.NoButton):
    _send(viewer, QEvent.Type.MouseMove, y, x, (Qt.MouseButton.NoButton, held))
    qtbot.wait(1)


def click_canvas(qtbot, viewer, y, x, modifiers=Qt.KeyboardModifier.NoModifier):
    left = Qt.MouseButton.LeftButton
    _send(viewer, QEvent.Type.MouseButtonPress, y, x, (left, left), modifiers)
    _send(viewer, QEvent.Type.MouseButtonRelease, y, x, (left, Qt.MouseButton.NoButton), modifiers)
    qtbot.wait(1)


def drag_canvas(qtbot, viewer, start, end):
    left = Qt.MouseButton.LeftButton
    move_mouse(qtbot, viewer, *start)
    _send(viewer, QEvent.Type.MouseButtonPress, *start, (left, left))
    middle = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
    for point in (middle, end):
        move_mouse(qtbot, viewer, *point, held=left)
    _send(viewer, QEvent.Type.MouseButtonRelease, *end, (left, Qt.MouseButton.NoButton))
    qtbot.wait(1)


def _send(viewer, kind, y, x, buttons, modifiers=Qt.KeyboardModifier.NoModifier):  # noqa: PLR0917
    # Sent to the canvas itself: a virtual display may merge or drop moves of its pointer.
    native = viewer.window._qt_viewer.canvas.native
    point = place(viewer, y, x)
    event = QMouseEvent(
        kind, QPointF(point), QPointF(native.mapToGlobal(point)), *buttons, modifiers
    )
    QApplication.sendEvent(native, event)


def in_save_dialog(path, accept=True):
    """Type a path into the file dialog as soon as it opens, then accept it."""

    def type_path():
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QFileDialog):
            QTimer.singleShot(20, type_path)
            return
        dialog.findChild(QLineEdit).setText(str(path))
        dialog.accept() if accept else dialog.reject()

    QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    QTimer.singleShot(20, type_path)


def complaints():
    """Sentences and tracebacks that napari has shown to the user."""
    bad = ("warning", "error")
    return [note.message for note in notification_manager.records if str(note.severity) in bad]
