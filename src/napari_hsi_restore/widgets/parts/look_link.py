"""Layers that change their contrast, gamma and colours together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari.layers import Image
from napari.utils.events import Event

from napari_hsi_restore.widgets.parts.connections import Connections


class LookLink:
    """Keeps the look of some image layers equal.

    napari's own `link_layers` remembers layers by weak references, which do not
    survive for the proxies that a plugin is given.
    """

    def __init__(self) -> None:
        self._layers: list[Image] = []
        self._connections = Connections()
        self._busy = False

    def link(self, layers: Sequence[Image]) -> None:
        """Give all layers the look of the first and keep it so; ends an earlier link."""
        self.close()
        self._layers = list(layers)
        if not self._layers:
            return
        for name in ("contrast_limits", "gamma", "colormap"):
            self._copy(name, self._layers[0])
        for layer in self._layers:
            for emitter in (
                layer.events.contrast_limits,
                layer.events.gamma,
                layer.events.colormap,
            ):
                self._connections.connect(emitter, self._on_change)

    def close(self) -> None:
        """End the link; the layers keep their look."""
        self._connections.close()
        self._layers = []

    def _on_change(self, event: Event) -> None:
        source: Any = event.source
        self._copy(event.type, source)

    def _copy(self, name: str, source: Image) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            for layer in self._layers:
                if layer != source:
                    setattr(layer, name, getattr(source, name))
        finally:
            self._busy = False
