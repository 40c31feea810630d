"""Cross entropy of classes, from logits and from log-probabilities."""

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._precision import widen
from jaxdl._ranges import constants
from jaxdl.losses._arguments import (
    class_indices,
    class_weight,
    pick,
    real,
    smoothing,
)
from jaxdl.losses._reduction import Frame, Reduction, frame, kept, reduce
from jaxdl.types import Array, PyTree


def cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    label_smoothing: ArrayLike = 0.0,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Cross entropy of softmax(z) against a class or a distribution over classes.

    l = −w_y·log softmax(z)_y for a class y, and l = −Σ_c w_c·t_c·log softmax(z)_c for
    probabilities t. Label smoothing turns t (or the one-hot y) into (1 − α)·t + α/C. As in PyTorch,
    the mean divides by the sum of w_y for classes, and by the number of rows for probabilities.
    An offset common to all logits is removed before anything is summed. A class of probability 0
    adds 0 even if its logit is −∞, where PyTorch returns nan.

    Args:
        logits: z, shape (..., C).
        labels: y, integers of shape (...), or probabilities t, floating point of shape (..., C),
            which need not sum to 1.
        weight: w, one per class, shape (C,). Defaults to 1.
        ignore_index: rows with this label are ignored.
        label_smoothing: α in [0, 1].
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Raises:
        TypeError: if the logits are not floating point, or the labels neither integers nor
            probabilities with the shape of the logits.
        ValueError: if the smoothing is out of range, or ``ignore_index`` ≥ 0 is passed with
            probabilities.

    Example:
        >>> cross_entropy(jnp.array([[0.0, 0.0], [100.0, 0.0]]), jnp.array([1, 0]))
        Array(0.3465736, dtype=float32)
    """
    logits = _checks.floating("cross_entropy", "logits", logits)
    out = frame("cross_entropy", logits.dtype, where, logits.shape[:-1])
    x = kept(widen(logits), out)
    share = smoothing("cross_entropy", label_smoothing, x)
    values, counts = row_losses("cross_entropy", x, labels, weight, ignore_index, share, out)
    return reduce(values, reduction, out, total=total(counts, out))


def nll_loss(
    log_probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Negative log-likelihood of classes: l = −w_y·x_y.

    ``nll_loss(log_softmax(z), y)`` is ``cross_entropy(z, y)``. The mean divides by the sum of w_y.

    Args:
        log_probabilities: x, shape (..., C), used as they are: probabilities passed by mistake give
            a wrong loss, not an error.
        labels: y, integers of shape (...).
        weight: w, one per class, shape (C,). Defaults to 1.
        ignore_index: rows with this label are ignored.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Example:
        >>> nll_loss(jnp.log(jnp.array([[0.25, 0.75]])), jnp.array([0]))
        Array(1.3862944, dtype=float32)
    """
    first = _checks.floating("nll_loss", "log_probabilities", log_probabilities)
    (ignore_index,) = constants("nll_loss", ignore_index=ignore_index)
    out = frame("nll_loss", first.dtype, where, first.shape[:-1])
    x = kept(widen(first), out)
    w = None if weight is None else class_weight("nll_loss", "weight", weight, x)
    index = class_indices("nll_loss", x, labels)
    _checks.classes("nll_loss", labels, x.shape[-1], counted=out.where, also=(ignore_index,))
    index, counts, counted = _shares(index, x, w, ignore_index)
    values = jnp.where(counted, -counts * pick(x, index), 0)
    return reduce(values, reduction, out, total=total(counts, out))


def total(counts: Array | None, out: Frame) -> Array | None:
    """Returns the divisor of a mean, given the weight of each row (None: 1)."""
    return None if counts is None else kept(counts, out).sum()


def has_probabilities(function: str, x: Array | jax.ShapeDtypeStruct, labels: ArrayLike) -> bool:
    """Returns whether the labels are probabilities rather than class indices, by dtype and shape.

    Raises:
        TypeError: if they are neither.
    """
    labels = _checks.array(function, "labels", labels)
    if jnp.issubdtype(labels.dtype, jnp.integer) and labels.shape != x.shape:
        return False
    if jnp.issubdtype(labels.dtype, jnp.floating) and labels.shape == x.shape:
        return True
    raise TypeError(
        f"{function}: labels are {_checks.describe(labels)} for logits of shape {x.shape}; class"
        f" indices must be integers of shape {x.shape[:-1]}, and probabilities floating point of"
        " the logits' shape"
    )


def row_losses(
    function: str,
    x: Array,
    labels: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: int,
    share: Array | None,
    out: Frame,
) -> tuple[Array, Array | None]:
    """Returns the cross entropy of each row, and its weight in the mean (None: 1)."""
    (ignore_index,) = constants(function, ignore_index=ignore_index)
    w = None if weight is None else class_weight(function, "weight", weight, x)
    if not has_probabilities(function, x, labels):
        index = class_indices(function, x, labels)
        _checks.classes(function, labels, x.shape[-1], counted=out.where, also=(ignore_index,))
        return _of_indices(x, index, w, ignore_index, share)
    if ignore_index >= 0:
        raise ValueError(
            f"{function}: ignore_index is {ignore_index}; it needs class indices, got"
            f" probabilities {_checks.describe(labels)}"
        )
    t = real(function, "labels", labels, x.dtype)
    return _of_probabilities(x, t, w, share), None


def _of_probabilities(x: Array, t: Array, weight: Array | None, share: Array | None) -> Array:
    if share is not None:
        t = (1 - share) * t + share / x.shape[-1]
    t = t if weight is None else t * over_rows(weight, x)
    shifted, normaliser = _shifted(x)
    return normaliser * jnp.sum(t, axis=-1) - jnp.sum(_weighted(t, shifted), axis=-1)


@jax.custom_jvp
def _weighted(t: Array, shifted: Array) -> Array:
    """Returns t · shifted, which is 0 where t is 0, even for a logit of -inf."""
    return jnp.where(t == 0, 0, t * shifted)


def _weighted_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array | SymbolicZero, Array | SymbolicZero]
) -> tuple[Array, PyTree]:
    (t, shifted), (t_dot, shifted_dot) = primals, tangents
    after = jnp.zeros_like(t)
    if not isinstance(shifted_dot, SymbolicZero):
        after = t * shifted_dot
    if not isinstance(t_dot, SymbolicZero):  # costs a fifth, and labels seldom need it
        after += t_dot * jnp.where((t == 0) & (shifted == -jnp.inf), 0, shifted)
    return _weighted(t, shifted), after


_weighted.defjvp(_weighted_jvp, symbolic_zeros=True)


def _of_indices(
    x: Array,
    index: Array,
    weight: Array | None,
    ignore_index: int,
    share: Array | None,
) -> tuple[Array, Array]:
    index, counts, counted = _shares(index, x, weight, ignore_index)
    shifted, normaliser = _shifted(x)
    values = counts * (normaliser - pick(shifted, index))
    if share is not None:
        each = normaliser[..., None] - shifted
        smooth = jnp.sum(each if weight is None else over_rows(weight, x) * each, axis=-1)
        values = (1 - share) * values + share / x.shape[-1] * smooth
    return jnp.where(counted, values, 0), counts


def _shifted(x: Array) -> tuple[Array, Array]:
    """Returns logits shifted to at most 0, and their log Σ exp.

    Cross entropy is a sum of terms ≥ 0 of the two. This saves one pass over the logits compared
    with taking log_softmax.
    """
    shifted = x - jax.lax.stop_gradient(x.max(axis=-1, keepdims=True))
    return shifted, jnp.log(jnp.exp(shifted).sum(axis=-1))


def _shares(
    index: Array, x: Array, weight: Array | None, ignore_index: int
) -> tuple[Array, Array, Array]:
    """Returns indices safe to gather, the weight of each row, and which rows aren't ignored."""
    counted, valid = index != ignore_index, (index >= 0) & (index < x.shape[-1])
    index = jnp.where(valid, index, 0)
    share = jnp.ones((), x.dtype) if weight is None else weight[index]
    # nan rather than an error, since labels are unknown while tracing.
    return index, jnp.where(counted, jnp.where(valid, share, jnp.nan), 0), counted


def over_rows(weight: Array, x: Array) -> Array:
    """Reshapes weights of shape (C,) to broadcast against ``x``."""
    return weight.reshape((1,) * (x.ndim - 1) + weight.shape)
