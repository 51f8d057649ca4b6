"""Where the real cubes lie, for every test that wants one."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# Started in the background of a shell, Python and its children would ignore Ctrl-C, which some
# tests send.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and (
    threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a failed test of a window once more, and report it as "rerun".

    When a virtual display lays a window out and delivers its events depends on what else the
    machine does. What fails twice is a failure.
    """
    for item in items:
        if item.get_closest_marker("gui"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real cubes beside the checkout; skips where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real cubes are not beside this checkout (../shared/data)")
    return SHARED_DATA
