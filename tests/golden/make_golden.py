"""Stores what PyTorch computes for the rows of the tables: values and gradients, in two dtypes.

Command:  PYTHONPATH=src:tests python tests/golden/make_golden.py activations losses
Needs:    PyTorch 2.13 beside jaxdl
Result:   tests/golden/<table>.npz, which the tests compare with
"""

import importlib
import sys
from typing import Any

import numpy as np

from case import Case
from golden.compare import DTYPES, FOLDER, cast, cotangent, fingerprint


def evaluate(case: Case, dtype: str) -> dict[str, np.ndarray]:
    """Value and gradients of the row's twin."""
    import torch

    def tensor(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        integer = np.issubdtype(x.dtype, np.integer)
        return torch.from_numpy(x.astype(np.int64) if integer else x.copy())

    twin = eval(str(case.torch), {"torch": torch, "F": torch.nn.functional, "np": np})
    tensors = [tensor(array) for array in cast(case.arrays, dtype)]
    options = case.options if case.torch_options is None else case.torch_options
    active = [tensors[i].requires_grad_() for i in case.differentiate]
    value = twin(*tensors, **{k: tensor(v) for k, v in cast(dict(options), dtype).items()})
    direction = torch.from_numpy(cotangent(case, tuple(value.shape))).to(value.dtype)
    gradients = (
        torch.autograd.grad(value, active, direction, materialize_grads=True) if active else ()
    )
    named = {f"gradient{i}": g for i, g in zip(case.differentiate, gradients, strict=True)}
    return {name: x.detach().numpy() for name, x in ({"value": value} | named).items()}


def make(table: str) -> dict[str, np.ndarray]:
    """The golden arrays of all rows that have a twin."""
    golden = {}
    for case in importlib.import_module(f"tables.{table}").CASES:
        if case.torch is None:
            continue
        golden[f"{case.id}|fingerprint"] = np.array(fingerprint(case))
        for dtype in DTYPES:
            for name, array in evaluate(case, dtype).items():
                golden[f"{case.id}|{dtype}|{name}"] = array
    return golden


if __name__ == "__main__":
    for table in sys.argv[1:]:
        np.savez_compressed(FOLDER / f"{table}.npz", **make(table))
        print(f"{table}: {(FOLDER / f'{table}.npz').stat().st_size} bytes")
