"""Gradient descent: plain, with momentum, averaged, and by the sign alone."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._checks import number
from jaxdl._ranges import check
from jaxdl.optim._descent import Number, Rate, descend, like, off
from jaxdl.types import Array, PyTree


def gradient_descent(learning_rate: Rate) -> optax.GradientTransformation:
    """Gradient descent as the lectures write it: θ ← θ − η·∇L(θ).

    Args:
        learning_rate: η ≥ 0, a number or a schedule.

    Example:
        >>> tx = gradient_descent(0.5)
        >>> params = jnp.array([4.0, 2.0])
        >>> updates, state = tx.update(2 * params, tx.init(params))
        >>> optax.apply_updates(params, updates)
        Array([0., 0.], dtype=float32)
    """
    return descend("gradient_descent", learning_rate, lambda g, p, memory, rate, t: (rate * g, ()))


def sgd(
    learning_rate: Rate = 1e-3,
    *,
    momentum: ArrayLike = 0.0,
    dampening: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    nesterov: bool = False,
) -> optax.GradientTransformation:
    """Stochastic gradient descent with momentum: b ← μ·b + (1 − d)·g, θ ← θ − η·b.

    The first b is g itself, undamped. Nesterov momentum steps along g + μ·b. Without momentum, no
    b is kept. ``optax.sgd`` is the same without dampening, which it doesn't support.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        momentum: μ ≥ 0; a traced μ allocates b even if it is 0.
        dampening: d, without effect if there is no momentum.
        weight_decay: w ≥ 0; w·θ is added to the gradient.
        nesterov: use Nesterov momentum.

    Raises:
        ValueError: if ``nesterov`` is set without momentum or with dampening.

    Example:
        >>> tx = sgd(0.1, momentum=0.9)
        >>> params, grads = jnp.ones(1), jnp.ones(1)
        >>> updates, state = tx.update(grads, tx.init(params), params)
        >>> tx.update(grads, state, params)[0]
        Array([-0.19], dtype=float32)

    Reference:
        Sutskever et al., On the importance of initialization and momentum in deep learning, 2013.
    """
    check("sgd", momentum=momentum, dampening=dampening)
    damped = isinstance(dampening, int | float) and dampening != 0
    if nesterov and (off(momentum) or damped):
        raise ValueError(
            f"sgd: nesterov needs momentum and no dampening, got {momentum=} and {dampening=}"
        )

    def rule(g: Array, p: Array, b: Array, rate: Number, t: Array) -> tuple[Array, PyTree]:
        if off(momentum):
            return rate * g, ()
        m, d = like(g, momentum), like(g, dampening)
        b = m * b + (1 - d) * g if off(d) else jnp.where(t == 1, g, m * b + (1 - d) * g)
        return rate * (g + m * b if nesterov else b), b

    remember = (lambda p: ()) if off(momentum) else jnp.zeros_like
    return descend("sgd", learning_rate, rule, remember, weight_decay=weight_decay)


def asgd(
    learning_rate: Rate = 1e-2,
    *,
    lambd: ArrayLike = 1e-4,
    alpha: ArrayLike = 0.75,
    t0: ArrayLike = 1e6,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """Averaged gradient descent: θ ← θ − η_t·(g + λ·θ) with η_t = η / (1 + λ·η·(t − 1))^α.

    The state holds a ← a + (θ − a) / max(1, t − 1 − t₀), the mean of the parameters after step t₀,
    as each array's memory. It doesn't see later transformations of a chain; ``swa`` does.
    PyTorch's η_t follows a scheduler one step late; this one doesn't lag.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        lambd: λ, how fast the rate and the parameters decay.
        alpha: α, the power of the decay.
        t0: t₀, the step after which averaging starts.
        weight_decay: w ≥ 0; w·θ is added to the gradient.

    Example:
        >>> tx = asgd(0.1)
        >>> params = jnp.ones(1)
        >>> updates, state = tx.update(jnp.ones(1), tx.init(params), params)
        >>> state.memory
        Array([0.89999], dtype=float32)

    Reference:
        Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992.
    """
    check("asgd", lambd=lambd, alpha=alpha, t0=t0)

    def rule(g: Array, p: Array, mean: Array, rate: Number, t: Array) -> tuple[Array, PyTree]:
        decay, power, start = like(g, lambd), like(g, alpha), like(g, t0)
        step = rate / (1 + decay * rate * (t - 1)) ** power * (g + decay * p)
        return step, mean + (p - step - mean) / jnp.maximum(1, t - 1 - start)

    return descend(
        "asgd",
        learning_rate,
        rule,
        jnp.zeros_like,
        weight_decay=weight_decay,
        needs_params=True,
    )


class RpropMemory(NamedTuple):
    """What rprop remembers of an array."""

    sign: Array  # of the last gradient, 0 where the step was skipped
    size: Array  # of the next step


def rprop(
    learning_rate: ArrayLike = 1e-2,
    *,
    etas: tuple[ArrayLike, ArrayLike] = (0.5, 1.2),
    step_sizes: tuple[ArrayLike, ArrayLike] = (1e-6, 50.0),
) -> optax.GradientTransformation:
    """Resilient propagation: θ ← θ − Δ·sign(g), with a step size Δ for every entry.

    Where g keeps its sign, Δ is multiplied by η⁺; where the sign changes, Δ is multiplied by η⁻ and
    θ skips a step. Use whole batches, as noise flips signs. ``optax.rprop`` lags by one step and
    doesn't move in the first.

    Args:
        learning_rate: the initial Δ ≥ 0, a number; it isn't used later.
        etas: (η⁻, η⁺), 0 < η⁻ < 1 < η⁺.
        step_sizes: the smallest and the largest Δ.

    Raises:
        TypeError: if the learning rate is not a number.

    Example:
        >>> tx = rprop(0.1)
        >>> params, grads = jnp.zeros(2), jnp.array([5.0, -0.01])
        >>> updates, state = tx.update(grads, tx.init(params))
        >>> tx.update(grads, state)[0]
        Array([-0.12,  0.12], dtype=float32)

    Reference:
        Riedmiller and Braun, A direct adaptive method for faster backpropagation learning, 1993.
    """
    if callable(learning_rate):
        raise TypeError("rprop: learning_rate is a schedule; it is the first step size, a number")
    shrink, grow = _pair("etas", etas, lambda low, high: 0 < low < 1 < high, "0 < η⁻ < 1 < η⁺")
    _pair("step_sizes", step_sizes, lambda low, high: 0 <= low <= high, "0 ≤ least ≤ largest")

    def remember(p: Array) -> RpropMemory:
        return RpropMemory(jnp.zeros_like(p), jnp.full_like(p, learning_rate))

    def rule(
        g: Array, p: Array, memory: RpropMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        low, high = (like(g, number) for number in step_sizes)
        sign = jnp.sign(g)
        # PyTorch multiplies gradients instead of signs, which underflows if they are small.
        turn = sign * memory.sign
        factor = jnp.where(turn > 0, like(g, grow), jnp.where(turn < 0, like(g, shrink), 1.0))
        size = jnp.clip(memory.size * factor, low, high)
        sign = jnp.where(turn < 0, 0.0, sign)
        return sign * size, RpropMemory(sign, size)

    return descend("rprop", learning_rate, rule, remember)


def _pair(
    name: str,
    pair: tuple[ArrayLike, ArrayLike],
    holds: Callable[[float, float], bool],
    needed: str,
) -> tuple[ArrayLike, ArrayLike]:
    """Returns a pair of numbers, or raises if values that aren't traced violate the condition."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"rprop: {name} is {pair!r}; it must be a pair with {needed}")
    low, high = (number("rprop", f"{name}[{i}]", x) for i, x in enumerate(pair))
    if low is not None and high is not None and not holds(low, high):
        raise ValueError(f"rprop: {name} is {pair}; it must be a pair with {needed}")
    return pair[0], pair[1]
