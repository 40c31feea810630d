"""Rows of the schedules of jaxdl.optim: their options, and their twins in torch.optim."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import optim

COUNTS = 60
VALUES = np.exp(-np.arange(COUNTS) / 9) + 0.1 * np.random.RandomState(2).uniform(size=COUNTS)


class Schedule(NamedTuple):
    """A schedule with one setting of its options, and its twin at the learning rate of 0.5."""

    id: str
    ours: Callable[[Any], Any]
    torch: str  # as "StepLR(optimizer, 7)"
    what: str = "lr"  # or "momentum", which some schedulers cycle too
    bound: float = 1e-12
    shown: str = ""  # how the table names one that isn't ours


# optax computes from int32 counters in float32, and its powers lose a digit over 60 steps.
FLOAT32 = 3e-6


def power(n: Any) -> Any:
    return 0.5 * 0.9 ** jnp.asarray(n, float)


SCHEDULES = [
    Schedule("lambda", power, "LambdaLR(optimizer, lambda n: 0.9**n)", shown="lambda n: η·f(n)"),
    Schedule(
        "multiplicative",
        power,
        "MultiplicativeLR(optimizer, lambda n: 0.9)",
        shown="lambda n: η·f**n",
    ),
    Schedule(
        "step",
        optax.exponential_decay(0.5, 7, 0.3, staircase=True),
        "StepLR(optimizer, 7, 0.3)",
        bound=FLOAT32,
        shown="optax.exponential_decay(η, step_size, gamma, staircase=True)",
    ),
    Schedule(
        "multi_step",
        optax.piecewise_constant_schedule(0.5, {5: 0.3, 17: 0.3}),
        "MultiStepLR(optimizer, [5, 17], 0.3)",
        bound=FLOAT32,
        shown="optax.piecewise_constant_schedule(η, {milestone: gamma, …})",
    ),
    Schedule(
        "constant",
        optax.piecewise_constant_schedule(0.5 / 3, {5: 3.0}),
        "ConstantLR(optimizer)",
        bound=FLOAT32,
        shown="optax.piecewise_constant_schedule(η·factor, {total_iters: 1 / factor})",
    ),
    Schedule(
        "linear",
        optax.linear_schedule(0.1, 0.5, 20),
        "LinearLR(optimizer, 0.2, 1.0, 20)",
        bound=FLOAT32,
        shown="optax.linear_schedule(η·start_factor, η·end_factor, total_iters)",
    ),
    Schedule(
        "exponential",
        optax.exponential_decay(0.5, 1, 0.9),
        "ExponentialLR(optimizer, 0.9)",
        bound=FLOAT32,
        shown="optax.exponential_decay(η, 1, gamma)",
    ),
    Schedule(
        "polynomial",
        optax.polynomial_schedule(0.5, 0.0, 2.0, 40),
        "PolynomialLR(optimizer, 40, 2.0)",
        bound=FLOAT32,
        shown="optax.polynomial_schedule(η, 0.0, power, total_iters)",
    ),
    Schedule(
        "sequential",
        optax.join_schedules(
            [optax.linear_schedule(0.05, 0.5, 10), optim.cosine_annealing(0.5, T_max=20)], [10]
        ),
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.1, 1.0, 10),"
        " CosineAnnealingLR(optimizer, 20)], [10])",
        bound=FLOAT32,
        shown="optax.join_schedules(schedules, milestones)",
    ),
    Schedule(
        "chained",
        # Past half a period PyTorch's CosineAnnealingLR adds, and is no factor in a chain.
        lambda n: optim.cosine_annealing(1.0, T_max=70)(n) * power(n),
        "ChainedScheduler([CosineAnnealingLR(optimizer, 70), ExponentialLR(optimizer, 0.9)])",
        shown="lambda n: f(n)·g(n)",
    ),
    Schedule(
        "swa",
        optax.cosine_decay_schedule(0.5, 10, alpha=0.1),
        "SWALR(optimizer, 0.05, 10)",
        bound=FLOAT32,
        shown="optax.cosine_decay_schedule(η, anneal_epochs, alpha=swa_lr / η)",
    ),
    Schedule(
        "cosine_annealing",
        optim.cosine_annealing(0.5, T_max=13, eta_min=0.1),
        "CosineAnnealingLR(optimizer, 13, 0.1)",
    ),
    Schedule(
        "cosine_warm_restarts",
        optim.cosine_warm_restarts(0.5, T_0=7, eta_min=0.1),
        "CosineAnnealingWarmRestarts(optimizer, 7, eta_min=0.1)",
    ),
    Schedule(
        "cosine_warm_restarts-T_mult=3",
        optim.cosine_warm_restarts(0.5, T_0=3, T_mult=3),
        "CosineAnnealingWarmRestarts(optimizer, 3, 3)",
    ),
    Schedule(
        "cyclic",
        optim.cyclic(0.1, 0.5, step_size_up=7),
        "CyclicLR(optimizer, 0.1, 0.5, 7)",
    ),
    Schedule(
        "cyclic-triangular2",
        optim.cyclic(0.1, 0.5, step_size_up=7, step_size_down=4, mode="triangular2"),
        "CyclicLR(optimizer, 0.1, 0.5, 7, 4, 'triangular2')",
    ),
    Schedule(
        "cyclic-exp_range",
        optim.cyclic(0.1, 0.5, step_size_up=4, step_size_down=9, mode="exp_range", gamma=0.97),
        "CyclicLR(optimizer, 0.1, 0.5, 4, 9, 'exp_range', 0.97)",
    ),
    Schedule(
        "cyclic-scale_fn",
        optim.cyclic(0.1, 0.5, step_size_up=7, scale_fn=lambda cycle: 1 / cycle),
        "CyclicLR(optimizer, 0.1, 0.5, 7, scale_fn=lambda cycle: 1 / cycle)",
    ),
    Schedule(
        "cyclic-momentum",
        optim.cyclic(0.9, 0.8, step_size_up=7, mode="triangular2"),
        "CyclicLR(optimizer, 0.1, 0.5, 7, mode='triangular2')",
        what="momentum",
    ),
    Schedule("one_cycle", optim.one_cycle(0.5, COUNTS), f"OneCycleLR(optimizer, 0.5, {COUNTS})"),
    Schedule(
        "one_cycle-linear",
        optim.one_cycle(0.5, COUNTS, anneal_strategy="linear", pct_start=0.41, div_factor=9.0),
        f"OneCycleLR(optimizer, 0.5, {COUNTS}, anneal_strategy='linear', pct_start=0.41,"
        " div_factor=9.0)",
    ),
    Schedule(
        "one_cycle-three_phase",
        optim.one_cycle(0.5, COUNTS, three_phase=True, final_div_factor=100.0),
        f"OneCycleLR(optimizer, 0.5, {COUNTS}, three_phase=True, final_div_factor=100.0)",
    ),
    Schedule(
        "one_cycle-momentum",
        optim.one_cycle(0.85, COUNTS, div_factor=0.85 / 0.95, final_div_factor=1.0),
        f"OneCycleLR(optimizer, 0.5, {COUNTS})",
        what="momentum",
    ),
    Schedule(
        "one_cycle-three_phase-momentum",
        optim.one_cycle(
            0.85, COUNTS, div_factor=0.85 / 0.95, final_div_factor=1.0, three_phase=True
        ),
        f"OneCycleLR(optimizer, 0.5, {COUNTS}, three_phase=True)",
        what="momentum",
    ),
]

# Options of both reduce_on_plateau and ReduceLROnPlateau, the latter at the learning rate of 1.
PLATEAUS: dict[str, dict[str, Any]] = {
    "default": {"patience": 2},
    "no_patience": {"patience": 0, "factor": 0.9},
    "max": {"mode": "max", "patience": 3, "factor": 0.5},
    "abs": {"threshold_mode": "abs", "threshold": 0.05, "patience": 1, "factor": 0.5},
    "max_abs": {"mode": "max", "threshold_mode": "abs", "patience": 5, "factor": 0.5},
    "cooldown": {"patience": 1, "cooldown": 4, "factor": 0.5},
    "least": {"patience": 0, "factor": 0.5, "min_lr": 0.1},
    "eps": {"patience": 0, "factor": 0.5, "eps": 0.02},
}
