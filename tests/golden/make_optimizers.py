"""Stores what torch.optim computes for the rows of tables/optimizers: trajectories and schedules.

Command:  PYTHONPATH=src:tests python tests/golden/make_optimizers.py
Needs:    PyTorch 2.13 beside jaxdl
Result:   tests/golden/optimizers.npz, which the tests compare with
"""

import contextlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from tables import optimizers as T

PATH = Path(__file__).parent / "optimizers.npz"


def parameters(row: T.Row) -> dict[str, Any]:
    """Fresh tensors of what the row moves."""
    import torch

    names = T.START if row.only is None else [row.only]
    return {name: torch.tensor(turned(row, T.START[name])).requires_grad_() for name in names}


def turned(row: T.Row, x: np.ndarray) -> np.ndarray:
    """A copy; of kernels for Muon, which sees (n_out, n_in) in PyTorch, the transpose."""
    return x.T.copy() if row.torch == "Muon" else x.copy()


@contextlib.contextmanager
def muon_in_float64():
    """Lets PyTorch's Newton–Schulz iteration keep the dtype that it rounds to bfloat16."""
    import torch

    original, torch.Tensor.bfloat16 = torch.Tensor.bfloat16, torch.Tensor.clone
    yield
    torch.Tensor.bfloat16 = original


def trajectory(row: T.Row, *, exact: bool = True) -> dict[str, np.ndarray]:
    """The parameters after the stored steps."""
    import torch

    tensors = parameters(row)
    fixed = {name: torch.tensor(x) for name, x in T.START.items()}
    rate = row.learning_rate if callable(row.learning_rate) else lambda n: row.learning_rate
    options = dict(row.options) | dict(row.torch_options)
    optimizer = getattr(torch.optim, row.torch)(tensors.values(), lr=float(rate(0)), **options)

    def closure() -> Any:
        optimizer.zero_grad()
        moved = {name: x.T if row.torch == "Muon" else x for name, x in tensors.items()}
        value = T.loss(**(fixed | moved), like=torch.tensor)
        value.backward()
        return value

    stored = []
    for n in range(max(row.stored)):
        optimizer.param_groups[0]["lr"] = float(rate(n))
        if row.sparse:
            step_sparse(optimizer, tensors["kernel"], closure, n)
        else:
            with muon_in_float64() if exact else contextlib.nullcontext():
                optimizer.step(closure)
        if n + 1 in row.stored:
            stored.append({name: turned(row, x.detach().numpy()) for name, x in tensors.items()})
    golden = {name: np.stack([s[name] for s in stored]) for name in tensors}
    if row.torch == "ASGD":
        state = [optimizer.state[x]["ax"] for x in tensors.values()]
        golden |= {f"mean {k}": x.numpy() for k, x in zip(tensors, state, strict=True)}
    return golden


def step_sparse(optimizer: Any, kernel: Any, closure: Any, n: int) -> None:
    """One step on some rows of a kernel, as on those of an embedding."""
    import torch

    closure()
    rows = np.flatnonzero(T.ROWS_PRESENT[n])
    index = torch.tensor(rows)[None]
    kernel.grad = torch.sparse_coo_tensor(index, kernel.grad[rows], kernel.shape)
    optimizer.step()


def schedule(case: T.Schedule) -> np.ndarray:
    """The learning rate, or the momentum, of the first steps."""
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5, momentum=0.9)
    names = {**vars(torch.optim.lr_scheduler), "SWALR": torch.optim.swa_utils.SWALR}
    scheduler = eval(case.torch, {**names, "optimizer": optimizer})
    values = []
    for _ in range(T.COUNTS):
        values.append(optimizer.param_groups[0][case.what])
        optimizer.step()
        if len(values) < T.COUNTS:
            scheduler.step()
    return np.array(values)


def plateau(options: dict[str, Any]) -> np.ndarray:
    """The learning rate after each of the values."""
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    rates = []
    for value in T.VALUES:
        scheduler.step(value)
        rates.append(optimizer.param_groups[0]["lr"])
    return np.array(rates)


def clipped(max_norm: float, norm_type: float) -> dict[str, np.ndarray]:
    """START as a gradient, clipped."""
    import torch

    tensors = {name: torch.zeros(x.shape, requires_grad=True) for name, x in T.START.items()}
    for name, x in T.START.items():
        tensors[name].grad = torch.tensor(30 * x)
    torch.nn.utils.clip_grad_norm_(tensors.values(), max_norm, norm_type)
    return {name: x.grad.numpy() for name, x in tensors.items()}


def averaged(decay: float | None) -> np.ndarray:
    """AveragedModel's parameter after each of ten updates, of a parameter that is VALUES."""
    import torch
    from torch.optim import swa_utils

    rule = None if decay is None else swa_utils.get_ema_avg_fn(decay)
    model = torch.nn.Linear(1, 1, bias=False)
    average = swa_utils.AveragedModel(model, avg_fn=rule)
    means = []
    for value in T.VALUES[:10]:
        torch.nn.init.constant_(model.weight, value)
        average.update_parameters(model)
        means.append(average.module.weight.item())
    return np.array(means)


def searched() -> np.ndarray:
    """Length, loss and evaluations of the line searches; nan where the line does not descend."""
    import torch
    from torch.optim.lbfgs import _strong_wolfe

    def objective(case: np.ndarray, t: Any) -> Any:
        t = torch.tensor([float(t)], requires_grad=True)
        value = T.line(case, t, torch.sin).sum()
        return value.item(), torch.autograd.grad(value, t)[0]

    found = []
    for case in T.LINES:
        value, slope = objective(case, 0.0)
        first, most = T.search(case)
        along, one = lambda x, t, d, case=case: objective(case, t), torch.ones(1)
        result = _strong_wolfe(along, None, first, one, value, slope, slope.sum(), max_ls=most)
        length = (float(result[2]), float(result[0]), result[3])
        found.append(length if slope < 0 else (np.nan,) * 3)
    return np.array(found)


def make() -> dict[str, np.ndarray]:
    """All golden arrays by name."""
    golden = {
        f"{row.id}|{name}": array for row in T.ROWS for name, array in trajectory(row).items()
    }
    muon = next(row for row in T.ROWS if row.torch == "Muon")
    golden["muon in bfloat16"] = trajectory(muon, exact=False)["kernel"]
    golden |= {f"schedule {case.id}": schedule(case) for case in T.SCHEDULES}
    golden |= {f"plateau {name}": plateau(options) for name, options in T.PLATEAUS.items()}
    for max_norm, norm_type in T.CLIPS:
        for name, array in clipped(max_norm, norm_type).items():
            golden[f"clip {max_norm} {norm_type} {name}"] = array
    golden |= {f"average {decay}": averaged(decay) for decay in (None, 0.9)}
    golden["searches"] = searched()
    lost = [name for name, x in golden.items() if (np.abs(x) > 1e3).any()]
    assert not lost, f"diverge: {lost}"
    return golden


if __name__ == "__main__":
    import torch

    # Counters and products that PyTorch keeps as tensors are of this dtype, or float32.
    torch.set_default_dtype(torch.float64)
    with jax.enable_x64(True):
        np.savez_compressed(PATH, **make())
    print(f"{PATH.name}: {PATH.stat().st_size} bytes, {len(T.ROWS)} trajectories")
