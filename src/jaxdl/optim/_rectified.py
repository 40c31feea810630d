"""Variants of Adam: Nesterov momentum and a rectified learning rate."""

from typing import NamedTuple

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._ranges import check
from jaxdl.optim._adam import AdamMemory, Betas, check_moments, two_zeros
from jaxdl.optim._descent import Number, Rate, bias, descend, lerp, like, log
from jaxdl.types import Array, PyTree


class NadamMemory(NamedTuple):
    """What nadam remembers of an array."""

    mu: Array  # mean of the gradients
    nu: Array  # mean of their squares
    product: Array  # scalar, the product of all momenta so far


def nadam(
    learning_rate: Rate = 2e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.0,
    momentum_decay: ArrayLike = 4e-3,
    decoupled_weight_decay: bool = False,
) -> optax.GradientTransformation:
    """Adam with Nesterov momentum that warms up: θ ← θ − η·m̂ / (√v̂ + ε).

    m̂ = (1 − μ_t)·g / (1 − Πμ) + μ_{t+1}·m / (1 − Πμ·μ_{t+1}), where μ_t = β₁·(1 − ½·0.96^{ψt}) and
    Πμ = μ₁⋯μ_t; m, v and v̂ are those of ``adam``. ``optax.nadam`` keeps μ constant, so no
    choice of its options reproduces these steps.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        betas: (β₁, β₂), both in [0, 1).
        eps: ε ≥ 0.
        weight_decay: w ≥ 0; w·θ is added to the gradient.
        momentum_decay: ψ ≥ 0.
        decoupled_weight_decay: subtract η·w·θ from θ instead.

    Example:
        >>> tx = nadam(0.1)
        >>> params = jnp.zeros(2)
        >>> updates, state = tx.update(jnp.array([3.0, -3.0]), tx.init(params))
        >>> [round(u, 4) for u in updates.tolist()]
        [-0.1056, 0.1056]

    Reference:
        Dozat, Incorporating Nesterov Momentum into Adam, 2016.
    """
    check_moments("nadam", betas, eps)
    check("nadam", momentum_decay=momentum_decay)

    def remember(p: Array) -> NadamMemory:
        return NadamMemory(*two_zeros(p)[:2], jnp.ones((), p.dtype))

    def rule(
        g: Array, p: Array, memory: NadamMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        b1, b2, e, psi = (like(g, number) for number in (*betas, eps, momentum_decay))
        now, later = (b1 * (1 - 0.5 * jnp.exp(log(0.96) * psi * n)) for n in (t, t + 1))
        product = memory.product * now
        mu, nu = lerp(memory.mu, g, 1 - b1), b2 * memory.nu + (1 - b2) * g * g
        m = (1 - now) / (1 - product) * g + later / (1 - product * later) * mu
        step = rate * m / (jnp.sqrt(nu / bias(b2, t)) + e)
        return step, NadamMemory(mu, nu, product)

    return descend(
        "nadam",
        learning_rate,
        rule,
        remember,
        weight_decay=weight_decay,
        decoupled=decoupled_weight_decay,
    )


def radam(
    learning_rate: Rate = 1e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.0,
    decoupled_weight_decay: bool = False,
) -> optax.GradientTransformation:
    """Adam with a rectified rate while v averages few gradients: θ ← θ − η·r_t·m̂ / l_t.

    m, v and m̂ are those of ``adam``; l_t = (√v + ε) / √(1 − β₂ᵗ) and
    r_t² = (ρ_t − 4)(ρ_t − 2)·ρ_∞ / ((ρ_∞ − 4)(ρ_∞ − 2)·ρ_t), where ρ_t = ρ_∞ − 2tβ₂ᵗ / (1 − β₂ᵗ)
    and ρ_∞ = 2 / (1 − β₂) − 1. While ρ_t ≤ 5 the step is η·m̂ alone. ``optax.radam`` corrects v
    before adding ε, and loses four digits of ρ_t in float32.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        betas: (β₁, β₂), both in [0, 1).
        eps: ε ≥ 0.
        weight_decay: w ≥ 0; w·θ is added to the gradient.
        decoupled_weight_decay: subtract η·w·θ from θ instead.

    Example:
        >>> tx = radam(0.1)
        >>> params = jnp.zeros(2)
        >>> updates, state = tx.update(jnp.array([3.0, -4.0]), tx.init(params))
        >>> [round(u, 4) for u in updates.tolist()]
        [-0.3, 0.4]

    Reference:
        Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, 2020.
    """
    check_moments("radam", betas, eps)

    def rule(
        g: Array, p: Array, memory: AdamMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        b1, b2, e = (like(g, number) for number in (*betas, eps))
        mu, nu = lerp(memory.mu, g, 1 - b1), b2 * memory.nu + (1 - b2) * g * g
        limit, length = 2 / (1 - b2) - 1, average_length(b2, t)
        # Keeps the square root's argument positive where the result is unused.
        n = jnp.where(length > 5, length, 6.0)
        r = jnp.sqrt((n - 4) * (n - 2) / n * limit / ((limit - 4) * (limit - 2)))
        scale = jnp.where(length > 5, r * jnp.sqrt(bias(b2, t)) / (jnp.sqrt(nu) + e), 1.0)
        return rate * mu / bias(b1, t) * scale, AdamMemory(mu, nu)

    return descend(
        "radam",
        learning_rate,
        rule,
        two_zeros,
        weight_decay=weight_decay,
        decoupled=decoupled_weight_decay,
    )


def average_length(decay: Number, t: Array) -> Array:
    """Returns ρ_t of radam, the length of the simple average with the same mean age.

    With x = −log β, ρ_t = coth(x/2) − t·(coth(tx/2) − 1). While ρ_t is near t, both terms are
    near 2/x (2000 for β = 0.999), so 1/y is removed from each coth before subtracting.
    """
    x = jnp.minimum(-log(decay), 1e30)
    early = t + coth_rest(x / 2) - t * coth_rest(t * x / 2)
    late = 2 / (1 - decay) - 1 - 2 * t / jnp.expm1(t * x)
    return jnp.where(t * x < 2, early, late)


def coth_rest(y: Number) -> Array:
    """Returns coth(y) − 1/y = y / (3 + y² / (5 + y² / (7 + …))) for y in [0, 1]; cut off above."""
    y = jnp.minimum(y, 1.0)
    rest: Number = 0.0
    for odd in range(19, 3, -2):
        rest = y * y / (odd + rest)
    return y / (3 + rest)
