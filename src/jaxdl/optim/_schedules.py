"""Schedules that optax lacks or defines differently: cycles, one cycle and periodic cosines.

A schedule maps the integer number of updates made so far to the rate of the next one. It is
computed in JAX's default float, from positions in the cycle that are exact at any count.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._checks import one_of
from jaxdl._ranges import check, constants
from jaxdl.optim._descent import Number, like, log
from jaxdl.types import Array

Count: TypeAlias = Array | int

LARGEST_COUNT = 2**31 - 1  # optax counts in int32


def cyclic(
    base_lr: ArrayLike,
    max_lr: ArrayLike,
    *,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
    gamma: ArrayLike = 1.0,
    scale_fn: Callable[[Array], Array] | None = None,
    scale_mode: Literal["cycle", "iterations"] = "cycle",
) -> optax.Schedule:
    """A rate that rises and falls linearly: η = low + (high − low)·h·s.

    h goes from 0 to 1 and back once per cycle; s is 1 (triangular), ½ for each earlier cycle
    (triangular2), or γⁿ after n steps (exp_range). To cycle momentum against it, as PyTorch does
    by default, use ``cyclic(max_momentum, base_momentum, …)`` with
    ``optax.inject_hyperparams(sgd)``.

    Args:
        base_lr: low.
        max_lr: high.
        step_size_up: number of steps in the rise.
        step_size_down: number of steps in the fall. Defaults to ``step_size_up``.
        mode: selects s.
        gamma: γ of exp_range.
        scale_fn: computes s from the cycle's number (from 1) or from n; overrides ``mode``.
        scale_mode: whether ``scale_fn`` takes the cycle's number or n.

    Example:
        >>> schedule = cyclic(0.0, 1.0, step_size_up=2)
        >>> [float(schedule(n)) for n in range(6)]
        [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]

    Reference:
        Smith, Cyclical Learning Rates for Training Neural Networks, 2017.
    """
    down = step_size_up if step_size_down is None else step_size_down
    up, down = constants("cyclic", step_size_up=step_size_up, step_size_down=down)
    check("cyclic", base_lr=base_lr, max_lr=max_lr, gamma=gamma)
    one_of("cyclic", "mode", mode, ("triangular", "triangular2", "exp_range"))
    one_of("cyclic", "scale_mode", scale_mode, ("cycle", "iterations"))
    factors: dict[str, Callable[[Array, Array], Number]] = {
        "triangular": lambda cycle, n: 1.0,
        "triangular2": lambda cycle, n: jnp.exp2(1 - cycle),
        "exp_range": lambda cycle, n: jnp.exp(n * log(gamma)),
    }
    own = lambda cycle, n: scale_fn(cycle if scale_mode == "cycle" else n)  # type: ignore[misc]
    factor = factors[mode] if scale_fn is None else own

    def schedule(count: Count) -> Array:
        position = real(count % (up + down))
        height = jnp.where(position <= up, position / up, (up + down - position) / down)
        scale = factor(real(1 + count // (up + down)), real(count))
        return mix(base_lr, max_lr, height * scale, 1 - height * scale)

    return schedule


def one_cycle(
    max_lr: ArrayLike,
    total_steps: int,
    *,
    pct_start: float = 0.3,
    anneal_strategy: Literal["cos", "linear"] = "cos",
    div_factor: ArrayLike = 25.0,
    final_div_factor: ArrayLike = 1e4,
    three_phase: bool = False,
) -> optax.Schedule:
    """A rate that rises once and falls for the rest: max/d → max → max/(d·f), by half cosines.

    The rise ends at step p·T − 1 and the fall at T − 1, each one step earlier than in optax;
    ``three_phase`` first falls to max/d, by step 2·p·T − 2. After step T − 1 the rate is constant.
    To cycle momentum against it, as PyTorch does by default, use
    ``one_cycle(low, total_steps, div_factor=low / high, final_div_factor=1.0)`` with low = 0.85
    and high = 0.95, and ``optax.inject_hyperparams(sgd)``.

    Args:
        max_lr: max, the highest rate.
        total_steps: T, epochs times steps per epoch.
        pct_start: p, the fraction of steps in the rise, in [0, 1].
        anneal_strategy: half cosines or straight lines.
        div_factor: d.
        final_div_factor: f.
        three_phase: fall to max/d as fast as it rose, and only then to max/(d·f).

    Example:
        >>> schedule = one_cycle(1.0, 10, anneal_strategy="linear", div_factor=2.0)
        >>> [round(float(schedule(n)), 3) for n in (0, 1, 2, 9, 99)]
        [0.5, 0.75, 1.0, 0.0, 0.0]

    Reference:
        Smith and Topin, Super-Convergence: Very Fast Training of Neural Networks Using Large
        Learning Rates, 2018.
    """
    check("one_cycle", max_lr=max_lr, div_factor=div_factor, final_div_factor=final_div_factor)
    total_steps, pct_start = constants("one_cycle", total_steps=total_steps, pct_start=pct_start)
    one_of("one_cycle", "anneal_strategy", anneal_strategy, ("cos", "linear"))
    top: Any = max_lr
    low, last = top / div_factor, top / div_factor / final_div_factor
    rise = (pct_start * total_steps - 1, low, top)
    fall = (2 * pct_start * total_steps - 2, top, low)
    end = (total_steps - 1, low if three_phase else top, last)
    phases = (rise, fall, end) if three_phase else (rise, end)
    weight = half_cosine if anneal_strategy == "cos" else lambda share: share

    def schedule(count: Count) -> Array:
        n, rates, begin = real(count), [], 0.0
        for stop, first, then in phases:
            length = max(stop - begin, 1e-6)
            done, left = (weight(jnp.clip(x / length, 0.0, 1.0)) for x in (n - begin, stop - n))
            rates.append(mix(first, then, done, left))
            begin = stop
        inside = [n <= stop for stop, _, _ in phases[:-1]]
        return jnp.select(inside, rates[:-1], rates[-1])

    return schedule


def cosine_annealing(
    learning_rate: ArrayLike, *, T_max: int, eta_min: ArrayLike = 0.0
) -> optax.Schedule:
    """A periodic cosine: η_n = η_min + ½(η − η_min)·(1 + cos(π·n/T)).

    It reaches η_min after T steps and returns to η after 2T; ``optax.cosine_decay_schedule`` is
    equal up to step T, and then stays at its minimum.

    Args:
        learning_rate: η, the rate at step 0.
        T_max: T, half a period in steps.
        eta_min: η_min.

    Example:
        >>> schedule = cosine_annealing(1.0, T_max=2)
        >>> [round(float(schedule(n)), 3) for n in range(5)]
        [1.0, 0.5, 0.0, 0.5, 1.0]

    Reference:
        Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017.
    """
    check("cosine_annealing", learning_rate=learning_rate, eta_min=eta_min)
    (T_max,) = constants("cosine_annealing", T_max=T_max)
    return lambda count: cosine(learning_rate, eta_min, count % (2 * T_max), T_max)


def cosine_warm_restarts(
    learning_rate: ArrayLike, *, T_0: int, T_mult: int = 1, eta_min: ArrayLike = 0.0
) -> optax.Schedule:
    """A cosine with warm restarts: η_n = η_min + ½(η − η_min)·(1 + cos(π·k/Tᵢ)).

    k counts steps since the last restart; the i-th fall, from i = 0, takes Tᵢ = T₀·mⁱ steps.
    ``optax.sgdr_schedule`` takes a finite list of falls instead.

    Args:
        learning_rate: η, the rate at every restart.
        T_0: T₀, number of steps in the first fall.
        T_mult: m, the factor by which each fall is longer than the one before.
        eta_min: η_min, which a fall would reach at the step of the next restart.

    Example:
        >>> schedule = cosine_warm_restarts(1.0, T_0=2, T_mult=2)
        >>> [round(float(schedule(n)), 3) for n in range(7)]
        [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]

    Reference:
        Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017.
    """
    check("cosine_warm_restarts", learning_rate=learning_rate, eta_min=eta_min)
    T_0, T_mult = constants("cosine_warm_restarts", T_0=T_0, T_mult=T_mult)
    starts = [0, T_0]
    while T_mult > 1 and starts[-1] <= LARGEST_COUNT:
        starts.append(starts[-1] + (starts[-1] - starts[-2]) * T_mult)
    lengths = [b - a for a, b in itertools.pairwise(starts)]

    def schedule(count: Count) -> Array:
        n = jnp.asarray(count, jnp.int32)
        if T_mult == 1:
            return cosine(learning_rate, eta_min, n % T_0, T_0)
        begins = jnp.array(starts[:-1], jnp.int32)
        i = jnp.sum(n >= begins) - 1
        return cosine(learning_rate, eta_min, n - begins[i], jnp.array(lengths, float)[i])

    return schedule


def cosine(first: ArrayLike, then: ArrayLike, count: ArrayLike, length: ArrayLike) -> Array:
    """Returns the rate after ``count`` of the ``length`` steps of half a cosine."""
    done, whole = real(count), real(length)
    return mix(first, then, half_cosine(done / whole), half_cosine((whole - done) / whole))


def half_cosine(share: Array) -> Array:
    """Returns ½(1 − cos(π·share)), from 0 at 0 to 1 at 1, as a square: the cosine would cancel."""
    return jnp.square(jnp.sin(math.pi / 2 * share))


def mix(first: ArrayLike, then: ArrayLike, done: Array, left: Array) -> Array:
    """Returns a weighted mean of two rates; the weights add up to 1.

    The sum is exact at both ends and keeps the digits of a small final rate, which would cancel
    in ``first + (then − first)·done``.
    """
    return like(done, first) * left + like(done, then) * done


def real(count: ArrayLike) -> Array:
    """Returns a count as a float."""
    return jnp.asarray(count, dtype=float)
