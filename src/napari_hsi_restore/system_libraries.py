"""The system libraries that a napari window needs on Linux: found, or installed.

Only the standard library, and nothing of Qt: this runs before Qt can be imported.

``python -m napari_hsi_restore.system_libraries [--virtual-display]`` installs what is missing as
root on Debian or Ubuntu; elsewhere it prints the line to run and exits with status 1.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_hsi_restore.errors import UserError


@dataclasses.dataclass(frozen=True)
class SystemPackage:
    """A package of Debian and Ubuntu and how to see whether its content is there.

    Attributes
    ----------
    name : str
        Name for apt-get.
    library : str or None
        Shared object that it brings.
    program : str or None
        Program that it brings.
    """

    name: str
    library: str | None = None
    program: str | None = None

    def is_present(self) -> bool:
        """Whether the library can be loaded, or the program found."""
        if self.program is not None:
            return shutil.which(self.program) is not None
        try:
            ctypes.CDLL(self.library)
        except OSError:
            return False
        return True


# What Qt's xcb platform and OpenGL load on a Debian 12 without a desktop.
WINDOW = (
    SystemPackage("libgl1", library="libGL.so.1"),
    SystemPackage("libegl1", library="libEGL.so.1"),
    SystemPackage("libglib2.0-0", library="libglib-2.0.so.0"),
    SystemPackage("libdbus-1-3", library="libdbus-1.so.3"),
    SystemPackage("libfontconfig1", library="libfontconfig.so.1"),
    SystemPackage("libxkbcommon-x11-0", library="libxkbcommon-x11.so.0"),
    SystemPackage("libxcb-cursor0", library="libxcb-cursor.so.0"),
    SystemPackage("libxcb-icccm4", library="libxcb-icccm.so.4"),
    SystemPackage("libxcb-keysyms1", library="libxcb-keysyms.so.1"),
    SystemPackage("libxcb-shape0", library="libxcb-shape.so.0"),
)
VIRTUAL_DISPLAY = (
    SystemPackage("xvfb", program="Xvfb"),
    SystemPackage("xauth", program="xauth"),
)


def has_display() -> bool:
    """Whether windows can be shown: always outside Linux, else by the environment."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def missing(*, virtual_display: bool) -> tuple[str, ...]:
    """Names of the packages whose libraries or programs are not here.

    Parameters
    ----------
    virtual_display : bool
        Whether an X server without a screen is needed too.

    Returns
    -------
    tuple of str
        Empty outside Linux, where the wheels bring all that they need.
    """
    if not sys.platform.startswith("linux"):
        return ()
    wanted = WINDOW + (VIRTUAL_DISPLAY if virtual_display else ())
    return tuple(package.name for package in wanted if not package.is_present())


def ensure(*, virtual_display: bool) -> None:
    """Install what is missing, where that is possible without asking.

    Raises
    ------
    UserError
        With the line to run, if packages are missing and the user is not root or the system has
        no apt-get, or if apt-get failed.
    """
    names = missing(virtual_display=virtual_display)
    if not names:
        return
    if shutil.which("apt-get") is None:
        raise UserError(
            "This system lacks libraries that napari's windows need; install what your "
            f"distribution calls these Debian packages: {' '.join(names)}."
        )
    update = ["apt-get", "update"]
    install = ["apt-get", "install", "-y", "--no-install-recommends", *names]
    by_hand = f"sudo {shlex.join(update)} && sudo {shlex.join(install)}"
    if os.geteuid() != 0:
        raise UserError(
            "This system lacks libraries that napari's windows need; run this line, then try "
            f"again:\n{by_hand}"
        )
    print(f"Installing system packages: {' '.join(names)}", file=sys.stderr, flush=True)
    _run(update, by_hand)
    _run(install, by_hand)
    still = missing(virtual_display=virtual_display)
    if still:
        raise UserError(
            f"apt-get installed {' '.join(still)} but their libraries cannot be loaded; run this "
            f"line and read what it says:\n{by_hand}"
        )


def _run(command: Sequence[str], by_hand: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Another apt-get may hold the lock for a while, as on a machine that has just started.
    locked = [command[0], "-o", "DPkg::Lock::Timeout=300", *command[1:]]
    done = subprocess.run(
        locked, env=environment, text=True, capture_output=True, check=False, errors="replace"
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise UserError(
            f"apt-get failed ({''.join(last) or f'status {done.returncode}'}); run this line and "
            f"read what it says:\n{by_hand}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of this module; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if set(given) - {"--virtual-display"}:
        print(f"usage: python -m {Path(__file__).stem} [--virtual-display]", file=sys.stderr)
        return 2
    try:
        ensure(virtual_display="--virtual-display" in given)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
