"""The process that reads a `.pth`: `python -m tenuto_backend.weights.pickled_child FILE COPY.safetensors`.

Tensors in nested dictionaries are named by the way to them: `state_dict.layer.0.weight`. What is no tensor is left out.
It prints why it fails, in one line.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from safetensors import TensorSpec, serialize_file

from tenuto_backend.weights.pickled import REFUSED

torch = import_module("torch")  # An extra of its own: it is not where the types of this project are checked.


def main(file: str, copy: str) -> int:
    try:
        tensors = {name: tensor.detach().contiguous() for name, tensor in _tensors(_loaded(file), "")}
    except Exception as error:  # Damaged bytes make a pickle call anything with anything.
        called = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if called is not None:
            print(f"to load it would call `{called[1]}`, and could run any code")
            return REFUSED
        print("PyTorch cannot load it without running code, or it is damaged")
        return 1
    nowhere = torch.zeros(1)  # A tensor without elements has no address.
    specs = {
        name: TensorSpec(
            dtype=str(tensor.dtype).removeprefix("torch."),
            shape=list(tensor.shape),
            data_ptr=tensor.data_ptr() if tensor.numel() else nowhere.data_ptr(),
            data_len=tensor.numel() * tensor.element_size(),
        )
        for name, tensor in tensors.items()
    }
    serialize_file(specs, copy)
    return 0


def _loaded(file: str) -> object:
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap can only be used" not in str(error):
            raise
        return torch.load(file, map_location="cpu", weights_only=True)  # The format of PyTorch before 1.6.


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, torch.Tensor):
        yield name, value.to_dense()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(item, f"{name}.{key}" if name else str(key))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
