"""Work in a thread whose answer comes back to the dock that asked, if it is still there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.qt.threading import create_worker

from napari_hsi_restore.errors import UserError


def start_work(on_answer: Callable[[Any], None], function: Callable[..., Any], *args: Any) -> None:
    """Compute ``function(*args)`` in a thread and hand the answer over in the GUI's."""
    worker = create_worker(function, *args)

    def deliver(answer: Any) -> None:
        try:
            on_answer(answer)
        except RuntimeError as error:
            # Qt's half of a closed dock is gone, and with it whom the answer was for.
            if "has been deleted" not in str(error):
                raise

    worker.returned.connect(deliver)
    worker.start()


def or_sentence(compute: Callable[..., Any], *args: Any) -> Any:
    """Compute something, or return a sentence on why it cannot be."""
    try:
        return compute(*args)
    except UserError as error:
        return str(error)
    except (OSError, MemoryError) as error:
        name = getattr(args[0], "name", "the cube") if args else "the cube"
        reason = str(error) or "not enough memory"
        return f'"{name}": {reason}; free some memory, or open the file again.'
