"""Adam and its variants: decoupled decay, AMSGrad, AdaMax and lazy rows."""

from typing import NamedTuple

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._ranges import check
from jaxdl.optim._descent import Number, Rate, bias, descend, lerp, like
from jaxdl.types import Array, PyTree

Betas = tuple[ArrayLike, ArrayLike]


class AdamMemory(NamedTuple):
    """What adam remembers of an array."""

    mu: Array  # mean of the gradients
    nu: Array  # mean of their squares
    nu_max: Array | None = None  # running maximum of nu, for amsgrad


def adam(
    learning_rate: Rate = 1e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.0,
    amsgrad: bool = False,
    decoupled_weight_decay: bool = False,
) -> optax.GradientTransformation:
    """Adaptive moments: θ ← θ − η·m̂ / (√v̂ + ε).

    m ← β₁·m + (1 − β₁)·g and v ← β₂·v + (1 − β₂)·g², m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).
    ``amsgrad`` replaces v by its running maximum; ``optax.amsgrad`` uses the maximum of v̂, a
    different algorithm. 1 − βᵗ is exact in float32; in ``optax.adam`` its relative error reaches
    2e-4 in the first steps.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        betas: (β₁, β₂), both in [0, 1).
        eps: ε ≥ 0.
        weight_decay: w ≥ 0; w·θ is added to the gradient.
        amsgrad: use the running maximum of v.
        decoupled_weight_decay: subtract η·w·θ from θ instead, as ``adamw`` does by default.

    Example:
        >>> tx = adam(0.1)
        >>> params = jnp.zeros(3)
        >>> updates, state = tx.update(jnp.array([1e-3, 1.0, -1e3]), tx.init(params))
        >>> [round(u, 4) for u in updates.tolist()]
        [-0.1, -0.1, 0.1]

    Reference:
        Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015. Reddi et al., On the
        Convergence of Adam and Beyond, 2018.
    """
    decay = (weight_decay, decoupled_weight_decay)
    return two_moments("adam", learning_rate, betas, eps, decay, amsgrad)


def adamw(
    learning_rate: Rate = 1e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 1e-2,
    amsgrad: bool = False,
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay: θ ← θ − η·w·θ − η·m̂ / (√v̂ + ε).

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        betas: (β₁, β₂), both in [0, 1).
        eps: ε ≥ 0.
        weight_decay: w ≥ 0; the default of ``optax.adamw`` is 1e-4.
        amsgrad: use the running maximum of v; see ``adam``.

    Example:
        >>> tx = adamw(0.1, weight_decay=0.5)
        >>> params = jnp.ones(1)
        >>> tx.update(jnp.zeros(1), tx.init(params), params)[0]
        Array([-0.05], dtype=float32)

    Reference:
        Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019.
    """
    decay = (weight_decay, True)
    return two_moments("adamw", learning_rate, betas, eps, decay, amsgrad)


def two_moments(
    name: str,
    learning_rate: Rate,
    betas: Betas,
    eps: ArrayLike,
    decay: tuple[ArrayLike, bool],
    amsgrad: bool,
) -> optax.GradientTransformation:
    """Returns adam or adamw; ``decay`` is (weight, decoupled)."""
    check_moments(name, betas, eps)

    def remember(p: Array) -> AdamMemory:
        zeros = jnp.zeros_like
        return AdamMemory(zeros(p), zeros(p), zeros(p) if amsgrad else None)

    def rule(
        g: Array, p: Array, memory: AdamMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        b1, b2, e = (like(g, number) for number in (*betas, eps))
        mu, nu = lerp(memory.mu, g, 1 - b1), b2 * memory.nu + (1 - b2) * g * g
        nu_max = None if memory.nu_max is None else jnp.maximum(memory.nu_max, nu)
        m, v = mu / bias(b1, t), (nu if nu_max is None else nu_max) / bias(b2, t)
        return rate * m / (jnp.sqrt(v) + e), AdamMemory(mu, nu, nu_max)

    return descend(
        name,
        learning_rate,
        rule,
        remember,
        weight_decay=decay[0],
        decoupled=decay[1],
    )


def adamax(
    learning_rate: Rate = 2e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """Adam with a maximum as its second moment: θ ← θ − η·m̂ / u, u ← max(β₂·u, |g| + ε).

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        betas: (β₁, β₂), both in [0, 1).
        eps: ε ≥ 0.
        weight_decay: w ≥ 0; w·θ is added to the gradient.

    Example:
        >>> tx = adamax(0.1)
        >>> params = jnp.zeros(2)
        >>> updates, state = tx.update(jnp.array([3.0, -4.0]), tx.init(params))
        >>> [round(u, 4) for u in updates.tolist()]
        [-0.1, 0.1]

    Reference:
        Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, section 7.
    """
    check_moments("adamax", betas, eps)

    def rule(
        g: Array, p: Array, memory: AdamMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        b1, b2, e = (like(g, number) for number in (*betas, eps))
        mu, nu = lerp(memory.mu, g, 1 - b1), jnp.maximum(b2 * memory.nu, jnp.abs(g) + e)
        return rate * mu / (bias(b1, t) * nu), AdamMemory(mu, nu)

    return descend("adamax", learning_rate, rule, two_zeros, weight_decay=weight_decay)


def sparse_adam(
    learning_rate: Rate = 1e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: ArrayLike = 1e-8,
) -> optax.GradientTransformation:
    """Adam that skips rows without a gradient: θᵢ and its moments stay as they are where gᵢ = 0.

    θᵢ ← θᵢ − η·√(1 − β₂ᵗ)·mᵢ / ((1 − β₁ᵗ)·(√vᵢ + ε)) for the rows i along the first axis; t counts
    all steps and ε isn't corrected for bias, both as in PyTorch. JAX has no sparse gradients, so a
    row counts as absent if all its entries are 0. Meant for embeddings.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        betas: (β₁, β₂), both in [0, 1).
        eps: ε ≥ 0.

    Example:
        >>> tx = sparse_adam(0.1)
        >>> params = jnp.zeros((2, 2))
        >>> updates, state = tx.update(jnp.array([[0.0, 0.0], [1.0, 0.0]]), tx.init(params))
        >>> [round(u, 4) for u in updates[:, 0].tolist()]
        [-0.0, -0.1]
    """
    check_moments("sparse_adam", betas, eps)

    def rule(
        g: Array, p: Array, memory: AdamMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        b1, b2, e = (like(g, number) for number in (*betas, eps))
        present = jnp.any(g != 0, axis=tuple(range(1, g.ndim)), keepdims=True)
        mu = jnp.where(present, lerp(memory.mu, g, 1 - b1), memory.mu)
        nu = jnp.where(present, lerp(memory.nu, g * g, 1 - b2), memory.nu)
        size = rate * jnp.sqrt(bias(b2, t)) / bias(b1, t)
        return jnp.where(present, size * mu / (jnp.sqrt(nu) + e), 0.0), AdamMemory(mu, nu)

    return descend("sparse_adam", learning_rate, rule, two_zeros)


def two_zeros(p: Array) -> AdamMemory:
    """Returns the initial memory: two moments of zero."""
    return AdamMemory(jnp.zeros_like(p), jnp.zeros_like(p))


def check_moments(name: str, betas: object, eps: object) -> None:
    """Raises a ValueError unless betas are two numbers in [0, 1), and eps at least 0."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(f"{name}: betas is {betas!r}; it must be a pair (β₁, β₂)")
    check(name, **{"betas[0]": betas[0], "betas[1]": betas[1], "eps": eps})
