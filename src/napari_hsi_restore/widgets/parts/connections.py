"""Connections to another object's events that end when a dock goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Connections:
    """Remembers what a dock listens to, so that nothing calls it after its end."""

    def __init__(self) -> None:
        self._connected: list[tuple[Any, Callable[..., Any]]] = []
        self._listed: list[tuple[list[Any], Callable[..., Any]]] = []

    def __bool__(self) -> bool:
        return bool(self._connected or self._listed)

    def connect(self, emitter: Any, callback: Callable[..., Any]) -> None:
        """Connect a callback to an emitter with `connect` and `disconnect`."""
        emitter.connect(callback)
        self._connected.append((emitter, callback))

    def append(self, callbacks: list[Any], callback: Callable[..., Any]) -> None:
        """Add a callback to a list of callbacks, as napari keeps for the mouse."""
        callbacks.append(callback)
        self._listed.append((callbacks, callback))

    def close(self) -> None:
        """End all connections; harmless when called again."""
        for emitter, callback in self._connected:
            emitter.disconnect(callback)
        for callbacks, callback in self._listed:
            if callback in callbacks:
                callbacks.remove(callback)
        self._connected.clear()
        self._listed.clear()
