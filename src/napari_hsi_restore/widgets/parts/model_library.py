"""The user's models changed: every list of models listens to this."""

from __future__ import annotations

from psygnal import Signal


class ModelLibrary:
    """Tells that a model came, went or was renamed.

    Signals
    -------
    changed()
    """

    changed = Signal()


model_library = ModelLibrary()
"""The one of this process."""
