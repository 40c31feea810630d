"""Algorithms that treat a parameter as a matrix: adafactor and muon."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl import _checks, _paths, _ranges
from jaxdl.optim._descent import Number, Rate, descend, lerp, like
from jaxdl.types import Array, Params, PyTree


class AdafactorMemory(NamedTuple):
    """What adafactor remembers of an array: a row and a column of a matrix, or else all of v."""

    row: Array | None
    column: Array | None
    whole: Array | None


def adafactor(
    learning_rate: Rate = 1e-2,
    *,
    beta2_decay: ArrayLike = -0.8,
    eps: tuple[ArrayLike | None, ArrayLike] = (None, 1e-3),
    d: ArrayLike = 1.0,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """Adaptive steps with row and column statistics: θ ← θ − η·w·θ − α·u / max(1, rms(u)/d).

    u = g / √v with v_ij = r_i·c_j / mean(r), where r and c are the running means of g² over the
    columns and over the rows, with the weight 1 − t^γ on the past, and
    α = max(ε₂, rms(θ))·min(η, 1/√t). Arrays of fewer than two axes keep all of v. With more than
    two axes, the last two are factored: a convolution kernel's channels here, its window in
    PyTorch. ``optax.adafactor`` has another η, factors only axes of 128 entries or more, and
    doesn't multiply w by η.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        beta2_decay: γ ≤ 0.
        eps: (ε₁, ε₂): the smallest √v, or None for the machine epsilon of the computation's dtype,
            and the smallest rms(θ).
        d: the largest rms of u, ≥ 1.
        weight_decay: w ≥ 0.

    Example:
        >>> tx = adafactor(0.1)
        >>> params = jnp.ones((2, 3))
        >>> updates, state = tx.update(jnp.ones((2, 3)), tx.init(params), params)
        >>> updates[0], state.memory.row.shape, state.memory.column.shape
        (Array([-0.1, -0.1, -0.1], dtype=float32), (2, 1), (1, 3))

    Reference:
        Shazeer and Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, 2018.
    """
    if not isinstance(eps, tuple | list) or len(eps) != 2:
        raise ValueError(f"adafactor: eps is {eps!r}; it must be a pair (ε₁, ε₂)")
    eps1, eps2 = eps
    given = {} if eps1 is None else {"eps[0]": eps1}
    _ranges.check("adafactor", d=d, beta2_decay=beta2_decay, **given, **{"eps[1]": eps2})

    def remember(p: Array) -> AdafactorMemory:
        if p.ndim < 2:
            return AdafactorMemory(None, None, jnp.zeros_like(p))
        return AdafactorMemory(jnp.zeros_like(p[..., :1]), jnp.zeros_like(p[..., :1, :]), None)

    def rule(
        g: Array, p: Array, memory: AdafactorMemory, rate: Number, t: Array
    ) -> tuple[Array, PyTree]:
        least = jnp.finfo(g.dtype).eps.item() if eps1 is None else like(g, eps1)
        memory = accumulate(g * g, memory, t ** like(g, beta2_decay))
        u = g * jax.lax.rsqrt(jnp.maximum(estimate(memory, least), least * least))
        alpha = jnp.maximum(like(g, eps2), rms(p)) * jnp.minimum(rate, jax.lax.rsqrt(t))
        return alpha * u / jnp.maximum(1.0, rms(u) / like(g, d)), memory

    return descend(
        "adafactor",
        learning_rate,
        rule,
        remember,
        weight_decay=weight_decay,
        decoupled=True,
        needs_params=True,
    )


# PyTree: a memory has either row and column or the whole, as types can't say.
def accumulate(square: Array, memory: PyTree, weight: Array) -> AdafactorMemory:
    """Returns the memory updated with the latest squares."""
    if memory.row is None:
        return AdafactorMemory(None, None, lerp(memory.whole, square, weight))
    row = lerp(memory.row, square.mean(axis=-1, keepdims=True), weight)
    return AdafactorMemory(row, lerp(memory.column, square.mean(-2, keepdims=True), weight), None)


def estimate(memory: PyTree, least: Number) -> Array:
    """Returns v, rebuilt from its row and column if factored."""
    if memory.row is None:
        return memory.whole
    mean = jnp.maximum(memory.row.mean(axis=-2, keepdims=True), least)
    return memory.row * memory.column / mean


def rms(x: Array) -> Array:
    """Returns the root mean square of an array."""
    return jnp.sqrt(jnp.mean(x * x))


def muon(
    learning_rate: Rate = 1e-3,
    *,
    weight_decay: ArrayLike = 0.1,
    momentum: ArrayLike = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[ArrayLike, ArrayLike, ArrayLike] = (3.4445, -4.775, 2.0315),
    eps: ArrayLike = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None,
) -> optax.GradientTransformation:
    """Orthogonalized momentum: θ ← θ − η·w·θ − η·s·N(b), for kernels of shape (n_in, n_out).

    b ← μ·b + (1 − μ)·g; Nesterov momentum then uses (1 − μ)·g + μ·b. N runs a few Newton–Schulz
    steps towards the nearest matrix with orthonormal rows or columns; s = √max(1, n_out/n_in), or
    0.2·√max(n_in, n_out) to match the steps of AdamW. It computes in the parameters' dtype, where
    PyTorch rounds N to bfloat16 and is off by 1 %. Use ``by_path`` to choose another algorithm for
    arrays that don't have two axes. ``optax.contrib.muon`` mixes g and b differently.

    Args:
        learning_rate: η ≥ 0, a number or a schedule.
        weight_decay: w ≥ 0.
        momentum: μ in [0, 1).
        nesterov: use Nesterov momentum.
        ns_coefficients: (a, b, c) of the iteration X ← a·X + b·(XXᵀ)X + c·(XXᵀ)²X.
        eps: the smallest norm to divide by.
        ns_steps: number of iterations, from 1 to 99.
        adjust_lr_fn: selects s; None means ``"original"``.

    Raises:
        ValueError: if a parameter doesn't have two axes.

    Example:
        >>> tx = muon(0.1)
        >>> params = jnp.zeros((2, 2))
        >>> grads = jnp.array([[3.0, 0.0], [0.0, 4.0]])
        >>> updates, state = tx.update(grads, tx.init(params), params)
        >>> [round(u, 3) for u in jnp.diag(updates).tolist()]
        [-0.072, -0.112]

    Reference:
        Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024,
        https://kellerjordan.github.io/posts/muon/.
    """
    _ranges.check("muon", momentum=momentum, eps=eps)
    (ns_steps,) = _ranges.constants("muon", ns_steps=ns_steps)
    if len(ns_coefficients) != 3 or ns_steps >= 100:
        raise ValueError(f"muon: needs 3 coefficients, {ns_coefficients=}, and {ns_steps=} < 100")
    choices = (None, "original", "match_rms_adamw")
    _checks.one_of("muon", "adjust_lr_fn", adjust_lr_fn, choices)

    def rule(g: Array, p: Array, b: Array, rate: Number, t: Array) -> tuple[Array, PyTree]:
        m = like(g, momentum)
        b = lerp(b, g, 1 - m)
        direction = orthogonalize(lerp(g, b, m) if nesterov else b, ns_coefficients, ns_steps, eps)
        return rate * muon_scale(g.shape, adjust_lr_fn) * direction, b

    tx = descend(
        "muon", learning_rate, rule, jnp.zeros_like, weight_decay=weight_decay, decoupled=True
    )

    def init(params: Params) -> PyTree:
        for path, p in jax.tree.leaves_with_path(params):
            if jnp.ndim(p) != 2:
                where = _paths.spell(path)
                raise ValueError(
                    f"muon: parameter {where!r} is {_checks.describe(p)}; it must have two axes."
                    " by_path can give the others another algorithm"
                )
        return tx.init(params)

    return optax.GradientTransformation(init, tx.update)


def muon_scale(shape: tuple[int, ...], adjust_lr_fn: str | None) -> float:
    """Returns s, which scales the step of a kernel of shape (n_in, n_out)."""
    n_in, n_out = shape
    if adjust_lr_fn == "match_rms_adamw":
        return 0.2 * math.sqrt(max(n_in, n_out))
    return math.sqrt(max(1, n_out / n_in))


def orthogonalize(x: Array, coefficients: Sequence[ArrayLike], steps: int, eps: ArrayLike) -> Array:
    """Returns x with its singular values driven towards 1 by Newton–Schulz iterations."""
    a, b, c = (like(x, number) for number in coefficients)
    wide = x if x.shape[0] <= x.shape[1] else x.T
    wide = wide / jnp.maximum(jnp.sqrt(jnp.sum(wide * wide)), like(x, eps))
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if x.shape[0] <= x.shape[1] else wide.T
