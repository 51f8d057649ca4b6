"""A search on several devices."""

import numpy as np
import pytest
import torch

from make.workers import workers
from napari_hsi_restore.events import Done, Metric, Note
from napari_hsi_restore.restore import devices
from napari_hsi_restore.search import search, strategy
from napari_hsi_restore.search.batches import log_error, losses
from napari_hsi_restore.search.portions import halve
from napari_hsi_restore.search.run import SEARCH
from napari_hsi_restore.search.strategy import Search
from napari_hsi_restore.search.worker import SearchWork
from napari_hsi_restore.search_space.genotype import STAS_C
from napari_hsi_restore.training import checkpoint
from napari_hsi_restore.training.ranks.crew import Crew, alone
from napari_hsi_restore.training.ranks.messages import Order
from napari_hsi_restore.training.run_files import LAST


@pytest.fixture
def recipe(recipe):
    return recipe.model_copy(update={"devices": 2, "search_steps": 4, "training_steps": 2})


class Beside(Crew):
    """Two devices whose second one is asked here, in this process."""

    def __init__(self, work):
        super().__init__([devices.choose("cpu")], "", "32-true")
        self.other = work
        work.place(self.fabric)

    @property
    def world(self):
        return 2

    def work(self, order, tensors):
        with torch.no_grad():
            for ours, leaders in zip(self.other.tensors(order), tensors, strict=True):
                ours.copy_(leaders)
        self.other.forget()
        self.numbers = self.other.compute(order, order.batch + 1)

    def answers(self, own):
        yield
        return np.mean([own, self.numbers], axis=0).tolist()

    def average(self, parameters):
        for ours, theirs in zip(parameters, self.other.parameters(), strict=True):
            assert (ours.grad is None) == (theirs.grad is None)
            if ours.grad is not None:
                ours.grad = (ours.grad + theirs.grad) / 2

    def tell(self, order):
        assert order.do == "shrink"
        self.other.shrink()


@pytest.mark.parametrize("form", ["single-path", "full"])
def test_two_devices_search_like_one_with_the_batches_of_both(recipe, cube, form, monkeypatch):
    small = {"width": 4, "crop": 16, "patch": 8, "most_components": 2, "crops": 1}
    settings = recipe.model_copy(update={"form": form, "cost_weight": 0.1, **small})
    cubes = [cube.array().astype(np.float32)]
    two = Search(settings, halve(cubes), Beside(SearchWork(settings, cubes)))
    one = Search(settings, halve(cubes), alone("cpu", "32-true"))

    def both(half, step):
        return [one.batches.draw(half, 2 * step + rank) for rank in (0, 1)]

    def either(batch):
        return batch if isinstance(batch, list) else [batch]

    def parts(network, batch, choice):
        each = either(batch)
        return (loss / len(each) for one in each for loss in losses(network, one, choice))

    def error(fabric, network, choice, batch):
        return torch.stack([log_error(fabric, network, choice, b) for b in either(batch)]).mean()

    monkeypatch.setattr(one, "_batch", both)
    monkeypatch.setattr(strategy, "losses", parts)
    monkeypatch.setattr(strategy, "log_error", error)
    # All zeros would let no path differ from another.
    state = two.plain.state_dict()
    torch.manual_seed(1)
    state = {name: 0.1 * torch.randn_like(tensor) for name, tensor in state.items()}
    for each in (one, two):
        each.plain.load_state_dict(state)
        each.average.load_state_dict(state)
        for step in range(1 if form == "full" else 2):
            for _ in each.theta_step(step, 0.9):
                pass
            for _ in each.alpha_step(step, 0.1):
                pass
    for name, tensor in one.plain.state_dict().items():
        same = two.plain.state_dict()[name]
        torch.testing.assert_close(same, tensor, rtol=1e-3, atol=1e-5, msg=name)
    # Not their logits: that of an only edge has no gradient but of rounding.
    for row, same in zip(one.weights(), two.weights(), strict=True):
        torch.testing.assert_close(same, row, rtol=1e-3, atol=1e-5)
        assert row.max() > 1.01 * row.min()
    assert two.shrink() == one.shrink()
    assert two.crew.other.batches.size == two.batch_size == 1


def test_a_worker_trains_what_was_found(recipe, cube):
    work = SearchWork(recipe, [cube.array().astype(np.float32)])
    crew = Beside(work)
    training = recipe.training(STAS_C)
    work.begin(training.model_dump_json())
    found = work.found
    (loss,) = work.compute(Order(do="work"), 5)
    assert loss == pytest.approx(float(found.loss(work.network, 5).detach()), rel=1e-4)
    assert any(parameter.grad is not None for parameter in work.parameters())
    work.shrink()
    assert found.recipe.crops * found.recipe.patches < training.crops * training.patches
    assert crew.world == 2


def test_a_search_on_two_devices_stops_and_goes_on_with_one(recipe, cube, tmp_path):
    folder = tmp_path / "run"
    settings = recipe.model_copy(update={"training_steps": 1000})
    begun = search(settings, [cube], folder)
    for event in begun:
        # Steps count through search and training.
        if isinstance(event, Metric) and event.name == "loss" and event.step > 4:
            break
    assert len(workers()) == 1
    begun.close()
    assert workers() == []
    assert checkpoint.load(folder / SEARCH)[0].devices == 2
    state, _ = checkpoint.load(folder / LAST)
    assert state.devices == 2
    further = {"devices": 1, "training_steps": state.step + 1}
    events = list(search(recipe.model_copy(update=further), [cube], folder, resume=True))
    assert isinstance(events[-1], Done)
    assert checkpoint.load(folder / LAST)[0].devices == 1
    notes = [event.message for event in events if isinstance(event, Note)]
    assert any(
        f"after {4 + state.step} steps. They were made on 2 devices" in note for note in notes
    )
