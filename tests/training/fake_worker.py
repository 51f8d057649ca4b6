"""A worker of `napari_hsi_restore.training.ranks` that behaves as it is told."""

from __future__ import annotations

import torch

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.training.ranks.worker import main


class FakeWork:
    def __init__(self, arrays):
        self.array = arrays["numbers"]

    def place(self, fabric):
        self.weight = torch.nn.Parameter(torch.zeros(2, 3, device=fabric.device))
        self.halved = 0

    def begin(self, text):
        self.halved = int(text)

    def tensors(self, order):
        return [self.weight]

    def parameters(self):
        return [self.weight]

    def compute(self, order, batch):
        if order.part == "memory":
            raise MemoryError
        if order.part == "refuse":
            raise UserError("cube 'x': too small; give a larger one.")
        # The gradient of a worker is its weight times its batch.
        self.weight.grad = batch * self.weight.detach()
        return [float(batch), float(self.halved), float(self.array.sum())]

    def forget(self):
        self.weight.grad = None

    def shrink(self):
        self.halved += 1


if __name__ == "__main__":
    print("hello from a library")
    main(lambda text, arrays: FakeWork(arrays))
