"""The commands and the Python code of the README and of the guide are really run."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import napari_hsi_restore as hsr
from napari_hsi_restore.cli import main
from napari_hsi_restore.training.library import RUNS_VARIABLE
from napari_hsi_restore.zoo import list_models
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE

ROOT = Path(__file__).resolve().parents[1]
ENLARGES = any(model.bundled and model.scale == 2 for model in list_models("superres"))
PAGES = (
    "README.md",
    "docs/open.md",
    "docs/inspect.md",
    "docs/denoise.md",
    "docs/noise.md",
    "docs/classical.md",
    pytest.param(
        "docs/superresolve.md",
        marks=pytest.mark.skipif(not ENLARGES, reason="no model for super-resolution is bundled"),
    ),
    "docs/compare.md",
    "docs/finetune.md",
    "docs/search.md",
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Nobody waits ten minutes for a test.
MINUTES = re.compile(r"(--minutes |minutes=)[0-9.]+")
PROGRAM = "napari-hsi-restore"


@pytest.fixture(scope="session")
def tour_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with clean.hdr and noisy.hdr, as the tour of the README makes them."""
    folder = tmp_path_factory.mktemp("tour")
    clean = hsr.demo_scene(size=40)
    hsr.write(clean, folder / "clean.hdr")
    hsr.write(hsr.degrade(clean, "non-iid", seed=1), folder / "noisy.hdr")
    return folder


def blocks(page: str) -> Iterator[tuple[int, str, str]]:
    """Line number, language and text of each fenced block."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield text[: match.start()].count("\n") + 2, match[1], match[2]


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_code_of_a_page_run(
    page: str, tour_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if page != "README.md":
        shutil.copytree(tour_files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    names: dict[str, object] = {"__name__": "__main__"}
    ran = 0
    for line, language, written in blocks(page):
        text = MINUTES.sub(r"\g<1>0.01", written)
        if language == "python":
            # Blank lines above give a traceback the line numbers of the page.
            exec(compile("\n" * (line - 1) + text, str(ROOT / page), "exec"), names)
            ran += 1
        elif language == "bash":
            for command in text.splitlines():
                if command.startswith(f"{PROGRAM} "):
                    assert main(shlex.split(command)[1:]) == 0, f"{page}: {command}"
                    ran += 1
    assert ran >= 3


def test_every_link_of_the_guide_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            ours = re.match(r"https://(?:github|raw\.githubusercontent)\.com/(\S+)", target)
            if ours:
                inside = re.sub(r"^[^/]+/[^/]+/(blob/|tree/)?main/?", "", ours[1])
                assert (ROOT / inside).exists(), f"{page.name}: {target}"
            elif "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_readme_is_fit_for_the_hub() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# napari-hsi-restore\n")
    assert len(re.findall(r"^## ", text, re.MULTILINE)) >= 5
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures
    assert all(picture.startswith("https://") for picture in pictures)


@pytest.mark.parametrize(
    ("verb", "page"),
    [("denoise", "denoise"), ("superres", "superresolve"), ("finetune", "finetune")],
)
def test_options_that_the_guide_names_exist(
    verb: str, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "--help"]) == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    table = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(--[a-z-]+)", table, re.MULTILINE))
    assert named
    assert named <= known
