"""Importing the package, its promise of lightness, and its system libraries."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import napari_hsi_restore
from napari_hsi_restore import system_libraries
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.virtual_display import virtual_display

HEAVY = ("torch", "qtpy", "PyQt6", "napari", "pyqtgraph", "lightning_fabric")


def loaded_by(code: str) -> set[str]:
    """Which of the heavy packages a fresh interpreter has loaded after some code."""
    report = f"import sys, json; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import napari_hsi_restore as hsr; hsr.__version__",
        "import napari_hsi_restore as hsr; hsr.read; hsr.write; hsr.HyperCube; hsr.UserError",
        "import napari_hsi_restore as hsr; hsr.degrade(hsr.demo_scene(size=16), 'gaussian-50')",
        "import napari_hsi_restore as hsr; hsr.estimate_sigma; hsr.compare; hsr.info",
        "import napari_hsi_restore as hsr; hsr.list_models()",
        "import napari_hsi_restore.restore.recipe",
        "import napari_hsi_restore.cli",
        "import napari_hsi_restore.system_libraries, napari_hsi_restore.virtual_display",
    ],
)
def test_light_parts_load_neither_torch_nor_qt(code: str) -> None:
    assert loaded_by(code) == set()


def test_opening_and_degrading_a_file_loads_neither_torch_nor_qt(tmp_path: Path) -> None:
    path = tmp_path / "scene.npz"
    code = (
        "import napari_hsi_restore as hsr\n"
        f"hsr.write(hsr.demo_scene(size=16), {str(path)!r})\n"
        f"cube = hsr.read({str(path)!r}); cube.spectrum(2, 3); hsr.info(cube)"
    )
    assert loaded_by(code) == set()


def test_every_public_name_can_be_had() -> None:
    for name in napari_hsi_restore.__all__:
        assert getattr(napari_hsi_restore, name) is not None, name
    assert set(napari_hsi_restore.__all__) <= set(dir(napari_hsi_restore))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sharpen'"):
        napari_hsi_restore.sharpen  # noqa: B018


def test_version_is_that_of_the_distribution() -> None:
    assert napari_hsi_restore.__version__ == version("napari-hsi-restore")


def test_napari_and_the_shell_find_us() -> None:
    [manifest] = entry_points(group="napari.manifest", name="napari-hsi-restore")
    [script] = entry_points(group="console_scripts", name="napari-hsi-restore")
    assert manifest.value == "napari_hsi_restore:napari.yaml"
    assert script.value == "napari_hsi_restore.cli:main"


def test_importing_the_package_does_not_need_qt_or_a_display() -> None:
    environment = {k: v for k, v in os.environ.items() if "DISPLAY" not in k}
    done = subprocess.run(
        [sys.executable, "-m", "napari_hsi_restore", "--version"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.split() == ["napari-hsi-restore", version("napari-hsi-restore")]


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lacks them")


def fake_apt(folder: Path, *, works: bool) -> Path:
    """A program in place of apt-get that writes down what it is asked for."""
    log = folder / "apt.log"
    program = folder / "apt-get"
    made = "".join(f": > {folder}/{name}; chmod +x {folder}/{name}\n" for name in ("Xvfb", "xauth"))
    program.write_text(
        f'#!/bin/sh\nPATH=/usr/bin:/bin\necho "$@" >> {log}\n'
        + (
            f'case "$*" in *install*) {made} ;; esac\n'
            if works
            else "echo no network >&2; exit 9\n"
        )
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return log


@linux
def test_root_gets_missing_packages_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake_apt(tmp_path, works=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    system_libraries.ensure(virtual_display=True)
    update, install = log.read_text().splitlines()
    assert update.endswith("update")
    assert "install -y" in install
    assert {"xvfb", "xauth"} <= set(install.split())
    assert system_libraries.missing(virtual_display=True) == ()


@linux
def test_others_are_told_the_line_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake_apt(tmp_path, works=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UserError, match=r"sudo apt-get install .* xvfb xauth"):
        system_libraries.ensure(virtual_display=True)
    assert not log.exists()


@linux
def test_a_failing_apt_get_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_apt(tmp_path, works=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UserError, match="no network"):
        system_libraries.ensure(virtual_display=True)


@linux
def test_without_apt_get_the_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"Debian packages: .*xvfb"):
        system_libraries.ensure(virtual_display=True)


@linux
def test_virtual_display_is_there_and_goes_away() -> None:
    if system_libraries.missing(virtual_display=True):
        pytest.skip("Xvfb is not installed")
    before = os.environ.get("DISPLAY")
    with virtual_display() as display:
        socket = Path(f"/tmp/.X11-unix/X{display.removeprefix(':')}")
        assert os.environ["DISPLAY"] == display != before
        assert socket.exists()
    assert os.environ.get("DISPLAY") == before
    assert not socket.exists()


@linux
def test_missing_xvfb_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="Xvfb cannot be started"), virtual_display():
        pass
