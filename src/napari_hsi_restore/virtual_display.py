"""An X server without a screen, for a machine that has none."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from napari_hsi_restore.errors import UserError

SCREEN = "1680x1050x24"


@contextmanager
def virtual_display() -> Iterator[str]:
    """Run Xvfb, with ``DISPLAY`` set to it, until the block ends.

    Must be entered before the first Qt application of the process is made.

    Yields
    ------
    str
        The display, such as ``":99"``.

    Raises
    ------
    UserError
        If Xvfb is not installed or does not start.
    """
    before = {name: os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", *_SETTINGS)}
    server, number = _start()
    try:
        os.environ.pop("WAYLAND_DISPLAY", None)
        os.environ.update(_SETTINGS, DISPLAY=f":{number}")
        yield f":{number}"
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


# Qt's offscreen platform has no OpenGL context, which napari needs.
_SETTINGS = {"QT_QPA_PLATFORM": "xcb", "LIBGL_ALWAYS_SOFTWARE": "1"}


def _start() -> tuple[subprocess.Popen[bytes], int]:
    readable, writable = os.pipe()
    command = ["Xvfb", "-displayfd", str(writable), "-screen", "0", SCREEN, "-nolisten", "tcp"]
    try:
        server = subprocess.Popen(
            command, pass_fds=(writable,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        os.close(readable)
        raise UserError(
            f"The virtual display Xvfb cannot be started ({error.strerror}); install the package "
            "xvfb."
        ) from error
    finally:
        os.close(writable)
    # Xvfb writes its number when it is ready; the end of the pipe means that it has died.
    with os.fdopen(readable, "rb") as answer:
        line = answer.readline().strip()
    if not line.isdigit():
        server.kill()
        status = server.wait()
        raise UserError(
            f"The virtual display Xvfb ended at once (status {status}); run Xvfb :99 and read what "
            "it says."
        )
    return server, int(line)
