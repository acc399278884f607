"""Writes torch-1.13.pt by PyTorch itself (Debian 12's python3-torch): the tensors of make_torch_file.py, within what a training script saves."""

import os

import torch

base = torch.tensor([0.0, 7.0, 8.0, 9.0, 0.0])
model = {
    "plain": torch.nn.Parameter(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),
    "transposed": torch.tensor([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]).t(),
    "within": base[1:4],
    "double": torch.tensor([0.5, -0.25], dtype=torch.float64),
    "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "bfloat16": torch.tensor([3.0, -0.5], dtype=torch.bfloat16),
}
saved = {"step": 7, "config": {"width": 2}, "model": {f"_orig_mod.{name}": tensor for name, tensor in model.items()}}
torch.save(saved, os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch-1.13.pt"))
