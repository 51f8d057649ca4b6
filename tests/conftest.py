"""Where the real cubes lie, for every test that wants one."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real cubes beside the checkout; skips where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real cubes are not beside this checkout (../shared/data)")
    return SHARED_DATA
