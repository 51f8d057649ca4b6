"""The demo: napari on the generated scene with the three docks, driven like a user drives them.

Without a display the same happens on a virtual one, which leaves screenshots and scores.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.system_libraries import ensure, has_display
from napari_hsi_restore.virtual_display import virtual_display

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QPushButton, QWidget

PLUGIN = "napari-hsi-restore"
DOCKS = ("Inspect", "Restore", "Compare")
STEPS = ("inspect", "restore", "compare", "superres")
THEMES = ("dark", "light")
WINDOW_SIZE = (1600, 900)
DEFAULT_OUT = Path("demo-output")

_RUN_SECONDS = 900.0
_STEP_SECONDS = 120.0
_HEARTBEAT_MS = 250
# Water, a yellow and a blue ball; the cursor is on a patch of colour.
_PIXELS = ((60, 60), (125, 54), (134, 80))
_CURSOR = (175, 77)


def run(out: Path | None = None, *, quiet: bool = False) -> None:
    """Show the demo.

    Parameters
    ----------
    out : Path or None
        Folder for screenshots and scores. None saves nothing where there is a display,
        and takes ``demo-output`` where there is none.
    quiet : bool
        Say nothing on standard error.

    Raises
    ------
    UserError
        If system libraries or a Qt binding are missing, the folder cannot be written, or the
        denoising fails.
    """
    display = has_display()
    folder = out if display or out is not None else DEFAULT_OUT
    if folder is not None:
        _make(folder)
    ensure(virtual_display=not display)
    _need_qt()
    with _default_settings():
        if display:
            _show(folder, quiet)
            return
        assert folder is not None
        with virtual_display():
            _say("No display was found: the demo runs on a virtual one.", quiet)
            viewer, docks = _open_window()
            try:
                _do_main_job(viewer, docks, folder, quiet)
            finally:
                viewer.close()


@contextmanager
def _default_settings() -> Iterator[None]:
    """Neither take nor change the settings that the user has made in napari (on Linux)."""
    before = os.environ.get("XDG_CONFIG_HOME")
    with tempfile.TemporaryDirectory(prefix="napari-hsi-restore-") as folder:
        os.environ["XDG_CONFIG_HOME"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["XDG_CONFIG_HOME"]
            else:
                os.environ["XDG_CONFIG_HOME"] = before


def _show(folder: Path | None, quiet: bool) -> None:
    import napari

    viewer, docks = _open_window()
    if folder is not None:
        _do_main_job(viewer, docks, folder, quiet)
    with _quits_when_terminated():
        napari.run()


@contextmanager
def _quits_when_terminated() -> Iterator[None]:
    """Leave napari's event loop, and with it the child process, on SIGTERM."""
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    def leave(number: int, frame: FrameType | None) -> None:
        QApplication.quit()

    before = signal.signal(signal.SIGTERM, leave)
    # Python sees a signal only when it runs: an idle window would never let it.
    heartbeat = QTimer()
    heartbeat.timeout.connect(lambda: None)
    heartbeat.start(_HEARTBEAT_MS)
    try:
        yield
    finally:
        heartbeat.stop()
        signal.signal(signal.SIGTERM, before)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder}: this folder cannot be made ({error.strerror}); choose another with --out."
        ) from None


def _need_qt() -> None:
    try:
        import qtpy.QtWidgets  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"napari's windows need a Qt binding ({error}); install one with: python -m pip "
            'install "napari-hsi-restore[all]"'
        ) from None


def _open_window() -> tuple[Viewer, dict[str, Any]]:
    """A napari window on the clean and the noisy scene, with the docks by name."""
    import napari

    viewer = napari.Viewer(title="napari-hsi-restore demo")
    viewer.window.resize(*WINDOW_SIZE)
    for sample in ("demo_clean", "demo_noisy"):
        viewer.open_sample(PLUGIN, sample)
    docks: dict[str, Any] = {}
    for name in DOCKS:
        _, docks[name] = viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=bool(docks))
    return viewer, docks


def _do_main_job(viewer: Viewer, docks: dict[str, Any], folder: Path, quiet: bool) -> None:
    """Inspect, restore and compare the noisy scene, and enlarge a coarse one; a picture of each."""
    clean, noisy = viewer.layers[0], viewer.layers[1]
    before = _inspect(viewer, docks["Inspect"], noisy)
    _photograph(viewer, folder / STEPS[0], quiet)
    result = _restore(viewer, docks["Restore"], noisy, quiet)
    after = _true_colour(viewer, docks["Inspect"], result)
    _show_only(viewer, before, after)
    _bring_up(viewer, docks["Restore"])
    viewer.layers.selection.active = noisy
    _photograph(viewer, folder / STEPS[1], quiet)
    _compare(viewer, docks["Compare"], clean, (noisy, result))
    _photograph(viewer, folder / STEPS[2], quiet)
    table = _save_scores(clean, (noisy, result), folder)
    coarse, fine = _superres(viewer, docks["Restore"], quiet)
    _show_only(viewer, *(_true_colour(viewer, docks["Inspect"], cube) for cube in (coarse, fine)))
    _bring_up(viewer, docks["Restore"])
    viewer.layers.selection.active = coarse
    _photograph(viewer, folder / STEPS[3], quiet)
    if not quiet:
        print(table)


def _inspect(viewer: Viewer, dock: Any, noisy: Image) -> Image:
    """Show the noisy scene in colour with some spectra; return the picture."""
    picture = _true_colour(viewer, dock, noisy)
    _show_only(viewer, noisy, picture)
    for row, column in _PIXELS:
        dock.pin_pixel(row, column)
    dock.probe(*_CURSOR)
    _wait(lambda: len(dock.curves) > len(_PIXELS), "the spectra")
    viewer.reset_view()
    return picture


def _true_colour(viewer: Viewer, dock: Any, layer: Image) -> Image:
    """Press True colour for a cube and return the picture that it adds."""
    _bring_up(viewer, dock)
    viewer.layers.selection.active = layer
    dock.inspect_layer(layer)
    before = list(viewer.layers)
    _click(dock, "True colour")

    def added() -> list[Image]:
        return [picture for picture in _images(viewer) if picture.rgb and picture not in before]

    _wait(lambda: bool(added()), "the true-colour picture")
    [picture] = added()
    return picture


def _restore(viewer: Viewer, dock: Any, noisy: Image, quiet: bool) -> Image:
    """Estimate the noise and run; return the result."""
    _bring_up(viewer, dock)
    viewer.layers.selection.active = noisy
    _click(dock, "Estimate noise")
    _wait(lambda: not dock.runs.status.busy, "the noise estimate")
    return _run(viewer, dock, "the denoising", quiet)


def _superres(viewer: Viewer, dock: Any, quiet: bool) -> tuple[Image, Image]:
    """Open the scene with half the pixels and enlarge it; return both."""
    viewer.open_sample(PLUGIN, "demo_low_resolution")
    [coarse] = [layer for layer in _images(viewer) if layer.name.endswith("x2)")]
    _bring_up(viewer, dock)
    viewer.layers.selection.active = coarse
    _choose(dock, "Task", "Super-resolve ×2")
    return coarse, _run(viewer, dock, "the enlarging", quiet)


def _run(viewer: Viewer, dock: Any, what: str, quiet: bool) -> Image:
    """Press Run in the Restore dock and wait; return the result."""
    before = set(viewer.layers)
    _click(dock, "Run")
    shown = -1

    def finished() -> bool:
        nonlocal shown
        status = dock.runs.status
        tenth = int(10 * (status.fraction or 0))
        if status.busy and tenth > shown:
            shown = tenth
            _say(f"{status.text} {status.remaining}", quiet)
        return not status.busy

    _wait(finished, what, _RUN_SECONDS)
    added = [layer for layer in _images(viewer) if layer not in before]
    if not added:
        raise UserError(f"{what.capitalize()} failed: {dock.runs.status.text}")
    return added[-1]


def _compare(viewer: Viewer, dock: Any, clean: Image, results: tuple[Image, ...]) -> None:
    """Compute the scores and one map of the errors, and show all side by side."""
    _bring_up(viewer, dock)
    dock.choose_reference(clean)
    dock.choose_results(list(results))
    _click(dock, "Compute scores")
    # Its button cannot be pressed while scores are computed.
    _wait(_button(dock, "Compute scores").isEnabled, "the scores")
    before = list(viewer.layers)

    def maps() -> list[Image]:
        return [layer for layer in _images(viewer) if layer not in before]

    _click(dock, "Error map")
    _wait(lambda: len(maps()) >= len(results), "the error maps")
    # Maps come as they are ready: the one of the last result is looked for by its name.
    last = [layer for layer in maps() if layer.name.startswith(results[-1].name)]
    _show_only(viewer, clean, *results, *last)
    _check(dock, "Side by side")
    viewer.dims.set_current_step(0, clean.data.shape[0] // 2)
    dock.probe((0, *_CURSOR))
    _let_pass(0.5)


def _show_only(viewer: Viewer, *shown: Image) -> None:
    """Show these layers, beside each other where there are several cubes or pictures."""
    for layer in viewer.layers:
        layer.visible = layer in shown
    cube_below_its_picture = len(shown) == 2 and shown[1].rgb and not shown[0].rgb
    viewer.canvas.grid.enabled = len(shown) > 1 and not cube_below_its_picture
    _let_pass(0.2)
    viewer.reset_view()


def _images(viewer: Viewer) -> list[Image]:
    from napari.layers import Image

    return [layer for layer in viewer.layers if isinstance(layer, Image)]


def _bring_up(viewer: Viewer, dock: QWidget) -> None:
    """Bring a tabbed dock to the front."""
    from qtpy.QtWidgets import QDockWidget

    frame: Any = dock
    while frame is not None and not isinstance(frame, QDockWidget):
        frame = frame.parent()
    if frame is not None:
        frame.show()
        frame.raise_()
    _let_pass(0.3)


def _click(dock: QWidget, name: str) -> None:
    """Press a button as the user does, once it can be pressed."""
    button = _button(dock, name)
    _wait(button.isEnabled, f"the button {name}")
    button.click()


def _button(dock: QWidget, name: str) -> QPushButton:
    """The button that a screen reader calls by this name."""
    from qtpy.QtWidgets import QPushButton

    for button in dock.findChildren(QPushButton):
        if button.accessibleName() == name:
            return button
    raise RuntimeError(f"no button {name!r} in {type(dock).__name__}")


def _choose(dock: QWidget, name: str, text: str) -> None:
    """Choose an entry of the list that a screen reader calls by this name."""
    from qtpy.QtWidgets import QComboBox

    for box in dock.findChildren(QComboBox):
        if box.accessibleName() == name:
            box.setCurrentText(text)


def _check(dock: QWidget, text: str) -> None:
    """Tick a box as the user does."""
    from qtpy.QtWidgets import QCheckBox

    for box in dock.findChildren(QCheckBox):
        if box.text().replace("&", "") == text:
            box.setChecked(True)


def _wait(until: Callable[[], bool], what: str, seconds: float = _STEP_SECONDS) -> None:
    """Let napari work until something has happened."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise UserError(f"The demo waited {seconds:.0f} s in vain for {what}; try again.")
        QApplication.processEvents()
        time.sleep(0.01)


def _let_pass(seconds: float) -> None:
    """Let napari work for a while: layouts and slices settle."""
    end = time.monotonic() + seconds
    _wait(lambda: time.monotonic() > end, "nothing", seconds + _STEP_SECONDS)


def _photograph(viewer: Viewer, stem: Path, quiet: bool) -> None:
    """Save the window in both themes, and leave the theme as it was."""
    before = viewer.theme
    try:
        for theme in THEMES:
            viewer.theme = theme
            _let_pass(0.8)
            path = stem.with_name(f"{stem.name}-{theme}.png")
            viewer.screenshot(str(path), canvas_only=False, flash=False)
            _say(f"Saved {path}", quiet)
    except OSError as error:
        raise UserError(f"{stem.parent}: cannot be written ({error.strerror}).") from None
    finally:
        viewer.theme = before


def _save_scores(clean: Image, results: tuple[Image, ...], folder: Path) -> str:
    """Write metrics.json and metrics.md; the table is what a person reads."""
    from napari_hsi_restore.answers import scores_json, scores_markdown, scores_text
    from napari_hsi_restore.metrics import compare_cubes
    from napari_hsi_restore.plugin.layers import layer_to_cube

    truth = layer_to_cube(clean)
    rows = [
        scores_json(layer.name, compare_cubes(truth, layer_to_cube(layer))) for layer in results
    ]
    text = f"# Scores against {clean.name}\n\n{scores_markdown(rows)}"
    for name, content in (("metrics.json", json.dumps(rows, indent=1)), ("metrics.md", text)):
        try:
            (folder / name).write_text(content, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{folder / name}: cannot be written ({error.strerror}).") from None
    return scores_text(rows)


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        print(text, file=sys.stderr, flush=True)
