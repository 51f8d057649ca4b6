"""The Search dock in a real window: the picture of the search, and what it found."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPointF
from tests.widgets.learning import PATIENCE_MS, client, wait_for_step, wait_idle
from tests.widgets.window import add, open_dock

from napari_hsi_restore.events import EDGES, CellState
from napari_hsi_restore.jobs.client import shared_client
from napari_hsi_restore.jobs.learning_course import Course
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.search_space.genotype import STAS_C, STAS_P
from napari_hsi_restore.search_space.operations import OPERATIONS
from napari_hsi_restore.search_space.sharing import write_genotype
from napari_hsi_restore.widgets.parts.cell_drawing import CellDrawing, strongest, weights_of
from napari_hsi_restore.widgets.parts.found_table import rows_of
from napari_hsi_restore.widgets.parts.operation_names import OPERATION_NAMES
from napari_hsi_restore.zoo import list_models, record

__all__ = ["client"]

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module", autouse=True)
def child_ends_with_the_tests():
    yield
    shared_client().close()


@pytest.fixture
def viewer(make_napari_viewer, client):
    viewer = make_napari_viewer(show=True)
    add(viewer, demo_scene(size=40, bands=12).replace(name="scene"))
    return viewer


@pytest.fixture
def dock(viewer):
    return open_dock(viewer, "Search")


def picture(widget):
    """Pixels of a widget, (y, x, 3)."""
    image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGB888)
    rows = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    rows = rows.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
    return rows.reshape(image.height(), image.width(), 3).astype(int)


def test_the_search_is_drawn_and_the_found_cell_after_it(qtbot, viewer, dock, client):
    dock.form.minutes.setValue(10)
    for part in ("5 minutes", "“scene”", f"“{dock.form.name.text()}”", "Restore dock"):
        assert part in dock.plan.text()
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 7)
    view = dock.live
    qtbot.waitUntil(lambda: view.drawing.weights is not None, timeout=PATIENCE_MS)
    assert not view.drawing.found
    [(steps, values)] = view.entropy.traces
    assert len(steps) >= 2
    assert values == sorted(values, reverse=True)
    write_genotype(client.jobs[0].folder / "found.json", STAS_C)
    qtbot.waitUntil(lambda: view.drawing.found, timeout=PATIENCE_MS)
    assert view.drawing.weights == weights_of(STAS_C)
    dock.panel.stop.click()
    wait_idle(qtbot, dock)
    assert view.table.rows[0].name == client.jobs[0].job.name
    assert [model.name for model in list_models() if not model.bundled] == [client.jobs[0].job.name]


def test_a_known_cell_is_trained_without_a_search(viewer, dock, tmp_path):
    path = tmp_path / "cell.json"
    write_genotype(path, STAS_P)
    dock.form.cell.set_path(path)
    dock.form.cell.path_requested.emit(path)
    assert "nothing is searched" in dock.plan.text()
    assert dock.form.recipe().genotype == STAS_P
    assert dock.form.recipe().purpose == "Denoises cubes like scene; its cell is that of cell.json."
    path.write_text("no cell")
    dock.panel.start.click()
    assert "cell.json" in dock.panel.status.text()


def test_a_finetuning_and_a_search_wait_for_each_other(qtbot, viewer, dock, client):
    other = open_dock(viewer, "Fine-tune")
    for each in (other, dock):
        each.form.minutes.setValue(10)
        each.panel.start.click()
    qtbot.waitUntil(lambda: "waits until one other job" in dock.panel.status.text())
    other.panel.stop.click()
    qtbot.waitUntil(lambda: client.jobs[1].state == "learning", timeout=PATIENCE_MS)
    wait_for_step(qtbot, dock, 3)
    dock.panel.stop.click()
    wait_idle(qtbot, dock)


def test_an_edge_grows_with_its_weight(qtbot):
    drawing = CellDrawing()
    qtbot.addWidget(drawing)
    drawing.resize(360, 420)
    even = CellState(
        0, tuple((1 / 8 / sum(e == end for _, e in EDGES),) * 8 for _, end in EDGES), 1
    )
    drawing.show_state(even)
    drawing.show()
    faint = picture(drawing)
    drawing.show_found(STAS_P)
    decided = picture(drawing)
    middle = slice(20, 200)
    # Orange: joint operations, which stas_p has on three edges.
    orange = lambda pixels: int((pixels[middle, :, 0] > pixels[middle, :, 2] + 60).sum())  # noqa: E731
    assert orange(decided) > 2 * orange(faint)
    assert "joint" in drawing.accessibleDescription()


def test_the_table_of_the_drawing_explains_each_weight(qtbot):
    drawing = CellDrawing()
    qtbot.addWidget(drawing)
    drawing.resize(360, 420)
    drawing.show_found(STAS_P)
    said = {drawing.words_at(QPointF(x, y)) for x in range(0, 360, 6) for y in range(0, 420, 6)}
    assert len(said - {""}) == 80
    assert any("From the input to node 1: joint" in text and "100.0%" in text for text in said)


def test_the_strongest_choices_of_a_decided_cell_are_the_cell():
    for genotype in (STAS_C, STAS_P):
        chosen = strongest(weights_of(genotype))
        assert [choice.operation.name for choice in chosen] == [
            edge.operation for edge in genotype.nodes
        ]
        assert [EDGES[choice.edge][0] for choice in chosen] == [
            edge.source for edge in genotype.nodes
        ]


def test_the_names_of_the_operations_are_those_of_the_search_space():
    for named, spec in zip(OPERATION_NAMES, OPERATIONS.values(), strict=True):
        assert (named.name, named.kind) == (spec.name, spec.kind)
        assert (f"{spec.spatial}×{spec.spatial}" in named.short) == bool(spec.spatial)
        assert (f"λ{spec.spectral}" in named.short) == bool(spec.spectral)
        assert ("wide" in named.short) == (spec.dilation > 1)


def test_the_found_network_stands_beside_the_bundled_ones():
    course = Course(
        curves={
            "psnr": ((1, 30.0), (2, 32.0)),
            "psnr_start": ((0, 31.0),),
            "psnr_stas_c": ((0, 31.0),),
            "psnr_stas_p": ((0, 29.0),),
        }
    )
    rows = rows_of("mine", course, record("stas_p"))
    assert [(row.name, row.psnr) for row in rows] == [
        ("mine", 32.0),
        ("stas_c", 31.0),
        ("stas_p", 29.0),
    ]
    assert rows[2].parameters == record("stas_p").parameters
