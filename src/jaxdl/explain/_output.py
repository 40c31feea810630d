"""Where loss and output cancel: δ = ŷ − y at the end of a network, found in the numbers."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.types import Array, PyTree


class Output(NamedTuple):
    """How δ at the output follows from ŷ and y."""

    prediction: str  # what ŷ is if the network doesn't compute it itself: "" or "softmax"
    factor: str  # "" or "2·"
    divisor: int  # what the loss divides by: 1 for a sum


def difference(z: Array, a: Array, delta: Array, labels: PyTree) -> Output | None:
    """Looks whether δ is a multiple of ŷ − y, for ŷ = a, σ(Z) or softmax(Z).

    Args:
        z: the last layer's Z, one example per row.
        a: what the network computes from it, its output.
        delta: δ = ∂L/∂Z.
        labels: what the loss got: as many numbers as ``z`` has, or the classes' numbers.

    Returns:
        What ŷ is, and the factor, if one of them gives δ in every entry; None if not.
    """
    y = None if isinstance(delta, jax.core.Tracer) or a.shape != z.shape else _targets(z, labels)
    if y is None or not np.any(delta):
        return None
    # A network that computes probabilities itself has them in a; else the loss has made them.
    candidates = {"": a.astype(z.dtype), "σ": jax.nn.sigmoid(z)}
    if z.ndim:
        candidates["softmax"] = jax.nn.softmax(z, axis=-1)
    counts = dict.fromkeys((1, len(z) if z.ndim else 1, z.size))
    for prediction, value in candidates.items():
        for factor in (1, 2):
            for count in counts:
                expected = factor * (value.reshape(y.shape) - y) / count
                if _same(delta.reshape(y.shape), expected):
                    return Output(prediction, "2·" if factor == 2 else "", count)
    return None


def written(found: Output, number: str) -> str:
    """Writes δ as the lectures do; a division by the number of examples isn't hidden.

    Example:
        >>> written(Output("softmax", "", 4), "²")
        'δ² = (ŷ − y)/4, for ŷ = softmax(Z²)'
    """
    plain = found.divisor == 1 and not found.factor
    left = "ŷ − y" if plain else f"{found.factor}(ŷ − y)"
    right = f"/{found.divisor}" if found.divisor > 1 else ""
    said = f", for ŷ = {found.prediction}(Z{number})" if found.prediction else ""
    return f"δ{number} = {left}{right}{said}"


def _targets(z: Array, labels: PyTree) -> Array | None:
    """The y that ŷ is compared with: numbers as they are, classes as rows with a single 1."""
    leaves = jax.tree.leaves(labels)
    if len(leaves) != 1:
        return None
    y = jnp.asarray(leaves[0])
    if y.size == z.size and not (z.ndim > 1 and z.shape[-1] > 1 and y.ndim < z.ndim):
        return y.astype(z.dtype)
    if y.shape == z.shape[:-1] and jnp.issubdtype(y.dtype, jnp.integer):
        return jax.nn.one_hot(y, z.shape[-1], dtype=z.dtype)
    return None


def _same(x: Array, y: Array) -> bool:
    scale = float(jnp.abs(y).max())
    tolerance = 30 * float(jnp.finfo(x.dtype).eps) * scale
    return bool(jnp.allclose(x, y, rtol=1e-4, atol=tolerance))
