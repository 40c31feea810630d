"""Steps divided by the size of earlier gradients: rmsprop, adagrad and adadelta."""

from typing import NamedTuple

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._ranges import check
from jaxdl.optim._descent import Number, Rate, descend, lerp, like, off
from jaxdl.types import Array, PyTree


class RmspropMemory(NamedTuple):
    """What rmsprop remembers of an array."""

    nu: Array  # mean of the squared gradients
    mu: Array | None  # mean of the gradients, where centered
    velocity: Array | None  # momentum buffer, if any


def rmsprop(
    learning_rate: Rate = 1e-2,
    *,
    alpha: ArrayLike = 0.99,
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.0,
    momentum: ArrayLike = 0.0,
    centered: bool = False,
) -> optax.GradientTransformation:
    """Steps relative to the root mean square of the gradients: θ ← θ − η·b, b ← μ·b + g / (√v + ε).

    v ← α·v + (1 − α)·g². If centered, the squared mean gradient is subtracted from v, and the
    result is clipped at 0 (PyTorch doesn't clip, and can step to nan). By default ``optax.rmsprop``
    has another α and puts ε inside the root; it also multiplies η into b, which matters with a
    schedule.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        alpha: α in [0, 1).
        eps: ε ≥ 0.
        weight_decay: w ≥ 0; w·θ is added to the gradient.
        momentum: μ ≥ 0; a traced μ allocates b even if it is 0.
        centered: divide by the standard deviation of the gradients.

    Example:
        >>> tx = rmsprop(0.1, alpha=0.75)
        >>> params = jnp.zeros(2)
        >>> updates, state = tx.update(jnp.array([3.0, -4.0]), tx.init(params))
        >>> [round(u, 4) for u in updates.tolist()]
        [-0.2, 0.2]

    Reference:
        Tieleman and Hinton, Lecture 6.5: rmsprop, 2012. Graves, Generating Sequences With
        Recurrent Neural Networks, 2013 (centered).
    """
    check("rmsprop", alpha=alpha, eps=eps, momentum=momentum)

    def remember(p: Array) -> RmspropMemory:
        zeros = jnp.zeros_like
        mu, velocity = zeros(p) if centered else None, None if off(momentum) else zeros(p)
        return RmspropMemory(zeros(p), mu, velocity)

    def rule(
        g: Array, p: Array, memory: RmspropMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        a, e, m = (like(g, number) for number in (alpha, eps, momentum))
        nu = a * memory.nu + (1 - a) * g * g
        mu = lerp(memory.mu, g, 1 - a) if memory.mu is not None else None
        v = nu if mu is None else jnp.maximum(nu - mu * mu, 0.0)
        step = g / (jnp.sqrt(v) + e)
        velocity = None if memory.velocity is None else m * memory.velocity + step
        return rate * (step if velocity is None else velocity), RmspropMemory(nu, mu, velocity)

    return descend("rmsprop", learning_rate, rule, remember, weight_decay=weight_decay)


def adagrad(
    learning_rate: Rate = 1e-2,
    *,
    lr_decay: ArrayLike = 0.0,
    weight_decay: ArrayLike = 0.0,
    initial_accumulator_value: ArrayLike = 0.0,
    eps: ArrayLike = 1e-10,
) -> optax.GradientTransformation:
    """Steps divided by all gradients so far: θ ← θ − η_t·g / (√Σg² + ε), η_t = η / (1 + κ·(t − 1)).

    ``optax.adagrad`` puts ε inside the root and starts the sum at 0.1.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        lr_decay: κ ≥ 0.
        weight_decay: w ≥ 0; w·θ is added to the gradient.
        initial_accumulator_value: initial sum of squares, ≥ 0.
        eps: ε ≥ 0.

    Example:
        >>> tx = adagrad(0.1)
        >>> params, grads = jnp.zeros(1), jnp.full(1, 3.0)
        >>> updates, state = tx.update(grads, tx.init(params))
        >>> updates
        Array([-0.1], dtype=float32)

    Reference:
        Duchi et al., Adaptive Subgradient Methods for Online Learning and Stochastic Optimization,
        2011.
    """
    start = initial_accumulator_value
    check("adagrad", lr_decay=lr_decay, initial_accumulator_value=start, eps=eps)

    def rule(g: Array, p: Array, total: Array, rate: Number, t: Array) -> tuple[Array, PyTree]:
        decay, e = like(g, lr_decay), like(g, eps)
        total = total + g * g
        return rate / (1 + (t - 1) * decay) * g / (jnp.sqrt(total) + e), total

    return descend(
        "adagrad",
        learning_rate,
        rule,
        lambda p: jnp.full_like(p, start),
        weight_decay=weight_decay,
    )


class AdadeltaMemory(NamedTuple):
    """What adadelta remembers of an array."""

    nu: Array  # mean of the squared gradients
    delta: Array  # mean of the squared steps, before the learning rate


def adadelta(
    learning_rate: Rate = 1.0,
    *,
    rho: ArrayLike = 0.9,
    eps: ArrayLike = 1e-6,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """Steps in the units of the parameters: θ ← θ − η·d, d = √(u + ε) / √(v + ε)·g.

    v ← ρ·v + (1 − ρ)·g² and then u ← ρ·u + (1 − ρ)·d². ``optax.adadelta`` agrees if given
    a learning rate; without one it maximizes.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        rho: ρ in [0, 1).
        eps: ε ≥ 0.
        weight_decay: w ≥ 0; w·θ is added to the gradient.

    Example:
        >>> tx = adadelta(rho=0.75, eps=1e-4)
        >>> params = jnp.zeros(2)
        >>> updates, state = tx.update(jnp.array([30.0, -40.0]), tx.init(params))
        >>> [round(u, 4) for u in updates.tolist()]
        [-0.02, 0.02]

    Reference:
        Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012.
    """
    check("adadelta", rho=rho, eps=eps)

    def rule(
        g: Array, p: Array, memory: AdadeltaMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        r, e = like(g, rho), like(g, eps)
        nu = r * memory.nu + (1 - r) * g * g
        d = jnp.sqrt(memory.delta + e) / jnp.sqrt(nu + e) * g
        return rate * d, AdadeltaMemory(nu, r * memory.delta + (1 - r) * d * d)

    return descend(
        "adadelta",
        learning_rate,
        rule,
        lambda p: AdadeltaMemory(jnp.zeros_like(p), jnp.zeros_like(p)),
        weight_decay=weight_decay,
    )
