"""The optimisers of a training run: Adam, or Muon for the inner convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from napari_hsi_restore.training.recipe import Learning


class ConvolutionMuon(torch.optim.Muon):
    """Muon for convolution kernels, each seen as a matrix (out, in x kernel).

    Muon makes the step of a matrix orthogonal (Jordan et al., 2024); torch's takes
    matrices only, so it is given views of the kernels.

    Parameters
    ----------
    kernels : iterable of Parameter, (out, in, ...)
        Already on the device that they are trained on.
    lr : float
        Scaled for each matrix so that a step is as large as Adam's with this rate
        (torch's ``"match_rms_adamw"``).
    """

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float) -> None:
        self.kernels = list(kernels)
        self.matrices = [nn.Parameter(kernel.detach().flatten(1)) for kernel in self.kernels]
        for kernel, matrix in zip(self.kernels, self.matrices, strict=True):
            if kernel.data_ptr() != matrix.data_ptr():
                raise ValueError("a kernel that is not contiguous cannot be trained with Muon")
        super().__init__(self.matrices, lr=lr, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Do one step with the gradients of the kernels."""
        for kernel, matrix in zip(self.kernels, self.matrices, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        return super().step(closure)  # type: ignore[no-untyped-call]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        super().zero_grad(set_to_none)
        for kernel in self.kernels:
            kernel.grad = None


def optimisers_of(network: nn.Module, recipe: Learning) -> list[torch.optim.Optimizer]:
    """The optimisers that share the parameters of a network.

    With ``recipe.optimiser == "muon"`` the kernels that are neither the first nor the
    last ones get Muon and all other parameters Adam: a common choice, since input and
    output layers are not maps between features.

    Parameters
    ----------
    network : Module
        On the device that it is trained on.
    recipe : Learning

    Returns
    -------
    list of Optimizer
        One or two, with the recipe's learning rate.
    """
    rate = recipe.learning_rate
    kernels = [parameter for parameter in network.parameters() if parameter.ndim >= 4]
    inner = kernels[1:-1] if recipe.optimiser == "muon" else []
    if not inner:
        return [torch.optim.Adam(network.parameters(), lr=rate)]
    taken = {id(kernel) for kernel in inner}
    others = [parameter for parameter in network.parameters() if id(parameter) not in taken]
    return [torch.optim.Adam(others, lr=rate), ConvolutionMuon(inner, rate)]
