"""The dock *Open*: a file, what it leaves open, and how it then looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari.viewer
from qtpy.QtCore import QSettings, QTimer
from qtpy.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_hsi_restore.io.choices import Answers
from napari_hsi_restore.io.remembered import Memory, signature
from napari_hsi_restore.plugin.composites import COMPOSITES, allows
from napari_hsi_restore.plugin.docks import offer_inspect
from napari_hsi_restore.plugin.first_look import FirstLook, Refusal, first_look
from napari_hsi_restore.plugin.layers import METADATA_KEY, cube_to_layer_data
from napari_hsi_restore.plugin.spectra import Curve, value_title
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work
from napari_hsi_restore.widgets.parts.column import Column
from napari_hsi_restore.widgets.parts.dock import Dock
from napari_hsi_restore.widgets.parts.open_form import QUESTIONS, OpenForm
from napari_hsi_restore.widgets.parts.spectrum_plot import SpectrumPlot
from napari_hsi_restore.widgets.parts.theme import plot_colors
from napari_hsi_restore.widgets.parts.thumbnail import Thumbnail
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

_SETTLE_MS = 150
"""The file is read when the answers have rested so long."""

_LEAST_PICTURE_PX, _LEAST_PLOT_PX, _LEAST_WIDTH_PX = 140, 170, 320

MEMORY = "Filled in as you said it for the last file alike (same format, sizes and names)."
HELP = "Choose a file or a folder; what it leaves open can be said here before it is opened."


class OpenWidget(Dock):
    """Shows a file as it would be opened, and opens it as a layer.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    # Spelled in full: napari looks for this very annotation.
    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._look: FirstLook | None = None
        self._asked = 0
        self._busy = False
        self._alike: str | None = None
        self._from_memory = False
        self._settings = QSettings(
            QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-hsi-restore", "open"
        )
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._read)
        self._build()
        self._enter()
        self._forget(HELP)

    def _build(self) -> None:
        self.form = OpenForm()
        self.form.path_requested.connect(self.choose_file)
        self.form.changed.connect(self._read_soon)
        self._thumbnail = Thumbnail()
        self._caption = wrapping_label("Picture", self)
        self._plot = SpectrumPlot()
        self._plot.setToolTip("Spectrum of the pixel in the middle, marked by the cross")
        self._message = wrapping_label("Message", self)
        self._memory_note = wrapping_label("Remembered", self)
        self._forget_button = QPushButton("&Forget this")
        self._forget_button.setAccessibleName("Forget this")
        self._forget_button.setToolTip("Look at this file without what was said about others alike")
        self._forget_button.clicked.connect(self._forget_answers)
        self._show_memory(False)
        self._summary = wrapping_label("Summary", self)
        self._button = QPushButton("&Open")
        self._button.setAccessibleName("Open")
        self._button.setToolTip("Add the cube as a layer, as it is shown here")
        self._button.clicked.connect(self._open)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.form)
        inner.addWidget(self._memory_note)
        inner.addWidget(self._forget_button)
        inner.addWidget(self._message)
        inner.addWidget(self._summary)
        inner.addWidget(self._thumbnail, 1)
        inner.addWidget(self._caption)
        inner.addWidget(self._plot, 1)
        inner.addStretch()
        for part, height in ((self._thumbnail, _LEAST_PICTURE_PX), (self._plot, _LEAST_PLOT_PX)):
            # Their wishes would make the form scroll where they could as well be lower.
            part.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
            part.setMinimumHeight(height)
        inner.addStrut(_LEAST_WIDTH_PX)
        layout = QVBoxLayout(self)
        layout.addWidget(Column(content), 1)
        layout.addWidget(self._button)

    def _rest(self) -> None:
        self.form.set_path(None)
        self._forget(HELP)

    def _on_theme(self) -> None:
        self._colors = plot_colors(self._viewer.theme)
        self._plot.set_colors(self._colors)
        self._show_spectrum()

    # Reading -----------------------------------------------------------------

    def choose_file(self, path: Path | str | None, key: str | None = None) -> None:
        """Look at a file; None, or an empty path, looks at nothing."""
        chosen = Path(path) if path else None
        self._alike = None
        self._show_memory(False)
        self.form.set_path(chosen, key)
        self._forget("Reading…" if chosen is not None else HELP)
        if chosen is not None:
            self._read()

    def _forget(self, message: str) -> None:
        """Show nothing, and take no answer that is still under way."""
        self._asked += 1
        self._settle.stop()
        self._show(None)
        self._message.setText(message)

    def _read_soon(self) -> None:
        if self.form.path is None:
            return
        # What is shown stays until there is something else, but is not opened any more.
        self._asked += 1
        self._look = None
        self._button.setEnabled(False)
        self._message.setText("Reading…")
        self._settle.start()

    def _read(self) -> None:
        path = self.form.path
        if path is None:
            return
        if self.form.missing:
            self._forget(self.form.missing)
            return
        if self._busy:
            return  # The answer that is under way asks again.
        self._busy = True
        asked = self._asked
        start_work(lambda look: self._on_look(asked, look), first_look, path, self.form.answers)

    def _on_look(self, asked: int, look: FirstLook | Refusal) -> None:
        self._busy = False
        if asked != self._asked:
            if not self._settle.isActive():
                self._read()
            return
        seen = look if isinstance(look, FirstLook) else None
        self.form.show_choices(
            look.choices,
            seen.key if seen is not None else None,
            seen.cube.n_bands if seen is not None else None,
        )
        if look.choices is not None and self._alike is None:
            # The first look is at the file as it is, so that files alike are recognised.
            self._alike = signature(look.choices, seen.cube.shape if seen is not None else None)
            if self._recall():
                return
        if self._from_memory and isinstance(look, Refusal) and look.question is None:
            self._reset_answers()
            return
        if isinstance(look, Refusal):
            self._show(None)
            self._message.setText(QUESTIONS[look.question] if look.question else look.sentence)
            return
        self._show(look)
        self._message.setText(
            f"Guessed, so please check: {' '.join(look.guesses)}"
            if look.guesses
            else "Nothing had to be guessed."
        )

    # Remembering -------------------------------------------------------------

    @property
    def _memory(self) -> Memory:
        return Memory.load(str(self._settings.value("said", "")))

    def _keep(self, memory: Memory) -> None:
        self._settings.setValue("said", memory.text)

    def _recall(self) -> bool:
        """Fill in what was said about files alike; whether there was anything."""
        assert self._alike is not None
        known = self._memory.about(self._alike)
        if known is None or self.form.answers != Answers():
            return False
        self.form.set_answers(known)
        self._show_memory(True)
        self._read()
        return True

    def _show_memory(self, on: bool) -> None:
        self._from_memory = on
        self._memory_note.setText(MEMORY if on else "")
        self._memory_note.setVisible(on)
        self._forget_button.setVisible(on)

    def _forget_answers(self) -> None:
        if self._alike is not None:
            self._keep(self._memory.without(self._alike))
        self._reset_answers()

    def _reset_answers(self) -> None:
        """Look at the file anew, as if nothing had been said."""
        self._show_memory(False)
        self.form.set_answers(Answers())
        self._read_soon()

    def _show(self, look: FirstLook | None) -> None:
        self._look = look
        self._button.setEnabled(look is not None)
        self._summary.setText(look.summary if look is not None else "")
        self._caption.setText("")
        for part in (self._summary, self._caption, self._thumbnail, self._plot):
            part.setVisible(look is not None)
        if look is None:
            self._thumbnail.set_picture(None)
            self._plot.set_axis(None)
            return
        self._thumbnail.set_picture(look.picture, look.title)
        where = f"spectrum of row {look.row}, column {look.column}"
        self._caption.setText(f"{look.title}; below, the {where} (cross)")
        self._plot.set_axis(look.axis, value_title(look.cube))
        self._show_spectrum()

    def _show_spectrum(self) -> None:
        look = self._look
        if look is None:
            return
        self._plot.set_curves([Curve("middle", look.axis, look.spectrum, self._colors.accent)])
        self._plot.set_message("" if look.has_spectrum else "This pixel holds no data")

    # Opening -----------------------------------------------------------------

    def _open(self) -> None:
        look = self._look
        if look is None:
            return
        asked = self._asked
        self._button.setEnabled(False)
        self._message.setText("Opening…")
        start_work(
            lambda layers: self._on_layers(asked, look, layers),
            or_sentence,
            cube_to_layer_data,
            look.cube,
        )

    def _on_layers(self, asked: int, look: FirstLook, layers: Any) -> None:
        if asked != self._asked:
            return
        self._button.setEnabled(True)
        if isinstance(layers, str):
            self._message.setText(layers)
            return
        for data, options, _ in layers:
            options["metadata"][METADATA_KEY]["answers"] = self.form.answers
            self._viewer.add_image(data, **options)
        if self._alike is not None:
            self._keep(self._memory.with_answers(self._alike, self.form.answers))
        self._message.setText(f'Opened as the layer "{look.cube.name}".')
        inspect = offer_inspect()
        if inspect is not None and allows(look.cube, COMPOSITES[0]):
            inspect.add_composite(COMPOSITES[0])
