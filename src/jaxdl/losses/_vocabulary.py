"""Cross entropy over a large vocabulary, without storing all logits."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._precision import wide_dtype
from jaxdl._ranges import constants
from jaxdl.losses._arguments import class_indices, class_weight, smoothing
from jaxdl.losses._classification import has_probabilities, row_losses, total
from jaxdl.losses._reduction import Reduction, frame, kept, reduce
from jaxdl.types import Array


def linear_cross_entropy(
    inputs: ArrayLike,
    kernel: ArrayLike,
    labels: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    label_smoothing: ArrayLike = 0.0,
    chunk_size: int = 256,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """``cross_entropy(inputs @ kernel + bias, labels)``, computed in chunks of rows.

    Neither pass holds more than ``chunk_size`` rows of logits: the backward pass recomputes them,
    at the cost of one more matrix product.

    Args:
        inputs: shape (..., D).
        kernel: shape (D, C), as in a dense layer. (PyTorch: the transpose.)
        labels: integers of shape (...), or probabilities of shape (..., C).
        bias: shape (C,). Defaults to none.
        weight: one per class, shape (C,), as in ``cross_entropy``.
        ignore_index: as in ``cross_entropy``.
        label_smoothing: as in ``cross_entropy``.
        chunk_size: number of rows per chunk.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Raises:
        TypeError: if inputs or kernel are not floating point, or the labels neither integers nor
            probabilities.
        ValueError: if an option is out of range, as in ``cross_entropy``.

    Example:
        >>> x, kernel = jnp.ones((3, 2)), jnp.zeros((2, 50_000))
        >>> linear_cross_entropy(x, kernel, jnp.array([0, 1, 2]), chunk_size=2)
        Array(10.819778, dtype=float32)
    """
    name = "linear_cross_entropy"
    inputs, kernel = (
        _checks.floating(name, "inputs", inputs),
        _checks.floating(name, "kernel", kernel),
    )
    share = smoothing(name, label_smoothing, inputs)
    chunk_size, ignore_index = constants(name, chunk_size=chunk_size, ignore_index=ignore_index)
    _fit(inputs, kernel)
    out = frame(name, inputs.dtype, where, inputs.shape[:-1])
    logits = jax.ShapeDtypeStruct((*inputs.shape[:-1], kernel.shape[-1]), wide_dtype(inputs.dtype))
    labels = jnp.asarray(labels)
    if not has_probabilities(name, logits, labels):
        _checks.classes(name, labels, logits.shape[-1], counted=out.where, also=(ignore_index,))
        labels = class_indices(name, logits, labels)
    # Otherwise nan in a masked label would reach the gradient of the kernel, which all rows share.
    labels = kept(labels, out)
    # Widened outside the loop, so that gradients of the chunks are summed in float32.
    wide = kernel.astype(logits.dtype)
    offset = None if bias is None else class_weight(name, "bias", bias, logits)

    def chunk_losses(chunk: tuple[Array, Array]) -> tuple[Array, Array | None]:
        x, y = chunk
        z = jnp.matmul(x, wide.astype(x.dtype), preferred_element_type=wide.dtype)
        z = z if offset is None else z + offset[None, :]
        return row_losses(name, z, y, weight, ignore_index, share, out._replace(where=None))

    rows = math.prod(inputs.shape[:-1])
    size = min(chunk_size, max(rows, 1))
    chunks = (
        _chunked(kept(inputs, out), inputs.ndim - 1, size),
        _chunked(labels, inputs.ndim - 1, size),
    )
    results = jax.lax.map(jax.checkpoint(chunk_losses, prevent_cse=False), chunks)
    values, counts = jax.tree.map(
        lambda v: v.reshape(-1)[:rows].reshape(inputs.shape[:-1]), results
    )
    return reduce(values, reduction, out, total=total(counts, out))


def _chunked(x: Array, leading: int, size: int) -> Array:
    """Returns rows as (chunks, size, ...), padded with zeros."""
    x = x.reshape(-1, *x.shape[leading:])
    x = jnp.pad(x, [(0, -len(x) % size)] + [(0, 0)] * (x.ndim - 1))
    return x.reshape(-1, size, *x.shape[1:])


def _fit(inputs: Array, kernel: Array) -> None:
    if kernel.ndim != 2 or inputs.ndim < 1 or inputs.shape[-1] != kernel.shape[0]:
        raise _checks.ShapeError(
            f"linear_cross_entropy: inputs are {_checks.describe(inputs)} and kernel"
            f" {_checks.describe(kernel)}; they need shapes (..., D) and (D, C)"
        )
