"""The demo as a user without a display gets it: a real window, a real run, pictures and scores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_hsi_restore.cli import main
from napari_hsi_restore.demo import THEMES, WINDOW_SIZE

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere there is always a display"
)


@pytest.mark.gui
@pytest.mark.slow
def test_demo_without_a_display_does_the_main_job(tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    }
    done = subprocess.run(
        [sys.executable, "-m", "napari_hsi_restore", "demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    out = tmp_path / "demo-output"
    rows = json.loads((out / "metrics.json").read_text())
    noisy, restored = rows
    assert restored["psnr"] > noisy["psnr"] + 5
    assert restored["sam_deg"] < noisy["sam_deg"]
    assert f"{restored['psnr']:.2f}" in (out / "metrics.md").read_text()
    assert f"{restored['psnr']:.2f}" in done.stdout
    for step in ("inspect", "restore", "compare", "superres"):
        pictures = [np.asarray(Image.open(out / f"{step}-{theme}.png")) for theme in THEMES]
        for picture in pictures:
            assert picture.shape[1::-1] == WINDOW_SIZE
            # The canvas in the middle shows the scene, not one colour.
            assert picture[200:800, 350:1050, :3].std() > 10
        dark, light = (picture[..., :3].mean() for picture in pictures)
        assert dark < light


def test_folder_that_cannot_be_made_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["demo", "--out", str(tmp_path / "file" / "demo")]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "demo" in line
    assert "--out" in line
