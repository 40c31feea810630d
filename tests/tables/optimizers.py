"""Rows of jaxdl.optim: an algorithm or a schedule, its options, and its twin in torch.optim."""

import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import optax

from jaxdl import optim
from tables.schedules import COUNTS as COUNTS
from tables.schedules import PLATEAUS as PLATEAUS
from tables.schedules import SCHEDULES as SCHEDULES
from tables.schedules import VALUES as VALUES
from tables.schedules import Schedule as Schedule

STEPS = 50
STORED = (1, 2, 5, 10, 20, 35, 50)  # of the steps, after which parameters are compared
NONE: Mapping[str, Any] = MappingProxyType({})

MATRIX = np.random.RandomState(0).normal(size=(3, 4, 3))
SCALES = np.logspace(-1, 1, 12).reshape(4, 3)  # the quadratic's curvatures
START = {"kernel": MATRIX[0], "point": np.array([-1.2, 1.0, -0.5, 0.8, 1.1])}
ROWS_PRESENT = np.random.RandomState(1).uniform(size=(STEPS, 4, 1)) < 0.5


def loss(kernel: Any, point: Any, *, like: Callable[[np.ndarray], Any]) -> Any:
    """An anisotropic quadratic of a matrix and Rosenbrock's valley in five dimensions."""
    bowl = 0.5 * (like(SCALES) * (kernel - like(MATRIX[1])) ** 2).sum()
    valley = 5.0 * (point[1:] - point[:-1] ** 2) ** 2 + 0.05 * (1.0 - point[:-1]) ** 2
    return bowl + valley.sum()


class Row(NamedTuple):
    """An optimizer with one setting of its options."""

    id: str
    fn: Callable[..., optax.GradientTransformation]
    torch: str  # the class in torch.optim
    learning_rate: Any
    options: Mapping[str, Any] = NONE
    torch_options: Mapping[str, Any] = NONE  # those that differ
    only: str | None = None  # the one parameter that it moves
    sparse: bool = False  # the gradients are of the rows in ROWS_PRESENT
    bound: float = 1e-12  # in float64, of the parameters' size; say why it is looser
    bound32: float = 1e-5  # of ours in float32 against PyTorch in float64
    stored: tuple[int, ...] = STORED

    def make(self) -> optax.GradientTransformation:
        options = dict(self.options)
        upwards = options.pop("maximize", False)  # PyTorch's option
        tx = self.fn(self.learning_rate, **options)
        return optax.chain(optax.scale(-1.0), tx) if upwards else tx


def row(
    fn: Callable[..., Any], torch: str, learning_rate: Any, id: str = "", **options: Any
) -> Row:
    """A row named after its options, which PyTorch has by the same names."""
    listed = ",".join(f"{k}={v}" for k, v in options.items())
    return Row(id or f"{fn.__name__}({listed})".replace(" ", ""), fn, torch, learning_rate, options)


# Few steps, while there is a way to go: near the minimum differences of losses and gradients, on
# which its next step hangs, are rounding, and the errors of float32 grow a hundredfold a step.
FEW = {"bound32": 1e-3, "stored": (1, 2, 3)}
# The same of a step that is relative to gradients near 0; PyTorch in float32 is off by 5e-4.
RELATIVE = {"bound32": 1e-3}
RATE = optim.cosine_annealing(0.05, T_max=17)

WOLFE: Mapping[str, Any] = {"line_search_fn": "strong_wolfe"}

ROWS = [
    row(optim.gradient_descent, "SGD", 0.02),
    row(optim.sgd, "SGD", 0.02),
    row(optim.sgd, "SGD", 0.01, momentum=0.9),
    row(optim.sgd, "SGD", 0.01, momentum=0.9, dampening=0.3),
    row(optim.sgd, "SGD", 0.01, momentum=0.9, nesterov=True),
    row(optim.sgd, "SGD", 0.01, momentum=0.8, dampening=0.1, weight_decay=0.1),
    row(optim.sgd, "SGD", 1e-4, maximize=True, weight_decay=0.1, momentum=0.5),
    row(optim.sgd, "SGD", RATE, "sgd(schedule)", momentum=0.7),
    row(optim.adam, "Adam", 0.05),
    row(optim.adam, "Adam", 0.05, betas=(0.8, 0.9), eps=1e-2),
    row(optim.adam, "Adam", 0.05, betas=(0.0, 0.99)),
    row(optim.adam, "Adam", 0.05, weight_decay=0.1),
    row(optim.adam, "Adam", 0.05, amsgrad=True, betas=(0.9, 0.9)),
    row(optim.adam, "Adam", 0.01, maximize=True, weight_decay=0.1),
    row(optim.adam, "Adam", 0.05, weight_decay=0.1, decoupled_weight_decay=True),
    row(optim.adam, "Adam", RATE, "adam(schedule)"),
    row(optim.adamw, "AdamW", 0.05),
    row(optim.adamw, "AdamW", 0.05, weight_decay=0.3, amsgrad=True),
    row(optim.adamw, "AdamW", RATE, "adamw(schedule)", weight_decay=0.3),
    row(optim.adamw, "AdamW", 0.01, maximize=True, eps=1e-3),
    row(optim.adamax, "Adamax", 0.05),
    row(optim.adamax, "Adamax", 0.05, betas=(0.8, 0.9), eps=1e-2, weight_decay=0.1),
    row(optim.adamax, "Adamax", 0.01, maximize=True),
    row(optim.nadam, "NAdam", 0.05),
    row(optim.nadam, "NAdam", 0.05, betas=(0.8, 0.9), eps=1e-2, momentum_decay=0.1),
    row(optim.nadam, "NAdam", 0.05, weight_decay=0.1, momentum_decay=0.0),
    row(optim.nadam, "NAdam", 0.05, weight_decay=0.1, decoupled_weight_decay=True),
    row(optim.nadam, "NAdam", 0.01, maximize=True),
    row(optim.radam, "RAdam", 0.05),
    row(optim.radam, "RAdam", 0.05, betas=(0.8, 0.9), eps=1e-2),
    row(optim.radam, "RAdam", 0.05, weight_decay=0.1),
    row(optim.radam, "RAdam", 0.05, weight_decay=0.1, decoupled_weight_decay=True),
    row(optim.radam, "RAdam", 0.01, maximize=True),
    row(optim.rmsprop, "RMSprop", 0.01),
    row(optim.rmsprop, "RMSprop", 0.01, alpha=0.9, eps=1e-3, weight_decay=0.1),
    row(optim.rmsprop, "RMSprop", 0.01, centered=True),
    row(optim.rmsprop, "RMSprop", 0.01, momentum=0.7),
    row(optim.rmsprop, "RMSprop", RATE, "rmsprop(schedule)", momentum=0.7, centered=True),
    row(optim.rmsprop, "RMSprop", 0.001, maximize=True),
    row(optim.adagrad, "Adagrad", 0.1),
    row(optim.adagrad, "Adagrad", 0.1, lr_decay=0.1, eps=1e-2, weight_decay=0.1),
    row(optim.adagrad, "Adagrad", 0.1, initial_accumulator_value=0.5, maximize=True),
    row(optim.adadelta, "Adadelta", 1.0),
    row(optim.adadelta, "Adadelta", 0.5, rho=0.8, eps=1e-3, weight_decay=0.1),
    row(optim.adadelta, "Adadelta", 1.0, maximize=True),
    row(optim.adafactor, "Adafactor", 0.05)._replace(**RELATIVE),
    row(optim.adafactor, "Adafactor", 0.5, d=2.0, weight_decay=0.1, beta2_decay=-0.5),
    row(optim.adafactor, "Adafactor", 0.05, eps=(1e-3, 0.5))._replace(**RELATIVE),
    row(optim.adafactor, "Adafactor", 0.01, maximize=True),
    row(optim.asgd, "ASGD", 0.02),
    row(optim.asgd, "ASGD", 0.05, lambd=0.1, alpha=0.5, t0=10.0, weight_decay=0.1),
    row(optim.asgd, "ASGD", 2e-4, maximize=True),
    row(optim.rprop, "Rprop", 0.01),
    row(optim.rprop, "Rprop", 0.1, etas=(0.3, 1.5), step_sizes=(1e-3, 0.2)),
    row(optim.rprop, "Rprop", 0.001, maximize=True),
    *(
        r._replace(only="kernel", sparse=True)
        for r in (
            row(optim.sparse_adam, "SparseAdam", 0.05),
            row(optim.sparse_adam, "SparseAdam", 0.05, betas=(0.8, 0.9), eps=1e-2),
            row(optim.sparse_adam, "SparseAdam", 0.01, maximize=True),
        )
    ),
    *(
        r._replace(only="kernel")
        for r in (
            row(optim.muon, "Muon", 0.05),
            row(optim.muon, "Muon", 0.05, momentum=0.8, nesterov=False, weight_decay=0.0),
            row(optim.muon, "Muon", 0.05, adjust_lr_fn="match_rms_adamw", ns_steps=3),
            row(optim.muon, "Muon", 0.05, ns_coefficients=(2.0, -1.5, 0.5), eps=1e-2),
        )
    ),
    *(
        r._replace(**FEW)
        for r in (
            row(optim.lbfgs, "LBFGS", 0.5, max_iter=3),
            row(optim.lbfgs, "LBFGS", 0.1, history_size=3, max_iter=7),
            row(optim.lbfgs, "LBFGS", 0.05),
            row(optim.lbfgs, "LBFGS", 1.0, **WOLFE, max_iter=5),
            row(optim.lbfgs, "LBFGS", 0.1, **WOLFE, max_iter=4, history_size=2),
            row(optim.lbfgs, "LBFGS", 30.0, **WOLFE, max_eval=7),
            row(optim.lbfgs, "LBFGS", 1.0, **WOLFE, max_iter=1),
        )
    ),
]


PLAIN = [next(row for row in ROWS if row.fn is fn) for fn in dict.fromkeys(r.fn for r in ROWS)]
"""The first row of each optimizer, of its default options but for the learning rate."""


# Wave numbers, phases and sizes of losses along a line, first lengths and limits of a search.
LINES = np.random.RandomState(3).uniform(size=(120, 5))


def line(case: np.ndarray, t: Any, sin: Callable[[Any], Any]) -> Any:
    """A bowl with waves, by the length t of a step: some of its searches close in many times."""
    wave, phase, size = 30.0 * case[0] ** 2, 6.0 * case[1], 3.0 * case[2]
    return size * sin(wave * t + phase) + 0.5 * (t - 1.0) ** 2


def search(case: np.ndarray) -> tuple[float, int]:
    """The first length of a search, from 0.1 to 100, and the most tries after it."""
    return float(10 ** (3 * case[3] - 1)), int(26 * case[4] ** 0.3)


# max_norm and norm_type of clip_by_norm; the gradient's norm is near 60.
CLIPS = ((1.0, 2.0), (1e-3, 1.0), (2.0, 3.5), (5.0, math.inf), (1e6, 2.0))

BEGIN, END = "<!-- table of equals: begin -->", "<!-- table of equals: end -->"
HEAD = """
Relative bounds that the tests hold trajectories of 50 steps and schedules of 60 to, in float64;
tests/tables/optimizers.py says why some are looser than 1e-12. η is the first learning rate.

| PyTorch | jaxdl | equal to |
|---|---|---|
"""
PARTS = (
    ("`ReduceLROnPlateau`", "`reduce_on_plateau`", 1e-12),
    ("`clip_grad_norm_`", "`clip_by_norm`", 1e-12),
    ("`AveragedModel`, `get_ema_avg_fn`", "`ema`", 1e-12),
    ("`AveragedModel`", "`swa`", 1e-12),
)


def table() -> str:
    """The lines of the table, one for a pair of twins with its loosest bound."""
    pairs: dict[tuple[str, str], float] = {}
    optimizers = [(f"`{r.torch}`", f"`{r.fn.__name__}`", r.bound) for r in ROWS]
    schedules = [
        (f"`{s.torch.split('(')[0]}`", f"`{s.shown or s.ours.__qualname__.split('.')[0]}`", s.bound)
        for s in SCHEDULES
    ]
    for theirs, ours, bound in [*optimizers, *schedules, *PARTS]:
        pairs[theirs, ours] = max(bound, pairs.get((theirs, ours), 0.0))
    lines = [
        f"| {theirs} | {ours} | {bound:.0e} |".replace("e-0", "e-")
        for (theirs, ours), bound in pairs.items()
    ]
    return HEAD + "\n".join(lines) + "\n"


def written() -> str:
    """The file of jaxdl.optim with the table as it should be."""
    before, rest = Path(str(optim.__file__)).read_text().split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


if __name__ == "__main__":  # PYTHONPATH=src:tests python tests/tables/optimizers.py
    Path(str(optim.__file__)).write_text(written())
    sys.stdout.write(table())
